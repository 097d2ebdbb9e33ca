//! HTTP/2 connections. The input: how they are met (an octet), then runs: a side and whether it is a gap (an octet), a length (an
//! octet, times the next for gaps), octets.

use framescope::direction::{Both, Direction};
use framescope::http2::connection::{Connection, Frame, Notice, Part, Shared, Sink};
use framescope::limits::Limits;
use framescope::span::{Arrival, Piece};
use framescope::time::Timestamp;

use crate::Octets;

/// Checks that frames stand where they say, and follow each other.
#[derive(Default)]
struct Checker {
    runs: Vec<Vec<u8>>,
    ends: Both<u64>,
    frames: u64,
    /// Whether the sides became known, and turned.
    turned: Option<bool>,
}

impl Sink for Checker {
    fn frame(&mut self, frame: &Frame<'_>) {
        assert_eq!(frame.id.0, self.frames, "frames are numbered in the order in which they are shown");
        self.frames += 1;
        assert!(frame.offset >= self.ends[frame.direction], "frames never overlap");
        let size = frame.header.map_or(24, |header| 9 + u64::from(header.length()));
        self.ends[frame.direction] = frame.offset + size;
        if !frame.octets.is_empty() || size == 9 {
            let missing = |at: usize| {
                frame
                    .holes
                    .iter()
                    .any(|hole| (hole.start..hole.start + hole.length).contains(&u32::try_from(at).expect("it fits")))
            };
            let header = frame.header.iter().flat_map(|header| header.octets());
            let shown: Vec<u8> = header
                .chain(frame.octets.iter().enumerate().filter(|(at, _)| !missing(*at)).map(|(_, octet)| *octet))
                .collect();
            let stands: Vec<u8> = frame.pieces.iter().flat_map(|piece| self.at(*piece)).collect();
            assert_eq!(shown, stands, "a frame stands where it says");
        }
        if let Some(block) = &frame.block {
            for field in block.fields {
                let _ = (
                    field.name(),
                    field.value(),
                    field.representation(),
                    field.index(),
                    field.span(),
                    field.static_name(),
                    field.entry_id(),
                );
            }
            assert!(!block.frames.is_empty());
        }
        let _ = format!("{:?} {:?} {:?}", frame.payload, frame.state, frame.facts);
    }

    fn part(&mut self, part: Part<'_>) {
        if let Ok(octets) = part.octets {
            assert!(
                octets.len() as u64 <= part.pieces.iter().map(|piece| u64::from(piece.length)).sum(),
                "each octet stands somewhere"
            );
        }
    }

    fn sides(&mut self, _at: Arrival, turned: bool) {
        assert_eq!(self.turned.replace(turned), None, "the sides become known once");
        if turned {
            self.ends.swap();
        }
    }

    fn notice(&mut self, _direction: Direction, _at: Arrival, notice: Notice<'_>) {
        if let Notice::Malformed { what, .. } = notice {
            assert!(!what.to_string().is_empty());
        }
    }
}

impl Checker {
    fn at(&self, piece: Piece) -> Vec<u8> {
        let start = usize::try_from(piece.offset).expect("it fits");
        let run = &self.runs[usize::try_from(piece.packet - 1).expect("it fits")];
        run[start..start + usize::try_from(piece.length).expect("it fits")].to_vec()
    }
}

/// Speaks runs into a connection with small limits.
pub fn run(data: &[u8]) {
    let mut input = Octets(data);
    let met = input.octet();
    let limits = Limits {
        frame: 600,
        header_block: 900,
        header_block_frames: 4,
        streams: 8,
        search: 1024,
        unanswered: 3,
        total_tables: 3000,
        ..Limits::default()
    };
    let limits = if met & 4 == 0 { Limits::default() } else { limits };
    let mut shared = Shared::new(&limits);
    let mut connection = if met & 8 == 0 {
        Connection::new(Both { to_server: met & 1 == 0, to_client: met & 2 == 0 })
    } else {
        Connection::upgraded(&[0, 1, 0, 0, 0, met])
    };
    if met & 27 == 19 {
        connection.guess_sides();
    }
    let mut checker = Checker::default();
    while !input.is_empty() && checker.runs.len() < 4096 {
        let kind = input.octet();
        let to_server = (kind & 1 == 0) != (checker.turned == Some(true));
        let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
        let length = input.octet();
        let number = checker.runs.len() as u64 + 1;
        let at = Arrival { time: Timestamp::from_nanos(i64::try_from(number).unwrap_or(0)), packet: number };
        if kind & 0xf0 == 0xf0 {
            let times = u64::from(input.octet()) + 1;
            let octets = (u64::from(length) + 1) * times;
            checker.runs.push(Vec::new());
            connection.gap(direction, octets, at, &mut shared, &mut checker);
        } else {
            let octets = input.take(usize::from(length)).to_vec();
            if octets.is_empty() {
                continue;
            }
            checker.runs.push(octets.clone());
            let piece = Piece { packet: number, offset: 0, length: u32::try_from(octets.len()).expect("it fits") };
            connection.push(direction, &octets, &[piece], at, &mut shared, &mut checker);
        }
        assert!(connection.held_bytes() < 8 << 20);
    }
    for direction in Direction::BOTH {
        connection.finish(direction, Arrival::default(), &mut shared, &mut checker);
    }
    connection.close(Arrival::default(), &mut shared, &mut checker);
    assert_eq!(shared.open_streams, 0, "what was counted is given back");
}
