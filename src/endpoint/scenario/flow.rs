//! Scenarios of messages, frames and windows: how much travels at once, and who waits for whom.

use super::answering::{Answering, Asked, Reply};
use super::caller::{Manner, Order, Plan};
use super::{Scenario, one_client, stage_of};
use crate::endpoint::compression::Compression;
use crate::endpoint::connection::Config;
use crate::endpoint::example::{Example, LIST, RECORD, point};
use crate::endpoint::world::{Backend, Cue, Moment};

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "compression",
        about: "gzip both ways, once where it helps and once where it does not",
        look_for: "grpc-encoding says how messages of this direction may be packed, grpc-accept-encoding what the \
            sender takes itself. Whether a message is packed is told by the first octet of its envelope: the long \
            text is (flag 1), in less than a hundredth of its size; the short one is sent as it is (flag 0), for \
            gzip would make it longer, though its call says grpc-encoding as well. Header fields are not touched by \
            this: they have HPACK.",
        backends: 1,
        stage: |at| {
            let config = Config { announce_gzip: true, ..Config::default() };
            let mut plans = vec![Plan::search(&"gRPC ".repeat(2000)), Plan::search("gRPC")];
            for plan in &mut plans {
                plan.request.compression = Compression::Gzip;
            }
            let answer =
                |call: &Asked| Reply { compression: Compression::Gzip, ..Reply::of(call.messages.first().cloned()) };
            let server = config.clone();
            let backend = Backend::new(move || Answering::new(server.clone(), answer));
            stage_of(at, config, plans, Order::OneAfterAnother, backend)
        },
    },
    Scenario {
        name: "large-message",
        about: "one message of 256 KiB each way: many DATA frames and WINDOW_UPDATEs",
        look_for: "A message has no frame of its own either: it is cut into DATA frames of at most 16384 octets, the \
            peer's SETTINGS_MAX_FRAME_SIZE, and its end is known from the length in its envelope alone. After 65535 \
            octets, the window that every stream and every connection begins with, the sender waits for \
            WINDOW_UPDATE. Each time the receiver's bandwidth probe finds that the path held most of a window in one \
            round trip it makes the windows larger, by SETTINGS for the streams and WINDOW_UPDATE for the \
            connection, and the sender waits less often. The answer begins with small windows again: each direction \
            has its own, and each receiver learns for itself.",
        backends: 1,
        stage: |at| one_client(at, vec![Plan::search(&"0123456789abcdef".repeat(16 << 10))], Order::OneAfterAnother),
    },
    Scenario {
        name: "small-messages",
        about: "twelve messages in one DATA frame",
        look_for: "Messages and DATA frames have nothing to do with each other: the client puts twelve requests \
            into one frame, each with its envelope of five octets, and ends its half with the same frame. In the \
            second call the answers come twelve to a frame. Who counts DATA frames does not count messages (and see \
            `large-message` for the opposite).",
        backends: 1,
        stage: |at| {
            let messages = (0..12).map(|n| point("small", n));
            let plans =
                vec![Plan::new(RECORD, messages).manner(Manner::Together), Plan::new(LIST, [point("small", 0)])];
            let answer = |call: &Asked| {
                let answers = if call.path == LIST { 12 } else { 1 };
                Reply::of((0..answers).map(|n| point("small", n)))
            };
            stage_of(
                at,
                Config::default(),
                plans,
                Order::OneAfterAnother,
                Backend::new(move || Answering::new(Config::default(), answer)),
            )
        },
    },
    Scenario {
        name: "stall",
        about: "a reader that does not read: which window is used up, and for how long",
        look_for: "The reader of the first call asks for six answers of 16 KiB and takes none for 50 ms. What \
            comes uses up the window of its stream and that of the connection, 65535 octets each. The connection's is \
            given back at once, for it does not depend on any reader: so the second call, on the same connection, \
            has its answer while the first waits. The stream's is not, and the server must wait in the middle of an \
            answer. Look for the DATA frame after which both windows are used up, and for the WINDOW_UPDATE of \
            stream 1 that ends the wait some 50 ms later, when the reader reads: so much was the reader's doing, and none \
            of it the network's or the server's.",
        backends: 1,
        stage: |at| {
            // Windows that grow would only put the end off.
            let config = Config { estimate: false, ..Config::default() };
            let slow = Plan::new(LIST, [point("slow", 1)]).manner(Manner::Stalling(Cue::after(Moment::Ended(1), 30)));
            let plans = vec![slow, Plan::search("meanwhile").after(Moment::WindowFilled, 20)];
            let answer = |call: &Asked| match &*call.path {
                LIST => Reply::of((0..6).map(|n| point(&"x".repeat(16_368), n))),
                _ => Reply::of(call.messages.first().cloned()),
            };
            let backend = Backend::new(move || Answering::new(Config::default(), answer));
            stage_of(at, config, plans, Order::AllAtOnce, backend)
        },
    },
    Scenario {
        name: "concurrency-limit",
        about: "six calls, but the server takes two at a time",
        look_for: "SETTINGS_MAX_CONCURRENT_STREAMS is 2. After a first call, which tells the client so, it wants \
            five more at once; but HEADERS of the next one is sent only when trailers have ended another: nothing on \
            the wire says that a call waits, it is only missing. The wait is part of what the caller sees as latency \
            and what the server never measures: call 5 takes 5 ms from its HEADERS on, and its caller had waited for \
            10 ms before.",
        backends: 1,
        stage: |at| {
            let plans = (1..=6).map(|n| Plan::search(&format!("gRPC {n}")).work(5)).collect();
            let server = Config { max_streams: 2, ..Config::default() };
            stage_of(
                at,
                Config::default(),
                plans,
                Order::FirstAlone,
                Backend::new(move || Example::new(server.clone())),
            )
        },
    },
];
