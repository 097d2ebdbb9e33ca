//! A channel over real TCP: many calls over several servers, and nothing left when it is closed.
#![allow(missing_docs, reason = "a test binary")]

#[path = "support/batch.rs"]
mod batch;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use framescope::command::drive::clock::Clock;
use framescope::command::drive::stop::stopping;
use framescope::command::drive::{self, accept, dialler};
use framescope::endpoint::channel::{Balancer, Channel, Config, Event, Target};
use framescope::endpoint::client::Request;
use framescope::endpoint::connection;
use framescope::endpoint::example::{Example, SEARCH, search_request};
use framescope::endpoint::{Peer, Stop};
use framescope::grpc::status::Status;
use framescope::time::Timestamp;
use tokio::net::TcpListener;

use batch::{Batch, Work};

type Program = Batch<Searches>;

/// Searches, and what came of them.
#[derive(Default)]
struct Searches {
    answers: u32,
    good: u32,
    addresses: Vec<SocketAddr>,
}

/// A program that searches so many times.
fn searching(target: &str, config: Config, calls: u32) -> Program {
    let channel = Channel::new(&Target::parse(target).expect("a target"), config);
    Batch::new(channel, calls, 50, Searches::default())
}

impl Work for Searches {
    fn call(&mut self, channel: &mut Channel, now: Timestamp, _: u32) {
        let ticket = channel.call(now, Request { path: SEARCH.to_owned(), ..Request::default() });
        channel.send_last(ticket, &search_request("gRPC"));
    }
    fn event(&mut self, event: Event) {
        match event {
            Event::Attempt { address, .. } => self.addresses.push(address),
            Event::Message { octets, .. } => {
                assert_eq!(octets, search_request("gRPC Server"));
                self.answers += 1;
            }
            Event::Ended { ending, .. } => self.good += u32::from(ending.status == Status::OK),
            _ => {}
        }
    }
}

/// Runs the program against so many servers of the example; gives where these were.
fn serve<const N: usize>(program: impl FnOnce([SocketAddr; N]) -> Program) -> (Program, [SocketAddr; N]) {
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
    let (program, addresses) = serve(|addresses: [SocketAddr; 3]| {
        let target = addresses.map(|address| address.to_string()).join(",");
        searching(&target, Config { balancer: Balancer::RoundRobin, ..Config::default() }, 3000)
    });
    assert_eq!((program.work.good, program.work.answers), (3000, 3000));
    let counts = addresses.map(|address| program.work.addresses.iter().filter(|used| **used == address).count());
    assert!(counts.iter().all(|count| *count > 900), "{counts:?}");
    assert_eq!((program.channel.connections(), program.channel.held_bytes()), (0, 0));
}

#[test]
fn a_name_is_looked_up_and_a_dead_address_is_passed_over() {
    let (program, [address]) = serve(|[address]| {
        let dead = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("one");
        searching(&format!("{dead},localhost:{}", address.port()), Config::default(), 100)
    });
    assert_eq!(program.work.good, 100);
    assert!(program.work.addresses.iter().all(|used| *used == address));
}
