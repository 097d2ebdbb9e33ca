//! Rules about header blocks, and about calls.

use super::conversation::{Side, frame, literal, message};
use super::{REQUEST, RESPONSE, TRAILERS, block, finds, finds_nothing, found_in, ready, request, response, trailers};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

/// The rule and the sentence where the client begins a request with these fields.
#[track_caller]
fn asking(fields: &[(&str, &str)], rule: &str, summary: &str) {
    let mut conversation = ready();
    conversation.send(CLIENT, &frame(1, 4, 1, &block(fields)));
    finds(conversation, rule, summary);
}

/// The rule and the sentence where the server answers with these header blocks, the last of which ends the stream.
#[track_caller]
fn answering(blocks: &[&[(&str, &str)]], rule: &str, summary: &str) {
    let mut conversation = ready();
    conversation.send(CLIENT, &[request(1), frame(0, 1, 1, &message(b"q"))].concat());
    for (n, fields) in blocks.iter().enumerate() {
        let ends = u8::from(n + 1 == blocks.len());
        conversation.send(SERVER, &frame(1, 4 | ends, 1, &block(fields)));
    }
    finds(conversation, rule, summary);
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&REQUEST[..], more].concat()
}

#[test]
fn names_of_fields_are_in_lower_case() {
    let said = "the client sends the field `X-Tenant`, whose name is not in lower case";
    asking(&with(&[("X-Tenant", "a")]), "http2/field-name", said);
}

#[test]
fn fields_of_http_1_connections_have_no_place() {
    for name in ["connection", "transfer-encoding", "keep-alive", "upgrade", "proxy-connection"] {
        let said = format!("the client sends the field `{name}`, which HTTP/2 has no place for");
        asking(&with(&[(name, "x")]), "http2/connection-header", &said);
    }
    let fields = [&REQUEST[..3], &[("te", "gzip"), ("content-type", "application/grpc")]].concat();
    asking(&fields, "http2/connection-header", "the client sends te: `gzip`, where only `trailers` may stand");
}

#[test]
fn pseudo_header_fields_stand_once_each_before_the_others_and_where_they_belong() {
    let rule = "http2/pseudo-header";
    asking(&REQUEST[1..], rule, "the client sends a request without :method");
    asking(&with(&[(":authority", "a")]), rule, "the client sends `:authority` after a regular field");
    let twice = [&[(":path", "/a.B/D")], &REQUEST[..]].concat();
    asking(&twice, rule, "the client sends a request with 2 fields :path");
    let odd = [&[(":shape", "round")], &REQUEST[..]].concat();
    asking(&odd, rule, "the client sends a request with an unknown pseudo-header field");
    answering(&[&RESPONSE[1..], &TRAILERS], rule, "the server sends a response without :status");
    let trailers = [&[(":status", "200")], &TRAILERS[..]].concat();
    let said = "the server sends trailers with :status, which does not belong there";
    answering(&[&RESPONSE, &trailers], rule, said);
}

#[test]
fn an_interim_response_is_not_the_response() {
    let mut conversation = ready();
    conversation.send(CLIENT, &[request(1), frame(0, 1, 1, &message(b"q"))].concat());
    conversation.send(SERVER, &frame(1, 4, 1, &block(&[(":status", "103")])));
    conversation.send(SERVER, &[response(1), frame(0, 0, 1, &message(b"a")), trailers(1)].concat());
    finds_nothing(conversation);
}

#[test]
fn a_client_without_te_trailers_is_noted_once_a_connection() {
    let mut conversation = ready();
    let fields = [&REQUEST[..3], &REQUEST[4..]].concat();
    conversation.send(CLIENT, &frame(1, 4, 1, &block(&fields)));
    conversation.send(CLIENT, &frame(1, 4, 3, &block(&fields)));
    let found = found_in(conversation);
    assert_eq!((found.len(), found[0].rule, found[0].call), (1, "grpc/no-te-trailers", Some(0)));
    // What is not gRPC need not say it.
    let mut conversation = ready();
    conversation.send(CLIENT, &frame(1, 5, 1, &block(&[&REQUEST[..3], &[("content-type", "text/plain")]].concat())));
    finds_nothing(conversation);
}

