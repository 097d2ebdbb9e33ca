//! What is told of TLS flows without a key, from real handshakes and from damaged ones.

use framescope::direction::Direction;
use framescope::tls::{AlertLevel, ContentType, Facts, HelloFaultKind, Look, Tls, Version, looks_like_tls};
use proptest::prelude::*;

const CASES: [&str; 7] =
    ["node_h2", "tls13_h2", "tls12_h2", "tls13_retry", "tls12_unknown_ca", "protocol_version", "tls13_no_alpn_no_sni"];

fn octets(case: &str, to_server: bool) -> Vec<u8> {
    let direction = if to_server { "to_server" } else { "to_client" };
    let root = env!("CARGO_MANIFEST_DIR");
    std::fs::read(format!("{root}/fixtures/tls/{case}.{direction}.bin")).unwrap()
}

/// Both directions at once, the client's first, in pieces of `size` octets.
fn observed(case: &str, size: usize) -> Tls {
    let mut tls = Tls::new();
    for to_server in [true, false] {
        for piece in octets(case, to_server).chunks(size) {
            tls.push(to_server, piece);
        }
    }
    tls
}

fn facts(case: &str) -> Facts {
    observed(case, usize::MAX).into_facts()
}

/// The message of the first record.
fn client_hello(case: &str) -> Vec<u8> {
    let octets = octets(case, true);
    let length = usize::from(u16::from_be_bytes([octets[3], octets[4]]));
    octets[5..5 + length].to_vec()
}

/// The message in handshake records of `size` octets.
fn in_records(message: &[u8], size: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    for piece in message.chunks(size) {
        octets.extend([22, 3, 1]);
        octets.extend(u16::try_from(piece.len()).unwrap().to_be_bytes());
        octets.extend(piece);
    }
    octets
}

/// The hello of a client that offers one more extension, as a post-quantum key share would make it.
fn with_extension(hello: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut hello = hello.to_vec();
    let mut at = 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    at += 1 + usize::from(hello[at]);
    hello.extend(kind.to_be_bytes());
    hello.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    hello.extend(data);
    let extensions = u16::try_from(hello.len() - at - 2).unwrap().to_be_bytes();
    hello[at..at + 2].copy_from_slice(&extensions);
    let length = u32::try_from(hello.len() - 4).unwrap().to_be_bytes();
    hello[1..4].copy_from_slice(&length[1..]);
    hello
}

