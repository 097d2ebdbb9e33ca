//! Whom a channel is to reach: targets as gRPC writes them (naming.md), and what is known of their names.
//!
//! Asking is left to whoever has the means: here is decided when, and what follows from the answer.

use std::net::SocketAddr;
use std::time::Duration;

use super::backoff::{Backoff, Random, after};
use super::balancer::MAX_ADDRESSES;
use crate::time::Timestamp;

/// What a channel calls: hosts and ports, as names or as addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    authority: String,
    names: Vec<Name>,
}

/// One host and port.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Name {
    Address(SocketAddr),
    Host(String),
}

/// Why a text is no target.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TargetFault {
    /// Nothing stands there.
    #[error("a target is missing; write HOST:PORT")]
    Empty,
    /// A host without a port.
    #[error("{0:?} has no port; write HOST:PORT")]
    NoPort(String),
    /// Not 1 to 65535.
    #[error("{0:?} has a port that is not a number from 1 to 65535")]
    Port(String),
    /// No host, or one with signs that hosts do not have.
    #[error("{0:?} is not a host and port; write HOST:PORT, and an IPv6 address as [ADDRESS]:PORT")]
    Host(String),
    /// After `ipv4:` or `ipv6:` stands something else.
    #[error("{0:?} is not an address and port of this family")]
    Address(String),
    /// Another scheme than those known.
    #[error("targets of the scheme {0:?} are not known here; known are dns, list, ipv4 and ipv6")]
    Scheme(String),
    /// `dns://SERVER/...`.
    #[error("a name server of one's own ({0:?}) cannot be asked; write dns:///HOST:PORT")]
    NameServer(String),
    /// More than [`MAX_NAMES`].
    #[error("a target has at most {MAX_NAMES} hosts")]
    TooMany,
}

impl Target {
    /// Reads `host:port`, `[::1]:port`, `dns:host:port`, `dns:///host:port`, `ipv4:1.2.3.4:5,...`, `ipv6:[::1]:5,...`,
    /// `list:a:1,b:2` or just `a:1,b:2`.
    ///
    /// # Errors
    ///
    /// [`TargetFault`] says what is wrong, and what to write.
    pub fn parse(text: &str) -> Result<Self, TargetFault> {
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme @ ("dns" | "list" | "ipv4" | "ipv6"), rest)) if !is_port(rest) => (scheme, rest),
            Some((scheme, rest)) if rest.starts_with("//") || matches!(scheme, "unix" | "unix-abstract" | "vsock") => {
                return Err(TargetFault::Scheme(scheme.to_owned()));
            }
            _ => ("list", text),
        };
        let rest = match rest.strip_prefix("//").map(|rest| rest.split_once('/')) {
            None => rest,
            Some(Some(("", path))) => path,
            Some(Some((server, _))) => return Err(TargetFault::NameServer(server.to_owned())),
            Some(None) => return Err(TargetFault::Host(rest.to_owned())),
        };
        let pieces: Vec<&str> = if scheme == "dns" { vec![rest] } else { rest.split(',').collect() };
        if pieces.len() > MAX_NAMES {
            return Err(TargetFault::TooMany);
        }
        let names = pieces.iter().map(|piece| Name::parse(piece.trim())).collect::<Result<Vec<_>, _>>()?;
        let belongs = |name: &Name| match (scheme, name) {
            ("ipv4", Name::Address(address)) => address.is_ipv4(),
            ("ipv6", Name::Address(address)) => address.is_ipv6(),
            (scheme, _) => !matches!(scheme, "ipv4" | "ipv6"),
        };
        if !names.iter().all(belongs) {
            return Err(TargetFault::Address(rest.to_owned()));
        }
        let authority = pieces.first().map_or("", |piece| piece.trim()).to_owned();
        Ok(Self { authority, names })
    }

    /// These addresses, in this order; those beyond [`MAX_ADDRESSES`] are left out.
    #[must_use]
    pub fn addresses(addresses: &[SocketAddr]) -> Self {
        let authority = addresses.first().map(ToString::to_string).unwrap_or_default();
        Self { authority, names: addresses.iter().copied().take(MAX_ADDRESSES).map(Name::Address).collect() }
    }

    /// What calls say in `:authority` unless told otherwise: the first host and port, as written.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl Name {
    fn parse(text: &str) -> Result<Self, TargetFault> {
        if text.is_empty() {
            return Err(TargetFault::Empty);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return if address.port() == 0 {
                Err(TargetFault::Port(text.to_owned()))
            } else {
                Ok(Self::Address(address))
            };
        }
        let Some((host, port)) = text.rsplit_once(':') else { return Err(TargetFault::NoPort(text.to_owned())) };
        if host.is_empty() || !host.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(&octet)) {
            return Err(TargetFault::Host(text.to_owned()));
        }
        if !is_port(port) {
            return Err(TargetFault::Port(text.to_owned()));
        }
        Ok(Self::Host(text.to_owned()))
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// How often names are asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refresh {
    /// After an answer, at the latest. `None`: only when a connection is lost. Default 30 min.
    pub interval: Option<Duration>,
    /// Between two questions, at least, whatever happens. Default 30 s.
    pub at_most_every: Duration,
}

