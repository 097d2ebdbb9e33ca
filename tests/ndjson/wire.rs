//! Captures written by hand: one connection, each push a packet.

use framescope::capture::LinkType;
use framescope::capture::write::PcapWriter;
use framescope::direction::Direction;
use framescope::limits::Limits;
use framescope::time::Timestamp;
use serde_json::Value;

use crate::schema::Checker;

/// One TCP connection on its way into a capture.
pub(crate) struct Wire {
    file: PcapWriter<Vec<u8>>,
    next: [u32; 2],
    packets: i64,
}

impl Wire {
    /// A connection after its handshake.
    pub(crate) fn open() -> Self {
        let file = PcapWriter::new(Vec::new(), LinkType::RAW, 65_535).expect("a capture");
        let mut wire = Self { file, next: [100, 500], packets: 0 };
        wire.segment(Direction::ToServer, &[], 0x02);
        wire.segment(Direction::ToClient, &[], 0x12);
        wire.segment(Direction::ToServer, &[], 0x10);
        wire
    }

    /// An HTTP/2 connection after both prefaces.
    pub(crate) fn http2() -> Self {
        let mut wire = Self::open();
        wire.push(Direction::ToServer, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        wire.push(Direction::ToServer, &frame(4, 0, 0, &[]));
        wire.push(Direction::ToClient, &frame(4, 0, 0, &[]));
        wire
    }

    pub(crate) fn push(&mut self, direction: Direction, octets: &[u8]) {
        self.segment(direction, octets, 0x18);
    }

    /// Records as they are shown, each checked against the schema.
    pub(crate) fn records(self, limits: &Limits) -> Vec<Value> {
        let capture = self.file.into_inner();
        let options = crate::Options { with_schema: true, bytes: true };
        let records = crate::parse(&crate::show("by hand", &capture[..], options, limits));
        let schema = Checker::new(framescope::view::ndjson::SCHEMA);
        for record in &records {
            schema.check(record).unwrap_or_else(|why| panic!("{why}\n{record}"));
        }
        records
    }

    fn segment(&mut self, direction: Direction, octets: &[u8], flags: u8) {
        let [client, server] = self.next;
        let (ports, sequence, acknowledged) = match direction {
            Direction::ToServer => ([40_000_u16, 50_051], client, server),
            Direction::ToClient => ([50_051, 40_000], server, client),
        };
        let length = u16::try_from(40 + octets.len()).expect("a packet");
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 1]);
        ports.iter().for_each(|port| packet.extend(port.to_be_bytes()));
        packet.extend(sequence.to_be_bytes());
        packet.extend(acknowledged.to_be_bytes());
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(octets);
        let taken = u32::try_from(octets.len()).expect("a packet") + u32::from(flags & 0x02 != 0);
        self.next[usize::from(direction == Direction::ToClient)] += taken;
        self.packets += 1;
        let time = Timestamp::from_nanos(self.packets * 1_000);
        self.file.write_packet(time, &packet, u32::from(length)).expect("a packet");
    }
}

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut octets = u32::try_from(payload.len()).expect("a frame").to_be_bytes()[1..].to_vec();
    octets.extend([kind, flags]);
    octets.extend(stream.to_be_bytes());
    octets.extend(payload);
    octets
}

/// A header field as a literal without indexing and without Huffman code.
pub(crate) fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut octets = vec![0];
    for text in [name, value] {
        octets.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("a short text"));
        octets.extend(text);
    }
    octets
}

/// The header block of a request to `path`, with more fields behind those that gRPC asks for.
pub(crate) fn request(path: &[u8], more: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    block.extend(literal(b":path", path));
    block.extend(literal(b"content-type", b"application/grpc"));
    more.iter().for_each(|(name, value)| block.extend(literal(name, value)));
    block
}
