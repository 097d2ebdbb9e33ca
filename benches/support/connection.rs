//! Client and server of one connection, as grpc-go speaks: each step sends one packet.

use std::io::{self, Write};

use framescope::http2::hpack::Encoder;

use super::message;
use super::random::Random;
use super::tap::{ACK, End, FIN, LARGEST_SEGMENT, PSH, SYN, Tap};

/// The port of every server.
pub(crate) const PORT: u16 = 50_051;

const MAGIC: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const IS_ACK: u8 = 1;
const END_HEADERS: u8 = 4;
/// Octets of a large DATA frame.
const FRAME: usize = 16_384;

/// What a connection is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Use {
    /// One small call after the other.
    Unary,
    /// Large messages from the server, in segments of this many octets.
    Bulk { segment: usize },
}

/// A connection under way.
pub(crate) struct Connection {
    client: End,
    server: End,
    requests: Encoder,
    responses: Encoder,
    kind: Use,
    calls: u32,
    stream: u32,
    stage: Stage,
    /// Octets the server has still to send, and how many it has sent.
    sending: Vec<u8>,
    sent: usize,
    payload: Vec<u8>,
    block: Vec<u8>,
}

/// Which packet is next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Open(u8),
    Call(u8),
    Sending,
    Received,
    Trailers,
    Close(u8),
    Closed,
}

impl Connection {
    /// Connection number `number`, which will make `calls` calls.
    pub(crate) fn new(number: u32, kind: Use, calls: u32, random: &mut Random) -> Self {
        let [_, a, b, c] = number.to_be_bytes();
        let port = 32_768 + (number % 28_000) as u16;
        Self {
            client: End { address: [10, a, b ^ 0x40, c % 200 + 1], port, next: random.next() as u32 },
            server: End { address: [10, 255, 0, 1], port: PORT, next: random.next() as u32 },
            requests: Encoder::new(),
            responses: Encoder::new(),
            kind,
            calls,
            stream: 1,
            stage: Stage::Open(0),
            sending: Vec::new(),
            sent: 0,
            payload: Vec::new(),
            block: Vec::new(),
        }
    }

