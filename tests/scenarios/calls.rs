//! Messages, metadata and windows.

use crate::support::{field, millis, number, trace};

#[test]
fn a_secret_is_never_indexed_and_other_metadata_is_the_second_time() {
    let trace = trace("metadata");
    let requests = trace.frames("HEADERS", "to_server");
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(field(request, "authorization")[0]["representation"], "never_indexed");
        assert_eq!(field(request, "x-tag").len(), 2);
    }
    assert_eq!(field(requests[1], "x-user")[0]["representation"], "indexed");
    assert_eq!(trace.calls()[0]["trailers"][0][0], "x-cost");
}

#[test]
fn stamps_show_the_order_of_interceptors_in_and_out() {
    let trace = trace("interceptors");
    let stamps = |frame: usize| {
        let frames = trace.frames("HEADERS", "to_client");
        field(frames[frame], "stamp")
            .iter()
            .map(|field| field["value"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = "logging,recovery,deadline,stamp";
    assert_eq!(stamps(0), [all]);
    assert_eq!(stamps(1), ["stamp"]);
    assert_eq!(stamps(3), ["stamp"]);
    assert_eq!(stamps(4), [all]);
    assert_eq!(trace.statuses(), [0, 4, 0]);
}

#[test]
fn a_message_is_packed_only_where_that_makes_it_smaller() {
    let trace = trace("compression");
    let messages = trace.records("message");
    let packed: Vec<bool> = messages.iter().map(|message| message["compressed"] == true).collect();
    assert_eq!(packed, [true, true, false, false]);
    assert!(number(&messages[0]["length"]) * 100 < number(&messages[0]["decoded_length"]));
}

#[test]
fn a_large_message_takes_many_frames_and_windows_and_the_windows_grow() {
    let trace = trace("large-message");
    assert_eq!(trace.records("message").len(), 2);
    for direction in ["to_server", "to_client"] {
        assert!(trace.frames("DATA", direction).len() > 16);
    }
    assert!(trace.frames("DATA", "").iter().any(|frame| frame["window_stream"] == 0));
    assert!(trace.frames("SETTINGS", "").len() > 4, "windows grow by SETTINGS");
}

#[test]
fn twelve_messages_share_a_frame() {
    let trace = trace("small-messages");
    assert_eq!(trace.frames("DATA", "to_server").len(), 2);
    assert_eq!(trace.calls()[0]["request_messages"], 12);
    assert_eq!(trace.calls()[1]["response_messages"], 12);
}

#[test]
fn a_reader_that_does_not_read_stops_its_own_stream_only() {
    let trace = trace("stall");
    let data = trace.frames("DATA", "to_client");
    let of_first: Vec<_> = data.iter().filter(|frame| frame["stream"] == 1).collect();
    let last_before = of_first.iter().rposition(|frame| millis(&frame["time_ns"]) < 50.0).unwrap();
    assert_eq!(of_first[last_before]["window_stream"], 0);
    assert!(
        of_first[last_before]["note"].as_str().unwrap().ends_with("both windows are used up"),
        "{:?}",
        of_first[last_before]["note"]
    );
    assert!(millis(&of_first[last_before]["time_ns"]) < 1.0, "it waits for 50 ms");
    assert!(number(&trace.calls()[1]["duration_ns"]) < 1_000_000, "the other call does not wait");
    assert_eq!(trace.statuses(), [0, 0]);
}

#[test]
fn no_more_calls_are_open_than_the_server_takes() {
    let trace = trace("concurrency-limit");
    let calls = trace.calls();
    assert_eq!(trace.statuses(), [0; 6]);
    for call in &calls {
        let begin = number(&call["start_ns"]);
        let open = calls.iter().filter(|other| number(&other["start_ns"]) <= begin && number(&other["end_ns"]) > begin);
        assert!(open.count() <= 2);
    }
    assert!(number(&calls[5]["start_ns"]) - number(&calls[1]["start_ns"]) >= 10_000_000, "the last one has waited");
}

#[test]
fn pages_of_a_proxy_become_statuses() {
    let trace = trace("http-error");
    assert_eq!(trace.statuses(), [-1; 8], "none of them is on the wire");
    let notes: Vec<&str> = trace.records("frame").iter().filter_map(|frame| frame["note"].as_str()).collect();
    for words in [
        "HTTP 502 counts as UNAVAILABLE (14)",
        "HTTP 404 counts as UNIMPLEMENTED (12)",
        "HTTP 401 counts as UNAUTHENTICATED (16)",
    ] {
        assert!(notes.iter().any(|note| note.contains(words)), "{words}");
    }
}
