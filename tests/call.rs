//! `framescope call` as its users meet it: JSON in, JSON out, the status as exit code, and what is said when something is wrong.
#![allow(missing_docs, reason = "a test binary")]
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::Arc;

use framescope::command::drive;
use framescope::command::drive::accept;
use framescope::command::drive::clock::Clock;
use framescope::command::drive::stop::{Stopper, stopping};
use framescope::endpoint::config::Config;
use framescope::endpoint::services::{Canned, Services, Serving};
use framescope::endpoint::{Peer, Stop};
use framescope::protobuf::encode::Encoder;
use framescope::protobuf::schema::{Disk, Inputs, Schema};

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
const SEARCH: &str = "proto.SearchService/Search";
const ROUTE: &str = "proto.StreamService/Route";

/// The built-in server on a thread of its own; it ends with the test.
struct Server {
    address: SocketAddr,
    stopper: Stopper,
}

impl Server {
    fn start() -> Self {
        Self::with(true, &[])
    }

    /// With server reflection or without, and with some answers in JSON.
    fn with(reflection: bool, answers: &[(&str, &str)]) -> Self {
        let inputs = Inputs { protos: vec![PathBuf::from(PROTO)], ..Inputs::default() };
        let (schema, _) = Schema::load(&inputs, &Disk).expect("a schema");
        let encoder = Encoder::new(&schema);
        let mut services = Services::new(&schema, &encoder, reflection);
        for (path, json) in answers {
            let method = schema.method(path).expect("a method");
            let canned = Canned::parse(&schema, &encoder, method, json).expect("an answer");
            assert!(services.answer(path, Arc::new(canned)));
        }
        let services = Arc::new(services);
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket option");
        let address = listener.local_addr().expect("an address");
        let (stopper, stop) = stopping();
        std::thread::spawn(move || {
            drive::block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let host = move |_| -> Box<dyn Peer> {
                    let config = Config { announce_gzip: true, ..Config::default() };
                    Box::new(Serving::new(Arc::clone(&services), config))
                };
                accept::serve(listener, host, stop, Clock::new()).await;
            })
        });
        Self { address, stopper }
    }

    fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopper.stop(Stop::AtOnce);
    }
}

fn command(address: &str, method: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    command.env_remove("COLUMNS").args(["call", address, method]).args(arguments).stdin(Stdio::null());
    command
}

fn call(address: &str, method: &str, arguments: &[&str]) -> Output {
    command(address, method, arguments).output().expect("the program runs")
}

