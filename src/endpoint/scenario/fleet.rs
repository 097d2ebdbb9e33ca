//! Several clients of one connection each, one after another or together, as one program.

use std::net::SocketAddr;

use super::caller::Caller;
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
    members: Vec<Member>,
    /// Whether each ends its connection; else the program ends with all of them open.
    closes: bool,
    began: Timestamp,
    now: Timestamp,
}

struct Member {
    begin: Begin,
    client: Single<Actor>,
    has_begun: bool,
}

impl Fleet {
    /// Clients that end their connections when they are done.
    pub(super) fn new(members: impl IntoIterator<Item = (Begin, SocketAddr, Actor)>) -> Self {
        let member = |(begin, address, actor)| Member { begin, client: Single::new(address, actor), has_begun: false };
        Self {
            members: members.into_iter().map(member).collect(),
            closes: true,
            began: Timestamp::EPOCH,
            now: Timestamp::EPOCH,
        }
    }

    /// Clients that forget to.
    pub(super) fn leaking(members: impl IntoIterator<Item = (Begin, SocketAddr, Actor)>) -> Self {
        Self { closes: false, ..Self::new(members) }
    }

    fn member(&mut self, connection: ConnectionId) -> Option<&mut Single<Actor>> {
        self.members.get_mut(usize::try_from(connection.0).ok()?).map(|member| &mut member.client)
    }

    fn is_done(&self, member: &Member) -> bool {
        member.has_begun
            && if self.closes {
                member.client.is_finished()
            } else {
                member.client.is_finished() || member.client.peer().is_done()
            }
    }

    /// Lets those begin whose time has come.
    fn advance(&mut self) {
        for n in 0..self.members.len() {
            let previous = n.checked_sub(1).and_then(|n| self.members.get(n));
            let due = match self.members.get(n).filter(|member| !member.has_begun).map(|member| member.begin) {
                None => false,
                Some(Begin::At(nanos)) => self.began.saturating_add_nanos(nanos) <= self.now,
                Some(Begin::AfterThePrevious) => previous.is_none_or(|previous| self.is_done(previous)),
            };
            if due && let Some(member) = self.members.get_mut(n) {
                member.has_begun = true;
                member.client.begin(self.now);
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
        let connection = match &news {
            News::Resolved { .. } => return,
            News::Connected { connection }
            | News::Failed { connection, .. }
            | News::Octets { connection, .. }
            | News::Ended { connection }
            | News::Lost { connection, .. } => *connection,
        };
        if let Some(client) = self.member(connection) {
            client.handle_news(now, news);
        }
        self.advance();
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.now = now;
        for member in &mut self.members {
            if member.client.poll_timeout().is_some_and(|time| time <= now) {
                member.client.handle_timeout(now);
            }
        }
        self.advance();
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let begins = self.members.iter().filter_map(|member| match member.begin {
            Begin::At(nanos) if !member.has_begun => Some(self.began.saturating_add_nanos(nanos)),
            Begin::At(_) | Begin::AfterThePrevious => None,
        });
        self.members.iter().filter_map(|member| member.client.poll_timeout()).chain(begins).min()
    }

    fn poll_order(&mut self) -> Option<Order> {
        for (n, member) in (0..).zip(&mut self.members) {
            let connection = ConnectionId(n);
            match member.client.poll_order() {
                Some(Order::Dial { address, .. }) => return Some(Order::Dial { connection, address }),
                Some(Order::End { .. }) if self.closes => return Some(Order::End { connection }),
                _ => {}
            }
        }
        None
    }

    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        if let Some(client) = self.member(connection) {
            client.poll_transmit(connection, out);
        }
    }

    fn is_finished(&self) -> bool {
        self.members.iter().all(|member| self.is_done(member))
    }
}
