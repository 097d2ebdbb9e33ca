//! Peers that do what they must not: each is answered with the right code, and none costs more than a bound.

use framescope::endpoint::Peer;
use framescope::endpoint::client::{Client, Request};
use framescope::endpoint::compression::{Compression, envelope};
use framescope::endpoint::connection::Config;
use framescope::endpoint::example::{Example, ROUTE, SEARCH, point, search_request};
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::{Flags, FrameType, StreamId};
use framescope::http2::hpack::Encoder;
use framescope::http2::preface::MAGIC;
use framescope::http2::settings::{Setting, SettingId};
use framescope::http2::write;
use proptest::prelude::*;

use crate::support::{REQUEST, answer, answers, at, block, frames, go_away, kinds, reset, sent, server};

/// A request's HEADERS, the stream left open.
fn headers(stream: u32, out: &mut Vec<u8>) {
    write::headers(StreamId(stream), &block(&REQUEST), false, 16_384, out);
}

fn frame(kind: FrameType, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    answer(|out| write::frame(kind, flags, StreamId(stream), payload, out))
}

#[test]
fn a_connection_ends_with_the_code_of_what_was_wrong() {
    let cases = [
        ("DATA for no stream", frame(FrameType::DATA, 0, 0, b"x"), ErrorCode::PROTOCOL_ERROR),
        ("DATA for an idle stream", frame(FrameType::DATA, 0, 1, b"x"), ErrorCode::PROTOCOL_ERROR),
        (
            "HEADERS on an even stream",
            frame(FrameType::HEADERS, Flags::END_HEADERS, 2, &[0x83]),
            ErrorCode::PROTOCOL_ERROR,
        ),
        ("RST_STREAM of an idle stream", frame(FrameType::RST_STREAM, 0, 1, &[0; 4]), ErrorCode::PROTOCOL_ERROR),
        (
            "WINDOW_UPDATE of an idle stream",
            frame(FrameType::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]),
            ErrorCode::PROTOCOL_ERROR,
        ),
        ("WINDOW_UPDATE by 0", frame(FrameType::WINDOW_UPDATE, 0, 0, &[0; 4]), ErrorCode::PROTOCOL_ERROR),
        (
            "a window beyond 2^31-1",
            frame(FrameType::WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            ErrorCode::FLOW_CONTROL_ERROR,
        ),
        ("PING of 7 octets", frame(FrameType::PING, 0, 0, &[0; 7]), ErrorCode::FRAME_SIZE_ERROR),
        ("PING on a stream", frame(FrameType::PING, 0, 1, &[0; 8]), ErrorCode::PROTOCOL_ERROR),
        ("SETTINGS of 5 octets", frame(FrameType::SETTINGS, 0, 0, &[0; 5]), ErrorCode::FRAME_SIZE_ERROR),
        ("SETTINGS ACK with content", frame(FrameType::SETTINGS, Flags::ACK, 0, &[0; 6]), ErrorCode::FRAME_SIZE_ERROR),
        ("ENABLE_PUSH 2", frame(FrameType::SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]), ErrorCode::PROTOCOL_ERROR),
        (
            "INITIAL_WINDOW_SIZE 2^31",
            frame(FrameType::SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]),
            ErrorCode::FLOW_CONTROL_ERROR,
        ),
        ("MAX_FRAME_SIZE 100", frame(FrameType::SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 100]), ErrorCode::PROTOCOL_ERROR),
        (
            "PUSH_PROMISE of a client",
            frame(FrameType::PUSH_PROMISE, Flags::END_HEADERS, 1, &[0, 0, 0, 2]),
            ErrorCode::PROTOCOL_ERROR,
        ),
        (
            "CONTINUATION of nothing",
            frame(FrameType::CONTINUATION, Flags::END_HEADERS, 1, &[0x83]),
            ErrorCode::PROTOCOL_ERROR,
        ),
        (
            "an index beyond the table",
            frame(FrameType::HEADERS, Flags::END_HEADERS, 1, &[0xfe]),
            ErrorCode::COMPRESSION_ERROR,
        ),
        (
            "padding longer than the frame",
            frame(FrameType::HEADERS, Flags::PADDED | Flags::END_HEADERS, 1, &[9, 0x83]),
            ErrorCode::PROTOCOL_ERROR,
        ),
        ("a frame longer than allowed", frame(FrameType(0xfa), 0, 0, &[0; 16_385]), ErrorCode::FRAME_SIZE_ERROR),
        (
            "a frame inside a header block",
            answer(|out| {
                write::frame(FrameType::HEADERS, 0, StreamId(1), &[0x83], out);
                write::ping([0; 8], false, out);
            }),
            ErrorCode::PROTOCOL_ERROR,
        ),
        (
            "a stream opened out of order",
            answer(|out| {
                headers(3, out);
                write::headers(StreamId(1), &block(&REQUEST), false, 16_384, out);
            }),
            ErrorCode::STREAM_CLOSED,
        ),
    ];
    for (what, answer, code) in cases {
        assert_eq!(go_away(&answer), Some(code), "{what}");
    }
}

