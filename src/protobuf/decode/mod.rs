//! Messages read by the schema: values with their octets, damage with its place.
//!
//! A [`Decoder`] keeps its working space between messages, so that once warm it allocates nothing. What the values look
//! like is `json`'s business; whether a fault matters is `finding`'s.

mod index;
mod report;
mod values;

use std::ops::Range;

pub(crate) use index::{Entry, Level, Pair, Step, Walk};
pub use report::{Fault, FaultKind, Report, Unknown};
pub use values::{Value, ValueEvent};

use super::json::{Style, Writer};
use super::schema::{MessageId, Schema};
use index::Scratch;

/// What one message may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Levels of messages and groups inside each other; more is a fault, and what lies deeper is not read.
    pub depth: u32,
    /// Octets of JSON for one message, give or take one number. The rest is left out and counted.
    pub output: usize,
    /// Records held at once, at 24 octets each. Runs of one repeated field count once.
    pub entries: usize,
    /// Faults, and unknown fields, kept for one message. The rest is counted.
    pub reports: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 100, output: 16 << 20, entries: 1 << 16, reports: 64 }
    }
}

/// Reads messages one after the other.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    scratch: Scratch,
    report: Report,
}

impl Decoder {
    /// A decoder with empty working space.
    pub fn new(limits: Limits) -> Self {
        Self { limits, scratch: Scratch::default(), report: Report::default() }
    }

    /// Appends the message in the proto3 JSON mapping, without spaces. It is one valid JSON value whatever the octets are.
    ///
    /// Members have the names of the .proto and stand in the order of field numbers; entries of a map in the order of the
    /// wire. A value of zero without presence is left out, as the mapping says; [`Decoder::values`] has it. Some octets
    /// have no place in the mapping: a member that starts with `@` shows them.
    pub fn json(&mut self, schema: &Schema, message: MessageId, octets: &[u8], out: &mut Vec<u8>) -> &Report {
        let style = Style::Compact { octets: self.limits.output };
        self.typed(schema, message, octets, style, out)
    }

    /// Appends the message on one line for people: JSON with spaces, cut behind `width` characters. What was cut is said in
    /// octets of the message: `… 1.2 KiB more`. Control and direction characters are escaped.
    pub fn line(
        &mut self,
        schema: &Schema,
        message: MessageId,
        octets: &[u8],
        width: usize,
        out: &mut Vec<u8>,
    ) -> &Report {
        self.typed(schema, message, octets, Style::Line { width }, out)
    }

    /// Appends the plausible reading of a message whose type is unknown: `{"1":"gRPC","2":{"3":5}}`, without spaces.
    ///
    /// Keys are field numbers; a number that repeats has a list. Readable UTF-8 is text, else octets that are records
    /// themselves are a message, else `{"@octets":"<base64>"}`. A varint is unsigned, or negative if it has ten octets; a fixed
    /// value is a float where that gives a common magnitude, else an integer; 64-bit integers beyond 2^53 are quoted. Octets
    /// that are no protobuf at all are `{"@text":...}` or `{"@octets":...}`, and a fault says why.
    pub fn guess_json(&mut self, octets: &[u8], out: &mut Vec<u8>) -> &Report {
        let style = Style::Compact { octets: self.limits.output };
        self.untyped(octets, style, out)
    }

    /// Appends the reading of [`Decoder::guess_json`] on one line for people, cut as [`Decoder::line`] does.
    pub fn guess_line(&mut self, octets: &[u8], width: usize, out: &mut Vec<u8>) -> &Report {
        self.untyped(octets, Style::Line { width }, out)
    }

    /// Visits every value in the order of the wire, each with its octets: for the hexdump.
    pub fn values(
        &mut self,
        schema: &Schema,
        message: MessageId,
        octets: &[u8],
        visit: &mut dyn FnMut(&ValueEvent<'_>),
    ) -> &Report {
        let mut walk = self.walk(schema, octets);
        values::visit(&mut walk, message, visit);
        &self.report
    }

    /// Appends the unknown fields of the last message as a JSON list, and says whether there are any. `octets` must be
    /// those of that message.
    ///
    /// `[{"path":"inner","number":9,"wire_type":"len","offset":4,"length":7,"value":...}]`: the place counts the whole record
    /// from the start of the message, the value is a guess, and the path is that of the message it stands in (empty: the outermost).
    pub fn unknown_fields_json(&mut self, octets: &[u8], out: &mut Vec<u8>) -> bool {
        let report = std::mem::take(&mut self.report);
        let table = super::schema::Table::empty();
        let mut ignored = Report::default();
        self.scratch.clear();
        let walk = Walk { table, octets, limits: &self.limits, scratch: &mut self.scratch, report: &mut ignored };
        let style = Style::Compact { octets: self.limits.output };
        let any = Writer::new(walk, out, style).unknown_fields(&report);
        self.report = report;
        any
    }

    /// What the last message's reading found.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The octets of working space held, for the sum of all holders.
    pub fn held_bytes(&self) -> usize {
        self.scratch.held_bytes().saturating_add(self.report.held_bytes())
    }

    /// What an index of 32 bits can point into; gRPC has no longer messages (`Length-Prefixed-Message`).
    fn clip<'o>(&mut self, octets: &'o [u8]) -> &'o [u8] {
        let (kept, rest) = octets.split_at_checked(u32::MAX as usize).unwrap_or((octets, &[]));
        self.report.omit(rest.len());
        kept
    }

    fn typed(
        &mut self,
        schema: &Schema,
        message: MessageId,
        octets: &[u8],
        style: Style,
        out: &mut Vec<u8>,
    ) -> &Report {
        let walk = self.walk(schema, octets);
        let whole: Range<usize> = 0..walk.octets.len();
        Writer::new(walk, out, style).whole(message, whole);
        &self.report
    }

    fn untyped(&mut self, octets: &[u8], style: Style, out: &mut Vec<u8>) -> &Report {
        self.scratch.clear();
        self.report.clear(self.limits.reports);
        let octets = self.clip(octets);
        let walk = Walk {
            table: super::schema::Table::empty(),
            octets,
            limits: &self.limits,
            scratch: &mut self.scratch,
            report: &mut self.report,
        };
        Writer::new(walk, out, style).guess_whole();
        &self.report
    }

    fn walk<'w>(&'w mut self, schema: &'w Schema, octets: &'w [u8]) -> Walk<'w> {
        self.scratch.clear();
        self.report.clear(self.limits.reports);
        let octets = self.clip(octets);
        Walk {
            table: schema.table(),
            octets,
            limits: &self.limits,
            scratch: &mut self.scratch,
            report: &mut self.report,
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
