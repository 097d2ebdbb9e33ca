//! A client that plays plans on one connection: each call with its messages, and how the client goes about it.

use std::collections::{BTreeMap, VecDeque};

use crate::endpoint::Peer;
use crate::endpoint::client::{Client, Event, Request, Ticket};
use crate::endpoint::connection::Config;
use crate::endpoint::example::{SEARCH, WORK, search_request};
use crate::endpoint::world::{Cue, Diary, Moment};
use crate::time::Timestamp;

/// Whether calls wait for each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    OneAfterAnother,
    AllAtOnce,
    /// The first one alone, then the others at once.
    FirstAlone,
}

/// One call, and how the client goes about it.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) request: Request,
    pub(super) messages: VecDeque<Vec<u8>>,
    pub(super) manner: Manner,
    /// Before which it does not start.
    pub(super) start: Cue,
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
    /// All messages in one piece.
    Together,
    /// No answer is taken before this.
    Stalling(Cue),
}

impl Plan {
    /// A call of this method with these messages.
    pub(super) fn new(path: &str, messages: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let request = Request { path: path.to_owned(), ..Request::default() };
        Self { request, messages: messages.into_iter().collect(), manner: Manner::Plain, start: Cue::at(0) }
    }

    /// A search for this text.
    pub(super) fn search(text: &str) -> Self {
        Self::new(SEARCH, [search_request(text)])
    }

    pub(super) fn timeout(mut self, millis: u64) -> Self {
        self.request.timeout = Some(millis.saturating_mul(1_000_000));
        self
    }

    pub(super) fn work(self, millis: u64) -> Self {
        self.metadata(WORK, millis.to_string())
    }

    pub(super) fn metadata(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.request.metadata.push(name, value);
        self
    }

    /// Starts no earlier than so many milliseconds after the program began.
    pub(super) fn at(self, millis: i64) -> Self {
        Self { start: Cue::at(millis), ..self }
    }

    /// Starts no earlier than so many milliseconds after the moment.
    pub(super) fn after(self, moment: Moment, millis: i64) -> Self {
        Self { start: Cue::after(moment, millis), ..self }
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
    /// Calls whose answers are not taken until then.
    stalled: Vec<(Cue, Ticket)>,
    /// Octets that have come.
    received: usize,
    began: Timestamp,
    now: Timestamp,
    started: bool,
    /// Nanoseconds that the connection stays at least.
    stay: i64,
    diary: Diary,
    /// The number of its first call in the diary.
    first: u64,
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
        Self {
            client: Client::new(config, authority),
            plans: plans.into(),
            order,
            running: BTreeMap::new(),
            stalled: Vec::new(),
            received: 0,
            began: Timestamp::EPOCH,
            now: Timestamp::EPOCH,
            started: false,
            stay: 0,
            diary,
            first: 0,
        }
    }

    /// Its first call has this number in the diary.
    pub(super) const fn counting_from(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    /// Keeps the connection for so many milliseconds at least, with or without calls.
    pub(super) const fn staying(mut self, millis: i64) -> Self {
        self.stay = millis.saturating_mul(MILLI);
        self
    }

    /// Whether all calls have ended, and nothing is under way on the connection.
    pub(super) fn is_done(&self) -> bool {
        self.client.is_closed() || (self.plans.is_empty() && self.running.is_empty() && self.client.is_idle())
    }

    fn start(&mut self) {
        while let Some(plan) = self.plans.front() {
            let may = match self.order {
                Order::AllAtOnce => true,
                Order::OneAfterAnother => self.running.is_empty(),
                Order::FirstAlone => !self.started || self.first_is_over(),
            };
            if !may || self.starts(plan).is_none_or(|start| start > self.now) {
                return;
            }
            self.started = true;
            if let Some(plan) = self.plans.pop_front() {
                self.call(plan);
            }
        }
    }

    fn first_is_over(&self) -> bool {
        !self.running.contains_key(&Ticket(0))
    }

    /// When the plan may start, as far as that is known.
    fn starts(&self, plan: &Plan) -> Option<Timestamp> {
        self.diary.due(plan.start)
    }

    fn call(&mut self, Plan { request, mut messages, manner, start: _ }: Plan) {
        let ticket = self.client.call(self.now, request);
        match (manner, &*messages.make_contiguous()) {
            (Manner::Alternating, _) => {
                if let Some(message) = messages.pop_front() {
                    self.client.send(ticket, &message);
                }
            }
            (Manner::Together, all) => self.client.send_together(ticket, all, true),
            (_, [message]) => self.client.send_last(ticket, message),
            (_, all) => {
                for message in all {
                    self.client.send(ticket, message);
                }
                self.client.finish(ticket);
            }
        }
        if let Manner::Stalling(cue) = manner {
            self.client.pause(ticket);
            self.stalled.push((cue, ticket));
        }
        self.running.insert(ticket, Running { messages, manner, answers: 0 });
    }

    fn follow(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Begun { .. } => {}
                Event::Message { ticket, .. } => self.answered(ticket),
                Event::Ended { ticket, ending } => {
                    self.running.remove(&ticket);
                    self.diary.note(self.now, self.first.saturating_add(ticket.0), ending);
                    self.start();
                }
            }
        }
    }

    fn answered(&mut self, ticket: Ticket) {
        let Some(running) = self.running.get_mut(&ticket) else { return };
        running.answers = running.answers.saturating_add(1);
        match running.manner {
            Manner::Alternating => match running.messages.pop_front() {
                Some(message) => self.client.send(ticket, &message),
                None => {
                    running.manner = Manner::Plain;
                    self.client.finish(ticket);
                }
            },
            Manner::GivenUpAfter(answers) if running.answers == answers => self.client.cancel(self.now, ticket),
            Manner::Plain | Manner::Together | Manner::GivenUpAfter(_) | Manner::Stalling(_) => {}
        }
    }

    /// Does what the time asks for.
    fn advance(&mut self, now: Timestamp) {
        self.now = now;
        for (_, ticket) in self.stalled.extract_if(.., |(cue, _)| self.diary.due(*cue).is_some_and(|due| due <= now)) {
            self.client.resume(ticket);
        }
        self.start();
        self.follow();
    }

    fn stays_until(&self) -> Timestamp {
        self.began.saturating_add_nanos(self.stay)
    }
}

impl Peer for Caller {
    fn begin(&mut self, now: Timestamp) {
        self.began = now;
        self.diary.happens(now, Moment::Begin);
        self.client.begin(now);
        self.advance(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.now = now;
        self.received = self.received.saturating_add(octets.len());
        if self.received >= WINDOW {
            self.diary.happens(now, Moment::WindowFilled);
        }
        self.client.handle_octets(now, octets);
        self.advance(now);
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.now = now;
        self.client.handle_end(now);
        self.follow();
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.now = now;
        self.client.handle_timeout(now);
        self.advance(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let start = self.plans.front().and_then(|plan| self.starts(plan)).filter(|start| *start > self.now);
        let stalled = self.stalled.iter().filter_map(|(cue, _)| self.diary.due(*cue)).min();
        let stay = Some(self.stays_until()).filter(|end| *end > self.now);
        [self.client.poll_timeout(), start, stalled, stay].into_iter().flatten().min()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.client.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.client.is_closed() || (self.is_done() && self.now >= self.stays_until())
    }
}

/// Octets that a window holds at first (RFC 9113 §6.9.2).
const WINDOW: usize = 65_535;
/// Nanoseconds.
pub(super) const MILLI: i64 = 1_000_000;
