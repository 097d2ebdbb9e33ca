//! What the frames of a connection change, and the way of each frame through it (RFC 9113 §5).

use std::collections::VecDeque;

use super::connection::Shared;
use super::frame::{Flags, FrameHeader, FrameId, FrameType, StreamId};
use super::payload::{self, Payload};
use super::preface::MAGIC;
use super::reader::{Item, Raw, is_data};
use super::seen::{Facts, Frame, Malformed, Notice, Part, Sink};
use super::settings::{Setting, Values};
use super::side::{Side, UsedBy};
use super::sides;
use super::stream::{Half as StreamHalf, Stream, StreamState};
use super::streams::Streams;
use crate::direction::{Both, Direction};
use crate::span::{Arrival, Piece};

pub(super) const CLOSED: StreamState = Both { to_server: StreamHalf::Closed, to_client: StreamHalf::Closed };

/// Everything a connection remembers between frames.
#[derive(Debug)]
pub(super) struct State {
    pub(super) sides: Both<Side>,
    pub(super) streams: Streams<Stream>,
    /// Whether frames were missed, so that a stream may be open without its beginning having been seen.
    pub(super) partial: bool,
    /// Whether it is a guess which side is the client.
    pub(super) guessed: bool,
    /// Octets of the header tables, as counted against the limit over all connections.
    pub(super) charged: usize,
    /// Limits of this connection that were reached before: the first time was told, the others are counted.
    pub(super) again: [(&'static str, u64); 3],
    /// The streams that were closed last; only kept where `partial` makes it matter.
    pub(super) closed: VecDeque<u32>,
}

impl<'a> Raw<'a> {
    pub(super) fn malformed(&self, frame: FrameId, what: Malformed) -> Notice<'a> {
        let length = u64::from(self.header.length()).saturating_add(9);
        Notice::Malformed { frame, offset: self.offset, length, what, pieces: self.pieces }
    }
}

/// One step: what every frame is handled with.
pub(super) struct Step<'s, S> {
    pub(super) direction: Direction,
    pub(super) at: Arrival,
    pub(super) shared: &'s mut Shared,
    pub(super) sink: &'s mut S,
}

impl<S: Sink> Step<'_, S> {
    pub(super) fn notice(&mut self, notice: Notice<'_>) {
        self.sink.notice(self.direction, self.at, notice);
    }

    pub(super) fn malformed(&mut self, frame: FrameId, raw: &Raw<'_>, what: Malformed) {
        self.notice(raw.malformed(frame, what));
    }

    pub(super) const fn plain<'a>(
        &self,
        id: FrameId,
        raw: &Raw<'a>,
        payload: Payload<'a>,
        facts: Facts,
        state: Option<StreamState>,
    ) -> Frame<'a> {
        let (direction, at) = (self.direction, self.at);
        let Raw { offset, header, payload: octets, holes, missing, pieces } = *raw;
        let ends_stream = matches!(header.kind(), FrameType::DATA) && header.ends_stream();
        Frame {
            id,
            direction,
            at,
            offset,
            header: Some(header),
            payload,
            octets,
            holes,
            missing,
            pieces,
            block: None,
            ends_stream,
            state,
            facts,
        }
    }
}

impl State {
    pub(super) fn new(from_start: Both<bool>) -> Self {
        // A window depends on what both sides sent: the one its octets, the other its SETTINGS and updates.
        let both = from_start.to_server && from_start.to_client;
        Self {
            sides: Both::from_fn(|direction| Side::new(from_start[direction], both)),
            streams: Streams::default(),
            partial: !both,
            guessed: false,
            charged: 0,
            again: [("", 0); 3],
            closed: VecDeque::new(),
        }
    }

    /// The connection was upgraded from HTTP/1.1: the client's settings are accepted, and stream 1 waits for its response.
    pub(super) fn upgrade(&mut self, client_settings: &[u8]) {
        let accepted: Vec<Setting> = super::settings::settings(client_settings).take(128).collect();
        self.accept(Direction::ToServer, &accepted);
        let mut stream = self.new_stream();
        stream.state = Both { to_server: StreamHalf::Closed, to_client: StreamHalf::Idle };
        self.streams.insert(StreamId(1), stream);
        self.sides.to_server.highest = 1;
    }

