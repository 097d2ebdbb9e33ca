//! Calls between the built-in client and server.

use framescope::endpoint::Peer;
use framescope::endpoint::client::{Client, Ending, Request, Ticket};
use framescope::endpoint::connection::Config;
use framescope::endpoint::example::{Example, LIST, RECORD, SEARCH, point, search_request};
use framescope::endpoint::scenario::Scenario;
use framescope::endpoint::tap::Recorded;
use framescope::endpoint::world::simulate;
use framescope::grpc::status::Status;
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::{FrameType, StreamId};
use framescope::http2::settings::{Setting, SettingId};
use framescope::http2::write;

use crate::support::{answers, at, frames, kinds, reset, sent, server, talk};

fn request(path: &str) -> Request {
    Request { path: path.to_owned(), ..Request::default() }
}

fn search(client: &mut Client, text: &str) -> Ticket {
    let ticket = client.call(at(0), request(SEARCH));
    client.send_last(ticket, &search_request(text));
    ticket
}

fn client() -> Client {
    Client::new(Config::default(), "test")
}

#[test]
fn octets_mean_the_same_however_they_are_cut() {
    for piece in [1, 2, 7, 64, 10_000] {
        let mut client = client();
        let ticket = search(&mut client, "gRPC");
        let told = talk(&mut client, &mut Example::new(Config::default()), piece);
        assert_eq!(told.messages, [(ticket, search_request("gRPC Server"))]);
        assert_eq!(told.endings, [(ticket, Status::OK, true)]);
        assert!(client.is_idle());
    }
}

#[test]
fn a_message_of_a_mebibyte_crosses_all_windows_both_ways() {
    for estimate in [true, false] {
        let config = Config { estimate, ..Config::default() };
        let text = "x".repeat(1 << 20);
        let mut client = Client::new(config.clone(), "test");
        let ticket = search(&mut client, &text);
        let told = talk(&mut client, &mut Example::new(config), 1 << 20);
        assert_eq!(told.endings, [(ticket, Status::OK, true)]);
        assert_eq!(told.messages[0].1.len(), (1 << 20) + " Server".len() + 4);
    }
}

#[test]
fn windows_grow_where_the_path_holds_more() {
    let mut client = client();
    let ticket = client.call(at(0), request(RECORD));
    let message = point(&"x".repeat(60_000), 1);
    (0..20).for_each(|_| client.send(ticket, &message));
    client.finish(ticket);
    let (mut server, mut now, mut grown) = (Example::new(Config::default()), 0, 0);
    for _ in 0..200 {
        let octets = one(&mut client);
        now += 100;
        server.handle_octets(at(now), &octets);
        let answer = answers(&mut server);
        let settings =
            frames(&answer).into_iter().filter(|(header, _)| header.kind() == FrameType::SETTINGS && !header.is_ack());
        grown += settings
            .filter(|(_, payload)| payload.starts_with(&SettingId::INITIAL_WINDOW_SIZE.0.to_be_bytes()))
            .count();
        now += 100;
        client.handle_octets(at(now), &answer);
    }
    assert!(grown > 0, "the server announces a larger window");
    assert!(client.is_idle());
}

fn one(client: &mut Client) -> Vec<u8> {
    let client = std::cell::RefCell::new(client);
    sent(|out| client.borrow_mut().poll_transmit(out))
}

#[test]
fn calls_beyond_the_limit_wait_for_their_turn() {
    let mut server = Example::new(Config { max_streams: 2, ..Config::default() });
    let mut client = client();
    let first = search(&mut client, "first");
    assert_eq!(talk(&mut client, &mut server, 1000).endings, [(first, Status::OK, true)]);
    // The client knows the limit now.
    let tickets: Vec<Ticket> = (0..5).map(|n| search(&mut client, &format!("{n}"))).collect();
    let opened = one(&mut client);
    assert_eq!(kinds(&opened).iter().filter(|kind| **kind == FrameType::HEADERS).count(), 2);
    server.handle_octets(at(5000), &opened);
    let told = talk(&mut client, &mut server, 1000);
    let mut ended: Vec<Ticket> =
        told.endings.iter().map(|(ticket, status, _)| (*ticket, assert_eq!(*status, Status::OK)).0).collect();
    ended.sort();
    assert_eq!(ended, tickets);
}

