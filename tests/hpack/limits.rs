//! What happens at the limits: it is counted, memory stays bounded, and later blocks stay right.

use framescope::http2::hpack::{Decoder, Encoder, Limits, Scratch, Start};

use crate::support::{decode, field, hex, known, shown};

#[test]
fn a_long_list_is_cut_and_counted_and_its_entries_are_kept() {
    let limits = Limits { list_octets: 100, ..Limits::default() };
    let mut decoder = Decoder::new(Start::Known, limits);
    let mut scratch = Scratch::new();
    // Four entries of 34 octets each.
    let octets = hex("40 01 61 01 31 40 01 62 01 32 40 01 63 01 33 40 81 1f 01 34");
    let block = decoder.decode(&octets, &mut scratch);
    assert_eq!(shown(block), [field("a", "1"), field("b", "2")]);
    assert_eq!((block.omitted().fields, block.omitted().octets), (2, 68));
    assert_eq!(block.list_octets(), 136);
    assert_eq!(block.decoded_octets(), 20);
    assert!(decoder.is_exact());
    let last = [field("a", "4"), field("c", "3")];
    assert_eq!(decode(&mut decoder, &hex("be bf")), last);
}

#[test]
fn nothing_is_shown_after_the_first_omitted_field() {
    let limits = Limits { list_octets: 80, ..Limits::default() };
    let mut decoder = Decoder::new(Start::Known, limits);
    let mut scratch = Scratch::new();
    // 42, 57 and 42 octets: the last one would fit.
    let octets = [&[0x82, 0x01, 0x0f][..], b"www.example.com", &[0x82]].concat();
    let block = decoder.decode(&octets, &mut scratch);
    assert_eq!((block.len(), block.omitted().fields), (1, 2));
}

#[test]
fn an_entry_above_the_memory_limit_becomes_a_placeholder() {
    let limits = Limits { table_octets: 64, ..Limits::default() };
    let mut decoder = Decoder::new(Start::Known, limits);
    let mut scratch = Scratch::new();
    let large = "v".repeat(100);
    let mut octets = Vec::new();
    let mut encoder = Encoder::new();
    let fields: [(&[u8], &[u8]); 2] = [(b"large", large.as_bytes()), (b"a", b"b")];
    encoder.encode(fields, &mut octets);
    let block = decoder.decode(&octets, &mut scratch);
    // The literal itself is shown, and the limit is reported.
    assert_eq!(shown(block), [field("large", &large), field("a", "b")]);
    assert_eq!(block.forgotten(), 2);
    let later = decode(&mut decoder, &hex("be bf"));
    assert_eq!(later, [field("a", "b"), (None, None)]);
    assert!(!decoder.is_exact());
}

#[test]
fn a_late_decoder_keeps_no_more_than_its_uncertain_limit() {
    let limits = Limits { uncertain_table_octets: 2000, ..Limits::default() };
    let mut decoder = Decoder::new(Start::Late, limits);
    let mut scratch = Scratch::new();
    let mut forgotten = 0;
    for number in 0..10_000 {
        let value = format!("{number:08}");
        let octets = [&[0x40, 1, b'a', 8][..], value.as_bytes()].concat();
        forgotten += decoder.decode(&octets, &mut scratch).forgotten();
        assert!(decoder.table_size() <= 2000);
        assert!(decoder.held_bytes() < 16 << 10);
    }
    // Entries of 41 octets: 48 of them fit.
    assert_eq!(forgotten, 10_000 - 48);
    let newest = field("a", "00009999");
    assert_eq!(decode(&mut decoder, &hex("be")), [newest]);
}

#[test]
fn insertions_by_reference_cannot_multiply_memory() {
    let mut decoder = known();
    let mut scratch = Scratch::new();
    let mut encoder = Encoder::new();
    encoder.set_size_limit(1 << 20);
    encoder.resize(1 << 20);
    let name = "n".repeat(400 << 10);
    let mut octets = Vec::new();
    encoder.encode([(name.as_bytes(), &b"v"[..])], &mut octets);
    decoder.decode(&octets, &mut scratch);
    // Two octets each that copy a name of 400 KiB.
    let octets = [0x7e, 0x00].repeat(20_000);
    let block = decoder.decode(&octets, &mut scratch);
    assert_eq!(block.fields().len() as u32 + block.omitted().fields, 20_000);
    assert!(block.forgotten() > 0);
    assert!(decoder.held_bytes() < 8 << 20, "{}", decoder.held_bytes());
    assert!(scratch.held_bytes() < 4 << 20);
}

#[test]
fn a_steady_connection_holds_little() {
    let mut decoder = known();
    let mut scratch = Scratch::new();
    let mut encoder = Encoder::new();
    let mut octets = Vec::new();
    for number in 0..2000 {
        octets.clear();
        let id = format!("request {number}");
        let fields: [(&[u8], &[u8]); 3] =
            [(b":path", b"/proto.Search/Find"), (b"te", b"trailers"), (b"x-request-id", id.as_bytes())];
        encoder.encode(fields, &mut octets);
        assert_eq!(decoder.decode(&octets, &mut scratch).len(), 3);
    }
    assert!(decoder.held_bytes() < 16 << 10, "{}", decoder.held_bytes());
    assert!(scratch.held_bytes() < 4 << 10);
}

#[test]
fn what_was_shown_stays_while_omitted_fields_turn_the_table_over() {
    let limits = Limits { list_octets: 300, ..Limits::default() };
    let mut decoder = Decoder::new(Start::Known, limits);
    let mut scratch = Scratch::new();
    let insertion = |number: u8| [&[0x40, 1, b'a', 100][..], &[number; 100]].concat();
    decoder.decode(&insertion(b'?'), &mut scratch);
    let mut octets = vec![0xbe, 0xbe];
    for number in 0..200 {
        octets.extend(insertion(number));
    }
    let block = decoder.decode(&octets, &mut scratch);
    let first = field("a", &"?".repeat(100));
    assert_eq!(shown(block), [first.clone(), first]);
    assert_eq!(block.omitted().fields, 200);
    let held: Vec<_> = decoder.table().map(|entry| entry.value).collect();
    let newest: Vec<_> = (0..200).rev().take(30).map(|number| [number; 100]).collect();
    let newest: Vec<_> = newest.iter().map(|value| Some(&value[..])).collect();
    assert_eq!(held, newest);
    assert!(decoder.is_exact());
}
