//! `framescope serve` on real sockets of this machine: where it listens, how it stops, and what it cannot use.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use framescope::http2::frame::{FrameHeader, FrameType, HEADER_OCTETS};
use framescope::http2::preface::MAGIC;
use framescope::http2::write;

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_framescope"));
    program.arg("serve").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

/// What it says and how it ends, when it cannot serve.
fn refused(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = program().args(arguments).output().unwrap();
    assert_eq!(String::from_utf8(stdout).unwrap(), "");
    let said = String::from_utf8(stderr).unwrap();
    // One line, besides warnings.
    let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("framescope: warning: ")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    let said = said.concat();
    (status.code().unwrap(), said)
}

struct Served {
    process: Child,
    address: SocketAddr,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut process = program().args(["--listen", "0"]).args(arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").unwrap().trim_end().parse().unwrap();
        Self { process, address }
    }

    /// A client that has said its preface.
    fn client(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut octets = MAGIC.to_vec();
        write::settings(&[], &mut octets);
        stream.write_all(&octets).unwrap();
        stream
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &process]).status().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The next frame.
fn frame(stream: &mut TcpStream) -> FrameHeader {
    let mut header = [0; HEADER_OCTETS];
    stream.read_exact(&mut header).unwrap();
    let header = FrameHeader::first(&header).unwrap();
    let mut payload = vec![0; header.length() as usize];
    stream.read_exact(&mut payload).unwrap();
    header
}

#[test]
fn it_listens_on_this_machine_alone_and_says_where() {
    let served = Served::start(&[]);
    assert!(served.address.ip().is_loopback());
    let mut client = served.client();
    assert_eq!(frame(&mut client).kind(), FrameType::SETTINGS);
}

#[test]
fn no_more_connections_are_open_than_were_asked_for_and_the_next_one_waits() {
    let served = Served::start(&["--max-connections", "1"]);
    let mut first = served.client();
    assert_eq!(frame(&mut first).kind(), FrameType::SETTINGS);
    let mut second = served.client();
    second.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(second.read(&mut [0; 1]).is_err(), "nobody answers yet");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(frame(&mut second).kind(), FrameType::SETTINGS);
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let served = Served::start(&["--handshake-timeout", "50ms"]);
    let mut silent = TcpStream::connect(served.address).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_connection_without_calls_is_ended() {
    let served = Served::start(&["--max-idle", "50ms"]);
    let mut client = served.client();
    while frame(&mut client).kind() != FrameType::GOAWAY {}
}

#[cfg(unix)]
#[test]
fn the_first_signal_stops_gracefully_and_the_second_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut served = Served::start(&[]);
        let mut client = served.client();
        assert_eq!(frame(&mut client).kind(), FrameType::SETTINGS);
        served.signal(signal);
        // The PING between the two GOAWAYs is not answered, so the connection is still there.
        while frame(&mut client).kind() != FrameType::PING {}
        served.signal(signal);
        assert_eq!(served.process.wait().unwrap().code(), Some(code));
    }
    let mut served = Served::start(&[]);
    served.signal("INT");
    assert_eq!(served.process.wait().unwrap().code(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_told_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = refused(&["--listen", &address]);
    assert_eq!(code, 3);
    let expected = format!(
        "framescope: cannot listen on {address}: address already in use; stop who listens there, or name another port (0: any)"
    );
    assert_eq!(said, expected);
    assert_eq!(refused(&["--listen", "nonsense"]).0, 2);
}

#[test]
fn what_cannot_be_answered_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let lonely = file(
        "lonely.proto",
        "syntax = \"proto3\"; package new; import \"no.proto\"; message M { no.M m = 1; } service S { rpc Do(M) returns (M); }",
    );
    let broken = file("broken.proto", "syntax = \"proto3\"; message {");
    let json = file("answer.json", "{\n  \"respons\": \"x\"\n}\n");
    let from_file = format!("proto.SearchService/Search=@{json}");
    for (arguments, code, words) in [
        (vec!["--answer", "nothing"], 2, "is not METHOD=JSON"),
        (vec!["--answer", "proto.SearchService/No={}"], 2, "no file of the schema has this method"),
        (
            vec!["--answer", &from_file],
            2,
            "line 2, column 3: respons: unrecognized field name 'respons'; what fits: fields of proto.SearchResponse: response",
        ),
        (vec!["--answer", "proto.SearchService/Search=@no/such/file"], 3, "no/such/file: no such file or directory"),
        (
            vec!["--answer", "proto.SearchService/Search={}", "--answer", "proto.SearchService/Search={}"],
            2,
            "it has an answer already",
        ),
        (
            vec!["--proto", &lonely, "--answer", "new.S/Do={}"],
            5,
            "no JSON can be fitted to new.M: lonely.proto cannot be used: ",
        ),
        (vec!["--proto", &broken], 5, "no usable schema: "),
        (vec!["--max-idle", "soon"], 2, "--max-idle `soon` is no length of time"),
        (vec!["--max-memory", "much"], 2, "--max-memory `much` is no size"),
        (vec!["--interceptor", "logging,nothing"], 2, "there is no interceptor `nothing`; there are logging,"),
        (vec!["--interceptor", "deadline"], 2, "--interceptor deadline has no time: use deadline=5s"),
        (vec!["--interceptor", "stamp=1"], 2, "--interceptor stamp takes no value"),
    ] {
        let (found, said) = refused(&arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert_eq!(found, code, "{arguments:?}: {said}");
    }
}
