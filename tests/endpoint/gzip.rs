//! Messages packed with gzip, one way and the other, and peers that pack them wrongly.

use std::io::Write;

use framescope::endpoint::client;
use framescope::endpoint::compression::{Compression, envelope};
use framescope::endpoint::connection::Config;
use framescope::endpoint::example::SEARCH;
use framescope::endpoint::fields::Fields;
use framescope::endpoint::server::{self, Server};
use framescope::grpc::status::Status;
use framescope::http2::frame::{FrameType, StreamId};
use framescope::http2::preface::MAGIC;
use framescope::http2::write;

use crate::pair::{Pair, header_lists};
use crate::support::{at, frames};

/// The flag before the first message in these octets.
fn flag(octets: &[u8]) -> u8 {
    let sent = frames(octets);
    sent.iter().find(|(header, _)| header.kind() == FrameType::DATA).unwrap().1[0]
}

const LONG: [u8; 10_000] = [b'x'; 10_000];

#[test]
fn both_ways_are_packed_if_both_ends_want_it() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let ticket = pair.call(Compression::Gzip, &LONG);
    assert_eq!(flag(&pair.to_server), 1);
    let request = &header_lists(&pair.to_server)[0];
    assert_eq!(request.value(b"grpc-encoding"), Some(&b"gzip"[..]));
    assert_eq!(request.value(b"grpc-accept-encoding"), Some(&b"gzip,identity"[..]));

    assert!(matches!(pair.server_event(), Some(server::Event::Call { .. })));
    let Some(server::Event::Message { stream, octets }) = pair.server_event() else { panic!("a message") };
    assert_eq!(octets, LONG);
    assert!(pair.server.compress(stream, Compression::Gzip));
    pair.server.send(stream, &LONG);
    pair.server.end(stream, Status::OK, "", Fields::default());
    pair.exchange();
    assert_eq!(flag(&pair.to_client), 1);
    assert_eq!(header_lists(&pair.to_client)[0].value(b"grpc-encoding"), Some(&b"gzip"[..]));
    let events = pair.client_events();
    assert!(events.contains(&client::Event::Message { ticket, octets: LONG.to_vec() }), "{events:?}");
}

#[test]
fn a_server_packs_nothing_for_a_client_that_did_not_say_it_takes_it() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.call(Compression::Identity, &LONG);
    assert!(!header_lists(&pair.to_server)[0].0.iter().any(|(name, _)| name.ends_with(b"encoding")));
    let Some(server::Event::Call { stream, .. }) = pair.server_event() else { panic!("a call") };
    assert!(!pair.server.compress(stream, Compression::Gzip));
    pair.server.send(stream, &LONG);
    pair.exchange();
    assert_eq!(flag(&pair.to_client), 0);
    assert_eq!(header_lists(&pair.to_client)[0].value(b"grpc-encoding"), None);
}

#[test]
fn a_client_that_announces_gzip_is_answered_with_it_though_it_packs_nothing() {
    let announce = Config { announce_gzip: true, ..Config::default() };
    let mut pair = Pair::new(announce.clone(), announce);
    pair.call(Compression::Identity, &LONG);
    assert_eq!(flag(&pair.to_server), 0);
    let Some(server::Event::Call { stream, .. }) = pair.server_event() else { panic!("a call") };
    pair.server.compress(stream, Compression::Gzip);
    pair.server.send(stream, &LONG);
    assert!(pair.server.compress(stream, Compression::Identity), "one message goes as it is");
    pair.server.send(stream, &LONG);
    pair.exchange();
    assert_eq!(flag(&pair.to_client), 1);
    let response = &header_lists(&pair.to_client)[0];
    assert_eq!(response.value(b"grpc-accept-encoding"), Some(&b"gzip,identity"[..]));
    let messages = pair.client_events().into_iter().filter(|event| matches!(event, client::Event::Message { .. }));
    assert_eq!(messages.count(), 2);
}

#[test]
fn a_message_that_does_not_shrink_is_sent_as_it_is() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.call(Compression::Gzip, b"gRPC");
    assert_eq!(flag(&pair.to_server), 0);
    pair.server_event();
    assert!(matches!(pair.server_event(), Some(server::Event::Message { octets, .. }) if octets == b"gRPC"));
}

