//! Scenarios of the life of connections: how many there are, how they are kept, and how they end.

use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use super::caller::{Caller, MILLI, Order, Plan};
use super::fleet::{Actor, Begin, Fleet};
use super::{Scenario, example, first, one_caller, searches, with_channel};
use crate::endpoint::Stop;
use crate::endpoint::channel;
use crate::endpoint::connection::Config;
use crate::endpoint::example::Example;
use crate::endpoint::keepalive::{Enforcement, Keepalive};
use crate::endpoint::lifetime::Lifetime;
use crate::endpoint::world::{Backend, Change, Cue, Diary, Moment, Stage};

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "churn",
        about: "five calls, a new connection for each",
        look_for: "Who makes a channel for each call pays for it each time: the three packets of TCP, the prefaces \
            and SETTINGS of both sides, a header table that knows nothing, and the packets that end it, and this \
            without TLS. Compare the octets of HEADERS (nearly 80 each time), and how many packets and frames there are in \
            all, with `pool`, which makes the same five calls.",
        backends: 1,
        stage: |at| fleet(at, Fleet::new),
    },
    Scenario {
        name: "pool",
        about: "the same five calls on two connections that are kept",
        look_for: "Both connections are opened for the first calls and then take turns; only the first call on each \
            sends its header fields in full. One connection would do for this, for calls do not wait for each other \
            there (see `multiplex`); a second one helps when the server's limit of streams is reached (see \
            `concurrency-limit`), or one TCP connection is not fast enough.",
        backends: 1,
        stage: |at| {
            let config = channel::Config { connections: 2, ..channel::Config::default() };
            let target = first(at).to_string();
            let plans = searches(5).collect();
            with_channel(&target, config, plans, Order::OneAfterAnother, Cue::at(0), vec![example()])
        },
    },
    Scenario {
        name: "leak",
        about: "five channels that nobody closes",
        look_for: "The calls end, the connections do not: there is no FIN, and the capture ends with five \
            connections open, on which nothing happens. Each costs the server a socket and the memory of a \
            connection, until the client's process ends or the server has an idle timeout. Look at the lines of \
            flows: none says `ends`.",
        backends: 1,
        stage: |at| fleet(at, Fleet::leaking),
    },
    Scenario {
        name: "keepalive",
        about: "PING when nothing comes: the connection is kept alive, and known to be",
        look_for: "When nothing has come for 40 ms (five minutes would be usual) the client sends PING with eight \
            octets of zero, and the answer tells it that the other end is there; it also keeps middleboxes from \
            forgetting the connection. The first PING is sent while a call waits, the others with no call at all, \
            which the client must be told to do and the server must permit (see `too-many-pings`). PINGs with other \
            octets are bandwidth probes, which follow DATA.",
        backends: 1,
        stage: |at| {
            let client = Config { keepalive: Some(keepalive(40, 300)), ..Config::default() };
            let plans = vec![Plan::search("slow").work(60)];
            one_caller(at, client, plans, 200, example())
        },
    },
    Scenario {
        name: "dead-peer",
        about: "the other end falls silent: PING without ACK, and another connection",
        look_for: "After 150 ms everything that is sent vanishes, as when a firewall forgets a connection: no FIN, no \
            RST. The second call is sent, and nothing comes; without keepalive it would wait until its deadline, or \
            for TCP to give up, which takes minutes. The client has heard nothing for 100 ms and asks by PING; when \
            no answer has come for another 150 ms it gives the connection up, ends the call with UNAVAILABLE, and the \
            third call goes to a new connection. (A capture of real TCP would show the unanswered packets repeated; \
            this one leaves repetitions out.)",
        backends: 1,
        stage: |at| {
            let connection = Config { keepalive: Some(keepalive(100, 150)), ..Config::default() };
            let config = channel::Config { connection, backoff: quick(10), ..channel::Config::default() };
            let plans = vec![
                Plan::search("before"),
                Plan::search("into the void").after(Moment::Changed(1), 30),
                Plan::search("after").after(Moment::Ended(1), 150),
            ];
            let script = vec![(Cue::after(Moment::Ended(0), 150), Change::Silence(0))];
            let target = first(at).to_string();
            Stage { script, ..with_channel(&target, config, plans, Order::AllAtOnce, Cue::at(0), vec![example()]) }
        },
    },
    Scenario {
        name: "too-many-pings",
        about: "a client that asks too often is sent away: ENHANCE_YOUR_CALM",
        look_for: "The client sends PING every 10 ms without a call; the server permits one in 200 ms, and only if \
            there are calls. The first is free, for the server had just sent an answer; two more are forgiven; after \
            the fourth comes GOAWAY, code ENHANCE_YOUR_CALM and the words too_many_pings, and the end of the \
            connection. The next call makes a new one, on which the client waits twice as long between PINGs. Real \
            settings that collide like this: a client with 10 s against a server that permits five minutes.",
        backends: 1,
        stage: |at| {
            let server = Config {
                enforcement: Some(Enforcement { min_time: Duration::from_millis(200), permit_without_stream: false }),
                ..Config::default()
            };
            let connection = Config { keepalive: Some(keepalive(10, 300)), estimate: false, ..Config::default() };
            let config = channel::Config { connection, ..channel::Config::default() };
            let plans = vec![Plan::search("first"), Plan::search("second").after(Moment::Left(1), 350)];
            let stay = Cue::after(Moment::Ended(1), 50);
            let backend = Backend::new(move || Example::new(server.clone()));
            with_channel(&first(at).to_string(), config, plans, Order::AllAtOnce, stay, vec![backend])
        },
    },
    Scenario {
        name: "graceful-stop",
        about: "a server stops without harm: two GOAWAYs, and no call is lost",
        look_for: "The server is told to stop 150 ms into a call of 400 ms. It listens no more and \
            sends GOAWAY with the highest stream number there is, 2^31-1, which only says: open no more streams. \
            Then it sends PING; when the answer is there, everything that the client sent before it read the GOAWAY \
            is there too, so the second GOAWAY can name the last stream that will be processed. The first call ends \
            well, and the connection with it. The second call, begun before that, is not sent there any more: \
            the client dials anew, is refused by the backend that has stopped listening, and goes to the other one.",
        backends: 2,
        stage: |at| stopped(at, Stop::Gracefully, 400),
    },
    Scenario {
        name: "hard-stop",
        about: "a server stops at once: what is under way is lost",
        look_for: "As in `graceful-stop`, but the server ends its connections at once, and the first call would take longer. The first \
            call has no answer and no status on the wire: the client makes it UNAVAILABLE. It may not simply try \
            again, for the server may have done the work. The second call goes to the other backend, after the first \
            has refused the connection.",
        backends: 2,
        stage: |at| stopped(at, Stop::AtOnce, 5000),
    },
    Scenario {
        name: "max-age",
        about: "a server that lets no connection grow old: MAX_CONNECTION_AGE",
        look_for: "After half a second (half an hour would be usual) the server stops the connection as in `graceful-stop`, \
            though nothing is wrong: GOAWAY with 2^31-1, PING, final GOAWAY. Calls under way end well, and the next \
            one makes a new connection: this is how clients find backends that were added, and how load spreads \
            again. A call that takes longer than the grace that follows, here two seconds, would be cut off. Look at when \
            each connection begins and ends: none of the calls is lost.",
        backends: 1,
        stage: |at| {
            let lifetime = Lifetime {
                max_age: Some(Duration::from_millis(500)),
                max_age_grace: Some(Duration::from_secs(2)),
                ..Lifetime::default()
            };
            let server = Config { lifetime, ..Config::default() };
            let plans = vec![
                Plan::search("gRPC 1").work(40),
                Plan::search("gRPC 2").work(40).after(Moment::Ended(0), 5),
                Plan::search("gRPC 3").work(600).after(Moment::Ended(0), 10),
                Plan::search("gRPC 4").work(20).after(Moment::Ended(2), 50),
                Plan::search("gRPC 5").work(20).after(Moment::Ended(3), 5),
            ];
            let backend = Backend::new(move || Example::new(server.clone()));
            let config = channel::Config::default();
            with_channel(&first(at).to_string(), config, plans, Order::AllAtOnce, Cue::at(0), vec![backend])
        },
    },
    Scenario {
        name: "reconnect",
        about: "the server goes and comes back: a call is lost, the channel is not",
        look_for: "In the middle of the second call the server stops at once, and with it go the connection and the \
            call, which ends with UNAVAILABLE. The client's channel stays: the next call, 200 ms later, makes it dial \
            again, and finds the server that was started anew meanwhile. A new connection has new stream numbers, new windows \
            and empty header tables.",
        backends: 1,
        stage: |at| {
            let plans = vec![
                Plan::search("before"),
                Plan::search("lost").work(5000).after(Moment::Ended(0), 40),
                Plan::search("after").after(Moment::Changed(2), 150),
            ];
            let config = channel::Config { backoff: quick(10), ..channel::Config::default() };
            let script = vec![
                (Cue::after(Moment::Requested(2), 60), Change::Stop(0, Stop::AtOnce)),
                (Cue::after(Moment::Ended(1), 50), Change::Listen(0)),
            ];
            let target = first(at).to_string();
            Stage { script, ..with_channel(&target, config, plans, Order::AllAtOnce, Cue::at(0), vec![example()]) }
        },
    },
    Scenario {
        name: "accept-backoff",
        about: "a server out of file descriptors: it tries to accept after 5, 10, 20 ms",
        look_for: "From 50 ms to 125 ms the server cannot accept (too many open files). Its kernel completes the \
            handshakes all the same and takes the octets, so the clients believe themselves connected; but no \
            SETTINGS come. The server does not spin: the first connection that it cannot take comes at 100 ms; it \
            waits 5 ms, then 10, then 20, and accepts both that wait at 135 ms. From the client this looks like a slow server; the gap between the handshake and \
            the server's SETTINGS gives it away. (Over TCP the error is made up where the server accepts: using up \
            the descriptors of this program would hurt others.)",
        backends: 1,
        stage: |at| {
            let diary = Diary::default();
            let address = first(at);
            let starts = [0, 100, 102];
            let members = (0..).zip(starts).map(|(n, start)| {
                let plans = vec![Plan::search(&format!("gRPC {n}"))];
                let caller =
                    Caller::new(Config::default(), address.to_string(), plans, Order::OneAfterAnother, diary.clone());
                (Begin::At(MILLI.saturating_mul(start)), address, Actor::Caller(Box::new(caller.counting_from(n))))
            });
            let mut stage = Stage::new(Fleet::new(members), vec![example()], diary.clone());
            stage.script = vec![(Cue::at(50), Change::Starve(0)), (Cue::at(125), Change::Feed(0))];
            stage
        },
    },
];

