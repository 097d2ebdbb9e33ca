//! Calls of a channel that are repeated, and those that must not be (gRFC A6).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use framescope::endpoint::channel::{Config, Event, RetryPolicy, State, Throttling};
use framescope::endpoint::client::Request;
use framescope::endpoint::connection::{self, Connection};
use framescope::endpoint::example::SEARCH;
use framescope::endpoint::fields::Fields;
use framescope::grpc::status::Status;
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::StreamId;

use crate::net::{Host, Net, address, ok, response, scripted, seconds, trailers_only};

const ONE: &str = "192.0.2.1:50051";

/// What the server was asked, request by request.
type Seen = Rc<RefCell<Vec<Fields>>>;

/// A server that answers its first call in the first way, its second in the second, and so on; the last one stays.
fn answering(answers: Vec<fn(&mut Connection, StreamId)>) -> (Host, Seen) {
    let seen = Seen::default();
    let log = Rc::clone(&seen);
    let host = scripted(move |connection, event| {
        let connection::Event::Headers { stream, fields, .. } = event else { return };
        log.borrow_mut().push(fields);
        let answer = answers[(log.borrow().len() - 1).min(answers.len() - 1)];
        answer(connection, stream);
    });
    (host, seen)
}

fn refuse(connection: &mut Connection, stream: StreamId) {
    connection.reset(stream, ErrorCode::REFUSED_STREAM);
}

fn unavailable(connection: &mut Connection, stream: StreamId) {
    trailers_only(connection, stream, 14, &[]);
}

fn previous(seen: &Seen) -> Vec<Option<String>> {
    let value = |fields: &Fields| {
        fields.value(b"grpc-previous-rpc-attempts").map(|value| String::from_utf8_lossy(value).into_owned())
    };
    seen.borrow().iter().map(value).collect()
}

fn with_policy() -> Config {
    Config { retry: Some(RetryPolicy::default()), ..Config::default() }
}

#[test]
fn a_refused_stream_is_repeated_at_once_and_without_a_word_about_it() {
    let mut net = Net::new(ONE, Config::default());
    let (host, seen) = answering(vec![refuse, ok]);
    net.hosts.insert(address(1), host);
    let ticket = net.search("gRPC");
    net.run_for(1.0);
    assert_eq!(net.ending(ticket).unwrap().status, Status::OK);
    assert_eq!(net.attempts(ticket).len(), 2);
    assert_eq!(previous(&seen), [None, None]);
    assert_eq!(net.dials().len(), 1, "on the same connection");
}

#[test]
fn a_stream_refused_twice_is_not_repeated_a_third_time() {
    let mut net = Net::new(ONE, Config::default());
    let (host, seen) = answering(vec![refuse]);
    net.hosts.insert(address(1), host);
    let ticket = net.search("gRPC");
    net.run_for(10.0);
    assert_eq!(net.ending(ticket).unwrap().status, Status::UNAVAILABLE);
    assert_eq!(seen.borrow().len(), 2);
}

#[test]
fn no_call_is_lost_when_the_server_goes_away() {
    let mut net = Net::new(ONE, Config::default());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let host = scripted(move |connection, event| {
        let connection::Event::Headers { stream, fields, .. } = event else { return };
        let first = log.borrow().is_empty();
        log.borrow_mut().push(fields);
        if first {
            // It finishes this one, and has not seen those behind it.
            connection.go_away(ErrorCode::NO_ERROR, b"");
        }
        ok(connection, stream);
    });
    net.hosts.insert(address(1), host);
    net.tell(|channel, now| channel.connect(now));
    net.run_for(0.1);
    let mut tickets = vec![net.search("gRPC")];
    // The GOAWAY is on its way already.
    net.run_for(0.0015);
    tickets.extend((1..10).map(|_| net.search("gRPC")));
    net.run_for(1.0);
    assert!(tickets.iter().all(|ticket| net.ending(*ticket).unwrap().status == Status::OK));
    assert_eq!(net.attempts(tickets[0]).len(), 1);
    assert!(tickets[1..].iter().all(|ticket| net.attempts(*ticket).len() == 2));
    assert_eq!(seen.borrow().len(), 10, "none was processed twice");
    assert_eq!((net.dials().len(), net.channel.connections()), (2, 1));
    assert_eq!(net.states(), [State::Connecting, State::Ready, State::Idle, State::Connecting, State::Ready]);
}

