//! The calls of one connection: which frames belong to which, and what each frame does to its call (PROTOCOL-HTTP2).
//!
//! Streams that are not gRPC are followed only as far as it takes to say so.

mod body;
mod ends;
mod losses;
mod shared;
mod turn;

use std::collections::VecDeque;

use self::body::read_body;
use self::ends::end_half;
use self::losses::Losses;
pub use self::shared::Shared;
pub(super) use self::turn::Ending;
use super::call::Call;
use super::nature::{Nature, has_status, is_response, lacks_path, nature};
pub use super::role::{Belongs, Role};
use crate::direction::{Both, Direction};
use crate::http2::connection::{Block, Frame, Hole, Part};
use crate::http2::frame::{FrameType, StreamId};
use crate::http2::payload::Payload;
use crate::http2::streams::Streams;
use crate::limits::Limits;
use crate::span::{Arrival, slice_pieces};
use crate::time::Timestamp;

/// One stream's use.
#[derive(Debug)]
enum Exchange {
    Call(Box<Call>),
    /// HTTP that is not gRPC, as far as known.
    Plain(Plain),
}

/// HTTP that is not gRPC.
#[derive(Clone, Copy, Debug, Default)]
struct Plain {
    /// The state of its two halves.
    ended: Both<bool>,
    /// Whether only the response says so.
    perhaps_call: bool,
}

impl Plain {
    /// What a frame of it is.
    fn belongs(self, role: Role) -> Belongs {
        Belongs { role, is_plain: true, perhaps_call: self.perhaps_call, ..Belongs::default() }
    }
}

/// The calls of one connection.
#[derive(Debug, Default)]
pub struct Calls {
    exchanges: Streams<Exchange>,
    /// Whether frames may be missing, so that a stream's beginning may not have been seen.
    partial: bool,
    /// What the next loss of frames has to look at; kept from the first loss on.
    losses: Option<Box<Losses>>,
    /// Whether it is a guess which side is the client.
    guessed: bool,
    /// The last GOAWAY of who is taken for the client, while that is a guess.
    client_went: Option<(StreamId, Arrival)>,
    /// Calls that were reset while the other side may still have octets under way.
    lingering: VecDeque<(StreamId, Timestamp)>,
    /// Streams whose calls have ended; only kept where `partial` makes it matter.
    over: VecDeque<StreamId>,
}

impl Calls {
    /// For a connection that was met late.
    #[must_use]
    pub fn late() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// For a connection that was upgraded from HTTP/1.1: stream 1 is the request that asked for it.
    #[must_use]
    pub fn upgraded() -> Self {
        let mut calls = Self::default();
        let ended = Both { to_server: true, to_client: false };
        calls.exchanges.insert(StreamId(1), Exchange::Plain(Plain { ended, perhaps_call: false }));
        calls
    }

    /// The call of a stream.
    #[must_use]
    pub fn call(&self, stream: StreamId) -> Option<&Call> {
        match self.exchanges.get(stream) {
            Some(Exchange::Call(call)) => Some(call),
            _ => None,
        }
    }
    /// Takes a frame of a stream: what it is to its call. Messages that end in it are in `shared.queue`.
    #[inline]
    pub fn frame(&mut self, frame: &Frame<'_>, stream: StreamId, limits: &Limits, shared: &mut Shared) -> Belongs {
        shared.clear();
        if self.losses.is_some() {
            self.note(stream, frame.direction);
        }
        if let Some(block) = &frame.block
            && block.promised.is_none()
        {
            return self.block(frame, stream, block, limits, shared);
        }
        match frame.payload {
            Payload::Data { data, .. } => self.data(frame, stream, data, limits, shared),
            Payload::RstStream(code) => self.reset(frame, stream, code),
            Payload::Unreadable(_) if frame.header.is_some_and(|header| header.kind() == FrameType::RST_STREAM) => {
                self.unread_reset(stream, frame.direction)
            }
            _ => self.plain(stream),
        }
    }

    /// Takes part of a DATA frame that is too large to keep; its messages are in `shared.queue`.
    pub fn part(&mut self, part: &Part<'_>, limits: &Limits, shared: &mut Shared) -> Option<&Call> {
        shared.clear();
        self.note(part.stream, part.direction);
        let Some(Exchange::Call(call)) = self.exchanges.get_mut(part.stream) else { return None };
        match part.octets {
            Ok(octets) => read_body(call, part.direction, octets, &[], part.pieces, part.at, limits, shared),
            Err(length) => {
                call.damaged = true;
                let hole = [Hole { start: 0, length }];
                let zeros = vec![0; usize::try_from(length).unwrap_or(0).min(limits.frame)];
                read_body(call, part.direction, &zeros, &hole, &[], part.at, limits, shared)
            }
        };
        Some(call)
    }

