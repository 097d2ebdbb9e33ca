//! How many packets became what, so that a summary can say what was not shown.

use std::collections::BTreeMap;

use super::outcome::{Fragment, NotTcp, Outcome};
use super::segment::Segment;

/// Counts since the start. Every packet is counted once:
/// `packets == tcp + not_tcp_total() + malformed + fragments_held + fragments_repeated`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Packets read.
    pub packets: u64,
    /// Packets that gave a TCP segment; for a fragmented one, the packet that completed it.
    pub tcp: u64,
    /// Of `tcp`: segments with payload that the capture cut off.
    pub tcp_cut: u64,
    /// Packets that do not parse.
    pub malformed: u64,
    /// Fragments that had to wait for others.
    pub fragments_held: u64,
    /// Fragments of a datagram that was complete already, with the same octets: duplicated packets.
    pub fragments_repeated: u64,
    /// Fragments that overlap an earlier one with other octets. The first octets were kept.
    pub fragments_conflicting: u64,
    /// Datagrams put together from fragments.
    pub datagrams_reassembled: u64,
    /// Of `datagrams_reassembled`: those of which the capture cut a fragment; what follows the cut is not shown.
    pub datagrams_cut: u64,
    /// Octets captured behind the cut in those datagrams, not shown.
    pub datagram_octets_behind_cut: u64,
    /// Incomplete datagrams dropped as too old: see [`FragmentLimits`](super::FragmentLimits).
    pub incomplete_aged: Incomplete,
    /// Incomplete datagrams dropped because a limit of memory was reached.
    pub incomplete_limit: Incomplete,
    /// Datagrams still incomplete at the end of input.
    pub incomplete_end: Incomplete,
    not_tcp: BTreeMap<NotTcp, u64>,
}

/// Datagrams given up before all their fragments had come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Incomplete {
    /// Datagrams.
    pub datagrams: u64,
    /// Fragments of them that had come.
    pub fragments: u64,
    /// Octets in those fragments, as captured.
    pub octets: u64,
}

impl Counters {
    /// Packets that were not TCP, by kind, in the order of [`NotTcp`].
    pub fn not_tcp(&self) -> impl Iterator<Item = (NotTcp, u64)> + '_ {
        self.not_tcp.iter().map(|(&kind, &count)| (kind, count))
    }

    /// All packets that were not TCP.
    pub fn not_tcp_total(&self) -> u64 {
        self.not_tcp.values().fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// Incomplete datagrams dropped for any reason.
    pub fn incomplete(&self) -> Incomplete {
        [self.incomplete_aged, self.incomplete_limit, self.incomplete_end]
            .into_iter()
            .fold(Incomplete::default(), Incomplete::plus)
    }

    #[inline]
    pub(super) fn count(&mut self, outcome: &Outcome<'_>) {
        let counter = match outcome {
            Outcome::Tcp(segment) => return self.count_segment(segment),
            Outcome::NotTcp(kind) => self.kind(*kind),
            Outcome::Malformed(_) => &mut self.malformed,
            Outcome::Fragment(Fragment::Held) => &mut self.fragments_held,
            Outcome::Fragment(Fragment::Repeated) => &mut self.fragments_repeated,
        };
        *counter = counter.saturating_add(1);
    }

    #[inline]
    pub(super) fn count_segment(&mut self, segment: &Segment<'_>) {
        self.tcp_cut = self.tcp_cut.wrapping_add(u64::from(segment.is_cut()));
        self.tcp = self.tcp.wrapping_add(1);
    }

    #[inline(never)]
    fn kind(&mut self, kind: NotTcp) -> &mut u64 {
        let known = self.not_tcp.len() < MAX_KINDS || self.not_tcp.contains_key(&kind);
        self.not_tcp.entry(if known { kind } else { NotTcp::Other }).or_default()
    }
}

impl Incomplete {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            datagrams: self.datagrams.saturating_add(other.datagrams),
            fragments: self.fragments.saturating_add(other.fragments),
            octets: self.octets.saturating_add(other.octets),
        }
    }
}

/// Kinds counted apart; a capture made to have more gets the rest under [`NotTcp::Other`].
const MAX_KINDS: usize = 256;