    /// Makes no more calls.
    pub(crate) fn stop(&mut self) {
        self.calls = self.calls.min(1);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    /// Sends the next packet.
    pub(crate) fn step(&mut self, tap: &mut Tap<impl Write>, random: &mut Random) -> io::Result<()> {
        self.payload.clear();
        match self.stage {
            Stage::Open(n) => self.open(n, tap),
            Stage::Call(n) => self.call(n, tap, random),
            Stage::Sending => self.send(tap),
            Stage::Received => self.received(tap, random),
            Stage::Trailers => {
                self.response_trailers();
                self.end_call();
                self.server_sends(tap)
            }
            Stage::Close(n) => self.close(n, tap),
            Stage::Closed => Ok(()),
        }
    }

    fn open(&mut self, n: u8, tap: &mut Tap<impl Write>) -> io::Result<()> {
        self.stage = if n == 6 { Stage::Call(0) } else { Stage::Open(n + 1) };
        match n {
            0 => tap.segment(&mut self.client, &self.server, SYN, &[]),
            1 => tap.segment(&mut self.server, &self.client, SYN | ACK, &[]),
            2 => tap.segment(&mut self.client, &self.server, ACK, &[]),
            3 => {
                self.payload.extend_from_slice(MAGIC);
                // INITIAL_WINDOW_SIZE: 8 MiB.
                frame(SETTINGS, 0, 0, &[0, 4, 0, 0x80, 0, 0], &mut self.payload);
                window_update(0, 16 << 20, &mut self.payload);
                self.client_sends(tap)
            }
            4 => {
                // MAX_FRAME_SIZE: 16384.
                frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0x40, 0], &mut self.payload);
                self.server_sends(tap)
            }
            5 => {
                frame(SETTINGS, IS_ACK, 0, &[], &mut self.payload);
                self.server_sends(tap)
            }
            _ => {
                frame(SETTINGS, IS_ACK, 0, &[], &mut self.payload);
                self.client_sends(tap)
            }
        }
    }

    fn call(&mut self, n: u8, tap: &mut Tap<impl Write>, random: &mut Random) -> io::Result<()> {
        let ping = (u64::from(self.stream) << 16 | 0x0204_1010).to_be_bytes();
        match n {
            0 => {
                self.request(random);
                self.stage = Stage::Call(if random.one_in(8) { 1 } else { 2 });
                self.client_sends(tap)
            }
            // A server that takes its time acknowledges before it answers.
            1 => {
                self.stage = Stage::Call(2);
                tap.segment(&mut self.server, &self.client, ACK, &[])
            }
            2 => {
                window_update(0, message::READING as u32 + 5, &mut self.payload);
                self.stage = Stage::Sending;
                if self.kind == Use::Unary {
                    frame(PING, 0, 0, &ping, &mut self.payload);
                    self.stage = Stage::Call(3);
                }
                self.server_sends(tap)
            }
            3 => {
                self.response_headers();
                self.block.clear();
                message::reading(random, &mut self.block);
                frame(DATA, 0, self.stream, &self.block, &mut self.payload);
                self.response_trailers();
                self.stage = Stage::Call(4);
                self.server_sends(tap)
            }
            4 => {
                frame(PING, IS_ACK, 0, &ping, &mut self.payload);
                self.stage = Stage::Call(5);
                if random.one_in(2) || self.calls == 1 {
                    self.end_call();
                }
                self.client_sends(tap)
            }
            _ => {
                self.end_call();
                tap.segment(&mut self.server, &self.client, ACK, &[])
            }
        }
    }

    /// Part of a large message, as much as fits into one segment.
    fn send(&mut self, tap: &mut Tap<impl Write>) -> io::Result<()> {
        let Use::Bulk { segment } = self.kind else { return Ok(()) };
        if self.sending.is_empty() {
            self.response_headers();
            let mut content = Vec::new();
            message::chunk(u64::from(self.stream), filler(tap.packets), &mut content);
            self.sending.append(&mut self.payload);
            for data in content.chunks(FRAME) {
                frame(DATA, 0, self.stream, data, &mut self.sending);
            }
        }
        let take = segment.min(LARGEST_SEGMENT).min(self.sending.len() - self.sent);
        tap.segment(&mut self.server, &self.client, ACK | PSH, &self.sending[self.sent..self.sent + take])?;
        self.sent += take;
        self.stage = Stage::Sending;
        if self.sent >= self.sending.len() || self.sent / FRAME % 4 == 3 {
            self.stage = Stage::Received;
        }
        Ok(())
    }

    /// The client has read some of it.
    fn received(&mut self, tap: &mut Tap<impl Write>, random: &mut Random) -> io::Result<()> {
        let ended = self.sent >= self.sending.len();
        self.stage = if ended { Stage::Trailers } else { Stage::Sending };
        if !ended && random.one_in(2) {
            return tap.segment(&mut self.client, &self.server, ACK, &[]);
        }
        window_update(0, 65_536, &mut self.payload);
        window_update(self.stream, 65_536, &mut self.payload);
        if ended {
            self.sending.clear();
            self.sent = 0;
        }
        self.client_sends(tap)
    }

    fn end_call(&mut self) {
        self.stream += 2;
        self.calls -= 1;
        self.stage = if self.calls == 0 { Stage::Close(0) } else { Stage::Call(0) };
    }

    fn close(&mut self, n: u8, tap: &mut Tap<impl Write>) -> io::Result<()> {
        self.stage = if n == 2 { Stage::Closed } else { Stage::Close(n + 1) };
        match n {
            0 => tap.segment(&mut self.client, &self.server, ACK | FIN, &[]),
            1 => tap.segment(&mut self.server, &self.client, ACK | FIN, &[]),
            _ => tap.segment(&mut self.client, &self.server, ACK, &[]),
        }
    }

    /// HEADERS and DATA of a request.
    fn request(&mut self, random: &mut Random) {
        const METHODS: [&[u8]; 4] = [
            b"/framescope.bench.Store/Get",
            b"/framescope.bench.Store/Put",
            b"/framescope.bench.Store/Compare",
            b"/framescope.bench.Store/Forget",
        ];
        let path = match self.kind {
            Use::Unary => METHODS[random.below(4) as usize],
            Use::Bulk { .. } => b"/framescope.bench.Store/Download",
        };
        self.block.clear();
        let mut block = self.requests.block(&mut self.block);
        block
            .field(b":method", b"POST")
            .field(b":scheme", b"http")
            .field(b":path", path)
            .field(b":authority", b"store.bench.example:50051");
        block
            .field(b"content-type", b"application/grpc")
            .field(b"user-agent", b"grpc-go/1.64.0")
            .field(b"te", b"trailers");
        if random.one_in(16) {
            block.field(b"x-request-id", format!("{:016x}", random.next()).as_bytes());
        }
        frame(HEADERS, END_HEADERS, self.stream, &self.block, &mut self.payload);
        self.block.clear();
        message::reading(random, &mut self.block);
        frame(DATA, END_STREAM, self.stream, &self.block, &mut self.payload);
    }

    fn response_headers(&mut self) {
        self.block.clear();
        self.responses.block(&mut self.block).field(b":status", b"200").field(b"content-type", b"application/grpc");
        frame(HEADERS, END_HEADERS, self.stream, &self.block, &mut self.payload);
    }

    fn response_trailers(&mut self) {
        self.block.clear();
        self.responses.block(&mut self.block).field(b"grpc-status", b"0").field(b"grpc-message", b"");
        frame(HEADERS, END_HEADERS | END_STREAM, self.stream, &self.block, &mut self.payload);
    }

    fn client_sends(&mut self, tap: &mut Tap<impl Write>) -> io::Result<()> {
        tap.segment(&mut self.client, &self.server, ACK | PSH, &self.payload)
    }

    fn server_sends(&mut self, tap: &mut Tap<impl Write>) -> io::Result<()> {
        tap.segment(&mut self.server, &self.client, ACK | PSH, &self.payload)
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

fn window_update(stream: u32, increment: u32, out: &mut Vec<u8>) {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes(), out);
}

/// 64 KiB to 1 MiB of content.
fn filler(seed: u64) -> &'static [u8] {
    static OCTETS: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let mut random = Random::new(7);
        (0..(1 << 20) / 8).flat_map(|_| random.next().to_le_bytes()).collect()
    });
    let length = (64 << 10) + Random::new(seed).below(960 << 10) as usize;
    &OCTETS[..length]
}
