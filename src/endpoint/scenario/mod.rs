//! The catalogue of scenarios: each is a question and its answer on the wire.
//!
//! A scenario makes a [`Stage`]; who plays it, on which network, is decided elsewhere. One file a family.

mod caller;
mod calls;

use std::net::{SocketAddr, SocketAddrV4};

use self::caller::{Caller, Order, Plan};
use super::connection::Config;
use super::example::Example;
use super::world::single::Single;
use super::world::{Backend, Diary, Stage};

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

const FAMILIES: [&[Scenario]; 1] = [calls::ALL];

/// A client that plays plans on one connection to the example's services.
fn one_client(at: &[SocketAddrV4], plans: Vec<Plan>, order: Order) -> Stage {
    stage_of(at, Config::default(), plans, order, Backend::new(|| Example::new(Config::default())))
}

/// A client that plays plans on one connection to a backend.
fn stage_of(at: &[SocketAddrV4], config: Config, plans: Vec<Plan>, order: Order, backend: Backend) -> Stage {
    let diary = Diary::default();
    let address = first(at);
    let caller = Caller::new(config, address.to_string(), plans, order, diary.clone());
    Stage::new(Single::new(address, caller), vec![backend], diary)
}

/// The address of the first backend.
fn first(at: &[SocketAddrV4]) -> SocketAddr {
    at.first().map_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)), |address| SocketAddr::V4(*address))
}
