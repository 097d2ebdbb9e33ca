//! Canned answers: what their JSON may say, and when what goes out.

use framescope::endpoint::services::Canned;
use framescope::grpc::status::Status;
use framescope::protobuf::encode::Encoder;

use crate::support::{Pair, ok, services, shop};

const GET: &str = "/shop.Shop/Get";
const LIST: &str = "/shop.Shop/List";
const PUT: &str = "/shop.Shop/Put";
const TALK: &str = "/shop.Shop/Talk";

const A: &[u8] = b"\x0a\x01a";
const B: &[u8] = b"\x0a\x01b";

fn refused(path: &str, json: &str) -> String {
    let schema = shop();
    let error = Canned::parse(&schema, &Encoder::new(&schema), schema.method(path).unwrap(), json).unwrap_err();
    error.to_string()
}

#[test]
fn an_object_is_a_message_and_an_array_is_a_stream_of_them() {
    let mut pair =
        Pair::new(services(&shop(), &[(GET, r#"{"name": "a"}"#), (LIST, r#"[{"name": "a"}, {"name": "b"}]"#)]));
    let (get, list) = (pair.call(GET, &[], &[b""]), pair.call(LIST, &[], &[b""]));
    pair.run(0);
    assert_eq!((pair.messages(get), pair.ended(get)), (vec![A.to_vec()], ok()));
    assert_eq!((pair.messages(list), pair.ended(list)), (vec![A.to_vec(), B.to_vec()], ok()));
    assert_eq!(pair.call(GET, &[], &[b""]).0, 2, "the answer is there for every call");
    pair.run(0);
    assert_eq!(pair.told.iter().filter(|(_, event)| format!("{event:?}").contains("Ended")).count(), 3);
}

#[test]
fn a_status_comes_with_message_details_and_trailers() {
    let json = r#"{
        "$status": "NOT_FOUND", "$message": "not here", "$metadata": {"m": ["1", "2"]}, "$trailers": {"t-bin": "AAE="},
        "$details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"}]
    }"#;
    let mut pair = Pair::new(services(&shop(), &[(GET, json)]));
    let call = pair.call(GET, &[], &[b""]);
    pair.run(0);
    assert_eq!(pair.ended(call), (Status::NOT_FOUND, "not here".to_owned()));
    let headers = pair.headers(call).unwrap();
    let values = headers.0.iter().filter(|(name, _)| name == b"m").map(|(_, value)| value.as_slice());
    assert_eq!(values.collect::<Vec<_>>(), [b"1", b"2"]);
    let trailers = pair.ending(call).unwrap().trailers;
    assert_eq!(trailers.value(b"t-bin"), Some(b"AAE=".as_slice()));
    let schema = shop();
    let canned = Canned::parse(&schema, &Encoder::new(&schema), schema.method(GET).unwrap(), json).unwrap();
    let sent = canned.ending.trailers.value(b"grpc-status-details-bin").unwrap();
    let mut details = Vec::new();
    framescope::grpc::base64::decode_into(sent, &mut details).unwrap();
    assert!(details.starts_with(b"\x08\x05\x12\x08not here\x1a"), "{details:?}");
    assert!(details.ends_with(b"\x0a\x01R"), "{details:?}");
}

#[test]
fn an_error_after_some_messages_ends_a_stream() {
    let json = r#"{"$messages": [{"name": "a"}], "$status": 8}"#;
    let mut pair = Pair::new(services(&shop(), &[(LIST, json)]));
    let call = pair.call(LIST, &[], &[b""]);
    pair.run(0);
    assert_eq!((pair.messages(call), pair.ended(call).0), (vec![A.to_vec()], Status::RESOURCE_EXHAUSTED));
}

#[test]
fn answers_come_after_the_delay_and_at_the_interval() {
    let json = r#"{"$messages": [{"name": "a"}, {"name": "b"}, {"name": "a"}], "$delay_ms": 10, "$interval_ms": 5}"#;
    let mut pair = Pair::new(services(&shop(), &[(LIST, json)]));
    let call = pair.call(LIST, &[], &[b""]);
    pair.run(100);
    assert_eq!(pair.answers(call), [(10, A.to_vec()), (15, B.to_vec()), (20, A.to_vec())]);
    assert_eq!(pair.ended(call), ok());
}

#[test]
fn a_stream_of_requests_is_answered_at_its_end() {
    let mut pair =
        Pair::new(services(&shop(), &[(PUT, r#"{"name": "a"}"#), (TALK, r#"[{"name": "a"}, {"name": "b"}]"#)]));
    let (put, talk) = (pair.open(PUT, &[]), pair.open(TALK, &[]));
    for call in [put, talk] {
        pair.client.send(call, b"");
    }
    pair.run(1);
    assert!(pair.told.is_empty());
    for call in [put, talk] {
        pair.client.finish(call);
    }
    pair.run(1);
    assert_eq!(pair.messages(put), [A]);
    assert_eq!(pair.messages(talk), [A, B]);
}

#[test]
fn each_request_may_have_its_own_answer() {
    let json = r#"{"$messages": [{"name": "a"}, {"name": "b"}], "$each": true, "$status": 1}"#;
    let mut pair = Pair::new(services(&shop(), &[(TALK, json)]));
    let call = pair.open(TALK, &[]);
    for expected in [1, 2, 3] {
        pair.client.send(call, b"");
        pair.run(1);
        assert_eq!(pair.messages(call).len(), expected);
    }
    pair.client.finish(call);
    pair.run(1);
    assert_eq!(pair.messages(call), [A, B, A]);
    assert_eq!(pair.ended(call).0, Status::CANCELLED);
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    for (path, json, said) in [
        (
            GET,
            r#"{"nam": "a"}"#,
            "line 1, column 2: nam: unrecognized field name 'nam'; what fits: fields of shop.Item: name, count",
        ),
        (LIST, "[\n{},\n {\"count\": \"x\"}]", "line 3, column 12: count: "),
        (GET, "[]", "/shop.Shop/Get answers with one message, and here are 0"),
        (GET, "[{}, {}]", "/shop.Shop/Get answers with one message, and here are 2"),
        (GET, "", "no JSON where a message is wanted"),
        (GET, "[{}", "line 1, column 3: EOF while parsing a list"),
        (GET, "{\"$status\": 1", "line 1, column 13: EOF while parsing an object"),
        (GET, r#"{"$stat": 1}"#, "there is no key \"$stat\"; there are $messages, $status,"),
        (GET, r#"{"$status": "NO"}"#, "$status is a number or a name such as \"NOT_FOUND\", not \"NO\""),
        (
            GET,
            r#"{"$status": 5, "name": "a"}"#,
            "\"name\" stands beside keys with $: put the messages into \"$messages\"",
        ),
        (GET, r#"{"$status": 5, "$message": 7}"#, "$message is a text, not 7"),
        (GET, r#"{"$messages": {}}"#, "an array of messages is wanted, not {}"),
        (GET, r#"{"$status": 5, "$metadata": {"A": "x"}}"#, "$metadata: names are of lower-case letters"),
        (GET, r#"{"$status": 5, "$metadata": {"grpc-status": "0"}}"#, "\"grpc-status\" is gRPC's own, not metadata"),
        (GET, r#"{"$status": 5, "$trailers": {"a-bin": "%"}}"#, "the value of \"a-bin\" is not base64"),
        (GET, r#"{"$status": 5, "$trailers": {"a": "ä"}}"#, "the value of \"a\" is not printable ASCII"),
        (GET, r#"{"$status": 5, "$trailers": {"a": 1}}"#, "and \"a\" is 1"),
        (GET, r#"{"$status": 5, "$delay_ms": -1}"#, "$delay_ms is a whole number of milliseconds, not -1"),
        (GET, r#"{"$status": 5, "$delay_ms": 4000000}"#, "$delay_ms is 3600000 at most"),
        (GET, r#"{"$status": 5, "$each": true}"#, "$each is for a method that streams both ways"),
        (GET, r#"{"$status": 5, "$details": [{"@type": "x/no.Such"}]}"#, "message 'no.Such' not found"),
    ] {
        let error = refused(path, json);
        assert!(error.contains(said), "{json}: {error}");
        assert!(!error.contains('\n'), "{json}: {error}");
    }
}
