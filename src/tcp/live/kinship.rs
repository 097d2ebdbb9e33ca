//! What a live flow knows its own segments by.

use super::Live;
use crate::direction::Direction;
use crate::net::{Segment, TcpFlags, timestamp_value};
use crate::span::Arrival;
use crate::tcp::assembler::Assembler;
use crate::tcp::history::History;
use crate::tcp::seq::SeqNumber;
use crate::tcp::table::NEAR;

impl Live {
    /// Whether a segment from somewhere else is evidently part of this flow: the same SYN or the answer to it, or both numbers near those
    /// expected and one of them exactly so, and nothing that contradicts it.
    pub(in crate::tcp) fn fits(
        &self,
        direction: Direction,
        segment: &Segment<'_>,
        at: Arrival,
        history: &History,
    ) -> bool {
        let (half, other) = (&self.halves[direction], &self.halves[direction.opposite()]);
        let sequence = SeqNumber(segment.sequence);
        let acknowledgment = segment.flags.contains(TcpFlags::ACK).then_some(SeqNumber(segment.acknowledgment));
        if segment.flags.contains(TcpFlags::SYN) {
            let begins_here = match self.syn[direction] {
                Some(syn) => Some(syn == sequence),
                None => half.base.map(|_| half.offset_of(sequence.add(1)) == Some(0)),
            };
            let answers = acknowledgment.map(|acknowledgment| match self.syn[direction.opposite()] {
                // Above the SYN, it acknowledges octets sent with it (RFC 7413).
                Some(syn) => (1..=2000).contains(&acknowledgment.distance(syn)),
                None => is_near(other, acknowledgment),
            });
            return begins_here != Some(false) && answers != Some(false) && (begins_here, answers) != (None, None);
        }
        // A RST that answers the SYN has no number of its own.
        let refuses = segment.flags.contains(TcpFlags::RST) && segment.sequence == 0 && half.base.is_none();
        let begins = half.base.is_none() || refuses;
        let continues = begins || is_near(half, sequence);
        let knows = acknowledgment.is_none_or(|acknowledgment| is_near(other, acknowledgment));
        // Two conversations of one host may be this near, if they began in the same moment; but not meet in the same octet.
        let meets = (!begins && is_exact(half, sequence, history))
            || acknowledgment.is_some_and(|acknowledgment| is_exact(other, acknowledgment, history));
        continues && knows && meets && !self.contradicts(direction, segment, at, history)
    }

    /// Whether octets already captured, or the sender's clock, say that this is another conversation.
    fn contradicts(&self, direction: Direction, segment: &Segment<'_>, at: Arrival, history: &History) -> bool {
        let half = &self.halves[direction];
        let offset = half.offset_of(SeqNumber(segment.sequence)).unwrap_or(0);
        let before = usize::try_from(offset.saturating_neg()).unwrap_or(0);
        let octets = segment.payload.get(before..).unwrap_or_default();
        let start = u64::try_from(offset).unwrap_or(0);
        if history.differing(&half.recent, start, octets) > 0 {
            return true;
        }
        match (timestamp_value(segment.options), history.newest(&half.recent)) {
            (Some(now), Some(seen)) => seen.marks.timestamp.is_some_and(|then| {
                // Clocks tick at most once a millisecond (RFC 7323 §5.4); those of two hosts begin anywhere.
                let elapsed = at.time.as_nanos().saturating_sub(seen.marks.time.as_nanos()).max(0) / 1_000_000;
                let ticks = i64::from(now.wrapping_sub(then).cast_signed());
                !(-CLOCK_SLACK..=elapsed.saturating_mul(2).saturating_add(CLOCK_SLACK)).contains(&ticks)
            }),
            _ => false,
        }
    }
}

/// Ticks that clocks may differ by: what mirrors are late, and captures put together from several are apart.
const CLOCK_SLACK: i64 = 60_000;

fn is_near(half: &Assembler, number: SeqNumber) -> bool {
    half.base.is_none_or(|base| number.distance(base).unsigned_abs() <= NEAR.unsigned_abs())
}

/// Whether a segment ends or begins at this number.
fn is_exact(half: &Assembler, number: SeqNumber, history: &History) -> bool {
    half.offset_of(number).and_then(|offset| u64::try_from(offset).ok()).is_some_and(|offset| {
        // The FIN takes one number.
        let fin = half.fin.is_some_and(|fin| offset == fin.saturating_add(1));
        fin || offset == half.next || offset == half.acked || history.is_border(&half.recent, offset)
    })
}
