//! A client program on a [`Channel`]: calls by a plan, one channel or several, and then an end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::caller::{MILLI, Order as Pace, Plan};
use crate::endpoint::channel::{Channel, Config, Event, Target};
use crate::endpoint::client::Ticket;
use crate::endpoint::world::{Cue, Diary, Moment};
use crate::endpoint::{ConnectionId, Dialler, News, Order};
use crate::time::Timestamp;

/// Several programs at once. Each has a thousand connections, by their numbers.
#[derive(Debug)]
pub(super) struct Programs(pub(super) Vec<Program>);

/// How many numbers of connections each of several programs has.
pub(super) const NUMBERS: u64 = 1000;

impl Dialler for Programs {
    fn begin(&mut self, now: Timestamp) {
        self.0.iter_mut().for_each(|program| program.begin(now));
    }

    fn handle_news(&mut self, now: Timestamp, news: News) {
        let whose = news.connection().map(|connection| connection.0 / NUMBERS);
        for (n, program) in (0..).zip(&mut self.0) {
            if whose.is_none_or(|whose| whose == n) {
                program.handle_news(now, news.clone());
            }
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.0.iter_mut().for_each(|program| program.handle_timeout(now));
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(Program::poll_timeout).min()
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.0.iter_mut().find_map(Program::poll_order)
    }

    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        let n = usize::try_from(connection.0 / NUMBERS).unwrap_or(usize::MAX);
        if let Some(program) = self.0.get_mut(n) {
            program.poll_transmit(connection, out);
        }
    }

    fn is_finished(&self) -> bool {
        self.0.iter().all(Program::is_finished)
    }
}

/// A program that makes the calls of its plans and closes its channel.
#[derive(Debug)]
pub(super) struct Program {
    channel: Channel,
    plans: VecDeque<Plan>,
    pace: Pace,
    /// Nanoseconds after which it leaves IDLE though there is no call.
    connect: Option<i64>,
    /// Until when it stays at least.
    stay: Cue,
    started: u64,
    running: BTreeMap<Ticket, u64>,
    began: Timestamp,
    now: Timestamp,
    closing: bool,
    /// Connections that it has dialled and not ended. It does not wait for the other ends of those that it has.
    open: BTreeSet<ConnectionId>,
    /// Connections on which the server has begun to speak.
    spoken: BTreeSet<ConnectionId>,
    /// Connections that the server has ended.
    left: BTreeSet<ConnectionId>,
    /// Dials that were refused.
    refused: u32,
    diary: Diary,
    first: u64,
}

impl Program {
    /// A program that calls `target`: `dns:///name:port`, or addresses with commas between.
    pub(super) fn new(target: &str, config: Config, plans: Vec<Plan>, pace: Pace, diary: Diary) -> Self {
        let target = Target::parse(target).unwrap_or_else(|_| Target::addresses(&[]));
        Self {
            channel: Channel::new(&target, config),
            plans: plans.into(),
            pace,
            connect: None,
            stay: Cue::at(0),
            started: 0,
            running: BTreeMap::new(),
            began: Timestamp::EPOCH,
            now: Timestamp::EPOCH,
            closing: false,
            open: BTreeSet::new(),
            spoken: BTreeSet::new(),
            left: BTreeSet::new(),
            refused: 0,
            diary,
            first: 0,
        }
    }

    /// Connects after so many milliseconds, whether or not there is a call.
    pub(super) const fn connecting(mut self, millis: i64) -> Self {
        self.connect = Some(millis.saturating_mul(MILLI));
        self
    }

    /// Its first call has this number in the diary.
    pub(super) const fn counting_from(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    /// Stays until then at least.
    pub(super) const fn staying(mut self, until: Cue) -> Self {
        self.stay = until;
        self
    }

    const fn at(&self, nanos: i64) -> Timestamp {
        self.began.saturating_add_nanos(nanos)
    }

    fn next_start(&self) -> Option<Timestamp> {
        let plan = self.plans.front()?;
        let may = match self.pace {
            Pace::AllAtOnce => true,
            Pace::OneAfterAnother => self.running.is_empty(),
            Pace::FirstAlone => self.started == 0 || !self.running.values().any(|number| *number == 0),
        };
        self.diary.due(plan.start).filter(|_| may)
    }

    fn start(&mut self) {
        while self.next_start().is_some_and(|start| start <= self.now) {
            let Some(Plan { request, messages, .. }) = self.plans.pop_front() else { return };
            let ticket = self.channel.call(self.now, request);
            let last = messages.len().saturating_sub(1);
            for (n, message) in messages.iter().enumerate() {
                if n == last {
                    self.channel.send_last(ticket, message);
                } else {
                    self.channel.send(ticket, message);
                }
            }
            self.running.insert(ticket, self.started);
            self.started = self.started.saturating_add(1);
        }
    }

    /// Notes what others may wait for.
    fn tell(&mut self, now: Timestamp, news: &News) {
        let moment = match news {
            News::Octets { connection, .. } if self.spoken.insert(*connection) => Moment::Spoken(count(&self.spoken)),
            News::Ended { connection } if self.left.insert(*connection) => Moment::Left(count(&self.left)),
            News::Failed { connection, .. } => {
                self.open.remove(connection);
                self.refused = self.refused.saturating_add(1);
                Moment::Refused(self.refused)
            }
            News::Lost { connection, .. } => {
                self.open.remove(connection);
                return;
            }
            _ => return,
        };
        self.diary.happens(now, moment);
    }

    /// Does what the time asks for.
    fn advance(&mut self, now: Timestamp) {
        self.now = now;
        if self.connect.is_some_and(|nanos| self.at(nanos) <= now) {
            self.connect = None;
            self.channel.connect(now);
        }
        self.start();
        while let Some(event) = self.channel.poll_event() {
            if let Event::Ended { ticket, ending } = event {
                if let Some(number) = self.running.remove(&ticket) {
                    self.diary.note(now, self.first.saturating_add(number), ending);
                }
                self.start();
            }
        }
        if self.plans.is_empty()
            && self.running.is_empty()
            && self.diary.due(self.stay).is_some_and(|end| end <= now)
            && !self.closing
        {
            self.closing = true;
            self.channel.close(now);
        }
    }
}

impl Dialler for Program {
    fn begin(&mut self, now: Timestamp) {
        self.began = now;
        self.diary.happens(now, Moment::Begin);
        self.channel.begin(now);
        self.advance(now);
    }

    fn handle_news(&mut self, now: Timestamp, news: News) {
        self.tell(now, &news);
        self.channel.handle_news(now, news);
        self.advance(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.channel.handle_timeout(now);
        self.advance(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let stay = self.diary.due(self.stay).filter(|end| *end > self.now);
        let connect = self.connect.map(|nanos| self.at(nanos));
        let start = self.next_start().filter(|start| *start > self.now);
        [self.channel.poll_timeout(), stay, connect, start].into_iter().flatten().min()
    }

    fn poll_order(&mut self) -> Option<Order> {
        let order = self.channel.poll_order()?;
        match order {
            Order::Resolve { .. } => {}
            Order::Dial { connection, .. } => _ = self.open.insert(connection),
            Order::End { connection } | Order::Abort { connection } => _ = self.open.remove(&connection),
        }
        Some(order)
    }

    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        self.channel.poll_transmit(connection, out);
    }

    fn is_finished(&self) -> bool {
        self.closing && self.channel.calls() == 0 && self.open.is_empty()
    }
}

fn count(connections: &BTreeSet<ConnectionId>) -> u32 {
    u32::try_from(connections.len()).unwrap_or(u32::MAX)
}
