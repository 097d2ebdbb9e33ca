//! The calls of one connection: which frames belong to which, and what each frame does to its call (PROTOCOL-HTTP2).
//!
//! Streams that are not gRPC are followed only as far as it takes to say so.

use std::collections::VecDeque;

use super::call::Call;
use super::content_type::Protocol;
use super::ends::end_half;
use super::message::{Progress, Queue};
use super::nature::{Nature, has_status, is_response, lacks_path, nature};
pub use super::role::{Belongs, Role};
pub use super::shared::Shared;
use super::web::{TRAILERS_FLAG, TextDecoder, trailers};
use crate::direction::{Both, Direction};
use crate::http2::connection::{Block, Frame, Hole, Part};
use crate::http2::frame::StreamId;
use crate::http2::payload::Payload;
use crate::http2::streams::Streams;
use crate::limits::Limits;
use crate::span::{Arrival, Piece, slice_pieces};
use crate::time::Timestamp;

/// One stream's use.
#[derive(Debug)]
pub(super) enum Exchange {
    Call(Box<Call>),
    /// HTTP that is not gRPC, with the state of its two halves.
    Plain(Both<bool>),
}

/// The calls of one connection.
#[derive(Debug, Default)]
pub struct Calls {
    pub(super) exchanges: Streams<Exchange>,
    /// Whether frames may be missing, so that a stream's beginning may not have been seen.
    pub(super) partial: bool,
    /// Whether it is a guess which side is the client.
    pub(super) guessed: bool,
    /// The last GOAWAY of who is taken for the client, while that is a guess.
    pub(super) client_went: Option<(StreamId, Arrival)>,
    /// Calls that were reset while the other side may still have octets under way.
    pub(super) lingering: VecDeque<(StreamId, Timestamp)>,
    /// Streams whose calls have ended; only kept where `partial` makes it matter.
    pub(super) over: VecDeque<StreamId>,
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
        calls.exchanges.insert(StreamId(1), Exchange::Plain(Both { to_server: true, to_client: false }));
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

    /// An unknown number of frames was lost in this direction.
    pub fn lose(
        &mut self,
        direction: Direction,
        at: Arrival,
        shared: &mut Shared,
        mut ended: impl FnMut(&Call, &mut Shared),
    ) {
        self.partial = true;
        let mut streams: Vec<StreamId> = self.exchanges.iter().map(|(stream, _)| stream).collect();
        streams.sort_unstable();
        for stream in streams {
            let Some(Exchange::Call(call)) = self.exchanges.get_mut(stream) else { continue };
            // Trailers, or a RST_STREAM, may be among what was lost.
            call.end_lost = true;
            if !call.ended[direction] {
                call.damaged = true;
                shared.queue.clear();
                call.bodies[direction].lose(at, &mut shared.queue);
                ended(call, shared);
            }
        }
        shared.queue.clear();
    }

    /// Takes a frame of a stream: what it is to its call. Messages that end in it are in `shared.queue`.
    #[inline]
    pub fn frame(&mut self, frame: &Frame<'_>, stream: StreamId, limits: &Limits, shared: &mut Shared) -> Belongs {
        shared.clear();
        if let Some(block) = &frame.block
            && block.promised.is_none()
        {
            return self.block(frame, stream, block, limits, shared);
        }
        match frame.payload {
            Payload::Data { data, .. } => self.data(frame, stream, data, limits, shared),
            Payload::RstStream(code) => self.reset(frame, stream, code),
            _ => self.plain(stream),
        }
    }

