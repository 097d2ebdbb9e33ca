//! TCP conversations put back together from segments in any order (RFC 9293).
//!
//! Decides which octets each side said and which of them the capture lost; knows nothing of what they mean.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

mod assembler;
mod contexts;
mod flow;
mod history;
mod index;
mod live;
mod marks;
mod seq;
mod starting;
mod table;

pub use flow::{Close, FlowEvent, FlowFacts, FlowId, GapReason, Opened, Orientation, Path, Receiver};
pub use seq::SeqNumber;
pub use table::FlowTable;