#[test]
fn a_stream_ends_with_the_code_of_what_was_wrong_and_the_connection_goes_on() {
    let on_stream = |frame: fn(&mut Vec<u8>)| {
        answer(|out| {
            headers(1, out);
            frame(out);
            write::ping(*b"still on", false, out);
        })
    };
    let malformed = answer(|out| {
        write::headers(StreamId(1), &block(&[(":method", "POST"), (":path", "/")]), true, 16_384, out);
        write::ping(*b"still on", false, out);
    });
    let cases = [
        ("no :scheme", malformed, ErrorCode::PROTOCOL_ERROR),
        ("WINDOW_UPDATE by 0", on_stream(|out| write::window_update(StreamId(1), 0, out)), ErrorCode::PROTOCOL_ERROR),
        (
            "a window beyond 2^31-1",
            on_stream(|out| write::window_update(StreamId(1), 0x7fff_ffff, out)),
            ErrorCode::FLOW_CONTROL_ERROR,
        ),
        (
            "PRIORITY of 4 octets",
            on_stream(|out| write::frame(FrameType::PRIORITY, 0, StreamId(1), &[0; 4], out)),
            ErrorCode::FRAME_SIZE_ERROR,
        ),
        (
            "trailers that do not end",
            on_stream(|out| write::headers(StreamId(1), &[], false, 16_384, out)),
            ErrorCode::PROTOCOL_ERROR,
        ),
        (
            "more DATA than the window of the stream",
            on_stream(|out| {
                write::data(StreamId(1), &[0, 0, 0xff, 0xff, 0xff], false, out);
                (0..4).for_each(|_| write::data(StreamId(1), &[7; 16_384], false, out));
            }),
            ErrorCode::FLOW_CONTROL_ERROR,
        ),
        (
            "DATA after the end",
            on_stream(|out| {
                write::data(StreamId(1), &[0, 0, 0, 0, 0], true, out);
                write::data(StreamId(1), b"more", true, out);
            }),
            ErrorCode::STREAM_CLOSED,
        ),
    ];
    for (what, answer, code) in cases {
        assert_eq!(reset(&answer), Some((1, code)), "{what}");
        assert_eq!(go_away(&answer), None, "{what}");
        assert_eq!(kinds(&answer).last(), Some(&FrameType::PING), "{what}: the PING is answered");
    }
}

#[test]
fn more_data_than_the_window_of_the_connection_ends_it() {
    let mut server = server(Config { max_frame: 100_000, ..Config::default() });
    let mut octets = Vec::new();
    headers(1, &mut octets);
    write::data(StreamId(1), &[0; 65_536], false, &mut octets);
    server.handle_octets(at(1), &octets);
    assert_eq!(go_away(&answers(&mut server)), Some(ErrorCode::FLOW_CONTROL_ERROR));
}

