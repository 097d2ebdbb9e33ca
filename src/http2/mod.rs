//! HTTP/2 as it stands on the wire: frames, header blocks, settings, windows and streams (RFC 9113).
//!
//! States what each frame says and what it changes; whether it was allowed, and what it was for, is decided further up.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]

pub mod connection;
pub mod error_code;
pub mod frame;
pub mod hpack;
pub mod payload;
pub mod preface;
mod reader;
pub mod settings;
mod state;
pub mod stream;
pub mod streams;
pub mod sync;
pub mod write;
