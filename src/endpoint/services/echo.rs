//! What comes in goes out: the answer to a method whose requests and responses are of one type, unless something better is known.
//!
//! A client's metadata says what else it wants to see: `work-ms`, how long each answer takes; `echo-count`, how many times a
//! method that streams repeats a request; `echo-status` and `echo-message`, how the call ends; `echo-fault`, with what words its
//! handler breaks down instead. Metadata whose name begins with `echo-header-` comes back with the response's headers,
//! `echo-trailer-` with its trailers; so do the two names that gRPC's own interoperability tests use.

use super::handler::{Answers, Call, Ending, Method, number, work};
use crate::endpoint::fields::Fields;
use crate::grpc::status::Status;
use crate::protobuf::schema::MethodInfo;
use crate::time::Timestamp;

/// The echo of one method.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echo {
    client_streaming: bool,
    server_streaming: bool,
}

impl Echo {
    pub(super) const fn of(method: &MethodInfo) -> Self {
        Self { client_streaming: method.client_streaming, server_streaming: method.server_streaming }
    }
}

impl Method for Echo {
    fn call(&self, metadata: &Fields) -> Box<dyn Call> {
        let named = |prefix: &str, own: &str| {
            let wanted = |name: &[u8]| name.starts_with(prefix.as_bytes()) || name == own.as_bytes();
            Fields(metadata.0.iter().filter(|(name, _)| wanted(name)).cloned().collect())
        };
        let message = metadata.value(b"echo-message").map(|text| String::from_utf8_lossy(text).into_owned());
        Box::new(Echoing {
            method: *self,
            work: work(metadata).unwrap_or(0),
            count: number(metadata, "echo-count").unwrap_or(1).min(MOST),
            headers: named("echo-header-", "x-grpc-test-echo-initial"),
            ending: Ending {
                status: number(metadata, "echo-status").map_or(Status::OK, Status),
                message: message.unwrap_or_default(),
                trailers: named("echo-trailer-", "x-grpc-test-echo-trailing-bin"),
            },
            fault: metadata.value(b"echo-fault").map(|text| String::from_utf8_lossy(text).into_owned()),
            last: Vec::new(),
        })
    }
}

#[derive(Debug)]
struct Echoing {
    method: Echo,
    /// Nanoseconds for each answer.
    work: i64,
    count: u32,
    headers: Fields,
    ending: Ending,
    /// With what words the handler breaks down.
    fault: Option<String>,
    /// The last request, if its answer waits for the end.
    last: Vec<u8>,
}

impl Echoing {
    fn end(&mut self, then: Timestamp, answers: &mut Answers) {
        match self.fault.take() {
            None => answers.end(then, std::mem::take(&mut self.ending)),
            Some(words) => answers.fault(then, words),
        }
    }

    /// One answer and the end; a call that fails has no answer.
    fn only(&mut self, then: Timestamp, octets: Vec<u8>, answers: &mut Answers) {
        if self.ending.status == Status::OK && self.fault.is_none() {
            answers.message(then, octets);
        }
        self.end(then, answers);
    }
}

impl Call for Echoing {
    fn begin(&mut self, now: Timestamp, answers: &mut Answers) {
        if !self.headers.0.is_empty() {
            answers.metadata(now, std::mem::take(&mut self.headers));
        }
    }

    fn message(&mut self, now: Timestamp, octets: Vec<u8>, answers: &mut Answers) {
        let then = now.saturating_add_nanos(self.work);
        match (self.method.client_streaming, self.method.server_streaming) {
            (false, false) => self.only(then, octets, answers),
            (true, false) => self.last = octets,
            (_, true) => {
                let after = |n: u32| now.saturating_add_nanos(self.work.saturating_mul(n.into()));
                for n in 1..=self.count {
                    if answers.is_full() {
                        return;
                    }
                    answers.message(after(n), octets.clone());
                }
                if !self.method.client_streaming {
                    self.end(after(self.count), answers);
                }
            }
        }
    }

    fn finished(&mut self, now: Timestamp, answers: &mut Answers) {
        let then = now.saturating_add_nanos(self.work);
        match (self.method.client_streaming, self.method.server_streaming) {
            (false, _) => {}
            (true, false) => {
                let last = std::mem::take(&mut self.last);
                self.only(then, last, answers);
            }
            (true, true) => self.end(then, answers),
        }
    }
}

/// Answers to one request at most.
const MOST: u32 = 500;
