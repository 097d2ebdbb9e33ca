//! One block's way through the decoder, field by field (RFC 7541 §6).
//!
//! Stops at what cannot be read; what losing track then means is the decoder's business.

use super::block::Scratch;
use super::dynamic_table::{DynamicTable, Entry, NewName, nth_newest, slice};
use super::fault::{Fault, FaultKind};
use super::field::{Item, Representation, Source};
use super::static_table::{self, FIRST_DYNAMIC, StaticEntry, StaticName};
use super::{ENTRY_OVERHEAD, huffman, integer};

/// One block's way through the decoder.
pub(super) struct BlockDecoder<'r> {
    block: &'r [u8],
    table: &'r mut DynamicTable,
    scratch: &'r mut Scratch,
    size_limit: Option<u32>,
    list_octets: u64,
    /// What size updates take of [`Limits::list_octets`](super::Limits::list_octets), beside the fields.
    charged_updates: u64,
    /// Length of the table's text when showing ended.
    shown_text: Option<usize>,
}

impl<'r> BlockDecoder<'r> {
    /// A decoder for `block`, whose fields go to `scratch`, at most `list_octets` of them.
    pub(super) fn new(
        block: &'r [u8],
        table: &'r mut DynamicTable,
        scratch: &'r mut Scratch,
        size_limit: Option<u32>,
        list_octets: u64,
    ) -> Self {
        Self { block, table, scratch, size_limit, list_octets, charged_updates: 0, shown_text: None }
    }

    /// Decodes field by field up to the end or a stopping fault.
    ///
    /// `lowest_limit` is the lowest that SETTINGS allowed since the block before, `max_size` the table's.
    pub(super) fn decode(&mut self, lowest_limit: Option<u32>, max_size: Option<u32>) -> Result<(), Fault> {
        if self.block.len() > MAX_BLOCK {
            return Err(Fault { at: 0, kind: FaultKind::BlockTooLong });
        }
        let mut at = self.leading_size_updates(lowest_limit, max_size)?;
        while let Some(&octet) = self.block.get(at) {
            at = match octet {
                0x81..=0xfe => self.indexed_run(at)?,
                0x80.. => self.indexed(at)?,
                0x40.. => self.literal(at, 0x3f, Representation::LiteralIndexed)?,
                0x20.. => self.misplaced_size_update(at)?,
                0x10.. => self.literal(at, 0x0f, Representation::NeverIndexed)?,
                _ => self.literal(at, 0x0f, Representation::Literal)?,
            };
            self.scratch.summary.decoded_octets = offset(at);
        }
        Ok(())
    }

    /// The size updates at the start of a block (§4.2), and whether one that should be there is missing.
    fn leading_size_updates(&mut self, lowest_limit: Option<u32>, max_size: Option<u32>) -> Result<usize, Fault> {
        let mut at = 0;
        let mut smallest = max_size;
        while let Some(0x20..=0x3f) = self.block.get(at) {
            let (size, end) = self.size_update(at)?;
            smallest = smallest.map(|smallest| smallest.min(size));
            at = end;
            self.scratch.summary.decoded_octets = offset(at);
        }
        if let (Some(smallest), Some(limit), Some(size)) = (smallest, lowest_limit, max_size)
            && smallest > limit
        {
            self.scratch.report(Fault { at: 0, kind: FaultKind::SizeUpdateMissing { size, limit } });
        }
        Ok(at)
    }

    /// Applies the size update at `at` (§6.3).
    fn size_update(&mut self, at: usize) -> Result<(u32, usize), Fault> {
        let (size, end) = integer::read(self.block, at, 0x1f)?;
        if let Some(limit) = self.size_limit.filter(|&limit| size > limit) {
            self.scratch.report(Fault { at: offset(at), kind: FaultKind::SizeUpdateAboveLimit { size, limit } });
        }
        self.table.set_max_size(size);
        let octets = u64::from(ENTRY_OVERHEAD);
        self.charged_updates = self.charged_updates.wrapping_add(octets);
        self.show(
            Item {
                value_at: size,
                name: Source::Scratch,
                value: Source::Scratch,
                ..item(at, end, Representation::SizeUpdate)
            },
            octets,
        );
        Ok((size, end))
    }

    fn misplaced_size_update(&mut self, at: usize) -> Result<usize, Fault> {
        let (size, end) = self.size_update(at)?;
        self.scratch.report(Fault { at: offset(at), kind: FaultKind::SizeUpdateMisplaced { size } });
        Ok(end)
    }

