//! The client of gRPC: calls, their messages, deadlines and how they end (gRPC PROTOCOL-HTTP2, statuscodes).
//!
//! One connection. What comes from the server is read by `follow`. Connecting, and what to do with a call that failed, is left to others.

mod ending;
mod follow;
mod opening;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use ending::{Ending, Unprocessed};

use super::compression::{Compression, Packing, envelope};
use super::connection::{Config, Connection, Side};
use super::deadlines::Deadlines;
use super::fields::Fields;
use super::inbox::Inbox;
use super::keepalive::TOO_MANY_PINGS;
use super::lifetime::GoneAway;
use super::queue::{Next, Queue};
use crate::grpc::status::Status;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::time::Timestamp;

/// A call of this client, counted from 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticket(pub u64);

/// What a call asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `/package.Service/Method`.
    pub path: String,
    /// The application's own metadata; values of `-bin` names in base64 already.
    pub metadata: Fields,
    /// Nanoseconds after which nobody waits any more.
    pub timeout: Option<u64>,
    /// How its messages are packed. With [`Compression::Gzip`] the answers may be, too.
    pub compression: Compression,
}

/// What happened to a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The response has begun.
    Begun {
        /// The call.
        ticket: Ticket,
        /// The server's metadata.
        metadata: Fields,
    },
    /// A message of the server.
    Message {
        /// The call.
        ticket: Ticket,
        /// Without envelope.
        octets: Vec<u8>,
    },
    /// The call is over.
    Ended {
        /// The call.
        ticket: Ticket,
        /// How.
        ending: Ending,
    },
}

/// A client on one connection.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    authority: String,
    user_agent: String,
    calls: BTreeMap<Ticket, Call>,
    by_stream: BTreeMap<StreamId, Ticket>,
    /// Calls that wait for a stream.
    waiting: VecDeque<Ticket>,
    next: u64,
    events: Queue<Ticket, Event>,
    deadlines: Deadlines<Ticket>,
}

#[derive(Debug)]
struct Call {
    stream: Option<StreamId>,
    request: Request,
    deadline: Option<Timestamp>,
    inbox: Inbox,
    begun: bool,
    /// What is to be sent once there is a stream: messages, and whether that is all.
    early: (Vec<Vec<u8>>, bool),
}

impl Client {
    /// A client that calls `authority`, a host and port.
    #[must_use]
    pub fn new(config: Config, authority: impl Into<String>) -> Self {
        Self {
            deadlines: Deadlines::new(),
            events: Queue::new(&config.bounds),
            connection: Connection::new(Side::Client, config),
            authority: authority.into(),
            user_agent: USER_AGENT.to_owned(),
            calls: BTreeMap::new(),
            by_stream: BTreeMap::new(),
            waiting: VecDeque::new(),
            next: 0,
        }
    }

    /// Says who it is in other words than `grpc-framescope/VERSION`.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// The connection is there. Without this it begins with the first octets or call.
    pub fn begin(&mut self, now: Timestamp) {
        self.connection.begin(now);
    }

    /// Ends the connection: calls end at once, and everything held for them is freed.
    pub fn close(&mut self, now: Timestamp) {
        let all: Vec<Ticket> = self.calls.keys().copied().collect();
        for ticket in all {
            if let Some(stream) = self.calls.get_mut(&ticket).and_then(|call| call.stream.take()) {
                // The end of the connection says it; no need to reset each stream.
                self.by_stream.remove(&stream);
            }
            let ending = Ending::own(Status::CANCELLED, "the client connection is closing");
            self.end(ticket, ending);
        }
        self.connection.stop(now, "");
        self.follow(now);
    }

    /// Ends the connection when the calls under way have ended; those that wait for a stream, and new ones, are refused.
    pub fn close_gracefully(&mut self, now: Timestamp) {
        self.connection.stop_gracefully(now, "");
        self.follow(now);
    }