#[test]
fn calls_that_wait_for_a_stream_go_elsewhere_however_often_connections_end() {
    let mut net = Net::new(ONE, Config::default());
    let config = connection::Config { max_streams: 1, ..connection::Config::default() };
    let served = Rc::new(RefCell::new(0));
    let count = Rc::clone(&served);
    // One call a connection.
    let script = move |connection: &mut Connection, event| {
        let connection::Event::Headers { stream, .. } = event else { return };
        *count.borrow_mut() += 1;
        connection.go_away(ErrorCode::NO_ERROR, b"");
        ok(connection, stream);
    };
    net.hosts.insert(address(1), crate::net::scripted_with(config, script));
    // The first connection tells its limit, so that the others wait.
    net.tell(|channel, now| channel.connect(now));
    net.run_for(0.1);
    // However large they are.
    let long = "x".repeat(500_000);
    let tickets: Vec<_> = (0..8).map(|_| net.search(&long)).collect();
    net.run_for(1.0);
    assert!(tickets.iter().all(|ticket| net.ending(*ticket).unwrap().status == Status::OK));
    assert_eq!((*served.borrow(), net.dials().len()), (8, 8));
}

#[test]
fn the_policy_repeats_and_the_server_learns_how_often() {
    let mut net = Net::new(ONE, with_policy());
    let (host, seen) = answering(vec![unavailable, unavailable, ok]);
    net.hosts.insert(address(1), host);
    let mut request = Request::default();
    request.metadata.push("x-own", "kept");
    let ticket = net.search_with("gRPC", request);
    net.run_for(0.05);
    assert_eq!(net.attempts(ticket).len(), 1, "it waits 80 ms at least");
    net.run_for(1.0);
    assert_eq!(net.ending(ticket).unwrap().status, Status::OK);
    assert_eq!(previous(&seen), [None, Some("1".to_owned()), Some("2".to_owned())]);
    assert!(seen.borrow().iter().all(|fields| fields.value(b"x-own") == Some(b"kept")));
}

#[test]
fn four_attempts_are_the_default_and_the_last_answer_counts() {
    let mut net = Net::new(ONE, with_policy());
    let (host, seen) = answering(vec![unavailable]);
    net.hosts.insert(address(1), host);
    let ticket = net.search("gRPC");
    net.run_for(10.0);
    let ending = net.ending(ticket).unwrap();
    assert_eq!((ending.status, ending.from_server, seen.borrow().len()), (Status::UNAVAILABLE, true, 4));
}

#[test]
fn other_statuses_and_calls_whose_answer_has_begun_are_not_repeated() {
    let begun: fn(&mut Connection, StreamId) = |connection, stream| {
        connection.send_headers(stream, response(), false);
        let mut trailers = Fields::default();
        trailers.push("grpc-status", "14");
        connection.send_headers(stream, trailers, true);
    };
    let internal: fn(&mut Connection, StreamId) = |connection, stream| trailers_only(connection, stream, 13, &[]);
    for (answer, status) in [(begun, Status::UNAVAILABLE), (internal, Status::INTERNAL)] {
        let mut net = Net::new(ONE, with_policy());
        let (host, seen) = answering(vec![answer]);
        net.hosts.insert(address(1), host);
        let ticket = net.search("gRPC");
        net.run_for(10.0);
        assert_eq!((net.ending(ticket).unwrap().status, seen.borrow().len()), (status, 1));
    }
}

#[test]
fn the_server_says_when_a_call_comes_back() {
    let mut net = Net::new(ONE, with_policy());
    let later: fn(&mut Connection, StreamId) =
        |connection, stream| trailers_only(connection, stream, 14, &[("grpc-retry-pushback-ms", "3000")]);
    let never: fn(&mut Connection, StreamId) =
        |connection, stream| trailers_only(connection, stream, 14, &[("grpc-retry-pushback-ms", "-1")]);
    let (host, seen) = answering(vec![later, never]);
    net.hosts.insert(address(1), host);
    let ticket = net.search("gRPC");
    net.run_until(seconds(3.0));
    assert_eq!(net.attempts(ticket).len(), 1);
    net.run_until(seconds(3.1));
    assert_eq!(net.attempts(ticket).len(), 2);
    net.run_for(10.0);
    assert_eq!((net.ending(ticket).unwrap().status, seen.borrow().len()), (Status::UNAVAILABLE, 2));
}

