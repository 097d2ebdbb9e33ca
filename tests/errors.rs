//! What goes wrong is told in one line, with an exit code of its own, and costs nobody a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    command.current_dir(fixture("")).args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program runs")
}

/// The only line on the standard error of a run that ends with `code`.
fn complaint(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    let told = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    assert!(told.starts_with("framescope: ") && told.ends_with('\n') && told.lines().count() == 1, "{told:?}");
    told
}

const UNARY: &str = "captures/go_article_unary.pcap";

#[test]
fn a_command_line_that_is_not_understood_is_told_in_one_line_with_what_was_meant() {
    for (arguments, told) in [
        (&["deocde", UNARY][..], "unrecognized subcommand 'deocde'"),
        (
            &["decode", UNARY, "--protos", "x"],
            "a similar argument exists: '--proto'; `framescope decode --help` tells more",
        ),
        (&["decode", UNARY, "-T", "json"], "[possible values: text, ndjson, calls, markdown]"),
        (&["decode", UNARY, "--port", "70000"], "70000 is not in 0..=65535; `framescope decode --help`"),
        (&["decode"], "required arguments were not provided: <FILE>..."),
        (&["decode", "--limit", "message=4"], "nothing to decode: name a capture"),
        (&["decode", UNARY, "--from", "2s", "--to", "1s"], "--from is later than --to"),
        (
            &["decode", UNARY, "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"],
            "--from is later than --to",
        ),
        (&["decode", UNARY, "--method", ""], "--method `` matches nothing"),
        (&["demo", "unary", "--simulate", "--capture", "live"], "cannot be used with"),
        (&["relay", "--listen", "127.0.0.1:0"], "--to <HOST:PORT>; `framescope relay --help`"),
        (&["completions", "tcsh"], "[possible values: bash, elvish, fish, powershell, zsh]"),
        (
            &["call", "127.0.0.1:1", "a.B/C", "-H", "secret", "--proto", "proto"],
            "-H `...` cannot be sent: it is not NAME: VALUE",
        ),
        (&["decode", "--\u{1b}[31m"], r"unexpected argument '--"),
    ] {
        let found = complaint(arguments, 2);
        assert!(found.contains(told), "{arguments:?}: {found}");
        assert!(!found.contains('\u{1b}'), "{found:?}");
    }
}

#[test]
fn the_limits_are_listed_without_a_capture() {
    let output = run(&["decode", "--limit", "help"]);
    let list = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && list.contains("\nmessage                  8MiB  "), "{list}");
    assert!(list.contains("\nflows                   65536  "), "{list}");
}

#[test]
fn words_about_a_file_have_no_numbers_of_the_system() {
    for arguments in [&["decode", "no/such.pcap"][..], &["decode", "-"]] {
        let told = complaint(arguments, 3);
        assert!(!told.contains("os error") && !told.contains(" -:"), "{told}");
    }
    assert!(complaint(&["decode", "-"], 3).contains("standard input: not a packet capture"));
    let told = complaint(&["decode", UNARY, "--descriptor-set", "proto/goexample"], 5);
    assert!(!told.contains("os error"), "{told}");
}

#[test]
fn a_schema_that_was_given_as_the_wrong_kind_is_told_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = directory.path().join("a.proto");
    fs::write(&text, "syntax = \"proto3\"; message A { string s = 1; } message A { int32 t = 1; }").expect("a file");
    let text = text.to_str().expect("UTF-8");
    assert!(complaint(&["decode", UNARY, "--descriptor-set", text], 5).contains("give it with --proto"));
    let output = run(&["decode", UNARY, "--proto", text]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("A is defined twice; the first definition is used"), "{told}");
}

