//! The services of `proto/search.proto` and `proto/stream.proto`, answered as the example they come from does.
//!
//! Two things were added, so that a client can ask for what it wants to see: metadata `work-ms` says how long the server
//! takes for each answer, and a search for `status 5` or `answer and status 5` ends with that status.

use std::collections::BTreeMap;

use super::Peer;
use super::connection::Config;
use super::fields::Fields;
use super::server::{Event, Server};
use crate::grpc::base64;
use crate::grpc::path::MethodPath;
use crate::grpc::status::Status;
use crate::http2::frame::StreamId;
use crate::protobuf::wire::{Reader, WireType};
use crate::time::Timestamp;

/// The .proto files of the services: name and text.
pub const PROTOS: [(&str, &str); 2] = [
    ("search.proto", include_str!("../../proto/search.proto")),
    ("stream.proto", include_str!("../../proto/stream.proto")),
];

/// `/proto.SearchService/Search`.
pub const SEARCH: &str = "/proto.SearchService/Search";
/// `/proto.StreamService/List`.
pub const LIST: &str = "/proto.StreamService/List";
/// `/proto.StreamService/Record`.
pub const RECORD: &str = "/proto.StreamService/Record";
/// `/proto.StreamService/Route`.
pub const ROUTE: &str = "/proto.StreamService/Route";

/// The metadata that says how many milliseconds the server takes for each answer, 60 000 at most.
pub const WORK: &str = "work-ms";

/// The two services on one connection.
#[derive(Debug)]
pub struct Example {
    server: Server,
    calls: BTreeMap<StreamId, Handler>,
    /// Answers in the order in which they are due.
    due: BTreeMap<(Timestamp, u64), (StreamId, Answer)>,
    answers: u64,
}

/// A call that is being handled.
#[derive(Debug)]
struct Handler {
    method: Method,
    /// Nanoseconds for each answer.
    work: i64,
    /// Messages of the client so far.
    messages: i32,
    /// Answers that are not due yet.
    pending: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Method {
    Search,
    List,
    Record,
    Route,
}

#[derive(Debug)]
enum Answer {
    Message(Vec<u8>),
    End(Status, String, Fields),
}

impl Example {
    /// The services on a connection that has just been accepted.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { server: Server::new(config), calls: BTreeMap::new(), due: BTreeMap::new(), answers: 0 }
    }

