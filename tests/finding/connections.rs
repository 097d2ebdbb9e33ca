//! Rules about the connection: settings, windows, PING, GOAWAY, what stands on stream 0.

use super::conversation::{Conversation, Side, frame, message};
use super::{asks, finds, finds_nothing, found_in, ready, request, response, settings, trailers};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

#[test]
fn settings_outside_their_ranges_are_errors() {
    for (side, name, id, value, range) in [
        (CLIENT, "client", 2, 7, "ENABLE_PUSH 7: 0 and 1 are allowed"),
        (SERVER, "server", 2, 1, "ENABLE_PUSH 1: a server may say only 0"),
        (CLIENT, "client", 4, 0x8000_0000, "INITIAL_WINDOW_SIZE 2147483648: 2147483647 is the most"),
        (SERVER, "server", 5, 16_383, "MAX_FRAME_SIZE 16383: 16384 to 16777215 are allowed"),
        (SERVER, "server", 5, 16_777_216, "MAX_FRAME_SIZE 16777216: 16384 to 16777215 are allowed"),
    ] {
        let mut conversation = ready();
        conversation.send(side, &settings(&[(id, value)]));
        finds(conversation, "http2/settings-value", &format!("the {name} sends SETTINGS with {range}"));
    }
    let mut conversation = ready();
    conversation.send(CLIENT, &settings(&[(2, 0), (4, 0x7fff_ffff), (5, 16_384), (0xfa, 9)]));
    finds_nothing(conversation);
}

#[test]
fn an_acknowledgement_of_settings_or_pings_that_nobody_sent_is_a_warning() {
    let mut conversation = ready();
    conversation.send(CLIENT, &frame(4, 1, 0, &[]));
    let said = "the client acknowledges SETTINGS although all that the server has sent are acknowledged already";
    finds(conversation, "http2/settings-ack-unasked", said);

    let mut conversation = ready();
    conversation.send(CLIENT, &frame(6, 0, 0, b"12345678"));
    conversation.send(SERVER, &frame(6, 1, 0, b"12345679"));
    finds(conversation, "http2/ping-ack-unasked", "the server answers a PING that the client has not sent");
}

#[test]
fn settings_that_were_read_and_never_acknowledged_are_a_warning_when_time_has_passed() {
    let silent = |wait: u32| {
        let mut conversation = Conversation::new();
        conversation.send(CLIENT, &frame(4, 1, 0, &[]));
        conversation.send(CLIENT, &[request(1), frame(0, 1, 1, &message(b"q"))].concat());
        conversation.send(SERVER, &[response(1), frame(0, 0, 1, &message(b"a")), trailers(1)].concat());
        conversation.wait(wait);
        conversation.send(CLIENT, &frame(6, 0, 0, b"12345678"));
        conversation
    };
    let said =
        "the server has read the SETTINGS of the client in packet 4 and not acknowledged them in the 1500 ms since";
    finds(silent(1_500_000), "http2/settings-unanswered", said);
    finds_nothing(silent(100_000));
}

#[test]
fn a_connection_that_does_not_begin_with_settings_is_an_error() {
    let mut conversation = Conversation::bare();
    conversation.send(CLIENT, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(6, 0, 0, b"12345678")].concat());
    conversation.send(SERVER, &frame(4, 0, 0, &[]));
    conversation.send(SERVER, &frame(6, 1, 0, b"12345678"));
    finds(conversation, "http2/preface", "the client begins with PING where SETTINGS must stand");
}

#[test]
fn frames_stand_on_stream_0_or_not_as_their_type_says() {
    let mut conversation = ready();
    conversation.send(SERVER, &frame(6, 0, 3, b"12345678"));
    finds(conversation, "http2/not-on-stream-0", "the server sends PING, which is about the connection, on stream 3");
    let mut conversation = ready();
    conversation.send(CLIENT, &frame(0, 0, 0, b"x"));
    finds(conversation, "http2/on-stream-0", "the client sends DATA on stream 0, which is the connection itself");
    let mut conversation = ready();
    // Types that may stand on either, or that nobody knows.
    for (kind, stream) in [(0xa, 0), (0xc, 0), (0x10, 0), (0xfa, 0), (0xfa, 5)] {
        conversation.send(SERVER, &frame(kind, 0, stream, &[0, 0, 0, 0, 0, 0]));
    }
    finds_nothing(conversation);
}

#[test]
fn a_window_update_of_nothing_is_an_error() {
    let mut conversation = ready();
    conversation.send(CLIENT, &frame(8, 0, 0, &[0; 4]));
    let said = "the client sends WINDOW_UPDATE for the connection that grants 0 octets";
    finds(conversation, "http2/zero-window-update", said);
}

#[test]
fn a_window_beyond_its_greatest_size_is_an_error() {
    let mut conversation = ready();
    conversation.send(SERVER, &frame(8, 0, 0, &0x7fff_0000_u32.to_be_bytes()));
    finds_nothing(conversation);
    let mut conversation = ready();
    conversation.send(SERVER, &frame(8, 0, 0, &0x7fff_0001_u32.to_be_bytes()));
    let said = "the server lets the window of the connection grow to 2147483648 octets, where 2147483647 is the most";
    finds(conversation, "http2/window-overflow", said);
}

