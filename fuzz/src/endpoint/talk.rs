//! What a hostile peer says: octets, frames in and out of shape, requests and answers of gRPC, and all of it many times.

use std::sync::OnceLock;

use framescope::endpoint::compression::{Compression, envelope};
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::{FrameHeader, FrameType, HEADER_OCTETS, StreamId};
use framescope::http2::hpack::Encoder;
use framescope::http2::preface::MAGIC;
use framescope::http2::settings::{Setting, SettingId};
use framescope::http2::write;

use crate::Octets;

/// Whose part the hostile peer plays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Against a server.
    Client,
    /// Against a client.
    Server,
}

/// The hostile peer.
pub struct Talk {
    side: Side,
    encoder: Encoder,
    /// The next stream that it opens, or may answer.
    next: u32,
    last: Vec<u8>,
    /// What was said last, to say it again: act and input.
    said: (u8, Vec<u8>),
    total: usize,
}

impl Talk {
    /// One that has not spoken.
    pub fn new(side: Side) -> Self {
        Self { side, encoder: Encoder::new(), next: 1, last: Vec::new(), said: (0, Vec::new()), total: 0 }
    }

    /// Whether it has said so much that more would only take time.
    pub const fn is_tired(&self) -> bool {
        self.total > 2 << 20
    }

    /// A preface in order.
    pub fn preface(&mut self) -> &[u8] {
        self.last.clear();
        if self.side == Side::Client {
            self.last.extend_from_slice(MAGIC);
        }
        write::settings(&[], &mut self.last);
        write::settings_ack(&mut self.last);
        &self.last
    }

    /// Something.
    pub fn say(&mut self, act: u8, input: &mut Octets<'_>) -> &[u8] {
        let before = input.0;
        self.last.clear();
        self.one(act, input);
        let used = before.len() - input.0.len();
        self.said = (act, before[..used].to_vec());
        self.total += self.last.len();
        &self.last
    }

    /// The same again so many times; as octets or, if the input says so, in new words.
    pub fn again(&mut self, times: usize, input: &mut Octets<'_>) -> Vec<u8> {
        let anew = input.octet() % 2 == 0;
        let mut all = Vec::new();
        for _ in 0..times {
            if anew {
                let (act, words) = std::mem::take(&mut self.said);
                self.last.clear();
                self.one(act, &mut Octets(&words));
                self.said = (act, words);
            }
            all.extend_from_slice(&self.last);
            if all.len() > 256 << 10 {
                break;
            }
        }
        self.total += all.len();
        all
    }

    fn one(&mut self, act: u8, input: &mut Octets<'_>) {
        match act {
            0 => {
                let length = input.octet();
                self.last.extend_from_slice(input.take(length.into()));
            }
            1 => {
                let kind = FrameType(input.octet() % 18);
                let flags = input.octet();
                let stream = self.stream(input);
                let length = usize::from(input.octet());
                // Half of the time the frame says another length than it has.
                let payload = input.take(length).to_vec();
                let at = self.last.len();
                write::frame(kind, flags, stream, &payload, &mut self.last);
                if input.octet() % 8 == 0 {
                    self.last[at + 2] = input.octet();
                }
            }
            2 => self.control(input),
            3 => self.head(input),
            _ => self.message(input),
        }
    }

    fn stream(&mut self, input: &mut Octets<'_>) -> StreamId {
        StreamId(match input.octet() {
            0 => 0,
            255 => self.next,
            254 => 0x7fff_ffff,
            near if near >= 128 => self.next.saturating_sub(2 * (u32::from(near) - 127)),
            low => low.into(),
        })
    }

