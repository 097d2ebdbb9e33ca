//! A peer that tells when requests have been read to their ends. What it serves is another's.

use std::cell::Cell;
use std::rc::Rc;

use crate::endpoint::world::{Backend, Diary, Moment};
use crate::endpoint::{Peer, Stop};
use crate::http2::frame::{FrameHeader, HEADER_OCTETS};
use crate::http2::preface::MAGIC;
use crate::time::Timestamp;

/// The backend, which now tells the diary of [requests](Moment::Requested).
pub(super) fn witnessed(backend: Backend, diary: &Diary) -> Backend {
    let Backend { listens, link, mut serve } = backend;
    let (diary, requests) = (diary.clone(), Rc::<Cell<u32>>::default());
    let serve = move || -> Box<dyn Peer> {
        let (diary, requests) = (diary.clone(), Rc::clone(&requests));
        Box::new(Witness { inner: serve(), header: Vec::new(), skip: MAGIC.len(), diary, requests })
    };
    Backend { listens, link, serve: Box::new(serve) }
}

struct Witness {
    inner: Box<dyn Peer>,
    /// What has come of a frame's header.
    header: Vec<u8>,
    /// Octets to come before the next header.
    skip: usize,
    diary: Diary,
    /// Of all connections of the backend.
    requests: Rc<Cell<u32>>,
}

impl Witness {
    fn watch(&mut self, now: Timestamp, octets: &[u8]) {
        for octet in octets {
            if self.skip > 0 {
                self.skip = self.skip.saturating_sub(1);
                continue;
            }
            self.header.push(*octet);
            let Some(header) = FrameHeader::first(&self.header).filter(|_| self.header.len() == HEADER_OCTETS) else {
                continue;
            };
            self.header.clear();
            self.skip = usize::try_from(header.length()).unwrap_or(usize::MAX);
            if header.ends_stream() {
                self.requests.set(self.requests.get().saturating_add(1));
                self.diary.happens(now, Moment::Requested(self.requests.get()));
            }
        }
    }
}

impl Peer for Witness {
    fn begin(&mut self, now: Timestamp) {
        self.inner.begin(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.inner.handle_octets(now, octets);
        self.watch(now, octets);
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.inner.handle_end(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.inner.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.inner.poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.inner.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }

    fn stop(&mut self, now: Timestamp, how: Stop) {
        self.inner.stop(now, how);
    }
}
