//! A server that answers each call with what a function makes of it, once the client has sent everything.

use std::collections::BTreeMap;

use crate::endpoint::compression::Compression;
use crate::endpoint::connection::Config;
use crate::endpoint::fields::Fields;
use crate::endpoint::server::{Event, Server};
use crate::endpoint::{Peer, Stop};
use crate::grpc::status::Status;
use crate::http2::frame::StreamId;
use crate::time::Timestamp;

/// A call with all its messages.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) metadata: Fields,
    pub(super) messages: Vec<Vec<u8>>,
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) metadata: Fields,
    /// All in one piece if there are several.
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) compression: Compression,
    pub(super) status: Status,
    pub(super) trailers: Fields,
}

impl Reply {
    /// OK, with these messages.
    pub(super) fn of(messages: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            metadata: Fields::default(),
            messages: messages.into_iter().collect(),
            compression: Compression::Identity,
            status: Status::OK,
            trailers: Fields::default(),
        }
    }
}

pub(super) struct Answering {
    server: Server,
    calls: BTreeMap<StreamId, Asked>,
    answer: Box<dyn FnMut(&Asked) -> Reply>,
}

impl Answering {
    pub(super) fn new(config: Config, answer: impl FnMut(&Asked) -> Reply + 'static) -> Self {
        Self { server: Server::new(config), calls: BTreeMap::new(), answer: Box::new(answer) }
    }

    fn follow(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Call { stream, path, metadata } => {
                    self.calls.insert(stream, Asked { path, metadata, messages: Vec::new() });
                }
                Event::Message { stream, octets } => {
                    if let Some(call) = self.calls.get_mut(&stream) {
                        call.messages.push(octets);
                    }
                }
                Event::Finished { stream } => self.reply(stream),
                Event::Cancelled { stream } => {
                    self.calls.remove(&stream);
                }
            }
        }
    }

    fn reply(&mut self, stream: StreamId) {
        let Some(call) = self.calls.remove(&stream) else { return };
        let Reply { metadata, messages, compression, status, trailers } = (self.answer)(&call);
        self.server.compress(stream, compression);
        if status == Status::OK {
            self.server.respond(stream, metadata);
            self.server.send_together(stream, &messages);
        }
        self.server.end(stream, status, "", trailers);
    }
}

impl Peer for Answering {
    fn begin(&mut self, now: Timestamp) {
        self.server.begin(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.server.handle_octets(now, octets);
        self.follow();
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.server.handle_end(now);
        self.follow();
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.server.handle_timeout(now);
        self.follow();
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.server.poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.server.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.server.is_closed()
    }

    fn stop(&mut self, now: Timestamp, how: Stop) {
        match how {
            Stop::Gracefully => self.server.stop_gracefully(now),
            Stop::AtOnce => self.server.stop(now),
        }
        self.follow();
    }
}
