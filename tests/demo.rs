//! `framescope demo` as its users meet it. The goldens of `fixtures/demo` are what the simulated scenarios show.
//!
//! `UPDATE_GOLDEN=1 cargo test --test demo` writes them anew; read the difference as prose before it is committed.
#![allow(missing_docs, reason = "a test binary")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use framescope::endpoint::scenario::Scenario;

fn framescope(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(variable);
    }
    command.args(arguments).stdin(Stdio::null()).output().expect("the program runs")
}

fn stdout(arguments: &[&str]) -> String {
    let output = framescope(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_scenario_shows_what_it_did() {
    for Scenario { name, .. } in Scenario::all() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/demo/{name}.txt"));
        let shown = stdout(&["demo", name, "--simulate"]);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &shown).expect("the golden can be written");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        for (line, (found, wanted)) in (1..).zip(shown.lines().zip(expected.lines())) {
            assert_eq!(found, wanted, "{} line {line}", golden.display());
        }
        assert_eq!(shown.len(), expected.len(), "{}", golden.display());
    }
}

/// The numbered headings of a walk-through.
fn steps(text: &str) -> Vec<(u32, &str)> {
    text.lines()
        .filter_map(|line| line.trim_start().split_once("  "))
        .filter_map(|(number, title)| Some((number.parse().ok()?, title)))
        .collect()
}

const TWELVE: [(u32, &str); 12] = [
    (1, "Magic"),
    (2, "SETTINGS"),
    (3, "HEADERS"),
    (4, "DATA"),
    (5, "SETTINGS"),
    (6, "WINDOW_UPDATE"),
    (7, "PING"),
    (8, "HEADERS"),
    (9, "DATA"),
    (10, "HEADERS"),
    (11, "WINDOW_UPDATE"),
    (12, "PING"),
];

#[test]
fn the_unary_call_takes_the_twelve_steps_in_their_order() {
    assert_eq!(steps(&stdout(&["demo", "unary", "--simulate"])), TWELVE);
}

#[test]
fn the_twelve_steps_come_in_their_order_over_tcp_too() {
    for _ in 0..20 {
        let text = stdout(&["demo"]);
        assert_eq!(steps(&text), TWELVE, "{text}");
        assert!(text.contains("proto.SearchResponse {\"response\": \"gRPC Server\"}"));
        assert!(text.contains("16 frames, 1 call, 2 messages"));
    }
}

#[test]
fn acknowledgements_stand_under_the_step_they_answer() {
    let text = stdout(&["demo", "--simulate"]);
    let under = |title: &str| {
        let (_, rest) = text.split_once(title).expect("the step");
        rest.split("\n\n").next().expect("its lines").to_owned()
    };
    assert!(under("\n 2  SETTINGS").contains("<-      0  SETTINGS ACK"));
    assert!(under("\n 5  SETTINGS").contains("->      0  SETTINGS ACK"));
    assert!(under("\n 7  PING").contains("->      0  PING ACK"));
    assert!(under("\n12  PING").contains("<-      0  PING ACK"));
}

#[test]
fn the_capture_that_is_kept_decodes_as_it_was_shown_and_is_the_same_every_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = |name: &str| {
        let path = folder.path().join(name);
        let shown = stdout(&["demo", "bidi", "--simulate", "-T", "ndjson", "-w", path.to_str().expect("UTF-8")]);
        (shown, std::fs::read(&path).expect("the capture"), path)
    };
    let (shown, first, path) = keep("first.pcapng");
    assert_eq!(first, keep("second.pcapng").1);
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    let decoded = stdout(&["decode", "-T", "ndjson", "--proto", proto, path.to_str().expect("UTF-8")]);
    // The first and the last line name the source and what the file says about itself; the notes that are kept were added to it.
    let apart = ["header", "summary", "comment"].map(|kind| format!("{{\"type\":\"{kind}\""));
    let frames = |text: &str| {
        text.lines()
            .filter(|line| !apart.iter().any(|kind| line.starts_with(kind)))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(frames(&decoded), frames(&shown));
    assert!(
        decoded.contains("\"text\":\"framescope: HEADERS: call 0 begins: /proto.StreamService/Route\""),
        "notes are shown"
    );
    let text = String::from_utf8_lossy(&first);
    assert!(text.contains("framescope: HEADERS: call 0 begins: /proto.StreamService/Route"), "notes are comments");
    assert!(text.contains("headers were made up"), "the capture says what it is");
}

#[test]
fn the_list_names_every_scenario() {
    let list = stdout(&["demo", "--list"]);
    for Scenario { name, about, .. } in Scenario::all() {
        assert!(list.lines().any(|line| line.starts_with(name) && line.ends_with(about)));
    }
}

#[test]
fn what_cannot_be_played_is_a_usage_error() {
    for (arguments, words) in [
        (&["demo", "nothing"][..], "there is no scenario `nothing`"),
        (&["demo", "all", "-w", "x.pcapng"], "name one scenario"),
        (&["demo", "bidi", "--calls", "3"], "belong to `demo load`"),
    ] {
        let output = framescope(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(words));
    }
}

#[test]
fn all_of_them_are_played_one_after_another() {
    let text = stdout(&["demo", "all", "--simulate", "-T", "calls"]);
    assert!(text.contains("/proto.StreamService/Record") && text.contains("UNAUTHENTICATED"));
}

#[test]
fn a_load_that_is_not_kept_is_shown_as_it_is_made() {
    for (format, golden) in [("text", "text.txt"), ("calls", "calls.txt")] {
        let shown = stdout(&["demo", "load", "--connections", "2", "--calls", "12", "--size", "40", "-T", format]);
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/load").join(golden);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &shown).expect("the golden can be written");
        }
        assert_eq!(shown, std::fs::read_to_string(golden).expect("the golden"));
    }
}

#[test]
fn a_load_is_the_same_for_the_same_seed_and_has_the_calls_that_were_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |name: &str, seed: &str| {
        let path = folder.path().join(name);
        let path = path.to_str().expect("UTF-8");
        let said = stdout(&["demo", "load", "--connections", "3", "--calls", "50", "--seed", seed, "-w", path]);
        assert!(said.contains("3 connections, 50 calls"), "{said}");
        (std::fs::read(path).expect("the capture"), stdout(&["decode", "-T", "calls", path]))
    };
    let (first, calls) = load("first.pcapng", "1");
    assert_eq!(load("second.pcapng", "1").0, first);
    assert_ne!(load("third.pcapng", "2").0, first);
    assert!(calls.contains("3 flows") && calls.contains("50 calls"), "{calls}");
}
