//! Totals by method: calls, failures, how long they took and how much they carried.
//!
//! As many methods as [`METHODS`] are told apart; the calls of all others are counted together. A path is told apart by its first
//! [`PATH`] octets.

use std::collections::HashMap;

use super::durations::Durations;
use super::ending::{self, Verdict};
use crate::direction::{Both, Direction};
use crate::grpc::call::Call;
use crate::write;

/// Methods told apart.
pub const METHODS: usize = 2048;
/// Octets of a path that tell methods apart.
pub const PATH: usize = 256;

/// What is counted of some calls.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Calls.
    pub calls: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Calls of which it is not known how they ended.
    pub unknown: u64,
    /// Calls of which a part was not captured.
    pub incomplete: u64,
    /// Calls that end before they begin, by the clock of the capture: their durations are not counted.
    pub backwards: u64,
    /// Octets of messages as on the wire.
    pub octets: Both<u64>,
    /// Durations of the calls of which both ends were captured.
    pub durations: Durations,
}

/// What calls a tally is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Name<'a> {
    /// Those with this path, perhaps cut to its first [`PATH`] octets.
    Path(&'a [u8]),
    /// Those of which the path was not captured.
    Unknown,
    /// Those of so many methods that they are not told apart.
    Rest,
    /// All.
    All,
}

impl Name<'_> {
    /// The name of a call's method.
    #[must_use]
    pub fn of(call: &Call) -> Name<'_> {
        call.path().map_or(Name::Unknown, |path| Name::Path(path.get(..PATH.saturating_add(1)).unwrap_or(path)))
    }

    /// Appends the name on one line.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Path(b"") => out.extend_from_slice(b"(empty path)"),
            Self::Path(path) => match cut(path) {
                Some(part) => {
                    write::escaped(out, part);
                    out.extend_from_slice(b"...");
                }
                None => write::escaped(out, path),
            },
            Self::Unknown => out.extend_from_slice(b"?"),
            Self::Rest => {
                out.extend_from_slice(b"(beyond the first ");
                write::integer(out, METHODS as u64);
                out.extend_from_slice(b" methods)");
            }
            Self::All => out.extend_from_slice(b"(all calls)"),
        }
    }
}

/// What is shown of the path of a [`Name`], if it is not all of it.
#[must_use]
pub fn cut(path: &[u8]) -> Option<&[u8]> {
    (path.len() > PATH).then(|| path.get(..write::whole_characters(path, PATH))).flatten()
}

/// The totals.
#[derive(Debug, Default)]
pub struct Methods {
    places: HashMap<Box<[u8]>, usize, foldhash::fast::RandomState>,
    tallies: Vec<Tally>,
    unknown: Tally,
    rest: Tally,
    all: Tally,
}

impl Methods {
    /// Counts a call that ended.
    pub fn add(&mut self, call: &Call) -> Verdict {
        let verdict = ending::verdict(call);
        let Self { places, tallies, unknown, rest, all } = self;
        let tally = match Name::of(call) {
            Name::Path(path) => match places.get(path) {
                Some(place) => tallies.get_mut(*place).unwrap_or(rest),
                None if tallies.len() < METHODS => {
                    places.insert(path.into(), tallies.len());
                    tallies.push(Tally::default());
                    tallies.last_mut().unwrap_or(rest)
                }
                None => rest,
            },
            _ => unknown,
        };
        tally.add(call, verdict);
        all.add(call, verdict);
        verdict
    }

    /// All calls together.
    #[must_use]
    pub const fn all(&self) -> &Tally {
        &self.all
    }

    /// The methods, those with most calls first and equal ones by name; at the end unknown ones and those not told apart.
    #[must_use]
    pub fn sorted(&self) -> Vec<(Name<'_>, &Tally)> {
        let mut list: Vec<_> = self
            .places
            .iter()
            .filter_map(|(path, place)| Some((Name::Path(path), self.tallies.get(*place)?)))
            .collect();
        list.sort_unstable_by(|(a, one), (b, other)| {
            let path = |name: &Name<'_>| if let Name::Path(path) = name { path.to_vec() } else { Vec::new() };
            other.calls.cmp(&one.calls).then_with(|| path(a).cmp(&path(b)))
        });
        let more = [(Name::Unknown, &self.unknown), (Name::Rest, &self.rest)];
        list.extend(more.into_iter().filter(|(_, tally)| tally.calls > 0));
        list
    }

    /// Octets of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let names = self
            .places
            .keys()
            .fold(0_usize, |sum, path| sum.saturating_add(path.len()).saturating_add(size_of::<(Box<[u8]>, usize)>()));
        let tallies = self.tallies.iter().chain([&self.unknown, &self.rest, &self.all]);
        tallies.fold(names, |sum, tally| {
            sum.saturating_add(size_of::<Tally>()).saturating_add(tally.durations.held_bytes())
        })
    }
}

impl Tally {
    /// The 50th, 95th and 99th percentile of the durations, in nanoseconds; `None` where none was captured from its beginning to its end.
    #[must_use]
    pub fn percentiles(&self) -> [Option<i64>; 3] {
        let known = self.durations.percentiles([50, 95, 99]);
        known.map_or([None; 3], |known| known.map(|nanos| i64::try_from(nanos).ok()))
    }

    /// Hands out lines that say how to read the numbers, where that is needed.
    pub fn lines(&self, mut line: impl FnMut(&[u8])) {
        let mut say = |count: u64, one: &str, many: &str, rest: &str| {
            if count > 0 {
                let mut text = Vec::new();
                write::counted_as(&mut text, count, one, many);
                text.extend_from_slice(rest.as_bytes());
                line(&text);
            }
        };
        say(
            self.incomplete,
            "call is",
            "calls are",
            " incomplete: part was not captured, and only what was is counted",
        );
        say(self.unknown, "call has", "calls have", " no known status: neither good nor an error");
        let without = self.calls.saturating_sub(self.durations.count()).saturating_sub(self.backwards);
        say(without, "call", "calls", " without a duration: the beginning or the end was not captured");
        say(
            self.backwards,
            "call ends",
            "calls end",
            " before the beginning by the clock of the capture: no duration is counted",
        );
        if !self.durations.is_exact() {
            line(b"percentiles with ~ are from a histogram and at most 0.8 % off");
        }
    }

    fn add(&mut self, call: &Call, verdict: Verdict) {
        let count = |counter: &mut u64, is: bool| *counter = counter.saturating_add(u64::from(is));
        count(&mut self.calls, true);
        count(&mut self.errors, verdict == Verdict::Failed);
        count(&mut self.unknown, verdict == Verdict::Unknown);
        count(&mut self.incomplete, !call.is_complete());
        for direction in Direction::BOTH {
            self.octets[direction] = self.octets[direction].saturating_add(call.bodies[direction].octets);
        }
        if let Some(nanos) = ending::duration(call) {
            match u64::try_from(nanos) {
                Ok(nanos) => self.durations.add(nanos),
                Err(_) => count(&mut self.backwards, true),
            }
        }
    }
}