    /// The last GOAWAY of the server.
    #[must_use]
    pub const fn gone_away(&self) -> Option<&GoneAway> {
        self.connection.gone_away()
    }

    /// Why the connection is over, in words; `None` while it is not.
    #[must_use]
    pub const fn why_closed(&self) -> Option<&'static str> {
        self.connection.why_closed()
    }

    /// How long the next connection to this server should let it be silent before it is asked whether it is still there: twice as
    /// long as this one if the server has complained. `None` if it is not asked at all.
    #[must_use]
    pub fn keepalive_time(&self) -> Option<Duration> {
        let complaint = self.gone_away().is_some_and(|gone_away| {
            gone_away.code == ErrorCode::ENHANCE_YOUR_CALM && gone_away.debug_data == TOO_MANY_PINGS.as_bytes()
        });
        let time = self.connection.config.keepalive?.time;
        Some(if complaint { time.saturating_mul(2) } else { time })
    }

    /// Begins a call; it waits while the server takes no more streams.
    pub fn call(&mut self, now: Timestamp, request: Request) -> Ticket {
        self.connection.advance(now);
        let ticket = Ticket(self.next);
        self.next = self.next.saturating_add(1);
        let deadline = request.timeout.map(|nanos| now.saturating_add_nanos(nanos.try_into().unwrap_or(i64::MAX)));
        let call = Call {
            stream: None,
            request,
            deadline,
            inbox: Inbox::new(Packing::None, self.connection.config.bounds.message),
            begun: false,
            early: (Vec::new(), false),
        };
        self.deadlines.insert(ticket, deadline);
        self.calls.insert(ticket, call);
        self.waiting.push_back(ticket);
        self.open_waiting(now);
        ticket
    }

    /// Sends a message.
    pub fn send(&mut self, ticket: Ticket, message: &[u8]) {
        self.send_and(ticket, message, false);
    }

    /// Sends a message, the last one.
    pub fn send_last(&mut self, ticket: Ticket, message: &[u8]) {
        self.send_and(ticket, message, true);
    }

    fn send_and(&mut self, ticket: Ticket, message: &[u8], last: bool) {
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        let message = envelope(message, call.request.compression);
        self.send_octets(ticket, message, last);
    }

    /// Says that no message follows.
    pub fn finish(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        match call.stream {
            Some(stream) => self.connection.send_data(stream, Vec::new(), true),
            None => call.early.1 = true,
        }
    }

    /// Whether the call has a stream, so that the server may know of it; `false` of one that has ended.
    #[must_use]
    pub fn is_sent(&self, ticket: Ticket) -> bool {
        self.calls.get(&ticket).is_some_and(|call| call.stream.is_some())
    }

    /// Gives the call up.
    pub fn cancel(&mut self, now: Timestamp, ticket: Ticket) {
        self.connection.advance(now);
        self.end(ticket, Ending::own(Status::CANCELLED, "the caller gave up"));
    }

    /// Sends several messages in one piece, so that they share DATA frames; with `last`, no message follows them.
    pub fn send_together(&mut self, ticket: Ticket, messages: &[Vec<u8>], last: bool) {
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        let packed: Vec<Vec<u8>> = messages.iter().map(|message| envelope(message, call.request.compression)).collect();
        self.send_octets(ticket, packed.concat(), last);
    }

    fn send_octets(&mut self, ticket: Ticket, octets: Vec<u8>, last: bool) {
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        match call.stream {
            Some(stream) => self.connection.send_data(stream, octets, last),
            None => {
                call.early.0.push(octets);
                call.early.1 |= last;
            }
        }
    }

    /// Hands out nothing of this call until it is [resumed](Self::resume): its messages wait, and the server is given no more
    /// room for them.
    pub fn pause(&mut self, ticket: Ticket) {
        self.events.pause(ticket);
    }

    /// Hands out again what there is of this call.
    pub fn resume(&mut self, ticket: Ticket) {
        self.events.resume(ticket);
    }

    /// What happened, in order. Taking a message makes room for another one.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            match self.events.pop()? {
                Next::Event(event) => return Some(event),
                Next::Message { key: ticket, octets, size } => {
                    if let Some(call) = self.calls.get_mut(&ticket)
                        && let Some(stream) = call.stream
                    {
                        self.connection.give_back(stream, call.inbox.settle(size));
                    }
                    return Some(Event::Message { ticket, octets });
                }
                // Its end may have been in the queue behind the message.
                Next::Refused(ticket, (status, words)) => {
                    self.release(ticket, ErrorCode::CANCEL);
                    self.events.push(ticket, Event::Ended { ticket, ending: Ending::own(status, words) });
                }
            }
        }
    }

    /// Takes octets of the server.
    pub fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.connection.handle_octets(now, octets);
        self.follow(now);
    }

    /// The server will send nothing more.
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
        for ticket in self.deadlines.passed(now) {
            self.end(ticket, Ending::own(Status::DEADLINE_EXCEEDED, "the deadline has passed"));
        }
        self.follow(now);
    }

    /// Appends octets to send.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.connection.poll_transmit(out);
    }

    /// Whether nothing is under way: no call, no PING, no SETTINGS.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty() && (self.connection.is_closed() || self.connection.is_settled())
    }

    /// Octets of a call's messages that wait to be sent: whoever has many does well to wait until they are few.
    #[must_use]
    pub fn unsent(&self, ticket: Ticket) -> usize {
        self.calls.get(&ticket).map_or(0, |call| match call.stream {
            Some(stream) => self.connection.queued(stream),
            None => call.early.0.iter().map(Vec::len).fold(0, usize::saturating_add),
        })
    }

    /// Tells the server how many octets its header table may have from now on, 1 MiB at most.
    pub fn resize_header_table(&mut self, octets: u32) {
        self.connection.resize_header_table(octets);
    }

    /// Keeps a header table of so many octets for requests, from the next one on; the server's setting bounds it.
    pub fn resize_own_header_table(&mut self, octets: u32) {
        self.connection.resize_own_header_table(octets);
    }

    /// The memory held, in octets.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let calls = self.calls.values().map(|call| {
            let early = call.early.0.iter().map(Vec::capacity).fold(0, usize::saturating_add);
            let request = call.request.path.capacity().saturating_add(call.request.metadata.held_bytes());
            [std::mem::size_of::<Call>(), call.inbox.held_bytes(), early, request]
                .into_iter()
                .fold(0, usize::saturating_add)
        });
        calls.chain([self.connection.held_bytes(), self.events.held_bytes()]).fold(0, usize::saturating_add)
    }

    /// Whether the server's SETTINGS have come: it speaks HTTP/2.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.connection.is_ready()
    }

    /// Whether no call can begin any more on this connection; those under way may go on.
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        self.connection.is_closing()
    }

    /// Whether the connection is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Forgets the call and tells how it ended; a stream still open is given up.
    fn end(&mut self, ticket: Ticket, ending: Ending) {
        self.end_with(ticket, ending, ErrorCode::CANCEL);
    }

    /// Forgets the call and tells how it ended; a stream still open is reset with `code`.
    fn end_with(&mut self, ticket: Ticket, ending: Ending, code: ErrorCode) {
        if self.release(ticket, code) {
            self.events.push(ticket, Event::Ended { ticket, ending });
        }
    }

    /// Forgets the call; whether it was known.
    fn release(&mut self, ticket: Ticket, code: ErrorCode) -> bool {
        let Some(call) = self.calls.remove(&ticket) else { return false };
        self.deadlines.remove(ticket, call.deadline);
        self.events.discard(&call.inbox);
        if let Some(stream) = call.stream {
            self.by_stream.remove(&stream);
            self.connection.reset(stream, code);
        } else {
            self.waiting.retain(|waiting| *waiting != ticket);
        }
        true
    }
}

const USER_AGENT: &str = concat!("grpc-framescope/", env!("CARGO_PKG_VERSION"));
