//! A simulated host: a backend, the connections that wait for it, and its accept loop.

use std::collections::VecDeque;

use super::{Backend, Peer};
use crate::endpoint::ConnectionId;
use crate::endpoint::accept::AcceptBackoff;
use crate::time::Timestamp;

/// A backend and the state of its host.
pub(super) struct Host {
    pub(super) backend: Backend,
    pub(super) starved: bool,
    /// Connections that wait to be accepted.
    pub(super) queue: VecDeque<ConnectionId>,
    backoff: AcceptBackoff,
    /// When it tries to accept again after a failure.
    pub(super) retry: Option<Timestamp>,
}

impl Host {
    pub(super) fn new(backend: Backend) -> Self {
        Self { backend, starved: false, queue: VecDeque::new(), backoff: AcceptBackoff::default(), retry: None }
    }

    /// The accept loop runs: the next connection and what serves it; a failure makes it try again later.
    pub(super) fn accept(&mut self, now: Timestamp) -> Option<(ConnectionId, Box<dyn Peer>)> {
        self.retry = None;
        let id = self.queue.front().copied()?;
        if self.starved {
            self.retry = Some(now.saturating_add_nanos(self.backoff.failed()));
            return None;
        }
        self.queue.pop_front();
        self.backoff.succeeded();
        Some((id, (self.backend.serve)()))
    }
}
