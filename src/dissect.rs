//! Packets in, events out: wires the layers together and decides nothing of its own but which protocol a flow speaks.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

mod http1;
mod http2;
mod opening;

use std::borrow::Cow;

use crate::capture::Packet;
use crate::direction::Direction;
use crate::event::{Body, EndedBy, Event, Fault, Flow, Observer, Protocol, What};
use crate::grpc::calls;
use crate::http2::connection;
use crate::http2::preface::Begin;
use crate::http2::sync::{self, Evidence, Search};
use crate::limits::Limits;
use crate::net::{Net, Outcome};
use crate::span::{Arrival, Piece};
use crate::tcp::{Close, FlowEvent, FlowFacts, FlowTable, Orientation, Receiver};
use crate::time::Timestamp;
use crate::tls;

use self::http1::Http1;
use self::http2::Http2;
use self::opening::{Gap, Opening, Verdict};

/// The longest segment of a flow of unknown protocol that is looked at once more: frames that steer a connection are short.
const LOOKED_AT_AGAIN: usize = 1024;

/// Everything that has been counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Packets of the capture.
    pub packets: u64,
    /// TCP conversations.
    pub flows: u64,
    /// HTTP/2 frames, client prefaces included.
    pub frames: u64,
    /// gRPC calls.
    pub calls: u64,
    /// gRPC messages.
    pub messages: u64,
    /// Places where octets are missing.
    pub gaps: u64,
    /// Octets missing there.
    pub gap_octets: u64,
    /// Repeated segments with other octets than those captured first.
    pub conflicts: u64,
    /// Things that do not parse.
    pub malformed: u64,
    /// Times a limit was reached.
    pub limits: u64,
}

/// Hands out the comments that a capture has on a packet; best after what the packet completes.
#[cold]
pub fn comments(packet: &Packet<'_>, observer: &mut impl Observer) {
    let at = Arrival { time: packet.time, packet: packet.number };
    for comment in packet.comments() {
        observer.event(&Event { at, flow: None, body: Body::Comment(comment) });
    }
}

/// Turns packets into events.
#[derive(Debug)]
pub struct Dissector {
    net: Net,
    flows: FlowTable,
    /// By the flow's slot.
    applications: Vec<Application>,
    upper: Upper,
}

/// Everything above TCP that all flows share.
#[derive(Debug)]
struct Upper {
    limits: Limits,
    http2: connection::Shared,
    grpc: calls::Shared,
    totals: Totals,
    /// Octets kept of flows whose protocol has not been recognised.
    unrecognised: usize,
}

/// What is known of one flow above TCP.
#[derive(Debug, Default)]
struct Application {
    protocol: Protocol,
    state: State,
    /// Whether a TLS flow was introduced.
    told: bool,
    first_octets: [Vec<u8>; 2],
}

#[derive(Debug, Default)]
enum State {
    /// Nothing yet.
    #[default]
    New,
    /// Octets are collected until they tell the protocol.
    Opening(Box<Opening>),
    Http2(Box<Http2>),
    Http1(Box<Http1>),
    Tls(Box<tls::Tls>),
    /// Not ours.
    Other,
}

