//! One connection as a chain of frames: which may come when, and how much of what.
//!
//! Once octets of the connection are missing, or when its beginning was not seen, only what a frame says by itself is judged.

use super::Shared;
use super::alone::{self, LARGEST_WINDOW, Window};
use super::fields::{Place, Read};
use super::report::{About, Count, Report};
use super::rules;
use super::side::{GoAway, Pending, Side, Values};
use super::streams::{Book, EndedBy, Half, Known, Stream};
use crate::direction::{Both, Direction};
use crate::event::{Fault, Flow, FrameEvent, What};
use crate::grpc::call::Call;
use crate::grpc::calls::Role;
use crate::grpc::content_type::Protocol;
use crate::http2::connection::{Facts, Frame, FrameRef, Malformed};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::{FrameHeader, StreamId};
use crate::http2::payload::Payload;
use crate::http2::preface::Begin;
use crate::http2::settings::Settings;

/// What is remembered of one connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// Whether all of it was seen so far, from its beginning.
    whole: bool,
    /// Whether frames of a direction had to be searched for, or its octets are in doubt.
    doubt: Both<bool>,
    magic: bool,
    pub(super) sides: Both<Side>,
    book: Book,
    te_told: bool,
    pub(super) latest: Option<FrameRef>,
}

/// Payloads up to this length are allowed everywhere (RFC 9113 §6.5.2).
const ALWAYS_ALLOWED: u32 = 16_384;
/// Capture time after which what was read should have been answered, or heeded.
const PATIENCE_NANOS: i64 = 1_000_000_000;
/// Limits that leave out nothing that a rule about the connection depends on.
const HARMLESS_LIMITS: [&str; 2] = ["octets of a call's metadata", "octets of a message"];

impl Connection {
    pub(super) fn new(begin: Begin) -> Self {
        let upgraded = begin == Begin::Upgrade;
        let known = matches!(begin, Begin::PriorKnowledge | Begin::Proxied | Begin::Upgrade);
        // The settings of HTTP2-Settings hold from the beginning, and are not told.
        let client = if upgraded { Values::UNKNOWN } else { Values::DEFAULT };
        let mut new = Self {
            whole: known,
            doubt: Both { to_server: !known, to_client: !known },
            magic: false,
            sides: Both { to_server: Side::new(client), to_client: Side::new(Values::DEFAULT) },
            book: Book::default(),
            te_told: false,
            latest: None,
        };
        if upgraded {
            let asked = Half { ended: Some(EndedBy::EndStream), headed: true, ..Half::default() };
            let halves = Both { to_server: asked, to_client: Half::default() };
            new.book.open(StreamId(1), Stream { halves, reserved: false });
            new.sides.to_server.highest = 1;
        }
        new
    }

    pub(super) fn held_bytes(&self) -> usize {
        let pending = self.sides.to_server.pending.capacity().saturating_add(self.sides.to_client.pending.capacity());
        let held = pending.saturating_mul(size_of::<Pending>()).saturating_add(self.book.held_bytes());
        size_of::<Self>().saturating_add(held)
    }

    /// Something of the connection was not seen.
    pub(super) fn lose(&mut self, shared: &mut Shared) {
        self.whole = false;
        shared.streams = shared.streams.saturating_sub(self.book.len());
        self.book = Book::default();
    }

    /// What is read of a direction from now on may not be what was sent.
    pub(super) fn doubt(&mut self, direction: Direction, shared: &mut Shared) {
        self.doubt[direction] = true;
        self.lose(shared);
    }

    pub(super) fn limit(&mut self, what: &str, shared: &mut Shared) {
        if !HARMLESS_LIMITS.contains(&what) {
            self.lose(shared);
        }
    }

    pub(super) const fn in_doubt(&self) -> bool {
        self.doubt.to_server || self.doubt.to_client
    }

