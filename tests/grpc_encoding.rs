//! What a reader of a capture gets to see of compressed messages: whole, cut, damaged, hostile.

use framescope::grpc::encoding::{Decompressed, Decompressor, Encoding, End, Fault, Form};
use proptest::prelude::*;
use std::io::Write;

const LIMIT: usize = 1 << 20;

fn read(encoding: Encoding<'_>, body: &[u8]) -> (Decompressed, Vec<u8>) {
    read_up_to(LIMIT, encoding, body)
}

fn read_up_to(limit: usize, encoding: Encoding<'_>, body: &[u8]) -> (Decompressed, Vec<u8>) {
    let mut out = vec![0xaa; 3];
    let outcome = Decompressor::new(limit).decompress(encoding, body, &mut out);
    (outcome, out)
}

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/grpc/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("fixture")
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(octets).expect("in memory");
    writer.finish().expect("in memory")
}

fn zlib(octets: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(octets).expect("in memory");
    writer.finish().expect("in memory")
}

fn deflate(octets: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(octets).expect("in memory");
    writer.finish().expect("in memory")
}

fn snappy_block(octets: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(octets).expect("in memory")
}

fn snappy_framed(octets: &[u8]) -> Vec<u8> {
    let mut writer = snap::write::FrameEncoder::new(Vec::new());
    writer.write_all(octets).expect("in memory");
    writer.into_inner().expect("in memory")
}

/// A zstd frame with checksum and content size.
fn zstd_frame(octets: &[u8]) -> Vec<u8> {
    let mut writer = zstd::Encoder::new(Vec::new(), 3).expect("in memory");
    writer.include_checksum(true).expect("known option");
    writer.set_pledged_src_size(Some(octets.len() as u64)).expect("known option");
    writer.write_all(octets).expect("in memory");
    writer.finish().expect("in memory")
}

/// Every way to write the same octets, with the form it must be recognised as.
fn every_form(octets: &[u8]) -> Vec<(Encoding<'static>, Form, Vec<u8>)> {
    let mut forms = vec![
        (Encoding::Identity, Form::Identity, octets.to_vec()),
        (Encoding::Gzip, Form::Gzip { members: 1 }, gzip(octets)),
        (Encoding::Deflate, Form::Zlib, zlib(octets)),
        (Encoding::Deflate, Form::RawDeflate, deflate(octets)),
        (Encoding::Snappy, Form::SnappyRaw, snappy_block(octets)),
        (Encoding::Snappy, Form::SnappyFramed, snappy_framed(octets)),
        (Encoding::Zstd, Form::Zstd { frames: 1 }, zstd_frame(octets)),
    ];
    for level in [1, 19] {
        let frame = zstd::encode_all(octets, level).expect("in memory");
        forms.push((Encoding::Zstd, Form::Zstd { frames: 1 }, frame));
    }
    forms
}

/// Text with near and far repetitions, so that every kind of copy occurs.
fn prose(words: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut text = Vec::new();
    for _ in 0..words {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(format!("{} ", (state >> 8) % 977).as_bytes());
    }
    text
}

#[test]
fn messages_of_real_peers_come_out_as_their_authors_wrote_them() {
    let text = "compress me, please. ".repeat(100);
    let request = [b"\x0a\xb4\x10", text.as_bytes()].concat();

    let (outcome, out) = read(Encoding::Gzip, &fixture("gzip-grpcio.bin"));
    assert_eq!(outcome, Decompressed { form: Form::Gzip { members: 1 }, end: End::Complete });
    assert_eq!(out, request);

    let (outcome, out) = read(Encoding::Deflate, &fixture("deflate-grpcio.bin"));
    assert_eq!(outcome, Decompressed { form: Form::Zlib, end: End::Complete });
    assert!(out.starts_with(&request));
    assert_eq!(out.len(), 2105);

    for name in ["zstd-tonic-request.bin", "zstd-tonic-response.bin"] {
        let body = fixture(name);
        let (outcome, out) = read(Encoding::Zstd, &body);
        assert_eq!(outcome, Decompressed { form: Form::Zstd { frames: 1 }, end: End::Complete });
        assert_eq!(out, zstd::decode_all(&body[..]).expect("valid"), "{name}");
        assert!(String::from_utf8_lossy(&out).contains("tonic packs"), "{name}");
    }
    let (outcome, out) = read(Encoding::Gzip, &fixture("gzip-tonic.bin"));
    assert_eq!(outcome.end, End::Complete);
    assert!(!out.is_empty());
}

