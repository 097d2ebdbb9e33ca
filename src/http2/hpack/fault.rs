//! What can be wrong with a header block, as a closed catalogue (RFC 7541 §2.3.3, §4.2, §5, §6).
//!
//! A fault is a fact about the octets. Whose fault it is, and whether capture loss explains it, is decided elsewhere.

use std::fmt;

/// Something in a header block that RFC 7541 does not allow, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Offset in the block of the integer, string or field at fault.
    pub at: u32,
    /// What is wrong.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}", self.kind, self.at)
    }
}

/// The kinds of [`Fault`]. For all of them an endpoint must (or may, for [`SizeUpdateMissing`](Self::SizeUpdateMissing))
/// treat the block as a connection error of type COMPRESSION_ERROR.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FaultKind {
    /// An indexed field with index 0 (§6.1).
    IndexZero,
    /// An integer above 2^32 - 1, or longer than such an integer needs to be (§5.1).
    IntegerTooLarge,
    /// The block ends inside an integer or before a literal's name or value.
    EndsInsideField,
    /// A string announces more octets than the block has left.
    StringTooLong {
        /// The announced length in octets.
        length: u32,
        /// The octets left in the block.
        available: u32,
    },
    /// A Huffman-coded string contains the EOS symbol (§5.2).
    HuffmanEos,
    /// A Huffman-coded string ends in more than seven bits of padding (§5.2).
    HuffmanPaddingTooLong,
    /// The padding of a Huffman-coded string is not all ones: the string ends inside a symbol (§5.2).
    HuffmanPadding,
    /// The block is longer than the decoder accepts (256 MiB).
    BlockTooLong,
    /// An index beyond the end of the table (§2.3.3). The field is shown as unknown.
    IndexBeyondTable {
        /// The index on the wire.
        index: u32,
        /// The entries that the dynamic table holds.
        entries: u32,
    },
    /// A table size update that is not at the start of the block (§4.2). It was applied.
    SizeUpdateMisplaced {
        /// The new size in octets.
        size: u32,
    },
    /// A table size update above what SETTINGS allow (§6.3). It was applied.
    SizeUpdateAboveLimit {
        /// The new size in octets.
        size: u32,
        /// The limit in octets.
        limit: u32,
    },
    /// SETTINGS lowered the limit below the table's maximum size, and the next block did not begin with a size
    /// update that follows it (§4.2).
    SizeUpdateMissing {
        /// The table's maximum size in octets when the limit sank.
        size: u32,
        /// The lowest limit since the block before.
        limit: u32,
    },
}

impl FaultKind {
    /// Whether decoding ended here: the fields before are exact, nothing after was decoded, and the decoder has
    /// lost track of the table. After the other kinds the meaning of what follows is still certain.
    pub fn stops(self) -> bool {
        !matches!(
            self,
            Self::IndexBeyondTable { .. }
                | Self::SizeUpdateMisplaced { .. }
                | Self::SizeUpdateAboveLimit { .. }
                | Self::SizeUpdateMissing { .. }
        )
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IndexZero => f.write_str("index 0"),
            Self::IntegerTooLarge => f.write_str("an integer of more than 32 bits"),
            Self::EndsInsideField => f.write_str("the block ends inside a field"),
            Self::StringTooLong { length, available } => {
                write!(f, "a string of {length} octets where the block has {available} left")
            }
            Self::HuffmanEos => f.write_str("EOS inside a Huffman-coded string"),
            Self::HuffmanPaddingTooLong => f.write_str("more than 7 bits of Huffman padding"),
            Self::HuffmanPadding => f.write_str("a Huffman-coded string ends inside a symbol"),
            Self::BlockTooLong => f.write_str("the block is too long to decode"),
            Self::IndexBeyondTable { index, entries } => {
                write!(f, "index {index} but the table holds {entries} entries")
            }
            Self::SizeUpdateMisplaced { size } => {
                write!(f, "a table size update to {size} after the first field")
            }
            Self::SizeUpdateAboveLimit { size, limit } => {
                write!(f, "a table size update to {size} where SETTINGS allow {limit}")
            }
            Self::SizeUpdateMissing { size, limit } => write!(
                f,
                "no table size update although SETTINGS lowered the limit to {limit} and the table has {size}"
            ),
        }
    }
}
