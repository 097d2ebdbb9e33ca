//! Whether a segment from another VLAN or tunnel is part of a flow: by its sequence numbers, its timestamps and its octets.
//!
//! A copy of a conversation (a mirror port, the inside and the outside of a tunnel, each way in a VLAN of its own) continues both numbers
//! of the flow. Another tenant's conversation between the same addresses and ports has numbers of its own.

use super::slot::{Ended, Slot, State};
use crate::direction::Direction;
use crate::net::{Segment, TcpFlags};
use crate::span::Arrival;
use crate::tcp::history::History;
use crate::tcp::seq::SeqNumber;

/// How far from the flow's numbers both numbers of a segment may be: what a mirror may be late, far less than two conversations are apart.
pub(in crate::tcp) const NEAR: i32 = 1 << 20;

impl Slot {
    /// Whether the segment is evidently part of this flow.
    pub(super) fn fits(&self, segment: &Segment<'_>, at: Arrival, history: &History) -> bool {
        let direction = if self.facts.client == segment.source { Direction::ToServer } else { Direction::ToClient };
        match &self.state {
            State::Free => false,
            State::Starting(held) => held.iter().any(|held| held.is_kin(direction == Direction::ToServer, segment)),
            State::Live(live) => live.fits(direction, segment, at, history),
            State::Ended(ended) => ended.fits(direction, segment),
        }
    }
}

impl Ended {
    /// Whether the segment repeats something of the flow.
    fn fits(&self, direction: Direction, segment: &Segment<'_>) -> bool {
        let sequence = SeqNumber(segment.sequence);
        if segment.flags.contains(TcpFlags::SYN) {
            return self.syn[direction] == Some(sequence);
        }
        let (own, other) = (self.next[direction], self.next[direction.opposite()]);
        // One number beyond the last octet is the FIN.
        let is_old = |next: Option<SeqNumber>, number: SeqNumber| {
            next.is_some_and(|next| (-1..=NEAR).contains(&next.distance(number)))
        };
        let is_last = |next: Option<SeqNumber>, number: SeqNumber| {
            next.is_some_and(|next| (-1..=0).contains(&next.distance(number)))
        };
        let end = sequence.add(segment.wire_length);
        let acknowledgment = segment.flags.contains(TcpFlags::ACK).then_some(SeqNumber(segment.acknowledgment));
        is_old(own, sequence)
            && is_old(own, end)
            && acknowledgment.is_none_or(|number| is_old(other, number))
            && (is_last(own, end) || acknowledgment.is_some_and(|number| is_last(other, number)))
    }
}
