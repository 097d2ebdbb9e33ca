//! What a method is to the [server](super::Serving): something that makes answers out of requests, each at its time.
//!
//! When answers go out, and what becomes of those that pile up, is decided by the server.

use std::fmt;
use std::sync::Arc;

use super::serving::PENDING_OCTETS;
use crate::endpoint::fields::Fields;
use crate::grpc::status::Status;
use crate::time::Timestamp;

/// A method of a service; shared by all connections.
pub trait Method: fmt::Debug + Send + Sync {
    /// A call begins; its metadata is the client's.
    fn call(&self, metadata: &Fields) -> Box<dyn Call>;
}

/// One call of a [`Method`].
pub trait Call: fmt::Debug + Send {
    /// Before the first request.
    fn begin(&mut self, _now: Timestamp, _answers: &mut Answers) {}

    /// A request. Of a method that takes one there is never a second.
    fn message(&mut self, now: Timestamp, octets: Vec<u8>, answers: &mut Answers);

    /// The client sends no more requests. Of a method that takes one there was one.
    fn finished(&mut self, _now: Timestamp, _answers: &mut Answers) {}

    /// Something that the services share has changed, see [`Services::changes`](super::Services::changes).
    fn woken(&mut self, _now: Timestamp, _answers: &mut Answers) {}
}

/// Collects answers. Those of one time go out in the order in which they came.
#[derive(Debug, Default)]
pub struct Answers {
    pub(super) list: Vec<(Timestamp, Answer)>,
    /// Octets of them.
    octets: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Metadata(Fields),
    Message(Vec<u8>),
    Sequence(Sequence),
    End(Ending),
    Fault(String),
}

/// How a call ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ending {
    /// `grpc-status`.
    pub status: Status,
    /// `grpc-message`, before it is escaped.
    pub message: String,
    /// The metadata that goes along.
    pub trailers: Fields,
}

/// Messages known beforehand, and the end of the call.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Shared by all calls that are answered so.
    pub messages: Arc<[Vec<u8>]>,
    /// The index of the next one.
    pub next: usize,
    /// Nanoseconds between two of them.
    pub interval: i64,
    /// Follows the last one at once.
    pub ending: Ending,
}

impl Answers {
    /// Whether there are more than one call may have: it will be ended for that, and making others is in vain.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.octets > PENDING_OCTETS
    }

    fn push(&mut self, then: Timestamp, answer: Answer) {
        if !self.is_full() {
            self.octets = self.octets.saturating_add(answer.held_bytes());
            self.list.push((then, answer));
        }
    }

    /// The response's metadata, unless the response has begun.
    pub fn metadata(&mut self, then: Timestamp, metadata: Fields) {
        self.push(then, Answer::Metadata(metadata));
    }

    /// A message.
    pub fn message(&mut self, then: Timestamp, octets: Vec<u8>) {
        self.push(then, Answer::Message(octets));
    }

    /// Messages that are all there, and the end.
    pub fn sequence(&mut self, then: Timestamp, sequence: Sequence) {
        self.push(then, Answer::Sequence(sequence));
    }

    /// The end of a call that succeeded.
    pub fn ok(&mut self, then: Timestamp) {
        self.end(then, Ending::default());
    }

    /// The end of a call.
    pub fn end(&mut self, then: Timestamp, ending: Ending) {
        self.push(then, Answer::End(ending));
    }

    /// The end of a call whose handler broke down, see [`Server::fail`](crate::endpoint::server::Server::fail).
    pub fn fault(&mut self, then: Timestamp, message: impl Into<String>) {
        self.push(then, Answer::Fault(message.into()));
    }

    /// The end of a call that failed.
    pub fn fail(&mut self, then: Timestamp, status: Status, message: impl Into<String>) {
        self.end(then, Ending { status, message: message.into(), trailers: Fields::default() });
    }
}

impl Answer {
    /// The memory held for it alone, in octets.
    pub(super) fn held_bytes(&self) -> usize {
        let own = match self {
            Self::Message(octets) => octets.capacity(),
            Self::Metadata(metadata) => metadata.held_bytes(),
            Self::Sequence(Sequence { ending, .. }) | Self::End(ending) => {
                ending.message.capacity().saturating_add(ending.trailers.held_bytes())
            }
            Self::Fault(message) => message.capacity(),
        };
        size_of::<Self>().saturating_add(own)
    }
}

/// The milliseconds that the client's metadata `work-ms` asks the server to take for each answer, 60 000 at most; in
/// nanoseconds.
pub(in crate::endpoint) fn work(metadata: &Fields) -> Option<i64> {
    let asked: u16 = number(metadata, crate::endpoint::example::WORK)?;
    Some(i64::from(asked.min(60_000)).saturating_mul(1_000_000))
}

/// A number in the metadata.
pub(in crate::endpoint) fn number<N: std::str::FromStr>(metadata: &Fields, name: &str) -> Option<N> {
    std::str::from_utf8(metadata.value(name.as_bytes())?).ok()?.parse().ok()
}
