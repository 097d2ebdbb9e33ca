//! What a capture in the middle of a TCP connection would hold: Ethernet, IP and TCP made up around real octets.
//!
//! Addresses, sequence numbers, acknowledgements and checksums are consistent; loss and repetition do not occur.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::direction::{Both, Direction};
use crate::time::Timestamp;

/// A packet with its time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// When it passed.
    pub time: Timestamp,
    /// An Ethernet frame.
    pub octets: Vec<u8>,
}

/// The packets of one connection.
#[derive(Debug)]
pub struct Tap {
    /// Whoever sends in the direction.
    senders: Both<Sender>,
    packets: Vec<Recorded>,
}

#[derive(Clone, Copy, Debug)]
struct Sender {
    address: SocketAddr,
    /// The sequence number of its next octet.
    next: u32,
    /// What it has received: the sequence number it expects.
    expected: u32,
    /// Packets sent.
    packets: u16,
}

impl Tap {
    /// A tap that has seen nothing yet. IPv4 addresses that came in the clothes of IPv6 are IPv4 again.
    #[must_use]
    pub fn new(client: impl Into<SocketAddr>, server: impl Into<SocketAddr>) -> Self {
        let [client, server] =
            [client.into(), server.into()].map(|address| SocketAddr::new(address.ip().to_canonical(), address.port()));
        let to_server = Sender { address: client, next: CLIENT_SEQUENCE, expected: 0, packets: 1 };
        let to_client = Sender { address: server, next: SERVER_SEQUENCE, expected: 0, packets: 1 };
        Self { senders: Both { to_server, to_client }, packets: Vec::new() }
    }

    /// The three packets that open the connection.
    pub fn open(&mut self, syn: Timestamp, syn_ack: Timestamp, ack: Timestamp) {
        self.syn(syn);
        self.syn_ack(syn_ack);
        self.opened(ack);
    }

    /// The client asks for a connection: the first packet.
    pub fn syn(&mut self, time: Timestamp) {
        self.segment(time, Direction::ToServer, SYN, &[]);
        self.senders[Direction::ToClient].expected = CLIENT_SEQUENCE.wrapping_add(1);
    }

    /// The server's host agrees: the second packet.
    pub fn syn_ack(&mut self, time: Timestamp) {
        self.segment(time, Direction::ToClient, SYN | ACK, &[]);
        self.senders[Direction::ToServer].expected = SERVER_SEQUENCE.wrapping_add(1);
    }

    /// The client has heard it: the third packet.
    pub fn opened(&mut self, time: Timestamp) {
        self.acknowledge(time, Direction::ToServer);
    }

    /// Nobody listens: the answer to SYN is RST.
    pub fn refused(&mut self, time: Timestamp) {
        // A reset of a connection that never was has no number of its own (RFC 9293 §3.10.7.1).
        self.senders[Direction::ToClient].next = 0;
        self.reset(time, Direction::ToClient);
    }

    /// The sender of this direction gives the connection up.
    pub fn reset(&mut self, time: Timestamp, direction: Direction) {
        self.segment(time, direction, RST | ACK, &[]);
    }

    /// Octets pass; in as many packets as they need.
    pub fn octets(&mut self, time: Timestamp, direction: Direction, octets: &[u8]) {
        let mut pieces = octets.chunks(LARGEST_SEGMENT).peekable();
        while let Some(piece) = pieces.next() {
            let push = if pieces.peek().is_none() { PSH } else { 0 };
            self.segment(time, direction, ACK | push, piece);
        }
    }

    /// A packet that only acknowledges.
    pub fn acknowledge(&mut self, time: Timestamp, direction: Direction) {
        self.segment(time, direction, ACK, &[]);
    }

    /// The sender of this direction will send nothing more.
    pub fn end(&mut self, time: Timestamp, direction: Direction) {
        self.segment(time, direction, FIN | ACK, &[]);
    }

    /// What was sent in this direction, up to `octets` more, has reached the other end, which acknowledges it from now on.
    /// FIN counts as one octet.
    pub fn delivered(&mut self, direction: Direction, octets: usize) {
        let receiver = &mut self.senders[direction.opposite()];
        receiver.expected = receiver.expected.wrapping_add(u32::try_from(octets).unwrap_or(0));
    }

