//! What happens around every call, in the order in which the interceptors were given.

use std::time::Duration;

use framescope::endpoint::client::{Client, Event, Request};
use framescope::endpoint::compression::Compression;
use framescope::endpoint::connection::Config;
use framescope::endpoint::example::SEARCH;
use framescope::endpoint::fields::Fields;
use framescope::endpoint::interceptor::{Begun, Chain, Deadline, Interceptor, Outcome, standard};
use framescope::endpoint::server::{self, Server};
use framescope::grpc::status::Status;
use framescope::http2::frame::StreamId;

use crate::pair::{Pair, header_lists};
use crate::support::at;

fn pair(chain: Chain) -> Pair {
    let mut pair = Pair::new(Config { estimate: false, ..Config::default() }, Config::default());
    pair.server = Server::new(Config { estimate: false, ..Config::default() }).with_interceptors(chain);
    pair.server.begin(pair.now);
    pair
}

fn chain(names: &[&'static str]) -> Chain {
    standard(names.iter().copied(), Deadline::default()).unwrap()
}

fn stamps(list: &Fields) -> Vec<String> {
    let stamps = list.0.iter().filter(|(name, _)| name == b"stamp");
    stamps.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect()
}

fn log(pair: &mut Pair) -> Vec<String> {
    std::iter::from_fn(|| pair.server.poll_log()).collect()
}

#[test]
fn their_order_is_visible_in_metadata_inwards_and_outwards() {
    let mut pair = pair(chain(&["logging", "stamp", "recovery", "deadline", "stamp"]));
    pair.call(Compression::Identity, b"x");
    pair.answer(1);
    let lists = header_lists(&pair.to_client);
    assert_eq!(stamps(&lists[0]), ["logging,stamp", "logging,stamp,recovery,deadline,stamp"]);
    assert_eq!(stamps(&lists[1]), ["stamp", "stamp,deadline,recovery,stamp"]);
}

#[test]
fn an_answer_without_messages_has_all_stamps_in_its_one_header_list() {
    let mut pair = pair(chain(&["recovery", "stamp"]));
    pair.call(Compression::Identity, b"x");
    pair.server.end(StreamId(1), Status::NOT_FOUND, "no", Fields::default());
    pair.exchange();
    let lists = header_lists(&pair.to_client);
    assert_eq!(lists.len(), 1);
    assert_eq!(stamps(&lists[0]), ["recovery,stamp", "stamp"]);
}

#[test]
fn a_clients_stamp_is_in_its_request() {
    let mut request = Request { path: SEARCH.to_owned(), ..Request::default() };
    let usual = Deadline { usual: Some(Duration::from_secs(2)), longest: None };
    standard(["deadline", "stamp"], usual).unwrap().request(&mut request);
    assert_eq!(stamps(&request.metadata), ["deadline,stamp"]);
    assert_eq!(request.timeout, Some(2_000_000_000));
}

#[test]
fn calls_are_logged_with_their_ends_and_strangers_cannot_steer_a_terminal() {
    let mut pair = pair(chain(&["logging"]));
    pair.call(Compression::Identity, b"x");
    while pair.server_event().is_some() {}
    pair.wait(1);
    pair.server.handle_timeout(pair.now);
    pair.answer(1);
    assert_eq!(
        log(&mut pair),
        [
            "stream 1 /proto.SearchService/Search: begins",
            "stream 1 /proto.SearchService/Search: OK after 1000.000 ms, 1 in, 1 out"
        ]
    );
    let request = Request { path: "/a\x1b[2Jb/c".to_owned(), ..Request::default() };
    let ticket = pair.client.call(pair.now, request);
    pair.exchange();
    pair.client.cancel(pair.now, ticket);
    pair.exchange();
    assert_eq!(
        log(&mut pair),
        ["stream 3 /a\\x1b[2Jb/c: begins", "stream 3 /a\\x1b[2Jb/c: nobody waits for it any more at once, 0 in, 0 out"]
    );
}

#[test]
fn a_log_that_nobody_reads_is_bounded_and_says_so() {
    let mut pair = pair(chain(&["logging"]));
    for n in 0..600 {
        pair.call(Compression::Identity, b"x");
        pair.answer(n * 2 + 1);
    }
    let log = log(&mut pair);
    assert_eq!(log.len(), 1001);
    assert_eq!(log[1000], "200 more lines were not written in time");
}

#[test]
fn a_fault_costs_its_own_call_if_it_is_recovered_and_else_the_connection() {
    let mut recovering = pair(chain(&["logging", "recovery"]));
    let mut plain = pair(chain(&["logging"]));
    for pair in [&mut recovering, &mut plain] {
        pair.call(Compression::Identity, b"x");
        pair.call(Compression::Identity, b"y");
        pair.server.fail(StreamId(1), "index out of bounds");
        pair.exchange();
    }
    assert_eq!(recovering.endings(), [(Status::INTERNAL, "the handler failed".to_owned())]);
    assert!(!recovering.server.is_closed());
    recovering.answer(3);
    assert_eq!(recovering.endings(), [(Status::OK, String::new())]);

    assert!(plain.server.is_closed());
    assert_eq!(plain.endings(), [(Status::UNKNOWN, "index out of bounds".to_owned())]);
    plain.client.handle_end(plain.now);
    assert_eq!(plain.endings()[0].0, Status::UNAVAILABLE);
}

#[test]
fn a_call_without_a_deadline_gets_the_usual_one_and_a_late_one_the_longest() {
    let deadline = Deadline { usual: Some(Duration::from_secs(5)), longest: Some(Duration::from_secs(10)) };
    let ends_after = |timeout: Option<u64>| {
        let mut pair = pair(standard(["deadline"], deadline).unwrap());
        let timeout = timeout.map(|seconds| seconds * 1_000_000_000);
        // The client's own clock does not run.
        let ticket = pair.client.call(pair.now, Request { path: SEARCH.to_owned(), timeout, ..Request::default() });
        pair.client.send_last(ticket, b"x");
        pair.exchange();
        assert_eq!(pair.server.deadline(StreamId(1)), pair.server.poll_timeout());
        pair.server.poll_timeout()
    };
    assert_eq!(ends_after(None), Some(at(5_000_000)));
    assert_eq!(ends_after(Some(3)), Some(at(3_000_000)));
    assert_eq!(ends_after(Some(60)), Some(at(10_000_000)));
}

/// Lets nobody in whose metadata has no `token`, and hides it.
#[derive(Debug)]
struct Guard;

impl Interceptor for Guard {
    fn name(&self) -> &'static str {
        "guard"
    }

    fn begin(&mut self, call: &mut Begun<'_>) -> Result<(), Outcome> {
        if call.metadata.value(b"token").is_none() {
            let (status, message) = (Status::UNAUTHENTICATED, "no token".to_owned());
            return Err(Outcome { status, message, trailers: Fields::default(), fault: false });
        }
        call.metadata.0.retain(|(name, _)| name != b"token");
        Ok(())
    }
}

