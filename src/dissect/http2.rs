//! HTTP/2 flows: the connection's frames go through the calls, and both come out as events.

use crate::direction::{Both, Direction};
use crate::dissect::Totals;
use crate::event::{Body, Event, Fault, Flow, FrameEvent, MessageEvent, Observer, Protocol, What};
use crate::grpc::call::Call;
use crate::grpc::calls::{self, Belongs, Calls};
use crate::grpc::web::TRAILERS_FLAG;
use crate::http2::connection::{self, Connection, Frame, Notice, Part};
use crate::http2::frame::StreamId;
use crate::http2::payload::Payload;
use crate::limits::Limits;
use crate::span::{Arrival, Piece};
use crate::tcp::{Close, FlowFacts};
use crate::tls::{Look, looks_like_tls};

/// One HTTP/2 flow.
#[derive(Debug)]
pub(super) struct Http2 {
    connection: Connection,
    calls: Calls,
    started: Both<bool>,
    finished: Both<bool>,
    nature: Both<Nature>,
    /// Whether it is a guess which side is the client.
    guessed: bool,
    /// Whether a direction's octets are frames, and nothing else has to be looked at.
    usual: Both<bool>,
}

/// What a flow is once it is known which side is the client.
pub(super) struct Outlook<'a> {
    /// What it speaks if the guess was right.
    pub(super) kept: &'a Protocol,
    /// What it speaks if the guess was wrong.
    pub(super) turned: &'a Protocol,
    /// The flow with its sides the other way round.
    pub(super) facts: &'a FlowFacts,
}

/// Whether a direction speaks HTTP/2 at all: a server may answer an HTTP/2 client in another protocol.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Nature {
    /// Nothing of it came yet.
    #[default]
    Silent,
    Http2,
    Foreign,
}

/// What a step of an HTTP/2 flow works with.
pub(super) struct Context<'a, O> {
    pub(super) flow: Flow<'a>,
    pub(super) shared: &'a mut connection::Shared,
    pub(super) grpc: &'a mut calls::Shared,
    pub(super) totals: &'a mut Totals,
    pub(super) limits: &'a Limits,
    pub(super) observer: &'a mut O,
}

impl Http2 {
    pub(super) fn new(from_start: Both<bool>) -> Self {
        let whole = from_start.to_server && from_start.to_client;
        let calls = if whole { Calls::default() } else { Calls::late() };
        Self::of(Connection::new(from_start), calls)
    }

    /// A connection met midway, of which nothing tells so far which side is the client.
    pub(super) fn guessed() -> Self {
        let mut connection = Connection::new(Both::default());
        connection.guess_sides();
        Self { guessed: true, ..Self::of(connection, Calls::guessed()) }
    }

    fn of(connection: Connection, calls: Calls) -> Self {
        Self {
            connection,
            calls,
            started: Both::default(),
            finished: Both::default(),
            nature: Both::default(),
            guessed: false,
            usual: Both::default(),
        }
    }

    pub(super) const fn is_guessed(&self) -> bool {
        self.guessed
    }

    /// Whether octets of a direction may be given to [`push`](Self::push).
    #[inline]
    pub(super) fn is_usual(&self, direction: Direction) -> bool {
        self.usual[direction]
    }

    pub(super) fn upgraded(client_settings: &[u8]) -> Self {
        Self::of(Connection::upgraded(client_settings), Calls::upgraded())
    }

    pub(super) fn start_at(&mut self, direction: Direction, offset: u64) {
        self.started[direction] = true;
        self.connection.start_at(direction, offset);
    }

    /// As `start_at`, but only for the first octets of a direction.
    pub(super) fn start_at_once(&mut self, direction: Direction, offset: u64) {
        if !self.started[direction] {
            self.start_at(direction, offset);
        }
    }

    /// Takes the next octets of a direction that speaks HTTP/2.
    #[inline]
    pub(super) fn push<O: Observer>(
        &mut self,
        direction: Direction,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
        context: &mut Context<'_, O>,
    ) {
        let Context { flow, shared, grpc, totals, limits, observer } = context;
        let mut frames = Frames::new(*flow, &mut self.calls, grpc, totals, limits, *observer);
        self.connection.push(direction, octets, pieces, at, shared, &mut frames);
    }

