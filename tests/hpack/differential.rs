//! Our decoder beside `hpack` and `loona-hpack`, on whatever ours accepts.

use framescope::http2::hpack::Scratch;
use proptest::prelude::*;

use crate::stories::stories;
use crate::support::{Shown, known, shown};

type Plain = Vec<(Vec<u8>, Vec<u8>)>;

/// What the two others make of `blocks`, all of them valid.
fn others(blocks: &[&[u8]]) -> [Vec<Plain>; 2] {
    let mut hpack = hpack::Decoder::new();
    let mut loona = loona_hpack::Decoder::new();
    loona.set_max_allowed_table_size(1 << 20);
    [
        blocks.iter().map(|block| hpack.decode(block).expect("valid for hpack")).collect(),
        blocks.iter().map(|block| loona.decode(block).expect("valid for loona-hpack")).collect(),
    ]
}

/// `hpack` has a misprint in its static table: entry 15 is `accept-charset`.
fn amended(blocks: Vec<Plain>) -> Vec<Plain> {
    let mut blocks = blocks;
    for (name, _) in blocks.iter_mut().flatten() {
        if name == b"accept-" {
            *name = b"accept-charset".to_vec();
        }
    }
    blocks
}

fn plain(fields: Vec<Shown>) -> Plain {
    let known = |(name, value): Shown| Some((name?, value?));
    fields.into_iter().filter_map(known).collect()
}

#[test]
fn stories_decode_as_the_others_decode_them() {
    let mut scratch = Scratch::new();
    // The others take a millisecond and more for a story's block with Huffman strings: every seventh will do.
    for story in stories().iter().step_by(7) {
        let blocks: Vec<_> = story.cases.iter().take(40).map(|case| &case.wire[..]).collect();
        let mut decoder = known();
        let ours: Vec<_> = blocks.iter().map(|block| plain(shown(decoder.decode(block, &mut scratch)))).collect();
        let [hpack, loona] = others(&blocks);
        assert_eq!(amended(hpack), ours, "hpack, {}", story.name);
        assert_eq!(loona, ours, "loona-hpack, {}", story.name);
    }
}

/// Octets that are likely to be fields: indexed, or literals with short strings.
fn likely_field() -> impl Strategy<Value = Vec<u8>> {
    let string = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|text| {
            let mut octets = vec![text.len() as u8];
            octets.extend(text);
            octets
        }),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(|text| {
            let mut octets = vec![0x80 | text.len() as u8];
            octets.extend(text);
            octets
        }),
    ];
    prop_oneof![
        (0x80..=0xffu8).prop_map(|octet| vec![octet]),
        (0x01..=0x7fu8, string.clone()).prop_map(|(octet, value)| [vec![octet], value].concat()),
        (prop::sample::select(vec![0x00u8, 0x10, 0x40]), string.clone(), string).prop_map(|(octet, name, value)| [
            vec![octet],
            name,
            value
        ]
        .concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_ours_accepts_the_others_read_alike(
        blocks in prop::collection::vec(prop::collection::vec(likely_field(), 1..6), 1..6),
    ) {
        let mut decoder = known();
        let mut scratch = Scratch::new();
        let mut accepted = Vec::new();
        let mut ours = Vec::new();
        for fields in blocks {
            let octets = fields.concat();
            // A block that ours refuses would change the table: try on a copy of the story so far.
            let block = decoder.decode(&octets, &mut scratch);
            if block.fault().is_some() {
                break;
            }
            ours.push(plain(shown(block)));
            accepted.push(octets);
        }
        let accepted: Vec<_> = accepted.iter().map(|octets| &octets[..]).collect();
        let [hpack, loona] = others(&accepted);
        prop_assert_eq!(amended(hpack), ours.clone());
        prop_assert_eq!(loona, ours);
    }
}
