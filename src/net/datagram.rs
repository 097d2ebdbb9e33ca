//! One IP datagram being put together from fragments: the first octets for each place win, as they came.
//!
//! Octets that the capture cut off a fragment leave a hole: the datagram counts as complete by what was on the wire,
//! and ends, for its readers, at the hole.

use super::counters::{Counters, Incomplete};
use super::fragments::Arrival;
use super::outcome::Fault;
use crate::span::Piece;

/// A complete datagram's payload.
#[derive(Clone, Debug, Default)]
pub(super) struct Datagram {
    pub(super) octets: Vec<u8>,
    /// Where `octets` stand in packets, from the first on.
    pub(super) pieces: Vec<Piece>,
    /// Octets on the wire, not below `octets.len()`.
    pub(super) wire: u32,
}

impl Datagram {
    pub(super) fn held_bytes(&self) -> usize {
        let pieces = self.pieces.capacity().saturating_mul(size_of::<Piece>());
        self.octets.capacity().saturating_add(pieces)
    }
}

/// A datagram in the table.
#[derive(Debug)]
pub(super) enum Entry {
    Partial(Partial),
    Finished(Finished),
}

impl Default for Entry {
    fn default() -> Self {
        Self::Partial(Partial::default())
    }
}

impl Entry {
    /// Adds a fragment; the datagram and its protocol once it is complete.
    pub(super) fn add(
        &mut self,
        arrival: &Arrival<'_>,
        counters: &mut Counters,
    ) -> Result<Option<(Datagram, u8)>, Refusal> {
        let Self::Partial(partial) = self else {
            return Ok(None);
        };
        partial.add(arrival, counters)?;
        let Some(datagram) = partial.complete(counters) else {
            return Ok(None);
        };
        let protocol = partial.protocol.unwrap_or(NO_NEXT_HEADER);
        *self = Self::Finished(Finished { octets: datagram.octets.as_slice().into() });
        Ok(Some((datagram, protocol)))
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Partial(partial) if partial.fragments == 0)
    }

    /// Octets of memory held, the table's own share included.
    pub(super) fn held_bytes(&self) -> usize {
        let own = match self {
            Self::Partial(partial) => partial.held_bytes(),
            Self::Finished(finished) => finished.octets.len(),
        };
        own.saturating_add(ENTRY_OVERHEAD)
    }

    /// What dropping it loses.
    pub(super) fn incomplete(&self) -> Incomplete {
        match self {
            Self::Partial(partial) => Incomplete {
                datagrams: u64::from(partial.fragments > 0),
                fragments: partial.fragments,
                octets: partial.octets.len().try_into().unwrap_or(u64::MAX),
            },
            Self::Finished(_) => Incomplete::default(),
        }
    }
}

/// A datagram that was complete, kept to know duplicates of its fragments from another use of its identification.
#[derive(Debug)]
pub(super) struct Finished {
    octets: Box<[u8]>,
}

impl Finished {
    /// Whether a fragment says again what the datagram had in its place.
    pub(super) fn repeats(&self, arrival: &Arrival<'_>) -> bool {
        let octets = arrival.view.octets();
        usize::try_from(arrival.header.offset)
            .ok()
            .and_then(|offset| self.octets.get(offset..))
            .and_then(|rest| rest.get(..octets.len()))
            .is_some_and(|same| same == octets)
    }
}

/// A fragment that cannot belong to its datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal(pub(super) Fault);

/// A datagram with fragments missing.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// Octets as they came; `parts` say where they belong.
    octets: Vec<u8>,
    /// In the order of the datagram; they do not overlap and are not empty.
    parts: Vec<Part>,
    /// What was on the wire: ranges in order that neither overlap nor touch.
    covered: Vec<(u32, u32)>,
    /// Octets of the whole, once the last fragment has come.
    total: Option<u32>,
    /// What the first fragment, in the order of the datagram, says is inside.
    protocol: Option<u8>,
    fragments: u64,
}

/// A run of octets, in the datagram, in `Partial::octets`, and in a packet.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    length: u32,
    at: u32,
    packet: u64,
    offset: u32,
}

impl Part {
    fn end(&self) -> u32 {
        self.start.saturating_add(self.length)
    }
}

impl Partial {
    fn add(&mut self, arrival: &Arrival<'_>, counters: &mut Counters) -> Result<(), Refusal> {
        let header = arrival.header;
        let wire = u32::try_from(arrival.view.wire()).unwrap_or(u32::MAX);
        let end = header.offset.saturating_add(wire);
        if header.more && (wire == 0 || wire % 8 != 0) {
            return Err(Refusal(Fault::FragmentLength));
        }
        let furthest = self.covered.last().map_or(0, |&(_, end)| end);
        let fits = match self.total {
            Some(total) if header.more => end <= total,
            Some(total) => end == total,
            None => header.more || end >= furthest,
        };
        if !fits || end > MAX_DATAGRAM {
            return Err(Refusal(Fault::FragmentBeyondEnd));
        }
        if !header.more {
            self.total = Some(end);
        }
        if header.offset == 0 {
            self.protocol.get_or_insert(header.protocol);
        }
        self.fragments = self.fragments.saturating_add(1);
        self.cover(header.offset, end);

        let mut start = header.offset;
        let mut rest = arrival.view.octets();
        let mut conflict = false;
        let at = u32::try_from(arrival.view.start()).unwrap_or(u32::MAX);
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        for piece in arrival.origin.pieces(at, length) {
            let (octets, behind) = rest.split_at_checked(index(piece.length)).unwrap_or((rest, &[]));
            conflict |= self.keep(start, octets, piece);
            start = start.saturating_add(piece.length);
            rest = behind;
        }
        counters.fragments_conflicting = counters.fragments_conflicting.saturating_add(u64::from(conflict));
        Ok(())
    }