#[test]
fn what_is_not_http2_is_told_so_at_once() {
    let mut server = Example::new(Config::default());
    server.handle_octets(at(0), b"GET / HTTP/1.1\r\n");
    assert_eq!(go_away(&answers(&mut server)), Some(ErrorCode::PROTOCOL_ERROR));
    assert!(server.is_finished());
}

#[test]
fn the_first_frame_must_be_settings() {
    let mut server = Example::new(Config::default());
    let mut octets = MAGIC.to_vec();
    write::ping([0; 8], false, &mut octets);
    server.handle_octets(at(0), &octets);
    assert_eq!(go_away(&answers(&mut server)), Some(ErrorCode::PROTOCOL_ERROR));
}

/// Whether the server gives the peer up with ENHANCE_YOUR_CALM before so many repetitions, its answers unread.
fn is_calmed(repetitions: u32, mut write: impl FnMut(u32, &mut Vec<u8>)) -> bool {
    let mut server = server(Config::default());
    for n in 0..repetitions {
        let mut octets = Vec::new();
        write(n, &mut octets);
        server.handle_octets(at(1), &octets);
        if server.is_finished() {
            return go_away(&answers(&mut server)) == Some(ErrorCode::ENHANCE_YOUR_CALM);
        }
    }
    false
}

#[test]
fn floods_are_given_up() {
    assert!(is_calmed(100_000, |_, out| write::ping([0; 8], false, out)), "PING");
    assert!(is_calmed(100_000, |_, out| write::settings(&[], out)), "SETTINGS");
    let rapid_reset = |n: u32, out: &mut Vec<u8>| {
        headers(n * 2 + 1, out);
        write::rst_stream(StreamId(n * 2 + 1), ErrorCode::CANCEL, out);
    };
    assert!(is_calmed(10_000, rapid_reset), "rapid reset");
    let empty_data = |n: u32, out: &mut Vec<u8>| {
        if n == 0 {
            headers(1, out);
        }
        write::data(StreamId(1), &[], false, out);
    };
    assert!(is_calmed(10_000, empty_data), "empty DATA");
    let continuation = |n: u32, out: &mut Vec<u8>| {
        let kind = if n == 0 { FrameType::HEADERS } else { FrameType::CONTINUATION };
        write::frame(kind, 0, StreamId(1), &[], out);
    };
    assert!(is_calmed(10_000, continuation), "empty CONTINUATION");
    let long_block = |n: u32, out: &mut Vec<u8>| {
        let kind = if n == 0 { FrameType::HEADERS } else { FrameType::CONTINUATION };
        write::frame(kind, 0, StreamId(1), &[0; 1000], out);
    };
    assert!(is_calmed(200, long_block), "a header block without end");
    assert!(is_calmed(10_000, |_, out| write::frame(FrameType(0xfa), 0, StreamId(0), &[], out)), "unknown types");
}

/// As [`is_calmed`], but the answers are read.
fn is_calmed_though_it_reads(repetitions: u32, mut write: impl FnMut(u32, &mut Vec<u8>)) -> bool {
    let mut server = server(Config::default());
    for n in 0..repetitions {
        let mut octets = Vec::new();
        write(n, &mut octets);
        server.handle_octets(at(1), &octets);
        let answers = answers(&mut server);
        if server.is_finished() {
            return go_away(&answers) == Some(ErrorCode::ENHANCE_YOUR_CALM);
        }
    }
    false
}

