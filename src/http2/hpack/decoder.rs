//! The decoder: header blocks in, fields out (RFC 7541 §3, §6).
//!
//! It never shows a name or value that it is not certain of, and never ends because of what a block says.
//! What a connection should do about a fault is not its business.

use super::DEFAULT_TABLE_SIZE;
use super::block::{HeaderBlock, Scratch, TableState};
use super::block_decoder::BlockDecoder;
use super::dynamic_table::{Caps, DynamicTable};
use super::fault::{Fault, FaultKind};
use super::field::Source;
use super::static_table::FIRST_DYNAMIC;

/// Bounds of a decoder's memory, in octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Entries held, by the measure of RFC 7541 §4.1. An encoder whose table is larger has its oldest entries
    /// forgotten here: references to them are unknown. Default 1 MiB.
    pub table_octets: u32,
    /// The same while the size of the encoder's table is unknown (late start, lost track), where nothing else
    /// says when to let an entry go. Default 128 KiB.
    pub uncertain_table_octets: u32,
    /// Fields shown in one block: octets of names and values, and 32 for each. The rest are decoded, counted
    /// and omitted. Default 1 MiB.
    pub list_octets: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { table_octets: 1 << 20, uncertain_table_octets: 128 << 10, list_octets: 1 << 20 }
    }
}

/// Whether the decoder sees the direction's first header block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// From the first octet of the connection: the table is empty and has the default size.
    Known,
    /// From somewhere in the middle: the table may hold anything.
    Late,
}

/// The decoder for one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    table: DynamicTable,
    list_octets: u64,
    size_limit: Option<u32>,
    /// The lowest limit since the last block.
    lowest_limit: Option<u32>,
}

impl Decoder {
    /// A decoder that holds no entries.
    pub fn new(start: Start, limits: Limits) -> Self {
        let size = match start {
            Start::Known => Some(DEFAULT_TABLE_SIZE),
            Start::Late => None,
        };
        let caps = Caps { known: limits.table_octets, unknown: limits.uncertain_table_octets };
        Self {
            table: DynamicTable::new(size, caps),
            list_octets: u64::from(limits.list_octets),
            size_limit: size,
            lowest_limit: None,
        }
    }

    /// Decodes a whole header block: the fragments of HEADERS or PUSH_PROMISE and its CONTINUATIONs, joined.
    pub fn decode<'a>(&'a mut self, block: &'a [u8], scratch: &'a mut Scratch) -> HeaderBlock<'a> {
        if let Err(fault) = self.run(block, scratch) {
            scratch.report(fault);
            self.lose_track();
        }
        HeaderBlock::new(scratch, self.table.text(), block)
    }

    /// Decodes the beginning of a block whose remainder the capture lacks, then [loses track](Self::lose_track).
    ///
    /// That the prefix ends inside a field is no fault; [`HeaderBlock::decoded_octets`] says where.
    pub fn decode_partial<'a>(&'a mut self, prefix: &'a [u8], scratch: &'a mut Scratch) -> HeaderBlock<'a> {
        match self.run(prefix, scratch) {
            Ok(()) | Err(Fault { kind: FaultKind::EndsInsideField | FaultKind::StringTooLong { .. }, .. }) => {}
            Err(fault) => scratch.report(fault),
        }
        self.lose_track();
        HeaderBlock::new(scratch, self.table.text(), prefix)
    }

    /// Says that header blocks were missed: the table may hold anything from now on, as after [`Start::Late`].
    pub fn lose_track(&mut self) {
        self.table.lose_track();
        self.lowest_limit = None;
    }

    /// Says what SETTINGS_HEADER_TABLE_SIZE the encoder is bound to from the next block on: call it when the
    /// encoder's SETTINGS ACK passes (RFC 9113 §6.5.3).
    ///
    /// This changes no table, only what counts as a fault: the encoder's size updates change the table.
    pub fn set_size_limit(&mut self, limit: u32) {
        self.size_limit = Some(limit);
        self.lowest_limit = Some(self.lowest_limit.map_or(limit, |lowest| lowest.min(limit)));
    }

    /// Takes any size from the encoder: what it is bound to was not captured.
    pub fn forget_size_limit(&mut self) {
        self.size_limit = None;
        self.lowest_limit = None;
    }

    /// The limit in octets that the encoder is bound to; `None` if never told after a late start.
    pub fn size_limit(&self) -> Option<u32> {
        self.size_limit
    }

    /// The maximum size in octets that the encoder has chosen; `None` if unknown.
    pub fn table_max_size(&self) -> Option<u32> {
        self.table.max_size()
    }

    /// The size of the entries held (RFC 7541 §4.1) in octets; a lower bound of the encoder's table's size unless
    /// [exact](Self::is_exact).
    pub fn table_size(&self) -> u64 {
        self.table.size()
    }

    /// Whether the table is the encoder's, entry by entry.
    ///
    /// A decoder that started late or lost track becomes exact again once everything it has not seen has certainly
    /// been evicted, for which it must see the encoder choose a table size.
    pub fn is_exact(&self) -> bool {
        self.table.is_exact()
    }

    /// The entries held, newest first: the first has index 62.
    pub fn table(&self) -> impl ExactSizeIterator<Item = TableEntry<'_>> {
        // `Range<u32>` is no `ExactSizeIterator`; `Range<u16>` is too small.
        (0..self.table.len() as usize).map(|nth| {
            let nth = nth as u32;
            let index = nth.saturating_add(FIRST_DYNAMIC);
            let id = self.table.id(nth);
            match self.table.nth(nth) {
                Some(entry) => TableEntry {
                    index,
                    id,
                    name: (entry.name == Source::Table).then(|| self.table.text_at(entry.at, entry.name_len)),
                    value: (entry.value == Source::Table)
                        .then(|| self.table.text_at(entry.value_at(), entry.value_len)),
                    size: entry.size,
                },
                None => TableEntry { index, id, name: None, value: None, size: 0 },
            }
        })
    }

    /// The memory held, in octets.
    pub fn held_bytes(&self) -> usize {
        std::mem::size_of::<Self>().saturating_add(self.table.held_bytes())
    }

    fn run(&mut self, block: &[u8], scratch: &mut Scratch) -> Result<(), Fault> {
        scratch.begin_block();
        self.table.begin_block();
        let max_size = self.table.max_size();
        let result = BlockDecoder::new(block, &mut self.table, scratch, self.size_limit, self.list_octets)
            .decode(self.lowest_limit.take(), max_size);
        scratch.summary.forgotten = self.table.forgotten();
        scratch.summary.table = TableState { newest: self.table.id(0), held: self.table.len() };
        result
    }
}

/// An entry of the dynamic table as it stands after the last block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TableEntry<'a> {
    /// The index that refers to it now.
    pub index: u32,
    /// Its insertion number, as in [`Field::entry_id`](super::Field::entry_id).
    pub id: u64,
    /// The name; `None` for a placeholder.
    pub name: Option<&'a [u8]>,
    /// The value; `None` for a placeholder.
    pub value: Option<&'a [u8]>,
    /// Its size (RFC 7541 §4.1) in octets; a lower bound if the name is unknown because its entry was never seen.
    pub size: u32,
}
