//! The calls of one connection: which frames belong to which, and what each frame does to its call (PROTOCOL-HTTP2).
//!
//! Streams that are not gRPC are followed only as far as it takes to say so.

use std::collections::VecDeque;

use super::call::{Call, CallId, Outcome};
use super::content_type::Protocol;
use super::message::{Progress, Queue};
use super::nature::{Nature, has_status, is_response, lacks_path, nature};
pub use super::role::{Belongs, Role};
use super::web::{TRAILERS_FLAG, TextDecoder, trailers};
use crate::direction::{Both, Direction};
use crate::http2::connection::{Block, Frame, Hole, Part};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::http2::payload::Payload;
use crate::http2::streams::Streams;
use crate::limits::Limits;
use crate::span::{Arrival, Piece, slice_pieces};
use crate::time::Timestamp;

/// What all connections share.
#[derive(Debug, Default)]
pub struct Shared {
    /// The number of the next call.
    pub next_call: u64,
    /// Messages that ended in the frame at hand.
    pub queue: Queue,
    /// Calls that have begun and not ended.
    open: usize,
    /// Octets of metadata they hold.
    metadata: usize,
    /// Content of a gRPC-Web text body, decoded.
    decoded: Vec<u8>,
    #[expect(clippy::vec_box, reason = "boxes go back and forth between here and the maps")]
    pool: Vec<Box<Call>>,
    scratch: Vec<Piece>,
}

impl Shared {
    /// The octets the messages in the queue refer to: the decoded text of gRPC-Web, or else `data` itself.
    #[must_use]
    pub fn data<'a>(&'a self, data: &'a [u8]) -> &'a [u8] {
        if self.decoded.is_empty() { data } else { &self.decoded }
    }

    /// Gives back a call that has ended.
    pub fn recycle(&mut self, mut call: Box<Call>) {
        call.drop_open(&mut self.queue);
        self.open = self.open.saturating_sub(1);
        self.metadata = self.metadata.saturating_sub(call.charged);
        if self.pool.len() < 256 {
            call.reset();
            self.pool.push(call);
        }
    }

    /// Forgets what the frame before left.
    fn clear(&mut self) {
        self.queue.clear();
        self.decoded.clear();
    }

    /// Counts what a call has come to hold.
    fn charge(&mut self, call: &mut Call) {
        let holds = call.text_octets();
        self.metadata = self.metadata.saturating_sub(call.charged).saturating_add(holds);
        call.charged = holds;
    }

    fn begin(&mut self, stream: StreamId, at: Arrival) -> Box<Call> {
        self.open = self.open.saturating_add(1);
        let mut call = self.pool.pop().unwrap_or_default();
        call.id = CallId(self.next_call);
        self.next_call = self.next_call.saturating_add(1);
        (call.stream, call.start) = (stream, at);
        call
    }
}

/// One stream's use.
#[derive(Debug)]
enum Exchange {
    Call(Box<Call>),
    /// HTTP that is not gRPC, with the state of its two halves.
    Plain(Both<bool>),
}

/// The calls of one connection.
#[derive(Debug, Default)]
pub struct Calls {
    exchanges: Streams<Exchange>,
    /// Whether frames may be missing, so that a stream's beginning may not have been seen.
    partial: bool,
    /// Calls that were reset while the other side may still have octets under way.
    lingering: VecDeque<(StreamId, Timestamp)>,
    /// Streams whose calls have ended; only kept where `partial` makes it matter.
    over: VecDeque<StreamId>,
}

