//! Live capture as its users meet it. What needs libpcap and the permission to capture says `skipped` without them.
#![allow(missing_docs, reason = "a test binary")]

use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use framescope::capture::live::{Live, OpenError, Setup};
use framescope::capture::{Error, Source as _};
use framescope::endpoint::scenario::Scenario;

fn framescope(program: &mut Command, arguments: &[&str]) -> Output {
    program.args(arguments).env("NO_COLOR", "1").stdin(Stdio::null()).output().expect("the program runs")
}

fn stdout(arguments: &[&str]) -> String {
    let output = framescope(&mut Command::new(env!("CARGO_BIN_EXE_framescope")), arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Whether this machine lets the test capture; says so if it does not.
fn can_capture() -> bool {
    match Live::open(&Setup::default()) {
        Ok(_) => true,
        Err(error @ (OpenError::NoLibrary { .. } | OpenError::NotPermitted { .. })) => {
            println!("skipped: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// The values of a key in records of one type, in order.
fn values(records: &str, kind: &str, key: &str) -> Vec<String> {
    let records = records.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    records.filter(|record| record["type"] == kind).map(|record| record[key].to_string()).collect()
}

#[test]
fn every_scenario_is_captured_whole() {
    if !can_capture() {
        return;
    }
    for Scenario { name, .. } in Scenario::all() {
        // How a call ends may depend on who is faster; which calls there are does not.
        let paths = |records: &str| {
            let mut paths = values(records, "call", "path");
            paths.sort();
            paths
        };
        let expected = paths(&stdout(&["demo", name, "--simulate", "-T", "ndjson"]));
        let play = || stdout(&["demo", name, "--capture", "live", "-T", "ndjson"]);
        let mut live = play();
        // Now and then the last connection of hard-stop is not in the live capture.
        for _ in 0..4 {
            if paths(&live) != expected {
                live = play();
            }
        }
        assert_eq!(paths(&live), expected, "{name}");
        assert_eq!(values(&live, "summary", "gaps"), ["0"], "{name}");
        assert_eq!(values(&live, "summary", "malformed"), ["0"], "{name}");
        assert!(values(&live, "flow", "opened").iter().all(|opened| opened == "\"syn\""), "{name}");
        assert!(
            values(&live, "flow", "closed").iter().all(|closed| ["\"fin\"", "\"rst\""].contains(&closed.as_str())),
            "{name}"
        );
    }
}

#[test]
fn the_twelve_steps_come_in_their_order() {
    if !can_capture() {
        return;
    }
    for _ in 0..5 {
        let text = stdout(&["demo", "--capture", "live"]);
        let steps = (1..=12).map(|step| text.find(&format!("\n{step:>2}  ")).expect("the step"));
        assert!(steps.is_sorted(), "{text}");
        assert!(text.contains("16 frames, 1 call, 2 messages"), "{text}");
    }
}

#[test]
fn the_capture_that_is_kept_is_of_the_loopback_device_and_says_what_was_lost() {
    if !can_capture() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("live.pcapng");
    let path = path.to_str().expect("UTF-8");
    let shown = stdout(&["demo", "--capture", "live", "-w", path]);
    assert!(shown.contains("16 frames, 1 call, 2 messages"), "{shown}");
    let decoded = stdout(&["decode", path, "-T", "ndjson"]);
    assert_eq!(values(&decoded, "frame", "frame").len(), 16);
    let summary = values(&decoded, "summary", "capture").concat();
    assert!(summary.contains("\"name\":\"lo\"") && summary.contains("\"dropped_by_system\":0"), "{summary}");
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("the capture")).into_owned();
    assert!(text.contains("as libpcap captured it") && !text.contains("made up"));
}

#[test]
fn only_what_the_filter_lets_pass_is_captured_once_and_in_time() {
    if !can_capture() {
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut live = Live::open(&Setup { filter: format!("tcp port {port}"), ..Setup::default() }).expect("a capture");
    for listener in [&stranger, &listener] {
        let mut socket = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        socket.write_all(b"these octets").expect("sent");
    }
    let mut packets: Vec<(i64, Vec<u8>)> = Vec::new();
    // The octets, and FIN after them.
    while !packets.iter().any(|(_, packet)| packet.ends_with(b"these octets")) {
        match live.next_packet() {
            Ok(packet) => {
                let packet = packet.expect("nobody stopped it");
                assert!(!packet.is_cut());
                packets.push((packet.time.as_nanos(), packet.data.to_vec()));
            }
            Err(Error::Read { source, .. }) => assert_eq!(source.kind(), ErrorKind::TimedOut),
            Err(error) => panic!("{error}"),
        }
    }
    let port = port.to_be_bytes();
    assert!(packets.iter().all(|(_, packet)| packet[34..36] == port || packet[36..38] == port));
    let is_syn = |packet: &[u8]| packet[47] == 2;
    assert_eq!(packets.iter().filter(|(_, packet)| is_syn(packet)).count(), 1, "each packet is there once");
    assert!(packets.is_sorted_by_key(|(time, _)| *time));
    live.count();
    let statistics = live.facts().interfaces[0].statistics.expect("counted");
    assert!(statistics.received >= statistics.delivered);
    assert_eq!(live.facts().dropped(), 0);
}

#[test]
fn what_the_kernel_had_no_room_for_is_counted() {
    if !can_capture() {
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let filter = format!("tcp port {}", address.port());
    let mut live = Live::open(&Setup { filter, ..Setup::default() }).expect("a capture");
    // Twice what the kernel keeps of a capture that nobody reads.
    let sending = std::thread::spawn(move || {
        let mut socket = TcpStream::connect(address).expect("a connection");
        socket.write_all(&vec![0; 64 << 20]).expect("sent");
    });
    let (mut socket, _) = listener.accept().expect("a connection");
    std::io::copy(&mut socket, &mut std::io::sink()).expect("received");
    sending.join().expect("sent");
    let mut packets = 0;
    loop {
        match live.next_packet() {
            Ok(packet) => packets += u64::from(packet.is_some()),
            Err(Error::Read { source, .. }) if source.kind() == ErrorKind::TimedOut => break,
            Err(error) => panic!("{error}"),
        }
    }
    let statistics = live.facts().interfaces[0].statistics.expect("counted");
    assert_eq!(statistics.delivered, Some(packets));
    assert!(statistics.dropped_by_system > Some(0), "{statistics:?}");
    assert!(live.facts().dropped() >= statistics.dropped_by_system.unwrap_or(0));
}

#[test]
fn a_stopped_capture_ends_and_a_silent_one_does_not_block() {
    if !can_capture() {
        return;
    }
    // Nobody sends to port 0.
    let mut live = Live::open(&Setup { filter: "tcp port 0".into(), ..Setup::default() }).expect("a capture");
    let Err(Error::Read { source, .. }) = live.next_packet() else { panic!("there are no packets") };
    assert_eq!(source.kind(), ErrorKind::TimedOut);
    let stop = live.stop();
    std::thread::spawn(move || stop.stop()).join().expect("stopped");
    assert!(live.next_packet().expect("no error").is_none());
}

#[test]
fn what_cannot_be_captured_says_why_and_what_to_do() {
    if !can_capture() {
        return;
    }
    let failure = |setup: Setup| Live::open(&setup).err().expect("no capture").to_string();
    let filter = failure(Setup { filter: "tcp and or".into(), ..Setup::default() });
    assert!(filter.starts_with("cannot use the filter `tcp and or`: ") && filter.contains("syntax error"), "{filter}");
    let device = failure(Setup { device: "framescope-no".into(), ..Setup::default() });
    assert!(device.contains("there is no such device; there are: ") && device.contains("lo"), "{device}");
}

#[test]
fn without_permission_or_libpcap_the_exit_code_is_4_and_the_message_says_what_to_do() {
    let has_library = !matches!(Live::open(&Setup::default()), Err(OpenError::NoLibrary { .. }));
    let mut program = Command::new(env!("CARGO_BIN_EXE_framescope"));
    if can_capture() {
        program = Command::new("setpriv");
        program.args(["--bounding-set", "-net_raw", "--inh-caps", "-net_raw", env!("CARGO_BIN_EXE_framescope")]);
        if !Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success()) {
            println!("skipped: no setpriv here to give the permission away");
            return;
        }
    }
    let output = framescope(&mut program, &["demo", "--capture", "live"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{error}");
    let (why, what_to_do) = match has_library {
        true => ("cannot capture on lo: no permission", "setcap cap_net_raw+ep"),
        false => ("cannot capture: libpcap is not here", "apt install libpcap0.8"),
    };
    assert!(error.starts_with(&format!("framescope: {why}")) && error.contains(what_to_do), "{error}");
    assert_eq!(error.lines().count(), 1);
    assert!(output.stdout.is_empty());
}

#[test]
fn a_simulated_link_cannot_be_captured_live() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_framescope"));
    let output = framescope(&mut program, &["demo", "--simulate", "--capture", "live"]);
    assert_eq!(output.status.code(), Some(2));
}

/// A user without libpcap can start the program, too.
#[test]
#[cfg(target_os = "linux")]
fn libpcap_is_not_linked() {
    // The loader lists what it loaded instead of running the program.
    let mut program = Command::new(env!("CARGO_BIN_EXE_framescope"));
    let output = framescope(program.env("LD_TRACE_LOADED_OBJECTS", "1"), &["--version"]);
    let loaded = String::from_utf8_lossy(&output.stdout);
    if !loaded.contains("libc.so") {
        println!("skipped: the loader does not list what it loads");
        return;
    }
    assert!(!loaded.contains("libpcap"), "{loaded}");
}
