//! Connections: how many, how they are kept, how they end.

use crate::support::{millis, number, trace};

#[test]
fn churn_takes_a_connection_a_call_and_a_pool_two() {
    let (churn, pool) = (trace("churn"), trace("pool"));
    assert_eq!(churn.flows().len(), 5);
    assert!(churn.flows().iter().all(|flow| flow["closed"] == "fin"));
    assert_eq!(pool.flows().len(), 2);
    let mut shares: Vec<usize> = pool.calls_by_server().into_iter().map(|(_, calls)| calls).collect();
    shares.sort_unstable();
    assert_eq!(shares, [2, 3], "they take turns");
}

#[test]
fn what_leaks_is_still_open_at_the_end() {
    let trace = trace("leak");
    assert_eq!(trace.statuses(), [0; 5]);
    assert_eq!(trace.flows().len(), 5);
    assert!(trace.flows().iter().all(|flow| flow["closed"] == "open"));
}

#[test]
fn keepalive_asks_with_and_without_calls_and_is_answered() {
    let trace = trace("keepalive");
    let pings: Vec<_> =
        trace.frames("PING", "to_server").into_iter().filter(|ping| ping["opaque"] == "0000000000000000").collect();
    let asked: Vec<f64> = pings.iter().map(|ping| millis(&ping["time_ns"])).collect();
    assert!(asked.len() >= 3 && (40.0..41.0).contains(&asked[0]), "{asked:?}");
    let answers = trace.frames("PING", "to_client").into_iter();
    assert_eq!(answers.filter(|ping| ping["ack"] == true && ping["opaque"] == "0000000000000000").count(), pings.len());
}

#[test]
fn a_dead_peer_is_given_up_and_replaced() {
    let trace = trace("dead-peer");
    assert_eq!(trace.statuses(), [0, -1, 0]);
    assert_eq!(trace.flows().len(), 2);
    let of_first = trace.records("frame").into_iter().filter(|frame| frame["flow"] == 0);
    let last: Vec<_> = of_first.rev().take(2).map(|frame| (&frame["frame"], &frame["ack"])).collect();
    assert_eq!((last[0].0, last[1].0), (&"GOAWAY".into(), &"PING".into()), "PING, no answer, the end");
    assert_eq!(trace.calls()[2]["flow"], 1);
}

#[test]
fn too_many_pings_end_the_connection_and_the_next_one_asks_half_as_often() {
    let trace = trace("too-many-pings");
    let goaway = trace.frames("GOAWAY", "to_client")[0];
    assert_eq!((&goaway["error_name"], &goaway["debug_data"]), (&"ENHANCE_YOUR_CALM".into(), &"too_many_pings".into()));
    let times = |flow: i64| -> Vec<f64> {
        let pings = trace.frames("PING", "to_server").into_iter();
        pings.filter(|ping| ping["flow"] == flow && ping["ack"] == false).map(|ping| millis(&ping["time_ns"])).collect()
    };
    let (first, second) = (times(0), times(1));
    assert!((first[1] - first[0]) * 1.9 < second[1] - second[0], "{first:?} {second:?}");
    assert_eq!(trace.statuses(), [0, 0]);
}

#[test]
fn a_graceful_stop_has_two_goaways_and_loses_no_call() {
    let trace = trace("graceful-stop");
    let goaways = trace.frames("GOAWAY", "to_client");
    let last: Vec<i64> = goaways.iter().map(|goaway| number(&goaway["last_stream_id"])).collect();
    assert_eq!(last, [0x7fff_ffff, 1]);
    assert_eq!(trace.statuses(), [0, 0]);
    assert_ne!(trace.calls()[0]["flow"], trace.calls()[1]["flow"]);
}

#[test]
fn a_hard_stop_loses_what_is_under_way() {
    let trace = trace("hard-stop");
    assert_eq!(trace.statuses(), [-1, 0]);
    assert_eq!(trace.calls()[0]["outcome"], "connection_lost");
}

#[test]
fn age_ends_connections_and_no_call() {
    let trace = trace("max-age");
    assert_eq!(trace.statuses(), [0; 5]);
    assert_eq!(trace.flows().len(), 2);
    let last: Vec<i64> =
        trace.frames("GOAWAY", "to_client").iter().map(|goaway| number(&goaway["last_stream_id"])).collect();
    assert_eq!(last[0], 0x7fff_ffff);
    assert!(last[1] < 100);
}

#[test]
fn a_channel_survives_its_connection() {
    let trace = trace("reconnect");
    assert_eq!(trace.statuses(), [0, -1, 0]);
    let flows: Vec<i64> = trace.calls().iter().map(|call| number(&call["flow"])).collect();
    assert_eq!(flows, [0, 0, 1]);
}

#[test]
fn a_server_out_of_descriptors_accepts_when_its_pause_is_over() {
    let trace = trace("accept-backoff");
    assert_eq!(trace.statuses(), [0; 3]);
    let prefaces: Vec<f64> = trace
        .frames("SETTINGS", "to_client")
        .iter()
        .filter(|frame| frame["ack"] == false)
        .map(|frame| millis(&frame["time_ns"]))
        .collect();
    assert!(prefaces[0] < 1.0);
    // 100.3 ms, and the pauses of 5, 10 and 20 ms.
    assert!(prefaces[1..].iter().all(|time| (135.3..135.5).contains(time)), "{prefaces:?}");
}
