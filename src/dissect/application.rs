//! One flow above TCP: what it speaks, and what becomes of each of its events.

use std::borrow::Cow;

use super::http1::Http1;
use super::http2::{self, Http2, Outlook};
use super::opening::{Gap, Item, Opening, Verdict};
use super::{Upper, tls};
use crate::direction::Direction;
use crate::event::{Body, Event, Flow, Observer, Protocol};
use crate::http2::preface::{Begin, Guess};
use crate::http2::sync::{self, Evidence, Search};
use crate::span::{Arrival, Piece};
use crate::tcp::{Close, FlowEvent, FlowFacts, Opened, Orientation};

/// The longest segment of a flow of unknown protocol that is looked at once more: frames that steer a connection are short.
const LOOKED_AT_AGAIN: usize = 1024;

/// What is known of one flow above TCP.
#[derive(Debug, Default)]
pub(super) struct Application {
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

impl Application {
    /// The HTTP/2 flow, if it is one, and all that a step of it works with.
    #[inline]
    pub(super) fn http2<'a, O>(
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

    pub(super) fn held_bytes(&self) -> usize {
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

/// One event of one flow, and everything it is handled with.
pub(super) struct Step<'a, O> {
    pub(super) upper: &'a mut Upper,
    pub(super) observer: &'a mut O,
    pub(super) slot: usize,
    /// As the flow table has them, until the octets tell that client and server are the other way round.
    pub(super) facts: Cow<'a, FlowFacts>,
    pub(super) application: &'a mut Application,
}

impl<O: Observer> Step<'_, O> {
    pub(super) fn event(&mut self, event: FlowEvent<'_>) -> Orientation {
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
                    self.with_http2(|http2, frames| http2.finish(direction, true, at, frames));
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
        if let State::Http2(http2) = &mut self.application.state {
            http2.start_at_once(direction, offset);
        }
        match &mut self.application.state {
            State::Http2(http2) if http2.is_guessed() => self.octets_of_guess(direction, octets, pieces, at),
            State::Http2(_) => {
                self.with_http2(|http2, frames| http2.push_first(direction, octets, pieces, at, frames));
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
                            http2.push_first(chunk.direction, &chunk.octets, &chunk.pieces, chunk.at, frames);
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

    /// Octets of HTTP/2 of which it is a guess which side is the client: they may tell it.
    fn octets_of_guess(&mut self, direction: Direction, octets: &[u8], pieces: &[Piece], at: Arrival) -> Orientation {
        let Self { upper, observer, slot, facts, application } = self;
        let Application { protocol, state, first_octets, .. } = &mut **application;
        let State::Http2(http2) = state else { return Orientation::Keep };
        let [client, server] = first_octets;
        let mut turned = facts.clone().into_owned();
        turned.turn();
        let outlook = Outlook {
            kept: &Protocol::Http2(Begin::Mid),
            turned: &Protocol::Http2(Begin::Turned(at.packet)),
            facts: &turned,
        };
        let flow = Flow { slot: *slot, facts, protocol, first_octets: [client, server] };
        let Upper { http2: shared, grpc, totals, limits, .. } = &mut **upper;
        let mut context = http2::Context { flow, shared, grpc, totals, limits, observer: *observer };
        let Some(turns) = http2.push_guessed(direction, octets, pieces, at, &outlook, &mut context) else {
            return Orientation::Keep;
        };
        self.application.protocol = Protocol::Http2(if turns { Begin::Turned(at.packet) } else { Begin::Mid });
        if turns {
            self.turn();
        }
        self.upper.servers.learn(self.facts.server);
        if turns { Orientation::Swap } else { Orientation::Keep }
    }

    /// Exchanges the sides.
    fn turn(&mut self) {
        self.facts.to_mut().turn();
        self.application.first_octets.swap(0, 1);
    }

    /// Acts on what the first octets say.
    fn conclude(&mut self, verdict: Verdict, at: Arrival) -> Orientation {
        let (protocol, swap) = match verdict {
            Verdict::Wait => return Orientation::Keep,
            Verdict::Http2 { begin: Begin::Guessed(guess), swap, .. } => {
                let (guess, swap) = self.guess(guess, swap);
                (Protocol::Http2(Begin::Guessed(guess)), swap)
            }
            Verdict::Http2 { begin, swap, .. } => (Protocol::Http2(begin), swap),
            Verdict::Http1 { swap } => (Protocol::Http1, swap),
            Verdict::Tls { swap } => (Protocol::Tls(Box::default()), swap),
            Verdict::Unknown => (Protocol::Unknown, false),
        };
        let State::Opening(mut opening) = std::mem::take(&mut self.application.state) else { return Orientation::Keep };
        self.upper.unrecognised = self.upper.unrecognised.saturating_sub(opening.held_bytes());
        if swap {
            opening.swap();
            self.facts.to_mut().turn();
        }
        self.application.state = match (verdict, &protocol) {
            (_, Protocol::Http2(Begin::Guessed(_))) => State::Http2(Box::new(Http2::guessed())),
            (Verdict::Http2 { from_start, .. }, _) => State::Http2(Box::new(Http2::new(from_start))),
            (Verdict::Http1 { .. }, _) => State::Http1(Box::default()),
            (Verdict::Tls { .. }, _) => State::Tls(Box::new(tls::Tls::new())),
            _ => State::Other,
        };
        let told = !matches!(protocol, Protocol::Http2(Begin::Guessed(_)) | Protocol::Tls(_) | Protocol::Unknown);
        if told || self.facts.opened == Opened::Syn {
            self.upper.servers.learn(self.facts.server);
        }
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
        let mut turned = false;
        opening.replay(skip, |item| {
            let now = |direction: Direction| if turned { direction.opposite() } else { direction };
            match item {
                Item::Octets(chunk) => {
                    let direction = now(chunk.direction);
                    let orientation =
                        self.octets_again(direction, chunk.offset, &chunk.octets, &chunk.pieces, chunk.at);
                    turned ^= orientation == Orientation::Swap;
                }
                Item::Gap(gap) => self.gap(Gap { direction: now(gap.direction), ..*gap }),
            }
        });
        if swap == turned { Orientation::Keep } else { Orientation::Swap }
    }

    /// What the sides are guessed to be, and by what: who is a server in other flows of the capture counts most, then what the frames look
    /// like, then the ports.
    fn guess(&self, guess: Guess, swap: bool) -> (Guess, bool) {
        let servers = &self.upper.servers;
        match (servers.knows(self.facts.client), servers.knows(self.facts.server)) {
            (true, false) => (Guess::Addresses, true),
            (false, true) => (Guess::Addresses, false),
            _ => (guess, swap),
        }
    }

    /// Octets out of the opening: they go where the protocol says, and never back.
    fn octets_again(
        &mut self,
        direction: Direction,
        offset: u64,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
    ) -> Orientation {
        if matches!(self.application.state, State::New | State::Opening(_)) {
            return Orientation::Keep;
        }
        self.octets(direction, offset, octets, pieces, at)
    }

    fn close(&mut self, mut close: Close, at: Arrival) {
        if let State::Opening(opening) = &mut self.application.state {
            let verdict = opening.last_verdict(&self.facts);
            if let (Orientation::Swap, Close::Reset(direction)) = (self.conclude(verdict, at), &mut close) {
                *direction = direction.opposite();
            }
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