    /// Does what the events ask for, and what is due.
    fn follow(&mut self, now: Timestamp) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Call { stream, path, metadata } => self.call(now, stream, &path, &metadata),
                Event::Message { stream, octets } => self.message(now, stream, &octets),
                Event::Finished { stream } => self.finished(now, stream),
                Event::Cancelled { stream } => self.forget(stream),
            }
        }
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let (stream, answer) = entry.remove();
            if let Some(handler) = self.calls.get_mut(&stream) {
                handler.pending = handler.pending.saturating_sub(1);
            }
            match answer {
                Answer::Message(message) => self.server.send(stream, &message),
                Answer::End(status, message, trailers) => {
                    self.server.end(stream, status, &message, trailers);
                    self.forget(stream);
                }
            }
        }
    }

    fn call(&mut self, now: Timestamp, stream: StreamId, path: &str, metadata: &Fields) {
        let method = match path {
            SEARCH => Method::Search,
            LIST => Method::List,
            RECORD => Method::Record,
            ROUTE => Method::Route,
            _ => return self.server.end(stream, Status::UNIMPLEMENTED, &unknown(path), Fields::default()),
        };
        let asked =
            metadata.value(WORK.as_bytes()).and_then(|value| std::str::from_utf8(value).ok()?.parse::<u16>().ok());
        let usual = if method == Method::Search { SEARCH_WORK } else { 0 };
        let work = asked.map_or(usual, |millis| i64::from(millis.min(60_000)).saturating_mul(1_000_000));
        self.calls.insert(stream, Handler { method, work, messages: 0, pending: 0 });
        if method == Method::Route {
            // The example answers first and reads then; the spelling is its own.
            self.answer(now.saturating_add_nanos(work), stream, Answer::Message(point(ROUTE_NAME, 0)));
        }
    }

    fn message(&mut self, now: Timestamp, stream: StreamId, octets: &[u8]) {
        let Some(handler) = self.calls.get_mut(&stream) else { return };
        let (method, work) = (handler.method, handler.work);
        let first = handler.messages == 0;
        handler.messages = handler.messages.saturating_add(1);
        let messages = handler.messages;
        let then = now.saturating_add_nanos(work);
        match method {
            Method::Search if first => match field(octets, 1, WireType::Len) {
                Some((_, text)) => self.search(then, stream, &String::from_utf8_lossy(text)),
                None => self.unreadable(then, stream),
            },
            Method::List if first => match read_point(octets) {
                Some((name, value)) => {
                    for n in 0..LISTED {
                        let then = now.saturating_add_nanos(work.saturating_mul(i64::from(n).saturating_add(1)));
                        self.answer(then, stream, Answer::Message(point(&name, value.saturating_add(n))));
                    }
                    let last = now.saturating_add_nanos(work.saturating_mul(LISTED.into()));
                    self.answer(last, stream, ok());
                }
                None => self.unreadable(then, stream),
            },
            Method::Search | Method::List => {
                let message = "a second request where the method takes one".to_owned();
                self.answer(now, stream, Answer::End(Status::INTERNAL, message, Fields::default()));
            }
            Method::Record => {}
            Method::Route => self.answer(then, stream, Answer::Message(point(ROUTE_NAME, messages))),
        }
    }

    fn finished(&mut self, now: Timestamp, stream: StreamId) {
        let Some(handler) = self.calls.get(&stream) else { return };
        let then = now.saturating_add_nanos(handler.work);
        match (handler.method, handler.messages) {
            (Method::Search | Method::List, 0) => {
                let message = "no request where the method takes one".to_owned();
                self.answer(now, stream, Answer::End(Status::INTERNAL, message, Fields::default()));
            }
            (Method::Search | Method::List, _) => {}
            (Method::Record, _) => {
                self.answer(then, stream, Answer::Message(point("gRPC Stream Server: Record", 1)));
                self.answer(then, stream, ok());
            }
            (Method::Route, _) => self.answer(then, stream, ok()),
        }
    }

    fn search(&mut self, then: Timestamp, stream: StreamId, text: &str) {
        let status =
            text.rsplit_once("status ").and_then(|(before, number)| Some((before, Status(number.parse().ok()?))));
        let answer = |text: &str| Answer::Message(string_field(1, &format!("{text} Server")));
        match status {
            None => {
                self.answer(then, stream, answer(text));
                self.answer(then, stream, ok());
            }
            Some((before, status)) => {
                if before == "answer and " {
                    self.answer(then, stream, answer(text));
                }
                let message = format!("asked for {status}");
                let mut trailers = Fields::default();
                if status == Status::INVALID_ARGUMENT {
                    trailers.push("grpc-status-details-bin", details(status, &message));
                }
                self.answer(then, stream, Answer::End(status, message, trailers));
            }
        }
    }

    fn unreadable(&mut self, then: Timestamp, stream: StreamId) {
        let message = "the request cannot be read as its type".to_owned();
        self.answer(then, stream, Answer::End(Status::INTERNAL, message, Fields::default()));
    }

    fn answer(&mut self, then: Timestamp, stream: StreamId, answer: Answer) {
        let Some(handler) = self.calls.get_mut(&stream) else { return };
        handler.pending = handler.pending.saturating_add(1);
        if handler.pending > PENDING {
            self.server.end(
                stream,
                Status::RESOURCE_EXHAUSTED,
                "too many answers are being worked on",
                Fields::default(),
            );
            return self.forget(stream);
        }
        self.due.insert((then, self.answers), (stream, answer));
        self.answers = self.answers.saturating_add(1);
    }

    fn forget(&mut self, stream: StreamId) {
        self.calls.remove(&stream);
        self.due.retain(|_, (other, _)| *other != stream);
    }
}

