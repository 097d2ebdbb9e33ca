//! One simulated connection: what is on its way, how far it has come, and the tap halfway.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use super::{Link, Peer};
use crate::direction::{Both, Direction};
use crate::endpoint::tap::{Recorded, Tap};
use crate::time::Timestamp;

/// A connection between the client and a backend.
pub(super) struct Wire {
    pub(super) backend: usize,
    pub(super) link: Link,
    tap: Tap,
    flights: Both<VecDeque<Flight>>,
    /// When the sender's last octet leaves, on a link with a rate.
    busy: Both<Timestamp>,
    /// Whether what is sent vanishes: behind the tap if it comes from the client, else before it.
    silent: bool,
    /// Whether the client has forgotten it.
    pub(super) aborted: bool,
    /// Whether the client has been told that the connection is there.
    pub(super) connected: bool,
    /// What serves it, once it was accepted.
    pub(super) peer: Option<Box<dyn Peer>>,
    /// Octets that came before that, and whether FIN did.
    pub(super) early: (Vec<u8>, bool),
    /// When `peer` wants to be called.
    pub(super) timer: Option<Timestamp>,
    /// Whether the sender has sent FIN.
    pub(super) ended: Both<bool>,
    /// Whether it has arrived.
    pub(super) arrived: Both<bool>,
}

/// Something on its way.
pub(super) struct Flight {
    pub(super) arrival: Timestamp,
    pub(super) cargo: Cargo,
}

/// What is on its way.
pub(super) enum Cargo {
    Syn,
    SynAck,
    /// The third packet of the handshake.
    Opened,
    Refused,
    Octets(Vec<u8>),
    End,
    Reset,
}

impl Wire {
    pub(super) fn new(client: SocketAddrV4, server: SocketAddrV4, backend: usize, link: Link) -> Self {
        Self {
            backend,
            link,
            tap: Tap::new(client, server),
            flights: Both::default(),
            busy: Both::from_fn(|_| Timestamp::EPOCH),
            silent: false,
            aborted: false,
            connected: false,
            peer: None,
            early: (Vec::new(), false),
            timer: None,
            ended: Both::default(),
            arrived: Both::default(),
        }
    }

    /// When the next thing arrives in this direction.
    pub(super) fn arrival(&self, direction: Direction) -> Option<Timestamp> {
        self.flights[direction].front().map(|flight| flight.arrival)
    }

    /// What has arrived in this direction.
    pub(super) fn land(&mut self, direction: Direction) -> Option<Cargo> {
        let cargo = self.flights[direction].pop_front()?.cargo;
        match &cargo {
            Cargo::Octets(octets) => self.tap.delivered(direction, octets.len()),
            Cargo::End => {
                self.tap.delivered(direction, 1);
                self.arrived[direction] = true;
            }
            Cargo::Syn | Cargo::SynAck | Cargo::Opened | Cargo::Refused | Cargo::Reset => {}
        }
        Some(cargo)
    }

    /// Sends something, which passes the tap halfway.
    pub(super) fn send(&mut self, now: Timestamp, direction: Direction, cargo: Cargo) {
        if self.silent && direction == Direction::ToClient {
            return;
        }
        match cargo {
            Cargo::Octets(octets) if self.link.rate.is_some() => {
                for piece in octets.chunks(SEGMENT) {
                    let leaves = self.leaves(now, direction, piece.len());
                    self.launch(leaves, direction, Cargo::Octets(piece.to_vec()));
                }
            }
            cargo => {
                let leaves = self.leaves(now, direction, 0);
                self.launch(leaves, direction, cargo);
            }
        }
    }

    /// A packet that only acknowledges; nobody waits for its arrival.
    pub(super) fn acknowledge(&mut self, now: Timestamp, direction: Direction) {
        if self.silent && direction == Direction::ToClient {
            return;
        }
        let leaves = self.leaves(now, direction, 0);
        self.tap.acknowledge(self.passes(leaves), direction);
    }

    /// What has passed the tap.
    pub(super) fn take(&mut self) -> Vec<Recorded> {
        self.tap.take()
    }

    /// From now on nothing arrives.
    pub(super) fn silence(&mut self) {
        self.silent = true;
        self.lose(Direction::ToServer);
        self.lose(Direction::ToClient);
    }

    /// Whether nothing arrives any more.
    pub(super) const fn is_silent(&self) -> bool {
        self.silent
    }

    /// Nothing that is on its way in this direction arrives.
    pub(super) fn lose(&mut self, direction: Direction) {
        self.flights[direction].clear();
    }

    /// Whether both ends have ended and know of each other's end.
    pub(super) fn is_over(&self) -> bool {
        self.arrived.to_server && self.arrived.to_client
    }

    fn leaves(&mut self, now: Timestamp, direction: Direction, octets: usize) -> Timestamp {
        let busy = self.busy[direction].max(now);
        let Some(rate) = self.link.rate else { return now };
        let nanos = i64::try_from(octets).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        let leaves = busy.saturating_add_nanos(nanos.checked_div(rate.into()).unwrap_or(0));
        self.busy[direction] = leaves;
        leaves
    }

    fn launch(&mut self, leaves: Timestamp, direction: Direction, cargo: Cargo) {
        let passes = self.passes(leaves);
        match &cargo {
            Cargo::Syn => self.tap.syn(passes),
            Cargo::SynAck => self.tap.syn_ack(passes),
            Cargo::Opened => self.tap.opened(passes),
            Cargo::Refused => self.tap.refused(passes),
            Cargo::Octets(octets) => self.tap.octets(passes, direction, octets),
            Cargo::End => self.tap.end(passes, direction),
            Cargo::Reset => self.tap.reset(passes, direction),
        }
        let arrival = leaves.saturating_add_nanos(self.link.latency);
        self.flights[direction].push_back(Flight { arrival, cargo });
    }

    /// When what leaves now passes the tap.
    const fn passes(&self, leaves: Timestamp) -> Timestamp {
        leaves.saturating_add_nanos(self.link.latency / 2)
    }
}

/// Payload octets that travel together where a rate is set.
const SEGMENT: usize = 1460;
