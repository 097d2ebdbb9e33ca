//! The proto3 JSON mapping written straight into a buffer, without a tree (<https://protobuf.dev/programming-guides/json>).
//!
//! Each level is indexed (`decode`), then written in the order of field numbers. Whatever the octets are, what is written
//! is JSON. Which fields are shown by default, and what is a fault, `decode` documents.

mod float;
mod map;
mod straight;
pub(crate) mod text;
mod values;
mod well_known;
mod writer;

use std::ops::Range;

use super::decode::{FaultKind, Level, Step};
use super::schema::{Field, Kind, Label, Message, MessageId, Shape};
use super::wire::DamageKind;
use writer::MAX_BRACKETS;
pub(crate) use writer::{Segments, Style, Writer};

impl<'a> Writer<'a, '_> {
    /// Writes the outermost message.
    pub(crate) fn whole(mut self, message: MessageId, range: Range<usize>) {
        if !self.straight(message, range.clone()) {
            self.message(message, Segments::One(range));
        }
        self.finish();
    }

    /// A message in whatever form its type has.
    pub(crate) fn message(&mut self, id: MessageId, segments: Segments) {
        if !self.may_descend() {
            let octets = self.hull(&segments);
            let kind = FaultKind::Damage(DamageKind::TooDeep);
            self.walk.fault(kind, octets.clone(), None);
            return self.octets_object(octets);
        }
        self.depth = self.depth.saturating_add(1);
        let message = self.walk.table.message(id);
        let from = self.index(message, &segments);
        if message.shape == Shape::Fields {
            self.open(b'{');
            let mut first = true;
            self.members(id, message, from, &mut first);
            self.close(b'}');
        } else {
            self.special(id, message, from, &segments);
        }
        self.walk.scratch.entries.truncate(from);
        self.depth = self.depth.saturating_sub(1);
    }

    /// Whether a message more may be opened.
    pub(crate) fn may_descend(&self) -> bool {
        self.depth < self.walk.limits.depth && self.brackets < MAX_BRACKETS
    }

    /// Indexes every segment of a message and arranges the level; returns where the level starts.
    pub(crate) fn index(&mut self, message: &'a Message, segments: &Segments) -> usize {
        let from = self.walk.scratch.entries.len();
        let mut level = Level::default();
        match segments {
            Segments::One(range) => {
                self.walk.index(message, from, range.clone(), self.depth, &mut level);
            }
            Segments::Entries(entries) => {
                for at in entries.clone() {
                    if let Some(range) = self.entry(at).map(|entry| entry.value_range()) {
                        self.walk.index(message, from, range, self.depth, &mut level);
                    }
                }
            }
        }
        let octets = if message.has_required { self.hull(segments) } else { 0..0 };
        self.walk.arrange(message, from, level, octets);
        from
    }

    /// Writes the fields of an arranged level.
    pub(crate) fn members(&mut self, id: MessageId, message: &'a Message, from: usize, first: &mut bool) {
        let mut at = from;
        while let Some(entry) = self.entry(at) {
            let Some(field) = message.fields.get(entry.field as usize) else {
                return; // replaced values are sorted last
            };
            let mut next = at.saturating_add(1);
            while self.entry(next).is_some_and(|other| other.field == entry.field) {
                next = next.saturating_add(1);
            }
            if self.full {
                self.omit(at..next);
            } else {
                let step = Step { message: id, field: entry.field, index: Step::SINGULAR };
                self.field(step, field, at..next, first);
            }
            at = next;
        }
    }

    fn field(&mut self, step: Step, field: &'a Field, entries: Range<usize>, first: &mut bool) {
        let last = entries.end.saturating_sub(1);
        let Some(entry) = self.entry(last) else {
            return;
        };
        let mark = self.mark();
        match field.label {
            Label::Singular | Label::Required => {
                if let Some(id) = field.kind.message() {
                    self.key(field, first);
                    if self.over() {
                        return self.cut(mark, entries);
                    }
                    self.walk.scratch.path.push(step);
                    self.message(id, Segments::Entries(entries));
                    self.walk.scratch.path.pop();
                    return;
                }
                let repeats = entries.len().saturating_sub(1);
                if repeats > 0 {
                    self.walk.report.supersede(repeats);
                }
                if field.implicit && is_zero(field.kind, entry.value == entry.end, entry.bits) {
                    return;
                }
                self.key(field, first);
                match field.kind {
                    Kind::String | Kind::Bytes => {
                        self.blob(field, entry.value_range(), mark, entries);
                    }
                    Kind::Unresolved => self.unresolved(field, entries),
                    kind => {
                        self.number(kind, entry.bits);
                        if self.over() {
                            self.cut(mark, entries);
                        }
                    }
                }
            }
            Label::Repeated => {
                self.key(field, first);
                if self.over() {
                    return self.cut(mark, entries);
                }
                self.list(step, field, entries);
            }
            Label::Map => {
                self.key(field, first);
                if self.over() {
                    return self.cut(mark, entries);
                }
                self.walk.scratch.path.push(step);
                self.map(field, entries);
                self.walk.scratch.path.pop();
            }
        }
    }
}

/// Whether a value, no octets or these bits, is what an absent field without presence has. A negative zero is not.
#[inline]
fn is_zero(kind: Kind, empty: bool, bits: u64) -> bool {
    match kind {
        Kind::String | Kind::Bytes => empty,
        Kind::Double | Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64 | Kind::Bool => {
            bits == 0
        }
        Kind::Unresolved => false,
        _ => bits as u32 == 0,
    }
}
