//! `--trace`: the annotated frames of the call, on the standard error as they pass.

use std::collections::HashMap;
use std::io::{self, Write as _};

use crate::capture::{LinkType, Options, Packet, TimeQuality};
use crate::command::drive::dialler::{Passing, Watch};
use crate::dissect::Dissector;
use crate::endpoint::ConnectionId;
use crate::endpoint::tap::Tap;
use crate::event::{Event, Observer};
use crate::finding::Judge;
use crate::limits::Limits;
use crate::protobuf::schema::Schema;
use crate::time::Timestamp;
use crate::view::contents::Contents;
use crate::view::text::{self, Text};
use crate::view::{Source, Summary, View as _};

/// Makes packets of what passes, as a relay does, and dissects them.
pub(super) struct Trace {
    taps: HashMap<ConnectionId, Tap>,
    packets: u64,
    dissector: Dissector,
    showing: Showing,
}

struct Showing {
    view: Text,
    judge: Judge,
    out: Vec<u8>,
}

impl Observer for Showing {
    fn event(&mut self, event: &Event<'_>) {
        let Self { view, judge, out } = self;
        view.event(event, out);
        judge.event(event, &mut |found| view.event(found, out));
    }
}

impl Trace {
    pub(super) fn new(schema: &Schema, name: &str) -> Self {
        let limits = Limits::default();
        let options = text::Options { width: crate::command::options::width(), ..text::Options::default() };
        let view = Text::new(Contents::new(schema.clone(), &limits), options);
        let mut showing = Showing { view, judge: Judge::new(&limits), out: Vec::new() };
        showing.view.begin(&Source { name }, &mut showing.out);
        Self { taps: HashMap::new(), packets: 0, dissector: Dissector::new(&limits), showing }
    }

    fn packet(&mut self, time: Timestamp, octets: &[u8]) {
        self.packets = self.packets.saturating_add(1);
        if self.packets == 1 {
            self.showing.view.start(time);
        }
        let packet = Packet {
            number: self.packets,
            time,
            time_quality: TimeQuality::Captured,
            link: LinkType::ETHERNET,
            data: octets,
            original_length: u32::try_from(octets.len()).unwrap_or(u32::MAX),
            interface: 0,
            options: Options::empty(),
        };
        self.dissector.packet(&packet, &mut self.showing);
    }

    fn print(&mut self) {
        // Who closes the standard error does not want to know.
        let _ = io::stderr().lock().write_all(&self.showing.out);
        self.showing.out.clear();
    }
}

impl Watch for Trace {
    fn passes(&mut self, at: Timestamp, connection: ConnectionId, what: Passing<'_>) {
        if let Passing::Opened { dialled, client, server } = what {
            let mut tap = Tap::new(client, server);
            tap.open(dialled, at, at);
            self.taps.insert(connection, tap);
        }
        let Some(tap) = self.taps.get_mut(&connection) else { return };
        match what {
            Passing::Opened { .. } => {}
            Passing::Octets(direction, octets) => {
                tap.octets(at, direction, octets);
                tap.delivered(direction, octets.len());
            }
            Passing::Ended(direction) => {
                tap.end(at, direction);
                tap.delivered(direction, 1);
            }
            Passing::Reset(direction) => tap.reset(at, direction),
        }
        for packet in tap.take() {
            self.packet(packet.time, &packet.octets);
        }
        self.print();
    }
}

impl Drop for Trace {
    /// The last words: what was still waiting, and the totals.
    fn drop(&mut self) {
        self.dissector.finish(&mut self.showing);
        let summary = Summary { findings: Some(self.showing.judge.found()), ..Summary::of(&self.dissector) };
        self.showing.view.finish(&summary, &mut self.showing.out);
        self.print();
    }
}
