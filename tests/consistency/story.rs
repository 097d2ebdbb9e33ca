//! The records of one decode, to be looked up by what they are about.

use std::collections::BTreeMap;

use serde_json::Value;

use super::capture::Place;
use super::decode::Record;

/// The records of one decode.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) records: Vec<Record>,
    frames: BTreeMap<Place, usize>,
    frames_by_id: BTreeMap<u64, usize>,
    messages: BTreeMap<Place, usize>,
    calls: BTreeMap<(u64, u64), usize>,
    calls_by_id: BTreeMap<u64, usize>,
}

impl Story {
    pub(crate) fn new(records: Vec<Record>) -> Self {
        let mut story = Self {
            records: Vec::new(),
            frames: BTreeMap::new(),
            frames_by_id: BTreeMap::new(),
            messages: BTreeMap::new(),
            calls: BTreeMap::new(),
            calls_by_id: BTreeMap::new(),
        };
        for (at, record) in records.iter().enumerate() {
            let number = |key: &str| record.number(key).unwrap_or(u64::MAX);
            match (record.json["type"].as_str(), record.place) {
                (Some("frame"), place) => {
                    story.frames_by_id.insert(number("id"), at);
                    if let Some(place) = place {
                        story.frames.insert(place, at);
                    }
                }
                (Some("message"), Some(place)) => {
                    story.messages.insert(place, at);
                }
                (Some("call"), _) => {
                    story.calls.insert((number("flow"), number("stream")), at);
                    story.calls_by_id.insert(number("call"), at);
                }
                _ => {}
            }
        }
        story.records = records;
        story
    }

    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |record| record.is(kind))
    }

    pub(crate) fn frame(&self, place: Place) -> Option<&Record> {
        self.records.get(*self.frames.get(&place)?)
    }

    pub(crate) fn frame_place(&self, id: u64) -> Option<Place> {
        self.records.get(*self.frames_by_id.get(&id)?)?.place
    }

    pub(crate) fn message(&self, place: Place) -> Option<&Record> {
        self.records.get(*self.messages.get(&place)?)
    }

    pub(crate) fn call(&self, flow: u64, stream: u64) -> Option<&Record> {
        self.records.get(*self.calls.get(&(flow, stream))?)
    }

    pub(crate) fn call_by_id(&self, id: u64) -> Option<&Record> {
        self.records.get(*self.calls_by_id.get(&id)?)
    }
}

/// How the flows of a damaged copy stand to those of the whole capture.
#[derive(Debug)]
pub(crate) struct Flows(BTreeMap<u64, Option<Mapped>>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapped {
    pub(crate) flow: u64,
    /// Whether client and server are the same.
    pub(crate) same_sides: bool,
}

impl Flows {
    pub(crate) fn new(whole: &Story, copy: &Story) -> Self {
        let ends = |flow: &Value| {
            let (client, server) = (flow["client"].to_string(), flow["server"].to_string());
            if client < server { (client, server) } else { (server, client) }
        };
        let within = |of: &Value, one: &Value| {
            let number = |flow: &Value, key: &str| flow[key].as_u64().unwrap_or(0);
            (number(of, "first_packet")..=number(of, "last_packet")).contains(&number(one, "first_packet"))
        };
        let map = copy.of("flow").map(|one| {
            let found = whole.of("flow").find(|of| ends(&of.json) == ends(&one.json) && within(&of.json, &one.json));
            let mapped = found.map(|of| Mapped {
                flow: of.number("flow").unwrap(),
                same_sides: of.json["client"] == one.json["client"],
            });
            (one.number("flow").unwrap(), mapped)
        });
        Self(map.collect())
    }

    pub(crate) fn of(&self, record: &Record) -> Option<Mapped> {
        *self.0.get(&record.number("flow")?)?
    }
}
