//! `framescope relay` as its users meet it: what is forwarded, what is shown, what is recorded, and how it ends.
#![allow(missing_docs, reason = "a test binary")]
#![cfg(unix)]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use framescope::command::drive::accept;
use framescope::command::drive::clock::Clock;
use framescope::command::drive::stop::{Stopper, stopping};
use framescope::command::drive::{self, dialler};
use framescope::endpoint::example::Example;
use framescope::endpoint::scenario::Scenario;
use framescope::endpoint::{Peer, Stop};

/// What an HTTP/2 client begins with: the magic and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");

/// A relay that is running; it ends with the test.
struct Relay {
    child: Child,
    address: SocketAddr,
    /// What was said before that it listens.
    early: VecDeque<String>,
    errors: BufReader<ChildStderr>,
    out: Option<ChildStdout>,
}

impl Relay {
    fn start(to: SocketAddr, arguments: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", &to.to_string(), arguments)
    }

    fn start_on(listen: &str, to: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_framescope"))
            .args(["relay", "--listen", listen, "--to", to])
            .args(arguments)
            .env_remove("COLUMNS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let out = child.stdout.take();
        let mut errors = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut early = VecDeque::new();
        let address = loop {
            let mut line = String::new();
            assert!(errors.read_line(&mut line).expect("a line") > 0, "{early:?}");
            match line.strip_prefix("framescope: listening on ") {
                Some(rest) => break rest.split(',').next().and_then(|word| word.parse().ok()).expect("an address"),
                None => early.push_back(line),
            }
        };
        Self { child, address, early, errors, out }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the relay listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket option");
        stream
    }

    fn error_line(&mut self) -> String {
        if let Some(line) = self.early.pop_front() {
            return line;
        }
        let mut line = String::new();
        self.errors.read_line(&mut line).expect("a line");
        line
    }

    fn signal(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill is there").success());
    }

    /// Ends it as Ctrl-C does; what it has said since.
    fn finish(mut self) -> (i32, String, String) {
        self.signal();
        self.wait()
    }

    fn wait(&mut self) -> (i32, String, String) {
        let (mut out, mut errors) = (String::new(), String::new());
        if let Some(mut pipe) = self.out.take() {
            pipe.read_to_string(&mut out).expect("UTF-8");
        }
        self.errors.read_to_string(&mut errors).expect("UTF-8");
        (self.child.wait().expect("an end").code().expect("no signal"), out, errors)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The built-in server, on a thread of its own.
fn example() -> (SocketAddr, Stopper) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a socket option");
    let (stopper, stop) = stopping();
    std::thread::spawn(move || {
        drive::block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let host =
                |_| -> Box<dyn Peer> { Box::new(Example::new(framescope::endpoint::connection::Config::default())) };
            accept::serve(listener, host, stop, Clock::new()).await;
        })
    });
    (address, stopper)
}

fn play(scenario: &str, address: SocketAddr) {
    let SocketAddr::V4(address) = address else { panic!("an address of IPv4") };
    let mut stage = Scenario::named(scenario).expect("a scenario").stage(&[address]);
    drive::block_on(dialler::run(&mut *stage.client, Clock::new())).expect("a runtime");
    assert!(!stage.diary.endings().is_empty());
}

/// A listener of the test's own, and a relay to it.
fn plain(arguments: &[&str]) -> (TcpListener, Relay) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let relay = Relay::start(listener.local_addr().expect("an address"), arguments);
    (listener, relay)
}

fn pair(listener: &TcpListener, relay: &Relay) -> (TcpStream, TcpStream) {
    let client = relay.connect();
    let (server, _) = listener.accept().expect("the relay connects");
    server.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket option");
    (client, server)
}

fn decode(path: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_framescope")).arg("decode").arg(path).args(arguments).output().expect("it runs")
}

