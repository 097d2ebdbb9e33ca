//! The vocabulary of one TCP conversation: who talks to whom, what was delivered, what is missing, and how it ended.

use std::net::SocketAddr;

use super::marks::Repeat;
use crate::direction::{Both, Direction};
use crate::net::Encapsulation;
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
#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// Of the repeated ones: packets that were captured twice, as mirror ports and captures of all interfaces do.
    pub captured_twice: u64,
    /// Of the repeated ones: packets that the sender made anew, for octets that it sent before.
    pub retransmitted: u64,
    /// The VLANs and tunnels it was met in, in the order in which it was; empty when it was met in plain packets only.
    pub paths: Vec<Path>,
    /// The server refused the connection: its first answer to the SYN was RST.
    pub refused: bool,
}

impl FlowFacts {
    /// Counts a segment that repeated octets.
    pub(super) const fn count_repeated(&mut self, why: Repeat) {
        self.repeated_segments = self.repeated_segments.saturating_add(1);
        match why {
            Repeat::Captured => self.captured_twice = self.captured_twice.saturating_add(1),
            Repeat::Sent => self.retransmitted = self.retransmitted.saturating_add(1),
            Repeat::Unknown => {}
        }
    }

    /// Repeated segments that cannot be told to have been captured twice, sent twice, or to ask whether the other side is there.
    #[must_use]
    pub const fn repeated_otherwise(&self) -> u64 {
        self.repeated_segments
            .saturating_sub(self.keep_alives)
            .saturating_sub(self.captured_twice)
            .saturating_sub(self.retransmitted)
    }

    /// Exchanges the sides: who was taken for the client is the server.
    pub const fn turn(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
        std::mem::swap(&mut self.octets_to_client, &mut self.octets_to_server);
        self.seen.swap();
    }
}

/// A VLAN or a tunnel, or none, that packets of a flow were captured in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Path {
    /// What was around the packets.
    pub encapsulation: Encapsulation,
    /// Who was first met as sender there.
    pub sender: SocketAddr,
    /// Whether the other side was met there too.
    pub heard_both: bool,
}

impl Path {
    /// What was around the packets, with the addresses of tunnels in the direction to the server, of a flow with this client.
    #[must_use]
    pub fn to_server(&self, client: SocketAddr) -> Encapsulation {
        if self.sender == client { self.encapsulation } else { self.encapsulation.reversed() }
    }

    /// The directions that were met there, of a flow with this client.
    #[must_use]
    pub fn heard(&self, client: SocketAddr) -> Both<bool> {
        let from_client = self.sender == client;
        Both { to_server: self.heard_both || from_client, to_client: self.heard_both || !from_client }
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
        /// The packet that shows it, where one does: with octets that lie behind, or with their acknowledgment. What was missing was given
        /// up later, so others may have been delivered meanwhile.
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
