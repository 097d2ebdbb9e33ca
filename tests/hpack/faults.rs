//! What the decoder says about blocks that are not as RFC 7541 wants them, and what it still shows.

use framescope::http2::hpack::{Decoder, FaultKind, Limits, Scratch, Start};
use proptest::prelude::*;

use crate::support::{decode, field, hex, known, shown};

/// Decodes `octets` from a fresh connection; gives the known prefix, the faults and where decoding ended.
fn faults(octets: &str) -> (usize, Vec<(u32, FaultKind)>, u32) {
    let (mut decoder, mut scratch) = (known(), Scratch::new());
    let octets = hex(octets);
    let block = decoder.decode(&octets, &mut scratch);
    let faults = block.faults().iter().map(|f| (f.at, f.kind)).collect();
    (block.len(), faults, block.decoded_octets())
}

#[test]
fn a_stopping_fault_keeps_the_fields_before_it() {
    use FaultKind::*;
    assert_eq!(faults("82 80 84"), (1, vec![(1, IndexZero)], 1));
    assert_eq!(faults("82 3f"), (1, vec![(1, EndsInsideField)], 1));
    assert_eq!(faults("3f"), (0, vec![(0, EndsInsideField)], 0));
    assert_eq!(faults("82 41"), (1, vec![(2, EndsInsideField)], 1));
    let too_large = vec![(1, IntegerTooLarge)];
    assert_eq!(faults("82 ff ff ff ff ff ff 0f 84"), (1, too_large, 1));
    let too_long = StringTooLong { length: 5, available: 2 };
    assert_eq!(faults("82 41 05 61 62"), (1, vec![(2, too_long)], 1));
    assert_eq!(faults("82 41 84 ff ff ff ff 84"), (1, vec![(3, HuffmanEos)], 1));
    assert_eq!(faults("41 82 1f ff"), (0, vec![(2, HuffmanPaddingTooLong)], 0));
    assert_eq!(faults("41 81 1e"), (0, vec![(2, HuffmanPadding)], 0));
}

#[test]
fn after_a_stopping_fault_older_entries_are_placeholders() {
    let mut decoder = known();
    decode(&mut decoder, &hex("40 01 61 01 62"));
    decode(&mut decoder, &hex("80"));
    assert!(!decoder.is_exact());
    assert_eq!(decode(&mut decoder, &hex("be")), [(None, None)]);
    let inserted = field("c", "d");
    let block = hex("40 01 63 01 64 be bf");
    let expected = [inserted.clone(), inserted, (None, None)];
    assert_eq!(decode(&mut decoder, &block), expected);
}

#[test]
fn an_index_beyond_the_table_is_named_and_the_rest_is_shown() {
    let (mut decoder, mut scratch) = (known(), Scratch::new());
    let octets = hex("40 01 61 01 62 c6 be 82");
    let block = decoder.decode(&octets, &mut scratch);
    let fault = block.fault().expect("a fault");
    assert_eq!(fault.to_string(), "index 70 but the table holds 1 entries at octet 5");
    assert!(!fault.kind.stops());
    let entry = field("a", "b");
    let get = field(":method", "GET");
    assert_eq!(shown(block), [entry.clone(), (None, None), entry, get]);
    assert!(!decoder.is_exact());
    // From now on it may be that the table was larger than thought.
    let octets = hex("c6");
    let block = decoder.decode(&octets, &mut scratch);
    assert_eq!(block.fault(), None);
}

#[test]
fn a_literal_whose_name_is_beyond_the_table_becomes_an_entry_with_its_value() {
    let mut decoder = known();
    let fields = decode(&mut decoder, &hex("7f 00 01 78 be"));
    let expected = (None, Some(b"x".to_vec()));
    assert_eq!(fields, [expected.clone(), expected]);
}

#[test]
fn size_updates_are_applied_even_where_they_should_not_be() {
    let update = |at, kind| vec![(at, kind)];
    let (fields, found, end) = faults("82 20 84");
    let misplaced = FaultKind::SizeUpdateMisplaced { size: 0 };
    assert_eq!((fields, found, end), (3, update(1, misplaced), 3));
    let above = FaultKind::SizeUpdateAboveLimit { size: 4097, limit: 4096 };
    assert_eq!(faults("3f e2 1f"), (1, update(0, above), 3));
}

#[test]
fn a_lowered_limit_asks_for_a_size_update() {
    let (mut decoder, mut scratch) = (known(), Scratch::new());
    decoder.set_size_limit(100);
    decoder.set_size_limit(8192);
    let missing = FaultKind::SizeUpdateMissing { size: 4096, limit: 100 };
    let block = decoder.decode(&[0x82], &mut scratch);
    assert_eq!(block.fault().map(|f| f.kind), Some(missing));
    // It is said once.
    assert_eq!(decoder.decode(&[0x82], &mut scratch).fault(), None);
    decoder.set_size_limit(100);
    decoder.set_size_limit(8192);
    // 100, then 8192.
    let octets = hex("3f 45 3f e1 3f 82");
    assert_eq!(decoder.decode(&octets, &mut scratch).fault(), None);
    assert_eq!(decoder.table_max_size(), Some(8192));
}

#[test]
fn many_faults_are_counted() {
    let (mut decoder, mut scratch) = (known(), Scratch::new());
    let octets = [&[0x82][..], &[0x20; 100]].concat();
    let block = decoder.decode(&octets, &mut scratch);
    assert_eq!(block.faults().len() + block.faults_omitted() as usize, 100);
    assert!(block.faults().len() < 100);
}

proptest! {
    #[test]
    fn no_octets_make_it_panic_or_lose_count(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8),
        late: bool,
        small: bool,
    ) {
        let limits = if small {
            Limits { table_octets: 100, uncertain_table_octets: 60, list_octets: 200 }
        } else {
            Limits::default()
        };
        let start = if late { Start::Late } else { Start::Known };
        let mut decoder = Decoder::new(start, limits);
        let mut scratch = Scratch::new();
        for octets in &blocks {
            let block = decoder.decode(octets, &mut scratch);
            let stopped = block.faults().iter().any(|fault| fault.kind.stops());
            prop_assert_eq!(block.decoded_octets() as usize == octets.len(), !stopped);
            let mut end = 0;
            for field in block.fields() {
                prop_assert_eq!(field.span().start, end);
                end = field.span().end;
                prop_assert_eq!(field.is_known(), field.name().is_some() && field.value().is_some());
            }
            if block.omitted().fields == 0 {
                prop_assert_eq!(end, block.decoded_octets());
            }
            let by_table = decoder.table().map(|entry| u64::from(entry.size)).sum::<u64>();
            prop_assert_eq!(by_table, decoder.table_size());
        }
    }
}
