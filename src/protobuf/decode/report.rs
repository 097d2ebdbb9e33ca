//! What the reading of one message found besides its values: faults and unknown fields, each with its place.
//!
//! One report is reused for every message; paths share one buffer, so that unknown fields, which are ordinary between peers
//! of different age, cost no allocation each.

use std::fmt::{self, Write as _};
use std::ops::Range;

use super::Step;
use crate::protobuf::schema::Table;
use crate::protobuf::wire::{DamageKind, Record, WireType};

/// Faults and unknown fields of one message.
#[derive(Debug, Default)]
pub struct Report {
    faults: Vec<StoredFault>,
    unknown: Vec<StoredUnknown>,
    paths: String,
    limit: usize,
    dropped_faults: u64,
    dropped_unknown: u64,
    omitted: u64,
    superseded: u64,
}

#[derive(Debug)]
struct StoredFault {
    path: Range<usize>,
    offset: usize,
    length: usize,
    kind: FaultKind,
}

#[derive(Debug)]
struct StoredUnknown {
    path: Range<usize>,
    record: Record,
    end: usize,
}

/// Something wrong with a message, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault<'a> {
    /// The offset in the message of the octets at fault.
    pub offset: usize,
    /// How many octets are not, or not rightly, decoded.
    pub length: usize,
    /// The field, `inner.deep.more[0].name`; empty for the message itself.
    pub path: &'a str,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What can be wrong with a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultKind {
    /// The octets stop being records. What precedes is decoded; the length is what remains of the enclosing message.
    Damage(DamageKind),
    /// The field has another wire type than its declaration. It is kept as an unknown field.
    WrongWireType {
        /// By the declaration.
        expected: WireType,
        /// On the wire.
        found: WireType,
    },
    /// A string is not UTF-8. It is shown with U+FFFD in place of what is not.
    InvalidUtf8,
    /// A required field is absent.
    RequiredMissing,
    /// A Timestamp or Duration outside its range, or a FieldMask path that camel case would lose; shown by its fields.
    NotInMapping,
    /// An Any of a type that is not in the schema. Its value is shown as octets.
    UnknownAnyType,
    /// The field has a type that no input defines. Its value is a guess.
    UnresolvedType,
    /// Read without a schema, the octets are no protobuf; what gives them away.
    NotProtobuf(DamageKind),
    /// More records than the limit; the rest of the message they stand in is left out.
    TooManyRecords,
}

impl FaultKind {
    /// Whether the message is at fault, rather than the schema too small.
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::UnknownAnyType | Self::UnresolvedType)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Damage(kind) => kind.fmt(f),
            Self::WrongWireType { expected, found } => {
                write!(f, "wire type {} where {} is declared", found.name(), expected.name())
            }
            Self::InvalidUtf8 => f.write_str("a string that is not UTF-8"),
            Self::RequiredMissing => f.write_str("required, and missing"),
            Self::NotInMapping => f.write_str("a value that the JSON mapping cannot express"),
            Self::UnknownAnyType => f.write_str("an Any of a type that is not in the schema"),
            Self::UnresolvedType => f.write_str("of a type that the schema lacks"),
            Self::NotProtobuf(kind) => write!(f, "not protobuf: {kind}"),
            Self::TooManyRecords => f.write_str("more records than the limit"),
        }
    }
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "octet {}", self.offset)?;
        if !self.path.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        write!(f, ": {}", self.kind)
    }
}

/// A record whose number its message does not declare, or not with that wire type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unknown<'a> {
    /// The path of the message it stands in; empty for the outermost.
    pub path: &'a str,
    /// The record; its offsets count from the start of the message.
    pub record: Record,
    /// Where the record ends; behind the end tag of a group.
    pub end: usize,
}

