//! What a segment is known by when it is met again: whether it was captured twice, or sent twice.
//!
//! A capture shows both as the same octets. A copy is the same packet, so it has the same identification, acknowledgment, window and
//! timestamp; a retransmission is a new packet, sent later. Where the packet has none of these, it cannot be told.

use crate::net::{Segment, timestamp_value};
use crate::time::Timestamp;

/// Capture time within which a packet without marks of its own may come again through a mirror.
const COPY_NANOS: i64 = 50_000_000;

/// What tells one packet from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Marks {
    /// When it was captured.
    pub(super) time: Timestamp,
    /// Of IPv4; 0 says nothing.
    pub(super) identification: u16,
    pub(super) hops: u8,
    /// Some bits of the number of its wrapping.
    pub(super) context: u16,
    pub(super) acknowledgment: u32,
    pub(super) window: u16,
    /// The sender's clock, if it tells it (RFC 7323 §3).
    pub(super) timestamp: Option<u32>,
}

/// Why octets were met again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Repeat {
    /// The same packet was captured once more.
    Captured,
    /// The sender sent them once more.
    Sent,
    /// The packets do not tell.
    Unknown,
}

impl Marks {
    pub(super) fn of(segment: &Segment<'_>, time: Timestamp) -> Self {
        Self {
            time,
            identification: segment.identification,
            hops: segment.hops,
            context: context(segment),
            acknowledgment: segment.acknowledgment,
            window: segment.window,
            timestamp: timestamp_value(segment.options),
        }
    }

    /// What became of the packet with these marks that had the same octets as `self`; `whole` where it began and ended alike.
    pub(super) fn again(&self, later: &Self, whole: bool) -> Repeat {
        let elsewhere = self.context != later.context || self.hops != later.hops;
        let clocks = self.timestamp.zip(later.timestamp);
        let soon = later.time.as_nanos().abs_diff(self.time.as_nanos()) <= COPY_NANOS.unsigned_abs();
        // A copy differs in none of these.
        if self.timestamp != later.timestamp
            || self.acknowledgment != later.acknowledgment
            || self.window != later.window
        {
            return Repeat::Sent;
        }
        if self.identification != 0 && later.identification != 0 {
            return match self.identification == later.identification {
                true => Repeat::Captured,
                // Cut up by the network card on its way, or numbered anew by a firewall.
                false if (!whole && soon) || (elsewhere && clocks.is_some()) => Repeat::Unknown,
                false => Repeat::Sent,
            };
        }
        if elsewhere && whole && (clocks.is_some() || soon) { Repeat::Captured } else { Repeat::Unknown }
    }

    /// A TCP header that says the same, to be kept with the octets, and its length.
    pub(super) fn header(&self) -> ([u8; 32], usize) {
        let mut header = [0; 32];
        let (fixed, options) = header.split_at_mut(20);
        if let [_, _, _, _, _, _, _, _, a, b, c, d, _, _, e, f, ..] = fixed {
            [*a, *b, *c, *d] = self.acknowledgment.to_be_bytes();
            [*e, *f] = self.window.to_be_bytes();
        }
        let (Some(timestamp), Some(options)) = (self.timestamp, options.first_chunk_mut::<12>()) else {
            return (header, 20);
        };
        let [a, b, c, d] = timestamp.to_be_bytes();
        *options = [1, 1, 8, 10, a, b, c, d, 0, 0, 0, 0];
        (header, 32)
    }
}

/// Some bits of the number of a segment's wrapping; 0 for none.
#[inline(always)]
pub(super) fn context(segment: &Segment<'_>) -> u16 {
    segment.encapsulation.map_or(0, |around| {
        let [.., high, low] = around.number().to_be_bytes();
        u16::from_be_bytes([high, low])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks {
            time: Timestamp::EPOCH,
            identification: 7,
            hops: 64,
            context: 0,
            acknowledgment: 100,
            window: 512,
            timestamp: Some(1000),
        }
    }

    #[test]
    fn the_same_identification_is_the_same_packet_and_another_one_is_not() {
        assert_eq!(marks().again(&Marks { hops: 63, ..marks() }, true), Repeat::Captured);
        assert_eq!(marks().again(&Marks { identification: 8, ..marks() }, true), Repeat::Sent);
        assert_eq!(marks().again(&Marks { acknowledgment: 101, ..marks() }, true), Repeat::Sent);
    }

    #[test]
    fn without_an_identification_the_clock_tells_what_was_sent_again_and_the_place_what_was_captured_again() {
        let first = Marks { identification: 0, ..marks() };
        assert_eq!(first.again(&Marks { timestamp: Some(1001), ..first }, true), Repeat::Sent);
        assert_eq!(first.again(&Marks { context: 9, ..first }, true), Repeat::Captured);
        assert_eq!(first.again(&Marks { hops: 63, ..first }, true), Repeat::Captured);
        assert_eq!(first.again(&first, true), Repeat::Unknown);
    }

    #[test]
    fn a_packet_cut_up_or_numbered_anew_on_its_way_is_not_said_to_be_sent_again() {
        assert_eq!(marks().again(&Marks { identification: 8, ..marks() }, false), Repeat::Unknown);
        assert_eq!(marks().again(&Marks { identification: 900, context: 3, ..marks() }, true), Repeat::Unknown);
    }
}
