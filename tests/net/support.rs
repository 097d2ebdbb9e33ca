//! Reading the fixtures: a plain pcap, and what tshark said of it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use framescope::net::Segment;

/// One packet of a fixture, with what `Net::packet` needs.
pub(crate) struct Captured {
    pub(crate) data: Vec<u8>,
    pub(crate) original_length: u32,
    pub(crate) number: u64,
    pub(crate) time_ns: i64,
}

/// The link type and packets of `fixtures/net/NAME.pcap` (little-endian, microseconds, as all of them are).
pub(crate) fn capture(name: &str) -> (u32, Vec<Captured>) {
    let file = std::fs::read(fixture(name, "pcap")).expect("fixture");
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_c3d4, "{name}: a microsecond pcap");
    let mut packets = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let length = word(at + 8) as usize;
        packets.push(Captured {
            data: file[at + 16..at + 16 + length].to_vec(),
            original_length: word(at + 12),
            number: packets.len() as u64 + 1,
            time_ns: i64::from(word(at)) * 1_000_000_000 + i64::from(word(at + 4)) * 1000,
        });
        at += 16 + length;
    }
    (word(20), packets)
}

/// What a segment says, with a hash in place of the payload.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Facts {
    pub(crate) packet: u64,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) numbers: [u64; 8],
}

impl Facts {
    pub(crate) fn of(packet: u64, segment: &Segment<'_>) -> Self {
        Self {
            packet,
            source: segment.source,
            destination: segment.destination,
            numbers: [
                segment.sequence.into(),
                segment.acknowledgment.into(),
                segment.flags.0.into(),
                segment.window.into(),
                segment.header_length().into(),
                segment.wire_length.into(),
                segment.payload.len() as u64,
                fnv1a(segment.payload),
            ],
        }
    }
}

/// The segments tshark found, from `fixtures/net/NAME.tcp.txt`.
pub(crate) fn expected(name: &str) -> Vec<Facts> {
    let text = std::fs::read_to_string(fixture(name, "tcp.txt")).expect("expectations");
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let address = |at: usize| {
                let ip: IpAddr = words[at].parse().expect("an address");
                SocketAddr::new(ip, words[at + 1].parse().expect("a port"))
            };
            let number = |at: usize| words[at].parse::<u64>().expect("a number");
            let hash = u64::from_str_radix(words[12], 16).expect("a hash");
            Facts {
                packet: number(0),
                source: address(1),
                destination: address(3),
                numbers: [number(5), number(6), number(7), number(8), number(9), number(10), number(11), hash],
            }
        })
        .collect()
}

fn fixture(name: &str, extension: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join(format!("fixtures/net/{name}.{extension}"))
}

fn fnv1a(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
}
