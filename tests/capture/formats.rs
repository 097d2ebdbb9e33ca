//! Variants of the formats, built octet by octet.

use crate::support::{Build, Dribble, drain, read_all};
use framescope::capture::{CaptureFile, CapturedDirection, Format, Limits, LinkType, Source, Subject, TimeQuality};
use std::io::Read;

#[test]
fn pcap_of_either_byte_order_and_resolution_reads_alike() {
    for build in [Build::little, Build::big] {
        for (magic, format, ticks) in
            [(0xa1b2_c3d4, Format::PcapMicroseconds, 123_456), (0xa1b2_3c4d, Format::PcapNanoseconds, 123_456_000)]
        {
            let octets = build()
                .pcap(magic, (2, 4), 65_535, 276)
                .record(1_700_000_000, ticks, 60, b"abc")
                .record(u32::MAX, 0, 0, b"")
                .octets;
            let mut source = CaptureFile::open(&octets[..]).unwrap();
            let (packets, error) = drain(&mut source);
            assert!(error.is_none());
            assert_eq!(source.facts().format, format);
            assert_eq!(packets[0].nanos, 1_700_000_000_123_456_000);
            assert_eq!(packets[0].original_length, 60);
            assert_eq!((packets[0].link, &packets[0].data[..]), (276, &b"abc"[..]));
            assert_eq!(packets[1].nanos, 4_294_967_295_000_000_000);
            assert_eq!(packets[1].number, 2);
        }
    }
}

#[test]
fn modified_pcap_has_longer_record_headers() {
    let octets =
        Build::big().pcap(0xa1b2_cd34, (2, 4), 1500, 1).u32(1).u32(2).u32(3).u32(4).octets(b"ifixprtxabc").octets;
    let packets = read_all(&octets[..]);
    assert_eq!((packets[0].nanos, &packets[0].data[..]), (1_000_002_000, &b"abc"[..]));
}

#[test]
fn pcap_before_2_4_has_its_lengths_the_other_way_round() {
    for (version, swapped) in [((2, 2), true), ((2, 3), true), ((2, 3), false)] {
        let (first, second) = if swapped { (9, 3) } else { (3, 9) };
        let octets =
            Build::little().pcap(0xa1b2_c3d4, version, 96, 1).u64(0).u32(first).u32(second).octets(b"abc").octets;
        let packets = read_all(&octets[..]);
        assert_eq!((packets[0].original_length, &packets[0].data[..]), (9, &b"abc"[..]));
    }
}

#[test]
fn fcs_bits_are_kept_out_of_the_link_type() {
    let octets = Build::little().pcap(0xa1b2_c3d4, (2, 4), 0, 0x2400_0001).octets;
    let source = CaptureFile::open(&octets[..]).unwrap();
    let interface = source.facts().interface(0).unwrap();
    assert_eq!((interface.link, interface.fcs_octets), (LinkType::ETHERNET, Some(4)));

    let octets = Build::little().section().interface(1, 0, |o| o.option(13, &[32])).octets;
    let mut source = CaptureFile::open(&octets[..]).unwrap();
    drain(&mut source);
    assert_eq!(source.facts().interfaces[0].fcs_octets, Some(4));
}

#[test]
fn sections_of_either_byte_order_number_packets_and_interfaces_on() {
    let octets = Build::little()
        .section()
        .interface(1, 0, |o| o)
        .interface(113, 0, |o| o.option(9, &[3]))
        .enhanced(1, 1500, b"a", |o| o)
        .swapped()
        .section_with(120, |o| o.option(1, b"second"))
        .interface(101, 0, |o| o.option(9, &[9]).option(14, &(-1_i64).to_be_bytes()))
        .enhanced(0, 0x1_0000_0000, b"bc", |o| o.option(2, &[0, 0, 0, 0x82]).u32(0))
        .octets;
    let mut source = CaptureFile::open(&octets[..]).unwrap();
    let first = source.next_packet().unwrap().unwrap();
    assert_eq!((first.number, first.interface, first.link), (1, 1, LinkType::LINUX_SLL));
    assert_eq!(first.time.as_nanos(), 1_500_000_000);
    assert_eq!((first.data, first.original_length, first.is_cut()), (&b"a"[..], 3, true));
    let second = source.next_packet().unwrap().unwrap();
    assert_eq!((second.number, second.interface, second.link), (2, 2, LinkType::RAW));
    assert_eq!(second.time.as_nanos(), 3_294_967_296);
    let flags = second.flags().unwrap();
    assert_eq!(flags.direction(), Some(CapturedDirection::Outbound));
    assert_eq!(flags.fcs_octets(), Some(4));
    assert!(source.next_packet().unwrap().is_none());
    let facts = source.facts();
    let big: Vec<_> = facts.sections.iter().map(|s| (s.big_endian, s.length)).collect();
    assert_eq!(big, [(false, None), (true, Some(120))]);
    assert_eq!(facts.comments[0].subject, Subject::Section(1));
    assert_eq!(facts.interfaces[2].section, 1);
}

