//! Addresses that are a server's in some flow of the capture: a hint for flows that do not tell which side is the client.

use std::collections::HashSet;
use std::net::SocketAddr;

/// Addresses remembered.
const MOST: usize = 4096;

/// Addresses that somebody connected to, or asked.
#[derive(Debug, Default)]
pub(super) struct Servers(HashSet<SocketAddr, foldhash::fast::RandomState>);

impl Servers {
    /// Remembers an address, as long as there is room.
    pub(super) fn learn(&mut self, address: SocketAddr) {
        if self.0.len() < MOST {
            self.0.insert(address);
        }
    }

    pub(super) fn knows(&self, address: SocketAddr) -> bool {
        self.0.contains(&address)
    }
}
