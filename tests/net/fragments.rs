//! Fragments in any order, repeated, overlapping, cut, missing, and in tunnels.

use framescope::net::{Fault, Fragment, FragmentLimits, Net, NotTcp, Outcome, Segment};
use proptest::prelude::*;

use crate::packets::*;

const RAW: u32 = 101;

/// Feeds packets numbered from 1 and hands every segment to `see`, with the packets to look its pieces up in.
fn feed(net: &mut Net, link: u32, packets: &[Vec<u8>], mut see: impl FnMut(&Segment<'_>)) {
    for (packet, number) in packets.iter().zip(1..) {
        let length = packet.len() as u32;
        if let Outcome::Tcp(segment) = net.packet(link, packet, length, number, 0) {
            let placed: Vec<u8> = segment
                .pieces()
                .flat_map(|piece| {
                    let (from, length) = (piece.offset as usize, piece.length as usize);
                    packets[piece.packet as usize - 1][from..from + length].to_vec()
                })
                .collect();
            assert_eq!(placed, segment.payload);
            see(&segment);
        }
    }
}

/// `whole` as fragments that end at multiples of eight octets after each of `cuts`.
fn split(whole: &[u8], cuts: &[usize], version: u8, id: u16) -> Vec<Vec<u8>> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut * 8).collect();
    ends.retain(|&end| 0 < end && end < whole.len());
    ends.push(whole.len());
    ends.sort_unstable();
    ends.dedup();
    let mut start = 0;
    ends.into_iter()
        .map(|end| {
            let (part, more) = (&whole[start..end], end < whole.len());
            let packet = match version {
                4 => ipv4_fragment(6, id, start, more, part),
                _ => ipv6_fragment(6, id.into(), start, more, part),
            };
            start = end;
            packet
        })
        .collect()
}

fn tcp_with(payload: &[u8]) -> Vec<u8> {
    [&tcp()[..32], payload].concat()
}

proptest! {
    #[test]
    fn fragments_in_any_order_and_number_give_the_segment_once(
        payload in prop::collection::vec(any::<u8>(), 1..2000),
        cuts in prop::collection::vec(0_usize..260, 1..12),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        seed in any::<u64>(),
        version in prop::sample::select(vec![4_u8, 6]),
    ) {
        let whole = tcp_with(&payload);
        let fragments = split(&whole, &cuts, version, 7);
        let mut packets = fragments.clone();
        packets.extend(picks.iter().map(|pick| pick.get(&fragments).clone()));
        shuffle(&mut packets, seed);
        let mut net = Net::default();
        let mut seen = 0;
        feed(&mut net, RAW, &packets, |segment| {
            assert_same_segment(segment, &whole);
            seen += 1;
        });
        // A datagram that was never split is a segment each time.
        let times = if fragments.len() == 1 { packets.len() } else { 1 };
        prop_assert_eq!(seen, times);
        net.finish();
        prop_assert_eq!(net.counters().incomplete().datagrams, 0);
        prop_assert_eq!(net.counters().fragments_conflicting, 0);
    }

    #[test]
    fn the_first_octets_for_a_place_win(
        ranges in prop::collection::vec((0_usize..40, 1_usize..12), 1..30),
    ) {
        let size = 32 + 320;
        let mut packets = Vec::new();
        let mut model = vec![None; size];
        let mut offer = |start: usize, octets: &[u8], more: bool| {
            packets.push(ipv4_fragment(6, 7, start, more, octets));
            for (place, &octet) in model[start..].iter_mut().zip(octets) {
                place.get_or_insert(octet);
            }
        };
        offer(0, &tcp()[..32], true);
        for (mark, &(start, length)) in (1..).zip(&ranges) {
            let start = 32 + start * 8;
            let end = (start + length * 8).min(size);
            offer(start, &vec![mark; end - start], true);
        }
        for start in (32..size).step_by(8) {
            offer(start, &[0xff; 8], start + 8 < size);
        }
        let expected: Vec<u8> = model.into_iter().map(Option::unwrap).collect();
        let mut net = Net::default();
        let mut seen = 0;
        feed(&mut net, RAW, &packets, |segment| {
            assert_eq!(segment.payload, &expected[32..]);
            seen += 1;
        });
        prop_assert_eq!(seen, 1);
    }
}

