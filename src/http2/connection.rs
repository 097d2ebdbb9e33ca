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
        Self { readers: Both::from_fn(reader), state: State::new(from_start) }
    }

    /// A connection after `Upgrade: h2c` (RFC 7540 §3.2): `client_settings` is the payload of the `HTTP2-Settings` field, which the
    /// 101 response has accepted, and stream 1 is the upgraded request.
    #[must_use]
    pub fn upgraded(client_settings: &[u8]) -> Self {
        let mut connection = Self::new(Both { to_server: true, to_client: true });
        connection.state.upgrade(client_settings);
        connection
    }

    /// Sets the flow offset of the first octet of a direction that will be pushed.
    pub fn start_at(&mut self, direction: Direction, offset: u64) {
        self.readers[direction].start_at(offset);
    }

    /// Takes the next octets of a direction.
    #[inline]
    pub fn push(
        &mut self,
        direction: Direction,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
        shared: &mut Shared,
        sink: &mut impl Sink,
    ) {
        let Self { readers, state } = self;
        let bounds = Bounds::of(&shared.limits);
        let mut step = Step { direction, at, shared, sink };
        readers[direction].push(octets, pieces, bounds, &mut |item| state.item(item, &mut step));
    }

    /// Takes note that the next octets of a direction were not captured.
    pub fn gap(&mut self, direction: Direction, octets: u64, at: Arrival, shared: &mut Shared, sink: &mut impl Sink) {
        let Self { readers, state } = self;
        let bounds = Bounds::of(&shared.limits);
        let mut step = Step { direction, at, shared, sink };
        readers[direction].gap(octets, bounds, &mut |item| state.item(item, &mut step));
    }

    /// A direction has ended: reports what is left over.
    pub fn finish(&mut self, direction: Direction, at: Arrival, shared: &mut Shared, sink: &mut impl Sink) {
        let Self { readers, state } = self;
        let mut step = Step { direction, at, shared, sink };
        readers[direction].finish(&mut |item| state.item(item, &mut step));
    }

    /// The connection has ended: gives back what it counted against the limits.
    pub fn close(&mut self, shared: &mut Shared) {
        self.state.close(shared);
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
