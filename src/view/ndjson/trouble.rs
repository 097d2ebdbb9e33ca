//! The records of what went wrong: `gap`, `resync`, `unfinished`, `conflict`, `malformed`, `limit`.

use super::write::{
    display, end, key, name, number, number_if_known, packets, quoted, quoted_hex, string_or_hex, truth,
};
use crate::annotate;
use crate::direction::Direction;
use crate::event::{Event, Fault, What};
use crate::http2::frame::FrameHeader;
use crate::span::Piece;
use crate::tcp::GapReason;
use crate::write::Again;

/// Limits that were reached, in the order in which they first were.
#[derive(Debug, Default)]
pub(super) struct Reached(Vec<Limit>);

/// One limit.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) what: &'static str,
    /// How much it left out, in all.
    pub(super) count: u64,
    /// How often it was reached.
    pub(super) times: u64,
}

impl Reached {
    pub(super) fn limits(&self) -> &[Limit] {
        &self.0
    }

    fn add(&mut self, what: &'static str, count: u64) {
        if let Some(known) = self.0.iter_mut().find(|limit| limit.what == what) {
            known.count = known.count.saturating_add(count);
            known.times = known.times.saturating_add(1);
        } else {
            self.0.push(Limit { what, count, times: 1 });
        }
    }
}

/// Octets are missing.
pub(super) fn gap(
    event: &Event<'_>,
    direction: Direction,
    offset: u64,
    octets: u64,
    reason: GapReason,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"type\":\"gap\"");
    place(event, Some(direction), out);
    number(out, key!("offset"), offset);
    number(out, key!("bytes"), octets);
    let why = match reason {
        GapReason::Lost => "lost",
        GapReason::Cut | GapReason::NotCaptured => "not_captured",
        GapReason::Limit => "limit",
    };
    name(out, key!("why"), why);
    end(out);
}

/// Reading goes on, or never did.
pub(super) fn resync(
    event: &Event<'_>,
    direction: Direction,
    offset: u64,
    skipped: u64,
    found: bool,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"type\":\"resync\"");
    place(event, Some(direction), out);
    number(out, key!("offset"), offset);
    number(out, key!("skipped"), skipped);
    truth(out, key!("found"), found);
    end(out);
}

/// What a direction ended with, when it ended inside a frame.
pub(super) struct Rest {
    pub(super) offset: u64,
    pub(super) header: Option<FrameHeader>,
    pub(super) present: u64,
    pub(super) missing: u64,
    pub(super) by_sender: bool,
}

/// A direction ended inside a frame.
pub(super) fn unfinished(event: &Event<'_>, direction: Direction, rest: &Rest, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"unfinished\"");
    place(event, Some(direction), out);
    number(out, key!("offset"), rest.offset);
    if let Some(header) = rest.header {
        display(out, key!("frame"), header.kind());
        number(out, key!("frame_type"), header.kind().0);
        number(out, key!("length"), header.length());
        number(out, key!("flags"), header.flags().0);
        number(out, key!("stream"), header.stream().0);
    }
    number(out, key!("present"), rest.present);
    number(out, key!("missing"), rest.missing);
    truth(out, key!("by_sender"), rest.by_sender);
    end(out);
}

/// One side speaks another protocol than the other.
pub(super) fn foreign(event: &Event<'_>, direction: Direction, octets: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"foreign\"");
    place(event, Some(direction), out);
    out.extend_from_slice(key!("first_octets"));
    quoted_hex(out, octets.get(..64).unwrap_or(octets));
    out.extend_from_slice(key!("note"));
    let mut note = Vec::new();
    annotate::foreign(direction, octets, &mut note);
    annotate::hedge(event.flow.as_ref(), 0, &mut note);
    quoted(out, &note);
    end(out);
}

/// What somebody has written beside a packet.
pub(super) fn comment(event: &Event<'_>, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"comment\"");
    place(event, None, out);
    string_or_hex(out, (key!("text"), key!("text_hex")), text);
    end(out);
}

/// A repeated segment disagrees with the first one.
pub(super) fn conflict(event: &Event<'_>, direction: Direction, offset: u64, octets: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"conflict\"");
    place(event, Some(direction), out);
    number(out, key!("offset"), offset);
    number(out, key!("bytes"), octets);
    end(out);
}

/// Octets do not parse.
pub(super) fn malformed(event: &Event<'_>, fault: &Fault<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"malformed\"");
    name(out, key!("layer"), fault.what.layer());
    display(out, key!("what"), fault.what);
    number_if_known(out, key!("time_ns"), (event.at.packet > 0).then(|| event.at.time.as_nanos()));
    number_if_known(out, key!("flow"), event.flow.map(|flow| flow.facts.id.0));
    if let Some(direction) = fault.direction {
        name(out, key!("direction"), direction.name());
    }
    match &fault.what {
        // A header in a reassembled datagram may begin in an earlier packet than the one that completed it.
        What::Packet(header) => {
            packets(out, &[at_packet(header.packet), at_packet(event.at.packet)], &mut Again::default())
        }
        _ => packets(out, fault.pieces, &mut Again::default()),
    }
    number(out, key!("offset"), fault.offset);
    number(out, key!("length"), fault.length);
    number_if_known(out, key!("frame"), fault.frame.map(|frame| frame.0));
    end(out);
}

/// A limit was reached: said where it happens, and counted for the summary.
pub(super) fn limit(event: &Event<'_>, what: &'static str, count: u64, reached: &mut Reached, out: &mut Vec<u8>) {
    reached.add(what, count);
    out.extend_from_slice(b"{\"type\":\"limit\"");
    name(out, key!("what"), what);
    number(out, key!("count"), count);
    place(event, None, out);
    end(out);
}

/// When and where: `time_ns` and `packet` unless it is the end of the input, `flow`, `direction`.
fn place(event: &Event<'_>, direction: Option<Direction>, out: &mut Vec<u8>) {
    if event.at.packet > 0 {
        number(out, key!("time_ns"), event.at.time.as_nanos());
        number(out, key!("packet"), event.at.packet);
    }
    number_if_known(out, key!("flow"), event.flow.map(|flow| flow.facts.id.0));
    if let Some(direction) = direction {
        name(out, key!("direction"), direction.name());
    }
}

/// A packet, without saying where in it.
const fn at_packet(packet: u64) -> Piece {
    Piece { packet, offset: 0, length: 0 }
}