    /// Follows a call from here on.
    fn insert(&mut self, stream: StreamId, call: Box<Call>) {
        self.exchanges.insert(stream, Exchange::Call(call));
        if self.losses.is_some() {
            Direction::BOTH.into_iter().for_each(|direction| self.note(stream, direction));
        }
    }

    /// A RST_STREAM whose error code is not known ends a call nobody knows how.
    fn unread_reset(&mut self, stream: StreamId, by: Direction) -> Belongs {
        if let Some(Exchange::Call(call)) = self.exchanges.get_mut(stream) {
            (call.damaged, call.end_lost) = (true, true);
            call.in_doubt = Both { to_server: true, to_client: true };
            call.unread_reset.get_or_insert(by);
        }
        self.plain(stream)
    }

    fn plain(&self, stream: StreamId) -> Belongs {
        match self.exchanges.get(stream) {
            Some(Exchange::Call(call)) => Belongs { call: Some(call.id), ..Belongs::default() },
            Some(Exchange::Plain(plain)) => plain.belongs(Role::None),
            None => Belongs::default(),
        }
    }

    fn block(
        &mut self,
        frame: &Frame<'_>,
        stream: StreamId,
        block: &Block<'_>,
        limits: &Limits,
        shared: &mut Shared,
    ) -> Belongs {
        let direction = frame.direction;
        if self.partial {
            self.settle(stream, direction, block, shared);
        }
        if !self.exchanges.contains(stream) && !self.over.contains(&stream) {
            // The connection, which counts streams too, has told that the limit is reached.
            if shared.open.max(self.exchanges.len()) >= limits.streams {
                return Belongs::default();
            }
            let nature = nature(block);
            let begins = direction == Direction::ToServer && !self.guessed;
            if nature == Nature::Plain {
                let perhaps_call = !begins && self.partial;
                self.exchanges.insert(stream, Exchange::Plain(Plain { perhaps_call, ..Plain::default() }));
            } else if begins || self.partial {
                let mut call = shared.begin(stream, frame.at);
                call.sides_guessed = self.guessed;
                // Trailers of a request end the stream: what does not, begins it.
                let trailers = self.partial && nature == Nature::Unknown && lacks_path(block) && frame.ends_stream;
                call.begins = begins && !trailers;
                if !call.begins {
                    call.is_met_late();
                }
                self.insert(stream, call);
            } else {
                return Belongs::default();
            }
        }
        let partial = self.partial;
        match self.exchanges.get_mut(stream) {
            Some(Exchange::Call(call)) => {
                let first = !call.headed[direction];
                let trailers = !first
                    || (direction == Direction::ToClient && frame.ends_stream)
                    || (!call.begins && has_status(block));
                // A response begins with its status; one that does not was not captured from its beginning.
                call.damaged |= partial && first && direction == Direction::ToClient && !is_response(block);
                let room = limits.total_metadata.saturating_sub(shared.metadata);
                let limit = limits.call_metadata.min(call.charged.saturating_add(room));
                let informational =
                    call.take_block(direction, block, trailers && direction == Direction::ToClient, limit);
                shared.charge(call);
                if !informational {
                    call.headed[direction] = true;
                }
                call.in_doubt[direction] = false;
                if direction == Direction::ToClient && is_response(block) {
                    // Whatever was lost before, the response's messages begin here.
                    call.bodies.to_client.begin();
                }
                let role = match (direction, first) {
                    // What a block is that does not tell who sends it depends on who does.
                    _ if call.sides_guessed => Role::None,
                    (Direction::ToServer, true) => Role::RequestBegins,
                    (Direction::ToServer, false) => Role::RequestTrailers,
                    (Direction::ToClient, _) if informational => Role::Interim,
                    (Direction::ToClient, true)
                        if frame.ends_stream
                            && ((!call.end_lost && (!partial || (call.begins && is_response(block))))
                                || (is_response(block) && has_status(block))) =>
                    {
                        Role::TrailersOnly
                    }
                    (Direction::ToClient, _) if frame.ends_stream => Role::Ends,
                    (Direction::ToClient, _) => Role::ResponseBegins,
                };
                call.trailers_only |= role == Role::TrailersOnly;
                if frame.ends_stream {
                    call.abandon(direction, frame.at, &mut shared.queue);
                    end_half(call, direction, frame.at);
                }
                let ends = matches!(role, Role::Ends | Role::TrailersOnly);
                Belongs {
                    call: Some(call.id),
                    role,
                    duration: if ends && call.begins { call.duration() } else { None },
                    status: call.status.filter(|_| ends),
                    http_status: call.http_status,
                    ..Belongs::default()
                }
            }
            Some(Exchange::Plain(plain)) => {
                plain.ended[direction] |= frame.ends_stream;
                let known = block.complete && block.fields.fields().all(|field| field.is_known());
                plain.belongs(match direction {
                    Direction::ToServer if known && lacks_path(block) => Role::RequestTrailers,
                    Direction::ToServer => Role::RequestBegins,
                    Direction::ToClient if known && !is_response(block) => Role::Ends,
                    Direction::ToClient => Role::ResponseBegins,
                })
            }
            None => Belongs::default(),
        }
    }

