//! A simulated link: two peers, a virtual clock, and the packets seen halfway between them.
//!
//! Octets take [`LATENCY`] and are never lost; the peers take no time of their own. So a run depends on nothing but the
//! peers, and its packets are the same octet for octet everywhere.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::Peer;
use super::tap::{Recorded, Tap};
use crate::direction::{Both, Direction};
use crate::time::Timestamp;

/// Nanoseconds from one end to the other.
pub const LATENCY: i64 = 100_000;

/// When the client begins to connect: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

/// Addresses for documentation (RFC 5737), so that nobody takes them for a machine.
pub const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 40_000);
/// The server's.
pub const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 2), 50_051);

/// Why a run ended before the connection did.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stuck {
    /// Both ends wait for each other.
    #[error("client and server wait for each other")]
    Waiting,
    /// There is no end in sight.
    #[error("the two ends were not done after a million steps")]
    Endless,
}

/// Runs the two ends until both have ended the connection, and returns the packets.
///
/// # Errors
///
/// When they do not come to an end, see [`Stuck`].
pub fn run(client: &mut dyn Peer, server: &mut dyn Peer) -> Result<Vec<Recorded>, Stuck> {
    let mut link = Link {
        now: START,
        tap: Tap::new(CLIENT, SERVER),
        flights: Both::default(),
        ended: Both::default(),
        arrived: Both::default(),
    };
    link.open(client);
    for _ in 0..STEPS {
        if link.arrived.to_server && link.arrived.to_client {
            return Ok(link.tap.into_packets());
        }
        link.step(client, server)?;
    }
    Err(Stuck::Endless)
}

struct Link {
    now: Timestamp,
    tap: Tap,
    flights: Both<VecDeque<Flight>>,
    /// Whether the sender has sent FIN.
    ended: Both<bool>,
    /// Whether it has arrived.
    arrived: Both<bool>,
}

/// Something on its way.
struct Flight {
    arrival: Timestamp,
    what: Cargo,
}

enum Cargo {
    Opened,
    Octets(Vec<u8>),
    End,
}

impl Link {
    /// The handshake; the client learns of it a round trip later, the server half a round trip after that.
    fn open(&mut self, client: &mut dyn Peer) {
        let [syn, syn_ack, ack] =
            [0, LATENCY, LATENCY.saturating_mul(2)].map(|nanos| START.saturating_add_nanos(nanos));
        self.tap.open(halfway(syn), halfway(syn_ack), halfway(ack));
        self.now = ack;
        self.send(Direction::ToServer, Cargo::Opened);
        client.begin(ack);
        self.flush(Direction::ToServer, client, false);
    }

    /// The next thing that happens. At one time, arrivals come before timers, and the server before the client.
    fn step(&mut self, client: &mut dyn Peer, server: &mut dyn Peer) -> Result<(), Stuck> {
        let arrival = |direction| self.flights[direction].front().map(|flight: &Flight| flight.arrival);
        let server_timer = server.poll_timeout().filter(|_| !self.ended.to_client);
        let client_timer = client.poll_timeout().filter(|_| !self.ended.to_server);
        let next = [
            (arrival(Direction::ToServer), Next::Arrival(Direction::ToServer)),
            (arrival(Direction::ToClient), Next::Arrival(Direction::ToClient)),
            (server_timer, Next::Timer(Direction::ToServer)),
            (client_timer, Next::Timer(Direction::ToClient)),
        ];
        let next = next.into_iter().filter_map(|(time, what)| Some((time?, what))).min_by_key(|(time, _)| *time);
        let Some((time, what)) = next else { return Err(Stuck::Waiting) };
        self.now = self.now.max(time);
        let direction = match what {
            Next::Arrival(direction) | Next::Timer(direction) => direction,
        };
        let peer: &mut dyn Peer = match direction {
            Direction::ToServer => server,
            Direction::ToClient => client,
        };
        let mut acknowledge = false;
        match what {
            Next::Timer(_) => peer.handle_timeout(self.now),
            Next::Arrival(_) => match self.flights[direction].pop_front().map(|flight| flight.what) {
                None => {}
                Some(Cargo::Opened) => peer.begin(self.now),
                Some(Cargo::Octets(octets)) => {
                    self.tap.delivered(direction, octets.len());
                    peer.handle_octets(self.now, &octets);
                    acknowledge = true;
                }
                Some(Cargo::End) => {
                    self.tap.delivered(direction, 1);
                    self.arrived[direction] = true;
                    peer.handle_end(self.now);
                    acknowledge = true;
                }
            },
        }
        self.flush(direction.opposite(), peer, acknowledge);
        Ok(())
    }

    /// Sends what `peer`, the sender of this direction, has; at least an acknowledgement, if one is due.
    fn flush(&mut self, direction: Direction, peer: &mut dyn Peer, acknowledge: bool) {
        let mut acknowledge = acknowledge;
        let passes = halfway(self.now);
        loop {
            let mut octets = Vec::new();
            peer.poll_transmit(&mut octets);
            if octets.is_empty() {
                break;
            }
            // After FIN nothing may follow; a peer that is finished has nothing more.
            if !self.ended[direction] {
                acknowledge = false;
                self.tap.octets(passes, direction, &octets);
                self.send(direction, Cargo::Octets(octets));
            }
        }
        if peer.is_finished() && !std::mem::replace(&mut self.ended[direction], true) {
            acknowledge = false;
            self.tap.end(passes, direction);
            self.send(direction, Cargo::End);
        }
        if acknowledge {
            self.tap.acknowledge(passes, direction);
        }
    }

    fn send(&mut self, direction: Direction, what: Cargo) {
        let arrival = self.now.saturating_add_nanos(LATENCY);
        self.flights[direction].push_back(Flight { arrival, what });
    }
}

#[derive(Clone, Copy)]
enum Next {
    Arrival(Direction),
    Timer(Direction),
}

/// When what is sent now passes the tap.
const fn halfway(now: Timestamp) -> Timestamp {
    now.saturating_add_nanos(LATENCY / 2)
}

/// More than any scenario needs.
const STEPS: u32 = 1_000_000;
