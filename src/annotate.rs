//! What a frame is for and what it answers, in plain words.
//!
//! Says only what the event knows: what was not captured is called so, and a likeness is called a likeness.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects))]

mod call;
mod connection;
mod ping;
mod sides;

pub use self::call::{cut_off, numbered};
pub use self::connection::foreign;
pub use self::sides::{hedge, sides};

use crate::direction::Direction;
use crate::event::{Event, FrameEvent, Protocol};
use crate::http2::connection::{Facts, Frame};
use crate::http2::frame::{FrameHeader, FrameType};
use crate::http2::payload::Payload;
use crate::http2::preface::Begin;
use crate::write;

/// What the notes begin with that this program writes into captures, as comments on packets. Whoever reads such a capture makes
/// them anew.
pub const OWN: &str = "framescope: ";

/// Appends the note on a frame; nothing where there is nothing to say.
pub fn note(event: &Event<'_>, frame: &FrameEvent<'_>, out: &mut Vec<u8>) {
    let before = out.len();
    let seen = frame.frame;
    match seen.payload {
        Payload::Magic => out.extend_from_slice(b"client connection preface"),
        Payload::Data { data, .. } => call::data(frame, data, out),
        Payload::Headers { .. } | Payload::Continuation { .. } => call::headers(frame, out),
        Payload::PushPromise { promised, .. } => {
            out.extend_from_slice(b"the ");
            out.extend_from_slice(sender(seen.direction));
            out.extend_from_slice(b" promises a response on stream ");
            write::integer(out, promised.0);
        }
        Payload::RstStream(code) => call::reset(frame, code, out),
        Payload::Settings(settings) => connection::settings(seen, settings, out),
        Payload::Ping(opaque) => ping::ping(seen, opaque, out),
        Payload::GoAway { last_stream, error, debug_data } => {
            connection::go_away(seen, last_stream, error, debug_data, out)
        }
        Payload::WindowUpdate { increment } => connection::window_update(frame, increment, out),
        Payload::Priority(priority) => connection::priority(priority, out),
        Payload::PriorityUpdate { prioritized, value } => connection::priority_update(prioritized, value, out),
        Payload::AltSvc { origin, value } => connection::alt_svc(origin, value, out),
        Payload::Origin { entries } => connection::origin(entries, out),
        Payload::Unknown(_) => out.extend_from_slice(b"a type this program does not know"),
        Payload::Unreadable(_) if seen.missing == 0 => out.extend_from_slice(b"does not parse"),
        Payload::Unreadable(_) => unread(seen, out),
    }
    if seen.missing > 0 {
        separate(before, out);
        write::integer(out, seen.missing);
        out.extend_from_slice(b" of ");
        write::counted(out, seen.header.map_or(0, |header| u64::from(header.length())), "octet");
        out.extend_from_slice(if seen.missing == 1 { b" was not captured" } else { b" were not captured" });
    }
    if let Some(header) = seen.header {
        oddities(header, before, out);
    }
    hedge(event.flow.as_ref(), before, out);
}

/// A frame of which only a part was captured: what its header tells of it.
fn unread(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let Some(header) = frame.header else { return };
    let from = sender(frame.direction);
    let words: [&[u8]; 3] = match (header.kind(), frame.facts) {
        (FrameType::SETTINGS, Facts::Settings { preface: Some(true) }) => [b"", from, b" preface, in part"],
        (FrameType::SETTINGS, _) => [b"", from, b" sends SETTINGS, known in part"],
        (FrameType::WINDOW_UPDATE, _) => [b"more room, how much is not known", b"", b""],
        (FrameType::RST_STREAM, _) => [b"the ", from, b" closes the stream, why is not known"],
        (FrameType::PING, _) if header.is_ack() => [b"answers a PING, which one is not known", b"", b""],
        (FrameType::PING, _) => [b"asks for an answer", b"", b""],
        (FrameType::GOAWAY, _) => [b"the ", from, b" is going away, why is not known"],
        (FrameType::PUSH_PROMISE, _) => [b"the ", from, b" promises a response"],
        _ => return,
    };
    words.into_iter().for_each(|part| out.extend_from_slice(part));
}

/// What the header has that it should not have.
fn oddities(header: FrameHeader, before: usize, out: &mut Vec<u8>) {
    let undefined = header.undefined_flags();
    if undefined != 0 {
        separate(before, out);
        out.extend_from_slice(b"flag bits 0x");
        write::hex(out, &[undefined]);
        out.extend_from_slice(b" have no meaning here");
    }
    if header.reserved_bit() {
        separate(before, out);
        out.extend_from_slice(b"the reserved bit is set");
    }
}

/// Begins another remark, if there is one before it.
fn separate(before: usize, out: &mut Vec<u8>) {
    if out.len() > before {
        out.extend_from_slice(b"; ");
    }
}

/// The side that sends in a direction: `client` or `server`.
fn sender(direction: Direction) -> &'static [u8] {
    direction.sender().as_bytes()
}

/// Appends the time between two frames; a capture may have its packets out of time order, and then there is none to tell.
fn since(before: &[u8], nanos: i64, out: &mut Vec<u8>) {
    if nanos < 0 {
        out.extend_from_slice(b", out of time order in this capture");
    } else {
        out.extend_from_slice(before);
        write::elapsed(out, nanos);
    }
}

const UNDER_WAY: &[u8] = b"HTTP/2, already under way when the capture began";

/// How a flow speaks, in words.
pub fn protocol(protocol: &Protocol, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Unknown => out.extend_from_slice(b"unknown protocol"),
        Protocol::Http1 => out.extend_from_slice(b"HTTP/1"),
        Protocol::Http2(Begin::PriorKnowledge) => out.extend_from_slice(b"HTTP/2, prior knowledge"),
        Protocol::Http2(Begin::Proxied) => {
            out.extend_from_slice(b"HTTP/2, prior knowledge, behind a PROXY protocol header");
        }
        Protocol::Http2(Begin::Upgrade) => out.extend_from_slice(b"HTTP/2, upgraded from HTTP/1.1 (h2c)"),
        Protocol::Http2(Begin::Unseen) => out.extend_from_slice(b"HTTP/2, the client's preface was not captured"),
        Protocol::Http2(Begin::Mid | Begin::Turned(_)) => out.extend_from_slice(UNDER_WAY),
        Protocol::Http2(Begin::Guessed(guess)) => {
            out.extend_from_slice(UNDER_WAY);
            sides::by(*guess, out);
        }
        Protocol::Tls(facts) => connection::tls(facts, out),
    }
}
