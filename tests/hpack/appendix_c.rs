//! The examples of RFC 7541 Appendix C, with the table after each block (C.1 is tested beside the integers).

use framescope::http2::hpack::{Decoder, Representation, Scratch, StaticName};

use crate::support::{decode, field, hex, known};

/// Decodes `block`, then compares its fields, the table (newest first) and the table's size.
fn check(decoder: &mut Decoder, block: &str, fields: &[(&str, &str)], table: &[(&str, &str)], size: u64) {
    let expected: Vec<_> = fields.iter().map(|(n, v)| field(n, v)).collect();
    assert_eq!(decode(decoder, &hex(block)), expected);
    let entries: Vec<_> =
        decoder.table().map(|entry| (entry.name.map(Vec::from), entry.value.map(Vec::from))).collect();
    let expected: Vec<_> = table.iter().map(|(n, v)| field(n, v)).collect();
    assert_eq!(entries, expected);
    assert_eq!(decoder.table_size(), size);
    assert!(decoder.is_exact());
}

#[test]
fn c_2_representations() {
    let custom = [("custom-key", "custom-header")];
    let block = "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572";
    check(&mut known(), block, &custom, &custom, 55);
    let block = "040c 2f73 616d 706c 652f 7061 7468";
    check(&mut known(), block, &[(":path", "/sample/path")], &[], 0);
    let block = "1008 7061 7373 776f 7264 0673 6563 7265 74";
    check(&mut known(), block, &[("password", "secret")], &[], 0);
    check(&mut known(), "82", &[(":method", "GET")], &[], 0);
}

#[test]
fn c_3_requests_without_huffman() {
    requests([
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ]);
}

#[test]
fn c_4_requests_with_huffman() {
    requests([
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ]);
}

fn requests(blocks: [&str; 3]) {
    let authority = (":authority", "www.example.com");
    let no_cache = ("cache-control", "no-cache");
    let custom = ("custom-key", "custom-value");
    let (get, http, root) = ((":method", "GET"), (":scheme", "http"), (":path", "/"));
    let mut decoder = known();
    let fields = [get, http, root, authority];
    check(&mut decoder, blocks[0], &fields, &[authority], 57);
    let fields = [get, http, root, authority, no_cache];
    check(&mut decoder, blocks[1], &fields, &[no_cache, authority], 110);
    let (https, index) = ((":scheme", "https"), (":path", "/index.html"));
    let fields = [get, https, index, authority, custom];
    let table = [custom, no_cache, authority];
    check(&mut decoder, blocks[2], &fields, &table, 164);
}

#[test]
fn c_5_responses_without_huffman() {
    responses([
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
         2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
         6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
         54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
         5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
         3d31",
    ]);
}

#[test]
fn c_6_responses_with_huffman() {
    responses([
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
         2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
         77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
         9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ]);
}

fn responses(blocks: [&str; 3]) {
    let cache = ("cache-control", "private");
    let date = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
    let later = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
    let location = ("location", "https://www.example.com");
    let gzip = ("content-encoding", "gzip");
    let cookie = ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
    let status = |code| (":status", code);
    let mut decoder = known();
    // The RFC takes the table size of 256 from SETTINGS; on a wire an update says so.
    decoder.set_size_limit(256);
    check(&mut decoder, "3f e1 01", &[], &[], 0);
    let fields = [status("302"), cache, date, location];
    let table = [location, date, cache, status("302")];
    check(&mut decoder, blocks[0], &fields, &table, 222);
    let fields = [status("307"), cache, date, location];
    let table = [status("307"), location, date, cache];
    check(&mut decoder, blocks[1], &fields, &table, 222);
    let fields = [status("200"), cache, later, location, gzip, cookie];
    check(&mut decoder, blocks[2], &fields, &[cookie, gzip, later], 215);
}

#[test]
fn a_field_tells_how_it_stood_on_the_wire() {
    let mut decoder = known();
    let mut scratch = Scratch::new();
    let block = hex("3fe11f 82 410161 58811f 040162 1081f30179 bf");
    let decoded = decoder.decode(&block, &mut scratch);
    assert_eq!(decoded.fault(), None);
    let fields: Vec<_> = decoded.fields().collect();
    let facts: Vec<_> = fields
        .iter()
        .map(|f| {
            (
                f.representation().name(),
                f.index(),
                f.huffman_name(),
                f.huffman_value(),
                f.entry_id(),
                f.static_name(),
                f.span(),
            )
        })
        .collect();
    assert_eq!(
        facts,
        [
            ("size_update", None, false, false, None, StaticName::NONE, 0..3),
            ("indexed", Some(2), false, false, None, StaticName::METHOD, 3..4),
            ("literal_indexed", Some(1), false, false, Some(1), StaticName::AUTHORITY, 4..7),
            ("literal_indexed", Some(24), false, true, Some(2), StaticName::CACHE_CONTROL, 7..10),
            ("literal", Some(4), false, false, None, StaticName::PATH, 10..13),
            ("never_indexed", None, true, false, None, StaticName::NONE, 13..18),
            ("indexed", Some(63), false, false, Some(1), StaticName::AUTHORITY, 18..19),
        ]
    );
    assert_eq!(fields[0].size_update(), Some(4096));
    assert_eq!(fields[5].name(), Some(&b"x"[..]));
    assert_eq!(fields[6].value(), Some(&b"a"[..]));
    assert_eq!(fields[1].representation(), Representation::Indexed);
}

#[test]
fn a_spelled_out_name_has_its_static_number_too() {
    let mut decoder = known();
    let mut scratch = Scratch::new();
    let block = [&[0x40, 5][..], b":path", &[1, b'/', 0xbe]].concat();
    for field in decoder.decode(&block, &mut scratch).fields() {
        assert_eq!(field.static_name(), StaticName::PATH);
        assert_eq!(field.value(), Some(&b"/"[..]));
    }
}
