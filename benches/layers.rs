//! What each layer costs: records, then headers, flows, frames and calls on top, over the same captures held in memory.
//!
//! `cargo bench --bench layers` prints medians; with `--quick` (or `--test`) it only shows that everything runs.

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use framescope::capture::{CaptureFile, Source};
use framescope::direction::{Both, Direction};
use framescope::dissect::Dissector;
use framescope::event::{Event, Observer};
use framescope::http2::connection::{Connection, Frame, Notice, Part, Shared, Sink};
use framescope::http2::hpack;
use framescope::http2::payload::Payload;
use framescope::limits::Limits;
use framescope::net::{Net, Outcome};
use framescope::span::Arrival;
use framescope::tcp::{FlowEvent, FlowFacts, FlowTable, Orientation, Receiver};

use support::corpus::{Amount, Kind};
use support::measure::{median, megabytes_a_second};

/// A layer's name, and what runs everything up to it over a capture; it says how many things it saw.
type Layer = (&'static str, fn(&[u8]) -> u64);

const LAYERS: [Layer; 5] = [
    ("records", records),
    ("+ link, IP, TCP headers", headers),
    ("+ flows", flows),
    ("+ frames, HPACK, windows", frames),
    ("+ calls, events", events),
];

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick" || argument == "--test");
    let only: Vec<Kind> = std::env::args().filter_map(|argument| Kind::of(&argument)).collect();
    let (rounds, octets) = if quick { (1, 1_000_000) } else { (9, 100_000_000) };
    for kind in Kind::ALL.into_iter().filter(|kind| only.is_empty() || only.contains(kind)) {
        let mut capture = Vec::new();
        let amount =
            if kind == Kind::Connections && !quick { Amount::Connections(50_000) } else { Amount::Octets(octets) };
        let packets = support::corpus::write(kind, amount, &mut capture).expect("memory takes every octet");
        println!("{}: {} octets, {packets} packets", kind.name(), capture.len());
        let mut times = [const { Vec::new() }; LAYERS.len()];
        for _ in 0..rounds {
            for (times, (_, run)) in times.iter_mut().zip(LAYERS) {
                times.push(time(|| {
                    black_box(run(black_box(&capture)));
                }));
            }
        }
        for (times, (name, _)) in times.into_iter().zip(LAYERS) {
            report(name, capture.len() as u64, packets, median(times));
        }
        header_blocks(&capture, rounds);
    }
}

/// The time of one run.
fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn report(name: &str, octets: u64, packets: u64, time: Duration) {
    let nanos = time.as_nanos() as f64 / packets as f64;
    println!("  {name:<26} {:>8.0} MB/s {nanos:>8.1} ns a packet", megabytes_a_second(octets, time));
}

fn records(capture: &[u8]) -> u64 {
    let mut source = CaptureFile::open(capture).expect("a capture");
    let mut octets = 0;
    while let Some(packet) = source.next_packet().expect("a whole capture") {
        octets += packet.data.len() as u64;
    }
    octets
}

fn headers(capture: &[u8]) -> u64 {
    let mut source = CaptureFile::open(capture).expect("a capture");
    let mut net = Net::default();
    let mut octets = 0;
    while let Some(packet) = source.next_packet().expect("a whole capture") {
        if let Outcome::Tcp(segment) =
            net.packet(packet.link.0, packet.data, packet.original_length, packet.number, packet.time.as_nanos())
        {
            octets += segment.payload.len() as u64;
        }
    }
    octets
}

fn flows(capture: &[u8]) -> u64 {
    struct Count(u64);
    impl Receiver for Count {
        fn receive(&mut self, _: usize, _: &FlowFacts, event: FlowEvent<'_>) -> Orientation {
            if let FlowEvent::Octets { octets, .. } = event {
                self.0 += octets.len() as u64;
            }
            Orientation::Keep
        }
    }
    let mut count = Count(0);
    through_flows(capture, &mut count);
    count.0
}

