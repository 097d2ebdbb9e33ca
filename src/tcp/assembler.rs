//! One direction of a flow: octets in the order in which they were sent, whatever order they were captured in.
//!
//! Holds what came too early, knows what is missing, and lets the first captured octets win. When to stop waiting is the flow's decision.

use std::collections::BTreeMap;

use super::history::Recent;
use super::marks::Marks;
use super::seq::SeqNumber;
use crate::span::{Arrival, Piece};

/// How far beyond the next octet a number may lie and still belong to this conversation: the largest TCP window (RFC 7323 §2.3).
const WINDOW: i64 = 1 << 30;

/// The reassembly state of one direction.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The sequence number of octet `next`; unknown until a packet of either direction tells it.
    pub(super) base: Option<SeqNumber>,
    /// Flow offset of the next octet to deliver.
    pub(super) next: u64,
    /// Whether a packet of this direction was captured at all.
    pub(super) seen: bool,
    /// Highest flow offset the other side has acknowledged.
    pub(super) acked: u64,
    /// Whether the highest acknowledgment went one beyond the one before: it may have been a FIN that was not captured.
    pub(super) maybe_fin: bool,
    /// Flow offset of the FIN, once known.
    pub(super) fin: Option<u64>,
    /// Whether the other side has acknowledged the FIN.
    pub(super) fin_acked: bool,
    /// When and at which packet of the flow the present hole was first known to be real.
    pub(super) overdue_since: Option<Since>,
    pub(super) recent: Recent,
    /// Whether octets were given up: what comes later may be those, and no repetition.
    pub(super) has_skipped: bool,
    waiting: BTreeMap<u64, Waiting>,
    waiting_octets: usize,
}

/// A moment in the life of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    /// The packets of the flow until then.
    pub(super) packets: u64,
    pub(super) at: Arrival,
}

/// Octets that cannot be delivered yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) octets: Vec<u8>,
    /// Octets after `octets` that the sender sent and the capture cut off.
    pub(super) cut: u32,
    pub(super) pieces: Vec<Piece>,
    /// The acknowledgment the segment carried: its sender had all octets of the other direction below it.
    pub(super) needs: Option<SeqNumber>,
    pub(super) packet: u64,
    /// What its packet is known by.
    pub(super) marks: Marks,
}

impl Waiting {
    /// When and in which packet it was captured.
    pub(super) const fn arrival(&self) -> Arrival {
        Arrival { time: self.marks.time, packet: self.packet }
    }

    fn length(&self) -> u64 {
        (self.octets.len() as u64).saturating_add(u64::from(self.cut))
    }
}

/// What inserting an early segment found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overlap {
    /// Octets already held for the same place.
    pub(super) repeated: u64,
    /// Octets of those that differ.
    pub(super) differing: u64,
    /// The packet that brought the first of these, where its octets begin, and how many there are.
    pub(super) first: Option<(Marks, u64, u64)>,
}

impl Assembler {
    /// The flow offset that sequence number `seq` stands for; negative before the first octet, `None` while no base is known.
    pub(super) fn offset_of(&self, seq: SeqNumber) -> Option<i64> {
        let distance = i64::from(seq.distance(self.base?));
        i64::try_from(self.next).ok()?.checked_add(distance)
    }

    /// Whether `seq` lies within a window of the next octet.
    pub(super) fn is_near(&self, seq: SeqNumber, slack: i32) -> bool {
        self.base.is_none_or(|base| seq.distance(base).unsigned_abs() <= slack.unsigned_abs())
    }

    /// Takes note that the other side acknowledged everything below `seq`.
    pub(super) fn acknowledge(&mut self, seq: SeqNumber) {
        let Some(offset) = self.offset_of(seq) else {
            self.base = Some(seq);
            return;
        };
        let Ok(offset) = u64::try_from(offset) else { return };
        let ahead = offset.saturating_sub(self.next);
        if ahead <= WINDOW.unsigned_abs() {
            // The FIN takes a sequence number too; it is no octet.
            self.fin_acked |= self.fin.is_some_and(|fin| offset > fin);
            let offset = self.fin.map_or(offset, |fin| offset.min(fin));
            if offset > self.acked {
                self.maybe_fin = offset.saturating_sub(self.acked) == 1;
                self.acked = offset;
            }
        }
    }

    /// Whether all octets below acknowledgment `seq` were delivered; true where nothing is known.
    pub(super) fn has_reached(&self, seq: SeqNumber) -> bool {
        if !self.seen {
            return true;
        }
        let Some(offset) = self.offset_of(seq) else { return true };
        let next = i64::try_from(self.next).unwrap_or(i64::MAX);
        let ahead = offset.saturating_sub(next);
        // One number beyond the end is the FIN.
        let fin = i64::from(self.fin.is_some_and(|fin| fin == self.next));
        ahead <= fin || ahead > WINDOW
    }

