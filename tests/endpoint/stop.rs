//! How connections end when somebody wants them to: gracefully, at once, by age, by idleness (RFC 9113 §6.8, gRFC A9).

use std::time::Duration;

use framescope::endpoint::client::Request;
use framescope::endpoint::compression::Compression;
use framescope::endpoint::connection::Config;
use framescope::endpoint::lifetime::{Lifetime, jittered};
use framescope::endpoint::server::{Event, Server};
use framescope::grpc::status::Status;
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::StreamId;
use framescope::http2::preface::MAGIC;
use framescope::http2::write;

use crate::pair::Pair;
use crate::support::{at, frames};

fn quiet() -> Config {
    Config { estimate: false, ..Config::default() }
}

fn lasting(lifetime: Lifetime) -> Config {
    Config { lifetime, ..quiet() }
}

fn pair(server: Config) -> Pair {
    let mut pair = Pair::new(quiet(), server);
    pair.exchange();
    pair.logged();
    pair
}

const PING: &str = "PING [1, 6, 1, 8, 0, 3, 3, 9]";
const PING_ACK: &str = "PING ACK [1, 6, 1, 8, 0, 3, 3, 9]";

#[test]
fn a_graceful_stop_says_so_twice_and_lets_calls_finish() {
    let mut pair = pair(quiet());
    pair.call(Compression::Identity, b"x");
    pair.logged();
    pair.server.stop_gracefully(pair.now);
    assert!(pair.server.is_stopping());
    pair.exchange();
    assert_eq!(
        pair.logged(),
        [
            "0.0 <- GOAWAY 2147483647 NO_ERROR graceful_stop".to_owned(),
            format!("0.0 <- {PING}"),
            format!("0.0 -> {PING_ACK}"),
            "0.0 <- GOAWAY 1 NO_ERROR graceful_stop".to_owned(),
        ]
    );
    assert!(!pair.server.is_closed(), "a call is under way");
    let late = pair.call(Compression::Identity, b"y");
    assert_eq!(pair.client_events().len(), 1, "the client makes no more calls here: {late:?}");
    pair.answer(1);
    assert_eq!(pair.endings(), [(Status::OK, String::new())]);
    assert!(pair.server.is_closed() && pair.client.is_closed());
    assert_eq!(pair.server.poll_timeout(), None);
}

#[test]
fn a_call_that_was_on_its_way_when_the_stop_began_is_served() {
    let mut pair = pair(quiet());
    let request = Request { path: "/s/m".to_owned(), ..Request::default() };
    let ticket = pair.client.call(pair.now, request);
    pair.client.send_last(ticket, b"x");
    pair.server.stop_gracefully(pair.now);
    pair.exchange();
    assert!(pair.logged().contains(&"0.0 <- GOAWAY 1 NO_ERROR graceful_stop".to_owned()));
    pair.answer(1);
    assert_eq!(pair.endings(), [(Status::OK, String::new())]);
}

#[test]
fn a_client_that_does_not_answer_the_ping_is_told_the_last_stream_after_five_seconds() {
    let mut pair = pair(quiet());
    pair.call(Compression::Identity, b"x");
    pair.lost = [true, false];
    pair.logged();
    pair.server.stop_gracefully(pair.now);
    pair.wait(6);
    assert_eq!(pair.logged().last(), Some(&"5.0 <- GOAWAY 1 NO_ERROR graceful_stop".to_owned()));
}

#[test]
fn a_stop_without_calls_ends_the_connection_of_both() {
    let mut pair = pair(quiet());
    pair.server.stop_gracefully(pair.now);
    pair.exchange();
    assert!(pair.server.is_closed() && pair.client.is_closed());
    assert_eq!(pair.client.why_closed(), Some("the server went away"));
}

#[test]
fn streams_opened_after_the_final_goaway_are_refused_and_it_is_never_taken_back() {
    let mut plain = Server::new(quiet());
    let mut octets = MAGIC.to_vec();
    write::settings(&[], &mut octets);
    plain.handle_octets(at(0), &octets);
    plain.stop_gracefully(at(1));
    let mut octets = Vec::new();
    write::headers(StreamId(1), &[0x83, 0x86, 0x84], false, 16_384, &mut octets);
    write::ping([1, 6, 1, 8, 0, 3, 3, 9], true, &mut octets);
    write::headers(StreamId(3), &[0x83, 0x86, 0x84], false, 16_384, &mut octets);
    // And then something that ends the connection at once.
    write::ping([0; 8], false, &mut octets);
    write::data(StreamId(5), b"x", false, &mut octets);
    plain.handle_octets(at(2), &octets);
    let mut answer = Vec::new();
    plain.poll_transmit(&mut answer);
    let last = frames(&answer).into_iter().rev().find(|(header, _)| header.kind().0 == 7).unwrap().1;
    assert_eq!(last[..8], [0, 0, 0, 1, 0, 0, 0, 1], "stream 1 and PROTOCOL_ERROR");
    assert!(crate::support::reset(&answer).is_some());
}

#[test]
fn a_hard_stop_ends_calls_at_once() {
    let mut pair = pair(quiet());
    pair.call(Compression::Identity, b"x");
    pair.logged();
    pair.server.stop(pair.now);
    assert!(pair.server.is_closed());
    assert_eq!(std::iter::from_fn(|| pair.server_event()).last(), Some(Event::Cancelled { stream: StreamId(1) }));
    pair.exchange();
    assert_eq!(pair.logged(), ["0.0 <- GOAWAY 1 NO_ERROR "]);
    pair.client.handle_end(pair.now);
    assert_eq!(pair.endings(), [(Status::UNAVAILABLE, "the connection ended".to_owned())]);
}

