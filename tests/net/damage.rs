//! Padding, offload and cuts: what of the payload is there, and how much there was.

use framescope::net::{Fault, Layer, Net, NotTcp, Outcome};

use crate::packets::*;

#[test]
fn ethernet_padding_is_not_payload() {
    let mut frame = ethernet(0x0800, &ipv4(6, &tcp()[..32]));
    frame[14 + 20 + 12] = 0x80;
    frame.resize(80, 0xee);
    let mut net = Net::default();
    let segment = segment(&mut net, ETHERNET, &frame);
    assert_eq!((segment.payload, segment.wire_length), (&[][..], 0));
    assert_eq!(segment.piece().expect("a place").offset, 66);
}

#[test]
fn a_total_length_of_zero_means_the_whole_packet() {
    let tcp = tcp();
    let mut frame = ethernet(0x0800, &ipv4(6, &tcp));
    frame[16..18].fill(0);
    assert_carries(ETHERNET, &frame);
    let mut datagram = ipv6(6, &tcp);
    datagram[4..6].fill(0);
    assert_carries(101, &datagram);
    // Cut by the capture: the packet's own length is all there is to go by.
    let mut net = Net::default();
    let Outcome::Tcp(segment) = net.packet(ETHERNET, &frame[..90], 70_000, 1, 0) else {
        panic!("no segment");
    };
    assert_eq!(segment.payload, &tcp[32..56]);
    assert_eq!(segment.wire_length, 70_000 - 66);
}

#[test]
fn a_cut_payload_tells_what_is_missing() {
    let tcp = tcp();
    for ip in [ipv4(6, &tcp), ipv6(6, &tcp)] {
        let cut = ip.len() - 30;
        let mut net = Net::default();
        let Outcome::Tcp(segment) = net.packet(101, &ip[..cut], ip.len() as u32, 1, 0) else {
            panic!("no segment");
        };
        assert_eq!(segment.payload, &tcp[32..tcp.len() - 30]);
        assert_eq!(segment.wire_length as usize, tcp.len() - 32);
        assert!(segment.is_cut());
        assert_eq!(net.counters().tcp_cut, 1);
    }
}

#[test]
fn a_cut_in_tcp_options_keeps_the_numbers() {
    let frame = real_frame();
    let mut net = Net::default();
    let Outcome::Tcp(segment) = net.packet(ETHERNET, &frame[..60], frame.len() as u32, 1, 0) else {
        panic!("no segment");
    };
    let tcp = &frame[34..];
    assert_eq!(segment.sequence.to_be_bytes(), tcp[4..8]);
    assert_eq!(segment.options, &tcp[20..26]);
    assert_eq!((segment.payload.len(), segment.header_length()), (0, 32));
    assert_eq!(segment.wire_length as usize, tcp.len() - 32);
}

#[test]
fn a_cut_in_a_header_names_the_header() {
    let frame = ethernet(0x8100, &vlan(5, 0x0800, &ipv4(6, &tcp())));
    let mut net = Net::default();
    for (length, layer) in [
        (0, Layer::Ethernet),
        (13, Layer::Ethernet),
        (17, Layer::Vlan),
        (18, Layer::Ipv4),
        (37, Layer::Ipv4),
        (38, Layer::Tcp),
        (57, Layer::Tcp),
    ] {
        let outcome = net.packet(ETHERNET, &frame[..length], frame.len() as u32, 1, 0);
        assert_eq!(outcome, Outcome::NotTcp(NotTcp::Cut(layer)), "{length}");
    }
}

#[test]
fn a_packet_that_was_short_on_the_wire_is_malformed_where_it_ends() {
    let mut net = Net::default();
    let short_tcp = ipv4(6, &tcp()[..12]);
    for (packet, layer, what, offset) in [
        (short_tcp, Layer::Tcp, Fault::Truncated, 20),
        (vec![0x45; 12], Layer::Ipv4, Fault::Truncated, 0),
        (vec![0x44; 40], Layer::Ipv4, Fault::HeaderLength(4), 0),
        (vec![0x95; 40], Layer::Ip, Fault::Version(9), 0),
    ] {
        match net.packet(101, &packet, packet.len() as u32, 3, 0) {
            Outcome::Malformed(malformed) => {
                assert_eq!((malformed.layer, malformed.what), (layer, what));
                assert_eq!((malformed.packet, malformed.offset), (3, offset));
            }
            other => panic!("{other:?}"),
        }
    }
    let mut low = ipv4(6, &tcp());
    low[2..4].copy_from_slice(&[0, 19]);
    match net.packet(101, &low, low.len() as u32, 3, 0) {
        Outcome::Malformed(malformed) => assert_eq!(malformed.what, Fault::TotalLength(19)),
        other => panic!("{other:?}"),
    }
    assert_eq!(net.counters().malformed, 5);
}

#[test]
fn an_original_length_below_the_captured_is_not_believed() {
    let frame = real_frame();
    let mut net = Net::default();
    let Outcome::Tcp(segment) = net.packet(ETHERNET, &frame, 10, 1, 0) else {
        panic!("no segment");
    };
    assert!(!segment.is_cut());
}
