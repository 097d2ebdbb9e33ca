//! The channel's connections: states, dialling, backoff, balancing, names, and how it is closed.

use std::time::Duration;

use framescope::endpoint::Order;
use framescope::endpoint::channel::{Balancer, Config, Event, Happening, State};
use framescope::endpoint::client::Request;
use framescope::endpoint::example::search_request;
use framescope::grpc::status::Status;

use crate::net::{Net, address, seconds};

const ONE: &str = "192.0.2.1:50051";
const THREE: &str = "192.0.2.1:50051,192.0.2.2:50051,192.0.2.3:50051";

#[test]
fn nothing_happens_until_a_call_needs_it() {
    let mut net = Net::new(ONE, Config::default()).with_examples([1]);
    net.run_until(seconds(3600.0));
    assert!(net.orders.is_empty() && net.events.is_empty());
    assert_eq!(net.channel.state(), State::Idle);

    let ticket = net.search("gRPC");
    assert_eq!(net.dials(), [(seconds(3600.0), address(1))]);
    net.run_for(1.0);
    assert_eq!(net.states(), [State::Connecting, State::Ready]);
    // One millisecond to connect, one for the preface, one for the server's SETTINGS.
    let ready = Event::State { at: seconds(3600.003), state: State::Ready };
    assert!(net.events.contains(&ready), "{:?}", net.events);
    assert_eq!(net.ending(ticket).unwrap().status, Status::OK);
}

#[test]
fn connect_makes_a_connection_before_there_is_a_call() {
    let mut net = Net::new(ONE, Config::default()).with_examples([1]);
    net.tell(|channel, now| channel.connect(now));
    assert_eq!(net.channel.state(), State::Connecting, "it does not wait");
    net.run_for(1.0);
    assert_eq!(net.channel.state(), State::Ready);
    let ticket = net.search("gRPC");
    assert_eq!(net.attempts(ticket), [address(1)], "the call goes out at once");
}

#[test]
fn refused_connections_are_tried_again_after_growing_intervals_up_to_two_minutes() {
    let config = Config { seed: 42, idle_timeout: None, ..Config::default() };
    let mut net = Net::new(ONE, config);
    net.tell(|channel, now| channel.connect(now));
    net.run_until(seconds(3000.0));
    let times: Vec<f64> = net.dials().iter().map(|(at, _)| at.as_nanos() as f64 / 1e9).collect();
    let intervals: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(intervals[0], 1.0, "the first interval is exact");
    for (failures, interval) in intervals.iter().enumerate().skip(1) {
        let exact = 1.6_f64.powi(failures as i32).min(120.0);
        assert!((exact * 0.8..=exact * 1.2).contains(interval), "{failures}: {interval} where {exact} was meant");
    }
    assert!(intervals.len() > 25 && intervals.iter().any(|interval| *interval > 120.0));
    assert_eq!(net.states(), [State::Connecting, State::TransientFailure], "what failed has failed until it is ready");

    net = net.with_examples([1]);
    net.run_for(150.0);
    assert_eq!(net.states()[2..], [State::Ready]);
    // A connection that was there begins anew.
    net.hosts.clear();
    net.break_all(1);
    net.run_for(1.0);
    let before = net.dials().len();
    let start = net.now;
    net.tell(|channel, now| channel.connect(now));
    net.run_for(1.0);
    let again: Vec<i64> = net.dials()[before..].iter().map(|(at, _)| at.nanos_since(start)).collect();
    assert_eq!(again, [0, 1_000_000_000]);
}

#[test]
fn the_same_seed_waits_as_long_and_another_does_not() {
    let dials = |seed| {
        let mut net = Net::new(ONE, Config { seed, ..Config::default() });
        net.tell(|channel, now| channel.connect(now));
        net.run_until(seconds(100.0));
        net.dials()
    };
    assert_eq!(dials(1), dials(1));
    assert_ne!(dials(1), dials(2));
}