impl Default for Refresh {
    fn default() -> Self {
        Self { interval: Some(Duration::from_secs(30 * 60)), at_most_every: Duration::from_secs(30) }
    }
}

/// The names of a target, and what is known of them.
#[derive(Debug)]
pub(super) struct Resolver {
    entries: Vec<Entry>,
    failures: u32,
}

#[derive(Debug)]
struct Entry {
    name: Name,
    /// The last addresses that were found.
    known: Option<Vec<SocketAddr>>,
    /// Why the last answer had none.
    trouble: Option<String>,
    /// Whether an answer is on its way.
    asked: bool,
    asked_at: Option<Timestamp>,
    /// When to ask.
    due: Option<Timestamp>,
}

impl Resolver {
    pub(super) fn new(target: &Target) -> Self {
        let entry = |name: &Name| {
            let known = match name {
                Name::Address(address) => Some(vec![*address]),
                Name::Host(_) => None,
            };
            Entry { name: name.clone(), known, trouble: None, asked: false, asked_at: None, due: None }
        };
        Self { entries: target.names.iter().map(entry).collect(), failures: 0 }
    }

    /// Names are needed from now on: those that nobody has asked for are asked for at once.
    pub(super) fn wake(&mut self, now: Timestamp) {
        for entry in self.hosts() {
            entry.due = Some(now);
        }
    }

    /// Nobody needs the names any more; an answer on its way is not waited for.
    pub(super) fn sleep(&mut self) {
        for entry in self.hosts() {
            (entry.known, entry.trouble, entry.asked, entry.due) = (None, None, false, None);
        }
        self.failures = 0;
    }

    /// Something hints that addresses have changed: asks again as soon as it may.
    pub(super) fn doubt(&mut self, now: Timestamp, refresh: &Refresh) {
        for entry in self.hosts().filter(|entry| !entry.asked) {
            let soonest = entry.asked_at.map_or(now, |asked| after(asked, refresh.at_most_every).max(now));
            // One that failed keeps to its backoff.
            if entry.trouble.is_none() {
                entry.due = Some(entry.due.map_or(soonest, |due| due.min(soonest)));
            }
        }
    }

    fn hosts(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().filter(|entry| matches!(entry.name, Name::Host(_)))
    }

