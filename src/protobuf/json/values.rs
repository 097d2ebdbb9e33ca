//! Values: lists of them, numbers, strings and octets.

use std::ops::Range;

use super::writer::Mark;
use super::{Segments, Writer, text};
use crate::protobuf::decode::{FaultKind, Step};
use crate::protobuf::schema::{Field, Kind};
use crate::protobuf::wire::{Reader, Record, WireType, zigzag};

impl<'a> Writer<'a, '_> {
    /// The values of a repeated field, from every run, packed or not.
    pub(crate) fn list(&mut self, step: Step, field: &'a Field, entries: Range<usize>) {
        if let Some(first) = self.entry(entries.start).filter(|_| field.kind == Kind::Unresolved) {
            self.walk.fault(FaultKind::UnresolvedType, first.range(), Some(&field.name));
        }
        self.open(b'[');
        let mut count = 0u32;
        for at in entries {
            let Some(run) = self.entry(at) else { break };
            let mut reader = Reader::within(self.walk.octets, run.range());
            while let Some(mut record) = reader.record().unwrap_or_else(|_| reader.cut_record()) {
                if record.wire == WireType::StartGroup {
                    let left = self.walk.limits.depth.saturating_sub(self.depth).saturating_add(1);
                    record.end = match reader.group(&record, left) {
                        Ok(end) => end,
                        // Reported when the level was indexed; what precedes is shown.
                        Err(_) => {
                            reader = Reader::within(self.walk.octets, run.end as usize..run.end as usize);
                            run.end as usize
                        }
                    };
                }
                if self.full {
                    self.walk.report.omit(reader.position().saturating_sub(record.start));
                    continue;
                }
                if record.wire == WireType::Len && field.accepts_packed() {
                    self.packed(field, &record, &mut count);
                } else {
                    let step = Step { index: count, ..step };
                    self.element(step, field, &record, reader.position());
                    count = count.saturating_add(1);
                }
            }
        }
        self.close(b']');
    }

    pub(super) fn element(&mut self, step: Step, field: &'a Field, record: &Record, stop: usize) {
        let mark = self.mark();
        self.comma(step.index == 0);
        match field.kind {
            Kind::Message(id) | Kind::Group(id) => {
                if self.over() {
                    return self.cut_octets(mark, stop.saturating_sub(record.start));
                }
                self.walk.scratch.path.push(step);
                self.message(id, Segments::One(record.value_range()));
                self.walk.scratch.path.pop();
            }
            Kind::String => {
                self.walk.scratch.path.push(step);
                self.text(record.value_range(), None);
                self.walk.scratch.path.pop();
            }
            Kind::Bytes => self.bytes(record.value_range()),
            Kind::Unresolved => self.guess_value(record),
            kind => {
                self.number(kind, record.bits);
                if self.over() {
                    self.cut_octets(mark, stop.saturating_sub(record.start));
                }
            }
        }
    }

    /// The values of one packed record.
    pub(super) fn packed(&mut self, field: &'a Field, record: &Record, count: &mut u32) {
        let mut reader = Reader::within(self.walk.octets, record.value_range());
        let wire = field.kind.wire();
        loop {
            let start = reader.position();
            let bits = match reader.packed(wire) {
                Ok(Some(bits)) => bits,
                Ok(None) => return,
                Err(damage) => {
                    let octets = damage.at..record.end;
                    let kind = FaultKind::Damage(damage.what);
                    return self.walk.fault(kind, octets, Some(&field.name));
                }
            };
            let mark = self.mark();
            self.comma(*count == 0);
            self.number(field.kind, bits);
            *count = count.saturating_add(1);
            if self.over() {
                return self.cut_octets(mark, record.end.saturating_sub(start));
            }
        }
    }

    /// A number, bool or enum.
    #[inline]
    pub(crate) fn number(&mut self, kind: Kind, bits: u64) {
        let out = &mut *self.out;
        match kind {
            Kind::Int32 | Kind::Sfixed32 => text::integer(out, bits as i32),
            Kind::Uint32 | Kind::Fixed32 => text::integer(out, bits as u32),
            Kind::Int64 | Kind::Sfixed64 => text::quoted_integer(out, bits as i64),
            Kind::Uint64 | Kind::Fixed64 => text::quoted_integer(out, bits),
            Kind::Bool if bits != 0 => out.extend_from_slice(b"true"),
            Kind::Bool => out.extend_from_slice(b"false"),
            Kind::Enum(id) => match self.walk.table.enum_value(id, bits as i32) {
                Some(quoted) => out.extend_from_slice(quoted.as_bytes()),
                None => text::integer(out, bits as i32),
            },
            Kind::Sint32 => text::integer(out, zigzag(u64::from(bits as u32))),
            Kind::Sint64 => text::quoted_integer(out, zigzag(bits)),
            Kind::Double => text::float(out, f64::from_bits(bits)),
            Kind::Float => text::float(out, f32::from_bits(bits as u32)),
            _ => out.extend_from_slice(b"null"),
        }
    }

    pub(super) fn blob(&mut self, field: &Field, range: Range<usize>, mark: Mark, entries: Range<usize>) {
        // Rather the key with part of the value than nothing.
        if self.over() {
            return self.cut(mark, entries);
        }
        if field.kind == Kind::String {
            self.text(range, Some(&field.name));
        } else {
            self.bytes(range);
        }
    }

    /// A string, as much of it as there is room for. `field` names it if the path does not.
    pub(crate) fn text(&mut self, range: Range<usize>, field: Option<&str>) {
        let octets = self.walk.octets.get(range.clone()).unwrap_or_default();
        let room = self.stop.saturating_sub(self.out.len());
        let mark = self.mark();
        if octets.len() <= room {
            let valid = text::string(self.out, octets);
            if self.spaced && !octets.is_ascii() {
                let written = self.out.get(mark.length..).unwrap_or_default();
                self.stop = self.stop.saturating_add(text::continuation_octets(written));
            }
            if !valid {
                self.walk.fault(FaultKind::InvalidUtf8, range.clone(), field);
            }
            if !self.over() {
                return;
            }
            self.out.truncate(mark.length);
            self.stop = mark.stop;
        }
        self.out.push(b'"');
        // Characters of several octets count as one in a line, so it may come out shorter than it could be.
        let taken = text::string_until(self.out, octets, self.stop);
        self.full = true;
        self.walk.report.omit(octets.len().saturating_sub(taken));
        if !self.spaced {
            self.out.push(b'"');
        }
    }

    /// Base64, as much of it as there is room for.
    pub(crate) fn bytes(&mut self, range: Range<usize>) {
        let octets = self.walk.octets.get(range).unwrap_or_default();
        let room = self.stop.saturating_sub(self.out.len());
        // Quotes, and four digits for three octets.
        let fits = (room.saturating_sub(2) / 4).saturating_mul(3);
        if octets.len() <= fits {
            return text::base64(self.out, octets);
        }
        text::base64(self.out, octets.get(..fits).unwrap_or_default());
        self.full = true;
        self.walk.report.omit(octets.len().saturating_sub(fits));
        if self.spaced {
            self.out.pop();
        }
    }

    /// Octets that have no place in the mapping: `{"@octets":"..."}`.
    pub(crate) fn octets_object(&mut self, range: Range<usize>) {
        let mark = self.mark();
        self.open(b'{');
        self.special_key("@octets", true);
        if self.over() {
            return self.give_up(mark, range.len());
        }
        self.bytes(range);
        self.close(b'}');
    }

    pub(super) fn unresolved(&mut self, field: &Field, entries: Range<usize>) {
        let Some(entry) = self.entry(entries.end.saturating_sub(1)) else {
            return;
        };
        self.walk.fault(FaultKind::UnresolvedType, entry.range(), Some(&field.name));
        let mut reader = Reader::within(self.walk.octets, entry.start as usize..self.walk.octets.len());
        match reader.record() {
            Ok(Some(record)) => self.guess_value(&Record { end: entry.end as usize, ..record }),
            _ => self.octets_object(entry.value_range()),
        }
    }
}
