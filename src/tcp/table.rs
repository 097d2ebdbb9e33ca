//! All flows of a capture: finds the flow of a segment, and decides what is delivered, what waits, and what is given up.
//!
//! Octets come out in the order in which the sides acted, not in the order of capture: a segment waits for the octets before it, and
//! for those of the other side that it acknowledges. A capture in order never waits. A hole that the other side has acknowledged is
//! given up after some more packets of the flow or seconds of capture time, because captures also reorder.

mod deadlines;
mod ended;
mod kinship;
mod slot;
mod wrapped;

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;

use self::deadlines::Deadline;
pub(super) use self::kinship::NEAR;
pub(super) use self::slot::{Ended, Slot, State};
use super::contexts::Contexts;
use super::flow::{Close, FlowFacts, FlowId, Opened, Receiver};
use super::history::History;
use super::index::{Index, Key};
use super::live::{Context, Live, View};
use super::marks::Marks;
use super::seq::SeqNumber;
use crate::direction::{Both, Direction};
use crate::limits::Limits;
use crate::net::{Segment, TcpFlags};
use crate::span::{Arrival, Piece, push_piece};

/// Addresses remembered of those that somebody connected to.
const SERVERS: usize = 4096;

/// Every flow of a capture.
#[derive(Debug)]
pub struct FlowTable {
    pub(super) limits: Limits,
    /// Flows met in plain packets only.
    index: Index,
    /// All others.
    contexts: Contexts,
    pub(super) slots: Vec<Slot>,
    free: Vec<usize>,
    next_id: u64,
    live: usize,
    tombstones: VecDeque<(usize, FlowId)>,
    starting: VecDeque<Deadline>,
    overdue: VecDeque<Deadline>,
    lingering: VecDeque<Deadline>,
    history: History,
    pub(super) waiting_octets: usize,
    clock_hand: usize,
    /// Addresses that somebody connected to.
    servers: HashSet<SocketAddr, FoldHasher>,
    given_up: u64,
    contexts_given_up: u64,
    late: u64,
    scratch: Vec<Piece>,
}

type FoldHasher = foldhash::fast::RandomState;