/// A request with this many octets of DATA.
fn upload(conversation: &mut Conversation, octets: usize) {
    let mut rest = octets;
    while rest > 0 {
        let size = rest.min(16_000);
        conversation.send(CLIENT, &frame(0, 0, 1, &vec![0; size]));
        rest -= size;
    }
}

#[test]
fn data_beyond_a_window_is_an_error_told_once() {
    let mut conversation = ready();
    conversation.send(SERVER, &frame(8, 0, 0, &1_000_000_u32.to_be_bytes()));
    conversation.send(CLIENT, &request(1));
    upload(&mut conversation, 65_535);
    upload(&mut conversation, 10);
    upload(&mut conversation, 10);
    let said = "the client sends DATA of 10 octets, 10 octets more than the window of stream 1 allows";
    finds(conversation, "http2/window-exceeded", said);

    let mut conversation = ready();
    asks(&mut conversation, SERVER, &[(4, 1_000_000)]);
    conversation.send(CLIENT, &request(1));
    upload(&mut conversation, 65_536);
    let said = "the client sends DATA of 1536 octets, 1 octet more than the window of the connection allows";
    finds(conversation, "http2/window-exceeded", said);
}

#[test]
fn windows_that_were_given_may_be_used_before_the_settings_are_acknowledged() {
    let mut conversation = ready();
    conversation.send(SERVER, &frame(8, 0, 0, &1_000_000_u32.to_be_bytes()));
    conversation.send(SERVER, &settings(&[(4, 100_000)]));
    conversation.send(CLIENT, &request(1));
    upload(&mut conversation, 100_000);
    conversation.send(CLIENT, &frame(4, 1, 0, &[]));
    finds_nothing(conversation);
}

#[test]
fn a_smaller_window_takes_nothing_back_that_was_sent_before_it_was_accepted() {
    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(SERVER, &settings(&[(4, 10)]));
    upload(&mut conversation, 60_000);
    conversation.send(CLIENT, &frame(4, 1, 0, &[]));
    // The window is negative now, which allows the end of the stream.
    conversation.send(CLIENT, &frame(0, 0, 1, &[]));
    finds_nothing(conversation);
}

#[test]
fn a_frame_larger_than_its_receiver_takes_is_an_error() {
    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(CLIENT, &frame(0, 0, 1, &vec![0; 16_385]));
    let said = "the client sends DATA of 16385 octets, where the server takes at most 16384";
    finds(conversation, "http2/frame-too-large", said);

    let mut conversation = ready();
    conversation.send(SERVER, &settings(&[(5, 20_000)]));
    conversation.send(CLIENT, &request(1));
    conversation.send(CLIENT, &frame(0, 0, 1, &vec![0; 20_000]));
    finds_nothing(conversation);
}

#[test]
fn streams_opened_after_the_client_has_read_goaway_are_errors() {
    let go_away = [&1_u32.to_be_bytes()[..], &[0; 4]].concat();
    let mut conversation = ready();
    conversation.send(CLIENT, &request(1));
    conversation.send(SERVER, &[frame(7, 0, 0, &go_away), frame(6, 0, 0, b"goodbye!")].concat());
    // This one may have been under way.
    conversation.send(CLIENT, &request(3));
    conversation.send(CLIENT, &frame(6, 1, 0, b"goodbye!"));
    conversation.send(CLIENT, &request(5));
    conversation.send(CLIENT, &request(7));
    let said = "the client opens stream 5 after the GOAWAY of packet 9 (last stream 1), and after it answered the PING of packet 9, \
                which was sent behind it";
    finds(conversation, "http2/new-stream-after-goaway", said);

    let late = |wait: u32| {
        let mut conversation = ready();
        conversation.send(SERVER, &frame(7, 0, 0, &go_away));
        conversation.wait(wait);
        conversation.send(CLIENT, &request(1));
        conversation
    };
    let said = "the client opens stream 1 after the GOAWAY of packet 8 (last stream 1), 2000 ms after it";
    finds(late(2_000_000), "http2/new-stream-after-goaway", said);
    finds_nothing(late(20_000));
}

#[test]
fn too_many_pings_are_explained() {
    let mut conversation = ready();
    for _ in 0..3 {
        conversation.send(CLIENT, &frame(6, 0, 0, b"ping ???"));
        conversation.send(SERVER, &frame(6, 1, 0, b"ping ???"));
    }
    let go_away = [&0_u32.to_be_bytes()[..], &11_u32.to_be_bytes(), b"too_many_pings"].concat();
    conversation.send(SERVER, &frame(7, 0, 0, &go_away));
    let said = "the server ends the connection (ENHANCE_YOUR_CALM) because the client sends PINGs more often than it allows (3 so far): \
                a longer keepalive time of the client, or a smaller minimum at the server, ends this";
    finds(conversation, "grpc/too-many-pings", said);
}

#[test]
fn a_hundred_requests_reset_at_once_are_a_storm_told_once() {
    let mut conversation = ready();
    for n in 0..150 {
        conversation.send(CLIENT, &[request(2 * n + 1), frame(3, 0, 2 * n + 1, &[0, 0, 0, 8])].concat());
    }
    let found = found_in(conversation);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].summary, "the client has reset 100 streams within 0 ms before they were answered");
    let mut conversation = ready();
    for n in 0..150 {
        conversation.wait(20_000);
        conversation.send(CLIENT, &[request(2 * n + 1), frame(3, 0, 2 * n + 1, &[0, 0, 0, 8])].concat());
    }
    finds_nothing(conversation);
}