    /// Moves on by `octets` delivered or given up.
    pub(super) fn advance(&mut self, octets: u64) {
        self.next = self.next.saturating_add(octets);
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers count modulo 2^32")]
        let step = octets as u32;
        self.base = self.base.map(|base| base.add(step));
        self.overdue_since = None;
    }

    /// Keeps a segment that came too early; octets already held for the same place win.
    pub(super) fn insert(&mut self, offset: u64, segment: Waiting) -> Overlap {
        let mut overlap = Overlap::default();
        let end = offset.saturating_add(segment.length());
        let mut from = offset.max(self.next);
        self.relax(from, end, segment.needs);
        // The held chunk that begins at or before our first octet, then each that begins within our range.
        let before = self.waiting.range(..=from).next_back().map(|(at, held)| (*at, held));
        let within =
            self.waiting.range(from.saturating_add(1)..end.max(from.saturating_add(1))).map(|(at, held)| (*at, held));
        let mut free: Vec<(u64, u64)> = Vec::new();
        for (at, held) in before.into_iter().chain(within) {
            let held_end = at.saturating_add(held.length());
            if held_end <= from {
                continue;
            }
            if at > from {
                free.push((from, at));
            }
            let both_from = from.max(at);
            let both_to = held_end.min(end);
            let both = both_to.saturating_sub(both_from);
            overlap.first.get_or_insert((held.marks, at, held.length()));
            overlap.repeated = overlap.repeated.saturating_add(both);
            let old = part(&held.octets, both_from.saturating_sub(at), both);
            let new = part(&segment.octets, both_from.saturating_sub(offset), both);
            let differing = old.iter().zip(new).filter(|(a, b)| a != b).count() as u64;
            overlap.differing = overlap.differing.saturating_add(differing);
            from = held_end;
            if from >= end {
                break;
            }
        }
        if from < end {
            free.push((from, end));
        }
        for (start, stop) in free {
            self.keep(start, stop.saturating_sub(start), offset, &segment);
        }
        overlap
    }

    /// Octets were sent when the earliest segment that holds them was: of what is held for `from..end`, nothing waits for more than `needs`.
    fn relax(&mut self, from: u64, end: u64, needs: Option<SeqNumber>) {
        let begin = self.waiting.range(..=from).next_back().map_or(from, |(at, _)| *at);
        let overlapping =
            self.waiting.range(begin..end.max(begin)).filter(|(at, held)| at.saturating_add(held.length()) > from);
        if !overlapping.into_iter().any(|(_, held)| is_later(held.needs, needs)) {
            return;
        }
        self.split(from);
        self.split(end);
        for (_, held) in self.waiting.range_mut(from..end.max(from)) {
            if is_later(held.needs, needs) {
                held.needs = needs;
            }
        }
    }

    /// Makes two chunks of the one that `place` lies inside of.
    fn split(&mut self, place: u64) {
        let Some((&at, held)) = self.waiting.range_mut(..place).next_back() else { return };
        if at.saturating_add(held.length()) <= place {
            return;
        }
        let left = place.saturating_sub(at);
        let right = held.length().saturating_sub(left);
        let octets = held.octets.split_off(usize::try_from(left).unwrap_or(usize::MAX).min(held.octets.len()));
        let cut =
            |length: u64, octets: &[u8]| u32::try_from(length.saturating_sub(octets.len() as u64)).unwrap_or(u32::MAX);
        let mut pieces = Vec::new();
        crate::span::slice_pieces(&held.pieces, left, octets.len() as u64, &mut pieces);
        let mut kept = Vec::new();
        crate::span::slice_pieces(&held.pieces, 0, held.octets.len() as u64, &mut kept);
        (held.cut, held.pieces) = (cut(left, &held.octets), kept);
        let rest = Waiting {
            cut: cut(right, &octets),
            octets,
            pieces,
            needs: held.needs,
            packet: held.packet,
            marks: held.marks,
        };
        self.waiting_octets = self.waiting_octets.saturating_add(held_size(0));
        self.waiting.insert(place, rest);
    }

    fn keep(&mut self, start: u64, length: u64, offset: u64, segment: &Waiting) {
        let skip = start.saturating_sub(offset);
        let octets = part(&segment.octets, skip, length).to_vec();
        let cut = u32::try_from(length.saturating_sub(octets.len() as u64)).unwrap_or(u32::MAX);
        let mut pieces = Vec::new();
        crate::span::slice_pieces(&segment.pieces, skip, octets.len() as u64, &mut pieces);
        self.waiting_octets = self.waiting_octets.saturating_add(held_size(octets.len()));
        self.waiting.insert(
            start,
            Waiting { octets, cut, pieces, needs: segment.needs, packet: segment.packet, marks: segment.marks },
        );
    }