/// Capture time for which octets of a call that was reset are still counted: they were sent before their sender knew.
const LINGER_NANOS: i64 = 1_000_000_000;
/// Calls of one connection that may linger at once.
const LINGERING: usize = 64;
/// Ended calls remembered where the beginnings of streams may be missing.
const OVER_KEPT: usize = 128;

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
            let begins = direction == Direction::ToServer;
            if nature == Nature::Plain && (begins || !self.partial) {
                self.exchanges.insert(stream, Exchange::Plain(Both::default()));
            } else if begins || self.partial {
                let mut call = shared.begin(stream, frame.at);
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
                    end_half(call, direction, frame.at, shared);
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
                    end_half(call, direction, frame.at, shared);
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

    fn reset(&mut self, frame: &Frame<'_>, stream: StreamId, code: ErrorCode) -> Belongs {
        let call = match self.exchanges.get_mut(stream) {
            Some(Exchange::Call(call)) => call,
            Some(Exchange::Plain(ended)) => {
                *ended = Both { to_server: true, to_client: true };
                return Belongs { is_plain: true, ..Belongs::default() };
            }
            None => return Belongs::default(),
        };
        let after_end = call.outcome.is_some();
        if !after_end {
            call.end = Some(frame.at);
            call.outcome = Some(match frame.direction {
                Direction::ToClient if code == ErrorCode::REFUSED_STREAM => Outcome::Refused,
                Direction::ToClient => Outcome::ResetByServer(code),
                Direction::ToServer => Outcome::ResetByClient(code),
            });
        }
        call.ended[frame.direction] = true;
        if !call.ended[frame.direction.opposite()] {
            // The other side does not know yet: what it has sent is still to come.
            let until = frame.at.time.saturating_add_nanos(LINGER_NANOS);
            self.lingering.push_back((stream, until));
        }
        let duration = if !after_end && call.begins { call.duration() } else { None };
        Belongs {
            call: Some(call.id),
            role: Role::Reset { after_end },
            duration,
            status: call.status,
            http_status: call.http_status,
            ..Belongs::default()
        }
    }

    /// The sender of a GOAWAY in `direction` will not process streams above `last` that the other side opened (RFC 9113 §6.8).
    pub fn go_away(&mut self, direction: Direction, last: StreamId) {
        if direction == Direction::ToServer {
            return;
        }
        for (stream, exchange) in self.exchanges.iter_mut() {
            if let Exchange::Call(call) = exchange
                && stream > last
                && !call.headed.to_client
            {
                call.left_out = true;
            }
        }
    }

    /// Takes the exchange of a stream that is over; a call among them is handed out.
    pub fn take_ended(&mut self, stream: StreamId) -> Option<Box<Call>> {
        let over = match self.exchanges.get(stream)? {
            Exchange::Call(call) => call.ended.to_server && call.ended.to_client,
            Exchange::Plain(ended) => ended.to_server && ended.to_client,
        };
        if !over {
            return None;
        }
        self.take(stream)
    }

    /// Takes a call that was reset so long ago that nothing of it is under way any more.
    #[inline]
    pub fn take_lingering(&mut self, now: Timestamp) -> Option<Box<Call>> {
        if self.lingering.is_empty() { None } else { self.take_lingered(now) }
    }

    fn take_lingered(&mut self, now: Timestamp) -> Option<Box<Call>> {
        while let Some((stream, deadline)) = self.lingering.front().copied() {
            if now < deadline && self.lingering.len() <= LINGERING {
                return None;
            }
            self.lingering.pop_front();
            if let Some(call) = self.take(stream) {
                return Some(call);
            }
        }
        None
    }

    fn take(&mut self, stream: StreamId) -> Option<Box<Call>> {
        let exchange = self.exchanges.remove(stream)?;
        if self.partial {
            if self.over.len() >= OVER_KEPT {
                self.over.pop_front();
            }
            self.over.push_back(stream);
        }
        match exchange {
            Exchange::Call(call) => Some(call),
            Exchange::Plain(_) => None,
        }
    }

    /// The connection has ended, or the capture: hands out every call that is left, in the order in which they began.
    pub fn finish(&mut self, lost: bool, at: Arrival, mut hand_out: impl FnMut(Box<Call>)) {
        let mut rest: Vec<Box<Call>> = std::mem::take(&mut self.exchanges)
            .into_values()
            .filter_map(|exchange| match exchange {
                Exchange::Call(call) => Some(call),
                Exchange::Plain(_) => None,
            })
            .collect();
        rest.sort_unstable_by_key(|call| call.id);
        for mut call in rest {
            if call.outcome.is_none() {
                call.damaged |= lost && call.end_lost;
                let outcome = match (call.left_out, lost && !call.end_lost) {
                    (true, _) => Outcome::Refused,
                    (false, true) => Outcome::ConnectionLost,
                    (false, false) => Outcome::Open,
                };
                call.outcome = Some(outcome);
                if outcome != Outcome::Open {
                    call.end = Some(at);
                }
            }
            hand_out(call);
        }
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

fn end_half(call: &mut Call, direction: Direction, at: Arrival, shared: &mut Shared) {
    call.ended[direction] = true;
    call.bodies[direction].abandon(at, &mut shared.queue);
    if direction == Direction::ToClient && call.outcome.is_none() {
        call.end = Some(at);
        call.outcome = Some(Outcome::Completed);
    }
}
