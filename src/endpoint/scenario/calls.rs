//! Scenarios of calls: the four kinds, several at once, and the ways in which a call ends.

use super::caller::{Manner, Order, Plan};
use super::{Scenario, one_client, stage_of, without_probes};
use crate::endpoint::connection::Config;
use crate::endpoint::example::{Example, LIST, RECORD, ROUTE, point, search_request};
use crate::endpoint::interceptor::{Begun, Chain, Interceptor, Outcome};
use crate::endpoint::services::{Services, Serving};
use crate::endpoint::world::Backend;
use std::sync::Arc;

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "unary",
        about: "one request, one answer: the twelve steps of a call",
        look_for: "The first call on a new connection takes twelve frames that somebody decided to send (Magic counts as one), \
            and four that only answer them. Each step stands here with what it is for and why it is sent at this point; \
            acknowledgements stand under the step that they answer, so look at the times to see when they passed. These are the \
            frames of grpc-go, where client and server race and the order changes from run to run; what never changes is that \
            each side's preface comes first, 3 before 4, and 8, 9, 10 in this order. Here the order is always the same.",
        backends: 1,
        stage: |at| one_client(at, vec![Plan::search("gRPC").timeout(5000)], Order::OneAfterAnother),
    },
    Scenario {
        name: "server-streaming",
        about: "List: one request, seven answers",
        look_for: "One request, then one HEADERS frame, seven DATA frames with a message each, and trailers: to the wire a \
            stream of answers is a unary call with more DATA. The client's WINDOW_UPDATE gives back only what \
            had arrived when its bandwidth probe left; the rest it owes until the next probe, or until a quarter of the window is used.",
        backends: 1,
        stage: |at| {
            one_client(at, vec![Plan::new(LIST, [point("gRPC Stream Client: List", 2018)])], Order::OneAfterAnother)
        },
    },
    Scenario {
        name: "client-streaming",
        about: "Record: six requests, one answer",
        look_for: "The client cannot know with its last message that no other will follow, so an empty DATA frame with \
            END_STREAM ends its half. Only then does the server answer, with the same three frames as in a unary call.",
        backends: 1,
        stage: |at| one_client(at, vec![Plan::new(RECORD, recorded())], Order::OneAfterAnother),
    },
    Scenario {
        name: "bidi",
        about: "Route: requests and answers alternate on one stream",
        look_for: "Both halves of the stream are open at once. The server answers before it has read a request (response 0), \
            then once for each request; the client sends a request for each answer, and ends its half when it has none left. \
            Because of that first answer two are on their way in each direction. The trailers come last, as ever. (gPRC is how \
            the well-known example spells it.)",
        backends: 1,
        stage: |at| {
            let messages = (0..7).map(|_| point("gRPC Stream Client: Route", 2018));
            one_client(at, vec![Plan::new(ROUTE, messages).manner(Manner::Alternating)], Order::OneAfterAnother)
        },
    },
    Scenario {
        name: "multiplex",
        about: "five calls on one connection: do they wait for each other?",
        look_for: "The client opens streams 1, 3, 5, 7 and 9 in one packet, without waiting. Each call tells the server in its \
            metadata how long to work (work-ms), the first one longest, and the answers come in the opposite order: \
            streams share a connection, but nothing makes one call wait for another. Compare the sizes of the first five \
            HEADERS frames, nearly 90 octets and then some 10: the first fills the header table, the later ones refer to it.",
        backends: 1,
        stage: |at| {
            one_client(
                at,
                (1..=5_u64).map(|n| Plan::search(&format!("gRPC {n}")).work(60_u64.saturating_sub(10 * n))).collect(),
                Order::AllAtOnce,
            )
        },
    },
    Scenario {
        name: "deadline",
        about: "the client waits 100 ms, the server works for 500",
        look_for: "The deadline travels as grpc-timeout, a duration, so that clocks need not agree. After 100 ms the client sends \
            RST_STREAM with CANCEL. DEADLINE_EXCEEDED is not on the wire: the client makes this status up when it gives up \
            waiting. (The server may count as well, from when the request reached it, and end the call first; here its handler \
            works on without looking, until the RST_STREAM tells it. See `interceptors` for a server that looks.) The second call \
            has time enough, on the same connection, which a reset stream does not harm.",
        backends: 1,
        stage: |at| {
            let plans = vec![Plan::search("too slow").work(500).timeout(100), Plan::search("in time").timeout(5000)];
            stage_of(at, Config::default(), plans, Order::OneAfterAnother, Backend::new(heedless))
        },
    },
    Scenario {
        name: "cancel",
        about: "the client has seen enough after three of seven answers",
        look_for: "The server sends an answer every 50 ms. After the third the client gives the call up: RST_STREAM \
            with CANCEL, and the server, told by it, stops. A cancelled call has no trailers and so no status on the wire; the \
            client's own code sees CANCELLED.",
        backends: 1,
        stage: |at| {
            one_client(
                at,
                vec![
                    Plan::new(LIST, [point("gRPC Stream Client: List", 2018)]).work(50).manner(Manner::GivenUpAfter(3)),
                ],
                Order::OneAfterAnother,
            )
        },
    },
    Scenario {
        name: "errors",
        about: "every status from 1 to 16, and methods that do not exist",
        look_for: "HTTP status is 200 throughout: it only says that gRPC was spoken. A call that fails before its first answer ends \
            with a single HEADERS frame (Trailers-Only) that has everything; one that fails later (call 16) ends with trailers after \
            DATA. INVALID_ARGUMENT (3) brings details, a google.rpc.Status in grpc-status-details-bin. For the last two calls there \
            is no method, and no service. (Neither side sends bandwidth probes here, which keeps the trace short.)",
        backends: 1,
        stage: |at| {
            let statuses = (1..=16).map(|status| Plan::search(&format!("status {status}")));
            let later = Plan::search("answer and status 15");
            let nowhere = ["/proto.SearchService/Find", "/proto.FindService/Find"]
                .map(|path| Plan::new(path, [search_request("gRPC")]));
            let plans = statuses.chain([later]).chain(nowhere).collect();
            stage_of(
                at,
                without_probes(),
                plans,
                Order::OneAfterAnother,
                Backend::new(|| Example::new(without_probes())),
            )
        },
    },
];

/// A server whose handlers do not look at the deadline.
fn heedless() -> Serving {
    Serving::new(Arc::new(Services::example()), Config::default())
        .with_interceptors(Chain::new(vec![Box::new(Heedless)]))
}

#[derive(Debug)]
struct Heedless;

impl Interceptor for Heedless {
    fn name(&self) -> &'static str {
        "heedless"
    }

    fn begin(&mut self, call: &mut Begun<'_>) -> Result<(), Outcome> {
        *call.deadline = None;
        Ok(())
    }
}

/// Six requests, all alike, as the example sends them.
fn recorded() -> impl Iterator<Item = Vec<u8>> {
    (0..6).map(|_| point("gRPC Stream Client: Record", 2018))
}
