//! Inputs to begin with, cut out of the fixtures in each target's own form.

use std::path::Path;

use framescope::capture::{CaptureFile, Source};
use framescope::direction::Direction;
use framescope::dissect::Dissector;
use framescope::event::{Body, Event, Observer};
use framescope::http2::payload::Payload;
use framescope::limits::Limits;

/// Collects what a capture holds for the targets above the packets.
#[derive(Default)]
struct Collector {
    /// Runs of octets of the first flow, as `frame` reads them.
    frame: Vec<u8>,
    /// Header blocks to the server, as `hpack` reads them.
    hpack: Vec<u8>,
    messages: Vec<Vec<u8>>,
}

impl Observer for Collector {
    fn event(&mut self, event: &Event<'_>) {
        match event.body {
            Body::Frame(frame) if event.flow.is_some_and(|flow| flow.facts.id.0 == 0) => {
                let frame = frame.frame;
                let octets: Vec<u8> =
                    frame.header.iter().flat_map(|header| header.octets()).chain(frame.octets.iter().copied()).collect();
                for run in octets.chunks(255) {
                    self.frame.push(u8::from(frame.direction == Direction::ToClient));
                    self.frame.push(u8::try_from(run.len()).expect("a run is short"));
                    self.frame.extend_from_slice(run);
                }
                if let Payload::Headers { fragment, .. } = frame.payload
                    && frame.direction == Direction::ToServer
                    && let Ok(length) = u8::try_from(fragment.len())
                {
                    self.hpack.push(length);
                    self.hpack.extend_from_slice(fragment);
                }
            }
            Body::Message(message) if self.messages.len() < 64 => self.messages.push(message.octets.to_vec()),
            _ => {}
        }
    }
}

/// Writes seeds made from every capture below `fixtures` into a folder a target.
pub fn write(corpus: &Path) -> std::io::Result<()> {
    for target in ["file", "packet", "tcp", "frame", "hpack", "protobuf", "pipeline", "endpoint"] {
        std::fs::create_dir_all(corpus.join(target))?;
    }
    crate::endpoint::seeds(&corpus.join("endpoint"))?;
    for folder in ["captures", "damaged"] {
        for entry in std::fs::read_dir(crate::root().join("fixtures").join(folder))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if [".pcap", ".pcapng", ".gz", ".zst"].iter().any(|end| name.ends_with(end)) {
                one(&path, &name, corpus)?;
            }
        }
    }
    Ok(())
}

fn one(path: &Path, name: &str, corpus: &Path) -> std::io::Result<()> {
    let octets = std::fs::read(path)?;
    let keep = |target: &str, name: &str, octets: &[u8]| {
        std::fs::write(corpus.join(target).join(format!("seed-{name}")), octets)
    };
    if octets.len() < 40_000 {
        keep("file", name, &octets)?;
        keep("pipeline", name, &octets)?;
    }
    let Ok(mut source) = CaptureFile::open(octets.as_slice()) else { return Ok(()) };
    let mut dissector = Dissector::new(&Limits::default());
    let mut collector = Collector::default();
    let (mut packets, mut segments) = (Vec::new(), vec![0]);
    while let Ok(Some(packet)) = source.next_packet() {
        dissector.packet(&packet, &mut collector);
        let link = crate::packet::LINKS.iter().position(|link| *link == packet.link.0).unwrap_or(0);
        if let (Ok(link), Ok(length)) = (u8::try_from(link), u16::try_from(packet.data.len()))
            && packets.len() < 4000
        {
            packets.push(link);
            packets.extend(length.to_be_bytes());
            packets.extend_from_slice(packet.data);
        }
        // The last octets of a packet serve as a segment's; its numbers are invented.
        let tail = packet.data.get(54..).unwrap_or_default();
        let tail = tail.get(..200).unwrap_or(tail);
        if segments.len() < 4000 {
            let place = u16::try_from(30_000 + segments.len()).unwrap_or(0).to_be_bytes();
            segments.extend([
                u8::try_from(packet.number % 16).unwrap_or(0),
                0,
                place[0],
                place[1],
                place[0],
                place[1],
                u8::try_from(tail.len()).unwrap_or(0),
                0,
            ]);
            segments.extend_from_slice(tail);
        }
    }
    dissector.finish(&mut collector);
    keep("packet", name, &packets)?;
    keep("tcp", name, &segments)?;
    let mut frame = vec![0];
    frame.extend(collector.frame.iter().take(6000));
    keep("frame", name, &frame)?;
    let mut hpack = vec![2, 0xff];
    hpack.extend(collector.hpack.iter().take(6000));
    keep("hpack", name, &hpack)?;
    for (number, message) in collector.messages.iter().enumerate().filter(|(_, message)| message.len() < 4000) {
        for kind in 0..crate::protobuf::TYPES.len() {
            let octets: Vec<u8> =
                [u8::try_from(kind).unwrap_or(0)].into_iter().chain(message.iter().copied()).collect();
            if number < 4 || kind == 3 {
                keep("protobuf", &format!("{name}-{number}-{kind}"), &octets)?;
            }
        }
    }
    Ok(())
}
