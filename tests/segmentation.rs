//! However the octets of a connection are cut into segments, put out of order, repeated and made to overlap, the same frames, calls and
//! messages come out of them.
#![allow(missing_docs, reason = "a test binary")]

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::packets::{ACK, FIN, SYN, Segment, conversation, packet};
use support::{SeenBlock, SeenCall, Trace, fixture};

use framescope::http2::connection::Hole;

/// Small connections of every kind of call, resets and large header blocks among them.
const FIXTURES: [&str; 8] = [
    "go_article_unary",
    "go_article_stream",
    "py_modes",
    "py_concurrent",
    "py_metadata",
    "py_errors",
    "py_gzip",
    "py_deadline",
];

/// What is done to a conversation. Each list is used from its beginning again when it is at its end.
#[derive(Clone, Debug)]
struct Plan {
    /// Which conversation.
    fixture: usize,
    /// Octets of each segment.
    cuts: Vec<usize>,
    /// How many places each packet is late.
    delays: Vec<usize>,
    /// After how many places each segment comes again; 0 for never.
    repeats: Vec<usize>,
    /// Octets before its own that each segment repeats.
    overlaps: Vec<usize>,
    /// Whether a packet with nothing but an acknowledgment follows a segment.
    acknowledges: Vec<bool>,
    /// The numbers of the SYNs.
    first: (u32, u32),
    /// Whether both sides say that they have finished.
    finishes: bool,
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        vec(1..12_usize, 1..8),
        vec(1..200_usize, 1..20),
        vec(1..1460_usize, 1..20),
        Just(vec![1]),
        Just(vec![9]),
        Just(vec![60_000])
    ]
}

fn plans() -> impl Strategy<Value = Plan> {
    let number = prop_oneof![any::<u32>(), (0..4000_u32).prop_map(|below| u32::MAX - below)];
    let first = (number.clone(), number);
    // A hole is given up 32 packets of the flow after its acknowledgment: within that, order must not matter.
    let delays = prop_oneof![Just(vec![0]), vec(0..12_usize, 1..30)];
    let repeats = prop_oneof![Just(vec![0]), vec(0..9_usize, 1..10)];
    let overlaps = prop_oneof![Just(vec![0]), vec(0..40_usize, 1..10)];
    let acknowledges = vec(any::<bool>(), 1..6);
    (0..FIXTURES.len(), cuts(), delays, repeats, overlaps, acknowledges, first, any::<bool>()).prop_map(
        |(fixture, cuts, delays, repeats, overlaps, acknowledges, first, finishes)| Plan {
            fixture,
            cuts,
            delays,
            repeats,
            overlaps,
            acknowledges,
            first,
            finishes,
        },
    )
}

/// The packets of a conversation as the plan has them.
fn packets(said: &[(bool, Vec<u8>)], plan: &Plan) -> Vec<Vec<u8>> {
    let mut cuts = plan.cuts.iter().cycle();
    let mut overlaps = plan.overlaps.iter().cycle();
    let mut acknowledges = plan.acknowledges.iter().cycle();
    let mut repeats = plan.repeats.iter().cycle();
    let mut spoken: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
    let base = [plan.first.0, plan.first.1];
    // Where each side's next octet stands in sequence numbers.
    let number = |from_client: bool, offset: usize| {
        base[usize::from(!from_client)].wrapping_add(1).wrapping_add(u32::try_from(offset).unwrap())
    };
    let segment = |from_client: bool, at: usize, heard: usize, flags: u8, payload: &[u8]| Segment {
        from_client,
        client_port: 40_000,
        sequence: number(from_client, at),
        acknowledgment: number(!from_client, heard),
        flags: flags | ACK,
        payload: payload.to_vec(),
    };
    // Each packet with its place in time.
    let mut out: Vec<(usize, Segment)> = Vec::new();
    for (from_client, octets) in said {
        let own = usize::from(!from_client);
        let mut rest = octets.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            let back = (*overlaps.next().unwrap()).min(spoken[own].len());
            let start = spoken[own].len() - back;
            spoken[own].extend_from_slice(now);
            let heard = spoken[1 - own].len();
            let made = segment(*from_client, start, heard, 0, &spoken[own][start..]);
            let place = out.len();
            let again = *repeats.next().unwrap();
            if again > 0 {
                out.push((place + again, made.clone()));
            }
            out.push((place, made));
            if *acknowledges.next().unwrap() {
                let (own_length, other_length) = (spoken[1 - own].len(), spoken[own].len());
                out.push((out.len(), segment(!from_client, own_length, other_length, 0, &[])));
            }
            rest = later;
        }
    }
    if plan.finishes {
        let (client, server) = (spoken[0].len(), spoken[1].len());
        out.push((out.len(), segment(true, client, server, FIN, &[])));
        out.push((out.len(), segment(false, server, client + 1, FIN, &[])));
        out.push((out.len(), segment(true, client + 1, server + 1, 0, &[])));
    }
    let mut delays = plan.delays.iter().cycle();
    for (place, _) in &mut out {
        *place += delays.next().unwrap();
    }
    out.sort_by_key(|(place, _)| *place);
    let syn = Segment {
        from_client: true,
        client_port: 40_000,
        sequence: plan.first.0,
        acknowledgment: 0,
        flags: SYN,
        payload: Vec::new(),
    };
    let answer = Segment {
        from_client: false,
        sequence: plan.first.1,
        acknowledgment: plan.first.0.wrapping_add(1),
        flags: SYN | ACK,
        ..syn.clone()
    };
    [syn, answer].iter().chain(out.iter().map(|(_, segment)| segment)).map(Segment::octets).collect()
}

