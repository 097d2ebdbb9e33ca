//! Header blocks, tables, pushes, and every frame there is.

use std::collections::BTreeSet;

use crate::support::{number, trace};

#[test]
fn a_long_header_block_goes_on_in_continuations_and_one_too_long_costs_its_call_only() {
    let trace = trace("big-headers");
    assert!(trace.frames("CONTINUATION", "to_server").len() >= 3);
    assert_eq!(trace.frames("HEADERS", "to_server")[0]["length"], 16_384);
    assert_eq!(trace.statuses(), [0, -1, 0]);
    assert_eq!(trace.calls()[1]["outcome"], "reset_by_server");
}

#[test]
fn a_table_that_is_too_small_forgets_what_every_call_needs() {
    let trace = trace("hpack");
    let requests = trace.frames("HEADERS", "to_server");
    let sizes: Vec<i64> = requests.iter().map(|frame| number(&frame["length"])).collect();
    assert!(sizes[1] * 3 < sizes[0], "the second block refers to the first: {sizes:?}");
    assert!(sizes[2..].iter().any(|size| *size > sizes[0]), "one is spelled out again: {sizes:?}");
    let first = &requests[1]["fields"][0];
    assert_eq!(first["representation"], "size_update");
}

#[test]
fn a_push_is_taken_where_it_is_allowed_and_ends_the_connection_where_it_is_not() {
    let trace = trace("push");
    let promises = trace.frames("PUSH_PROMISE", "to_client");
    assert_eq!(promises.iter().filter(|frame| frame["flow"] == 0).count(), 2);
    let resets = trace.frames("RST_STREAM", "to_server");
    assert_eq!((&resets[0]["stream"], &resets[0]["error_name"]), (&4.into(), &"REFUSED_STREAM".into()));
    let goaways = trace.frames("GOAWAY", "to_server");
    assert_eq!(
        (goaways.len(), &goaways[0]["flow"], &goaways[0]["error_name"]),
        (1, &1.into(), &"PROTOCOL_ERROR".into())
    );
}

#[test]
fn the_zoo_has_every_frame_flag_setting_and_code() {
    let trace = trace("frame-zoo");
    let frames = trace.records("frame");
    let names: BTreeSet<&str> = frames.iter().map(|frame| frame["frame"].as_str().unwrap()).collect();
    for name in [
        "MAGIC",
        "DATA",
        "HEADERS",
        "PRIORITY",
        "RST_STREAM",
        "SETTINGS",
        "PUSH_PROMISE",
        "PING",
        "GOAWAY",
        "WINDOW_UPDATE",
        "CONTINUATION",
        "ALTSVC",
        "ORIGIN",
        "PRIORITY_UPDATE",
        "UNKNOWN(0xfa)",
    ] {
        assert!(names.contains(name), "{name}");
    }
    let flags: BTreeSet<&str> = frames
        .iter()
        .flat_map(|frame| frame["flag_names"].as_array().into_iter().flatten())
        .filter_map(|flag| flag.as_str())
        .collect();
    for flag in ["ACK", "END_STREAM", "END_HEADERS", "PADDED", "PRIORITY"] {
        assert!(flags.contains(flag), "{flag}");
    }
    let settings: BTreeSet<i64> = frames
        .iter()
        .flat_map(|frame| frame["settings"].as_array().into_iter().flatten())
        .map(|setting| number(&setting["id"]))
        .collect();
    assert!((1..=6).chain([8, 9]).all(|id| settings.contains(&id)), "{settings:?}");
    let codes: BTreeSet<i64> =
        trace.frames("RST_STREAM", "").iter().map(|frame| number(&frame["error_code"])).collect();
    assert!((0..=13).all(|code| codes.contains(&code)), "{codes:?}");
}