    fn control(&mut self, input: &mut Octets<'_>) {
        let (kind, stream) = (input.octet(), self.stream(input));
        let out = &mut self.last;
        let value = |input: &mut Octets<'_>| match input.octet() {
            255 => u32::MAX,
            254 => 0x7fff_ffff,
            octet => (1_u32 << (octet & 31)).saturating_sub(u32::from(octet >> 5)),
        };
        match kind % 8 {
            0 => {
                let count = input.octet() % 8;
                let some: Vec<Setting> = (0..count)
                    .map(|_| Setting { id: SettingId(u16::from(input.octet() % 10)), value: value(input) })
                    .collect();
                write::settings(&some, out);
            }
            1 => write::settings_ack(out),
            2 => write::window_update(if input.octet() % 2 == 0 { StreamId(0) } else { stream }, value(input), out),
            3 => write::rst_stream(stream, ErrorCode(input.octet().into()), out),
            4 => write::go_away(stream, ErrorCode(input.octet().into()), input.take(9), out),
            5 => {
                // The PINGs that mean something to endpoints, and any.
                let opaque = match input.octet() % 4 {
                    0 => framescope::endpoint::bdp::PING,
                    1 => framescope::endpoint::lifetime::STOP_PING,
                    2 => framescope::endpoint::keepalive::PING,
                    _ => [9; 8],
                };
                write::ping(opaque, input.octet() % 2 == 0, out);
            }
            6 => write::frame(FrameType::PRIORITY, 0, stream, &[0, 0, 0, 1, 9], out),
            _ => {
                let promised = value(input).to_be_bytes();
                write::frame(FrameType::PUSH_PROMISE, 4, stream, &[&promised[..], &[0x82]].concat(), out);
            }
        }
    }

    /// A header list that begins a stream, answers one or ends it.
    fn head(&mut self, input: &mut Octets<'_>) {
        const PATHS: [&str; 9] = [
            "/framescope.Echo/Unary",
            "/framescope.Echo/ClientStream",
            "/framescope.Echo/ServerStream",
            "/framescope.Echo/Bidi",
            "/proto.StreamService/Route",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.health.v1.Health/Watch",
            "/nobody/knows",
            "*",
        ];
        const MORE: [(&str, &str); 16] = [
            ("work-ms", "1000"),
            ("work-ms", "60000"),
            ("echo-count", "1000"),
            ("echo-count", "30"),
            ("echo-status", "13"),
            ("echo-fault", "boom"),
            ("echo-header-a", "b"),
            ("echo-trailer-a", "b"),
            ("grpc-timeout", "1n"),
            ("grpc-timeout", "100m"),
            ("grpc-encoding", "gzip"),
            ("grpc-encoding", "br"),
            ("grpc-accept-encoding", "gzip"),
            ("content-length", "5"),
            ("connection", "close"),
            ("grpc-status", "14"),
        ];
        let (kind, how) = (input.octet(), input.octet());
        let stream = if how & 1 == 0 { StreamId(self.next) } else { self.stream(input) };
        if how & 1 == 0 {
            self.next = self.next.saturating_add(2);
        }
        let path = match kind % 12 {
            9 => format!("/{}/x", "\u{7f}".repeat(3000)),
            n => PATHS[usize::from(n) % PATHS.len()].to_owned(),
        };
        let request =
            [(":method", "POST"), (":scheme", "http"), (":path", path.as_str()), ("content-type", "application/grpc")];
        let answer = [(":status", if how & 64 == 0 { "200" } else { "502" }), ("content-type", "application/grpc")];
        let mut fields = match (self.side, how & 2 == 0) {
            (_, false) => vec![("grpc-status", "0")],
            (Side::Client, _) => request.to_vec(),
            (Side::Server, _) => answer.to_vec(),
        };
        let bomb = "x".repeat(if how & 32 == 0 { 0 } else { 2000 });
        if how & 32 != 0 {
            fields.extend(std::iter::repeat_n(("bomb", bomb.as_str()), usize::from(input.octet())));
        }
        for bits in [input.octet(), input.octet()].iter().take(usize::from(kind >> 6)) {
            fields.push(MORE[usize::from(bits % 16)]);
        }
        let mut block = Vec::new();
        self.encoder.encode(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut block);
        let max_frame = if how & 16 == 0 { 16_384 } else { 16 };
        write::headers(stream, &block, how & 8 != 0, max_frame, &mut self.last);
    }

    fn message(&mut self, input: &mut Octets<'_>) {
        let (kind, stream) = (input.octet(), self.stream(input));
        let octets = match kind % 8 {
            0 => envelope(input.take(12), Compression::Identity),
            1 => bomb(&SMALL, 60 << 10),
            2 => bomb(&LARGE, 1 << 20),
            3 => vec![0; 5 * usize::from(input.octet())],
            4 => [&[0, 0, 0, 0xff, 0xff][..], &[1; 10_000]].concat(),
            5 => vec![0, 0xff, 0xff, 0xff, 0xff],
            // Asks for the file of a symbol, field 4 of ServerReflectionRequest.
            6 => envelope(b"\x22\x0fframescope.Echo", Compression::Identity),
            _ => Vec::new(),
        };
        let mut pieces = octets.chunks(16_384).peekable();
        if pieces.peek().is_none() {
            write::data(stream, &[], kind & 64 != 0, &mut self.last);
        }
        while let Some(piece) = pieces.next() {
            let end = kind & 64 != 0 && pieces.peek().is_none();
            if kind & 128 == 0 {
                write::data(stream, piece, end, &mut self.last);
            } else {
                let padded = [&[200][..], piece.get(..16_000).unwrap_or(piece), &[0; 200]].concat();
                write::frame(FrameType::DATA, 8 | u8::from(end), stream, &padded, &mut self.last);
            }
        }
    }
}

/// A packed message that is much larger than it looks; packed once.
fn bomb(packed: &OnceLock<Vec<u8>>, octets: usize) -> Vec<u8> {
    packed.get_or_init(|| envelope(&vec![0; octets], Compression::Gzip)).clone()
}

static SMALL: OnceLock<Vec<u8>> = OnceLock::new();
static LARGE: OnceLock<Vec<u8>> = OnceLock::new();

/// What an endpoint sends is whole frames.
pub fn assert_frames(octets: &[u8]) {
    let mut rest = octets.strip_prefix(MAGIC.as_slice()).unwrap_or(octets);
    while let Some(header) = FrameHeader::first(rest) {
        let end = HEADER_OCTETS + usize::try_from(header.length()).expect("it fits");
        rest = rest.get(end..).expect("an endpoint sends whole frames");
    }
    assert!(rest.is_empty(), "an endpoint sends whole frames");
}
