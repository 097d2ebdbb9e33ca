//! What the writers write, the reader reads.

use crate::support::{Dribble, read_all};
use framescope::capture::write::{InterfaceDescription, PcapWriter, PcapngWriter, SectionHeader};
use framescope::capture::{CaptureFile, LinkType, Secrets, Source, Statistics};
use framescope::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pcapng_keeps_every_packet_and_comment(
        links in vec(0_u16.., 1..4),
        packets in vec(
            (0_usize..3, 0_i64.., vec(any::<u8>(), 0..90), any::<u32>(), vec(".{0,20}", 0..3)),
            0..20,
        ),
        step in 1_usize..200,
    ) {
        let mut writer = PcapngWriter::new(Vec::new(), &SectionHeader::default()).unwrap();
        for link in &links {
            writer.add_interface(&described(LinkType(u32::from(*link)))).unwrap();
        }
        for (interface, nanos, data, original, comments) in &packets {
            let comments: Vec<_> = comments.iter().map(String::as_str).collect();
            let interface = (interface % links.len()) as u32;
            let time = Timestamp::from_nanos(*nanos);
            writer.write_packet(interface, time, data, *original, &comments).unwrap();
        }
        let octets = writer.into_inner();
        let read = read_all(Dribble { octets: &octets, step });
        prop_assert_eq!(read.len(), packets.len());
        for (n, (seen, given)) in read.into_iter().zip(packets).enumerate() {
            prop_assert_eq!(seen.number, n as u64 + 1);
            prop_assert_eq!(seen.interface as usize, given.0 % links.len());
            prop_assert_eq!(seen.link, u32::from(links[seen.interface as usize]));
            let found = (seen.nanos, seen.data, seen.original_length, seen.comments);
            prop_assert_eq!(found, (given.1, given.2, given.3, given.4));
        }
    }

    #[test]
    fn pcap_keeps_every_packet(
        packets in vec((0_i64..4_294_967_296_000_000_000, vec(any::<u8>(), 0..90), any::<u32>()), 0..20),
    ) {
        let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW, 65_535).unwrap();
        for (nanos, data, original) in &packets {
            writer.write_packet(Timestamp::from_nanos(*nanos), data, *original).unwrap();
        }
        let octets = writer.into_inner();
        let read = read_all(&octets[..]).into_iter();
        let found: Vec<_> = read.map(|seen| (seen.nanos, seen.data, seen.original_length)).collect();
        prop_assert_eq!(found, packets);
    }

    #[test]
    fn octets_of_no_meaning_are_survived(
        magic in prop_oneof![
            Just(vec![0x0a, 0x0d, 0x0d, 0x0a]), Just(vec![0xd4, 0xc3, 0xb2, 0xa1]),
            Just(vec![0x1f, 0x8b, 8, 0]), Just(vec![0x28, 0xb5, 0x2f, 0xfd]), Just(vec![]),
        ],
        rest in vec(any::<u8>(), 0..400),
    ) {
        let octets = [magic, rest].concat();
        let (packets, error) = crate::support::read(&octets[..]);
        prop_assert!(packets.len() < 40);
        if let Some(error) = error {
            prop_assert!(error.offset().is_none_or(|offset| offset < 1 << 20));
        }
    }
}

#[test]
fn names_comments_and_secrets_come_back_as_facts() {
    let header = SectionHeader {
        hardware: Some("abacus"),
        os: Some("none"),
        application: Some("framescope"),
        comments: &["first", "zweiter: ü"],
    };
    let mut writer = PcapngWriter::new(Vec::new(), &header).unwrap();
    let interface =
        InterfaceDescription { name: Some("lo"), description: Some("loopback"), ..described(LinkType::ETHERNET) };
    assert_eq!(writer.add_interface(&interface).unwrap(), 0);
    writer.write_secrets(Secrets::TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n").unwrap();
    let octets = writer.into_inner();

    let mut source = CaptureFile::open(&octets[..]).unwrap();
    assert!(source.next_packet().unwrap().is_none());
    let facts = source.facts();
    let section = &facts.sections[0];
    assert_eq!(section.hardware.as_deref(), Some("abacus"));
    assert_eq!(section.os.as_deref(), Some("none"));
    assert_eq!(section.application.as_deref(), Some("framescope"));
    let comments: Vec<_> = facts.comments.iter().map(|c| c.text.as_str()).collect();
    assert_eq!(comments, ["first", "zweiter: ü"]);
    assert_eq!(facts.interfaces[0].name.as_deref(), Some("lo"));
    assert_eq!(facts.interfaces[0].description.as_deref(), Some("loopback"));
    assert_eq!(facts.secrets[0].data, b"CLIENT_RANDOM 00 11\n");
    assert!(!format!("{facts:?}").contains("CLIENT_RANDOM"), "secrets stay out of logs");
}

#[test]
fn what_an_interface_counted_comes_back() {
    let mut writer = PcapngWriter::new(Vec::new(), &SectionHeader::default()).unwrap();
    let mut statistics = Statistics::default();
    (statistics.received, statistics.dropped_by_system) = (Some(u64::MAX), Some(7));
    assert!(writer.write_statistics(0, Timestamp::EPOCH, &statistics).is_err(), "there is no interface yet");
    let interface = writer.add_interface(&described(LinkType::RAW)).unwrap();
    writer.write_statistics(interface, Timestamp::EPOCH, &statistics).unwrap();
    let octets = writer.into_inner();
    let mut source = CaptureFile::open(&octets[..]).unwrap();
    assert!(source.next_packet().unwrap().is_none());
    assert_eq!(source.facts().interfaces[0].statistics, Some(statistics));
    assert_eq!((source.facts().dropped(), source.facts().faults_total), (7, 0));
}

#[test]
fn what_a_format_cannot_hold_is_refused_before_a_single_octet_of_it_is_written() {
    let mut writer = PcapngWriter::new(Vec::new(), &SectionHeader::default()).unwrap();
    let before = Timestamp::from_nanos(-1);
    assert!(writer.add_interface(&described(LinkType(65_536))).is_err());
    assert!(writer.write_packet(0, Timestamp::EPOCH, b"", 0, &[]).is_err());
    writer.add_interface(&described(LinkType::RAW)).unwrap();
    assert!(writer.write_packet(0, before, b"", 0, &[]).is_err());
    let long = "x".repeat(65_536);
    assert!(writer.write_packet(0, Timestamp::EPOCH, b"", 0, &[&long]).is_err());
    writer.write_packet(0, Timestamp::EPOCH, b"good", 4, &[]).unwrap();
    let octets = writer.into_inner();
    assert_eq!(read_all(&octets[..]).len(), 1);

    let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW, 0).unwrap();
    assert!(writer.write_packet(before, b"", 0).is_err());
    assert!(read_all(&writer.into_inner()[..]).is_empty());
}

fn described(link: LinkType) -> InterfaceDescription<'static> {
    InterfaceDescription { link, snaplen: 0, name: None, description: None }
}
