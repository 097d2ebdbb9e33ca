//! Scenarios of where calls go: dialling and trying again, names and their addresses, balancing, repeated calls.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use super::answering::{Answering, Asked, Reply};
use super::caller::{Order, Plan};
use super::program::{NUMBERS, Program, Programs};
use super::{Scenario, example, example_without_probes, first, searches, with_channel, without_probes};
use crate::endpoint::channel::{Backoff, Balancer, Config, Refresh, RetryPolicy};
use crate::endpoint::fields::Fields;
use crate::endpoint::world::{Backend, Change, Cue, Diary, Moment, Stage};
use crate::grpc::status::Status;

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "async-dial",
        about: "dial returns at once, and nothing is on the wire until a call needs it",
        look_for: "Two programs make a channel at 0 ms and a call at 60 ms. The first waits until it is connected \
            before it goes on (`--block`): its connection is there from the start, and its call goes out at once. \
            The second does not wait: its channel is IDLE, which means no connection at all, and only the call makes \
            it dial. So an address that is wrong is noticed by the first when it starts, and by the second when it \
            calls; and the second's call leaves later, by the time of a handshake and of the server's \
            SETTINGS.",
        backends: 1,
        stage: async_dial,
    },
    Scenario {
        name: "backoff",
        about: "connection refused, growing intervals, then ready",
        look_for: "Nobody listens at first: each SYN is answered by RST. The client tries again after 20 ms, then \
            after 1.6 times as long each time, more or less by a fifth, which is chance, so that a thousand clients \
            do not come back in the same millisecond (usual are 1 s at first and 120 s at most). Intervals are \
            counted from the beginning of one attempt to the next. The call has said wait-for-ready, so it waits \
            through all of this; others would fail at once with UNAVAILABLE. After the fifth refusal the server \
            listens, and the next attempt succeeds.",
        backends: 1,
        stage: |at| {
            let config = Config {
                wait_for_ready: true,
                backoff: Backoff { base: Duration::from_millis(20), ..Backoff::default() },
                ..Config::default()
            };
            let late = Backend { listens: false, ..example() };
            let plans = vec![Plan::search("patience")];
            let script = vec![(Cue::after(Moment::Refused(5), 20), Change::Listen(0))];
            let target = first(at).to_string();
            Stage { script, ..with_channel(&target, config, plans, Order::AllAtOnce, Cue::at(0), vec![late]) }
        },
    },
    Scenario {
        name: "pick-first",
        about: "three backends, and every call goes to one of them",
        look_for: "The name leads to three addresses. pick_first, gRPC's default, connects to the first that answers \
            and sends every call there: one connection carries them all, and the other backends have nothing to do. \
            The same happens behind a service of Kubernetes or another balancer of connections: it chooses once for \
            a connection, not for each call. Compare with `round-robin`.",
        backends: 3,
        stage: |_| balanced(Balancer::PickFirst),
    },
    Scenario {
        name: "round-robin",
        about: "three backends that take turns, call by call",
        look_for: "With round_robin the client connects to every address that the name leads to, before there is any \
            call, and calls take turns on the three connections: the balancing is done by the client, for it alone \
            knows calls from connections. It needs a name that leads to all the backends (a headless service, in \
            Kubernetes).",
        backends: 3,
        stage: |_| balanced(Balancer::RoundRobin),
    },
    Scenario {
        name: "resolver-update",
        about: "a backend leaves the name, another joins",
        look_for: "The name leads to backends 1 and 2 at first, and to 2 and 3 after four calls. (What asks for names \
            is not in this capture: here it is asked every 40 ms; DNS clients ask much less often, most of them only \
            when a connection breaks.) The next answer makes the client connect to the third; the connection to the \
            first takes no more calls and is ended, although its server is well; calls go on all the while. No call \
            is lost.",
        backends: 3,
        stage: |_| {
            let config = Config {
                balancer: Balancer::RoundRobin,
                connection: without_probes(),
                refresh: Refresh {
                    interval: Some(Duration::from_millis(40)),
                    at_most_every: Duration::from_millis(20),
                },
                ..Config::default()
            };
            // The first when both backends are there, the fifth when the one that joins is.
            let start = |n: u64| match n {
                0 => Cue::after(Moment::Spoken(2), 10),
                4 => Cue::after(Moment::Spoken(3), 10),
                n => Cue::after(Moment::Ended(n.saturating_sub(1)), 20),
            };
            let plans = (0..8).map(|n| Plan { start: start(n), ..Plan::search(&format!("gRPC {n}")) }).collect();
            let mut stage = named(config, plans, Order::AllAtOnce);
            stage.names = vec![(NAME.to_owned(), vec![0, 1])];
            stage.script = vec![(Cue::after(Moment::Ended(3), 5), Change::Rename(NAME.to_owned(), vec![1, 2]))];
            stage
        },
    },
    Scenario {
        name: "retry",
        about: "a retry policy: which calls are repeated, how often, and who is told",
        look_for: "The policy allows four attempts, and only UNAVAILABLE is worth another one. The first call fails \
            twice and is repeated twice: grpc-previous-rpc-attempts says 1, then 2, and the caller sees OK. The \
            second call ends with INVALID_ARGUMENT, which no repetition would change. The third finds the server \
            unavailable four times, and that is its end. To the fourth the server says when to come back, in \
            grpc-retry-pushback-ms: 30 ms rather than what the policy has. On the wire each attempt is a call of its \
            own, on a stream of its own.",
        backends: 1,
        stage: |at| {
            let policy = RetryPolicy { initial_backoff: Duration::from_millis(10), ..RetryPolicy::default() };
            let config = Config { retry: Some(policy), connection: without_probes(), ..Config::default() };
            let plans = ["fails twice", "invalid", "fails always", "come back in 30 ms"].map(Plan::search).into();
            let backend = Backend::new(|| Answering::new(without_probes(), failing()));
            with_channel(&first(at).to_string(), config, plans, Order::OneAfterAnother, Cue::at(0), vec![backend])
        },
    },
];

