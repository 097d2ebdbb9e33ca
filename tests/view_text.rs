//! The annotated trace of conversations made by hand: what each line says, and what it does not claim.

#[path = "support/conversation.rs"]
mod conversation;
#[path = "support/show.rs"]
mod show;

use conversation::{Conversation, Side, frame, literal, message, request};
use framescope::limits::Limits;
use framescope::protobuf::schema::Schema;
use framescope::view::calls::Calls;
use framescope::view::contents::Contents;
use framescope::view::text::{Options, Text};
use show::show;

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

fn text(conversation: Conversation) -> String {
    text_of(&conversation.file())
}

fn text_of(file: &[u8]) -> String {
    let contents = Contents::new(Schema::builtin(), &Limits::default());
    show("made", file, &mut Text::new(contents, Options::default()))
}

/// The file without the handshake: its header, and what follows three packets of 14 + 40 octets with their record headers.
fn late(conversation: Conversation) -> Vec<u8> {
    let whole = conversation.file();
    [&whole[..24], &whole[24 + 3 * (16 + 54)..]].concat()
}

fn calls(file: &[u8]) -> String {
    show("made", file, &mut Calls::new(framescope::view::calls::Options::default()))
}

/// The one line with these words.
#[track_caller]
fn line<'a>(shown: &'a str, words: &str) -> &'a str {
    let found: Vec<&str> = shown.lines().filter(|line| line.contains(words)).collect();
    assert_eq!(found.len(), 1, "{words:?} in\n{shown}");
    found[0]
}

/// HEADERS that begin the answer of a gRPC server.
fn response(stream: u32) -> Vec<u8> {
    frame(1, 4, stream, &[&[0x88][..], &literal(b"content-type", b"application/grpc")].concat())
}

/// HEADERS that end it.
fn trailers(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes())).collect();
    frame(1, 5, stream, &block)
}

fn asked() -> Conversation {
    let mut conversation = Conversation::new();
    conversation.send(CLIENT, &[request(1, b"/a.B/C"), frame(0, 1, 1, &message(b"q"))].concat());
    conversation
}

#[test]
fn a_status_that_is_said_twice_is_told_with_the_call_and_in_its_row() {
    let make = || {
        let mut conversation = asked();
        conversation.send(SERVER, &response(1));
        conversation.send(SERVER, &trailers(1, &[("grpc-status", "13"), ("grpc-status", "0")]));
        conversation
    };
    let shown = text(make());
    assert!(line(&shown, "call 0 ends").contains(", the last of 2 fields grpc-status"), "{shown}");
    assert!(shown.contains("(grpc/several-statuses, "), "{shown}");
    assert!(line(&calls(&make().file()), "/a.B/C  ").ends_with("/a.B/C  last of 2 statuses"));
}

#[test]
fn a_stream_that_ends_inside_the_octets_before_a_message_is_malformed() {
    let mut conversation = asked();
    conversation.send(SERVER, &[response(1), frame(0, 0, 1, &message(b"a")), frame(0, 0, 1, &[0, 0, 0])].concat());
    conversation.send(SERVER, &trailers(1, &[("grpc-status", "0")]));
    let shown = text(conversation);
    line(&shown, "-- malformed (grpc): the stream ends after 3 of the 5 octets before a message");

    let mut conversation = Conversation::new();
    conversation.send(CLIENT, &[request(1, b"/a.B/C"), frame(0, 1, 1, &[1])].concat());
    let shown = text(conversation);
    line(&shown, "-- malformed (grpc): the stream ends after 1 of the 5 octets before a message");
}

/// An answer whose DATA uses up the first window of its stream and of the connection.
fn full_window(conversation: &mut Conversation) {
    let body = message(&[b'a'; 65_530]);
    let chunks: Vec<&[u8]> = body.chunks(16_384).collect();
    conversation.send(SERVER, &response(1));
    chunks.iter().for_each(|chunk| conversation.send(SERVER, &frame(0, 0, 1, chunk)));
}

fn update(stream: u32, increment: u32) -> Vec<u8> {
    frame(8, 0, stream, &increment.to_be_bytes())
}

