//! Health checking: what is said of a service, and to whom when it changes.

use std::sync::Arc;

use framescope::endpoint::services::ServingStatus;
use framescope::endpoint::{Peer, Stop};
use framescope::grpc::status::Status;

use crate::support::{Pair, ok, services, shop};

const CHECK: &str = "/grpc.health.v1.Health/Check";
const LIST: &str = "/grpc.health.v1.Health/List";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

const SERVING: &[u8] = b"\x08\x01";
const NOT_SERVING: &[u8] = b"\x08\x02";
const SERVICE_UNKNOWN: &[u8] = b"\x08\x03";

const SHOP: &[u8] = b"\x0a\x09shop.Shop";
const NO_SUCH: &[u8] = b"\x0a\x07no.Such";

#[test]
fn the_server_and_each_service_serve_and_others_are_not_found() {
    let mut pair = Pair::new(services(&shop(), &[]));
    for service in [b"", SHOP] {
        let call = pair.call(CHECK, &[], &[service]);
        pair.run(0);
        assert_eq!((pair.messages(call), pair.ended(call)), (vec![SERVING.to_vec()], ok()));
    }
    let call = pair.call(CHECK, &[], &[NO_SUCH]);
    pair.run(0);
    assert_eq!(pair.ended(call), (Status::NOT_FOUND, "unknown service".to_owned()));
    let call = pair.call(CHECK, &[], &[b"\xff"]);
    pair.run(0);
    assert_eq!(pair.ended(call).0, Status::INTERNAL);
}

#[test]
fn all_are_listed() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let call = pair.call(LIST, &[], &[b""]);
    pair.run(0);
    let list = pair.messages(call).concat();
    let entry = b"\x0a\x0f\x0a\x09shop.Shop\x12\x02\x08\x01";
    assert!(list.windows(entry.len()).any(|window| window == entry), "{list:?}");
    assert!(list.starts_with(b"\x0a\x04\x12\x02\x08\x01"), "the server itself: {list:?}");
}

#[test]
fn who_watches_is_told_of_each_change_on_every_connection() {
    let services = Arc::new(services(&shop(), &[]));
    let mut pairs = [Pair::sharing(&services), Pair::sharing(&services)];
    let calls = pairs.each_mut().map(|pair| {
        let calls = [pair.call(WATCH, &[], &[SHOP]), pair.call(WATCH, &[], &[NO_SUCH])];
        pair.run(1);
        calls
    });
    services.set_status("shop.Shop", ServingStatus::NotServing);
    services.set_status("no.Such", ServingStatus::Serving);
    for (pair, [known, unknown]) in pairs.iter_mut().zip(calls) {
        // Something happens on the connection.
        pair.call(CHECK, &[], &[b""]);
        pair.run(1);
        assert_eq!(pair.messages(known), [SERVING, NOT_SERVING]);
        assert_eq!(pair.messages(unknown), [SERVICE_UNKNOWN, SERVING]);
        assert!(pair.ending(known).is_none());
    }
}

#[test]
fn a_server_that_stops_says_so_and_keeps_nobody_waiting() {
    let mut pair = Pair::new(services(&shop(), &[]));
    let watch = pair.call(WATCH, &[], &[SHOP]);
    let call = pair.call("/framescope.Echo/Unary", &[("work-ms", "50")], &[b""]);
    pair.run(1);
    pair.server.stop(pair.now, Stop::Gracefully);
    pair.run(10);
    assert_eq!(pair.messages(watch), [SERVING, NOT_SERVING]);
    assert_eq!(pair.ended(watch), (Status::UNAVAILABLE, "the server is stopping".to_owned()));
    assert!(!pair.server.is_finished(), "a call is under way");
    pair.run(100);
    assert_eq!(pair.ended(call), ok());
    assert!(pair.server.is_finished());
}