fn frames(capture: &[u8]) -> u64 {
    struct Connections {
        shared: Shared,
        open: Vec<Option<Connection>>,
        frames: Frames,
    }
    #[derive(Default)]
    struct Frames(u64);
    impl Sink for Frames {
        fn frame(&mut self, frame: &Frame<'_>) {
            self.0 += 1;
            black_box(frame);
        }
        fn part(&mut self, _: Part<'_>) {}
        fn notice(&mut self, _: Direction, _: Arrival, _: Notice<'_>) {}
    }
    impl Receiver for Connections {
        fn receive(&mut self, slot: usize, _: &FlowFacts, event: FlowEvent<'_>) -> Orientation {
            if self.open.len() <= slot {
                self.open.resize_with(slot + 1, || None);
            }
            match event {
                FlowEvent::Octets { direction, octets, pieces, at, .. } => {
                    let connection = self.open[slot]
                        .get_or_insert_with(|| Connection::new(Both { to_server: true, to_client: true }));
                    connection.push(direction, octets, pieces, at, &mut self.shared, &mut self.frames);
                }
                FlowEvent::Closed { .. } => self.open[slot] = None,
                _ => {}
            }
            Orientation::Keep
        }
    }
    let mut connections =
        Connections { shared: Shared::new(&Limits::default()), open: Vec::new(), frames: Frames::default() };
    through_flows(capture, &mut connections);
    connections.frames.0
}

fn through_flows(capture: &[u8], receiver: &mut impl Receiver) {
    let mut source = CaptureFile::open(capture).expect("a capture");
    let mut net = Net::default();
    let mut flows = FlowTable::new(&Limits::default());
    while let Some(packet) = source.next_packet().expect("a whole capture") {
        let at = Arrival { time: packet.time, packet: packet.number };
        if let Outcome::Tcp(segment) =
            net.packet(packet.link.0, packet.data, packet.original_length, packet.number, packet.time.as_nanos())
        {
            flows.segment(at, &segment, receiver);
        }
    }
    flows.finish(receiver);
}

fn events(capture: &[u8]) -> u64 {
    struct Count(u64);
    impl Observer for Count {
        fn event(&mut self, event: &Event<'_>) {
            self.0 += 1;
            black_box(event);
        }
    }
    let mut count = Count(0);
    through_dissector(capture, &mut count);
    count.0
}

fn through_dissector(capture: &[u8], observer: &mut impl Observer) {
    let mut source = CaptureFile::open(capture).expect("a capture");
    let mut dissector = Dissector::new(&Limits::default());
    while let Some(packet) = source.next_packet().expect("a whole capture") {
        dissector.packet(&packet, observer);
    }
    dissector.finish(observer);
}

/// HPACK alone: the header blocks of the first connection's requests, decoded again.
fn header_blocks(capture: &[u8], rounds: usize) {
    #[derive(Default)]
    struct Blocks(Vec<Vec<u8>>);
    impl Observer for Blocks {
        fn event(&mut self, event: &Event<'_>) {
            if let framescope::event::Body::Frame(frame) = event.body
                && event.flow.is_some_and(|flow| flow.facts.id.0 == 0)
                && frame.frame.direction == Direction::ToServer
                && let Payload::Headers { fragment, .. } = frame.frame.payload
            {
                self.0.push(fragment.to_vec());
            }
        }
    }
    let mut blocks = Blocks::default();
    through_dissector(capture, &mut blocks);
    let Blocks(blocks) = blocks;
    let times = (0..rounds).map(|_| {
        time(|| {
            let mut scratch = hpack::Scratch::new();
            let mut decoder = hpack::Decoder::new(hpack::Start::Known, hpack::Limits::default());
            for block in &blocks {
                black_box(decoder.decode(block, &mut scratch).len());
            }
        })
    });
    let nanos = median(times.collect()).as_nanos() as f64 / blocks.len() as f64;
    println!("  HPACK alone                {nanos:>22.1} ns a request's header block");
}