    /// Takes the next octets of a direction, which may be its first.
    #[cold]
    pub(super) fn push_first<O: Observer>(
        &mut self,
        direction: Direction,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
        context: &mut Context<'_, O>,
    ) {
        self.started[direction] = true;
        if self.nature[direction] != Nature::Http2 && self.is_foreign(direction, octets, at, context) {
            return;
        }
        self.usual[direction] = !self.guessed;
        self.push(direction, octets, pieces, at, context);
    }

    /// Takes the next octets of a direction, where it is a guess which one that is. Once a frame among them tells the sides, whether they are
    /// the other way round than was guessed; directions are exchanged then.
    #[cold]
    pub(super) fn push_guessed<O: Observer>(
        &mut self,
        direction: Direction,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
        outlook: &Outlook<'_>,
        context: &mut Context<'_, O>,
    ) -> Option<bool> {
        self.started[direction] = true;
        if self.nature[direction] != Nature::Http2 && self.is_foreign(direction, octets, at, context) {
            return None;
        }
        let Context { flow, shared, grpc, totals, limits, observer } = context;
        let frames = Frames::new(*flow, &mut self.calls, grpc, totals, limits, *observer);
        let mut frames = Frames { outlook: Some(outlook), ..frames };
        self.connection.push(direction, octets, pieces, at, shared, &mut frames);
        let turned = frames.turned?;
        self.guessed = false;
        if turned {
            self.started.swap();
            self.finished.swap();
            self.nature.swap();
        }
        Some(turned)
    }

    /// Looks at the first octets of a direction: an answer that is not HTTP/2 is told as what it is, and not read as frames.
    #[cold]
    fn is_foreign<O: Observer>(
        &mut self,
        direction: Direction,
        octets: &[u8],
        at: Arrival,
        context: &mut Context<'_, O>,
    ) -> bool {
        if self.nature[direction] == Nature::Silent {
            let foreign = octets.starts_with(b"HTTP/1.") || looks_like_tls(octets) == Look::Yes;
            self.nature[direction] = if foreign { Nature::Foreign } else { Nature::Http2 };
            if foreign {
                let body = Body::Foreign { direction, octets };
                context.observer.event(&Event { at, flow: Some(context.flow), body });
            }
        }
        self.nature[direction] == Nature::Foreign
    }

    pub(super) fn gap<O: Observer>(
        &mut self,
        direction: Direction,
        octets: u64,
        at: Arrival,
        context: &mut Context<'_, O>,
    ) {
        if self.nature[direction] == Nature::Foreign {
            return;
        }
        let Context { flow, shared, grpc, totals, limits, observer } = context;
        let mut frames = Frames::new(*flow, &mut self.calls, grpc, totals, limits, *observer);
        self.connection.gap(direction, octets, at, shared, &mut frames);
    }

    /// A direction has ended.
    pub(super) fn finish<O: Observer>(
        &mut self,
        direction: Direction,
        by_sender: bool,
        at: Arrival,
        context: &mut Context<'_, O>,
    ) {
        if std::mem::replace(&mut self.finished[direction], true) {
            return;
        }
        let Context { flow, shared, grpc, totals, limits, observer } = context;
        let mut frames = Frames { by_sender, ..Frames::new(*flow, &mut self.calls, grpc, totals, limits, *observer) };
        self.connection.finish(direction, at, shared, &mut frames);
    }