    /// Octets have passed, and have reached the other end, but nobody recorded them: the other end acknowledges what is not there.
    pub fn skip(&mut self, time: Timestamp, direction: Direction, octets: u64) {
        // Sequence numbers count modulo 2^32.
        let octets = u32::try_from(octets & u64::from(u32::MAX)).unwrap_or(0);
        let sender = &mut self.senders[direction];
        sender.next = sender.next.wrapping_add(octets);
        let receiver = &mut self.senders[direction.opposite()];
        receiver.expected = receiver.expected.wrapping_add(octets);
        self.acknowledge(time, direction.opposite());
    }

    /// What has passed since this was last asked, in order.
    pub fn take(&mut self) -> Vec<Recorded> {
        std::mem::take(&mut self.packets)
    }

    /// What has passed since [`take`](Self::take), in order.
    #[must_use]
    pub fn into_packets(self) -> Vec<Recorded> {
        self.packets
    }

    fn segment(&mut self, time: Timestamp, direction: Direction, flags: u8, payload: &[u8]) {
        let receiver = self.senders[direction.opposite()].address;
        let sender = &mut self.senders[direction];
        let octets = ethernet(sender, receiver, flags, payload);
        let length = u32::try_from(payload.len()).unwrap_or(0);
        sender.next = sender.next.wrapping_add(length).wrapping_add(u32::from(flags & (SYN | FIN) != 0));
        sender.packets = sender.packets.wrapping_add(1);
        self.packets.push(Recorded { time, octets });
    }
}

/// The whole packet.
fn ethernet(sender: &Sender, receiver: SocketAddr, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut tcp = Vec::with_capacity(payload.len().saturating_add(24));
    tcp.extend_from_slice(&sender.address.port().to_be_bytes());
    tcp.extend_from_slice(&receiver.port().to_be_bytes());
    tcp.extend_from_slice(&sender.next.to_be_bytes());
    tcp.extend_from_slice(&(if flags & ACK == 0 { 0 } else { sender.expected }).to_be_bytes());
    // SYN tells the largest segment in an option of four octets (RFC 9293 §3.7.1).
    let is_syn = flags & SYN != 0;
    tcp.extend_from_slice(&[if is_syn { 6 << 4 } else { 5 << 4 }, flags]);
    tcp.extend_from_slice(&u16::MAX.to_be_bytes());
    tcp.extend_from_slice(&[0, 0, 0, 0]);
    if is_syn {
        let [high, low] = u16::try_from(LARGEST_SEGMENT).unwrap_or(u16::MAX).to_be_bytes();
        tcp.extend_from_slice(&[2, 4, high, low]);
    }
    tcp.extend_from_slice(payload);
    let length = u16::try_from(tcp.len()).unwrap_or(u16::MAX);
    let (ip, addresses, kind) = match (sender.address.ip(), receiver.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = length.saturating_add(20).to_be_bytes();
            let id = sender.packets.to_be_bytes();
            let mut ip = vec![0x45, 0, total[0], total[1], id[0], id[1], 0x40, 0, 64, TCP, 0, 0];
            let addresses = [from.octets(), to.octets()].concat();
            ip.extend_from_slice(&addresses);
            let sum = checksum(&[&ip]);
            put(&mut ip, 10, sum);
            (ip, addresses, [0x08, 0x00])
        }
        (from, to) => {
            let length = length.to_be_bytes();
            let mut ip = vec![0x60, 0, 0, 0, length[0], length[1], TCP, 64];
            let addresses = [v6(from).octets(), v6(to).octets()].concat();
            ip.extend_from_slice(&addresses);
            (ip, addresses, [0x86, 0xdd])
        }
    };
    let sum = checksum(&[&addresses, &[0, TCP], &length.to_be_bytes(), &tcp]);
    put(&mut tcp, 16, sum);
    [&hardware(receiver)[..], &hardware(sender.address), &kind, &ip, &tcp].concat()
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// A locally administered hardware address, made from the IP address and port so that both ends differ.
fn hardware(address: SocketAddr) -> [u8; 6] {
    let [.., b, c, d] = v6(address.ip()).octets();
    let [e, f] = address.port().to_be_bytes();
    [2, b ^ c, c ^ d, d, e, f]
}

fn put(octets: &mut [u8], at: usize, value: u16) {
    if let Some(room) = octets.get_mut(at..at.saturating_add(2)) {
        room.copy_from_slice(&value.to_be_bytes());
    }
}

