//! A flow under way: both directions side by side, each segment delivered after everything that came before it.

mod end;
mod kinship;
mod missing;
mod repeat;

use super::assembler::{Assembler, Waiting};
use super::flow::{FlowEvent, FlowFacts, GapReason, Orientation, Receiver};
use super::history::History;
use super::marks::{Marks, Repeat};
use super::seq::SeqNumber;
use crate::direction::{Both, Direction};
use crate::limits::Limits;
use crate::net::{Segment, TcpFlags};
use crate::span::{Arrival, Piece, slice_pieces};

/// Packets of the flow after which an acknowledged hole is given up: captures reorder, and a false loss is worse than a late truth.
pub(super) const GRACE_PACKETS: u64 = 32;
/// Capture time after which an acknowledged hole is given up.
pub(super) const GRACE_NANOS: i64 = 5_000_000_000;
/// The flags that say more than that octets come.
const TELLING: TcpFlags = TcpFlags::ACK.union(TcpFlags::SYN).union(TcpFlags::FIN).union(TcpFlags::RST);
/// How far out of line a RST may be and still count.
const RESET_SLACK: i32 = 1 << 20;

/// The state of a flow under way.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) halves: Both<Assembler>,
    finished: Both<bool>,
    syn: Both<Option<SeqNumber>>,
    reset: Option<(Direction, Arrival)>,
    end_is_news: bool,
    pub(super) overdue_is_news: bool,
    /// Whether something waits or is missing, so that the slow path must look.
    pub(super) pending: bool,
}

/// A segment as the flow sees it, whoever owns the octets.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) direction: Direction,
    pub(super) at: Arrival,
    pub(super) sequence: SeqNumber,
    pub(super) acknowledgment: SeqNumber,
    pub(super) flags: TcpFlags,
    pub(super) payload: &'a [u8],
    pub(super) wire_length: u32,
    pub(super) pieces: &'a [Piece],
    pub(super) marks: Marks,
}

/// What a step of a flow works with besides its own state.
pub(super) struct Context<'a, R> {
    pub(super) slot: usize,
    pub(super) facts: &'a mut FlowFacts,
    pub(super) receiver: &'a mut R,
    pub(super) history: &'a mut History,
    pub(super) total_waiting: &'a mut usize,
    pub(super) limits: &'a Limits,
}

impl<R: Receiver> Context<'_, R> {
    #[inline]
    fn emit(&mut self, event: FlowEvent<'_>) -> Orientation {
        self.receiver.receive(self.slot, self.facts, event)
    }
}

/// Octets ready to be delivered.
struct Ready<'a> {
    octets: &'a [u8],
    cut: u32,
    pieces: &'a [Piece],
    at: Arrival,
    marks: Marks,
}

impl Live {
    /// Sets where a direction begins.
    pub(super) fn begin(&mut self, direction: Direction, base: SeqNumber) {
        let half = &mut self.halves[direction];
        half.base = Some(base);
        half.seen = true;
    }

    /// Whether a segment is what nearly all are: the next octets, whole, from a sender who has seen no more than what was delivered, in a
    /// flow where nothing waits, is missing, or ends. Such a segment changes nothing but what it delivers.
    #[inline(always)]
    pub(super) fn is_next(&self, direction: Direction, segment: &Segment<'_>) -> bool {
        let (half, other) = (&self.halves[direction], &self.halves[direction.opposite()]);
        let quiet = !self.pending && half.fin.is_none() && other.fin.is_none() && other.acked <= other.next;
        let usual = quiet && half.seen && other.seen && segment.flags.intersection(TELLING) == TcpFlags::ACK;
        let acknowledgment = SeqNumber(segment.acknowledgment);
        usual
            && !segment.is_cut()
            && half.base == Some(SeqNumber(segment.sequence))
            && other.base.is_some_and(|base| (-RESET_SLACK..=0).contains(&acknowledgment.distance(base)))
    }

    /// Delivers the octets of such a segment.
    #[inline(always)]
    pub(super) fn deliver_next(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        piece: Piece,
        context: &mut Context<'_, impl Receiver>,
    ) {
        let at = context.facts.last;
        let half = &mut self.halves[direction];
        context.history.remember(&mut half.recent, half.next, segment, at.time);
        self.deliver_octets(direction, segment.payload, &[piece], at, context);
    }