#[test]
fn an_address_that_does_not_answer_is_given_twenty_seconds() {
    let mut net = Net::new("192.0.2.1:50051,192.0.2.2:50051", Config::default()).with_examples([2]);
    net.hosts.insert(address(1), crate::net::Host::Swallows);
    net.tell(|channel, now| channel.connect(now));
    net.run_until(seconds(30.0));
    assert_eq!(net.dials(), [(seconds(0.0), address(1)), (seconds(20.0), address(2))]);
    let aborted = net.orders.iter().filter(|(_, order)| matches!(order, Order::Abort { .. })).count();
    assert_eq!((aborted, net.channel.state(), net.channel.connections()), (1, State::Ready, 1));
}

#[test]
fn all_calls_of_pick_first_go_to_one_backend_although_three_exist() {
    let mut net = Net::new(THREE, Config::default()).with_examples([1, 2, 3]);
    let tickets: Vec<_> = (0..30).map(|n| net.search(&n.to_string())).collect();
    net.run_for(1.0);
    assert!(tickets.iter().all(|ticket| net.attempts(*ticket) == [address(1)]));
    assert!(tickets.iter().all(|ticket| net.ending(*ticket).unwrap().status == Status::OK));
    assert_eq!(net.dials().len(), 1);
}

#[test]
fn pick_first_takes_the_first_address_that_answers_and_stays() {
    let mut net = Net::new(THREE, Config::default()).with_examples([2, 3]);
    let first = net.search("gRPC");
    net.run_for(1.0);
    assert_eq!(net.dials().iter().map(|(_, to)| *to).collect::<Vec<_>>(), [address(1), address(2)]);
    net = net.with_examples([1]);
    let second = net.search("gRPC");
    assert_eq!([net.attempts(first), net.attempts(second)], [[address(2)], [address(2)]]);
    assert_eq!(net.states(), [State::Connecting, State::Ready], "one address that fails is no failure");
}

#[test]
fn round_robin_connects_to_all_and_spreads_calls_evenly() {
    let config = Config { balancer: Balancer::RoundRobin, ..Config::default() };
    let mut net = Net::new(THREE, config).with_examples([1, 2, 3]);
    net.tell(|channel, now| channel.connect(now));
    net.run_for(1.0);
    assert_eq!(net.dials().len(), 3);
    let tickets: Vec<_> = (0..30).map(|n| net.search(&n.to_string())).collect();
    net.run_for(1.0);
    for host in 1..=3 {
        let there = tickets.iter().filter(|ticket| net.attempts(**ticket) == [address(host)]);
        assert_eq!(there.count(), 10);
    }
    let turns: Vec<_> = tickets[..4].iter().map(|ticket| net.attempts(*ticket)[0]).collect();
    assert_eq!(turns, [address(1), address(2), address(3), address(1)]);
}

#[test]
fn round_robin_leaves_out_what_is_down_and_takes_it_back() {
    let config = Config { balancer: Balancer::RoundRobin, ..Config::default() };
    let mut net = Net::new(THREE, config).with_examples([1, 3]);
    let calls = |net: &mut Net| {
        let tickets: Vec<_> = (0..12).map(|_| net.search("gRPC")).collect();
        net.run_for(0.1);
        let there = |host| tickets.iter().filter(|ticket| net.attempts(**ticket) == [address(host)]).count();
        [there(1), there(2), there(3)]
    };
    net.tell(|channel, now| channel.connect(now));
    net.run_for(0.1);
    assert_eq!(calls(&mut net), [6, 0, 6]);
    net = net.with_examples([2]);
    net.run_for(1.0);
    assert_eq!(calls(&mut net), [4, 4, 4]);
    assert_eq!(net.channel.state(), State::Ready);
}