    /// References in one octet each to entries that are held (§6.1), of which there is at least one or that one
    /// is not held: most of what is on the wire, in a tight loop.
    #[inline]
    fn indexed_run(&mut self, mut at: usize) -> Result<usize, Fault> {
        let start = at;
        let block = self.block;
        let live = self.table.live();
        let newest = self.table.id(0);
        let scratch = &mut *self.scratch;
        let items = &mut scratch.items;
        let room = self.list_octets.saturating_sub(self.charged_updates);
        let mut list_octets = scratch.summary.list_octets;
        while let Some(&octet @ 0x81..=0xfe) = block.get(at) {
            let index = u32::from(octet & 0x7f);
            // Each arm builds its item in place: joining them costs as much again.
            match index.checked_sub(FIRST_DYNAMIC) {
                None => {
                    let entry = static_table::entry(index);
                    list_octets = list_octets.wrapping_add(u64::from(entry.list_octets));
                    if list_octets > room {
                        list_octets = list_octets.wrapping_sub(u64::from(entry.list_octets));
                        break;
                    }
                    items.push(Item::fixed(entry, index, at, at.wrapping_add(1)));
                }
                Some(nth) => {
                    let Some(entry) = nth_newest(live, nth) else {
                        break;
                    };
                    let octets = entry.list_octets();
                    list_octets = list_octets.wrapping_add(octets);
                    if list_octets > room {
                        list_octets = list_octets.wrapping_sub(octets);
                        break;
                    }
                    let id = newest.wrapping_sub(u64::from(nth));
                    items.push(Item::held(entry, id, index, at, at.wrapping_add(1)));
                }
            }
            at = at.wrapping_add(1);
        }
        scratch.summary.list_octets = list_octets;
        if at == start { self.indexed(at) } else { Ok(at) }
    }

    /// Any reference to a whole entry (§6.1).
    #[inline(never)]
    fn indexed(&mut self, at: usize) -> Result<usize, Fault> {
        let (index, end) = integer::read(self.block, at, 0x7f)?;
        if index == 0 {
            return Err(Fault { at: offset(at), kind: FaultKind::IndexZero });
        }
        let (item, octets) = match self.entry(index, at) {
            Found::Static(entry) => (Item::fixed(entry, index, at, end), u64::from(entry.list_octets)),
            Found::Dynamic(entry, id) => (Item::held(&entry, id, index, at, end), entry.list_octets()),
            Found::Nothing => {
                let item = Item { index, ..item(at, end, Representation::Indexed) };
                (item, u64::from(ENTRY_OVERHEAD))
            }
        };
        self.show_field(item, octets);
        Ok(end)
    }

    /// A literal value with a literal or indexed name (§6.2).
    fn literal(&mut self, at: usize, mask: u8, representation: Representation) -> Result<usize, Fault> {
        let scratch_before = self.scratch.text.len();
        let (index, after_name) = integer::read(self.block, at, mask)?;
        let mut item = Item { index, ..item(at, at, representation) };
        let after_name = match index {
            0 => {
                let (name, end) = self.string(after_name)?;
                item.name = name.source;
                item.name_at = name.at;
                item.name_len = name.len;
                item.huffman_name = name.source == Source::Scratch;
                item.static_name = StaticName::of(self.text(name));
                end
            }
            _ => {
                match self.entry(index, at) {
                    Found::Static(entry) => {
                        item.name = Source::Static;
                        item.name_len = offset(entry.name.len());
                        item.static_name = entry.static_name;
                    }
                    Found::Dynamic(entry, _) => {
                        item.name = entry.name;
                        item.name_at = entry.at;
                        item.name_len = entry.name_len;
                        item.static_name = entry.static_name;
                    }
                    Found::Nothing => {}
                }
                after_name
            }
        };
        let (value, end) = self.string(after_name)?;
        item.value = value.source;
        item.value_at = value.at;
        item.value_len = value.len;
        item.huffman_value = value.source == Source::Scratch;
        item.end = offset(end);
        if representation == Representation::LiteralIndexed {
            item.entry_id = self.insert(&item);
        }
        let octets =
            u64::from(ENTRY_OVERHEAD).wrapping_add(u64::from(item.name_len)).wrapping_add(u64::from(item.value_len));
        if !self.show_field(item, octets) {
            self.scratch.text.truncate(scratch_before);
        }
        Ok(end)
    }

    /// Makes `item` the newest entry (§4.4) and returns its number.
    fn insert(&mut self, item: &Item) -> u64 {
        let name = match item.name {
            Source::Unknown => NewName::Unknown,
            Source::Table => NewName::Own { at: item.name_at, len: item.name_len },
            Source::Static => NewName::Octets(static_table::entry(item.index).name.as_bytes()),
            Source::Block => NewName::Octets(slice(self.block, item.name_at, item.name_len)),
            Source::Scratch => NewName::Octets(slice(&self.scratch.text, item.name_at, item.name_len)),
        };
        let value = match item.value {
            Source::Scratch => slice(&self.scratch.text, item.value_at, item.value_len),
            _ => slice(self.block, item.value_at, item.value_len),
        };
        self.table.insert(name, item.static_name, value);
        self.table.id(0)
    }