/// The name that the clients know.
const NAME: &str = "search.example:50051";
const TARGET: &str = "dns:///search.example:50051";

/// Six calls to a name with three addresses.
fn balanced(balancer: Balancer) -> Stage {
    let plans = searches(6).map(|plan| plan.at(5)).collect();
    named(Config { balancer, connection: without_probes(), ..Config::default() }, plans, Order::OneAfterAnother)
}

/// Three backends, a name that leads to all of them, and a client that connects at once.
fn named(config: Config, plans: Vec<Plan>, order: Order) -> Stage {
    let diary = Diary::default();
    let program = Program::new(TARGET, config, plans, order, diary.clone()).connecting(0);
    let mut stage = Stage::new(program, (0..3).map(|_| example_without_probes()).collect(), diary);
    stage.names = vec![(NAME.to_owned(), vec![0, 1, 2])];
    stage
}

fn async_dial(at: &[SocketAddrV4]) -> Stage {
    let diary = Diary::default();
    let program = |n: u64, text: &str| {
        let config = Config { first_connection: NUMBERS.saturating_mul(n), ..Config::default() };
        let plans = vec![Plan::search(text).at(60)];
        Program::new(&first(at).to_string(), config, plans, Order::AllAtOnce, diary.clone()).counting_from(n)
    };
    let programs = Programs(vec![program(0, "blocking").connecting(0), program(1, "not blocking")]);
    Stage::new(programs, vec![example()], diary.clone())
}

/// Fails as the searched text says, counting attempts by it.
fn failing() -> impl FnMut(&Asked) -> Reply {
    let mut attempts = BTreeMap::<Vec<u8>, u32>::new();
    move |call| {
        let message = call.messages.first().cloned().unwrap_or_default();
        let attempt = attempts.entry(message.clone()).or_default();
        *attempt = attempt.saturating_add(1);
        let says = |words: &[u8]| message.windows(words.len()).any(|part| part == words);
        let mut trailers = Fields::default();
        let status = if says(b"invalid") {
            Status::INVALID_ARGUMENT
        } else if says(b"always") || (says(b"twice") && *attempt <= 2) {
            Status::UNAVAILABLE
        } else if says(b"come back") && *attempt == 1 {
            trailers.push("grpc-retry-pushback-ms", "30");
            Status::UNAVAILABLE
        } else {
            Status::OK
        };
        Reply { status, trailers, ..Reply::of([message]) }
    }
}
