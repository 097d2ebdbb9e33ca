//! The place of one flow in the table, and whether a segment belongs to it. What the flow makes of the segment is its own business.

use crate::direction::{Both, Direction};
use crate::net::{Segment, TcpFlags};
use crate::tcp::flow::FlowFacts;
use crate::tcp::index::Key;
use crate::tcp::live::Live;
use crate::tcp::seq::SeqNumber;
use crate::tcp::starting::Held;

/// How far out of line both numbers of a segment must be for it to belong to a new conversation.
const JUMP: i32 = 64 << 20;

#[derive(Debug)]
pub(in crate::tcp) struct Slot {
    pub(super) key: Key,
    pub(in crate::tcp) facts: FlowFacts,
    pub(in crate::tcp) state: State,
}

#[derive(Debug)]
pub(in crate::tcp) enum State {
    Free,
    /// Met without a SYN: packets are held until the beginning is certain.
    Starting(Vec<Held>),
    Live(Box<Live>),
    /// Ended; kept so that late packets do not open a new flow.
    Ended(Ended),
}

/// What late packets of a flow are known by.
#[derive(Clone, Copy, Debug)]
pub(in crate::tcp) struct Ended {
    /// The number each side would have used next.
    pub(in crate::tcp) next: Both<Option<SeqNumber>>,
    /// The numbers of the SYNs.
    pub(in crate::tcp) syn: Both<Option<SeqNumber>>,
}

impl Slot {
    /// Whether `segment` belongs to this flow, or begins another one between the same ports.
    #[inline]
    pub(super) fn takes(&self, segment: &Segment<'_>) -> bool {
        let direction = if self.facts.client == segment.source { Direction::ToServer } else { Direction::ToClient };
        let (sequence, acknowledgment) = (SeqNumber(segment.sequence), SeqNumber(segment.acknowledgment));
        let opens = segment.flags.contains(TcpFlags::SYN) && !segment.flags.contains(TcpFlags::ACK);
        match &self.state {
            State::Free => false,
            State::Starting(_) => true,
            State::Live(live) if opens => live.accepts_syn(direction, sequence),
            State::Live(live) => {
                segment.payload.is_empty()
                    || live.is_near(
                        direction,
                        sequence,
                        segment.flags.contains(TcpFlags::ACK).then_some(acknowledgment),
                        JUMP,
                    )
            }
            State::Ended(Ended { next, .. }) => {
                let near =
                    next[direction].is_none_or(|base| sequence.distance(base).unsigned_abs() <= JUMP.unsigned_abs());
                near && !(opens && next[direction].is_some_and(|base| sequence.distance(base) >= 0))
                    || (segment.payload.is_empty() && !opens)
            }
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Starting(_) | State::Live(_))
    }
}