#[test]
fn every_if_tsresol_means_the_same_moment() {
    // One and a half seconds in as many ticks as each clock needs.
    let tens = (1..=18).map(|power: u8| (power, 15 * 10_u64.pow(u32::from(power) - 1)));
    let twos = (1..=62).map(|power: u8| (power | 0x80, 3 << (power - 1)));
    for (tsresol, ticks) in tens.chain(twos) {
        let octets = Build::little()
            .section()
            .interface(1, 0, |o| o.option(9, &[tsresol]).option(14, &60_i64.to_le_bytes()))
            .enhanced(0, ticks, b"", |o| o)
            .octets;
        assert_eq!(read_all(&octets[..])[0].nanos, 61_500_000_000, "if_tsresol {tsresol}");
    }
}

#[test]
fn a_simple_packet_takes_the_time_before_it_and_says_so() {
    let octets = Build::big()
        .section()
        .interface(1, 5, |o| o)
        .block(3, |b| b.u32(3).padded(b"abc"))
        .enhanced(0, 7, b"", |o| o)
        .block(3, |b| b.u32(900).padded(b"hello"))
        .octets;
    let packets = read_all(&octets[..]);
    let seen: Vec<_> = packets.iter().map(|p| (p.nanos, p.quality, &p.data[..])).collect();
    assert_eq!(
        seen,
        [
            (0, TimeQuality::Absent, &b"abc"[..]),
            (7000, TimeQuality::Captured, &b""[..]),
            (7000, TimeQuality::Absent, &b"hello"[..]),
        ]
    );
    assert_eq!(packets[2].original_length, 900);
}

#[test]
fn an_obsolete_packet_names_its_interface_in_16_bits() {
    for build in [Build::little, Build::big] {
        let octets = build()
            .section()
            .interface(1, 0, |o| o)
            .interface(228, 0, |o| o)
            .block(2, |b| {
                let start = b.u16(1).u16(99).u32(0).u32(5).u32(2).u32(2);
                start.padded(b"hi").option(1, b"old").u32(0)
            })
            .octets;
        let packets = read_all(&octets[..]);
        assert_eq!((packets[0].interface, packets[0].link, packets[0].nanos), (1, 228, 5000));
        assert_eq!((&packets[0].data[..], &packets[0].comments[..]), (&b"hi"[..], &["old".to_owned()][..]));
    }
}

#[test]
fn statistics_are_facts_and_the_last_report_stands() {
    let report = |build: Build, dropped: u64| {
        build.block(5, |b| {
            let b = b.u32(0).u64(0).option(4, &100_u64.to_le_bytes());
            let b = b.option(5, &dropped.to_le_bytes());
            b.option(7, &1_u64.to_le_bytes()).option(1, b"end").u32(0)
        })
    };
    let build = Build::little().section().interface(1, 0, |o| o);
    let octets = report(report(build, 3), 5).octets;
    let mut source = CaptureFile::open(&octets[..]).unwrap();
    drain(&mut source);
    let facts = source.facts();
    assert_eq!(facts.interfaces[0].statistics.unwrap().received, Some(100));
    assert_eq!(facts.dropped(), 6);
    assert_eq!(facts.comments[0].subject, Subject::Statistics(0));
}

#[test]
fn blocks_of_no_use_are_skipped_and_counted_by_type() {
    let octets = Build::little()
        .section()
        .block(4, |b| b.u32(0))
        .block(0x0bad, |b| b.u32(1))
        .block(0x7777, |b| b)
        .block(0x7777, |b| b.u64(1))
        .octets;
    let mut source = CaptureFile::open(&octets[..]).unwrap();
    drain(&mut source);
    let skipped = source.facts().skipped.iter();
    let skipped: Vec<_> = skipped.map(|s| (s.block_type, s.count, s.name())).collect();
    assert_eq!(skipped, [(4, 1, Some("name resolution block")), (0x0bad, 1, Some("custom block")), (0x7777, 2, None),]);
}

