//! Packets in the order of their times, handed out as soon as nothing can come before them.

use std::collections::BTreeMap;

use crate::endpoint::tap::Recorded;
use crate::time::Timestamp;

/// Whoever takes packets.
pub(super) struct Tape<'a> {
    record: &'a mut dyn FnMut(Recorded),
    /// Packets that may still be preceded by others, by time and then by when they were seen.
    waiting: BTreeMap<(Timestamp, u64), Recorded>,
    seen: u64,
}

impl<'a> Tape<'a> {
    pub(super) fn new(record: &'a mut dyn FnMut(Recorded)) -> Self {
        Self { record, waiting: BTreeMap::new(), seen: 0 }
    }

    pub(super) fn add(&mut self, packets: impl IntoIterator<Item = Recorded>) {
        for packet in packets {
            self.waiting.insert((packet.time, self.seen), packet);
            self.seen = self.seen.saturating_add(1);
        }
    }

    /// Hands out what passed before `now`: nothing earlier will be added.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 < now) {
            (self.record)(first.remove());
        }
    }

    /// Hands out the rest.
    pub(super) fn finish(&mut self) {
        while let Some((_, packet)) = self.waiting.pop_first() {
            (self.record)(packet);
        }
    }
}
