//! One level of a message, indexed: which field each record belongs to, and in which order they are shown.
//!
//! A level is walked once without descending. If its records already stand in the order of field numbers, as encoders write
//! them, nothing is moved; else the index is sorted, never the octets. Thus fields may repeat, mix and come in any
//! order at the cost of 24 octets a record.

use std::ops::Range;

use super::Limits;
use super::report::{FaultKind, Report, Steps};
use crate::protobuf::schema::{Field, Kind, Label, Message, MessageId, Table};
use crate::protobuf::wire::{Damage, DamageKind, Reader, Record, WireType};

/// A record, or a run of records of one repeated field, as the index of a level has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Which field of the message; [`Entry::DEAD`] when a later value replaced it.
    pub(crate) field: u32,
    /// Where the (first) record starts.
    pub(crate) start: u32,
    /// Where its value starts.
    pub(crate) value: u32,
    /// Where the value ends; of a repeated field, where the last record of the run ends.
    pub(crate) end: u32,
    /// The number of a varint or fixed value.
    pub(crate) bits: u64,
}

impl Entry {
    /// Sorted behind every field.
    pub(crate) const DEAD: u32 = u32::MAX;

    /// The octets of the value.
    #[inline]
    pub(crate) fn value_range(&self) -> Range<usize> {
        self.value as usize..self.end as usize
    }

    /// The octets of the whole record or run.
    #[inline]
    pub(crate) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// What indexing learned about a level besides its entries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    /// The records are not in the order of the fields.
    unordered: bool,
    /// How many members of oneofs there are.
    members: u32,
}

/// One entry of a map: its key, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) bits: u64,
    pub(crate) key: (u32, u32),
    pub(crate) entry: (u32, u32),
    pub(crate) live: bool,
}

/// One step of the path to where the walk is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) message: MessageId,
    pub(crate) field: u32,
    /// Which of the repeated values, or [`Step::SINGULAR`].
    pub(crate) index: u32,
}

impl Step {
    pub(crate) const SINGULAR: u32 = u32::MAX;
}

/// Working space, reused from message to message.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The indexes of all open levels, the innermost last.
    pub(crate) entries: Vec<Entry>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) order: Vec<u32>,
    pub(crate) path: Vec<Step>,
    oneofs: Vec<u32>,
}

impl Scratch {
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.pairs.clear();
        self.order.clear();
        self.path.clear();
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let of = |capacity: usize, each: usize| capacity.saturating_mul(each);
        of(self.entries.capacity(), size_of::<Entry>())
            .saturating_add(of(self.pairs.capacity(), size_of::<Pair>()))
            .saturating_add(of(self.order.capacity(), size_of::<u32>()))
            .saturating_add(of(self.path.capacity(), size_of::<Step>()))
            .saturating_add(of(self.oneofs.capacity(), size_of::<u32>()))
    }
}

/// A message being read: what every reading shares.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    pub(crate) table: &'a Table,
    pub(crate) octets: &'a [u8],
    pub(crate) limits: &'a Limits,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) report: &'a mut Report,
}

