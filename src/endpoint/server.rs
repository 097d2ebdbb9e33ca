//! The server of gRPC: calls that come in, and how they are answered (gRPC PROTOCOL-HTTP2).
//!
//! One connection. Which methods there are is decided by whoever takes the [`Event`]s, see [`example`](super::example).

mod follow;

use std::collections::{BTreeMap, BTreeSet};

use super::compression::{self, Compression, envelope};
use super::connection::{Config, Connection, Side};
use super::deadlines::Deadlines;
use super::fields::Fields;
use super::inbox::Inbox;
use super::interceptor::{Chain, Outcome};
use super::queue::{Next, Queue};
use crate::grpc::percent;
use crate::grpc::status::Status;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::time::Timestamp;

/// What happened to a call; calls are named by their stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A call begins.
    Call {
        /// Its stream.
        stream: StreamId,
        /// `/package.Service/Method`.
        path: String,
        /// The client's metadata.
        metadata: Fields,
    },
    /// A message of the client.
    Message {
        /// Its stream.
        stream: StreamId,
        /// Without envelope.
        octets: Vec<u8>,
    },
    /// The client sends no more messages.
    Finished {
        /// Its stream.
        stream: StreamId,
    },
    /// Nobody waits for the answer any more: reset, deadline, connection lost.
    Cancelled {
        /// Its stream.
        stream: StreamId,
    },
}

/// A server on one connection.
#[derive(Debug)]
pub struct Server {
    connection: Connection,
    calls: BTreeMap<StreamId, Call>,
    events: Queue<StreamId, Event>,
    deadlines: Deadlines<StreamId>,
    /// Calls that are owed room.
    owing: BTreeSet<StreamId>,
    chain: Chain,
}

#[derive(Debug)]
struct Call {
    inbox: Inbox,
    deadline: Option<Timestamp>,
    /// Octets taken but not given back, because the client does not take the answers.
    owed: usize,
    /// Whether the response's header list is sent.
    begun: bool,
    /// Whether the client takes answers packed with gzip.
    accepts_gzip: bool,
    /// Whether the response's header list says that answers are.
    says_gzip: bool,
    /// How answers are packed.
    compression: Compression,
}

impl Call {
    const fn new(inbox: Inbox) -> Self {
        Self {
            inbox,
            deadline: None,
            owed: 0,
            begun: false,
            accepts_gzip: false,
            says_gzip: false,
            compression: Compression::Identity,
        }
    }
}

