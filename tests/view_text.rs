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

fn calls(conversation: Conversation) -> String {
    show("made", &conversation.file(), &mut Calls::new(framescope::view::calls::Options::default()))
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
    assert!(line(&calls(make()), "/a.B/C  ").ends_with("/a.B/C  last of 2 statuses"));
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

#[test]
fn a_stream_that_is_reset_inside_the_octets_before_a_message_is_not_malformed() {
    let mut conversation = asked();
    conversation.send(SERVER, &[response(1), frame(0, 0, 1, &[0, 0, 0])].concat());
    conversation.send(CLIENT, &frame(3, 0, 1, &8_u32.to_be_bytes()));
    let shown = text(conversation);
    assert!(!shown.contains("malformed"), "{shown}");
}
