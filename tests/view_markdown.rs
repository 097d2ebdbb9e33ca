//! A report for a code host: whole, bounded, and with nothing in it that a capture could make into markup.

#[path = "support/conversation.rs"]
mod conversation;
#[path = "support/show.rs"]
mod show;

use conversation::{Conversation, Side, frame};
use framescope::event::{Body, Event};
use framescope::grpc::call::CallId;
use framescope::view::markdown::{Limits, Markdown, Options};
use framescope::view::{Source, Summary, View};
use show::{assert_golden, show, show_fixture};

/// A trace of one line a frame, or of whatever octets a test wants to see in a report.
struct Lines(&'static str);

impl View for Lines {
    fn begin(&mut self, _: &Source<'_>, _: &mut Vec<u8>) {}

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if let Body::Frame(frame) = event.body {
            let kind = frame.frame.header.map_or("MAGIC".to_string(), |header| header.kind().to_string());
            out.extend_from_slice(format!("{} {kind}{}\n", event.at.packet, self.0).as_bytes());
        }
    }

    fn finish(&mut self, _: &Summary<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"the end\n");
    }
}

fn report(options: Options) -> Markdown {
    Markdown::new(Box::new(Lines("")), options)
}

fn diagram(report: &str) -> Vec<&str> {
    report.lines().skip_while(|line| *line != "```mermaid").skip(1).take_while(|line| *line != "```").collect()
}

#[test]
fn real_captures_give_the_reports_that_were_read() {
    for (name, call) in [
        ("d_gap_headers.pcap", None),
        ("go_article_stream.pcap", Some(2)),
        ("go_article_unary.pcap", None),
        ("px_nginx_502.pcap", None),
        ("py_deadline.pcap", None),
        ("py_midconn.pcap", None),
        ("tonic_tonic.pcap", None),
    ] {
        let golden = format!("{}.report.md", name.split('.').next().unwrap_or(name));
        let limits = Limits { trace: 1024, ..Limits::default() };
        let options = Options { call: call.map(CallId), limits, ..Options::default() };
        assert_golden(&golden, &show_fixture(name, &mut report(options)));
    }
}

#[test]
fn reports_fit_into_a_comment() {
    let mut made = Conversation::new();
    for n in 0..5000 {
        made.call(2 * n + 1, format!("/pkg.Service{}/Method", n % 700).as_bytes(), b"0", 10);
    }
    let mut view = report(Options::default());
    let shown = show("made", &made.file(), &mut view);
    assert!(shown.len() < 65_536, "{}", shown.len());
    assert!(view.held_bytes() < 16 << 20);
    assert!(shown.contains("4900 more calls are not shown here, 0 of which failed."));
    assert!(shown.contains("650 more methods are not in this table; the last row counts all."));
    assert!(shown.contains(" messages are left out here; the text format shows all of them."));
}

#[test]
fn calls_that_fail_late_are_shown_before_others_that_do_not() {
    let mut made = Conversation::new();
    for n in 0..300 {
        made.call(2 * n + 1, b"/pkg.Service/Method", if n % 5 == 4 && n > 100 { b"13" } else { b"0" }, 10);
    }
    let shown = show("made", &made.file(), &mut report(Options::default()));
    assert!(shown.contains("The first further calls that failed:"));
    assert!(shown.contains("| 104 | `/pkg.Service/Method` | **INTERNAL** | completed |"), "{shown}");
    assert_eq!(shown.matches("**INTERNAL**").count(), 25);
    assert!(shown.contains("175 more calls are not shown here, 15 of which failed."), "{shown}");
    assert!(shown.len() < 65_536, "{}", shown.len());
}

#[test]
fn a_long_path_is_cut_between_characters() {
    let mut made = Conversation::new();
    made.call(1, format!("/{}", "漢".repeat(200)).as_bytes(), b"0", 10);
    let shown = show("made", &made.file(), &mut report(Options::default()));
    let row = shown.lines().find(|line| line.starts_with("| `/漢")).expect("a row of the methods");
    assert!(row.contains("漢...") && !row.contains("\\x"), "{row}");
}

