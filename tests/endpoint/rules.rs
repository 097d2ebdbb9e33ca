//! Rules of HTTP/2 about single streams, and what a sender heeds when the peer changes its mind (RFC 9113 §6, §8).

use framescope::endpoint::Peer;
use framescope::endpoint::bounds::Bounds;
use framescope::endpoint::client::{Client, Request};
use framescope::endpoint::compression::{Compression, envelope};
use framescope::endpoint::connection::Config;
use framescope::endpoint::example::SEARCH;
use framescope::endpoint::fields::Fields;
use framescope::endpoint::interceptor::{Deadline, standard};
use framescope::endpoint::keepalive::{Enforcement, Keepalive};
use framescope::endpoint::lifetime::Lifetime;
use framescope::endpoint::server::{Event, Server};
use framescope::grpc::status::Status;
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::{Flags, FrameType, StreamId};
use framescope::http2::settings::{Setting, SettingId};
use framescope::http2::write;
use proptest::prelude::*;

use crate::pair::Pair;
use crate::support::{REQUEST, answer, answers, at, block, frames, go_away, kinds, reset, sent, server};

/// A client whose call has gone out, and the server's octets that it gets to read.
fn told(frames: impl FnOnce(&mut Vec<u8>)) -> (Client, Vec<u8>) {
    let mut client = Client::new(Config { estimate: false, ..Config::default() }, "test");
    let ticket = client.call(at(0), Request { path: SEARCH.to_owned(), ..Request::default() });
    client.send(ticket, b"x");
    transmit(&mut client);
    let mut octets = Vec::new();
    write::settings(&[], &mut octets);
    frames(&mut octets);
    client.handle_octets(at(1), &octets);
    let answer = transmit(&mut client);
    (client, answer)
}

fn transmit(client: &mut Client) -> Vec<u8> {
    let client = std::cell::RefCell::new(client);
    sent(|out| client.borrow_mut().poll_transmit(out))
}

