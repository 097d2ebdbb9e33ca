//! What happens around every call of a server, whatever its handler does: a chain of interceptors in the order given.
//!
//! The first one sees a call first when it begins, and last when it ends, as if each were wrapped around the next.
//! What a handler answers is its own business; interceptors may refuse a call, add metadata, and change how it ends.

mod standard;

use std::collections::BTreeMap;
use std::fmt;

pub use standard::{Deadline, Logging, Recovery, STAMP, Stamp, standard};

use super::client::Request;
use super::connection::Side;
use super::fields::Fields;
use crate::grpc::status::Status;
use crate::http2::frame::StreamId;
use crate::time::Timestamp;

/// One of a chain. Everything it does not care for passes.
pub trait Interceptor: fmt::Debug + Send {
    /// What it is called, on the command line and in a [`Stamp`].
    fn name(&self) -> &'static str;

    /// A call begins.
    ///
    /// # Errors
    ///
    /// When it is refused: it ends so, and nobody further in hears of it.
    fn begin(&mut self, _call: &mut Begun<'_>) -> Result<(), Outcome> {
        Ok(())
    }

    /// A message of the call passes; `from` tells whose it is.
    fn message(&mut self, _now: Timestamp, _stream: StreamId, _from: Side, _message: &[u8]) {}

    /// The call ends with an answer.
    fn end(&mut self, _call: &mut Ended<'_>) {}

    /// Nobody waits for the answer any more.
    fn cancelled(&mut self, _now: Timestamp, _stream: StreamId) {}

    /// A client makes a call; `passed` are the names so far, this one's last.
    fn request(&mut self, _passed: &[&'static str], _request: &mut Request) {}

    /// A line that it wants to be printed.
    fn poll_log(&mut self) -> Option<String> {
        None
    }
}

/// A call that begins.
#[derive(Debug)]
pub struct Begun<'a> {
    /// When.
    pub now: Timestamp,
    /// Its stream.
    pub stream: StreamId,
    /// `/package.Service/Method`.
    pub path: &'a str,
    /// The client's metadata, as its handler will see it.
    pub metadata: &'a mut Fields,
    /// Until when it is waited for.
    pub deadline: &'a mut Option<Timestamp>,
    /// Metadata that the response will begin with, besides the handler's.
    pub response: &'a mut Fields,
    /// The interceptors that the call has come to, this one last.
    pub passed: &'a [&'static str],
}

/// A call that ends.
#[derive(Debug)]
pub struct Ended<'a> {
    /// When.
    pub now: Timestamp,
    /// Its stream.
    pub stream: StreamId,
    /// How, so far.
    pub outcome: &'a mut Outcome,
    /// The interceptors that the answer has come to, this one last.
    pub passed: &'a [&'static str],
}

/// How a call ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The status.
    pub status: Status,
    /// In words.
    pub message: String,
    /// The trailing metadata.
    pub trailers: Fields,
    /// Whether the handler failed in a way it did not foresee. One that nobody recovers takes the connection with it.
    pub fault: bool,
}

/// Interceptors in their order, and the calls that they have seen begin.
#[derive(Debug, Default)]
pub struct Chain {
    interceptors: Vec<Box<dyn Interceptor>>,
    calls: BTreeMap<StreamId, Seen>,
}

#[derive(Debug)]
struct Seen {
    /// How many have let it pass.
    depth: usize,
    response: Fields,
}

impl Chain {
    /// A chain of these, the first one outermost.
    #[must_use]
    pub fn new(interceptors: Vec<Box<dyn Interceptor>>) -> Self {
        Self { interceptors, calls: BTreeMap::new() }
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.interceptors.iter().map(|interceptor| interceptor.name())
    }

    /// What a client's request becomes on its way out.
    pub fn request(&mut self, request: &mut Request) {
        let mut passed = Vec::new();
        for interceptor in &mut self.interceptors {
            passed.push(interceptor.name());
            interceptor.request(&passed, request);
        }
    }

    /// The next line to be printed.
    pub fn poll_log(&mut self) -> Option<String> {
        self.interceptors.iter_mut().find_map(|interceptor| interceptor.poll_log())
    }

    /// A call begins; until when it is waited for, or how it ends if it is refused.
    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        stream: StreamId,
        path: &str,
        metadata: &mut Fields,
        mut deadline: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, Outcome> {
        if self.interceptors.is_empty() {
            return Ok(deadline);
        }
        let mut seen = Seen { depth: 0, response: Fields::default() };
        let mut passed = Vec::new();
        let mut refused = None;
        for interceptor in &mut self.interceptors {
            passed.push(interceptor.name());
            let (response, deadline) = (&mut seen.response, &mut deadline);
            let mut call = Begun { now, stream, path, metadata, deadline, response, passed: &passed };
            refused = interceptor.begin(&mut call).err();
            if refused.is_some() {
                break;
            }
            seen.depth = seen.depth.saturating_add(1);
        }
        self.calls.insert(stream, seen);
        refused.map_or(Ok(deadline), Err)
    }

    pub(super) fn message(&mut self, now: Timestamp, stream: StreamId, from: Side, message: &[u8]) {
        let depth = self.calls.get(&stream).map_or(0, |seen| seen.depth);
        let each = |interceptor: &mut Box<dyn Interceptor>| interceptor.message(now, stream, from, message);
        match from {
            Side::Client => self.interceptors.iter_mut().take(depth).for_each(each),
            Side::Server => self.interceptors.iter_mut().take(depth).rev().for_each(each),
        }
    }

    /// What the response begins with, besides the handler's metadata.
    pub(super) fn response(&mut self, stream: StreamId) -> Fields {
        self.calls.get_mut(&stream).map(|seen| std::mem::take(&mut seen.response)).unwrap_or_default()
    }

    pub(super) fn end(&mut self, now: Timestamp, stream: StreamId, outcome: &mut Outcome) {
        let Some(seen) = self.calls.remove(&stream) else { return };
        let mut passed = Vec::new();
        for interceptor in self.interceptors.iter_mut().take(seen.depth).rev() {
            passed.push(interceptor.name());
            interceptor.end(&mut Ended { now, stream, outcome, passed: &passed });
        }
    }

    pub(super) fn cancelled(&mut self, now: Timestamp, stream: StreamId) {
        let Some(seen) = self.calls.remove(&stream) else { return };
        for interceptor in self.interceptors.iter_mut().take(seen.depth).rev() {
            interceptor.cancelled(now, stream);
        }
    }
}
