//! What `framescope call` and the library's channel are asked to do with a server of framescope.Echo.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::load;
use super::peers::{Peer, framescope, root};
use super::programs::{Running, Said};
use super::say;

/// A server, and what is known of it.
struct Site<'a> {
    peer: &'a Peer,
    address: &'a str,
}

type Case = (&'static str, fn(&Site<'_>));

const CASES: [Case; 13] = [
    ("unary", unary),
    ("server-streaming", server_streaming),
    ("client-streaming", client_streaming),
    ("bidi", bidi),
    ("bidi, one after another", alternating),
    ("metadata", metadata),
    ("gzip", gzip),
    ("errors", errors),
    ("deadline", deadline),
    ("1 MiB", mebibyte),
    ("schema by reflection", reflection),
    ("100 at once", at_once),
    ("2000 calls", many),
];

/// Plays all cases against the peer's server, if it is there, and tells of each how it went.
pub(crate) fn play(peer: &Peer) {
    let Some(server) = peer.server() else { return };
    let site = Site { peer, address: &server.address };
    let mut failed = String::new();
    for (name, case) in CASES {
        let title = format!("call calls {}: {name}", peer.name);
        if name == "schema by reflection" && peer.deviations.no_reflection {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| case(&site))) {
            Ok(()) => say(&format!("{title}: ok")),
            Err(_) => {
                say(&format!("{title}: FAILED"));
                writeln!(failed, "{title}").expect("memory takes it");
            }
        }
    }
    assert!(failed.is_empty(), "these fail:\n{failed}");
}

impl Site<'_> {
    fn start(&self, method: &str, arguments: &[&str]) -> Running {
        let mut command = framescope();
        command.args(["call", self.address, method, "--proto"]).arg(root("proto")).args(arguments);
        Running::start(&mut command)
    }

    fn call(&self, method: &str, arguments: &[&str]) -> Said {
        self.start(&format!("framescope.Echo/{method}"), arguments).finish()
    }
}

/// The values of a name in what `call` says of the response or the trailer, as gRPC allows to join them.
fn values(said: &Said, what: &str, name: &str) -> String {
    let start = format!("{what} {name}: ");
    said.err.lines().filter_map(|line| line.strip_prefix(&start)).collect::<Vec<_>>().join(", ")
}

fn answered(said: &Said, answers: &[&str]) {
    assert!(said.is_good(), "{said:?}");
    assert_eq!(said.out.lines().collect::<Vec<_>>(), answers);
}

const MESSAGE: &str = r#"{"text":"café","payload":"AP8=","number":"-7"}"#;

fn unary(site: &Site<'_>) {
    answered(&site.call("Unary", &["-d", MESSAGE]), &[MESSAGE]);
}

fn server_streaming(site: &Site<'_>) {
    answered(&site.call("ServerStream", &["-d", MESSAGE, "-H", "echo-count: 7"]), &[MESSAGE; 7]);
}

