//! The services on one connection: dispatch by path, and answers that go out when they are due and the client takes them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::Services;
use super::handler::{Answer, Answers, Call, Ending, Sequence};
use crate::endpoint::compression::Compression;
use crate::endpoint::config::Config;
use crate::endpoint::fields::Fields;
use crate::endpoint::interceptor::Chain;
use crate::endpoint::server::{Event, Server};
use crate::endpoint::{Peer, Stop};
use crate::grpc::status::Status;
use crate::http2::frame::StreamId;
use crate::time::Timestamp;

/// The server's end of one connection.
#[derive(Debug)]
pub struct Serving {
    server: Server,
    services: Arc<Services>,
    calls: BTreeMap<StreamId, Handled>,
    /// Answers in the order in which they are due.
    due: BTreeMap<(Timestamp, u64), (StreamId, Answer)>,
    answers: u64,
    /// Octets of all answers that are not given to the server yet, and the most there may be.
    held: (usize, usize),
    /// Streams whose due answers wait until the client has taken earlier ones.
    waiting: BTreeSet<StreamId>,
    /// The latest time that was passed in.
    now: Timestamp,
    /// The changes of the services that calls know of.
    changes: u64,
}

/// A call that is being handled.
#[derive(Debug)]
struct Handled {
    call: Box<dyn Call>,
    takes_one: bool,
    /// Messages of the client so far.
    messages: u32,
    /// Where answers that are not due yet stand, and their octets.
    pending: (BTreeSet<(Timestamp, u64)>, usize),
    /// Answers that are due and wait for the client.
    ready: VecDeque<Answer>,
}

impl Handled {
    /// Octets of answers that wait.
    fn waiting(&self) -> usize {
        self.ready.iter().map(Answer::held_bytes).fold(self.pending.1, usize::saturating_add)
    }
}

impl Serving {
    /// The services on a connection that has just been accepted.
    #[must_use]
    pub fn new(services: Arc<Services>, config: Config) -> Self {
        Self {
            held: (0, config.bounds.answers),
            server: Server::new(config),
            changes: services.changes(),
            services,
            calls: BTreeMap::new(),
            due: BTreeMap::new(),
            answers: 0,
            waiting: BTreeSet::new(),
            now: Timestamp::EPOCH,
        }
    }

    /// Lets every call pass through these interceptors.
    #[must_use]
    pub fn with_interceptors(self, chain: Chain) -> Self {
        Self { server: self.server.with_interceptors(chain), ..self }
    }

    /// The next line that an interceptor wants to be printed.
    pub fn poll_log(&mut self) -> Option<String> {
        self.server.poll_log()
    }

