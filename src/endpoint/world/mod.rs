//! A small world for a scenario: one client, the backends it may reach, and what changes while it runs.
//!
//! A [`Stage`] says what there is. [`simulate`] plays it on a simulated network with a virtual clock; `command::loopback`
//! plays the same stage over TCP. What client and backends say is theirs, see [`scenario`](super::scenario).

mod diary;
mod host;
pub mod simulate;
pub mod single;
mod tape;
mod wire;

use std::fmt;

pub use diary::{Cue, Diary, Moment};

use super::{Dialler, Peer, Stop};

/// Everything that a scenario needs.
pub struct Stage {
    /// The program that opens connections. The stage is over when it has finished.
    pub client: Box<dyn Dialler>,
    /// Those it may reach, numbered from 0.
    pub backends: Vec<Backend>,
    /// Names, and the backends they lead to at first.
    pub names: Vec<(String, Vec<usize>)>,
    /// What changes, and on which cue; one after the other.
    pub script: Vec<(Cue, Change)>,
    /// What has happened, as the programs see it.
    pub diary: Diary,
}

/// A server program on a host of its own.
pub struct Backend {
    /// Whether it listens from the start; else connections are refused.
    pub listens: bool,
    /// The way to it, on a simulated network.
    pub link: Link,
    /// Makes what serves a connection that was accepted.
    pub serve: Box<dyn FnMut() -> Box<dyn Peer>>,
}

/// How octets travel on a simulated network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link {
    /// Nanoseconds from one end to the other.
    pub latency: i64,
    /// Payload octets a second; no limit if there is none.
    pub rate: Option<u32>,
}

impl Link {
    /// A tenth of a millisecond, and as much as there is at once.
    pub const SHORT: Self = Self { latency: 100_000, rate: None };
}

/// Something that happens to the world.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The backend begins to listen.
    Listen(usize),
    /// The backend stops listening: who dials it from now on is refused. Connections go on.
    Refuse(usize),
    /// Every connection that the backend has falls silent: whatever is sent on it vanishes, as if a firewall had
    /// forgotten it. New connections are not concerned.
    Silence(usize),
    /// The backend's program is told to stop. It listens no more.
    Stop(usize, Stop),
    /// The backend's program has no file descriptor left, so that it cannot accept.
    Starve(usize),
    /// It has some again.
    Feed(usize),
    /// The name leads to other backends from now on.
    Rename(String, Vec<usize>),
}

impl Backend {
    /// A backend that listens, on a [short](Link::SHORT) way.
    pub fn new<P: Peer + 'static>(mut serve: impl FnMut() -> P + 'static) -> Self {
        Self { listens: true, link: Link::SHORT, serve: Box::new(move || Box::new(serve())) }
    }
}

impl Stage {
    /// A stage without names and without changes.
    #[must_use]
    pub fn new(client: impl Dialler + 'static, backends: Vec<Backend>, diary: Diary) -> Self {
        Self { client: Box::new(client), backends, names: Vec::new(), script: Vec::new(), diary }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("names", &self.names).field("script", &self.script).finish_non_exhaustive()
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("listens", &self.listens).field("link", &self.link).finish_non_exhaustive()
    }
}
