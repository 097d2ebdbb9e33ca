//! Where calls go.

use crate::support::{field, millis, trace};

#[test]
fn dialling_waits_for_a_call_unless_it_blocks() {
    let trace = trace("async-dial");
    let began: Vec<f64> = trace.frames("MAGIC", "to_server").iter().map(|frame| millis(&frame["time_ns"])).collect();
    assert!(began[0] < 1.0 && began[1] > 30.0, "{began:?}");
    assert_eq!(trace.statuses(), [0, 0]);
}

#[test]
fn attempts_come_at_growing_intervals_until_one_succeeds() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo/backoff.txt")).unwrap();
    let refused: Vec<f64> =
        text.lines().filter_map(|line| line.split_once("refused at ")?.1.split_once(" ms")?.0.parse().ok()).collect();
    assert!(refused.len() >= 4, "{refused:?}");
    let intervals: Vec<f64> = refused.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(intervals.is_sorted(), "{intervals:?}");
    assert!((19.0..21.0).contains(&intervals[0]));
    assert_eq!(trace("backoff").statuses(), [0]);
}

#[test]
fn pick_first_sends_every_call_to_one_backend() {
    let by_server = trace("pick-first").calls_by_server();
    assert_eq!(by_server, [("192.0.2.2:50051".to_owned(), 6)]);
}

#[test]
fn round_robin_lets_the_backends_take_turns() {
    let by_server = trace("round-robin").calls_by_server();
    assert_eq!(by_server.iter().map(|(_, calls)| *calls).collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn a_backend_that_leaves_the_name_gets_no_more_calls_and_one_that_joins_does() {
    let trace = trace("resolver-update");
    assert_eq!(trace.statuses(), [0; 8]);
    let flows = trace.flows();
    let calls_of = |server: &str| -> Vec<f64> {
        let flow = flows.iter().find(|flow| flow["server"] == server).unwrap();
        trace.calls().iter().filter(|call| call["flow"] == flow["flow"]).map(|call| millis(&call["start_ns"])).collect()
    };
    assert!(calls_of("192.0.2.2:50051").iter().all(|time| *time < 80.0));
    assert!(calls_of("192.0.2.4:50051").iter().all(|time| *time > 60.0));
    assert!(calls_of("192.0.2.4:50051").len() > 1);
}

#[test]
fn a_retry_says_how_often_it_was_tried_and_only_what_may_be_is() {
    let trace = trace("retry");
    let attempts: Vec<Option<String>> = trace
        .frames("HEADERS", "to_server")
        .iter()
        .map(|frame| {
            field(frame, "grpc-previous-rpc-attempts").first().map(|field| field["value"].as_str().unwrap().to_owned())
        })
        .collect();
    let text = |number: &str| Some(number.to_owned());
    let (one, two, three) = (text("1"), text("2"), text("3"));
    assert_eq!(attempts, [None, one.clone(), two.clone(), None, None, one.clone(), two, three, None, one]);
    assert_eq!(trace.statuses(), [14, 14, 0, 3, 14, 14, 14, 14, 14, 0]);
    let calls = trace.calls();
    let pushed_back = millis(&calls[9]["start_ns"]) - millis(&calls[8]["end_ns"]);
    assert!((30.0..31.0).contains(&pushed_back), "{pushed_back}");
}
