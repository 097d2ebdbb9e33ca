//! Which slot a flow has, by its two ends. What it has is the table's business.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::net::Segment;

/// Flows that are found without the map, a power of two.
const RECENT: usize = 256;

/// Slots by the ends of their flows.
#[derive(Debug)]
pub(super) struct Index {
    slots: HashMap<Key, usize, foldhash::fast::RandomState>,
    /// What was looked up or changed last, by a few bits of the key.
    recent: [Option<(Key, usize)>; RECENT],
}

/// Both ends of a conversation, the one with the smaller port first, so that its two directions are found alike.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    low: u128,
    high: u128,
    ports: u32,
}

impl Key {
    #[inline]
    pub(super) fn of(segment: &Segment<'_>) -> Self {
        let (a, b) = (end(segment.source), end(segment.destination));
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self { low: low.1, high: high.1, ports: u32::from(low.0) << 16 | u32::from(high.0) }
    }

    /// Whether the first address is the one that is kept first.
    pub(super) fn is_low(address: SocketAddr, other: SocketAddr) -> bool {
        end(address) <= end(other)
    }

    /// Whether the sender is the end that is kept first.
    pub(super) fn is_from_low(segment: &Segment<'_>) -> bool {
        Self::is_low(segment.source, segment.destination)
    }

    /// The ends that were met as senders in one segment: the second, the first.
    pub(super) fn heard(segment: &Segment<'_>) -> [bool; 2] {
        let low = Self::is_from_low(segment);
        [!low, low]
    }

    /// A place among [`RECENT`]: neighbouring ports have different ones.
    #[inline]
    const fn place(&self) -> usize {
        (self.ports ^ (self.ports >> 16)) as usize % RECENT
    }
}

#[inline]
fn end(address: SocketAddr) -> (u16, u128) {
    let ip = match address.ip() {
        IpAddr::V4(ip) => 0xffff_0000_0000 | u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    (address.port(), ip)
}

impl Default for Index {
    fn default() -> Self {
        Self { slots: HashMap::default(), recent: [None; RECENT] }
    }
}

impl Index {
    /// The slot of a flow.
    #[inline(always)]
    pub(super) fn get(&mut self, key: &Key) -> Option<usize> {
        match self.recent.get(key.place()) {
            Some(Some((known, slot))) if known == key => Some(*slot),
            _ => self.look_up(key),
        }
    }

    #[inline(never)]
    fn look_up(&mut self, key: &Key) -> Option<usize> {
        let slot = self.slots.get(key).copied()?;
        self.note(key, Some(slot));
        Some(slot)
    }

    /// Sets the slot of a flow; an older flow between the same ends is found no more.
    pub(super) fn insert(&mut self, key: Key, slot: usize) {
        self.slots.insert(key, slot);
        self.note(&key, Some(slot));
    }

    /// Forgets a flow.
    pub(super) fn remove(&mut self, key: &Key) {
        self.slots.remove(key);
        self.note(key, None);
    }

    fn note(&mut self, key: &Key, slot: Option<usize>) {
        if let Some(place) = self.recent.get_mut(key.place()) {
            *place = slot.map(|slot| (*key, slot));
        }
    }

    /// Octets of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        self.slots.capacity().saturating_mul(size_of::<(Key, usize)>())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::tcp) fn key(low: u128) -> Key {
        Key { low, high: 7, ports: 50_051 }
    }

    #[test]
    fn flows_that_share_a_place_are_told_apart_and_forgotten_one_by_one() {
        let mut index = Index::default();
        for low in 0..4 {
            index.insert(key(low), low as usize);
        }
        assert_eq!([0, 1, 2, 3, 4].map(|low| index.get(&key(low))), [Some(0), Some(1), Some(2), Some(3), None]);
        index.remove(&key(3));
        index.remove(&key(1));
        index.insert(key(2), 9);
        assert_eq!([0, 1, 2, 3].map(|low| index.get(&key(low))), [Some(0), None, Some(9), None]);
    }
}
