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
mod report;
mod rules;
mod side;
mod streams;

pub use self::rules::ALL;

use std::collections::HashMap;

use crate::event::{Body, Event, Observer, Protocol};
use crate::http2::preface::Begin;
use crate::limits::Limits;
use crate::tcp::FlowId;

use self::connection::Connection;
use self::report::Report;

/// Holds the events of a capture against the rules.
#[derive(Debug)]
pub struct Judge {
    connections: HashMap<FlowId, Box<Connection>, foldhash::fast::RandomState>,
    /// The connection of the last event, which is not in the map.
    current: Option<(FlowId, Box<Connection>)>,
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
        Self {
            connections: HashMap::default(),
            current: None,
            shared: Shared { found: 0, streams: 0, most: limits.streams },
        }
    }

    /// Findings so far.
    #[must_use]
    pub const fn found(&self) -> u64 {
        self.shared.found
    }

    /// Octets of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let current = self.current.iter().map(|(_, connection)| connection);
        self.connections
            .values()
            .chain(current)
            .fold(self.connections.capacity().saturating_mul(size_of::<(FlowId, usize)>()), |sum, connection| {
                sum.saturating_add(connection.held_bytes())
            })
    }

    /// Takes an event, and tells what is found in it. Every event of the capture must come here, in order.
    pub fn event(&mut self, event: &Event<'_>, tell: &mut dyn FnMut(&Event<'_>)) {
        let Some(flow) = &event.flow else { return };
        let Protocol::Http2(begin) = flow.protocol else { return };
        self.turn_to(flow.facts.id, *begin);
        let Self { current: Some((_, connection)), shared, .. } = self else { return };
        match &event.body {
            Body::Frame(frame) => connection.frame(frame, flow, shared, &mut Report::new(event, tell)),
            Body::Message(message) => connection.message(message, shared, &mut Report::new(event, tell)),
            Body::Call(call) => connection.call(call, shared, &mut Report::new(event, tell)),
            Body::Malformed(fault) => connection.malformed(fault, shared, &mut Report::new(event, tell)),
            Body::Gap { .. } | Body::Unfinished { .. } | Body::Foreign { .. } => connection.lose(shared),
            Body::Resync { direction, .. } => connection.doubt(*direction, shared),
            Body::Conflict { direction, .. } => connection.doubt(*direction, shared),
            Body::Limit { what, .. } => connection.limit(what, shared),
            Body::Ended(_) => {
                connection.ended(flow, shared, &mut Report::new(event, tell));
                connection.lose(shared);
                self.current = None;
            }
            Body::Identified | Body::Finding(_) => {}
        }
    }

    /// Makes the connection of a flow the current one.
    #[inline]
    fn turn_to(&mut self, id: FlowId, begin: Begin) {
        if self.current.as_ref().is_none_or(|(current, _)| *current != id) {
            let next = self.connections.remove(&id).unwrap_or_else(|| Box::new(Connection::new(begin)));
            if let Some((id, connection)) = self.current.replace((id, next)) {
                self.connections.insert(id, connection);
            }
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
