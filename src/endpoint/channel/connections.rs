//! The connections of a channel: when they are dialled, what their news mean, and how they end.

use std::net::SocketAddr;
use std::time::Duration;

use super::backoff::after;
use super::balancer::Balancer;
use super::line::{Line, Phase};
use super::subchannel::{Next, Subchannel};
use super::{Channel, Event, Happening};
use crate::endpoint::client::{self, Client, Ending, Unprocessed};
use crate::endpoint::{ConnectionId, Order};
use crate::grpc::status::Status;
use crate::time::Timestamp;

impl Channel {
    /// An answer to a question for a name.
    pub(super) fn resolved(&mut self, now: Timestamp, name: &str, addresses: Result<Vec<SocketAddr>, String>) {
        let times = (&self.config.refresh, &self.config.backoff);
        if self.resolver.answer(now, (name, addresses), times, &mut self.random) {
            self.follow_addresses(now);
        }
    }

    /// Makes the places to connect to what the addresses say: some stay, some go, some come.
    pub(super) fn follow_addresses(&mut self, now: Timestamp) {
        let addresses = match self.resolver.addresses() {
            None => return,
            Some(Ok(addresses)) => addresses,
            Some(Err(why)) => {
                self.trouble = why;
                Vec::new()
            }
        };
        let mut old = std::mem::take(&mut self.subchannels);
        for place in self.config.balancer.places(&addresses) {
            for _ in 0..self.config.pool() {
                let same = match self.config.balancer {
                    Balancer::PickFirst => (!old.is_empty()).then_some(0),
                    Balancer::RoundRobin => old.iter().position(|known| known.addresses() == place),
                };
                let Some(same) = same else {
                    self.subchannels.push(Subchannel::new(place.clone()));
                    continue;
                };
                let mut kept = old.remove(same);
                let (was_idle, connection) = (kept.is_idle(), kept.connection());
                let address = connection.and_then(|connection| Some(self.lines.get(&connection)?.address));
                kept.replace(place.clone(), address);
                if kept.is_idle() && !was_idle {
                    self.wanted = true;
                    self.detach(now, connection);
                }
                self.subchannels.push(kept);
            }
        }
        for gone in old {
            self.detach(now, gone.connection());
        }
    }

    /// Begins the attempts that are wanted or due.
    pub(super) fn connect_due(&mut self, now: Timestamp) {
        let is_wanted = self.config.balancer.is_eager() || self.wanted || !self.queue.is_empty();
        let mut dialled = Vec::new();
        for place in &mut self.subchannels {
            if place.is_due(now, is_wanted) {
                let connection = ConnectionId(self.next_connection);
                self.next_connection = self.next_connection.saturating_add(1);
                if let Some(address) = place.connect(now, connection, &self.config.backoff, &mut self.random) {
                    dialled.push((connection, address));
                }
            }
        }
        for (connection, address) in dialled {
            self.dial(now, connection, address);
        }
        // What is not known yet is still wanted when it is.
        self.wanted &= self.subchannels.is_empty();
    }

    fn dial(&mut self, now: Timestamp, connection: ConnectionId, address: SocketAddr) {
        let mut client = Client::new(self.config.connection.clone(), self.authority.as_str());
        if let Some(user_agent) = &self.config.user_agent {
            client = client.with_user_agent(user_agent.as_str());
        }
        self.lines.insert(connection, Line::new(address, client));
        self.orders.push_back(Order::Dial { connection, address });
        self.notice(Event::Connection { at: now, connection, address, what: Happening::Dialled });
    }

    /// The connection is there; whether HTTP/2 is spoken on it will be seen.
    pub(super) fn connected(&mut self, now: Timestamp, connection: ConnectionId) {
        if let Some(line) = self.lines.get_mut(&connection).filter(|line| line.phase == Phase::Dialling) {
            line.phase = Phase::Greeting;
            line.client.begin(now);
        }
    }

    /// The connection did not come about.
    pub(super) fn failed(&mut self, now: Timestamp, connection: ConnectionId, why: &str) {
        if let Some(line) = self.lines.remove(&connection) {
            self.attempt_failed(now, connection, line.address, why);
        }
    }