#[test]
fn hostile_method_names_break_neither_tables_nor_diagrams() {
    let names: [&[u8]; 8] = [
        b"/a|b",
        b"/`x`",
        b"/a\n| forged |",
        b"\x1b[31m",
        b"end",
        "🦀;#\"%%{init}%%".as_bytes(),
        b"style:a;b",
        b"<script>$$x$$<br>",
    ];
    for name in names {
        let mut made = Conversation::new();
        made.call(1, name, b"5", 100);
        let shown = show("made", &made.file(), &mut report(Options::default()));
        let row = shown.lines().find(|line| line.starts_with("| 0 |")).expect("a row");
        assert_eq!(row.replace(r"\|", "").matches('|').count(), 13, "{row}");
        assert!(!shown.contains('\x1b'));
        let lines = diagram(&shown);
        assert_eq!(lines[0], "sequenceDiagram");
        for line in &lines[1..] {
            let arrow = ["p0->>p1: ", "p1-->>p0: ", "participant p", "note over p0,p1: "];
            let text = arrow.iter().find_map(|arrow| line.strip_prefix("    ")?.strip_prefix(arrow)).expect(line);
            let entities_taken_out = text.split('#').enumerate().fold(String::new(), |all, (at, part)| {
                let digits = part.trim_start_matches(|c: char| c.is_ascii_digit());
                all + if at == 0 { part } else { digits.strip_prefix(';').expect(line) }
            });
            assert!(!entities_taken_out.contains([';', '#', '"', '%', '<', '$', '{', '\\', '`']), "{line}");
        }
    }
}

#[test]
fn the_fence_around_the_trace_is_longer_than_any_backticks_in_it() {
    let mut made = Conversation::new();
    made.call(1, b"/a/B", b"0", 100);
    let mut view = Markdown::new(Box::new(Lines(" \n`````\n</details>")), Options::default());
    let shown = show("made", &made.file(), &mut view);
    assert_eq!(shown.lines().filter(|line| line.starts_with("``````")).collect::<Vec<_>>(), ["``````text", "``````"]);
}

#[test]
fn a_large_capture_shows_the_first_call_that_failed_or_the_longest() {
    let made = |failing: u32| {
        let mut made = Conversation::new();
        for n in 0..40 {
            made.call(
                2 * n + 1,
                format!("/a/M{n}").as_bytes(),
                if n == failing { b"13" } else { b"0" },
                if n == 7 { 9000 } else { 100 },
            );
        }
        show("made", &made.file(), &mut report(Options::default()))
    };
    let failed = made(20);
    assert!(failed.contains("Call 20, the first that failed; the whole capture is too large to draw:"));
    assert!(diagram(&failed).iter().any(|line| line.ends_with("HEADERS /a/M20")));
    let long = made(99);
    assert!(long.contains("Call 7, the one that took longest; the whole capture is too large to draw:"));
    assert!(diagram(&long).iter().any(|line| line.ends_with("HEADERS trailers OK (0) after 9.010 ms")));
}

#[test]
fn a_long_call_is_drawn_with_its_beginning_and_its_end() {
    let options =
        Options { call: Some(CallId(1)), limits: Limits { arrows: 8, ..Limits::default() }, ..Options::default() };
    let shown = show_fixture("go_article_stream.pcap", &mut report(options));
    let lines = diagram(&shown);
    let steps: Vec<&str> =
        lines.iter().copied().filter(|line| line.starts_with("    p0-") || line.starts_with("    p1-")).collect();
    assert_eq!(steps.len(), 8);
    assert!(lines[9].ends_with("left out here"), "{}", lines[9]);
    assert!(steps[0].contains("/proto.StreamService/Record") && steps[7].contains("trailers OK (0)"));
}

#[test]
fn what_was_not_captured_is_a_note_in_the_diagram() {
    let mut made = Conversation::new();
    made.call(1, b"/a/B", b"0", 100);
    made.lose(Side::Server, 80);
    made.call(3, b"/a/B", b"0", 100);
    made.send(Side::Client, &frame(6, 0, 0, &[0; 8]));
    let shown = show("made", &made.file(), &mut report(Options::default()));
    let note = "    note over p0,p1: 80 octets of the server were not captured";
    assert_eq!(diagram(&shown).iter().filter(|line| **line == note).count(), 1, "{shown}");
    assert!(shown.contains("- 1 gap: 80 octets are missing\n"));
}

#[test]
fn a_call_that_is_not_there_is_not_drawn() {
    let options = Options { call: Some(CallId(77)), ..Options::default() };
    let shown = show_fixture("go_article_unary.pcap", &mut report(options));
    assert!(shown.contains("There is no call 77 in what is shown of this capture."));
    assert_eq!(diagram(&shown), [""; 0]);
}

#[test]
fn a_connection_that_turned_is_drawn_with_its_sides_as_they_were_held_to_be() {
    let shown = show_fixture("../sides/cancel_turned.pcap", &mut report(Options::default()));
    let drawn = diagram(&shown);
    for line in [
        "    participant p0 as client 127.0.0.1:60944 (a guess)",
        "    participant p2 as client 127.0.0.1:52770",
        "    p0->>p1: stream 3 DATA 27 octets, a request",
        "    p1-xp0: stream 3 RST_STREAM CANCEL",
    ] {
        assert!(drawn.contains(&line), "{line}\n{shown}");
    }
    let note = "note over p2,p3: the sides were guessed wrong#58; 127.0.0.1#58;52770 is the client";
    assert!(drawn.iter().any(|line| line.contains(note)), "{shown}");
}
