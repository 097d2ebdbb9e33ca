//! What is found does not depend on whether SETTINGS are outstanding, where those ask for nothing: connections on which nothing is
//! outstanding are judged in a shorter way.

use proptest::prelude::*;

use super::conversation::{Conversation, Side, frame, literal, message};
use super::{TRAILERS, block, found_in, ready};

/// A field that becomes an entry of the dynamic table.
fn indexed(name: &str, value: &str) -> Vec<u8> {
    let mut field = literal(name.as_bytes(), value.as_bytes());
    field[0] = 0x40;
    field
}

/// Some fields, most of which may stand somewhere; the last ones refer to the entries that came last.
fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![vec![0x83], vec![0x86], vec![0x84], vec![0x88], vec![0x89]]),
        prop::sample::select(vec![
            indexed("te", "trailers"),
            indexed("te", "gzip"),
            indexed("grpc-status", "0"),
            indexed("grpc-timeout", "1S"),
            indexed("grpc-timeout", "1 s"),
            indexed("connection", "x"),
            indexed("X-Tenant", "a"),
            indexed(":shape", "round"),
            literal(b"content-length", b"6"),
            literal(b"content-type", b"application/grpc"),
        ]),
        (0xbe..0xc2_u8).prop_map(|index| vec![index]),
    ]
}

fn header_block() -> impl Strategy<Value = Vec<u8>> {
    // `te: trailers` and `grpc-status: 0` are there from the beginning.
    let content_type = literal(b"content-type", b"application/grpc");
    prop_oneof![
        4 => prop::collection::vec(0xbe..0xc2_u8, 0..3).prop_map(|more| [&[0x83, 0x86, 0x84][..], &more].concat()),
        3 => Just([&[0x83, 0x86, 0x84, 0xbf][..], &content_type].concat()),
        3 => Just([&[0x88][..], &content_type].concat()),
        2 => Just(vec![0x88]),
        2 => (0xbe..0xc2_u8).prop_map(|index| vec![index]),
        2 => Just(block(&TRAILERS)),
        3 => prop::collection::vec(field(), 0..6).prop_map(|fields| fields.concat()),
    ]
}

fn any_frame() -> impl Strategy<Value = (Side, Vec<u8>)> {
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    let stream = prop_oneof![8 => 1..6_u32, 1 => 0..10_u32];
    let flags = prop_oneof![4 => Just(4_u8), 4 => Just(5), 1 => Just(0)];
    let content = prop_oneof![3 => Just(message(b"q")), 1 => prop::collection::vec(0..2_u8, 0..9)];
    let increment = prop::sample::select(vec![0_u32, 1, 65_535, 0x7fff_ffff]);
    let what = prop_oneof![
        8 => (flags, header_block()).prop_map(|(flags, block)| (1, flags, block)),
        6 => (0..2_u8, content).prop_map(|(flags, content)| (0, flags, content)),
        1 => Just((3, 0, vec![0, 0, 0, 8])),
        2 => increment.prop_map(|increment| (8, 0, increment.to_be_bytes().to_vec())),
        1 => (0..2_u8).prop_map(|flags| (6, flags, vec![7; 8])),
        1 => header_block().prop_map(|block| (9, 4, block)),
        1 => header_block().prop_map(|block| (5, 4, [&[0, 0, 0, 2][..], &block].concat())),
    ];
    (side, stream, what).prop_map(|(side, stream, (kind, flags, payload))| {
        // PING stands on the connection.
        (side, frame(kind, flags, if kind == 6 { 0 } else { stream }, &payload))
    })
}

/// The frames after both prefaces, and what is found: rule, sentence, stream, packets.
fn judged(
    mut conversation: Conversation,
    frames: &[(Side, Vec<u8>)],
) -> Vec<(&'static str, String, Option<u32>, Vec<u64>)> {
    for side in [Side::Client, Side::Server] {
        let fields = [&[0x83, 0x86, 0x84][..], &indexed("te", "trailers"), &indexed("grpc-status", "0")].concat();
        let answer = [&[0x88][..], &indexed("te", "trailers"), &indexed("grpc-status", "0")].concat();
        let block = if matches!(side, Side::Client) { fields } else { answer };
        conversation.send(side, &frame(1, 5, 1, &block));
    }
    for (side, octets) in frames {
        conversation.send(*side, octets);
    }
    let found = found_in(conversation).into_iter();
    found.map(|found| (found.rule, found.summary, found.stream, found.packets)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_are_judged_alike_while_settings_are_outstanding_and_after(frames in prop::collection::vec(any_frame(), 1..30)) {
        let mut outstanding = Conversation::new();
        outstanding.send(Side::Server, &frame(4, 1, 0, &[]));
        outstanding.send(Side::Client, &[frame(4, 1, 0, &[]), frame(4, 0, 0, &[])].concat());
        prop_assert_eq!(judged(ready(), &frames), judged(outstanding, &frames));
    }
}
