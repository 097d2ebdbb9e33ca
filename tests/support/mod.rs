//! What the tests share: fixtures, and everything a capture gave, copied out of its events.
#![allow(dead_code, reason = "no test binary uses all of it")]

pub(crate) mod packets;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use framescope::capture::{CaptureFile, Error, Packet, Source};
use framescope::direction::{Both, Direction};
use framescope::dissect::{Dissector, Totals};
use framescope::event::{Body, Event, FrameEvent, MessageEvent, Observer};
use framescope::grpc::call::{Call, Metadata, Outcome};
use framescope::grpc::calls::Role;
use framescope::grpc::encoding::{Decompressor, Encoding, End};
use framescope::http2::connection::{Answers, Facts, Frame, Hole};
use framescope::http2::frame::FrameHeader;
use framescope::http2::payload::{Payload, Priority};
use framescope::limits::Limits;
use framescope::span::Piece;
use framescope::tcp::{Close, FlowFacts, GapReason};

/// A path below `fixtures/`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The files below `fixtures/FOLDER` whose names end like this, in order.
pub(crate) fn fixtures(folder: &str, ending: &str) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(fixture(folder)).unwrap();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(ending));
    paths.sort();
    assert!(!paths.is_empty(), "no fixtures/{folder}/*{ending}");
    paths
}

/// Every capture among the fixtures.
pub(crate) fn captures() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for folder in ["captures", "damaged", "sides"] {
        for ending in [".pcap", ".pcapng", ".gz", ".zst"] {
            paths.extend(fixtures(folder, "").into_iter().filter(|path| path.to_str().unwrap().ends_with(ending)));
        }
    }
    paths
}

/// The name of a file without folder and endings.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.split('.').next().unwrap().to_owned()
}

/// A JSON file.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One header field: name and value, each `None` where it is a placeholder.
pub(crate) type Field = (Option<Vec<u8>>, Option<Vec<u8>>);

/// A frame, copied.
#[derive(Clone, Debug)]
pub(crate) struct SeenFrame {
    pub(crate) flow: usize,
    pub(crate) direction: Direction,
    pub(crate) packet: u64,
    pub(crate) offset: u64,
    pub(crate) header: Option<FrameHeader>,
    /// The payload put together again from what was read out of it, without padding.
    pub(crate) payload: Vec<u8>,
    /// Octets of padding behind it.
    pub(crate) padding: usize,
    pub(crate) holes: Vec<Hole>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) block: Option<SeenBlock>,
    pub(crate) ends_stream: bool,
    pub(crate) role: Role,
    /// The payload as the frame itself shows it.
    pub(crate) shown: Vec<u8>,
    /// Its number, the stream's state, and what follows from it, without times and packets.
    pub(crate) effects: String,
    /// What follows from it.
    pub(crate) facts: Facts,
}

/// A header block, copied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SeenBlock {
    pub(crate) fields: Vec<Field>,
    pub(crate) complete: bool,
}

impl SeenFrame {
    pub(crate) fn kind(&self) -> String {
        self.header.map_or_else(|| "MAGIC".to_owned(), |header| header.kind().to_string())
    }

    pub(crate) fn stream(&self) -> u32 {
        self.header.map_or(0, |header| header.stream().0)
    }
}

/// A message, copied.
#[derive(Clone, Debug)]
pub(crate) struct SeenMessage {
    pub(crate) flow: usize,
    pub(crate) stream: u32,
    pub(crate) direction: Direction,
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) index: u32,
    pub(crate) flag: u8,
    pub(crate) declared: u32,
    pub(crate) missing: u32,
    pub(crate) whole: bool,
    pub(crate) web_text: bool,
    /// As on the wire.
    pub(crate) octets: Vec<u8>,
    /// Uncompressed; `None` if it could not be.
    pub(crate) content: Option<Vec<u8>>,
    pub(crate) pieces: Vec<Piece>,
}

