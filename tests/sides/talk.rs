//! Conversations made by hand that are met in the middle.

use framescope::capture::Packet;

use crate::seen::Seen;
use crate::support::packets::{ACK, RST, Segment, packet};

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// The client's port with which the ports say that it is the client, and the one with which they say that it is not.
pub(crate) const RIGHT: u16 = 60_000;
pub(crate) const WRONG: u16 = 40_000;

/// Frame types.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The packets of one connection, each 100 ms after the one before, so that after ten of them the sides are guessed.
pub(crate) struct Talk {
    port: u16,
    micros: i64,
    next: [u32; 2],
    packets: Vec<(i64, Vec<u8>)>,
}

impl Talk {
    /// A connection of this port of the client to port 50051, with a message under way on stream 1 for more than a second.
    pub(crate) fn bulk(port: u16) -> Self {
        let mut talk = Self::new(port);
        for number in 0..12 {
            talk.say(number % 3 != 0, &frame(DATA, 0, 1, &[b'x'; 40]));
        }
        talk
    }

    pub(crate) fn new(port: u16) -> Self {
        Self { port, micros: 1_000_000, next: [1000, 2000], packets: Vec::new() }
    }

    pub(crate) fn say(&mut self, from_client: bool, octets: &[u8]) -> &mut Self {
        self.send(from_client, ACK, octets)
    }

    pub(crate) fn reset(&mut self, from_client: bool) -> &mut Self {
        self.send(from_client, RST | ACK, &[])
    }

    fn send(&mut self, from_client: bool, flags: u8, payload: &[u8]) -> &mut Self {
        let [mine, other] = [usize::from(!from_client), usize::from(from_client)];
        let segment = Segment {
            from_client,
            client_port: self.port,
            sequence: self.next[mine],
            acknowledgment: self.next[other],
            flags,
            payload: payload.to_vec(),
        };
        self.next[mine] += u32::try_from(payload.len()).unwrap();
        self.micros += 100_000;
        self.packets.push((self.micros, segment.octets()));
        self
    }

    /// Lets the capture go on after the packets of another one.
    pub(crate) fn after(mut self, other: &Self) -> Self {
        let later = other.packets.last().map_or(0, |(micros, _)| *micros);
        self.packets.iter_mut().for_each(|(micros, _)| *micros += later);
        self.packets.splice(0..0, other.packets.iter().cloned());
        self
    }

    pub(crate) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        (1..).zip(&self.packets).map(|(number, (micros, octets))| packet(number, *micros, octets))
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen::of(self.packets())
    }
}
