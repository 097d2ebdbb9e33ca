//! Clients of one connection each, side by side as one program. Who begins when, and what becomes of ends, is decided elsewhere.

use crate::endpoint::world::single::Single;
use crate::endpoint::{ConnectionId, Dialler, News, Order, Peer};
use crate::time::Timestamp;

/// The clients, each with the number of its connection.
pub(super) struct Crowd<P>(pub(super) Vec<(ConnectionId, Single<P>)>);

impl<P: Peer> Crowd<P> {
    fn client(&mut self, connection: ConnectionId) -> Option<&mut Single<P>> {
        self.0.iter_mut().find(|(known, _)| *known == connection).map(|(_, client)| client)
    }

    /// Tells it to the client that it is about.
    pub(super) fn handle_news(&mut self, now: Timestamp, news: News) {
        if let Some(client) = news.connection().and_then(|connection| self.client(connection)) {
            client.handle_news(now, news);
        }
    }

    /// Calls those whose time has come.
    pub(super) fn handle_timeout(&mut self, now: Timestamp) {
        for (_, client) in &mut self.0 {
            if client.poll_timeout().is_some_and(|time| time <= now) {
                client.handle_timeout(now);
            }
        }
    }

    /// When the first of them wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|(_, client)| client.poll_timeout()).min()
    }

    /// What the first of them wants that wants something.
    pub(super) fn poll_order(&mut self) -> Option<Order> {
        self.0.iter_mut().find_map(|(connection, client)| {
            let connection = *connection;
            Some(match client.poll_order()? {
                Order::Dial { address, .. } => Order::Dial { connection, address },
                Order::End { .. } => Order::End { connection },
                Order::Abort { .. } => Order::Abort { connection },
                order @ Order::Resolve { .. } => order,
            })
        })
    }

    /// Appends what the connection's client has to send.
    pub(super) fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        if let Some(client) = self.client(connection) {
            client.poll_transmit(connection, out);
        }
    }
}