fn settings(id: u16, value: u32) -> Vec<u8> {
    frame(4, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

#[test]
fn an_update_says_how_long_the_window_that_it_opens_was_used_up() {
    let mut conversation = asked();
    full_window(&mut conversation);
    conversation.wait(12_390);
    conversation.send(CLIENT, &update(0, 65_535));
    conversation.wait(1_990);
    conversation.send(CLIENT, &update(1, 100));
    conversation.send(CLIENT, &update(1, 65_435));
    let shown = text(conversation);
    line(&shown, "both windows are used up");
    line(&shown, "gives back what the response used, window 65535; it was used up for 12.400 ms");
    line(&shown, "stream window 100; it was used up for 14.400 ms");
    assert_eq!(shown.matches("it was used up").count(), 2, "{shown}");
}

#[test]
fn an_update_says_nothing_of_a_window_that_settings_changed_meanwhile() {
    let mut conversation = asked();
    full_window(&mut conversation);
    // More room, and then less than was used before: how long there was none is not what an onlooker can tell.
    for value in [70_000, 60_000] {
        conversation.send(CLIENT, &settings(4, value));
        conversation.send(SERVER, &frame(4, 1, 0, &[]));
    }
    conversation.send(CLIENT, &update(1, 65_535));
    let shown = text(conversation);
    assert!(shown.contains("stream window 60000\n") && !shown.contains("it was used up"), "{shown}");
}

#[test]
fn an_update_says_nothing_of_a_window_while_settings_that_change_it_are_not_accepted() {
    let mut conversation = asked();
    full_window(&mut conversation);
    conversation.send(CLIENT, &settings(4, 70_000));
    conversation.send(CLIENT, &update(1, 65_535));
    let shown = text(conversation);
    assert!(shown.contains("stream window 70000\n") && !shown.contains("it was used up"), "{shown}");
}

#[test]
fn an_update_says_nothing_of_a_window_whose_octets_were_not_all_captured() {
    let mut conversation = asked();
    full_window(&mut conversation);
    conversation.lose(SERVER, 20);
    conversation.send(CLIENT, &update(0, 65_535));
    conversation.send(SERVER, &frame(6, 0, 0, b"12345678"));
    conversation.send(SERVER, &frame(6, 0, 0, b"12345678"));
    conversation.send(CLIENT, &update(0, 65_535));
    let shown = text(conversation);
    assert!(shown.contains("window unknown"), "{shown}");
    assert!(!shown.contains("it was used up"), "{shown}");
}

/// One call whose request has a header block of 30 000 octets, with metadata that tells its end.
fn long_request(stream: u32) -> Vec<u8> {
    let padding: Vec<u8> = (0..150).flat_map(|n| literal(format!("x-{n}").as_bytes(), &[b'v'; 190])).collect();
    let [_, a, b, c] = u32::try_from(padding.len() + 100).expect("a frame").to_be_bytes();
    assert!(a == 0 && u16::from_be_bytes([b, c]) > 16_384);
    let block = [&request(stream, b"/a.B/Long")[9..], &padding, &literal(b"x-last", b"the end")].concat();
    [frame(1, 4, stream, &block), frame(0, 1, stream, &message(b"q"))].concat()
}

fn send_cut(conversation: &mut Conversation, side: Side, octets: &[u8]) {
    octets.chunks(1400).for_each(|segment| conversation.send(side, segment));
}

#[test]
fn a_long_header_block_is_read_although_the_settings_that_allow_it_were_lost() {
    let mut conversation = Conversation::bare();
    conversation.send(CLIENT, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, &[])].concat());
    conversation.lose(SERVER, frame(4, 0, 0, &[0, 5, 0, 1, 0, 0]).len());
    conversation.send(SERVER, &frame(4, 1, 0, &[]));
    // The client's acknowledgement of these SETTINGS is lost too.
    conversation.lose(CLIENT, 9);
    send_cut(&mut conversation, CLIENT, &long_request(1));
    conversation.send(SERVER, &[response(1), trailers(1, &[("grpc-status", "0")])].concat());
    let shown = text(conversation);
    line(&shown, "call 0 begins: /a.B/Long");
    assert!(shown.contains("x-last the end"), "{shown}");
}