fn names(names: &[framescope::tls::Name]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn tls_1_3_tells_name_offers_version_and_cipher_but_not_the_chosen_protocol() {
    let facts = facts("tls13_h2");
    assert!(facts.client_hello_seen && facts.server_hello_seen);
    assert_eq!(facts.sni.as_ref().unwrap().as_str(), Some("grpc.example.test"));
    assert_eq!(names(&facts.alpn_offered), ["h2", "http/1.1"]);
    assert_eq!(facts.version.unwrap().to_string(), "TLS 1.3");
    assert_eq!(facts.versions_offered, [Version::TLS13, Version::TLS12]);
    assert_eq!(facts.cipher.unwrap().to_string(), "TLS_AES_256_GCM_SHA384");
    assert_eq!(facts.alpn_selected, None);
    assert!(facts.alpn_is_encrypted());
    assert_eq!(facts.cipher_suites_offered, 18);
    assert!(!facts.hello_retry_request && !facts.reversed);
    assert_eq!((facts.alert, facts.hello_fault), (None, None));
}

#[test]
fn tls_1_2_tells_the_chosen_protocol_too() {
    let facts = facts("tls12_h2");
    assert_eq!(facts.version, Some(Version::TLS12));
    assert_eq!(facts.alpn_selected.as_ref().unwrap().as_str(), Some("h2"));
    assert!(!facts.alpn_is_encrypted());
    let cipher = facts.cipher.unwrap().to_string();
    assert_eq!(cipher, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
    assert_eq!(facts.hello_fault, None);
}

#[test]
fn a_hello_retry_request_is_told_and_the_second_server_hello_read() {
    let facts = facts("tls13_retry");
    assert!(facts.hello_retry_request && facts.server_hello_seen);
    assert_eq!(facts.version, Some(Version::TLS13));
    assert_eq!(facts.hello_fault, None);
}

#[test]
fn a_client_that_rejects_the_certificate_of_tls_1_2_is_heard() {
    let facts = facts("tls12_unknown_ca");
    let alert = facts.alert.unwrap();
    assert_eq!(alert.direction, Direction::ToServer);
    assert_eq!(alert.level, AlertLevel::FATAL);
    assert_eq!(alert.to_string(), "fatal alert unknown_ca from the client");
}

#[test]
fn a_server_that_answers_a_hello_with_an_alert_is_heard() {
    let facts = facts("protocol_version");
    let alert = facts.alert.unwrap();
    assert_eq!(alert.to_string(), "fatal alert protocol_version from the server");
    assert!(facts.client_hello_seen && !facts.server_hello_seen);
    assert_eq!((facts.version, facts.hello_fault), (None, None));
}

#[test]
fn a_client_that_names_nothing_leaves_nothing() {
    let facts = facts("tls13_no_alpn_no_sni");
    assert_eq!((facts.sni, facts.alpn_offered), (None, Vec::new()));
    assert_eq!(facts.hello_fault, None);
}

#[test]
fn every_fixture_looks_like_tls_from_eleven_octets_and_never_like_something_else() {
    for case in CASES {
        for to_server in [true, false] {
            let octets = octets(case, to_server);
            for length in 0..octets.len() {
                let look = looks_like_tls(&octets[..length]);
                let expected = if length < 11 && length < octets.len() { Look::Perhaps } else { Look::Yes };
                assert_eq!(look, expected, "{case} to_server {to_server} {length}");
            }
            assert_eq!(looks_like_tls(&octets), Look::Yes);
        }
    }
}

#[test]
fn once_both_hellos_were_seen_only_facts_are_held() {
    for case in ["tls13_h2", "tls12_h2", "tls13_retry"] {
        let tls = observed(case, 7);
        assert!(tls.both_hellos_seen());
        assert!(tls.held_bytes() < 512, "{case}: {}", tls.held_bytes());
        assert!(!tls.is_following(true) && !tls.is_following(false));
    }
}

#[test]
fn a_client_hello_with_a_post_quantum_share_is_read_across_records() {
    let hello = with_extension(&client_hello("tls13_h2"), 0xfafa, &[7; 1800]);
    for size in [1, 3, 100, 1400] {
        let mut tls = Tls::new();
        for piece in in_records(&hello, size).chunks(1400) {
            tls.push(true, piece);
        }
        let facts = tls.into_facts();
        assert_eq!(facts.sni.unwrap().as_str(), Some("grpc.example.test"));
        assert_eq!(facts.hello_fault, None);
    }
}

#[test]
fn a_hello_beyond_the_limit_is_named_and_not_held() {
    let mut tls = Tls::new();
    tls.push(true, &in_records(&[1, 1, 0, 0, 3, 3], 6));
    let fault = tls.facts().hello_fault.unwrap();
    assert_eq!(fault.what, HelloFaultKind::TooLong { declared: 0x1_0004 });
    assert_eq!(fault.to_string(), "the client's hello of 65540 octets is too long to hold");
    assert_eq!(tls.held_bytes(), 0);
}

#[test]
fn what_is_held_grows_with_what_arrived_and_stays_within_the_limit() {
    let mut tls = Tls::new();
    let mut message = vec![1, 0, 0xff, 0xfc];
    tls.push(true, &in_records(&message, 4));
    assert!(tls.held_bytes() < 16);
    message = vec![0; 0xfffc];
    for piece in in_records(&message, 1000).chunks(1400) {
        tls.push(true, piece);
        assert!(tls.held_bytes() <= Tls::MAX_HELD);
    }
    assert_eq!(tls.held_bytes(), 0);
    assert!(!tls.facts().client_hello_seen);
}

#[test]
fn a_gap_before_the_hello_is_named_and_the_other_side_still_read() {
    let mut tls = Tls::new();
    tls.push(true, &octets("tls12_h2", true)[..100]);
    tls.gap(true);
    tls.push(true, &octets("tls12_h2", true)[200..]);
    tls.push(false, &octets("tls12_h2", false));
    let facts = tls.facts();
    assert_eq!(facts.hello_fault.unwrap().what, HelloFaultKind::Gap);
    assert!(!facts.client_hello_seen);
    assert_eq!(facts.version, Some(Version::TLS12));
}

#[test]
fn a_gap_after_the_hellos_takes_nothing_back() {
    let mut tls = observed("tls12_unknown_ca", 50);
    let before = tls.facts().clone();
    tls.gap(true);
    tls.gap(false);
    assert_eq!(*tls.facts(), before);
    assert!(!tls.is_following(true));
}

#[test]
fn a_capture_that_starts_late_says_that_the_hello_was_not_seen() {
    let mut tls = Tls::new();
    tls.push(true, &[23, 3, 3, 0, 1, 9]);
    let fault = tls.facts().hello_fault.unwrap();
    let record = ContentType::APPLICATION_DATA;
    assert_eq!(fault.what, HelloFaultKind::NoHello { record });
}

#[test]
fn octets_that_are_no_record_are_shown() {
    let mut tls = Tls::new();
    tls.push(false, b"HTTP/1.1 400 Bad Request");
    let fault = tls.facts().hello_fault.unwrap();
    assert_eq!(fault.to_string(), "no TLS record from the server begins with HTTP/");
}

#[test]
fn sides_that_were_taken_for_each_other_are_noticed() {
    let mut tls = Tls::new();
    tls.push(false, &octets("tls12_h2", true));
    tls.push(true, &octets("tls12_h2", false));
    let facts = tls.facts();
    assert!(facts.reversed && tls.both_hellos_seen());
    assert_eq!(facts.alpn_selected.as_ref().unwrap().as_str(), Some("h2"));
}

#[test]
fn an_extension_sent_twice_keeps_the_first_and_is_named() {
    let name = b"\x00\x08\x00\x00\x05other";
    let hello = with_extension(&client_hello("tls13_h2"), 0, name);
    let mut tls = Tls::new();
    tls.push(true, &in_records(&hello, 4000));
    assert_eq!(tls.facts().sni.as_ref().unwrap().as_str(), Some("grpc.example.test"));
    let fault = tls.facts().hello_fault.unwrap();
    assert!(fault.to_string().contains("an extension sent twice"), "{fault}");
}

#[test]
fn more_protocols_than_are_kept_are_counted_and_odd_octets_escaped() {
    let mut list: Vec<u8> = b"\x05a\n\xffb\x1b".to_vec();
    for _ in 0..99 {
        list.extend(b"\x02h2");
    }
    let mut data = u16::try_from(list.len()).unwrap().to_be_bytes().to_vec();
    data.extend(list);
    let hello = with_extension(&client_hello("tls13_no_alpn_no_sni"), 16, &data);
    let mut tls = Tls::new();
    tls.push(true, &in_records(&hello, 4000));
    let facts = tls.facts();
    assert_eq!(facts.alpn_offered.len() + facts.alpn_not_kept as usize, 100);
    assert_eq!(facts.alpn_offered.len(), Facts::MAX_ALPN);
    assert_eq!(facts.alpn_offered[0].to_string(), "a\\n\\xffb\\x1b");
    assert_eq!(facts.alpn_offered[0].as_str(), None);
}

#[test]
fn a_host_name_beyond_its_limit_is_cut_with_a_count() {
    let mut data = vec![0x01, 0x2f, 0, 0x01, 0x2c];
    data.extend([b'a'; 300]);
    let hello = with_extension(&client_hello("tls13_no_alpn_no_sni"), 0, &data);
    let mut tls = Tls::new();
    tls.push(true, &in_records(&hello, 4000));
    let sni = tls.facts().sni.as_ref().unwrap();
    assert_eq!((sni.as_bytes().len(), sni.omitted(), sni.as_str()), (255, 45, None));
    assert!(sni.to_string().ends_with("a... and 45 octets more"));
}

#[test]
fn a_server_hello_cut_before_its_extensions_names_no_version() {
    let mut octets = octets("tls13_h2", false);
    let length = 2 + 32 + 1 + 32 + 2 + 1 + 2; // The extensions' length, and none of them.
    octets[6..9].copy_from_slice(&[0, 0, length]);
    let mut tls = Tls::new();
    tls.push(false, &octets);
    let facts = tls.facts();
    assert!(facts.server_hello_seen);
    assert_eq!(facts.version, None);
    assert_eq!(facts.cipher.unwrap().to_string(), "TLS_AES_256_GCM_SHA384");
    assert!(matches!(facts.hello_fault.unwrap().what, HelloFaultKind::Malformed(_)));
}

#[test]
fn a_hello_in_the_form_of_sslv2_tells_version_and_number_of_ciphers() {
    let mut octets = vec![0x80, 31, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f, 0, 0, 0x35];
    octets.extend([9; 16]);
    assert_eq!(looks_like_tls(&octets), Look::Yes);
    for size in [1, 2, 100] {
        let mut tls = Tls::new();
        octets.chunks(size).for_each(|piece| tls.push(true, piece));
        let facts = tls.facts();
        assert!(facts.client_hello_seen && facts.sslv2_framing);
        assert_eq!(facts.versions_offered, [Version(0x0301)]);
        assert_eq!((facts.cipher_suites_offered, facts.hello_fault), (2, None));
        assert!(tls.held_bytes() < 16);
    }
}

#[test]
fn unknown_numbers_print_as_numbers() {
    use framescope::tls::{AlertDescription, CipherSuite};
    assert_eq!(CipherSuite(0x1301).to_string(), "TLS_AES_128_GCM_SHA256");
    assert_eq!(CipherSuite(0xfefe).to_string(), "0xfefe");
    assert_eq!(Version(0x7f1c).to_string(), "TLS 1.3 draft 28");
    assert_eq!(Version(0x3a3a).to_string(), "GREASE(0x3a3a)");
    assert_eq!(Version(0x0999).to_string(), "UNKNOWN(0x0999)");
    assert_eq!(AlertDescription(200).to_string(), "UNKNOWN(200)");
}

#[test]
fn every_prefix_is_total_and_contradicts_nothing_of_the_whole() {
    for case in CASES {
        let whole = facts(case);
        for to_server in [true, false] {
            let octets = octets(case, to_server);
            for length in 0..=octets.len() {
                let mut tls = Tls::new();
                tls.push(to_server, &octets[..length]);
                let part = tls.facts();
                assert_eq!(part.hello_fault, None, "{case} {length}");
                assert!(part.sni.is_none() || part.sni == whole.sni);
                assert!(part.version.is_none() || part.version == whole.version);
                assert!(part.cipher.is_none() || part.cipher == whole.cipher);
            }
        }
    }
}

#[test]
fn every_change_of_one_octet_is_total_and_bounded() {
    for case in CASES {
        for to_server in [true, false] {
            let octets = octets(case, to_server);
            for at in 0..octets.len() {
                for change in [0x01, 0x80, 0xff] {
                    let mut octets = octets.clone();
                    octets[at] ^= change;
                    let _ = looks_like_tls(&octets);
                    let mut tls = Tls::new();
                    tls.push(to_server, &octets);
                    assert!(tls.held_bytes() <= 2 * Tls::MAX_HELD);
                    let _ = format!("{:?}", tls.facts().hello_fault.map(|fault| fault.to_string()));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_segmentation_and_interleaving_gives_the_same_facts(
        case in 0..CASES.len(),
        cuts in prop::collection::vec((any::<bool>(), 0_usize..400), 0..60),
    ) {
        let mut left = [octets(CASES[case], false), octets(CASES[case], true)];
        let mut tls = Tls::new();
        for (to_server, size) in cuts {
            let side = &mut left[usize::from(to_server)];
            let piece: Vec<u8> = side.drain(..size.min(side.len())).collect();
            tls.push(to_server, &piece);
        }
        tls.push(true, &left[1]);
        tls.push(false, &left[0]);
        prop_assert_eq!(tls.facts(), &facts(CASES[case]));
    }

    #[test]
    fn any_octets_are_total_and_bounded(
        pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..30),
        start in prop::sample::select(vec![vec![], vec![22, 3, 1, 0x40, 0, 1, 0, 0xff, 0, 3, 3], vec![22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3]]),
    ) {
        let mut tls = Tls::new();
        tls.push(true, &start);
        for (to_server, octets) in &pieces {
            let _ = looks_like_tls(octets);
            tls.push(*to_server, octets);
        }
        prop_assert!(tls.held_bytes() < 3 * Tls::MAX_HELD);
    }
}
