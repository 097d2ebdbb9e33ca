//! What a server says first: enough to tell that it speaks another protocol.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::command::drive::dialler::{Passing, Watch};
use crate::direction::Direction;
use crate::endpoint::ConnectionId;
use crate::time::Timestamp;

/// The first octets of each connection; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstOctets(Rc<RefCell<HashMap<ConnectionId, Vec<u8>>>>);

impl FirstOctets {
    /// What went wrong, and what may be behind it.
    pub(super) fn explain(&self, why: &str) -> String {
        let first = self.0.borrow();
        let speaks = |start: &[u8]| first.values().any(|octets| octets.starts_with(start));
        // A TLS alert or handshake record.
        if speaks(&[0x15, 3]) || speaks(&[0x16, 3]) {
            return format!("{why}; the server speaks TLS, which is not supported");
        }
        if speaks(b"HTTP/1") {
            return format!("{why}; the server speaks HTTP/1, not HTTP/2");
        }
        why.to_owned()
    }
}

impl Watch for FirstOctets {
    fn passes(&mut self, _: Timestamp, connection: ConnectionId, what: Passing<'_>) {
        if let Passing::Octets(Direction::ToClient, octets) = what {
            let mut first = self.0.borrow_mut();
            first.entry(connection).or_insert_with(|| octets.iter().copied().take(ENOUGH).collect());
        }
    }
}

const ENOUGH: usize = 8;
