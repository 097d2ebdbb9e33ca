//! The vocabulary: everything that can be said about a capture, as events that borrow what they show.
//!
//! Events state; what is right or wrong about them is judged by `finding`, what they are for is said by `annotate`.

use crate::direction::Direction;
use crate::grpc::call::{Call, CallId};
use crate::grpc::calls::Belongs;
use crate::grpc::message::Done;
use crate::http2::connection::{Frame, Malformed};
use crate::http2::frame::{FrameHeader, FrameId, StreamId};
use crate::http2::preface::{Begin, Guess};
use crate::net;
use crate::span::{Arrival, Piece};
use crate::tcp::{Close, FlowFacts, GapReason};

/// What a flow speaks.
#[derive(Clone, Debug, Default)]
pub enum Protocol {
    /// Nothing that is known.
    #[default]
    Unknown,
    /// HTTP/1, without an upgrade so far.
    Http1,
    /// TLS, with what its hellos tell.
    Tls(Box<crate::tls::Facts>),
    /// HTTP/2 in the clear.
    Http2(Begin),
}

impl Protocol {
    /// The name machine output uses.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Http1 => "http1",
            Self::Tls(_) => "tls",
            Self::Http2(_) => "http2",
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// When, and at which packet.
    pub at: Arrival,
    /// The flow it belongs to; `None` for what concerns the whole capture.
    pub flow: Option<Flow<'a>>,
    /// What.
    pub body: Body<'a>,
}

/// The flow of an event.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// A small number that no other flow has until this one has ended.
    pub slot: usize,
    /// Who talks to whom, and how much so far.
    pub facts: &'a FlowFacts,
    /// What they speak.
    pub protocol: &'a Protocol,
    /// The first octets the client sent, then those of the server, for protocols that are not known.
    pub first_octets: [&'a [u8]; 2],
}

