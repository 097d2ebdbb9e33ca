//! What a capture point sees: TCP segments in IPv4 and Ethernet, as records of a pcap file with nanoseconds.

use std::io::{self, Write};

/// Control bits of TCP.
pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// The largest payload that fits into one IPv4 packet beside 20 octets of IP and 32 of TCP header.
pub(crate) const LARGEST_SEGMENT: usize = 65_535 - 52;

/// Where captured packets go.
pub(crate) struct Tap<W> {
    out: W,
    /// Nanoseconds since the epoch.
    pub(crate) now: u64,
    /// Octets written.
    pub(crate) written: u64,
    /// Packets written.
    pub(crate) packets: u64,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) address: [u8; 4],
    pub(crate) port: u16,
    /// The sequence number of the next octet it sends.
    pub(crate) next: u32,
}

impl<W: Write> Tap<W> {
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
        header.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        header.extend_from_slice(&262_144_u32.to_le_bytes());
        header.extend_from_slice(&1_u32.to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out, now: 1_700_000_000_000_000_000, written: 24, packets: 0 })
    }

    /// A segment from one end to the other; the sender's numbers move on.
    pub(crate) fn segment(&mut self, from: &mut End, to: &End, flags: u8, payload: &[u8]) -> io::Result<()> {
        let tcp = 32 + payload.len();
        let ip = 20 + tcp;
        let frame = 14 + ip;
        let mut head = [0_u8; 16 + 14 + 20 + 32];
        head[0..4].copy_from_slice(&((self.now / 1_000_000_000) as u32).to_le_bytes());
        head[4..8].copy_from_slice(&((self.now % 1_000_000_000) as u32).to_le_bytes());
        head[8..12].copy_from_slice(&(frame as u32).to_le_bytes());
        head[12..16].copy_from_slice(&(frame as u32).to_le_bytes());

        let ethernet = &mut head[16..30];
        ethernet[0..6].copy_from_slice(&hardware(to.address));
        ethernet[6..12].copy_from_slice(&hardware(from.address));
        ethernet[12..14].copy_from_slice(&[0x08, 0x00]);

        let ipv4 = &mut head[30..50];
        ipv4[0] = 0x45;
        ipv4[2..4].copy_from_slice(&(ip as u16).to_be_bytes());
        ipv4[4..6].copy_from_slice(&(self.packets as u16).to_be_bytes());
        ipv4[6] = 0x40;
        ipv4[8] = 64;
        ipv4[9] = 6;
        ipv4[12..16].copy_from_slice(&from.address);
        ipv4[16..20].copy_from_slice(&to.address);
        let sum: u32 = ipv4.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        ipv4[10..12].copy_from_slice(&sum.to_be_bytes());

        // The checksum is left to the network card, as captures on the sending machine have it.
        let header = &mut head[50..82];
        header[0..2].copy_from_slice(&from.port.to_be_bytes());
        header[2..4].copy_from_slice(&to.port.to_be_bytes());
        header[4..8].copy_from_slice(&from.next.to_be_bytes());
        if flags & ACK != 0 {
            header[8..12].copy_from_slice(&to.next.to_be_bytes());
        }
        header[12] = 8 << 4;
        header[13] = flags;
        header[14..16].copy_from_slice(&512_u16.to_be_bytes());
        let clock = (self.now / 1_000_000) as u32;
        header[20..24].copy_from_slice(&[1, 1, 8, 10]);
        header[24..28].copy_from_slice(&clock.to_be_bytes());
        header[28..32].copy_from_slice(&clock.wrapping_sub(1).to_be_bytes());

        self.out.write_all(&head)?;
        self.out.write_all(payload)?;
        from.next = from.next.wrapping_add(payload.len() as u32).wrapping_add(u32::from(flags & (SYN | FIN) != 0));
        self.written += (16 + frame) as u64;
        self.packets += 1;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn hardware([a, b, c, d]: [u8; 4]) -> [u8; 6] {
    [2, 0, a, b, c, d]
}
