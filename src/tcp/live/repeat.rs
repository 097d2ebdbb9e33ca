//! Why octets were met again: which packets brought them before, and what these and the new one say of each other.

use super::{Live, View};
use crate::tcp::assembler::Overlap;
use crate::tcp::history::{History, Seen};
use crate::tcp::marks::Repeat;

impl Live {
    /// Why a segment repeats octets from flow offset `start` on, which were delivered before.
    pub(super) fn why_again(&self, view: &View<'_>, start: u64, history: &History) -> Repeat {
        let half = &self.halves[view.direction];
        let known = history.bringers(&half.recent, start).map(|seen| against(&seen, view, start));
        if let Some(why) = known.reduce(together) {
            return why;
        }
        // The packets are forgotten; the sender's clock may still tell.
        let clock = |seen: Option<Seen>| seen.and_then(|seen| seen.marks.timestamp);
        let (oldest, newest) = (clock(history.oldest(&half.recent)), clock(history.newest(&half.recent)));
        let (Some(now), Some(oldest), Some(newest)) = (view.marks.timestamp, oldest, newest) else {
            return Repeat::Unknown;
        };
        if now.wrapping_sub(newest).cast_signed() > 0 {
            Repeat::Sent
        } else if now.wrapping_sub(oldest).cast_signed() < 0 && !half.has_skipped {
            Repeat::Captured
        } else {
            Repeat::Unknown
        }
    }

    /// Whether one octet that comes again is a keep-alive: the segment that brought it had more, or another one.
    pub(super) fn asks(&self, view: &View<'_>, start: u64, history: &History) -> bool {
        let recent = &self.halves[view.direction].recent;
        let more = history.bringers(recent, start).any(|seen| !seen.is_alike(start, 1));
        more || history.differing(recent, start, view.payload) > 0
    }

    /// Why a segment repeats octets that wait for others before them.
    pub(super) fn why_held_again(&self, view: &View<'_>, start: u64, overlap: &Overlap, history: &History) -> Repeat {
        let Some((marks, at, length)) = overlap.first.filter(|_| overlap.differing == 0) else {
            return Repeat::Unknown;
        };
        let first = marks.again(&view.marks, at == start && length == view.payload.len() as u64);
        let recent = &self.halves[view.direction].recent;
        history.bringers(recent, start).map(|seen| against(&seen, view, start)).fold(first, together)
    }

    /// Remembers the packet of a retransmission too: it may have been captured twice as well.
    pub(super) fn note_repeat(&mut self, why: Repeat, view: &View<'_>, start: u64, history: &mut History) {
        if why == Repeat::Sent {
            history.remember_part(&mut self.halves[view.direction].recent, start, view.payload, &view.marks);
        }
    }
}

fn against(seen: &Seen, view: &View<'_>, start: u64) -> Repeat {
    seen.marks.again(&view.marks, seen.is_alike(start, view.payload.len()))
}

/// A copy of any of the packets is a copy; a new packet is none of them.
const fn together(a: Repeat, b: Repeat) -> Repeat {
    match (a, b) {
        (Repeat::Captured, _) | (_, Repeat::Captured) => Repeat::Captured,
        (Repeat::Sent, Repeat::Sent) => Repeat::Sent,
        _ => Repeat::Unknown,
    }
}
