//! Much and varied traffic, the same for the same seed: for benchmarks, and for whoever needs a large capture.
//!
//! Calls are made up one at a time and connections are forgotten when they end, so memory does not grow with the traffic.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use super::crowd::Crowd;
use super::example;
use crate::endpoint::client::{Client, Event, Request};
use crate::endpoint::compression::Compression;
use crate::endpoint::connection::Config;
use crate::endpoint::example::{LIST, RECORD, ROUTE, SEARCH, WORK, point, search_request};
use crate::endpoint::tap::Recorded;
use crate::endpoint::world::simulate::{self, Stuck};
use crate::endpoint::world::single::Single;
use crate::endpoint::world::{Diary, Stage};
use crate::endpoint::{ConnectionId, Dialler, News, Order, Peer};
use crate::time::Timestamp;

/// How much traffic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Load {
    /// Connections, of which at most 16 are open at once.
    pub connections: u32,
    /// Calls, spread over them.
    pub calls: u64,
    /// Octets of a message, on average; chance makes it up to twice as many, or none.
    pub size: u32,
    /// Where chance begins.
    pub seed: u64,
}

impl Load {
    /// Plays it on a simulated network; `record` takes each packet, and says whether it takes another.
    ///
    /// # Errors
    ///
    /// When client and server wait for each other, see [`Stuck`].
    pub fn run(self, record: &mut dyn FnMut(Recorded) -> bool) -> Result<(), Stuck> {
        let address = SocketAddr::V4(simulate::address(0));
        let enough = Rc::new(Cell::new(false));
        let crowd = Crowd(Vec::new());
        let traffic =
            Traffic { load: self, address, begun: 0, crowd, now: Timestamp::EPOCH, enough: Rc::clone(&enough) };
        simulate::run(Stage::new(traffic, vec![example()], Diary::default()), u64::MAX, &mut |packet| {
            if !enough.get() {
                enough.set(!record(packet));
            }
        })
    }

    /// The client of the n-th connection.
    fn generator(self, n: u32) -> Generator {
        let connections = u64::from(self.connections.max(1));
        let each = self.calls.checked_div(connections).unwrap_or(0);
        let more = self.calls.checked_rem(connections).unwrap_or(0);
        let calls = each.saturating_add(u64::from(u64::from(n) < more));
        Generator {
            client: Client::new(Config::default(), simulate::address(0).to_string()),
            chance: Chance(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(n.into())),
            size: self.size,
            to_make: calls,
            running: 0,
        }
    }
}

/// The client program: in each lane one connection after the other.
struct Traffic {
    load: Load,
    address: SocketAddr,
    /// Connections that have begun.
    begun: u32,
    /// One client a lane.
    crowd: Crowd<Generator>,
    now: Timestamp,
    /// Whether nobody takes more packets.
    enough: Rc<Cell<bool>>,
}

impl Traffic {
    /// Puts new connections into lanes that are free.
    fn advance(&mut self) {
        for lane in 0..LANES {
            let lane = self.crowd.0.get_mut(lane);
            if self.begun < self.load.connections && lane.as_ref().is_none_or(|(_, client)| client.is_finished()) {
                let mut client = Single::new(self.address, self.load.generator(self.begun));
                client.begin(self.now);
                let next = (ConnectionId(self.begun.into()), client);
                match lane {
                    Some(lane) => *lane = next,
                    None => self.crowd.0.push(next),
                }
                self.begun = self.begun.saturating_add(1);
            }
        }
    }
}

impl Dialler for Traffic {
    fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.advance();
    }

    fn handle_news(&mut self, now: Timestamp, news: News) {
        self.now = now;
        self.crowd.handle_news(now, news);
        self.advance();
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.now = now;
        self.crowd.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.crowd.poll_timeout()
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.crowd.poll_order()
    }

    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        self.crowd.poll_transmit(connection, out);
    }

    fn is_finished(&self) -> bool {
        self.enough.get()
            || self.begun >= self.load.connections && self.crowd.0.iter().all(|(_, client)| client.is_finished())
    }
}

