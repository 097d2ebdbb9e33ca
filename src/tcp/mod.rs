//! TCP conversations put back together from segments in any order (RFC 9293).
//!
//! Decides which octets each side said and which of them the capture lost; knows nothing of what they mean.

mod assembler;
mod flow;
mod history;
mod live;
mod seq;
mod table;

pub use flow::{Close, FlowEvent, FlowFacts, FlowId, GapReason, Opened, Orientation, Receiver};
pub use seq::SeqNumber;
pub use table::FlowTable;