impl Flow<'_> {
    /// What it was guessed by which side is the client, as long as that is a guess.
    #[must_use]
    pub const fn guess(&self) -> Option<Guess> {
        match self.protocol {
            Protocol::Http2(Begin::Guessed(guess)) => Some(*guess),
            _ => None,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// The flow's protocol was recognised, or known to be none of ours.
    Identified,
    /// A frame.
    Frame(FrameEvent<'a>),
    /// A gRPC message ended.
    Message(MessageEvent<'a>),
    /// A call ended, or the capture before it.
    Call(&'a Call),
    /// Octets are missing.
    Gap {
        /// Whose.
        direction: Direction,
        /// Flow offset of the first one.
        offset: u64,
        /// How many.
        octets: u64,
        /// Why.
        reason: GapReason,
    },
    /// After a gap: frames were found again, or not.
    Resync {
        /// Whose.
        direction: Direction,
        /// Flow offset where reading goes on.
        offset: u64,
        /// Octets passed over.
        skipped: u64,
        /// `false` when the direction ended before frames were found.
        found: bool,
    },
    /// The direction ended inside a frame.
    Unfinished {
        /// Whose.
        direction: Direction,
        /// Flow offset of the frame.
        offset: u64,
        /// The frame's header, if it was there.
        header: Option<FrameHeader>,
        /// Octets that were there.
        present: u64,
        /// Octets that were not.
        missing: u64,
        /// Whether the sender ended the connection there; else the capture did.
        by_sender: bool,
    },
    /// One side of the flow speaks another protocol than the other does: these are its first octets.
    Foreign {
        /// Whose.
        direction: Direction,
        /// The octets of its first segment.
        octets: &'a [u8],
    },
    /// A repeated segment held other octets than those captured first, which stand.
    Conflict {
        /// Whose.
        direction: Direction,
        /// Flow offset.
        offset: u64,
        /// Octets that differ.
        octets: u64,
    },
    /// Octets that do not parse.
    Malformed(Fault<'a>),
    /// A rule was broken, or strained, by octets that parse.
    Finding(Finding<'a>),
    /// Which side is the client was a guess, and what follows tells it. The flow of this event is as it is known now.
    Sides {
        /// The guess was wrong: what was told of client and server before holds for the other one.
        turned: bool,
    },
    /// A limit was reached.
    Limit {
        /// Of what.
        what: &'static str,
        /// How much it left out.
        count: u64,
    },
    /// What somebody has written beside the packet, in a capture that has room for it. Its encoding is not checked.
    Comment(&'a [u8]),
    /// The flow ended.
    Ended(Close),
}

/// A frame and its place in its call.
#[derive(Clone, Copy, Debug)]
pub struct FrameEvent<'a> {
    /// The frame.
    pub frame: &'a Frame<'a>,
    /// What it is to its call.
    pub belongs: Belongs,
    /// The call.
    pub call: Option<&'a Call>,
}

/// A message and its call.
#[derive(Clone, Copy, Debug)]
pub struct MessageEvent<'a> {
    /// The call.
    pub call: &'a Call,
    /// Whose message.
    pub direction: Direction,
    /// Its number, length and state.
    pub message: &'a Done,
    /// Its content as on the wire, perhaps compressed; missing octets stand as zeros. Empty when it was not kept.
    pub octets: &'a [u8],
    /// Where its captured octets stand.
    pub pieces: &'a [Piece],
}

impl MessageEvent<'_> {
    /// Whether all of it was captured and kept.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.message.missing == 0 && self.message.kept
    }

    /// Whether its flag says that it is compressed.
    #[must_use]
    pub const fn is_compressed(&self) -> bool {
        self.message.flag & crate::grpc::message::COMPRESSED != 0
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Allowed, or not forbidden in words, but a strain on the other side or a likely mistake.
    Warning,
    /// The standard forbids it.
    Error,
}

impl Severity {
    /// The name every output uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A rule that traffic is held against.
#[derive(Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its name, which stays: `http2/window-exceeded`.
    pub slug: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// Where it is from: `RFC 9113 §6.9.1`.
    pub reference: &'static str,
    /// What it asks for.
    pub about: &'static str,
}

/// A rule that was broken, or strained.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// Which.
    pub rule: &'static Rule,
    /// The direction in which the side at fault sends.
    pub direction: Option<Direction>,
    /// The stream it is about; `None` for the connection itself.
    pub stream: Option<StreamId>,
    /// The number of the call it is about.
    pub call: Option<CallId>,
    /// The call itself, while it is known.
    pub of: Option<&'a Call>,
    /// One sentence that names the sides and the numbers, safe to print, without a full stop.
    pub summary: &'a str,
    /// The frames that show it.
    pub frames: &'a [FrameId],
    /// The packets that show it.
    pub packets: &'a [u64],
    /// Whether what the capture lost, or did not see, may explain it.
    pub uncertain: bool,
}

/// Octets that do not parse, and where.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// The layer and what is wrong there.
    pub what: What,
    /// Whose octets; `None` below TCP.
    pub direction: Option<Direction>,
    /// The frame, if it is one.
    pub frame: Option<FrameId>,
    /// Flow offset, or the offset in the packet below TCP.
    pub offset: u64,
    /// Octets.
    pub length: u64,
    /// Where they stand.
    pub pieces: &'a [Piece],
}

/// What is wrong, by layer.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// A packet's headers.
    Packet(net::Malformed),
    /// An HTTP/2 frame or header block.
    Http2(Malformed),
    /// The flag octet before a gRPC message is none that a message has.
    MessageFlag(u8),
    /// A stream ends after this many of the five octets before a gRPC message.
    MessagePrefix(usize),
    /// A block of the capture file.
    Capture(&'static str),
}

impl What {
    /// The layer's name.
    #[must_use]
    pub const fn layer(&self) -> &'static str {
        match self {
            Self::Packet(_) => "packet",
            Self::Http2(Malformed::Hpack(_)) => "hpack",
            Self::Http2(_) => "http2",
            Self::MessageFlag(_) | Self::MessagePrefix(_) => "grpc",
            Self::Capture(_) => "capture",
        }
    }
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Packet(malformed) => write!(f, "{} header: {}", malformed.layer, malformed.what),
            Self::Http2(malformed) => malformed.fmt(f),
            Self::MessageFlag(flag) => write!(f, "0x{flag:02x} before a message, where gRPC allows 0 and 1"),
            Self::MessagePrefix(have) => write!(f, "the stream ends after {have} of the 5 octets before a message"),
            Self::Capture(what) => f.write_str(what),
        }
    }
}

/// Takes events.
pub trait Observer {
    /// Takes one event. What it borrows is gone afterwards.
    fn event(&mut self, event: &Event<'_>);
    /// Whether it looks at frames and messages. Without them it is told the calls alone, frames of streams that are not gRPC, and
    /// everything that is neither frame nor message.
    fn wants_details(&self) -> bool {
        true
    }
}
