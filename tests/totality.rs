//! Nothing that a capture holds makes the dissector panic or take memory beyond its limits.
//!
//! In a debug build a sample of the damage is tried, the same one each time; `FRAMESCOPE_TOTALITY=whole` tries all of it (use `--release`).
#![allow(missing_docs, reason = "a test binary")]
#![allow(unsafe_code, reason = "an allocator that counts")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use framescope::capture::{CaptureFile, Source};
use framescope::dissect::{Dissector, Totals};
use framescope::event::{Body, Event, Observer};
use framescope::finding::{Judge, Judging};
use framescope::http2::hpack::Encoder;
use framescope::limits::Limits;
use framescope::protobuf::schema::{Disk, Inputs, Schema};
use framescope::view::contents::Contents;
use support::fixture;
use support::packets::{ACK, SYN, Segment, packet};

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// Counts the octets this thread has asked for and not given back.
struct Counting;

impl Counting {
    fn more(octets: usize) {
        let now = NOW.get().wrapping_add(octets);
        NOW.set(now);
        // What another thread asked for and this one gives back would wrap around: that is no peak.
        if now < usize::MAX / 2 {
            MOST.set(MOST.get().max(now));
        }
    }

    fn less(octets: usize) {
        NOW.set(NOW.get().wrapping_sub(octets));
    }
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::more(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::less(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::more(size);
        Self::less(layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Octets the thread holds now; from here on the peak is measured.
fn begin_measuring() -> usize {
    MOST.set(NOW.get());
    NOW.get()
}

fn is_whole() -> bool {
    std::env::var("FRAMESCOPE_TOTALITY").is_ok_and(|value| value == "whole")
}

/// Looks at everything an event says.
struct Reader {
    contents: Contents,
    json: Vec<u8>,
    events: u64,
    limits: u64,
    octets: u64,
}

impl Reader {
    fn new() -> Self {
        let inputs = Inputs { protos: vec![fixture("proto")], ..Inputs::default() };
        let (schema, _) = Schema::load(&inputs, &Disk).unwrap();
        Self { contents: Contents::new(schema, &Limits::default()), json: Vec::new(), events: 0, limits: 0, octets: 0 }
    }
}

impl Observer for Reader {
    fn event(&mut self, event: &Event<'_>) {
        self.events += 1;
        match event.body {
            Body::Frame(frame) => {
                self.octets += frame.frame.octets.len() as u64 + frame.frame.pieces.len() as u64;
                for field in frame.frame.block.iter().flat_map(|block| block.fields) {
                    self.octets +=
                        field.name().map_or(0, <[u8]>::len) as u64 + field.value().map_or(0, <[u8]>::len) as u64;
                    self.octets += u64::from(field.span().end);
                }
            }
            Body::Message(message) => {
                let Self { contents, json, .. } = self;
                json.clear();
                contents.read(&message, |unpacked, mut reading| {
                    if let Some(octets) = unpacked.octets() {
                        reading.json(octets, json);
                        reading.line(octets, 120, json);
                    }
                });
                self.octets += self.json.len() as u64;
            }
            Body::Call(call) => {
                self.octets += call.path().map_or(0, <[u8]>::len) as u64 + u64::from(call.is_complete());
                self.octets += call.duration().unwrap_or(0).unsigned_abs();
            }
            Body::Limit { .. } => self.limits += 1,
            _ => {}
        }
    }
}

/// The whole way of a file, whatever it holds; returns the most octets the dissector said it held.
fn decode(octets: &[u8], reader: &mut Reader) -> usize {
    let Ok(mut source) = CaptureFile::open(octets) else { return 0 };
    let mut dissector = Dissector::new(&Limits::default());
    let mut judge = Judge::new(&Limits::default());
    let mut most = 0;
    while let Ok(Some(packet)) = source.next_packet() {
        dissector.packet(&packet, &mut Judging { judge: &mut judge, observer: reader });
        most = most.max(dissector.held_bytes() + judge.held_bytes());
    }
    dissector.finish(&mut Judging { judge: &mut judge, observer: reader });
    let _ = dissector.totals();
    most + source.held_bytes()
}

/// Small captures of every format, compression, and kind of traffic.
const SMALL: [&str; 8] = [
    "captures/go_article_unary.pcap",
    "captures/px_nginx_502.pcap",
    "captures/py_any_sll2.pcap",
    "damaged/cut_mid_block.pcapng",
    "damaged/gzipped.pcap.gz",
    "damaged/zstandard.pcap.zst",
    "damaged/gap_in_preface.pcap",
    "damaged/late_start_metadata_2.pcap",
];
/// A megabyte of history, what a few flows hold, and a record as long as a capture may claim.
const SMALL_BOUND: usize = 32 << 20;

fn small() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    SMALL.into_iter().map(|name| (name, std::fs::read(Path::new(&fixture(name))).unwrap()))
}

#[test]
fn every_prefix_of_a_capture_is_read_to_its_end() {
    let step = if is_whole() { 1 } else { 23 };
    let mut reader = Reader::new();
    for (name, octets) in small() {
        for end in (0..octets.len()).step_by(step) {
            let held = decode(&octets[..end], &mut reader);
            assert!(held < SMALL_BOUND, "{name} cut at {end} holds {held}");
        }
    }
    assert!(reader.events > 1000);
}

#[test]
fn any_octet_of_a_capture_may_be_another() {
    let step = if is_whole() { 1 } else { 19 };
    let changes = [0x01, 0x80, 0xff, 0x04, 0x20];
    let mut reader = Reader::new();
    for (name, octets) in small() {
        for at in (0..octets.len()).step_by(step) {
            let wanted = if is_whole() { changes.len() } else { 1 };
            for change in changes.iter().cycle().skip(at / step).take(wanted) {
                let mut damaged = octets.clone();
                damaged[at] ^= change;
                let held = decode(&damaged, &mut reader);
                assert!(held < SMALL_BOUND, "{name} with octet {at} changed by {change:#x} holds {held}");
            }
        }
    }
    assert!(reader.events > 1000);
}

#[test]
fn any_packet_may_be_cut_anywhere() {
    let step = if is_whole() { 1 } else { 7 };
    let mut reader = Reader::new();
    for name in [
        "captures/go_article_unary.pcap",
        "damaged/vlan_gre_ip_in_ip.pcap",
        "damaged/ipv6_extension_headers.pcap",
        "damaged/geneve.pcap",
    ] {
        let octets = std::fs::read(fixture(name)).unwrap();
        for length in (0..200).step_by(step) {
            let mut source = CaptureFile::open(octets.as_slice()).unwrap();
            let mut dissector = Dissector::new(&Limits::default());
            while let Ok(Some(mut packet)) = source.next_packet() {
                packet.data = &packet.data[..length.min(packet.data.len())];
                dissector.packet(&packet, &mut reader);
            }
            dissector.finish(&mut reader);
        }
    }
}

/// One side of one connection, spoken into a dissector in packets as large as can be.
struct Talk {
    dissector: Dissector,
    judge: Judge,
    reader: Reader,
    port: u16,
    /// What each side has said so far, the client first.
    said: [u32; 2],
    packets: u64,
    waiting: Vec<u8>,
    scratch: Vec<u8>,
    held: usize,
    before: usize,
}

impl Talk {
    fn new() -> Self {
        let reader = Reader::new();
        let before = begin_measuring();
        let mut talk = Self {
            dissector: Dissector::new(&Limits::default()),
            judge: Judge::new(&Limits::default()),
            reader,
            port: 40_000,
            said: [0, 0],
            packets: 0,
            waiting: Vec::new(),
            scratch: Vec::new(),
            held: 0,
            before,
        };
        talk.open();
        talk
    }

    /// Begins another connection, with both prefaces.
    fn open(&mut self) {
        self.said = [0, 0];
        let segment = |from_client, flags, acknowledgment| Segment {
            from_client,
            client_port: self.port,
            sequence: 0,
            acknowledgment,
            flags,
            payload: Vec::new(),
        };
        let (syn, answer) = (segment(true, SYN, 0), segment(false, SYN | ACK, 1));
        self.send(&syn);
        self.send(&answer);
        self.says(true, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        self.frame(true, 4, 0, 0, &[]);
        self.flush(true);
        self.frame(false, 4, 0, 0, &[]);
        self.flush(false);
    }

    fn reopen(&mut self) {
        self.port = self.port.wrapping_add(1).max(1024);
        self.open();
    }

    fn send(&mut self, segment: &Segment) {
        self.packets += 1;
        segment.write(&mut self.scratch);
        let packet = packet(self.packets, i64::try_from(self.packets).unwrap(), &self.scratch);
        self.dissector.packet(&packet, &mut Judging { judge: &mut self.judge, observer: &mut self.reader });
        if self.packets.is_multiple_of(512) {
            self.held = self.held.max(self.dissector.held_bytes() + self.judge.held_bytes());
        }
    }

    /// Says octets, in packets of up to 60 000.
    fn says(&mut self, from_client: bool, octets: &[u8]) {
        self.waiting.extend_from_slice(octets);
        if self.waiting.len() > 60_000 {
            self.flush(from_client);
        }
    }

    fn flush(&mut self, from_client: bool) {
        let waiting = std::mem::take(&mut self.waiting);
        let own = usize::from(!from_client);
        for payload in waiting.chunks(60_000) {
            let segment = Segment {
                from_client,
                client_port: self.port,
                sequence: self.said[own].wrapping_add(1),
                acknowledgment: self.said[1 - own].wrapping_add(1),
                flags: ACK,
                payload: payload.to_vec(),
            };
            self.said[own] = self.said[own].wrapping_add(u32::try_from(payload.len()).unwrap());
            self.send(&segment);
        }
        self.waiting = waiting;
        self.waiting.clear();
    }

    fn frame(&mut self, from_client: bool, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut octets = vec![a, b, c, kind, flags];
        octets.extend(stream.to_be_bytes());
        octets.extend_from_slice(payload);
        self.says(from_client, &octets);
    }

    /// Ends the talk. Neither what the dissector says it held nor what was really asked for may go beyond `bound`.
    fn end(mut self, bound: usize) -> (Totals, Reader) {
        self.flush(true);
        self.held = self.held.max(self.dissector.held_bytes() + self.judge.held_bytes());
        self.dissector.finish(&mut Judging { judge: &mut self.judge, observer: &mut self.reader });
        let totals = self.dissector.totals();
        let really = MOST.get().saturating_sub(self.before);
        println!(
            "held {} KiB, really at most {} KiB, bound {} KiB, {totals:?}",
            self.held >> 10,
            really >> 10,
            bound >> 10
        );
        assert!(self.held < bound, "it says that it holds {} octets, {bound} are the bound", self.held);
        // What it says may leave out what an allocator and half-empty tables add, but not more than that.
        assert!(really < bound.saturating_mul(2), "it held {really} octets, {bound} are the bound");
        (totals, self.reader)
    }
}

/// How many of something a test makes: enough that holding on to each of them would show.
fn many(whole: u32) -> u32 {
    if is_whole() || !cfg!(debug_assertions) { whole } else { whole / 16 }
}

/// A request's header block without any table.
fn request(encoder: &mut Encoder, more: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let fields: [(&[u8], &[u8]); 5] = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/lab.v1.Lab/Echo"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ];
    let mut block = encoder.block(&mut out);
    for (name, value) in fields.iter().chain(more) {
        block.field(name, value);
    }
    out
}

#[test]
fn a_flood_of_frames_is_only_counted() {
    for (kind, stream, payload) in [
        (6, 0, vec![1; 8]),
        (4, 0, vec![0, 3, 0, 0, 0, 9]),
        (8, 0, vec![0, 0, 0, 1]),
        (8, 77, vec![0, 0, 0, 1]),
        (0, 1, vec![]),
        (0xfa, 0, vec![]),
        (2, 3, vec![0, 0, 0, 1, 7]),
        (3, 5, vec![0; 4]),
        (9, 1, vec![0x80]),
    ] {
        let mut talk = Talk::new();
        for count in 0..many(1 << 19) {
            let stream = if kind == 2 || kind == 3 { stream + 2 * count } else { stream };
            talk.frame(true, kind, 0, stream, &payload);
        }
        let (totals, _) = talk.end(4 << 20);
        assert!(totals.frames > u64::from(many(1 << 19)), "type {kind}");
        assert!(
            totals.limits <= 2,
            "type {kind}: the first time and how often after it, not each time: {}",
            totals.limits
        );
    }
}

#[test]
fn a_flood_of_continuation_stops_at_the_limits() {
    for size in [0, 1, 16_384] {
        let mut talk = Talk::new();
        talk.frame(true, 1, 0, 1, &[0x82]);
        let fragment = vec![0x82; size];
        for _ in 0..if size > 1 { 2000 } else { many(1 << 19) } {
            talk.frame(true, 9, 0, 1, &fragment);
        }
        talk.frame(true, 9, 4, 1, &[]);
        let (totals, reader) = talk.end(8 << 20);
        assert!(size == 0 || totals.limits > 0, "the limit is told");
        assert!(reader.limits == totals.limits);
    }
}

#[test]
fn a_million_streams_are_followed_as_far_as_the_limit_goes() {
    let mut talk = Talk::new();
    let mut encoder = Encoder::new();
    for count in 0..many(1 << 20) {
        let block = request(&mut encoder, &[]);
        talk.frame(true, 1, 4, 2 * count + 1, &block);
    }
    let (totals, _) = talk.end(96 << 20);
    assert!(totals.calls <= u64::from(many(1 << 20)));
}

#[test]
fn metadata_repeated_by_reference_is_held_within_a_limit() {
    let mut talk = Talk::new();
    let mut encoder = Encoder::new();
    let large = vec![b'a'; 3500];
    for count in 0..many(1 << 15) {
        let more: Vec<(&[u8], &[u8])> = vec![(b"x-large", &large); 60];
        let block = request(&mut encoder, &more);
        talk.frame(true, 1, 4, 2 * count + 1, &block);
    }
    talk.end(128 << 20);
}

#[test]
fn a_block_that_repeats_one_large_entry_shows_what_the_limit_allows() {
    let mut talk = Talk::new();
    let mut encoder = Encoder::new();
    let large = vec![b'a'; 3900];
    for count in 0..16 {
        let more: Vec<(&[u8], &[u8])> = vec![(b"x-large", &large); 16_000];
        let block = request(&mut encoder, &more);
        talk.frame(true, 1, 4, 2 * count + 1, &block);
    }
    let (totals, _) = talk.end(16 << 20);
    assert!(totals.limits >= 16, "what was left out is told");
}

#[test]
fn frames_left_unfinished_in_many_connections_are_held_within_a_limit() {
    let mut talk = Talk::new();
    for n in 0..many(4096) {
        if n % 2 == 0 {
            // Half of a frame of a megabyte.
            talk.says(true, &[0x0f, 0x00, 0x00, 0, 0, 0, 0, 0, 1]);
            talk.says(true, &vec![0; 500_000]);
        } else {
            // A header block that never ends.
            talk.frame(true, 1, 0, 1, &[0x82]);
            (0..32).for_each(|_| talk.frame(true, 9, 0, 1, &vec![0x82; 16_000]));
        }
        talk.flush(true);
        talk.reopen();
    }
    let (totals, reader) = talk.end(160 << 20);
    assert!(totals.limits > 0 && reader.limits == totals.limits, "the limit is told");
}

/// Entries of which each repeats the name of the one before it: two octets on the wire, 4000 in the table.
#[test]
fn tables_filled_by_reference_in_many_connections_are_held_within_a_limit() {
    let mut talk = Talk::new();
    let mut first = vec![0x40, 0x7f, 0x81, 0x1e];
    first.extend(vec![b'n'; 4000]);
    first.push(0);
    let mut block = vec![0x3f, 0xe1, 0xff, 0x3f];
    block.extend(first);
    for _ in 0..300 {
        block.extend([0x7e, 0x00]);
    }
    for _ in 0..many(2048) {
        // The server allows a table of a megabyte, and the client says that it uses it.
        talk.frame(false, 4, 0, 0, &[0, 1, 0, 16, 0, 0]);
        talk.flush(false);
        talk.frame(true, 4, 1, 0, &[]);
        talk.frame(true, 1, 4, 1, &block);
        talk.flush(true);
        talk.reopen();
    }
    talk.end(256 << 20);
}

#[test]
fn giant_lengths_reserve_nothing() {
    let mut talk = Talk::new();
    let mut encoder = Encoder::new();
    for kind in [0_u8, 1, 4, 5, 7, 9, 0x10, 0xfa] {
        for _ in 0..64 {
            let block = request(&mut encoder, &[]);
            talk.frame(true, 1, 4, 1, &block);
            talk.says(true, &[0xff, 0xff, 0xff, kind, 4, 0, 0, 0, 1]);
            talk.says(true, &[0; 20]);
            talk.flush(true);
            talk.reopen();
        }
    }
    talk.end(64 << 20);
}

#[test]
fn messages_that_promise_gigabytes_reserve_nothing() {
    let mut talk = Talk::new();
    let mut encoder = Encoder::new();
    for count in 0..20_000 {
        let block = request(&mut encoder, &[]);
        talk.frame(true, 1, 4, 2 * count + 1, &block);
        let length = if count % 2 == 0 { [0xff; 4] } else { [0, 0x7f, 0, 0] };
        talk.frame(true, 0, 0, 2 * count + 1, &[&[0][..], &length, &[0; 20]].concat());
    }
    talk.end(96 << 20);
}

#[test]
fn bodies_of_frames_too_large_to_keep_pass_through() {
    let mut talk = Talk::new();
    let mut encoder = Encoder::new();
    let block = request(&mut encoder, &[]);
    talk.frame(true, 1, 4, 1, &block);
    let rounds = if cfg!(debug_assertions) { 2 } else { 8 };
    for _ in 0..rounds {
        talk.says(true, &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]);
        for _ in 0..255 {
            talk.says(true, &[0; 65_536]);
        }
        talk.says(true, &[0; 65_535]);
    }
    let (totals, _) = talk.end(24 << 20);
    assert_eq!(totals.frames, 3 + 1 + rounds);
}

#[test]
fn segments_out_of_order_wait_within_a_limit() {
    let mut talk = Talk::new();
    // Every other octet, from behind.
    let count = many(1 << 20);
    for place in (0..count).rev() {
        let segment = Segment {
            from_client: true,
            client_port: talk.port,
            sequence: talk.said[0] + 2 + 2 * place,
            acknowledgment: 10,
            flags: ACK,
            payload: vec![0],
        };
        talk.send(&segment);
    }
    let (totals, _) = talk.end(16 << 20);
    assert!(totals.gaps > 0, "what is not awaited any longer is told");
}

#[test]
fn many_flows_that_all_wait_share_one_limit() {
    let mut talk = Talk::new();
    for flow in 0..4096_u32 {
        let port = 1024 + u16::try_from(flow).unwrap();
        let segment = |sequence, flags, payload| Segment {
            from_client: true,
            client_port: port,
            sequence,
            acknowledgment: 0,
            flags,
            payload,
        };
        talk.send(&segment(0, SYN, vec![]));
        talk.send(&segment(100, ACK, vec![7; 30_000]));
    }
    talk.end(96 << 20);
}

#[test]
fn flows_met_in_the_middle_are_held_back_within_a_limit() {
    let mut talk = Talk::new();
    for flow in 0..many(1 << 16) {
        let port = 1024 + u16::try_from(flow % 60_000).unwrap();
        talk.send(&Segment {
            from_client: flow % 2 == 0,
            client_port: port,
            sequence: 100,
            acknowledgment: 0,
            flags: ACK,
            payload: vec![7; 4000],
        });
    }
    talk.end(192 << 20);
}

/// A SYN from an address of its own for each flow.
#[test]
fn a_flood_of_syns_gives_up_the_oldest_flows() {
    let mut talk = Talk::new();
    let count = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    let mut octets = Vec::new();
    for flow in 0..count {
        let syn = Segment {
            from_client: true,
            client_port: 5000,
            sequence: 1,
            acknowledgment: 0,
            flags: SYN,
            payload: vec![],
        };
        syn.write(&mut octets);
        let address = 0x0b00_0000_u32 + flow;
        octets[26..30].copy_from_slice(&address.to_be_bytes());
        talk.packets += 1;
        let packet = packet(talk.packets, i64::try_from(talk.packets).unwrap(), &octets);
        talk.dissector.packet(&packet, &mut talk.reader);
    }
    let (totals, reader) = talk.end(128 << 20);
    assert_eq!(totals.flows, u64::from(count) + 1);
    assert!(totals.limits > 0 && reader.limits > 0, "what was given up is told");
}

#[test]
fn fragments_that_never_complete_are_held_within_a_limit() {
    let mut talk = Talk::new();
    let mut octets = Vec::new();
    for count in 0..many(1 << 19) {
        Segment {
            from_client: true,
            client_port: 5000,
            sequence: 1,
            acknowledgment: 0,
            flags: ACK,
            payload: vec![0; 1400],
        }
        .write(&mut octets);
        octets[18..20].copy_from_slice(&u16::try_from(count % 65_536).unwrap().to_be_bytes());
        // More fragments follow; this one is anywhere.
        let place = 0x2000 | u16::try_from(count % 40 * 200).unwrap();
        octets[20..22].copy_from_slice(&place.to_be_bytes());
        octets.truncate(14 + 20 + 1400);
        octets[16..18].copy_from_slice(&1420_u16.to_be_bytes());
        talk.packets += 1;
        let packet = packet(talk.packets, i64::try_from(talk.packets).unwrap(), &octets);
        talk.dissector.packet(&packet, &mut talk.reader);
    }
    talk.end(64 << 20);
}

#[test]
fn a_flow_that_says_nothing_known_is_given_up() {
    for filler in [
        b"\0\0\x10\0\0\0\0\0\x01".as_slice(),
        b"\x16\x03\x01\xff\xff",
        b"GET / HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"x",
    ] {
        let mut talk = Talk::new();
        talk.port += 1;
        talk.said = [0, 0];
        let port = talk.port;
        talk.send(&Segment {
            from_client: true,
            client_port: port,
            sequence: 0,
            acknowledgment: 0,
            flags: SYN,
            payload: vec![],
        });
        for _ in 0..(4 << 20) / filler.len() {
            talk.says(true, filler);
        }
        talk.end(8 << 20);
    }
}
