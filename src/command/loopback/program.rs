//! The stage's client with its names, and with the connections that were refused on record: no relay sees those.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::rc::Rc;

use super::relay::Record;
use crate::endpoint::{ConnectionId, Dialler, News, Order};
use crate::time::Timestamp;

/// Names, and the numbers of the backends they lead to.
pub(super) type Names = Rc<RefCell<BTreeMap<String, Vec<usize>>>>;

pub(super) struct Program {
    inner: Box<dyn Dialler>,
    addresses: Vec<SocketAddrV4>,
    names: Names,
    record: Rc<Record>,
    now: Timestamp,
    connected: Vec<ConnectionId>,
}

impl Program {
    pub(super) fn new(
        inner: Box<dyn Dialler>,
        addresses: Vec<SocketAddrV4>,
        names: Vec<(String, Vec<usize>)>,
        record: Rc<Record>,
    ) -> Self {
        let names = Rc::new(RefCell::new(names.into_iter().collect()));
        Self { inner, addresses, names, record, now: Timestamp::EPOCH, connected: Vec::new() }
    }

    /// The names, to be changed.
    pub(super) fn names(&self) -> Names {
        Rc::clone(&self.names)
    }

    fn resolve(&self, name: &str) -> Result<Vec<SocketAddr>, String> {
        let names = self.names.borrow();
        let backends = names.get(name).ok_or_else(|| format!("no such host: {name}"))?;
        Ok(backends.iter().filter_map(|n| self.addresses.get(*n)).map(|address| SocketAddr::V4(*address)).collect())
    }
}

impl Dialler for Program {
    fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.inner.begin(now);
    }

    fn handle_news(&mut self, now: Timestamp, news: News) {
        self.now = now;
        match &news {
            News::Connected { connection } => self.connected.push(*connection),
            News::Failed { connection, .. } => self.record.refused(*connection, now),
            News::Lost { connection, .. } => self.connected.retain(|known| known != connection),
            News::Resolved { .. } | News::Octets { .. } | News::Ended { .. } => {}
        }
        self.inner.handle_news(now, news);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.now = now;
        self.inner.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.inner.poll_timeout()
    }

    fn poll_order(&mut self) -> Option<Order> {
        loop {
            let order = self.inner.poll_order()?;
            match &order {
                Order::Resolve { name } => {
                    let news = News::Resolved { addresses: self.resolve(name), name: name.clone() };
                    self.inner.handle_news(self.now, news);
                    continue;
                }
                Order::Dial { connection, address } => self.record.dialled(*connection, *address),
                Order::End { connection } | Order::Abort { connection } => {
                    if self.connected.contains(connection) {
                        self.connected.retain(|known| known != connection);
                        self.record.ordered_end();
                    }
                }
            }
            return Some(order);
        }
    }

    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        self.inner.poll_transmit(connection, out);
    }

    fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }
}