fn decoded(path: &Path, arguments: &[&str]) -> String {
    let output = decode(path, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.pcapng");
    (folder, path)
}

#[test]
fn what_passes_is_shown_and_the_capture_decodes_as_it_was_shown() {
    let (address, stopper) = example();
    let (_folder, path) = folder();
    let relay = Relay::start(address, &["--proto", PROTO, "-w", path.to_str().expect("UTF-8")]);
    play("unary", relay.address);
    play("bidi", relay.address);
    let (code, shown, errors) = relay.finish();
    assert_eq!(code, 0, "{errors}");
    assert!(errors.starts_with("framescope: forwarded 2 connections: "), "{errors}");
    assert!(shown.contains("proto.SearchResponse {\"response\": \"gRPC Server\"}"), "{shown}");
    assert!(shown.contains("-- flow 0 ends") && shown.contains("flow 1"), "{shown}");
    assert_eq!(decoded(&path, &["--proto", PROTO]), shown);
    let capture = String::from_utf8_lossy(&std::fs::read(&path).expect("the capture")).into_owned();
    assert!(capture.contains("headers were made up"), "the capture says what it is");
    stopper.stop(Stop::Gracefully);
}

#[test]
fn frames_are_shown_as_they_pass_and_filters_choose_among_them() {
    let (address, stopper) = example();
    let mut relay = Relay::start(address, &["--frame", "HEADERS", "--method", "Search", "-T", "ndjson"]);
    play("unary", relay.address);
    let mut lines = BufReader::new(relay.out.take().expect("a pipe")).lines().map(|line| line.expect("UTF-8"));
    let frames = lines.by_ref().filter(|line| line.contains("\"type\":\"frame\"")).take(3).collect::<Vec<_>>();
    assert!(frames.iter().all(|line| line.contains("\"frame\":\"HEADERS\"")), "{frames:?}");
    stopper.stop(Stop::Gracefully);
}

#[test]
fn many_connections_pass_at_the_same_time_and_one_that_stands_still_holds_up_nobody() {
    let (address, stopper) = example();
    let relay = Relay::start(address, &["-T", "calls", "--grace", "100ms"]);
    let dead: Vec<TcpStream> = (0..20).map(|_| relay.connect()).collect();
    let playing: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn({
                let address = relay.address;
                move || play("multiplex", address)
            })
        })
        .collect();
    playing.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let (code, shown, errors) = relay.finish();
    assert_eq!(code, 0);
    assert!(shown.contains("40 calls"), "{shown}");
    assert!(errors.contains("forwarded 28 connections"), "{errors}");
    drop(dead);
    stopper.stop(Stop::Gracefully);
}

#[test]
fn octets_pass_untouched_and_each_direction_ends_by_itself() {
    let (listener, relay) = plain(&[]);
    let (mut client, mut server) = pair(&listener, &relay);
    let octets: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 7 + n / 256).to_le_bytes()[0]).collect();
    let writing = std::thread::spawn({
        let octets = octets.clone();
        move || {
            client.write_all(&octets).expect("the relay reads");
            client.shutdown(Shutdown::Write).expect("a socket");
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).expect("a proper end");
            answer
        }
    });
    let mut seen = Vec::new();
    server.read_to_end(&mut seen).expect("a proper end");
    assert!(seen == octets);
    // The other direction is still open.
    server.write_all(b"answer").expect("the client listens");
    drop(server);
    assert_eq!(writing.join().expect("no panic"), b"answer");
    let (code, _, errors) = relay.finish();
    assert_eq!(code, 0);
    assert!(errors.contains("1 connection: 1000000 octets to the server, 6 to the client"), "{errors}");
}

fn reset(stream: TcpStream) {
    let stream = drive::block_on(async {
        stream.set_nonblocking(true).expect("a socket option");
        let stream = tokio::net::TcpStream::from_std(stream).expect("a stream");
        stream.set_zero_linger().expect("a socket option");
        drop(stream);
    });
    stream.expect("a runtime");
}

