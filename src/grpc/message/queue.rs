//! Messages that ended in the DATA content being read, on their way out. What ends one is decided beside it.

use std::ops::Range;

use crate::grpc::pool::Pool;
use crate::span::{Arrival, Piece};

/// A message that ended, on its way out of a [`Queue`].
#[derive(Debug)]
pub struct Done {
    /// Which of its direction, from 0.
    pub index: u32,
    /// Whether `index` counts all messages of the direction; else only those seen.
    pub index_known: bool,
    /// The flag octet.
    pub flag: u8,
    /// The length its prefix declares.
    pub declared: u32,
    /// Octets of it that are missing: not captured, or never sent.
    pub missing: u32,
    /// Whether the content was kept: `false` beyond the limit.
    pub kept: bool,
    /// The packet with its first octet.
    pub start: Arrival,
    /// The packet with its last octet.
    pub end: Arrival,
    pub(super) octets: Octets,
    pub(super) pieces: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Octets {
    /// A range of the DATA content being read.
    Here(Range<usize>),
    /// Collected over several frames.
    Collected(Vec<u8>),
}

/// Messages that ended in the DATA content being read, and buffers for those that have not.
#[derive(Debug, Default)]
pub struct Queue {
    pub(super) done: Vec<Done>,
    pub(super) pieces: Vec<Piece>,
    pub(super) pool: Pool,
    /// Octets held by unfinished messages of all calls.
    pub held: usize,
}

impl Queue {
    /// The messages that ended, in order.
    #[must_use]
    pub fn done(&self) -> &[Done] {
        &self.done
    }

    /// The content of a message; missing octets stand as zeros. `data` is what was read.
    #[must_use]
    pub fn octets<'a>(&'a self, done: &'a Done, data: &'a [u8]) -> &'a [u8] {
        match &done.octets {
            Octets::Here(range) => data.get(range.clone()).unwrap_or_default(),
            Octets::Collected(octets) => octets,
        }
    }

    /// Where the captured octets of a message stand, prefix included.
    #[must_use]
    pub fn pieces(&self, done: &Done) -> &[Piece] {
        self.pieces.get(done.pieces.clone()).unwrap_or_default()
    }

    /// Octets of memory held: of messages, and of buffers for those to come.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.saturating_add(self.pool.held_bytes())
    }

    /// Forgets the messages that ended; their buffers are used again.
    #[inline]
    pub fn clear(&mut self) {
        if !self.done.is_empty() {
            self.clear_done();
        }
    }

    fn clear_done(&mut self) {
        for done in &mut self.done {
            if let Octets::Collected(octets) = &mut done.octets {
                self.held = self.held.saturating_sub(octets.capacity());
                self.pool.recycle(std::mem::take(octets));
            }
        }
        self.done.clear();
        self.pieces.clear();
    }
}