    pub(super) fn close<O: Observer>(&mut self, close: Close, at: Arrival, context: &mut Context<'_, O>) {
        for direction in Direction::BOTH {
            self.finish(direction, false, at, context);
        }
        let Context { flow, shared, grpc, totals, limits, observer } = context;
        let mut frames = Frames::new(*flow, &mut self.calls, grpc, totals, limits, *observer);
        self.connection.close(at, shared, &mut frames);
        let seen = flow.facts.seen;
        // How calls ended stands in what both sides sent.
        let lost = matches!(close, Close::Fin | Close::Reset(_)) && seen.to_server && seen.to_client;
        let mut rest = Vec::new();
        self.calls.finish(lost, at, |call| rest.push(call));
        let mut frames = Frames::new(*flow, &mut self.calls, grpc, totals, limits, *observer);
        for mut call in rest {
            for direction in Direction::BOTH {
                frames.grpc.queue.clear();
                call.abandon(direction, at, &mut frames.grpc.queue);
                frames.messages(&call, direction, &[], at);
            }
            frames.call_ended(call, at);
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.connection.held_bytes().saturating_add(self.calls.held_bytes())
    }
}

/// Where a connection's frames go.
struct Frames<'a, O> {
    flow: Flow<'a>,
    calls: &'a mut Calls,
    grpc: &'a mut calls::Shared,
    totals: &'a mut Totals,
    limits: &'a Limits,
    /// Whether a direction that ends does so because its sender said so.
    by_sender: bool,
    observer: &'a mut O,
    /// What the flow will be once its sides are known.
    outlook: Option<&'a Outlook<'a>>,
    /// Whether the sides that were guessed turned out to be the other way round.
    turned: Option<bool>,
}

impl<'a, O: Observer> Frames<'a, O> {
    #[inline]
    const fn new(
        flow: Flow<'a>,
        calls: &'a mut Calls,
        grpc: &'a mut calls::Shared,
        totals: &'a mut Totals,
        limits: &'a Limits,
        observer: &'a mut O,
    ) -> Self {
        Self { flow, calls, grpc, totals, limits, by_sender: false, observer, outlook: None, turned: None }
    }

    fn emit(&mut self, at: Arrival, body: Body<'_>) {
        self.observer.event(&Event { at, flow: Some(self.flow), body });
    }

    /// A frame that belongs to no stream.
    fn connection_frame(&mut self, frame: &Frame<'_>) {
        if let Payload::GoAway { last_stream, .. } = frame.payload {
            self.calls.go_away(frame.direction, last_stream, frame.at);
        }
        if self.observer.wants_details() {
            let event = FrameEvent { frame, belongs: Belongs::default(), call: None };
            self.emit(frame.at, Body::Frame(event));
        }
    }

    /// Hands out the messages that ended in the octets at hand.
    fn messages(&mut self, call: &Call, direction: Direction, data: &[u8], at: Arrival) {
        messages(self.grpc, self.totals, self.flow, call, direction, data, at, self.observer);
    }