    /// Takes one segment; everything that it makes deliverable is delivered.
    pub(super) fn segment(&mut self, view: View<'_>, context: &mut Context<'_, impl Receiver>) {
        let (direction, flags) = (view.direction, view.flags);
        let mut sequence = view.sequence;
        if flags.contains(TcpFlags::SYN) {
            self.syn[direction] = Some(sequence);
            sequence = sequence.add(1);
        }
        self.meet(direction, sequence, flags.contains(TcpFlags::SYN));
        if flags.contains(TcpFlags::ACK) {
            self.halves[direction.opposite()].acknowledge(view.acknowledgment);
        }
        if flags.contains(TcpFlags::RST) {
            return self.reset(view, context);
        }
        let length = (view.payload.len() as u64).max(u64::from(view.wire_length));
        let Some(offset) = self.halves[direction].offset_of(sequence) else { return };
        if flags.contains(TcpFlags::FIN)
            && self.halves[direction].fin.is_none()
            && let Ok(offset) = u64::try_from(offset)
        {
            let half = &mut self.halves[direction];
            let fin = offset.saturating_add(length);
            half.fin = Some(fin);
            // The FIN may have been acknowledged before it was captured; it is no octet.
            if half.acked == fin.saturating_add(1) {
                half.acked = fin;
                half.fin_acked = true;
            }
        }
        if length > 0 {
            self.octets(view, offset, length, context);
        }
        self.finish_halves(view.at, context);
        // What the octets said may have exchanged the sides.
        if self.pending || Direction::BOTH.into_iter().any(|direction| self.halves[direction].has_hole()) {
            self.drain(context);
            self.watch(view.at, context);
        }
    }

    /// A first packet of a direction tells where it begins, unless the other side's acknowledgment has.
    fn meet(&mut self, direction: Direction, sequence: SeqNumber, syn: bool) {
        let half = &mut self.halves[direction];
        if !half.seen {
            let known = half.base.is_some_and(|base| (0..RESET_SLACK).contains(&sequence.distance(base)));
            if !known || syn {
                half.base = Some(sequence);
            }
            half.seen = true;
        }
    }

    fn octets(&mut self, view: View<'_>, offset: i64, length: u64, context: &mut Context<'_, impl Receiver>) {
        let half = &mut self.halves[view.direction];
        let next = half.next;
        // A keep-alive repeats the last octet, or none, and what it carries means nothing (RFC 1122 §4.2.3.6).
        if length == 1 && i64::try_from(next).is_ok_and(|next| offset.checked_add(1) == Some(next)) {
            let start = u64::try_from(offset).unwrap_or(0);
            if half.acked >= next || self.asks(&view, start, context.history) {
                context.facts.repeated_segments = context.facts.repeated_segments.saturating_add(1);
                context.facts.keep_alives = context.facts.keep_alives.saturating_add(1);
            } else {
                let why = self.why_again(&view, start, context.history);
                context.facts.count_repeated(why);
                self.note_repeat(why, &view, start, context.history);
            }
            return;
        }
        // Octets below 0 were sent before the flow was met.
        let before = u64::try_from(offset.saturating_neg()).unwrap_or(0);
        let start = u64::try_from(offset).unwrap_or(0);
        let old = before.saturating_add(next.saturating_sub(start)).min(length);
        if old > 0 {
            let seen = part(view.payload, before, old.saturating_sub(before.min(old)));
            let differing = context.history.differing(&half.recent, start, seen);
            let alike = differing == 0 && before == 0;
            let why = if alike { self.why_again(&view, start, context.history) } else { Repeat::Unknown };
            context.facts.count_repeated(why);
            self.note_repeat(why, &view, start, context.history);
            if differing > 0 {
                let (direction, at) = (view.direction, view.at);
                context.emit(FlowEvent::Conflict { direction, offset: start, octets: differing, at });
            }
        }
        if old >= length {
            return;
        }
        let start = next.max(start);
        let octets = part(view.payload, old, u64::MAX);
        let cut = u32::try_from(length.saturating_sub(old).saturating_sub(octets.len() as u64)).unwrap_or(u32::MAX);
        let needs = view.flags.contains(TcpFlags::ACK).then_some(view.acknowledgment);
        let half = &self.halves[view.direction];
        let in_order = start == next && !half.is_waiting();
        if in_order && needs.is_none_or(|needs| self.halves[view.direction.opposite()].has_reached(needs)) {
            if old == 0 {
                return self.deliver(
                    view.direction,
                    &Ready { octets, cut, pieces: view.pieces, at: view.at, marks: view.marks },
                    context,
                );
            }
            let mut pieces = Vec::new();
            slice_pieces(view.pieces, old, octets.len() as u64, &mut pieces);
            return self.deliver(
                view.direction,
                &Ready { octets, cut, pieces: &pieces, at: view.at, marks: view.marks },
                context,
            );
        }
        self.keep(view, start, old, cut, needs, context);
    }