    /// A length and so many octets (§5.2).
    fn string(&mut self, at: usize) -> Result<(Text, usize), Fault> {
        let huffman = self.block.get(at).is_some_and(|octet| octet & 0x80 != 0);
        let (length, start) = integer::read(self.block, at, 0x7f)?;
        let end = start.saturating_add(length as usize);
        let Some(octets) = self.block.get(start..end) else {
            let available = offset(self.block.len().saturating_sub(start));
            return Err(Fault { at: offset(at), kind: FaultKind::StringTooLong { length, available } });
        };
        if !huffman {
            let text = Text { source: Source::Block, at: offset(start), len: length };
            return Ok((text, end));
        }
        let text = &mut self.scratch.text;
        let decoded_at = text.len();
        huffman::decode(octets, text).map_err(|kind| Fault { at: offset(start), kind })?;
        let len = text.len().saturating_sub(decoded_at);
        let text = Text { source: Source::Scratch, at: offset(decoded_at), len: offset(len) };
        Ok((text, end))
    }

    fn text(&self, text: Text) -> &[u8] {
        match text.source {
            Source::Scratch => slice(&self.scratch.text, text.at, text.len),
            _ => slice(self.block, text.at, text.len),
        }
    }

    /// What `index` (not 0) refers to (§2.3.3); `at` is where it stands.
    #[inline]
    fn entry(&mut self, index: u32, at: usize) -> Found {
        let Some(nth) = index.checked_sub(FIRST_DYNAMIC) else {
            return Found::Static(static_table::entry(index));
        };
        match self.table.nth(nth) {
            Some(entry) => Found::Dynamic(*entry, self.table.id(nth)),
            None => self.beyond(index, at),
        }
    }

    /// An index beyond what is held: an entry that was never seen, or none at all.
    #[cold]
    fn beyond(&mut self, index: u32, at: usize) -> Found {
        if !self.table.older_unknown() {
            let entries = self.table.len();
            self.scratch.report(Fault { at: offset(at), kind: FaultKind::IndexBeyondTable { index, entries } });
            self.table.doubt();
        }
        Found::Nothing
    }

    /// Shows a field that adds `octets` to the list, unless it or one before it did not fit; returns whether it did.
    #[inline]
    fn show_field(&mut self, item: Item, octets: u64) -> bool {
        self.scratch.summary.list_octets = self.scratch.summary.list_octets.wrapping_add(octets);
        self.show(item, octets)
    }

    #[inline]
    fn show(&mut self, item: Item, octets: u64) -> bool {
        let charged = self.scratch.summary.list_octets.wrapping_add(self.charged_updates);
        if charged > self.list_octets {
            self.omit(octets);
            return false;
        }
        self.scratch.items.push(item);
        true
    }

    #[cold]
    fn omit(&mut self, octets: u64) {
        // Whatever comes next is omitted too: what is shown is a prefix.
        let omitted = &mut self.scratch.summary.omitted;
        omitted.fields = omitted.fields.saturating_add(1);
        omitted.octets = omitted.octets.saturating_add(octets);
        let shown = *self.shown_text.get_or_insert(self.table.text().len());
        self.table.reclaim(shown);
    }
}

/// The longest block that is decoded, in octets: lengths and offsets then fit in 32 bits, decoded text included.
const MAX_BLOCK: usize = 256 << 20;

impl Item {
    /// A reference to a static entry.
    #[inline]
    fn fixed(entry: &'static StaticEntry, index: u32, start: usize, end: usize) -> Self {
        Self {
            index,
            static_name: entry.static_name,
            name: Source::Static,
            value: Source::Static,
            ..item(start, end, Representation::Indexed)
        }
    }

    /// A reference to the dynamic entry numbered `id`.
    #[inline]
    fn held(entry: &Entry, id: u64, index: u32, start: usize, end: usize) -> Self {
        Self {
            entry_id: id,
            name_at: entry.at,
            name_len: entry.name_len,
            value_at: entry.value_at(),
            value_len: entry.value_len,
            index,
            static_name: entry.static_name,
            name: entry.name,
            value: entry.value,
            ..item(start, end, Representation::Indexed)
        }
    }
}

/// A literal string.
#[derive(Clone, Copy)]
struct Text {
    /// [`Source::Block`], or [`Source::Scratch`] if it was Huffman-coded.
    source: Source,
    at: u32,
    len: u32,
}

/// What an index refers to.
enum Found {
    Static(&'static StaticEntry),
    /// A dynamic entry and its insertion number.
    Dynamic(Entry, u64),
    Nothing,
}

/// An item of which nothing is known but its place.
#[inline]
fn item(start: usize, end: usize, representation: Representation) -> Item {
    Item {
        entry_id: 0,
        name_at: 0,
        name_len: 0,
        value_at: 0,
        value_len: 0,
        start: offset(start),
        end: offset(end),
        index: 0,
        representation,
        static_name: StaticName::NONE,
        name: Source::Unknown,
        value: Source::Unknown,
        huffman_name: false,
        huffman_value: false,
    }
}

/// Offsets and lengths fit in 32 bits: blocks are limited.
#[inline]
fn offset(at: usize) -> u32 {
    at as u32
}