impl<'a> Walk<'a> {
    /// Appends the records of one range to the index, whose level began at `from`.
    pub(crate) fn index(
        &mut self,
        message: &'a Message,
        from: usize,
        range: Range<usize>,
        depth: u32,
        level: &mut Level,
    ) {
        let mut last = self.scratch.entries.get(from..).and_then(<[Entry]>::last).map(|e| e.field);
        let mut reader = Reader::within(self.octets, range.clone());
        loop {
            let record = match reader.record() {
                Ok(Some(record)) => record,
                Ok(None) => return,
                Err(damage) => {
                    self.damage(damage, range.end);
                    if let Some(entry) = self.cut_message(message, reader) {
                        level.unordered |= last.is_some_and(|last| last > entry.field);
                        level.members = level.members.saturating_add(1);
                        self.scratch.entries.push(entry);
                    }
                    return;
                }
            };
            let mut end = record.end;
            let mut stop = record.end;
            let mut damaged = false;
            match record.wire {
                WireType::StartGroup => {
                    match reader.group(&record, self.limits.depth.saturating_sub(depth)) {
                        Ok(inside) => end = inside,
                        Err(damage) => {
                            self.damage(damage, range.end);
                            end = match damage.what {
                                DamageKind::UnterminatedGroup(_) => range.end,
                                _ => damage.at.max(record.value),
                            };
                            damaged = true;
                        }
                    }
                    stop = if damaged { end } else { reader.position() };
                }
                WireType::EndGroup => {
                    let what = DamageKind::EndGroupMismatch { open: 0, found: record.number };
                    let at = record.start;
                    self.damage(Damage { at, what }, range.end);
                    return;
                }
                _ => {}
            }
            let known = message.index_of(record.number);
            let field = known.and_then(|index| Some((index, message.fields.get(index as usize)?)));
            match field {
                Some((index, field)) if accepts(field, record.wire) => {
                    let repeated = matches!(field.label, Label::Repeated | Label::Map);
                    if repeated && last == Some(index) && self.extend_run(record.start, stop) {
                        // One entry for the run.
                    } else if self.scratch.entries.len() < self.limits.entries {
                        level.unordered |= last.is_some_and(|last| last > index);
                        level.members = level.members.wrapping_add(u32::from(field.oneof > 0));
                        last = Some(index);
                        self.scratch.entries.push(Entry {
                            field: index,
                            start: record.start as u32,
                            value: record.value as u32,
                            end: if repeated { stop as u32 } else { end as u32 },
                            bits: record.bits,
                        });
                    } else {
                        let rest = record.start..range.end;
                        self.report.omit(rest.len());
                        self.fault(FaultKind::TooManyRecords, rest, None);
                        return;
                    }
                }
                Some((_, field)) => {
                    let kind = FaultKind::WrongWireType { expected: field.kind.wire(), found: record.wire };
                    self.fault(kind, record.start..stop, Some(&field.name));
                    self.unknown(record, end, stop);
                }
                None if message.message_set && is_set_item(&record) => {
                    if let Some(entry) = self.set_item(message, &record, end, stop) {
                        level.unordered |= last.is_some_and(|last| last > entry.field);
                        level.members = level.members.saturating_add(1);
                        last = Some(entry.field);
                        self.scratch.entries.push(entry);
                    }
                }
                None => self.unknown(record, end, stop),
            }
            if damaged {
                return;
            }
        }
    }

    /// Puts a finished level into the order of fields, drops what a later member of a oneof replaced, and reports required
    /// fields that are missing. `octets` is where the level stands.
    pub(crate) fn arrange(&mut self, message: &'a Message, from: usize, level: Level, octets: Range<usize>) {
        let settle = level.members > 1;
        if settle {
            self.settle_oneofs(message, from);
        }
        if level.unordered || settle {
            let entries = self.scratch.entries.get_mut(from..).unwrap_or_default();
            let key = |entry: &Entry| (entry.field, entry.start);
            if !entries.is_sorted_by_key(key) {
                entries.sort_unstable_by_key(key);
            }
        }
        if message.has_required {
            self.check_required(message, from, octets);
        }
    }

    /// Reports a fault at a field (or none) of the message the walk is in.
    #[cold]
    pub(crate) fn fault(&mut self, kind: FaultKind, octets: Range<usize>, field: Option<&str>) {
        let steps = Steps { table: self.table, steps: &self.scratch.path, last: field };
        self.report.fault(kind, octets, steps);
    }

    #[cold]
    fn damage(&mut self, damage: Damage, end: usize) {
        let octets = damage.at..end.max(damage.at);
        self.fault(FaultKind::Damage(damage.what), octets, None);
    }

    fn unknown(&mut self, record: Record, end: usize, stop: usize) {
        let steps = Steps { table: self.table, steps: &self.scratch.path, last: None };
        self.report.unknown(Record { end, ..record }, stop, steps);
    }

    /// Makes the last entry of the level reach to `stop` if it ends where this record starts.
    #[inline]
    fn extend_run(&mut self, start: usize, stop: usize) -> bool {
        match self.scratch.entries.last_mut() {
            Some(entry) if entry.end as usize == start => {
                entry.end = stop as u32;
                true
            }
            _ => false,
        }
    }