    /// What follows for the place that wanted the connection.
    fn attempt_failed(&mut self, now: Timestamp, connection: ConnectionId, address: SocketAddr, why: &str) {
        let what = Happening::Failed { why: why.to_owned() };
        self.notice(Event::Connection { at: now, connection, address, what });
        let Some(place) = self.subchannels.iter_mut().find(|place| place.connection() == Some(connection)) else {
            return;
        };
        let why = format!("connection error: desc = \"{address}: {why}\"");
        match place.failed() {
            None => {}
            Some(Next::Wait(until)) => {
                self.trouble.clone_from(&why);
                self.notice(Event::Backoff { at: now, until, why });
                self.resolver.doubt(now, &self.config.refresh);
            }
            Some(Next::Address) => {
                let connection = ConnectionId(self.next_connection);
                self.next_connection = self.next_connection.saturating_add(1);
                if let Some(address) = place.connect_next(now, connection, &self.config.backoff) {
                    self.dial(now, connection, address);
                }
            }
        }
    }

    pub(super) fn octets(&mut self, now: Timestamp, connection: ConnectionId, octets: &[u8]) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        if !matches!(line.phase, Phase::Dialling | Phase::Ending { .. }) {
            line.client.handle_octets(now, octets);
            self.stirred.insert(connection);
            self.settle(now, connection);
        }
    }

    /// The other end sends nothing more, in order (`ended`) or not.
    pub(super) fn lost(&mut self, now: Timestamp, connection: ConnectionId, why: &str, ended: bool) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        if let Phase::Ending { peer_ended, .. } = &mut line.phase {
            *peer_ended = true;
            if !ended {
                self.forget(now, connection);
            }
        } else {
            line.trouble = Some(format!("error reading from server: {why}"));
            line.client.handle_end(now);
            self.broken(now, connection, why, ended);
        }
        if ended {
            self.settle(now, connection);
        } else {
            self.lines.remove(&connection);
        }
    }

    /// The connection is of no use any more: its calls end, or go elsewhere.
    fn broken(&mut self, now: Timestamp, connection: ConnectionId, why: &str, peer_ended: bool) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        let (address, phase) = (line.address, line.phase);
        let was_there = matches!(phase, Phase::Ready | Phase::Draining);
        line.end(peer_ended, after(now, LINGER));
        let mut harmed = false;
        while let Some(event) = self.lines.get_mut(&connection).and_then(|line| line.client.poll_event()) {
            harmed |= matches!(&event, client::Event::Ended { ending, .. } if is_cut_off(ending));
            self.follow_client(connection, event);
        }
        // That a connection ends which takes no more calls was to be expected, unless it takes some with it.
        let is_reset = self.lines.get(&connection).is_some_and(|line| line.trouble.is_some()) && !peer_ended;
        let is_expected = phase == Phase::Draining && !harmed && !is_reset;
        if let Some(line) = self.lines.get_mut(&connection) {
            line.is_broken = !is_expected;
        }
        if !was_there {
            return self.attempt_failed(now, connection, address, &format!("error reading server preface: {why}"));
        }
        if !is_expected {
            let what = Happening::Lost { why: why.to_owned() };
            self.notice(Event::Connection { at: now, connection, address, what });
        }
        self.leave(now, connection);
    }

    /// The place has this connection no longer.
    fn leave(&mut self, now: Timestamp, connection: ConnectionId) {
        let was_used = self.lines.get(&connection).is_some_and(|line| line.is_used);
        if let Some(place) = self.subchannels.iter_mut().find(|place| place.connection() == Some(connection)) {
            place.rest(was_used);
            if !self.config.balancer.is_eager() {
                self.tell_state(now);
            }
            self.resolver.doubt(now, &self.config.refresh);
        }
    }

    /// Nobody wants the connection any more: it ends when its calls have ended.
    pub(super) fn detach(&mut self, now: Timestamp, connection: Option<ConnectionId>) {
        let Some((connection, line)) = connection.and_then(|id| Some((id, self.lines.get_mut(&id)?))) else { return };
        match line.phase {
            Phase::Dialling => {
                self.lines.remove(&connection);
                self.orders.push_back(Order::Abort { connection });
            }
            Phase::Greeting | Phase::Ready => self.drain(now, connection),
            Phase::Draining | Phase::Ending { .. } => {}
        }
    }

    fn drain(&mut self, now: Timestamp, connection: ConnectionId) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        line.phase = Phase::Draining;
        if line.client.gone_away().is_none() {
            line.client.close_gracefully(now);
            self.stirred.insert(connection);
        }
        let address = line.address;
        self.notice(Event::Connection { at: now, connection, address, what: Happening::Draining });
        self.settle(now, connection);
    }

    /// Draws the conclusions from what the client of a connection now is.
    pub(super) fn settle(&mut self, now: Timestamp, connection: ConnectionId) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        let address = line.address;
        if line.phase == Phase::Greeting && line.client.is_ready() && !line.client.is_closed() {
            line.phase = Phase::Ready;
            if let Some(place) = self.subchannels.iter_mut().find(|place| place.connection() == Some(connection)) {
                place.is_there();
                self.trouble.clear();
            }
            self.notice(Event::Connection { at: now, connection, address, what: Happening::Ready });
        }
        let Some(line) = self.lines.get_mut(&connection) else { return };
        match line.phase {
            Phase::Ready
                if line.client.gone_away().is_some() || (line.client.is_closing() && !line.client.is_closed()) =>
            {
                let keepalive_time = line.client.keepalive_time();
                self.slow_down(keepalive_time);
                self.leave(now, connection);
                return self.drain(now, connection);
            }
            Phase::Greeting | Phase::Ready | Phase::Draining if line.client.is_closed() => {
                let why = line.client.why_closed().unwrap_or_default();
                self.broken(now, connection, why, false);
            }
            _ => {}
        }
        let Some(line) = self.lines.get_mut(&connection) else { return };
        if line.ends_now() {
            self.orders.push_back(Order::End { connection });
        }
        if line.is_over() {
            self.forget(now, connection);
        }
    }

    /// The connection is no more.
    fn forget(&mut self, now: Timestamp, connection: ConnectionId) {
        if let Some(line) = self.lines.remove(&connection).filter(|line| !line.is_broken) {
            let address = line.address;
            self.notice(Event::Connection { at: now, connection, address, what: Happening::Closed });
        }
    }

    /// A server that complains about too many PINGs gets fewer of them on the connections to come.
    fn slow_down(&mut self, keepalive_time: Option<Duration>) {
        if let (Some(keepalive), Some(time)) = (&mut self.config.connection.keepalive, keepalive_time) {
            keepalive.time = keepalive.time.max(time);
        }
    }

    /// All connections are of no use any more, whatever is under way on them.
    pub(super) fn close_all(&mut self, now: Timestamp) {
        let all: Vec<ConnectionId> = self.lines.keys().copied().collect();
        for connection in all {
            let Some(line) = self.lines.get_mut(&connection) else { continue };
            match line.phase {
                Phase::Greeting | Phase::Ready | Phase::Draining => {
                    line.phase = Phase::Draining;
                    line.client.close(now);
                    self.settle(now, connection);
                }
                Phase::Dialling => self.detach(now, Some(connection)),
                Phase::Ending { .. } => {}
            }
        }
    }

    /// What is due for connections.
    pub(super) fn connection_alarms(&mut self, now: Timestamp) {
        let late: Vec<ConnectionId> = self
            .subchannels
            .iter()
            .filter(|place| place.timeout().is_some_and(|time| time <= now))
            .filter_map(Subchannel::connection)
            .collect();
        for connection in late {
            if let Some(line) = self.lines.remove(&connection) {
                self.orders.push_back(Order::Abort { connection });
                let waits_for = if line.phase == Phase::Dialling { "the connection" } else { "the server's preface" };
                self.attempt_failed(now, connection, line.address, &format!("{waits_for} took too long"));
            }
        }
        let due = |line: &&Line| line.timeout().is_some_and(|time| time <= now);
        let due: Vec<ConnectionId> =
            self.lines.iter().filter(|(_, line)| due(line)).map(|(connection, _)| *connection).collect();
        for connection in due {
            let Some(line) = self.lines.get_mut(&connection) else { continue };
            if let Phase::Ending { .. } = line.phase {
                self.forget(now, connection);
                self.orders.push_back(Order::Abort { connection });
            } else {
                line.client.handle_timeout(now);
                self.stirred.insert(connection);
                self.settle(now, connection);
            }
        }
    }
}

/// Whether a call ended because its connection did.
fn is_cut_off(ending: &Ending) -> bool {
    !ending.from_server && ending.status == Status::UNAVAILABLE && ending.unprocessed == Unprocessed::No
}

/// How long the other end of a connection that this end has ended is waited for.
const LINGER: Duration = Duration::from_secs(5);