    /// Keeps those of `octets`, from `start` of the datagram, that nobody brought before; true if some of the others
    /// differ from what was kept.
    fn keep(&mut self, start: u32, octets: &[u8], piece: Piece) -> bool {
        let end = start.saturating_add(piece.length);
        let slice = |from: u32, to: u32| {
            let range = index(from.saturating_sub(start))..index(to.saturating_sub(start));
            octets.get(range).unwrap_or_default()
        };
        let mut conflict = false;
        let mut cursor = start;
        let mut next = self.parts.partition_point(|part| part.end() <= start);
        while cursor < end {
            let stop = match self.parts.get(next) {
                Some(part) if part.start <= cursor => {
                    let stop = part.end().min(end);
                    let at = index(part.at.saturating_add(cursor.saturating_sub(part.start)));
                    let kept = self.octets.get(at..).unwrap_or_default();
                    conflict |= !kept.starts_with(slice(cursor, stop));
                    stop
                }
                part => {
                    let stop = part.map_or(end, |part| part.start.min(end));
                    let part = Part {
                        start: cursor,
                        length: stop.saturating_sub(cursor),
                        at: u32::try_from(self.octets.len()).unwrap_or(u32::MAX),
                        packet: piece.packet,
                        offset: piece.offset.saturating_add(cursor.saturating_sub(start)),
                    };
                    self.octets.extend_from_slice(slice(cursor, stop));
                    self.parts.insert(next, part);
                    stop
                }
            };
            cursor = stop;
            next = next.saturating_add(1);
        }
        conflict
    }

    /// Notes that `start..end` was on the wire.
    fn cover(&mut self, start: u32, end: u32) {
        let first = self.covered.partition_point(|&(_, e)| e < start);
        let last = self.covered.partition_point(|&(s, _)| s <= end);
        let merged = self
            .covered
            .get(first..last)
            .unwrap_or_default()
            .iter()
            .fold((start, end), |(s, e), &(start, end)| (s.min(start), e.max(end)));
        self.covered.splice(first..last.max(first), [merged]);
    }

    /// The datagram, up to the first octet that was not captured, if all of it was on the wire.
    fn complete(&self, counters: &mut Counters) -> Option<Datagram> {
        let total = self.total?;
        let [(0, end)] = *self.covered else {
            return None;
        };
        if end < total {
            return None;
        }
        let mut datagram = Datagram { octets: Vec::with_capacity(self.octets.len()), pieces: Vec::new(), wire: total };
        for part in &self.parts {
            if index(part.start) != datagram.octets.len() {
                break;
            }
            let from = index(part.at);
            let range = from..from.saturating_add(index(part.length));
            datagram.octets.extend_from_slice(self.octets.get(range).unwrap_or_default());
            datagram.push(part);
        }
        let behind = self.octets.len().saturating_sub(datagram.octets.len());
        let cut = index(total) > datagram.octets.len();
        counters.datagrams_reassembled = counters.datagrams_reassembled.saturating_add(1);
        counters.datagrams_cut = counters.datagrams_cut.saturating_add(u64::from(cut));
        counters.datagram_octets_behind_cut =
            counters.datagram_octets_behind_cut.saturating_add(behind.try_into().unwrap_or(u64::MAX));
        Some(datagram)
    }

    fn held_bytes(&self) -> usize {
        let parts = self.parts.capacity().saturating_mul(size_of::<Part>());
        let covered = self.covered.capacity().saturating_mul(size_of::<(u32, u32)>());
        self.octets.capacity().saturating_add(parts).saturating_add(covered)
    }
}

impl Datagram {
    /// Appends a part's place, joined to the last one where they adjoin.
    fn push(&mut self, part: &Part) {
        match self.pieces.last_mut() {
            Some(last) if last.packet == part.packet && last.offset.saturating_add(last.length) == part.offset => {
                last.length = last.length.saturating_add(part.length);
            }
            _ => self.pieces.push(Piece { packet: part.packet, offset: part.offset, length: part.length }),
        }
    }
}

/// A place in a datagram as an index; datagrams are below 64 KiB.
fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The longest payload a fragment may reach to, by the 16 bits of the IP length.
const MAX_DATAGRAM: u32 = 65_535;

/// Memory of an entry in the table besides its octets: key, serial number and their share of both maps.
const ENTRY_OVERHEAD: usize = 480;

/// What a datagram without a first fragment holds; it is never complete, so this is never seen.
const NO_NEXT_HEADER: u8 = 59;