#[test]
fn a_server_refuses_streams_beyond_its_limit() {
    let mut server = server(Config { max_streams: 0, ..Config::default() });
    let mut octets = Vec::new();
    let block = [0x83, 0x86, 0x84];
    write::headers(StreamId(1), &block, true, 16_384, &mut octets);
    server.handle_octets(at(1), &octets);
    assert_eq!(reset(&answers(&mut server)), Some((1, ErrorCode::REFUSED_STREAM)));
}

#[test]
fn a_server_that_needs_no_more_of_a_request_says_so() {
    let mut client = client();
    let ticket = client.call(at(0), request("/proto.StreamService/Nothing"));
    let mut server = Example::new(Config::default());
    server.handle_octets(at(1), &one(&mut client));
    let answer = answers(&mut server);
    assert_eq!(reset(&answer), Some((1, ErrorCode::NO_ERROR)));
    client.handle_octets(at(2), &answer);
    let told = talk(&mut client, &mut server, 1000);
    assert_eq!(told.endings, [(ticket, Status::UNIMPLEMENTED, true)]);
}

#[test]
fn a_lost_connection_ends_its_calls_as_unavailable() {
    let mut client = client();
    let ticket = search(&mut client, "gRPC");
    client.handle_end(at(1));
    let told = talk(&mut client, &mut Example::new(Config::default()), 1000);
    assert_eq!(told.endings, [(ticket, Status::UNAVAILABLE, false)]);
}

#[test]
fn calls_above_the_last_stream_of_goaway_were_not_processed_and_others_go_on() {
    let mut client = client();
    let (first, second) = (search(&mut client, "1"), search(&mut client, "2"));
    let mut server = Example::new(Config::default());
    server.handle_octets(at(1), &one(&mut client));
    let mut octets = answers(&mut server);
    write::go_away(StreamId(1), ErrorCode::NO_ERROR, b"", &mut octets);
    client.handle_octets(at(2), &octets);
    let third = search(&mut client, "3");
    let told = talk(&mut client, &mut server, 1000);
    let mut endings = told.endings;
    endings.sort_by_key(|(ticket, ..)| *ticket);
    assert_eq!(
        endings,
        [(first, Status::OK, true), (second, Status::UNAVAILABLE, false), (third, Status::UNAVAILABLE, false)]
    );
}

#[test]
fn answers_that_cross_a_cancellation_harm_nothing_however_many() {
    let mut client = client();
    let mut server = Example::new(Config { max_streams: 1000, ..Config::default() });
    talk(&mut client, &mut server, 1000);
    let tickets: Vec<Ticket> = (0..600).map(|n| search(&mut client, &format!("{n}"))).collect();
    server.handle_octets(at(2000), &one(&mut client));
    server.handle_timeout(at(3000));
    for ticket in tickets {
        client.cancel(at(3000), ticket);
    }
    client.handle_octets(at(3001), &answers(&mut server));
    assert!(!client.is_closed());
    let last = search(&mut client, "last");
    let told = talk(&mut client, &mut server, 1000);
    assert_eq!(told.endings.last(), Some(&(last, Status::OK, true)));
}