#[test]
fn a_reset_is_forwarded_both_ways_and_recorded_as_what_it_is() {
    let (_folder, path) = folder();
    let (listener, relay) = plain(&["-w", path.to_str().expect("UTF-8")]);
    for by_client in [true, false] {
        let (mut client, mut server) = pair(&listener, &relay);
        client.write_all(PREFACE).expect("the relay reads");
        server.read_exact(&mut [0; PREFACE.len()]).expect("the preface");
        let (by, mut other) = if by_client { (client, server) } else { (server, client) };
        reset(by);
        assert_eq!(other.read(&mut [0]).expect_err("an error").kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(relay.finish().0, 0);
    let text = decoded(&path, &[]);
    for words in ["flow 0 ends: RST from the client", "flow 1 ends: RST from the server"] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_reset_is_forwarded_even_while_the_other_end_does_not_read() {
    let (listener, relay) = plain(&[]);
    let (mut client, server) = pair(&listener, &relay);
    // Until every buffer on the way is full.
    client.set_write_timeout(Some(Duration::from_millis(300))).expect("a socket option");
    while client.write_all(&[7; 65_536]).is_ok() {}
    reset(client);
    let mut server = server;
    let error = loop {
        match server.read(&mut [0; 65_536]) {
            Ok(length) => assert!(length > 0, "a reset is no proper end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn an_end_that_does_not_read_stops_the_other_from_writing() {
    let (listener, relay) = plain(&[]);
    let (mut client, _server) = pair(&listener, &relay);
    client.set_write_timeout(Some(Duration::from_millis(300))).expect("a socket option");
    let mut written = 0_usize;
    let error = loop {
        match client.write(&[7; 65_536]) {
            Ok(length) => written += length,
            Err(error) => break error,
        }
        assert!(written < 256 << 20, "somebody keeps it all");
    };
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
}

#[test]
fn a_target_that_is_not_there_is_told_and_the_client_is_reset() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let to = listener.local_addr().expect("an address");
    drop(listener);
    let mut relay = Relay::start(to, &[]);
    let mut client = relay.connect();
    assert_eq!(client.read(&mut [0]).expect_err("an error").kind(), ErrorKind::ConnectionReset);
    let line = relay.error_line();
    assert!(line.starts_with(&format!("framescope: cannot reach {to}: connection refused; ")), "{line}");
    let (code, _, errors) = relay.finish();
    assert_eq!(code, 0);
    assert!(errors.contains("1 connection found no server"), "{errors}");
}

#[test]
fn a_full_disk_ends_the_capture_but_not_the_forwarding() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: no /dev/full");
        return;
    }
    let (address, stopper) = example();
    let mut relay = Relay::start(address, &["-w", "/dev/full"]);
    play("unary", relay.address);
    let line = relay.error_line();
    assert!(line.starts_with("framescope: cannot write the capture: "), "{line}");
    play("unary", relay.address);
    let (code, shown, errors) = relay.finish();
    assert_eq!(code, 7);
    assert!(shown.contains("32 frames, 2 calls"), "{shown}");
    assert!(errors.contains("forwarded 2 connections") && errors.contains("the capture is not complete"), "{errors}");
    stopper.stop(Stop::Gracefully);
}

#[test]
fn a_trace_that_cannot_be_written_ends_but_the_capture_and_the_forwarding_go_on() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: no /dev/full");
        return;
    }
    let (address, stopper) = example();
    let (_folder, path) = folder();
    let mut relay = Relay::start(address, &["-o", "/dev/full", "-w", path.to_str().expect("UTF-8")]);
    play("unary", relay.address);
    let line = relay.error_line();
    assert!(line.starts_with("framescope: cannot write the output: "), "{line}");
    play("unary", relay.address);
    let (code, _, errors) = relay.finish();
    assert_eq!(code, 7, "{errors}");
    assert!(decoded(&path, &[]).contains("32 frames, 2 calls"));
    stopper.stop(Stop::Gracefully);
}

#[test]
fn what_is_open_at_ctrl_c_may_go_on_to_its_end_and_nothing_new_begins() {
    let (listener, mut relay) = plain(&["--grace", "60s"]);
    let (mut client, mut server) = pair(&listener, &relay);
    client.write_all(b"question").expect("the relay reads");
    server.read_exact(&mut [0; 8]).expect("the question");
    relay.signal();
    let line = relay.error_line();
    assert!(line.contains("1 open connection may go on for 60s; Ctrl-C again ends at once"), "{line}");
    while TcpStream::connect(relay.address).is_ok() {}
    server.write_all(b"answer").expect("the relay reads");
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("a proper end");
    assert_eq!(answer, b"answer");
    drop(client);
    let (code, _, errors) = relay.wait();
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("8 octets to the server, 6 to the client"), "{errors}");
}

#[test]
fn what_does_not_end_within_the_grace_is_ended() {
    let (listener, relay) = plain(&["--grace", "50ms"]);
    let (mut client, _server) = pair(&listener, &relay);
    let (code, _, errors) = relay.finish();
    assert_eq!(code, 0, "{errors}");
    assert!(client.read(&mut [0]).is_ok_and(|length| length == 0));
}