/// A call, copied.
#[derive(Clone, Debug)]
pub(crate) struct SeenCall {
    pub(crate) flow: usize,
    pub(crate) stream: u32,
    pub(crate) said: Said,
    pub(crate) begins: bool,
    pub(crate) complete: bool,
    pub(crate) messages: Both<u32>,
    pub(crate) metadata: [Vec<(Vec<u8>, Vec<u8>)>; 3],
}

/// What the header blocks and the end of a call say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) content_types: Both<Option<Vec<u8>>>,
    pub(crate) encodings: Both<Option<Vec<u8>>>,
    pub(crate) http_status: Option<u16>,
    pub(crate) status: Option<u32>,
    pub(crate) status_message: Option<Vec<u8>>,
    pub(crate) status_details: Option<Vec<u8>>,
    pub(crate) timeout: Option<u128>,
    pub(crate) trailers_only: bool,
    pub(crate) outcome: Option<Outcome>,
}

/// A gap, copied.
#[derive(Clone, Debug)]
pub(crate) struct SeenGap {
    pub(crate) flow: usize,
    pub(crate) direction: Direction,
    pub(crate) octets: u64,
    pub(crate) reason: GapReason,
}

/// Everything a capture gave.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) flows: BTreeMap<usize, (FlowFacts, &'static str, Option<Close>)>,
    pub(crate) frames: Vec<SeenFrame>,
    pub(crate) messages: Vec<SeenMessage>,
    pub(crate) calls: Vec<SeenCall>,
    pub(crate) gaps: Vec<SeenGap>,
    pub(crate) conflicts: u64,
    pub(crate) malformed: Vec<String>,
    pub(crate) resyncs: Vec<String>,
    pub(crate) unfinished: Vec<String>,
    pub(crate) limits: Vec<String>,
    pub(crate) totals: Totals,
    /// Why reading ended before the end of the input.
    pub(crate) error: Option<Error>,
    /// The captured octets of every packet, by number, and its time.
    pub(crate) packets: BTreeMap<u64, (Vec<u8>, i64)>,
    decompressor: Option<Decompressor>,
}

impl Trace {
    /// Reads a fixture.
    pub(crate) fn of(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::read(file)
    }

    /// Reads a capture.
    pub(crate) fn read(input: impl Read) -> Self {
        let mut trace = Self::default();
        let mut dissector = Dissector::new(&Limits::default());
        let mut source = CaptureFile::open(input).expect("a capture");
        loop {
            match source.next_packet() {
                Ok(Some(packet)) => {
                    trace.packets.insert(packet.number, (packet.data.to_vec(), packet.time.as_nanos()));
                    dissector.packet(&packet, &mut trace);
                }
                Ok(None) => break,
                Err(error) => {
                    trace.error = Some(error);
                    break;
                }
            }
        }
        trace.end(&mut dissector);
        trace
    }

