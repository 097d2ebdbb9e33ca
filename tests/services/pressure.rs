//! Clients that do not take their answers, or ask for too much: what the server holds for them.

use std::sync::Arc;

use framescope::endpoint::Peer;
use framescope::endpoint::bounds::Bounds;
use framescope::endpoint::client::{Client, Ticket};
use framescope::endpoint::connection::Config;
use framescope::endpoint::services::Serving;
use framescope::endpoint::services::handler::Answers;
use framescope::grpc::status::Status;
use framescope::time::Timestamp;

use crate::support::{Pair, services, shop};

const LIST: &str = "/shop.Shop/List";

fn many(count: usize) -> String {
    let name = "x".repeat(1000);
    let messages: Vec<String> = (0..count).map(|n| format!("{{\"name\": \"{name}\", \"count\": {n}}}")).collect();
    format!("[{}]", messages.join(","))
}

#[test]
fn a_long_stream_is_sent_as_fast_as_the_client_takes_it_and_in_order() {
    let mut pair = Pair::new(services(&shop(), &[(LIST, &many(5000))]));
    let call = pair.call(LIST, &[], &[b""]);
    pair.run(0);
    assert_eq!(pair.messages(call).len(), 5000);
    assert_eq!(pair.ended(call).0, Status::OK);
    let last = pair.messages(call).pop().unwrap();
    assert!(last.ends_with(&[0x10, 0x87, 0x27]), "4999");
}

#[test]
fn answers_that_a_client_does_not_take_are_not_piled_up() {
    let mut pair = Pair::new(services(&shop(), &[(LIST, &many(5000))]));
    // Windows are never given back: what the client says after its request is not heard.
    for _ in 0..50 {
        pair.call(LIST, &[], &[b""]);
    }
    let before = pair.server.held_bytes();
    let mut octets = Vec::new();
    pair.client.poll_transmit(&mut octets);
    pair.server.handle_octets(pair.now, &octets);
    let mut out = Vec::new();
    loop {
        let sent = out.len();
        pair.server.poll_transmit(&mut out);
        if out.len() == sent {
            break;
        }
    }
    assert!(out.len() < 100_000, "{}", out.len());
    let held = pair.server.held_bytes() - before;
    assert!(held < 50 * 200_000, "{held} octets for 50 calls of 5 MB each");
    assert_eq!(pair.server.calls(), 50);
}

#[test]
fn too_many_answers_at_once_are_refused() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let call = pair.open("/framescope.Echo/Bidi", &[("work-ms", "1000"), ("echo-count", "500")]);
    for _ in 0..3 {
        pair.client.send(call, b"\x0a\x01x");
    }
    pair.run(10);
    assert_eq!(pair.ended(call), (Status::RESOURCE_EXHAUSTED, "too many answers are being worked on".to_owned()));
    assert_eq!(pair.server.calls(), 0);
}

#[test]
fn large_answers_that_wait_are_counted() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let call = pair.open("/framescope.Echo/Bidi", &[("work-ms", "60000")]);
    for _ in 0..20 {
        pair.client.send(call, &vec![0; 1 << 20]);
        pair.run(1);
    }
    assert_eq!(pair.ended(call).0, Status::RESOURCE_EXHAUSTED);
    assert!(pair.server.held_bytes() < 4 << 20);
}

#[test]
fn answers_of_all_calls_together_are_bounded() {
    let bounds = Bounds { answers: 4 << 20, ..Bounds::default() };
    let mut pair = Pair::new(services(&shop(), &[]));
    pair.server = Serving::new(Arc::new(services(&shop(), &[])), Config { bounds, ..Config::default() });
    let calls: Vec<Ticket> = (0..60)
        .map(|_| {
            pair.call("/framescope.Echo/ServerStream", &[("work-ms", "1000"), ("echo-count", "100")], &[&[0; 1000]])
        })
        .collect();
    pair.run(10);
    assert!(pair.server.held_bytes() < 6 << 20, "{}", pair.server.held_bytes());
    let refused = calls.iter().filter(|call| pair.ending(**call).is_some()).count();
    assert!((10..30).contains(&refused), "{refused} of 60 calls of 100 KB and more");
    pair.run(200_000);
    for call in calls {
        let status = pair.ended(call).0;
        assert!(matches!(status, Status::OK | Status::RESOURCE_EXHAUSTED), "{status:?}");
    }
}

#[test]
fn more_answers_than_a_call_may_have_are_not_even_made() {
    let (now, mut answers, mut made) = (Timestamp::EPOCH, Answers::default(), 0);
    while !answers.is_full() {
        answers.message(now, vec![0; 1 << 20]);
        made += 1;
    }
    assert!((16..18).contains(&made), "{made} answers of 1 MiB");
    let mut pair = Pair::new(services(&shop(), &[]));
    let call = pair.call("/framescope.Echo/ServerStream", &[("echo-count", "1000")], &[&vec![0; 4 << 20]]);
    pair.run(1);
    assert_eq!(pair.ended(call), (Status::RESOURCE_EXHAUSTED, "too many answers are being worked on".to_owned()));
}

#[test]
fn a_client_that_is_gone_leaves_nothing_behind() {
    let mut pair = Pair::new(services(&shop(), &[]));
    pair.call("/framescope.Echo/Unary", &[("work-ms", "1000")], &[b""]);
    pair.run(1);
    assert_eq!(pair.server.calls(), 1);
    pair.server.handle_end(pair.now);
    assert_eq!(pair.server.calls(), 0);
    assert!(pair.server.poll_timeout().is_none());
    // A new client is none the wiser.
    pair.client = Client::new(Config::default(), "test");
}
