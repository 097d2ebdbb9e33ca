//! A network of one channel and the servers it may reach, with a virtual clock: what is sent takes a millisecond.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use framescope::endpoint::channel::{Channel, Config, Event, Happening, State, Target};
use framescope::endpoint::client::{Ending, Request, Ticket};
use framescope::endpoint::connection::{self, Connection, Side};
use framescope::endpoint::example::{Example, SEARCH, search_request};
use framescope::endpoint::fields::Fields;
use framescope::endpoint::{ConnectionId, Dialler, News, Order, Peer};
use framescope::http2::frame::StreamId;
use framescope::time::Timestamp;

/// What answers at an address; nothing does where there is none: a dial is refused.
pub(crate) enum Host {
    /// A new peer for each connection.
    Serves(Box<dyn FnMut() -> Box<dyn Peer>>),
    /// Dialling leads nowhere.
    Swallows,
}

pub(crate) struct Net {
    pub(crate) now: Timestamp,
    pub(crate) channel: Channel,
    pub(crate) hosts: BTreeMap<SocketAddr, Host>,
    /// Where names lead; a question for another name is never answered.
    pub(crate) names: BTreeMap<String, Result<Vec<SocketAddr>, String>>,
    flights: BTreeMap<(Timestamp, u64), Cargo>,
    sent: u64,
    pub(crate) links: BTreeMap<ConnectionId, Link>,
    pub(crate) events: Vec<Event>,
    pub(crate) orders: Vec<(Timestamp, Order)>,
    /// Nobody takes the channel's events.
    pub(crate) deaf: bool,
    /// Octets of the client, by connection.
    pub(crate) wire: BTreeMap<ConnectionId, Vec<u8>>,
}

pub(crate) struct Link {
    pub(crate) peer: Box<dyn Peer>,
    address: SocketAddr,
    peer_ended: bool,
}

enum Cargo {
    News(News),
    Begin(ConnectionId),
    Octets(ConnectionId, Vec<u8>),
    End(ConnectionId),
}

pub(crate) fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 50_051))
}

pub(crate) fn seconds(seconds: f64) -> Timestamp {
    Timestamp::from_nanos((seconds * 1e9).round() as i64)
}

pub(crate) fn example() -> Host {
    example_with(connection::Config::default())
}

pub(crate) fn example_with(config: connection::Config) -> Host {
    Host::Serves(Box::new(move || Box::new(Example::new(config.clone()))))
}

/// A server that does with its connection's events what the test says.
pub(crate) fn scripted(script: impl FnMut(&mut Connection, connection::Event) + 'static) -> Host {
    scripted_with(connection::Config::default(), script)
}

pub(crate) fn scripted_with(
    config: connection::Config,
    script: impl FnMut(&mut Connection, connection::Event) + 'static,
) -> Host {
    let script = Rc::new(RefCell::new(script));
    Host::Serves(Box::new(move || {
        let connection = Connection::new(Side::Server, config.clone());
        Box::new(Scripted { connection, script: Rc::clone(&script) as Rc<RefCell<Script>> })
    }))
}

type Script = dyn FnMut(&mut Connection, connection::Event);

struct Scripted {
    connection: Connection,
    script: Rc<RefCell<Script>>,
}

impl Scripted {
    fn follow(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.script.borrow_mut()(&mut self.connection, event);
        }
    }
}

impl Peer for Scripted {
    fn begin(&mut self, _now: Timestamp) {}

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.connection.handle_octets(now, octets);
        self.follow();
    }

    fn handle_end(&mut self, _now: Timestamp) {
        self.connection.handle_end();
        self.follow();
    }

    fn handle_timeout(&mut self, _now: Timestamp) {}

    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.connection.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.connection.is_closed()
    }
}

/// A server that says this and nothing else.
pub(crate) struct Says(pub(crate) &'static [u8]);

impl Peer for Says {
    fn begin(&mut self, _now: Timestamp) {}
    fn handle_octets(&mut self, _now: Timestamp, _octets: &[u8]) {}
    fn handle_end(&mut self, _now: Timestamp) {}
    fn handle_timeout(&mut self, _now: Timestamp) {}
    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(std::mem::take(&mut self.0));
    }
    fn is_finished(&self) -> bool {
        self.0.is_empty()
    }
}

/// Response headers, or trailers with a status, as a scripted server sends them.
pub(crate) fn trailers_only(connection: &mut Connection, stream: StreamId, status: u32, more: &[(&str, &str)]) {
    let mut fields = response();
    fields.push("grpc-status", status.to_string());
    for (name, value) in more {
        fields.push(*name, *value);
    }
    connection.send_headers(stream, fields, true);
}