#[test]
fn a_pool_takes_turns_on_several_connections_to_one_address() {
    let mut net = Net::new(ONE, Config { connections: 4, ..Config::default() }).with_examples([1]);
    net.tell(|channel, now| channel.connect(now));
    net.run_for(0.1);
    assert_eq!((net.dials().len(), net.channel.connections()), (4, 4));
    (0..8).for_each(|_| _ = net.search("gRPC"));
    let count = |id| {
        net.events
            .iter()
            .filter(|event| matches!(event, Event::Attempt { connection, .. } if connection.0 == id))
            .count()
    };
    assert_eq!([0, 1, 2, 3].map(count), [2, 2, 2, 2]);
}

#[test]
fn a_lost_connection_is_replaced_when_the_next_call_needs_it() {
    let mut net = Net::new(ONE, Config::default()).with_examples([1]);
    net.search("gRPC");
    net.run_for(1.0);
    net.break_all(1);
    net.run_for(10.0);
    assert_eq!(net.channel.state(), State::Idle);
    assert_eq!((net.dials().len(), net.channel.connections()), (1, 0));
    let ticket = net.search("gRPC");
    net.run_for(1.0);
    assert_eq!(net.ending(ticket).unwrap().status, Status::OK);
    assert_eq!(net.states()[1..], [State::Ready, State::Idle, State::Connecting, State::Ready]);
}

#[test]
fn a_call_on_a_connection_that_breaks_ends_with_the_reason() {
    let mut net = Net::new(ONE, Config::default()).with_examples([1]);
    let mut request = Request::default();
    request.metadata.push("work-ms", "5000");
    let ticket = net.search_with("gRPC", request);
    net.run_for(1.0);
    net.break_all(1);
    net.run_for(1.0);
    let ending = net.ending(ticket).unwrap();
    assert_eq!(ending.status, Status::UNAVAILABLE);
    assert_eq!(ending.message, "error reading from server: connection reset by peer");
}

#[test]
fn calls_fail_fast_while_nothing_can_be_reached_unless_they_wait() {
    let mut net = Net::new(ONE, Config::default());
    let hasty = net.search("gRPC");
    let patient = net.tell(|channel, now| {
        let request = Request { path: "/proto.SearchService/Search".to_owned(), ..Request::default() };
        let ticket = channel.call_with(now, request.clone(), true);
        channel.send_last(ticket, &search_request("gRPC"));
        let bounded = channel.call_with(now, Request { timeout: Some(2_500_000_000), ..request }, true);
        (ticket, bounded)
    });
    net.run_for(0.5);
    let ending = net.ending(hasty).unwrap();
    assert_eq!(ending.status, Status::UNAVAILABLE);
    assert_eq!(ending.message, "connection error: desc = \"192.0.2.1:50051: connection refused\"");
    let late = net.search("gRPC");
    assert_eq!(net.ending(late).unwrap().status, Status::UNAVAILABLE, "at once");

    net.run_until(seconds(2.6));
    let ending = net.ending(patient.1).unwrap();
    assert_eq!(ending.status, Status::DEADLINE_EXCEEDED);
    assert!(ending.message.ends_with("connection refused\""), "{}", ending.message);
    assert_eq!(net.ending(patient.0), None);
    net = net.with_examples([1]);
    net.run_for(10.0);
    assert_eq!(net.ending(patient.0).unwrap().status, Status::OK);
}

#[test]
fn a_channel_without_calls_goes_idle_and_comes_back() {
    let config = Config { idle_timeout: Some(Duration::from_secs(60)), ..Config::default() };
    let mut net = Net::new(ONE, config).with_examples([1]);
    net.search("gRPC");
    net.run_for(59.0);
    assert_eq!(net.channel.state(), State::Ready);
    net.run_for(2.0);
    assert_eq!((net.channel.state(), net.channel.connections()), (State::Idle, 0));
    net.assert_freed();
    net.search("gRPC");
    net.run_for(1.0);
    assert_eq!(net.channel.state(), State::Ready);
    assert_eq!(net.dials().len(), 2);
}

