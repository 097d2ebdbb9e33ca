//! Header tables that grow and shrink while a connection goes on, and what never enters them (RFC 7541 §4.2, §7.1.3).

use framescope::endpoint::client::Request;
use framescope::endpoint::compression::Compression;
use framescope::endpoint::connection::Config;
use framescope::endpoint::fields::Fields;
use framescope::grpc::status::Status;
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::{Flags, FrameType, StreamId};
use framescope::http2::preface::MAGIC;
use framescope::http2::settings::{Setting, SettingId};
use framescope::http2::write;

use crate::pair::{Pair, header_lists};
use crate::support::{answers, at, frames, go_away, server};

/// The last header block in these octets.
fn last_block(octets: &[u8]) -> Vec<u8> {
    let mut blocks = frames(octets).into_iter().filter(|(header, _)| header.kind() == FrameType::HEADERS);
    blocks.next_back().unwrap().1
}

fn table_sizes(octets: &[u8]) -> Vec<u32> {
    let settings = frames(octets).into_iter().filter(|(header, _)| header.kind() == FrameType::SETTINGS);
    let entries = settings.flat_map(|(_, payload)| payload.chunks(6).map(<[u8]>::to_vec).collect::<Vec<_>>());
    let sizes = entries.filter(|entry| entry[..2] == [0, 1]);
    sizes.map(|entry| u32::from_be_bytes(entry[2..].try_into().unwrap())).collect()
}

#[test]
fn the_size_that_is_granted_is_told_and_used_by_a_peer_that_wants_it() {
    let server = Config { header_table: 16_384, ..Config::default() };
    let client = Config { own_header_table: 8192, ..Config::default() };
    let mut pair = Pair::new(client, server);
    pair.exchange();
    assert_eq!(table_sizes(&pair.to_client), [16_384]);
    pair.call(Compression::Identity, b"x");
    // 8192: 0x3f, then 8192 - 31 in groups of seven bits.
    assert_eq!(last_block(&pair.to_server)[..3], [0x3f, 0xe1, 0x3f]);
    pair.answer(1);
    pair.call(Compression::Identity, b"x");
    assert!(last_block(&pair.to_server)[0] & 0x80 != 0, "no update without a change");
    pair.answer(3);
    assert_eq!(pair.endings().len(), 2);
}

#[test]
fn a_table_that_shrinks_and_grows_between_two_blocks_is_told_as_the_smallest_and_the_final_size() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.call(Compression::Identity, b"x");
    pair.answer(1);
    pair.server.resize_header_table(64);
    pair.server.resize_header_table(0);
    pair.server.resize_header_table(2048);
    pair.exchange();
    assert_eq!(table_sizes(&pair.to_client), [64, 0, 2048]);
    pair.call(Compression::Identity, b"x");
    // 0, then 2048.
    assert_eq!(last_block(&pair.to_server)[..4], [0x20, 0x3f, 0xe1, 0x0f]);
    pair.answer(3);
    assert_eq!(pair.endings(), [(Status::OK, String::new()), (Status::OK, String::new())]);
}

#[test]
fn an_endpoint_may_shrink_its_own_table_unasked() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.call(Compression::Identity, b"x");
    pair.answer(1);
    pair.server.resize_own_header_table(0);
    pair.call(Compression::Identity, b"x");
    pair.answer(3);
    assert_eq!(header_lists(&pair.to_client).len(), 4);
    let first = frames(&pair.to_client).into_iter().filter(|(header, _)| header.kind() == FrameType::HEADERS).nth(2);
    assert_eq!(first.unwrap().1[0], 0x20);
    assert_eq!(pair.endings().len(), 2);
}

#[test]
fn a_peer_that_ignores_a_smaller_table_or_takes_a_larger_one_ends_the_connection() {
    let request = [0x83, 0x86, 0x44, 0x02, b'/', b'm'];
    let after_ack = |block: &[u8]| {
        let mut server = crate::support::server(Config { header_table: 100, ..Config::default() });
        let mut octets = Vec::new();
        write::headers(StreamId(1), block, false, 16_384, &mut octets);
        server.handle_octets(at(1), &octets);
        go_away(&answers(&mut server))
    };
    use framescope::endpoint::Peer;
    assert_eq!(after_ack(&request), Some(ErrorCode::COMPRESSION_ERROR), "no update at all");
    let with = |update: &[u8]| [update, &request].concat();
    assert_eq!(after_ack(&with(&[0x3f, 0xe1, 0x1f])), Some(ErrorCode::COMPRESSION_ERROR), "4096");
    assert_eq!(after_ack(&with(&[0x3f, 0x45])), None, "100");
}

#[test]
fn until_the_peer_acknowledges_a_smaller_table_it_may_use_the_old_one() {
    use framescope::endpoint::Peer;
    let mut server = framescope::endpoint::example::Example::new(Config { header_table: 0, ..Config::default() });
    let mut octets = MAGIC.to_vec();
    write::settings(&[], &mut octets);
    write::headers(StreamId(1), &[0x83, 0x86, 0x44, 0x02, b'/', b'm'], false, 16_384, &mut octets);
    server.handle_octets(at(1), &octets);
    assert_eq!(go_away(&answers(&mut server)), None);
}

