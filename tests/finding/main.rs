//! What is found in a capture: each rule from frames made to break it, and nothing in captures of peers that keep the rules.
#![allow(missing_docs, reason = "a test binary")]

mod alike;
mod broken;
mod connections;
#[path = "../support/conversation.rs"]
mod conversation;
mod headers;
mod silence;
mod streams;

use std::io::Read;

use conversation::{Conversation, Side, frame, literal};
use framescope::capture::{CaptureFile, Source};
use framescope::dissect::Dissector;
use framescope::event::{Body, Event, Observer};
use framescope::finding::{Judge, Judging};
use framescope::limits::Limits;

/// A finding, copied.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Found {
    rule: &'static str,
    summary: String,
    frames: Vec<u64>,
    packets: Vec<u64>,
    stream: Option<u32>,
    call: Option<u64>,
    uncertain: bool,
}

#[derive(Default)]
struct Findings(Vec<Found>);

impl Observer for Findings {
    fn event(&mut self, event: &Event<'_>) {
        if let Body::Finding(finding) = event.body {
            self.0.push(Found {
                rule: finding.rule.slug,
                summary: finding.summary.to_owned(),
                frames: finding.frames.iter().map(|frame| frame.0).collect(),
                packets: finding.packets.to_vec(),
                stream: finding.stream.map(|stream| stream.0),
                call: finding.call.map(|call| call.0),
                uncertain: finding.uncertain,
            });
        }
    }
}

/// What is found in a capture; one that is cut is read as far as it goes.
fn found(capture: impl Read) -> Vec<Found> {
    let (mut judge, mut findings) = (Judge::new(&Limits::default()), Findings::default());
    let mut judging = Judging { judge: &mut judge, observer: &mut findings };
    let mut dissector = Dissector::new(&Limits::default());
    let mut source = CaptureFile::open(capture).expect("a capture");
    while let Ok(Some(packet)) = source.next_packet() {
        dissector.packet(&packet, &mut judging);
    }
    dissector.finish(&mut judging);
    assert_eq!(judge.found(), findings.0.len() as u64);
    findings.0
}

/// What is found in a conversation.
fn found_in(conversation: Conversation) -> Vec<Found> {
    found(conversation.file().as_slice())
}

/// Asserts that a conversation breaks one rule once, and what is said about it.
#[track_caller]
fn finds(conversation: Conversation, rule: &str, summary: &str) {
    let found = found_in(conversation);
    let said: Vec<(&str, &str)> = found.iter().map(|one| (one.rule, one.summary.as_str())).collect();
    assert_eq!(said, [(rule, summary)]);
    assert!(!found[0].uncertain && !found[0].packets.is_empty() && !found[0].frames.is_empty());
}

/// Asserts that nothing is found.
#[track_caller]
fn finds_nothing(conversation: Conversation) {
    assert_eq!(found_in(conversation), []);
}

/// Both prefaces, and both accepted.
fn ready() -> Conversation {
    let mut conversation = Conversation::new();
    conversation.send(Side::Server, &frame(4, 1, 0, &[]));
    conversation.send(Side::Client, &frame(4, 1, 0, &[]));
    conversation
}

/// A SETTINGS frame.
fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(4, 0, 0, &payload)
}

/// The other side's settings are sent and accepted.
fn asks(conversation: &mut Conversation, side: Side, values: &[(u16, u32)]) {
    let other = match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    };
    conversation.send(side, &settings(values));
    conversation.send(other, &frame(4, 1, 0, &[]));
}

/// A header block of literals.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes())).collect()
}

const REQUEST: [(&str, &str); 5] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/a.B/C"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];
const RESPONSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];
const TRAILERS: [(&str, &str); 1] = [("grpc-status", "0")];

/// HEADERS that open a call and leave it open.
fn request(stream: u32) -> Vec<u8> {
    frame(1, 4, stream, &block(&REQUEST))
}

/// HEADERS that begin the answer.
fn response(stream: u32) -> Vec<u8> {
    frame(1, 4, stream, &block(&RESPONSE))
}

/// HEADERS that end the answer well.
fn trailers(stream: u32) -> Vec<u8> {
    frame(1, 5, stream, &block(&TRAILERS))
}
