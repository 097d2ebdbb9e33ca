//! One row a call: true, aligned, harmless and bounded.

#[path = "support/conversation.rs"]
mod conversation;
#[path = "support/show.rs"]
mod show;

use conversation::{Conversation, Side, frame, message, request};
use framescope::view::calls::{Calls, Options};
use show::{assert_golden, show, show_fixture};

const GOLDENS: [&str; 12] = [
    "d_gap_headers.pcap",
    "d_pcapng.pcapng",
    "go_article_stream.pcap",
    "go_article_unary.pcap",
    "go_goaway.pcap",
    "h2_upgrade.pcap",
    "node_py.pcap",
    "px_nginx_502.pcap",
    "py_deadline.pcap",
    "py_errors.pcap",
    "py_midconn.pcap",
    "tonic_tonic.pcap",
];

fn plain(conversation: Conversation) -> String {
    show("made", &conversation.file(), &mut Calls::new(Options::default()))
}

#[test]
fn real_captures_show_the_rows_and_totals_that_were_read_against_their_truth() {
    for name in GOLDENS {
        let golden = format!("{}.calls.txt", name.split('.').next().unwrap_or(name));
        assert_golden(&golden, &show_fixture(name, &mut Calls::new(Options::default())));
    }
}

#[test]
fn rows_are_written_when_their_call_ends_and_columns_line_up() {
    let shown = show_fixture("py_errors.pcap", &mut Calls::new(Options::default()));
    let rows: Vec<&str> = shown.lines().take(23).collect();
    let method = rows[0].find("method").expect("a heading");
    let status = rows[0].find("status").expect("a heading");
    for row in &rows[1..] {
        assert!(row[method..].starts_with('/') && row[..method].ends_with("  "), "{row}");
        assert!(row[status..].starts_with(|c: char| c.is_ascii_uppercase()), "{row}");
    }
}

#[test]
fn the_clock_takes_the_place_of_relative_times_when_asked_for() {
    let options = Options { absolute: true, ..Options::default() };
    let shown = show_fixture("go_article_unary.pcap", &mut Calls::new(options));
    let rows: Vec<&str> = shown.lines().take(2).collect();
    assert!(rows[1].contains("  2026-11-21T06:16:00.353794000Z    0      1      1/1"), "{}", rows[1]);
    assert_eq!(rows[0].find("method"), rows[1].find("/proto."));
}

