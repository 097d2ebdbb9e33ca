//! One connection as a chain of frames: which may come when, and how much of what.
//!
//! Once octets of the connection are missing, or when its beginning was not seen, only what a frame says by itself is judged.

use super::Shared;
use super::alone::{self, LARGEST_WINDOW};
use super::fields::Read;
use super::report::{About, Report};
use super::rules;
use super::side::{GoAway, Pending, Side, Values};
use super::streams::{Book, EndedBy, Half, Stream};
use crate::direction::{Both, Direction};
use crate::event::{Fault, Flow, FrameEvent, What};
use crate::http2::connection::{Facts, Frame, FrameRef, Malformed};
use crate::http2::frame::{FrameHeader, StreamId};
use crate::http2::payload::Payload;
use crate::http2::preface::Begin;

/// What is remembered of one connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// Whether all of it was seen so far, from its beginning.
    pub(super) whole: bool,
    /// Whether frames of a direction had to be searched for, or its octets are in doubt.
    pub(super) doubt: Both<bool>,
    /// Whether [`is_calm`](Self::is_calm), as of the last event that could change it.
    pub(super) calm: bool,
    pub(super) magic: bool,
    pub(super) sides: Both<Side>,
    pub(super) book: Book,
    pub(super) te_told: bool,
    pub(super) latest: Option<FrameRef>,
}

/// Payloads up to this length are allowed everywhere (RFC 9113 §6.5.2).
pub(super) const ALWAYS_ALLOWED: u32 = 16_384;
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
            calm: false,
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
        let seen = self.sides.to_server.seen.held_bytes().saturating_add(self.sides.to_client.seen.held_bytes());
        pending.saturating_mul(size_of::<Pending>()).saturating_add(seen).saturating_add(self.book.held_bytes())
    }

    /// Something of the connection was not seen.
    pub(super) fn lose(&mut self, shared: &mut Shared) {
        self.whole = false;
        shared.streams = shared.streams.saturating_sub(self.book.len());
        self.book = Book::default();
    }

    /// Exchanges the sides, which were guessed wrong. Nothing is known then of what they have agreed on.
    pub(super) fn turn(&mut self) {
        self.sides.swap();
        self.doubt.swap();
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

    pub(super) fn malformed(&mut self, fault: &Fault<'_>, report: &mut Report<'_, '_, '_>) {
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
                    report.tell_with(&rules::HEADER_BLOCK_INTERRUPTED, &shown, summary);
                }
                Malformed::StrayContinuation => {
                    let summary = format_args!("the {side} sends CONTINUATION without a header block to continue");
                    report.tell_with(&rules::CONTINUATION, &shown, summary);
                }
                Malformed::Payload(_) | Malformed::Hpack(_) => {}
            }
        }
        self.lose(report.shared);
    }

    #[inline]
    pub(super) fn frame<'e>(&mut self, event: &'e FrameEvent<'e>, flow: &Flow<'_>, report: &mut Report<'e, '_, '_>) {
        let frame = event.frame;
        let direction = frame.direction;
        let Some(header) = frame.header else {
            self.magic = true;
            return;
        };
        report.uncertain = self.doubt[direction];
        if frame.missing > 0 || matches!(frame.payload, Payload::Unreadable(_)) {
            self.lose(report.shared);
        }
        if self.whole && !self.sides[direction].begun {
            self.begins(frame, header, report);
        }
        if let (Payload::WindowUpdate { increment: 1.. }, Facts::Granted { window, .. }, StreamId::CONNECTION) =
            (frame.payload, frame.facts, header.stream())
            && window.is_none_or(|window| window <= i64::from(LARGEST_WINDOW))
        {
            return;
        }
        alone::frame(frame, header, report);
        self.go_away_with_calm(frame, report);
        let seen = &mut self.sides[direction].seen;
        let read = frame.block.as_ref().map(|block| Read::new(block, seen));
        if let Some(read) = &read {
            read.judge(event, report);
        }
        if self.whole {
            self.follow(event, header, read.as_ref(), flow, report);
        }
        self.latest = Some(FrameRef { id: frame.id, at: frame.at });
    }

    /// The first frame of a side.
    #[cold]
    fn begins(&mut self, frame: &Frame<'_>, header: FrameHeader, report: &mut Report<'_, '_, '_>) {
        self.sides[frame.direction].begun = true;
        if frame.facts == (Facts::Settings { preface: Some(true) }) {
            return;
        }
        if frame.direction == Direction::ToServer && self.magic {
            let summary = format_args!("the client begins with {} where SETTINGS must stand", header.kind());
            return report.tell(&rules::PREFACE, summary);
        }
        self.lose(report.shared);
    }

    /// Holds a frame against all that came before.
    #[inline]
    fn follow(
        &mut self,
        event: &FrameEvent<'_>,
        header: FrameHeader,
        read: Option<&Read>,
        flow: &Flow<'_>,
        report: &mut Report<'_, '_, '_>,
    ) {
        let frame = event.frame;
        let (direction, stream) = (frame.direction, header.stream());
        if header.length() > ALWAYS_ALLOWED {
            self.size(direction, header, report);
        }
        let sent = FrameRef { id: frame.id, at: frame.at };
        if stream == StreamId::CONNECTION {
            match frame.payload {
                Payload::Settings(settings) => self.settings(frame, settings, report),
                Payload::Ping(_) => self.ping(frame, report),
                Payload::WindowUpdate { .. } => self.window_update(frame, stream, report),
                Payload::GoAway { last_stream: last, .. } => {
                    let told = GoAway { sent, last, read: None, told: false };
                    self.sides[direction].go_away.get_or_insert(told).last = last;
                }
                _ => {}
            }
            return;
        }
        match frame.payload {
            Payload::Data { data, .. } => self.data(event, header, data, flow, report),
            Payload::Headers { .. } => self.headers(frame, stream, read, report),
            Payload::PushPromise { promised, .. } if direction == Direction::ToClient => {
                self.push_promise(promised, report);
            }
            Payload::RstStream(_) => self.reset(frame, stream, report),
            Payload::WindowUpdate { .. } => self.window_update(frame, stream, report),
            _ => {}
        }
        if let Some(read) = read {
            self.block(event, stream, read, report);
        }
        if frame.ends_stream {
            self.end_half(event, stream, report);
        }
    }

    #[cold]
    fn size(&self, direction: Direction, header: FrameHeader, report: &mut Report<'_, '_, '_>) {
        let most = self.sides[direction.opposite()].most(|values| values.frame);
        if let Some(most) = most.filter(|most| header.length() > *most) {
            let (side, other) = (direction.sender(), direction.opposite().sender());
            let (kind, length) = (header.kind(), header.length());
            let summary =
                format_args!("the {side} sends {kind} of {length} octets, where the {other} takes at most {most}");
            report.tell(&rules::FRAME_TOO_LARGE, summary);
        }
    }

    pub(super) fn both_begun(&self) -> bool {
        self.sides.to_server.begun && self.sides.to_client.begun
    }

    pub(super) fn highest(&self, stream: StreamId) -> u32 {
        self.sides[opener(stream)].highest
    }
}

/// The direction in which the side sends that may open a stream of this number.
pub(super) const fn opener(stream: StreamId) -> Direction {
    if stream.is_client_initiated() { Direction::ToServer } else { Direction::ToClient }
}
