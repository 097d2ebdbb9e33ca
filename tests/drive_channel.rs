//! A channel over real TCP: many calls over several servers, and nothing left when it is closed.
#![allow(missing_docs, reason = "a test binary")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use framescope::command::drive::clock::Clock;
use framescope::command::drive::stop::stopping;
use framescope::command::drive::{self, accept, dialler};
use framescope::endpoint::channel::{Balancer, Channel, Config, Event, Target};
use framescope::endpoint::client::Request;
use framescope::endpoint::connection;
use framescope::endpoint::example::{Example, SEARCH, search_request};
use framescope::endpoint::{ConnectionId, Dialler, News, Order, Peer, Stop};
use framescope::grpc::status::Status;
use framescope::time::Timestamp;
use tokio::net::TcpListener;

/// Calls so many times, so many at once, and closes the channel.
struct Busy {
    channel: Channel,
    to_begin: u32,
    at_once: usize,
    answers: u32,
    good: u32,
    addresses: Vec<SocketAddr>,
}

impl Busy {
    fn new(target: &str, config: Config, calls: u32) -> Self {
        let channel = Channel::new(&Target::parse(target).expect("a target"), config);
        Self { channel, to_begin: calls, at_once: 50, answers: 0, good: 0, addresses: Vec::new() }
    }

    fn follow(&mut self, now: Timestamp) {
        loop {
            while self.to_begin > 0 && self.channel.calls() < self.at_once {
                self.to_begin -= 1;
                let ticket = self.channel.call(now, Request { path: SEARCH.to_owned(), ..Request::default() });
                self.channel.send_last(ticket, &search_request("gRPC"));
            }
            match self.channel.poll_event() {
                None => break,
                Some(Event::Attempt { address, .. }) => self.addresses.push(address),
                Some(Event::Message { octets, .. }) => {
                    assert_eq!(octets, search_request("gRPC Server"));
                    self.answers += 1;
                }
                Some(Event::Ended { ending, .. }) => self.good += u32::from(ending.status == Status::OK),
                Some(_) => {}
            }
        }
        if self.to_begin == 0 && self.channel.calls() == 0 {
            self.channel.close(now);
        }
    }
}

impl Dialler for Busy {
    fn begin(&mut self, now: Timestamp) {
        self.channel.begin(now);
        self.follow(now);
    }
    fn handle_news(&mut self, now: Timestamp, news: News) {
        self.channel.handle_news(now, news);
        self.follow(now);
    }
    fn handle_timeout(&mut self, now: Timestamp) {
        self.channel.handle_timeout(now);
        self.follow(now);
    }
    fn poll_timeout(&self) -> Option<Timestamp> {
        self.channel.poll_timeout()
    }
    fn poll_order(&mut self) -> Option<Order> {
        self.channel.poll_order()
    }
    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        self.channel.poll_transmit(connection, out);
    }
    fn is_finished(&self) -> bool {
        self.to_begin == 0 && self.channel.is_finished()
    }
}

/// Runs the program against so many servers of the example; gives where these were.
fn serve<const N: usize>(program: impl FnOnce([SocketAddr; N]) -> Busy) -> (Busy, [SocketAddr; N]) {
    let all = async {
        let clock = Clock::new();
        let (stopper, stop) = stopping();
        let (mut serving, mut addresses) = (Vec::new(), Vec::new());
        for _ in 0..N {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            addresses.push(listener.local_addr().expect("an address"));
            let example = |_| Box::new(Example::new(connection::Config::default())) as Box<dyn Peer>;
            serving.push(tokio::task::spawn_local(accept::serve(listener, example, stop.clone(), clock)));
        }
        let addresses = <[SocketAddr; N]>::try_from(addresses).expect("as many");
        let mut program = program(addresses);
        dialler::run(&mut program, clock).await;
        stopper.stop(Stop::Gracefully);
        for serving in serving {
            serving.await.expect("no panic");
        }
        (program, addresses)
    };
    drive::block_on(async { tokio::time::timeout(Duration::from_secs(60), all).await.expect("an end") })
        .expect("a runtime")
}

#[test]
fn round_robin_over_three_servers_loses_and_mixes_up_nothing() {
    let (busy, addresses) = serve(|addresses: [SocketAddr; 3]| {
        let target = addresses.map(|address| address.to_string()).join(",");
        Busy::new(&target, Config { balancer: Balancer::RoundRobin, ..Config::default() }, 3000)
    });
    assert_eq!((busy.good, busy.answers), (3000, 3000));
    let counts = addresses.map(|address| busy.addresses.iter().filter(|used| **used == address).count());
    assert!(counts.iter().all(|count| *count > 900), "{counts:?}");
    assert_eq!((busy.channel.connections(), busy.channel.held_bytes()), (0, 0));
}

#[test]
fn a_name_is_looked_up_and_a_dead_address_is_passed_over() {
    let (busy, [address]) = serve(|[address]| {
        let dead = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("one");
        Busy::new(&format!("{dead},localhost:{}", address.port()), Config::default(), 100)
    });
    assert_eq!(busy.good, 100);
    assert!(busy.addresses.iter().all(|used| *used == address));
}
