//! A channel whose network and servers are hostile: news in any order, also of connections that nobody asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use framescope::endpoint::channel::{Balancer, Channel, Config, Event, RetryPolicy, Target, Throttling};
use framescope::endpoint::client::Ticket;
use framescope::endpoint::{ConnectionId, Dialler as _, News, Order};

use super::talk::{Side, Talk, assert_frames};
use super::{MOST_SENT, MOST_TIMERS, World, request};
use crate::Octets;

/// The network as it should be, beside what the input makes of it.
struct Net {
    world: World,
    channel: Channel,
    /// What was dialled, and who speaks there; not yet aborted.
    lines: BTreeMap<ConnectionId, Talk>,
    /// Those that a driver would have told the channel to be over.
    over: BTreeSet<ConnectionId>,
    /// Names whose answer is awaited.
    names: Vec<String>,
    open: BTreeSet<Ticket>,
    deaf: bool,
    orders: u32,
}

/// Plays one input.
pub fn run(input: &mut Octets<'_>, how: u8) {
    let text = ["192.0.2.1:1,192.0.2.2:2", "a.test:1,b.test:2", "[2001:db8::1]:1"][usize::from(how % 3)];
    let has = |bit: u8| how & bit != 0;
    let config = Config {
        balancer: if has(1) { Balancer::RoundRobin } else { Balancer::PickFirst },
        connections: 1 + u32::from(how >> 6),
        idle_timeout: has(2).then_some(Duration::from_secs(5)),
        wait_for_ready: has(4),
        retry: has(8).then(RetryPolicy::default),
        throttling: has(16).then_some(Throttling { max_tokens: 10, token_ratio: 0.1 }),
        call_buffer: 4 << 10,
        channel_buffer: 16 << 10,
        waiting_calls: 16,
        waiting_octets: 32 << 10,
        connection: super::config(how),
        seed: how.into(),
        ..Config::default()
    };
    let mut net = Net {
        world: World::new(),
        channel: Channel::new(&Target::parse(text).expect("it is a target"), config),
        lines: BTreeMap::new(),
        over: BTreeSet::new(),
        names: Vec::new(),
        open: BTreeSet::new(),
        deaf: false,
        orders: 0,
    };
    net.channel.begin(net.world.now);
    let mut acts = 0;
    while !input.is_empty() && acts < 2000 && !net.lines.values().any(Talk::is_tired) {
        acts += 1;
        net.act(input);
        net.look();
        let held = net.channel.held_bytes();
        assert!(held < 24 << 20, "a channel holds {held} octets");
        assert!(net.channel.connections() < 1000, "connections pile up");
    }
    net.end();
}

impl Net {
    fn tell(&mut self, news: News) {
        self.channel.handle_news(self.world.now, news);
    }

