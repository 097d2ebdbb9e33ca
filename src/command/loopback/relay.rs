//! Forwards octets between two sockets, untouched, and records them.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::command::drive::clock::Clock;
use crate::direction::Direction;
use crate::endpoint::ConnectionId;
use crate::endpoint::tap::{Recorded, Tap};
use crate::time::Timestamp;

/// What all relays have seen.
pub(super) struct Record {
    clock: Clock,
    packets: RefCell<Vec<Recorded>>,
    /// Connections that were asked for and have not reached a relay.
    dials: RefCell<Vec<(ConnectionId, SocketAddr, Timestamp)>>,
    refused: Cell<u16>,
    /// Connections that the client has ended.
    ordered: Cell<u32>,
    /// Those of them whose end has reached a relay.
    heard: Cell<u32>,
    /// Those of these where the backend's end is awaited.
    half: Cell<u32>,
    last: Cell<Timestamp>,
}

impl Record {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            packets: RefCell::default(),
            dials: RefCell::default(),
            refused: Cell::default(),
            ordered: Cell::default(),
            heard: Cell::default(),
            half: Cell::default(),
            last: Cell::new(clock.now()),
        }
    }

    /// The clock of all times here.
    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    /// The client asks for a connection.
    pub(super) fn dialled(&self, connection: ConnectionId, address: SocketAddr) {
        self.dials.borrow_mut().push((connection, address, self.clock.now()));
    }

    /// It was refused. Its port is made up, for the system does not tell which it was.
    pub(super) fn refused(&self, connection: ConnectionId, now: Timestamp) {
        let mut dials = self.dials.borrow_mut();
        let Some(at) = dials.iter().position(|(known, ..)| *known == connection) else { return };
        let (_, address, dialled) = dials.remove(at);
        let SocketAddr::V4(address) = address else { return };
        let port = FIRST_REFUSED.saturating_add(self.refused.get());
        self.refused.set(self.refused.get().saturating_add(1));
        let mut tap = Tap::new(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port), address);
        tap.syn(dialled);
        tap.refused(now);
        self.packets.borrow_mut().append(&mut tap.take());
    }

    /// The client has ended a connection.
    pub(super) fn ordered_end(&self) {
        self.ordered.set(self.ordered.get().saturating_add(1));
        self.last.set(self.clock.now());
    }

    /// Whether every end that the client has sent was seen here and answered.
    pub(super) fn is_quiet(&self) -> bool {
        self.heard.get() >= self.ordered.get() && self.half.get() == 0
    }

    /// When something was recorded last.
    pub(super) const fn last(&self) -> Timestamp {
        self.last.get()
    }

    /// All packets, in the order of their times.
    pub(super) fn finish(&self) -> Vec<Recorded> {
        let mut packets = self.packets.take();
        packets.sort_by_key(|packet| packet.time);
        packets
    }

    fn opened(&self, tap: &mut Tap, address: SocketAddrV4) {
        let now = self.clock.now();
        let mut dials = self.dials.borrow_mut();
        let at = dials.iter().position(|(_, known, _)| *known == SocketAddr::V4(address));
        let dialled = at.map_or(now, |at| dials.remove(at).2);
        tap.open(dialled, now, now);
        self.take(tap);
    }

    fn take(&self, tap: &mut Tap) {
        self.last.set(self.clock.now());
        self.packets.borrow_mut().append(&mut tap.take());
    }
}

/// One connection through a relay.
pub(super) struct Relay {
    pub(super) record: Rc<Record>,
    pub(super) front: SocketAddrV4,
    /// Whether nothing is forwarded any more.
    pub(super) silent: Rc<Cell<bool>>,
}

impl Relay {
    /// Forwards between the client's socket and a new one to the server, until both have ended or one is gone.
    pub(super) async fn run(self, mut client: TcpStream, from: SocketAddrV4, server: SocketAddr) -> io::Result<()> {
        let mut tap = Tap::new(from, self.front);
        self.record.opened(&mut tap, self.front);
        let way = Way { relay: &self, tap: RefCell::new(tap), ended: Cell::new(false) };
        let mut to_server = match TcpStream::connect(server).await {
            Ok(stream) => stream,
            Err(error) => {
                way.reset(Direction::ToClient);
                client.set_zero_linger()?;
                return Err(error);
            }
        };
        client.set_nodelay(true)?;
        to_server.set_nodelay(true)?;
        let outcome = {
            let (client_reader, client_writer) = client.split();
            let (server_reader, server_writer) = to_server.split();
            tokio::try_join!(
                way.forward(client_reader, server_writer, Direction::ToServer),
                way.forward(server_reader, client_writer, Direction::ToClient),
            )
        };
        if way.ended.get() {
            self.record.half.set(self.record.half.get().saturating_sub(1));
        }
        if outcome.is_err() {
            // Who sends to one that is gone learns of it by RST.
            client.set_zero_linger()?;
            to_server.set_zero_linger()?;
        }
        outcome.map(|_: ((), ())| ())
    }
}

/// Both directions of a connection.
struct Way<'a> {
    relay: &'a Relay,
    tap: RefCell<Tap>,
    /// Whether the client has ended.
    ended: Cell<bool>,
}

impl Way<'_> {
    /// Octets are recorded before they are forwarded, so that no answer is recorded before its question.
    async fn forward(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, direction: Direction) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            let length = match from.read(&mut buffer).await {
                Ok(length) => length,
                Err(error) => {
                    self.reset(direction);
                    return Err(error);
                }
            };
            let octets = buffer.get(..length).unwrap_or_default();
            let is_silent = self.relay.silent.get();
            if is_silent && direction == Direction::ToClient {
                if octets.is_empty() {
                    return std::future::pending().await;
                }
                continue;
            }
            self.record(direction, octets, is_silent);
            match (octets.is_empty(), is_silent) {
                // The other direction has nothing to say either.
                (true, true) => return Err(io::ErrorKind::NotConnected.into()),
                (true, false) => return to.shutdown().await,
                (false, true) => {}
                (false, false) => to.write_all(octets).await?,
            }
        }
    }

    /// No octets are the end.
    fn record(&self, direction: Direction, octets: &[u8], is_silent: bool) {
        let now = self.relay.record.clock.now();
        let mut tap = self.tap.borrow_mut();
        if octets.is_empty() {
            tap.end(now, direction);
            self.client_ended(direction);
        } else {
            tap.octets(now, direction, octets);
        }
        if !is_silent {
            tap.delivered(direction, octets.len().max(1));
        }
        self.relay.record.take(&mut tap);
    }

    fn reset(&self, direction: Direction) {
        if self.relay.silent.get() && direction == Direction::ToClient {
            return;
        }
        let mut tap = self.tap.borrow_mut();
        tap.reset(self.relay.record.clock.now(), direction);
        self.client_ended(direction);
        self.relay.record.take(&mut tap);
    }

    fn client_ended(&self, direction: Direction) {
        let record = &self.relay.record;
        if direction == Direction::ToServer && !self.ended.replace(true) {
            record.heard.set(record.heard.get().saturating_add(1));
            record.half.set(record.half.get().saturating_add(1));
        }
    }
}

/// Octets read at once.
const PIECE: usize = 64 << 10;
/// Made-up ports of refused connections: systems give such out seldom or never.
const FIRST_REFUSED: u16 = 20_000;
