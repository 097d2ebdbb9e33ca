//! One place that a channel wants a connection to: addresses that are tried in their order, again and again, until one holds.
//!
//! It says which address is next and when; the connection itself is a [`Line`](super::line::Line).

use std::net::SocketAddr;

use super::backoff::{Backoff, Random, after};
use super::state::State;
use crate::endpoint::ConnectionId;
use crate::time::Timestamp;

/// A place to connect to.
#[derive(Debug)]
pub(super) struct Subchannel {
    addresses: Vec<SocketAddr>,
    phase: Phase,
    /// Attempts, each over all addresses, that have failed since the last connection.
    failures: u32,
    /// Whether the last attempt failed, and there was no connection since.
    troubled: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Idle,
    Connecting { connection: ConnectionId, tried: usize, give_up: Timestamp, again: Timestamp },
    Ready { connection: ConnectionId },
    Failed { again: Timestamp },
}

/// What follows from a failed connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// To dial the next address.
    Address,
    /// To wait until then.
    Wait(Timestamp),
}

impl Subchannel {
    pub(super) const fn new(addresses: Vec<SocketAddr>) -> Self {
        Self { addresses, phase: Phase::Idle, failures: 0, troubled: false }
    }

    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// As gRFC A62 has it: what has failed stays failed until it is ready, however often it tries.
    pub(super) const fn state(&self) -> State {
        match self.phase {
            Phase::Ready { .. } => State::Ready,
            Phase::Idle => State::Idle,
            Phase::Connecting { .. } if !self.troubled => State::Connecting,
            Phase::Connecting { .. } | Phase::Failed { .. } => State::TransientFailure,
        }
    }

    /// The connection that is there or being made.
    pub(super) const fn connection(&self) -> Option<ConnectionId> {
        match self.phase {
            Phase::Connecting { connection, .. } | Phase::Ready { connection } => Some(connection),
            Phase::Idle | Phase::Failed { .. } => None,
        }
    }

    /// The connection that takes calls.
    pub(super) const fn ready(&self) -> Option<ConnectionId> {
        match self.phase {
            Phase::Ready { connection } => Some(connection),
            _ => None,
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// When something is due: another attempt, or the end of one that takes too long.
    pub(super) const fn timeout(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Connecting { give_up, .. } => Some(give_up),
            Phase::Failed { again } => Some(again),
            Phase::Idle | Phase::Ready { .. } => None,
        }
    }

    /// Whether its time to wait is over.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.phase, Phase::Failed { again } if again <= now)
    }

    /// Begins an attempt with the first address, by this connection.
    pub(super) fn connect(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        backoff: &Backoff,
        random: &mut Random,
    ) -> Option<SocketAddr> {
        let again = after(now, backoff.interval(self.failures, random));
        self.dial(now, (connection, 0, again), backoff)
    }

    /// Goes on with the next address of the attempt.
    pub(super) fn connect_next(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        backoff: &Backoff,
    ) -> Option<SocketAddr> {
        match self.phase {
            Phase::Connecting { tried, again, .. } => self.dial(now, (connection, tried, again), backoff),
            _ => None,
        }
    }

    fn dial(
        &mut self,
        now: Timestamp,
        (connection, tried, again): (ConnectionId, usize, Timestamp),
        backoff: &Backoff,
    ) -> Option<SocketAddr> {
        let address = self.addresses.get(tried).copied()?;
        let give_up = again.max(after(now, backoff.connect_timeout));
        self.phase = Phase::Connecting { connection, tried: tried.saturating_add(1), give_up, again };
        Some(address)
    }

    /// The connection speaks HTTP/2: the next failure is the first again.
    pub(super) fn is_there(&mut self) {
        if let Phase::Connecting { connection, .. } = self.phase {
            (self.phase, self.failures, self.troubled) = (Phase::Ready { connection }, 0, false);
        }
    }

    /// The connection that was being made failed.
    pub(super) fn failed(&mut self) -> Option<Next> {
        let Phase::Connecting { tried, again, .. } = self.phase else { return None };
        if tried < self.addresses.len() {
            return Some(Next::Address);
        }
        self.troubled = true;
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Failed { again };
        Some(Next::Wait(again))
    }

    /// The connection that was there is lost or takes no more calls.
    pub(super) const fn rest(&mut self) {
        self.phase = Phase::Idle;
    }

    /// Other addresses, of which the connection, if there is one, has one. What was learnt from the old ones is forgotten.
    pub(super) fn replace(&mut self, addresses: Vec<SocketAddr>, connected: Option<SocketAddr>) {
        if addresses == self.addresses {
            return;
        }
        let place = connected.and_then(|connected| addresses.iter().position(|address| *address == connected));
        self.addresses = addresses;
        match (&mut self.phase, place) {
            (Phase::Connecting { tried, .. }, Some(place)) => *tried = place.saturating_add(1),
            (Phase::Ready { .. }, Some(_)) => {}
            _ => self.phase = Phase::Idle,
        }
        self.failures = 0;
    }
}