    fn act(&mut self, input: &mut Octets<'_>) {
        let (act, which) = (input.octet(), input.octet());
        let now = self.world.now;
        let known = self.lines.keys().nth(usize::from(which) % self.lines.len().max(1)).copied();
        // Now and then news of connections that were never dialled, or are over.
        let connection = known.filter(|_| act < 240).unwrap_or(ConnectionId(which.into()));
        match act % 16 {
            0 | 1 if self.open.len() < 64 => {
                let ticket = self.channel.call(now, request(input));
                assert!(self.open.insert(ticket), "tickets are new");
                self.channel.send(ticket, input.take(20));
            }
            2 => self.tell(News::Connected { connection }),
            3 => {
                self.over.insert(connection);
                self.tell(News::Failed { connection, why: "refused".to_owned() });
            }
            4..=7 => {
                let Some(talk) = self.lines.get_mut(&connection) else { return };
                let octets = match input.octet() % 16 {
                    0 => talk.preface().to_vec(),
                    1 => {
                        let times = usize::from(input.short() % 512);
                        talk.again(times, input)
                    }
                    n => talk.say(n % 7, input).to_vec(),
                };
                for piece in octets.chunks(64 << 10) {
                    self.tell(News::Octets { connection, octets: piece.to_vec() });
                }
            }
            8 => {
                self.over.insert(connection);
                self.tell(News::Ended { connection });
            }
            9 => {
                self.over.insert(connection);
                self.tell(News::Lost { connection, why: "reset".to_owned() });
            }
            10 => {
                let asked = self.names.pop();
                let name = asked.filter(|_| act < 240).unwrap_or_else(|| "a.test:1".to_owned());
                let some = (0..which % 5).map(|n| SocketAddr::from(([192, 0, 2, n ^ (which >> 4)], 7))).collect();
                let addresses = if which & 128 == 0 { Ok(some) } else { Err("no such host".to_owned()) };
                self.tell(News::Resolved { name, addresses });
            }
            11 => self.world.pass(1_i64 << (which % 43)),
            12 => {
                if let Some(then) = self.channel.poll_timeout() {
                    self.world.now = now.max(then);
                }
            }
            13 => {
                if let Some(ticket) = self.open.iter().nth(usize::from(which) % self.open.len().max(1)).copied() {
                    match input.octet() % 4 {
                        0 => self.channel.cancel(now, ticket),
                        1 => self.channel.finish(ticket),
                        2 => self.channel.send_last(ticket, input.take(30)),
                        _ => self.channel.send(ticket, &[7; 3000]),
                    }
                }
            }
            14 => match which % 8 {
                0 => self.world.reads = !self.world.reads,
                1 => self.deaf = !self.deaf,
                2 => self.channel.connect(now),
                3 => {
                    let some: Vec<_> =
                        (0..which >> 6).map(|n| SocketAddr::from(([192, 0, 2, n + (which >> 4)], 7))).collect();
                    self.channel.update_addresses(now, &some);
                }
                4 if input.octet() % 16 == 0 => self.channel.close_gracefully(now),
                5 if input.octet() % 16 == 0 => self.channel.close(now),
                _ => {}
            },
            _ => {}
        }
    }

    /// What a driver does after each piece of news.
    fn look(&mut self) {
        for _ in 0..MOST_TIMERS {
            self.follow();
            if self.channel.poll_timeout().is_none_or(|then| then > self.world.now) {
                return;
            }
            self.channel.handle_timeout(self.world.now);
        }
        panic!("a timer is due again and again");
    }

    fn follow(&mut self) {
        self.orders();
        if self.world.reads {
            for connection in self.lines.keys().copied().collect::<Vec<_>>() {
                let mut out = Vec::new();
                loop {
                    let before = out.len();
                    self.channel.poll_transmit(connection, &mut out);
                    if out.len() == before {
                        break;
                    }
                    assert!(out.len() < MOST_SENT, "a channel sends without end");
                }
                assert_frames(&out);
            }
            self.orders();
        }
        if !self.deaf {
            while let Some(event) = self.channel.poll_event() {
                match event {
                    Event::Ended { ticket, .. } => {
                        assert!(self.open.remove(&ticket), "a call ends once");
                    }
                    Event::Begun { ticket, .. } | Event::Message { ticket, .. } | Event::Attempt { ticket, .. } => {
                        assert!(self.open.contains(&ticket), "nothing follows the end of a call");
                    }
                    Event::State { .. } | Event::Connection { .. } | Event::Backoff { .. } => {}
                }
            }
            self.orders();
        }
    }

    fn orders(&mut self) {
        while let Some(order) = self.channel.poll_order() {
            self.orders += 1;
            assert!(self.orders < 200_000, "orders without end");
            match order {
                Order::Resolve { name } => self.names.push(name),
                Order::Dial { connection, .. } => {
                    let before = self.lines.insert(connection, Talk::new(Side::Server));
                    assert!(before.is_none(), "connections have new numbers");
                }
                Order::End { connection } => {
                    assert!(self.lines.contains_key(&connection), "only what was dialled is ended");
                }
                Order::Abort { connection } => {
                    assert!(self.lines.remove(&connection).is_some(), "only what was dialled is aborted");
                }
            }
        }
    }

    fn end(&mut self) {
        (self.deaf, self.world.reads) = (false, true);
        self.channel.close(self.world.now);
        self.look();
        self.world.pass(20_000_000_000);
        self.look();
        assert!(self.open.is_empty(), "every call ends: {:?}", self.open);
        assert_eq!(self.channel.connections(), 0, "nothing is held any more");
        assert!(self.channel.is_finished());
        assert_eq!(self.channel.poll_timeout(), None);
    }
}
