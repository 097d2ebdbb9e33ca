//! The calls of a channel: where each of them is, and what follows when an attempt has ended (gRFC A6).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::backoff::after;
use super::replay::Replay;
use super::retry::Attempts;
use super::state::State;
use super::{Channel, Event};
use crate::endpoint::ConnectionId;
use crate::endpoint::client::{self, Ending, Request, Ticket, Unprocessed};
use crate::grpc::status::Status;
use crate::time::Timestamp;

/// A call that has not ended.
#[derive(Debug)]
pub(super) struct Call {
    request: Request,
    deadline: Option<Timestamp>,
    wait_for_ready: bool,
    place: Place,
    replay: Replay,
    /// Attempts that have begun.
    begun: u32,
    attempts: Attempts,
    /// Whether its one repetition after a refusal is used up.
    refused: bool,
    alarm: Option<Timestamp>,
}

impl Call {
    /// The memory held, in octets.
    pub(super) fn held_bytes(&self) -> usize {
        let request = self.request.path.capacity().saturating_add(self.request.metadata.held_bytes());
        [std::mem::size_of::<Self>(), request, self.replay.octets()].into_iter().fold(0, usize::saturating_add)
    }
}

/// Where a call is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// It waits for a connection; the lower number goes first.
    Queued(u64),
    /// It waits for the time of its next attempt.
    Resting(Timestamp),
    /// An attempt is under way.
    On(ConnectionId, client::Ticket),
}

/// The calls that wait for a connection, in their order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    all: BTreeMap<u64, Ticket>,
    /// Those that do not wait in bad times.
    hasty: BTreeSet<Ticket>,
    next: u64,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn push(&mut self, ticket: Ticket, wait_for_ready: bool) -> Place {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        self.all.insert(number, ticket);
        if !wait_for_ready {
            self.hasty.insert(ticket);
        }
        Place::Queued(number)
    }

    fn pop(&mut self) -> Option<Ticket> {
        let (_, ticket) = self.all.pop_first()?;
        self.hasty.remove(&ticket);
        Some(ticket)
    }

    fn remove(&mut self, number: u64, ticket: Ticket) {
        self.all.remove(&number);
        self.hasty.remove(&ticket);
    }
}

impl Channel {
    /// Begins a call. It waits for a connection as long as there is hope for one; then it depends on
    /// [`Config::wait_for_ready`](super::Config::wait_for_ready). Its deadline counts while it waits.
    pub fn call(&mut self, now: Timestamp, request: Request) -> Ticket {
        self.call_with(now, request, self.config.wait_for_ready)
    }

    /// Begins a call that waits through TRANSIENT_FAILURE, or one that does not.
    pub fn call_with(&mut self, now: Timestamp, request: Request, wait_for_ready: bool) -> Ticket {
        let ticket = Ticket(self.next_call);
        self.next_call = self.next_call.saturating_add(1);
        let refusal = if self.closing {
            Some((Status::CANCELLED, CLOSING))
        } else if self.queue.all.len() >= self.config.waiting_calls {
            Some((Status::RESOURCE_EXHAUSTED, "too many calls wait for a connection"))
        } else {
            None
        };
        if let Some((status, words)) = refusal {
            self.events.push_back(Event::Ended { ticket, ending: Ending::own(status, words) });
            return ticket;
        }
        let deadline = request.timeout.map(|nanos| after(now, Duration::from_nanos(nanos)));
        let call = Call {
            request,
            deadline,
            wait_for_ready,
            place: Place::Queued(0),
            replay: Replay::default(),
            begun: 0,
            attempts: Attempts::default(),
            refused: false,
            alarm: None,
        };
        self.calls.insert(ticket, call);
        self.enqueue(ticket);
        self.wake(now);
        self.advance(now);
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
        let Some(call) = self.calls.get_mut(&ticket).filter(|call| !call.replay.finished) else { return };
        call.replay.finished = last;
        self.kept = self.kept.saturating_add(call.replay.keep(message));
        if let Place::On(connection, own) = call.place {
            if let Some(line) = self.lines.get_mut(&connection) {
                if last {
                    line.client.send_last(own, message);
                } else {
                    line.client.send(own, message);
                }
            }
            self.commit_if_large(ticket);
        } else if self.kept > self.config.waiting_octets {
            let words = "too many octets wait for a connection";
            self.end(ticket, Ending::own(Status::RESOURCE_EXHAUSTED, words));
        }
    }

