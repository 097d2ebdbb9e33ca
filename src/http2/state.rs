//! What the frames of a connection change, and the way of each frame through it (RFC 9113 §5).

mod incomplete;
mod windows;

use std::collections::VecDeque;

use super::connection::Shared;
use super::frame::{Flags, FrameId, FrameType, StreamId};
use super::payload::{self, Payload};
use super::preface::MAGIC;
use super::reader::{Item, Raw, is_data};
use super::seen::{Facts, Frame, Malformed, Notice, Sink};
use super::settings::{Setting, Values};
use super::side::{Side, UsedBy};
use super::sides;
use super::stream::{Half as StreamHalf, Stream, StreamState};
use super::streams::Streams;
use crate::direction::{Both, Direction};
use crate::span::Arrival;

pub(super) const CLOSED: StreamState = Both { to_server: StreamHalf::Closed, to_client: StreamHalf::Closed };

/// Everything a connection remembers between frames.
#[derive(Debug)]
pub(super) struct State {
    pub(super) sides: Both<Side>,
    pub(super) streams: Streams<Stream>,
    /// Whether frames were missed, so that a stream may be open without its beginning having been seen.
    pub(super) partial: bool,
    /// Whether streams were left out for the limit.
    pub(super) overflowed: bool,
    /// Whether it is a guess which side is the client.
    pub(super) guessed: bool,
    /// Octets of the header tables, as counted against the limit over all connections.
    pub(super) charged: usize,
    /// Limits of this connection that were reached before: the first time was told, the others are counted.
    pub(super) again: [(&'static str, u64); 3],
    /// The streams that were closed last; only kept where `partial` makes it matter.
    pub(super) closed: VecDeque<u32>,
    /// How often frames were lost: what is known of a stream's windows ends with each.
    pub(super) losses: u32,
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
            overflowed: false,
            guessed: false,
            charged: 0,
            again: [("", 0); 3],
            closed: VecDeque::new(),
            losses: 0,
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
            Item::Magic { offset, pieces } => {
                let id = step.shared.number();
                step.sink.frame(&Frame {
                    id,
                    direction: step.direction,
                    at: step.at,
                    offset,
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
            Item::LostMore => {
                // Streams may have begun since the place was lost.
                self.lose(step.direction);
                step.notice(Notice::Lost);
            }
            Item::Resync { offset, skipped } => step.notice(Notice::Resync { offset, skipped }),
            Item::NeverFound { offset, octets } => step.notice(Notice::NeverFound { offset, octets }),
            Item::Unfinished { offset, header, present, missing, pieces } => {
                step.notice(Notice::Unfinished { offset, header, present, missing, pieces });
            }
        }
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
        }
        let side = &mut self.sides[direction];
        side.values = Values::UNKNOWN;
        if side.before_preface == Some(true) {
            side.before_preface = None;
        }
        let other = &mut self.sides[direction.opposite()];
        other.lose_answers();
        other.hpack.forget_size_limit();
        self.losses = self.losses.wrapping_add(1);
    }

    fn frame(&mut self, raw: &Raw<'_>, step: &mut Step<'_, impl Sink>) {
        let side = &mut self.sides[step.direction];
        if !std::mem::replace(&mut side.followed, true) && raw.header.kind() != FrameType::SETTINGS {
            // The preface comes before all else: it was missed.
            side.before_preface = Some(false);
        }
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
                let stream = raw.header.stream();
                let facts = if self.is_over(stream) { Facts::AlreadyClosed } else { Facts::None };
                self.end_stream(stream, step.shared);
                self.emit(raw, payload, facts, Some(CLOSED), step);
            }
            _ => self.plain(raw, payload, Facts::None, step),
        }
    }

    #[inline(never)]
    pub(super) fn plain(&self, raw: &Raw<'_>, payload: Payload<'_>, facts: Facts, step: &mut Step<'_, impl Sink>) {
        self.emit(raw, payload, facts, self.shown_state(raw.header.stream()), step);
    }

    /// The state of a stream, where it is known.
    pub(super) fn shown_state(&self, id: StreamId) -> Option<StreamState> {
        self.streams.get(id).filter(|stream| stream.losses == self.losses).and_then(Stream::shown)
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