#[test]
fn the_form_on_the_wire_is_recognised_and_told() {
    for octets in [prose(0), prose(1), prose(60), prose(40_000)] {
        for (encoding, form, body) in every_form(&octets) {
            let (outcome, out) = read(encoding, &body);
            if octets.is_empty() && form == Form::SnappyFramed {
                assert!(body.is_empty(), "framing writes nothing for nothing");
            }
            assert_eq!(outcome, Decompressed { form, end: End::Complete }, "{} octets", octets.len());
            assert_eq!(out, octets);
        }
    }
}

#[test]
fn one_decompressor_serves_messages_of_every_form_in_turn() {
    let mut decompressor = Decompressor::new(LIMIT);
    let mut out = Vec::new();
    for words in [500, 3, 90_000, 0, 20] {
        let octets = prose(words);
        for (encoding, form, body) in every_form(&octets) {
            let outcome = decompressor.decompress(encoding, &body, &mut out);
            assert_eq!(outcome, Decompressed { form, end: End::Complete });
            assert_eq!(out, octets);
            // Damage in between leaves no trace.
            decompressor.decompress(encoding, &body[..body.len() / 2], &mut out);
        }
    }
    assert!(decompressor.held_bytes() < 2 * LIMIT);
}

#[test]
fn a_message_over_the_limit_gives_exactly_the_limit_and_says_so() {
    let octets = prose(20_000);
    for (encoding, _, body) in every_form(&octets) {
        for limit in [0, 1, 1000, 65_536, octets.len() - 1] {
            let (outcome, out) = read_up_to(limit, encoding, &body);
            assert_eq!(outcome.end, End::Cut, "{encoding} at {limit}");
            assert_eq!(out, octets[..limit]);
        }
        let (outcome, _) = read_up_to(octets.len(), encoding, &body);
        assert_eq!(outcome.end, End::Complete, "{encoding} at its own length");
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let zeros = vec![0; 16 << 20];
    for (encoding, _, body) in every_form(&zeros).into_iter().skip(1) {
        let mut out = Vec::new();
        let mut decompressor = Decompressor::new(10_000);
        let outcome = decompressor.decompress(encoding, &body, &mut out);
        assert_eq!(outcome.end, End::Cut);
        assert_eq!(out.len(), 10_000);
        assert!(out.capacity() < 1 << 20, "{encoding} took {}", out.capacity());
        assert!(decompressor.held_bytes() < 1 << 20, "{encoding}");
    }
}

#[test]
fn a_lie_about_the_length_costs_nothing() {
    // snappy that declares 4 GiB, zstd that declares 2^63 octets and a window of 3.75 TiB
    let (outcome, out) = read(Encoding::Snappy, b"\xff\xff\xff\xff\x0f\x00a");
    assert_eq!(outcome.end, End::Damaged(Fault::Truncated));
    assert_eq!(out, b"a");
    assert!(out.capacity() < 4096);

    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x0b, 0, 0, b'a'];
    let (outcome, out) = read(Encoding::Zstd, &window);
    assert_eq!(outcome.end, End::Complete);
    assert_eq!(out, b"a");

    let mut content = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    content.extend([0xff; 7].iter().chain(&[0x7f, 0x09, 0, 0, b'a']));
    let (outcome, out) = read(Encoding::Zstd, &content);
    let declared = u64::MAX >> 1;
    assert_eq!(outcome.end, End::Damaged(Fault::Length { declared, actual: 1 }));
    assert_eq!(out, b"a");
}