#[test]
fn a_name_is_asked_for_before_it_is_dialled_and_again_in_time() {
    let mut net = Net::new("dns:///search.test:50051", Config { idle_timeout: None, ..Config::default() });
    net = net.with_examples([1, 2]);
    net.names.insert("search.test:50051".to_owned(), Ok(vec![address(1)]));
    let ticket = net.search("gRPC");
    net.run_for(1.0);
    assert_eq!(net.ending(ticket).unwrap().status, Status::OK);
    assert_eq!(net.questions(), [seconds(0.0)]);
    net.run_until(seconds(1801.0));
    assert_eq!(net.questions(), [seconds(0.0), seconds(1800.001)], "half an hour after the answer");

    // A lost connection is a hint, but names are not asked for more often than every 30 s.
    net.run_until(seconds(1805.0));
    net.names.insert("search.test:50051".to_owned(), Ok(vec![address(2)]));
    net.break_all(1);
    net.run_until(seconds(1900.0));
    assert_eq!(net.questions()[2..], [seconds(1830.001)]);
    let ticket = net.search("gRPC");
    assert_eq!(net.dials().last(), Some(&(seconds(1900.0), address(2))));
    net.run_for(1.0);
    assert_eq!(net.ending(ticket).unwrap().status, Status::OK);
}

#[test]
fn a_name_without_address_fails_the_calls_and_is_asked_for_again_with_backoff() {
    let mut net = Net::new("search.test:50051", Config::default()).with_examples([1]);
    net.names.insert("search.test:50051".to_owned(), Err("no such host".to_owned()));
    let ticket = net.search("gRPC");
    net.run_for(3.0);
    let ending = net.ending(ticket).unwrap();
    assert_eq!(ending.status, Status::UNAVAILABLE);
    assert_eq!(ending.message, "name resolver error: search.test:50051: no such host");
    assert_eq!(net.questions()[..2], [seconds(0.0), seconds(1.001)]);
    net.names.insert("search.test:50051".to_owned(), Ok(vec![address(1)]));
    net.run_for(10.0);
    assert_eq!(net.states(), [State::Connecting, State::TransientFailure, State::Connecting, State::Ready]);
}

#[test]
fn a_backend_that_leaves_finishes_its_calls_and_one_that_joins_gets_some() {
    let config = Config { balancer: Balancer::RoundRobin, ..Config::default() };
    let mut net = Net::new("192.0.2.1:50051,192.0.2.2:50051", config).with_examples([1, 2, 3]);
    net.tell(|channel, now| channel.connect(now));
    net.run_for(0.1);
    let slow = || {
        let mut request = Request::default();
        request.metadata.push("work-ms", "1000");
        request
    };
    let (first, second) = (net.search_with("gRPC", slow()), net.search_with("gRPC", slow()));
    assert_eq!(net.attempts(first), [address(1)]);
    net.run_for(0.1);
    net.tell(|channel, now| channel.update_addresses(now, &[address(2), address(3)]));
    net.run_for(0.1);
    let tickets: Vec<_> = (0..10).map(|_| net.search("gRPC")).collect();
    assert!(tickets.iter().all(|ticket| net.attempts(*ticket) != [address(1)]));
    assert!(tickets.iter().any(|ticket| net.attempts(*ticket) == [address(3)]));
    assert!(net.happenings().contains(&Happening::Draining));
    assert_eq!(net.channel.connections(), 3);
    net.run_for(2.0);
    assert!([first, second].iter().all(|ticket| net.ending(*ticket).unwrap().status == Status::OK));
    assert_eq!(net.channel.connections(), 2, "the one that left was ended when its call had ended");
    assert_eq!(net.dials().len(), 3, "the one that stayed kept its connection");
}