#[test]
fn a_long_header_block_is_read_in_a_connection_met_late() {
    let mut conversation = Conversation::bare();
    send_cut(&mut conversation, CLIENT, &long_request(9));
    conversation.send(SERVER, &[response(9), trailers(9, &[("grpc-status", "0")])].concat());
    let shown = text_of(&late(conversation));
    line(&shown, "call 0 begins: /a.B/Long");
    assert!(shown.contains("x-last the end"), "{shown}");
}

#[test]
fn a_stream_that_is_reset_inside_the_octets_before_a_message_is_not_malformed() {
    let mut conversation = asked();
    conversation.send(SERVER, &[response(1), frame(0, 0, 1, &[0, 0, 0])].concat());
    conversation.send(CLIENT, &frame(3, 0, 1, &8_u32.to_be_bytes()));
    let shown = text(conversation);
    assert!(!shown.contains("malformed"), "{shown}");
}

/// A connection met late: an answer whose fields are these, with DATA, and what ends it.
fn late_answer(block: &[u8], data: &[u8], end: &[u8]) -> Vec<u8> {
    let mut conversation = Conversation::bare();
    conversation.send(SERVER, &frame(6, 0, 0, b"12345678"));
    conversation.send(CLIENT, &frame(6, 1, 0, b"12345678"));
    conversation.send(SERVER, &frame(1, 4, 1, block));
    conversation.send(SERVER, &frame(0, 0, 1, data));
    conversation.send(SERVER, end);
    conversation.send(CLIENT, &frame(6, 0, 0, b"abcdefgh"));
    late(conversation)
}

/// `:status 200`, and a reference to an entry of the table that was not captured.
const UNTOLD: &[u8] = &[0x88, 0xbe];

#[test]
fn an_answer_met_late_that_says_it_is_no_grpc_is_no_call() {
    let block = [&[0x88][..], &literal(b"content-type", b"text/html")].concat();
    let file = late_answer(&block, b"\0\0\0\0\x01a", &trailers(1, &[("x-checksum", "0")]));
    let shown = text_of(&file);
    line(&shown, "response: 200 (not gRPC)");
    line(&shown, "trailers (not gRPC)");
    assert!(shown.contains(" 0 calls, 0 messages"), "{shown}");
    assert!(!calls(&file).contains("perhaps"), "{}", calls(&file));
}

#[test]
fn an_answer_met_late_is_an_exchange_until_its_messages_or_its_status_tell_that_it_is_a_call() {
    let shown = text_of(&late_answer(UNTOLD, &message(b"a"), &trailers(1, &[("grpc-status", "0")])));
    line(&shown, "response begins: 200, of exchange 0, whose request headers were not captured");
    line(&shown, "response 0, 1 octet");
    line(&shown, "call 0 ends: OK (0)");
    let shown = text_of(&late_answer(UNTOLD, &[], &trailers(1, &[("grpc-status", "5")])));
    line(&shown, "call 0 ends: NOT_FOUND (5)");
}

#[test]
fn an_answer_met_late_whose_trailers_have_no_status_is_no_call() {
    let file = late_answer(UNTOLD, &[0, 0, 0, 0, 9, 1], &trailers(1, &[("x-checksum", "0")]));
    let shown = text_of(&file);
    line(&shown, "response begins: 200, of exchange 0");
    line(&shown, "trailers (not gRPC)");
    assert!(shown.contains(" 0 calls, 0 messages"), "{shown}");
}

#[test]
fn an_exchange_of_which_nothing_tells_what_it_is_counts_neither_as_good_nor_as_failed() {
    let file = late_answer(&[0x8d, 0xbe], &[0, 0, 0, 0, 9, 1], &frame(0, 1, 1, &[2]));
    let shown = text_of(&file);
    line(&shown, "response begins: 404, of exchange 0");
    let rows = calls(&file);
    assert!(line(&rows, "HTTP 404").contains("perhaps not gRPC  incomplete"), "{rows}");
    assert!(rows.contains("\n        1        0        1 "), "{rows}");
    assert!(rows.contains("6 frames, 0 messages, 1 call\n"), "{rows}");
}
