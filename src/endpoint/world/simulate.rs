//! A stage on a simulated network: a virtual clock, and the packets seen halfway between client and backends.
//!
//! Nothing is lost but what a script makes vanish, and programs take no time of their own. So a run depends on nothing but
//! the stage, and its packets are the same octet for octet everywhere. TCP does not repeat what vanished.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::host::Host;
use super::tape::Tape;
use super::wire::{Cargo, Wire};
use super::{Change, Cue, Diary, Moment, Peer, Stage};
use crate::direction::Direction;
use crate::endpoint::tap::Recorded;
use crate::endpoint::{ConnectionId, Dialler, News, Order, Stop};
use crate::time::Timestamp;

/// When the client begins: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

/// Where a backend is. Addresses for documentation (RFC 5737), so that nobody takes them for a machine.
#[must_use]
pub fn address(backend: usize) -> SocketAddrV4 {
    let last = u8::try_from(backend).unwrap_or(u8::MAX).saturating_add(2);
    SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, last), 50_051)
}

/// Why a run ended before the client had finished.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stuck {
    /// Everybody waits for somebody else.
    #[error("client and backends wait for each other")]
    Waiting,
    /// There is no end in sight.
    #[error("the client had not finished after {0} steps")]
    Endless(u64),
}

/// Plays the stage until the client has finished; `record` takes the packets, in the order of their times.
///
/// # Errors
///
/// When the client does not come to an end within so many steps, see [`Stuck`].
pub fn run(stage: Stage, steps: u64, record: &mut dyn FnMut(Recorded)) -> Result<(), Stuck> {
    let Stage { client, backends, names, script, diary } = stage;
    let mut world = World {
        now: START,
        client,
        hosts: backends.into_iter().map(Host::new).collect(),
        names: names.into_iter().collect(),
        script: script.into(),
        changes: 0,
        diary,
        wires: BTreeMap::new(),
        port: CLIENT.port(),
        tape: Tape::new(record),
    };
    world.diary.happens(START, Moment::Begin);
    world.client.begin(START);
    world.follow(None);
    let outcome = world.play(steps);
    world.tape.finish();
    outcome
}

/// The packets of a stage that comes to its end within a million steps.
///
/// # Errors
///
/// When it does not, see [`Stuck`].
pub fn packets(stage: Stage) -> Result<Vec<Recorded>, Stuck> {
    let mut packets = Vec::new();
    run(stage, STEPS, &mut |packet| packets.push(packet))?;
    Ok(packets)
}

struct World<'a> {
    now: Timestamp,
    client: Box<dyn Dialler>,
    hosts: Vec<Host>,
    names: BTreeMap<String, Vec<usize>>,
    script: VecDeque<(Cue, Change)>,
    /// Changes made so far.
    changes: u32,
    diary: Diary,
    wires: BTreeMap<ConnectionId, Wire>,
    /// Of the client's next connection.
    port: u16,
    tape: Tape<'a>,
}

/// What happens next. At one time the first of these comes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Next {
    Change,
    Arrival(Way, ConnectionId),
    Accept(usize),
    Server(ConnectionId),
    Client,
}

/// Backends hear before the client does.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Way {
    ToServer,
    ToClient,
}