#[test]
fn floods_are_given_up_though_their_answers_are_read() {
    assert!(is_calmed_though_it_reads(2000, |_, out| write::window_update(StreamId(0), 1, out)), "WINDOW_UPDATE");
    let of_stream = |n: u32, out: &mut Vec<u8>| {
        if n == 0 {
            headers(1, out);
        }
        write::window_update(StreamId(1), 1, out);
    };
    assert!(is_calmed_though_it_reads(2000, of_stream), "WINDOW_UPDATE of a stream");
    assert!(is_calmed_though_it_reads(2000, |_, out| write::ping([0; 8], false, out)), "PING");
    assert!(is_calmed_though_it_reads(2000, |_, out| write::ping([0; 8], true, out)), "PING ACK");
    assert!(is_calmed_though_it_reads(2000, |_, out| write::settings(&[], out)), "SETTINGS");
    assert!(is_calmed_though_it_reads(2000, |_, out| write::settings_ack(out)), "SETTINGS ACK");
    let rapid_reset = |n: u32, out: &mut Vec<u8>| {
        headers(n * 2 + 1, out);
        write::rst_stream(StreamId(n * 2 + 1), ErrorCode::CANCEL, out);
    };
    assert!(is_calmed_though_it_reads(2000, rapid_reset), "rapid reset");
}

#[test]
fn giving_back_what_was_received_in_small_pieces_is_no_flood() {
    let mut server = server(Config::default());
    let answer = "x".repeat(50_000);
    for n in 0..200 {
        let stream = StreamId(n * 2 + 1);
        let mut octets = Vec::new();
        headers(stream.0, &mut octets);
        for piece in envelope(&search_request(&answer), Compression::Identity).chunks(16_384) {
            write::data(stream, piece, false, &mut octets);
        }
        write::data(stream, &[], true, &mut octets);
        server.handle_octets(at(1), &octets);
        for (header, _) in frames(&answers(&mut server)) {
            if header.kind() == FrameType::DATA {
                let mut octets = Vec::new();
                for _ in 0..header.length() / 256 {
                    write::window_update(StreamId(0), 256, &mut octets);
                }
                write::ping([1; 8], false, &mut octets);
                server.handle_octets(at(1), &octets);
            }
        }
        assert!(!server.is_finished(), "round {n}: {:?}", go_away(&answers(&mut server)));
    }
}