#[test]
fn colours_only_repeat_what_the_words_say() {
    let plain = show_fixture("py_deadline.pcap", &mut Calls::new(Options::default()));
    let coloured = show_fixture("py_deadline.pcap", &mut Calls::new(Options { colour: true, ..Options::default() }));
    assert!(coloured.contains("\x1b[31m-                    reset by client\x1b[0m"));
    let stripped =
        ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[33m"].iter().fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}

#[test]
fn hostile_method_names_stay_on_their_line_and_command_nothing() {
    let mut made = Conversation::new();
    let names: [&[u8]; 6] =
        [b"/a\x1b[2J\x07", b"/a\r\n      9 forged", b"", b"\xff\xfe", "/\u{202e}x\u{9b}🦀".as_bytes(), b"?"];
    for (at, name) in (0..).zip(names) {
        made.call(at * 2 + 1, name, b"0", 100);
    }
    made.call(99, &[b'x'; 5000], b"0", 100);
    let shown = plain(made);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    let rows: Vec<&str> = shown
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|row| row.rsplit("  ").next().unwrap_or(row))
        .collect();
    let long = format!("{}...", "x".repeat(256));
    assert_eq!(rows, [r"/a\x1b[2J\x07", "9 forged", "(empty path)", r"\xff\xfe", r"/\u{202e}x\u{9b}🦀", "?", &long]);
}

#[test]
fn every_end_has_its_own_words() {
    let mut made = Conversation::new();
    made.call(1, b"/a/Named", b"5", 100);
    made.call(3, b"/a/Unnamed", b"4294967295", 100);
    for stream in [5, 7, 9, 11, 13] {
        made.send(Side::Client, &[request(stream, b"/a/B"), frame(0, 1, stream, &message(b"q"))].concat());
    }
    made.send(Side::Client, &frame(3, 0, 5, &[0, 0, 0, 8]));
    made.send(Side::Server, &frame(3, 0, 7, &[0, 0, 0, 0xee]));
    made.send(Side::Server, &frame(3, 0, 9, &[0, 0, 0, 7]));
    made.send(Side::Server, &frame(1, 5, 11, &[0x88]));
    let shown = plain(made);
    for (stream, words) in [
        (1, "NOT_FOUND            completed        /a/Named"),
        (3, "UNKNOWN(4294967295)  completed        /a/Unnamed"),
        (5, "-                    reset by client  /a/B  CANCEL"),
        (7, "-                    reset by server  /a/B  UNKNOWN(0xee)"),
        (9, "-                    refused          /a/B"),
        (11, "no status            completed        /a/B"),
        (13, "-                    open             /a/B"),
    ] {
        let row = shown.lines().find(|line| line.split_ascii_whitespace().nth(3) == Some(&stream.to_string()));
        assert!(row.is_some_and(|row| row.ends_with(words)), "{stream}: {row:?}");
    }
}

#[test]
fn many_calls_have_estimated_percentiles_that_say_so() {
    let mut made = Conversation::new();
    for n in 0..1500 {
        made.call(2 * n + 1, b"/a/B", if n % 10 == 0 { b"14" } else { b"0" }, 1000 + n);
    }
    let shown = plain(made);
    let total = shown.lines().find(|line| line.contains('~')).expect("a total");
    let words: Vec<&str> = total.split_ascii_whitespace().collect();
    assert_eq!((words[0], words[1], words[2]), ("1500", "150", "0"));
    for (shown, exact) in words[3..6].iter().zip([1.759, 2.434, 2.494]) {
        let value: f64 = shown.trim_start_matches('~').parse().expect("a number");
        assert!((value - exact).abs() <= exact * 0.008, "{shown} for {exact}");
    }
    assert!(shown.contains("percentiles with ~"));
}

#[test]
fn methods_beyond_the_limit_are_counted_together_in_bounded_memory() {
    let mut made = Conversation::new();
    for n in 0..3000 {
        made.call(2 * n + 1, format!("/{n:05}{}", "y".repeat(2000)).as_bytes(), b"0", 10);
    }
    let mut view = Calls::new(Options::default());
    let shown = show("made", &made.file(), &mut view);
    let rest =
        shown.lines().find(|line| line.ends_with("(beyond the first 2048 methods)")).expect("a row for the rest");
    assert!(rest.trim_start().starts_with("952 "), "{rest}");
    assert!(view.held_bytes() < 2 << 20, "{}", view.held_bytes());
}

#[test]
fn a_capture_without_calls_says_what_it_holds() {
    let shown = show_fixture("h2_upgrade.pcap", &mut Calls::new(Options::default()));
    assert!(shown.contains("1 HTTP/2 exchange is not gRPC\n"), "{shown}");
    assert!(!shown.contains("p50"));
}

#[test]
fn what_the_capture_lost_is_nobodys_error() {
    let mut made = Conversation::new();
    made.call(1, b"/a/B", b"0", 100);
    made.send(Side::Client, &[request(3, b"/a/B"), frame(0, 1, 3, &message(b"q"))].concat());
    made.lose(Side::Server, 80);
    made.call(5, b"/a/B", b"0", 100);
    made.send(Side::Client, &frame(6, 0, 0, &[0; 8]));
    let shown = plain(made);
    assert!(shown.contains("1 gap: 80 octets are missing"), "{shown}");
    let total = shown.lines().skip_while(|line| !line.contains("p50")).nth(1).expect("a total");
    assert!(total.trim_start().starts_with("3        0        1 "), "{total}");
    assert!(shown.contains("incomplete"), "{shown}");
}

#[test]
fn a_call_whose_sides_are_a_guess_says_so_and_one_whose_sides_turned_is_as_it_was() {
    let of = |name: &str| show_fixture(&format!("../sides/{name}.pcap"), &mut Calls::new(Options::default()));
    let (never, turned) = (of("cancel_never_told"), of("cancel_turned"));
    assert!(never.contains("open             ?  incomplete  sides guessed\n"), "{never}");
    assert!(never.contains("\n1 HTTP/2 flow does not tell which side is the client: it is a guess\n"), "{never}");
    assert!(
        turned.contains(
            "      0/7        0      154         -  -                    reset by client  ?  CANCEL  incomplete\n"
        ),
        "{turned}"
    );
    assert!(turned.contains("\n1 HTTP/2 flow had client and server guessed wrong at first\n"), "{turned}");
}