fn dissect(octets: &[Vec<u8>]) -> Trace {
    let packets =
        (1_u64..).zip(octets).map(|(number, octets)| packet(number, i64::try_from(number).unwrap() * 10, octets));
    Trace::of_packets(packets)
}

/// A frame without what depends on the segments it came in.
type PlainFrame = (bool, u64, Option<[u8; 9]>, Vec<u8>, Option<SeenBlock>, bool, Vec<Hole>, String);

fn frames(trace: &Trace) -> Vec<PlainFrame> {
    let plain = |frame: &support::SeenFrame| {
        let from_client = frame.direction == framescope::direction::Direction::ToServer;
        let header = frame.header.map(|header| header.octets());
        (
            from_client,
            frame.offset,
            header,
            frame.shown.clone(),
            frame.block.clone(),
            frame.ends_stream,
            frame.holes.clone(),
            frame.effects.clone(),
        )
    };
    trace.frames.iter().map(plain).collect()
}

fn calls(trace: &Trace) -> Vec<String> {
    let mut calls: Vec<&SeenCall> = trace.calls.iter().collect();
    calls.sort_by_key(|call| call.stream);
    calls.iter().map(|call| format!("{call:?}")).collect()
}

type PlainMessage = (u32, bool, u32, u8, u32, Vec<u8>);

fn messages(trace: &Trace) -> Vec<PlainMessage> {
    let from_client = |message: &support::SeenMessage| message.direction == framescope::direction::Direction::ToServer;
    trace
        .messages
        .iter()
        .map(|message| {
            (message.stream, from_client(message), message.index, message.flag, message.missing, message.octets.clone())
        })
        .collect()
}

/// Everything in segments as large as can be, in order.
fn plainly(plan: &Plan) -> Plan {
    Plan {
        cuts: vec![60_000],
        delays: vec![0],
        repeats: vec![0],
        overlaps: vec![0],
        acknowledges: vec![false],
        ..plan.clone()
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x6672_616d_6573),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn any_segmentation_of_the_same_octets_gives_the_same_frames_calls_and_messages(plan in plans()) {
        let said = conversation(&fixture(&format!("captures/{}.pcap", FIXTURES[plan.fixture])));
        let whole = dissect(&packets(&said, &plainly(&plan)));
        let seen = dissect(&packets(&said, &plan));
        prop_assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
        prop_assert_eq!(seen.conflicts, 0);
        prop_assert!(seen.malformed.is_empty() && seen.limits.is_empty() && seen.resyncs.is_empty());
        prop_assert_eq!(seen.flows.len(), 1);
        let (left, right) = (frames(&seen), frames(&whole));
        for (left, right) in left.iter().zip(&right) {
            prop_assert_eq!(left, right);
        }
        prop_assert_eq!(left.len(), right.len());
        prop_assert_eq!(messages(&seen), messages(&whole));
        prop_assert_eq!(calls(&seen), calls(&whole));
    }
}

#[test]
fn the_plainest_segmentation_gives_what_the_fixture_itself_gives() {
    for (index, name) in FIXTURES.iter().enumerate() {
        let path = fixture(&format!("captures/{name}.pcap"));
        let plan = Plan {
            fixture: index,
            cuts: vec![60_000],
            delays: vec![0],
            repeats: vec![0],
            overlaps: vec![0],
            acknowledges: vec![false],
            first: (7, 8),
            finishes: false,
        };
        let made = dissect(&packets(&conversation(&path), &plan));
        let captured = Trace::of(&path);
        assert_eq!(frames(&made), frames(&captured), "{name}");
        assert_eq!(messages(&made), messages(&captured), "{name}");
        assert!(made.frames.len() > 10, "{name}");
    }
}

#[test]
fn every_segment_of_one_octet_in_reverse_within_a_window_loses_nothing() {
    let said = conversation(&fixture("captures/go_article_unary.pcap"));
    // Eight packets at a time come in reverse.
    let delays = (0..8).map(|place| 2 * (7 - place)).collect();
    let plan = Plan {
        fixture: 0,
        cuts: vec![1],
        delays,
        repeats: vec![0],
        overlaps: vec![0],
        acknowledges: vec![true],
        first: (u32::MAX - 20, 5),
        finishes: true,
    };
    let (seen, whole) = (dissect(&packets(&said, &plan)), dissect(&packets(&said, &plainly(&plan))));
    assert!(seen.gaps.is_empty());
    assert_eq!(frames(&seen), frames(&whole));
}
