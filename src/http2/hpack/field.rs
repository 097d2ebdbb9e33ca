//! One header field as it was represented on the wire (RFC 7541 §6).

use std::fmt;
use std::ops::Range;

use super::dynamic_table::slice;
use super::static_table::{self, StaticName};

/// One item of a header block: a field, or a table size update.
///
/// Text is resolved when asked for; all of it stays valid while the block, the decoder and the scratch space are
/// borrowed, even for entries that the same block evicted.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub(super) item: &'a Item,
    pub(super) texts: Texts<'a>,
}

impl<'a> Field<'a> {
    /// The name; `None` if it refers to an entry that was never seen (a placeholder). Empty for a size update.
    #[inline]
    pub fn name(&self) -> Option<&'a [u8]> {
        let item = self.item;
        match item.name {
            Source::Unknown => None,
            Source::Static => Some(static_table::entry(item.index).name.as_bytes()),
            source => Some(self.texts.slice(source, item.name_at, item.name_len)),
        }
    }

    /// The value; `None` if it refers to an entry that was never seen (a placeholder). Empty for a size update.
    #[inline]
    pub fn value(&self) -> Option<&'a [u8]> {
        let item = self.item;
        match item.value {
            Source::Unknown => None,
            Source::Static => Some(static_table::entry(item.index).value.as_bytes()),
            source => Some(self.texts.slice(source, item.value_at, item.value_len)),
        }
    }

    /// Name and value side by side, and the length of the name, where an entry of the dynamic table holds them.
    #[inline]
    pub fn entry_text(&self) -> Option<(&'a [u8], usize)> {
        let item = self.item;
        let held = item.name == Source::Table
            && item.value == Source::Table
            && item.value_at == item.name_at.wrapping_add(item.name_len);
        let both = self.texts.slice(Source::Table, item.name_at, item.name_len.saturating_add(item.value_len));
        held.then_some((both, item.name_len as usize))
    }

    /// Whether both name and value are known.
    #[inline]
    pub fn is_known(&self) -> bool {
        self.item.name != Source::Unknown && self.item.value != Source::Unknown
    }

    /// How the field stood on the wire.
    #[inline]
    pub fn representation(&self) -> Representation {
        self.item.representation
    }

    /// The index on the wire: of the field if it is indexed, of a literal's name if that is.
    #[inline]
    pub fn index(&self) -> Option<u32> {
        match self.item.index {
            0 => None,
            index => Some(index),
        }
    }

    /// The new maximum size of the table in octets, for a size update.
    #[inline]
    pub fn size_update(&self) -> Option<u32> {
        (self.item.representation == Representation::SizeUpdate).then_some(self.item.value_at)
    }

    /// Whether the name stood here as a Huffman-coded literal.
    #[inline]
    pub fn huffman_name(&self) -> bool {
        self.item.huffman_name
    }

    /// Whether the value stood here as a Huffman-coded literal.
    #[inline]
    pub fn huffman_value(&self) -> bool {
        self.item.huffman_value
    }

    /// The octets of the block that represent the field.
    #[inline]
    pub fn span(&self) -> Range<u32> {
        self.item.start..self.item.end
    }

    /// The name as a number, if the static table has it, however it was represented.
    ///
    /// [`StaticName::NONE`] says that the name is none of those, or unknown.
    #[inline]
    pub fn static_name(&self) -> StaticName {
        self.item.static_name
    }

    /// The dynamic table's entry that an indexed field refers to, or that a literal with incremental indexing made.
    ///
    /// Entries are numbered from 1 in the order of their insertion, never twice in one decoder. Fields with one
    /// entry have the same name and value, so that what a caller derives from those can be kept under this
    /// number. `None` for other fields, and for entries that were never seen.
    #[inline]
    pub fn entry_id(&self) -> Option<u64> {
        match self.item.entry_id {
            0 => None,
            id => Some(id),
        }
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |octets: Option<&[u8]>| octets.map(|octets| octets.escape_ascii().to_string());
        let mut field = f.debug_struct("Field");
        if let Some(size) = self.size_update() {
            return field.field("size_update", &size).finish();
        }
        field
            .field("name", &text(self.name()))
            .field("value", &text(self.value()))
            .field("representation", &self.representation())
            .field("index", &self.index())
            .field("span", &self.span())
            .finish()
    }
}

/// How a field is represented (RFC 7541 §6).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Representation {
    /// A reference to a table entry (§6.1).
    Indexed,
    /// A literal that becomes a table entry (§6.2.1).
    LiteralIndexed,
    /// A literal that leaves the table alone (§6.2.2).
    Literal,
    /// A literal that no intermediary may ever index (§6.2.3).
    NeverIndexed,
    /// Not a field but a change of the table's maximum size (§6.3).
    SizeUpdate,
}

impl Representation {
    /// The word for it in machine output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Indexed => "indexed",
            Self::LiteralIndexed => "literal_indexed",
            Self::Literal => "literal",
            Self::NeverIndexed => "never_indexed",
            Self::SizeUpdate => "size_update",
        }
    }
}

impl fmt::Display for Representation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the text of a name or value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Source {
    /// Nowhere: a placeholder.
    Unknown,
    /// In the static table's entry `index`.
    Static,
    /// In the dynamic table's text.
    Table,
    /// In the block itself.
    Block,
    /// Decoded into the scratch space.
    Scratch,
}

/// A [`Field`] without its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// 0 for none.
    pub(super) entry_id: u64,
    pub(super) name_at: u32,
    pub(super) name_len: u32,
    /// The new size, for a size update.
    pub(super) value_at: u32,
    pub(super) value_len: u32,
    pub(super) start: u32,
    pub(super) end: u32,
    /// 0 for none.
    pub(super) index: u32,
    pub(super) representation: Representation,
    pub(super) static_name: StaticName,
    pub(super) name: Source,
    pub(super) value: Source,
    pub(super) huffman_name: bool,
    pub(super) huffman_value: bool,
}

/// Everything that an [`Item`] may point into.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) table: &'a [u8],
    pub(super) block: &'a [u8],
    pub(super) scratch: &'a [u8],
}

impl<'a> Texts<'a> {
    #[inline]
    fn slice(&self, source: Source, at: u32, len: u32) -> &'a [u8] {
        match source {
            Source::Table => slice(self.table, at, len),
            Source::Block => slice(self.block, at, len),
            Source::Scratch => slice(self.scratch, at, len),
            Source::Unknown | Source::Static => &[],
        }
    }
}
