//! Which octets of which streams a list of packets holds.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use framescope::net::TcpFlags;

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

/// What a list of packets tells of one direction of a connection that it holds from its SYN on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// The number of the first octet, if the SYN is there.
    first: Option<u32>,
    /// Octets up to the last one that is known to have been sent, and those that the other side has acknowledged.
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    /// Octets captured.
    pub(crate) captured: u64,
}

/// The extent of each direction whose SYN is among the packets.
pub(crate) fn extents(parts: &Parts) -> BTreeMap<(SocketAddr, SocketAddr), Extent> {
    let mut extents: BTreeMap<(SocketAddr, SocketAddr), Extent> = BTreeMap::new();
    for (_, part) in parts.all().filter(|(_, part)| part.flags.contains(TcpFlags::SYN)) {
        let direction = (part.place.from, part.place.to);
        extents.entry(direction).or_default().first.get_or_insert(part.place.sequence);
    }
    let mut runs: BTreeMap<(SocketAddr, SocketAddr), Vec<(u64, u64)>> = BTreeMap::new();
    for (_, part) in parts.all() {
        let (from, to) = (part.place.from, part.place.to);
        if let Some(extent) = extents.get_mut(&(from, to))
            && let Some(first) = extent.first
            && !part.flags.contains(TcpFlags::RST)
        {
            let start = u64::from(part.place.sequence.wrapping_sub(first));
            if start < 1 << 31 {
                extent.sent = extent.sent.max(start + u64::from(part.wire));
                let run = (start, start + u64::from(part.captured));
                runs.entry((from, to)).or_default().push(run);
            }
        }
        if let Some(extent) = extents.get_mut(&(to, from))
            && let (Some(first), Some(acknowledgment)) = (extent.first, part.acknowledgment)
        {
            let upto = u64::from(acknowledgment.wrapping_sub(first));
            if upto < 1 << 31 {
                extent.acknowledged = extent.acknowledged.max(upto);
            }
        }
    }
    for (direction, mut runs) in runs {
        runs.sort_unstable();
        let mut end = 0;
        let mut captured = 0;
        for (start, stop) in runs {
            captured += stop.saturating_sub(start.max(end));
            end = end.max(stop);
        }
        extents.entry(direction).or_default().captured = captured;
    }
    extents
}
