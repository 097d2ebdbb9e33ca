//! grpcio, grpc-js, grpc-go and tonic against `framescope serve`, and `framescope call` against their servers.
//!
//! `setup.sh` makes these peers; what is not there is said to be skipped. Each case prints a line, captured or not.
#![allow(missing_docs, reason = "a test binary")]
#![cfg(unix)]

#[path = "../support/batch.rs"]
mod batch;
mod cases;
mod load;
mod peers;
mod programs;

use std::io::Write as _;

use peers::Peer;
use programs::Running;

#[test]
fn grpcio_calls_serve() {
    Peer::grpcio().calls_serve();
}

#[test]
fn grpc_js_calls_serve() {
    Peer::grpc_js().calls_serve();
}

#[test]
fn grpc_go_calls_serve() {
    Peer::grpc_go().calls_serve();
}

#[test]
fn tonic_calls_serve() {
    Peer::tonic().calls_serve();
}

#[test]
fn call_calls_grpcio() {
    cases::play(&Peer::grpcio());
}

#[test]
fn call_calls_grpc_js() {
    cases::play(&Peer::grpc_js());
}

#[test]
fn call_calls_grpc_go() {
    cases::play(&Peer::grpc_go());
}

#[test]
fn call_calls_tonic() {
    cases::play(&Peer::tonic());
}

/// With nothing but this repository: the cases hold, so that what fails above is the peers' doing.
#[test]
fn call_calls_serve() {
    cases::play(&Peer::framescope());
}

#[test]
fn grpcio_understands_reflection_health_and_a_graceful_stop() {
    let peer = Peer::grpcio();
    let Some(mut client) = peer.script("services.py") else { return };
    let serve = peers::serve(&[]);
    let client = Running::start(client.arg(&serve.address));
    loop {
        match client.line().unwrap_or_else(|why| panic!("grpcio's clients of reflection and health: {why}")).as_str() {
            "watching" => break,
            case => say(&format!("{} calls serve: {case}", peer.name)),
        }
    }
    serve.running.signal("TERM");
    let said = client.finish();
    for case in said.out.lines() {
        say(&format!("{} calls serve: {case}", peer.name));
    }
    assert!(said.is_good(), "grpcio's clients of reflection and health: {said:?}");
    assert!(serve.running.finish().is_good(), "serve does not end well");
}

#[test]
fn ten_thousand_calls_of_grpcio_are_all_answered_and_none_is_mixed_up() {
    let peer = Peer::grpcio();
    let Some(mut client) = peer.script("client.py") else { return };
    let serve = peers::serve(&[]);
    let said = Running::start(client.arg(&serve.address).args(["load", "10000", "100"])).finish();
    assert!(said.is_good(), "grpcio calls serve: load: {said:?}");
    say(&format!("{} calls serve: load: {}", peer.name, said.out.trim_end()));
}

/// A line that is shown although the test passes.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