#[test]
fn a_client_that_reads_no_answers_has_no_more_calls_than_it_was_granted() {
    let mut server = server(Config::default());
    let nobody = format!("/{}/Method", "\u{7f}".repeat(3000));
    let fields = [(":method", "POST"), (":scheme", "http"), (":path", &nobody), ("content-type", "application/grpc")];
    let block = block(&fields);
    let mut octets = Vec::new();
    for n in 0..10_000 {
        octets.clear();
        write::headers(StreamId(n * 2 + 1), &block, true, 16_384, &mut octets);
        server.handle_octets(at(1), &octets);
        if server.is_finished() {
            break;
        }
    }
    let answer = answers(&mut server);
    assert!(answer.len() < 100 * 10_000 + 20_000, "100 answers of 9 KB, and refusals: {}", answer.len());
    assert_eq!(go_away(&answer), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

#[test]
fn a_window_that_one_frame_sets_many_times_is_the_last_but_none_may_be_too_large() {
    let window = |value| Setting { id: SettingId::INITIAL_WINDOW_SIZE, value };
    for (settings, expected) in [
        (vec![window(0x7fff_ffff), window(3), window(7)], None),
        (vec![window(0x8000_0000), window(7)], Some(ErrorCode::FLOW_CONTROL_ERROR)),
        (vec![window(0x7fff_ffff)], Some(ErrorCode::FLOW_CONTROL_ERROR)),
    ] {
        let mut server = server(Config::default());
        let mut octets = Vec::new();
        let mut two = settings.clone();
        if expected.is_some() && settings.len() == 1 {
            // A stream with one octet more than the setting says.
            headers(1, &mut octets);
            write::window_update(StreamId(1), 1, &mut octets);
            two.push(window(1));
        }
        write::settings(&two, &mut octets);
        headers(3, &mut octets);
        write::data(StreamId(3), &[&[0, 0, 0, 0, 6][..], &search_request("gRPC")].concat(), true, &mut octets);
        server.handle_octets(at(1), &octets);
        server.handle_timeout(at(900));
        let answer = answers(&mut server);
        assert_eq!(go_away(&answer), expected, "{settings:?}");
        if expected.is_none() {
            let data = crate::support::frames(&answer).into_iter().find(|(header, _)| header.kind() == FrameType::DATA);
            assert_eq!(data.map(|(header, _)| header.length()), Some(7));
        }
    }
}

#[test]
fn answers_that_were_fetched_make_room_for_calls() {
    let mut server = server(Config { max_streams: 2, ..Config::default() });
    for n in 0..50 {
        let mut octets = Vec::new();
        for stream in [n * 4 + 1, n * 4 + 3] {
            headers(stream, &mut octets);
            write::data(StreamId(stream), &[&[0, 0, 0, 0, 6][..], &search_request("gRPC")].concat(), true, &mut octets);
        }
        server.handle_octets(at(i64::from(n) * 1000), &octets);
        server.handle_timeout(at(i64::from(n) * 1000 + 900));
        assert_eq!(reset(&answers(&mut server)), None, "round {n}");
    }
}

#[test]
fn cancelling_now_and_then_is_no_flood() {
    let mut server = server(Config::default());
    for n in 0..5000 {
        let mut octets = Vec::new();
        let stream = n * 2 + 1;
        headers(stream, &mut octets);
        if n % 3 == 0 {
            write::rst_stream(StreamId(stream), ErrorCode::CANCEL, &mut octets);
        } else {
            write::data(StreamId(stream), &[&[0, 0, 0, 0, 6][..], &search_request("gRPC")].concat(), true, &mut octets);
        }
        write::window_update(StreamId::CONNECTION, 100, &mut octets);
        server.handle_octets(at(i64::from(n) * 1000), &octets);
        server.handle_timeout(at(i64::from(n) * 1000 + 900));
        assert_eq!(go_away(&answers(&mut server)), None, "call {n}");
    }
}

#[test]
fn a_header_bomb_costs_its_stream_only() {
    let mut octets = Vec::new();
    let mut encoder = Encoder::new();
    let mut block = Vec::new();
    let value = "x".repeat(3000);
    let bomb = std::iter::repeat_n((&b"bomb"[..], value.as_bytes()), 100);
    encoder.encode(REQUEST.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).chain(bomb), &mut block);
    assert!(block.len() < 4000, "small on the wire");
    write::headers(StreamId(1), &block, true, 16_384, &mut octets);
    let answer = answer(|out| out.append(&mut octets));
    assert_eq!(reset(&answer), Some((1, ErrorCode::ENHANCE_YOUR_CALM)));
    assert_eq!(go_away(&answer), None);
}

#[test]
fn a_peer_that_grants_no_window_is_sent_no_data() {
    let mut server = Example::new(Config::default());
    let mut octets = MAGIC.to_vec();
    write::settings(&[Setting { id: SettingId::INITIAL_WINDOW_SIZE, value: 0 }], &mut octets);
    headers(1, &mut octets);
    write::data(StreamId(1), &[&[0, 0, 0, 0, 6][..], &search_request("gRPC")].concat(), true, &mut octets);
    server.handle_octets(at(0), &octets);
    server.handle_timeout(at(1000));
    assert!(!kinds(&answers(&mut server)).contains(&FrameType::DATA));
    let mut more = Vec::new();
    write::window_update(StreamId(1), 5, &mut more);
    server.handle_octets(at(2000), &more);
    let sent = crate::support::frames(&answers(&mut server));
    assert_eq!(
        sent.iter().map(|(header, _)| (header.kind(), header.length())).collect::<Vec<_>>(),
        [(FrameType::DATA, 5)]
    );
}

#[test]
fn a_client_that_does_not_take_its_answers_is_given_no_more_room() {
    let mut server = Example::new(Config { estimate: false, ..Config::default() });
    let mut octets = MAGIC.to_vec();
    // A window of 0, so that every answer waits.
    write::settings(&[Setting { id: SettingId::INITIAL_WINDOW_SIZE, value: 0 }], &mut octets);
    let route = [(":method", "POST"), (":scheme", "http"), (":path", ROUTE), ("content-type", "application/grpc")];
    write::headers(StreamId(1), &block(&route), false, 16_384, &mut octets);
    server.handle_octets(at(0), &octets);
    let request = [&[0, 0, 0, 0, 35][..], &point(&"x".repeat(31), 0)].concat();
    let mut sent = 0;
    while sent < 100_000 {
        let mut octets = Vec::new();
        write::data(StreamId(1), &request, false, &mut octets);
        server.handle_octets(at(1), &octets);
        sent += 1;
        if reset(&answers(&mut server)) == Some((1, ErrorCode::FLOW_CONTROL_ERROR)) {
            break;
        }
    }
    assert!(sent < 10_000, "room was given for {sent} requests");
}

#[test]
fn work_that_piles_up_ends_its_call() {
    let mut server = server(Config::default());
    let mut octets = Vec::new();
    let route = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", ROUTE),
        ("content-type", "application/grpc"),
        ("work-ms", "60000"),
    ];
    write::headers(StreamId(1), &block(&route), false, 16_384, &mut octets);
    write::data(StreamId(1), &[0; 5 * 2000], false, &mut octets);
    server.handle_octets(at(0), &octets);
    assert_eq!(reset(&answers(&mut server)), Some((1, ErrorCode::NO_ERROR)), "the call is over, with trailers");
    assert_eq!(server.poll_timeout(), None, "and nothing is left to do");
}