fn client_streaming(site: &Site<'_>) {
    let requests: Vec<String> =
        (1..=6).map(|n| format!(r#"{{"text":"{n}","payload":"AA==","number":"{n}"}}"#)).collect();
    answered(&site.call("ClientStream", &["-d", &requests.join("\n")]), &[&requests[5]]);
}

fn bidi(site: &Site<'_>) {
    let requests: Vec<String> =
        (1..=20).map(|n| format!(r#"{{"text":"{n}","payload":"AA==","number":"{n}"}}"#)).collect();
    let answers: Vec<&str> = requests.iter().map(String::as_str).collect();
    answered(&site.call("Bidi", &["-d", &requests.concat()]), &answers);
}

fn alternating(site: &Site<'_>) {
    let mut call = site.start("framescope.Echo/Bidi", &["-d", "@-"]);
    for n in 1..=5 {
        let request = format!(r#"{{"text":"{n}","payload":"AA==","number":"{n}"}}"#);
        call.type_in(&request).expect("it reads");
        assert_eq!(call.line().as_ref(), Ok(&request));
    }
    answered(&call.finish(), &[]);
}

fn metadata(site: &Site<'_>) {
    let mut arguments = vec!["-v", "-d", MESSAGE];
    for header in [
        "echo-header-text: a b, c",
        "echo-header-text: again",
        "echo-header-bin: AAH/",
        "echo-trailer-text: x",
        "echo-trailer-bin: /wAB",
    ] {
        arguments.extend(["-H", header]);
    }
    let said = site.call("Unary", &arguments);
    answered(&said, &[MESSAGE]);
    assert_eq!(values(&said, "response", "echo-header-text"), "a b, c, again", "{said:?}");
    assert_eq!(values(&said, "response", "echo-header-bin"), "AAH/", "{said:?}");
    arguments.extend(["-H", "echo-status: 5"]);
    let failed = site.call("Unary", &arguments);
    assert_eq!(failed.code, Some(69), "{failed:?}");
    for said in [said, failed].iter().skip(usize::from(site.peer.deviations.no_trailers)) {
        assert_eq!(values(said, "trailer", "echo-trailer-text"), "x", "{said:?}");
        assert_eq!(values(said, "trailer", "echo-trailer-bin"), "/wAB", "{said:?}");
    }
}

fn gzip(site: &Site<'_>) {
    let message = format!(r#"{{"text":"{}","payload":"AA==","number":"1"}}"#, "gzip ".repeat(2000));
    let said = site.call("Bidi", &["--gzip", "--trace", "-H", "echo-gzip: 1", "-d", &format!("{message}{message}")]);
    answered(&said, &[&message, &message]);
    let packed = said.err.lines().filter(|line| line.contains("octets of gzip hold")).count();
    assert_eq!(packed, if site.peer.deviations.no_gzip { 2 } else { 4 }, "{said:?}");
}

fn errors(site: &Site<'_>) {
    for method in ["Unary", "ServerStream"] {
        for code in 1..=16 {
            let words = format!("status {code}: 100 % as asked");
            let (status, message) = (format!("echo-status: {code}"), format!("echo-message: {words}"));
            let said = site.call(method, &["-d", MESSAGE, "-H", &status, "-H", &message]);
            assert_eq!(said.code, Some(64 + code), "{said:?}");
            assert!(said.err.contains(&format!(" ({code}): {words}\n")), "{said:?}");
        }
    }
    let said = site.start("proto.SearchService/Search", &["-d", "{}"]).finish();
    assert_eq!(said.code, Some(69), "{said:?}");
    assert!(said.err.contains("NOT_FOUND (5): not here: ✓ 100 %\n"), "{said:?}");
    let details = values(&said, "trailer", "grpc-status-details-bin");
    assert!(details.contains(r#""@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ASKED""#), "{said:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("no.proto");
    let proto = "syntax = \"proto3\"; package no; message M {} service Such { rpc Method(M) returns (M); }";
    std::fs::write(&path, proto).expect("it is written");
    let said = site.start("no.Such/Method", &["--proto", path.to_str().expect("UTF-8"), "-d", "{}"]).finish();
    assert_eq!(said.code, Some(64 + 12), "{said:?}");
}

fn deadline(site: &Site<'_>) {
    let said = site.call("Unary", &["-d", MESSAGE, "--deadline", "200ms", "-H", "work-ms: 30000"]);
    assert_eq!((said.code, said.out.as_str()), (Some(68), ""), "{said:?}");
}

fn mebibyte(site: &Site<'_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.json");
    // 1 MiB and 2 octets.
    let message = format!(r#"{{"text":"1 MiB","payload":"{}","number":"1"}}"#, "AAECA/8F".repeat(174_763));
    std::fs::write(&path, &message).expect("it is written");
    let said = site.call("Unary", &["-d", &format!("@{}", path.display())]);
    assert!(said.is_good(), "{:?} {}", said.code, said.err);
    assert!(said.out.trim_end() == message, "another message came back");
}

fn reflection(site: &Site<'_>) {
    let mut command = framescope();
    let said = Running::start(command.args(["call", site.address, "Echo/Unary", "-d", MESSAGE])).finish();
    answered(&said, &[MESSAGE]);
}

fn at_once(site: &Site<'_>) {
    load::run(site.address, 100, 100, Some(20));
}

fn many(site: &Site<'_>) {
    load::run(site.address, 2000, 100, None);
}
