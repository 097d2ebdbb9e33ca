//! The dynamic table (RFC 7541 §2.3.2, §4), also when part of it is unknown.
//!
//! What is held is always the *newest* part of the encoder's table: entry `n` from the newest is exactly the
//! encoder's entry `n`, if the encoder still has that many. Older entries may exist that were never seen.
//!
//! Text lives in one append-only buffer and is reclaimed between blocks, so that what one block shows stays
//! valid until the next, whatever that block evicts.

use super::ENTRY_OVERHEAD;
use super::field::Source;
use super::static_table::StaticName;

/// Octets that inserting entries may copy in one block; beyond it entries become placeholders.
///
/// Two octets on the wire can copy a name of any length, so that this bounds time, not memory.
const COPY_BUDGET: u64 = 16 << 20;

/// What a table gets room for when it takes its first entry: the fields that most requests have in common.
const FIRST_ENTRIES: usize = 8;
/// The same for their text, in octets.
const FIRST_TEXT: usize = 256;

/// Unused text that is not worth moving the rest for.
const SLACK: usize = 1024;

/// One entry; its text is `name` and `value` side by side in the table's buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Where the name begins in the text.
    pub(super) at: u32,
    /// Length of the name held, in octets.
    pub(super) name_len: u32,
    /// Length of the value held, in octets.
    pub(super) value_len: u32,
    /// Size (§4.1), a lower bound unless `size_exact`.
    pub(super) size: u32,
    pub(super) static_name: StaticName,
    /// [`Source::Table`], or [`Source::Unknown`] for a placeholder.
    pub(super) name: Source,
    /// As for the name.
    pub(super) value: Source,
    size_exact: bool,
}

impl Entry {
    /// What holding it costs, by the measure of §4.1; also what showing it adds to a header list.
    #[inline]
    pub(super) fn list_octets(&self) -> u64 {
        cost(self.name_len, self.value_len)
    }

    /// Where the value begins in the text.
    #[inline]
    pub(super) fn value_at(&self) -> u32 {
        self.at.wrapping_add(self.name_len)
    }

    fn text_end(&self) -> usize {
        self.value_at().wrapping_add(self.value_len) as usize
    }
}

/// Three numbers below 2^32 do not overflow.
#[inline]
fn cost(name_len: u32, value_len: u32) -> u64 {
    u64::from(name_len).wrapping_add(u64::from(value_len)).wrapping_add(u64::from(ENTRY_OVERHEAD))
}

/// Where an inserted entry takes its name from.
#[derive(Clone, Copy)]
pub(super) enum NewName<'a> {
    /// A placeholder's: not known.
    Unknown,
    /// Octets outside of the table.
    Octets(&'a [u8]),
    /// An entry of this table, as octets of its text.
    Own { at: u32, len: u32 },
}

impl NewName<'_> {
    fn len(&self) -> u32 {
        match *self {
            Self::Unknown => 0,
            Self::Octets(octets) => length(octets),
            Self::Own { len, .. } => len,
        }
    }
}

#[derive(Debug)]
pub(super) struct DynamicTable {
    text: Vec<u8>,
    /// Oldest first; those before `first` have been evicted since the block began.
    entries: Vec<Entry>,
    first: usize,
    /// Entries inserted so far, evicted ones too.
    inserted: u64,
    /// Sum of the sizes of what is held.
    size: u64,
    /// Entries held whose size is a lower bound.
    inexact_sizes: u32,
    /// Sum of the costs of what is held.
    cost: u64,
    /// The size the encoder keeps to (§4.2); `None` if unknown.
    max_size: Option<u32>,
    /// Whether the encoder may have entries older than those held.
    older_unknown: bool,
    caps: Caps,
    copy_budget: u64,
    /// Entries given up for memory since the block began.
    forgotten: u32,
}

/// Bounds of the memory for entries, in octets by the measure of §4.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    /// While the table's maximum size is known.
    pub(super) known: u32,
    /// While it is not.
    pub(super) unknown: u32,
}

impl DynamicTable {
    /// An empty table; without `max_size` nothing is known of what the encoder's holds.
    pub(super) fn new(max_size: Option<u32>, caps: Caps) -> Self {
        Self {
            text: Vec::new(),
            entries: Vec::new(),
            first: 0,
            inserted: 0,
            size: 0,
            inexact_sizes: 0,
            cost: 0,
            max_size,
            older_unknown: max_size.is_none(),
            caps,
            copy_budget: COPY_BUDGET,
            forgotten: 0,
        }
    }