#[test]
fn the_deadline_counts_for_all_attempts_together() {
    let policy = RetryPolicy {
        initial_backoff: Duration::from_secs(1),
        max_backoff: Duration::from_secs(1),
        ..RetryPolicy::default()
    };
    let mut net = Net::new(ONE, Config { retry: Some(policy), ..Config::default() });
    let (host, seen) = answering(vec![unavailable]);
    net.hosts.insert(address(1), host);
    let ticket = net.search_with("gRPC", Request { timeout: Some(1_500_000_000), ..Request::default() });
    net.run_until(seconds(1.499));
    assert_eq!(net.ending(ticket), None);
    net.run_until(seconds(1.5));
    assert_eq!(net.ending(ticket).unwrap().status, Status::DEADLINE_EXCEEDED);
    let timeouts: Vec<_> = seen.borrow().iter().map(|fields| fields.value(b"grpc-timeout").unwrap().to_vec()).collect();
    assert_eq!(timeouts.len(), 2);
    assert_ne!(timeouts[0], timeouts[1], "the second attempt has less time");
}

#[test]
fn a_budget_stops_repeating_when_most_calls_fail() {
    let config = Config { throttling: Some(Throttling { max_tokens: 10, token_ratio: 0.1 }), ..with_policy() };
    let mut net = Net::new(ONE, config);
    let (host, seen) = answering(vec![unavailable]);
    net.hosts.insert(address(1), host);
    for _ in 0..10 {
        net.search("gRPC");
        net.run_for(10.0);
    }
    // The first call, tried four times, leaves 6 of 10 tokens; the second leaves 5, which is not more than half.
    assert_eq!(seen.borrow().len(), 4 + 9);
}

#[test]
fn messages_are_sent_again_and_a_large_call_is_not_repeated() {
    for (size, attempts) in [(100_000, 2), (150_000, 1)] {
        let mut net = Net::new(ONE, with_policy());
        let received = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&received);
        let host = scripted(move |connection, event| match event {
            connection::Event::Headers { .. } => log.borrow_mut().push(0),
            connection::Event::Data { stream, octets, end } => {
                let calls = log.borrow().len();
                log.borrow_mut()[calls - 1] += octets.len();
                connection.give_back(stream, octets.len());
                match (end, calls) {
                    (true, 1) => unavailable(connection, stream),
                    (true, _) => ok(connection, stream),
                    _ => {}
                }
            }
            _ => {}
        });
        net.hosts.insert(address(1), host);
        let ticket = net.tell(|channel, now| {
            let ticket = channel.call(now, Request { path: SEARCH.to_owned(), ..Request::default() });
            channel.send(ticket, &vec![1; size]);
            ticket
        });
        assert!(net.channel.held_bytes() > size, "it is kept while it waits for the connection");
        net.run_for(0.1);
        net.tell(|channel, _| {
            channel.send(ticket, &vec![2; size]);
            channel.finish(ticket);
        });
        if attempts == 1 {
            assert!(net.channel.held_bytes() < 2 * size + 10_000, "it is held once, for the connection");
        }
        net.run_for(10.0);
        assert_eq!(*received.borrow(), vec![2 * (size + 5); attempts], "{size}");
        let status = if attempts == 2 { Status::OK } else { Status::UNAVAILABLE };
        assert_eq!(net.ending(ticket).unwrap().status, status);
        assert!(net.channel.held_bytes() < 2 * size, "no message is kept");
    }
}

#[test]
fn a_cancelled_call_is_never_repeated() {
    let policy = RetryPolicy { codes: vec![Status::CANCELLED, Status::UNAVAILABLE], ..RetryPolicy::default() };
    let mut net = Net::new(ONE, Config { retry: Some(policy), ..Config::default() });
    let (host, seen) = answering(vec![|_, _| {}]);
    net.hosts.insert(address(1), host);
    let on_its_way = net.search("gRPC");
    net.run_for(1.0);
    net.tell(|channel, now| channel.cancel(now, on_its_way));
    let ending = net.ending(on_its_way).unwrap();
    assert_eq!((ending.status, ending.from_server), (Status::CANCELLED, false));
    net.run_for(10.0);
    assert_eq!(seen.borrow().len(), 1);
    let (stream, code) = crate::support::reset(&net.wire[&framescope::endpoint::ConnectionId(0)]).unwrap();
    assert_eq!((stream, code), (1, ErrorCode::CANCEL));
}

