//! Every value with its octets, in the order of the wire: what a hexdump points with.

use std::ops::Range;

use super::index::{Level, Step, Walk};
use super::report::Steps;
use crate::protobuf::schema::{Kind, Label, MessageId};
use crate::protobuf::wire::{Reader, Record, WireType, zigzag};

/// One value, visited where it stands on the wire. A message is visited before its fields.
#[derive(Clone, Debug)]
pub struct ValueEvent<'a> {
    /// The path of the value, `inner.deep.more[0].name`.
    pub path: &'a str,
    /// The field number.
    pub number: u32,
    /// The declared kind as a .proto says it: `int32`, `string`, `message` ...
    pub kind: &'static str,
    /// Levels of messages around it; 0 for a field of the outermost.
    pub depth: u32,
    /// The octets of tag and value together. Of a packed value, the value alone.
    pub record: Range<usize>,
    /// The octets of the value: without tag, length and end tag.
    pub octets: Range<usize>,
    /// The value.
    pub value: Value<'a>,
}

/// A value as its declaration reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Of a signed kind or an enum.
    Signed(i64),
    /// Of an unsigned kind.
    Unsigned(u64),
    /// Of `double`, or `float` widened.
    Float(f64),
    /// Of `bool`.
    Bool(bool),
    /// Of `string`, valid or not, and `bytes`.
    Octets(&'a [u8]),
    /// A message or group, whose fields follow.
    Message(&'a str),
    /// Of a type that the schema lacks.
    Unresolved,
}

/// Visits the whole message.
pub(super) fn visit(walk: &mut Walk<'_>, message: MessageId, visit: &mut dyn FnMut(&ValueEvent<'_>)) {
    let whole = 0..walk.octets.len();
    let mut visitor = Visitor { walk, visit, path: String::new() };
    visitor.message(message, whole, 0);
}

struct Visitor<'v, 'a> {
    walk: &'v mut Walk<'a>,
    visit: &'v mut dyn FnMut(&ValueEvent<'_>),
    path: String,
}

impl Visitor<'_, '_> {
    fn message(&mut self, id: MessageId, range: Range<usize>, depth: u32) {
        if depth >= self.walk.limits.depth {
            let kind = super::FaultKind::Damage(crate::protobuf::wire::DamageKind::TooDeep);
            return self.walk.fault(kind, range, None);
        }
        let message = self.walk.table.message(id);
        let from = self.walk.scratch.entries.len();
        // Indexed for the sake of its faults; entries are in the order of the wire as long as they are not arranged.
        self.walk.index(message, from, range, depth, &mut Level::default());
        let to = self.walk.scratch.entries.len();
        // A run of a repeated field is one entry, so each field counts its own values.
        let mut counts: Vec<u32> = vec![0; message.fields.len()];
        for at in from..to {
            let Some(entry) = self.walk.scratch.entries.get(at).copied() else {
                break;
            };
            let Some(field) = message.fields.get(entry.field as usize) else {
                continue;
            };
            let step = |index| Step { message: id, field: entry.field, index };
            if !matches!(field.label, Label::Repeated | Label::Map) {
                let record = Record {
                    number: field.number,
                    wire: field.kind.wire(),
                    bits: entry.bits,
                    start: entry.start as usize,
                    value: entry.value as usize,
                    end: entry.end as usize,
                };
                self.value(step(Step::SINGULAR), field.kind, record, entry.end as usize, depth);
                continue;
            }
            let mut reader = Reader::within(self.walk.octets, entry.range());
            while let Some(mut record) = reader.record().unwrap_or_else(|_| reader.cut_record()) {
                if record.wire == WireType::StartGroup {
                    let left = self.walk.limits.depth.saturating_sub(depth);
                    record.end = reader.group(&record, left).unwrap_or(record.end);
                }
                let mut next = || {
                    let count = counts.get_mut(entry.field as usize);
                    count.map_or(0, |count| std::mem::replace(count, count.saturating_add(1)))
                };
                if record.wire == WireType::Len && field.accepts_packed() {
                    let mut packed = Reader::within(self.walk.octets, record.value_range());
                    loop {
                        let start = packed.position();
                        let bits = match packed.packed(field.kind.wire()) {
                            Ok(Some(bits)) => bits,
                            Ok(None) => break,
                            Err(damage) => {
                                let kind = super::FaultKind::Damage(damage.what);
                                let rest = damage.at..record.end;
                                self.walk.fault(kind, rest, Some(&field.name));
                                break;
                            }
                        };
                        let value = Record { bits, start, value: start, end: packed.position(), ..record };
                        self.value(step(next()), field.kind, value, value.end, depth);
                    }
                } else {
                    let stop = reader.position();
                    self.value(step(next()), field.kind, record, stop, depth);
                }
            }
        }
        self.walk.scratch.entries.truncate(from);
    }

    fn value(&mut self, step: Step, kind: Kind, record: Record, stop: usize, depth: u32) {
        self.walk.scratch.path.push(step);
        let table = self.walk.table;
        self.path.clear();
        let steps = Steps { table, steps: &self.walk.scratch.path, last: None };
        steps.render(&mut self.path);
        let octets = self.walk.octets.get(record.value_range()).unwrap_or_default();
        let value = match kind {
            Kind::Message(id) | Kind::Group(id) => Value::Message(&table.message(id).name),
            Kind::String | Kind::Bytes => Value::Octets(octets),
            Kind::Unresolved => Value::Unresolved,
            Kind::Double => Value::Float(f64::from_bits(record.bits)),
            Kind::Float => Value::Float(f64::from(f32::from_bits(record.bits as u32))),
            Kind::Bool => Value::Bool(record.bits != 0),
            Kind::Uint32 | Kind::Fixed32 => Value::Unsigned(u64::from(record.bits as u32)),
            Kind::Uint64 | Kind::Fixed64 => Value::Unsigned(record.bits),
            Kind::Sint32 => Value::Signed(zigzag(u64::from(record.bits as u32))),
            Kind::Sint64 => Value::Signed(zigzag(record.bits)),
            Kind::Int32 | Kind::Sfixed32 | Kind::Enum(_) => Value::Signed(i64::from(record.bits as i32)),
            Kind::Int64 | Kind::Sfixed64 => Value::Signed(record.bits as i64),
        };
        (self.visit)(&ValueEvent {
            path: &self.path,
            number: record.number,
            kind: kind.name(),
            depth,
            record: record.start..stop.max(record.end),
            octets: record.value_range(),
            value,
        });
        if let Some(id) = kind.message() {
            self.message(id, record.value_range(), depth.saturating_add(1));
        }
        self.walk.scratch.path.pop();
    }
}
