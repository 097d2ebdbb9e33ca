//! Tenants with the same addresses and ports are told apart, and copies of one conversation are put together, whatever wraps their packets.
#![allow(missing_docs, reason = "a test binary")]

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::packets::{ACK, FIN, SYN, Segment, conversation, packet};
use support::{SeenCall, Trace, fixture};

use framescope::capture::Packet;
use framescope::dissect::Dissector;
use framescope::event::{Body, Event, Observer};
use framescope::limits::Limits;

const FIXTURES: [&str; 4] = ["go_article_unary", "go_article_stream", "py_modes", "py_metadata"];

/// What may be around a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Around {
    Nothing,
    Vlan(u16),
    Vxlan(u32),
}

impl Around {
    fn wrap(self, packet: &[u8]) -> Vec<u8> {
        match self {
            Self::Nothing => packet.to_vec(),
            Self::Vlan(id) => [&packet[..12], &[0x81, 0], &id.to_be_bytes(), &packet[12..]].concat(),
            Self::Vxlan(id) => {
                let length = |more: usize| u16::try_from(packet.len() + more).unwrap().to_be_bytes();
                let mut out = [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 8, 0, 0x45, 0].to_vec();
                out.extend(length(36));
                out.extend([0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
                out.extend([0xc0, 0, 0x12, 0xb5]);
                out.extend(length(16));
                out.extend([0, 0, 8, 0, 0, 0]);
                out.extend((id << 8).to_be_bytes());
                out.extend_from_slice(packet);
                out
            }
        }
    }
}

/// The segments of a conversation, with or without what opens it.
fn segments(name: &str, first: (u32, u32), opens: bool) -> Vec<Segment> {
    let said = conversation(&fixture(&format!("captures/{name}.pcap")));
    let segment = |from_client, flags, sequence, acknowledgment, payload: &[u8]| Segment {
        from_client,
        client_port: 40_000,
        sequence,
        acknowledgment,
        flags,
        payload: payload.to_vec(),
    };
    let mut next = [first.0.wrapping_add(1), first.1.wrapping_add(1)];
    let mut out = Vec::new();
    if opens {
        out.push(segment(true, SYN, first.0, 0, b""));
        out.push(segment(false, SYN | ACK, first.1, next[0], b""));
        out.push(segment(true, ACK, next[0], next[1], b""));
    }
    for (from_client, octets) in said {
        for part in octets.chunks(900) {
            let (own, other) = (usize::from(!from_client), usize::from(from_client));
            out.push(segment(from_client, ACK, next[own], next[other], part));
            next[own] = next[own].wrapping_add(u32::try_from(part.len()).unwrap());
            out.push(segment(!from_client, ACK, next[other], next[own], b""));
        }
    }
    out.push(segment(true, FIN | ACK, next[0], next[1], b""));
    out.push(segment(false, FIN | ACK, next[1], next[0].wrapping_add(1), b""));
    out.push(segment(true, ACK, next[0].wrapping_add(1), next[1].wrapping_add(1), b""));
    out
}

/// Numbers the packets as the host of each side does, each its own from `first` on.
fn numbered(segments: &[Segment], first: u16) -> Vec<(bool, Vec<u8>)> {
    let mut next = [first, first.wrapping_add(20_000)];
    let number = |segment: &Segment| {
        let mut octets = segment.octets();
        let next = &mut next[usize::from(segment.from_client)];
        *next = next.wrapping_add(1).max(1);
        octets[18..20].copy_from_slice(&next.to_be_bytes());
        (segment.from_client, octets)
    };
    segments.iter().map(number).collect()
}

fn dissect(octets: &[Vec<u8>]) -> Trace {
    let packets =
        (1_u64..).zip(octets).map(|(number, octets)| packet(number, i64::try_from(number).unwrap() * 10, octets));
    Trace::of_packets(packets)
}

/// The calls of a flow, apart from the flow's number.
fn calls(trace: &Trace, flow: usize) -> Vec<String> {
    let of_flow = trace.calls.iter().filter(|call| call.flow == flow);
    let mut calls: Vec<&SeenCall> = of_flow.collect();
    calls.sort_by_key(|call| call.stream);
    calls
        .iter()
        .map(|call| format!("{:?}", (call.stream, &call.said, call.complete, call.messages, &call.metadata)))
        .collect()
}

fn messages(trace: &Trace, flow: usize) -> Vec<(u32, bool, u32, Vec<u8>)> {
    let of_flow = trace.messages.iter().filter(|message| message.flow == flow);
    let mut all: Vec<_> = of_flow
        .map(|message| {
            let to_server = message.direction == framescope::direction::Direction::ToServer;
            (message.stream, to_server, message.index, message.octets.clone())
        })
        .collect();
    all.sort();
    all
}

/// Both sequences in one, by turns as `turns` say.
fn interleave<T: Clone>(a: &[T], b: &[T], turns: &[bool]) -> Vec<T> {
    let (mut a, mut b) = (a.iter(), b.iter());
    let mut out = Vec::new();
    for turn in turns.iter().cycle() {
        let next = if *turn { a.next().or_else(|| b.next()) } else { b.next().or_else(|| a.next()) };
        match next {
            Some(next) => out.push(next.clone()),
            None => return out,
        }
    }
    out
}

fn around() -> impl Strategy<Value = Around> {
    prop_oneof![Just(Around::Nothing), (1..6_u16).prop_map(Around::Vlan), (1..6_u32).prop_map(Around::Vxlan),]
}

fn turns() -> impl Strategy<Value = Vec<bool>> {
    // Both turns come.
    vec(any::<bool>(), 1..12).prop_map(|mut turns| {
        turns.extend([true, false]);
        turns
    })
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 96, rng_seed: RngSeed::Fixed(11), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Two tenants: whatever their numbers, however their packets mix, each is shown as if it were alone.
    #[test]
    fn tenants_at_the_same_time_are_shown_each_as_if_alone(
        which in (0..FIXTURES.len(), 0..FIXTURES.len()),
        first in (any::<u32>(), any::<u32>()),
        // Hosts whose clock makes their numbers begin close together, and hosts that do not.
        apart in prop_oneof![(1000..2_000_000_u32, 1000..2_000_000_u32), (any::<u32>(), any::<u32>())],
        wraps in ((around(), around()), (around(), around())),
        opens in any::<bool>(),
        turns in turns(),
    ) {
        // Each way may have a VLAN of its own; no wrapping serves both tenants.
        let ((a, b), (c, d)) = wraps;
        prop_assume!(a != c && a != d && b != c && b != d);
        prop_assume!(apart.0 > 500 && apart.1 > 500 && apart.0 < u32::MAX - 500_000 && apart.1 < u32::MAX - 500_000);
        let names = (FIXTURES[which.0], FIXTURES[which.1]);
        let other = (first.0.wrapping_add(apart.0), first.1.wrapping_add(apart.1));
        // Without its SYN, what is within a mirror's reach of the other's numbers needs their payload to tell.
        prop_assume!(opens || apart.0 > 50_000 || apart.1 > 50_000);
        let (one, two) = (segments(names.0, first, opens), segments(names.1, other, opens));
        let put = |segments: &[Segment], to_server: Around, to_client: Around| -> Vec<Vec<u8>> {
            let wrap = |(from_client, octets): &(bool, Vec<u8>)| if *from_client { to_server } else { to_client }.wrap(octets);
            numbered(segments, 7).iter().map(wrap).collect()
        };
        let (one, two) = (put(&one, a, b), put(&two, c, d));
        let (alone, also) = (dissect(&one), dissect(&two));
        let both = dissect(&interleave(&one, &two, &turns));
        prop_assert_eq!(both.flows.len(), 2);
        let first_of = |trace: &Trace, flow: usize| (calls(trace, flow), messages(trace, flow));
        let mut seen = [first_of(&both, 0), first_of(&both, 1)];
        let mut true_ones = [first_of(&alone, 0), first_of(&also, 0)];
        seen.sort();
        true_ones.sort();
        prop_assert_eq!(seen, true_ones);
        prop_assert!(both.gaps.is_empty());
        for (facts, _, _) in both.flows.values() {
            prop_assert_eq!(facts.repeated_segments, 0);
        }
    }

    /// Copies: a conversation captured in several places is one flow, and nothing in it came twice from its peers.
    #[test]
    fn copies_of_a_conversation_are_one_flow_and_nobody_sent_them_twice(
        which in 0..FIXTURES.len(),
        first in (any::<u32>(), any::<u32>()),
        wraps in ((around(), around()), (around(), around())),
        opens in any::<bool>(),
        turns in turns(),
        hops in any::<bool>(),
    ) {
        let ((a, b), (c, d)) = wraps;
        let packets = numbered(&segments(FIXTURES[which], first, opens), 7);
        let put = |to_server: Around, to_client: Around, hops: u8| -> Vec<Vec<u8>> {
            let wrap = |(from_client, octets): &(bool, Vec<u8>)| {
                let mut octets = octets.clone();
                octets[22] -= hops;
                if *from_client { to_server } else { to_client }.wrap(&octets)
            };
            packets.iter().map(wrap).collect()
        };
        let alone = dissect(&put(Around::Nothing, Around::Nothing, 0));
        // One place is never more than a few packets behind the other.
        let (here, there) = (put(a, b, 0), put(c, d, u8::from(hops)));
        let mut mixed = Vec::new();
        for (here, there) in here.chunks(6).zip(there.chunks(6)) {
            mixed.extend(interleave(here, there, &turns));
        }
        let trace = dissect(&mixed);
        prop_assert_eq!(trace.flows.len(), 1);
        prop_assert_eq!(calls(&trace, 0), calls(&alone, 0));
        prop_assert_eq!(messages(&trace, 0), messages(&alone, 0));
        prop_assert!(trace.gaps.is_empty());
        let (facts, _, _) = &trace.flows[&0];
        prop_assert_eq!(facts.retransmitted, 0);
        prop_assert_eq!(facts.captured_twice, facts.repeated_segments);
    }
}

#[derive(Default)]
struct Ends {
    flows: u64,
    replaced: u64,
    limits: Vec<(&'static str, u64)>,
}

impl Observer for Ends {
    fn event(&mut self, event: &Event<'_>) {
        match event.body {
            Body::Ended(close) => {
                self.flows += 1;
                self.replaced += u64::from(close == framescope::tcp::Close::Replaced);
            }
            Body::Limit { what, count } => self.limits.push((what, count)),
            _ => {}
        }
    }
}

fn run(limits: &Limits, packets: impl Iterator<Item = Vec<u8>>) -> (Ends, usize) {
    let mut dissector = Dissector::new(limits);
    let mut ends = Ends::default();
    let mut most = 0;
    for (number, octets) in (1_u64..).zip(packets) {
        let packet: Packet<'_> = packet(number, i64::try_from(number).unwrap() * 10, &octets);
        dissector.packet(&packet, &mut ends);
        most = most.max(dissector.held_bytes());
    }
    dissector.finish(&mut ends);
    (ends, most)
}

fn data(sequence: u32, acknowledgment: u32, payload: &[u8]) -> Vec<u8> {
    Segment { from_client: true, client_port: 40_000, sequence, acknowledgment, flags: ACK, payload: payload.to_vec() }
        .octets()
}

/// Numbers without a pattern.
fn scatter(n: u32) -> u32 {
    n.wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b)
}

#[test]
fn a_tag_that_changes_with_every_packet_of_a_conversation_costs_no_more_than_the_limit() {
    let limits = Limits { contexts: 4, ..Limits::default() };
    let packets = (0..20_000_u32).map(|n| Around::Vxlan(n).wrap(&data(1000 + n * 10, 77, b"0123456789")));
    let (ends, most) = run(&limits, packets);
    assert_eq!(ends.flows, 1, "the numbers say that it is one conversation");
    assert!(most < 4 << 20, "{most} octets held");
    assert_eq!(ends.limits, [("VLANs and tunnels of one pair of addresses and ports", 19_996)]);
}

#[test]
fn conversations_in_ever_new_tags_are_given_up_in_turn() {
    let limits = Limits { contexts: 8, flows: 64, ..Limits::default() };
    let packets = (0..20_000_u32).map(|n| Around::Vxlan(n).wrap(&data(scatter(n), scatter(!n), b"0123456789")));
    let (ends, most) = run(&limits, packets);
    assert_eq!(ends.flows, 20_000);
    assert!(most < 4 << 20, "{most} octets held");
    assert_eq!(ends.limits, [("VLANs and tunnels of one pair of addresses and ports", 19_992)]);
}

#[test]
fn ports_used_again_in_the_same_tag_end_the_conversation_there_and_no_other() {
    let one = segments("go_article_unary", (1000, 5000), true);
    let two = segments("go_article_unary", (9_000_000, 8_000_000), true);
    let again = segments("go_article_unary", (500_000_000, 600_000_000), true);
    let octets = |segments: &[Segment], around: Around| -> Vec<Vec<u8>> {
        segments.iter().map(|segment| around.wrap(&segment.octets())).collect()
    };
    // The first does not end before its ports are used again; the second goes on meanwhile.
    let cut = one.len() - 3;
    let (a, b) = (octets(&one[..cut], Around::Vlan(1)), octets(&two, Around::Vlan(2)));
    let packets = [&a[..], &b[..4], &octets(&again, Around::Vlan(1)), &b[4..]].concat();
    let trace = dissect(&packets);
    let ended: Vec<_> = trace.flows.values().map(|(_, _, close)| close.unwrap()).collect();
    use framescope::tcp::Close::{Fin, Replaced};
    assert_eq!(ended, [Replaced, Fin, Fin]);
    assert_eq!(messages(&trace, 1), messages(&trace, 2));
}

#[test]
fn what_wraps_a_flow_is_told_once_for_each_wrapping_with_who_was_met_there() {
    let packets = numbered(&segments("go_article_unary", (1000, 5000), true), 7);
    let asymmetric: Vec<Vec<u8>> = packets
        .iter()
        .map(|(from_client, octets)| if *from_client { Around::Vlan(10) } else { Around::Vlan(20) }.wrap(octets))
        .collect();
    let trace = dissect(&asymmetric);
    let (facts, _, _) = &trace.flows[&0];
    let told: Vec<_> = facts
        .paths
        .iter()
        .map(|path| {
            (path.encapsulation.to_string(), path.heard(facts.client).to_server, path.heard(facts.client).to_client)
        })
        .collect();
    assert_eq!(told, [("VLAN 10".to_owned(), true, false), ("VLAN 20".to_owned(), false, true)]);
    let plain = dissect(&packets.iter().map(|(_, octets)| octets.clone()).collect::<Vec<_>>());
    assert!(plain.flows[&0].0.paths.is_empty());
}
