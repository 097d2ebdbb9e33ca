//! Frames of streams: who opens them, what may come on them when, and how much (RFC 9113 §5.1, §6.9, §8.1).

use super::Shared;
use super::alone::Window;
use super::connection::{Connection, opener};
use super::fields::{Place, Read};
use super::report::{Count, Report};
use super::rules;
use super::streams::{EndedBy, Half, Known, Stream};
use crate::direction::{Both, Direction};
use crate::event::{Flow, FrameEvent};
use crate::grpc::call::Call;
use crate::grpc::content_type::Protocol;
use crate::http2::connection::{Facts, Frame};
use crate::http2::frame::{FrameHeader, StreamId};

impl Connection {
    #[inline]
    pub(super) fn data(
        &mut self,
        event: &FrameEvent<'_>,
        header: FrameHeader,
        data: &[u8],
        flow: &Flow<'_>,
        report: &mut Report<'_, '_, '_>,
    ) {
        let frame = event.frame;
        let (direction, stream) = (frame.direction, header.stream());
        let Facts::Used { connection, stream: window } = frame.facts else { return };
        // What was given cannot be known where one side's packets are not captured at all.
        let known = self.both_begun() && flow.facts.seen.to_server && flow.facts.seen.to_client && header.length() > 0;
        let over = known && connection.is_some_and(|window| window < 0);
        if over && !std::mem::replace(&mut self.sides[direction].exceeded, over) {
            exceeded(direction, StreamId::CONNECTION, connection, header, report);
        }
        if !over {
            self.sides[direction].exceeded = false;
        }
        let ahead = self.window_ahead(direction);
        let Some(open) = self.book.get_mut(stream) else {
            return self.stray("DATA", direction, stream, report);
        };
        let half = &mut open.halves[direction];
        if let Some(by) = half.ended {
            if !std::mem::replace(&mut half.told, true) {
                after_end("DATA", direction, stream, by, report);
            }
            return;
        }
        if (!half.headed || half.trailers) && !std::mem::replace(&mut half.told, true) {
            let (side, when) =
                (direction.sender(), if half.trailers { "after its trailers" } else { "before HEADERS" });
            let summary = format_args!("the {side} sends DATA on stream {stream} {when}");
            report.tell(&rules::DATA_OUT_OF_PLACE, summary);
        }
        let window = window.zip(ahead).map(|(window, ahead)| window.saturating_add(ahead));
        let over = known && window.is_some_and(|window| window < 0);
        if over && !half.exceeded {
            exceeded(direction, stream, window, header, report);
        }
        half.exceeded = over;
        half.octets = half.octets.saturating_add(data.len() as u64);
        if frame.octets.is_empty() && header.length() > 0 {
            // It was too large to keep, and its content was not counted.
            half.length = None;
        }
        half.inside = half.inside_after(event);
    }

    /// How much larger a window is for a side that has read all SETTINGS, than as far as it has acknowledged them.
    pub(super) fn window_ahead(&self, direction: Direction) -> Option<i64> {
        let other = &self.sides[direction.opposite()];
        if other.pending.is_empty() {
            return Some(0);
        }
        let (most, now) = (other.most(|values| values.window)?, other.values.window?);
        Some(i64::from(most).saturating_sub(i64::from(now)))
    }

    /// DATA on a stream that is not open.
    #[cold]
    pub(super) fn stray(
        &mut self,
        kind: &str,
        direction: Direction,
        stream: StreamId,
        report: &mut Report<'_, '_, '_>,
    ) {
        let highest = self.highest(stream);
        match self.book.known(stream, highest) {
            Known::Idle => self.idle(kind, direction, stream, report),
            Known::Over(over) => {
                if let Some(by) = over.by[direction]
                    && !std::mem::replace(&mut over.told, true)
                {
                    after_end(kind, direction, stream, by, report);
                }
            }
            Known::Skipped => {
                let side = direction.sender();
                let summary = format_args!(
                    "the {side} sends {kind} on stream {stream}, which was never opened and is closed since stream {highest} was"
                );
                report.tell(&rules::CLOSED_STREAM, summary);
            }
            Known::Open(_) | Known::Forgotten => {}
        }
    }

