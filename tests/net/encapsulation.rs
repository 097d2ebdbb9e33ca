//! One real segment in every wrapping: it comes out the same, and its place is right.

use framescope::net::{Fault, Net, NotTcp, Outcome};

use crate::packets::*;

#[test]
fn vlan_tags_in_any_number_are_taken_off() {
    let ip = ipv4(6, &tcp());
    for tags in [1, 2, 3, 20] {
        let mut inner = ip.clone();
        let mut ether_type = 0x0800;
        for tag in 0..tags {
            inner = vlan(tag, ether_type, &inner);
            ether_type = [0x8100, 0x88a8, 0x9100][usize::from(tag) % 3];
        }
        assert_carries(ETHERNET, &ethernet(ether_type, &inner));
    }
}

#[test]
fn snap_frames_end_where_their_length_says() {
    let ip = ipv4(6, &tcp());
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip[..]].concat();
    let mut frame = ethernet(snap.len() as u16, &snap);
    frame.extend([0xee; 9]);
    assert_carries(ETHERNET, &frame);
}

#[test]
fn linux_cooked_loopback_raw_and_ppp_links_are_read() {
    let (v4, v6) = (ipv4(6, &tcp()), ipv6(6, &tcp()));
    let cooked_1 = [&[0, 0, 0, 1, 0, 6][..], &[0; 8], &[8, 0], &v4].concat();
    assert_carries(113, &cooked_1);
    let cooked_2 = [&[0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0, 1, 4, 6][..], &[0; 8], &v6].concat();
    assert_carries(276, &cooked_2);
    for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
        assert_carries(0, &[&family, &v4[..]].concat());
        assert_carries(108, &[&family, &v4[..]].concat());
    }
    for family in [10, 23, 24, 28, 30_u32] {
        assert_carries(0, &[&family.to_le_bytes(), &v6[..]].concat());
        assert_carries(0, &[&family.to_be_bytes(), &v6[..]].concat());
    }
    for link in [12, 14, 101] {
        assert_carries(link, &v4);
        assert_carries(link, &v6);
    }
    assert_carries(228, &v4);
    assert_carries(229, &v6);
    assert_carries(9, &[&[0xff, 3, 0, 0x21], &v4[..]].concat());
    assert_carries(9, &[&[0x57], &v6[..]].concat());
}

#[test]
fn gre_with_every_optional_field_is_taken_off() {
    let (v4, v6) = (ipv4(6, &tcp()), ipv6(6, &tcp()));
    for flags in [0, 0x80, 0x20, 0x10, 0xa0, 0x90, 0x30, 0xb0_u8] {
        let optional = vec![7; flags.count_ones() as usize * 4];
        for (ether_type, inner) in [(0x0800, v4.clone()), (0x86dd, v6.clone()), (0x6558, ethernet(0x0800, &v4))] {
            let outer = ipv4(47, &gre(flags, ether_type, &optional, &inner));
            assert_carries(ETHERNET, &ethernet(0x0800, &outer));
        }
    }
}

#[test]
fn mirrored_frames_in_erspan_are_read() {
    let frame = ethernet(0x0800, &ipv4(6, &tcp()));
    let type_1 = gre(0, 0x88be, &[], &frame);
    let type_2 = gre(0x10, 0x88be, &[0; 4], &[&[0x10, 5, 0, 1, 0, 0, 0, 0], &frame[..]].concat());
    let type_3 = gre(0x10, 0x22eb, &[0; 4], &[&[0x20; 11][..], &[1], &[0; 8], &frame].concat());
    for packet in [type_1, type_2, type_3] {
        assert_carries(ETHERNET, &ethernet(0x0800, &ipv4(47, &packet)));
    }
}

#[test]
fn ip_in_ip_vxlan_geneve_and_mpls_are_taken_off() {
    let (v4, v6) = (ipv4(6, &tcp()), ipv6(6, &tcp()));
    let frame = ethernet(0x8100, &vlan(5, 0x0800, &v4));
    let geneve = [&[2, 0, 0x65, 0x58, 0, 0, 7, 0][..], &[0; 8], &frame].concat();
    for payload in [
        ipv4(4, &v4),
        ipv4(41, &v6),
        ipv6(4, &v4),
        ipv6(41, &v6),
        ipv4(17, &udp(4789, &vxlan(1, &frame))),
        ipv6(17, &udp(8472, &vxlan(1, &frame))),
        ipv4(17, &udp(6081, &geneve)),
        ipv4(97, &[&[0x30, 0], &frame[..]].concat()),
        ipv4(137, &[&[0, 1, 1, 64], &v6[..]].concat()),
    ] {
        assert_carries(101, &payload);
    }
    let labels = [0, 1, 0, 64, 0, 2, 0, 64, 0, 3, 1, 64];
    for inner in [&v4, &v6, &frame, &[&[0; 4], &frame[..]].concat()] {
        assert_carries(ETHERNET, &ethernet(0x8847, &[&labels, &inner[..]].concat()));
    }
    let session = [&[0x11, 0, 0, 3, 0, 0, 0, 0x21], &v4[..]].concat();
    assert_carries(ETHERNET, &ethernet(0x8864, &session));
}

