//! Protocol Buffers: what the octets of a message say, with a schema and without one.
//!
//! [`wire`] walks records without knowing their meaning, [`schema`] turns .proto files and descriptor sets into a table
//! that guides the walk, [`decode`] reads messages by it, `json` writes what was read in the proto3 JSON mapping,
//! [`encode`] goes the other way, [`catalog`] finds files by what they define, and `guess` reads what no schema explains.
//! Whether a message *should* have been sent is `finding`'s question.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

pub mod catalog;
pub mod decode;
pub mod encode;
mod guess;
pub(crate) mod json;
pub mod schema;
pub mod wire;
