//! What was delivered a moment ago, so that octets that come again are held against those that came first, and their packets too.
//!
//! One ring serves all flows: its size is fixed, a flow only keeps the places of its last few segments. What the ring has overwritten
//! can no longer be compared; the first octets have won either way.

use super::marks::{Marks, context};
use crate::net::{Segment, timestamp_value};
use crate::time::Timestamp;

/// Octets in the ring, a power of two.
const RING: usize = 1 << 20;
/// Octets remembered of one segment with its header; the rest of a longer one is not compared.
const KEPT: usize = 2048;
const PLACES: usize = 8;

/// The ring of segments delivered last: each TCP header, and the octets behind it.
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
    /// Where the header stands.
    at: u64,
    time: Timestamp,
    /// Octets kept, the header among them.
    length: u16,
    identification: u16,
    context: u16,
    hops: u8,
    header: u8,
}

/// A segment delivered before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) marks: Marks,
    pub(super) offset: u64,
    /// Its octets as far as they were kept.
    length: u64,
    /// Whether it had more.
    is_cut: bool,
}

impl Seen {
    /// Whether its octets, as far as they were kept, began and ended where these do.
    pub(super) fn is_alike(&self, offset: u64, length: usize) -> bool {
        let length = length as u64;
        self.offset == offset && if self.is_cut { length >= self.length } else { length == self.length }
    }
}

impl History {
    /// Remembers a segment whose octets begin at flow offset `offset` and are delivered whole.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "lengths are kept modulo 2^16, headers have at most 60 octets")]
    pub(super) fn remember(&mut self, recent: &mut Recent, offset: u64, segment: &Segment<'_>, time: Timestamp) {
        let octets = segment.octets.get(..KEPT).unwrap_or(segment.octets);
        let Some((at, room)) = self.room(octets.len()) else { return };
        room.copy_from_slice(octets);
        recent.push(Place {
            offset,
            at,
            time,
            length: octets.len() as u16,
            identification: segment.identification,
            context: context(segment),
            hops: segment.hops,
            header: segment.header_length() as u8,
        });
    }

    /// Remembers octets delivered at flow offset `offset`, of a segment with these marks.
    #[expect(clippy::cast_possible_truncation, reason = "lengths are kept modulo 2^16, headers have at most 60 octets")]
    pub(super) fn remember_part(&mut self, recent: &mut Recent, offset: u64, octets: &[u8], marks: &Marks) {
        let (header, header_length) = marks.header();
        let header = header.get(..header_length).unwrap_or_default();
        let kept = octets.get(..KEPT.saturating_sub(header_length)).unwrap_or(octets);
        let length = header_length.saturating_add(kept.len());
        let Some((at, room)) = self.room(length) else { return };
        let Some((before, rest)) = room.split_at_mut_checked(header_length) else { return };
        before.copy_from_slice(header);
        rest.copy_from_slice(kept);
        recent.push(Place {
            offset,
            at,
            time: marks.time,
            length: length as u16,
            identification: marks.identification,
            context: marks.context,
            hops: marks.hops,
            header: header_length as u8,
        });
    }

    /// The next `length` octets of the ring, and their place.
    #[inline(always)]
    fn room(&mut self, length: usize) -> Option<(u64, &mut [u8])> {
        if self.ring.is_empty() {
            self.ring = vec![0; RING];
        }
        let mut start = position(self.written);
        if start.saturating_add(length) > RING {
            self.written = self.written.saturating_add(RING.saturating_sub(start) as u64);
            start = 0;
        }
        let at = self.written;
        self.written = self.written.saturating_add(length as u64);
        Some((at, self.ring.get_mut(start..start.saturating_add(length))?))
    }