/// What a client and a server say to each other in a scenario, as octets of either side.
fn conversation() -> [Vec<u8>; 2] {
    let mut client = Client::new(Config::default(), "test");
    let ticket =
        client.call(at(0), Request { path: SEARCH.to_owned(), timeout: Some(5_000_000), ..Request::default() });
    client.send_last(ticket, &search_request("gRPC"));
    let mut to_server = Vec::new();
    client.poll_transmit(&mut to_server);
    let mut server = Example::new(Config::default());
    server.handle_octets(at(1), &to_server);
    server.handle_timeout(at(1000));
    [to_server, answers(&mut server)]
}

fn feed_server(octets: &[u8]) {
    let mut server = Example::new(Config::default());
    for piece in octets.chunks(97) {
        server.handle_octets(at(1), piece);
        server.handle_timeout(at(100));
        let answer = answers(&mut server);
        assert!(answer.len() < 64 << 10);
    }
    server.handle_end(at(200));
}

fn feed_client(octets: &[u8]) {
    let mut client = Client::new(Config::default(), "test");
    let ticket = client.call(at(0), Request { path: SEARCH.to_owned(), ..Request::default() });
    client.send_last(ticket, &search_request("gRPC"));
    for piece in octets.chunks(97) {
        client.handle_octets(at(1), piece);
        while client.poll_event().is_some() {}
        let client = std::cell::RefCell::new(&mut client);
        assert!(sent(|out| client.borrow_mut().poll_transmit(out)).len() < 64 << 10);
    }
    client.handle_end(at(200));
}

proptest! {
    #[test]
    fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..2000)) {
        feed_client(&octets);
        feed_server(&octets);
        let mut begun = MAGIC.to_vec();
        write::settings(&[], &mut begun);
        begun.extend_from_slice(&octets);
        feed_server(&begun);
        feed_client(begun.get(24..).unwrap());
    }

    #[test]
    fn a_conversation_with_octets_turned_is_survived(turns in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let [mut to_server, mut to_client] = conversation();
        for (at, value) in turns {
            let n = at.index(to_server.len());
            to_server[n] = value;
            let n = at.index(to_client.len());
            to_client[n] = value;
        }
        feed_server(&to_server);
        feed_client(&to_client);
    }
}