    /// Dissects packets.
    pub(crate) fn of_packets<'a>(packets: impl IntoIterator<Item = Packet<'a>>) -> Self {
        let mut trace = Self::default();
        let mut dissector = Dissector::new(&Limits::default());
        for packet in packets {
            dissector.packet(&packet, &mut trace);
        }
        trace.end(&mut dissector);
        trace
    }

    fn end(&mut self, dissector: &mut Dissector) {
        dissector.finish(self);
        self.totals = dissector.totals();
    }

    /// The flow whose client is `address`.
    pub(crate) fn flow_of_client(&self, address: &str) -> Option<usize> {
        let found = self.flows.iter().find(|(_, (facts, ..))| facts.client.to_string() == address);
        found.map(|(id, _)| *id)
    }

    /// The call of a stream.
    pub(crate) fn call(&self, flow: usize, stream: u32) -> Option<&SeenCall> {
        self.calls.iter().find(|call| call.flow == flow && call.stream == stream)
    }

    /// The messages of a stream in a direction.
    pub(crate) fn messages(&self, flow: usize, stream: u32, direction: Direction) -> Vec<&SeenMessage> {
        self.messages
            .iter()
            .filter(|message| (message.flow, message.stream, message.direction) == (flow, stream, direction))
            .collect()
    }

    /// The header blocks of a stream in a direction.
    pub(crate) fn blocks(&self, flow: usize, stream: u32, direction: Direction) -> Vec<&SeenBlock> {
        let of_stream = |frame: &&SeenFrame| (frame.flow, frame.stream(), frame.direction) == (flow, stream, direction);
        self.frames.iter().filter(of_stream).filter_map(|frame| frame.block.as_ref()).collect()
    }

    fn frame(&mut self, flow: usize, event: &FrameEvent<'_>) {
        let frame = event.frame;
        let (payload, padding) = rebuild(&frame.payload);
        let block = frame.block.map(|block| {
            let fields = block.fields.fields().filter(|field| field.size_update().is_none());
            let fields =
                fields.map(|field| (field.name().map(<[u8]>::to_vec), field.value().map(<[u8]>::to_vec))).collect();
            SeenBlock { fields, complete: block.complete }
        });
        self.frames.push(SeenFrame {
            flow,
            direction: frame.direction,
            packet: frame.at.packet,
            offset: frame.offset,
            header: frame.header,
            payload,
            padding,
            holes: frame.holes.to_vec(),
            pieces: frame.pieces.to_vec(),
            block,
            ends_stream: frame.ends_stream,
            role: event.belongs.role,
            shown: frame.octets.to_vec(),
            effects: effects(frame),
            facts: frame.facts,
        });
    }

    fn message(&mut self, flow: usize, event: &MessageEvent<'_>) {
        let MessageEvent { call, direction, message, octets, pieces } = *event;
        let content = if !event.is_whole() {
            None
        } else if event.is_compressed() {
            self.decompress(call.encoding(direction), octets)
        } else {
            Some(octets.to_vec())
        };
        self.messages.push(SeenMessage {
            flow,
            stream: call.stream.0,
            direction,
            path: call.path().map(<[u8]>::to_vec),
            index: message.index,
            flag: message.flag,
            declared: message.declared,
            missing: message.missing,
            whole: event.is_whole(),
            web_text: call.protocol == Some(framescope::grpc::content_type::Protocol::GrpcWebText),
            octets: octets.to_vec(),
            content,
            pieces: pieces.to_vec(),
        });
    }

    fn decompress(&mut self, encoding: Option<&[u8]>, octets: &[u8]) -> Option<Vec<u8>> {
        let decompressor = self.decompressor.get_or_insert_with(|| Decompressor::new(16 << 20));
        let mut content = Vec::new();
        let done = decompressor.decompress(Encoding::of(encoding?), octets, &mut content);
        matches!(done.end, End::Complete).then_some(content)
    }
}

fn effects(frame: &Frame<'_>) -> String {
    let facts = match frame.facts {
        Facts::Acknowledges(Answers::Sent(sent)) => format!("acknowledges {:?}", sent.id),
        Facts::Acknowledges(answers) => format!("acknowledges {answers:?}"),
        facts => format!("{facts:?}"),
    };
    format!("{:?} {:?} {facts}", frame.id, frame.state)
}

fn copy_call(flow: usize, call: &Call) -> SeenCall {
    let owned = |octets: Option<&[u8]>| octets.map(<[u8]>::to_vec);
    let list = |which| call.metadata(which).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    SeenCall {
        flow,
        stream: call.stream.0,
        said: Said {
            path: owned(call.path()),
            authority: owned(call.authority()),
            content_types: Both::from_fn(|direction| owned(call.content_type(direction))),
            encodings: Both::from_fn(|direction| owned(call.encoding(direction))),
            http_status: call.http_status,
            status: call.status.map(|status| status.0),
            status_message: owned(call.status_message()),
            status_details: owned(call.status_details()),
            timeout: call.timeout.map(|timeout| timeout.nanos()),
            trailers_only: call.trailers_only,
            outcome: call.outcome,
        },
        begins: call.begins,
        complete: call.is_complete(),
        messages: Both::from_fn(|direction| call.bodies[direction].messages),
        metadata: [list(Metadata::Request), list(Metadata::Response), list(Metadata::Trailers)],
    }
}