/// Five clients one after another, with a call each.
fn fleet(at: &[SocketAddrV4], make: fn(Vec<(Begin, SocketAddr, Actor)>) -> Fleet) -> Stage {
    let diary = Diary::default();
    let address = first(at);
    let member = |(n, plan)| {
        let caller =
            Caller::new(Config::default(), address.to_string(), vec![plan], Order::OneAfterAnother, diary.clone());
        (Begin::AfterThePrevious, address, Actor::Caller(Box::new(caller.counting_from(n))))
    };
    let members = (0..).zip(searches(5)).map(member).collect();
    Stage::new(make(members), vec![example()], diary.clone())
}

/// Two backends, of which the first is told to stop while a call of so many milliseconds is under way.
fn stopped(at: &[SocketAddrV4], how: Stop, work: u64) -> Stage {
    let addresses: Vec<String> = at.iter().map(ToString::to_string).collect();
    let plans = vec![Plan::search("under way").work(work), Plan::search("later").after(Moment::Changed(1), 100)];
    let config = channel::Config { backoff: quick(10), ..channel::Config::default() };
    let script = vec![(Cue::after(Moment::Requested(1), 150), Change::Stop(0, how))];
    let (target, backends) = (addresses.join(","), vec![example(), example()]);
    Stage { script, ..with_channel(&target, config, plans, Order::AllAtOnce, Cue::at(0), backends) }
}

fn keepalive(time: u64, timeout: u64) -> Keepalive {
    Keepalive {
        time: Duration::from_millis(time),
        timeout: Duration::from_millis(timeout),
        permit_without_stream: true,
    }
}

fn quick(millis: u64) -> channel::Backoff {
    channel::Backoff { base: Duration::from_millis(millis), ..channel::Backoff::default() }
}