    /// Takes part of a DATA frame that is too large to keep; its messages are in `shared.queue`.
    pub fn part(&mut self, part: &Part<'_>, limits: &Limits, shared: &mut Shared) -> Option<&Call> {
        shared.clear();
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

    fn plain(&self, stream: StreamId) -> Belongs {
        match self.exchanges.get(stream) {
            Some(Exchange::Call(call)) => Belongs { call: Some(call.id), ..Belongs::default() },
            Some(Exchange::Plain(_)) => Belongs { is_plain: true, ..Belongs::default() },
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
        if !self.exchanges.contains(stream) && !self.over.contains(&stream) {
            // The connection, which counts streams too, has told that the limit is reached.
            if shared.open.max(self.exchanges.len()) >= limits.streams {
                return Belongs::default();
            }
            let nature = nature(block);
            let begins = direction == Direction::ToServer && !self.guessed;
            if nature == Nature::Plain && (begins || !self.partial) {
                self.exchanges.insert(stream, Exchange::Plain(Both::default()));
            } else if begins || self.partial {
                let mut call = shared.begin(stream, frame.at);
                call.sides_guessed = self.guessed;
                call.begins = begins && !(self.partial && nature == Nature::Unknown && lacks_path(block));
                if !call.begins {
                    call.bodies = Both::from_fn(|_| super::message::Body::lost());
                }
                self.exchanges.insert(stream, Exchange::Call(call));
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
                    call.bodies[direction].abandon(frame.at, &mut shared.queue);
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
            Some(Exchange::Plain(ended)) => {
                ended[direction] |= frame.ends_stream;
                let role = match direction {
                    Direction::ToServer => Role::RequestBegins,
                    Direction::ToClient => Role::ResponseBegins,
                };
                Belongs { role, is_plain: true, ..Belongs::default() }
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
            call.bodies = Both::from_fn(|_| super::message::Body::lost());
            self.exchanges.insert(stream, Exchange::Call(call));
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
                let bad_flag = call.bodies[direction].bad_flag.filter(|_| bad_before.is_none());
                shared.scratch = scratch;
                if frame.ends_stream {
                    call.bodies[direction].abandon(frame.at, &mut shared.queue);
                    end_half(call, direction, frame.at);
                }
                if bad_flag.is_some() && call.protocol.is_none() {
                    // It was only taken for gRPC, since what would have told was not captured.
                    return self.is_plain(stream, shared);
                }
                let role = if call.reads_messages(direction) { Role::Messages(progress) } else { Role::Body };
                let ends = call.outcome.is_some() && direction == Direction::ToClient && frame.ends_stream;
                Belongs {
                    call: Some(call.id),
                    role,
                    duration: if ends { call.duration() } else { None },
                    status: call.status.filter(|_| ends),
                    http_status: call.http_status,
                    bad_flag,
                    ..Belongs::default()
                }
            }
            Some(Exchange::Plain(ended)) => {
                ended[direction] |= frame.ends_stream;
                Belongs { role: Role::Body, is_plain: true, ..Belongs::default() }
            }
            None => Belongs::default(),
        }
    }

    /// What was taken for a call turns out not to be one.
    fn is_plain(&mut self, stream: StreamId, shared: &mut Shared) -> Belongs {
        if let Some(Exchange::Call(call)) = self.exchanges.remove(stream) {
            self.exchanges.insert(stream, Exchange::Plain(call.ended));
            shared.recycle(call);
        }
        Belongs { role: Role::Body, is_plain: true, ..Belongs::default() }
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

/// Reads the content of DATA as the call's content type says.
#[expect(clippy::too_many_arguments, reason = "a run of octets, where it stands, and what it is read with")]
fn read_body(
    call: &mut Call,
    direction: Direction,
    data: &[u8],
    holes: &[Hole],
    pieces: &[Piece],
    at: Arrival,
    limits: &Limits,
    shared: &mut Shared,
) -> Progress {
    let Shared { queue, decoded, .. } = shared;
    if call.protocol != Some(Protocol::GrpcWebText) {
        let progress = call.bodies[direction].data(data, holes, pieces, at, limits, queue);
        if call.protocol == Some(Protocol::GrpcWeb) {
            web_trailers(call, direction, data, limits, queue);
        }
        return progress;
    }
    let decoder = call.web_text[direction].get_or_insert_with(TextDecoder::default);
    let readable = holes.is_empty() && decoder.push(data, decoded).is_ok();
    if !readable {
        call.damaged |= !holes.is_empty();
        call.bodies[direction].lose(at, queue);
        call.bodies[direction].is_not_messages();
        return Progress { lost: true, ..Progress::default() };
    }
    // The text has no octet of its own for each decoded one: a message is shown with the packets of its frame.
    let text = std::mem::take(decoded);
    let progress = call.bodies[direction].data(&text, &[], pieces, at, limits, queue);
    web_trailers(call, direction, &text, limits, queue);
    *decoded = text;
    progress
}

/// Takes the status out of the trailers that gRPC-Web sends as the last "message" of the response.
fn web_trailers(call: &mut Call, direction: Direction, data: &[u8], limits: &Limits, queue: &Queue) {
    if direction != Direction::ToClient {
        return;
    }
    for done in queue.done().iter().filter(|done| done.flag & TRAILERS_FLAG != 0) {
        for trailer in trailers(queue.octets(done, data)).flatten() {
            let name: Vec<u8> = trailer.name.lower().collect();
            call.take_web_trailer(&name, trailer.value, limits.call_metadata);
        }
    }
}