/// The Internet checksum (RFC 1071); every part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let pairs = parts.iter().flat_map(|part| part.chunks(2));
    let sum = pairs.fold(0_u64, |sum, pair| {
        let (high, low) = (pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0));
        sum.saturating_add(u16::from_be_bytes([high, low]).into())
    });
    let once = (sum & 0xffff).saturating_add(sum >> 16);
    let twice = (once & 0xffff).saturating_add(once >> 16);
    !u16::try_from(twice & 0xffff).unwrap_or(0)
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
/// The protocol number.
const TCP: u8 = 6;
/// Payload octets of a packet: what Ethernet carries, less 20 octets of IP and 20 of TCP.
const LARGEST_SEGMENT: usize = 1460;
/// Where the two sides begin to count; any numbers do.
const CLIENT_SEQUENCE: u32 = 0x1000_0000;
const SERVER_SEQUENCE: u32 = 0x2000_0000;

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(client: &str, server: &str) -> Tap {
        Tap::new(client.parse::<SocketAddr>().unwrap(), server.parse::<SocketAddr>().unwrap())
    }

    #[test]
    fn every_checksum_is_right_and_sequence_numbers_go_on() {
        let mut tap = tap("127.0.0.1:4000", "127.0.0.1:50051");
        tap.open(Timestamp::EPOCH, Timestamp::EPOCH, Timestamp::EPOCH);
        for octets in [&b"odd"[..], b"even", &[7; 4000]] {
            tap.octets(Timestamp::EPOCH, Direction::ToServer, octets);
            tap.delivered(Direction::ToServer, octets.len());
        }
        tap.end(Timestamp::EPOCH, Direction::ToClient);
        let packets = tap.into_packets();
        assert_eq!(packets.len(), 3 + 1 + 1 + 3 + 1);
        let mut next = CLIENT_SEQUENCE;
        for Recorded { octets, .. } in &packets {
            let (ip, tcp) = (&octets[14..34], &octets[34..]);
            assert_eq!(checksum(&[ip]), 0);
            let length = u16::try_from(tcp.len()).unwrap().to_be_bytes();
            assert_eq!(checksum(&[&ip[12..20], &[0, TCP], &length, tcp]), 0);
            assert_eq!(usize::from(u16::from_be_bytes([ip[2], ip[3]])), octets.len() - 14);
            if tcp[..2] == 4000_u16.to_be_bytes() {
                assert_eq!(u32::from_be_bytes(tcp[4..8].try_into().unwrap()), next);
                let header = usize::from(tcp[12] >> 4) * 4;
                next += u32::try_from(tcp.len() - header).unwrap() + u32::from(tcp[13] & (SYN | FIN) != 0);
            }
        }
        let acknowledged = u32::from_be_bytes(packets[8].octets[42..46].try_into().unwrap());
        assert_eq!(acknowledged, next);
    }

    #[test]
    fn ipv6_has_no_checksum_of_its_own_and_what_is_skipped_is_acknowledged() {
        let mut tap = tap("[::1]:4000", "[2001:db8::1]:50051");
        tap.octets(Timestamp::EPOCH, Direction::ToServer, b"odd");
        tap.skip(Timestamp::EPOCH, Direction::ToServer, (1 << 32) + 7);
        let packets = tap.take();
        assert!(tap.take().is_empty());
        assert_eq!(packets.len(), 2);
        for Recorded { octets, .. } in &packets {
            let (ip, tcp) = (&octets[14..54], &octets[54..]);
            assert_eq!(octets[12..14], [0x86, 0xdd]);
            let length = u16::try_from(tcp.len()).unwrap().to_be_bytes();
            assert_eq!(ip[4..6], length);
            assert_eq!(checksum(&[&ip[8..], &[0, TCP], &length, tcp]), 0);
        }
        assert_eq!(packets[1].octets[62..66], 7_u32.to_be_bytes(), "acknowledged modulo 2^32");
    }

    #[test]
    fn ipv4_within_ipv6_is_shown_as_ipv4() {
        let mut tap = tap("[::ffff:127.0.0.1]:4000", "[::ffff:127.0.0.1]:50051");
        tap.syn(Timestamp::EPOCH);
        assert_eq!(tap.take()[0].octets[12..14], [0x08, 0x00]);
    }
}