#[test]
fn a_call_that_is_refused_comes_to_no_handler_and_to_nobody_further_in() {
    let stamp = || Box::new(framescope::endpoint::interceptor::Stamp);
    let mut pair = pair(Chain::new(vec![stamp(), Box::new(Guard), stamp()]));
    pair.call(Compression::Identity, b"x");
    assert_eq!(pair.server_event(), None);
    let lists = header_lists(&pair.to_client);
    assert_eq!(stamps(&lists[0]), ["stamp", "stamp"], "one inwards, one outwards");
    assert_eq!(pair.endings(), [(Status::UNAUTHENTICATED, "no token".to_owned())]);

    let mut metadata = Fields::default();
    metadata.push("token", "1").push("else", "2");
    pair.client.call(pair.now, Request { path: SEARCH.to_owned(), metadata, ..Request::default() });
    pair.exchange();
    let Some(server::Event::Call { metadata, .. }) = pair.server_event() else { panic!("a call") };
    assert_eq!(metadata.0.len(), 1);
}

#[test]
fn a_name_that_no_interceptor_has_is_told() {
    assert_eq!(standard(["logging", "retry"], Deadline::default()).unwrap_err(), "retry");
    assert_eq!(chain(&["stamp", "logging"]).names().collect::<Vec<_>>(), ["stamp", "logging"]);
}

#[test]
fn deadlines_pass_in_their_order_whatever_was_called_first() {
    let mut client = Client::new(Config::default(), "test");
    let call = |client: &mut Client, timeout: u64| {
        client.call(at(0), Request { path: SEARCH.to_owned(), timeout: Some(timeout * 1000), ..Request::default() })
    };
    let (late, early) = (call(&mut client, 200), call(&mut client, 100));
    assert_eq!(client.poll_timeout(), Some(at(100)));
    client.handle_timeout(at(150));
    let ended: Vec<_> = std::iter::from_fn(|| client.poll_event()).collect();
    assert!(matches!(&ended[..], [Event::Ended { ticket, .. }] if *ticket == early));
    assert_eq!(client.poll_timeout(), Some(at(200)));
    client.cancel(at(160), late);
    // What is left is the patience with a server that never begins.
    assert_eq!(client.poll_timeout(), Some(at(120_000_000)));
}