    /// The memory held, in octets.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.server.held_bytes().saturating_add(self.held.0)
    }

    /// Ends this connection at once, whatever is under way; the client learns why.
    pub fn give_up(&mut self, now: Timestamp, why: &'static str) {
        self.server.stop_saying(now, why);
        self.follow(now);
    }

    /// Calls that are under way.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Does what the events ask for, and what is due.
    fn follow(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Call { stream, path, metadata } => self.call(now, stream, &path, &metadata),
                Event::Message { stream, octets } => self.message(now, stream, octets),
                Event::Finished { stream } => self.finished(now, stream),
                Event::Cancelled { stream } => self.forget(stream),
            }
        }
        self.wake(now);
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let key @ (then, _) = *entry.key();
            let (stream, answer) = entry.remove();
            let Some(handled) = self.calls.get_mut(&stream) else { continue };
            handled.pending.0.remove(&key);
            handled.pending.1 = handled.pending.1.saturating_sub(answer.held_bytes());
            if handled.ready.is_empty() && !self.server.is_behind(stream) {
                self.held.0 = self.held.0.saturating_sub(answer.held_bytes());
                self.give(then, stream, answer);
            } else {
                handled.ready.push_back(answer);
                self.waiting.insert(stream);
                if handled.ready.len() > READY {
                    self.refuse(stream);
                }
            }
        }
    }

    fn call(&mut self, now: Timestamp, stream: StreamId, path: &str, metadata: &Fields) {
        let method = match self.services.find(path) {
            Ok(method) => method,
            Err(words) => return self.server.end(stream, Status::UNIMPLEMENTED, &words, Fields::default()),
        };
        if self.services.gzip {
            self.server.compress(stream, Compression::Gzip);
        }
        let (takes_one, call) = (method.takes_one, method.handler.call(metadata));
        let handled = Handled { call, takes_one, messages: 0, pending: (BTreeSet::new(), 0), ready: VecDeque::new() };
        self.calls.insert(stream, handled);
        self.ask(stream, |call, answers| call.begin(now, answers));
    }

    fn message(&mut self, now: Timestamp, stream: StreamId, octets: Vec<u8>) {
        let Some(handled) = self.calls.get_mut(&stream) else { return };
        handled.messages = handled.messages.saturating_add(1);
        let is_one_too_many = handled.takes_one && handled.messages > 1;
        self.ask(stream, |call, answers| {
            if is_one_too_many {
                answers.fail(now, Status::INTERNAL, "a second request where the method takes one");
            } else {
                call.message(now, octets, answers);
            }
        });
    }

    fn finished(&mut self, now: Timestamp, stream: StreamId) {
        let Some(handled) = self.calls.get(&stream) else { return };
        let lacks_one = handled.takes_one && handled.messages == 0;
        self.ask(stream, |call, answers| {
            if lacks_one {
                answers.fail(now, Status::INTERNAL, "no request where the method takes one");
            } else {
                call.finished(now, answers);
            }
        });
    }

    fn wake(&mut self, now: Timestamp) {
        let changes = self.services.changes();
        if std::mem::replace(&mut self.changes, changes) != changes {
            for stream in self.calls.keys().copied().collect::<Vec<_>>() {
                self.ask(stream, |call, answers| call.woken(now, answers));
            }
        }
    }

    /// Lets the call make answers, and takes them.
    fn ask(&mut self, stream: StreamId, how: impl FnOnce(&mut dyn Call, &mut Answers)) {
        let Some(handled) = self.calls.get_mut(&stream) else { return };
        let mut answers = Answers::default();
        how(handled.call.as_mut(), &mut answers);
        let is_full = answers.is_full();
        for (then, answer) in answers.list {
            self.work_on(then, stream, answer);
        }
        let Some(handled) = self.calls.get(&stream) else { return };
        let is_busy = handled.pending.0.len() > PENDING || handled.pending.1 > PENDING_OCTETS;
        if is_full || is_busy || self.held.0 > self.held.1 {
            self.refuse(stream);
        }
    }

    /// Keeps an answer until it is due.
    fn work_on(&mut self, then: Timestamp, stream: StreamId, answer: Answer) {
        let Some(handled) = self.calls.get_mut(&stream) else { return };
        let octets = answer.held_bytes();
        handled.pending.0.insert((then, self.answers));
        handled.pending.1 = handled.pending.1.saturating_add(octets);
        self.held.0 = self.held.0.saturating_add(octets);
        self.due.insert((then, self.answers), (stream, answer));
        self.answers = self.answers.saturating_add(1);
    }

    /// Sends an answer that was due at `then`.
    fn give(&mut self, then: Timestamp, stream: StreamId, answer: Answer) {
        match answer {
            Answer::Metadata(metadata) => self.server.respond(stream, metadata),
            Answer::Message(message) => self.server.send(stream, &message),
            Answer::Sequence(sequence) => self.go_on(then, stream, sequence),
            Answer::End(ending) => self.end(stream, ending),
            Answer::Fault(message) => {
                self.server.fail(stream, &message);
                self.forget(stream);
            }
        }
    }

    /// Sends what the client takes of a sequence, and keeps the rest.
    fn go_on(&mut self, then: Timestamp, stream: StreamId, mut sequence: Sequence) {
        while let Some(message) = sequence.messages.get(sequence.next) {
            if self.server.is_behind(stream) {
                if let Some(handled) = self.calls.get_mut(&stream) {
                    let rest = Answer::Sequence(sequence);
                    self.held.0 = self.held.0.saturating_add(rest.held_bytes());
                    handled.ready.push_front(rest);
                    self.waiting.insert(stream);
                }
                return;
            }
            self.server.send(stream, message);
            sequence.next = sequence.next.saturating_add(1);
            if sequence.interval > 0 && sequence.next < sequence.messages.len() {
                let then = then.saturating_add_nanos(sequence.interval);
                return self.work_on(then, stream, Answer::Sequence(sequence));
            }
        }
        self.end(stream, sequence.ending);
    }

    /// Sends answers that waited for the client; whether there were any.
    fn release(&mut self) -> bool {
        let mut any = false;
        for stream in self.waiting.iter().copied().collect::<Vec<_>>() {
            while !self.server.is_behind(stream) {
                let answer = self.calls.get_mut(&stream).and_then(|handled| handled.ready.pop_front());
                let Some(answer) = answer else {
                    self.waiting.remove(&stream);
                    break;
                };
                any = true;
                self.held.0 = self.held.0.saturating_sub(answer.held_bytes());
                self.give(self.now, stream, answer);
            }
        }
        any
    }

    fn end(&mut self, stream: StreamId, Ending { status, message, trailers }: Ending) {
        self.server.end(stream, status, &message, trailers);
        self.forget(stream);
    }

    fn refuse(&mut self, stream: StreamId) {
        let message = "too many answers are being worked on".to_owned();
        self.end(stream, Ending { status: Status::RESOURCE_EXHAUSTED, message, trailers: Fields::default() });
    }

    fn forget(&mut self, stream: StreamId) {
        self.waiting.remove(&stream);
        if let Some(handled) = self.calls.remove(&stream) {
            self.held.0 = self.held.0.saturating_sub(handled.waiting());
            handled.pending.0.iter().for_each(|key| _ = self.due.remove(key));
        }
    }
}

impl Peer for Serving {
    fn begin(&mut self, now: Timestamp) {
        self.now = now;
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
        let before = out.len();
        loop {
            self.server.poll_transmit(out);
            if out.len() > before || !self.release() {
                return;
            }
        }
    }

    fn is_finished(&self) -> bool {
        self.server.is_closed()
    }

    fn stop(&mut self, now: Timestamp, how: Stop) {
        self.services.shut_down();
        // Who watches the health learns of it before the connection ends.
        self.follow(now);
        match how {
            Stop::Gracefully => self.server.stop_gracefully(now),
            Stop::AtOnce => self.server.stop(now),
        }
        self.follow(now);
    }
}

/// Answers of one call that may be worked on at once, and their octets.
const PENDING: usize = 1000;
pub(super) const PENDING_OCTETS: usize = 16 << 20;
/// Answers of one call that may wait for the client.
const READY: usize = 1 << 16;