#[test]
fn ipv6_extension_headers_are_passed_over() {
    let hop = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [60, 0, 0, 0, 0, 0, 0, 0];
    let options = [&[51, 1][..], &[0; 14]].concat();
    let authentication = [&[44, 4][..], &[0; 22]].concat();
    let whole = [6, 0, 0, 0, 0, 0, 0, 9];
    let chain = [&hop[..], &routing, &options, &authentication, &whole, &tcp()].concat();
    assert_carries(101, &ipv6(0, &chain));
}

#[test]
fn a_source_route_names_the_receiver() {
    let last = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    let other = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8];
    for (kind, first, second) in [(4, last, other), (0, other, last)] {
        let route = [&[6, 4, kind, 1, 0, 0, 0, 0][..], &first, &second, &tcp()].concat();
        let packet = ipv6(43, &route);
        let mut net = Net::default();
        let segment = segment(&mut net, 101, &packet);
        assert_eq!(segment.destination.ip().to_string(), "fd00::9");
    }
}

#[test]
fn a_jumbogram_takes_its_length_from_the_option() {
    let length = 70_000_u32;
    let mut tcp = tcp();
    tcp.resize(length as usize - 8, 0x55);
    let jumbo = [&[6, 0, 0xc2, 4], &length.to_be_bytes()[..], &tcp].concat();
    let mut packet = ipv6(0, &jumbo);
    packet[4..6].fill(0);
    packet.extend([0xee; 5]);
    let mut net = Net::default();
    assert_eq!(segment(&mut net, 101, &packet).payload, &tcp[32..]);
}

#[test]
fn tunnels_within_tunnels_end_at_eight_ip_headers() {
    let mut packet = ipv4(6, &tcp());
    for _ in 0..7 {
        packet = ipv4(4, &packet);
    }
    assert_carries(101, &packet);
    let packet = ipv4(4, &packet);
    match Net::default().packet(101, &packet, packet.len() as u32, 7, 0) {
        Outcome::Malformed(malformed) => {
            assert_eq!(malformed.what, Fault::TooDeep);
            assert_eq!((malformed.packet, malformed.offset), (7, 160));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_tcp_is_counted_by_kind() {
    let mut net = Net::default();
    let pppoe_lcp = [0x11, 0, 0, 3, 0, 0, 0xc0, 0x21];
    let cases = [
        (ETHERNET, ethernet(0x0806, &[0; 28]), NotTcp::Arp),
        (ETHERNET, ethernet(0x88cc, &[0; 28]), NotTcp::EtherType(0x88cc)),
        (ETHERNET, ethernet(38, &[0x42; 38]), NotTcp::Llc),
        (ETHERNET, ethernet(0x8864, &pppoe_lcp), NotTcp::Ppp(0xc021)),
        (101, ipv4(17, &udp(53, &[0; 12])), NotTcp::Udp),
        (101, ipv4(1, &[0; 8]), NotTcp::Icmp),
        (101, ipv6(58, &[0; 8]), NotTcp::Icmpv6),
        (101, ipv4(132, &[0; 12]), NotTcp::Sctp),
        (101, ipv4(50, &[0; 12]), NotTcp::Encrypted),
        (101, ipv6(59, &[]), NotTcp::NoNextHeader),
        (101, ipv4(89, &[0; 12]), NotTcp::Protocol(89)),
        (101, ipv4(47, &[0x20, 1, 0x88, 0x0b]), NotTcp::Gre { version: 1 }),
        (105, vec![0; 40], NotTcp::LinkType(105)),
        (0, vec![7, 0, 0, 0], NotTcp::AddressFamily(7)),
    ];
    for (link, packet, kind) in &cases {
        let outcome = net.packet(*link, packet, packet.len() as u32, 1, 0);
        assert_eq!(outcome, Outcome::NotTcp(*kind));
    }
    assert_eq!(net.counters().not_tcp_total(), cases.len() as u64);
    let kinds: Vec<String> = net.counters().not_tcp().map(|(kind, _)| kind.to_string()).collect();
    assert!(kinds.contains(&"ethertype 0x88cc".into()), "{kinds:?}");
    assert!(kinds.contains(&"link type 105".into()), "{kinds:?}");
}

#[test]
fn a_capture_made_of_countless_kinds_is_counted_in_bounded_memory() {
    let mut net = Net::default();
    for link in 1000..3000 {
        net.packet(link, &[], 0, 1, 0);
    }
    assert_eq!(net.counters().not_tcp().count(), 257);
    assert_eq!(net.counters().not_tcp_total(), 2000);
}
