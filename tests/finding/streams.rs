//! Rules about streams: who opens them, in which order, and what may come on them when.

use super::conversation::{Side, frame, message};
use super::{
    REQUEST, RESPONSE, TRAILERS, asks, block, finds, finds_nothing, found_in, ready, request, response, trailers,
};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

#[test]
fn a_client_promises_nothing_and_a_server_only_what_it_may() {
    let promise = |stream: u32| [&stream.to_be_bytes()[..], &block(&REQUEST)].concat();
    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(CLIENT, &frame(5, 4, 1, &promise(2)));
    let said = "the client sends PUSH_PROMISE for stream 2, which only a server may";
    finds(conversation, "http2/client-push", said);

    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(SERVER, &frame(5, 4, 1, &promise(2)));
    conversation.send(SERVER, &frame(1, 5, 2, &block(&RESPONSE)));
    finds_nothing(conversation);

    let mut conversation = ready();
    asks(&mut conversation, CLIENT, &[(2, 0)]);
    conversation.send(CLIENT, &request(1));
    conversation.send(SERVER, &frame(5, 4, 1, &promise(2)));
    let said = "the server promises stream 2 although it has acknowledged ENABLE_PUSH 0 of the client";
    finds(conversation, "http2/push-disabled", said);

    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(SERVER, &frame(5, 4, 1, &promise(7)));
    let said = "the server promises stream 7, where it must be even and above 0";
    finds(conversation, "http2/stream-id", said);
}

#[test]
fn clients_open_odd_streams_in_rising_order() {
    let mut conversation = ready();
    conversation.send(CLIENT, &request(2));
    finds(conversation, "http2/stream-id", "the client opens stream 2, where clients open odd ones");
    let mut conversation = ready();
    conversation.send(CLIENT, &request(5));
    conversation.send(CLIENT, &request(3));
    finds(conversation, "http2/stream-id", "the client opens stream 3 after stream 5");
}

#[test]
fn a_side_that_has_ended_a_stream_sends_nothing_more_on_it() {
    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(CLIENT, &frame(0, 1, 1, &message(b"q")));
    conversation.send(CLIENT, &frame(0, 0, 1, &message(b"q")));
    conversation.send(CLIENT, &frame(0, 0, 1, &message(b"q")));
    let said = "the client sends DATA on stream 1 after it has ended it with END_STREAM";
    finds(conversation, "http2/closed-stream", said);

    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(CLIENT, &frame(3, 0, 1, &[0, 0, 0, 8]));
    conversation.send(CLIENT, &frame(0, 0, 1, &message(b"q")));
    let said = "the client sends DATA on stream 1 after it has ended it with RST_STREAM";
    finds(conversation, "http2/closed-stream", said);

    let mut conversation = ready();
    conversation.send(CLIENT, &[request(1), frame(0, 1, 1, &message(b"q"))].concat());
    conversation.send(SERVER, &[response(1), trailers(1), trailers(1)].concat());
    let said = "the server sends HEADERS on stream 1 after it has ended it with END_STREAM";
    finds(conversation, "http2/closed-stream", said);
}

#[test]
fn what_crosses_a_reset_on_its_way_is_nobodys_fault() {
    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(SERVER, &frame(3, 0, 1, &[0, 0, 0, 8]));
    conversation.send(CLIENT, &frame(0, 1, 1, &message(b"q")));
    conversation.send(CLIENT, &request(3));
    conversation.send(CLIENT, &frame(3, 0, 3, &[0, 0, 0, 8]));
    conversation.send(SERVER, &[response(3), frame(0, 0, 3, &message(b"a")), trailers(3)].concat());
    conversation.send(SERVER, &frame(8, 0, 3, &[0, 0, 0, 9]));
    finds_nothing(conversation);
}

