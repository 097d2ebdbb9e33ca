//! Which octets of which streams a list of packets holds.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::capture::{Parts, Place};

/// Octets captured, by direction: runs of sequence numbers, not wrapped.
#[derive(Debug, Default)]
pub(crate) struct Coverage(BTreeMap<(SocketAddr, SocketAddr), Vec<(u32, u32)>>);

impl Coverage {
    pub(crate) fn of(parts: &Parts) -> Self {
        let mut runs: BTreeMap<_, Vec<(u32, u32)>> = BTreeMap::new();
        for (_, part) in parts.all().filter(|(_, part)| part.captured > 0) {
            let place = part.place;
            runs.entry((place.from, place.to)).or_default().push((place.sequence, part.captured));
        }
        for run in runs.values_mut() {
            run.sort_unstable();
        }
        Self(runs)
    }

    /// Whether all of these octets are there.
    pub(crate) fn has(&self, place: Place, length: u64) -> bool {
        let Some(runs) = self.0.get(&(place.from, place.to)) else { return false };
        let mut at = place.sequence;
        let mut left = length;
        loop {
            let covers = runs.iter().map(|(start, length)| (at.wrapping_sub(*start), *length));
            let Some(best) = covers.filter(|(into, length)| into < length).map(|(into, length)| length - into).max()
            else {
                return false;
            };
            if u64::from(best) >= left {
                return true;
            }
            (at, left) = (at.wrapping_add(best), left - u64::from(best));
        }
    }
}
