//! No packet panics: every prefix and every change of one octet of the fixtures, and noise.

use framescope::net::{Net, Outcome};
use framescope::span::Piece;
use proptest::prelude::*;

use crate::packets::real_frame;
use crate::support::{Facts, capture};

const FIXTURES: [&str; 8] = [
    "wrapped_ethernet",
    "fragments",
    "damaged",
    "wrapped_sll",
    "wrapped_null",
    "wrapped_raw",
    "wrapped_ppp",
    "py_any_sll2",
];

/// Reads a packet and checks what holds for every outcome.
fn check(net: &mut Net, link: u32, data: &[u8], original_length: u32, time_ns: i64) {
    match net.packet(link, data, original_length, 1, time_ns) {
        Outcome::Tcp(segment) => {
            let length: u32 = segment.pieces().map(|piece| piece.length).sum();
            assert_eq!(length as usize, segment.payload.len());
            assert!(segment.wire_length as usize >= segment.payload.len());
            assert!(segment.header_pieces().count() > 0);
        }
        Outcome::Malformed(malformed) => assert!(!malformed.to_string().is_empty()),
        Outcome::NotTcp(kind) => assert!(!kind.to_string().is_empty()),
        Outcome::Fragment(_) => {}
    }
}

#[test]
fn every_prefix_of_a_packet_is_an_outcome() {
    for name in FIXTURES {
        let (link, packets) = capture(name);
        let mut net = Net::default();
        for packet in &packets {
            for length in 0..packet.data.len() {
                let prefix = &packet.data[..length];
                check(&mut net, link, prefix, packet.original_length, 0);
                check(&mut net, link, prefix, length as u32, 0);
            }
        }
    }
}

#[test]
fn every_change_of_one_octet_is_an_outcome() {
    for name in FIXTURES {
        let (link, packets) = capture(name);
        let mut net = Net::default();
        for packet in &packets {
            let mut data = packet.data.clone();
            for at in 0..data.len().min(160) {
                let before = data[at];
                for change in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff, before] {
                    data[at] = before ^ change;
                    check(&mut net, link, &data, packet.original_length, 0);
                }
                data[at] = before;
            }
        }
    }
}

proptest! {
    #[test]
    fn noise_is_an_outcome_and_every_packet_is_counted_once(
        packets in prop::collection::vec(
            (
                prop::sample::select(vec![0_u32, 1, 9, 51, 101, 108, 113, 228, 229, 276, 999]),
                prop::collection::vec(any::<u8>(), 0..200),
                any::<u32>(),
                any::<i64>(),
            ),
            1..40,
        ),
    ) {
        let mut net = Net::default();
        for (link, data, original_length, time_ns) in &packets {
            check(&mut net, *link, data, *original_length, *time_ns);
        }
        let counters = net.counters();
        let waiting = counters.fragments_held + counters.fragments_repeated;
        let all = counters.tcp + counters.not_tcp_total() + counters.malformed + waiting;
        prop_assert_eq!(all, packets.len() as u64);
    }
}

#[test]
fn the_short_way_of_the_usual_packet_and_the_long_way_agree() {
    let frame = real_frame();
    let lengths = [frame.len(), 60, 50];
    for (at, length) in (14..66).flat_map(|at| lengths.map(|length| (at, length))) {
        for change in 0..=255 {
            let mut changed = frame.clone();
            changed[at] ^= change;
            let original_length = frame.len() as u32;
            // The same octets behind a VLAN tag never go the short way.
            let tagged = [&changed[..12], &[0x81, 0, 0, 5], &changed[12..]].concat();
            let (mut short, mut long) = (Net::default(), Net::default());
            let short = short.packet(1, &changed[..length], original_length, 1, 0);
            let long = long.packet(1, &tagged[..length + 4], original_length + 4, 1, 0);
            match (short, long) {
                (Outcome::Tcp(short), Outcome::Tcp(long)) => {
                    assert_eq!(Facts::of(1, &short), Facts::of(1, &long));
                    assert_eq!(short.options, long.options);
                    let offset = |piece: Option<Piece>| piece.expect("a place").offset;
                    assert_eq!(offset(short.piece()) + 4, offset(long.piece()));
                }
                (Outcome::Malformed(short), Outcome::Malformed(long)) => {
                    assert_eq!((short.layer, short.what), (long.layer, long.what));
                    assert_eq!(short.offset + 4, long.offset);
                }
                (short, long) => assert_eq!(short, long),
            }
        }
    }
}
