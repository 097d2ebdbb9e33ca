//! Packets built by hand around a real segment.

use std::net::SocketAddr;

use framescope::net::{Net, Outcome, Segment};

use crate::support::capture;

pub(crate) const ETHERNET: u32 = 1;

/// A real TCP segment with options and payload: the request of the unary call, header and all, 136 octets.
pub(crate) fn tcp() -> Vec<u8> {
    real_frame()[34..].to_vec()
}

/// The whole Ethernet frame of that segment.
pub(crate) fn real_frame() -> Vec<u8> {
    let (_, packets) = capture("go_article_unary");
    packets.into_iter().map(|packet| packet.data).max_by_key(Vec::len).expect("packets")
}

pub(crate) fn ethernet(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    [&addresses, &ether_type.to_be_bytes()[..], inner].concat()
}

pub(crate) fn vlan(id: u16, ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes(), &ether_type.to_be_bytes(), inner].concat()
}

pub(crate) fn ipv4(protocol: u8, inner: &[u8]) -> Vec<u8> {
    ipv4_fragment(protocol, 0, 0, false, inner)
}

pub(crate) fn ipv4_fragment(protocol: u8, id: u16, offset: usize, more: bool, inner: &[u8]) -> Vec<u8> {
    let length = (20 + inner.len()) as u16;
    let place = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
    [
        &[0x45, 0],
        &length.to_be_bytes()[..],
        &id.to_be_bytes(),
        &place.to_be_bytes(),
        &[64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
        inner,
    ]
    .concat()
}

pub(crate) fn ipv6(next: u8, inner: &[u8]) -> Vec<u8> {
    let length = inner.len() as u16;
    let address = |last: u8| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    [&[0x60, 0, 0, 0], &length.to_be_bytes()[..], &[next, 64], &address(1), &address(2), inner].concat()
}

pub(crate) fn ipv6_fragment(next: u8, id: u32, offset: usize, more: bool, part: &[u8]) -> Vec<u8> {
    let place = (offset as u16 & !7) | u16::from(more);
    let header = [&[next, 0], &place.to_be_bytes()[..], &id.to_be_bytes(), part];
    ipv6(44, &header.concat())
}

pub(crate) fn udp(port: u16, inner: &[u8]) -> Vec<u8> {
    let length = (8 + inner.len()) as u16;
    [&5555_u16.to_be_bytes(), &port.to_be_bytes()[..], &length.to_be_bytes(), &[0, 0], inner].concat()
}

pub(crate) fn gre(flags: u8, ether_type: u16, optional: &[u8], inner: &[u8]) -> Vec<u8> {
    [&[flags, 0], &ether_type.to_be_bytes()[..], optional, inner].concat()
}

pub(crate) fn vxlan(network: u8, frame: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 0, network, 0], frame].concat()
}

/// The segment of a packet that was not cut, or a panic that says what came instead.
pub(crate) fn segment<'a>(net: &'a mut Net, link: u32, packet: &'a [u8]) -> Segment<'a> {
    match net.packet(link, packet, packet.len() as u32, 1, 0) {
        Outcome::Tcp(segment) => segment,
        other => panic!("no segment: {other:?}"),
    }
}

/// Asserts that a packet carries the real segment at `offset`, whatever is around it.
pub(crate) fn assert_carries(link: u32, packet: &[u8]) {
    let tcp = tcp();
    let mut net = Net::default();
    let segment = segment(&mut net, link, packet);
    assert_same_segment(&segment, &tcp);
    let piece = segment.piece().expect("one place");
    let (from, to) = (piece.offset as usize, (piece.offset + piece.length) as usize);
    assert_eq!(&packet[from..to], segment.payload);
}

/// Asserts that ports, numbers, options and payload are those of `tcp`.
pub(crate) fn assert_same_segment(segment: &Segment<'_>, tcp: &[u8]) {
    let word = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().unwrap());
    let half = |at: usize| u16::from_be_bytes(tcp[at..at + 2].try_into().unwrap());
    let port = |address: SocketAddr| address.port();
    assert_eq!(port(segment.source), half(0));
    assert_eq!(port(segment.destination), half(2));
    assert_eq!(segment.sequence, word(4));
    assert_eq!(segment.acknowledgment, word(8));
    assert_eq!(segment.flags.0, half(12) & 0xfff);
    assert_eq!(segment.window, half(14));
    assert_eq!(segment.options, &tcp[20..32]);
    assert_eq!(segment.payload, &tcp[32..]);
    assert_eq!(segment.wire_length as usize, tcp.len() - 32);
}
