//! The life of streams, as each side sees it by what it has sent itself (RFC 9113 §5.1).
//!
//! A side may go on sending on a stream until it has read that the other side reset it, which no onlooker sees; so only what a side has ended
//! itself is held against it.

use std::collections::VecDeque;

use crate::direction::{Both, Direction};
use crate::http2::frame::StreamId;
use crate::http2::streams::Streams;

/// How a side has ended its half of a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EndedBy {
    EndStream,
    Reset,
}

impl EndedBy {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::EndStream => "END_STREAM",
            Self::Reset => "RST_STREAM",
        }
    }
}

/// One stream that is open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    pub(super) halves: Both<Half>,
    /// The server has promised it and not begun to answer.
    pub(super) reserved: bool,
}

/// What one side has sent on a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Half {
    pub(super) ended: Option<EndedBy>,
    /// Whether its message has begun: not with an interim response.
    pub(super) headed: bool,
    /// Whether trailers came.
    pub(super) trailers: bool,
    /// Whether its DATA is beyond the window.
    pub(super) exceeded: bool,
    /// Whether a finding that would be told again and again was told.
    pub(super) told: bool,
    /// The gRPC message that goes on after the last DATA: number, octets so far, declared length.
    pub(super) inside: Option<(u32, u32, Option<u32>)>,
    /// What `content-length` says.
    pub(super) length: Option<u64>,
    /// Octets of content so far.
    pub(super) octets: u64,
}

/// What is known of a stream.
#[derive(Debug)]
pub(super) enum Known<'a> {
    Open(&'a mut Stream),
    /// Nobody has opened it: its number is above all that were.
    Idle,
    /// It is over; how this side has ended it, if it did.
    Over(&'a mut Ended),
    /// It was passed over: a higher one was opened first.
    Skipped,
    /// It is over, and too long ago to be remembered; or it was passed over.
    Forgotten,
}

/// A stream that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    id: StreamId,
    pub(super) by: Both<Option<EndedBy>>,
    pub(super) told: bool,
}

/// The streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Book {
    open: Streams<Stream>,
    /// Those that ended last.
    over: VecDeque<Ended>,
    /// Whether others ended before them.
    forgotten: bool,
    /// Streams that the client has opened and that are open.
    pub(super) of_client: u32,
}

/// Streams remembered after their end.
const REMEMBERED: usize = 128;

impl Book {
    /// What is known of a stream, with the highest number that its opener has used.
    pub(super) fn known(&mut self, id: StreamId, highest: u32) -> Known<'_> {
        if self.open.contains(id) {
            return self.open.get_mut(id).map_or(Known::Forgotten, Known::Open);
        }
        if id.0 > highest {
            return Known::Idle;
        }
        match self.over.iter_mut().rev().find(|ended| ended.id == id) {
            Some(ended) => Known::Over(ended),
            None if self.forgotten => Known::Forgotten,
            None => Known::Skipped,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.open.get_mut(id)
    }

    pub(super) fn open(&mut self, id: StreamId, stream: Stream) {
        if id.is_client_initiated() {
            self.of_client = self.of_client.saturating_add(1);
        }
        self.open.insert(id, stream);
    }

    /// A side has ended its half of a stream; `true` if the stream is over with that.
    pub(super) fn end(&mut self, id: StreamId, direction: Direction, by: EndedBy) -> bool {
        let Some(stream) = self.open.get_mut(id) else { return false };
        let half = &mut stream.halves[direction];
        half.ended = Some(by);
        let halves = stream.halves;
        let by_both = Both::from_fn(|direction| halves[direction].ended);
        if by == EndedBy::EndStream && by_both[direction.opposite()].is_none() {
            return false;
        }
        self.open.remove(id);
        if id.is_client_initiated() {
            self.of_client = self.of_client.saturating_sub(1);
        }
        if self.over.len() >= REMEMBERED {
            self.over.pop_front();
            self.forgotten = true;
        }
        self.over.push_back(Ended { id, by: by_both, told: false });
        true
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.open.held_bytes().saturating_add(self.over.capacity().saturating_mul(size_of::<Ended>()))
    }
}
