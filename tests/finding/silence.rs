//! Nothing is found where nothing is wrong, and nobody is blamed for what the capture lost.

use std::fs::File;
use std::path::{Path, PathBuf};

use framescope::capture::{CaptureFile, Options, Packet, Source};
use framescope::dissect::Dissector;
use framescope::finding::{Judge, Judging};
use framescope::limits::Limits;

use super::conversation::{Conversation, Side, frame, message};
use super::{Findings, Found, finds_nothing, found, found_in, ready, request, response, trailers};

fn captures(folder: &Path) -> Vec<PathBuf> {
    let Ok(listed) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = listed.map(|entry| entry.unwrap().path());
    let is_capture = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ["pcap", "pcapng", "gz", "zst"].iter().any(|known| ending == *known))
    };
    paths.filter(is_capture).collect()
}

#[test]
fn nothing_is_found_in_captures_of_peers_that_keep_the_rules_whatever_was_done_to_the_captures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut looked_at = 0;
    for folder in ["fixtures/captures", "fixtures/damaged", "fixtures/found", "../shared/captures"] {
        for path in captures(&root.join(folder)) {
            let found = found(File::open(&path).unwrap());
            assert_eq!(found, [], "{}", path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at > 80, "{looked_at}");
}

/// A call whose response has no status, with something in the middle.
fn without_status(middle: impl FnOnce(&mut Conversation)) -> Conversation {
    let mut conversation = ready();
    conversation.send(Side::Client, &[request(1), frame(0, 1, 1, &message(b"q"))].concat());
    conversation.send(Side::Server, &response(1));
    middle(&mut conversation);
    conversation.send(Side::Server, &frame(0, 1, 1, &message(b"a")));
    for _ in 0..50 {
        conversation.send(Side::Client, &frame(6, 0, 0, b"12345678"));
    }
    conversation
}

#[test]
fn what_the_capture_lost_is_not_held_against_the_peer() {
    assert_eq!(found_in(without_status(|_| {})).len(), 1);
    finds_nothing(without_status(|conversation| conversation.lose(Side::Server, 40)));
}

#[test]
fn a_connection_met_late_is_judged_only_by_what_a_frame_says_itself_and_with_doubt() {
    let mut conversation = Conversation::bare();
    conversation.lose(Side::Client, 500);
    conversation.lose(Side::Server, 500);
    // Streams, acknowledgements and windows of which the beginnings are not here.
    conversation.send(Side::Server, &[frame(0, 0, 7, &message(b"a")), frame(4, 1, 0, &[])].concat());
    conversation.send(Side::Client, &[frame(6, 1, 0, b"12345678"), frame(0, 1, 7, &message(b"q"))].concat());
    conversation.send(Side::Server, &trailers(7));
    conversation.send(Side::Client, &frame(8, 0, 0, &[0; 4]));
    for _ in 0..50 {
        conversation.send(Side::Client, &frame(6, 0, 0, b"12345678"));
        conversation.send(Side::Server, &frame(6, 1, 0, b"12345678"));
    }
    let found = found_in(conversation);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].rule, found[0].uncertain), ("http2/zero-window-update", true));
}

/// The packets of a capture, and their octets.
fn packets(path: &Path) -> Vec<(Packet<'static>, Vec<u8>)> {
    let mut source = CaptureFile::open(File::open(path).unwrap()).unwrap();
    let mut packets = Vec::new();
    while let Some(packet) = source.next_packet().unwrap() {
        packets.push((Packet { data: &[], options: Options::empty(), ..packet }, packet.data.to_vec()));
    }
    packets
}

/// What is found where only some octets of some packets were captured.
fn found_in_part(packets: &[(Packet<'static>, Vec<u8>)], keep: impl Fn(usize, &[u8]) -> Option<usize>) -> Vec<Found> {
    let (mut judge, mut findings) = (Judge::new(&Limits::default()), Findings::default());
    let mut judging = Judging { judge: &mut judge, observer: &mut findings };
    let mut dissector = Dissector::new(&Limits::default());
    for (n, (packet, octets)) in packets.iter().enumerate() {
        if let Some(length) = keep(n, octets) {
            let data = &octets[..length.min(octets.len())];
            dissector.packet(&Packet { data, options: Options::empty(), ..*packet }, &mut judging);
        }
    }
    dissector.finish(&mut judging);
    findings.0
}

#[test]
fn a_capture_that_lacks_packets_or_parts_of_them_blames_nobody() {
    let whole = Some(usize::MAX);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for path in captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures")) {
        let packets = packets(&path);
        let blame = |what: &str, found: Vec<Found>| {
            let certain: Vec<&Found> = found.iter().filter(|one| !one.uncertain).collect();
            assert!(certain.is_empty(), "{}, {what}: {certain:?}", path.display());
        };
        // The ports of a packet of these captures stand at the same place in all packets that go the same way.
        let side = |octets: &[u8]| octets.get(34..38).map(<[u8]>::to_vec);
        let client = packets.first().and_then(|(_, octets)| side(octets));
        for at in (0..packets.len()).step_by(packets.len().div_ceil(40).max(1)) {
            blame(&format!("without packet {at}"), found_in_part(&packets, |n, _| whole.filter(|_| n != at)));
            blame(&format!("from packet {at}"), found_in_part(&packets, |n, _| whole.filter(|_| n >= at)));
            blame(&format!("up to packet {at}"), found_in_part(&packets, |n, _| whole.filter(|_| n < at)));
            for of_client in [true, false] {
                let gone = |n: usize, octets: &[u8]| n >= at && (side(octets) == client) == of_client;
                let found = found_in_part(&packets, |n, octets| whole.filter(|_| !gone(n, octets)));
                blame(&format!("without one side ({of_client}) from packet {at}"), found);
                let gone = |n: usize, octets: &[u8]| n < at && (side(octets) == client) == of_client;
                let found = found_in_part(&packets, |n, octets| whole.filter(|_| !gone(n, octets)));
                blame(&format!("without one side ({of_client}) up to packet {at}"), found);
            }
        }
        for length in [54, 60, 66, 75, 80, 96, 128, 200] {
            blame(&format!("cut to {length} octets"), found_in_part(&packets, |_, _| Some(length)));
        }
        for turn in 0..20 {
            let lost: Vec<bool> = packets.iter().map(|_| next() % 20 < 1 + turn % 8).collect();
            blame(&format!("at random, turn {turn}"), found_in_part(&packets, |n, _| whole.filter(|_| !lost[n])));
        }
    }
}
