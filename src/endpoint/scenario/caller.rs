//! A client that plays plans on one connection: each call with its messages, and how the client goes about it.

use std::collections::{BTreeMap, VecDeque};

use crate::endpoint::Peer;
use crate::endpoint::client::{Client, Event, Request, Ticket};
use crate::endpoint::connection::Config;
use crate::endpoint::example::{SEARCH, WORK, search_request};
use crate::endpoint::world::Diary;
use crate::time::Timestamp;

/// Whether calls wait for each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    OneAfterAnother,
    AllAtOnce,
}

/// One call, and how the client goes about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) request: Request,
    pub(super) messages: VecDeque<Vec<u8>>,
    pub(super) manner: Manner,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Manner {
    /// All messages at once.
    #[default]
    Plain,
    /// The next message follows an answer.
    Alternating,
    /// Given up after so many answers.
    GivenUpAfter(u32),
}

impl Plan {
    /// A call of this method with these messages.
    pub(super) fn new(path: &str, messages: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let request = Request { path: path.to_owned(), ..Request::default() };
        Self { request, messages: messages.into_iter().collect(), manner: Manner::Plain }
    }

    /// A search for this text.
    pub(super) fn search(text: &str) -> Self {
        Self::new(SEARCH, [search_request(text)])
    }

    pub(super) fn timeout(mut self, millis: u64) -> Self {
        self.request.timeout = Some(millis.saturating_mul(1_000_000));
        self
    }

    pub(super) fn work(mut self, millis: u64) -> Self {
        self.request.metadata.push(WORK, millis.to_string());
        self
    }

    pub(super) fn manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }
}

/// A client that plays plans and then ends the connection.
#[derive(Debug)]
pub(super) struct Caller {
    client: Client,
    plans: VecDeque<Plan>,
    order: Order,
    running: BTreeMap<Ticket, Running>,
    diary: Diary,
}

#[derive(Debug)]
struct Running {
    messages: VecDeque<Vec<u8>>,
    manner: Manner,
    answers: u32,
}

impl Caller {
    /// A client that plays the plans against `authority`, a host and port.
    pub(super) fn new(config: Config, authority: String, plans: Vec<Plan>, order: Order, diary: Diary) -> Self {
        Self { client: Client::new(config, authority), plans: plans.into(), order, running: BTreeMap::new(), diary }
    }

    fn start(&mut self, now: Timestamp) {
        while self.order == Order::AllAtOnce || self.running.is_empty() {
            let Some(Plan { request, mut messages, manner }) = self.plans.pop_front() else { return };
            let ticket = self.client.call(now, request);
            if let Manner::Alternating = manner {
                if let Some(message) = messages.pop_front() {
                    self.client.send(ticket, &message);
                }
            } else if let [message] = &*messages.make_contiguous() {
                self.client.send_last(ticket, message);
            } else {
                for message in &messages {
                    self.client.send(ticket, message);
                }
                self.client.finish(ticket);
            }
            self.running.insert(ticket, Running { messages, manner, answers: 0 });
        }
    }

    fn follow(&mut self, now: Timestamp) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Begun { .. } => {}
                Event::Message { ticket, .. } => self.answered(now, ticket),
                Event::Ended { ticket, ending } => {
                    self.running.remove(&ticket);
                    self.diary.note(ticket.0, ending);
                    self.start(now);
                }
            }
        }
    }

    fn answered(&mut self, now: Timestamp, ticket: Ticket) {
        let Some(running) = self.running.get_mut(&ticket) else { return };
        running.answers = running.answers.saturating_add(1);
        match running.manner {
            Manner::Plain => {}
            Manner::Alternating => match running.messages.pop_front() {
                Some(message) => self.client.send(ticket, &message),
                None => {
                    running.manner = Manner::Plain;
                    self.client.finish(ticket);
                }
            },
            Manner::GivenUpAfter(answers) if running.answers == answers => self.client.cancel(now, ticket),
            Manner::GivenUpAfter(_) => {}
        }
    }
}

impl Peer for Caller {
    fn begin(&mut self, now: Timestamp) {
        self.start(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.client.handle_octets(now, octets);
        self.follow(now);
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.client.handle_end(now);
        self.follow(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.client.handle_timeout(now);
        self.follow(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.client.poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.client.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.client.is_closed() || (self.plans.is_empty() && self.running.is_empty() && self.client.is_idle())
    }
}