impl Peer for Example {
    fn begin(&mut self, now: Timestamp) {
        self.server.begin(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.server.handle_octets(now, octets);
        self.follow(now);
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.server.handle_end(now);
        self.follow(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.server.handle_timeout(now);
        self.follow(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let due = self.due.keys().next().map(|(then, _)| *then);
        [due, self.server.poll_timeout()].into_iter().flatten().min()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.server.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.server.is_closed()
    }
}

fn ok() -> Answer {
    Answer::End(Status::OK, String::new(), Fields::default())
}

/// As grpc-go says it.
fn unknown(path: &str) -> String {
    let Some(names) = MethodPath::split(path.as_bytes()) else { return format!("malformed method name: {path:?}") };
    let (service, method) = (String::from_utf8_lossy(names.service), String::from_utf8_lossy(names.method));
    match &*service {
        "proto.SearchService" | "proto.StreamService" => format!("unknown method {method} for service {service}"),
        _ => format!("unknown service {service}"),
    }
}

/// `google.rpc.Status` with one `google.rpc.ErrorInfo`, in base64 as `-bin` metadata travels.
fn details(status: Status, message: &str) -> Vec<u8> {
    let info = [string_field(1, "ASKED_FOR"), string_field(2, "framescope")].concat();
    let any = [string_field(1, "type.googleapis.com/google.rpc.ErrorInfo"), len_field(2, &info)].concat();
    let whole = [int_field(1, i64::from(status.0)), string_field(2, message), len_field(3, &any)].concat();
    let mut text = Vec::new();
    base64::encode_into(&whole, &mut text);
    text
}

/// The message of a `SearchRequest`.
#[must_use]
pub fn search_request(text: &str) -> Vec<u8> {
    string_field(1, text)
}

/// The message of a `StreamRequest` or `StreamResponse`: they are alike.
#[must_use]
pub fn point(name: &str, value: i32) -> Vec<u8> {
    len_field(1, &[string_field(1, name), int_field(2, value.into())].concat())
}

fn read_point(octets: &[u8]) -> Option<(String, i32)> {
    let (_, point) = field(octets, 1, WireType::Len)?;
    let name = field(point, 1, WireType::Len).map(|(_, name)| String::from_utf8_lossy(name).into_owned());
    let value = field(point, 2, WireType::Varint).map_or(0, |(bits, _)| bits);
    // An int32 is the low 32 bits of its varint.
    Some((name.unwrap_or_default(), (value & 0xffff_ffff) as u32 as i32))
}

/// The first field of this number and type: its bits and its octets.
fn field(message: &[u8], number: u32, wire: WireType) -> Option<(u64, &[u8])> {
    let mut reader = Reader::new(message);
    while let Some(record) = reader.record().ok()? {
        if record.number == number && record.wire == wire {
            return Some((record.bits, message.get(record.value_range())?));
        }
    }
    None
}

fn string_field(number: u8, text: &str) -> Vec<u8> {
    len_field(number, text.as_bytes())
}

/// A field with octets; empty ones are left out, as proto3 does.
fn len_field(number: u8, octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if !octets.is_empty() {
        out.push(number << 3 | 2);
        varint(octets.len().try_into().unwrap_or(u64::MAX), &mut out);
        out.extend_from_slice(octets);
    }
    out
}

/// A field with a number; 0 is left out.
fn int_field(number: u8, value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    if value != 0 {
        out.push(number << 3);
        varint(value as u64, &mut out);
    }
    out
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// What List answers with.
const LISTED: i32 = 7;
/// Answers of one call that may be worked on at once.
const PENDING: u32 = 1000;
/// Nanoseconds that a search takes.
const SEARCH_WORK: i64 = 150_000;
/// As the example spells it.
const ROUTE_NAME: &str = "gPRC Stream Client: Route";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_read_back() {
        for (name, value) in [("", 0), ("x", 1), ("gRPC", 2018), ("gRPC", -1), ("gRPC", i32::MIN)] {
            let message = point(name, value);
            if !message.is_empty() {
                assert_eq!(read_point(&message), Some((name.to_owned(), value)));
            }
        }
    }

    #[test]
    fn the_messages_are_the_octets_of_the_example() {
        assert_eq!(search_request("gRPC"), b"\x0a\x04gRPC");
        assert_eq!(point("gRPC Stream Client: List", 2018), b"\x0a\x1d\x0a\x18gRPC Stream Client: List\x10\xe2\x0f");
    }
}