impl FlowTable {
    /// An empty table.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            index: Index::default(),
            contexts: Contexts::default(),
            slots: Vec::new(),
            free: Vec::new(),
            next_id: 0,
            live: 0,
            tombstones: VecDeque::new(),
            starting: VecDeque::new(),
            overdue: VecDeque::new(),
            lingering: VecDeque::new(),
            history: History::default(),
            waiting_octets: 0,
            clock_hand: 0,
            servers: HashSet::default(),
            given_up: 0,
            contexts_given_up: 0,
            late: 0,
            scratch: Vec::new(),
        }
    }

    /// Takes one segment.
    #[inline(always)]
    pub fn segment(&mut self, at: Arrival, segment: &Segment<'_>, receiver: &mut impl Receiver) {
        self.advance(at.time, receiver);
        let key = Key::of(segment);
        if segment.encapsulation.is_some() {
            return self.wrapped_segment(key, at, *segment, receiver);
        }
        let known = self.index.get(&key);
        if let Some(slot) = known
            && self.next_segment(slot, at, segment, receiver)
        {
            return;
        }
        self.any_segment(key, known, at, *segment, receiver);
    }

    /// Takes a segment that its flow is waiting for; `false` for all others, which change nothing.
    #[inline(always)]
    fn next_segment(&mut self, slot: usize, at: Arrival, segment: &Segment<'_>, receiver: &mut impl Receiver) -> bool {
        let Some(Slot { state: State::Live(live), facts, .. }) = self.slots.get_mut(slot) else { return false };
        let direction = if facts.client == segment.source { Direction::ToServer } else { Direction::ToClient };
        let piece = segment.single_piece();
        if !live.is_next(direction, segment) || (piece.is_none() && !segment.payload.is_empty()) {
            return false;
        }
        facts.packets = facts.packets.saturating_add(1);
        facts.last = at;
        facts.seen[direction] = true;
        if let Some(piece) = piece {
            let mut context = Context {
                slot,
                facts,
                receiver,
                history: &mut self.history,
                total_waiting: &mut self.waiting_octets,
                limits: &self.limits,
            };
            live.deliver_next(direction, segment, piece, &mut context);
        }
        if !live.is_settled() {
            self.settle(slot, at, receiver);
        }
        true
    }

    #[inline(never)]
    fn any_segment(
        &mut self,
        key: Key,
        known: Option<usize>,
        at: Arrival,
        segment: Segment<'_>,
        receiver: &mut impl Receiver,
    ) {
        // By value, so that the usual segment never has to stand in memory.
        let segment = &segment;
        let slot = match known {
            Some(slot) if self.slots.get(slot).is_some_and(|place| place.takes(segment)) => slot,
            None if self.contexts.has(&key) => return self.wrapped_segment(key, at, *segment, receiver),
            _ => {
                if let Some(slot) = known {
                    self.close(slot, Close::Replaced, at, receiver);
                }
                let slot = self.open(key, at, segment, receiver);
                self.index.insert(key, slot);
                slot
            }
        };
        self.take(slot, at, segment, receiver);
    }

    /// Gives a segment to the flow it belongs to.
    #[inline]
    fn take(&mut self, slot: usize, at: Arrival, segment: &Segment<'_>, receiver: &mut impl Receiver) {
        let Some(place) = self.slots.get_mut(slot) else { return };
        let from_client = place.facts.client == segment.source;
        if let State::Ended(Ended { next, .. }) = &place.state {
            let direction = if from_client { Direction::ToServer } else { Direction::ToClient };
            let end = SeqNumber(segment.sequence).add(segment.wire_length);
            // What only repeats octets that were seen is not late.
            let is_new = segment.wire_length > 0 && next[direction].is_none_or(|next| end.distance(next) > 0);
            self.late = self.late.saturating_add(u64::from(is_new));
            return;
        }
        place.facts.packets = place.facts.packets.saturating_add(1);
        place.facts.last = at;
        place.facts.seen[if from_client { Direction::ToServer } else { Direction::ToClient }] = true;
        if let State::Starting(_) = place.state {
            return self.hold(slot, from_client, at, segment, receiver);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let single;
        let pieces = match segment.single_piece() {
            Some(piece) => {
                single = [piece];
                &single[..]
            }
            None => {
                scratch.clear();
                segment.pieces().for_each(|piece| push_piece(&mut scratch, piece));
                &scratch
            }
        };
        let view = View {
            direction: if from_client { Direction::ToServer } else { Direction::ToClient },
            at,
            sequence: SeqNumber(segment.sequence),
            acknowledgment: SeqNumber(segment.acknowledgment),
            flags: segment.flags,
            payload: segment.payload,
            wire_length: segment.wire_length,
            pieces,
            marks: Marks::of(segment, at.time),
        };
        let Slot { state: State::Live(live), facts, .. } = place else { return };
        live.segment(
            view,
            &mut Context {
                slot,
                facts,
                receiver,
                history: &mut self.history,
                total_waiting: &mut self.waiting_octets,
                limits: &self.limits,
            },
        );
        let settled = live.is_settled();
        self.scratch = scratch;
        if !settled {
            self.settle(slot, at, receiver);
        }
    }

    /// Flows that were given up because too many were open.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// VLANs and tunnels of flows that were forgotten because one pair of ends was met in too many.
    #[must_use]
    pub const fn contexts_given_up(&self) -> u64 {
        self.contexts_given_up
    }

    /// Packets with octets that came after their flow had ended.
    #[must_use]
    pub const fn late_packets(&self) -> u64 {
        self.late
    }

    /// Flows seen so far.
    #[must_use]
    pub const fn flows(&self) -> u64 {
        self.next_id
    }

    /// Octets of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let slots = self.slots.capacity().saturating_mul(size_of::<Slot>());
        let live = self.live.saturating_mul(size_of::<Live>());
        [
            slots,
            self.index.held_bytes(),
            self.contexts.held_bytes(),
            live,
            self.history.held_bytes(),
            self.waiting_octets,
        ]
        .iter()
        .fold(0, |sum, n| sum.saturating_add(*n))
    }

    #[inline(never)]
    fn open(&mut self, key: Key, at: Arrival, segment: &Segment<'_>, receiver: &mut impl Receiver) -> usize {
        if self.live >= self.limits.flows {
            self.evict(at, receiver);
        }
        let (syn, ack) = (segment.flags.contains(TcpFlags::SYN), segment.flags.contains(TcpFlags::ACK));
        let source_is_client = if syn { !ack } else { self.looks_like_client(segment) };
        let (client, server) = if source_is_client {
            (segment.source, segment.destination)
        } else {
            (segment.destination, segment.source)
        };
        if syn && self.servers.len() < SERVERS {
            self.servers.insert(server);
        }
        let id = FlowId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        self.live = self.live.saturating_add(1);
        let facts = FlowFacts {
            id,
            client,
            server,
            seen: Both::default(),
            opened: if syn { Opened::Syn } else { Opened::Mid },
            first: at,
            last: at,
            packets: 0,
            octets_to_server: 0,
            octets_to_client: 0,
            repeated_segments: 0,
            keep_alives: 0,
            captured_twice: 0,
            retransmitted: 0,
            paths: Vec::new(),
            refused: false,
        };
        let state = if syn { State::Live(Box::default()) } else { State::Starting(Vec::new()) };
        let place = Slot { key, facts, state };
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(old) = self.slots.get_mut(slot) {
                    *old = place;
                }
                slot
            }
            None => {
                self.slots.push(place);
                self.slots.len().saturating_sub(1)
            }
        };
        if !syn {
            self.start_by(slot, id, at);
        }
        slot
    }

    /// Who the client of a flow met midway may be, until its octets tell: not who answers on an address that others connect to, else who
    /// uses a port of the range that systems choose for clients, else who has the higher port.
    fn looks_like_client(&self, segment: &Segment<'_>) -> bool {
        let (source, destination) = (segment.source, segment.destination);
        let chosen = |address: SocketAddr| (32_768..=60_999).contains(&address.port());
        match (self.servers.contains(&source), self.servers.contains(&destination)) {
            (true, false) => false,
            (false, true) => true,
            _ if chosen(source) != chosen(destination) => chosen(source),
            _ => source.port() >= destination.port(),
        }
    }

    /// Gives a flow a segment.
    #[inline(never)]
    pub(super) fn feed(&mut self, slot: usize, view: View<'_>, receiver: &mut impl Receiver) {
        let done = self.with_live(slot, receiver, |live, context| {
            live.segment(view, context);
            !live.is_settled()
        });
        if done == Some(true) {
            self.settle(slot, view.at, receiver);
        }
    }

    fn with_live<T, R: Receiver>(
        &mut self,
        slot: usize,
        receiver: &mut R,
        step: impl FnOnce(&mut Live, &mut Context<'_, R>) -> T,
    ) -> Option<T> {
        let Slot { state: State::Live(live), facts, .. } = self.slots.get_mut(slot)? else { return None };
        let mut context = Context {
            slot,
            facts,
            receiver,
            history: &mut self.history,
            total_waiting: &mut self.waiting_octets,
            limits: &self.limits,
        };
        Some(step(live, &mut context))
    }
}