#[test]
fn several_members_and_frames_are_one_message() {
    let (a, b) = (prose(100), prose(3));
    let whole = [a.clone(), b.clone()].concat();
    let (outcome, out) = read(Encoding::Gzip, &[gzip(&a), gzip(&b)].concat());
    assert_eq!(outcome, Decompressed { form: Form::Gzip { members: 2 }, end: End::Complete });
    assert_eq!(out, whole);

    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    let (outcome, out) = read(Encoding::Zstd, &[zstd_frame(&a), skippable, zstd_frame(&b)].concat());
    assert_eq!(outcome, Decompressed { form: Form::Zstd { frames: 2 }, end: End::Complete });
    assert_eq!(out, whole);

    let (outcome, _) = read(Encoding::Gzip, &gzip(b"").repeat(1000));
    assert_eq!(outcome.end, End::Damaged(Fault::Members { limit: 256 }));
    let (outcome, _) = read(Encoding::Zstd, &zstd_frame(b"").repeat(1000));
    assert_eq!(outcome.end, End::Damaged(Fault::Members { limit: 256 }));
}

#[test]
fn every_optional_part_of_a_gzip_header_is_passed_over() {
    let mut writer = flate2::GzBuilder::new()
        .filename("name")
        .comment("comment")
        .extra(vec![1; 300])
        .mtime(7)
        .write(Vec::new(), flate2::Compression::fast());
    writer.write_all(b"hello").expect("in memory");
    let body = writer.finish().expect("in memory");
    let (outcome, out) = read(Encoding::Gzip, &body);
    assert_eq!(outcome.end, End::Complete);
    assert_eq!(out, b"hello");
    for cut in 0..body.len() {
        let (outcome, _) = read(Encoding::Gzip, &body[..cut]);
        assert_eq!(outcome.end, End::Damaged(Fault::Truncated), "cut at {cut}");
    }
}

#[test]
fn whatever_follows_the_data_is_counted_not_swallowed() {
    let octets = prose(50);
    for (encoding, _, mut body) in every_form(&octets) {
        if matches!(encoding, Encoding::Identity | Encoding::Snappy) {
            continue;
        }
        body.extend(b"12345");
        let (outcome, out) = read(encoding, &body);
        assert_eq!(outcome.end, End::Damaged(Fault::Trailing { octets: 5 }), "{encoding}");
        assert_eq!(out, octets);
    }
}

#[test]
fn a_wrong_checksum_is_told_apart_from_damage() {
    let octets = prose(50);
    let mut body = gzip(&octets);
    let at = body.len() - 8;
    body[at] ^= 1;
    assert_eq!(read(Encoding::Gzip, &body), (damaged_gzip(Fault::Checksum), octets.clone()));

    let mut body = gzip(&octets);
    let at = body.len() - 4;
    body[at] ^= 1;
    let actual = octets.len() as u64;
    let fault = Fault::Length { declared: actual ^ 1, actual };
    assert_eq!(read(Encoding::Gzip, &body), (damaged_gzip(fault), octets.clone()));

    for (encoding, mut body) in [(Encoding::Deflate, zlib(&octets)), (Encoding::Zstd, zstd_frame(&octets))] {
        *body.last_mut().expect("not empty") ^= 1;
        let (outcome, out) = read(encoding, &body);
        assert_eq!(outcome.end, End::Damaged(Fault::Checksum), "{encoding}");
        assert_eq!(out, octets);
    }
    let mut body = snappy_framed(&octets);
    body[14] ^= 1;
    let (outcome, out) = read(Encoding::Snappy, &body);
    assert_eq!(outcome.end, End::Damaged(Fault::Checksum));
    assert_eq!(out, octets);
}

fn damaged_gzip(fault: Fault) -> Decompressed {
    Decompressed { form: Form::Gzip { members: 0 }, end: End::Damaged(fault) }
}

#[test]
fn something_else_entirely_is_called_that() {
    let page = b"<html>502 Bad Gateway</html>";
    let header = End::Damaged(Fault::Header { at: 0 });
    assert_eq!(read(Encoding::Gzip, page).0.end, header);
    assert_eq!(read(Encoding::Zstd, page).0.end, header);
    let (outcome, out) = read(Encoding::of(b"br"), page);
    assert_eq!(outcome, Decompressed { form: Form::Unread, end: End::UnknownEncoding });
    assert!(out.is_empty());
    assert_eq!(Encoding::of(b"br").to_string(), "br");
    assert_eq!(Encoding::of(b""), Encoding::Unknown(b""));
}