    /// HEADERS: opens a stream, or goes on in one.
    pub(super) fn headers(
        &mut self,
        frame: &Frame<'_>,
        stream: StreamId,
        read: Option<&Read>,
        report: &mut Report<'_, '_, '_>,
    ) {
        let direction = frame.direction;
        let highest = self.highest(stream);
        let opens = direction == Direction::ToServer && opener(stream) == Direction::ToServer;
        let in_place = match self.book.known(stream, highest) {
            Known::Open(open) => {
                let half = &mut open.halves[direction];
                let ended = half.ended;
                if let Some(by) = ended
                    && !std::mem::replace(&mut half.told, true)
                {
                    after_end("HEADERS", direction, stream, by, report);
                }
                if direction == Direction::ToClient {
                    open.reserved = false;
                }
                ended.is_none()
            }
            Known::Idle if opens => {
                self.opens(frame, stream, report);
                true
            }
            Known::Idle if direction == Direction::ToServer => {
                let summary = format_args!("the client opens stream {stream}, where clients open odd ones");
                report.tell(&rules::STREAM_ID, summary);
                false
            }
            Known::Skipped if opens => {
                let summary = format_args!("the client opens stream {stream} after stream {highest}");
                report.tell(&rules::STREAM_ID, summary);
                false
            }
            // A request that begins, and not trailers that crossed a RST_STREAM.
            Known::Forgotten if opens && read.is_some_and(Read::has_method) => {
                let summary = format_args!("the client opens stream {stream} after stream {highest}");
                report.tell(&rules::STREAM_ID, summary);
                false
            }
            _ => {
                self.stray("HEADERS", direction, stream, report);
                false
            }
        };
        self.sides[direction].block_in_place = in_place;
    }

    /// The client opens a stream.
    pub(super) fn opens(&mut self, frame: &Frame<'_>, stream: StreamId, report: &mut Report<'_, '_, '_>) {
        let open = self.book.of_client;
        let most = self.sides.to_client.most(|values| values.streams);
        let too_many = most.filter(|most| open >= *most);
        if let Some(most) = too_many
            && !self.sides.to_server.too_many
        {
            let open = open.saturating_add(1);
            let summary = format_args!(
                "the client opens stream {stream}, which makes {open} at once, where the server allows {most}"
            );
            report.tell(&rules::TOO_MANY_STREAMS, summary);
        }
        self.sides.to_server.too_many = too_many.is_some();
        self.after_go_away(frame, stream, report);
        self.sides.to_server.highest = stream.0;
        self.open(stream, Stream::default(), report.shared);
    }

    pub(super) fn open(&mut self, id: StreamId, stream: Stream, shared: &mut Shared) {
        if shared.streams >= shared.most {
            return self.lose(shared);
        }
        shared.streams = shared.streams.saturating_add(1);
        self.book.open(id, stream);
    }

    pub(super) fn push_promise(&mut self, promised: StreamId, report: &mut Report<'_, '_, '_>) {
        if self.sides.to_server.values.push == Some(0) && self.sides.to_server.pending.is_empty() {
            let summary = format_args!(
                "the server promises stream {promised} although it has acknowledged ENABLE_PUSH 0 of the client"
            );
            report.tell(&rules::PUSH_DISABLED, summary);
        }
        let highest = self.sides.to_client.highest;
        if promised.is_client_initiated() || promised.0 <= highest {
            let summary =
                format_args!("the server promises stream {promised}, where it must be even and above {highest}");
            return report.tell(&rules::STREAM_ID, summary);
        }
        self.sides.to_client.highest = promised.0;
        let asked = Half { ended: Some(EndedBy::EndStream), headed: true, ..Half::default() };
        let halves = Both { to_server: asked, to_client: Half::default() };
        self.open(promised, Stream { halves, reserved: true }, report.shared);
    }

    /// A header block has ended: which one it is in its stream, and what must stand in it.
    pub(super) fn block(
        &mut self,
        event: &FrameEvent<'_>,
        stream: StreamId,
        read: &Read,
        report: &mut Report<'_, '_, '_>,
    ) {
        let frame = event.frame;
        let direction = frame.direction;
        if !read.whole {
            return self.lose(report.shared);
        }
        if frame.block.is_some_and(|block| block.promised.is_some()) {
            return read.judge_place(event, Place::Request, report);
        }
        if !self.sides[direction].block_in_place {
            return;
        }
        let Some(open) = self.book.get_mut(stream) else { return };
        let half = &mut open.halves[direction];
        let place = match direction {
            _ if half.headed => Place::Trailers,
            Direction::ToServer => Place::Request,
            Direction::ToClient => Place::Response,
        };
        if place == Place::Trailers {
            if !frame.ends_stream && !half.trailers {
                let side = direction.sender();
                let summary = format_args!("the {side} sends trailers on stream {stream} without END_STREAM");
                report.tell(&rules::TRAILERS_WITHOUT_END, summary);
            }
            half.trailers = true;
        } else if !read.interim {
            half.headed = true;
            half.length = read.length;
        }
        read.judge_place(event, place, report);
        match place {
            Place::Request => self.te(event.call, read, report),
            Place::Response => {
                // The server has read what came before the request.
                let preface = self.sides.to_server.pending.front_mut().filter(|pending| pending.preface);
                if let Some(pending) = preface {
                    pending.read.get_or_insert(frame.at.time);
                }
            }
            Place::Trailers => {}
        }
    }

