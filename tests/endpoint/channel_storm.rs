//! The channel in bad company: servers that greet and go, silent ones, complaints, and everything at once at random.

use std::time::Duration;

use framescope::endpoint::ConnectionId;
use framescope::endpoint::channel::{Balancer, Config, Event, Happening, RetryPolicy, State};
use framescope::endpoint::client::Request;
use framescope::endpoint::connection;
use framescope::endpoint::keepalive::{Enforcement, Keepalive};
use framescope::grpc::status::Status;
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::FrameType;

use crate::net::{Host, Net, address, example, example_with, scripted, seconds};
use crate::support::{go_away, kinds};

const ONE: &str = "192.0.2.1:50051";
const THREE: &str = "192.0.2.1:50051,192.0.2.2:50051,192.0.2.3:50051";

fn asking(time: u64) -> Config {
    let keepalive =
        Keepalive { time: Duration::from_secs(time), timeout: Duration::from_secs(1), permit_without_stream: true };
    Config {
        connection: connection::Config { keepalive: Some(keepalive), ..connection::Config::default() },
        ..Config::default()
    }
}

#[test]
fn a_server_that_greets_and_goes_is_not_dialled_more_often_than_once_a_second() {
    let config = Config { balancer: Balancer::RoundRobin, idle_timeout: None, ..Config::default() };
    let mut net = Net::new(ONE, config);
    net.hosts.insert(address(1), Host::Serves(Box::new(|| Box::new(crate::net::Says(b"\0\0\0\x04\0\0\0\0\0")))));
    net.tell(|channel, now| channel.connect(now));
    net.run_until(seconds(100.0));
    assert!((95..=101).contains(&net.dials().len()), "{} dials in 100 s", net.dials().len());
}

#[test]
fn a_connection_whose_peer_falls_silent_is_given_up_and_replaced() {
    let mut net = Net::new(ONE, asking(10)).with_examples([1]);
    let mut request = Request::default();
    request.metadata.push("work-ms", "60000");
    let ticket = net.search_with("gRPC", request);
    net.run_until(seconds(1.0));
    net.silence(1);
    net.run_until(seconds(15.0));
    let ending = net.ending(ticket).unwrap();
    assert_eq!(ending.status, Status::UNAVAILABLE);
    assert_eq!(ending.message, "keepalive ping failed to receive ACK within timeout");
    let lost = Happening::Lost { why: "keepalive ping failed to receive ACK within timeout".to_owned() };
    assert!(net.happenings().contains(&lost), "{:?}", net.happenings());
    assert_eq!(net.channel.state(), State::Idle);
    let ticket = net.search("gRPC");
    net.run_for(1.0);
    assert_eq!(net.ending(ticket).unwrap().status, Status::OK);
    assert_eq!(net.dials().len(), 2);
}

#[test]
fn after_a_complaint_about_pings_the_next_connection_asks_half_as_often() {
    let mut net = Net::new(ONE, Config { balancer: Balancer::RoundRobin, idle_timeout: None, ..asking(10) });
    let strict = connection::Config {
        enforcement: Some(Enforcement { min_time: Duration::from_secs(15), permit_without_stream: true }),
        ..connection::Config::default()
    };
    net.hosts.insert(address(1), example_with(strict));
    net.tell(|channel, now| channel.connect(now));
    net.run_until(seconds(300.0));
    let pings = |id: u64| kinds(&net.wire[&ConnectionId(id)]).iter().filter(|kind| **kind == FrameType::PING).count();
    assert_eq!(net.dials().len(), 2, "the second is not complained about");
    assert!(pings(0) <= 5, "{} PINGs were too many", pings(0));
    assert!((10..=14).contains(&pings(1)), "{} PINGs in some 260 s", pings(1));
}

#[test]
fn connections_are_ended_with_a_word() {
    let mut net = Net::new(ONE, Config::default()).with_examples([1, 2]);
    net.search("gRPC");
    net.run_for(1.0);
    net.tell(|channel, now| channel.update_addresses(now, &[address(2)]));
    net.run_for(1.0);
    net.tell(|channel, now| channel.close(now));
    net.run_for(1.0);
    net.assert_freed();
    assert_eq!(go_away(&net.wire[&ConnectionId(0)]), Some(ErrorCode::NO_ERROR));
    assert_eq!(go_away(&net.wire[&ConnectionId(1)]), Some(ErrorCode::NO_ERROR));
    assert_eq!(net.happenings().iter().filter(|what| **what == Happening::Closed).count(), 2);
}

#[test]
fn a_server_that_never_answers_a_call_is_given_up_by_the_deadline_alone() {
    let mut net = Net::new(ONE, Config { retry: Some(RetryPolicy::default()), ..Config::default() });
    net.hosts.insert(address(1), scripted(|_, _| {}));
    let ticket = net.search_with("gRPC", Request { timeout: Some(1_000_000_000), ..Request::default() });
    net.run_until(seconds(0.999));
    assert_eq!(net.ending(ticket), None);
    net.run_until(seconds(1.0));
    assert_eq!(net.ending(ticket).unwrap().status, Status::DEADLINE_EXCEEDED);
    assert_eq!(net.attempts(ticket).len(), 1);
}

