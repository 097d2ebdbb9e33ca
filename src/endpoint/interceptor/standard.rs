//! The interceptors that come with the server: logging, recovery, deadline, stamp.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Begun, Chain, Ended, Interceptor, Outcome};
use crate::endpoint::client::Request;
use crate::endpoint::connection::Side;
use crate::endpoint::fields::Fields;
use crate::endpoint::keepalive::nanos;
use crate::grpc::status::Status;
use crate::http2::frame::StreamId;
use crate::time::Timestamp;
use crate::write;

/// The chain of these names, with `deadline` as deadline; or the name that none of them has.
///
/// # Errors
///
/// With the first name that is not `logging`, `recovery`, `deadline` or `stamp`.
pub fn standard<'n>(names: impl IntoIterator<Item = &'n str>, deadline: Deadline) -> Result<Chain, &'n str> {
    let interceptors = names.into_iter().map(|name| -> Result<Box<dyn Interceptor>, &'n str> {
        Ok(match name {
            "logging" => Box::new(Logging::default()),
            "recovery" => Box::new(Recovery),
            "deadline" => Box::new(deadline),
            "stamp" => Box::new(Stamp),
            unknown => return Err(unknown),
        })
    });
    Ok(Chain::new(interceptors.collect::<Result<_, _>>()?))
}

/// Writes a line when a call begins and when it ends.
#[derive(Debug, Default)]
pub struct Logging {
    calls: BTreeMap<StreamId, Logged>,
    lines: VecDeque<String>,
    left_out: u64,
}

#[derive(Debug)]
struct Logged {
    path: String,
    began: Timestamp,
    requests: u64,
    answers: u64,
}

impl Logging {
    fn line(&mut self, line: String) {
        if self.lines.len() < MOST_LINES {
            self.lines.push_back(line);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    fn over(&mut self, now: Timestamp, stream: StreamId, how: &str) {
        let Some(Logged { path, began, requests, answers }) = self.calls.remove(&stream) else { return };
        let micros = now.nanos_since(began).max(0) / 1000;
        let (millis, micros) = (micros / 1000, micros % 1000);
        let time = match (millis, micros) {
            (0, 0) => "at once".to_owned(),
            _ => format!("after {millis}.{micros:03} ms"),
        };
        self.line(format!("stream {stream} {path}: {how} {time}, {requests} in, {answers} out"));
    }
}

impl Interceptor for Logging {
    fn name(&self) -> &'static str {
        "logging"
    }

    fn begin(&mut self, call: &mut Begun<'_>) -> Result<(), Outcome> {
        let path = shown(call.path);
        self.line(format!("stream {} {path}: begins", call.stream));
        self.calls.insert(call.stream, Logged { path, began: call.now, requests: 0, answers: 0 });
        Ok(())
    }

    fn message(&mut self, _now: Timestamp, stream: StreamId, from: Side, _message: &[u8]) {
        if let Some(logged) = self.calls.get_mut(&stream) {
            let count = match from {
                Side::Client => &mut logged.requests,
                Side::Server => &mut logged.answers,
            };
            *count = count.saturating_add(1);
        }
    }

    fn end(&mut self, call: &mut Ended<'_>) {
        let Outcome { status, message, .. } = &*call.outcome;
        let words = if message.is_empty() { String::new() } else { format!(" ({})", shown(message)) };
        self.over(call.now, call.stream, &format!("{status}{words}"));
    }

    fn cancelled(&mut self, now: Timestamp, stream: StreamId) {
        self.over(now, stream, "nobody waits for it any more");
    }

    fn poll_log(&mut self) -> Option<String> {
        self.lines.pop_front().or_else(|| match std::mem::take(&mut self.left_out) {
            0 => None,
            lines => Some(format!("{lines} more lines were not written in time")),
        })
    }
}

/// Turns the fault of a handler into INTERNAL, so that it costs its own call and no other; what went wrong is not told.
#[derive(Clone, Copy, Debug)]
pub struct Recovery;

impl Interceptor for Recovery {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn end(&mut self, call: &mut Ended<'_>) {
        if call.outcome.fault {
            let (status, message) = (Status::INTERNAL, "the handler failed".to_owned());
            *call.outcome = Outcome { status, message, trailers: Fields::default(), fault: false };
        }
    }
}

/// Sees to it that every call has a deadline, and none a late one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Deadline {
    /// For calls whose client has said none.
    pub usual: Option<Duration>,
    /// For calls whose client has said a later one.
    pub longest: Option<Duration>,
}

impl Interceptor for Deadline {
    fn name(&self) -> &'static str {
        "deadline"
    }

    fn begin(&mut self, call: &mut Begun<'_>) -> Result<(), Outcome> {
        let after = |duration: Duration| call.now.saturating_add_nanos(nanos(duration));
        let said = call.deadline.or_else(|| self.usual.map(after));
        let latest = self.longest.map(after);
        *call.deadline = match (said, latest) {
            (Some(said), Some(latest)) => Some(said.min(latest)),
            (said, latest) => said.or(latest),
        };
        Ok(())
    }

    fn request(&mut self, _passed: &[&'static str], request: &mut Request) {
        let whole = |duration: Duration| u64::try_from(nanos(duration)).unwrap_or(u64::MAX);
        let (usual, longest) = (self.usual.map(whole), self.longest.map(whole));
        request.timeout = match (request.timeout.or(usual), longest) {
            (Some(said), Some(longest)) => Some(said.min(longest)),
            (said, longest) => said.or(longest),
        };
    }
}

/// Writes into metadata `stamp` which interceptors a call has come to: on its way in into the response's, on its way out into
/// the trailers; a client's into the request's.
#[derive(Clone, Copy, Debug)]
pub struct Stamp;

/// The name of the metadata that it writes.
pub const STAMP: &str = "stamp";

impl Interceptor for Stamp {
    fn name(&self) -> &'static str {
        STAMP
    }

    fn begin(&mut self, call: &mut Begun<'_>) -> Result<(), Outcome> {
        call.response.push(STAMP, call.passed.join(","));
        Ok(())
    }

    fn end(&mut self, call: &mut Ended<'_>) {
        call.outcome.trailers.push(STAMP, call.passed.join(","));
    }

    fn request(&mut self, passed: &[&'static str], request: &mut Request) {
        request.metadata.push(STAMP, passed.join(","));
    }
}

/// Text of a stranger on one line, and not too long.
fn shown(text: &str) -> String {
    let mut octets = Vec::new();
    write::untrusted_part(&mut octets, text.as_bytes(), LONGEST_TEXT);
    String::from_utf8_lossy(&octets).into_owned()
}

/// Lines that wait to be printed.
const MOST_LINES: usize = 1000;
/// Octets shown of a path or a message.
const LONGEST_TEXT: usize = 200;
