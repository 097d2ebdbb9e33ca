//! The reading without a schema: field numbers, and for each value what it most plausibly is.
//!
//! Everything here is a guess, and what it is a guess between `Decoder::guess_json` documents. It never decides that a
//! message is wrong, only that octets are no protobuf.

use std::ops::Range;

use super::decode::{Entry, FaultKind, Report};
use super::json::{Writer, text};
use super::wire::{Damage, DamageKind, Reader, Record, WireType};

impl Writer<'_, '_> {
    /// The whole of the octets as a message, or what they are instead.
    pub(crate) fn guess_whole(mut self) {
        let octets = self.walk.octets;
        let whole = 0..octets.len();
        match scan(octets, whole.clone(), self.walk.limits.depth) {
            Ok(()) => self.guess_message(whole),
            Err((damage, good)) => {
                let prefix = damage.what.is_truncation() && good > 0 && !is_text(octets);
                let kind = if prefix { FaultKind::Damage(damage.what) } else { FaultKind::NotProtobuf(damage.what) };
                self.walk.fault(kind, damage.at..octets.len(), None);
                if prefix {
                    self.guess_message(0..good);
                } else if is_text(octets) {
                    self.open(b'{');
                    self.special_key("@text", true);
                    self.text(whole, None);
                    self.close(b'}');
                } else {
                    self.octets_object(whole);
                }
            }
        }
        self.finish();
    }

    /// Octets known to be records, as an object of field numbers in ascending order.
    fn guess_message(&mut self, range: Range<usize>) {
        let from = self.walk.scratch.entries.len();
        self.guess_index(range);
        let level = self.walk.scratch.entries.get_mut(from..).unwrap_or_default();
        if !level.is_sorted_by_key(|entry| entry.field) {
            level.sort_unstable_by_key(|entry| (entry.field, entry.start));
        }
        self.depth = self.depth.saturating_add(1);
        self.open(b'{');
        let mut at = from;
        while let Some(entry) = self.entry(at) {
            let mut next = at;
            let mut records = 0u64;
            while let Some(other) = self.entry(next).filter(|other| other.field == entry.field) {
                records = records.saturating_add(other.bits);
                next = next.saturating_add(1);
            }
            self.guess_field(at..next, entry.field, records, at == from);
            at = next;
        }
        self.close(b'}');
        self.depth = self.depth.saturating_sub(1);
        self.walk.scratch.entries.truncate(from);
    }

    /// One entry for each run of records of one number; `bits` counts them.
    fn guess_index(&mut self, range: Range<usize>) {
        let from = self.walk.scratch.entries.len();
        let mut reader = Reader::within(self.walk.octets, range.clone());
        while let Ok(Some(record)) = reader.record() {
            if record.wire == WireType::StartGroup && reader.group(&record, self.walk.limits.depth).is_err() {
                break;
            }
            let end = reader.position() as u32;
            let room = self.walk.scratch.entries.len() < self.walk.limits.entries;
            let level = self.walk.scratch.entries.get_mut(from..).unwrap_or_default();
            match level.last_mut() {
                Some(entry) if entry.field == record.number => {
                    entry.end = end;
                    entry.bits = entry.bits.saturating_add(1);
                }
                _ if !room => {
                    let rest = record.start..range.end;
                    self.walk.report.omit(rest.len());
                    return self.walk.fault(FaultKind::TooManyRecords, rest, None);
                }
                _ => self.walk.scratch.entries.push(Entry {
                    field: record.number,
                    start: record.start as u32,
                    value: record.value as u32,
                    end,
                    bits: 1,
                }),
            }
        }
    }

    fn guess_field(&mut self, entries: Range<usize>, number: u32, records: u64, first: bool) {
        let mark = self.mark();
        if !self.full {
            self.comma(first);
            text::quoted_integer(self.out, number);
            self.colon();
            if self.over() {
                self.cut_octets(mark, 0);
            }
        }
        if records > 1 {
            self.open(b'[');
        }
        let cut_before = self.full;
        let mut first = true;
        for at in entries {
            let Some(run) = self.entry(at) else { break };
            let mut reader = Reader::within(self.walk.octets, run.range());
            while let Ok(Some(mut record)) = reader.record() {
                if record.wire == WireType::StartGroup {
                    let end = reader.group(&record, self.walk.limits.depth);
                    record.end = end.unwrap_or(record.end);
                }
                if self.full {
                    self.walk.report.omit(reader.position().saturating_sub(record.start));
                    continue;
                }
                self.comma(first);
                first = false;
                self.guess_value(&record);
            }
        }
        if records > 1 && !cut_before {
            self.close(b']');
        }
    }

