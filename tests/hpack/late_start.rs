//! A decoder that missed something shows less than one that saw everything, and never anything else.

use std::collections::HashMap;

use framescope::http2::hpack::{
    Decoder, Encoder, Field, HeaderBlock, How, Huffman, Indexing, Limits, Representation, Scratch, Start,
};
use proptest::prelude::*;

use crate::stories::stories;
use crate::support::{decode, field, hex, known, shown};

fn late() -> Decoder {
    Decoder::new(Start::Late, Limits::default())
}

/// What is fair to expect of a decoder that missed the entries up to number `missed`.
struct Expectation {
    missed: u64,
    /// Whether the name is known, by entry.
    names: HashMap<u64, bool>,
}

impl Expectation {
    fn after(missed: u64) -> Self {
        Self { missed, names: HashMap::new() }
    }

    /// Compares the block of a decoder that saw everything with the block of one that did not; `inserted`
    /// entries were made before it.
    fn check(&mut self, truth: HeaderBlock<'_>, doubt: HeaderBlock<'_>, mut inserted: u64) {
        assert_eq!(doubt.faults(), []);
        assert_eq!(truth.len(), doubt.len());
        for (truth, doubt) in truth.fields().zip(doubt.fields()) {
            assert_eq!(truth.span(), doubt.span());
            assert_eq!(truth.representation(), doubt.representation());
            let (name_known, value_known) = self.known(&truth, inserted);
            assert_eq!(doubt.name(), truth.name().filter(|_| name_known));
            assert_eq!(doubt.value(), truth.value().filter(|_| value_known));
            if name_known {
                assert_eq!(doubt.static_name(), truth.static_name());
            }
            if truth.representation() == Representation::LiteralIndexed {
                inserted = truth.entry_id().expect("an entry");
                self.names.insert(inserted, name_known);
            }
        }
    }

    fn known(&self, truth: &Field<'_>, inserted: u64) -> (bool, bool) {
        let entry_name = |id: u64| id > self.missed && self.names.get(&id) == Some(&true);
        match (truth.representation(), truth.index()) {
            (Representation::Indexed, Some(62..)) => {
                let id = truth.entry_id().expect("an entry");
                (entry_name(id), id > self.missed)
            }
            (_, Some(index @ 62..)) => (entry_name(inserted - u64::from(index - 62)), true),
            _ => (true, true),
        }
    }
}

/// Replays `blocks` for a decoder that begins at block `cut`, or that loses track there.
fn check_cut(blocks: &[&[u8]], cut: usize, from_start: bool) {
    let mut full = known();
    let mut doubtful = if from_start { known() } else { late() };
    let (mut one, mut other) = (Scratch::new(), Scratch::new());
    let mut inserted = 0;
    let mut count = |block: &HeaderBlock<'_>| {
        let before = inserted;
        let mut made = block.fields().filter(|f| f.representation() == Representation::LiteralIndexed);
        inserted = made.next_back().and_then(|f| f.entry_id()).unwrap_or(before);
        before
    };
    let mut expectation = Expectation::after(0);
    for (number, block) in blocks.iter().enumerate() {
        let truth = full.decode(block, &mut one);
        let before = count(&truth);
        if number < cut {
            if from_start {
                doubtful.decode(block, &mut other);
            }
            continue;
        }
        if number == cut {
            doubtful.lose_track();
            expectation = Expectation::after(before);
        }
        expectation.check(truth, doubtful.decode(block, &mut other), before);
    }
}

#[test]
fn every_cut_of_a_story_shows_what_came_after_it_and_nothing_wrong() {
    for story in stories().iter().step_by(5) {
        // Cuts times blocks: the longest stories are looked at in part.
        let blocks: Vec<_> = story.cases.iter().take(24).map(|case| &case.wire[..]).collect();
        for cut in 0..blocks.len() {
            check_cut(&blocks, cut, false);
            check_cut(&blocks, cut, true);
        }
    }
}

fn how() -> impl Strategy<Value = How> {
    use Indexing::{Incremental, Never, Without};
    prop::sample::select(vec![Incremental, Incremental, Incremental, Without, Never])
        .prop_map(|indexing| How { indexing, huffman: Huffman::Shorter })
}

/// A table size asked for, and a block: numbers of names and values.
type Told = (Option<u32>, Vec<(u8, u8, How)>);

/// Blocks of fields from few names and values, and table sizes asked for before them.
fn story() -> impl Strategy<Value = Vec<Told>> {
    let size = prop::option::weighted(0.2, 0..400u32);
    let fields = prop::collection::vec((0..6u8, 0..8u8, how()), 0..8);
    prop::collection::vec((size, fields), 1..12)
}

