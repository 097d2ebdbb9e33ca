//! What is shown of every capture, word for word: the goldens stand beside the captures.
//!
//! `UPDATE_GOLDEN=1 cargo test --test golden` writes them anew; read the difference as prose before it is committed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Captures larger than this have no goldens: nobody would read them.
const LARGEST: u64 = 18_000;
/// Damaged ones may be larger where the damage is many small packets: what they show is as short as ever.
const LARGEST_DAMAGED: u64 = 29_000;

fn captures(directory: &str) -> Vec<PathBuf> {
    let largest = if directory == "damaged" { LARGEST_DAMAGED } else { LARGEST };
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(directory);
    let is_capture = |name: &str| [".pcap", ".pcapng", ".gz", ".zst"].iter().any(|ending| name.ends_with(ending));
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_capture))
        .filter(|path| path.metadata().is_ok_and(|metadata| metadata.len() <= largest))
        .collect();
    found.sort();
    found
}

/// What the program shows of a capture, with the exit code where it is not 0.
fn shown(capture: &Path, format: &str) -> String {
    let directory = capture.parent().expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_framescope"))
        .current_dir(directory)
        .env("COLUMNS", "120")
        .args(["decode", "-T", format, "--color", "never", "--proto", "../proto"])
        .arg(capture.file_name().expect("a name"))
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let mut shown = String::from_utf8(output.stdout).expect("UTF-8");
    if !output.status.success() {
        shown.push_str(&format!(
            "exit code {}\n{}",
            output.status.code().expect("no signal"),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    shown
}

fn check(directory: &str, format: &str, ending: &str) {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for capture in captures(directory) {
        let golden = PathBuf::from(format!("{}.{ending}", capture.display()));
        let shown = shown(&capture, format);
        if update {
            std::fs::write(&golden, &shown).expect("the golden can be written");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if let Some((line, (found, wanted))) = first_difference(&shown, &expected) {
            wrong.push(format!("{} line {line}\n  shown:  {found}\n  golden: {wanted}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nread them, then UPDATE_GOLDEN=1 cargo test --test golden", wrong.join("\n"));
}

fn first_difference(shown: &str, expected: &str) -> Option<(usize, (String, String))> {
    let (mut a, mut b) = (shown.lines(), expected.lines());
    for line in 1.. {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some((line, (a.unwrap_or("(nothing)").into(), b.unwrap_or("(nothing)").into()))),
        }
    }
    None
}

#[test]
fn captures_are_shown_as_text_as_they_were() {
    check("captures", "text", "txt");
}

#[test]
fn captures_are_shown_as_records_as_they_were() {
    check("captures", "ndjson", "ndjson");
}

#[test]
fn damaged_captures_are_shown_as_text_as_they_were() {
    check("damaged", "text", "txt");
}

#[test]
fn damaged_captures_are_shown_as_records_as_they_were() {
    check("damaged", "ndjson", "ndjson");
}

#[test]
fn captures_behind_bugs_are_shown_as_text_as_they_were() {
    check("found", "text", "txt");
}

#[test]
fn captures_behind_bugs_are_shown_as_records_as_they_were() {
    check("found", "ndjson", "ndjson");
}

#[test]
fn mirrored_and_tagged_captures_are_shown_as_text_as_they_were() {
    check("mirrored", "text", "txt");
}

#[test]
fn mirrored_and_tagged_captures_are_shown_as_records_as_they_were() {
    check("mirrored", "ndjson", "ndjson");
}

#[test]
fn broken_rules_are_shown_as_text_as_they_were() {
    check("rules", "text", "txt");
}

#[test]
fn broken_rules_are_shown_as_records_as_they_were() {
    check("rules", "ndjson", "ndjson");
}

#[test]
fn captures_that_begin_in_the_middle_are_shown_as_text_as_they_were() {
    check("sides", "text", "txt");
}

#[test]
fn captures_that_begin_in_the_middle_are_shown_as_records_as_they_were() {
    check("sides", "ndjson", "ndjson");
}

/// The time that a line of the trace begins with, as a number of microseconds, and whether it is marked as late.
fn moment(line: &str) -> Option<(i64, bool)> {
    let rest = line.trim_start();
    let end = rest.find([' ', '^'])?;
    let (whole, part) = rest[..end].split_once('.')?;
    let is_line = line.len() - rest.len() <= 8 && part.len() == 3;
    let micros = whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(part.parse().ok()?)?;
    is_line.then_some((micros, rest[end..].starts_with('^')))
}

#[test]
fn times_go_back_only_in_lines_that_are_marked_and_the_mark_is_explained() {
    let mut marked = 0;
    for capture in ["captures", "damaged", "found", "rules", "sides"].iter().flat_map(|directory| captures(directory)) {
        let shown = shown(&capture, "text");
        let mut latest = i64::MIN;
        let mut marks = 0;
        for (line, (time, late)) in shown.lines().filter_map(|line| Some((line, moment(line)?))) {
            // Times are shown in whole microseconds, and compared in nanoseconds.
            assert!(late || time >= latest, "{}: {line}", capture.display());
            assert!(!late || time <= latest, "{}: {line}", capture.display());
            latest = latest.max(time);
            marks += u64::from(late);
        }
        let explained = shown.matches("(^ was captured before a line above it").count();
        assert_eq!(explained, usize::from(marks > 0), "{}", capture.display());
        marked += marks;
    }
    assert!(marked > 0, "some captures are out of order");
}
