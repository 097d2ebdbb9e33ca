//! What gRPC adds on top of HTTP/2: names, numbers and encodings of headers and messages
//! (gRPC over HTTP2, PROTOCOL-HTTP2.md).
//!
//! Nothing here judges a peer: values that break the rules are reported as they stand, with the
//! place where they break.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

pub mod base64;
pub mod call;
pub mod calls;
pub mod content_type;
pub mod encoding;
mod ends;
pub mod message;
pub mod metadata;
mod nature;
pub mod path;
pub mod percent;
mod pool;
pub mod role;
mod shared;
pub mod status;
pub mod timeout;
mod turn;
pub mod web;
