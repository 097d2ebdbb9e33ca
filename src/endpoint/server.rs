//! The server of gRPC: calls that come in, and how they are answered (gRPC PROTOCOL-HTTP2).
//!
//! One connection. Which methods there are is decided by whoever takes the [`Event`]s, see [`example`](super::example).

use std::collections::BTreeMap;

use super::compression::{self, Compression, Packing, accepts_gzip, envelope};
use super::connection::{self, Config, Connection, Side};
use super::fields::Fields;
use super::inbox::{Inbox, Refusal, TOO_MUCH_UNFINISHED};
use super::queue::{Next, Queue};
use crate::grpc::content_type::ContentType;
use crate::grpc::percent;
use crate::grpc::status::Status;
use crate::grpc::timeout::Timeout;
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
            events: Queue::new(config.bounds.message),
            connection: Connection::new(Side::Server, config),
            calls: BTreeMap::new(),
        }
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
        self.connection.stop(now, "");
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
            self.connection.send_data(stream, envelope(message, call.compression), false);
        }
    }

    /// Ends the call: with trailers, or with a single header list if there was no response yet (Trailers-Only).
    pub fn end(&mut self, stream: StreamId, status: Status, message: &str, trailers: Fields) {
        let Some(call) = self.calls.remove(&stream) else { return };
        let list = |status: Status, message: &str, trailers: Fields| {
            let mut fields = if call.begun { Fields::default() } else { response() };
            let mut escaped = Vec::new();
            percent::encode_into(message.as_bytes(), &mut escaped);
            fields.push("grpc-status", status.0.to_string()).push("grpc-message", escaped);
            fields.0.extend(trailers.0);
            fields
        };
        let mut fields = list(status, message, trailers);
        if !self.connection.takes_list(&fields) {
            let words = "the trailers are larger than the client takes";
            fields = list(Status::RESOURCE_EXHAUSTED, words, Fields::default());
        }
        if self.connection.takes_list(&fields) {
            self.connection.send_headers(stream, fields, true);
        } else {
            self.connection.reset(stream, ErrorCode::INTERNAL_ERROR);
        }
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
                    return Some(Event::Message { stream, octets });
                }
                Next::Refused(stream, refusal) => self.refuse(stream, refusal),
            }
        }
    }

    /// Makes room for requests, unless their answers pile up: a client must not fill the memory by not listening.
    fn give_back(&mut self, stream: StreamId) {
        if let Some(call) = self.calls.get_mut(&stream)
            && self.connection.queued(stream) <= UNSENT
        {
            self.connection.give_back(stream, std::mem::take(&mut call.owed));
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
        self.calls.values().filter_map(|call| call.deadline).chain(self.connection.poll_timeout()).min()
    }

    /// Ends the calls whose deadline has passed, and does what else the time asks for.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.connection.handle_timeout(now);
        self.follow(now);
        let late: Vec<StreamId> = self
            .calls
            .iter()
            .filter(|(_, call)| call.deadline.is_some_and(|deadline| deadline <= now))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in late {
            self.end(stream, Status::DEADLINE_EXCEEDED, "the deadline has passed", Fields::default());
            self.events.push(stream, Event::Cancelled { stream });
        }
    }

    /// Appends octets to send.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        let waiting = self.calls.iter().filter(|(_, call)| call.owed > 0).map(|(stream, _)| *stream);
        for stream in waiting.collect::<Vec<_>>() {
            self.give_back(stream);
        }
        self.connection.poll_transmit(out);
    }

    /// Octets of a call's answers that wait to be sent: whoever has many does well to wait until they are few.
    #[must_use]
    pub fn unsent(&self, stream: StreamId) -> usize {
        self.connection.queued(stream)
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

    /// Follows what happened on the connection.
    fn follow(&mut self, now: Timestamp) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                connection::Event::Headers { stream, fields, end } => {
                    if !self.calls.contains_key(&stream) && self.connection.is_sending(stream) {
                        self.accept(now, stream, &fields);
                    }
                    self.finished(stream, end);
                }
                connection::Event::Data { stream, octets, end } => {
                    self.data(stream, &octets);
                    self.finished(stream, end);
                }
                connection::Event::Reset { stream, .. } => self.cancelled(stream),
                // The client ends the connection when its calls have ended.
                connection::Event::GoAway { .. } => {}
                connection::Event::Closed { .. } => {
                    let all: Vec<StreamId> = self.calls.keys().copied().collect();
                    for stream in all {
                        self.cancelled(stream);
                    }
                }
            }
        }
    }

    fn accept(&mut self, now: Timestamp, stream: StreamId, fields: &Fields) {
        let refuse = |http_status: &str| {
            let mut fields = Fields::default();
            fields.push(":status", http_status);
            fields
        };
        if fields.value(b":method") != Some(b"POST") {
            return self.connection.send_headers(stream, refuse("405"), true);
        }
        if !fields.value(b"content-type").is_some_and(|value| ContentType::parse(value).is_grpc()) {
            return self.connection.send_headers(stream, refuse("415"), true);
        }
        let path = String::from_utf8_lossy(fields.value(b":path").unwrap_or_default()).into_owned();
        let timeout = fields.value(b"grpc-timeout").map(Timeout::parse);
        let deadline = match timeout {
            Some(Ok(timeout)) => Some(now.saturating_add_nanos(timeout.nanos().try_into().unwrap_or(i64::MAX))),
            _ => None,
        };
        let packing = Packing::of(fields);
        let inbox = Inbox::new(packing, self.connection.config.bounds.message);
        self.calls.insert(stream, Call { deadline, accepts_gzip: accepts_gzip(fields), ..Call::new(inbox) });
        if let Some(Err(fault)) = timeout {
            return self.end(stream, Status::INTERNAL, &fault.to_string(), Fields::default());
        }
        if packing == Packing::Unknown {
            let encoding = fields.value(b"grpc-encoding").unwrap_or_default().escape_ascii().to_string();
            let mut accepted = Fields::default();
            accepted.push("grpc-accept-encoding", compression::ACCEPTED);
            return self.end(stream, Status::UNIMPLEMENTED, &format!("unknown grpc-encoding {encoding}"), accepted);
        }
        self.events.push(stream, Event::Call { stream, path, metadata: fields.metadata() });
    }

    fn data(&mut self, stream: StreamId, octets: &[u8]) {
        let Some(call) = self.calls.get_mut(&stream) else {
            // The answer is already given: the octets are of no use, but they must not hold the client up.
            return self.connection.give_back(stream, octets.len());
        };
        match self.events.collect(stream, &mut call.inbox, octets) {
            Ok(ahead) => self.connection.give_back(stream, ahead),
            Err(refusal) => return self.refuse(stream, refusal),
        }
        let unfinished = self.calls.values().map(|call| call.inbox.pending()).fold(0, usize::saturating_add);
        if unfinished > self.connection.config.bounds.unfinished {
            self.refuse(stream, (Status::RESOURCE_EXHAUSTED, TOO_MUCH_UNFINISHED));
        }
    }

    /// Ends the call because of what the client sent.
    fn refuse(&mut self, stream: StreamId, (status, words): Refusal) {
        if self.calls.contains_key(&stream) {
            self.end(stream, status, words, Fields::default());
            self.events.push(stream, Event::Cancelled { stream });
        }
    }

    fn finished(&mut self, stream: StreamId, end: bool) {
        if !end {
            return;
        }
        if self.calls.get(&stream).is_some_and(|call| call.inbox.pending() > 0) {
            self.refuse(stream, (Status::INTERNAL, "the client ended the stream inside a message"));
        } else if self.calls.contains_key(&stream) {
            self.events.push(stream, Event::Finished { stream });
        }
    }

    fn cancelled(&mut self, stream: StreamId) {
        if self.calls.remove(&stream).is_some() {
            self.events.push(stream, Event::Cancelled { stream });
        }
    }
}

/// What every gRPC response begins with, whatever becomes of the call.
fn response() -> Fields {
    let mut fields = Fields::default();
    fields.push(":status", "200").push("content-type", "application/grpc");
    fields
}

/// Octets of answers that may wait for the client while its requests are still given room.
const UNSENT: usize = 64 << 10;
