//! Several clients of one connection each, one after another or together, as one program.

use std::net::SocketAddr;

use super::caller::Caller;
use super::crowd::Crowd;
use super::puppet::Puppet;
use crate::endpoint::world::single::Single;
use crate::endpoint::{ConnectionId, Dialler, News, Order, Peer};
use crate::time::Timestamp;

/// When a client begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Begin {
    /// So many nanoseconds after the program.
    At(i64),
    /// When the one before it is done.
    AfterThePrevious,
}

/// Who speaks on a connection.
pub(super) enum Actor {
    Caller(Box<Caller>),
    Puppet(Puppet),
}

impl Actor {
    fn peer(&self) -> &dyn Peer {
        match self {
            Self::Caller(caller) => caller.as_ref(),
            Self::Puppet(puppet) => puppet,
        }
    }

    fn peer_mut(&mut self) -> &mut dyn Peer {
        match self {
            Self::Caller(caller) => caller.as_mut(),
            Self::Puppet(puppet) => puppet,
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Caller(caller) => caller.is_done(),
            Self::Puppet(puppet) => puppet.is_finished(),
        }
    }
}

impl Peer for Actor {
    fn begin(&mut self, now: Timestamp) {
        self.peer_mut().begin(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.peer_mut().handle_octets(now, octets);
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.peer_mut().handle_end(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.peer_mut().handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.peer().poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.peer_mut().poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.peer().is_finished()
    }
}

/// The clients.
pub(super) struct Fleet {
    crowd: Crowd<Actor>,
    /// When each begins, and whether it has.
    begins: Vec<(Begin, bool)>,
    /// Whether each ends its connection; else the program ends with all of them open.
    closes: bool,
    began: Timestamp,
    now: Timestamp,
}

impl Fleet {
    /// Clients that end their connections when they are done.
    pub(super) fn new(members: impl IntoIterator<Item = (Begin, SocketAddr, Actor)>) -> Self {
        let members = (0..).zip(members).map(|(n, (begin, address, actor))| {
            let client = (ConnectionId(n), Single::new(address, actor));
            ((begin, false), client)
        });
        let (begins, clients) = members.unzip();
        Self { crowd: Crowd(clients), begins, closes: true, began: Timestamp::EPOCH, now: Timestamp::EPOCH }
    }

    /// Clients that forget to.
    pub(super) fn leaking(members: impl IntoIterator<Item = (Begin, SocketAddr, Actor)>) -> Self {
        Self { closes: false, ..Self::new(members) }
    }

    fn is_done(&self, n: usize) -> bool {
        let (Some((_, has_begun)), Some((_, client))) = (self.begins.get(n), self.crowd.0.get(n)) else { return true };
        *has_begun && (client.is_finished() || (!self.closes && client.peer().is_done()))
    }

    /// Lets those begin whose time has come.
    fn advance(&mut self) {
        for n in 0..self.begins.len() {
            let due = match self.begins.get(n) {
                None | Some((_, true)) => false,
                Some((Begin::At(nanos), false)) => self.began.saturating_add_nanos(*nanos) <= self.now,
                Some((Begin::AfterThePrevious, false)) => {
                    n.checked_sub(1).is_none_or(|previous| self.is_done(previous))
                }
            };
            if due && let (Some((_, has_begun)), Some((_, client))) = (self.begins.get_mut(n), self.crowd.0.get_mut(n))
            {
                *has_begun = true;
                client.begin(self.now);
            }
        }
    }
}

impl Dialler for Fleet {
    fn begin(&mut self, now: Timestamp) {
        (self.began, self.now) = (now, now);
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
        self.advance();
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let begins = self.begins.iter().filter_map(|begin| match begin {
            (Begin::At(nanos), false) => Some(self.began.saturating_add_nanos(*nanos)),
            _ => None,
        });
        self.crowd.poll_timeout().into_iter().chain(begins).min()
    }

    fn poll_order(&mut self) -> Option<Order> {
        loop {
            let order = self.crowd.poll_order()?;
            if self.closes || !matches!(order, Order::End { .. }) {
                return Some(order);
            }
        }
    }

    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        self.crowd.poll_transmit(connection, out);
    }

    fn is_finished(&self) -> bool {
        (0..self.begins.len()).all(|n| self.is_done(n))
    }
}