/// Exit code, standard output and standard error.
fn said(output: Output) -> (i32, String, String) {
    let text = |octets| String::from_utf8(octets).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

#[test]
fn the_schema_comes_from_the_server_or_from_files_and_the_answer_is_json() {
    let server = Server::start();
    for arguments in
        [&[][..], &["--proto", PROTO], &["--gzip"], &["--block", "--deadline", "60s"], &["--lb", "round_robin"]]
    {
        let arguments = [&["-d", r#"{"request":"gRPC"}"#], arguments].concat();
        let expected = (0, "{\"response\":\"gRPC Server\"}\n".to_owned(), String::new());
        assert_eq!(said(call(&server.address(), SEARCH, &arguments)), expected, "{arguments:?}");
    }
    // The package is not needed where there is no doubt, and without -d the message is empty.
    let (code, shown, _) = said(call(&server.address(), "SearchService/Search", &[]));
    assert_eq!((code, shown.as_str()), (0, "{\"response\":\" Server\"}\n"));
}

#[test]
fn a_status_other_than_ok_is_the_exit_code_and_stands_on_the_standard_error() {
    let server = Server::start();
    for status in 1..=16 {
        let data = format!(r#"{{"request":"status {status}"}}"#);
        let (code, shown, errors) = said(call(&server.address(), SEARCH, &["-d", &data]));
        assert_eq!((code, shown.as_str()), (64 + status, ""));
        assert!(errors.starts_with(&format!("framescope: {SEARCH}: ")), "{errors}");
        assert!(errors.contains(&format!(" ({status}): ")), "{errors}");
    }
    // Details are read, and an answer before the status is shown.
    let (_, _, errors) = said(call(&server.address(), SEARCH, &["-d", r#"{"request":"status 3"}"#]));
    assert!(errors.contains("trailer grpc-status-details-bin: {\"code\":3,"), "{errors}");
    let (code, shown, _) = said(call(&server.address(), SEARCH, &["-d", r#"{"request":"answer and status 15"}"#]));
    assert_eq!(code, 79);
    assert!(shown.starts_with("{\"response\":"), "{shown}");
}

#[test]
fn every_kind_of_call_sends_and_prints_what_it_has() {
    let server = Server::start();
    let point = r#"{"pt":{"name":"x","value":7}}"#;
    let three = [point; 3].join("\n");
    let lines = |method, data: &str| {
        let (code, shown, errors) = said(call(&server.address(), method, &["-d", data]));
        assert_eq!(code, 0, "{errors}");
        shown.lines().count()
    };
    assert_eq!(lines("proto.StreamService/List", point), 7);
    assert_eq!(lines("proto.StreamService/Record", &three), 1);
    // The server speaks first, then once for each.
    assert_eq!(lines(ROUTE, &three), 4);
    let (code, ..) = said(call(&server.address(), "proto.StreamService/Record", &[]));
    assert_eq!(code, 0, "a stream of nothing is one too");
}

struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Talk {
    fn start(address: &str, arguments: &[&str]) -> Self {
        let mut command = command(address, ROUTE, &[&["-d", "@-"], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, input, lines }
    }

    fn say(&mut self, text: &str) {
        self.input.as_mut().expect("open").write_all(text.as_bytes()).expect("the program reads");
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line").expect("UTF-8")
    }

    fn end(mut self) -> (i32, String) {
        drop(self.input.take());
        let mut errors = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("UTF-8");
        (self.child.wait().expect("an end").code().expect("no signal"), errors)
    }
}

#[test]
fn what_is_typed_is_sent_as_it_arrives() {
    let server = Server::start();
    let mut talk = Talk::start(&server.address(), &[]);
    assert_eq!(talk.line(), r#"{"pt":{"name":"gPRC Stream Client: Route"}}"#);
    for value in 1..=3 {
        talk.say(&format!(r#"{{"pt":{{"name":"x","value":{value}}}}}"#));
        assert_eq!(talk.line(), format!(r#"{{"pt":{{"name":"gPRC Stream Client: Route","value":{value}}}}}"#));
    }
    assert_eq!(talk.end(), (0, String::new()));
}

#[test]
fn what_does_not_fit_midway_ends_the_call_and_says_where() {
    let server = Server::start();
    let mut talk = Talk::start(&server.address(), &[]);
    talk.line();
    talk.say("{\"pt\":{}} {\"point\":1}");
    let (code, errors) = talk.end();
    assert_eq!(code, 2);
    assert!(errors.starts_with("framescope: the standard input, message 2: the JSON does not fit "), "{errors}");
    assert_eq!(errors.lines().count(), 1);
}

#[test]
fn ctrl_c_cancels_the_call_and_the_wire_says_so() {
    let server = Server::start();
    let mut talk = Talk::start(&server.address(), &["--trace", "--proto", PROTO]);
    talk.line();
    let id = talk.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill is there").success());
    let mut errors = String::new();
    talk.child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("UTF-8");
    assert_eq!(talk.child.wait().expect("an end").code(), Some(65));
    assert!(errors.contains("RST_STREAM") && errors.contains("CANCEL"), "{errors}");
    assert!(errors.contains(&format!("framescope: {ROUTE}: CANCELLED (1)")), "{errors}");
}

#[test]
fn the_frames_are_traced_on_the_standard_error_and_the_answer_stays_json() {
    let server = Server::start();
    let arguments = ["-d", r#"{"request":"gRPC"}"#, "--trace", "-H", "x-id: 7", "-H", "authorization: Bearer secret"];
    let (code, shown, errors) = said(call(&server.address(), SEARCH, &arguments));
    assert_eq!((code, shown.as_str()), (0, "{\"response\":\"gRPC Server\"}\n"));
    assert!(errors.starts_with("flow 0  127.0.0.1:"), "{errors}");
    for words in [
        "call 0 begins: /proto.SearchService/Search",
        "x-id 7",
        "proto.SearchRequest {\"request\": \"gRPC\"}",
        "call 0 ends: OK (0)",
        "flow 0 ends: ",
        "1 flow, ",
    ] {
        assert!(errors.contains(words), "{words}: {errors}");
    }
    assert!(!errors.contains("Reflection"), "asking for the schema is no part of the call: {errors}");
}

#[test]
fn secrets_are_never_put_into_a_header_table() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("call.pcapng");
    let mut relay = Command::new(env!("CARGO_BIN_EXE_framescope"))
        .args(["relay", "--listen", "127.0.0.1:0", "--to", &server.address(), "-T", "ndjson", "-w"])
        .arg(&capture)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut line = String::new();
    let mut errors = BufReader::new(relay.stderr.take().expect("a pipe"));
    errors.read_line(&mut line).expect("a line");
    let address =
        line.strip_prefix("framescope: listening on ").and_then(|rest| rest.split(',').next()).expect("an address");
    let headers = ["authorization: a", "cookie: b", "x-api-key: c", "x-auth-token: d", "x-plain: e"];
    let arguments: Vec<&str> =
        ["--proto", PROTO].into_iter().chain(headers.iter().flat_map(|header| ["-H", header])).collect();
    assert_eq!(said(call(address, SEARCH, &arguments)).0, 0);
    let id = relay.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill is there").success());
    let mut shown = String::new();
    relay.stdout.take().expect("a pipe").read_to_string(&mut shown).expect("UTF-8");
    assert!(relay.wait().expect("an end").success());
    for header in headers {
        let name = header.split(':').next().expect("a name");
        let at = shown.find(&format!("\"name\":\"{name}\"")).unwrap_or_else(|| panic!("{name}: {shown}"));
        let field = shown[at..].split('}').next().expect("a field");
        assert_eq!(field.contains("never_indexed"), name != "x-plain", "{field}");
    }
}

#[test]
fn a_deadline_travels_and_ends_the_call() {
    let answers = [("/proto.SearchService/Search", r#"{"$delay_ms":60000,"$messages":[{"response":"late"}]}"#)];
    let server = Server::with(true, &answers);
    let (code, _, errors) = said(call(&server.address(), SEARCH, &["--deadline", "50ms", "--trace", "--proto", PROTO]));
    assert_eq!(code, 68);
    assert!(errors.contains("grpc-timeout") && errors.contains("DEADLINE_EXCEEDED (4)"), "{errors}");
}

#[test]
fn a_call_is_tried_again_when_that_is_asked_for() {
    let answers = [("/proto.SearchService/Search", r#"{"$status":14,"$message":"not now"}"#)];
    let server = Server::with(false, &answers);
    let traced = |arguments: &[&str]| {
        let arguments = [arguments, &["--trace", "--proto", PROTO]].concat();
        let (code, _, errors) = said(call(&server.address(), SEARCH, &arguments));
        assert_eq!(code, 78);
        assert!(errors.contains("UNAVAILABLE (14): not now"), "{errors}");
        errors.matches("begins: /proto.SearchService/Search").count()
    };
    assert_eq!(traced(&[]), 1);
    assert_eq!(traced(&["--retry", "3"]), 3);
}

#[test]
fn a_server_that_comes_later_is_waited_for() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let free = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let server = Server::start();
    // Of two addresses the first is refused.
    let both = format!("{free},{}", server.address());
    for arguments in [&["--wait-for-ready"][..], &["--block"], &["--lb", "round_robin", "--wait-for-ready"]] {
        let (code, shown, errors) = said(call(&both, SEARCH, &[&["-d", r#"{"request":"x"}"#], arguments].concat()));
        assert_eq!((code, shown.as_str()), (0, "{\"response\":\"x Server\"}\n"), "{errors}");
    }
    let (code, _, errors) = said(call(&free, SEARCH, &["--block", "--deadline", "50ms", "--proto", PROTO]));
    assert_eq!(code, 68);
    assert!(errors.contains("no connection in time") && errors.contains("connection refused"), "{errors}");
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let server = Server::start();
    let address = server.address();
    let mute = Server::with(false, &[]);
    let refused = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.local_addr().expect("an address").to_string()
    };
    let proto = ["--proto", PROTO];
    let cases: [(&str, &str, &[&str], i32, &str); 16] = [
        (&refused, SEARCH, &[], 78, "connection refused"),
        (&refused, SEARCH, &proto, 78, "connection refused"),
        ("no-port", SEARCH, &[], 2, "has no port"),
        ("https://localhost:1", SEARCH, &[], 2, "TLS is not supported"),
        (&address, "Search", &[], 2, "is no method; write pkg.Service/Method"),
        (&address, "proto.SearchService/Serch", &[], 2, "did you mean proto.SearchService/Search?"),
        (&address, "proto.SearchServise/Search", &[], 2, "did you mean proto.SearchService?"),
        (&address, "proto.SearchService/Serch", &proto, 2, "did you mean proto.SearchService/Search?"),
        (&address, SEARCH, &["-d", "{"], 2, "-d: the JSON does not fit proto.SearchRequest: line 1, column"),
        (&address, SEARCH, &["-d", r#"{"reqest":"x"}"#], 2, "reqest"),
        (&address, SEARCH, &["-d", "{}{}"], 2, "more than one JSON value"),
        (&address, SEARCH, &["-d", "@no/such/file.json"], 3, "cannot read no/such/file.json"),
        (&address, SEARCH, &["-H", "grpc-timeout: 1S"], 2, "belongs to HTTP/2 or gRPC"),
        (&address, SEARCH, &["--deadline", "soon"], 2, "--deadline `soon` is no length of time"),
        (&address, SEARCH, &["--proto", "no/such/dir"], 5, "no usable schema"),
        (&mute.address(), SEARCH, &[], 5, "no server reflection"),
    ];
    for (address, method, arguments, code, words) in cases {
        let (found, shown, errors) = said(call(address, method, arguments));
        assert_eq!((found, shown.as_str()), (code, ""), "{arguments:?}: {errors}");
        assert!(errors.starts_with("framescope: ") && errors.contains(words), "{words}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

/// A server that says something once and closes.
fn stranger(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(words);
        }
    });
    address
}

#[test]
fn a_server_of_another_kind_is_recognised() {
    for (words, what) in [
        (&b"\x15\x03\x03\x00\x02\x02\x46"[..], "the server speaks TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server speaks HTTP/1"),
    ] {
        let address = stranger(words).to_string();
        for arguments in [&["--proto", PROTO][..], &[]] {
            let (code, _, errors) = said(call(&address, SEARCH, &[arguments, &["--deadline", "20s"]].concat()));
            assert_eq!(code, 78, "{errors}");
            assert!(errors.contains(what), "{errors}");
        }
    }
}

/// A server that greets, waits for a request and answers it with these octets, whatever it asks for.
fn answering(words: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            // SETTINGS; of the client its preface, and frames up to the end of the request.
            let _ = stream.write_all(b"\0\0\0\x04\0\0\0\0\0");
            let _ = stream.read_exact(&mut [0; 24]);
            let mut header = [0; 9];
            while stream.read_exact(&mut header).is_ok() && !(header[3] == 0 && header[4] & 1 == 1) {
                let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
                let _ = std::io::copy(&mut (&stream).take(length.into()), &mut std::io::sink());
            }
            let _ = stream.write_all(&words);
            // The client ends the connection.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    address
}

#[test]
fn a_method_that_gives_one_answer_must_give_it() {
    let head = b"\0\0\x24\x01\x04\0\0\0\x01\x88\x00\x0ccontent-type\x10application/grpc\0\x01x\x01y";
    let message = b"\0\0\x05\0\0\0\0\0\x01\0\0\0\0\0";
    let trailers = b"\0\0\x0f\x01\x05\0\0\0\x01\0\x0bgrpc-status\x010";
    for (count, expected) in [(0, 77), (1, 0), (2, 77)] {
        let mut words = head.to_vec();
        // The length of the header block, whatever it is.
        words[2] = u8::try_from(head.len() - 9).expect("it is short");
        (0..count).for_each(|_| words.extend_from_slice(message));
        words.extend_from_slice(trailers);
        let address = answering(words).to_string();
        let (code, shown, errors) = said(call(&address, SEARCH, &["--proto", PROTO, "-d", "{}"]));
        assert_eq!((code, shown.lines().count()), (expected, count), "{errors}");
        let words = format!("INTERNAL (13): the server says OK after {count} answers, and the method gives one");
        assert_eq!(errors.contains(&words), expected != 0, "{errors}");
    }
}

#[test]
fn the_deadline_holds_for_a_server_that_does_not_tell_its_methods_either() {
    // Nobody accepts: the system does, and nothing is said.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (code, _, errors) = said(call(&address, SEARCH, &["--deadline", "200ms", "-d", "{}"]));
    assert_eq!(code, 68, "{errors}");
    assert!(errors.contains("the server could not be asked for its methods: DEADLINE_EXCEEDED (4)"), "{errors}");
}

#[test]
fn messages_come_from_files_too_and_an_answer_that_nobody_reads_ends_quietly() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("request.json");
    std::fs::write(&path, "{\n  \"request\": \"file\"\n}\n").expect("a file");
    let data = format!("@{}", path.display());
    let (code, shown, _) = said(call(&server.address(), SEARCH, &["-d", &data]));
    assert_eq!((code, shown.as_str()), (0, "{\"response\":\"file Server\"}\n"));
    std::fs::write(&path, "{\n  \"reqest\": 1\n}\n").expect("a file");
    let (_, _, errors) = said(call(&server.address(), SEARCH, &["-d", &data]));
    assert!(errors.contains("request.json: the JSON does not fit proto.SearchRequest: line 2, column 3"), "{errors}");

    let mut child = command(&server.address(), "proto.StreamService/List", &["-d", r#"{"pt":{}}"#])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    assert!(Path::new(PROTO).is_dir());
}

#[test]
fn an_answer_that_cannot_be_printed_is_an_error_of_its_own() {
    let Ok(full) = std::fs::File::create("/dev/full") else {
        eprintln!("skipped: no /dev/full");
        return;
    };
    let server = Server::start();
    let output =
        command(&server.address(), SEARCH, &["--proto", PROTO]).stdout(full).output().expect("the program runs");
    let (code, _, errors) = said(output);
    assert_eq!(code, 7);
    assert!(errors.starts_with("framescope: cannot print the answer: "), "{errors}");
}
