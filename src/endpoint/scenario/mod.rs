//! The catalogue of scenarios: each is a question and its answer on the wire.
//!
//! A scenario makes a [`Stage`]; who plays it, on which network, is decided elsewhere. One file a family.

mod answering;
mod caller;
mod calls;
mod crowd;
mod fleet;
mod flow;
mod frames;
mod life;
pub mod load;
mod metadata;
mod names;
mod program;
mod puppet;
mod witness;
mod zoo;

use std::net::{SocketAddr, SocketAddrV4};

use self::caller::{Caller, Order, Plan};
use self::program::Program;
use super::channel;
use super::connection::Config;
use super::example::Example;
use super::world::single::Single;
use super::world::{Backend, Cue, Diary, Stage};

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// What to look for in the trace; one paragraph.
    pub look_for: &'static str,
    /// How many backends it takes.
    pub backends: usize,
    stage: fn(&[SocketAddrV4]) -> Stage,
}

impl Scenario {
    /// All of them, in the order of the list.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        FAMILIES.iter().copied().flatten()
    }

    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|scenario| scenario.name == name)
    }

    /// The stage, with its backends at these addresses: as many as [`backends`](Self::backends) says.
    #[must_use]
    pub fn stage(&self, addresses: &[SocketAddrV4]) -> Stage {
        (self.stage)(addresses)
    }
}

const FAMILIES: [&[Scenario]; 6] = [calls::ALL, metadata::ALL, flow::ALL, life::ALL, names::ALL, frames::ALL];

/// A backend with the example's services.
fn example() -> Backend {
    Backend::new(|| Example::new(Config::default()))
}

/// For traces that are about other things than bandwidth.
fn without_probes() -> Config {
    Config { estimate: false, ..Config::default() }
}

/// A backend with the example's services, which sends no bandwidth probes.
fn example_without_probes() -> Backend {
    Backend::new(|| Example::new(without_probes()))
}

/// Searches of one text after the other.
fn searches(count: u32) -> impl Iterator<Item = Plan> {
    (1..=count).map(|n| Plan::search(&format!("gRPC {n}")))
}

/// A client that plays plans on one connection to the example's services.
fn one_client(at: &[SocketAddrV4], plans: Vec<Plan>, order: Order) -> Stage {
    stage_of(at, Config::default(), plans, order, example())
}

/// A client that plays plans on one connection to a backend.
fn stage_of(at: &[SocketAddrV4], config: Config, plans: Vec<Plan>, order: Order, backend: Backend) -> Stage {
    let (address, diary) = (first(at), Diary::default());
    let caller = Caller::new(config, address.to_string(), plans, order, diary.clone());
    Stage::new(Single::new(address, caller), vec![backend], diary)
}

/// As [`stage_of`], one call after another, on a connection that stays for so many milliseconds at least.
fn one_caller(at: &[SocketAddrV4], config: Config, plans: Vec<Plan>, stay: i64, backend: Backend) -> Stage {
    let (address, diary) = (first(at), Diary::default());
    let caller = Caller::new(config, address.to_string(), plans, Order::OneAfterAnother, diary.clone()).staying(stay);
    Stage::new(Single::new(address, caller), vec![backend], diary)
}

/// A client that plays plans on a channel, which it keeps until then at least. The backends tell of requests.
fn with_channel(
    target: &str,
    config: channel::Config,
    plans: Vec<Plan>,
    order: Order,
    stay: Cue,
    backends: Vec<Backend>,
) -> Stage {
    let diary = Diary::default();
    let backends = backends.into_iter().map(|backend| witness::witnessed(backend, &diary)).collect();
    let program = Program::new(target, config, plans, order, diary.clone()).staying(stay);
    Stage::new(program, backends, diary)
}

/// The address of the first backend.
fn first(at: &[SocketAddrV4]) -> SocketAddr {
    at.first().map_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)), |address| SocketAddr::V4(*address))
}
