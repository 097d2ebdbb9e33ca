//! Packets made by hand: Ethernet, IPv4 and TCP, without checksums; and conversations taken out of fixtures.

use std::path::Path;

use framescope::capture::{CaptureFile, Source};
use framescope::capture::{LinkType, Options, Packet, TimeQuality};
use framescope::time::Timestamp;

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

/// A TCP segment; the client is 10.0.0.1, the server 10.0.0.2 port 50051.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Segment {
    pub(crate) from_client: bool,
    pub(crate) client_port: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    pub(crate) flags: u8,
    pub(crate) payload: Vec<u8>,
}

impl Segment {
    /// The packet that carries it.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(54 + self.payload.len());
        self.write(&mut out);
        out
    }

    /// Writes the packet that carries it in place of what `out` holds.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let ports = [self.client_port.to_be_bytes(), 50051_u16.to_be_bytes()];
        out.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
        let length = u16::try_from(40 + self.payload.len()).expect("a segment fits into a packet");
        out.extend([0x45, 0]);
        out.extend(length.to_be_bytes());
        out.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        let (from, to) = if self.from_client { (client, server) } else { (server, client) };
        out.extend(from);
        out.extend(to);
        let [client, server] = ports;
        let (from, to) = if self.from_client { (client, server) } else { (server, client) };
        out.extend(from);
        out.extend(to);
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.acknowledgment.to_be_bytes());
        out.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        out.extend_from_slice(&self.payload);
    }
}

/// A packet of Ethernet captured whole, `micros` after the epoch.
pub(crate) fn packet(number: u64, micros: i64, data: &[u8]) -> Packet<'_> {
    Packet {
        number,
        time: Timestamp::from_nanos(micros * 1000),
        time_quality: TimeQuality::Captured,
        link: LinkType::ETHERNET,
        data,
        original_length: u32::try_from(data.len()).unwrap(),
        interface: 0,
        options: Options::empty(),
    }
}

/// What two sides said, in the order in which they said it; `true` is the client.
///
/// Taken out of a fixture of one connection over Ethernet and IPv4, whole and in order, by the simplest means.
pub(crate) fn conversation(path: &Path) -> Vec<(bool, Vec<u8>)> {
    let mut source = CaptureFile::open(std::fs::File::open(path).unwrap()).unwrap();
    let mut said: Vec<(bool, Vec<u8>)> = Vec::new();
    let mut client = None;
    let mut next = [None, None];
    while let Some(packet) = source.next_packet().unwrap() {
        let ip = &packet.data[14..];
        let segment = &ip[20..usize::from(u16::from_be_bytes([ip[2], ip[3]]))];
        let from_client = *client.get_or_insert([segment[0], segment[1]]) == [segment[0], segment[1]];
        let sequence = u32::from_be_bytes(segment[4..8].try_into().unwrap());
        let payload = &segment[usize::from(segment[12] >> 4) * 4..];
        let next = &mut next[usize::from(from_client)];
        if segment[13] & SYN != 0 {
            *next = Some(sequence.wrapping_add(1));
        } else if !payload.is_empty() && *next == Some(sequence) {
            *next = Some(sequence.wrapping_add(u32::try_from(payload.len()).unwrap()));
            match said.last_mut() {
                Some((same, octets)) if *same == from_client => octets.extend_from_slice(payload),
                _ => said.push((from_client, payload.to_vec())),
            }
        }
    }
    said
}
