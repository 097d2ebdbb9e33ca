//! A client of one connection as a program: it dials once, speaks, and ends the connection.

use crate::endpoint::{ConnectionId, Dialler, News, Order, Peer};
use crate::time::Timestamp;
use std::net::SocketAddr;

/// A [`Dialler`] made of one [`Peer`].
#[derive(Debug)]
pub struct Single<P> {
    peer: P,
    address: SocketAddr,
    progress: Progress,
    /// What the peer had still to send when it ended.
    last: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Progress {
    New,
    /// It wants to be connected.
    Begun,
    Dialling,
    Open,
    /// The other end has ended.
    Heard,
    /// This end has ended.
    Ended,
    /// The connection is gone, or never came about.
    Over,
}

impl<P: Peer> Single<P> {
    /// A program that connects `peer` to `address`.
    pub const fn new(address: SocketAddr, peer: P) -> Self {
        Self { peer, address, progress: Progress::New, last: Vec::new() }
    }

    /// What speaks on the connection.
    pub const fn peer(&self) -> &P {
        &self.peer
    }

    const fn is_sending(&self) -> bool {
        matches!(self.progress, Progress::Open | Progress::Heard)
    }
}

/// The only one there is.
const CONNECTION: ConnectionId = ConnectionId(0);

impl<P: Peer> Dialler for Single<P> {
    fn begin(&mut self, _now: Timestamp) {
        self.progress = Progress::Begun;
    }

    fn handle_news(&mut self, now: Timestamp, news: News) {
        match news {
            News::Resolved { .. } => {}
            News::Connected { .. } => {
                self.progress = Progress::Open;
                self.peer.begin(now);
            }
            News::Octets { octets, .. } => self.peer.handle_octets(now, &octets),
            News::Ended { .. } => {
                self.progress = if self.progress == Progress::Ended { Progress::Over } else { Progress::Heard };
                self.peer.handle_end(now);
            }
            News::Failed { .. } | News::Lost { .. } => {
                self.progress = Progress::Over;
                self.peer.handle_end(now);
            }
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.peer.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.peer.poll_timeout().filter(|_| self.is_sending())
    }

    fn poll_order(&mut self) -> Option<Order> {
        if self.progress == Progress::Begun {
            self.progress = Progress::Dialling;
            return Some(Order::Dial { connection: CONNECTION, address: self.address });
        }
        if !self.is_sending() || !self.peer.is_finished() {
            return None;
        }
        loop {
            let before = self.last.len();
            self.peer.poll_transmit(&mut self.last);
            if self.last.len() == before {
                break;
            }
        }
        self.progress = if self.progress == Progress::Heard { Progress::Over } else { Progress::Ended };
        Some(Order::End { connection: CONNECTION })
    }

    fn poll_transmit(&mut self, _connection: ConnectionId, out: &mut Vec<u8>) {
        if self.is_sending() {
            self.peer.poll_transmit(out);
        } else {
            out.append(&mut self.last);
        }
    }

    fn is_finished(&self) -> bool {
        self.progress == Progress::Over
    }
}