impl World<'_> {
    fn play(&mut self, steps: u64) -> Result<(), Stuck> {
        for _ in 0..steps {
            if self.is_over() {
                return Ok(());
            }
            let Some((time, next)) = self.next() else { return Err(Stuck::Waiting) };
            self.now = self.now.max(time);
            self.tape.advance(self.now);
            match next {
                Next::Change => self.change(),
                Next::Arrival(Way::ToServer, id) => self.at_backend(id),
                Next::Arrival(Way::ToClient, id) => self.at_client(id),
                Next::Accept(host) => self.accept(host),
                Next::Server(id) => self.with_peer(id, false, |peer, now| peer.handle_timeout(now)),
                Next::Client => {
                    self.client.handle_timeout(self.now);
                    self.follow(None);
                }
            }
        }
        Err(Stuck::Endless(steps))
    }

    /// The client has finished, and what it has ended is ended on the other side as well.
    fn is_over(&self) -> bool {
        self.client.is_finished() && !self.wires.values().any(|wire| wire.ended.to_server && !wire.is_silent())
    }

    fn next(&self) -> Option<(Timestamp, Next)> {
        let mut first: Option<(Timestamp, Next)> = None;
        let mut consider = |time: Option<Timestamp>, next: Next| {
            if let Some(time) = time {
                let found = (time, next);
                first = Some(first.map_or(found, |first| first.min(found)));
            }
        };
        consider(self.script.front().and_then(|(cue, _)| self.diary.due(*cue)), Next::Change);
        for (id, wire) in &self.wires {
            consider(wire.arrival(Direction::ToServer), Next::Arrival(Way::ToServer, *id));
            consider(wire.arrival(Direction::ToClient), Next::Arrival(Way::ToClient, *id));
            consider(wire.timer.filter(|_| !wire.ended.to_client), Next::Server(*id));
        }
        for (n, host) in self.hosts.iter().enumerate() {
            consider(host.retry, Next::Accept(n));
        }
        consider(self.client.poll_timeout(), Next::Client);
        first
    }

    fn change(&mut self) {
        let Some((_, change)) = self.script.pop_front() else { return };
        match change {
            Change::Listen(n) => self.host(n, |host| host.backend.listens = true),
            Change::Refuse(n) => self.refuse(n),
            Change::Silence(n) => {
                for wire in self.wires.values_mut().filter(|wire| wire.backend == n) {
                    wire.silence();
                }
            }
            Change::Stop(n, how) => self.stop(n, how),
            Change::Starve(n) => self.host(n, |host| host.starved = true),
            Change::Feed(n) => self.host(n, |host| host.starved = false),
            Change::Rename(name, backends) => {
                self.names.insert(name, backends);
            }
        }
        self.changes = self.changes.saturating_add(1);
        self.diary.happens(self.now, Moment::Changed(self.changes));
    }

    fn host(&mut self, n: usize, then: impl FnOnce(&mut Host)) {
        if let Some(host) = self.hosts.get_mut(n) {
            then(host);
        }
    }

    /// The backend closes its listener; connections that it has not accepted are reset.
    fn refuse(&mut self, n: usize) {
        let Some(host) = self.hosts.get_mut(n) else { return };
        host.backend.listens = false;
        host.retry = None;
        for id in std::mem::take(&mut host.queue) {
            if let Some(wire) = self.wires.get_mut(&id) {
                wire.send(self.now, Direction::ToClient, Cargo::Reset);
            }
            self.tap(id);
        }
    }

    /// The backend's program is told to stop.
    fn stop(&mut self, n: usize, how: Stop) {
        self.refuse(n);
        let served: Vec<ConnectionId> =
            self.wires.iter().filter(|(_, wire)| wire.backend == n && wire.peer.is_some()).map(|(id, _)| *id).collect();
        for id in served {
            self.with_peer(id, false, |peer, now| peer.stop(now, how));
            if how == Stop::AtOnce {
                self.cut(id);
            }
        }
    }

    /// The backend's end of the connection sends nothing more.
    fn cut(&mut self, id: ConnectionId) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        if !std::mem::replace(&mut wire.ended.to_client, true) {
            wire.send(self.now, Direction::ToClient, Cargo::End);
        }
        self.tap(id);
    }

    /// Something arrives at a backend's host.
    fn at_backend(&mut self, id: ConnectionId) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let Some(host) = self.hosts.get_mut(wire.backend) else { return };
        if wire.is_silent() {
            return wire.lose(Direction::ToServer);
        }
        let now = self.now;
        match wire.land(Direction::ToServer) {
            Some(Cargo::Syn) => {
                let answer = if host.backend.listens { Cargo::SynAck } else { Cargo::Refused };
                wire.send(now, Direction::ToClient, answer);
            }
            Some(Cargo::Opened) => {
                let n = wire.backend;
                host.queue.push_back(id);
                if host.retry.is_none() {
                    self.accept(n);
                }
            }
            Some(Cargo::Octets(octets)) if wire.peer.is_none() => {
                wire.early.0.extend_from_slice(&octets);
                wire.acknowledge(now, Direction::ToClient);
            }
            Some(Cargo::End) if wire.peer.is_none() => {
                wire.early.1 = true;
                wire.acknowledge(now, Direction::ToClient);
            }
            Some(Cargo::Octets(octets)) => {
                return self.with_peer(id, true, |peer, now| peer.handle_octets(now, &octets));
            }
            Some(Cargo::End) => {
                self.with_peer(id, true, |peer, now| peer.handle_end(now));
                self.forget_if_over(id);
                return;
            }
            Some(Cargo::Reset) => {
                if let Some(peer) = &mut wire.peer {
                    peer.handle_end(now);
                }
                self.forget(id);
                return;
            }
            Some(Cargo::SynAck | Cargo::Refused) | None => {}
        }
        self.tap(id);
    }

    /// The backend's accept loop runs: it takes every connection that waits, or fails and tries again later.
    fn accept(&mut self, n: usize) {
        while let Some((id, peer)) = self.hosts.get_mut(n).and_then(|host| host.accept(self.now)) {
            let Some(wire) = self.wires.get_mut(&id) else { continue };
            wire.peer = Some(peer);
            let (octets, ended) = std::mem::take(&mut wire.early);
            self.with_peer(id, false, |peer, now| {
                peer.begin(now);
                if !octets.is_empty() {
                    peer.handle_octets(now, &octets);
                }
                if ended {
                    peer.handle_end(now);
                }
            });
        }
    }

    /// Lets the backend's end of the connection do something, and sends what it then has; at least an acknowledgement, if
    /// one is due.
    fn with_peer(&mut self, id: ConnectionId, acknowledge: bool, then: impl FnOnce(&mut dyn Peer, Timestamp)) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let Some(mut peer) = wire.peer.take() else { return };
        then(peer.as_mut(), self.now);
        let mut acknowledge = acknowledge;
        loop {
            let mut octets = Vec::new();
            peer.poll_transmit(&mut octets);
            if octets.is_empty() {
                break;
            }
            // After FIN nothing may follow.
            if !wire.ended.to_client {
                acknowledge = false;
                wire.send(self.now, Direction::ToClient, Cargo::Octets(octets));
            }
        }
        if peer.is_finished() && !std::mem::replace(&mut wire.ended.to_client, true) {
            acknowledge = false;
            wire.send(self.now, Direction::ToClient, Cargo::End);
        }
        if acknowledge {
            wire.acknowledge(self.now, Direction::ToClient);
        }
        wire.timer = peer.poll_timeout();
        wire.peer = Some(peer);
        self.tap(id);
    }

    /// Something arrives at the client.
    fn at_client(&mut self, id: ConnectionId) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        if wire.aborted {
            return wire.lose(Direction::ToClient);
        }
        let news = match wire.land(Direction::ToClient) {
            Some(Cargo::SynAck) => {
                wire.connected = true;
                wire.send(self.now, Direction::ToServer, Cargo::Opened);
                News::Connected { connection: id }
            }
            Some(Cargo::Refused) => News::Failed { connection: id, why: "connection refused".to_owned() },
            Some(Cargo::Octets(octets)) => News::Octets { connection: id, octets },
            Some(Cargo::End) => News::Ended { connection: id },
            Some(Cargo::Reset) => News::Lost { connection: id, why: "connection reset by peer".to_owned() },
            Some(Cargo::Syn | Cargo::Opened) | None => return,
        };
        let gone = matches!(news, News::Failed { .. } | News::Lost { .. });
        let due = matches!(news, News::Octets { .. } | News::Ended { .. }).then_some(id);
        if gone {
            self.forget(id);
        }
        self.client.handle_news(self.now, news);
        self.follow(due);
        self.forget_if_over(id);
    }

    /// Does what the client wants and sends what it has; at least an acknowledgement on the connection where one is due.
    fn follow(&mut self, due: Option<ConnectionId>) {
        let mut due = due;
        loop {
            self.transmit(&mut due);
            let Some(order) = self.client.poll_order() else { break };
            self.obey(order, &mut due);
        }
        if let Some(wire) = due.and_then(|id| self.wires.get_mut(&id)) {
            wire.acknowledge(self.now, Direction::ToServer);
        }
        if let Some(id) = due {
            self.tap(id);
        }
    }

    fn transmit(&mut self, due: &mut Option<ConnectionId>) {
        for (id, wire) in self.wires.iter_mut().filter(|(_, wire)| wire.connected && !wire.ended.to_server) {
            loop {
                let mut octets = Vec::new();
                self.client.poll_transmit(*id, &mut octets);
                if octets.is_empty() {
                    break;
                }
                wire.send(self.now, Direction::ToServer, Cargo::Octets(octets));
                due.take_if(|due| due == id);
            }
            self.tape.add(wire.take());
        }
    }

    fn obey(&mut self, order: Order, due: &mut Option<ConnectionId>) {
        match order {
            Order::Resolve { name } => {
                let news = News::Resolved { addresses: self.resolve(&name), name };
                self.client.handle_news(self.now, news);
            }
            Order::Dial { connection, address } => self.dial(connection, address),
            Order::End { connection } => {
                let Some(wire) = self.wires.get_mut(&connection) else { return };
                if !std::mem::replace(&mut wire.ended.to_server, true) {
                    wire.send(self.now, Direction::ToServer, Cargo::End);
                    due.take_if(|due| *due == connection);
                    self.tap(connection);
                }
            }
            Order::Abort { connection } => {
                let Some(wire) = self.wires.get_mut(&connection) else { return };
                due.take_if(|due| *due == connection);
                if !wire.connected {
                    return self.forget(connection);
                }
                wire.send(self.now, Direction::ToServer, Cargo::Reset);
                wire.ended.to_server = true;
                wire.aborted = true;
                self.tap(connection);
            }
        }
    }

    fn resolve(&self, name: &str) -> Result<Vec<SocketAddr>, String> {
        match self.names.get(name) {
            Some(backends) => Ok(backends.iter().map(|n| SocketAddr::V4(address(*n))).collect()),
            None => Err(format!("no such host: {name}")),
        }
    }

    fn dial(&mut self, id: ConnectionId, to: SocketAddr) {
        let known = (0..self.hosts.len()).find(|n| SocketAddr::V4(address(*n)) == to);
        let Some((n, host)) = known.and_then(|n| Some((n, self.hosts.get(n)?))) else {
            let news = News::Failed { connection: id, why: "no route to host".to_owned() };
            return self.client.handle_news(self.now, news);
        };
        let SocketAddr::V4(to) = to else { return };
        let mut wire = Wire::new(SocketAddrV4::new(*CLIENT.ip(), self.port), to, n, host.backend.link);
        self.port = self.port.checked_add(1).unwrap_or(CLIENT.port());
        wire.send(self.now, Direction::ToServer, Cargo::Syn);
        self.wires.insert(id, wire);
        self.tap(id);
    }

    /// Puts what has passed the tap of the connection onto the tape.
    fn tap(&mut self, id: ConnectionId) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        self.tape.add(wire.take());
    }

    fn forget(&mut self, id: ConnectionId) {
        if let Some(mut wire) = self.wires.remove(&id) {
            self.tape.add(wire.take());
        }
    }

    fn forget_if_over(&mut self, id: ConnectionId) {
        if self.wires.get(&id).is_some_and(Wire::is_over) {
            self.forget(id);
        }
    }
}

/// The first of the client's addresses.
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 40_000);

/// More than any scenario needs, but for `load`.
const STEPS: u64 = 1_000_000;