    pub(super) fn malformed(&mut self, fault: &Fault<'_>, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        let What::Http2(what) = fault.what else { return };
        if self.whole
            && let (Some(direction), Some(id)) = (fault.direction, fault.frame)
        {
            let side = direction.sender();
            report.about = About { direction: Some(direction), ..About::default() };
            let shown = [FrameRef { id, at: report.at() }];
            match what {
                Malformed::BlockInterrupted => {
                    let summary = format_args!("the {side} sends another frame before its header block has ended");
                    report.tell_with(&rules::HEADER_BLOCK_INTERRUPTED, shared, &shown, summary);
                }
                Malformed::StrayContinuation => {
                    let summary = format_args!("the {side} sends CONTINUATION without a header block to continue");
                    report.tell_with(&rules::CONTINUATION, shared, &shown, summary);
                }
                Malformed::Payload(_) | Malformed::Hpack(_) => {}
            }
        }
        self.lose(shared);
    }

    pub(super) fn frame<'e>(
        &mut self,
        event: &'e FrameEvent<'e>,
        flow: &Flow<'_>,
        shared: &mut Shared,
        report: &mut Report<'e, '_, '_>,
    ) {
        let frame = event.frame;
        let direction = frame.direction;
        let Some(header) = frame.header else {
            self.magic = true;
            return;
        };
        let stream = header.stream();
        report.about = About {
            direction: Some(direction),
            stream: (stream != StreamId::CONNECTION).then_some(stream),
            call: event.belongs.call,
            of: event.call,
            frame: Some(event),
            uncertain: self.doubt[direction],
        };
        if frame.missing > 0 || matches!(frame.payload, Payload::Unreadable(_)) {
            self.lose(shared);
        }
        if self.whole && !self.sides[direction].begun {
            self.begins(frame, header, shared, report);
        }
        alone::frame(frame, header, shared, report);
        self.go_away_with_calm(frame, shared, report);
        let read = frame.block.as_ref().map(Read::new);
        if let Some(read) = &read {
            read.judge(direction, event.belongs.call.is_some(), shared, report);
        }
        if self.whole {
            self.follow(event, header, read.as_ref(), flow, shared, report);
        }
        self.latest = Some(FrameRef { id: frame.id, at: frame.at });
    }

    /// The first frame of a side.
    #[cold]
    fn begins(&mut self, frame: &Frame<'_>, header: FrameHeader, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        self.sides[frame.direction].begun = true;
        if frame.facts == (Facts::Settings { preface: true }) {
            return;
        }
        if frame.direction == Direction::ToServer && self.magic {
            let summary = format_args!("the client begins with {} where SETTINGS must stand", header.kind());
            return report.tell(&rules::PREFACE, shared, summary);
        }
        self.lose(shared);
    }

    /// Holds a frame against all that came before.
    #[inline]
    fn follow(
        &mut self,
        event: &FrameEvent<'_>,
        header: FrameHeader,
        read: Option<&Read<'_>>,
        flow: &Flow<'_>,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        let frame = event.frame;
        let (direction, stream) = (frame.direction, header.stream());
        if header.length() > ALWAYS_ALLOWED {
            self.size(direction, header, shared, report);
        }
        let sent = FrameRef { id: frame.id, at: frame.at };
        if stream == StreamId::CONNECTION {
            match frame.payload {
                Payload::Settings(settings) => self.settings(frame, settings, shared, report),
                Payload::Ping(_) => self.ping(frame, shared, report),
                Payload::WindowUpdate { .. } => self.window_update(frame, stream, shared, report),
                Payload::GoAway { last_stream: last, .. } => {
                    let told = GoAway { sent, last, read: None, told: false };
                    self.sides[direction].go_away.get_or_insert(told).last = last;
                }
                _ => {}
            }
            return;
        }
        match frame.payload {
            Payload::Data { data, .. } => self.data(event, header, data, flow, shared, report),
            Payload::Headers { .. } => self.headers(frame, stream, read, shared, report),
            Payload::PushPromise { promised, .. } if direction == Direction::ToClient => {
                self.push_promise(promised, shared, report);
            }
            Payload::RstStream(_) => self.reset(frame, stream, shared, report),
            Payload::WindowUpdate { .. } => self.window_update(frame, stream, shared, report),
            _ => {}
        }
        if let Some(read) = read {
            self.block(event, stream, read, shared, report);
        }
        if frame.ends_stream {
            self.end_half(event, stream, shared, report);
        }
    }

    #[cold]
    fn size(&self, direction: Direction, header: FrameHeader, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        let most = self.sides[direction.opposite()].most(|values| values.frame);
        if let Some(most) = most.filter(|most| header.length() > *most) {
            let (side, other) = (direction.sender(), direction.opposite().sender());
            let (kind, length) = (header.kind(), header.length());
            let summary =
                format_args!("the {side} sends {kind} of {length} octets, where the {other} takes at most {most}");
            report.tell(&rules::FRAME_TOO_LARGE, shared, summary);
        }
    }

    fn settings(
        &mut self,
        frame: &Frame<'_>,
        settings: Settings<'_>,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        match frame.facts {
            // The other side's frames are not in the capture, or not where they belong.
            Facts::Acknowledges(None) if !self.sides[frame.direction.opposite()].begun => self.lose(shared),
            Facts::Acknowledges(Some(_)) => self.sides[frame.direction.opposite()].is_accepted(),
            Facts::Acknowledges(None) => {
                let (side, other) = (frame.direction.sender(), frame.direction.opposite().sender());
                let summary = format_args!(
                    "the {side} acknowledges SETTINGS although all that the {other} has sent are acknowledged already"
                );
                report.tell(&rules::SETTINGS_ACK_UNASKED, shared, summary);
            }
            _ => self.sides[frame.direction].asks(settings, FrameRef { id: frame.id, at: frame.at }),
        }
    }

    fn ping(&mut self, frame: &Frame<'_>, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        let Facts::Acknowledges(asked) = frame.facts else {
            let side = &mut self.sides[frame.direction];
            side.pings = side.pings.saturating_add(1);
            return;
        };
        let other = frame.direction.opposite();
        match asked {
            Some(asked) => self.sides[other].is_read(asked, frame.at.time),
            None if !self.sides[other].begun => self.lose(shared),
            None => {
                let (side, other) = (frame.direction.sender(), other.sender());
                let summary = format_args!("the {side} answers a PING that the {other} has not sent");
                report.tell(&rules::PING_ACK_UNASKED, shared, summary);
            }
        }
    }

    fn go_away_with_calm(&self, frame: &Frame<'_>, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        let Payload::GoAway { error: ErrorCode::ENHANCE_YOUR_CALM, debug_data: b"too_many_pings", .. } = frame.payload
        else {
            return;
        };
        let (side, other) = (frame.direction.sender(), frame.direction.opposite());
        let pings = self.sides[other].pings;
        let seen = if self.whole { format!(" ({pings} so far)") } else { String::new() };
        let other = other.sender();
        let summary = format_args!(
            "the {side} ends the connection (ENHANCE_YOUR_CALM) because the {other} sends PINGs more often than it allows{seen}: \
             a longer keepalive time of the {other}, or a smaller minimum at the {side}, ends this"
        );
        report.tell(&rules::TOO_MANY_PINGS, shared, summary);
    }

    fn window_update(
        &mut self,
        frame: &Frame<'_>,
        stream: StreamId,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        if let Facts::Granted { window: Some(window), .. } = frame.facts
            && window > i64::from(LARGEST_WINDOW)
            && self.both_begun()
        {
            let (side, what) = (frame.direction.sender(), Window(stream));
            let summary = format_args!(
                "the {side} lets the window of {what} grow to {window} octets, where {LARGEST_WINDOW} is the most"
            );
            report.tell(&rules::WINDOW_OVERFLOW, shared, summary);
        }
        if stream != StreamId::CONNECTION {
            self.idle("WINDOW_UPDATE", frame.direction, stream, shared, report);
        }
    }

    /// Frames that may come for any stream but one that nobody has opened.
    fn idle(
        &mut self,
        kind: &str,
        direction: Direction,
        stream: StreamId,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        let highest = self.highest(stream);
        if stream.0 > highest {
            let side = direction.sender();
            let summary = format_args!("the {side} sends {kind} on stream {stream}, which nobody has opened");
            report.tell(&rules::IDLE_STREAM, shared, summary);
        }
    }

    fn both_begun(&self) -> bool {
        self.sides.to_server.begun && self.sides.to_client.begun
    }

    fn highest(&self, stream: StreamId) -> u32 {
        self.sides[opener(stream)].highest
    }

    #[inline]
    fn data(
        &mut self,
        event: &FrameEvent<'_>,
        header: FrameHeader,
        data: &[u8],
        flow: &Flow<'_>,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        let frame = event.frame;
        let (direction, stream) = (frame.direction, header.stream());
        let Facts::Used { connection, stream: window } = frame.facts else { return };
        // What was given cannot be known where one side's packets are not captured at all.
        let known = self.both_begun() && flow.facts.seen.to_server && flow.facts.seen.to_client && header.length() > 0;
        let over = known && connection.is_some_and(|window| window < 0);
        if over && !std::mem::replace(&mut self.sides[direction].exceeded, over) {
            exceeded(direction, StreamId::CONNECTION, connection, header, shared, report);
        }
        if !over {
            self.sides[direction].exceeded = false;
        }
        let ahead = self.window_ahead(direction);
        let Some(open) = self.book.get_mut(stream) else {
            return self.stray("DATA", direction, stream, shared, report);
        };
        let half = &mut open.halves[direction];
        if let Some(by) = half.ended {
            if !std::mem::replace(&mut half.told, true) {
                after_end("DATA", direction, stream, by, shared, report);
            }
            return;
        }
        if (!half.headed || half.trailers) && !std::mem::replace(&mut half.told, true) {
            let (side, when) =
                (direction.sender(), if half.trailers { "after its trailers" } else { "before HEADERS" });
            let summary = format_args!("the {side} sends DATA on stream {stream} {when}");
            report.tell(&rules::DATA_OUT_OF_PLACE, shared, summary);
        }
        let window = window.zip(ahead).map(|(window, ahead)| window.saturating_add(ahead));
        let over = known && window.is_some_and(|window| window < 0);
        if over && !half.exceeded {
            exceeded(direction, stream, window, header, shared, report);
        }
        half.exceeded = over;
        half.octets = half.octets.saturating_add(data.len() as u64);
        if frame.octets.is_empty() && header.length() > 0 {
            // It was too large to keep, and its content was not counted.
            half.length = None;
        }
        if let Role::Messages(progress) = event.belongs.role {
            let read = !progress.lost && event.call.is_some_and(|call| call.bodies[direction].bad_flag.is_none());
            half.inside = progress.open.filter(|_| read);
        }
    }

    /// How much larger a window is for a side that has read all SETTINGS, than as far as it has acknowledged them.
    fn window_ahead(&self, direction: Direction) -> Option<i64> {
        let other = &self.sides[direction.opposite()];
        if other.pending.is_empty() {
            return Some(0);
        }
        let (most, now) = (other.most(|values| values.window)?, other.values.window?);
        Some(i64::from(most).saturating_sub(i64::from(now)))
    }

    /// DATA on a stream that is not open.
    #[cold]
    fn stray(
        &mut self,
        kind: &str,
        direction: Direction,
        stream: StreamId,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        let highest = self.highest(stream);
        match self.book.known(stream, highest) {
            Known::Idle => self.idle(kind, direction, stream, shared, report),
            Known::Over(over) => {
                if let Some(by) = over.by[direction]
                    && !std::mem::replace(&mut over.told, true)
                {
                    after_end(kind, direction, stream, by, shared, report);
                }
            }
            Known::Skipped => {
                let side = direction.sender();
                let summary = format_args!(
                    "the {side} sends {kind} on stream {stream}, which was never opened and is closed since stream {highest} was"
                );
                report.tell(&rules::CLOSED_STREAM, shared, summary);
            }
            Known::Open(_) | Known::Forgotten => {}
        }
    }

    /// HEADERS: opens a stream, or goes on in one.
    fn headers(
        &mut self,
        frame: &Frame<'_>,
        stream: StreamId,
        read: Option<&Read<'_>>,
        shared: &mut Shared,
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
                    after_end("HEADERS", direction, stream, by, shared, report);
                }
                if direction == Direction::ToClient {
                    open.reserved = false;
                }
                ended.is_none()
            }
            Known::Idle if opens => {
                self.opens(frame, stream, shared, report);
                true
            }
            Known::Idle if direction == Direction::ToServer => {
                let summary = format_args!("the client opens stream {stream}, where clients open odd ones");
                report.tell(&rules::STREAM_ID, shared, summary);
                false
            }
            Known::Skipped if opens => {
                let summary = format_args!("the client opens stream {stream} after stream {highest}");
                report.tell(&rules::STREAM_ID, shared, summary);
                false
            }
            // A request that begins, and not trailers that crossed a RST_STREAM.
            Known::Forgotten if opens && read.is_some_and(Read::has_method) => {
                let summary = format_args!("the client opens stream {stream} after stream {highest}");
                report.tell(&rules::STREAM_ID, shared, summary);
                false
            }
            _ => {
                self.stray("HEADERS", direction, stream, shared, report);
                false
            }
        };
        self.sides[direction].block_in_place = in_place;
    }

    /// The client opens a stream.
    fn opens(&mut self, frame: &Frame<'_>, stream: StreamId, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
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
            report.tell(&rules::TOO_MANY_STREAMS, shared, summary);
        }
        self.sides.to_server.too_many = too_many.is_some();
        self.after_go_away(frame, stream, shared, report);
        self.sides.to_server.highest = stream.0;
        self.open(stream, Stream::default(), shared);
    }

    fn open(&mut self, id: StreamId, stream: Stream, shared: &mut Shared) {
        if shared.streams >= shared.most {
            return self.lose(shared);
        }
        shared.streams = shared.streams.saturating_add(1);
        self.book.open(id, stream);
    }

    /// A stream may be under way when GOAWAY comes. One is not that begins after the client has shown that it read it, or long after.
    fn after_go_away(
        &mut self,
        frame: &Frame<'_>,
        stream: StreamId,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        let Some(go_away) = &mut self.sides.to_client.go_away else { return };
        let after = frame.at.time.nanos_since(go_away.sent.at.time);
        let packet = go_away.sent.at.packet;
        let why = match go_away.read {
            _ if go_away.told => return,
            Some(ping) => {
                format!("and after it answered the PING of packet {}, which was sent behind it", ping.at.packet)
            }
            None if after >= PATIENCE_NANOS => format!("{} ms after it", after / 1_000_000),
            None => return,
        };
        go_away.told = true;
        let last = go_away.last;
        let summary = format_args!(
            "the client opens stream {stream} after the GOAWAY of packet {packet} (last stream {last}), {why}"
        );
        report.tell_with(&rules::NEW_STREAM_AFTER_GOAWAY, shared, &[go_away.sent], summary);
    }

    fn push_promise(&mut self, promised: StreamId, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        if self.sides.to_server.values.push == Some(0) && self.sides.to_server.pending.is_empty() {
            let summary = format_args!(
                "the server promises stream {promised} although it has acknowledged ENABLE_PUSH 0 of the client"
            );
            report.tell(&rules::PUSH_DISABLED, shared, summary);
        }
        let highest = self.sides.to_client.highest;
        if promised.is_client_initiated() || promised.0 <= highest {
            let summary =
                format_args!("the server promises stream {promised}, where it must be even and above {highest}");
            return report.tell(&rules::STREAM_ID, shared, summary);
        }
        self.sides.to_client.highest = promised.0;
        let asked = Half { ended: Some(EndedBy::EndStream), headed: true, ..Half::default() };
        let halves = Both { to_server: asked, to_client: Half::default() };
        self.open(promised, Stream { halves, reserved: true }, shared);
    }

    /// A header block has ended: which one it is in its stream, and what must stand in it.
    fn block(
        &mut self,
        event: &FrameEvent<'_>,
        stream: StreamId,
        read: &Read<'_>,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        let frame = event.frame;
        let direction = frame.direction;
        if !read.whole {
            return self.lose(shared);
        }
        if frame.block.is_some_and(|block| block.promised.is_some()) {
            return read.judge_place(direction, Place::Request, shared, report);
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
                report.tell(&rules::TRAILERS_WITHOUT_END, shared, summary);
            }
            half.trailers = true;
        } else if !read.is_interim() {
            half.headed = true;
            half.length = read.length;
        }
        read.judge_place(direction, place, shared, report);
        match place {
            Place::Request => self.te(event.call, read, shared, report),
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

    fn te(&mut self, call: Option<&Call>, read: &Read<'_>, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        let is_grpc = call.is_some_and(|call| call.protocol == Some(Protocol::Grpc));
        if is_grpc && !read.may_have_te() && !std::mem::replace(&mut self.te_told, true) {
            let summary = "the client calls without te: trailers, so a proxy that drops trailers, and the status with them, goes unnoticed; \
                           told once a connection";
            report.tell(&rules::NO_TE_TRAILERS, shared, summary);
        }
    }

    fn reset(&mut self, frame: &Frame<'_>, stream: StreamId, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        let direction = frame.direction;
        let Some(open) = self.book.get_mut(stream) else {
            return self.idle("RST_STREAM", direction, stream, shared, report);
        };
        let unanswered = direction == Direction::ToServer && !open.halves.to_client.headed;
        self.end(stream, direction, EndedBy::Reset, shared);
        if unanswered && let Some((count, nanos)) = self.sides.to_server.resets.count(frame.at.time) {
            let millis = nanos / 1_000_000;
            let summary =
                format_args!("the client has reset {count} streams within {millis} ms before they were answered");
            report.tell(&rules::RAPID_RESET, shared, summary);
        }
    }

    fn end(&mut self, stream: StreamId, direction: Direction, by: EndedBy, shared: &mut Shared) {
        if self.book.end(stream, direction, by) {
            shared.streams = shared.streams.saturating_sub(1);
        }
    }

    /// A side ends its half of a stream with END_STREAM.
    fn end_half(
        &mut self,
        event: &FrameEvent<'_>,
        stream: StreamId,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        let direction = event.frame.direction;
        let Some(open) = self.book.get_mut(stream) else { return };
        let half = open.halves[direction];
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
            report.tell(&rules::CONTENT_LENGTH, shared, summary);
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
            report.tell(&rules::MESSAGE_CUT, shared, summary);
        }
        self.end(stream, direction, EndedBy::EndStream, shared);
    }

    /// The flow has ended.
    pub(super) fn ended(&mut self, flow: &Flow<'_>, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        if !self.whole {
            return;
        }
        for direction in Direction::BOTH {
            let Some(Pending { sent, read: Some(read), .. }) = self.sides[direction].pending.front().copied() else {
                continue;
            };
            let since = flow.facts.last.time.nanos_since(read);
            if since < PATIENCE_NANOS {
                continue;
            }
            let (side, other) = (direction.sender(), direction.opposite());
            report.about = About { direction: Some(other), ..About::default() };
            let (other, packet, millis) = (other.sender(), sent.at.packet, since / 1_000_000);
            let summary = format_args!(
                "the {other} has read the SETTINGS of the {side} in packet {packet} and not acknowledged them in the {millis} ms since"
            );
            report.tell_with(&rules::SETTINGS_UNANSWERED, shared, &[sent], summary);
        }
    }
}

/// The direction in which the side sends that may open a stream of this number.
const fn opener(stream: StreamId) -> Direction {
    if stream.is_client_initiated() { Direction::ToServer } else { Direction::ToClient }
}

#[cold]
fn after_end(
    kind: &str,
    direction: Direction,
    stream: StreamId,
    by: EndedBy,
    shared: &mut Shared,
    report: &mut Report<'_, '_, '_>,
) {
    let (side, by) = (direction.sender(), by.words());
    let summary = format_args!("the {side} sends {kind} on stream {stream} after it has ended it with {by}");
    report.tell(&rules::CLOSED_STREAM, shared, summary);
}

#[cold]
fn exceeded(
    direction: Direction,
    stream: StreamId,
    window: Option<i64>,
    header: FrameHeader,
    shared: &mut Shared,
    report: &mut Report<'_, '_, '_>,
) {
    let over = Count(window.unwrap_or(0).unsigned_abs(), "octet");
    let (side, what, length) = (direction.sender(), Window(stream), header.length());
    let summary =
        format_args!("the {side} sends DATA of {length} octets, {over} more than the window of {what} allows");
    report.tell(&rules::WINDOW_EXCEEDED, shared, summary);
}