impl Server {
    /// A server that has just accepted a connection.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            events: Queue::new(&config.bounds),
            deadlines: Deadlines::new(),
            owing: BTreeSet::new(),
            chain: Chain::default(),
            connection: Connection::new(Side::Server, config),
            calls: BTreeMap::new(),
        }
    }

    /// Lets every call pass through these interceptors.
    #[must_use]
    pub fn with_interceptors(self, chain: Chain) -> Self {
        Self { chain, ..self }
    }

    /// The next line that an interceptor wants to be printed.
    pub fn poll_log(&mut self) -> Option<String> {
        self.chain.poll_log()
    }

    /// The connection is there. Without this it begins with the first octets.
    pub fn begin(&mut self, now: Timestamp) {
        self.connection.begin(now);
    }

    /// Stops without harm: calls under way go on, and the connection ends when all have ended.
    pub fn stop_gracefully(&mut self, now: Timestamp) {
        self.connection.stop_gracefully(now, "graceful_stop");
        self.follow(now);
    }

    /// Ends the connection and its calls at once.
    pub fn stop(&mut self, now: Timestamp) {
        self.stop_saying(now, "");
    }

    /// Ends the connection and its calls at once; `words` go along.
    pub fn stop_saying(&mut self, now: Timestamp, words: &'static str) {
        self.connection.stop(now, words);
        self.follow(now);
    }

    /// Whether a graceful stop is under way, asked for or because of age or idleness.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.connection.is_stopping()
    }

    /// Why the connection is over, in words; `None` while it is not.
    #[must_use]
    pub const fn why_closed(&self) -> Option<&'static str> {
        self.connection.why_closed()
    }

    /// Packs the answers of a call that follow, if the client takes them so; whether they are packed as asked for. To be said
    /// before the response begins: later, packing can only be ended, and begun again.
    pub fn compress(&mut self, stream: StreamId, compression: Compression) -> bool {
        let Some(call) = self.calls.get_mut(&stream) else { return false };
        let possible = compression == Compression::Identity || (call.accepts_gzip && (call.says_gzip || !call.begun));
        if possible {
            call.compression = compression;
        }
        possible
    }

    /// Begins the response, with metadata. [`send`](Self::send) does so by itself, without.
    pub fn respond(&mut self, stream: StreamId, metadata: Fields) {
        let Some(call) = self.calls.get_mut(&stream) else { return };
        if !std::mem::replace(&mut call.begun, true) {
            let mut fields = response();
            call.says_gzip = call.compression == Compression::Gzip;
            if call.says_gzip {
                fields.push("grpc-encoding", "gzip");
            }
            if self.connection.config.announce_gzip {
                fields.push("grpc-accept-encoding", compression::ACCEPTED);
            }
            fields.0.extend(metadata.0);
            fields.0.extend(self.chain.response(stream).0);
            if self.connection.takes_list(&fields) {
                self.connection.send_headers(stream, fields, false);
            } else {
                call.begun = false;
                self.refuse(stream, (Status::INTERNAL, "the response's header list is larger than the client takes"));
            }
        }
    }

    /// Sends a message.
    pub fn send(&mut self, stream: StreamId, message: &[u8]) {
        self.respond(stream, Fields::default());
        if let Some(call) = self.calls.get(&stream) {
            self.chain.message(self.connection.now(), stream, Side::Server, message);
            self.connection.send_data(stream, envelope(message, call.compression), false);
        }
    }

    /// Sends several messages in one piece, so that they share DATA frames.
    pub fn send_together(&mut self, stream: StreamId, messages: &[Vec<u8>]) {
        self.respond(stream, Fields::default());
        if let Some(call) = self.calls.get(&stream) {
            let packed: Vec<Vec<u8>> = messages.iter().map(|message| envelope(message, call.compression)).collect();
            self.connection.send_data(stream, packed.concat(), false);
        }
    }

    /// Ends the call: with trailers, or with a single header list if there was no response yet (Trailers-Only).
    pub fn end(&mut self, stream: StreamId, status: Status, message: &str, trailers: Fields) {
        self.end_with(stream, Outcome { status, message: message.to_owned(), trailers, fault: false });
    }

    /// Ends the call because its handler failed in a way it did not foresee. Unless an interceptor recovers that, all calls
    /// of the connection end with it, as when a process breaks down.
    pub fn fail(&mut self, stream: StreamId, message: &str) {
        let (message, trailers) = (message.to_owned(), Fields::default());
        self.end_with(stream, Outcome { status: Status::UNKNOWN, message, trailers, fault: true });
    }

    fn end_with(&mut self, stream: StreamId, mut outcome: Outcome) {
        let Some(call) = self.forget(stream) else { return };
        let now = self.connection.now();
        let added = self.chain.response(stream);
        self.chain.end(now, stream, &mut outcome);
        let (begun, fault) = (call.begun, outcome.fault);
        let list = |Outcome { status, message, trailers, .. }: Outcome| {
            let mut fields = if begun { Fields::default() } else { response() };
            let mut escaped = Vec::new();
            percent::encode_into(message.as_bytes(), &mut escaped);
            fields.push("grpc-status", status.0.to_string()).push("grpc-message", escaped);
            fields.0.extend(trailers.0);
            fields
        };
        if !begun {
            outcome.trailers.0.splice(0..0, added.0);
        }
        let mut fields = list(outcome);
        if !self.connection.takes_list(&fields) {
            let message = "the trailers are larger than the client takes".to_owned();
            let (status, trailers) = (Status::RESOURCE_EXHAUSTED, Fields::default());
            fields = list(Outcome { status, message, trailers, fault: false });
        }
        if self.connection.takes_list(&fields) {
            self.connection.send_headers(stream, fields, true);
        } else {
            self.connection.reset(stream, ErrorCode::INTERNAL_ERROR);
        }
        if fault {
            self.stop(now);
        }
    }

    /// The call is over.
    fn forget(&mut self, stream: StreamId) -> Option<Call> {
        let call = self.calls.remove(&stream)?;
        self.deadlines.remove(stream, call.deadline);
        self.events.discard(&call.inbox);
        Some(call)
    }

    /// What happened, in order. Taking a message makes room for another one.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            match self.events.pop()? {
                Next::Event(event) => return Some(event),
                Next::Message { key: stream, octets, size } => {
                    if let Some(call) = self.calls.get_mut(&stream) {
                        call.owed = call.owed.saturating_add(call.inbox.settle(size));
                        self.give_back(stream);
                    }
                    self.chain.message(self.connection.now(), stream, Side::Client, &octets);
                    return Some(Event::Message { stream, octets });
                }
                Next::Refused(stream, refusal) => self.refuse(stream, refusal),
            }
        }
    }

    /// Makes room for requests, unless their answers pile up: a client must not fill the memory by not listening.
    fn give_back(&mut self, stream: StreamId) {
        let Some(call) = self.calls.get_mut(&stream) else { return };
        if !self.connection.is_behind(stream) {
            self.connection.give_back(stream, std::mem::take(&mut call.owed));
        } else if call.owed > 0 {
            self.owing.insert(stream);
        }
    }

    /// Takes octets of the client.
    pub fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.connection.handle_octets(now, octets);
        self.follow(now);
    }

    /// The client will send nothing more: nobody can hear the answers to what is under way.
    pub fn handle_end(&mut self, now: Timestamp) {
        self.connection.handle_end();
        self.follow(now);
    }

    /// When the next deadline passes, or the connection wants to do something.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.deadlines.next().into_iter().chain(self.connection.poll_timeout()).min()
    }

    /// Ends the calls whose deadline has passed, and does what else the time asks for.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.connection.handle_timeout(now);
        self.follow(now);
        for stream in self.deadlines.passed(now) {
            self.end(stream, Status::DEADLINE_EXCEEDED, "the deadline has passed", Fields::default());
            self.events.push(stream, Event::Cancelled { stream });
        }
    }

    /// Appends octets to send.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        for stream in std::mem::take(&mut self.owing) {
            self.give_back(stream);
        }
        self.connection.poll_transmit(out);
    }

    /// Until when the call is waited for, if its client or an interceptor has said so.
    #[must_use]
    pub fn deadline(&self, stream: StreamId) -> Option<Timestamp> {
        self.calls.get(&stream)?.deadline
    }

    /// Octets of a call's answers that wait to be sent: whoever has many does well to wait until they are few.
    #[must_use]
    pub fn unsent(&self, stream: StreamId) -> usize {
        self.connection.queued(stream)
    }

    /// Whether so many answers wait for the client, on one stream, that more should wait with whoever gives them.
    #[must_use]
    pub fn is_behind(&self, stream: StreamId) -> bool {
        self.connection.is_behind(stream)
    }

    /// Tells the client how many octets its header table may have from now on, 1 MiB at most.
    pub fn resize_header_table(&mut self, octets: u32) {
        self.connection.resize_header_table(octets);
    }

    /// Keeps a header table of so many octets for answers, from the next one on; the client's setting bounds it.
    pub fn resize_own_header_table(&mut self, octets: u32) {
        self.connection.resize_own_header_table(octets);
    }

    /// The memory held, in octets.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let calls = self.calls.values().map(|call| std::mem::size_of::<Call>().saturating_add(call.inbox.held_bytes()));
        calls.chain([self.connection.held_bytes(), self.events.held_bytes()]).fold(0, usize::saturating_add)
    }

    /// Whether the connection is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }
}

/// What every gRPC response begins with, whatever becomes of the call.
fn response() -> Fields {
    let mut fields = Fields::default();
    fields.push(":status", "200").push("content-type", "application/grpc");
    fields
}