#[test]
fn a_message_that_needs_a_dictionary_names_it() {
    let (outcome, _) = read(Encoding::Zstd, b"\x28\xb5\x2f\xfd\x21\x2a\x01\x09\0\0a");
    assert_eq!(outcome.end, End::Damaged(Fault::Dictionary { id: 42 }));
    let (outcome, _) = read(Encoding::Deflate, b"\x78\xbb\x12\x34\x56\x78\x00");
    assert_eq!(outcome.end, End::Damaged(Fault::Dictionary { id: 0x1234_5678 }));
}

#[test]
fn every_cut_gives_a_prefix_of_the_message_and_says_that_it_is_cut() {
    // More than one zstd block, so that the first survives a cut in the second.
    let octets = prose(60_000);
    for (encoding, form, body) in every_form(&octets).into_iter().skip(1) {
        let mut longest = 0;
        for cut in (0..body.len()).step_by(body.len() / 97) {
            let (outcome, out) = read(encoding, &body[..cut]);
            assert!(octets.starts_with(&out), "{form:?} cut at {cut}");
            if cut > 0 {
                assert_eq!(outcome.end, End::Damaged(Fault::Truncated), "{form:?} cut at {cut}");
            }
            longest = longest.max(out.len());
        }
        assert!(longest > octets.len() / 3, "{form:?} kept only {longest}");
    }
}

#[test]
fn every_octet_of_a_short_message_may_change_without_harm() {
    let octets = prose(40);
    let mut decompressor = Decompressor::new(4096);
    let mut out = Vec::new();
    for (encoding, form, body) in every_form(&octets) {
        for at in 0..body.len() {
            for change in [0x01, 0x80, 0xff, 0x10] {
                let mut hostile = body.clone();
                hostile[at] ^= change;
                let outcome = decompressor.decompress(encoding, &hostile, &mut out);
                assert!(out.len() <= 4096);
                // A checksum over the whole message never lets damage pass for the message.
                let summed = matches!(form, Form::Gzip { .. } | Form::Zlib);
                if summed && outcome.end == End::Complete && outcome.form == form {
                    assert_eq!(out, octets, "{form:?} octet {at}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_message_survives_every_form(octets in prop::collection::vec(any::<u8>(), 0..3000), runs in 1_usize..6) {
        let octets = octets.repeat(runs);
        for (encoding, form, body) in every_form(&octets) {
            let (outcome, out) = read(encoding, &body);
            prop_assert_eq!(outcome.end, End::Complete, "{:?}", form);
            prop_assert_eq!(&out, &octets);
        }
    }

    #[test]
    fn any_octets_are_read_in_bounds(body in prop::collection::vec(any::<u8>(), 0..400), limit in 0_usize..5000) {
        let frame = [b"\x28\xb5\x2f\xfd", &body[..]].concat();
        let chunks = [b"\xff\x06\0\0sNaPpY", &body[..]].concat();
        for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Snappy, Encoding::Zstd] {
            for body in [&body, &frame, &chunks] {
                let (outcome, out) = read_up_to(limit, encoding, body);
                prop_assert!(out.len() <= limit);
                prop_assert!(outcome.end != End::Cut || out.len() == limit);
            }
        }
    }

    #[test]
    fn a_raw_snappy_block_is_judged_as_snap_judges_it(body in prop::collection::vec(prop_oneof![0_u8..12, any::<u8>()], 1..40)) {
        let oracle = snap::raw::decompress_len(&body)
            .ok()
            .filter(|length| *length < LIMIT)
            .and_then(|_| snap::raw::Decoder::new().decompress_vec(&body).ok());
        let (outcome, out) = read(Encoding::Snappy, &body);
        match oracle {
            Some(expected) => {
                prop_assert_eq!(outcome.end, End::Complete);
                prop_assert_eq!(out, expected);
            }
            None => prop_assert_ne!(outcome.end, End::Complete),
        }
    }
}
