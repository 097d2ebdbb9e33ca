//! The writer's state: the buffer, the room left in it, and the marks between values.

use std::ops::Range;

use super::text;
use crate::protobuf::decode::{Entry, Walk};
use crate::protobuf::schema::Field;

/// How the JSON is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// No spaces, and at most about so many octets; brackets are closed when they are used up.
    Compact { octets: usize },
    /// Spaces behind commas and colons, and a mark of what was cut behind so many characters.
    Line { width: usize },
}

/// The octets of a message: one range, or those of several records that are merged.
#[derive(Clone, Debug)]
pub(crate) enum Segments {
    One(Range<usize>),
    /// Entries of the index.
    Entries(Range<usize>),
}

/// Writes one message.
#[derive(Debug)]
pub(crate) struct Writer<'a, 'o> {
    pub(crate) walk: Walk<'a>,
    pub(crate) out: &'o mut Vec<u8>,
    pub(super) spaced: bool,
    /// The length of `out` at which nothing more is written.
    pub(super) stop: usize,
    /// Whether `stop` was reached: nothing is written any more, only counted.
    pub(crate) full: bool,
    pub(crate) depth: u32,
    /// Brackets that are open.
    pub(super) brackets: u32,
}

/// Brackets inside each other that readers of JSON can be trusted with: serde_json gives up at 128.
pub(super) const MAX_BRACKETS: u32 = 120;

/// Octets asked of the buffer before the first is written, at most.
const FIRST_ROOM: usize = 4096;

/// Where to go back to if a value does not fit.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(super) length: usize,
    pub(super) stop: usize,
}

impl<'a, 'o> Writer<'a, 'o> {
    pub(crate) fn new(walk: Walk<'a>, out: &'o mut Vec<u8>, style: Style) -> Self {
        let (spaced, room) = match style {
            Style::Compact { octets } => (false, octets),
            Style::Line { width } => (true, width),
        };
        let stop = out.len().saturating_add(room);
        out.reserve(walk.octets.len().saturating_mul(4).min(room).min(FIRST_ROOM));
        Self { walk, out, spaced, stop, full: false, depth: 0, brackets: 0 }
    }
    /// Ends a cut line with what is missing.
    pub(crate) fn finish(&mut self) {
        if self.full && self.spaced {
            self.out.extend_from_slice("… ".as_bytes());
            size(self.out, self.walk.report.omitted_octets());
            self.out.extend_from_slice(b" more");
        }
    }

    #[inline]
    pub(crate) fn entry(&self, at: usize) -> Option<Entry> {
        self.walk.scratch.entries.get(at).copied()
    }

    #[inline]
    pub(super) fn key(&mut self, field: &Field, first: &mut bool) {
        let key = field.key.as_bytes();
        if self.spaced {
            self.comma(*first);
            self.out.extend_from_slice(key.get(1..).unwrap_or_default());
            self.out.push(b' ');
        } else if *first {
            self.out.extend_from_slice(key.get(1..).unwrap_or_default());
        } else {
            self.out.extend_from_slice(key);
        }
        *first = false;
    }

    /// A key that no field has.
    pub(crate) fn special_key(&mut self, name: &str, first: bool) {
        self.comma(first);
        text::string(self.out, name.as_bytes());
        self.colon();
    }

    #[inline]
    pub(crate) fn comma(&mut self, first: bool) {
        if !first {
            self.out.push(b',');
            if self.spaced {
                self.out.push(b' ');
            }
        }
    }

    #[inline]
    pub(crate) fn colon(&mut self) {
        self.out.push(b':');
        if self.spaced {
            self.out.push(b' ');
        }
    }

    #[inline]
    pub(crate) fn open(&mut self, bracket: u8) {
        self.brackets = self.brackets.saturating_add(1);
        if !self.full {
            self.out.push(bracket);
        }
    }

    /// A closing bracket: left out behind the cut of a line.
    #[inline]
    pub(crate) fn close(&mut self, bracket: u8) {
        self.brackets = self.brackets.saturating_sub(1);
        if !(self.full && self.spaced) {
            self.out.push(bracket);
        }
    }

    #[inline]
    pub(crate) fn over(&self) -> bool {
        self.out.len() > self.stop
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { length: self.out.len(), stop: self.stop }
    }

    /// Takes back what was written since `mark`, and stops.
    pub(super) fn cut(&mut self, mark: Mark, entries: Range<usize>) {
        self.cut_octets(mark, 0);
        self.omit(entries);
    }

    pub(crate) fn cut_octets(&mut self, mark: Mark, octets: usize) {
        self.out.truncate(mark.length);
        self.stop = mark.stop;
        self.full = true;
        self.walk.report.omit(octets);
    }

    /// Takes back the beginning of a value that must be one: `null` stands for it, behind the cut of a line nothing.
    pub(crate) fn give_up(&mut self, mark: Mark, octets: usize) {
        self.cut_octets(mark, octets);
        if !self.spaced {
            self.out.extend_from_slice(b"null");
        }
    }

    pub(super) fn omit(&mut self, entries: Range<usize>) {
        for at in entries {
            if let Some(entry) = self.entry(at) {
                self.walk.report.omit(entry.range().len());
            }
        }
    }

    /// From the first to the last octet of the segments.
    pub(crate) fn hull(&self, segments: &Segments) -> Range<usize> {
        match segments {
            Segments::One(range) => range.clone(),
            Segments::Entries(entries) => {
                let of = |at: usize| self.entry(at).map(|entry| entry.value_range());
                match (of(entries.start), of(entries.end.saturating_sub(1))) {
                    (Some(first), Some(last)) => first.start..last.end,
                    _ => 0..0,
                }
            }
        }
    }
}

/// A number of octets for people: `17 octets`, `1.2 KiB`.
fn size(out: &mut Vec<u8>, octets: u64) {
    let (tenths, unit): (u64, &[u8]) = match octets {
        0..1024 => {
            text::integer(out, octets);
            let unit: &[u8] = if octets == 1 { b" octet" } else { b" octets" };
            return out.extend_from_slice(unit);
        }
        1024..0x10_0000 => (octets.saturating_mul(10) >> 10, b" KiB"),
        _ => (octets.saturating_mul(10) >> 20, b" MiB"),
    };
    text::integer(out, tenths / 10);
    out.push(b'.');
    text::integer(out, tenths % 10);
    out.extend_from_slice(unit);
}