/// What a server makes of a request with these octets of DATA: its header lists.
fn answers(encoding: Option<&str>, data: &[u8]) -> (Vec<Fields>, Vec<server::Event>) {
    let mut fields = Fields::default();
    fields.push(":method", "POST").push(":scheme", "http").push(":path", SEARCH);
    fields.push("content-type", "application/grpc");
    if let Some(encoding) = encoding {
        fields.push("grpc-encoding", encoding);
    }
    let mut block = Vec::new();
    let list = fields.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    framescope::http2::hpack::Encoder::new().encode(list, &mut block);
    let mut octets = MAGIC.to_vec();
    write::settings(&[], &mut octets);
    write::headers(StreamId(1), &block, false, 16_384, &mut octets);
    write::data(StreamId(1), data, true, &mut octets);
    let mut server = Server::new(Config::default());
    server.handle_octets(at(0), &octets);
    let events = std::iter::from_fn(|| server.poll_event()).collect();
    let mut answer = Vec::new();
    server.poll_transmit(&mut answer);
    (header_lists(&answer), events)
}

fn status(lists: &[Fields]) -> &[u8] {
    lists[0].value(b"grpc-status").unwrap()
}

#[test]
fn an_encoding_that_the_server_does_not_know_is_unimplemented_and_it_says_what_it_knows() {
    let (lists, events) = answers(Some("snappy"), &[0, 0, 0, 0, 0]);
    assert_eq!(status(&lists), b"12");
    assert_eq!(lists[0].value(b"grpc-accept-encoding"), Some(&b"gzip,identity"[..]));
    assert_eq!(events, [], "no handler hears of it");
}

#[test]
fn a_packed_message_without_an_encoding_is_internal() {
    for encoding in [None, Some("identity")] {
        let (lists, _) = answers(encoding, &envelope(&LONG, Compression::Gzip));
        assert_eq!(status(&lists), b"13");
    }
}

#[test]
fn damage_in_a_packed_message_is_internal_and_its_handler_is_told_to_stop() {
    let mut packed = envelope(&LONG, Compression::Gzip);
    let last = packed.len() - 1;
    packed[last] ^= 1;
    let (lists, events) = answers(Some("gzip"), &packed);
    assert_eq!(status(&lists), b"13");
    assert!(matches!(events[..], [server::Event::Call { .. }, server::Event::Cancelled { .. }]), "{events:?}");
}

/// `size` zeros in gzip, a thousandth as long.
fn bomb(size: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; size]).unwrap();
    let packed = encoder.finish().unwrap();
    [&[1][..], &u32::try_from(packed.len()).unwrap().to_be_bytes(), &packed].concat()
}

#[test]
fn a_message_that_unpacks_to_more_than_the_largest_is_refused() {
    let (lists, events) = answers(Some("gzip"), &bomb((4 << 20) + 1));
    assert_eq!(status(&lists), b"8");
    assert!(matches!(events[..], [server::Event::Call { .. }, server::Event::Cancelled { .. }]));
    let (lists, events) = answers(Some("gzip"), &bomb(4 << 20));
    assert_eq!(lists.len(), 0, "the largest is taken");
    assert!(matches!(&events[1], server::Event::Message { octets, .. } if octets.len() == 4 << 20));
}

#[test]
fn answers_that_cannot_be_unpacked_end_the_call_once_and_nothing_follows() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let ticket = pair.call(Compression::Gzip, b"gRPC");
    let mut octets = Vec::new();
    let mut block = Vec::new();
    let response = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")];
    let mut encoder = framescope::http2::hpack::Encoder::new();
    encoder.encode(response.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut block);
    write::headers(StreamId(1), &block, false, 16_384, &mut octets);
    write::data(StreamId(1), &[1, 0, 0, 0, 2, 7, 7], false, &mut octets);
    write::data(StreamId(1), &envelope(b"more", Compression::Identity), false, &mut octets);
    let mut trailers = Vec::new();
    encoder.encode([(&b"grpc-status"[..], &b"0"[..])], &mut trailers);
    write::headers(StreamId(1), &trailers, true, 16_384, &mut octets);
    pair.client.handle_octets(pair.now, &octets);
    let events = pair.client_events();
    assert!(matches!(events[0], client::Event::Begun { .. }));
    let [client::Event::Ended { ticket: ended, ending }] = &events[1..] else { panic!("{events:?}") };
    assert_eq!((*ended, ending.status, ending.from_server), (ticket, Status::INTERNAL, false));
}
