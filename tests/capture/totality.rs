//! Damage: every prefix and every changed octet of small captures.

use crate::support::{Build, Seen, drain, fixture, read, read_all};
use framescope::capture::{CaptureFile, Error};
use std::ops::Range;

#[test]
fn every_prefix_of_a_pcap_gives_its_complete_records_and_the_place_of_the_cut() {
    let octets = fixture("go_article_unary.pcap");
    let header = 0..24;
    let mut start = header.end;
    let mut records = vec![(header, false)];
    while start < octets.len() {
        let length = u32::from_le_bytes(octets[start + 8..start + 12].try_into().unwrap());
        let end = start + 16 + length as usize;
        records.push((start..end, true));
        start = end;
    }
    every_prefix(&octets, &records);
}

#[test]
fn every_prefix_of_a_pcapng_gives_its_complete_blocks_and_the_place_of_the_cut() {
    let octets = small_pcapng();
    let mut frames = Vec::new();
    let mut start = 0;
    while start < octets.len() {
        let length = u32::from_le_bytes(octets[start + 4..start + 8].try_into().unwrap());
        let end = start + length as usize;
        frames.push((start..end, octets[start] == 6));
        start = end;
    }
    every_prefix(&octets, &frames);
}

/// `frames` covers `octets`; each says whether it holds a packet.
fn every_prefix(octets: &[u8], frames: &[(Range<usize>, bool)]) {
    let whole = read_all(octets);
    for length in 1..octets.len() {
        let (packets, error) = read(&octets[..length]);
        let complete = frames.iter().filter(|(f, packet)| *packet && f.end <= length);
        assert_eq!(packets, whole[..complete.count()], "of {length} octets");
        let cut = frames.iter().find(|(f, _)| f.start < length && length < f.end);
        match (error, cut) {
            (None, None) => {}
            (Some(Error::Truncated { offset, present, .. }), Some((frame, _))) => {
                assert_eq!(offset, frame.start as u64, "of {length} octets");
                assert_eq!(present, (length - frame.start) as u64);
            }
            (error, cut) => panic!("{length} octets, cut in {cut:?}: {error:?}"),
        }
    }
}

#[test]
fn every_changed_octet_of_a_pcap_is_survived_in_bounded_memory() {
    every_change(&fixture("go_article_unary.pcap"));
}

#[test]
fn every_changed_octet_of_a_pcapng_is_survived_in_bounded_memory() {
    every_change(&small_pcapng());
}

fn every_change(octets: &[u8]) {
    let mut changed = octets.to_vec();
    for at in 0..octets.len() {
        for change in [0x01, 0x04, 0x80, 0xff] {
            changed[at] ^= change;
            if let Ok(mut source) = CaptureFile::open(&changed[..]) {
                let (packets, _) = drain(&mut source);
                let sum: usize = packets.iter().map(|packet| packet.data.len()).sum();
                assert!(sum <= octets.len(), "octet {at} ^ {change}");
                assert!(source.held_bytes() <= 17 << 20, "octet {at} ^ {change}");
                assert!(in_order(&packets), "octet {at} ^ {change}");
            }
            changed[at] ^= change;
        }
    }
}

#[test]
fn every_changed_octet_of_a_compressed_capture_is_survived() {
    for name in ["go_article_unary.pcap.gz", "d_pcapng.pcapng.zst"] {
        let octets = fixture(name);
        let mut changed = octets.clone();
        for at in (0..octets.len()).step_by(1 + octets.len() / 1500) {
            changed[at] ^= 0x55;
            let (packets, _) = read(&changed[..]);
            assert!(in_order(&packets));
            changed[at] ^= 0x55;
        }
    }
}

#[test]
fn every_prefix_of_a_compressed_capture_gives_what_it_holds() {
    for name in ["go_article_unary.pcap.gz", "d_pcapng.pcapng.zst"] {
        let octets = fixture(name);
        let whole = read_all(&octets[..]);
        for length in (4..octets.len()).step_by(1 + octets.len() / 1500) {
            let (packets, error) = read(&octets[..length]);
            assert!(whole.starts_with(&packets), "{name} of {length} octets");
            let error = error.unwrap_or_else(|| panic!("{name} of {length} octets: no error"));
            assert!(error.is_truncation(), "{name} of {length} octets: {error}");
        }
    }
}

fn in_order(packets: &[Seen]) -> bool {
    packets.windows(2).all(|pair| pair[0].number < pair[1].number)
}

/// All that a section may hold, in little-endian.
fn small_pcapng() -> Vec<u8> {
    Build::little()
        .section_with(u64::MAX, |o| o.option(4, b"test").option(1, b"a comment").u32(0))
        .interface(1, 96, |o| o.option(2, b"eth0").option(9, &[9]).u32(0))
        .interface(101, 0, |o| o.option(9, &[0x80 | 20]))
        .enhanced(0, 1_700_000_000_000_000_000, b"first packet", |o| {
            o.option(2, &[1, 0, 0, 0]).option(1, b"look here").u32(0)
        })
        .block(10, |b| b.u32(0x544c_534b).u32(5).padded(b"keys!"))
        .enhanced(1, 77, b"second", |o| o)
        .block(4, |b| b.u32(0))
        .block(0x0bad, |b| b.u32(32_473).octets(b"data"))
        .block(5, |b| b.u32(0).u64(9).option(5, &3_u64.to_le_bytes()))
        .section()
        .interface(113, 0, |o| o)
        .enhanced(0, 5, b"third", |o| o)
        .octets
}
