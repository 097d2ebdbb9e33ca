//! One HTTP/2 connection as an onlooker sees it: both directions' frames, header tables, settings, windows and streams (RFC 9113).
//!
//! States what each frame says, what it answers and what it changes. Where octets were lost, what depends on them becomes unknown.

use super::frame::{FrameId, StreamId};
use super::hpack::Scratch;
use super::reader::{Bounds, Reader};
pub use super::seen::*;
use super::state::{State, Step};
use crate::direction::{Both, Direction};
use crate::limits::Limits;
use crate::span::{Arrival, Piece};

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    /// The bounds.
    pub limits: Limits,
    /// The number of the next frame.
    pub next_frame: u64,
    /// Streams followed now, over all connections.
    pub open_streams: usize,
    /// Connections that have decoded a header block.
    pub(super) connections: usize,
    /// Connections that hold unfinished frames or header blocks.
    unfinished_in: usize,
    /// Octets of them.
    unfinished: usize,
    /// Octets of memory their header tables take.
    pub(super) tables: usize,
    pub(super) scratch: Scratch,
}

impl Shared {
    /// For one analysis.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            next_frame: 0,
            open_streams: 0,
            connections: 0,
            unfinished_in: 0,
            unfinished: 0,
            tables: 0,
            scratch: Scratch::new(),
        }
    }

    pub(super) fn number(&mut self) -> FrameId {
        let id = FrameId(self.next_frame);
        self.next_frame = self.next_frame.saturating_add(1);
        id
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    readers: Both<Reader>,
    state: State,
    /// Octets of unfinished frames and header blocks, as counted against the limit over all connections.
    unfinished: usize,
}

impl Connection {
    /// A connection of which each direction was seen from its first octet, or was not.
    #[must_use]
    pub fn new(from_start: Both<bool>) -> Self {
        let reader = |direction| match (from_start[direction], direction) {
            (true, Direction::ToServer) => Reader::from_start(true),
            (true, Direction::ToClient) => Reader::from_start(false),
            (false, _) => Reader::late(),
        };
        Self { readers: Both::from_fn(reader), state: State::new(from_start), unfinished: 0 }
    }

    /// A connection after `Upgrade: h2c` (RFC 7540 §3.2): `client_settings` is the payload of the `HTTP2-Settings` field, which the
    /// 101 response has accepted, and stream 1 is the upgraded request.
    #[must_use]
    pub fn upgraded(client_settings: &[u8]) -> Self {
        let mut connection = Self::new(Both { to_server: true, to_client: true });
        connection.state.upgrade(client_settings);
        connection
    }

    /// Takes note that it is a guess which side is the client. The first frame that is pushed and tells it settles that: see [`Sink::sides`].
    pub const fn guess_sides(&mut self) {
        self.state.guessed = true;
    }

    /// Sets the flow offset of the first octet of a direction that will be pushed.
    pub fn start_at(&mut self, direction: Direction, offset: u64) {
        self.readers[direction].start_at(offset);
    }

    /// Takes the next octets of a direction.
    #[inline(always)] // measured: the usual of its callers is on the way of every segment
    pub fn push(
        &mut self,
        direction: Direction,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
        shared: &mut Shared,
        sink: &mut impl Sink,
    ) {
        let Self { readers, state, .. } = self;
        let bounds = Bounds::of(&shared.limits);
        let mut step = Step { direction, at, shared, sink };
        readers[direction].push(octets, pieces, bounds, &mut |item| state.item(item, &mut step));
        let is = step.direction;
        if is != direction {
            readers.swap();
        }
        if self.holds() != self.unfinished {
            self.charge(is, at, shared, sink);
        }
    }

    /// Octets of unfinished frames and header blocks.
    #[inline]
    fn holds(&self) -> usize {
        let readers = self.readers.to_server.unfinished().saturating_add(self.readers.to_client.unfinished());
        readers.saturating_add(self.state.unfinished())
    }

    /// Counts what is unfinished, and lets go of it where it is more than its share and all of it together is too much.
    #[inline(never)]
    fn charge(&mut self, direction: Direction, at: Arrival, shared: &mut Shared, sink: &mut impl Sink) {
        self.count(self.holds(), shared);
        let share = shared.limits.total_frames.checked_div(shared.unfinished_in).unwrap_or(0);
        if shared.unfinished <= shared.limits.total_frames || self.unfinished <= share {
            return;
        }
        let Self { readers, state, .. } = self;
        let mut step = Step { direction, at, shared, sink };
        let of_frame = readers[direction].let_go(&mut |item| state.item(item, &mut step));
        let count = of_frame.saturating_add(state.let_go(direction)) as u64;
        if count > 0 {
            step.notice(Notice::Limit { what: "octets of unfinished frames", count });
        }
        self.count(self.holds(), shared);
    }

    fn count(&mut self, holds: usize, shared: &mut Shared) {
        shared.unfinished = shared.unfinished.saturating_sub(self.unfinished).saturating_add(holds);
        shared.unfinished_in = shared
            .unfinished_in
            .saturating_sub(usize::from(self.unfinished > 0))
            .saturating_add(usize::from(holds > 0));
        self.unfinished = holds;
    }

    /// Takes note that the next octets of a direction were not captured.
    pub fn gap(&mut self, direction: Direction, octets: u64, at: Arrival, shared: &mut Shared, sink: &mut impl Sink) {
        let Self { readers, state, .. } = self;
        let bounds = Bounds::of(&shared.limits);
        let mut step = Step { direction, at, shared, sink };
        readers[direction].gap(octets, bounds, &mut |item| state.item(item, &mut step));
    }

    /// A direction has ended: reports what is left over.
    pub fn finish(&mut self, direction: Direction, at: Arrival, shared: &mut Shared, sink: &mut impl Sink) {
        let Self { readers, state, .. } = self;
        let mut step = Step { direction, at, shared, sink };
        readers[direction].finish(&mut |item| state.item(item, &mut step));
    }

    /// The connection has ended: gives back what it counted against the limits, and tells how often those of its own were reached.
    pub fn close(&mut self, at: Arrival, shared: &mut Shared, sink: &mut impl Sink) {
        self.count(0, shared);
        self.state.close(&mut Step { direction: Direction::ToServer, at, shared, sink });
    }

    /// Whether a stream may still be used.
    #[must_use]
    pub fn is_open(&self, stream: StreamId) -> bool {
        self.state.is_open(stream)
    }

    /// Octets of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let readers = self.readers.to_server.held_bytes().saturating_add(self.readers.to_client.held_bytes());
        readers.saturating_add(self.state.held_bytes())
    }
}