#[test]
fn secrets_are_marked_as_never_to_be_indexed_by_the_names_that_are_given() {
    let config = Config { sensitive: vec!["x-api-key".to_owned()], ..Config::default() };
    let mut pair = Pair::new(config, Config::default());
    let mut metadata = Fields::default();
    metadata.push("authorization", "Bearer 1").push("x-api-key", "secret").push("x-plain", "plain");
    pair.client.call(pair.now, Request { path: "/s/m".to_owned(), metadata, ..Request::default() });
    pair.exchange();
    let block = last_block(&pair.to_server);
    let mut decoder = framescope::http2::hpack::Decoder::new(
        framescope::http2::hpack::Start::Known,
        framescope::http2::hpack::Limits::default(),
    );
    let mut scratch = framescope::http2::hpack::Scratch::new();
    let shown: Vec<(Vec<u8>, String)> = decoder
        .decode(&block, &mut scratch)
        .fields()
        .map(|field| (field.name().unwrap().to_vec(), format!("{:?}", field.representation())))
        .collect();
    let how = |name: &str| &shown.iter().find(|(known, _)| known == name.as_bytes()).unwrap().1;
    assert!(how("authorization").contains("Never"), "{shown:?}");
    assert!(how("x-api-key").contains("Never"), "{shown:?}");
    assert!(!how("x-plain").contains("Never"), "{shown:?}");
}

#[test]
fn header_blocks_longer_than_a_frame_go_on_in_continuations_both_ways() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let mut metadata = Fields::default();
    (0..20).for_each(|n| {
        // Random enough that Huffman makes it no shorter.
        metadata.push(format!("x-{n}"), "~|^`".repeat(500));
    });
    pair.client.call(pair.now, Request { path: "/s/m".to_owned(), metadata: metadata.clone(), ..Request::default() });
    pair.exchange();
    let Some(framescope::endpoint::server::Event::Call { metadata: received, .. }) = pair.server_event() else {
        panic!("a call")
    };
    assert_eq!(received, metadata);
    pair.server.end(StreamId(1), Status::OK, "", metadata.clone());
    pair.exchange();
    let ending = pair.client_events().pop();
    assert!(
        matches!(ending, Some(framescope::endpoint::client::Event::Ended { ending, .. }) if ending.trailers == metadata)
    );
    for octets in [&pair.to_server, &pair.to_client] {
        let kinds: Vec<(FrameType, bool)> = frames(octets)
            .iter()
            .filter(|(header, _)| [FrameType::HEADERS, FrameType::CONTINUATION].contains(&header.kind()))
            .map(|(header, _)| (header.kind(), header.flags().has(Flags::END_HEADERS)))
            .collect();
        assert_eq!(
            kinds,
            [(FrameType::HEADERS, false), (FrameType::CONTINUATION, false), (FrameType::CONTINUATION, true)]
        );
    }
}

#[test]
fn a_header_list_larger_than_the_peer_takes_is_not_sent() {
    let small = Config { max_header_list: 1000, ..Config::default() };
    let long = || {
        let mut fields = Fields::default();
        fields.push("x-long", "x".repeat(2000)).clone()
    };
    // A client's request.
    let mut pair = Pair::new(Config::default(), small.clone());
    pair.exchange();
    pair.logged();
    pair.client.call(pair.now, Request { path: "/s/m".to_owned(), metadata: long(), ..Request::default() });
    pair.exchange();
    let words = "the call's header list is larger than the server takes";
    assert_eq!(pair.endings(), [(Status::INTERNAL, words.to_owned())]);
    assert_eq!(pair.logged(), [""; 0]);

    // A server's response and trailers.
    let mut pair = Pair::new(small, Config::default());
    pair.call(Compression::Identity, b"x");
    pair.server.respond(StreamId(1), long());
    pair.exchange();
    assert_eq!(pair.endings()[0].0, Status::INTERNAL);
    pair.call(Compression::Identity, b"x");
    pair.server.end(StreamId(3), Status::NOT_FOUND, "no", long());
    pair.exchange();
    let words = "the trailers are larger than the client takes";
    assert_eq!(pair.endings(), [(Status::RESOURCE_EXHAUSTED, words.to_owned())]);
}

#[test]
fn settings_that_nobody_knows_are_acknowledged_and_ignored() {
    use framescope::endpoint::Peer;
    let mut server = server(Config::default());
    let mut octets = Vec::new();
    write::settings(&[Setting { id: SettingId(0xfa), value: 7 }], &mut octets);
    server.handle_octets(at(1), &octets);
    let sent = frames(&answers(&mut server));
    assert_eq!(sent.len(), 1);
    assert!(sent[0].0.kind() == FrameType::SETTINGS && sent[0].0.is_ack());
}