pub(crate) fn response() -> Fields {
    let mut fields = Fields::default();
    fields.push(":status", "200").push("content-type", "application/grpc");
    fields
}

pub(crate) fn ok(connection: &mut Connection, stream: StreamId) {
    connection.send_headers(stream, response(), false);
    let mut trailers = Fields::default();
    trailers.push("grpc-status", "0");
    connection.send_headers(stream, trailers, true);
}

impl Net {
    pub(crate) fn new(target: &str, config: Config) -> Self {
        Self {
            now: seconds(0.0),
            channel: Channel::new(&Target::parse(target).unwrap(), config),
            hosts: BTreeMap::new(),
            names: BTreeMap::new(),
            flights: BTreeMap::new(),
            sent: 0,
            links: BTreeMap::new(),
            events: Vec::new(),
            orders: Vec::new(),
            deaf: false,
            wire: BTreeMap::new(),
        }
    }

    /// With servers of the example at these hosts.
    pub(crate) fn with_examples(mut self, hosts: impl IntoIterator<Item = u8>) -> Self {
        self.hosts.extend(hosts.into_iter().map(|host| (address(host), example())));
        self
    }

    /// Does something with the channel, and what follows from it at once.
    pub(crate) fn tell<T>(&mut self, what: impl FnOnce(&mut Channel, Timestamp) -> T) -> T {
        let result = what(&mut self.channel, self.now);
        self.flush();
        result
    }

    pub(crate) fn search(&mut self, text: &str) -> Ticket {
        self.search_with(text, Request::default())
    }

    pub(crate) fn search_with(&mut self, text: &str, request: Request) -> Ticket {
        self.tell(|channel, now| {
            let ticket = channel.call(now, Request { path: SEARCH.to_owned(), ..request });
            channel.send_last(ticket, &search_request(text));
            ticket
        })
    }

