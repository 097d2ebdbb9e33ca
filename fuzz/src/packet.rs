//! Link layer and IP. The input: packets of a link type (an octet that picks it), a length (two octets), and octets.

use framescope::net::{FragmentLimits, Net, Outcome};

use crate::Octets;

/// Link types that are read, and one that is not.
pub const LINKS: [u32; 12] = [1, 113, 276, 0, 108, 101, 228, 229, 9, 12, 14, 4242];

/// Reads all packets with one memory for fragments.
pub fn run(data: &[u8]) {
    let mut input = Octets(data);
    let mut net = Net::new(FragmentLimits::default());
    let mut packets: Vec<&[u8]> = Vec::new();
    while !input.is_empty() && packets.len() < 64 {
        let link = LINKS[usize::from(input.octet()) % LINKS.len()];
        let length = usize::from(input.short());
        let octets = input.take(length);
        packets.push(octets);
        let number = packets.len() as u64;
        // The length on the wire may be more than was captured.
        let original = u32::try_from(length).unwrap_or(0);
        match net.packet(link, octets, original, number, i64::try_from(number).unwrap_or(0) * 1_000_000) {
            Outcome::Tcp(segment) => {
                let at: Vec<u8> = segment
                    .pieces()
                    .flat_map(|piece| {
                        let packet = packets[usize::try_from(piece.packet - 1).expect("a packet that was seen")];
                        let start = usize::try_from(piece.offset).expect("it fits");
                        packet[start..start + usize::try_from(piece.length).expect("it fits")].to_vec()
                    })
                    .collect();
                assert_eq!(at, segment.payload, "the payload stands where it says");
                assert!(segment.header_length() >= 20 && segment.header_pieces().count() < 64);
            }
            Outcome::Malformed(malformed) => {
                let _ = format!("{} {}", malformed.layer, malformed.what);
            }
            Outcome::NotTcp(_) | Outcome::Fragment(_) => {}
        }
        assert!(net.held_bytes() < 32 << 20);
    }
    net.finish();
}
