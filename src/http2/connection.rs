//! One HTTP/2 connection as an onlooker sees it: both directions' frames, header tables, settings, windows and streams (RFC 9113).
//!
//! States what each frame says, what it answers and what it changes. Where octets were lost, what depends on them becomes unknown.

use super::frame::{FrameHeader, FrameId, StreamId};
use super::hpack::{self, HeaderBlock, Scratch};
use super::payload::{Fault, Payload};
pub use super::reader::Hole;
use super::reader::{Bounds, Reader};
use super::state::{State, Step};
use super::stream::StreamState;
use crate::direction::{Both, Direction};
use crate::limits::Limits;
use crate::span::{Arrival, Piece};

/// Points at an earlier frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameRef {
    /// Its number.
    pub id: FrameId,
    /// Its packet and time.
    pub at: Arrival,
}

/// A frame with everything the connection knows about it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its number.
    pub id: FrameId,
    /// Which way it went.
    pub direction: Direction,
    /// The packet that completed it.
    pub at: Arrival,
    /// Flow offset of its first octet.
    pub offset: u64,
    /// Its header; the client preface has none.
    pub header: Option<FrameHeader>,
    /// What it says.
    pub payload: Payload<'a>,
    /// The payload as it stood on the wire; empty where it was too large to keep. The preface's own octets for MAGIC.
    pub octets: &'a [u8],
    /// Payload octets that were not captured; they stand as zeros in `payload`.
    pub holes: &'a [Hole],
    /// Payload octets that were not captured, in all.
    pub missing: u32,
    /// Where its captured octets stand.
    pub pieces: &'a [Piece],
    /// The header block that ends here.
    pub block: Option<Block<'a>>,
    /// Whether the sender's half of the stream ends with this frame. A header block ends it with its last frame.
    pub ends_stream: bool,
    /// The state of the stream after this frame; `None` on the connection itself.
    pub state: Option<StreamState>,
    /// What else follows from it.
    pub facts: Facts,
}

/// A whole header block.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Its fields.
    pub fields: HeaderBlock<'a>,
    /// The frames it was carried by, the present one last.
    pub frames: &'a [FrameId],
    /// The promised stream, for a block that PUSH_PROMISE began.
    pub promised: Option<StreamId>,
    /// Whether all of it was captured.
    pub complete: bool,
}

/// What follows from a frame, by type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Facts {
    /// Nothing more.
    #[default]
    None,
    /// SETTINGS.
    Settings {
        /// The side's first frame, its connection preface (§3.4).
        preface: bool,
    },
    /// SETTINGS or PING with ACK.
    Acknowledges(Option<FrameRef>),
    /// DATA: the windows left for this direction.
    Used {
        /// Of the connection.
        connection: Option<i64>,
        /// Of the stream.
        stream: Option<i64>,
    },
    /// WINDOW_UPDATE: what it gives, to the octets of the *other* direction.
    Granted {
        /// The window after it.
        window: Option<i64>,
        /// Flow-controlled octets that had not been given back before it; `None` when some were not captured.
        used: Option<u64>,
        /// The stream those octets belonged to, when it was only one.
        by: Option<StreamId>,
    },
}

/// Octets of a DATA frame too large to keep whole; the frame follows.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// The stream.
    pub stream: StreamId,
    /// Content octets, or how many were not captured.
    pub octets: Result<&'a [u8], u32>,
    /// Where they stand.
    pub pieces: &'a [Piece],
    /// When.
    pub at: Arrival,
}

/// Something about the octets rather than in them.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// An unknown number of frames was lost in this direction.
    Lost,
    /// Frames were found again.
    Resync {
        /// Flow offset of the first one.
        offset: u64,
        /// Octets passed over since the place was lost.
        skipped: u64,
    },
    /// Frames were never found again.
    NeverFound {
        /// Flow offset of the end.
        offset: u64,
        /// Octets passed over.
        octets: u64,
    },
    /// The direction ended inside a frame.
    Unfinished {
        /// Flow offset of the frame.
        offset: u64,
        /// Its header, if that much was there.
        header: Option<FrameHeader>,
        /// Octets that were there, header included.
        present: u64,
        /// Octets that are missing.
        missing: u64,
        /// Where those present stand.
        pieces: &'a [Piece],
    },
    /// Octets that do not parse.
    Malformed {
        /// The frame.
        frame: FrameId,
        /// Flow offset of the frame.
        offset: u64,
        /// Octets of the frame.
        length: u64,
        /// What is wrong.
        what: Malformed,
        /// Where the frame stands.
        pieces: &'a [Piece],
    },
    /// A limit was reached.
    Limit {
        /// Which.
        what: &'static str,
        /// How many octets, frames or streams it left out.
        count: u64,
    },
}

/// What is wrong with octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Malformed {
    /// The payload of a frame.
    Payload(Fault),
    /// The header block, at this octet of it.
    Hpack(hpack::Fault),
    /// A header block was begun and another frame came before its end (§4.3).
    BlockInterrupted,
    /// CONTINUATION without a header block before it (§6.10).
    StrayContinuation,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payload(fault) => fault.fmt(f),
            Self::Hpack(fault) => write!(f, "octet {} of the header block: {fault}", fault.at),
            Self::BlockInterrupted => f.write_str("a header block was not finished before another frame"),
            Self::StrayContinuation => f.write_str("CONTINUATION without a header block to continue"),
        }
    }
}

/// Takes what a connection gives.
pub trait Sink {
    /// A frame.
    fn frame(&mut self, frame: &Frame<'_>);
    /// Part of a DATA frame that is too large to keep.
    fn part(&mut self, part: Part<'_>);
    /// Something about the octets of a direction.
    fn notice(&mut self, direction: Direction, at: Arrival, notice: Notice<'_>);
}

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
        Self { limits: limits.clone(), next_frame: 0, open_streams: 0, connections: 0, tables: 0, scratch: Scratch::new() }
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
    pub fn push(&mut self, direction: Direction, octets: &[u8], pieces: &[Piece], at: Arrival, shared: &mut Shared, sink: &mut impl Sink) {
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
