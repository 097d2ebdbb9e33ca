//! Scenarios of what travels beside the messages: metadata.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use super::answering::{Answering, Asked, Reply};
use super::caller::{Caller, Order, Plan};
use super::fleet::{Actor, Begin, Fleet};
use super::{Scenario, stage_of};
use crate::endpoint::connection::Config;
use crate::endpoint::example::search_request;
use crate::endpoint::interceptor::{self, Deadline};
use crate::endpoint::services::{Services, Serving};
use crate::endpoint::world::{Backend, Diary, Stage};
use crate::grpc::base64;

pub(super) const ALL: &[Scenario] = &[METADATA, INTERCEPTORS];

const METADATA: Scenario = Scenario {
    name: "metadata",
    about: "how metadata travels: both ways, repeated, binary, secret",
    look_for: "Metadata has no frame of its own: it is more fields of the HEADERS frames that are there anyway. The \
        client's goes with the request, the server's first part before its first answer, the last part with \
        grpc-status in the trailers. Names are in lower case; x-tag comes twice, which makes a list; a name that \
        ends in -bin has octets for a value, sent as base64. authorization is sent as never indexed, so that no \
        table keeps the secret and no proxy may put it into one: in the second call it is spelled out again, while \
        the other fields are a single octet each. (`-T ndjson` names the representation of each field.)",
    backends: 1,
    stage: |at| {
        let plans = vec![with_metadata("gRPC"), with_metadata("gRPC again")];
        let backend = Backend::new(|| Answering::new(Config::default(), answer));
        stage_of(at, Config::default(), plans, Order::OneAfterAnother, backend)
    },
};

const INTERCEPTORS: Scenario = Scenario {
    name: "interceptors",
    about: "the order of interceptors, made visible in metadata",
    look_for: "An interceptor is code around every call, in client and server. Here one of them, stamp, writes into \
        metadata which ones the call has come to so far. The client's are deadline and stamp: the request has a \
        grpc-timeout that its caller never asked for, and stamp names both. The first server has logging, recovery, \
        deadline, stamp, in this order: a call passes all of them on its way in (stamp in the response's HEADERS), \
        and meets stamp first on its way out (in the trailers), as if each were wrapped around the next. The second \
        server has them the other way round, and so are its stamps. Each server's deadline allows 100 ms at most: the \
        second call wants 500 and ends with DEADLINE_EXCEEDED, by the server, though the client would have waited \
        for 5 s.",
    backends: 2,
    stage: |at| {
        let diary = Diary::default();
        let client = |first: u64, plans: Vec<Plan>, address: &SocketAddrV4| {
            let caller =
                Caller::new(Config::default(), address.to_string(), plans, Order::OneAfterAnother, diary.clone());
            let actor = Actor::Caller(Box::new(caller.counting_from(first)));
            (Begin::AfterThePrevious, SocketAddr::V4(*address), actor)
        };
        let plans = [
            (0, vec![intercepted(Plan::search("in and out")), intercepted(Plan::search("too long").work(500))]),
            (2, vec![intercepted(Plan::search("the other way round"))]),
        ];
        let members: Vec<_> =
            plans.into_iter().zip(at).map(|((n, plans), address)| client(n, plans, address)).collect();
        let backends = ["logging recovery deadline stamp", "stamp deadline recovery logging"];
        let backends = backends.map(|names| Backend::new(move || intercepting(names))).into();
        Stage::new(Fleet::new(members), backends, diary.clone())
    },
};

/// A server with these interceptors.
fn intercepting(names: &str) -> Serving {
    let deadline = Deadline { longest: Some(Duration::from_millis(100)), ..Deadline::default() };
    let chain = interceptor::standard(names.split(' '), deadline).unwrap_or_default();
    Serving::new(Arc::new(Services::example()), Config::default()).with_interceptors(chain)
}

/// A call as the client's interceptors leave it.
fn intercepted(mut plan: Plan) -> Plan {
    let deadline = Deadline { usual: Some(Duration::from_secs(5)), ..Deadline::default() };
    let mut chain = interceptor::standard(["deadline", "stamp"], deadline).unwrap_or_default();
    chain.request(&mut plan.request);
    plan
}

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