    fn keep(
        &mut self,
        view: View<'_>,
        start: u64,
        old: u64,
        cut: u32,
        needs: Option<SeqNumber>,
        context: &mut Context<'_, impl Receiver>,
    ) {
        let octets = part(view.payload, old, u64::MAX).to_vec();
        let mut pieces = Vec::new();
        slice_pieces(view.pieces, old, octets.len() as u64, &mut pieces);
        let waiting = Waiting { octets, cut, pieces, needs, packet: view.at.packet, marks: view.marks };
        let half = &mut self.halves[view.direction];
        let before = half.waiting_octets();
        let overlap = half.insert(start, waiting);
        let grown = half.waiting_octets().saturating_sub(before);
        *context.total_waiting = context.total_waiting.saturating_add(grown);
        self.pending = true;
        // What also repeats delivered octets has been counted.
        if overlap.repeated > 0 && old == 0 {
            let why = self.why_held_again(&view, start, &overlap, context.history);
            context.facts.count_repeated(why);
            self.note_repeat(why, &view, start, context.history);
        }
        if overlap.differing > 0 {
            let (direction, at) = (view.direction, view.at);
            context.emit(FlowEvent::Conflict { direction, offset: start, octets: overlap.differing, at });
        }
    }

    fn deliver(&mut self, direction: Direction, ready: &Ready<'_>, context: &mut Context<'_, impl Receiver>) {
        let half = &mut self.halves[direction];
        context.history.remember_part(&mut half.recent, half.next, ready.octets, &ready.marks);
        let orientation = self.deliver_octets(direction, ready.octets, ready.pieces, ready.at, context);
        if ready.cut > 0 {
            let direction = if orientation == Orientation::Swap { direction.opposite() } else { direction };
            self.skip(direction, u64::from(ready.cut), GapReason::Cut, ready.at, context);
        }
    }

    #[inline(always)]
    fn deliver_octets(
        &mut self,
        direction: Direction,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
        context: &mut Context<'_, impl Receiver>,
    ) -> Orientation {
        let half = &mut self.halves[direction];
        let offset = half.next;
        let length = octets.len() as u64;
        half.advance(length);
        count(context.facts, direction, length);
        if octets.is_empty() {
            return Orientation::Keep;
        }
        let orientation = context.emit(FlowEvent::Octets { direction, offset, octets, pieces, at });
        if orientation == Orientation::Swap {
            self.swap(context.facts);
        }
        orientation
    }

    fn swap(&mut self, facts: &mut FlowFacts) {
        self.halves.swap();
        self.finished.swap();
        self.syn.swap();
        if let Some((direction, _)) = &mut self.reset {
            *direction = direction.opposite();
        }
        facts.turn();
    }

    pub(super) fn skip(
        &mut self,
        direction: Direction,
        octets: u64,
        reason: GapReason,
        at: Arrival,
        context: &mut Context<'_, impl Receiver>,
    ) {
        let half = &mut self.halves[direction];
        let offset = half.next;
        half.has_skipped = true;
        half.advance(octets);
        count(context.facts, direction, octets);
        context.emit(FlowEvent::Gap { direction, offset, octets, reason, at });
    }

    /// Whether a SYN from `direction` with this number is part of this flow: its own SYN again, or that of a simultaneous open.
    pub(super) fn accepts_syn(&self, direction: Direction, sequence: SeqNumber) -> bool {
        match self.syn[direction] {
            Some(syn) => syn == sequence,
            None => !self.halves[direction].seen || self.halves[direction].offset_of(sequence.add(1)) == Some(0),
        }
    }

    /// Whether either number of a segment continues this flow.
    pub(super) fn is_near(
        &self,
        direction: Direction,
        sequence: SeqNumber,
        acknowledgment: Option<SeqNumber>,
        slack: i32,
    ) -> bool {
        let half = &self.halves[direction];
        half.is_near(sequence, slack)
            || acknowledgment.is_some_and(|acknowledgment| {
                let other = &self.halves[direction.opposite()];
                other.base.is_some() && other.is_near(acknowledgment, slack)
            })
    }

    /// Whether there is nothing for the table to do.
    pub(super) const fn is_settled(&self) -> bool {
        !(self.is_over() || self.end_is_news || self.overdue_is_news)
    }

    pub(super) const fn take_end_news(&mut self) -> bool {
        std::mem::replace(&mut self.end_is_news, false)
    }

    pub(super) const fn take_overdue_news(&mut self) -> bool {
        std::mem::replace(&mut self.overdue_is_news, false)
    }
}

fn count(facts: &mut FlowFacts, direction: Direction, octets: u64) {
    let total = match direction {
        Direction::ToServer => &mut facts.octets_to_server,
        Direction::ToClient => &mut facts.octets_to_client,
    };
    *total = total.saturating_add(octets);
}

fn part(octets: &[u8], skip: u64, length: u64) -> &[u8] {
    let rest = usize::try_from(skip).ok().and_then(|skip| octets.get(skip..)).unwrap_or_default();
    usize::try_from(length).ok().and_then(|length| rest.get(..length)).unwrap_or(rest)
}