    /// Says that no message follows.
    pub fn finish(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.get_mut(&ticket).filter(|call| !call.replay.finished) else { return };
        call.replay.finished = true;
        if let Place::On(connection, own) = call.place
            && let Some(line) = self.lines.get_mut(&connection)
        {
            line.client.finish(own);
        }
    }

    /// Gives the call up.
    pub fn cancel(&mut self, now: Timestamp, ticket: Ticket) {
        self.give_up(now, ticket, Ending::own(Status::CANCELLED, "the caller gave up"));
        self.advance(now);
    }

    /// All calls end, because the channel does.
    pub(super) fn cancel_all(&mut self) {
        self.lines.values_mut().for_each(|line| line.calls.clear());
        let all: Vec<Ticket> = self.calls.keys().copied().collect();
        for ticket in all {
            self.end(ticket, Ending::own(Status::CANCELLED, CLOSING));
        }
    }

    /// Ends the call from this side, whatever its connection has to say about it.
    fn give_up(&mut self, now: Timestamp, ticket: Ticket, ending: Ending) {
        if let Some(Call { place: Place::On(connection, own), .. }) = self.calls.get(&ticket)
            && let (connection, own) = (*connection, *own)
            && let Some(line) = self.lines.get_mut(&connection)
        {
            line.calls.remove(&own);
            line.client.cancel(now, own);
            self.stirred.insert(connection);
            self.settle(now, connection);
        }
        self.end(ticket, ending);
    }

    /// Puts waiting calls on connections.
    pub(super) fn assign(&mut self, now: Timestamp) {
        if self.queue.is_empty() {
            return;
        }
        let ready: Vec<ConnectionId> = self.subchannels.iter().filter_map(|place| place.ready()).collect();
        while !self.queue.is_empty()
            && let Some(connection) = self.rotation.pick(&ready)
            && let Some(ticket) = self.queue.pop()
        {
            self.attempt(now, ticket, connection);
        }
    }

    fn attempt(&mut self, now: Timestamp, ticket: Ticket, connection: ConnectionId) {
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        let Some(line) = self.lines.get_mut(&connection) else { return };
        let mut request = call.request.clone();
        request.timeout = call.deadline.map(|deadline| u64::try_from(deadline.nanos_since(now)).unwrap_or(0));
        if call.attempts.retries > 0 {
            let field = (PREVIOUS_ATTEMPTS.to_vec(), call.attempts.retries.to_string().into_bytes());
            request.metadata.0.insert(0, field);
        }
        call.begun = call.begun.saturating_add(1);
        let (number, address) = (call.begun, line.address);
        self.events.push_back(Event::Attempt { ticket, number, connection, address });
        let own = line.client.call(now, request);
        for (message, is_last) in call.replay.messages() {
            if is_last {
                line.client.send_last(own, message);
            } else {
                line.client.send(own, message);
            }
        }
        if call.replay.finished && call.replay.is_empty() {
            line.client.finish(own);
        }
        line.calls.insert(own, ticket);
        line.is_used = true;
        call.place = Place::On(connection, own);
        self.stirred.insert(connection);
        self.set_alarm(ticket);
        self.commit_if_large(ticket);
    }

    /// Calls that do not wait for better times fail in bad ones.
    pub(super) fn fail_waiting(&mut self) {
        if self.queue.hasty.is_empty() || self.outlook() != State::TransientFailure {
            return;
        }
        for ticket in std::mem::take(&mut self.queue.hasty) {
            let ending = Ending::own(Status::UNAVAILABLE, self.trouble.clone());
            self.end(ticket, ending);
        }
    }