/// The client of one connection: makes up calls, a few at a time.
struct Generator {
    client: Client,
    chance: Chance,
    size: u32,
    to_make: u64,
    running: u32,
}

impl Generator {
    fn follow(&mut self, now: Timestamp) {
        while let Some(event) = self.client.poll_event() {
            if let Event::Ended { .. } = event {
                self.running = self.running.saturating_sub(1);
            }
        }
        while self.running < AT_ONCE && self.to_make > 0 && !self.client.is_closed() {
            self.to_make = self.to_make.saturating_sub(1);
            self.running = self.running.saturating_add(1);
            self.call(now);
        }
    }

    fn call(&mut self, now: Timestamp) {
        let kind = self.chance.below(100);
        let (path, count) = match kind {
            0..70 => (SEARCH, 1),
            70..80 => (LIST, 1),
            80..90 => (RECORD, self.chance.below(8).saturating_add(1)),
            _ => (ROUTE, self.chance.below(8)),
        };
        let mut request = Request { path: path.to_owned(), ..Request::default() };
        request.metadata.push(WORK, self.chance.below(3).to_string());
        request.metadata.push("x-request-id", format!("{:016x}", self.chance.next()));
        if kind.is_multiple_of(10) {
            request.metadata.push("authorization", "Bearer c2VjcmV0");
        }
        if kind.is_multiple_of(5) {
            request.timeout = Some(10_000_000_000);
        }
        if kind.is_multiple_of(20) {
            request.compression = Compression::Gzip;
        }
        let ticket = self.client.call(now, request);
        for _ in 0..count {
            let text = self.text();
            let message = match path {
                SEARCH if kind < 5 => search_request(&format!("status {}", self.chance.below(16).saturating_add(1))),
                SEARCH => search_request(&text),
                _ => point(&text, i32::try_from(self.chance.below(100_000)).unwrap_or(0)),
            };
            self.client.send(ticket, &message);
        }
        self.client.finish(ticket);
    }

    fn text(&mut self) -> String {
        let length = self.chance.below(self.size.saturating_mul(2).saturating_add(1));
        let word = format!("{:08x} ", self.chance.below(u32::MAX));
        word.chars().cycle().take(usize::try_from(length).unwrap_or(0)).collect()
    }
}

impl Peer for Generator {
    fn begin(&mut self, now: Timestamp) {
        self.client.begin(now);
        self.follow(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.client.handle_octets(now, octets);
        self.follow(now);
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.client.handle_end(now);
        self.follow(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.client.handle_timeout(now);
        self.follow(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.client.poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.client.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.client.is_closed() || (self.to_make == 0 && self.running == 0 && self.client.is_idle())
    }
}

/// Numbers that look like chance (SplitMix64).
struct Chance(u64);

impl Chance {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    fn below(&mut self, end: u32) -> u32 {
        let number = self.next().checked_rem(end.into()).unwrap_or(0);
        u32::try_from(number).unwrap_or(0)
    }
}

/// Connections open at once.
const LANES: usize = 16;
/// Calls under way at once on each.
const AT_ONCE: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(seed: u64) -> Vec<Recorded> {
        let mut packets = Vec::new();
        let load = Load { connections: 20, calls: 205, size: 300, seed };
        load.run(&mut |packet| {
            packets.push(packet);
            true
        })
        .unwrap();
        packets
    }

    #[test]
    fn it_ends_when_nobody_takes_more() {
        let mut left = 10;
        let load = Load { connections: 1000, calls: u64::MAX, size: 300, seed: 1 };
        load.run(&mut |_| {
            left -= 1;
            left > 0
        })
        .unwrap();
        assert_eq!(left, 0);
    }

    #[test]
    fn the_same_seed_makes_the_same_packets_in_the_order_of_time() {
        let first = packets(1);
        assert!(first.len() > 500 && first.is_sorted_by_key(|packet| packet.time));
        assert_eq!(first, packets(1));
        assert_ne!(first, packets(2));
    }
}