#[test]
fn a_timeout_that_is_none_is_an_error() {
    let said = "the client asks for a deadline of `5x`: grpc-timeout has the unknown unit 'x'";
    asking(&with(&[("grpc-timeout", "5x")]), "grpc/invalid-timeout", said);
}

#[test]
fn a_response_ends_with_one_status_that_is_a_number() {
    answering(&[&RESPONSE, &[("x", "y")]], "grpc/no-status", "the server ends stream 1 without grpc-status");
    let said = "the server ends the call with grpc-status `fine`, which is no number";
    answering(&[&RESPONSE, &[("grpc-status", "fine")]], "grpc/invalid-status", said);
    let said = "the server sends grpc-status `0` and grpc-status `13` in one header block";
    answering(&[&RESPONSE, &[("grpc-status", "0"), ("grpc-status", "13")]], "grpc/several-statuses", said);
}

#[test]
fn what_a_proxy_answers_in_terms_of_http_needs_no_grpc_status() {
    let mut conversation = ready();
    conversation.send(CLIENT, &[request(1), frame(0, 1, 1, &message(b"q"))].concat());
    let fields = block(&[(":status", "502"), ("content-type", "text/html"), ("content-length", "6")]);
    conversation.send(SERVER, &[frame(1, 4, 1, &fields), frame(0, 1, 1, b"<html>")].concat());
    finds_nothing(conversation);
}

#[test]
fn a_stream_that_ends_inside_a_message_is_an_error() {
    let mut conversation = ready();
    conversation.send(CLIENT, &[request(1), frame(0, 1, 1, b"\0\0\0\0\x09abc")].concat());
    let said = "the client ends stream 1 inside request 0, after 3 of its 9 octets";
    finds(conversation, "grpc/message-cut", said);

    let mut conversation = ready();
    conversation.send(CLIENT, &[request(1), frame(0, 1, 1, &message(b"q"))].concat());
    let data = [message(b"a"), b"\0\0".to_vec()].concat();
    conversation.send(SERVER, &[response(1), frame(0, 0, 1, &data), trailers(1)].concat());
    let said = "the server ends stream 1 inside response 1, after 2 of the 5 octets before it";
    finds(conversation, "grpc/message-cut", said);
}

#[test]
fn a_message_is_marked_as_compressed_only_where_its_encoding_is_named() {
    let compressed = b"\x01\0\0\0\x01q";
    let mut conversation = ready();
    conversation.send(CLIENT, &[request(1), frame(0, 1, 1, compressed)].concat());
    let said = "the client marks request 0 as compressed, but its grpc-encoding is not there";
    finds(conversation, "grpc/compressed-without-encoding", said);
    let mut conversation = ready();
    let fields = block(&with(&[("grpc-encoding", "gzip")]));
    conversation.send(CLIENT, &[frame(1, 4, 1, &fields), frame(0, 1, 1, compressed)].concat());
    finds_nothing(conversation);
}

#[test]
fn a_block_of_the_same_octets_is_judged_anew_once_its_indices_mean_something_else() {
    let mut conversation = ready();
    let entry = |name: &[u8], value: &[u8]| [&[0x40][..], &literal(name, value)[1..]].concat();
    let asks = |stream, block: &[u8]| frame(1, 5, stream, &[&[0x83, 0x86, 0x84], block].concat());
    conversation.send(CLIENT, &asks(1, &entry(b"te", b"trailers")));
    for stream in [3, 5, 7] {
        conversation.send(CLIENT, &asks(stream, &[0xbe]));
    }
    // Literals at first, and then by the index that has stood for `te`.
    conversation.send(CLIENT, &asks(9, &entry(b"connection", b"close")));
    conversation.send(CLIENT, &asks(11, &[0xbe]));
    let found: Vec<_> = found_in(conversation).into_iter().map(|found| (found.rule, found.stream)).collect();
    assert_eq!(found, [("http2/connection-header", Some(9)), ("http2/connection-header", Some(11))]);
}
