//! Scenarios of frames as such: long header blocks, header tables, pushes, and every frame there is.

use std::net::SocketAddrV4;

use super::answering::{Answering, Asked, Reply};
use super::caller::{Caller, MILLI, Order, Plan};
use super::fleet::{Actor, Begin, Fleet};
use super::puppet::Puppet;
use super::{Scenario, first, stage_of, without_probes, zoo};
use crate::endpoint::compression::{Compression, envelope};
use crate::endpoint::connection::Config;
use crate::endpoint::example::{Example, search_request};
use crate::endpoint::world::{Backend, Diary, Stage};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::{FrameHeader, FrameType, StreamId};
use crate::http2::hpack::Encoder;
use crate::http2::settings::{Setting, SettingId};
use crate::http2::write;

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "http-error",
        about: "a proxy answers instead of the server: 502 with HTML, and other pages",
        look_for: "None of these answers comes from a gRPC server: there is no grpc-status, and mostly no gRPC \
            content-type. The client must make a status from :status, by the table of gRPC \
            (http-grpc-status-mapping): 502, 503 and 429 become UNAVAILABLE, 404 becomes UNIMPLEMENTED, 401 \
            UNAUTHENTICATED, 403 PERMISSION_DENIED. A page with 200 that is not gRPC is UNKNOWN. The body says what \
            happened, if it is looked at: here it stands in the trace, while a client seldom shows it. The last \
            answer says that it is gRPC and has no status all the same, which is a fault: a finding says so.",
        backends: 1,
        stage: |at| {
            let plans = PAGES.iter().map(|page| Plan::search(page.0)).collect();
            stage_of(at, Config::default(), plans, Order::OneAfterAnother, Backend::new(proxy))
        },
    },
    Scenario {
        name: "big-headers",
        about: "40 KiB of metadata: CONTINUATION; and 80 KiB, which are too many",
        look_for: "A header block is cut into frames of at most SETTINGS_MAX_FRAME_SIZE octets: HEADERS first, then \
            CONTINUATION until END_HEADERS; nothing else may stand between them on the whole connection. END_STREAM, \
            if any, stands on the first. The field list belongs to the frame that ends the block. The second call's \
            list is longer than the server takes, 64 KiB (it might announce that as SETTINGS_MAX_HEADER_LIST_SIZE), \
            and this ends that call only, by RST_STREAM: the block must be decoded all the same, for the table that \
            all later blocks refer to. The third call is well, and its HEADERS take 7 octets.",
        backends: 1,
        stage: |at| {
            let plans = vec![bulky("big", 40), bulky("too big", 80), Plan::search("small")];
            stage_of(
                at,
                Config::default(),
                plans,
                Order::OneAfterAnother,
                Backend::new(|| Example::new(Config::default())),
            )
        },
    },
    Scenario {
        name: "hpack",
        about: "header tables that fill, evict and shrink",
        look_for: "Watch the octets of HEADERS. In the first call every field is spelled out; in the second nearly \
            all are one octet each, for the table has them. Its block begins with a table size update, (table size \
            512): the server's SETTINGS_HEADER_TABLE_SIZE allows no more. Then each call brings a user with a long \
            name, which becomes an entry, until the table is full and the oldest entries must go: those are the ones \
            that every call needs, so one block, of call 5, is suddenly long again. Answers use a table of their own, of 4096 \
            octets, which forgets nothing here. The authorization is spelled out each time: it never enters a table.",
        backends: 1,
        stage: |at| {
            let call =
                |user: &str| Plan::search("gRPC").metadata("x-user", user).metadata("authorization", "Bearer c2VjcmV0");
            let users = (1..=5).map(|n| format!("user-{n}-with-a-name-that-takes-room-in-the-table"));
            let mut plans = vec![call("alice"), call("alice")];
            plans.extend(users.map(|user| call(&user)));
            plans.push(call("alice"));
            let server = Config { header_table: 512, ..without_probes() };
            stage_of(
                at,
                without_probes(),
                plans,
                Order::OneAfterAnother,
                Backend::new(move || Answering::new(server.clone(), named)),
            )
        },
    },
    Scenario {
        name: "push",
        about: "a server that pushes, to one client that allows it and one that does not",
        look_for: "gRPC has no use for server push, and its clients switch it off with ENABLE_PUSH 0. The first \
            client here does not: the server promises stream 2 (PUSH_PROMISE on stream 1, with the request that it \
            answers by itself) and sends the response on it; stream 4 is promised too, and refused with RST_STREAM. \
            The second client, one of gRPC, has said ENABLE_PUSH 0; a PUSH_PROMISE is then a fault of the \
            connection, which ends with GOAWAY PROTOCOL_ERROR.",
        backends: 1,
        stage: push,
    },
    Scenario {
        name: "frame-zoo",
        about: "every frame type, flag, setting, error code, padding, and types that nobody knows",
        look_for: "Nobody sends these frames in a row: both ends are puppets, and the trace shows how each frame \
            reads. Padding counts towards the window but is no content; the deprecated priority fields still stand \
            in frames of some clients; unknown types, settings and flags must be ignored, and are shown; codes that \
            nobody has named are shown as numbers.",
        backends: 1,
        stage: zoo::stage,
    },
];

