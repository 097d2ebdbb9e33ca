//! What an onlooker sees of a connection: frames with all that follows from them, and remarks on the octets themselves.

use super::frame::{FrameHeader, FrameId, StreamId};
use super::hpack::{self, HeaderBlock};
use super::payload::{Fault, Payload};
pub use super::reader::Hole;
use super::stream::StreamState;
use crate::direction::Direction;
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

/// What an acknowledgement answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answers {
    /// This frame.
    Sent(FrameRef),
    /// Nothing that was seen, or that was not answered before.
    NotSeen,
    /// One of several frames; frames that were lost would tell which.
    OneOf,
}

/// What follows from a frame, by type.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Facts {
    /// Nothing more.
    #[default]
    None,
    /// SETTINGS.
    Settings {
        /// Whether it is the side's first frame, its connection preface (§3.4), where that is known.
        preface: Option<bool>,
    },
    /// SETTINGS or PING with ACK.
    Acknowledges(Answers),
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
        /// Nanoseconds since DATA used the window up, where this update ends that and nothing else changed the window in between.
        used_up: Option<i64>,
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
    /// Which side is the client was a guess, and a frame that follows tells it. If they are `turned`, the guess was wrong: from here on
    /// directions are exchanged.
    fn sides(&mut self, _at: Arrival, _turned: bool) {}
    /// Something about the octets of a direction.
    fn notice(&mut self, direction: Direction, at: Arrival, notice: Notice<'_>);
}
