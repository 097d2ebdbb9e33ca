//! The short way for a message as encoders write it: written while it is walked, without an index.
//!
//! Its records stand in the order of the fields, each is declared and of its declared wire type, and nothing replaces anything. Where
//! that does not hold, or the room is used up, the short way takes back what it wrote, and the message is indexed: the same JSON comes of
//! either. It is tried once a message, for the outermost alone, so that no octet is read for it more than once.

use std::ops::Range;

use super::{Segments, Writer, is_zero};
use crate::protobuf::decode::Step;
use crate::protobuf::schema::{Field, Kind, Label, MessageId, Shape};
use crate::protobuf::wire::{Reader, Record, WireType};

/// What is kept while the fields of one level are written.
#[derive(Default)]
struct Progress {
    /// The least field that may come next.
    least: u32,
    /// The last field is repeated, and its list still open.
    in_list: bool,
    /// Values in that list.
    count: u32,
    /// Oneofs of which a member was met.
    oneofs: u64,
    /// Whether a member was written.
    any: bool,
}

impl<'a> Writer<'a, '_> {
    /// Writes the outermost message if it is as nearly all are; else changes nothing and says so.
    pub(super) fn straight(&mut self, message: MessageId, range: Range<usize>) -> bool {
        // Octets that were left out were reported before.
        if !self.walk.report.is_clean() {
            return false;
        }
        let mark = self.mark();
        if self.straight_message(message, range).is_some() && !self.is_cut() {
            return true;
        }
        self.out.truncate(mark.length);
        self.stop = mark.stop;
        (self.full, self.depth, self.brackets) = (false, 0, 0);
        self.walk.scratch.clear();
        self.walk.report.clear(self.walk.limits.reports);
        false
    }

    fn is_cut(&self) -> bool {
        self.full || self.over()
    }

    /// `None` where the message has to be indexed.
    fn straight_message(&mut self, id: MessageId, range: Range<usize>) -> Option<()> {
        let message = self.walk.table.message(id);
        if message.shape != Shape::Fields || message.has_required {
            self.message(id, Segments::One(range));
            return Some(());
        }
        if !self.may_descend() {
            return None;
        }
        self.depth = self.depth.saturating_add(1);
        self.open(b'{');
        let mut progress = Progress::default();
        let mut reader = Reader::within(self.walk.octets, range);
        while let Some(record) = reader.record().ok()? {
            let index = message.index_of(record.number)?;
            let field = message.fields.get(index as usize)?;
            let step = Step { message: id, field: index, index: Step::SINGULAR };
            match field.label {
                Label::Singular => self.straight_value(step, field, &record, &mut progress)?,
                Label::Repeated => self.straight_element(step, field, &record, &mut progress)?,
                Label::Required | Label::Map => return None,
            }
            if self.is_cut() {
                return None;
            }
        }
        self.end_list(&mut progress);
        self.close(b'}');
        self.depth = self.depth.saturating_sub(1);
        Some(())
    }

    /// The value of a field that has one.
    #[inline]
    fn straight_value(&mut self, step: Step, field: &'a Field, record: &Record, progress: &mut Progress) -> Option<()> {
        if step.field < progress.least || !field.accepts(record.wire) {
            return None;
        }
        self.end_list(progress);
        progress.least = step.field.saturating_add(1);
        if field.oneof > 0 {
            let member = 1_u64.checked_shl(u32::from(field.oneof))?;
            if progress.oneofs & member != 0 {
                return None;
            }
            progress.oneofs |= member;
        }
        if field.implicit && is_zero(field.kind, record.value == record.end, record.bits) {
            return Some(());
        }
        self.straight_key(field, progress);
        match field.kind {
            Kind::Message(id) => self.straight_within(step, id, record)?,
            Kind::String => self.text(record.value_range(), Some(&field.name)),
            Kind::Bytes => self.bytes(record.value_range()),
            Kind::Group(_) | Kind::Unresolved => return None,
            kind => self.number(kind, record.bits),
        }
        Some(())
    }

    /// One value of a repeated field, or several that are packed.
    fn straight_element(
        &mut self,
        step: Step,
        field: &'a Field,
        record: &Record,
        progress: &mut Progress,
    ) -> Option<()> {
        let goes_on = progress.in_list && step.field.saturating_add(1) == progress.least;
        if !goes_on {
            if step.field < progress.least {
                return None;
            }
            self.end_list(progress);
            progress.least = step.field.saturating_add(1);
            self.straight_key(field, progress);
            self.open(b'[');
            (progress.in_list, progress.count) = (true, 0);
        }
        if record.wire == WireType::Len && field.accepts_packed() {
            self.packed(field, record, &mut progress.count);
            return Some(());
        }
        if !field.accepts(record.wire) {
            return None;
        }
        let step = Step { index: progress.count, ..step };
        progress.count = progress.count.saturating_add(1);
        match field.kind {
            Kind::Group(_) | Kind::Unresolved => return None,
            Kind::Message(id) => {
                self.comma(step.index == 0);
                self.straight_within(step, id, record)?;
            }
            _ => self.element(step, field, record, record.end),
        }
        Some(())
    }

    /// A message inside this one.
    fn straight_within(&mut self, step: Step, id: MessageId, record: &Record) -> Option<()> {
        self.walk.scratch.path.push(step);
        self.straight_message(id, record.value_range())?;
        self.walk.scratch.path.pop();
        Some(())
    }

    #[inline]
    fn straight_key(&mut self, field: &Field, progress: &mut Progress) {
        let mut first = !progress.any;
        self.key(field, &mut first);
        progress.any = true;
    }

    #[inline]
    fn end_list(&mut self, progress: &mut Progress) {
        if std::mem::take(&mut progress.in_list) {
            self.close(b']');
        }
    }
}
