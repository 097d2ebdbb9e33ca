//! Scenarios of what travels beside the messages: metadata.

use super::answering::{Answering, Asked, Reply};
use super::caller::{Order, Plan};
use super::{Scenario, stage_of};
use crate::endpoint::connection::Config;
use crate::endpoint::example::search_request;
use crate::endpoint::world::Backend;
use crate::grpc::base64;

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "metadata",
    about: "how metadata travels: both ways, repeated, binary, secret",
    look_for: "Metadata has no frame of its own: it is more fields of the HEADERS frames that are there anyway. The client's goes with \
        the request, the server's first part before its first answer, the last part with grpc-status in the trailers. Names are in lower case; \
        x-tag comes twice, which makes a list; a name that ends in -bin has octets for a value, sent as base64. \
        authorization is sent as never indexed, so that no table keeps the secret and no proxy may put it into one: in the second call it \
        is spelled out again, while the other fields are a single octet each.",
    backends: 1,
    stage: |at| {
        let plans = vec![with_metadata("gRPC"), with_metadata("gRPC again")];
        let backend = Backend::new(|| Answering::new(Config::default(), answer));
        stage_of(at, Config::default(), plans, Order::OneAfterAnother, backend)
    },
}];

fn with_metadata(text: &str) -> Plan {
    Plan::search(text)
        .metadata("authorization", "Bearer c2VjcmV0")
        .metadata("x-user", "alice")
        .metadata("x-tag", "first")
        .metadata("x-tag", "second")
        .metadata("trace-bin", in_base64(&[0x00, 0x01, 0xfe, 0xff, 0x7f, 0x80]))
}

fn answer(call: &Asked) -> Reply {
    let mut reply = Reply::of([search_request(&format!("{} fields of metadata", call.metadata.0.len()))]);
    reply.metadata.push("x-served-by", "backend-1");
    if let Some(user) = call.metadata.value(b"x-user") {
        reply.metadata.push("x-user", user);
    }
    reply.trailers.push("x-cost", "3").push("x-checksum-bin", in_base64(&[0xde, 0xad, 0xbe, 0xef]));
    reply
}

fn in_base64(octets: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    base64::encode_into(octets, &mut text);
    text
}