    /// Lets everything happen up to this time.
    pub(crate) fn run_until(&mut self, end: Timestamp) {
        for _ in 0..1_000_000 {
            let timers =
                self.links.values().filter(|link| !link.peer_ended).filter_map(|link| link.peer.poll_timeout());
            let flight = self.flights.keys().next().map(|(time, _)| *time);
            let next = timers.chain(flight).chain(self.channel.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.step();
            self.flush();
        }
        panic!("it does not come to an end");
    }

    pub(crate) fn run_for(&mut self, more: f64) {
        self.run_until(Timestamp::from_nanos(self.now.as_nanos() + seconds(more).as_nanos()));
    }

    fn step(&mut self) {
        let now = self.now;
        if let Some(entry) = self.flights.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Cargo::News(news) => {
                    if let News::Ended { connection } | News::Lost { connection, .. } = &news
                        && let Some(link) = self.links.get_mut(connection)
                    {
                        link.peer_ended = true;
                    }
                    self.channel.handle_news(now, news);
                }
                Cargo::Begin(id) => with(&mut self.links, id, |link| link.peer.begin(now)),
                Cargo::Octets(id, octets) => with(&mut self.links, id, |link| link.peer.handle_octets(now, &octets)),
                Cargo::End(id) => with(&mut self.links, id, |link| link.peer.handle_end(now)),
            }
            return;
        }
        for link in self.links.values_mut() {
            if link.peer.poll_timeout().is_some_and(|time| time <= now) {
                return link.peer.handle_timeout(now);
            }
        }
        self.channel.handle_timeout(now);
    }

    /// Takes everything that the channel and the servers have to say.
    fn flush(&mut self) {
        loop {
            while !self.deaf
                && let Some(event) = self.channel.poll_event()
            {
                self.events.push(event);
            }
            let Some(order) = self.channel.poll_order() else {
                if self.transmit() {
                    continue;
                }
                break;
            };
            self.orders.push((self.now, order.clone()));
            self.obey(order);
        }
        let ids: Vec<ConnectionId> = self.links.keys().copied().collect();
        for id in ids {
            let Some(link) = self.links.get_mut(&id) else { continue };
            let mut octets = Vec::new();
            link.peer.poll_transmit(&mut octets);
            let ends = link.peer.is_finished() && !std::mem::replace(&mut link.peer_ended, link.peer.is_finished());
            if !octets.is_empty() {
                self.send(Cargo::News(News::Octets { connection: id, octets }));
            }
            if ends {
                self.send(Cargo::News(News::Ended { connection: id }));
            }
        }
    }

    /// Whether the channel had octets to send.
    fn transmit(&mut self) -> bool {
        let mut any = false;
        let ids: Vec<ConnectionId> = self.links.keys().copied().collect();
        for id in ids {
            let mut octets = Vec::new();
            self.channel.poll_transmit(id, &mut octets);
            if !octets.is_empty() {
                any = true;
                self.wire.entry(id).or_default().extend_from_slice(&octets);
                self.send(Cargo::Octets(id, octets));
            }
        }
        any
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Resolve { name } => {
                if let Some(addresses) = self.names.get(&name).cloned() {
                    self.send(Cargo::News(News::Resolved { name, addresses }));
                }
            }
            Order::Dial { connection, address } => match self.hosts.get_mut(&address) {
                None => {
                    let why = "connection refused".to_owned();
                    self.send(Cargo::News(News::Failed { connection, why }));
                }
                Some(Host::Swallows) => {}
                Some(Host::Serves(serve)) => {
                    let peer = serve();
                    self.links.insert(connection, Link { peer, address, peer_ended: false });
                    self.send(Cargo::News(News::Connected { connection }));
                    self.send(Cargo::Begin(connection));
                }
            },
            Order::End { connection } => self.send(Cargo::End(connection)),
            Order::Abort { connection } => {
                self.send(Cargo::End(connection));
            }
        }
    }

    fn send(&mut self, cargo: Cargo) {
        self.sent += 1;
        self.flights.insert((self.now.saturating_add_nanos(1_000_000), self.sent), cargo);
    }

    /// Whatever is said on the connections to this host vanishes from now on.
    pub(crate) fn silence(&mut self, host: u8) {
        self.links.retain(|_, link| link.address != address(host));
    }

    /// The connections to this host break.
    pub(crate) fn break_all(&mut self, host: u8) {
        let broken = self.links.iter().filter(|(_, link)| link.address == address(host)).map(|(id, _)| *id);
        for connection in broken.collect::<Vec<_>>() {
            self.links.remove(&connection);
            self.send(Cargo::News(News::Lost { connection, why: "connection reset by peer".to_owned() }));
        }
    }

    pub(crate) fn states(&self) -> Vec<State> {
        self.events
            .iter()
            .filter_map(|event| if let Event::State { state, .. } = event { Some(*state) } else { None })
            .collect()
    }

    /// When each dial was ordered, and whereto.
    pub(crate) fn dials(&self) -> Vec<(Timestamp, SocketAddr)> {
        let dial = |(at, order): &(Timestamp, Order)| match order {
            Order::Dial { address, .. } => Some((*at, *address)),
            _ => None,
        };
        self.orders.iter().filter_map(dial).collect()
    }

    pub(crate) fn questions(&self) -> Vec<Timestamp> {
        let questions = self.orders.iter().filter(|(_, order)| matches!(order, Order::Resolve { .. }));
        questions.map(|(at, _)| *at).collect()
    }

    pub(crate) fn ending(&self, ticket: Ticket) -> Option<Ending> {
        let mut endings = self.events.iter().filter_map(|event| match event {
            Event::Ended { ticket: other, ending } if *other == ticket => Some(ending.clone()),
            _ => None,
        });
        let ending = endings.next();
        assert!(endings.next().is_none(), "a call ends once");
        ending
    }

    /// The addresses that the attempts of a call went to.
    pub(crate) fn attempts(&self, ticket: Ticket) -> Vec<SocketAddr> {
        let attempts = self.events.iter().filter_map(|event| match event {
            Event::Attempt { ticket: other, address, number, .. } if *other == ticket => Some((*number, *address)),
            _ => None,
        });
        attempts
            .enumerate()
            .map(|(n, (number, address))| {
                assert_eq!(number as usize, n + 1, "attempts are counted from 1");
                address
            })
            .collect()
    }

    pub(crate) fn happenings(&self) -> Vec<Happening> {
        let happening = |event: &Event| match event {
            Event::Connection { what, .. } => Some(what.clone()),
            _ => None,
        };
        self.events.iter().filter_map(happening).collect()
    }

    /// Nothing is left of the channel.
    pub(crate) fn assert_freed(&self) {
        assert_eq!((self.channel.connections(), self.channel.calls(), self.channel.held_bytes()), (0, 0, 0));
        assert!(self.channel.is_finished());
        assert_eq!(self.channel.poll_timeout(), None);
        let ended = |id: ConnectionId| {
            self.orders.iter().any(|(_, order)| {
                matches!(order, Order::End { connection } | Order::Abort { connection } if *connection == id)
            })
        };
        assert!(self.links.keys().all(|id| ended(*id)), "each connection that was there was ended");
    }
}

fn with(links: &mut BTreeMap<ConnectionId, Link>, id: ConnectionId, what: impl FnOnce(&mut Link)) {
    if let Some(link) = links.get_mut(&id) {
        what(link);
    }
}
