//! A gRPC client and a gRPC server on our own frame codec, without sockets or clock (RFC 9113, gRPC PROTOCOL-HTTP2).
//!
//! State machines in the manner of quinn-proto: octets and the time come in by `handle_*`, octets, events and the next
//! deadline are fetched with `poll_*`. The same machines run over TCP and over a [simulated network](world), where the
//! clock is virtual and a capture is the same octet for octet on every run.
//!
//! | layer | what it does |
//! |---|---|
//! | [`connection`] | HTTP/2: preface, SETTINGS, streams, flow control, PING, GOAWAY, and what a peer must not do |
//! | [`config`], [`bounds`] | what an endpoint grants its peer, and what one peer may cost |
//! | [`keepalive`], [`lifetime`] | PING to a silent peer, graceful and hard stop, age, idleness |
//! | [`client`], [`server`] | gRPC on it: calls, messages, metadata, deadlines, status |
//! | [`compression`], [`inbox`] | messages in their envelopes, packed with gzip or not |
//! | [`interceptor`] | what happens around every call of a server: logging, recovery, deadline, stamp |
//! | [`services`] | what a server offers: methods by path, canned answers, reflection, health |
//! | [`channel`] | connections that are made, replaced and shared as calls need them |
//! | [`example`] | the services of `proto/` |
//! | [`world`] | a client, its backends and what changes: the stage of a scenario, and a simulated network with a virtual clock |
//! | [`scenario`] | the catalogue: each the answer to a question |
//! | [`accept`] | how a server waits when it cannot accept |
//! | [`tap`] | the packets a capture would hold |
//!
//! What a frame means to people is said by `annotate`; nothing here writes words.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

pub mod accept;
pub mod bdp;
pub mod bounds;
pub mod channel;
pub mod client;
pub mod compression;
pub mod config;
pub mod connection;
mod deadlines;
pub mod example;
pub mod fields;
mod header_block;
pub mod inbox;
pub mod interceptor;
pub mod keepalive;
pub mod lifetime;
mod queue;
mod receive;
pub mod scenario;
mod send;
pub mod server;
pub mod services;
mod stream;
pub mod tap;
pub mod world;

use std::net::SocketAddr;

use crate::time::Timestamp;

/// One end of a TCP connection, as whoever moves octets sees it.
pub trait Peer {
    /// The connection is there.
    fn begin(&mut self, now: Timestamp);

    /// Octets from the other end.
    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]);

    /// The other end will send nothing more.
    fn handle_end(&mut self, now: Timestamp);

    /// The time that [`poll_timeout`](Self::poll_timeout) gave has come.
    fn handle_timeout(&mut self, now: Timestamp);

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing else happens before.
    fn poll_timeout(&self) -> Option<Timestamp>;

    /// Appends octets to send to `out`; nothing when there are none for now. To be called until it appends nothing.
    fn poll_transmit(&mut self, out: &mut Vec<u8>);

    /// Whether this end sends nothing more once everything transmitted is on its way.
    fn is_finished(&self) -> bool;

    /// Whoever runs this end wants it to stop. A peer that does nothing ends when the other end does, or is cut off.
    fn stop(&mut self, _now: Timestamp, _how: Stop) {}
}

/// How an end is to stop.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stop {
    /// What is under way finishes, nothing new begins.
    Gracefully,
    /// What is under way is given up.
    AtOnce,
}

/// One outgoing connection of a [`Dialler`], counted from 0 by whoever asked for it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub u64);

/// What a [`Dialler`] wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Order {
    /// To learn the addresses of a host and port. Answered by [`News::Resolved`].
    Resolve {
        /// As the user wrote it.
        name: String,
    },
    /// To open a TCP connection. Answered by [`News::Connected`] or [`News::Failed`].
    Dial {
        /// New.
        connection: ConnectionId,
        /// Of the other end.
        address: SocketAddr,
    },
    /// To send nothing more once everything transmitted is on its way (FIN).
    End {
        /// It was connected.
        connection: ConnectionId,
    },
    /// To forget the connection at once, whatever is on its way (RST); also one that is still being dialled.
    Abort {
        /// It was dialled.
        connection: ConnectionId,
    },
}

/// What happened to what a [`Dialler`] has asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// Where a name leads now.
    Resolved {
        /// The name that was asked for.
        name: String,
        /// Its addresses, in order of preference, or why there are none, in words.
        addresses: Result<Vec<SocketAddr>, String>,
    },
    /// The connection is there.
    Connected {
        /// Which.
        connection: ConnectionId,
    },
    /// The connection did not come about.
    Failed {
        /// Which.
        connection: ConnectionId,
        /// Why, in words: `connection refused`.
        why: String,
    },
    /// Octets from the other end.
    Octets {
        /// Which.
        connection: ConnectionId,
        /// Some.
        octets: Vec<u8>,
    },
    /// The other end will send nothing more (FIN).
    Ended {
        /// Which.
        connection: ConnectionId,
    },
    /// The connection is gone without a proper end (RST, or the socket failed).
    Lost {
        /// Which.
        connection: ConnectionId,
        /// Why, in words.
        why: String,
    },
}

impl News {
    /// The connection that it is about, if it is about one.
    #[must_use]
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Resolved { .. } => None,
            Self::Connected { connection }
            | Self::Failed { connection, .. }
            | Self::Octets { connection, .. }
            | Self::Ended { connection }
            | Self::Lost { connection, .. } => Some(*connection),
        }
    }
}

/// A program that opens connections, none or many, as whoever moves octets sees it.
pub trait Dialler {
    /// The program starts.
    fn begin(&mut self, now: Timestamp);

    /// Something happened.
    fn handle_news(&mut self, now: Timestamp, news: News);

    /// The time that [`poll_timeout`](Self::poll_timeout) gave has come.
    fn handle_timeout(&mut self, now: Timestamp);

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing else happens before.
    fn poll_timeout(&self) -> Option<Timestamp>;

    /// The next thing to do; to be called until there is none, after each of the other calls.
    fn poll_order(&mut self) -> Option<Order>;

    /// Appends octets to send on a connection that is there; nothing when there are none for now.
    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>);

    /// Whether the program has ended: no connection is open, and nothing is waited for.
    fn is_finished(&self) -> bool;
}
