//! HPACK header compression for an observer, and an encoder for the built-in endpoints (RFC 7541).
//!
//! An endpoint may close the connection at the first surprise; an observer must go on, and must never show a
//! wrong name or value. So this decoder knows what it does *not* know: it may start in the middle of a
//! connection, lose track at a gap in the capture, or run into a fault, and from then on resolves references
//! to entries it has not seen to placeholders. Dynamic indices count from the newest entry (§2.3.3), so
//! everything inserted since is exact.
//!
//! It states what the octets say. Whether a header list makes sense (pseudo-header order, forbidden
//! fields, sizes against SETTINGS) is decided elsewhere.
//!
//! ```
//! use framescope::http2::hpack::{Decoder, Encoder, Limits, Scratch, Start, StaticName};
//!
//! let mut block = Vec::new();
//! Encoder::new().encode([(&b":path"[..], &b"/proto.Search/Find"[..])], &mut block);
//!
//! let mut scratch = Scratch::new();
//! let mut decoder = Decoder::new(Start::Known, Limits::default());
//! let fields = decoder.decode(&block, &mut scratch).fields();
//! for field in fields {
//!     assert_eq!(field.static_name(), StaticName::PATH);
//!     assert_eq!(field.value(), Some(&b"/proto.Search/Find"[..]));
//! }
//! ```

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

mod block;
mod block_decoder;
mod decoder;
mod dynamic_table;
mod encoder;
mod fault;
mod field;
mod huffman;
mod huffman_table;
mod integer;
mod static_table;

pub use block::{Fields, HeaderBlock, Omitted, Scratch, TableState};
pub use decoder::{Decoder, Limits, Start, TableEntry};
pub use encoder::{BlockEncoder, Encoder, How, Huffman, Indexing};
pub use fault::{Fault, FaultKind};
pub use field::{Field, Representation};
pub use static_table::StaticName;

/// The table size both sides begin with: SETTINGS_HEADER_TABLE_SIZE before any SETTINGS (RFC 9113 §6.5.2).
pub const DEFAULT_TABLE_SIZE: u32 = 4096;

/// What an entry costs beyond its text (RFC 7541 §4.1).
const ENTRY_OVERHEAD: u32 = 32;
