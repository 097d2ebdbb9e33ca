//! One connection of a channel: dialled, then spoken on by a [`Client`], at last ended in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::endpoint::client::{self, Client, Ticket};
use crate::time::Timestamp;

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) address: SocketAddr,
    pub(super) phase: Phase,
    pub(super) client: Client,
    /// The channel's calls on it, by the client's tickets.
    pub(super) calls: BTreeMap<client::Ticket, Ticket>,
    /// The last octets, fetched from the client and not sent yet.
    tail: Vec<u8>,
    /// Why the other end is gone.
    pub(super) trouble: Option<String>,
    /// Whether a call was given to it.
    pub(super) is_used: bool,
    /// Whether it failed or was lost, which has been told then.
    pub(super) is_broken: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// It is not there yet.
    Dialling,
    /// It is there; the server's SETTINGS are not.
    Greeting,
    /// It takes calls.
    Ready,
    /// It takes no more calls; those under way go on.
    Draining,
    /// It has nothing more to say than what is left in the tail.
    Ending {
        /// The other end has said that it sends nothing more.
        peer_ended: bool,
        /// Whether the end was ordered.
        ordered: bool,
        /// When the other end is no longer waited for.
        until: Timestamp,
    },
}

impl Line {
    pub(super) fn new(address: SocketAddr, client: Client) -> Self {
        let (calls, tail) = (BTreeMap::new(), Vec::new());
        Self { address, phase: Phase::Dialling, client, calls, tail, trouble: None, is_used: false, is_broken: false }
    }

    /// Says nothing more but what is to be sent already.
    pub(super) fn end(&mut self, peer_ended: bool, until: Timestamp) {
        loop {
            let before = self.tail.len();
            self.client.poll_transmit(&mut self.tail);
            if self.tail.len() == before {
                break;
            }
        }
        self.phase = Phase::Ending { peer_ended, ordered: false, until };
    }

    pub(super) fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        match self.phase {
            Phase::Dialling => {}
            Phase::Ending { .. } => out.append(&mut self.tail),
            _ => self.client.poll_transmit(out),
        }
    }

    /// Whether its end is to be ordered now; asked once.
    pub(super) fn ends_now(&mut self) -> bool {
        match &mut self.phase {
            Phase::Ending { ordered, .. } if self.tail.is_empty() => !std::mem::replace(ordered, true),
            _ => false,
        }
    }

    /// Whether both ends have ended it.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ending { peer_ended: true, ordered: true, .. })
    }

    pub(super) fn timeout(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Ending { until, .. } => Some(until),
            Phase::Dialling => None,
            _ => self.client.poll_timeout(),
        }
    }

    /// The memory held, in octets.
    pub(super) fn held_bytes(&self) -> usize {
        let own = std::mem::size_of::<Self>().saturating_add(self.tail.capacity());
        own.saturating_add(self.client.held_bytes())
    }
}