#[test]
fn every_packet_captured_twice_gives_each_segment_once_and_loses_nothing() {
    let whole = tcp();
    let packets: Vec<Vec<u8>> =
        split(&whole, &[3, 7], 4, 7).into_iter().flat_map(|packet| [packet.clone(), packet]).collect();
    let mut net = Net::default();
    let mut seen = 0;
    feed(&mut net, RAW, &packets, |_| seen += 1);
    net.finish();
    assert_eq!(seen, 1);
    assert_eq!(net.counters().fragments_repeated, 1);
    assert_eq!(net.counters().incomplete().datagrams, 0);
}

#[test]
fn an_identification_used_again_is_a_new_datagram() {
    let (first, second) = (tcp_with(&[1; 100]), tcp_with(&[2; 100]));
    let mut packets = split(&first, &[5], 4, 7);
    packets.extend(split(&second, &[5], 4, 7));
    let mut net = Net::default();
    let mut seen = Vec::new();
    feed(&mut net, RAW, &packets, |segment| seen.push(segment.payload[0]));
    assert_eq!(seen, [1, 2]);
}

#[test]
fn overlap_with_other_octets_is_counted() {
    let whole = tcp();
    let mut packets = split(&whole, &[8], 4, 7);
    packets.insert(1, ipv4_fragment(6, 7, 32, true, &[0xee; 32]));
    let mut net = Net::default();
    feed(&mut net, RAW, &packets, |segment| assert_same_segment(segment, &whole));
    assert_eq!(net.counters().fragments_conflicting, 1);
}

#[test]
fn a_cut_fragment_ends_the_payload_and_keeps_the_length() {
    let whole = tcp_with(&(0..200).collect::<Vec<u8>>());
    let packets = split(&whole, &[10, 20], 4, 7);
    let mut net = Net::default();
    for (packet, number) in packets.iter().zip(1..) {
        let cut = &packet[..packet.len().min(60)];
        let outcome = net.packet(RAW, cut, packet.len() as u32, number, 0);
        if number == 3 {
            let Outcome::Tcp(segment) = outcome else {
                panic!("{outcome:?}");
            };
            // 40 octets of each fragment were captured; the second's belong behind the hole.
            assert_eq!(segment.payload, &whole[32..40]);
            assert_eq!(segment.wire_length, 200);
        }
    }
    assert_eq!(net.counters().datagrams_cut, 1);
    assert_eq!(net.counters().datagram_octets_behind_cut, 80);
}

#[test]
fn a_fragment_in_a_tunnel_in_fragments_is_followed() {
    let whole = tcp_with(&[9; 400]);
    let mut packets = Vec::new();
    for (id, inner) in (1..).zip(split(&whole, &[10, 30], 4, 7)) {
        let tunnel = udp(4789, &vxlan(3, &ethernet(0x0800, &inner)));
        let middle = tunnel.len() / 16 * 8;
        packets.push(ipv6_fragment(17, id, middle, false, &tunnel[middle..]));
        packets.push(ipv6_fragment(17, id, 0, true, &tunnel[..middle]));
    }
    let mut net = Net::default();
    let mut seen = 0;
    feed(&mut net, RAW, &packets, |segment| {
        assert_same_segment(segment, &whole);
        assert_eq!(segment.header_pieces().count(), 2);
        assert_eq!(segment.pieces().count(), 5);
        assert_eq!(segment.piece(), None);
        seen += 1;
    });
    assert_eq!(seen, 1);
    assert_eq!(net.counters().datagrams_reassembled, 4);
}

#[test]
fn fragments_of_different_virtual_networks_do_not_mix() {
    let parts = split(&tcp(), &[5], 4, 7);
    let packets: Vec<Vec<u8>> = [(1, &parts[0]), (2, &parts[1])]
        .into_iter()
        .map(|(id, part)| ethernet(0x8100, &vlan(id, 0x0800, part)))
        .collect();
    let mut net = Net::default();
    feed(&mut net, ETHERNET, &packets, |segment| panic!("{segment:?}"));
    net.finish();
    assert_eq!(net.counters().incomplete_end.datagrams, 2);
    assert_eq!(net.counters().incomplete_end.octets, tcp().len() as u64);
}

