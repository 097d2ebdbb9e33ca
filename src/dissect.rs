//! Packets in, events out: wires the layers together and decides nothing of its own but which protocol a flow speaks.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

mod application;
mod http1;
mod http2;
mod opening;
mod servers;

use std::borrow::Cow;

use crate::capture::Packet;
use crate::event::{Body, Event, Fault, Observer, What};
use crate::grpc::calls;
use crate::http2::connection;
use crate::limits::Limits;
use crate::net::{Net, Outcome};
use crate::span::Arrival;
use crate::tcp::{FlowEvent, FlowFacts, FlowTable, Orientation, Receiver};
use crate::time::Timestamp;
use crate::tls;

use self::application::{Application, Step};
use self::servers::Servers;

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
    servers: Servers,
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
                servers: Servers::default(),
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
        let given_up = self.flows.contexts_given_up();
        if given_up > 0 {
            self.upper.totals.limits = self.upper.totals.limits.saturating_add(1);
            let what = "VLANs and tunnels of one pair of addresses and ports";
            observer.event(&Event { at, flow: None, body: Body::Limit { what, count: given_up } });
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
            && http2.is_usual(direction)
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