#[test]
fn frames_on_a_stream_that_nobody_opened_are_errors() {
    for (side, name, kind, octets) in [
        (CLIENT, "client", "DATA", frame(0, 0, 9, b"x")),
        (SERVER, "server", "HEADERS", response(9)),
        (CLIENT, "client", "RST_STREAM", frame(3, 0, 9, &[0, 0, 0, 8])),
        (SERVER, "server", "WINDOW_UPDATE", frame(8, 0, 9, &[0, 0, 0, 9])),
    ] {
        let mut conversation = ready();
        conversation.send(side, &octets);
        let said = format!("the {name} sends {kind} on stream 9, which nobody has opened");
        finds(conversation, "http2/idle-stream", &said);
    }
    let mut conversation = ready();
    conversation.send(CLIENT, &frame(2, 0, 9, &[0, 0, 0, 0, 9]));
    finds_nothing(conversation);
}

#[test]
fn more_streams_at_once_than_the_server_allows_are_an_error_told_once() {
    let mut conversation = ready();
    asks(&mut conversation, SERVER, &[(3, 2)]);
    for stream in [1, 3, 5, 7] {
        conversation.send(CLIENT, &request(stream));
    }
    let said = "the client opens stream 5, which makes 3 at once, where the server allows 2";
    finds(conversation, "http2/too-many-streams", said);

    let mut conversation = ready();
    // Sent and not yet accepted: the client may not have read it.
    conversation.send(SERVER, &super::settings(&[(3, 1)]));
    for stream in [1, 3] {
        conversation.send(CLIENT, &request(stream));
    }
    conversation.send(CLIENT, &frame(4, 1, 0, &[]));
    conversation.send(CLIENT, &frame(3, 0, 1, &[0, 0, 0, 8]));
    conversation.send(CLIENT, &frame(3, 0, 3, &[0, 0, 0, 8]));
    conversation.send(CLIENT, &request(5));
    finds_nothing(conversation);
}

#[test]
fn a_header_block_is_not_interrupted_and_not_continued_out_of_place() {
    let mut conversation = ready();
    conversation.send(CLIENT, &[frame(1, 0, 1, &block(&REQUEST)), frame(6, 0, 0, b"12345678")].concat());
    let found = found_in(conversation);
    assert_eq!(found[0].summary, "the client sends another frame before its header block has ended");
    assert_eq!((found.len(), found[0].rule), (1, "http2/header-block-interrupted"));

    let mut conversation = ready();
    conversation.send(CLIENT, &[request(1), frame(9, 4, 1, &[])].concat());
    let found = found_in(conversation);
    assert_eq!(found[0].summary, "the client sends CONTINUATION without a header block to continue");
    assert_eq!((found.len(), found[0].rule), (1, "http2/continuation-out-of-place"));

    let mut conversation = ready();
    let (first, rest) = (block(&REQUEST[..2]), block(&REQUEST[2..]));
    conversation.send(CLIENT, &[frame(1, 0, 1, &first), frame(9, 4, 1, &rest)].concat());
    conversation.send(CLIENT, &frame(0, 1, 1, &message(b"q")));
    finds_nothing(conversation);
}

#[test]
fn data_stands_between_headers_and_trailers() {
    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(SERVER, &[frame(0, 0, 1, &[]), response(1), trailers(1)].concat());
    finds(conversation, "http2/data-out-of-place", "the server sends DATA on stream 1 before HEADERS");

    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    let open_trailers = frame(1, 4, 1, &block(&TRAILERS));
    conversation.send(SERVER, &[response(1), open_trailers, frame(0, 1, 1, &message(b"a"))].concat());
    let found = found_in(conversation);
    let said: Vec<&str> = found.iter().map(|one| one.summary.as_str()).collect();
    let wanted = [
        "the server sends trailers on stream 1 without END_STREAM",
        "the server sends DATA on stream 1 after its trailers",
    ];
    assert_eq!(said, wanted);
}

#[test]
fn content_is_as_long_as_it_is_said_to_be() {
    let long = block(&[&REQUEST[..], &[("content-length", "7")]].concat());
    let mut conversation = ready();
    conversation.send(CLIENT, &[frame(1, 4, 1, &long), frame(0, 1, 1, &message(b"q"))].concat());
    let said = "the client sends content-length 7 and 6 octets of content on stream 1";
    finds(conversation, "http2/content-length", said);
    let mut conversation = ready();
    conversation.send(CLIENT, &[frame(1, 4, 1, &long), frame(0, 1, 1, &message(b"qq"))].concat());
    finds_nothing(conversation);
}