    /// The number of octets at `offset` that differ from what was delivered there, as far as that is remembered.
    pub(super) fn differing(&self, recent: &Recent, offset: u64, octets: &[u8]) -> u64 {
        let end = offset.saturating_add(octets.len() as u64);
        let mut differing = 0_u64;
        for place in recent.places.iter().filter(|place| !self.is_overwritten(place)) {
            let from = place.offset.max(offset);
            let to = place.offset.saturating_add(place.kept()).min(end);
            if from >= to {
                continue;
            }
            let length = index(to.saturating_sub(from));
            let kept_start = position(place.at)
                .saturating_add(place.header.into())
                .saturating_add(index(from.saturating_sub(place.offset)));
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

    /// The segments that brought the octet at `offset`, the first and those of its repetitions that are remembered.
    pub(super) fn bringers(&self, recent: &Recent, offset: u64) -> impl Iterator<Item = Seen> {
        let has = move |place: &&Place| place.offset <= offset && offset < place.offset.saturating_add(place.kept());
        recent.places.iter().filter(has).filter_map(|place| self.seen(place))
    }

    /// Whether a remembered segment begins or ends at `offset`.
    pub(super) fn is_border(&self, recent: &Recent, offset: u64) -> bool {
        let mut kept = recent.places.iter().filter(|place| !self.is_overwritten(place));
        kept.any(|place| place.offset == offset || place.offset.saturating_add(place.kept()) == offset)
    }

    /// The segment delivered last.
    pub(super) fn newest(&self, recent: &Recent) -> Option<Seen> {
        recent.places.get(usize::from(recent.newest) % PLACES).and_then(|place| self.seen(place))
    }

    /// The segment delivered first of those that are remembered.
    pub(super) fn oldest(&self, recent: &Recent) -> Option<Seen> {
        let kept = recent.places.iter().filter(|place| !self.is_overwritten(place));
        kept.min_by_key(|place| place.at).and_then(|place| self.seen(place))
    }

    fn seen(&self, place: &Place) -> Option<Seen> {
        if self.is_overwritten(place) {
            return None;
        }
        let start = position(place.at);
        let header = self.ring.get(start..start.saturating_add(usize::from(place.header.max(20))))?;
        let (fixed, options) = header.split_first_chunk::<20>()?;
        let [_, _, _, _, _, _, _, _, a, b, c, d, _, _, e, f, ..] = *fixed;
        let marks = Marks {
            time: place.time,
            identification: place.identification,
            hops: place.hops,
            context: place.context,
            acknowledgment: u32::from_be_bytes([a, b, c, d]),
            window: u16::from_be_bytes([e, f]),
            timestamp: timestamp_value(options),
        };
        let is_cut = usize::from(place.length) >= KEPT;
        Some(Seen { marks, offset: place.offset, length: place.kept(), is_cut })
    }

    const fn is_overwritten(&self, place: &Place) -> bool {
        place.length == 0 || self.written.saturating_sub(place.at) > RING as u64
    }

    pub(super) const fn held_bytes(&self) -> usize {
        self.ring.capacity()
    }
}

impl Recent {
    #[inline(always)]
    fn push(&mut self, place: Place) {
        self.newest = self.newest.wrapping_add(1);
        if let Some(oldest) = self.places.get_mut(usize::from(self.newest) % PLACES) {
            *oldest = place;
        }
    }
}

impl Place {
    /// Octets of the segment that are kept.
    fn kept(&self) -> u64 {
        u64::from(self.length).saturating_sub(self.header.into())
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

    fn marks(identification: u16) -> Marks {
        Marks {
            time: Timestamp::from_nanos(5),
            identification,
            hops: 64,
            context: 3,
            acknowledgment: 70_000,
            window: 512,
            timestamp: Some(9),
        }
    }

    #[test]
    fn a_changed_octet_is_seen_and_an_equal_copy_is_not() {
        let mut history = History::default();
        let mut recent = Recent::default();
        history.remember_part(&mut recent, 100, b"hello world", &marks(1));
        assert_eq!(history.differing(&recent, 100, b"hello world"), 0);
        assert_eq!(history.differing(&recent, 106, b"w0rld"), 1);
        assert_eq!(history.differing(&recent, 500, b"elsewhere"), 0);
    }

    #[test]
    fn what_the_ring_overwrote_is_not_compared() {
        let mut history = History::default();
        let mut recent = Recent::default();
        history.remember_part(&mut recent, 0, b"first", &marks(1));
        let mut other = Recent::default();
        for i in 0..(RING / KEPT + 2) {
            history.remember_part(&mut other, i as u64, &[7; KEPT], &marks(1));
        }
        assert_eq!(history.differing(&recent, 0, b"FIRST"), 0);
        assert!(history.bringers(&recent, 0).next().is_none() && history.newest(&recent).is_none());
    }

    #[test]
    fn the_packet_that_brought_an_octet_is_known_by_its_marks() {
        let mut history = History::default();
        let mut recent = Recent::default();
        history.remember_part(&mut recent, 0, b"first", &marks(1));
        history.remember_part(&mut recent, 5, b"second", &Marks { timestamp: None, ..marks(2) });
        let seen = history.bringers(&recent, 6).next().unwrap();
        assert_eq!((seen.marks, seen.is_alike(5, 6)), (Marks { timestamp: None, ..marks(2) }, true));
        assert!(!seen.is_alike(5, 7) && !seen.is_alike(6, 6));
        assert_eq!(history.oldest(&recent).unwrap().marks, marks(1));
        assert_eq!(history.newest(&recent).unwrap().marks.identification, 2);
        assert!(history.bringers(&recent, 11).next().is_none());
    }
}
