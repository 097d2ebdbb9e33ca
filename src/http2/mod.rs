//! HTTP/2 as it stands on the wire: frames, header blocks, settings, windows and streams (RFC 9113).
//!
//! States what each frame says and what it changes; whether it was allowed, and what it was for, is decided further up.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

mod blocks;
mod bounded;
pub mod connection;
mod control;
pub mod error_code;
pub mod frame;
pub mod hpack;
mod opened;
pub mod payload;
pub mod preface;
mod reader;
pub mod seen;
pub mod settings;
mod side;
pub mod sides;
mod state;
pub mod stream;
pub mod streams;
pub mod sync;
mod unanswered;
pub mod write;
