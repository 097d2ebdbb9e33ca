//! The encoder of the built-in endpoints and traffic generators (RFC 7541 §6, §4.2).
//!
//! What it writes decodes back to what it was given; which representation suits a field is the caller's choice.

use super::dynamic_table::{Caps, DynamicTable, NewName};
use super::field::Source;
use super::static_table::{self, FIRST_DYNAMIC, StaticName};
use super::{DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD, huffman, integer};

/// The largest table that is kept, in octets, whatever the peer allows.
const MAX_TABLE_SIZE: u32 = 1 << 20;

/// How to represent a field.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct How {
    /// Whether the table is used for it.
    pub indexing: Indexing,
    /// Whether its literal strings are Huffman-coded.
    pub huffman: Huffman,
}

/// Whether a field is looked up in the table, and put into it. Names are looked up in any case.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Indexing {
    /// Indexed if the table has it; else a literal that becomes an entry, or, if it is too large for the table, one
    /// without indexing.
    #[default]
    Incremental,
    /// A literal without indexing (§6.2.2).
    Without,
    /// A never-indexed literal (§6.2.3): for secrets.
    Never,
}

/// Whether literal strings are Huffman-coded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Huffman {
    /// Where that is shorter.
    #[default]
    Shorter,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// The encoder for one direction of a connection.
#[derive(Debug)]
pub struct Encoder {
    table: DynamicTable,
    /// The size in force, once pending updates are written.
    size: u32,
    /// The smallest size since the last block, if it changed.
    smallest: Option<u32>,
    wish: u32,
    limit: u32,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder with an empty table of the [default size](super::DEFAULT_TABLE_SIZE).
    pub fn new() -> Self {
        let caps = Caps { known: MAX_TABLE_SIZE, unknown: MAX_TABLE_SIZE };
        Self {
            table: DynamicTable::new(Some(DEFAULT_TABLE_SIZE), caps),
            size: DEFAULT_TABLE_SIZE,
            smallest: None,
            wish: DEFAULT_TABLE_SIZE,
            limit: DEFAULT_TABLE_SIZE,
        }
    }

    /// Keeps to the peer's SETTINGS_HEADER_TABLE_SIZE from the next block on.
    pub fn set_size_limit(&mut self, limit: u32) {
        self.limit = limit;
        self.choose_size();
    }

    /// Asks for a table of `size` octets from the next block on; the peer's limit and 1 MiB bound it.
    /// 4096 until called.
    pub fn resize(&mut self, size: u32) {
        self.wish = size;
        self.choose_size();
    }

    /// The table's maximum size in octets, as of the next block.
    pub fn table_max_size(&self) -> u32 {
        self.size
    }

    /// The size of the table's entries in octets (RFC 7541 §4.1).
    pub fn table_size(&self) -> u64 {
        self.table.size()
    }

    /// The memory held, in octets.
    pub fn held_bytes(&self) -> usize {
        std::mem::size_of::<Self>().saturating_add(self.table.held_bytes())
    }

    /// Begins a header block at the end of `out`, with the size updates that are due.
    pub fn block<'e>(&'e mut self, out: &'e mut Vec<u8>) -> BlockEncoder<'e> {
        self.table.begin_block();
        if let Some(smallest) = self.smallest.take() {
            if smallest < self.size {
                self.update_size(smallest, out);
            }
            self.update_size(self.size, out);
        }
        BlockEncoder { table: &mut self.table, out }
    }

    /// Appends a header block of `fields` to `out`, all of them as [`How::default`] has it.
    pub fn encode<'f>(&mut self, fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>, out: &mut Vec<u8>) {
        let mut block = self.block(out);
        for (name, value) in fields {
            block.field(name, value);
        }
    }

    /// If the size changed more than once since the last block, the smallest must be sent too (§4.2).
    fn choose_size(&mut self) {
        let size = self.wish.min(self.limit).min(MAX_TABLE_SIZE);
        if size != self.size {
            self.size = size;
            self.smallest = Some(self.smallest.map_or(size, |smallest| smallest.min(size)));
        }
    }

    fn update_size(&mut self, size: u32, out: &mut Vec<u8>) {
        integer::write(size, 0x1f, 0x20, out);
        self.table.set_max_size(size);
    }
}

/// A header block being written.
#[derive(Debug)]
pub struct BlockEncoder<'e> {
    table: &'e mut DynamicTable,
    out: &'e mut Vec<u8>,
}

impl BlockEncoder<'_> {
    /// Appends a field as [`How::default`] has it.
    pub fn field(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        self.field_with(name, value, How::default())
    }

    /// Appends a field. Name and value must be shorter than 2^28 octets each.
    pub fn field_with(&mut self, name: &[u8], value: &[u8], how: How) -> &mut Self {
        let static_name = StaticName::of(name);
        let found = self.find(static_name, name, value);
        let (mask, pattern) = match how.indexing {
            Indexing::Incremental => {
                if let Found::Field(index) = found {
                    integer::write(index, 0x7f, 0x80, self.out);
                    return self;
                }
                if self.fits(name, value) { (0x3f, 0x40) } else { (0x0f, 0x00) }
            }
            Indexing::Without => (0x0f, 0x00),
            Indexing::Never => (0x0f, 0x10),
        };
        let index = match found {
            Found::Field(index) | Found::Name(index) => index,
            Found::Nothing => 0,
        };
        integer::write(index, mask, pattern, self.out);
        if index == 0 {
            self.string(name, how.huffman);
        }
        self.string(value, how.huffman);
        if pattern == 0x40 {
            self.table.insert(NewName::Octets(name), static_name, value);
        }
        self
    }

    fn string(&mut self, text: &[u8], huffman: Huffman) {
        let coded_len = match huffman {
            Huffman::Never => None,
            Huffman::Always => Some(huffman::encoded_len(text)),
            Huffman::Shorter => Some(huffman::encoded_len(text)).filter(|&len| len < text.len()),
        };
        match coded_len {
            Some(len) => {
                integer::write(length(len), 0x7f, 0x80, self.out);
                huffman::encode(text, self.out);
            }
            None => {
                integer::write(length(text.len()), 0x7f, 0x00, self.out);
                self.out.extend_from_slice(text);
            }
        }
    }

    /// An entry larger than the table would only empty it (§4.4).
    fn fits(&self, name: &[u8], value: &[u8]) -> bool {
        let size = name.len().saturating_add(value.len()).saturating_add(ENTRY_OVERHEAD as usize);
        self.table.max_size().is_some_and(|max_size| size <= max_size as usize)
    }

    fn find(&self, static_name: StaticName, name: &[u8], value: &[u8]) -> Found {
        if let Some(index) = static_table::find(static_name, value) {
            return Found::Field(index);
        }
        let mut same_name = u32::from(static_name.index());
        for nth in 0..self.table.len() {
            let Some(entry) = self.table.nth(nth) else {
                break;
            };
            if entry.static_name != static_name
                || entry.name_len as usize != name.len()
                || entry.name == Source::Unknown
                || self.table.text_at(entry.at, entry.name_len) != name
            {
                continue;
            }
            let index = nth.saturating_add(FIRST_DYNAMIC);
            if entry.value == Source::Table && self.table.text_at(entry.value_at(), entry.value_len) == value {
                return Found::Field(index);
            }
            if same_name == 0 {
                same_name = index;
            }
        }
        match same_name {
            0 => Found::Nothing,
            index => Found::Name(index),
        }
    }
}

/// What the tables have of a field.
#[derive(Clone, Copy)]
enum Found {
    Field(u32),
    Name(u32),
    Nothing,
}

fn length(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}