    /// The entry `nth` from the newest, which has number 0.
    #[inline]
    pub(super) fn nth(&self, nth: u32) -> Option<&Entry> {
        nth_newest(self.live(), nth)
    }

    /// The entries held, oldest first.
    #[inline]
    pub(super) fn live(&self) -> &[Entry] {
        self.entries.get(self.first..).unwrap_or_default()
    }

    /// The insertion number, from 1, of the entry `nth` from the newest.
    #[inline]
    pub(super) fn id(&self, nth: u32) -> u64 {
        self.inserted.wrapping_sub(u64::from(nth))
    }

    /// Number of entries held.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.entries.len().saturating_sub(self.first)).unwrap_or(u32::MAX)
    }

    /// Sum of the sizes of the entries held, in octets.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn max_size(&self) -> Option<u32> {
        self.max_size
    }

    /// Whether the encoder may hold entries that this table lacks.
    pub(super) fn older_unknown(&self) -> bool {
        self.older_unknown
    }

    /// Whether this is the encoder's table, entry by entry.
    pub(super) fn is_exact(&self) -> bool {
        !self.older_unknown && self.inexact_sizes == 0 && self.max_size.is_some()
    }

    pub(super) fn forgotten(&self) -> u32 {
        self.forgotten
    }

    #[inline]
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The octets `at .. at + len` of the text.
    pub(super) fn text_at(&self, at: u32, len: u32) -> &[u8] {
        slice(&self.text, at, len)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity().saturating_add(self.entries.capacity().saturating_mul(std::mem::size_of::<Entry>()))
    }

    /// Forgets everything: any number of entries may have been inserted, and the maximum size changed.
    pub(super) fn lose_track(&mut self) {
        self.clear();
        self.doubt();
    }

    /// Keeps what is held, but no longer believes that it is all there is, or in its maximum size.
    pub(super) fn doubt(&mut self) {
        self.older_unknown = true;
        self.max_size = None;
    }

    /// Follows a table size update (§4.3).
    pub(super) fn set_max_size(&mut self, max_size: u32) {
        self.max_size = Some(max_size);
        self.evict_to(u64::from(max_size));
        self.settle();
    }

    /// Inserts an entry as the newest one (§4.4).
    pub(super) fn insert(&mut self, name: NewName<'_>, static_name: StaticName, value: &[u8]) {
        self.inserted = self.inserted.wrapping_add(1);
        let name_len = name.len();
        let value_len = length(value);
        let cost = cost(name_len, value_len);
        if let Some(max_size) = self.max_size {
            let max_size = u64::from(max_size);
            if cost > max_size {
                self.clear();
                self.older_unknown = false;
                return;
            }
            self.evict_to(max_size.saturating_sub(cost));
        }
        let mut entry = Entry {
            at: length(&self.text),
            name_len,
            value_len,
            size: u32::try_from(cost).unwrap_or(u32::MAX),
            static_name,
            name: match name {
                NewName::Unknown => Source::Unknown,
                _ => Source::Table,
            },
            value: Source::Table,
            size_exact: !matches!(name, NewName::Unknown),
        };
        if cost > self.cap() || cost > self.copy_budget {
            entry = Entry {
                name_len: 0,
                value_len: 0,
                static_name: StaticName::NONE,
                name: Source::Unknown,
                value: Source::Unknown,
                ..entry
            };
            self.forgotten = self.forgotten.saturating_add(1);
        } else {
            self.copy_budget = self.copy_budget.saturating_sub(cost);
            self.append(name, value);
        }
        self.size = self.size.saturating_add(u64::from(entry.size));
        self.cost = self.cost.saturating_add(entry.list_octets());
        if !entry.size_exact {
            self.inexact_sizes = self.inexact_sizes.saturating_add(1);
        }
        if self.entries.capacity() == 0 {
            self.entries.reserve(FIRST_ENTRIES);
        }
        self.entries.push(entry);
        self.settle();
        self.keep_to_cap();
    }

    fn append(&mut self, name: NewName<'_>, value: &[u8]) {
        if self.text.capacity() == 0 {
            self.text.reserve(FIRST_TEXT);
        }
        match name {
            NewName::Unknown => {}
            NewName::Octets(octets) => self.text.extend_from_slice(octets),
            NewName::Own { at, len } => {
                let range = at as usize..at.saturating_add(len) as usize;
                if range.end <= self.text.len() {
                    self.text.extend_from_within(range);
                }
            }
        }
        self.text.extend_from_slice(value);
    }

    fn cap(&self) -> u64 {
        u64::from(match self.max_size {
            Some(_) => self.caps.known,
            None => self.caps.unknown,
        })
    }

    /// Evicts the oldest entries until what is left has at most `size` octets.
    ///
    /// Sizes are lower bounds, so whatever goes here is gone from the encoder's table too, and with it all
    /// that is older.
    fn evict_to(&mut self, size: u64) {
        while self.size > size && self.evict_oldest() {
            self.older_unknown = false;
        }
    }

    /// Notices when the table has no room for any entry older than those held.
    fn settle(&mut self) {
        if let Some(max_size) = self.max_size {
            let with_another = self.size.saturating_add(u64::from(ENTRY_OVERHEAD));
            if with_another > u64::from(max_size) {
                self.older_unknown = false;
            }
        }
    }

    /// Gives up the oldest entries for memory's sake, though the encoder may have them still.
    fn keep_to_cap(&mut self) {
        let cap = self.cap();
        while self.cost > cap && self.evict_oldest() {
            self.older_unknown = true;
            self.forgotten = self.forgotten.saturating_add(1);
        }
    }

    fn evict_oldest(&mut self) -> bool {
        let Some(&oldest) = self.entries.get(self.first) else {
            return false;
        };
        self.first = self.first.saturating_add(1);
        self.size = self.size.saturating_sub(u64::from(oldest.size));
        self.cost = self.cost.saturating_sub(oldest.list_octets());
        if !oldest.size_exact {
            self.inexact_sizes = self.inexact_sizes.saturating_sub(1);
        }
        true
    }

    fn clear(&mut self) {
        self.first = self.entries.len();
        self.size = 0;
        self.cost = 0;
        self.inexact_sizes = 0;
    }

    /// Begins a block: nothing shown before is needed any more.
    pub(super) fn begin_block(&mut self) {
        self.forgotten = 0;
        self.copy_budget = COPY_BUDGET;
        self.reclaim(0);
    }

    /// Drops text and entries that are no longer held, if it pays; keeps text below `keep` in its place.
    #[inline]
    pub(super) fn reclaim(&mut self, keep: usize) {
        let live = usize::try_from(self.cost).unwrap_or(usize::MAX);
        let spare = self.text.len().saturating_sub(keep);
        let entries = self.entries.len().saturating_sub(self.first);
        if spare > live.saturating_add(SLACK) || self.first > entries.saturating_add(SLACK / 16) {
            self.compact(keep);
        }
    }

    #[cold]
    fn compact(&mut self, keep: usize) {
        self.entries.drain(..self.first);
        self.first = 0;
        // Texts stand in the order of the entries: those that begin at `keep` or behind it move as one.
        let moving = self.entries.partition_point(|entry| (entry.at as usize) < keep);
        let (staying, moving) = self.entries.split_at_mut_checked(moving).unwrap_or_default();
        let to = staying.last().map_or(keep, |entry| entry.text_end().max(keep));
        let from = moving.first().map_or(self.text.len(), |entry| entry.at as usize);
        if let Some(shift) = from.checked_sub(to) {
            let tail = from..self.text.len();
            let len = tail.len();
            if to.saturating_add(len) <= self.text.len() {
                self.text.copy_within(tail, to);
                self.text.truncate(to.saturating_add(len));
                for entry in moving {
                    entry.at = entry.at.saturating_sub(length_of(shift));
                }
            }
        }
        if self.text.capacity() > self.text.len().saturating_mul(4).saturating_add(64 << 10) {
            self.text.shrink_to(self.text.len().saturating_mul(2));
            self.entries.shrink_to(self.entries.len().saturating_mul(2));
        }
    }
}

/// The entry `nth` from the end, which has number 0.
#[inline]
pub(super) fn nth_newest(live: &[Entry], nth: u32) -> Option<&Entry> {
    // Wraps to an index that no slice has if there are not so many.
    live.get(live.len().wrapping_sub(nth as usize).wrapping_sub(1))
}

/// Lengths fit in 32 bits: blocks are limited, and so is the table's text.
fn length(octets: &[u8]) -> u32 {
    length_of(octets.len())
}

fn length_of(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}

/// The octets `at .. at + len`; empty if there are no such octets.
#[inline]
pub(super) fn slice(octets: &[u8], at: u32, len: u32) -> &[u8] {
    let (at, len) = (at as usize, len as usize);
    octets.get(at..at.saturating_add(len)).unwrap_or_default()
}