#[test]
fn a_trace_that_nobody_reads_ends_the_relay_quietly() {
    let (address, stopper) = example();
    let mut relay = Relay::start(address, &[]);
    drop(relay.out.take());
    let mut client = relay.connect();
    // The relay may be gone before all of it is written.
    let _ = client.write_all(PREFACE);
    let _ = client.read(&mut [0]);
    let (code, _, errors) = relay.wait();
    assert_eq!(code, 0, "{errors}");
    assert!(errors.starts_with("framescope: forwarded 1 connection: "), "{errors}");
    stopper.stop(Stop::Gracefully);
}

#[test]
fn a_trace_that_is_read_too_slowly_costs_records_but_never_stops_the_forwarding() {
    let (_folder, path) = folder();
    let (listener, mut relay) =
        plain(&["-T", "ndjson", "-w", path.to_str().expect("UTF-8"), "--limit", "relay_waiting=1MiB"]);
    let (mut client, mut server) = pair(&listener, &relay);
    // A client that pings without end: the trace is much longer than what is forwarded, and nobody reads it.
    let mut ping = vec![0, 0, 8, 6, 0, 0, 0, 0, 0];
    ping.extend_from_slice(b"12345678");
    let pings = ping.repeat(40_000);
    let pieces = 8;
    let reading = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        let mut count = 0;
        loop {
            match server.read(&mut buffer).expect("a proper end") {
                0 => return count,
                length => count += length,
            }
        }
    });
    client.write_all(PREFACE).expect("the relay reads");
    for _ in 0..pieces {
        client.write_all(&pings).expect("the relay reads");
    }
    drop(client);
    let all = PREFACE.len() + pieces * pings.len();
    assert_eq!(reading.join().expect("no panic"), all);
    assert!(relay.error_line().contains("forwarded but not recorded"));
    // From here on somebody reads.
    relay.signal();
    let mut gaps = Vec::new();
    for line in BufReader::new(relay.out.take().expect("a pipe")).lines() {
        let line = line.expect("UTF-8");
        if line.contains("\"type\":\"gap\"") {
            let octets =
                line.split_once("\"bytes\":").and_then(|(_, rest)| rest.split(',').next()?.parse::<u64>().ok());
            gaps.push(octets.unwrap_or_else(|| panic!("{line}")));
        }
    }
    let (code, _, errors) = relay.wait();
    assert_eq!(code, 0);
    let lost: u64 = errors
        .split_once("not recorded: ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{errors}"));
    assert_eq!(gaps.iter().sum::<u64>(), lost);
    let capture = std::fs::read(&path).expect("the capture");
    for octets in gaps {
        let comment = format!("not recorded: {octets} octets of the client");
        assert!(capture.windows(comment.len()).any(|window| window == comment.as_bytes()));
    }
}

#[test]
fn ipv6_is_forwarded_shown_and_recorded() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 on this machine");
        return;
    }
    let (address, stopper) = example();
    let (_folder, path) = folder();
    let relay = Relay::start_on("[::1]:0", &address.to_string(), &["-w", path.to_str().expect("UTF-8")]);
    let called = Command::new(env!("CARGO_BIN_EXE_framescope"))
        .args([
            "call",
            &relay.address.to_string(),
            "SearchService/Search",
            "--proto",
            PROTO,
            "-d",
            r#"{"request":"six"}"#,
        ])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    assert_eq!(called.stdout, b"{\"response\":\"six Server\"}\n");
    let (code, shown, _) = relay.finish();
    assert_eq!(code, 0);
    assert!(shown.starts_with("flow 0  [::1]:"), "{shown}");
    assert_eq!(decoded(&path, &[]), shown);
    stopper.stop(Stop::Gracefully);
}

#[test]
fn addresses_that_cannot_be_used_are_told_in_one_line() {
    let held = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let held_address = held.local_addr().expect("an address").to_string();
    for (listen, to, code, words) in [
        (held_address.as_str(), "127.0.0.1:1", 3, "address already in use; end the other program"),
        ("127.0.0.1", "127.0.0.1:1", 2, "--listen `127.0.0.1` is not HOST:PORT"),
        ("127.0.0.1:0", "nowhere", 2, "--to `nowhere` is not HOST:PORT"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_framescope"))
            .args(["relay", "--listen", listen, "--to", to])
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(errors.contains(words) && errors.lines().count() == 1, "{errors}");
    }
}
