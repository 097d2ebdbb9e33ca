//! Which flow is met in which VLAN or tunnel, where conversations of the same two ends were captured in more than plain packets.
//!
//! Remembers; whether a segment from another wrapping belongs to a known flow is decided in `table/kinship.rs`.

use std::collections::HashMap;

use super::index::Key;

/// The flows of each pair of ends that was met inside a VLAN or a tunnel, by the number of the wrapping.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    families: HashMap<Key, Vec<Entry>, foldhash::fast::RandomState>,
    entries: usize,
}

/// One wrapping in which two ends were met.
#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    slot: usize,
    /// The packet it was met in last.
    packet: u64,
    /// Whether the end with the greater address was met as sender, and whether the other was.
    heard: [bool; 2],
}

/// What is known of a wrapping.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Known {
    /// The flow that is met there.
    pub(super) slot: usize,
    /// Whether this sender was met there for the first time.
    pub(super) is_new_sender: bool,
}

impl Contexts {
    /// Whether these two ends were met inside a VLAN or a tunnel.
    pub(super) fn has(&self, key: &Key) -> bool {
        !self.families.is_empty() && self.families.contains_key(key)
    }

    /// The flow met in this wrapping, which takes note of the packet and its sender.
    pub(super) fn meet(&mut self, key: &Key, number: u64, packet: u64, sender_is_low: bool) -> Option<Known> {
        let entry = self.families.get_mut(key)?.iter_mut().find(|entry| entry.number == number)?;
        entry.packet = packet;
        let [high, low] = &mut entry.heard;
        let heard = std::mem::replace(if sender_is_low { low } else { high }, true);
        Some(Known { slot: entry.slot, is_new_sender: !heard })
    }

    /// The flows of these two ends, the one met last first, each once.
    pub(super) fn flows(&self, key: &Key) -> Vec<usize> {
        let Some(family) = self.families.get(key) else { return Vec::new() };
        let mut entries: Vec<&Entry> = family.iter().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.packet));
        let mut slots: Vec<usize> = Vec::with_capacity(entries.len());
        for entry in entries {
            if !slots.contains(&entry.slot) {
                slots.push(entry.slot);
            }
        }
        slots
    }

    /// Sets the flow that is met in a wrapping, and what was known of it before.
    pub(super) fn set(&mut self, key: Key, number: u64, slot: usize, packet: u64, heard: [bool; 2]) {
        let entry = Entry { number, slot, packet, heard };
        let family = self.families.entry(key).or_default();
        match family.iter_mut().find(|entry| entry.number == number) {
            Some(known) => *known = entry,
            None => {
                family.push(entry);
                self.entries = self.entries.saturating_add(1);
            }
        }
    }

    /// In how many wrappings the flow is met.
    pub(super) fn count(&self, key: &Key, slot: usize) -> usize {
        self.families.get(key).map_or(0, |family| family.iter().filter(|entry| entry.slot == slot).count())
    }

    /// Whether the flow is met in any wrapping.
    pub(super) fn holds(&self, key: &Key, slot: usize) -> bool {
        self.count(key, slot) > 0
    }

    /// Forgets the wrapping that was met longest ago, if there are `most` of them; the flow that was met there.
    pub(super) fn make_room(&mut self, key: &Key, most: usize) -> Option<usize> {
        let family = self.families.get_mut(key).filter(|family| family.len() >= most.max(1))?;
        let (place, oldest) = family.iter().enumerate().min_by_key(|(_, entry)| entry.packet)?;
        let slot = oldest.slot;
        family.swap_remove(place);
        self.entries = self.entries.saturating_sub(1);
        Some(slot)
    }

    /// Forgets a flow.
    pub(super) fn remove(&mut self, key: &Key, slot: usize) {
        let Some(family) = self.families.get_mut(key) else { return };
        let before = family.len();
        family.retain(|entry| entry.slot != slot);
        self.entries = self.entries.saturating_sub(before.saturating_sub(family.len()));
        if family.is_empty() {
            self.families.remove(key);
        }
    }

    /// Octets of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        let families = self.families.capacity().saturating_mul(size_of::<(Key, Vec<Entry>)>());
        // A vector has room for up to twice what it holds.
        families.saturating_add(self.entries.saturating_mul(size_of::<Entry>()).saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::index::tests::key;

    #[test]
    fn the_wrapping_met_longest_ago_is_forgotten_first_and_a_family_with_its_last_flow() {
        let mut contexts = Contexts::default();
        for (number, packet) in [(7, 1), (8, 2), (9, 3)] {
            contexts.set(key(1), number, number as usize, packet, [true, false]);
        }
        assert_eq!(contexts.meet(&key(1), 7, 4, false), Some(Known { slot: 7, is_new_sender: false }));
        assert_eq!(contexts.meet(&key(1), 7, 5, true), Some(Known { slot: 7, is_new_sender: true }));
        assert_eq!(contexts.flows(&key(1)), [7, 9, 8]);
        assert_eq!(contexts.make_room(&key(1), 4), None);
        assert_eq!(contexts.make_room(&key(1), 3), Some(8));
        assert!(!contexts.holds(&key(1), 8) && contexts.holds(&key(1), 9));
        contexts.remove(&key(1), 7);
        contexts.remove(&key(1), 9);
        assert!(!contexts.has(&key(1)));
        assert_eq!(contexts.entries, 0);
    }
}
