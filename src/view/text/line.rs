//! One line of the trace: its columns.

use crate::direction::Direction;
use crate::http2::connection::Frame;
use crate::http2::frame::{FrameHeader, FrameType, defined_flags};
use crate::span::Arrival;
use crate::tcp::FlowId;
use crate::time::Timestamp;
use crate::write;

/// Where flags begin, counted from the note.
const NOTE: usize = 52;

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
    pub(super) flow: Option<FlowId>,
    pub(super) style: Style,
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
        write::integer_right(out, self.at.packet, 8);
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

    /// A frame with its note.
    pub(super) fn frame(&self, frame: &Frame<'_>, note: &[u8], out: &mut Vec<u8>) {
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
        out.push(b'\n');
    }

    /// A remark that is no frame.
    pub(super) fn remark(&self, direction: Option<Direction>, note: &[u8], out: &mut Vec<u8>) {
        self.begin(direction, out);
        out.extend_from_slice(b"         ");
        self.style.warning(out, |out| {
            out.extend_from_slice(b"-- ");
            out.extend_from_slice(note);
        });
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
