//! The client's channel: connections that are made, replaced and shared as calls need them (connectivity-semantics-and-api.md).
//!
//! A [`Dialler`] on top of the one-connection [`Client`](super::client::Client). It opens no socket, resolves no name and
//! reads no clock: it orders these things, and takes the news. What a call says and what its answer means is the
//! caller's; what a connection says is the client's.
//!
//! Memory is bounded: see [`Config`] for what may wait or be kept, [`MAX_NAMES`], [`MAX_ADDRESSES`], and
//! [`missed_events`](Channel::missed_events). What a call is sent on a connection waits there as long as the server's windows say.
//!
//! After [`call`](Channel::call), [`connect`](Channel::connect), [`poll_event`](Channel::poll_event) and their like there
//! may be new orders, octets and timers, as after everything that a driver tells the channel.

mod backoff;
mod balancer;
mod calls;
mod config;
mod connections;
mod line;
mod replay;
mod resolver;
mod retry;
mod state;
mod subchannel;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

pub use self::backoff::Backoff;
pub use self::balancer::{Balancer, MAX_ADDRESSES};
pub use self::config::Config;
pub use self::resolver::{MAX_NAMES, Refresh, Target, TargetFault};
pub use self::retry::{MAX_ATTEMPTS, RetryPolicy, Throttling};
pub use self::state::State;

use self::backoff::{Random, after};
use self::balancer::Rotation;
use self::calls::{Call, Waiting};
use self::line::Line;
use self::resolver::Resolver;
use self::retry::Throttle;
use self::subchannel::Subchannel;
use super::client::{Ending, Ticket};
use super::fields::Fields;
use super::{ConnectionId, Dialler, News, Order};
use crate::time::Timestamp;

/// What happened on a channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The channel is in another state.
    State {
        /// Since when.
        at: Timestamp,
        /// The new one.
        state: State,
    },
    /// Something happened to a connection.
    Connection {
        /// When.
        at: Timestamp,
        /// Which.
        connection: ConnectionId,
        /// Of the other end.
        address: SocketAddr,
        /// What.
        what: Happening,
    },
    /// All addresses of a place have failed; the next attempt begins later.
    Backoff {
        /// When the last address failed.
        at: Timestamp,
        /// When the next attempt begins.
        until: Timestamp,
        /// Why the last address failed.
        why: String,
    },
    /// A call is given to a connection, for the first time or again. It goes out when the server takes another stream.
    Attempt {
        /// The call.
        ticket: Ticket,
        /// 1 for the first time.
        number: u32,
        /// Where.
        connection: ConnectionId,
        /// Of the server.
        address: SocketAddr,
    },
    /// The response has begun; from now on the call is not repeated.
    Begun {
        /// The call.
        ticket: Ticket,
        /// The server's metadata.
        metadata: Fields,
    },
    /// A message of the server.
    Message {
        /// The call.
        ticket: Ticket,
        /// Without envelope.
        octets: Vec<u8>,
    },
    /// The call is over: once a call, and nothing follows.
    Ended {
        /// The call.
        ticket: Ticket,
        /// How its last attempt, or the waiting for one, ended.
        ending: Ending,
    },
}

/// What happened to a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Happening {
    /// It is being dialled.
    Dialled,
    /// The server's SETTINGS have come: it takes calls.
    Ready,
    /// It did not come about.
    Failed {
        /// In words.
        why: String,
    },
    /// It takes no more calls; those under way go on. The server goes away, or the address is no longer wanted.
    Draining,
    /// It broke.
    Lost {
        /// In words.
        why: String,
    },
    /// It was ended in order.
    Closed,
}

