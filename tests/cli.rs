//! The command line as its users meet it: formats, filters, pipes, exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn framescope(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(variable);
    }
    command.current_dir(fixture("")).args(arguments).stdin(Stdio::null()).output().expect("the program runs")
}

fn stdout(arguments: &[&str]) -> String {
    let output = framescope(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Exit code and standard error of a call that fails.
fn failure(arguments: &[&str]) -> (i32, String) {
    let output = framescope(arguments);
    (output.status.code().expect("no signal"), String::from_utf8(output.stderr).expect("UTF-8"))
}

const UNARY: &str = "captures/go_article_unary.pcap";
const ERRORS: &str = "captures/py_errors.pcap";

#[test]
fn the_unary_call_reads_as_in_the_walk_through() {
    let text = stdout(&["decode", UNARY, "--proto", "proto"]);
    for line in [
        "flow 0  127.0.0.1:54530 -> 127.0.0.1:9001  HTTP/2, prior knowledge",
        "   0.540       4  <-      0  SETTINGS             0  server preface: all defaults",
        "   1.316      10  <-      0  SETTINGS ACK         0  accepts the SETTINGS of packet 8 after 0.163 ms",
        "                              proto.SearchRequest {\"request\": \"gRPC\"}",
        "   1.719      12  <-      0  WINDOW_UPDATE        4  +11: gives back what the request used, window 65535",
        "   1.719      12  <-      0  PING                 8  bandwidth probe of grpc-go (BDP estimator)",
        "   1.952      14  ->      0  PING ACK             8  answers packet 12: 0.233 ms",
    ] {
        assert!(text.lines().any(|found| found == line), "missing: {line}\n{text}");
    }
    assert!(text.contains("call 0 ends: OK (0) after 0.506 ms"));
}

#[test]
fn a_pipe_is_shown_as_it_arrives() {
    let capture = std::fs::read(fixture(UNARY)).expect("a fixture");
    let mut child = Command::new(env!("CARGO_BIN_EXE_framescope"))
        .args(["decode", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    // The file header and the first six packets: up to the client's preface.
    let mut end = 24;
    for _ in 0..6 {
        let length = u32::from_le_bytes(capture[end + 8..end + 12].try_into().expect("four octets"));
        end += 16 + length as usize;
    }
    input.write_all(&capture[..end]).expect("the program reads");
    input.flush().expect("the program reads");
    // This returns only because the program writes before it waits for more.
    let mut seen = String::new();
    while !seen.contains("MAGIC") {
        assert_ne!(output.read_line(&mut seen).expect("the program writes"), 0, "ended early: {seen}");
    }
    input.write_all(&capture[end..]).expect("the program reads");
    drop(input);
    output.read_to_string(&mut seen).expect("the program writes");
    assert!(seen.contains("16 frames, 1 call, 2 messages"), "{seen}");
    assert!(child.wait().expect("the program ends").success());
}

#[test]
fn a_pipe_can_be_filtered_by_how_its_calls_end() {
    let capture = std::fs::File::open(fixture(ERRORS)).expect("a fixture");
    let output = Command::new(env!("CARGO_BIN_EXE_framescope"))
        .args(["decode", "-", "--status", "NOT_FOUND", "--frame", "HEADERS"])
        .stdin(capture)
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("2 frames shown, of 68 packets") && text.contains("NOT_FOUND (5)"), "{text}");
}

#[test]
fn filters_show_what_matches_and_nothing_else() {
    let frames = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let all = [&["decode", ERRORS, "-T", "ndjson"], arguments].concat();
        let records = stdout(&all)
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect::<Vec<serde_json::Value>>();
        records.into_iter().filter(|record| record["type"] == "frame").collect()
    };
    assert_eq!(frames(&[]).len(), 130);
    assert!(frames(&["--stream", "3"]).iter().all(|frame| frame["stream"] == 3));
    assert_eq!(frames(&["--stream", "3"]).len(), 4);
    assert!(frames(&["--call", "20"]).iter().all(|frame| frame["call"] == 20));
    assert_eq!(frames(&["--frame", "ping,settings"]).len(), 8);
    assert_eq!(frames(&["--frame", "0x6"]).len(), 4);
    assert!(frames(&["--method", "FailStream"]).iter().all(|frame| frame["call"] == 19 || frame["call"] == 20));
    assert!(!frames(&["--method", "lab.v1.Lab/FailS*"]).is_empty());
    assert_eq!(frames(&["--port", "1"]).len(), 0);
    assert_eq!(frames(&["--port", "50058"]).len(), 130);
    assert_eq!(frames(&["--flow", "1"]).len(), 0);
    assert_eq!(frames(&["--status", "ok"]).len(), 0);
    assert_eq!(frames(&["--status", "5"]).len(), frames(&["--status", "not_found"]).len());
    let late = frames(&["--from", "19ms", "--to", "20s"]);
    assert!(!late.is_empty() && late.len() < 130);
    assert_eq!(frames(&["--from", "1h"]).len(), 0);
}

#[test]
fn every_format_shows_a_capture() {
    assert!(stdout(&["decode", ERRORS, "-T", "calls"]).contains("FAILED_PRECONDITION"));
    assert!(stdout(&["decode", ERRORS, "-T", "markdown"]).contains("```mermaid"));
    let ndjson = stdout(&["decode", ERRORS, "-T", "ndjson"]);
    assert!(ndjson.starts_with("{\"type\":\"header\",\"schema_version\":1,"));
    assert!(ndjson.lines().last().is_some_and(|line| line.starts_with("{\"type\":\"summary\"")));
}

#[test]
fn colour_and_octets_come_when_asked_for() {
    assert!(!stdout(&["decode", UNARY]).contains('\u{1b}'));
    assert!(stdout(&["decode", UNARY, "--color", "always"]).contains("\u{1b}[1m"));
    assert!(
        stdout(&["decode", UNARY, "--bytes"])
            .contains("00000000  50 52 49 20 2a 20 48 54 54 50 2f 32 2e 30 0d 0a  PRI * HTTP/2.0..")
    );
    assert!(stdout(&["decode", UNARY, "--absolute"]).contains("2026-11-21T06:16:00."));
}

#[test]
fn a_rotated_capture_reads_as_the_whole_one() {
    let whole = std::fs::read(fixture(UNARY)).expect("a fixture");
    let mut end = 24;
    for _ in 0..11 {
        let length = u32::from_le_bytes(whole[end + 8..end + 12].try_into().expect("four octets"));
        end += 16 + length as usize;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (first, second) = (directory.path().join("trace.pcap0"), directory.path().join("trace.pcap1"));
    std::fs::write(&first, &whole[..end]).expect("a file");
    std::fs::write(&second, [&whole[..24], &whole[end..]].concat()).expect("a file");
    let (first, second) = (first.to_str().expect("UTF-8"), second.to_str().expect("UTF-8"));
    assert_eq!(stdout(&["decode", first, second]), stdout(&["decode", UNARY]));
    let filtered = |files: &[&str]| stdout(&[&["decode", "--status", "ok"], files].concat());
    assert_eq!(filtered(&[first, second]), filtered(&[UNARY]));
}

#[test]
fn a_file_that_is_missing_does_not_keep_the_others_from_being_read() {
    let output = framescope(&["decode", UNARY, "no/such/file.pcap", ERRORS]);
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("146 frames, 23 calls") && text.contains("not everything was read: "), "{text}");
}

#[test]
fn input_that_cannot_be_read_is_exit_code_3_and_says_what_it_is() {
    let (code, why) = failure(&["decode", "no/such/file.pcap"]);
    assert_eq!(code, 3);
    assert!(why.starts_with("framescope: cannot read no/such/file.pcap: ") && why.lines().count() == 1, "{why}");
    let (code, why) = failure(&["decode", "captures/about.md"]);
    assert_eq!(code, 3);
    assert!(why.contains("not a packet capture: this looks like"), "{why}");
    assert_eq!(failure(&["decode", "captures"]).0, 3);
}

#[test]
fn a_file_cut_inside_a_record_is_shown_so_far_and_exit_code_6() {
    let output = framescope(&["decode", "damaged/cut_mid_record.pcap"]);
    assert_eq!(output.status.code(), Some(6));
    let (text, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("19 packets") && text.contains("call 1 ends: OK (0)"), "{text}");
    assert!(why.contains("octet 2951"), "{why}");
}

#[test]
fn a_schema_that_cannot_be_used_is_exit_code_5() {
    let (code, why) = failure(&["decode", UNARY, "--proto", "no/such/dir"]);
    assert_eq!(code, 5, "{why}");
    assert!(why.contains("no/such/dir"), "{why}");
}

#[test]
fn options_that_cannot_be_understood_are_exit_code_2() {
    for arguments in [
        &["decode"][..],
        &["decode", UNARY, "--status", "fine"],
        &["decode", UNARY, "--frame", "HEADER"],
        &["decode", UNARY, "--from", "yesterday"],
        &["decode", UNARY, "--limit", "nothing=1"],
        &["decode", UNARY, "-T", "xml"],
        &["decode", UNARY, "-o", UNARY],
    ] {
        let (code, why) = failure(arguments);
        assert_eq!(code, 2, "{arguments:?}: {why}");
        assert!(!why.is_empty());
    }
    assert_eq!(std::fs::metadata(fixture(UNARY)).expect("the fixture is still there").len(), 1875);
}

#[test]
fn output_goes_to_a_file_when_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("trace.txt");
    let shown = stdout(&["decode", UNARY, "-o", path.to_str().expect("UTF-8")]);
    assert_eq!(shown, "");
    assert_eq!(std::fs::read_to_string(path).expect("the file"), stdout(&["decode", UNARY]));
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_framescope"))
        .current_dir(fixture(""))
        .args(["decode", "captures/tonic_tonic.pcap", "-T", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let mut why = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut why).expect("UTF-8");
    assert!(child.wait().expect("the program ends").success() && why.is_empty(), "{why}");
}

#[test]
fn limits_are_listed_and_a_small_one_is_told() {
    let list = stdout(&["decode", UNARY, "--limit", "help"]);
    assert!(list.contains("message ") && list.contains(" 8MiB "), "{list}");
    let text = stdout(&["decode", UNARY, "--limit", "message=4"]);
    assert!(text.contains("request 0 is larger than the limit: 6 octets"), "{text}");
    assert!(text.ends_with("18 packets, 1 flow, 16 frames, 1 call, 2 messages, 2 limits reached\n"), "{text}");
}

#[test]
fn output_that_cannot_be_written_is_exit_code_7() {
    if !Path::new("/dev/full").exists() {
        return eprintln!("skipped: no /dev/full");
    }
    let (code, error) = failure(&["decode", UNARY, "-o", "/dev/full"]);
    assert_eq!(code, 7);
    assert!(error.starts_with("framescope: cannot write the output: "), "{error}");
}

#[test]
fn completions_and_the_manual_page_are_made_from_the_same_definition() {
    assert!(stdout(&["completions", "bash"]).contains("--descriptor-set"));
    assert!(stdout(&["man"]).contains(".TH framescope"));
    for command in ["decode", "demo", "relay", "serve", "call"] {
        let page = stdout(&["man", command]);
        assert!(page.contains(&format!("framescope\\-{command} \\- ")), "{page}");
        assert!(page.contains(".nf\n") && page.contains("Exit codes:"), "{page}");
    }
    assert_eq!(failure(&["man", "nothing"]).0, 2);
}

#[test]
fn comments_on_packets_are_shown_with_them_unless_something_else_is_asked_for() {
    let capture = "captures/d_pcapng.pcapng";
    let text = stdout(&["decode", capture]);
    assert!(text.contains("   0.260      11             -- comment: packet comment\n"), "{text}");
    assert!(!stdout(&["decode", capture, "--flow", "0"]).contains("packet comment"));
}