impl Report {
    /// Whether every octet is accounted for by the schema, without fault.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.unknown.is_empty() && self.omitted == 0
    }

    /// The faults in the order they were found.
    pub fn faults(&self) -> impl ExactSizeIterator<Item = Fault<'_>> {
        self.faults.iter().map(|fault| Fault {
            offset: fault.offset,
            length: fault.length,
            path: self.path(&fault.path),
            kind: fault.kind,
        })
    }

    /// The unknown fields in the order they were found.
    pub fn unknown_fields(&self) -> impl ExactSizeIterator<Item = Unknown<'_>> {
        self.unknown.iter().map(|unknown| Unknown {
            path: self.path(&unknown.path),
            record: unknown.record,
            end: unknown.end,
        })
    }

    /// Faults and unknown fields beyond the limit, which are only counted.
    pub fn dropped(&self) -> u64 {
        self.dropped_faults.saturating_add(self.dropped_unknown)
    }

    /// Octets of the message that the output limit left out.
    pub fn omitted_octets(&self) -> u64 {
        self.omitted
    }

    /// Values that a later one of the same field, oneof or map key replaced.
    pub fn superseded(&self) -> u64 {
        self.superseded
    }

    /// Appends the faults of the message, if any, as one sentence for the record's `error`; plain text, not JSON.
    pub fn write_error(&self, out: &mut String) -> bool {
        let mut errors = self.faults().filter(|fault| fault.kind.is_error());
        let Some(first) = errors.next() else {
            return false;
        };
        let more = (errors.count() as u64).saturating_add(self.dropped_faults);
        // Writing into a String cannot fail.
        let _ = write!(out, "{first}");
        if more > 0 {
            let _ = write!(out, " (and {more} more)");
        }
        true
    }

    pub(crate) fn clear(&mut self, limit: usize) {
        self.faults.clear();
        self.unknown.clear();
        self.paths.clear();
        self.limit = limit;
        self.dropped_faults = 0;
        self.dropped_unknown = 0;
        self.omitted = 0;
        self.superseded = 0;
    }

    pub(crate) fn omit(&mut self, octets: usize) {
        self.omitted = self.omitted.saturating_add(octets as u64);
    }

    pub(crate) fn supersede(&mut self, values: usize) {
        self.superseded = self.superseded.saturating_add(values as u64);
    }

    pub(crate) fn fault(&mut self, kind: FaultKind, octets: Range<usize>, path: Steps<'_>) {
        if self.faults.len() >= self.limit {
            self.dropped_faults = self.dropped_faults.saturating_add(1);
            return;
        }
        let path = self.store(path);
        self.faults.push(StoredFault { path, offset: octets.start, length: octets.len(), kind });
    }

    pub(crate) fn unknown(&mut self, record: Record, end: usize, path: Steps<'_>) {
        if self.unknown.len() >= self.limit {
            self.dropped_unknown = self.dropped_unknown.saturating_add(1);
            return;
        }
        let path = self.store(path);
        self.unknown.push(StoredUnknown { path, record, end });
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let faults = self.faults.capacity().saturating_mul(size_of::<StoredFault>());
        let unknown = self.unknown.capacity().saturating_mul(size_of::<StoredUnknown>());
        faults.saturating_add(unknown).saturating_add(self.paths.capacity())
    }

    fn store(&mut self, path: Steps<'_>) -> Range<usize> {
        let start = self.paths.len();
        path.render(&mut self.paths);
        start..self.paths.len()
    }

    fn path(&self, range: &Range<usize>) -> &str {
        self.paths.get(range.clone()).unwrap_or_default()
    }
}

/// A path as the walk has it, to be spelled out only when something is reported.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    pub(crate) table: &'a Table,
    pub(crate) steps: &'a [Step],
    /// A field of the innermost message.
    pub(crate) last: Option<&'a str>,
}

impl Steps<'_> {
    pub(crate) fn render(&self, out: &mut String) {
        let start = out.len();
        for step in self.steps {
            let message = self.table.message(step.message);
            let Some(field) = message.fields.get(step.field as usize) else {
                continue;
            };
            if out.len() > start {
                out.push('.');
            }
            out.push_str(&field.name);
            if step.index != Step::SINGULAR {
                let _ = write!(out, "[{}]", step.index);
            }
        }
        if let Some(last) = self.last {
            if out.len() > start {
                out.push('.');
            }
            out.push_str(last);
        }
    }
}