/// A client's channel to one target.
#[derive(Debug)]
pub struct Channel {
    config: Config,
    authority: String,
    random: Random,
    /// The last time that was told.
    now: Timestamp,
    state: State,
    /// Whether it has left IDLE.
    awake: bool,
    /// Whether a connection is wanted although no call waits.
    wanted: bool,
    closing: bool,
    /// When it rests for want of calls.
    idle_at: Option<Timestamp>,
    resolver: Resolver,
    /// Why the last attempt to reach anything failed.
    trouble: String,
    subchannels: Vec<Subchannel>,
    rotation: Rotation,
    lines: BTreeMap<ConnectionId, Line>,
    /// Lines whose client may have events.
    stirred: BTreeSet<ConnectionId>,
    next_connection: u64,
    calls: BTreeMap<Ticket, Call>,
    next_call: u64,
    /// Calls that wait for a connection.
    queue: Waiting,
    /// When something is due for calls that are on no connection.
    alarms: BTreeSet<(Timestamp, Ticket)>,
    throttle: Throttle,
    /// Octets of messages kept to be repeated.
    kept: usize,
    orders: VecDeque<Order>,
    events: VecDeque<Event>,
    /// Events about connectivity among them.
    notices: usize,
    missed: u64,
}

impl Channel {
    /// A channel in IDLE: nothing happens until the first call, or [`connect`](Self::connect).
    #[must_use]
    pub fn new(target: &Target, config: Config) -> Self {
        Self {
            authority: config.authority.clone().unwrap_or_else(|| target.authority().to_owned()),
            random: Random(config.seed),
            now: Timestamp::EPOCH,
            state: State::Idle,
            awake: false,
            wanted: false,
            closing: false,
            idle_at: None,
            resolver: Resolver::new(target),
            trouble: String::new(),
            subchannels: Vec::new(),
            rotation: Rotation::default(),
            lines: BTreeMap::new(),
            stirred: BTreeSet::new(),
            next_connection: config.first_connection,
            calls: BTreeMap::new(),
            next_call: 0,
            queue: Waiting::default(),
            alarms: BTreeSet::new(),
            throttle: Throttle::new(config.throttling),
            kept: 0,
            orders: VecDeque::new(),
            events: VecDeque::new(),
            notices: 0,
            missed: 0,
            config,
        }
    }

    /// Leaves IDLE although there is no call yet. Does not wait: READY, or why not, comes as [`Event::State`], and who
    /// wants to block waits for it before the first call.
    pub fn connect(&mut self, now: Timestamp) {
        if !self.closing {
            self.wake(now);
            self.advance(now);
        }
    }

    /// Where the channel stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Why nothing could be reached; empty if nothing has failed since the last connection.
    #[must_use]
    pub fn trouble(&self) -> &str {
        &self.trouble
    }

    /// The addresses are these from now on; names are not asked for any more. Connections to addresses that are gone end
    /// when their calls have ended.
    pub fn update_addresses(&mut self, now: Timestamp, addresses: &[SocketAddr]) {
        self.resolver = Resolver::new(&Target::addresses(addresses));
        if self.awake {
            self.follow_addresses(now);
        }
        self.advance(now);
    }

    /// Closes at once: all calls end with CANCELLED, all connections end, and nothing is held any more when the other
    /// ends have ended them too, 5 s later at most.
    pub fn close(&mut self, now: Timestamp) {
        self.closing = true;
        self.cancel_all();
        self.close_all(now);
        self.rest(now);
        self.advance(now);
    }

    /// Takes no more calls, and closes when those under way or waiting have ended.
    pub fn close_gracefully(&mut self, now: Timestamp) {
        self.closing = true;
        self.advance(now);
    }