#[test]
fn a_proxy_that_answers_with_html_becomes_a_status() {
    let mut client = client();
    let ticket = search(&mut client, "gRPC");
    one(&mut client);
    let mut octets = Vec::new();
    write::settings(&[], &mut octets);
    let mut block = Vec::new();
    framescope::http2::hpack::Encoder::new()
        .encode([(&b":status"[..], &b"502"[..]), (b"content-type", b"text/html")], &mut block);
    write::headers(StreamId(1), &block, false, 16_384, &mut octets);
    client.handle_octets(at(1), &octets);
    assert_eq!(reset(&one(&mut client)), Some((1, ErrorCode::CANCEL)));
    let told = talk(&mut client, &mut server(Config::default()), 1000);
    assert_eq!(told.endings, [(ticket, Status::UNAVAILABLE, false)]);
}

#[test]
fn a_table_that_the_peer_forbids_is_given_up() {
    let mut client = client();
    one(&mut client);
    let mut octets = Vec::new();
    write::settings(
        &[
            Setting { id: SettingId::HEADER_TABLE_SIZE, value: 0 },
            Setting { id: SettingId::MAX_FRAME_SIZE, value: 20_000 },
        ],
        &mut octets,
    );
    client.handle_octets(at(1), &octets);
    let ticket = client.call(at(2), request(LIST));
    client.send_last(ticket, &point(&"x".repeat(30_000), 1));
    let sent = frames(&one(&mut client));
    let headers = sent.iter().find(|(header, _)| header.kind() == FrameType::HEADERS).unwrap();
    assert_eq!(headers.1[0], 0x20, "a size update to 0 comes first");
    let data: Vec<u32> =
        sent.iter().filter(|(header, _)| header.kind() == FrameType::DATA).map(|(header, _)| header.length()).collect();
    assert_eq!(data, [20_000, 10_015], "frames are as long as the peer allows");
}

/// The packets of a simulated scenario, and how its calls ended.
fn simulated(scenario: &Scenario) -> (Vec<Recorded>, Vec<(u64, Ending)>) {
    let addresses: Vec<_> = (0..scenario.backends).map(simulate::address).collect();
    let stage = scenario.stage(&addresses);
    let diary = stage.diary.clone();
    (simulate::packets(stage).unwrap(), diary.endings())
}

#[test]
fn every_scenario_ends_and_every_run_is_the_same() {
    for scenario in Scenario::all() {
        let (packets, endings) = simulated(scenario);
        // Puppets make no calls: they only look so.
        assert!(!endings.is_empty() || scenario.name == "frame-zoo", "{}", scenario.name);
        assert!(packets.is_sorted_by_key(|packet| packet.time));
        assert_eq!(simulated(scenario), (packets, endings), "{}", scenario.name);
    }
}

#[test]
fn scenarios_end_as_they_say() {
    let statuses = |name: &str| {
        let (_, endings) = simulated(Scenario::named(name).unwrap());
        endings.iter().map(|(_, ending)| (ending.status.0, ending.from_server)).collect::<Vec<_>>()
    };
    assert_eq!(statuses("unary"), [(0, true)]);
    assert_eq!(statuses("multiplex"), [(0, true); 5]);
    assert_eq!(statuses("deadline"), [(4, false), (0, true)]);
    assert_eq!(statuses("cancel"), [(1, false)]);
    let errors: Vec<(u32, bool)> = (1..=16).chain([15, 12, 12]).map(|status| (status, true)).collect();
    assert_eq!(statuses("errors"), errors);
    let seen = |name: &str| {
        let mut endings = simulated(Scenario::named(name).unwrap()).1;
        endings.sort_by_key(|(call, _)| *call);
        endings.iter().map(|(_, ending)| ending.status.0).collect::<Vec<_>>()
    };
    assert_eq!(seen("http-error"), [14, 14, 12, 14, 16, 7, 2, 2]);
    assert_eq!(seen("dead-peer"), [0, 14, 0]);
    assert_eq!(seen("hard-stop"), [14, 0]);
    assert_eq!(seen("graceful-stop"), [0, 0]);
    assert_eq!(seen("reconnect"), [0, 14, 0]);
    assert_eq!(seen("retry"), [0, 3, 14, 0]);
    assert_eq!(seen("max-age"), [0; 5]);
}