    /// The offset of the first octets that wait.
    pub(super) fn first_waiting(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(at, _)| *at)
    }

    /// The first waiting octets, if they may be looked at.
    pub(super) fn peek_waiting(&self) -> Option<(u64, &Waiting)> {
        self.waiting.first_key_value().map(|(at, held)| (*at, held))
    }

    /// Takes the first waiting octets out.
    pub(super) fn take_waiting(&mut self) -> Option<(u64, Waiting)> {
        let (at, held) = self.waiting.pop_first()?;
        self.waiting_octets = self.waiting_octets.saturating_sub(held_size(held.octets.len()));
        Some((at, held))
    }

    /// The packet that shows the present hole: the one with the octets behind it, or else the one that acknowledges what is missing.
    pub(super) fn shown_at(&self) -> Option<Arrival> {
        let behind = self.peek_waiting().map(|(_, held)| held.arrival());
        behind.or_else(|| self.overdue_since.map(|since| since.at))
    }

    /// Whether octets are known to be missing: acknowledged but never seen, or followed by octets that wait.
    pub(super) fn has_hole(&self) -> bool {
        (self.acked > self.next && self.seen) || self.first_waiting().is_some_and(|at| at > self.next)
    }

    /// Whether everything up to the FIN was delivered.
    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.next >= fin)
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) const fn waiting_octets(&self) -> usize {
        self.waiting_octets
    }
}

/// Whether waiting for `a` takes longer than waiting for `b`; `None` is no waiting.
fn is_later(a: Option<SeqNumber>, b: Option<SeqNumber>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.distance(b) > 0,
        (a, b) => a.is_some() && b.is_none(),
    }
}

/// What a waiting chunk is charged with: its octets and the bookkeeping around them.
const fn held_size(octets: usize) -> usize {
    octets.saturating_add(160)
}

fn part(octets: &[u8], skip: u64, length: u64) -> &[u8] {
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let rest = octets.get(skip..).unwrap_or_default();
    rest.get(..length).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn early(octets: &[u8]) -> Waiting {
        let marks = Marks {
            time: Timestamp::EPOCH,
            identification: 0,
            hops: 0,
            context: 0,
            acknowledgment: 0,
            window: 0,
            timestamp: None,
        };
        Waiting { octets: octets.to_vec(), cut: 0, pieces: vec![], needs: None, packet: 1, marks }
    }

    fn drain(assembler: &mut Assembler) -> Vec<(u64, Vec<u8>)> {
        std::iter::from_fn(|| assembler.take_waiting()).map(|(at, held)| (at, held.octets)).collect()
    }

    #[test]
    fn the_first_captured_octets_win_and_differences_are_counted() {
        let mut assembler = Assembler { base: Some(SeqNumber(0)), ..Assembler::default() };
        assembler.insert(10, early(b"cdef"));
        let overlap = assembler.insert(8, early(b"abXXeffghi"));
        assert_eq!((overlap.repeated, overlap.differing), (4, 2));
        let joined: Vec<u8> = drain(&mut assembler).into_iter().flat_map(|(_, octets)| octets).collect();
        assert_eq!(joined, b"abcdeffghi".map(|c| c).to_vec());
    }

    #[test]
    fn a_repeated_octet_waits_for_no_more_than_its_earliest_segment_did() {
        let mut assembler = Assembler { base: Some(SeqNumber(0)), ..Assembler::default() };
        assembler.insert(8, Waiting { needs: Some(SeqNumber(34)), ..early(b"iJKL") });
        assembler.insert(0, Waiting { needs: Some(SeqNumber(1)), ..early(b"abcdefghi") });
        let kept: Vec<_> = std::iter::from_fn(|| assembler.take_waiting())
            .map(|(at, held)| (at, held.octets, held.needs.map(|needs| needs.0)))
            .collect();
        assert_eq!(
            kept,
            [(0, b"abcdefgh".to_vec(), Some(1)), (8, b"i".to_vec(), Some(1)), (9, b"JKL".to_vec(), Some(34))]
        );
        assert_eq!(assembler.waiting_octets(), 0);
    }

    #[test]
    fn a_cut_tail_keeps_its_place() {
        let mut assembler = Assembler { base: Some(SeqNumber(0)), ..Assembler::default() };
        assembler.insert(4, Waiting { cut: 6, ..early(b"abcd") });
        assembler.insert(14, early(b"z"));
        let kept: Vec<_> = std::iter::from_fn(|| assembler.take_waiting()).map(|(at, w)| (at, w.length())).collect();
        assert_eq!(kept, [(4, 10), (14, 1)]);
    }
}
