//! What is right or wrong about what was said: a closed catalogue of rules, held against events.
//!
//! Decoders state, this room judges. Nobody is blamed for what the capture lost: a rule about what came before is silent once octets of the
//! connection are missing, or when its beginning was not seen; a rule about a single frame is `uncertain` where frames had to be searched for.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

mod alone;
mod calls;
mod connection;
mod control;
mod exchange;
mod fields;
mod plain;
mod report;
mod rules;
mod seen;
mod side;
mod streams;

pub use self::rules::ALL;

use crate::event::{Body, Event, Flow, FrameEvent, Observer, Protocol};
use crate::http2::preface::Begin;
use crate::limits::Limits;
use crate::tcp::FlowId;

use self::connection::Connection;
use self::report::Report;

/// Holds the events of a capture against the rules.
#[derive(Debug)]
pub struct Judge {
    /// By the flow's slot.
    connections: Vec<Option<(FlowId, Connection)>>,
    shared: Shared,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    /// Findings so far.
    found: u64,
    /// Streams that are followed, over all connections.
    streams: usize,
    /// How many may be.
    most: usize,
}

impl Judge {
    /// A judge who follows no more streams than the dissector does.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { connections: Vec::new(), shared: Shared { found: 0, streams: 0, most: limits.streams } }
    }

    /// Findings so far.
    #[must_use]
    pub const fn found(&self) -> u64 {
        self.shared.found
    }

    /// Octets of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let places = self.connections.capacity().saturating_mul(size_of::<Option<(FlowId, Connection)>>());
        let held = |(_, connection): &(FlowId, Connection)| connection.held_bytes();
        self.connections.iter().flatten().map(held).fold(places, usize::saturating_add)
    }

    /// Takes an event, and tells what is found in it. Every event of the capture must come here, in order.
    #[inline]
    pub fn event(&mut self, event: &Event<'_>, tell: &mut dyn FnMut(&Event<'_>)) {
        // Most events have nothing that a rule is about.
        let passes = match &event.body {
            Body::Frame(frame) => self.takes(event, frame),
            Body::Message(message) => !message.is_compressed(),
            Body::Call(call) => calls::has_status(call),
            Body::Identified | Body::Finding(_) => true,
            _ => false,
        };
        if !passes {
            self.judge(event, tell);
        }
    }

    /// Takes a frame that plainly breaks no rule.
    #[inline(never)]
    fn takes(&mut self, event: &Event<'_>, frame: &FrameEvent<'_>) -> bool {
        let Some(flow) = &event.flow else { return true };
        match self.connections.get_mut(flow.slot) {
            Some(Some((id, connection))) if *id == flow.facts.id => connection.takes(frame, &mut self.shared),
            _ => false,
        }
    }

    #[inline(never)]
    fn judge(&mut self, event: &Event<'_>, tell: &mut dyn FnMut(&Event<'_>)) {
        let Some(flow) = &event.flow else { return };
        let Protocol::Http2(begin) = flow.protocol else { return };
        if !matches!(self.connections.get(flow.slot), Some(Some((id, _))) if *id == flow.facts.id) {
            self.begin(flow, *begin);
        }
        let Self { connections, shared } = self;
        let Some(Some((_, connection))) = connections.get_mut(flow.slot) else { return };
        let report = &mut Report::new(event, shared, tell);
        match &event.body {
            Body::Frame(frame) => connection.frame(frame, flow, report),
            Body::Message(message) => connection.message(message, report),
            Body::Call(call) => connection.call(call, report),
            Body::Malformed(fault) => connection.malformed(fault, report),
            Body::Gap { .. } | Body::Unfinished { .. } | Body::Foreign { .. } => connection.lose(report.shared),
            Body::Resync { direction, .. } | Body::Conflict { direction, .. } => {
                connection.doubt(*direction, report.shared)
            }
            Body::Limit { what, .. } => connection.limit(what, report.shared),
            Body::Ended(_) => {
                connection.ended(flow, report);
                connection.lose(report.shared);
                if let Some(place) = connections.get_mut(flow.slot) {
                    *place = None;
                }
                return;
            }
            Body::Sides { turned: true } => connection.turn(),
            Body::Sides { turned: false } | Body::Identified | Body::Finding(_) | Body::Comment(_) => {}
        }
        connection.calm = connection.is_calm();
    }

    #[cold]
    fn begin(&mut self, flow: &Flow<'_>, begin: Begin) {
        if self.connections.len() <= flow.slot {
            self.connections.resize_with(flow.slot.saturating_add(1), || None);
        }
        if let Some(place) = self.connections.get_mut(flow.slot) {
            *place = Some((flow.facts.id, Connection::new(begin)));
        }
    }
}

/// Passes events on, each followed by what was found in it.
#[derive(Debug)]
pub struct Judging<'a, O> {
    /// Who judges.
    pub judge: &'a mut Judge,
    /// Who is told.
    pub observer: &'a mut O,
}

impl<O: Observer> Observer for Judging<'_, O> {
    fn event(&mut self, event: &Event<'_>) {
        let Self { judge, observer } = self;
        observer.event(event);
        judge.event(event, &mut |found| observer.event(found));
    }

    fn wants_details(&self) -> bool {
        true
    }
}