    /// The next name to ask for now.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<String> {
        let entry = self.entries.iter_mut().find(|entry| entry.due.is_some_and(|due| due <= now))?;
        (entry.asked, entry.asked_at, entry.due) = (true, Some(now), None);
        match &entry.name {
            Name::Host(name) => Some(name.clone()),
            Name::Address(_) => None,
        }
    }

    pub(super) fn timeout(&self) -> Option<Timestamp> {
        self.entries.iter().filter_map(|entry| entry.due).min()
    }

    /// Takes an answer; `false` when nobody has asked.
    pub(super) fn answer(
        &mut self,
        now: Timestamp,
        (name, addresses): (&str, Result<Vec<SocketAddr>, String>),
        (refresh, backoff): (&Refresh, &Backoff),
        random: &mut Random,
    ) -> bool {
        let known = |entry: &&mut Entry| entry.asked && matches!(&entry.name, Name::Host(host) if host == name);
        let Some(entry) = self.entries.iter_mut().find(known) else { return false };
        entry.asked = false;
        match addresses {
            Ok(mut addresses) if !addresses.is_empty() => {
                addresses.truncate(MAX_ADDRESSES);
                (entry.known, entry.trouble) = (Some(addresses), None);
                entry.due = refresh.interval.map(|interval| after(now, interval));
                self.failures = 0;
            }
            other => {
                let why = other.err().unwrap_or_else(|| "it has no address".to_owned());
                entry.trouble = Some(format!("name resolver error: {name}: {why}"));
                entry.due = Some(after(now, backoff.interval(self.failures, random)));
                self.failures = self.failures.saturating_add(1);
            }
        }
        true
    }

    /// All addresses in order, each once, or why there are none; `None` while one name has had no answer yet.
    /// A name that cannot be found any more keeps the addresses it had.
    pub(super) fn addresses(&self) -> Option<Result<Vec<SocketAddr>, String>> {
        let mut all = Vec::new();
        let mut trouble = None;
        for entry in &self.entries {
            match (&entry.known, &entry.trouble) {
                (Some(known), _) => all.extend_from_slice(known),
                (None, Some(why)) => trouble = Some(why),
                (None, None) => return None,
            }
        }
        if all.is_empty() {
            return Some(Err(trouble.cloned().unwrap_or_else(|| NO_ADDRESS.to_owned())));
        }
        Some(Ok(all))
    }
}

/// As grpc-go says it.
pub(super) const NO_ADDRESS: &str = "name resolver error: produced zero addresses";

/// Hosts in one target.
pub const MAX_NAMES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let target = Target::parse(text).unwrap();
        let names = target.names.iter().map(|name| match name {
            Name::Address(address) => format!("={address}"),
            Name::Host(host) => host.clone(),
        });
        names.collect()
    }

    #[test]
    fn targets_are_read_as_grpc_writes_them() {
        for text in ["localhost:50051", "dns:localhost:50051", "dns:///localhost:50051", "list:localhost:50051"] {
            assert_eq!(names(text), ["localhost:50051"], "{text}");
            assert_eq!(Target::parse(text).unwrap().authority(), "localhost:50051");
        }
        assert_eq!(names("127.0.0.1:1"), ["=127.0.0.1:1"]);
        assert_eq!(names("[::1]:1"), ["=[::1]:1"]);
        assert_eq!(names("ipv6:[::1]:1,[::2]:2"), ["=[::1]:1", "=[::2]:2"]);
        assert_eq!(names("list:a:1,127.0.0.1:2, [::1]:3"), ["a:1", "=127.0.0.1:2", "=[::1]:3"]);
        assert_eq!(names("a:1,b:2"), ["a:1", "b:2"]);
        assert_eq!(names("dns:53"), ["dns:53"]);
    }

    #[test]
    fn what_is_no_target_is_said_so() {
        let fault = |text: &str| Target::parse(text).unwrap_err();
        assert_eq!(fault(""), TargetFault::Empty);
        assert_eq!(fault("a:1,,b:2"), TargetFault::Empty);
        assert_eq!(fault("localhost"), TargetFault::NoPort("localhost".to_owned()));
        assert_eq!(fault("localhost:http"), TargetFault::Port("localhost:http".to_owned()));
        assert_eq!(fault("localhost:0"), TargetFault::Port("localhost:0".to_owned()));
        assert_eq!(fault("127.0.0.1:0"), TargetFault::Port("127.0.0.1:0".to_owned()));
        assert_eq!(fault("::1:80"), TargetFault::Host("::1:80".to_owned()));
        assert_eq!(fault("ipv4:[::1]:80"), TargetFault::Address("[::1]:80".to_owned()));
        assert_eq!(fault("unix:/tmp/x"), TargetFault::Scheme("unix".to_owned()));
        assert_eq!(fault("xds:///x"), TargetFault::Scheme("xds".to_owned()));
        assert_eq!(fault("http://localhost:80"), TargetFault::Scheme("http".to_owned()));
        assert_eq!(fault("dns://8.8.8.8/localhost:80"), TargetFault::NameServer("8.8.8.8".to_owned()));
        assert_eq!(fault(&"a:1,".repeat(MAX_NAMES)), TargetFault::TooMany);
    }
}