#[test]
fn a_connection_that_is_too_old_is_stopped_and_after_the_grace_so_are_its_calls() {
    let lifetime = Lifetime {
        max_age: Some(Duration::from_secs(30)),
        max_age_grace: Some(Duration::from_secs(10)),
        ..Lifetime::default()
    };
    let mut pair = pair(lasting(lifetime));
    pair.call(Compression::Identity, b"x");
    pair.logged();
    pair.wait(39);
    assert_eq!(
        pair.logged(),
        [
            "30.0 <- GOAWAY 2147483647 NO_ERROR max_age".to_owned(),
            format!("30.0 <- {PING}"),
            format!("30.0 -> {PING_ACK}"),
            "30.0 <- GOAWAY 1 NO_ERROR max_age".to_owned(),
        ]
    );
    assert!(!pair.server.is_closed());
    pair.wait(1);
    assert!(pair.server.is_closed());
}

#[test]
fn a_connection_without_calls_is_stopped_when_it_has_been_idle_long_enough() {
    let lifetime = Lifetime { max_idle: Some(Duration::from_secs(30)), ..Lifetime::default() };
    let mut pair = pair(lasting(lifetime));
    pair.wait(20);
    pair.call(Compression::Identity, b"x");
    pair.wait(100);
    assert!(!pair.server.is_stopping(), "a call is no idleness");
    pair.answer(1);
    pair.logged();
    pair.wait(29);
    assert_eq!(pair.logged(), [""; 0]);
    pair.wait(2);
    assert_eq!(pair.logged()[0], "150.0 <- GOAWAY 2147483647 NO_ERROR max_idle");
    assert!(pair.server.is_closed() && pair.client.is_closed());
}

#[test]
fn a_client_that_never_begins_is_not_waited_for() {
    let mut server = Server::new(quiet());
    server.begin(at(0));
    assert_eq!(server.poll_timeout(), Some(at(120_000_000)));
    server.handle_timeout(at(120_000_000));
    assert!(server.is_closed());
    let mut octets = Vec::new();
    server.poll_transmit(&mut octets);
    assert!(octets.is_empty(), "nothing is said to what may not speak HTTP/2");
}

#[test]
fn a_peer_that_takes_nothing_is_given_up_after_the_stall() {
    let lifetime = Lifetime { stall: Some(Duration::from_secs(60)), ..Lifetime::default() };
    let mut pair = Pair::new(quiet(), lasting(lifetime));
    pair.call(Compression::Identity, b"x");
    // More than the windows hold, and the client's application takes nothing.
    pair.server.send(StreamId(1), &[7; 60_000]);
    pair.server.send(StreamId(1), &[7; 60_000]);
    pair.exchange();
    let mut octets = Vec::new();
    write::ping([7; 8], false, &mut octets);
    pair.wait(30);
    pair.server.handle_octets(pair.now, &octets);
    pair.exchange();
    pair.wait(29);
    assert!(!pair.server.is_closed());
    // A PING that is answered is no reason to go on.
    pair.wait(2);
    assert_eq!(pair.server.why_closed(), Some("the peer took nothing for too long"));
}

#[test]
fn a_client_closes_at_once_or_when_its_calls_have_ended() {
    let mut pair = pair(quiet());
    pair.call(Compression::Identity, b"x");
    pair.client.close(pair.now);
    assert_eq!(pair.endings(), [(Status::CANCELLED, "the client connection is closing".to_owned())]);
    assert!(pair.client.is_closed());
    pair.logged();
    pair.exchange();
    assert_eq!(pair.logged(), ["0.0 -> GOAWAY 0 NO_ERROR "]);

    let mut pair = self::pair(quiet());
    pair.call(Compression::Identity, b"x");
    pair.client.close_gracefully(pair.now);
    pair.exchange();
    assert!(!pair.client.is_closed());
    pair.answer(1);
    assert_eq!(pair.endings(), [(Status::OK, String::new())]);
    assert!(pair.client.is_closed());
}

#[test]
fn a_connection_that_is_over_holds_next_to_nothing() {
    let mut pair = pair(quiet());
    for _ in 0..50 {
        pair.call(Compression::Identity, &[7; 1000]);
    }
    assert!(pair.client.held_bytes() > 10_000 && pair.server.held_bytes() > 50_000);
    pair.client.close(pair.now);
    assert_eq!(pair.endings().len(), 50);
    pair.server.stop(pair.now);
    while pair.server_event().is_some() {}
    assert_eq!(pair.client.poll_timeout(), None);
    let held = [pair.client.held_bytes(), pair.server.held_bytes()];
    assert!(held.iter().all(|octets| *octets < 32 << 10), "{held:?}");
}

#[test]
fn a_goaway_that_says_less_drops_more_and_one_that_says_more_takes_nothing_back() {
    let mut pair = pair(quiet());
    for _ in 0..3 {
        pair.call(Compression::Identity, b"x");
    }
    let mut octets = Vec::new();
    write::go_away(StreamId(3), ErrorCode::NO_ERROR, b"", &mut octets);
    pair.client.handle_octets(pair.now, &octets);
    assert_eq!(pair.endings().len(), 1);
    let mut octets = Vec::new();
    write::go_away(StreamId(7), ErrorCode::NO_ERROR, b"", &mut octets);
    pair.client.handle_octets(pair.now, &octets);
    assert_eq!(pair.client.gone_away().map(|gone_away| gone_away.last), Some(StreamId(3)));
}

#[test]
fn jitter_is_a_tenth_at_most() {
    let age = Duration::from_secs(100);
    assert_eq!(jittered(age, 0), Duration::from_secs(90));
    assert_eq!(jittered(age, u32::MAX), Duration::from_secs(110));
}