    /// One value. The range of a group must have been found.
    pub(crate) fn guess_value(&mut self, record: &Record) {
        let mark = self.mark();
        match record.wire {
            WireType::Varint => number(self.out, record.bits, true),
            WireType::Fixed32 => {
                let float = f32::from_bits(record.bits as u32);
                if (1e-6..1e9).contains(&float.abs()) {
                    text::float(self.out, float);
                } else {
                    number(self.out, record.bits, false);
                }
            }
            WireType::Fixed64 => {
                let float = f64::from_bits(record.bits);
                if (1e-9..1e15).contains(&float.abs()) {
                    text::float(self.out, float);
                } else {
                    number(self.out, record.bits, false);
                }
            }
            WireType::Len => return self.guess_octets(record.value_range()),
            WireType::StartGroup if self.may_descend() => {
                return self.guess_message(record.value_range());
            }
            WireType::StartGroup | WireType::EndGroup => {
                return self.octets_object(record.value_range());
            }
        }
        if self.over() {
            self.give_up(mark, record.end.saturating_sub(record.start));
        }
    }

    fn guess_octets(&mut self, range: Range<usize>) {
        let octets = self.walk.octets.get(range.clone()).unwrap_or_default();
        let is_text = is_text(octets);
        let left = self.walk.limits.depth.saturating_sub(self.depth);
        // Plain words that happen to be records are far more often words.
        let words = is_text && !octets.iter().any(|octet| *octet < 0x20) && !is_strings(octets);
        if !words && self.may_descend() && !octets.is_empty() && scan(self.walk.octets, range.clone(), left).is_ok() {
            self.guess_message(range);
        } else if is_text {
            self.text(range, None);
        } else {
            self.octets_object(range);
        }
    }

    /// The unknown fields of a report as a list; `false`, and nothing written, if there are none.
    pub(crate) fn unknown_fields(mut self, report: &Report) -> bool {
        if report.unknown_fields().len() == 0 {
            return false;
        }
        self.open(b'[');
        for (index, unknown) in report.unknown_fields().enumerate() {
            if self.over() {
                self.full = true;
            }
            if self.full {
                break;
            }
            let record = unknown.record;
            self.comma(index == 0);
            self.out.extend_from_slice(b"{\"path\":");
            text::string(self.out, unknown.path.as_bytes());
            self.out.extend_from_slice(b",\"number\":");
            text::integer(self.out, record.number);
            self.out.extend_from_slice(b",\"wire_type\":\"");
            self.out.extend_from_slice(record.wire.name().as_bytes());
            self.out.extend_from_slice(b"\",\"offset\":");
            text::integer(self.out, record.start);
            self.out.extend_from_slice(b",\"length\":");
            text::integer(self.out, unknown.end.saturating_sub(record.start));
            self.out.extend_from_slice(b",\"value\":");
            self.guess_value(&record);
            self.out.push(b'}');
        }
        self.out.push(b']');
        true
    }
}

/// Whether the range holds whole records and nothing else; if not, the damage and where the good records end.
fn scan(octets: &[u8], range: Range<usize>, depth: u32) -> Result<(), (Damage, usize)> {
    let mut reader = Reader::within(octets, range);
    loop {
        let good = reader.position();
        let record = match reader.record() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(()),
            Err(damage) => return Err((damage, good)),
        };
        match record.wire {
            WireType::StartGroup => {
                reader.group(&record, depth).map_err(|damage| (damage, good))?;
            }
            WireType::EndGroup => {
                let what = DamageKind::EndGroupMismatch { open: 0, found: record.number };
                let at = record.start;
                return Err((Damage { at, what }, good));
            }
            _ => {}
        }
    }
}

/// Readable UTF-8, white space included.
fn is_text(octets: &[u8]) -> bool {
    let readable = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    std::str::from_utf8(octets).is_ok_and(|text| text.chars().all(readable))
}

/// Whether readable octets are rather records of strings, such as a field 4 of 36 octets: a text that starts with a mark, a
/// digit, and lengths that come out to the octet.
fn is_strings(octets: &[u8]) -> bool {
    let marked = octets.first().is_some_and(|first| !first.is_ascii_alphabetic());
    let mut reader = Reader::new(octets);
    let mut records = 0u32;
    loop {
        match reader.record() {
            Ok(Some(record)) if record.wire == WireType::Len => records = records.saturating_add(1),
            Ok(None) => return marked && records > 0,
            _ => return false,
        }
    }
}

/// An integer, quoted where a double would not hold it; ten octets of varint are a negative number.
fn number(out: &mut Vec<u8>, bits: u64, varint: bool) {
    const EXACT: u64 = 1 << 53;
    let negative = bits as i64;
    if varint && negative < 0 {
        if negative.unsigned_abs() <= EXACT {
            text::integer(out, negative);
        } else {
            text::quoted_integer(out, negative);
        }
    } else if bits <= EXACT {
        text::integer(out, bits);
    } else {
        text::quoted_integer(out, bits);
    }
}
