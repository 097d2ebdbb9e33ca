//! A gRPC client and a gRPC server on our own frame codec, without sockets or clock (RFC 9113, gRPC PROTOCOL-HTTP2).
//!
//! State machines in the manner of quinn-proto: octets and the time come in by `handle_*`, octets, events and the next
//! deadline are fetched with `poll_*`. The same machines run over TCP and over the [simulated link](link), where the
//! clock is virtual and a capture is the same octet for octet on every run.
//!
//! | layer | what it does |
//! |---|---|
//! | [`connection`] | HTTP/2: preface, SETTINGS, streams, flow control, PING, GOAWAY, and what a peer must not do |
//! | [`client`], [`server`] | gRPC on it: calls, messages, metadata, deadlines, status |
//! | [`example`] | the services of `proto/` on the server |
//! | [`scenario`] | what a client does with them, each the answer to a question |
//! | [`tap`], [`link`] | the packets a capture would hold, and a link with a virtual clock |
//!
//! What a frame means to people is said by `annotate`; nothing here writes words.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

pub mod bdp;
pub mod client;
pub mod connection;
pub mod example;
pub mod fields;
pub mod inbox;
pub mod link;
mod receive;
pub mod scenario;
mod send;
pub mod server;
mod stream;
pub mod tap;

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
}
