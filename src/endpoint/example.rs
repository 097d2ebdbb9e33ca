//! The services of `proto/search.proto` and `proto/stream.proto`, answered as the example they come from does.
//!
//! Two things were added, so that a client can ask for what it wants to see: metadata `work-ms` says how long the server
//! takes for each answer, and a search for `status 5` or `answer and status 5` ends with that status.

use std::sync::Arc;

use super::config::Config;
use super::fields::Fields;
use super::services::handler::{Answers, Call, Ending, Method, work};
use super::services::message::{field, int_field, len_field, string_field, text};
use super::services::{Services, Serving};
use super::{Peer, Stop};
use crate::grpc::base64;
use crate::grpc::status::Status;
use crate::protobuf::wire::WireType;
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
pub struct Example(Serving);

impl Example {
    /// The services on a connection that has just been accepted.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self(Serving::new(Arc::new(Services::example()), config))
    }
}

impl Peer for Example {
    fn begin(&mut self, now: Timestamp) {
        self.0.begin(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.0.handle_octets(now, octets);
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.0.handle_end(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.0.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.0.poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.0.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn stop(&mut self, now: Timestamp, how: Stop) {
        self.0.stop(now, how);
    }
}

/// The four methods.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Four {
    Search,
    List,
    Record,
    Route,
}

impl Four {
    pub(super) const ALL: [(&'static str, Self); 4] =
        [(SEARCH, Self::Search), (LIST, Self::List), (RECORD, Self::Record), (ROUTE, Self::Route)];
}

impl Method for Four {
    fn call(&self, metadata: &Fields) -> Box<dyn Call> {
        let usual = if *self == Self::Search { SEARCH_WORK } else { 0 };
        Box::new(Handling { method: *self, work: work(metadata).unwrap_or(usual), messages: 0 })
    }
}

/// A call of one of the four.
#[derive(Debug)]
struct Handling {
    method: Four,
    /// Nanoseconds for each answer.
    work: i64,
    /// Messages of the client so far.
    messages: i32,
}

impl Call for Handling {
    fn begin(&mut self, now: Timestamp, answers: &mut Answers) {
        if self.method == Four::Route {
            // The example answers first and reads then; the spelling is its own.
            answers.message(now.saturating_add_nanos(self.work), point(ROUTE_NAME, 0));
        }
    }

    fn message(&mut self, now: Timestamp, octets: Vec<u8>, answers: &mut Answers) {
        self.messages = self.messages.saturating_add(1);
        let then = now.saturating_add_nanos(self.work);
        match self.method {
            Four::Search => match text(&octets, 1) {
                Some(text) => search(then, &text, answers),
                None => unreadable(then, answers),
            },
            Four::List => match read_point(&octets) {
                Some((name, value)) => {
                    let after = |n: i32| now.saturating_add_nanos(self.work.saturating_mul(n.into()));
                    for n in 0..LISTED {
                        answers.message(after(n.saturating_add(1)), point(&name, value.saturating_add(n)));
                    }
                    answers.ok(after(LISTED));
                }
                None => unreadable(then, answers),
            },
            Four::Record => {}
            Four::Route => answers.message(then, point(ROUTE_NAME, self.messages)),
        }
    }

    fn finished(&mut self, now: Timestamp, answers: &mut Answers) {
        let then = now.saturating_add_nanos(self.work);
        match self.method {
            Four::Search | Four::List => {}
            Four::Record => {
                answers.message(then, point("gRPC Stream Server: Record", 1));
                answers.ok(then);
            }
            Four::Route => answers.ok(then),
        }
    }
}

fn search(then: Timestamp, text: &str, answers: &mut Answers) {
    let status = text.rsplit_once("status ").and_then(|(before, number)| Some((before, Status(number.parse().ok()?))));
    let answer = string_field(1, &format!("{text} Server"));
    match status {
        None => {
            answers.message(then, answer);
            answers.ok(then);
        }
        Some((before, status)) => {
            if before == "answer and " {
                answers.message(then, answer);
            }
            let message = format!("asked for {status}");
            let mut trailers = Fields::default();
            if status == Status::INVALID_ARGUMENT {
                trailers.push("grpc-status-details-bin", details(status, &message));
            }
            answers.end(then, Ending { status, message, trailers });
        }
    }
}

fn unreadable(then: Timestamp, answers: &mut Answers) {
    answers.fail(then, Status::INTERNAL, "the request cannot be read as its type");
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
    let point = [string_field(1, name), int_field(2, value.into())].concat();
    if point.is_empty() { point } else { len_field(1, &point) }
}

fn read_point(octets: &[u8]) -> Option<(String, i32)> {
    // No text is looked for, only whether the message can be read to its end; what is left out reads as empty.
    text(octets, u32::MAX)?;
    let point = field(octets, 1, WireType::Len).map_or(&[][..], |(_, point)| point);
    let name = field(point, 1, WireType::Len).map(|(_, name)| String::from_utf8_lossy(name).into_owned());
    let value = field(point, 2, WireType::Varint).map_or(0, |(bits, _)| bits);
    // An int32 is the low 32 bits of its varint.
    Some((name.unwrap_or_default(), (value & 0xffff_ffff) as u32 as i32))
}

/// What List answers with.
const LISTED: i32 = 7;
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
