//! The vocabulary of one TCP conversation: who talks to whom, what was delivered, what is missing, and how it ended.

use std::net::SocketAddr;

use crate::direction::{Both, Direction};
use crate::span::{Arrival, Piece};

/// A flow's number: flows are counted from 0 by their first packet.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowId(pub u64);

/// How a flow was first met.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Opened {
    /// With its SYN.
    Syn,
    /// Already under way.
    Mid,
}

/// How a flow ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Close {
    /// Both sides finished.
    Fin,
    /// Its ports were used for another conversation before it had ended.
    Replaced,
    /// This direction's sender reset the connection.
    Reset(Direction),
    /// It had not ended when the input did, or when it was given up for a limit.
    Open,
}

/// Why octets are missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GapReason {
    /// They were acknowledged, so they reached the other side, but no captured packet holds them.
    Lost,
    /// The packet was captured only in part (the snap length).
    Cut,
    /// The capture ended before they came.
    NotCaptured,
    /// They may have come later; a limit ended the waiting.
    Limit,
}

/// What a flow can tell while it lives and when it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlowFacts {
    /// The flow's number.
    pub id: FlowId,
    /// Who opened the connection, as far as known.
    pub client: SocketAddr,
    /// The other side.
    pub server: SocketAddr,
    /// Whether a packet of each direction was captured.
    pub seen: Both<bool>,
    /// How the flow was first met.
    pub opened: Opened,
    /// Time of the first packet.
    pub first: Arrival,
    /// Time of the latest packet.
    pub last: Arrival,
    /// Packets of both directions, repeated ones too.
    pub packets: u64,
    /// TCP octets from the client, each counted once; missing ones included.
    pub octets_to_server: u64,
    /// TCP octets from the server, each counted once; missing ones included.
    pub octets_to_client: u64,
    /// Segments that repeated octets already seen.
    pub repeated_segments: u64,
    /// Of these: segments of one octet that has been acknowledged, which ask whether the other side is still there (RFC 9293 §3.8.4).
    pub keep_alives: u64,
    /// The server refused the connection: its first answer to the SYN was RST.
    pub refused: bool,
}

impl FlowFacts {
    /// Exchanges the sides: who was taken for the client is the server.
    pub const fn turn(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
        std::mem::swap(&mut self.octets_to_client, &mut self.octets_to_server);
        self.seen.swap();
    }
}

/// What happens in a flow, in the order in which the two sides acted.
#[derive(Clone, Copy, Debug)]
pub enum FlowEvent<'a> {
    /// The next octets of a direction.
    Octets {
        /// Whose.
        direction: Direction,
        /// Flow offset of the first one.
        offset: u64,
        /// The octets, as first captured.
        octets: &'a [u8],
        /// The packet pieces that they came from.
        pieces: &'a [Piece],
        /// When they were captured.
        at: Arrival,
    },
    /// Octets that are missing; what follows comes after them.
    Gap {
        /// Whose.
        direction: Direction,
        /// Flow offset of the first missing one.
        offset: u64,
        /// How many.
        octets: u64,
        /// Why.
        reason: GapReason,
        /// When that was decided.
        at: Arrival,
    },
    /// The sender of this direction has finished (FIN).
    Finished {
        /// Whose.
        direction: Direction,
        /// When.
        at: Arrival,
    },
    /// A repeated segment held other octets than the ones captured first, which stand.
    Conflict {
        /// Whose.
        direction: Direction,
        /// Flow offset of the repeated segment.
        offset: u64,
        /// Octets that differ.
        octets: u64,
        /// The packet with the other octets.
        at: Arrival,
    },
    /// The flow has ended; nothing follows.
    Closed {
        /// How.
        close: Close,
        /// When it ended, as far as known.
        at: Arrival,
    },
}

/// What the receiver of a flow's octets found out about who is the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Orientation {
    /// As assumed.
    Keep,
    /// The other way round; from now on directions are exchanged.
    Swap,
}

/// Takes what flows deliver. One receiver serves all flows.
pub trait Receiver {
    /// Takes one event of the flow in `slot`; slots are small numbers, used again after `Closed`.
    fn receive(&mut self, slot: usize, facts: &FlowFacts, event: FlowEvent<'_>) -> Orientation;
}