    fn data(
        &mut self,
        frame: &Frame<'_>,
        stream: StreamId,
        data: &[u8],
        limits: &Limits,
        shared: &mut Shared,
    ) -> Belongs {
        let direction = frame.direction;
        let room = shared.open.max(self.exchanges.len()) < limits.streams;
        if self.partial && room && !self.exchanges.contains(stream) && !self.over.contains(&stream) {
            let mut call = shared.begin(stream, frame.at);
            call.sides_guessed = self.guessed;
            call.is_met_late();
            self.insert(stream, call);
        }
        match self.exchanges.get_mut(stream) {
            Some(Exchange::Call(call)) => {
                let padded = frame.header.is_some_and(|header| header.flags().has(crate::http2::frame::Flags::PADDED));
                let before = 9_u64.saturating_add(u64::from(padded));
                let mut scratch = std::mem::take(&mut shared.scratch);
                let single;
                let pieces = if let [only] = frame.pieces {
                    single = only.part(before, u64::MAX);
                    single.as_slice()
                } else {
                    scratch.clear();
                    slice_pieces(frame.pieces, before, u64::MAX, &mut scratch);
                    &scratch
                };
                let shifted: Vec<Hole> = frame
                    .holes
                    .iter()
                    .map(|hole| Hole { start: hole.start.saturating_sub(u32::from(padded)), ..*hole })
                    .collect();
                call.damaged |=
                    frame.missing > 0 || (self.partial && direction == Direction::ToClient && !call.headed.to_client);
                let bad_before = call.bodies[direction].bad_flag;
                let progress = read_body(call, direction, data, &shifted, pieces, frame.at, limits, shared);
                let mut bad_flag = call.bodies[direction].bad_flag.filter(|_| bad_before.is_none());
                shared.scratch = scratch;
                if frame.ends_stream {
                    call.abandon(direction, frame.at, &mut shared.queue);
                    end_half(call, direction, frame.at);
                }
                call.in_doubt[direction] = false;
                if bad_flag.is_some() && !call.is_told {
                    // It was only taken for gRPC, since what would have told was not captured.
                    if direction == Direction::ToServer || !(call.begins || call.headed.to_client) {
                        return self.is_plain(stream, direction == Direction::ToClient, shared);
                    }
                    // A call of gRPC may be answered in something else.
                    call.bodies[direction].is_not_messages();
                    bad_flag = None;
                } else if !call.is_told {
                    call.is_told = progress.fills();
                }
                let role = if call.reads_messages(direction) { Role::Messages(progress) } else { Role::Body };
                let ends = call.outcome.is_some() && direction == Direction::ToClient && frame.ends_stream;
                Belongs {
                    call: Some(call.id),
                    role,
                    duration: if ends && call.begins { call.duration() } else { None },
                    status: call.status.filter(|_| ends),
                    http_status: call.http_status,
                    bad_flag,
                    ..Belongs::default()
                }
            }
            Some(Exchange::Plain(plain)) => {
                plain.ended[direction] |= frame.ends_stream;
                plain.belongs(Role::Body)
            }
            None => Belongs::default(),
        }
    }

    /// Of an exchange of which nothing has told yet whether it is gRPC, this header block may tell that it is not.
    #[cold]
    fn settle(&mut self, stream: StreamId, direction: Direction, block: &Block<'_>, shared: &mut Shared) {
        let untold = matches!(self.exchanges.get(stream), Some(Exchange::Call(call)) if !call.is_told);
        if untold && nature(block) == Nature::Plain {
            self.is_plain(stream, direction == Direction::ToClient, shared);
        }
    }

    /// What was taken for a call turns out not to be one.
    fn is_plain(&mut self, stream: StreamId, perhaps_call: bool, shared: &mut Shared) -> Belongs {
        let mut plain = Plain { perhaps_call, ..Plain::default() };
        if let Some(Exchange::Call(call)) = self.exchanges.remove(stream) {
            plain.ended = call.ended;
            self.exchanges.insert(stream, Exchange::Plain(plain));
            shared.recycle(call);
        }
        plain.belongs(Role::Body)
    }

    /// Octets of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.exchanges.iter().fold(self.exchanges.held_bytes(), |sum, (_, exchange)| match exchange {
            Exchange::Call(call) => sum.saturating_add(call.held_bytes()),
            Exchange::Plain(_) => sum,
        })
    }
}