/// What the proxy answers: the client's request, :status, content-type, body.
const PAGES: [(&str, &str, &str, &str); 8] = [
    ("502", "502", "text/html", "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"),
    ("503", "503", "text/plain", "no healthy upstream"),
    ("404", "404", "", ""),
    ("429", "429", "application/json", "{\"error\":\"slow down\"}"),
    ("401", "401", "text/html", "<html><body>please log in</body></html>"),
    ("403", "403", "text/html", "<html><body>forbidden</body></html>"),
    ("200 and HTML", "200", "text/html", "<html><body>welcome</body></html>"),
    ("200 and no status", "200", "application/grpc", ""),
];

/// Answers the n-th request with the n-th page.
fn proxy() -> Puppet {
    let mut encoder = Encoder::new();
    let mut pages = PAGES.iter();
    Puppet::server(settings(&[]), move |header, _, out| {
        if header.kind() != FrameType::DATA || !header.ends_stream() {
            return;
        }
        let Some((_, status, content_type, body)) = pages.next() else { return };
        let mut fields: Vec<(&[u8], &[u8])> = vec![(b":status", status.as_bytes()), (b"server", b"proxy")];
        if !content_type.is_empty() {
            fields.push((b"content-type", content_type.as_bytes()));
        }
        let mut block = Vec::new();
        encoder.encode(fields, &mut block);
        write::headers(header.stream(), &block, body.is_empty(), FRAME, out);
        if !body.is_empty() {
            write::data(header.stream(), body.as_bytes(), true, out);
        }
    })
}

/// A search with so many KiB of metadata.
fn bulky(text: &str, kib: usize) -> Plan {
    (0..kib / 4).fold(Plan::search(text), |plan, n| {
        // Digits take no less room when they are Huffman-coded than it takes to see what this is.
        plan.metadata(&format!("x-baggage-{n}"), "baggage:".repeat(512))
    })
}

/// Names the user.
fn named(call: &Asked) -> Reply {
    let mut reply = Reply::of([search_request("gRPC Server")]);
    if let Some(user) = call.metadata.value(b"x-user") {
        reply.trailers.push("x-for", user);
    }
    reply
}

fn push(at: &[SocketAddrV4]) -> Stage {
    let diary = Diary::default();
    let address = first(at);
    let mut encoder = Encoder::new();
    let mut request = settings(&[]);
    write::headers(StreamId(1), &zoo::request(&mut encoder, &address.to_string()), false, FRAME, &mut request);
    write::data(StreamId(1), &envelope(&search_request("gRPC"), Compression::Identity), true, &mut request);
    let mut refusal = Vec::new();
    write::rst_stream(StreamId(4), ErrorCode::REFUSED_STREAM, &mut refusal);
    let allows = Puppet::client([(0, request), (100 * MILLI, refusal)], 100 * MILLI);
    let forbids = Caller::new(
        Config::default(),
        address.to_string(),
        vec![Plan::search("gRPC")],
        Order::AllAtOnce,
        diary.clone(),
    );
    let members = [
        (Begin::At(0), address, Actor::Puppet(allows)),
        (Begin::AfterThePrevious, address, Actor::Caller(Box::new(forbids.counting_from(1)))),
    ];
    Stage::new(Fleet::new(members), vec![Backend::new(pushing)], diary)
}

/// Answers a call, and pushes two responses that nobody asked for.
fn pushing() -> Puppet {
    let mut encoder = Encoder::new();
    Puppet::server(settings(&[]), move |header: FrameHeader, _, out: &mut Vec<u8>| {
        if header.kind() != FrameType::DATA || !header.ends_stream() {
            return;
        }
        let stream = header.stream();
        zoo::promise(&mut encoder, stream, StreamId(2), "/style.css", out);
        let mut block = Vec::new();
        encoder.encode([(&b":status"[..], &b"200"[..]), (b"content-type", b"application/grpc")], &mut block);
        write::headers(stream, &block, false, FRAME, out);
        write::data(stream, &envelope(&search_request("gRPC Server"), Compression::Identity), false, out);
        zoo::promise(&mut encoder, stream, StreamId(4), "/script.js", out);
        block.clear();
        encoder.encode([(&b":status"[..], &b"200"[..]), (b"content-type", b"text/css")], &mut block);
        write::headers(StreamId(2), &block, false, FRAME, out);
        write::data(StreamId(2), b"body { color: green }", true, out);
        block.clear();
        encoder.encode([(&b"grpc-status"[..], &b"0"[..])], &mut block);
        write::headers(stream, &block, true, FRAME, out);
    })
}

/// A SETTINGS frame.
pub(super) fn settings(settings: &[(SettingId, u32)]) -> Vec<u8> {
    let settings: Vec<Setting> = settings.iter().map(|(id, value)| Setting { id: *id, value: *value }).collect();
    let mut out = Vec::new();
    write::settings(&settings, &mut out);
    out
}

/// The longest payload before anybody allows more.
pub(super) const FRAME: usize = 16_384;