    /// What happened, in order. Taking a message makes room for another one.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                if matches!(event, Event::State { .. } | Event::Connection { .. } | Event::Backoff { .. }) {
                    self.notices = self.notices.saturating_sub(1);
                }
                return Some(event);
            }
            let connection = self.stirred.first().copied()?;
            match self.lines.get_mut(&connection).and_then(|line| line.client.poll_event()) {
                None => _ = self.stirred.remove(&connection),
                Some(event) => {
                    self.follow_client(connection, event);
                    self.settle(self.now, connection);
                    self.advance(self.now);
                }
            }
        }
    }

    /// Events about connectivity that were left out because nobody took those before them.
    #[must_use]
    pub const fn missed_events(&self) -> u64 {
        self.missed
    }

    /// Connections that are there, being made or being ended.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.lines.len()
    }

    /// Calls that have not ended.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// The memory held for calls and connections, in octets: what waits or may be repeated, and what the connections hold.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let lines = self.lines.values().map(Line::held_bytes);
        let messages = self.events.iter().map(|event| match event {
            Event::Message { octets, .. } => octets.capacity(),
            _ => 0,
        });
        lines.chain(self.calls.values().map(Call::held_bytes)).chain(messages).fold(0, usize::saturating_add)
    }

    /// Tells what happened to connections, as long as someone listens.
    fn notice(&mut self, event: Event) {
        if self.notices < MAX_NOTICES {
            self.notices = self.notices.saturating_add(1);
            self.events.push_back(event);
        } else {
            self.missed = self.missed.saturating_add(1);
        }
    }

    /// Leaves IDLE.
    fn wake(&mut self, now: Timestamp) {
        self.wanted = true;
        if !std::mem::replace(&mut self.awake, true) {
            self.resolver.wake(now);
            self.follow_addresses(now);
        }
    }

    /// Back to IDLE: no connection, no name.
    fn rest(&mut self, now: Timestamp) {
        (self.awake, self.wanted, self.idle_at) = (false, false, None);
        self.resolver.sleep();
        for subchannel in std::mem::take(&mut self.subchannels) {
            self.detach(now, subchannel.connection());
        }
    }

    /// Does whatever is to be done now, in the order in which one thing leads to the next.
    fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.closing && self.calls.is_empty() && self.awake {
            self.rest(now);
        }
        while let Some(name) = self.resolver.poll(now) {
            self.orders.push_back(Order::Resolve { name });
        }
        self.connect_due(now);
        self.assign(now);
        self.tell_state(now);
        self.fail_waiting();
        if !self.awake || !self.calls.is_empty() {
            self.idle_at = None;
        } else if self.idle_at.is_none() {
            self.idle_at = self.config.idle_timeout.map(|timeout| after(now, timeout));
        }
    }

    fn tell_state(&mut self, now: Timestamp) {
        let state = if self.closing { State::Shutdown } else { self.outlook() };
        if std::mem::replace(&mut self.state, state) != state {
            self.notice(Event::State { at: now, state });
        }
    }

    /// The state that follows from the parts', whether the channel takes calls or not.
    fn outlook(&self) -> State {
        match State::of_parts(self.subchannels.iter().map(Subchannel::state)) {
            _ if !self.awake => State::Idle,
            Some(state) => state,
            None if matches!(self.resolver.addresses(), Some(Err(_))) => State::TransientFailure,
            None => State::Connecting,
        }
    }
}

impl Dialler for Channel {
    fn begin(&mut self, now: Timestamp) {
        self.advance(now);
    }

    fn handle_news(&mut self, now: Timestamp, news: News) {
        self.now = self.now.max(now);
        match news {
            News::Resolved { name, addresses } => self.resolved(now, &name, addresses),
            News::Connected { connection } => self.connected(now, connection),
            News::Failed { connection, why } => self.failed(now, connection, &why),
            News::Octets { connection, octets } => self.octets(now, connection, &octets),
            News::Ended { connection } => self.lost(now, connection, "EOF", true),
            News::Lost { connection, why } => self.lost(now, connection, &why, false),
        }
        self.advance(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.call_alarms(now);
        self.connection_alarms(now);
        if self.idle_at.is_some_and(|idle_at| idle_at <= now) {
            self.rest(now);
        }
        self.advance(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let times = [
            self.alarms.first().map(|(time, _)| *time),
            self.idle_at,
            self.resolver.timeout().filter(|_| self.awake),
            self.subchannels.iter().filter_map(Subchannel::timeout).min(),
            self.lines.values().filter_map(Line::timeout).min(),
            Some(self.now).filter(|_| !self.orders.is_empty()),
        ];
        times.into_iter().flatten().min()
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        if let Some(line) = self.lines.get_mut(&connection) {
            line.poll_transmit(out);
            self.settle(self.now, connection);
        }
    }

    fn is_finished(&self) -> bool {
        !self.awake && self.lines.is_empty() && self.calls.is_empty() && self.orders.is_empty()
    }
}

/// Events about connectivity that wait for somebody to take them.
const MAX_NOTICES: usize = 1000;