impl Dissector {
    /// A dissector within these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            net: Net::default(),
            flows: FlowTable::new(limits),
            applications: Vec::new(),
            upper: Upper {
                limits: limits.clone(),
                http2: connection::Shared::new(limits),
                grpc: calls::Shared::default(),
                totals: Totals::default(),
                unrecognised: 0,
            },
        }
    }

    /// Takes one packet and hands out everything it completes.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>, observer: &mut impl Observer) {
        let at = Arrival { time: packet.time, packet: packet.number };
        self.upper.totals.packets = self.upper.totals.packets.saturating_add(1);
        if let Some(segment) = self.net.usual_packet(packet.link.0, packet.data, packet.number) {
            let receiving = &mut Receiving { applications: &mut self.applications, upper: &mut self.upper, observer };
            return self.flows.segment(at, &segment, receiving);
        }
        self.any_packet(at, *packet, observer);
    }

    /// A packet that is not quite as usual; by value, so that the usual one never has to stand in memory.
    #[inline(never)]
    fn any_packet(&mut self, at: Arrival, packet: Packet<'_>, observer: &mut impl Observer) {
        match self.net.packet(packet.link.0, packet.data, packet.original_length, packet.number, packet.time.as_nanos())
        {
            Outcome::Tcp(segment) => self.flows.segment(
                at,
                &segment,
                &mut Receiving { applications: &mut self.applications, upper: &mut self.upper, observer },
            ),
            Outcome::Malformed(malformed) => {
                self.upper.totals.malformed = self.upper.totals.malformed.saturating_add(1);
                let offset = u64::from(malformed.offset);
                let fault = Fault {
                    what: What::Packet(malformed),
                    direction: None,
                    frame: None,
                    offset,
                    length: 0,
                    pieces: &[],
                };
                observer.event(&Event { at, flow: None, body: Body::Malformed(fault) });
            }
            Outcome::NotTcp(_) | Outcome::Fragment(_) => {}
        }
    }

    /// Takes note that the time is `now`: what waited long enough is given up. Needed only where packets stop coming.
    pub fn advance(&mut self, now: Timestamp, observer: &mut impl Observer) {
        self.flows
            .advance(now, &mut Receiving { applications: &mut self.applications, upper: &mut self.upper, observer });
    }

    /// The input has ended: hands out everything that was still waiting.
    pub fn finish(&mut self, observer: &mut impl Observer) {
        self.net.finish();
        self.flows.finish(&mut Receiving { applications: &mut self.applications, upper: &mut self.upper, observer });
        let at = Arrival::default();
        let given_up = self.flows.given_up();
        if given_up > 0 {
            self.upper.totals.limits = self.upper.totals.limits.saturating_add(1);
            observer.event(&Event { at, flow: None, body: Body::Limit { what: "flows at once", count: given_up } });
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals { flows: self.flows.flows(), frames: self.upper.http2.next_frame, ..self.upper.totals }
    }

    /// What happened below TCP.
    #[must_use]
    pub fn net(&self) -> &crate::net::Counters {
        self.net.counters()
    }

    /// Packets that came after their flow had ended.
    #[must_use]
    pub const fn late_packets(&self) -> u64 {
        self.flows.late_packets()
    }

    /// Octets of memory held by all layers.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let applications =
            self.applications.iter().fold(0_usize, |sum, application| sum.saturating_add(application.held_bytes()));
        [self.net.held_bytes(), self.flows.held_bytes(), self.upper.grpc.queue.held_bytes(), applications]
            .iter()
            .fold(0, |sum, n| sum.saturating_add(*n))
    }
}

impl Application {
    /// The HTTP/2 flow, if it is one, and all that a step of it works with.
    #[inline]
    fn http2<'a, O>(
        &'a mut self,
        slot: usize,
        facts: &'a FlowFacts,
        upper: &'a mut Upper,
        observer: &'a mut O,
    ) -> Option<(&'a mut Http2, http2::Context<'a, O>)> {
        let Self { protocol, state, first_octets, .. } = self;
        let State::Http2(http2) = state else { return None };
        let [client, server] = first_octets;
        let flow = Flow { slot, facts, protocol, first_octets: [client, server] };
        let Upper { http2: shared, grpc, totals, limits, .. } = upper;
        Some((http2, http2::Context { flow, shared, grpc, totals, limits, observer }))
    }

    fn held_bytes(&self) -> usize {
        let state = match &self.state {
            State::New | State::Other => 0,
            State::Opening(opening) => opening.held_bytes(),
            State::Http2(http2) => http2.held_bytes(),
            State::Http1(http1) => http1.held_bytes(),
            State::Tls(tls) => tls.held_bytes(),
        };
        size_of::<Self>().saturating_add(state)
    }
}

/// The receiver of what flows deliver, for the time of one packet.
struct Receiving<'a, O> {
    applications: &'a mut Vec<Application>,
    upper: &'a mut Upper,
    observer: &'a mut O,
}

impl<O: Observer> Receiver for Receiving<'_, O> {
    #[inline(always)]
    fn receive(&mut self, slot: usize, facts: &FlowFacts, event: FlowEvent<'_>) -> Orientation {
        // What nearly all events are.
        if let FlowEvent::Octets { direction, octets, pieces, at, .. } = event
            && let Some(application) = self.applications.get_mut(slot)
            && let Some((http2, mut context)) = application.http2(slot, facts, self.upper, self.observer)
        {
            http2.push(direction, octets, pieces, at, &mut context);
            return Orientation::Keep;
        }
        self.receive_any(slot, facts, event)
    }
}

impl<O: Observer> Receiving<'_, O> {
    #[inline(never)]
    fn receive_any(&mut self, slot: usize, facts: &FlowFacts, event: FlowEvent<'_>) -> Orientation {
        if self.applications.len() <= slot {
            self.applications.resize_with(slot.saturating_add(1), Application::default);
        }
        let Some(application) = self.applications.get_mut(slot) else { return Orientation::Keep };
        let closed = matches!(event, FlowEvent::Closed { .. });
        let facts = Cow::Borrowed(facts);
        let orientation = Step { upper: self.upper, observer: self.observer, slot, facts, application }.event(event);
        if closed {
            *application = Application::default();
        }
        orientation
    }
}

