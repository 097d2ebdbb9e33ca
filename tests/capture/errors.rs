//! What a user is told when it does not work.

use crate::support::{Build, Dribble, fixture, read};
use flate2::{Compression as Level, write::GzEncoder};
use framescope::capture::{CaptureFile, Compression, Error, Problem};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::{Read, Write};

#[test]
fn what_is_no_capture_is_named() {
    for (octets, what) in [
        (&b""[..], "an empty file"),
        (b"hello, world", "text"),
        (b"  <!DOCTYPE html><html>", "an HTML page"),
        (b"<?xml version=\"1.0\"?>", "XML"),
        (b"{\"type\":\"header\"}\n", "JSON"),
        (b"{\n  \"log\": {\n    \"version\": \"1.2\"", "an HTTP archive (HAR)"),
        (b"syntax = \"proto3\";", "a .proto file"),
        (b"CLIENT_RANDOM 0123 4567\n", "a TLS key log (SSLKEYLOGFILE)"),
        (b"12:34:56.789012 IP 10.0.0.1.80 > ", "the text that tcpdump prints"),
        (b"2026-01-02 12:34:56.789012 lo In IP", "the text that tcpdump prints"),
        (b"HTTP/1.1 200 OK\r\n", "a raw HTTP/1 stream"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "a raw HTTP/2 stream, from its client"),
        (b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0d", "a raw HTTP/2 stream, from its server"),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "a raw TLS stream"),
        (b"\x7fELF\x02\x01\x01", "an ELF program or library"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04\x14\0", "a zip archive"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"snoop\0\0\0\0\0\0\x02\0\0\0\x04", "a snoop capture of Solaris"),
        (b"GMBU\0\x02", "a capture of Microsoft Network Monitor 2"),
        (b"\0\x12\x34\x56\x78\x9a\xbc\x65\x02\x04\0\x58\0\0\0\x46", "an Endace ERF trace"),
        (b"\xff\xfeh\0i\0", "text in UTF-16"),
        (b"\r\n\r\r\n\x1c\0\0\0", "pcapng damaged by a text-mode transfer"),
        (b"\x01\x02\x03\x04\x05", "data of an unknown kind"),
    ] {
        let (_, error) = read(octets);
        match error {
            Some(Error::NotACapture { looks_like }) => assert_eq!(looks_like.what(), what),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_message_says_what_happened_and_what_to_do() {
    let text = |octets: &[u8]| read(octets).1.unwrap().to_string();
    assert_eq!(
        text(b"12:34:56.789012 IP 10.0.0.1.80 > "),
        "not a packet capture: this looks like the text that tcpdump prints (it begins 31 32 3a 33); \
         let tcpdump write packets: tcpdump -w - | framescope decode -"
    );
    let capture = fixture("go_article_unary.pcap");
    assert_eq!(
        text(&capture[..capture.len() - 1]),
        format!(
            "the input ends inside a packet record, which begins at octet {}: {} of at least {} octets are there; \
             what precedes it was read",
            capture.len() - 82,
            81,
            82
        )
    );
}

#[test]
fn something_else_inside_a_compressed_file_is_named_too() {
    let page = gzip(b"<!doctype html>");
    let nested = gzip(&gzip(&fixture("go_article_unary.pcap")));
    let program = compress_to_vec(&b"\x7fELF"[..], CompressionLevel::Fastest);
    for (octets, text) in [
        (page, "an HTML page inside gzip"),
        (nested, "gzip inside gzip"),
        (program, "an ELF program or library inside zstd"),
    ] {
        let message = read(&octets[..]).1.unwrap().to_string();
        assert!(message.contains(text), "{message}");
    }
}

#[test]
fn a_first_octet_or_two_of_a_capture_is_a_cut_capture() {
    for octets in [&b"\xd4"[..], b"\xd4\xc3\xb2", b"\x0a\x0d", b"\xa1\xb2\x3c", b"\x1f\x8b"] {
        let error = read(octets).1.unwrap();
        assert!(matches!(error, Error::Truncated { offset: 0, .. }), "{error}");
    }
}

#[test]
fn an_absurd_record_length_is_an_error_with_its_place() {
    let start = Build::little().pcap(0xa1b2_c3d4, (2, 4), 65_535, 1).record(1, 2, 3, b"abc");
    let octets = start.u64(0).u32(0x4000_0000).u32(60).octets(&[0; 100]).octets;
    let (packets, error) = read(&octets[..]);
    assert_eq!(packets.len(), 1);
    match error {
        Some(Error::Malformed { offset: 43, problem: Problem::Length { stated, .. }, .. }) => {
            assert_eq!(stated, 0x4000_0000);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_block_with_a_broken_frame_is_an_error_with_its_place() {
    let start = || Build::little().section().interface(1, 0, |o| o).enhanced(0, 1, b"abc", |o| o);
    let place = start().octets.len() as u64;
    for (octets, expected) in [
        (start().u32(6).u32(8).u32(8).octets, "a length of 8 octets"),
        (start().u32(6).u32(0x7fff_fff0).u32(0).octets, "a length of 2147483632 octets"),
        (start().u32(6).u32(14).u64(0).octets, "no multiple of 4"),
        (start().u32(6).u32(12).u32(16).octets, "12 octets at its start and 16 at its end"),
        (start().u32(0x0a0d_0d0a).u32(28).u32(0x1234).octets, "byte-order magic is 0x34120000"),
    ] {
        let (packets, error) = read(&octets[..]);
        let error = error.unwrap();
        assert_eq!(packets.len(), 1);
        assert!(matches!(error, Error::Malformed { offset, .. } if offset == place), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn versions_that_are_not_read_are_named() {
    let pcap = Build::big().pcap(0xa1b2_c3d4, (3, 0), 96, 1).octets;
    let pcapng = Build::big().block(0x0a0d_0d0a, |b| b.u32(0x1a2b_3c4d).u16(2).u16(0).u64(u64::MAX)).octets;
    for (octets, expected) in [(pcap, "pcap version 3.0"), (pcapng, "pcapng 2.0")] {
        let error = read(&octets[..]).1.unwrap();
        assert!(matches!(error, Error::Unsupported { .. }));
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn gzip_members_and_zstd_frames_in_a_row_are_one_capture() {
    let capture = fixture("py_errors.pcap");
    let plain = read(&capture[..]).0;
    let (head, tail) = capture.split_at(3333);
    let zeros = vec![0; 512];
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    let zstd = |octets: &[u8]| compress_to_vec(octets, CompressionLevel::Fastest);
    let members = [gzip(head), gzip(b""), gzip(tail), zeros].concat();
    let frames = [skippable.clone(), zstd(head), skippable, zstd(tail)].concat();
    for octets in [members, frames] {
        for step in [1, 100_000] {
            let (packets, error) = read(Dribble { octets: &octets, step });
            assert!(error.is_none(), "{error:?}");
            assert!(packets == plain);
        }
    }
}

#[test]
fn a_flushed_gzip_pipe_hands_out_its_packets_at_once() {
    let capture = fixture("go_article_unary.pcap");
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(&capture).unwrap();
    encoder.flush().unwrap();
    let sent = encoder.get_ref().clone();
    let (packets, error) = read(sent.chain(WouldBlock));
    assert_eq!(packets, read(&capture[..]).0);
    assert!(matches!(error, Some(Error::Read { .. })), "{error:?}");
}

#[test]
fn a_cut_gzip_at_a_record_boundary_is_still_cut() {
    let capture = fixture("go_article_unary.pcap");
    let whole = gzip(&capture);
    let (packets, error) = read(&whole[..whole.len() - 4]);
    assert_eq!(packets, read(&capture[..]).0);
    match error {
        Some(Error::CompressedTruncated { offset, compression: Compression::Gzip }) => {
            assert_eq!(offset, capture.len() as u64);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_checksum_that_does_not_match_is_damage() {
    let mut gz = fixture("go_article_unary.pcap.gz");
    let mut zst = fixture("d_pcapng.pcapng.zst");
    let place = gz.len() - 6;
    gz[place] ^= 1;
    *zst.last_mut().unwrap() ^= 1;
    for octets in [gz, zst] {
        let (packets, error) = read(&octets[..]);
        assert!(!packets.is_empty());
        assert!(matches!(error, Some(Error::CompressedDamaged { .. })), "{error:?}");
    }
}

#[test]
fn a_zstd_window_beyond_the_limit_is_refused_before_memory_is_spent() {
    let octets = b"\x28\xb5\x2f\xfd\x00\xf8\x01\0\0\0\0\0";
    let error = CaptureFile::open(&octets[..]).unwrap_err();
    assert!(matches!(error, Error::Unsupported { offset: 0, .. }), "{error}");
    assert!(error.to_string().contains("zstd -d"), "{error}");
}

#[test]
fn a_failing_disk_is_reported_with_how_far_reading_came() {
    let capture = fixture("go_article_unary.pcap");
    let (packets, error) = read(capture[..300].chain(WouldBlock));
    assert!(!packets.is_empty());
    assert!(matches!(error, Some(Error::Read { offset: 300, .. })), "{error:?}");
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::default());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

struct WouldBlock;

impl Read for WouldBlock {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::WouldBlock.into())
    }
}