#[test]
fn events_that_nobody_takes_do_not_pile_up() {
    let config = Config { idle_timeout: None, ..Config::default() };
    let mut net = Net::new(THREE, config);
    net.deaf = true;
    net.tell(|channel, now| channel.connect(now));
    net.run_until(seconds(100_000.0));
    assert!(net.channel.missed_events() > 1000);
    let taken = std::iter::from_fn(|| net.channel.poll_event()).count();
    assert_eq!(taken, 1000);
}

/// The same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What servers say that are none, or bad ones: HTTP/1, half a frame, SETTINGS with a GOAWAY, with REFUSED_STREAM, with a
/// stream that nobody opened.
const BAD_COMPANY: [&[u8]; 5] = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\0\0\x06\x04\0\0",
    b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0",
    b"\0\0\0\x04\0\0\0\0\0\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07",
    b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x63\x88",
];

#[test]
fn whatever_happens_every_call_ends_once_and_a_closed_channel_holds_nothing() {
    for seed in 0..150 {
        let mut dice = Dice(seed);
        let config = Config {
            balancer: if dice.roll(2) == 0 { Balancer::PickFirst } else { Balancer::RoundRobin },
            connections: 1 + dice.roll(3) as u32,
            wait_for_ready: dice.roll(2) == 0,
            retry: (dice.roll(2) == 0).then(RetryPolicy::default),
            idle_timeout: (dice.roll(2) == 0).then_some(Duration::from_secs(2)),
            seed,
            ..if dice.roll(2) == 0 { asking(2) } else { Config::default() }
        };
        let mut net = Net::new(if dice.roll(2) == 0 { "a.test:1,b.test:2" } else { THREE }, config).with_examples([1]);
        let mut tickets = Vec::new();
        for _ in 0..60 {
            let host = 1 + dice.roll(3) as u8;
            match dice.roll(12) {
                0..=3 => {
                    let mut request = Request::default();
                    request.metadata.push("work-ms", dice.roll(3000).to_string());
                    request.timeout = (dice.roll(2) == 0).then(|| dice.roll(3_000_000_000));
                    tickets.push(
                        net.search_with(["gRPC", "status 14", "answer and status 14"][dice.roll(3) as usize], request),
                    );
                }
                4 => _ = net.hosts.insert(address(host), example()),
                5 if dice.roll(2) == 0 => {
                    let words = BAD_COMPANY[dice.roll(BAD_COMPANY.len() as u64) as usize];
                    let says = move || Box::new(crate::net::Says(words)) as Box<dyn framescope::endpoint::Peer>;
                    net.hosts.insert(address(host), Host::Serves(Box::new(says)));
                }
                5 => _ = net.hosts.remove(&address(host)),
                6 => _ = net.hosts.insert(address(host), Host::Swallows),
                7 => net.break_all(host),
                8 => net.silence(host),
                9 => {
                    let name = ["a.test:1", "b.test:2"][dice.roll(2) as usize].to_owned();
                    let known =
                        if dice.roll(3) == 0 { Err("no such host".to_owned()) } else { Ok(vec![address(host)]) };
                    net.names.insert(name, known);
                }
                10 if dice.roll(4) == 0 => {
                    let some: Vec<_> = (0..dice.roll(4)).map(|_| address(1 + dice.roll(3) as u8)).collect();
                    net.tell(|channel, now| channel.update_addresses(now, &some));
                }
                10 => net.tell(|channel, now| channel.connect(now)),
                _ if tickets.is_empty() => {}
                _ => {
                    let ticket = tickets[dice.roll(tickets.len() as u64) as usize];
                    net.tell(|channel, now| channel.cancel(now, ticket));
                }
            }
            net.run_for(dice.roll(2000) as f64 / 1000.0);
        }
        if dice.roll(2) == 0 {
            net.tell(|channel, now| channel.close_gracefully(now));
            net.run_for(5.0);
        }
        net.tell(|channel, now| channel.close(now));
        net.run_for(10.0);
        net.assert_freed();
        assert!(tickets.iter().all(|ticket| net.ending(*ticket).is_some()), "seed {seed}");
        let ended = net.events.iter().filter(|event| matches!(event, Event::Ended { .. })).count();
        assert_eq!(ended, tickets.len(), "seed {seed}");
        let mut before = State::Idle;
        for state in net.states() {
            assert_ne!(state, before, "seed {seed}: only changes are told");
            assert_ne!(before, State::Shutdown, "seed {seed}: there is no way back");
            before = state;
        }
        assert_eq!(before, State::Shutdown);
    }
}