    /// Takes note of what a frame tells of which side is the client, where that is a guess: in which direction the frame at hand goes. Where
    /// the guess was wrong the sides are turned, once and for all.
    #[cold]
    pub(super) fn weigh(&mut self, told: Option<Direction>, step: &mut Step<'_, impl Sink>) {
        let Some(told) = told else { return };
        let turned = told != step.direction;
        step.sink.sides(step.at, turned);
        step.direction = told;
        self.know_sides(turned);
    }

    /// The sides are known now, and were the other way round if they are `turned`. What belongs to a direction goes with it.
    #[cold]
    pub(super) fn know_sides(&mut self, turned: bool) {
        self.guessed = false;
        if !turned {
            return;
        }
        self.sides.swap();
        for (_, stream) in self.streams.iter_mut() {
            stream.turn();
        }
    }

    pub(super) fn is_open(&self, stream: StreamId) -> bool {
        self.streams.contains(stream)
    }

    #[inline]
    pub(super) fn item(&mut self, item: Item<'_>, step: &mut Step<'_, impl Sink>) {
        match item {
            Item::Frame(raw) => self.frame(raw, step),
            item => self.seldom(item, step),
        }
    }

    /// Everything but whole frames.
    #[cold]
    fn seldom(&mut self, item: Item<'_>, step: &mut Step<'_, impl Sink>) {
        match item {
            Item::Magic { pieces } => {
                let id = step.shared.number();
                step.sink.frame(&Frame {
                    id,
                    direction: step.direction,
                    at: step.at,
                    offset: 0,
                    header: None,
                    payload: Payload::Magic,
                    octets: MAGIC,
                    holes: &[],
                    missing: 0,
                    pieces,
                    block: None,
                    ends_stream: false,
                    state: None,
                    facts: Facts::None,
                });
            }
            Item::Frame(raw) => self.frame(raw, step),
            Item::Part { header, at: from, octets, pieces } if is_data(header) => {
                self.part(header, from, Ok(octets), pieces, step)
            }
            Item::MissingPart { header, length } if is_data(header) => self.part(header, 0, Err(length), &[], step),
            Item::Part { .. } | Item::MissingPart { .. } => {}
            Item::LargeFrame { offset, header, missing, pieces } => {
                if !is_data(header) {
                    step.notice(Notice::Limit { what: "octets of a frame", count: u64::from(header.length()) });
                }
                self.large(&Raw { offset, header, payload: &[], holes: &[], missing, pieces }, step);
            }
            Item::Lost => {
                self.lose(step.direction);
                step.notice(Notice::Lost);
            }
            Item::LostMore => step.notice(Notice::Lost),
            Item::Resync { offset, skipped } => step.notice(Notice::Resync { offset, skipped }),
            Item::NeverFound { offset, octets } => step.notice(Notice::NeverFound { offset, octets }),
            Item::Unfinished { offset, header, present, missing, pieces } => {
                step.notice(Notice::Unfinished { offset, header, present, missing, pieces });
            }
        }
    }

    /// Content octets of a DATA frame read in parts, without its pad length octet and its padding.
    fn part(
        &mut self,
        header: FrameHeader,
        from: u32,
        octets: Result<&[u8], u32>,
        pieces: &[Piece],
        step: &mut Step<'_, impl Sink>,
    ) {
        let side = &mut self.sides[step.direction];
        let padded = header.flags().has(Flags::PADDED);
        let mut content = octets;
        if from == 0 && octets.is_ok() {
            side.large_padding =
                if padded { octets.ok().and_then(|octets| octets.first().copied()).unwrap_or(0) } else { 0 };
        }
        if let Ok(octets) = octets {
            let end = header.length().saturating_sub(u32::from(side.large_padding)).saturating_sub(from);
            let octets = octets.get(..usize::try_from(end).unwrap_or(usize::MAX)).unwrap_or(octets);
            content = Ok(octets.get(usize::from(padded && from == 0)..).unwrap_or_default());
        }
        step.sink.part(Part {
            direction: step.direction,
            stream: header.stream(),
            octets: content,
            pieces,
            at: step.at,
        });
    }

