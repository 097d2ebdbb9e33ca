//! IP fragments waiting for the rest of their datagram (RFC 791 §3.2, RFC 8200 §4.5), within fixed limits.
//!
//! What is dropped, and why, goes to [`Counters`]; how one datagram is put together is `datagram`'s.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::counters::{Counters, Incomplete};
use super::datagram::{Datagram, Entry, Refusal};
use super::outcome::{Fragment, Layer, Malformed};
use super::pieces::Origin;
use super::view::View;
use super::walk::Context;

/// Bounds on what is held for incomplete datagrams. Reaching one drops the oldest and counts it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FragmentLimits {
    /// Datagrams held at once.
    pub datagrams: usize,
    /// Octets of memory held, bookkeeping included.
    pub octets: usize,
    /// Packets (of any kind) after which a datagram is given up.
    pub age_packets: u64,
    /// Nanoseconds of capture time after which a datagram is given up.
    pub age_ns: u64,
}

/// 1024 datagrams, 4 MiB, a million packets, 30 seconds (as Linux).
impl Default for FragmentLimits {
    fn default() -> Self {
        Self { datagrams: 1024, octets: 4 << 20, age_packets: 1_000_000, age_ns: 30_000_000_000 }
    }
}

/// What the header of a fragment says, addresses apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FragmentHeader {
    pub(super) identification: Identification,
    /// Octets of the datagram that precede this fragment, a multiple of 8.
    pub(super) offset: u32,
    /// Others follow.
    pub(super) more: bool,
    /// The datagram's protocol; in IPv6 only the first fragment's counts.
    pub(super) protocol: u8,
}

/// What fragments of one datagram share, addresses apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Identification {
    V4 { id: u16, protocol: u8 },
    V6 { id: u32 },
}

/// When something was captured: packets counted so far, and the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) packets: u64,
    pub(super) time_ns: i64,
}

/// A fragment as it arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    key: Key,
    pub(super) header: FragmentHeader,
    /// The fragment's part of the datagram.
    pub(super) view: View<'a>,
    pub(super) origin: Origin<'a>,
    moment: Moment,
}

impl<'a> Arrival<'a> {
    pub(super) fn new(
        header: FragmentHeader,
        context: &Context,
        view: View<'a>,
        origin: Origin<'a>,
        moment: Moment,
    ) -> Self {
        let key = Key {
            source: context.source,
            destination: context.destination,
            scope: context.scope,
            identification: header.identification,
        };
        Self { key, header, view, origin, moment }
    }
}

/// What became of an arrival.
#[derive(Debug)]
pub(super) enum Taken {
    Waits(Fragment),
    Complete { datagram: Datagram, protocol: u8 },
    Malformed(Malformed),
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    scope: u64,
    identification: Identification,
}

/// The datagrams that wait, and for a while those just completed, to know their duplicates by.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    limits: FragmentLimits,
    serials: HashMap<Key, u64>,
    /// By serial number: the oldest first.
    waiting: BTreeMap<u64, Waiting>,
    next_serial: u64,
    held: usize,
}

#[derive(Debug)]
struct Waiting {
    key: Key,
    since: Moment,
    entry: Entry,
}

impl Fragments {
    pub(super) fn new(limits: FragmentLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Octets of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held
    }

    /// Adds a fragment to its datagram.
    pub(super) fn take(&mut self, arrival: Arrival<'_>, counters: &mut Counters) -> Taken {
        let mut serial = self.serial(&arrival);
        if let Some(Waiting { entry: Entry::Finished(finished), .. }) = self.waiting.get(&serial) {
            if finished.repeats(&arrival) {
                return Taken::Waits(Fragment::Repeated);
            }
            // The identification is used again.
            self.remove(serial);
            serial = self.serial(&arrival);
        }
        let Some(waiting) = self.waiting.get_mut(&serial) else {
            return Taken::Waits(Fragment::Held);
        };
        let before = waiting.entry.held_bytes();
        let added = waiting.entry.add(&arrival, counters);
        self.held = self.held.saturating_sub(before).saturating_add(waiting.entry.held_bytes());
        let taken = match added {
            Ok(Some((datagram, protocol))) => Taken::Complete { datagram, protocol },
            Ok(None) => Taken::Waits(Fragment::Held),
            Err(Refusal(what)) => {
                let at = u32::try_from(arrival.view.start()).unwrap_or(u32::MAX);
                let (packet, offset) = arrival.origin.locate(at);
                if waiting.entry.is_empty() {
                    self.remove(serial);
                }
                Taken::Malformed(Malformed { layer: Layer::Fragment, what, packet, offset })
            }
        };
        self.shrink(counters);
        taken
    }

    /// Drops what is too old at this moment.
    pub(super) fn expire(&mut self, now: Moment, counters: &mut Counters) {
        while let Some((&serial, oldest)) = self.waiting.first_key_value() {
            let packets = now.packets.saturating_sub(oldest.since.packets);
            let time = now.time_ns.abs_diff(oldest.since.time_ns);
            if packets <= self.limits.age_packets && time <= self.limits.age_ns {
                return;
            }
            let incomplete = self.remove(serial);
            counters.incomplete_aged = counters.incomplete_aged.plus(incomplete);
        }
    }

    /// Drops everything.
    pub(super) fn finish(&mut self, counters: &mut Counters) {
        while let Some((&serial, _)) = self.waiting.first_key_value() {
            let incomplete = self.remove(serial);
            counters.incomplete_end = counters.incomplete_end.plus(incomplete);
        }
    }

    /// The serial number of the arrival's datagram, which is new if there is none.
    fn serial(&mut self, arrival: &Arrival<'_>) -> u64 {
        if let Some(&serial) = self.serials.get(&arrival.key) {
            return serial;
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let waiting = Waiting { key: arrival.key, since: arrival.moment, entry: Entry::default() };
        self.held = self.held.saturating_add(waiting.entry.held_bytes());
        self.serials.insert(arrival.key, serial);
        self.waiting.insert(serial, waiting);
        serial
    }

    fn remove(&mut self, serial: u64) -> Incomplete {
        let Some(waiting) = self.waiting.remove(&serial) else {
            return Incomplete::default();
        };
        self.serials.remove(&waiting.key);
        self.held = self.held.saturating_sub(waiting.entry.held_bytes());
        waiting.entry.incomplete()
    }

    /// Drops the oldest until the limits hold.
    fn shrink(&mut self, counters: &mut Counters) {
        while self.waiting.len() > self.limits.datagrams || self.held > self.limits.octets {
            let Some((&serial, _)) = self.waiting.first_key_value() else {
                return;
            };
            let incomplete = self.remove(serial);
            counters.incomplete_limit = counters.incomplete_limit.plus(incomplete);
        }
    }
}