fn encoded(story: &[Told]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new();
    let encode = |(size, fields): &Told| {
        if let Some(size) = size {
            encoder.resize(*size);
        }
        let mut out = Vec::new();
        let mut block = encoder.block(&mut out);
        for (name, value, how) in fields {
            let (name, value) = (format!("name-{name}"), format!("value {value}"));
            block.field_with(name.as_bytes(), value.as_bytes(), *how);
        }
        out
    };
    story.iter().map(encode).collect()
}

proptest! {
    #[test]
    fn any_cut_shows_what_came_after_it_and_nothing_wrong(story in story(), from_start: bool) {
        let blocks = encoded(&story);
        let blocks: Vec<_> = blocks.iter().map(|block| &block[..]).collect();
        for cut in 0..blocks.len() {
            check_cut(&blocks, cut, from_start);
        }
    }

    #[test]
    fn a_block_that_breaks_off_shows_its_whole_fields(story in story(), at in any::<prop::sample::Index>()) {
        let blocks = encoded(&story);
        let number = at.index(blocks.len());
        for cut in 0..=blocks[number].len() {
            let (mut full, mut broken) = (known(), known());
            let (mut one, mut other) = (Scratch::new(), Scratch::new());
            for block in &blocks[..number] {
                full.decode(block, &mut one);
                broken.decode(block, &mut other);
            }
            let truth = full.decode(&blocks[number], &mut one);
            let prefix = broken.decode_partial(&blocks[number][..cut], &mut other);
            prop_assert_eq!(prefix.faults(), []);
            let whole = truth.fields().filter(|field| field.span().end as usize <= cut);
            let whole: Vec<_> = whole.map(|field| (field.name(), field.value())).collect();
            let seen: Vec<_> = prefix.fields().map(|field| (field.name(), field.value())).collect();
            prop_assert_eq!(seen, whole);
            prop_assert!(!broken.is_exact());
        }
    }
}

#[test]
fn unknown_index_keeps_later_indices_aligned() {
    let mut decoder = late();
    // Index 70 as a name, then a new entry, then both of them from the table.
    let fields = decode(&mut decoder, &hex("7f 07 01 78 40 01 61 01 62 be bf c0"));
    let half_known = (None, Some(b"x".to_vec()));
    let entry = field("a", "b");
    let expected = [half_known.clone(), entry.clone(), entry, half_known, (None, None)];
    assert_eq!(fields, expected);
}

#[test]
fn a_field_evicted_by_its_own_block_is_still_shown() {
    // A table of 40 octets holds one entry; `be` refers to it before the next one evicts it.
    let octets = hex("3f 09 40 01 61 01 62 be 40 01 63 01 64 be");
    let mut decoder = known();
    let (first, second) = (field("a", "b"), field("c", "d"));
    let fields = decode(&mut decoder, &octets);
    assert_eq!(fields, [first.clone(), first, second.clone(), second]);
    assert_eq!(decoder.table().len(), 1);
}

#[test]
fn emptying_the_table_makes_a_late_decoder_exact() {
    let (mut decoder, mut scratch) = (late(), Scratch::new());
    assert_eq!(decoder.decode(&hex("be"), &mut scratch).fault(), None);
    assert_eq!(decoder.table_max_size(), None);
    // 0, then 4096: nothing older than this can be left.
    decoder.decode(&hex("20 3f e1 1f"), &mut scratch);
    assert!(decoder.is_exact());
    let octets = hex("be");
    assert!(decoder.decode(&octets, &mut scratch).fault().is_some());
}

#[test]
fn filling_the_table_makes_a_late_decoder_exact() {
    let (mut decoder, mut scratch) = (late(), Scratch::new());
    // A table of 100 octets has room for two entries of 34, and none beside three.
    decoder.decode(&hex("3f 45 40 01 61 01 62"), &mut scratch);
    assert!(!decoder.is_exact());
    decoder.decode(&hex("40 01 61 01 63"), &mut scratch);
    assert!(!decoder.is_exact(), "another entry of 32 octets may be left");
    decoder.decode(&hex("40 01 61 01 64"), &mut scratch);
    assert!(decoder.is_exact());
    assert_eq!(decoder.table().len(), 2);
}

#[test]
fn entry_numbers_are_never_used_twice() {
    let (mut decoder, mut scratch) = (known(), Scratch::new());
    let octets = hex("40 01 61 01 62 be");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let block = decoder.decode(&octets, &mut scratch);
        ids.push(block.fields().map(|f| f.entry_id()).collect::<Vec<_>>());
        decoder.lose_track();
    }
    let twice = |id| vec![Some(id), Some(id)];
    assert_eq!(ids, [twice(1), twice(2), twice(3)]);
    let octets = hex("be");
    let block = decoder.decode(&octets, &mut scratch);
    assert_eq!(shown(block), [(None, None)]);
    assert_eq!(block.fields().next().and_then(|f| f.entry_id()), None);
}
