//! Which connections a channel keeps, and which of them takes the next call (gRPC load-balancing.md).

use std::net::SocketAddr;

use crate::endpoint::ConnectionId;

/// How calls are spread over addresses.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Balancer {
    /// All go to the first address that answers. A lost connection is replaced when the next call needs it.
    #[default]
    PickFirst,
    /// All addresses are connected to, and take turns. A lost connection is replaced at once.
    RoundRobin,
}

impl Balancer {
    /// Whether connections are made before a call needs them.
    pub(super) const fn is_eager(self) -> bool {
        matches!(self, Self::RoundRobin)
    }

    /// The addresses of each subchannel: those that are tried one after another. Each address counts once.
    pub(super) fn places(self, addresses: &[SocketAddr]) -> Vec<Vec<SocketAddr>> {
        let mut distinct: Vec<SocketAddr> = Vec::new();
        for address in addresses.iter().take(MAX_ADDRESSES) {
            if !distinct.contains(address) {
                distinct.push(*address);
            }
        }
        match self {
            _ if distinct.is_empty() => Vec::new(),
            Self::PickFirst => vec![distinct],
            Self::RoundRobin => distinct.into_iter().map(|address| vec![address]).collect(),
        }
    }
}

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Rotation(usize);

impl Rotation {
    /// The next one of those that take calls.
    pub(super) fn pick(&mut self, ready: &[ConnectionId]) -> Option<ConnectionId> {
        let turn = self.0.checked_rem(ready.len())?;
        self.0 = self.0.wrapping_add(1);
        ready.get(turn).copied()
    }
}

/// Addresses that a channel heeds; the rest of a longer list is left out.
pub const MAX_ADDRESSES: usize = 1000;