    /// What the client of a connection says about its calls.
    pub(super) fn follow_client(&mut self, connection: ConnectionId, event: client::Event) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        match event {
            client::Event::Begun { ticket: own, metadata } => {
                if let Some(ticket) = line.calls.get(&own).copied() {
                    self.commit(ticket);
                    self.events.push_back(Event::Begun { ticket, metadata });
                }
            }
            client::Event::Message { ticket: own, octets } => {
                if let Some(ticket) = line.calls.get(&own).copied() {
                    self.events.push_back(Event::Message { ticket, octets });
                }
            }
            client::Event::Ended { ticket: own, mut ending } => {
                let trouble = line.trouble.clone();
                if let Some(ticket) = line.calls.remove(&own) {
                    if let Some(why) = trouble.filter(|_| !ending.from_server && ending.status == Status::UNAVAILABLE) {
                        ending.message = why;
                    }
                    self.attempt_ended(ticket, ending);
                }
            }
        }
    }

    fn attempt_ended(&mut self, ticket: Ticket, ending: Ending) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        if ending.status == Status::OK {
            self.throttle.succeeded();
            return self.end(ticket, ending);
        }
        let is_late = call.deadline.is_some_and(|deadline| deadline <= now);
        if is_late || call.replay.is_committed() {
            return self.end(ticket, ending);
        }
        // What no service has seen is repeated at once: always if it never left, once if it was refused (gRFC A6).
        let is_repeated = match ending.unprocessed {
            Unprocessed::NeverSent => true,
            Unprocessed::Refused => !std::mem::replace(&mut call.refused, true),
            Unprocessed::No => false,
        };
        if is_repeated {
            return self.enqueue(ticket);
        }
        let policy = self.config.retry.as_ref();
        match call.attempts.again(policy, &ending, &mut self.throttle, &mut self.random) {
            None => self.end(ticket, ending),
            Some(wait) => {
                call.place = Place::Resting(after(now, wait));
                self.set_alarm(ticket);
            }
        }
    }

    /// What is due for calls that are on no connection.
    pub(super) fn call_alarms(&mut self, now: Timestamp) {
        while let Some((_, ticket)) = self.alarms.first().copied().filter(|(time, _)| *time <= now) {
            self.alarms.pop_first();
            let Some(call) = self.calls.get_mut(&ticket) else { continue };
            call.alarm = None;
            if call.deadline.is_some_and(|deadline| deadline <= now) {
                let words = match (call.place, self.trouble.as_str()) {
                    (Place::Queued(_), "") => {
                        "the deadline has passed while the call waited for a connection".to_owned()
                    }
                    (Place::Queued(_), why) => {
                        format!("the deadline has passed while the call waited for a connection; the last: {why}")
                    }
                    _ => "the deadline has passed before the call could be repeated".to_owned(),
                };
                self.end(ticket, Ending::own(Status::DEADLINE_EXCEEDED, words));
            } else if let Place::Resting(_) = call.place {
                self.enqueue(ticket);
                self.wake(now);
            }
        }
    }

    fn enqueue(&mut self, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(&ticket) {
            call.place = self.queue.push(ticket, call.wait_for_ready);
        }
        self.wanted = true;
        self.set_alarm(ticket);
    }

    fn set_alarm(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        let alarm = match call.place {
            Place::Queued(_) => call.deadline,
            Place::Resting(until) => Some(call.deadline.map_or(until, |deadline| deadline.min(until))),
            Place::On(..) => None,
        };
        if let Some(old) = std::mem::replace(&mut call.alarm, alarm) {
            self.alarms.remove(&(old, ticket));
        }
        self.alarms.extend(alarm.map(|time| (time, ticket)));
    }

    fn commit_if_large(&mut self, ticket: Ticket) {
        let Some(Call { place: Place::On(connection, own), replay, .. }) = self.calls.get(&ticket) else { return };
        let is_large = replay.octets() > self.config.call_buffer || self.kept > self.config.channel_buffer;
        // What waits for a stream can still be sent elsewhere without harm.
        let is_sent = self.lines.get(connection).is_none_or(|line| line.client.is_sent(*own));
        if is_large && (is_sent || self.kept > self.config.waiting_octets) {
            self.commit(ticket);
        }
    }

    fn commit(&mut self, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(&ticket) {
            self.kept = self.kept.saturating_sub(call.replay.commit());
        }
    }

    fn end(&mut self, ticket: Ticket, ending: Ending) {
        let Some(mut call) = self.calls.remove(&ticket) else { return };
        self.kept = self.kept.saturating_sub(call.replay.commit());
        if let Some(alarm) = call.alarm {
            self.alarms.remove(&(alarm, ticket));
        }
        if let Place::Queued(number) = call.place {
            self.queue.remove(number, ticket);
        }
        self.events.push_back(Event::Ended { ticket, ending });
    }
}

const PREVIOUS_ATTEMPTS: &[u8] = b"grpc-previous-rpc-attempts";
const CLOSING: &str = "the channel is closed";
