//! Fields and header blocks that were judged before, so that what is sent again and again is looked at once.
//!
//! Only what breaks no rule is remembered, and only what HPACK tells to be the same.

use super::fields::Read;
use crate::http2::connection::Block;
use crate::http2::hpack::{Field, Representation, TableState};

/// What was seen of a direction.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Entries of the dynamic table whose names the static table does not have: the number, at the place that its last bits name, and the
    /// kind. No number stands for two entries.
    entries: [(u32, Option<Kind>); 16],
    /// The blocks that came last.
    blocks: [SeenBlock; 4],
    /// How many were remembered: the last bits say which gives way to the next.
    remembered: usize,
}

/// A regular field that breaks no rule by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Te,
    Status,
    Other,
}

/// A block that is nothing but references to entries, in one octet each.
#[derive(Debug, Default)]
struct SeenBlock {
    octets: [u8; LONGEST],
    /// 0 for none.
    length: usize,
    table: TableState,
    read: Read,
}

/// The longest block that is remembered, in octets.
const LONGEST: usize = 16;

impl Seen {
    /// What a reference to an entry is, if it was seen.
    #[inline]
    pub(super) fn entry(&self, field: &Field<'_>) -> Option<Kind> {
        let id = field.entry_id().filter(|_| field.representation() == Representation::Indexed)?;
        let (of, kind) = self.entries.get(id as usize & 15)?;
        if u64::from(*of) == id { *kind } else { None }
    }

    pub(super) fn remember_entry(&mut self, field: &Field<'_>, kind: Kind) {
        if let Some(id) = field.entry_id()
            && let Ok(of) = u32::try_from(id)
            && let Some(place) = self.entries.get_mut(id as usize & 15)
        {
            *place = (of, Some(kind));
        }
    }

    /// What the same block said, if it was seen.
    #[inline]
    pub(super) fn block(&self, block: &Block<'_>) -> Option<&Read> {
        let (octets, table) = (block.fields.octets(), block.fields.table());
        let is_same = |seen: &&SeenBlock| {
            seen.length == octets.len() && seen.table == table && seen.octets.get(..seen.length) == Some(octets)
        };
        let sound = !octets.is_empty() && block.complete && block.fields.faults().is_empty();
        self.blocks.iter().find(is_same).map(|seen| &seen.read).filter(|_| sound)
    }

    /// Remembers what a block says that is whole and breaks no rule by itself.
    #[inline]
    pub(super) fn remember_block(&mut self, block: &Block<'_>, read: Read) {
        let octets = block.fields.octets();
        if octets.len() > LONGEST || !octets.iter().all(|octet| matches!(octet, 0x81..=0xfe)) {
            return;
        }
        if let Some(place) = self.blocks.get_mut(self.remembered & 3)
            && let Some(copy) = place.octets.get_mut(..octets.len())
        {
            copy.copy_from_slice(octets);
            (place.length, place.table, place.read) = (octets.len(), block.fields.table(), read);
            self.remembered = self.remembered.wrapping_add(1);
        }
    }
}