#[test]
fn a_server_that_only_ends_connections_does_not_hang_or_lose_a_call() {
    let mut net = Net::new(ONE, Config::default());
    // It greets, and goes away at the first octet of anything else.
    let host = scripted(|connection, event| {
        if let connection::Event::Headers { .. } = event {
            connection.handle_end();
        }
    });
    net.hosts.insert(address(1), host);
    let ticket = net.search("gRPC");
    net.run_for(10.0);
    let ending = net.ending(ticket).unwrap();
    assert_eq!((ending.status, ending.message.as_str()), (Status::UNAVAILABLE, "error reading from server: EOF"));
    assert_eq!((net.channel.state(), net.channel.connections(), net.dials().len()), (State::Idle, 0, 1));
}

#[test]
fn a_server_that_does_not_speak_http_2_is_no_connection() {
    let mut net = Net::new(ONE, Config::default());
    net.hosts
        .insert(address(1), Host::Serves(Box::new(|| Box::new(crate::net::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n")))));
    let ticket = net.search("gRPC");
    net.run_for(0.5);
    let ending = net.ending(ticket).unwrap();
    assert_eq!(ending.status, Status::UNAVAILABLE);
    assert!(ending.message.starts_with("connection error: desc = \"192.0.2.1:50051: error reading server preface"));
    assert_eq!((net.channel.state(), net.channel.connections()), (State::TransientFailure, 0));
}

#[test]
fn calls_that_wait_are_bounded() {
    let mut net = Net::new(ONE, Config { wait_for_ready: true, ..Config::default() });
    let request = || Request { path: SEARCH.to_owned(), ..Request::default() };
    net.tell(|channel, now| (0..10_000).for_each(|_| _ = channel.call(now, request())));
    assert_eq!(net.channel.calls(), 10_000);
    let one_more = net.tell(|channel, now| channel.call(now, request()));
    assert_eq!(net.ending(one_more).unwrap().status, Status::RESOURCE_EXHAUSTED);
    net.tell(|channel, now| channel.close(now));
    net.run_for(1.0);
    net.assert_freed();
    assert_eq!(net.events.iter().filter(|event| matches!(event, Event::Ended { .. })).count(), 10_001);
}

#[test]
fn messages_that_wait_are_bounded() {
    let mut net = Net::new(ONE, Config { waiting_octets: 1 << 20, wait_for_ready: true, ..Config::default() });
    let request = || Request { path: SEARCH.to_owned(), ..Request::default() };
    let [first, second] = [0, 1].map(|_| {
        net.tell(|channel, now| {
            let ticket = channel.call(now, request());
            channel.send(ticket, &vec![0; 600_000]);
            ticket
        })
    });
    assert_eq!(net.ending(first), None);
    assert_eq!(net.ending(second).unwrap().status, Status::RESOURCE_EXHAUSTED);
    assert!(net.channel.held_bytes() < 700_000);
}

#[test]
fn authority_and_user_agent_are_the_caller_s_choice() {
    for (config, authority, agent) in [
        (Config::default(), ONE, concat!("grpc-framescope/", env!("CARGO_PKG_VERSION"))),
        (
            Config {
                authority: Some("search.test".to_owned()),
                user_agent: Some("own/1".to_owned()),
                ..Config::default()
            },
            "search.test",
            "own/1",
        ),
    ] {
        let mut net = Net::new(ONE, config);
        let (host, seen) = answering(vec![ok]);
        net.hosts.insert(address(1), host);
        net.search("gRPC");
        net.run_for(1.0);
        let seen = seen.borrow();
        assert_eq!(seen[0].value(b":authority"), Some(authority.as_bytes()));
        assert_eq!(seen[0].value(b"user-agent"), Some(agent.as_bytes()));
    }
}
