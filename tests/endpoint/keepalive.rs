//! PING when nothing comes, what happens when it is not answered, and servers that find it too much (gRFC A8, A9).

use std::time::Duration;

use framescope::endpoint::compression::Compression;
use framescope::endpoint::connection::Config;
use framescope::endpoint::fields::Fields;
use framescope::endpoint::keepalive::{Enforcement, Keepalive};
use framescope::grpc::status::Status;
use framescope::http2::frame::StreamId;

use crate::pair::Pair;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn asking(time: u64, timeout: u64, permit_without_stream: bool) -> Config {
    let keepalive = Keepalive { time: seconds(time), timeout: seconds(timeout), permit_without_stream };
    Config { keepalive: Some(keepalive), estimate: false, ..Config::default() }
}

fn quiet() -> Config {
    Config { estimate: false, ..Config::default() }
}

fn enforcing(min_time: u64, permit_without_stream: bool) -> Config {
    let enforcement = Enforcement { min_time: seconds(min_time), permit_without_stream };
    Config { enforcement: Some(enforcement), ..quiet() }
}

const ZEROS: &str = "[0, 0, 0, 0, 0, 0, 0, 0]";

/// The pings of a log, ACKs left out, by their times.
fn pings(log: &[String]) -> Vec<&str> {
    let asks = |line: &&String| line.ends_with(&format!("PING {ZEROS}"));
    log.iter().filter(asks).map(|line| line.split(" PING").next().unwrap()).collect()
}

#[test]
fn a_client_asks_whenever_nothing_has_come_for_the_time_while_a_call_is_under_way() {
    let mut pair = Pair::new(asking(10, 3, false), quiet());
    pair.call(Compression::Identity, b"x");
    pair.logged();
    pair.wait(35);
    assert_eq!(
        pair.logged(),
        [
            format!("10.0 -> PING {ZEROS}"),
            format!("10.0 <- PING ACK {ZEROS}"),
            format!("20.0 -> PING {ZEROS}"),
            format!("20.0 <- PING ACK {ZEROS}"),
            format!("30.0 -> PING {ZEROS}"),
            format!("30.0 <- PING ACK {ZEROS}"),
        ]
    );
}

#[test]
fn anything_that_comes_puts_the_question_off() {
    let mut pair = Pair::new(asking(10, 3, false), quiet());
    pair.call(Compression::Identity, b"x");
    pair.wait(7);
    pair.server.send(StreamId(1), b"news");
    pair.logged();
    pair.wait(12);
    assert_eq!(pings(&pair.logged()), ["17.0 ->"]);
}

#[test]
fn without_calls_a_client_asks_only_if_that_is_permitted() {
    let mut pair = Pair::new(asking(10, 3, true), quiet());
    pair.wait(25);
    assert_eq!(pings(&pair.logged()), ["10.0 ->", "20.0 ->"]);
    let mut pair = Pair::new(asking(10, 3, false), quiet());
    pair.wait(25);
    assert_eq!(pings(&pair.logged()), [""; 0]);
    assert_eq!(pair.client.poll_timeout(), None, "it sleeps");
    pair.call(Compression::Identity, b"x");
    assert_eq!(pings(&pair.logged()), ["25.0 ->"], "and asks at once when a call begins");
}

#[test]
fn a_peer_that_does_not_answer_in_time_costs_the_connection_and_its_calls_are_unavailable() {
    let mut pair = Pair::new(asking(10, 3, false), quiet());
    pair.call(Compression::Identity, b"x");
    pair.lost = [true, true];
    pair.wait(12);
    assert!(!pair.client.is_closed());
    pair.wait(1);
    assert!(pair.client.is_closed());
    let words = "keepalive ping failed to receive ACK within timeout";
    assert_eq!(pair.endings(), [(Status::UNAVAILABLE, words.to_owned())]);
    assert_eq!(pair.client.why_closed(), Some(words));
    assert_eq!(pair.log.last(), Some(&format!("13.0 -> GOAWAY 0 NO_ERROR {words}")));
}

#[test]
fn a_timeout_longer_than_the_time_is_waited_for_without_asking_again() {
    let mut pair = Pair::new(asking(10, 25, true), quiet());
    pair.exchange();
    pair.lost = [true, true];
    pair.wait(34);
    assert!(!pair.client.is_closed());
    pair.wait(1);
    assert!(pair.client.is_closed());
    assert_eq!(pings(&pair.logged()), ["10.0 ->"]);
}

#[test]
fn a_server_asks_too_and_gives_up_a_client_that_is_gone() {
    let mut pair = Pair::new(quiet(), asking(10, 3, false));
    pair.call(Compression::Identity, b"x");
    pair.wait(15);
    assert_eq!(pings(&pair.logged()), ["10.0 <-"]);
    pair.lost = [true, true];
    pair.wait(8);
    assert!(pair.server.is_closed());
    let cancelled = std::iter::from_fn(|| pair.server_event()).last();
    assert_eq!(cancelled, Some(framescope::endpoint::server::Event::Cancelled { stream: StreamId(1) }));
}

#[test]
fn a_third_early_ping_is_one_too_many_and_the_client_is_to_ask_half_as_often() {
    let mut pair = Pair::new(asking(10, 3, true), enforcing(60, true));
    pair.exchange();
    pair.logged();
    pair.wait(60);
    let log = pair.logged();
    assert_eq!(pings(&log), ["10.0 ->", "20.0 ->", "30.0 ->", "40.0 ->"], "the first, two strikes, and the third");
    assert_eq!(
        log[7..],
        [
            format!("40.0 <- PING ACK {ZEROS}"),
            "40.0 <- GOAWAY 0 ENHANCE_YOUR_CALM too_many_pings".into(),
            "40.0 -> GOAWAY 0 NO_ERROR ".into()
        ]
    );
    assert!(pair.server.is_closed() && pair.client.is_closed());
    assert_eq!(pair.client.keepalive_time(), Some(seconds(20)));
}

#[test]
fn pings_that_keep_to_the_policy_are_no_trouble() {
    let mut pair = Pair::new(asking(10, 3, true), enforcing(10, true));
    pair.wait(300);
    assert!(!pair.server.is_closed());
    assert_eq!(pair.client.keepalive_time(), Some(seconds(10)));
}

#[test]
fn without_calls_two_hours_must_lie_between_pings_unless_the_server_permits_more() {
    let mut pair = Pair::new(asking(10, 3, true), enforcing(1, false));
    pair.wait(60);
    assert!(pair.server.is_closed());
}

#[test]
fn what_a_server_sends_forgives_the_pings_before() {
    let mut pair = Pair::new(asking(10, 3, true), enforcing(60, true));
    pair.call(Compression::Identity, b"x");
    for _ in 0..10 {
        pair.wait(15);
        pair.server.send(StreamId(1), b"news");
    }
    pair.server.end(StreamId(1), Status::OK, "", Fields::default());
    pair.exchange();
    assert!(!pair.server.is_closed());
    assert_eq!(pair.endings(), [(Status::OK, String::new())]);
}

#[test]
fn the_probes_of_the_bandwidth_estimator_are_no_strikes() {
    let mut pair =
        Pair::new(Config::default(), Config { enforcement: Some(Enforcement::default()), ..Config::default() });
    for n in 0..50 {
        pair.call(Compression::Identity, b"x");
        pair.answer(n * 2 + 1);
    }
    assert_eq!(pair.endings().len(), 50);
    assert!(!pair.server.is_closed());
}