    fn call_ended(&mut self, mut call: Box<Call>, at: Arrival) {
        let seen = self.flow.facts.seen;
        // Of a flow with packets of one side only, what the other side sent is not there.
        call.damaged |= !(seen.to_server && seen.to_client);
        self.totals.calls = self.totals.calls.saturating_add(1);
        self.emit(at, Body::Call(&call));
        let count = call.metadata_left_out();
        if count > 0 {
            self.totals.limits = self.totals.limits.saturating_add(1);
            self.emit(at, Body::Limit { what: "octets of a call's metadata", count });
        }
        self.grpc.recycle(call);
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of a context that is borrowed elsewhere")]
fn messages(
    grpc: &calls::Shared,
    totals: &mut Totals,
    flow: Flow<'_>,
    call: &Call,
    direction: Direction,
    data: &[u8],
    at: Arrival,
    observer: &mut impl Observer,
) {
    let data = grpc.data(data);
    for message in grpc.queue.done().iter().filter(|done| done.flag & TRAILERS_FLAG == 0) {
        totals.messages = totals.messages.saturating_add(1);
        if observer.wants_details() {
            let octets = if message.kept { grpc.queue.octets(message, data) } else { &[] };
            let event = MessageEvent { call, direction, message, octets, pieces: grpc.queue.pieces(message) };
            observer.event(&Event { at, flow: Some(flow), body: Body::Message(event) });
        }
        if !message.kept {
            totals.limits = totals.limits.saturating_add(1);
            let body = Body::Limit { what: "octets of a message", count: message.declared.into() };
            observer.event(&Event { at, flow: Some(flow), body });
        }
    }
}

/// Hands out what is wrong with the messages in a frame, or with their end.
#[cold]
fn malformed(totals: &mut Totals, flow: Flow<'_>, frame: &Frame<'_>, what: What, observer: &mut impl Observer) {
    totals.malformed = totals.malformed.saturating_add(1);
    let length = frame.header.map_or(0, |header| u64::from(header.length()).saturating_add(9));
    let fault = Fault {
        what,
        direction: Some(frame.direction),
        frame: Some(frame.id),
        offset: frame.offset,
        length,
        pieces: frame.pieces,
    };
    observer.event(&Event { at: frame.at, flow: Some(flow), body: Body::Malformed(fault) });
}

impl<O: Observer> connection::Sink for Frames<'_, O> {
    fn frame(&mut self, frame: &Frame<'_>) {
        while let Some(call) = self.calls.take_lingering(frame.at.time) {
            self.call_ended(call, frame.at);
        }
        let Some(header) = frame.header.filter(|header| header.stream() != StreamId::CONNECTION) else {
            return self.connection_frame(frame);
        };
        let may_end = frame.ends_stream || matches!(frame.payload, Payload::RstStream(_));
        let stream = header.stream();
        let belongs = self.calls.frame(frame, stream, self.limits, self.grpc);
        let Some(call) = self.calls.call(stream) else {
            self.emit(frame.at, Body::Frame(FrameEvent { frame, belongs, call: None }));
            if may_end {
                self.calls.take_ended(stream);
            }
            return;
        };
        if self.observer.wants_details() {
            let event = FrameEvent { frame, belongs, call: Some(call) };
            self.observer.event(&Event { at: frame.at, flow: Some(self.flow), body: Body::Frame(event) });
        }
        if let Payload::Data { data, .. } = frame.payload {
            messages(self.grpc, self.totals, self.flow, call, frame.direction, data, frame.at, self.observer);
            if let Some(flag) = belongs.bad_flag {
                malformed(self.totals, self.flow, frame, What::MessageFlag(flag), self.observer);
            }
        } else {
            messages(self.grpc, self.totals, self.flow, call, frame.direction, &[], frame.at, self.observer);
        }
        if frame.ends_stream
            && call.is_grpc()
            && let Some(have) = call.bodies[frame.direction].in_prefix()
        {
            malformed(self.totals, self.flow, frame, What::MessagePrefix(have), self.observer);
        }
        if may_end && let Some(call) = self.calls.take_ended(stream) {
            self.call_ended(call, frame.at);
        }
    }

    fn part(&mut self, part: Part<'_>) {
        if let Some(call) = self.calls.part(&part, self.limits, self.grpc) {
            let data = part.octets.unwrap_or_default();
            messages(self.grpc, self.totals, self.flow, call, part.direction, data, part.at, self.observer);
        }
    }

    #[cold]
    fn sides(&mut self, at: Arrival, turned: bool) {
        let Some(outlook) = self.outlook.take() else { return };
        self.calls.know_sides(turned);
        self.turned = Some(turned);
        self.flow.protocol = if turned { outlook.turned } else { outlook.kept };
        if turned {
            self.flow.facts = outlook.facts;
        }
        self.emit(at, Body::Sides { turned });
    }

    fn notice(&mut self, direction: Direction, at: Arrival, notice: Notice<'_>) {
        match notice {
            Notice::Lost => {
                let Self { flow, calls, grpc, totals, observer, .. } = self;
                calls.lose(direction, at, grpc, |call, grpc| {
                    messages(grpc, totals, *flow, call, direction, &[], at, *observer)
                });
            }
            Notice::Resync { offset, skipped } => {
                self.emit(at, Body::Resync { direction, offset, skipped, found: true })
            }
            Notice::NeverFound { offset, octets } => {
                self.emit(at, Body::Resync { direction, offset, skipped: octets, found: false })
            }
            Notice::Unfinished { offset, header, present, missing, .. } => {
                let by_sender = self.by_sender;
                self.emit(at, Body::Unfinished { direction, offset, header, present, missing, by_sender });
            }
            Notice::Malformed { frame, offset, length, what, pieces } => {
                self.totals.malformed = self.totals.malformed.saturating_add(1);
                let fault = Fault {
                    what: What::Http2(what),
                    direction: Some(direction),
                    frame: Some(frame),
                    offset,
                    length,
                    pieces,
                };
                self.emit(at, Body::Malformed(fault));
            }
            Notice::Limit { what, count } => {
                self.totals.limits = self.totals.limits.saturating_add(1);
                self.emit(at, Body::Limit { what, count });
            }
        }
    }
}
