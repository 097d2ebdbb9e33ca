//! Maps: entries of a key and a value, shown as one JSON object without repeated keys.
//!
//! Entries stay in the order of the wire; of entries with one key the last counts.

use std::ops::Range;

use super::{Segments, Writer, text};
use crate::protobuf::decode::{FaultKind, Pair, Step};
use crate::protobuf::schema::{Field, Kind, Message};
use crate::protobuf::wire::{Reader, WireType};

impl<'a> Writer<'a, '_> {
    /// The entries of a map field. The last step of the path is the map's.
    pub(super) fn map(&mut self, field: &'a Field, entries: Range<usize>) {
        let Some(id) = field.kind.message() else {
            return;
        };
        let message = self.walk.table.message(id);
        let from = self.walk.scratch.pairs.len();
        self.collect(message, entries);
        self.settle_keys(from);
        self.open(b'{');
        let mut first = true;
        let mut at = from;
        let step = self.walk.scratch.path.pop();
        while let Some(pair) = self.walk.scratch.pairs.get(at).copied() {
            let index = at.saturating_sub(from) as u32;
            at = at.saturating_add(1);
            let range = pair.entry.0 as usize..pair.entry.1 as usize;
            if !pair.live {
                continue;
            }
            if self.full {
                self.walk.report.omit(range.len());
                continue;
            }
            let step = step.map(|step| Step { index, ..step });
            self.walk.scratch.path.extend(step);
            self.pair(message, &pair, range, &mut first);
            if step.is_some() {
                self.walk.scratch.path.pop();
            }
        }
        self.walk.scratch.path.extend(step);
        self.close(b'}');
        self.walk.scratch.pairs.truncate(from);
    }

    /// Finds the entries and their keys.
    fn collect(&mut self, message: &Message, entries: Range<usize>) {
        let key = message.index_of(1).and_then(|at| message.fields.get(at as usize));
        for at in entries {
            let Some(run) = self.entry(at) else { break };
            let mut reader = Reader::within(self.walk.octets, run.range());
            while let Ok(Some(record)) = reader.record() {
                if self.walk.scratch.pairs.len() >= self.walk.limits.entries {
                    let rest = record.start..run.end as usize;
                    self.walk.report.omit(rest.len());
                    return self.walk.fault(FaultKind::TooManyRecords, rest, None);
                }
                let mut pair =
                    Pair { bits: 0, key: (0, 0), entry: (record.value as u32, record.end as u32), live: true };
                let mut inside = Reader::within(self.walk.octets, record.value_range());
                while let Ok(Some(part)) = inside.record() {
                    let group = part.wire == WireType::StartGroup;
                    if group && inside.group(&part, self.walk.limits.depth).is_err() {
                        break;
                    }
                    let Some(key) = key.filter(|key| part.number == 1 && key.accepts(part.wire)) else {
                        continue;
                    };
                    if key.kind == Kind::String {
                        pair.key = (part.value as u32, part.end as u32);
                    } else {
                        pair.bits = normal(key.kind, part.bits);
                    }
                }
                self.walk.scratch.pairs.push(pair);
            }
        }
    }

    /// Of pairs with one key only the last stays live.
    fn settle_keys(&mut self, from: usize) {
        let scratch = &mut *self.walk.scratch;
        let Some(pairs) = scratch.pairs.get_mut(from..).filter(|pairs| pairs.len() > 1) else {
            return;
        };
        let octets = self.walk.octets;
        let key = |pair: &Pair| {
            let range = pair.key.0 as usize..pair.key.1 as usize;
            (pair.bits, octets.get(range).unwrap_or_default())
        };
        if pairs.is_sorted_by(|a, b| key(a) < key(b)) {
            return; // strictly ascending: no key twice
        }
        scratch.order.clear();
        scratch.order.extend(0..pairs.len() as u32);
        let of = |at: u32| pairs.get(at as usize).map(key);
        scratch.order.sort_unstable_by(|&a, &b| of(a).cmp(&of(b)).then(a.cmp(&b)));
        let mut superseded = 0usize;
        for index in 1..scratch.order.len() {
            let before = scratch.order.get(index.saturating_sub(1)).copied().unwrap_or(0);
            let this = scratch.order.get(index).copied().unwrap_or(0);
            if pairs.get(before as usize).map(key) == pairs.get(this as usize).map(key)
                && let Some(pair) = pairs.get_mut(before as usize)
            {
                pair.live = false;
                superseded = superseded.saturating_add(1);
            }
        }
        self.walk.report.supersede(superseded);
    }

    fn pair(&mut self, message: &'a Message, pair: &Pair, range: Range<usize>, first: &mut bool) {
        let mark = self.mark();
        let index = |number| message.index_of(number);
        let at = |number| index(number).and_then(|at| message.fields.get(at as usize));
        let (Some(key), Some(value), Some(value_index)) = (at(1), at(2), index(2)) else {
            return;
        };
        self.comma(*first);
        *first = false;
        match key.kind {
            Kind::String => self.text(pair.key.0 as usize..pair.key.1 as usize, Some("key")),
            kind => {
                // 64-bit integers come quoted already.
                let start = self.out.len();
                self.number(kind, pair.bits);
                if self.out.get(start) != Some(&b'"') {
                    self.out.insert(start, b'"');
                    self.out.push(b'"');
                }
            }
        }
        self.colon();
        if self.over() || self.full {
            self.full = false;
            return self.cut_octets(mark, range.len());
        }
        let from = self.index(message, &Segments::One(range.clone()));
        let entries = &self.walk.scratch.entries;
        let is_value = |at: &usize| entries.get(*at).is_some_and(|e| e.field == value_index);
        let mut values = (from..entries.len()).filter(is_value);
        let start = values.next();
        let end = values.next_back().or(start).map(|end| end.saturating_add(1));
        match (value.kind, start.zip(end)) {
            (Kind::Message(id) | Kind::Group(id), found) => {
                let segments = match found {
                    Some((start, end)) => Segments::Entries(start..end),
                    None => Segments::One(range.end..range.end),
                };
                self.message(id, segments);
            }
            (kind, found) => {
                let entry = found.and_then(|(_, end)| self.entry(end.saturating_sub(1)));
                let octets = entry.map_or(0..0, |entry| entry.value_range());
                match kind {
                    Kind::String => self.text(octets, Some("value")),
                    Kind::Bytes => self.bytes(octets),
                    Kind::Unresolved => self.octets_object(octets),
                    kind => {
                        self.number(kind, entry.map_or(0, |entry| entry.bits));
                        if self.over() {
                            self.cut_octets(mark, range.len());
                        }
                    }
                }
            }
        }
        self.walk.scratch.entries.truncate(from);
    }

    /// A value that stands for an absent one.
    pub(super) fn default_value(&mut self, kind: Kind) {
        match kind {
            Kind::String | Kind::Bytes => {
                text::string(self.out, b"");
            }
            kind => self.number(kind, 0),
        }
    }
}

/// A key's number as its kind reads it, so that equal keys are equal.
fn normal(kind: Kind, bits: u64) -> u64 {
    match kind {
        Kind::Bool => u64::from(bits != 0),
        Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64 => bits,
        _ => u64::from(bits as u32),
    }
}
