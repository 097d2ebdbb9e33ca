//! A message that has begun and not ended: what there is of it so far.

use super::prefix::index;
use crate::span::{Arrival, Piece};

/// A message that has not ended.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) index: u32,
    pub(super) flag: u8,
    pub(super) declared: u32,
    pub(super) have: u32,
    pub(super) missing: u32,
    pub(super) kept: bool,
    /// What it counts for in [`Queue::held`].
    pub(super) charged: usize,
    pub(super) octets: Vec<u8>,
    pub(super) pieces: Vec<Piece>,
    pub(super) start: Arrival,
}

impl Open {
    /// Makes room for `octets` more: once the first room does not suffice, for all that is declared, which is what was charged.
    pub(super) fn make_room(&mut self, octets: usize) {
        let length = self.octets.len();
        if self.octets.capacity().saturating_sub(length) < octets {
            self.octets.reserve_exact(index(self.declared).saturating_sub(length));
        }
    }
}
