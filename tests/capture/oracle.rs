//! Every fixture, read by an implementation of others and in every way it may arrive.

use crate::support::{Dribble, Seen, fixture, fixtures, read_all};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

#[test]
fn every_fixture_reads_as_pcap_parser_reads_it() {
    for (name, octets) in captures() {
        let ours: Vec<_> = read_all(&octets[..]).into_iter().map(Facts::from).collect();
        assert!(!ours.is_empty(), "{name}");
        let theirs = oracle(&octets);
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (number, (ours, theirs)) in (1..).zip(ours.into_iter().zip(theirs)) {
            assert_eq!(ours, theirs, "packet {number} of {name}");
        }
    }
}

#[test]
fn one_octet_at_a_time_gives_the_same_packets() {
    for (name, octets) in captures() {
        for step in [1, 7, 4096] {
            let dribble = Dribble { octets: &octets, step };
            assert!(read_all(dribble) == read_all(&octets[..]), "{name} by {step}");
        }
    }
}

#[test]
fn compressed_fixtures_give_the_same_packets() {
    for name in ["go_article_unary.pcap.gz", "d_pcapng.pcapng.zst"] {
        let compressed = fixture(name);
        let plain = fixture(name.rsplit_once('.').unwrap().0);
        assert_eq!(read_all(&compressed[..]), read_all(&plain[..]), "{name}");
        let dribble = Dribble { octets: &compressed, step: 1 };
        assert_eq!(read_all(dribble), read_all(&plain[..]), "{name}");
    }
}

/// What both implementations say about a packet.
#[derive(Debug, Eq, PartialEq)]
struct Facts {
    nanos: i64,
    link: u32,
    interface: u32,
    original_length: u32,
    data: Vec<u8>,
}

impl From<Seen> for Facts {
    fn from(seen: Seen) -> Self {
        Self {
            nanos: seen.nanos,
            link: seen.link,
            interface: seen.interface,
            original_length: seen.original_length,
            data: seen.data,
        }
    }
}

fn captures() -> impl Iterator<Item = (String, Vec<u8>)> {
    let mut names: Vec<_> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".pcap") || name.ends_with(".pcapng"))
        .collect();
    names.sort();
    assert!(names.len() >= 20, "fixtures are missing");
    names.into_iter().map(|name| {
        let octets = fixture(&name);
        (name, octets)
    })
}

fn oracle(octets: &[u8]) -> Vec<Facts> {
    let mut reader = create_reader(1 << 20, octets).unwrap();
    let mut packets = Vec::new();
    let mut pcap = (0, 1000);
    // Link type, resolution octet, offset; by section, then by number.
    let mut interfaces: Vec<(u32, u8, i64)> = Vec::new();
    let mut first = 0;
    loop {
        let (used, block) = match reader.next() {
            Ok(next) => next,
            Err(PcapError::Eof) => return packets,
            Err(PcapError::Incomplete(_)) => {
                reader.refill().unwrap();
                continue;
            }
            Err(error) => panic!("{error:?}"),
        };
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let nanos = if header.is_nanosecond_precision() { 1 } else { 1000 };
                pcap = (header.network.0 as u32, nanos);
            }
            PcapBlockOwned::Legacy(record) => packets.push(Facts {
                nanos: i64::from(record.ts_sec) * 1_000_000_000 + i64::from(record.ts_usec) * pcap.1,
                link: pcap.0,
                interface: 0,
                original_length: record.origlen,
                data: record.data[..record.caplen as usize].to_vec(),
            }),
            PcapBlockOwned::NG(Block::SectionHeader(_)) => first = interfaces.len(),
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                interfaces.push((interface.linktype.0 as u32, interface.if_tsresol, interface.if_tsoffset))
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let number = first + packet.if_id as usize;
                let (link, tsresol, offset) = interfaces[number];
                let ticks = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
                let per_second = match tsresol {
                    power @ 0..=127 => 10_u128.pow(power.into()),
                    power => 1 << (power & 127),
                };
                packets.push(Facts {
                    nanos: (ticks * 1_000_000_000 / per_second) as i64 + offset * 1_000_000_000,
                    link,
                    interface: number as u32,
                    original_length: packet.origlen,
                    data: packet.data[..packet.caplen as usize].to_vec(),
                });
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => packets.push(Facts {
                // It has no time: that of the packet before stands in.
                nanos: packets.last().map_or(0, |before| before.nanos),
                link: interfaces[first].0,
                interface: first as u32,
                original_length: packet.origlen,
                data: packet.data[..packet.origlen as usize].to_vec(),
            }),
            PcapBlockOwned::NG(_) => {}
        }
        reader.consume(used);
    }
}