    pub(super) fn te(&mut self, call: Option<&Call>, read: &Read, report: &mut Report<'_, '_, '_>) {
        let is_grpc = call.is_some_and(|call| call.protocol == Some(Protocol::Grpc));
        if is_grpc && !read.may_have_te() && !std::mem::replace(&mut self.te_told, true) {
            let summary = "the client calls without te: trailers, so a proxy that drops trailers, and the status with them, goes unnoticed; \
                           told once a connection";
            report.tell(&rules::NO_TE_TRAILERS, summary);
        }
    }

    pub(super) fn reset(&mut self, frame: &Frame<'_>, stream: StreamId, report: &mut Report<'_, '_, '_>) {
        let direction = frame.direction;
        let Some(open) = self.book.get_mut(stream) else {
            return self.idle("RST_STREAM", direction, stream, report);
        };
        let unanswered = direction == Direction::ToServer && !open.halves.to_client.headed;
        self.end(stream, direction, EndedBy::Reset, report.shared);
        if unanswered && let Some((count, nanos)) = self.sides.to_server.resets.count(frame.at.time) {
            let millis = nanos / 1_000_000;
            let summary =
                format_args!("the client has reset {count} streams within {millis} ms before they were answered");
            report.tell(&rules::RAPID_RESET, summary);
        }
    }

    pub(super) fn end(&mut self, stream: StreamId, direction: Direction, by: EndedBy, shared: &mut Shared) {
        if self.book.end(stream, direction, by) {
            shared.streams = shared.streams.saturating_sub(1);
        }
    }

    /// A side ends its half of a stream with END_STREAM.
    pub(super) fn end_half(&mut self, event: &FrameEvent<'_>, stream: StreamId, report: &mut Report<'_, '_, '_>) {
        let direction = event.frame.direction;
        let Some(open) = self.book.get_mut(stream) else { return };
        let half = &open.halves[direction];
        if half.ended.is_some() {
            return;
        }
        let side = direction.sender();
        if let Some(length) = half.length
            && length != half.octets
            // The answer to HEAD has no content, nor has 304.
            && (half.octets > 0 || direction == Direction::ToServer)
        {
            let octets = Count(half.octets, "octet");
            let summary =
                format_args!("the {side} sends content-length {length} and {octets} of content on stream {stream}");
            report.tell(&rules::CONTENT_LENGTH, summary);
        }
        if let (Some(inside), Some(call)) = (half.inside, event.call)
            && call.protocol == Some(Protocol::Grpc)
            && !call.damaged
            && !call.end_lost
        {
            let (index, have, declared) = inside;
            let what = if direction == Direction::ToServer { "request" } else { "response" };
            let have = match declared {
                Some(declared) => format!("after {have} of its {}", Count(declared.into(), "octet")),
                None => format!("after {have} of the 5 octets before it"),
            };
            let summary = format_args!("the {side} ends stream {stream} inside {what} {index}, {have}");
            report.tell(&rules::MESSAGE_CUT, summary);
        }
        self.end(stream, direction, EndedBy::EndStream, report.shared);
    }
}

#[cold]
fn after_end(kind: &str, direction: Direction, stream: StreamId, by: EndedBy, report: &mut Report<'_, '_, '_>) {
    let (side, by) = (direction.sender(), by.words());
    let summary = format_args!("the {side} sends {kind} on stream {stream} after it has ended it with {by}");
    report.tell(&rules::CLOSED_STREAM, summary);
}

#[cold]
fn exceeded(
    direction: Direction,
    stream: StreamId,
    window: Option<i64>,
    header: FrameHeader,
    report: &mut Report<'_, '_, '_>,
) {
    let over = Count(window.unwrap_or(0).unsigned_abs(), "octet");
    let (side, what, length) = (direction.sender(), Window(stream), header.length());
    let summary =
        format_args!("the {side} sends DATA of {length} octets, {over} more than the window of {what} allows");
    report.tell(&rules::WINDOW_EXCEEDED, summary);
}