    /// Frames of a direction were lost: all that they may have changed is unknown now.
    fn lose(&mut self, direction: Direction) {
        self.partial = true;
        self.sides[direction].hpack.lose_track();
        self.sides[direction].block = None;
        for any in Direction::BOTH {
            let side = &mut self.sides[any];
            side.window = None;
            side.used = None;
            side.used_by = UsedBy::Many;
            side.unanswered_settings.clear();
        }
        self.sides[direction].values = Values::UNKNOWN;
        for (_, stream) in self.streams.iter_mut() {
            stream.window = Both::default();
            stream.used = Both::default();
        }
    }

    /// A frame that was too large to keep: DATA was handed out in parts, anything else is unread.
    #[cold]
    fn large(&mut self, raw: &Raw<'_>, step: &mut Step<'_, impl Sink>) {
        match raw.header.kind() {
            FrameType::DATA => self.data(raw, Payload::Data { data: &[], pad_length: None }, step),
            FrameType::HEADERS | FrameType::CONTINUATION | FrameType::PUSH_PROMISE => {
                self.sides[step.direction].hpack.lose_track();
                self.sides[step.direction].block = None;
                self.plain(raw, Payload::Unreadable(&[]), Facts::None, step);
            }
            _ => self.plain(raw, Payload::Unreadable(&[]), Facts::None, step),
        }
    }

    fn frame(&mut self, raw: &Raw<'_>, step: &mut Step<'_, impl Sink>) {
        self.sides[step.direction].followed = true;
        self.check_interruption(raw, step);
        if raw.missing > 0 {
            return self.holed(raw, step);
        }
        // What nearly all frames are.
        match raw.header.kind() {
            FrameType::DATA if !raw.header.flags().any(Flags::PADDED) => {
                self.data(raw, Payload::Data { data: raw.payload, pad_length: None }, step);
            }
            FrameType::HEADERS if !raw.header.flags().any(Flags::PADDED | Flags::PRIORITY) => {
                let payload = Payload::Headers { fragment: raw.payload, pad_length: None, priority: None };
                self.headers(raw, payload, raw.payload, None, step);
            }
            _ => self.any_frame(raw, step),
        }
    }

    /// A whole frame of any type and layout.
    fn any_frame(&mut self, raw: &Raw<'_>, step: &mut Step<'_, impl Sink>) {
        let kind = raw.header.kind();
        let (payload, fault) = payload::parse(raw.header, raw.payload);
        if let Some(fault) = fault {
            let id = FrameId(step.shared.next_frame);
            // The header first, then the fault.
            if matches!(kind, FrameType::HEADERS | FrameType::PUSH_PROMISE) {
                self.sides[step.direction].hpack.lose_track();
            }
            self.plain(raw, payload, Facts::None, step);
            return step.malformed(id, raw, Malformed::Payload(fault));
        }
        if self.guessed {
            self.weigh(sides::of_frame(raw.header, &payload), step);
        }
        match payload {
            Payload::Data { .. } => self.data(raw, payload, step),
            Payload::Headers { fragment, .. } => self.headers(raw, payload, fragment, None, step),
            Payload::PushPromise { promised, fragment, .. } => {
                self.headers(raw, payload, fragment, Some(promised), step);
            }
            Payload::Continuation { fragment } => self.continuation(raw, payload, fragment, step),
            Payload::Settings(settings) => self.settings(raw, settings, step),
            Payload::Ping(opaque) => self.ping(raw, opaque, step),
            Payload::WindowUpdate { increment } => self.window_update(raw, increment, step),
            Payload::RstStream(_) => {
                self.end_stream(raw.header.stream(), step.shared);
                let facts = Facts::None;
                self.emit(raw, payload, facts, Some(CLOSED), step);
            }
            _ => self.plain(raw, payload, Facts::None, step),
        }
    }