/// One event of one flow, and everything it is handled with.
struct Step<'a, O> {
    upper: &'a mut Upper,
    observer: &'a mut O,
    slot: usize,
    /// As the flow table has them, until the octets tell that client and server are the other way round.
    facts: Cow<'a, FlowFacts>,
    application: &'a mut Application,
}

impl<O: Observer> Step<'_, O> {
    fn event(&mut self, event: FlowEvent<'_>) -> Orientation {
        match event {
            FlowEvent::Octets { direction, offset, octets, pieces, at } => {
                return self.octets(direction, offset, octets, pieces, at);
            }
            FlowEvent::Gap { direction, offset, octets, reason, at } => {
                self.gap(Gap { direction, offset, octets, reason, at });
            }
            FlowEvent::Conflict { direction, offset, octets, at } => {
                self.upper.totals.conflicts = self.upper.totals.conflicts.saturating_add(1);
                self.emit(at, Body::Conflict { direction, offset, octets });
            }
            FlowEvent::Finished { direction, at } => {
                if let State::Http2(_) = self.application.state {
                    self.with_http2(|http2, frames| http2.finish(direction, EndedBy::Sender, at, frames));
                }
            }
            FlowEvent::Closed { close, at } => self.close(close, at),
        }
        Orientation::Keep
    }

    fn octets(
        &mut self,
        direction: Direction,
        offset: u64,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
    ) -> Orientation {
        match &mut self.application.state {
            State::Http2(_) => {
                self.with_http2(|http2, frames| http2.push(direction, octets, pieces, at, frames));
                Orientation::Keep
            }
            State::New | State::Opening(_) => {
                if let State::New = self.application.state {
                    self.application.state = State::Opening(Box::default());
                }
                let State::Opening(opening) = &mut self.application.state else { return Orientation::Keep };
                let before = opening.held_bytes();
                opening.push(direction, offset, octets, pieces, at);
                let held = opening.held_bytes();
                self.upper.unrecognised = self.upper.unrecognised.saturating_sub(before).saturating_add(held);
                if self.upper.unrecognised <= self.upper.limits.total_unrecognised {
                    let verdict = opening.verdict(&self.facts, self.upper.limits.search);
                    return self.conclude(verdict, at);
                }
                let verdict = opening.last_verdict(&self.facts);
                self.upper.totals.limits = self.upper.totals.limits.saturating_add(1);
                self.emit(at, Body::Limit { what: "octets of flows not recognised", count: held as u64 });
                self.conclude(verdict, at)
            }
            State::Http1(http1) => {
                if http1.is_foreign(direction, octets) {
                    self.emit(at, Body::Foreign { direction, octets });
                    return Orientation::Keep;
                }
                if let Some(upgrade) = http1.push(direction, offset, octets, pieces, at) {
                    self.identified(Protocol::Http2(Begin::Upgrade), at);
                    self.application.state = State::Http2(Box::new(Http2::upgraded(&upgrade.settings)));
                    for chunk in &upgrade.chunks {
                        self.with_http2(|http2, frames| {
                            http2.start_at(chunk.direction, chunk.offset);
                            http2.push(chunk.direction, &chunk.octets, &chunk.pieces, chunk.at, frames);
                        });
                    }
                }
                Orientation::Keep
            }
            State::Tls(tls) => {
                tls.push(direction == Direction::ToServer, octets);
                if let Protocol::Tls(facts) = &mut self.application.protocol
                    && **facts != *tls.facts()
                {
                    **facts = tls.facts().clone();
                }
                // What kind of TLS it is shows when both sides have said hello, or one of them says something else.
                let known = tls.both_hellos_seen() || tls.facts().hello_fault.is_some();
                if known && !std::mem::replace(&mut self.application.told, true) {
                    self.emit(at, Body::Identified);
                }
                Orientation::Keep
            }
            State::Other => {
                let again =
                    matches!(sync::find(octets, 0, sync::DEFAULT_MAX_FRAME, Evidence::Protocol), Search::Found(0));
                if !again || octets.len() > LOOKED_AT_AGAIN {
                    return Orientation::Keep;
                }
                // The other direction may have begun inside a very large frame, and told nothing until now.
                let mut opening = Opening::default();
                opening.push(direction, offset, octets, pieces, at);
                let verdict = opening.last_verdict(&self.facts);
                self.application.state = State::Opening(Box::new(opening));
                self.conclude(verdict, at)
            }
        }
    }

    /// A gap is told where it lies: while the protocol is not known it waits with the octets around it.
    fn gap(&mut self, gap: Gap) {
        match &mut self.application.state {
            State::Opening(opening) => return opening.gap(gap),
            State::New => {
                let mut opening = Opening::default();
                opening.gap(gap);
                self.application.state = State::Opening(Box::new(opening));
                return;
            }
            State::Http2(_) | State::Http1(_) | State::Tls(_) | State::Other => {}
        }
        let Gap { direction, offset, octets, reason, at } = gap;
        self.upper.totals.gaps = self.upper.totals.gaps.saturating_add(1);
        self.upper.totals.gap_octets = self.upper.totals.gap_octets.saturating_add(octets);
        self.emit(at, Body::Gap { direction, offset, octets, reason });
        match &mut self.application.state {
            State::Http2(_) => self.with_http2(|http2, frames| http2.gap(direction, octets, at, frames)),
            State::Http1(http1) => http1.gap(direction),
            State::Tls(tls) => tls.gap(direction == Direction::ToServer),
            State::New | State::Opening(_) | State::Other => {}
        }
    }

    /// Acts on what the first octets say.
    fn conclude(&mut self, verdict: Verdict, at: Arrival) -> Orientation {
        let (protocol, swap) = match verdict {
            Verdict::Wait => return Orientation::Keep,
            Verdict::Http2 { begin, swap, .. } => (Protocol::Http2(begin), swap),
            Verdict::Http1 { swap } => (Protocol::Http1, swap),
            Verdict::Tls { swap } => (Protocol::Tls(Box::default()), swap),
            Verdict::Unknown => (Protocol::Unknown, false),
        };
        let State::Opening(mut opening) = std::mem::take(&mut self.application.state) else { return Orientation::Keep };
        self.upper.unrecognised = self.upper.unrecognised.saturating_sub(opening.held_bytes());
        if swap {
            opening.swap();
            let facts = self.facts.to_mut();
            std::mem::swap(&mut facts.client, &mut facts.server);
            std::mem::swap(&mut facts.octets_to_client, &mut facts.octets_to_server);
        }
        self.application.state = match verdict {
            Verdict::Http2 { from_start, .. } => State::Http2(Box::new(Http2::new(from_start))),
            Verdict::Http1 { .. } => State::Http1(Box::default()),
            Verdict::Tls { .. } => State::Tls(Box::new(tls::Tls::new())),
            _ => State::Other,
        };
        self.application.first_octets = opening.first_octets();
        let skip = match verdict {
            Verdict::Http2 { skip, .. } => skip,
            _ => 0,
        };
        if !matches!(protocol, Protocol::Tls(_)) {
            self.identified(protocol, at);
        } else {
            self.application.protocol = protocol;
        }
        opening.replay(skip, |item| match item {
            opening::Item::Octets(chunk) => {
                self.octets_again(chunk.direction, chunk.offset, &chunk.octets, &chunk.pieces, chunk.at);
            }
            opening::Item::Gap(gap) => self.gap(*gap),
        });
        if swap { Orientation::Swap } else { Orientation::Keep }
    }

    /// Octets out of the opening: they go where the protocol says, and never back.
    fn octets_again(&mut self, direction: Direction, offset: u64, octets: &[u8], pieces: &[Piece], at: Arrival) {
        if let State::Http2(_) = self.application.state {
            self.with_http2(|http2, frames| {
                http2.start_at_once(direction, offset);
                http2.push(direction, octets, pieces, at, frames);
            });
        } else if !matches!(self.application.state, State::New | State::Opening(_)) {
            self.octets(direction, offset, octets, pieces, at);
        }
    }

    fn close(&mut self, close: Close, at: Arrival) {
        if let State::Opening(opening) = &self.application.state {
            let verdict = opening.last_verdict(&self.facts);
            self.conclude(verdict, at);
        } else if let State::New = self.application.state {
            self.emit(at, Body::Identified);
        }
        match self.application.state {
            State::Http2(_) => self.with_http2(|http2, frames| http2.close(close, at, frames)),
            State::Tls(_) if !self.application.told => self.emit(at, Body::Identified),
            _ => {}
        }
        self.emit(at, Body::Ended(close));
    }

    fn identified(&mut self, protocol: Protocol, at: Arrival) {
        self.application.protocol = protocol;
        self.emit(at, Body::Identified);
    }

    fn with_http2(&mut self, step: impl FnOnce(&mut Http2, &mut http2::Context<'_, O>)) {
        if let Some((http2, mut context)) = self.application.http2(self.slot, &self.facts, self.upper, self.observer) {
            step(http2, &mut context);
        }
    }

    fn emit(&mut self, at: Arrival, body: Body<'_>) {
        let Application { protocol, first_octets, .. } = &*self.application;
        let [client, server] = first_octets;
        let flow = Flow { slot: self.slot, facts: &self.facts, protocol, first_octets: [client, server] };
        self.observer.event(&Event { at, flow: Some(flow), body });
    }
}