#[test]
fn content_that_is_not_as_long_as_it_says_ends_the_stream() {
    let with = |length: &str, data: &[u8], end_at: u8| {
        answer(|out| {
            let list = [&REQUEST[..], &[("content-length", length)]].concat();
            write::headers(StreamId(1), &block(&list), end_at == 0, 16_384, out);
            if end_at > 0 {
                write::data(StreamId(1), data, end_at == 1, out);
            }
            if end_at == 2 {
                write::headers(StreamId(1), &[], true, 16_384, out);
            }
        })
    };
    let malformed = Some((1, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(reset(&with("4", &[0; 5], 1)), malformed, "too much");
    assert_eq!(reset(&with("6", &[0; 5], 1)), malformed, "too little, at the last DATA");
    assert_eq!(reset(&with("6", &[0; 5], 2)), malformed, "too little, at the trailers");
    assert_eq!(reset(&with("6", &[], 0)), malformed, "too little, at the headers");
    assert_eq!(reset(&with("five", &[0; 5], 1)), malformed, "no number");
    assert_eq!(reset(&with("5", &[0; 5], 1)), None);
    assert_eq!(reset(&with("5", &[0; 5], 2)), None);
    assert_eq!(reset(&with("5", &[0; 5], 3)), None, "not at its end yet");
}

#[test]
fn requests_without_a_path_or_with_two_hosts_are_malformed() {
    let with = |fields: &[(&str, &str)]| answer(|out| write::headers(StreamId(1), &block(fields), true, 16_384, out));
    let base = |path| [(":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc")];
    for path in ["", "no/slash", "*"] {
        assert_eq!(reset(&with(&base(path))), Some((1, ErrorCode::PROTOCOL_ERROR)), "{path:?}");
    }
    let two = [&[(":authority", "a")][..], &base(SEARCH), &[("host", "b")]].concat();
    assert_eq!(reset(&with(&two)), Some((1, ErrorCode::PROTOCOL_ERROR)));
    let one = [&[(":authority", "a")][..], &base(SEARCH), &[("host", "a")]].concat();
    assert_eq!(reset(&with(&one)), None);
}

#[test]
fn what_is_no_grpc_call_is_answered_in_http() {
    for (method, content_type, status) in [("GET", "application/grpc", "405"), ("POST", "text/html", "415")] {
        let list = [(":method", method), (":scheme", "http"), (":path", SEARCH), ("content-type", content_type)];
        let octets = answer(|out| write::headers(StreamId(1), &block(&list), true, 16_384, out));
        assert_eq!(crate::pair::header_lists(&octets)[0].value(b":status"), Some(status.as_bytes()));
    }
}

#[test]
fn interim_responses_are_passed_over() {
    let (mut client, _) = told(|out| {
        write::headers(StreamId(1), &block(&[(":status", "100")]), false, 16_384, out);
        write::headers(StreamId(1), &block(&[(":status", "103")]), false, 16_384, out);
        let list = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")];
        write::headers(StreamId(1), &block(&list), true, 16_384, out);
    });
    let Some(framescope::endpoint::client::Event::Ended { ending, .. }) = client.poll_event() else { panic!("an end") };
    assert_eq!(ending.status, Status::OK);
}

#[test]
fn a_push_is_refused_until_the_server_knows_that_none_is_wanted_and_then_ends_the_connection() {
    let promise = |out: &mut Vec<u8>| {
        let payload = [&[0, 0, 0, 2][..], &block(&REQUEST)].concat();
        write::frame(FrameType::PUSH_PROMISE, Flags::END_HEADERS, StreamId(1), &payload, out);
    };
    let (client, answer) = told(|out| {
        promise(out);
        // What was on its way is no fault.
        write::headers(StreamId(2), &block(&[(":status", "200")]), false, 16_384, out);
        write::data(StreamId(2), b"pushed", true, out);
    });
    assert_eq!(reset(&answer), Some((2, ErrorCode::REFUSED_STREAM)));
    assert!(!client.is_closed());
    let (client, answer) = told(|out| {
        write::settings_ack(out);
        promise(out);
    });
    assert_eq!(go_away(&answer), Some(ErrorCode::PROTOCOL_ERROR));
    assert!(client.is_closed());
}

#[test]
fn padding_counts_in_both_windows_and_is_given_back() {
    let answer = answer(|out| {
        write::headers(StreamId(1), &block(&REQUEST), false, 16_384, out);
        // 255 octets of padding and its length around nothing, seven times 256 a frame of 16 384.
        let payload = [&[255][..], &[0; 255]].concat();
        (0..64).for_each(|_| write::frame(FrameType::DATA, Flags::PADDED, StreamId(1), &payload, out));
    });
    let given: u32 = frames(&answer)
        .iter()
        .filter(|(header, _)| header.kind() == FrameType::WINDOW_UPDATE && header.stream() == StreamId(1))
        .map(|(_, payload)| u32::from_be_bytes(payload[..].try_into().unwrap()))
        .sum();
    assert_eq!(given, 64 * 256);
}

#[test]
fn fewer_streams_than_before_are_heeded_from_then_on() {
    let mut pair = Pair::new(Config { estimate: false, ..Config::default() }, Config::default());
    for _ in 0..3 {
        pair.call(Compression::Identity, b"x");
    }
    let mut octets = Vec::new();
    write::settings(&[Setting { id: SettingId::MAX_CONCURRENT_STREAMS, value: 1 }], &mut octets);
    pair.client.handle_octets(pair.now, &octets);
    pair.logged();
    pair.call(Compression::Identity, b"x");
    pair.answer(1);
    pair.answer(3);
    assert!(!pair.logged().iter().any(|line| line.contains("-> HEADERS")), "two of three were one too many");
    pair.answer(5);
    assert!(pair.logged().iter().any(|line| line.ends_with("-> HEADERS 7")));
}

#[test]
fn a_window_lowered_below_what_is_used_must_be_made_up_for_first() {
    let (mut client, _) = told(|_| {});
    let ticket = framescope::endpoint::client::Ticket(0);
    client.send(ticket, &[7; 1000]);
    transmit(&mut client);
    let mut octets = Vec::new();
    // 1011 octets are used, so 1001 are too many.
    write::settings(&[Setting { id: SettingId::INITIAL_WINDOW_SIZE, value: 10 }], &mut octets);
    write::window_update(StreamId(1), 1001, &mut octets);
    client.handle_octets(at(2), &octets);
    client.send(ticket, b"more");
    assert!(!kinds(&transmit(&mut client)).contains(&FrameType::DATA));
    let mut octets = Vec::new();
    write::window_update(StreamId(1), 3, &mut octets);
    client.handle_octets(at(3), &octets);
    let sent = frames(&transmit(&mut client));
    let lengths: Vec<u32> = sent.iter().map(|(header, _)| header.length()).collect();
    assert_eq!(lengths, [3]);
}

#[test]
fn what_costs_nothing_any_more_is_forgiven_with_time() {
    let mut server = server(Config::default());
    for n in 0..5000_u32 {
        let mut octets = Vec::new();
        write::headers(StreamId(n * 2 + 1), &block(&REQUEST), false, 16_384, &mut octets);
        write::rst_stream(StreamId(n * 2 + 1), ErrorCode::CANCEL, &mut octets);
        // Ten calls a second that are all given up.
        server.handle_octets(at(i64::from(n) * 100_000), &octets);
        assert_eq!(go_away(&answers(&mut server)), None, "call {n}");
    }
}

#[test]
fn floods_of_priority_and_interim_responses_are_given_up() {
    let mut server = server(Config::default());
    let mut octets = Vec::new();
    (0..1500).for_each(|_| write::frame(FrameType::PRIORITY, 0, StreamId(1), &[0, 0, 0, 0, 0], &mut octets));
    server.handle_octets(at(1), &octets);
    assert_eq!(go_away(&answers(&mut server)), Some(ErrorCode::ENHANCE_YOUR_CALM));
    let (_, answer) = told(|out| {
        (0..1500).for_each(|_| write::headers(StreamId(1), &block(&[(":status", "103")]), false, 16_384, out));
    });
    assert_eq!(go_away(&answer), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

#[test]
fn many_calls_that_wait_to_be_fetched_are_no_flood() {
    let mut client = Client::new(Config::default(), "test");
    let mut octets = Vec::new();
    write::settings(&[Setting { id: SettingId::MAX_CONCURRENT_STREAMS, value: 10_000 }], &mut octets);
    client.handle_octets(at(0), &octets);
    for n in 0..1000 {
        let mut metadata = Fields::default();
        metadata.push("x", format!("{n}{}", "x".repeat(1000)));
        client.call(at(0), Request { path: SEARCH.to_owned(), metadata, ..Request::default() });
    }
    let mut octets = Vec::new();
    write::ping([0; 8], false, &mut octets);
    client.handle_octets(at(1), &octets);
    assert!(!client.is_closed());
}

proptest! {
    /// Frames of a client that knows what frames look like and nothing else.
    #[test]
    fn no_sequence_of_frames_costs_more_than_the_bounds(
        script in proptest::collection::vec(
            (0..12_u8, any::<u8>(), 0..8_u32, proptest::collection::vec(any::<u8>(), 0..40), 0..40_i64), 0..200),
    ) {
        let seconds = std::time::Duration::from_secs;
        let config = Config {
            keepalive: Some(Keepalive { time: seconds(10), timeout: seconds(3), permit_without_stream: true }),
            enforcement: Some(Enforcement::default()),
            lifetime: Lifetime { max_idle: Some(seconds(60)), max_age: Some(seconds(600)), max_age_grace: Some(seconds(5)), stall: Some(seconds(30)), ..Lifetime::default() },
            header_table: 100,
            announce_gzip: true,
            ..Config::default()
        };
        let chain = standard(["logging", "recovery", "deadline", "stamp"], Deadline { usual: Some(seconds(20)), longest: None });
        let mut server = Server::new(config).with_interceptors(chain.unwrap());
        let mut now = at(0);
        server.begin(now);
        let mut octets = framescope::http2::preface::MAGIC.to_vec();
        write::settings(&[], &mut octets);
        for (kind, flags, stream, payload, wait) in script {
            match kind {
                // What gets far: a request, a message in gzip, and the end of the other's PING.
                10 => write::headers(StreamId(stream * 2 + 1), &block(&REQUEST), flags & 1 == 1, 16_384, &mut octets),
                11 => write::data(StreamId(stream * 2 + 1), &envelope(&payload, Compression::Gzip), flags & 1 == 1, &mut octets),
                _ => write::frame(FrameType(kind), flags, StreamId(stream), &payload, &mut octets),
            }
            now = now.saturating_add_nanos(wait * wait * wait * 1_000_000);
            server.handle_octets(now, &octets);
            octets.clear();
            server.handle_timeout(now);
            while let Some(event) = server.poll_event() {
                match event {
                    Event::Message { stream, octets } => server.send(stream, &octets),
                    Event::Finished { stream } if stream.0 % 3 == 0 => server.fail(stream, "at fault"),
                    Event::Finished { stream } => server.end(stream, Status::OK, "", Fields::default()),
                    Event::Call { .. } | Event::Cancelled { .. } => {}
                }
            }
            while server.poll_log().is_some() {}
            let mut answer = Vec::new();
            server.poll_transmit(&mut answer);
            frames(&answer);
            prop_assert!(answer.len() < 64 << 10);
            prop_assert!(server.held_bytes() < 512 << 10, "{}", server.held_bytes());
            if let Some(next) = server.poll_timeout() {
                prop_assert!(next > now, "nothing is due twice");
            }
        }
    }
}

#[test]
fn unfinished_messages_of_all_calls_together_are_bounded() {
    let bounds = Bounds { unfinished: 100_000, ..Bounds::default() };
    let mut server = Server::new(Config { estimate: false, initial_window: 1 << 20, bounds, ..Config::default() });
    let mut octets = framescope::http2::preface::MAGIC.to_vec();
    write::settings(&[], &mut octets);
    for n in 0..3 {
        let stream = StreamId(n * 2 + 1);
        write::headers(stream, &block(&REQUEST), false, 16_384, &mut octets);
        write::data(stream, &[0, 0, 0x10, 0, 0], false, &mut octets);
        (0..2).for_each(|_| write::data(stream, &[7; 16_384], false, &mut octets));
    }
    server.handle_octets(at(1), &octets);
    assert!(server.held_bytes() > 90_000);
    let mut octets = Vec::new();
    (0..2).for_each(|_| write::data(StreamId(3), &[7; 16_384], false, &mut octets));
    server.handle_octets(at(2), &octets);
    let mut answer = Vec::new();
    server.poll_transmit(&mut answer);
    let lists = crate::pair::header_lists(&answer);
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0].value(b"grpc-status"), Some(&b"8"[..]));
    let cancelled: Vec<Event> =
        std::iter::from_fn(|| server.poll_event()).filter(|event| matches!(event, Event::Cancelled { .. })).collect();
    assert_eq!(cancelled, [Event::Cancelled { stream: StreamId(3) }]);
}

#[test]
fn the_largest_message_is_what_the_bounds_say() {
    let bounds = Bounds { message: 100, ..Bounds::default() };
    let mut pair = Pair::new(Config::default(), Config { bounds, ..Config::default() });
    pair.call(Compression::Identity, &[7; 101]);
    pair.call(Compression::Gzip, &[7; 101]);
    pair.call(Compression::Gzip, &[7; 100]);
    assert_eq!(envelope(&[7; 101], Compression::Gzip)[0], 1);
    std::iter::from_fn(|| pair.server_event()).for_each(drop);
    pair.exchange();
    let endings: Vec<Status> = pair.endings().into_iter().map(|(status, _)| status).collect();
    assert_eq!(endings, [Status::RESOURCE_EXHAUSTED; 2]);
}