#[test]
fn pick_first_keeps_its_connection_while_its_address_is_among_the_new_ones() {
    let mut net = Net::new(ONE, Config::default()).with_examples([1, 2]);
    net.search("gRPC");
    net.run_for(1.0);
    net.tell(|channel, now| channel.update_addresses(now, &[address(2), address(1)]));
    net.run_for(1.0);
    assert_eq!((net.dials().len(), net.channel.state()), (1, State::Ready));
    net.tell(|channel, now| channel.update_addresses(now, &[address(2)]));
    net.run_for(1.0);
    assert_eq!(net.dials().last().unwrap().1, address(2));
    assert_eq!((net.channel.connections(), net.channel.state()), (1, State::Ready));
    net.tell(|channel, now| channel.update_addresses(now, &[]));
    net.run_for(1.0);
    assert_eq!((net.channel.connections(), net.channel.state()), (0, State::TransientFailure));
}

#[test]
fn close_ends_all_calls_and_frees_everything() {
    let config = Config { balancer: Balancer::RoundRobin, ..Config::default() };
    let mut net = Net::new(THREE, config).with_examples([1, 2]);
    net.tell(|channel, now| channel.connect(now));
    net.run_for(0.1);
    let mut request = Request::default();
    request.metadata.push("work-ms", "5000");
    let tickets: Vec<_> = (0..4).map(|_| net.search_with("gRPC", request.clone())).collect();
    net.run_for(0.1);
    net.tell(|channel, now| channel.close(now));
    assert_eq!(net.channel.state(), State::Shutdown);
    for ticket in tickets {
        let ending = net.ending(ticket).unwrap();
        assert_eq!((ending.status, ending.message.as_str()), (Status::CANCELLED, "the channel is closed"));
    }
    assert_eq!(net.channel.calls(), 0);
    let after = net.search("gRPC");
    assert_eq!(net.ending(after).unwrap().status, Status::CANCELLED);
    net.run_for(1.0);
    net.assert_freed();
    let orders = net.orders.len();
    net.run_for(3600.0);
    assert_eq!(net.orders.len(), orders, "nothing is dialled any more");
}

#[test]
fn close_forgets_what_is_being_dialled_and_does_not_wait_for_ever() {
    let config = Config { balancer: Balancer::RoundRobin, ..Config::default() };
    let mut net = Net::new("192.0.2.1:50051,192.0.2.2:50051", config).with_examples([2]);
    net.hosts.insert(address(1), crate::net::Host::Swallows);
    net.tell(|channel, now| channel.connect(now));
    net.run_for(0.1);
    // Its server says nothing any more.
    net.links.clear();
    net.tell(|channel, now| channel.close(now));
    let orders: Vec<_> = net.orders.iter().map(|(_, order)| order.clone()).collect();
    let [abort, end] = [0, 1].map(framescope::endpoint::ConnectionId);
    assert!(orders.contains(&Order::Abort { connection: abort }));
    net.run_for(4.9);
    assert_eq!(net.channel.connections(), 1);
    net.run_for(0.2);
    assert_eq!(net.orders.last().unwrap().1, Order::Abort { connection: end });
    net.assert_freed();
}

#[test]
fn a_graceful_close_lets_calls_finish() {
    let mut net = Net::new(ONE, Config::default()).with_examples([1]);
    let waiting = net.search("gRPC");
    net.tell(|channel, now| channel.close_gracefully(now));
    assert_eq!(net.channel.state(), State::Shutdown);
    let late = net.search("gRPC");
    assert_eq!(net.ending(late).unwrap().status, Status::CANCELLED);
    net.run_for(1.0);
    assert_eq!(net.ending(waiting).unwrap().status, Status::OK);
    net.assert_freed();
}

#[test]
fn a_channel_that_is_never_closed_keeps_its_connection() {
    let config = Config { idle_timeout: None, ..Config::default() };
    let mut net = Net::new(ONE, config).with_examples([1]);
    net.search("gRPC");
    net.run_for(100_000.0);
    assert_eq!((net.channel.connections(), net.channel.state()), (1, State::Ready));
}