    /// A message whose length runs past the end: what there is of it can be shown. Anything else would look whole.
    fn cut_message(&self, message: &Message, mut reader: Reader<'_>) -> Option<Entry> {
        let record = reader.cut_record()?;
        let index = message.index_of(record.number)?;
        let field = message.fields.get(index as usize)?;
        let shown = matches!(field.kind, Kind::Message(_)) && field.label != Label::Map;
        let room = self.scratch.entries.len() < self.limits.entries;
        (shown && room).then_some(Entry {
            field: index,
            start: record.start as u32,
            value: record.value as u32,
            end: record.end as u32,
            bits: 0,
        })
    }

    /// An item of a message set: a group of a type id (2) and a message (3). `None` leaves an unknown field behind.
    fn set_item(&mut self, message: &Message, group: &Record, end: usize, stop: usize) -> Option<Entry> {
        let mut id = None;
        let mut value = None;
        let mut reader = Reader::within(self.octets, group.value..end);
        while let Ok(Some(record)) = reader.record() {
            match (record.number, record.wire) {
                (2, WireType::Varint) => id = id.or(u32::try_from(record.bits).ok()),
                (3, WireType::Len) => value = value.or(Some(record)),
                _ => {}
            }
        }
        let index = id.and_then(|id| message.index_of(id));
        let field = index.and_then(|index| message.fields.get(index as usize));
        match (index, field, value) {
            (Some(index), Some(field), Some(value))
                if matches!(field.kind, Kind::Message(_)) && self.scratch.entries.len() < self.limits.entries =>
            {
                Some(Entry {
                    field: index,
                    start: group.start as u32,
                    value: value.value as u32,
                    end: value.end as u32,
                    bits: 0,
                })
            }
            _ => {
                self.unknown(*group, end, stop);
                None
            }
        }
    }

    /// Of each oneof the last member stays, together with what can be merged into it.
    fn settle_oneofs(&mut self, message: &Message, from: usize) {
        let oneofs = &mut self.scratch.oneofs;
        oneofs.clear();
        oneofs.resize(usize::from(message.oneofs).saturating_add(1), FREE);
        let mut superseded = 0usize;
        let level = self.scratch.entries.get_mut(from..).unwrap_or_default();
        for entry in level.iter_mut().rev() {
            let Some(field) = message.fields.get(entry.field as usize) else {
                continue;
            };
            let slot = oneofs.get_mut(usize::from(field.oneof)).filter(|_| field.oneof > 0);
            let Some(slot) = slot else { continue };
            if *slot == FREE {
                *slot = entry.field;
            } else if *slot != entry.field {
                // Another member was set later: this one, and everything before it, is gone.
                *slot = CLOSED;
                entry.field = Entry::DEAD;
                superseded = superseded.saturating_add(1);
            }
        }
        self.report.supersede(superseded);
    }

    fn check_required(&mut self, message: &'a Message, from: usize, octets: Range<usize>) {
        let mut at = from;
        for (index, field) in message.fields.iter().enumerate() {
            if field.label != Label::Required {
                continue;
            }
            let field_at = |at: usize, entries: &[Entry]| entries.get(at).map(|entry| entry.field as usize);
            while field_at(at, &self.scratch.entries).is_some_and(|found| found < index) {
                at = at.saturating_add(1);
            }
            if field_at(at, &self.scratch.entries) != Some(index) {
                self.fault(FaultKind::RequiredMissing, octets.clone(), Some(&field.name));
            }
        }
    }
}

/// Marks of a oneof: no member seen yet; a member seen and everything before it replaced.
const FREE: u32 = u32::MAX;
const CLOSED: u32 = u32::MAX - 1;

#[inline]
fn accepts(field: &Field, wire: WireType) -> bool {
    field.accepts(wire) || (wire == WireType::Len && field.accepts_packed()) || field.kind == Kind::Unresolved
}

fn is_set_item(record: &Record) -> bool {
    record.wire == WireType::StartGroup && record.number == 1
}