#[test]
fn an_unusable_packet_is_a_fault_that_keeps_its_number() {
    let octets = Build::little()
        .section()
        .block(1, |b| b)
        .interface(1, 0, |o| o)
        .enhanced(0, 1, b"of an interface without a description", |o| o)
        .enhanced(9, 1, b"of no interface", |o| o)
        .block(6, |b| b.u32(1).u64(0).u32(100).u32(100).u32(0))
        .block(6, |b| b.u32(1))
        .enhanced(1, 2, b"fine", |o| o.u16(1).u16(50).u32(0))
        .octets;
    let mut source = CaptureFile::open(&octets[..]).unwrap();
    let (packets, error) = drain(&mut source);
    assert!(error.is_none());
    assert_eq!((packets.len(), packets[0].number, packets[0].interface), (1, 5, 1));
    let facts = source.facts();
    assert_eq!((facts.packets, facts.faults_total), (5, 6));
    let faulty: Vec<_> = facts.faults.iter().map(|fault| fault.packet).collect();
    assert_eq!(faulty, [None, Some(1), Some(2), Some(3), Some(4), Some(5)]);
    assert_eq!(facts.faults[0].offset, 28);
}

#[test]
fn what_limits_keep_out_is_counted() {
    let build = (0..4)
        .fold(Build::little().section(), |build, _| build.interface(1, 0, |o| o.option(2, b"a name of twenty oct")));
    let octets = build
        .block(10, |b| b.u32(1).u32(8).octets(b"12345678"))
        .block(10, |b| b.u32(1).u32(8).octets(b"12345678"))
        .enhanced(2, 1, b"", |o| o)
        .enhanced(3, 1, b"", |o| o)
        .octets;
    let limits = Limits { secrets_octets: 10, text_octets: 30, interfaces: 3, described: 2, ..Limits::default() };
    let mut source = CaptureFile::with_limits(&octets[..], limits).unwrap();
    let (packets, error) = drain(&mut source);
    assert!(error.is_none());
    assert_eq!(packets.len(), 1, "the fourth interface is beyond the limit");
    let facts = source.facts();
    let left_out = facts.left_out;
    assert_eq!((left_out.interfaces, left_out.texts), (1, 2));
    assert_eq!((left_out.secrets, left_out.secrets_octets), (1, 8));
    assert_eq!(facts.faults_total, 2);
}

#[test]
fn a_packet_is_handed_out_before_the_next_octet_is_asked_for() {
    let pcap = Build::little().pcap(0xa1b2_c3d4, (2, 4), 96, 1).record(1, 2, 3, b"abc").octets;
    let pcapng = Build::little().section().interface(1, 0, |o| o).enhanced(0, 1, b"abc", |o| o).octets;
    for octets in [pcap, pcapng] {
        for step in [1, 5, 1000] {
            let dribble = Dribble { octets: &octets, step };
            let mut source = CaptureFile::open(dribble.chain(Never)).unwrap();
            assert_eq!(source.next_packet().unwrap().unwrap().data, b"abc");
            assert!(source.may_block());
        }
    }
}

#[test]
fn a_source_knows_whether_the_next_call_may_block() {
    let build =
        Build::little().section().interface(1, 0, |o| o).enhanced(0, 1, b"one", |o| o).enhanced(0, 2, b"two", |o| o);
    let whole = build.octets.clone();
    let fault = build.enhanced(9, 3, b"skipped", |o| o).octets;
    let cut = &whole[..whole.len() - 1];
    for (octets, after_first, after_second) in [(&whole[..], false, true), (&fault, false, true), (cut, true, true)] {
        let mut source = CaptureFile::open(octets).unwrap();
        source.next_packet().unwrap();
        assert_eq!(source.may_block(), after_first);
        let _ = source.next_packet();
        assert_eq!(source.may_block(), after_second);
    }
}

#[test]
fn an_interrupted_wait_loses_nothing() {
    let octets = Build::little().pcap(0xa1b2_c3d4, (2, 4), 96, 1).record(1, 2, 3, b"abc").octets;
    // Opening cannot be resumed, so the file header comes in one piece.
    let (header, record) = octets.split_at(24);
    let hiccup = Hiccup { octets: record, ready: false };
    let mut source = CaptureFile::open(header.chain(hiccup)).unwrap();
    let mut waits = 0;
    loop {
        match source.next_packet() {
            Ok(Some(packet)) => break assert_eq!(packet.data, b"abc"),
            Ok(None) => panic!("the packet is lost"),
            Err(_) => waits += 1,
        }
    }
    assert_eq!(waits, 19);
}

/// A reader whose use is a failure.
struct Never;

impl Read for Never {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("asked for more than the packet")
    }
}

/// Would block before every octet.
struct Hiccup<'a> {
    octets: &'a [u8],
    ready: bool,
}

impl Read for Hiccup<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.ready = !self.ready;
        if self.ready && !self.octets.is_empty() {
            return Err(std::io::ErrorKind::WouldBlock.into());
        }
        (&mut self.octets).take(1).read(into)
    }
}
