//! A pcap file made in memory: one HTTP/2 connection, octet by octet.
#![allow(dead_code, reason = "no test binary uses all of it")]

/// A capture under construction.
pub(crate) struct Conversation {
    file: Vec<u8>,
    next: [u32; 2],
    micros: u32,
}

/// Which side sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// The client, port 40000.
    Client,
    /// The server, port 50051.
    Server,
}

impl Conversation {
    /// A connection that has just been opened, with both prefaces.
    pub(crate) fn new() -> Self {
        let mut new = Self::bare();
        let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, &[])].concat();
        new.send(Side::Client, &preface);
        new.send(Side::Server, &frame(4, 0, 0, &[]));
        new
    }

    /// A connection that has just been opened, and nothing said.
    pub(crate) fn bare() -> Self {
        let mut file = Vec::new();
        for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        let mut new = Self { file, next: [1000, 5000], micros: 0 };
        new.segment(Side::Client, 0x02, &[]);
        new.segment(Side::Server, 0x12, &[]);
        new.segment(Side::Client, 0x10, &[]);
        new
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, micros: u32) {
        self.micros += micros;
    }

    /// One segment with these octets.
    pub(crate) fn send(&mut self, side: Side, octets: &[u8]) {
        self.segment(side, 0x18, octets);
    }

    /// A segment that was sent and never captured.
    pub(crate) fn lose(&mut self, side: Side, octets: usize) {
        self.next[side as usize] += octets as u32;
    }

    /// A unary call of one octet each way; `status` is the value of `grpc-status`.
    pub(crate) fn call(&mut self, stream: u32, path: &[u8], status: &[u8], micros: u32) {
        self.send(Side::Client, &[request(stream, path), frame(0, 1, stream, &message(b"q"))].concat());
        self.wait(micros);
        let trailers = frame(1, 5, stream, &literal(b"grpc-status", status));
        let response = frame(1, 4, stream, &[&[0x88][..], &literal(b"content-type", b"application/grpc")].concat());
        self.send(Side::Server, &[response, frame(0, 0, stream, &message(b"a")), trailers].concat());
    }

    /// The octets of the file.
    pub(crate) fn file(self) -> Vec<u8> {
        self.file
    }

    fn segment(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let (mine, other) = (side as usize, 1 - side as usize);
        let ports: [u16; 2] = [40_000, 50_051];
        let mut packet = vec![0; 12];
        packet.extend_from_slice(&[8, 0, 0x45, 0]);
        packet.extend_from_slice(&(40 + payload.len() as u16).to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend_from_slice(&ports[mine].to_be_bytes());
        packet.extend_from_slice(&ports[other].to_be_bytes());
        packet.extend_from_slice(&self.next[mine].to_be_bytes());
        packet.extend_from_slice(&self.next[other].to_be_bytes());
        packet.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend_from_slice(payload);
        self.micros += 10;
        let length = packet.len() as u32;
        for number in [1_700_000_000 + self.micros / 1_000_000, self.micros % 1_000_000, length, length] {
            self.file.extend_from_slice(&number.to_le_bytes());
        }
        self.file.extend_from_slice(&packet);
        self.next[mine] = self.next[mine].wrapping_add(payload.len() as u32 + u32::from(flags >> 1 & 1));
    }
}

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The HEADERS of a gRPC request.
pub(crate) fn request(stream: u32, path: &[u8]) -> Vec<u8> {
    let path = [&[0x04][..], &string(path)].concat();
    frame(1, 4, stream, &[&[0x83, 0x86][..], &path, &literal(b"content-type", b"application/grpc")].concat())
}

/// A length-prefixed message.
pub(crate) fn message(content: &[u8]) -> Vec<u8> {
    [&[0][..], &(content.len() as u32).to_be_bytes(), content].concat()
}

/// A header field that enters no table (RFC 7541 §6.2.2).
pub(crate) fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0][..], &string(name), &string(value)].concat()
}

fn string(octets: &[u8]) -> Vec<u8> {
    let mut length = octets.len();
    let mut out = Vec::new();
    if length < 127 {
        out.push(length as u8);
    } else {
        out.push(127);
        length -= 127;
        while length >= 128 {
            out.push((length % 128) as u8 | 0x80);
            length /= 128;
        }
        out.push(length as u8);
    }
    out.extend_from_slice(octets);
    out
}