    /// A frame of which some octets were not captured: what is before the first hole can be read.
    #[cold]
    fn holed(&mut self, raw: &Raw<'_>, step: &mut Step<'_, impl Sink>) {
        let first = raw.holes.first().map_or(0, |hole| usize::try_from(hole.start).unwrap_or(usize::MAX));
        let prefix = raw.payload.get(..first).unwrap_or(raw.payload);
        match raw.header.kind() {
            FrameType::DATA => {
                // The content stands where it stood; the pad length may be among what is missing.
                let padded = raw.header.flags().has(Flags::PADDED);
                let pad_length = if padded { prefix.first().copied() } else { None };
                let skip = usize::from(padded);
                let end = raw.payload.len().saturating_sub(usize::from(pad_length.unwrap_or(0)));
                let data = raw.payload.get(skip..end.max(skip)).unwrap_or_default();
                self.data(raw, Payload::Data { data, pad_length }, step);
            }
            FrameType::HEADERS => {
                let flags = raw.header.flags();
                let skip = usize::from(flags.has(Flags::PADDED)).saturating_add(if flags.has(Flags::PRIORITY) {
                    5
                } else {
                    0
                });
                let pad = if flags.has(Flags::PADDED) { prefix.first().copied().unwrap_or(0) } else { 0 };
                let end = raw.payload.len().saturating_sub(usize::from(pad)).min(prefix.len());
                let fragment = prefix.get(skip..end.max(skip)).unwrap_or_default();
                let payload = Payload::Headers { fragment, pad_length: None, priority: None };
                self.broken_block(raw, payload, fragment, &[], raw.header.ends_stream(), step);
            }
            FrameType::PUSH_PROMISE => {
                // Whose request it promises may be among what is missing, and the request is nobody's call.
                self.sides[step.direction].hpack.lose_track();
                self.plain(raw, Payload::Unreadable(prefix), Facts::None, step);
            }
            FrameType::CONTINUATION => {
                let payload = Payload::Continuation { fragment: prefix };
                let Some(mut block) = self.sides[step.direction].block.take() else {
                    self.sides[step.direction].hpack.lose_track();
                    return self.plain(raw, payload, Facts::None, step);
                };
                block.fragment.extend_from_slice(prefix);
                if block.promised.is_some() {
                    self.sides[step.direction].hpack.lose_track();
                    return self.plain(raw, payload, Facts::None, step);
                }
                self.broken_block(raw, payload, &block.fragment, &block.frames, block.ends_stream, step);
            }
            _ => self.plain(raw, Payload::Unreadable(prefix), Facts::None, step),
        }
    }

    fn data(&mut self, raw: &Raw<'_>, payload: Payload<'_>, step: &mut Step<'_, impl Sink>) {
        let length = raw.header.length();
        let stream_id = raw.header.stream();
        let side = &mut self.sides[step.direction];
        side.window = side.window.map(|window| window.saturating_sub(i64::from(length)));
        side.used = side.used.map(|used| used.saturating_add(u64::from(length)));
        if length > 0 {
            side.used_by = match side.used_by {
                UsedBy::Nobody => UsedBy::One(stream_id),
                UsedBy::One(one) if one == stream_id => UsedBy::One(one),
                _ => UsedBy::Many,
            };
        }
        let connection = side.window;
        self.open_if_missed(stream_id, step);
        let (state, window) = match self.streams.get_mut(stream_id) {
            Some(stream) => {
                stream.window[step.direction] =
                    stream.window[step.direction].map(|window| window.saturating_sub(i64::from(length)));
                stream.used[step.direction] =
                    stream.used[step.direction].map(|used| used.saturating_add(u64::from(length)));
                if stream.state[step.direction] == StreamHalf::Idle {
                    stream.state[step.direction] = StreamHalf::Open;
                }
                if raw.header.ends_stream() {
                    stream.state[step.direction] = StreamHalf::Closed;
                }
                (Some(stream.state), stream.window[step.direction])
            }
            None => (None, None),
        };
        if state == Some(CLOSED) {
            self.end_stream(stream_id, step.shared);
        }
        self.emit(raw, payload, Facts::Used { connection, stream: window }, state, step);
    }

    #[inline(never)]
    pub(super) fn plain(&self, raw: &Raw<'_>, payload: Payload<'_>, facts: Facts, step: &mut Step<'_, impl Sink>) {
        let state = self.streams.get(raw.header.stream()).map(|stream| stream.state);
        self.emit(raw, payload, facts, state, step);
    }

    pub(super) fn emit(
        &self,
        raw: &Raw<'_>,
        payload: Payload<'_>,
        facts: Facts,
        state: Option<StreamState>,
        step: &mut Step<'_, impl Sink>,
    ) {
        let id = step.shared.number();
        let frame = step.plain(id, raw, payload, facts, state);
        step.sink.frame(&frame);
    }
}
