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
    /// It does not begin before this time, if there is one, even if it is wanted.
    Idle {
        not_before: Option<Timestamp>,
    },
    Connecting {
        connection: ConnectionId,
        tried: usize,
        give_up: Timestamp,
        times: Times,
    },
    Ready {
        connection: ConnectionId,
        soonest: Timestamp,
    },
    Failed {
        again: Timestamp,
    },
}

/// When an attempt may be followed by another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Times {
    /// If it fails.
    again: Timestamp,
    /// If it succeeds.
    soonest: Timestamp,
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
        Self { addresses, phase: IDLE, failures: 0, troubled: false }
    }

    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// As gRFC A62 has it: what has failed stays failed until it is ready, however often it tries.
    pub(super) const fn state(&self) -> State {
        match self.phase {
            Phase::Ready { .. } => State::Ready,
            Phase::Idle { .. } => State::Idle,
            Phase::Connecting { .. } if !self.troubled => State::Connecting,
            Phase::Connecting { .. } | Phase::Failed { .. } => State::TransientFailure,
        }
    }

    /// The connection that is there or being made.
    pub(super) const fn connection(&self) -> Option<ConnectionId> {
        match self.phase {
            Phase::Connecting { connection, .. } | Phase::Ready { connection, .. } => Some(connection),
            Phase::Idle { .. } | Phase::Failed { .. } => None,
        }
    }

    /// The connection that takes calls.
    pub(super) const fn ready(&self) -> Option<ConnectionId> {
        match self.phase {
            Phase::Ready { connection, .. } => Some(connection),
            _ => None,
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle { .. })
    }

    /// When something is due: another attempt, or the end of one that takes too long.
    pub(super) const fn timeout(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Connecting { give_up, .. } => Some(give_up),
            Phase::Failed { again } => Some(again),
            Phase::Idle { not_before } => not_before,
            Phase::Ready { .. } => None,
        }
    }

    /// Whether an attempt is to begin: its time to wait is over, or it is idle and wanted.
    pub(super) fn is_due(&mut self, now: Timestamp, is_wanted: bool) -> bool {
        if let Phase::Idle { not_before } = &mut self.phase {
            not_before.take_if(|time| *time <= now);
            return is_wanted && not_before.is_none();
        }
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
        let times = Times { again, soonest: after(now, backoff.base) };
        self.dial(now, (connection, 0, times), backoff)
    }

    /// Goes on with the next address of the attempt.
    pub(super) fn connect_next(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        backoff: &Backoff,
    ) -> Option<SocketAddr> {
        match self.phase {
            Phase::Connecting { tried, times, .. } => self.dial(now, (connection, tried, times), backoff),
            _ => None,
        }
    }

    fn dial(
        &mut self,
        now: Timestamp,
        (connection, tried, times): (ConnectionId, usize, Times),
        backoff: &Backoff,
    ) -> Option<SocketAddr> {
        let address = self.addresses.get(tried).copied()?;
        let give_up = times.again.max(after(now, backoff.connect_timeout));
        self.phase = Phase::Connecting { connection, tried: tried.saturating_add(1), give_up, times };
        Some(address)
    }

    /// The connection speaks HTTP/2: the next failure is the first again.
    pub(super) fn is_there(&mut self) {
        if let Phase::Connecting { connection, times, .. } = self.phase {
            (self.phase, self.failures, self.troubled) =
                (Phase::Ready { connection, soonest: times.soonest }, 0, false);
        }
    }

    /// The connection that was being made failed.
    pub(super) fn failed(&mut self) -> Option<Next> {
        let Phase::Connecting { tried, times: Times { again, .. }, .. } = self.phase else { return None };
        if tried < self.addresses.len() {
            return Some(Next::Address);
        }
        self.troubled = true;
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Failed { again };
        Some(Next::Wait(again))
    }

    /// The connection that was there is lost or takes no more calls. A server that greets only to go away is not dialled
    /// more often than once in the first interval of the backoff, unless the connection was of use.
    pub(super) fn rest(&mut self, was_used: bool) {
        let not_before = match self.phase {
            Phase::Ready { soonest, .. } if !was_used => Some(soonest),
            _ => None,
        };
        self.phase = Phase::Idle { not_before };
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
            _ => self.phase = IDLE,
        }
        self.failures = 0;
    }
}

const IDLE: Phase = Phase::Idle { not_before: None };
