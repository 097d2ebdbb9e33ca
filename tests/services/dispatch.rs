//! Which methods there are, and what answers one that nobody said anything about.

use framescope::endpoint::example::{LIST, SEARCH, point, search_request};
use framescope::endpoint::services::Services;
use framescope::grpc::status::Status;
use framescope::protobuf::encode::Encoder;
use framescope::protobuf::schema::Schema;

use crate::support::{Pair, ok, schema, services, shop};

#[test]
fn a_method_of_one_type_is_an_echo() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let call = pair.call("/shop.Shop/Same", &[], &[b"\x0a\x01x"]);
    pair.run(0);
    assert_eq!(pair.messages(call), [b"\x0a\x01x"]);
    assert_eq!(pair.ended(call), ok());
}

#[test]
fn a_method_that_nothing_answers_is_unimplemented() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let declared = pair.call("/shop.Shop/Get", &[], &[b""]);
    let method = pair.call("/shop.Shop/Nothing", &[], &[b""]);
    let service = pair.call("/no.Such/Get", &[], &[b""]);
    let path = pair.call("/nonsense", &[], &[b""]);
    pair.run(0);
    for (call, words) in [
        (declared, "method Get not implemented"),
        (method, "unknown method Nothing for service shop.Shop"),
        (service, "unknown service no.Such"),
        (path, "malformed method name: \"/nonsense\""),
    ] {
        assert_eq!(pair.ended(call), (Status::UNIMPLEMENTED, words.to_owned()));
    }
}

#[test]
fn the_built_in_services_are_there_beside_those_of_the_schema() {
    let names: Vec<String> = services(&shop(), &[]).names().map(str::to_owned).collect();
    assert_eq!(
        names,
        [
            "framescope.Echo",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "proto.SearchService",
            "proto.StreamService",
            "shop.Shop",
        ]
    );
    let schema = Schema::builtin();
    let without = Services::new(&schema, &Encoder::new(&schema), false);
    assert!(without.names().all(|name| !name.contains("reflection")));
}

#[test]
fn the_examples_methods_are_answered_as_ever() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let search = pair.call(SEARCH, &[], &[&search_request("gRPC")]);
    let list = pair.call(LIST, &[("work-ms", "10")], &[&point("x", 1)]);
    pair.run(100);
    assert_eq!(pair.messages(search), [search_request("gRPC Server")]);
    let expected: Vec<_> = (1..=7).map(|n| (i64::from(n) * 10, point("x", n))).collect();
    assert_eq!(pair.answers(list), expected);
}

#[test]
fn a_schema_that_means_something_else_by_the_examples_names_is_heeded() {
    let other = schema(&[(
        "search.proto",
        "syntax = \"proto3\"; package proto; message M { int32 n = 1; } service SearchService { rpc Search(M) returns (M); }",
    )]);
    let mut pair = Pair::new(services(&other, &[]));
    let call = pair.call(SEARCH, &[], &[b"\x08\x07"]);
    pair.run(1);
    assert_eq!(pair.messages(call), [b"\x08\x07"]);
}

#[test]
fn a_method_that_takes_one_request_takes_neither_none_nor_two() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let none = pair.call("/shop.Shop/Same", &[], &[]);
    let two = pair.call("/shop.Shop/Same", &[("work-ms", "5")], &[b"", b""]);
    pair.run(10);
    assert_eq!(pair.ended(none), (Status::INTERNAL, "no request where the method takes one".to_owned()));
    assert_eq!(pair.ended(two), (Status::INTERNAL, "a second request where the method takes one".to_owned()));
}

#[test]
fn an_echo_does_what_the_metadata_asks_for() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let metadata = [
        ("echo-count", "3"),
        ("work-ms", "10"),
        ("echo-status", "5"),
        ("echo-message", "enough"),
        ("echo-header-a", "1"),
        ("echo-trailer-b-bin", "AAE"),
    ];
    let stream = pair.call("/framescope.Echo/ServerStream", &metadata, &[b"\x0a\x01x"]);
    let unary = pair.call("/framescope.Echo/Unary", &metadata[2..4], &[b"\x0a\x01x"]);
    let last = pair.call("/framescope.Echo/ClientStream", &[], &[b"\x0a\x01x", b"\x0a\x01y"]);
    let bidi = pair.call("/framescope.Echo/Bidi", &[], &[b"\x0a\x01x", b"\x0a\x01y"]);
    pair.run(50);
    assert_eq!(pair.answers(stream), [10, 20, 30].map(|time| (time, b"\x0a\x01x".to_vec())));
    assert_eq!(pair.ended(stream), (Status::NOT_FOUND, "enough".to_owned()));
    assert_eq!(pair.headers(stream).unwrap().value(b"echo-header-a"), Some(b"1".as_slice()));
    assert_eq!(pair.ending(stream).unwrap().trailers.value(b"echo-trailer-b-bin"), Some(b"AAE".as_slice()));
    assert_eq!(pair.messages(unary), Vec::<Vec<u8>>::new());
    assert_eq!(pair.ended(unary), (Status::NOT_FOUND, "enough".to_owned()));
    assert_eq!(pair.messages(last), [b"\x0a\x01y"]);
    assert_eq!(pair.messages(bidi), [b"\x0a\x01x", b"\x0a\x01y"]);
}
