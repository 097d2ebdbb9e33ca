//! The special JSON forms of well-known types: times, Any, Struct and its kin, wrappers, field masks.
//!
//! A value that the form cannot express is shown by its fields instead, with a fault; nothing is rounded into range.

use std::ops::Range;

use super::{Segments, Writer, text};
use crate::protobuf::decode::{Entry, FaultKind, Step};
use crate::protobuf::schema::{Kind, Message, MessageId, Shape};
use crate::protobuf::wire::Reader;

impl<'a> Writer<'a, '_> {
    /// A message whose type has a form of its own. Its level is indexed and starts at `from`.
    pub(super) fn special(&mut self, id: MessageId, message: &'a Message, from: usize, segments: &Segments) {
        let mark = self.mark();
        let written = match message.shape {
            Shape::Timestamp => self.timestamp(message, from),
            Shape::Duration => self.duration(message, from),
            Shape::FieldMask => self.field_mask(message, from),
            Shape::Struct => return self.structure(id, message, from),
            Shape::ListValue => return self.list_value(id, message, from),
            Shape::Value => return self.value(message, from),
            Shape::Wrapper => return self.wrapper(message, from),
            Shape::Any => return self.any(message, from, segments),
            Shape::Empty | Shape::Fields => return self.out.extend_from_slice(b"{}"),
        };
        if !written {
            self.out.truncate(mark.length);
            let octets = self.hull(segments);
            self.walk.fault(FaultKind::NotInMapping, octets, None);
            self.open(b'{');
            self.members(id, message, from, &mut true);
            self.close(b'}');
        } else if self.over() {
            let octets = self.hull(segments).len();
            self.give_up(mark, octets);
        }
    }

    fn timestamp(&mut self, message: &Message, from: usize) -> bool {
        let (seconds, nanos) = self.seconds_and_nanos(message, from);
        if !(MIN_SECONDS..=MAX_SECONDS).contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
            return false;
        }
        let (year, month, day) = civil(seconds.div_euclid(86_400));
        let second = seconds.rem_euclid(86_400);
        self.out.push(b'"');
        digits(self.out, year, 4);
        self.out.push(b'-');
        digits(self.out, month, 2);
        self.out.push(b'-');
        digits(self.out, day, 2);
        self.out.push(b'T');
        digits(self.out, (second / 3600) as u64, 2);
        self.out.push(b':');
        digits(self.out, (second / 60 % 60) as u64, 2);
        self.out.push(b':');
        digits(self.out, (second % 60) as u64, 2);
        fraction(self.out, nanos.unsigned_abs());
        self.out.extend_from_slice(b"Z\"");
        true
    }

    fn duration(&mut self, message: &Message, from: usize) -> bool {
        let (seconds, nanos) = self.seconds_and_nanos(message, from);
        let opposed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
        if opposed || seconds.unsigned_abs() > MAX_DURATION || nanos.unsigned_abs() > 999_999_999 {
            return false;
        }
        self.out.push(b'"');
        if seconds < 0 || nanos < 0 {
            self.out.push(b'-');
        }
        text::integer(self.out, seconds.unsigned_abs());
        fraction(self.out, nanos.unsigned_abs());
        self.out.extend_from_slice(b"s\"");
        true
    }

    fn seconds_and_nanos(&self, message: &Message, from: usize) -> (i64, i32) {
        let bits = |number| self.last(message, from, number).map_or(0, |entry| entry.bits);
        (bits(1) as i64, bits(2) as i32)
    }

    /// Paths in camel case behind commas; `false` if a path would not come back from it.
    fn field_mask(&mut self, message: &Message, from: usize) -> bool {
        self.out.push(b'"');
        let mut first = true;
        for at in self.range(message, from, 1) {
            let Some(run) = self.entry(at) else { break };
            let mut reader = Reader::within(self.walk.octets, run.range());
            while let Ok(Some(record)) = reader.record() {
                if self.over() {
                    break;
                }
                let path = self.walk.octets.get(record.value_range()).unwrap_or_default();
                if !first {
                    self.out.push(b',');
                }
                first = false;
                let mut after_mark = false;
                for &octet in path {
                    match octet {
                        b'a'..=b'z' if after_mark => self.out.push(octet.to_ascii_uppercase()),
                        b'_' if !after_mark => {}
                        b'A'..=b'Z' | b'"' | b'\\' => return false,
                        b' '..=b'~' if !after_mark => self.out.push(octet),
                        _ => return false,
                    }
                    after_mark = octet == b'_';
                }
                if after_mark || path.is_empty() {
                    return false;
                }
            }
        }
        self.out.push(b'"');
        true
    }

    fn structure(&mut self, id: MessageId, message: &'a Message, from: usize) {
        let index = message.index_of(1).unwrap_or(0);
        let entries = self.range(message, from, 1);
        let Some(field) = message.fields.get(index as usize).filter(|_| !entries.is_empty()) else {
            return self.out.extend_from_slice(b"{}");
        };
        self.walk.scratch.path.push(Step { message: id, field: index, index: Step::SINGULAR });
        self.map(field, entries);
        self.walk.scratch.path.pop();
    }

    fn list_value(&mut self, id: MessageId, message: &'a Message, from: usize) {
        let index = message.index_of(1).unwrap_or(0);
        let entries = self.range(message, from, 1);
        let Some(field) = message.fields.get(index as usize).filter(|_| !entries.is_empty()) else {
            return self.out.extend_from_slice(b"[]");
        };
        let step = Step { message: id, field: index, index: Step::SINGULAR };
        self.list(step, field, entries);
    }

    fn value(&mut self, message: &'a Message, from: usize) {
        // Of the oneof at most one field is left, and replaced ones are sorted behind it.
        let Some(first) = self.entry(from) else {
            return self.out.extend_from_slice(b"null");
        };
        let Some(field) = message.fields.get(first.field as usize) else {
            return self.out.extend_from_slice(b"null");
        };
        let entries = self.range(message, from, field.number);
        let Some(last) = self.entry(entries.end.saturating_sub(1)) else {
            return;
        };
        match (field.number, field.kind.message()) {
            (1, _) => self.out.extend_from_slice(b"null"),
            (3, _) => self.text(last.value_range(), None),
            (_, Some(id)) => self.message(id, Segments::Entries(entries)),
            _ => self.number(field.kind, last.bits),
        }
    }

    fn wrapper(&mut self, message: &'a Message, from: usize) {
        let index = message.index_of(1).unwrap_or(0);
        let Some(field) = message.fields.get(index as usize) else {
            return;
        };
        match (self.last(message, from, 1), field.kind) {
            (None, kind) => self.default_value(kind),
            (Some(entry), Kind::String) => self.text(entry.value_range(), None),
            (Some(entry), Kind::Bytes) => self.bytes(entry.value_range()),
            (Some(entry), kind) => self.number(kind, entry.bits),
        }
    }

    /// `{"@type":...}` with the fields of what it holds, or with its special form under `value`. A type that is not in the schema
    /// has its octets there, and `"@unknown":true` before them.
    fn any(&mut self, message: &Message, from: usize, segments: &Segments) {
        let of = |entry: Option<Entry>| entry.map_or(0..0, |entry| entry.value_range());
        let url = of(self.last(message, from, 1));
        let value = of(self.last(message, from, 2));
        if url.is_empty() && value.is_empty() {
            return self.out.extend_from_slice(b"{}");
        }
        let mark = self.mark();
        self.open(b'{');
        self.special_key("@type", true);
        if self.over() {
            let octets = self.hull(segments).len();
            return self.give_up(mark, octets);
        }
        self.text(url.clone(), Some("type_url"));
        if self.full {
            self.walk.report.omit(value.len());
            return self.close(b'}');
        }
        let mark = self.mark();
        let octets = self.walk.octets.get(url).unwrap_or_default();
        let name = octets.rsplit(|&octet| octet == b'/').next().unwrap_or_default();
        let name = std::str::from_utf8(name).unwrap_or_default();
        match self.walk.table.named(name) {
            Some(id) if self.walk.table.message(id).shape.is_special() => {
                self.special_key("value", false);
                if self.over() {
                    self.cut_octets(mark, value.len());
                } else {
                    self.message(id, Segments::One(value));
                }
            }
            Some(id) if self.may_descend() => {
                let inner = self.walk.table.message(id);
                self.depth = self.depth.saturating_add(1);
                let from = self.index(inner, &Segments::One(value));
                self.members(id, inner, from, &mut false);
                self.walk.scratch.entries.truncate(from);
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {
                let octets = self.hull(segments);
                self.walk.fault(FaultKind::UnknownAnyType, octets, None);
                self.special_key("@unknown", false);
                self.out.extend_from_slice(b"true");
                self.special_key("value", false);
                if self.over() {
                    self.cut_octets(mark, value.len());
                } else {
                    self.bytes(value);
                }
            }
        }
        self.close(b'}');
    }

    /// The entries of a field in a level.
    fn range(&self, message: &Message, from: usize, number: u32) -> Range<usize> {
        let Some(index) = message.index_of(number) else {
            return from..from;
        };
        let level = self.walk.scratch.entries.get(from..).unwrap_or_default();
        let start = level.partition_point(|entry| entry.field < index);
        let end = level.partition_point(|entry| entry.field <= index);
        from.saturating_add(start)..from.saturating_add(end)
    }

    fn last(&self, message: &Message, from: usize, number: u32) -> Option<Entry> {
        let range = self.range(message, from, number);
        if range.is_empty() {
            return None;
        }
        self.entry(range.end.saturating_sub(1))
    }
}

/// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
const MIN_SECONDS: i64 = -62_135_596_800;
const MAX_SECONDS: i64 = 253_402_300_799;
/// 10 000 years.
const MAX_DURATION: u64 = 315_576_000_000;

/// A number with leading zeros.
fn digits(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number).as_bytes();
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(text.len())));
    out.extend_from_slice(text);
}

/// None, three, six or nine digits of a second.
fn fraction(out: &mut Vec<u8>, nanos: u32) {
    let (number, width) = match nanos {
        0 => return,
        _ if nanos.is_multiple_of(1_000_000) => (nanos / 1_000_000, 3),
        _ if nanos.is_multiple_of(1_000) => (nanos / 1_000, 6),
        _ => (nanos, 9),
    };
    out.push(b'.');
    digits(out, u64::from(number), width);
}

/// Year, month and day of a day counted from 1970-01-01, within the years 1 to 9999.
#[expect(clippy::arithmetic_side_effects, reason = "the caller's range keeps every term below 2^40")]
fn civil(day: i64) -> (u64, u64, u64) {
    // Days are counted from 0000-03-01, so that leap days end a year and 400 years are a whole number of days.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    ((year + era * 400 + later) as u64, month as u64, day as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_at_the_ends_and_at_leap_days() {
        for (day, date) in [
            (-719_162, (1, 1, 1)),
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (19_675, (2023, 11, 14)),
            (2_932_896, (9999, 12, 31)),
        ] {
            assert_eq!(civil(day), date);
        }
    }

    #[test]
    fn fractions_have_as_many_digits_as_they_need() {
        let shown = |nanos| {
            let mut out = Vec::new();
            fraction(&mut out, nanos);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([0, 500_000_000, 1_000, 1].map(shown), ["", ".500", ".000001", ".000000001"]);
    }
}