impl Observer for Trace {
    fn event(&mut self, event: &Event<'_>) {
        let flow = event.flow.map_or(usize::MAX, |flow| usize::try_from(flow.facts.id.0).unwrap());
        if let Some(known) = event.flow {
            let ended = if let Body::Ended(close) = event.body { Some(close) } else { None };
            self.flows.insert(flow, (known.facts.clone(), known.protocol.name(), ended));
        }
        match event.body {
            Body::Frame(frame) => self.frame(flow, &frame),
            Body::Message(message) => self.message(flow, &message),
            Body::Call(call) => self.calls.push(copy_call(flow, call)),
            Body::Gap { direction, octets, reason, .. } => self.gaps.push(SeenGap { flow, direction, octets, reason }),
            Body::Conflict { .. } => self.conflicts += 1,
            Body::Malformed(fault) => {
                self.malformed.push(format!("packet {}: {}: {}", event.at.packet, fault.what.layer(), fault.what))
            }
            Body::Resync { .. } => self.resyncs.push(format!("{:?}", event.body)),
            Body::Unfinished { .. } => self.unfinished.push(format!("{:?}", event.body)),
            Body::Limit { what, count } => self.limits.push(format!("{what}: {count}")),
            Body::Identified
            | Body::Sides { .. }
            | Body::Foreign { .. }
            | Body::Finding(_)
            | Body::Comment(_)
            | Body::Ended(_) => {}
        }
    }
}

/// A payload as it would stand on the wire, up to its padding, and the octets of padding.
fn rebuild(payload: &Payload<'_>) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    let pad = |out: &mut Vec<u8>, pad_length: Option<u8>| out.extend(pad_length);
    let mut padding = 0;
    match *payload {
        Payload::Magic => out.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Payload::Data { data, pad_length } => {
            pad(&mut out, pad_length);
            out.extend_from_slice(data);
            padding = usize::from(pad_length.unwrap_or(0));
        }
        Payload::Headers { fragment, pad_length, priority } => {
            pad(&mut out, pad_length);
            if let Some(priority) = priority {
                out.extend(priority_octets(priority));
            }
            out.extend_from_slice(fragment);
            padding = usize::from(pad_length.unwrap_or(0));
        }
        Payload::PushPromise { promised, fragment, pad_length } => {
            pad(&mut out, pad_length);
            out.extend(promised.0.to_be_bytes());
            out.extend_from_slice(fragment);
            padding = usize::from(pad_length.unwrap_or(0));
        }
        Payload::Priority(priority) => out.extend(priority_octets(priority)),
        Payload::RstStream(code) => out.extend(code.0.to_be_bytes()),
        Payload::Settings(settings) => {
            for setting in settings {
                out.extend(setting.id.0.to_be_bytes());
                out.extend(setting.value.to_be_bytes());
            }
        }
        Payload::Ping(opaque) => out.extend(opaque),
        Payload::GoAway { last_stream, error, debug_data } => {
            out.extend(last_stream.0.to_be_bytes());
            out.extend(error.0.to_be_bytes());
            out.extend_from_slice(debug_data);
        }
        Payload::WindowUpdate { increment } => out.extend(increment.to_be_bytes()),
        Payload::AltSvc { origin, value } => {
            out.extend(u16::try_from(origin.len()).unwrap().to_be_bytes());
            out.extend_from_slice(origin);
            out.extend_from_slice(value);
        }
        Payload::PriorityUpdate { prioritized, value } => {
            out.extend(prioritized.0.to_be_bytes());
            out.extend_from_slice(value);
        }
        Payload::Continuation { fragment: octets }
        | Payload::Origin { entries: octets }
        | Payload::Unknown(octets)
        | Payload::Unreadable(octets) => {
            out.extend_from_slice(octets);
        }
    }
    (out, padding)
}

fn priority_octets(priority: Priority) -> [u8; 5] {
    let stream = priority.depends_on.0 | if priority.exclusive { 0x8000_0000 } else { 0 };
    let [a, b, c, d] = stream.to_be_bytes();
    [a, b, c, d, u8::try_from(priority.weight - 1).unwrap()]
}

/// Panics with every complaint of a test that looks at many things.
pub(crate) fn complain(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