#[test]
fn fragments_that_contradict_are_malformed_and_dropped() {
    let cases = [
        (vec![ipv4_fragment(6, 7, 0, true, &[0; 9])], Fault::FragmentLength),
        (vec![ipv4_fragment(6, 7, 0, true, &[])], Fault::FragmentLength),
        (vec![ipv4_fragment(6, 7, 65_528, false, &[0; 9])], Fault::FragmentBeyondEnd),
        (
            vec![ipv4_fragment(6, 7, 8, false, &[0; 8]), ipv4_fragment(6, 7, 16, true, &[0; 8])],
            Fault::FragmentBeyondEnd,
        ),
        (
            vec![ipv4_fragment(6, 7, 16, true, &[0; 8]), ipv4_fragment(6, 7, 8, false, &[0; 8])],
            Fault::FragmentBeyondEnd,
        ),
    ];
    for (packets, fault) in cases {
        let mut net = Net::default();
        for (packet, number) in packets.iter().zip(1..) {
            let outcome = net.packet(RAW, packet, packet.len() as u32, number, 0);
            match outcome {
                Outcome::Malformed(malformed) => {
                    assert_eq!((malformed.what, malformed.offset), (fault, 20));
                    assert_eq!(malformed.packet as usize, packets.len());
                }
                other => assert_eq!(other, Outcome::Fragment(Fragment::Held)),
            }
        }
        assert_eq!(net.counters().malformed, 1);
        net.finish();
        assert_eq!(net.counters().incomplete_end.datagrams, packets.len() as u64 - 1);
    }
}

#[test]
fn fragments_within_fragments_end_at_a_fixed_depth() {
    let mut net = Net::default();
    // Each datagram is again a fragment, whose other half waits already.
    let (levels, size) = (20, 320);
    for id in 0..levels {
        let half = ipv6_fragment(44, id, size - 8, false, &[0; 8]);
        let outcome = net.packet(RAW, &half, half.len() as u32, 1, 0);
        assert_eq!(outcome, Outcome::Fragment(Fragment::Held));
    }
    let mut headers: Vec<u8> = (0..levels).flat_map(|id| ipv6_fragment(44, id, 0, true, &[])[40..].to_vec()).collect();
    headers.resize(size, 0);
    let packet = ipv6(44, &headers);
    match net.packet(RAW, &packet, packet.len() as u32, 2, 0) {
        Outcome::Malformed(malformed) => assert_eq!(malformed.what, Fault::TooDeep),
        other => panic!("{other:?}"),
    }
    assert_eq!(net.counters().datagrams_reassembled, 7);
}

#[test]
fn fragments_of_what_is_never_tcp_do_not_wait() {
    let packet = ipv4_fragment(1, 7, 0, true, &[0; 8]);
    let mut net = Net::default();
    let outcome = net.packet(RAW, &packet, packet.len() as u32, 1, 0);
    assert_eq!(outcome, Outcome::NotTcp(NotTcp::Icmp));
}

#[test]
fn what_never_completes_is_dropped_by_number_octets_and_age_and_counted() {
    let limits = FragmentLimits { datagrams: 10, octets: 16_384, age_packets: 100, age_ns: 1000 };
    let small = |id| ipv4_fragment(6, id, 0, true, &[1; 8]);
    let send = |net: &mut Net, packet: &[u8], time| {
        net.packet(RAW, packet, packet.len() as u32, 1, time);
    };

    let mut net = Net::new(limits);
    (0..25).for_each(|id| send(&mut net, &small(id), 0));
    assert_eq!(net.counters().incomplete_limit.datagrams, 15);
    send(&mut net, &small(99), 1001);
    assert_eq!(net.counters().incomplete_aged.datagrams, 10);
    (0..100).for_each(|_| send(&mut net, &ipv4(1, &[]), 1001));
    send(&mut net, &small(100), 1001);
    assert_eq!(net.counters().incomplete_aged.datagrams, 11);
    net.finish();
    let all = net.counters().incomplete();
    assert_eq!((all.datagrams, all.fragments, all.octets), (27, 27, 27 * 8));
    assert_eq!(net.held_bytes(), 0);

    let mut net = Net::new(limits);
    for id in 0..500 {
        let offset = usize::from(id) * 8;
        send(&mut net, &ipv4_fragment(6, 7, offset * 2, true, &[1; 8]), 0);
        send(&mut net, &ipv4_fragment(6, id, 0, true, &vec![1; 1400 / 8 * 8]), 0);
        assert!(net.held_bytes() <= limits.octets, "{}", net.held_bytes());
    }
    assert!(net.counters().incomplete_limit.octets > 0);
}

fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for last in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        items.swap(last, (seed >> 33) as usize % (last + 1));
    }
}
