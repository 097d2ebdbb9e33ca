//! NDJSON: one JSON object a line, for programs (OUTPUT of `-T ndjson`; described by [`SCHEMA`]).
//!
//! The keys of a record always stand in the same order, which is the order in which the code writes them. A key whose value is not
//! known is absent. Three keys are `null` instead, because their absence would say too little: `status` of a call that has none,
//! `json` of a message whose content is not there, `name` and `value` of a header field that refers to what was not captured.
//! What octets say is never altered: text that is not UTF-8 is shown in hex, under a key of its own.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]

mod call;
mod fields;
mod finding;
mod flow;
mod frame;
mod message;
mod names;
mod prepared;
mod sides;
mod summary;
mod tls;
mod trouble;
mod write;

use crate::event::{Body, Event};
use crate::view::contents::Contents;
use crate::view::{Source, Summary, View};
use crate::write::{Again, Moments};

use self::fields::Fields;
use self::names::Names;
use self::trouble::Reached;

/// The JSON Schema (draft 2020-12) of one record.
pub const SCHEMA: &str = include_str!("schema.json");

/// The version of the records, raised when a key is renamed, retyped or dropped.
pub const SCHEMA_VERSION: u32 = 1;

/// The NDJSON view.
#[derive(Debug)]
pub struct Ndjson {
    contents: Contents,
    bytes: bool,
    reached: Reached,
    tools: Tools,
}

/// What records are made with, kept from one to the next.
#[derive(Debug, Default)]
struct Tools {
    scratch: Vec<u8>,
    fields: Box<Fields>,
    names: Box<Names>,
    moments: Moments,
    numbers: Numbers,
}

/// Numbers that records have in common with those before them.
#[derive(Debug, Default)]
struct Numbers {
    frame: Again,
    packet: Again,
    call: Again,
}

impl Ndjson {
    /// Messages are read with `contents`; `bytes` adds the raw octets of frames and messages.
    #[must_use]
    pub fn new(contents: Contents, bytes: bool) -> Self {
        Self { contents, bytes, reached: Reached::default(), tools: Tools::default() }
    }
}

impl View for Ndjson {
    fn begin(&mut self, source: &Source<'_>, out: &mut Vec<u8>) {
        summary::header(source, out);
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let Self { contents, bytes, reached, tools } = self;
        match &event.body {
            Body::Identified => sides::guessed(event, out),
            Body::Sides { turned } => sides::known(event, *turned, out),
            Body::Frame(frame) => {
                frame::frame(event, frame, *bytes, tools, out);
                frame::limits(event, frame, reached, out);
            }
            Body::Message(message) => message::message(event, message, contents, *bytes, reached, tools, out),
            Body::Call(call) => call::call(event, call, contents, tools, out),
            Body::Ended(close) => flow::ended(event, *close, out),
            Body::Gap { direction, offset, octets, reason } => {
                trouble::gap(event, *direction, *offset, *octets, *reason, out)
            }
            Body::Resync { direction, offset, skipped, found } => {
                trouble::resync(event, *direction, *offset, *skipped, *found, out)
            }
            Body::Unfinished { direction, offset, header, present, missing, by_sender } => {
                let rest = trouble::Rest {
                    offset: *offset,
                    header: *header,
                    present: *present,
                    missing: *missing,
                    by_sender: *by_sender,
                };
                trouble::unfinished(event, *direction, &rest, out);
            }
            Body::Comment(text) => trouble::comment(event, text, out),
            Body::Foreign { direction, octets } => trouble::foreign(event, *direction, octets, out),
            Body::Conflict { direction, offset, octets } => trouble::conflict(event, *direction, *offset, *octets, out),
            Body::Malformed(fault) => trouble::malformed(event, fault, out),
            Body::Finding(finding) => finding::finding(event, finding, out),
            Body::Limit { what, count } => trouble::limit(event, what, *count, reached, out),
        }
    }

    fn finish(&mut self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        summary::summary(summary, &self.reached, out);
    }
}
