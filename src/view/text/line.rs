//! One line of the trace: its columns.

use crate::direction::Direction;
use crate::http2::connection::Frame;
use crate::http2::frame::{FrameHeader, FrameType, defined_flags};
use crate::span::Arrival;
use crate::tcp::FlowId;
use crate::time::Timestamp;
use crate::write;

use super::fold::fold;

/// Where flags begin, counted from the note.
const NOTE: usize = 52;
/// Where notes begin, and how much further right with clock times and with the numbers of flows.
const BEGIN: usize = 53;
const CLOCK: usize = 22;
const FLOW: usize = 6;
/// Columns that a note should have, and where it goes on otherwise.
const ROOM: usize = 40;
const NARROW: usize = 32;

/// Columns of a time from the start, at the least.
const TIME: usize = 8;

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    colour: bool,
}

impl Style {
    pub(super) const fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn paint(self, code: &[u8], out: &mut Vec<u8>, words: impl FnOnce(&mut Vec<u8>)) {
        if !self.colour {
            return words(out);
        }
        out.extend_from_slice(code);
        words(out);
        out.extend_from_slice(b"\x1b[0m");
    }

    pub(super) fn bold(self, out: &mut Vec<u8>, words: impl FnOnce(&mut Vec<u8>)) {
        self.paint(b"\x1b[1m", out, words);
    }

    fn dim(self, out: &mut Vec<u8>, words: impl FnOnce(&mut Vec<u8>)) {
        self.paint(b"\x1b[2m", out, words);
    }

    fn direction(self, direction: Direction, out: &mut Vec<u8>) {
        let (code, arrow): (&[u8], &[u8]) = match direction {
            Direction::ToServer => (b"\x1b[36m", b"->"),
            Direction::ToClient => (b"\x1b[35m", b"<-"),
        };
        self.paint(code, out, |out| out.extend_from_slice(arrow));
    }

    fn warning(self, out: &mut Vec<u8>, words: impl FnOnce(&mut Vec<u8>)) {
        self.paint(b"\x1b[33m", out, words);
    }
}

/// The header of the columns, for lines whose times are as wide as `nanos` from the start; `None` for times of the clock.
pub(super) fn header(nanos: Option<i64>, flows: bool, out: &mut Vec<u8>) {
    if let Some(nanos) = nanos {
        let mut time = Vec::new();
        write::moment(&mut time, nanos, TIME);
        (2..time.len()).for_each(|_| out.push(b' '));
        out.extend_from_slice(b"ms");
    } else {
        write::left(out, "time", 30);
    }
    out.extend_from_slice(b"  packet  ");
    if flows {
        out.extend_from_slice(b"flow  ");
    }
    out.extend_from_slice(b"   stream  frame           octets\n");
}

/// What all kinds of lines begin with.
pub(super) struct Line {
    pub(super) absolute: bool,
    pub(super) start: Timestamp,
    pub(super) at: Arrival,
    /// Whether it was captured before a line above it.
    pub(super) late: bool,
    pub(super) flow: Option<FlowId>,
    pub(super) style: Style,
    /// Columns into which lines are broken.
    pub(super) fold: Option<usize>,
}

impl Line {
    fn begin(&self, direction: Option<Direction>, out: &mut Vec<u8>) {
        self.style.dim(out, |out| {
            if self.absolute {
                out.extend_from_slice(self.at.time.rfc3339().as_bytes());
            } else {
                write::moment(out, self.at.time.nanos_since(self.start), TIME);
            }
        });
        if self.late {
            out.push(b'^');
        }
        write::integer_right(out, self.at.packet, if self.late { 7 } else { 8 });
        out.extend_from_slice(b"  ");
        if let Some(flow) = self.flow {
            write::integer_right(out, flow.0, 4);
            out.extend_from_slice(b"  ");
        }
        match direction {
            Some(direction) => self.style.direction(direction, out),
            None => out.extend_from_slice(b"  "),
        }
    }

    /// Breaks a line that is too wide; it goes on where notes begin, or further left where that would leave little room.
    fn broken(&self, from: usize, out: &mut Vec<u8>) {
        let Some(width) = self.fold else { return };
        let wider = if self.absolute { CLOCK } else { 0 };
        let notes = BEGIN.saturating_add(wider).saturating_add(if self.flow.is_some() { FLOW } else { 0 });
        let indent = if width >= notes.saturating_add(ROOM) { notes } else { NARROW };
        fold(out, from, width, indent);
    }

    /// A frame with its note.
    pub(super) fn frame(&self, frame: &Frame<'_>, note: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        self.begin(Some(frame.direction), out);
        match frame.header {
            Some(header) => {
                write::integer_right(out, header.stream().0, 7);
                out.extend_from_slice(b"  ");
                self.style.bold(out, |out| kind(header, out));
                write::integer_right(out, header.length(), 8);
            }
            None => {
                out.extend_from_slice(b"         ");
                self.style.bold(out, |out| write::left(out, "MAGIC", 14));
                write::integer_right(out, 24_u64, 8);
            }
        }
        if !note.is_empty() {
            out.extend_from_slice(b"  ");
            out.extend_from_slice(note);
        }
        if let Some(header) = frame.header {
            flags(header, note, out);
        }
        self.broken(from, out);
        out.push(b'\n');
    }

    /// A remark that is no frame.
    pub(super) fn remark(&self, direction: Option<Direction>, note: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        self.begin(direction, out);
        out.extend_from_slice(b"         ");
        self.style.warning(out, |out| {
            out.extend_from_slice(b"-- ");
            out.extend_from_slice(note);
        });
        self.broken(from, out);
        out.push(b'\n');
    }
}

/// The frame type in its column; an acknowledgement is named with it.
fn kind(header: FrameHeader, out: &mut Vec<u8>) {
    let name: &str = match (header.kind(), header.is_ack()) {
        (FrameType::SETTINGS, true) => "SETTINGS ACK",
        (FrameType::PING, true) => "PING ACK",
        (kind, _) => match kind.name() {
            Some(name) => name,
            None => return write::left(out, &kind.to_string(), 14),
        },
    };
    write::left(out, name, 14);
}

/// The names of the flags that the type defines, but for ACK, which the type column has.
fn flags(header: FrameHeader, note: &[u8], out: &mut Vec<u8>) {
    let mut first = true;
    for (bit, name) in defined_flags(header.kind()) {
        if !header.flags().has(*bit) || *name == "ACK" {
            continue;
        }
        if std::mem::replace(&mut first, false) {
            let width = write::columns(note);
            write::spaces(out, NOTE.saturating_sub(width).max(2));
        } else {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    }
}
