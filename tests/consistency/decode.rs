//! A list of packets decoded into records of `-T ndjson`, each with the place in its TCP stream at which it begins.

use std::path::Path;

use framescope::dissect::Dissector;
use framescope::event::{Body, Event, Observer};
use framescope::finding::{Judge, Judging};
use framescope::limits::Limits;
use framescope::protobuf::schema::{Disk, Inputs, Schema};
use framescope::view::View;
use framescope::view::contents::Contents;
use framescope::view::ndjson::Ndjson;
use serde_json::Value;

use super::capture::{Parts, Place};
use super::kept::Owned;

/// One record.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) json: Value,
    /// Where its first octet stands, for frames and messages.
    pub(crate) place: Option<Place>,
}

impl Record {
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.json["type"] == kind
    }

    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.json[key].as_u64()
    }
}

/// What makes records; kept, for reading the schema takes longer than most captures.
pub(crate) struct Decoder(Ndjson);

struct Taker<'a> {
    view: &'a mut Ndjson,
    parts: &'a Parts,
    out: Vec<u8>,
    records: Vec<Record>,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        let protos = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/proto")];
        let (schema, _) = Schema::load(&Inputs { protos, ..Inputs::default() }, &Disk).unwrap();
        Self(Ndjson::new(Contents::new(schema, &Limits::default()), false))
    }

    pub(crate) fn decode(&mut self, packets: &[Owned], parts: &Parts) -> Vec<Record> {
        let limits = Limits::default();
        let mut taker = Taker { view: &mut self.0, parts, out: Vec::new(), records: Vec::new() };
        let mut dissector = Dissector::new(&limits);
        let mut judge = Judge::new(&limits);
        let mut judging = Judging { judge: &mut judge, observer: &mut taker };
        for packet in packets {
            dissector.packet(&packet.packet(), &mut judging);
        }
        dissector.finish(&mut judging);
        taker.records
    }
}

impl Observer for Taker<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.out.clear();
        self.view.event(event, &mut self.out);
        let pieces = match &event.body {
            Body::Frame(frame) => frame.frame.pieces,
            Body::Message(message) => message.pieces,
            _ => &[],
        };
        for line in self.out.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
            let json = serde_json::from_slice(line).unwrap();
            self.records.push(Record { json, place: self.parts.place(pieces) });
        }
    }
}