#[test]
fn what_is_read_is_never_overwritten_whatever_it_is_called() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let (capture, link, hard, schema) = (path("a.pcap"), path("link"), path("hard"), path("a.proto"));
    fs::copy(fixture(UNARY), &capture).expect("a copy");
    fs::write(&schema, "syntax = \"proto3\"; message A { string s = 1; }").expect("a file");
    fs::hard_link(&capture, &hard).expect("a link");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&capture, &link).expect("a link");
    #[cfg(not(unix))]
    fs::hard_link(&capture, &link).expect("a link");
    let sizes = || [&capture, &schema].map(|path| fs::metadata(path).expect("still there").len());
    let before = sizes();
    for arguments in [
        &["decode", &capture, "-o", &capture][..],
        &["decode", &capture, "-o", &link],
        &["decode", &link, "-o", &capture],
        &["decode", &capture, "-o", &hard],
        &["decode", UNARY, &capture, "-o", &capture],
        &["decode", &capture, "--proto", &schema, "-o", &schema],
        &["decode", &capture, "--proto", &path(""), "-o", &schema],
        &["decode", &capture, "-I", &path(""), "-o", &schema],
    ] {
        assert!(complaint(arguments, 2).contains("it is being read; name another file with -o"), "{arguments:?}");
    }
    let relay = ["relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--proto", &schema, "-w", &schema];
    assert!(complaint(&relay, 2).contains("it is being read; name another file with -w"));
    assert_eq!(sizes(), before);
}

#[test]
fn a_trace_and_a_capture_never_go_into_one_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, other) = (directory.path().join("a"), directory.path().join("b"));
    fs::write(&file, "before").expect("a file");
    fs::hard_link(&file, &other).expect("a link");
    let (name, other) = (file.to_str().expect("UTF-8"), other.to_str().expect("UTF-8"));
    for (write, output) in [(name, name), (name, other)] {
        let told = complaint(&["demo", "--simulate", "-w", write, "-o", output], 2);
        assert!(told.contains("-w and -o name the same file"), "{told}");
    }
    assert_eq!(fs::read_to_string(&file).expect("the file"), "before");
}

#[test]
fn an_earlier_trace_stays_when_there_is_nothing_to_put_in_its_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("trace.txt");
    let name = file.to_str().expect("UTF-8");
    let long = "the trace of yesterday\n".repeat(1000);
    fs::write(&file, &long).expect("a file");
    complaint(&["decode", "no/such.pcap", "-o", name], 3);
    complaint(&["decode", UNARY, "--proto", "no/such", "-o", name], 5);
    assert_eq!(fs::read_to_string(&file).expect("the file"), long);
    assert!(run(&["decode", UNARY, "-o", name]).status.success());
    assert_eq!(fs::read(&file).expect("the file"), run(&["decode", UNARY]).stdout);
}

#[test]
fn an_output_that_cannot_be_opened_is_exit_code_7() {
    for option in ["-o", "-w"] {
        for place in ["captures", "no/such/file"] {
            let told = complaint(&["demo", "--simulate", option, place], 7);
            assert!(
                told.contains("cannot write to ") && told.contains(&format!("another file with {option}")),
                "{told}"
            );
        }
    }
}

#[test]
fn the_name_of_a_capture_steers_no_terminal_and_reads_the_same_everywhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a\u{1b}[31m|`b\u{202e}.pcap");
    if fs::copy(fixture(UNARY), &file).is_err() {
        return eprintln!("skipped: the file system has no such names");
    }
    let name = file.to_str().expect("UTF-8");
    for format in ["text", "calls", "markdown", "ndjson"] {
        let text = String::from_utf8(run(&["decode", name, "-T", format]).stdout).expect("UTF-8");
        assert!(!text.is_empty() && !text.contains(['\u{1b}', '\u{202e}']), "{format}: {text}");
        if format == "markdown" {
            assert!(
                text.lines().next().is_some_and(|title| title.ends_with("/a\\x1b[31m\\|`b\\u{202e}.pcap``")),
                "{text}"
            );
        }
        if format == "ndjson" {
            let header: serde_json::Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
            assert_eq!(header["source"], name);
        }
    }
    for arguments in [&["decode", name, "-o", name][..], &["decode", name, "--proto", name], &["demo", name]] {
        let told = String::from_utf8(run(arguments).stderr).expect("UTF-8");
        assert!(!told.is_empty() && !told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    }
}

#[test]
fn pages_of_help_heed_pipes_and_full_disks() {
    for arguments in [&["--help"][..], &["decode", "--help"], &["man"], &["completions", "bash"], &["--version"]] {
        let mut child =
            command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the program ends");
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}");
        let Ok(full) = fs::File::options().write(true).open("/dev/full") else { continue };
        let output = command(arguments).stdout(full).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(7), "{arguments:?}");
    }
}
