//! What was delivered a moment ago, so that a retransmission with other octets is noticed.
//!
//! One ring serves all flows: its size is fixed, a flow only keeps the places of its last few segments. What the ring has overwritten
//! can no longer be compared; the first octets have won either way.

/// Octets in the ring, a power of two.
const RING: usize = 1 << 20;
/// Octets remembered of one segment; the rest of a longer one is not compared.
const KEPT: usize = 2048;
const PLACES: usize = 8;

/// The ring of octets delivered last.
#[derive(Debug, Default)]
pub(super) struct History {
    ring: Vec<u8>,
    written: u64,
}

/// Where the last few segments of one direction stand in the ring.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    places: [Place; PLACES],
    newest: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    offset: u64,
    at: u64,
    length: u32,
}

impl History {
    /// Remembers octets delivered at flow offset `offset`.
    #[inline]
    pub(super) fn remember(&mut self, recent: &mut Recent, offset: u64, octets: &[u8]) {
        let octets = octets.get(..KEPT).unwrap_or(octets);
        if self.ring.is_empty() {
            self.ring = vec![0; RING];
        }
        let mut start = position(self.written);
        if start.saturating_add(octets.len()) > RING {
            self.written = self.written.saturating_add(RING.saturating_sub(start) as u64);
            start = 0;
        }
        let Some(room) = self.ring.get_mut(start..start.saturating_add(octets.len())) else { return };
        room.copy_from_slice(octets);
        recent.newest = recent.newest.wrapping_add(1);
        let slot = usize::from(recent.newest) % PLACES;
        if let Some(place) = recent.places.get_mut(slot) {
            *place = Place { offset, at: self.written, length: u32::try_from(octets.len()).unwrap_or(0) };
        }
        self.written = self.written.saturating_add(octets.len() as u64);
    }

    /// The number of octets at `offset` that differ from what was delivered there, as far as that is remembered.
    pub(super) fn differing(&self, recent: &Recent, offset: u64, octets: &[u8]) -> u64 {
        let end = offset.saturating_add(octets.len() as u64);
        let mut differing = 0_u64;
        for place in &recent.places {
            let from = place.offset.max(offset);
            let to = place.offset.saturating_add(u64::from(place.length)).min(end);
            let overwritten = self.written.saturating_sub(place.at) > RING as u64;
            if from >= to || overwritten {
                continue;
            }
            let length = index(to.saturating_sub(from));
            let kept_start = position(place.at).saturating_add(index(from.saturating_sub(place.offset)));
            let new_start = index(from.saturating_sub(offset));
            let kept = self.ring.get(kept_start..kept_start.saturating_add(length));
            let new = octets.get(new_start..new_start.saturating_add(length));
            if let (Some(kept), Some(new)) = (kept, new)
                && kept != new
            {
                differing = differing.saturating_add(kept.iter().zip(new).filter(|(a, b)| a != b).count() as u64);
            }
        }
        differing
    }

    pub(super) const fn held_bytes(&self) -> usize {
        self.ring.capacity()
    }
}

fn position(written: u64) -> usize {
    index(written & (RING as u64).saturating_sub(1))
}

fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_octet_is_seen_and_an_equal_copy_is_not() {
        let mut history = History::default();
        let mut recent = Recent::default();
        history.remember(&mut recent, 100, b"hello world");
        assert_eq!(history.differing(&recent, 100, b"hello world"), 0);
        assert_eq!(history.differing(&recent, 106, b"w0rld"), 1);
        assert_eq!(history.differing(&recent, 500, b"elsewhere"), 0);
    }

    #[test]
    fn what_the_ring_overwrote_is_not_compared() {
        let mut history = History::default();
        let mut recent = Recent::default();
        history.remember(&mut recent, 0, b"first");
        let mut other = Recent::default();
        for i in 0..(RING / KEPT + 2) {
            history.remember(&mut other, i as u64, &[7; KEPT]);
        }
        assert_eq!(history.differing(&recent, 0, b"FIRST"), 0);
    }
}
