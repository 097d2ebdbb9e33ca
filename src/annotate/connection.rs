//! Frames about the connection: settings, windows, shutdown, priorities (RFC 9113 §6).

use super::{sender, separate};
use crate::direction::Direction;
use crate::event::FrameEvent;
use crate::http2::connection::{Answers, Facts, Frame};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::{FrameHeader, FrameType, StreamId};
use crate::http2::payload::Priority;
use crate::http2::settings::Settings;
use crate::tls;
use crate::write;

pub(super) fn settings(frame: &Frame<'_>, settings: Settings<'_>, out: &mut Vec<u8>) {
    if frame.header.is_some_and(|header| header.is_ack()) {
        let sent = match frame.facts {
            Facts::Acknowledges(Answers::Sent(sent)) => sent,
            Facts::Acknowledges(Answers::OneOf) => {
                return out.extend_from_slice(b"accepts SETTINGS; which of them is not known");
            }
            _ => return out.extend_from_slice(b"accepts SETTINGS that were not seen before"),
        };
        out.extend_from_slice(b"accepts the SETTINGS of packet ");
        write::integer(out, sent.at.packet);
        return super::since(b" after ", frame.at.time.nanos_since(sent.at.time), out);
    }
    out.extend_from_slice(sender(frame.direction));
    let count = settings.count() as u64;
    let preface = matches!(frame.facts, Facts::Settings { preface: Some(true) });
    match (preface, count) {
        (true, 0) => out.extend_from_slice(b" preface: all defaults"),
        (true, _) => {
            out.extend_from_slice(b" preface: ");
            write::counted(out, count, "setting");
        }
        (false, 0) => out.extend_from_slice(b" sends SETTINGS that change nothing"),
        (false, _) => {
            out.extend_from_slice(b" sends ");
            write::counted(out, count, "setting");
        }
    }
}

pub(super) fn window_update(event: &FrameEvent<'_>, increment: u32, out: &mut Vec<u8>) {
    let frame = event.frame;
    out.push(b'+');
    write::integer(out, increment);
    let Facts::Granted { window, used, by, used_up } = frame.facts else { return };
    if increment == 0 {
        return out.extend_from_slice(b": grants nothing, which the RFC takes for an error");
    }
    let on_stream = frame.header.is_some_and(|header| header.stream() != StreamId::CONNECTION);
    let what: &[u8] = match (frame.direction.opposite(), by.is_some()) {
        (Direction::ToServer, true) => b"the request",
        (Direction::ToServer, false) => b"requests",
        (Direction::ToClient, true) => b"the response",
        (Direction::ToClient, false) => b"responses",
    };
    let increment = u64::from(increment);
    match used {
        Some(used) if used == increment => {
            out.extend_from_slice(b": gives back what ");
            out.extend_from_slice(what);
            out.extend_from_slice(b" used");
        }
        Some(0) => {
            out.extend_from_slice(b": more room for ");
            out.extend_from_slice(if on_stream {
                what
            } else if what.ends_with(b"quest") || what == b"requests" {
                b"requests"
            } else {
                b"responses"
            });
        }
        Some(used) if used < increment => {
            out.extend_from_slice(b": gives back the ");
            write::integer(out, used);
            out.extend_from_slice(b" used and adds ");
            write::integer(out, increment.saturating_sub(used));
        }
        Some(used) => {
            out.extend_from_slice(b": gives back part of the ");
            write::integer(out, used);
            out.extend_from_slice(b" used");
        }
        None => {}
    }
    match window {
        Some(window) => {
            out.extend_from_slice(if on_stream { b", stream window " } else { b", window " });
            write::integer(out, window);
        }
        None if on_stream && by.is_none() => out.extend_from_slice(b": for a stream that is not open"),
        None => out.extend_from_slice(b", window unknown"),
    }
    if let Some(nanos) = used_up {
        out.extend_from_slice(b"; it was used up for ");
        write::elapsed(out, nanos);
    }
}

pub(super) fn go_away(frame: &Frame<'_>, last: StreamId, error: ErrorCode, debug_data: &[u8], out: &mut Vec<u8>) {
    /// The highest stream number there is: nothing is left out yet.
    const ALL: u32 = 0x7fff_ffff;
    let before = out.len();
    out.extend_from_slice(b"the ");
    out.extend_from_slice(sender(frame.direction));
    if error == ErrorCode::NO_ERROR {
        out.extend_from_slice(b" is going away");
    } else {
        out.extend_from_slice(b" gives the connection up: ");
        code(error, out);
    }
    if frame.direction == Direction::ToServer {
        // The last stream of a client's GOAWAY is one that the server opened, by a push.
    } else if last.0 == ALL {
        separate(before, out);
        out.extend_from_slice(b"it asks for no new streams, those under way go on");
    } else {
        separate(before, out);
        out.extend_from_slice(b"streams above ");
        write::integer(out, last.0);
        out.extend_from_slice(b" will not be processed");
    }
    if !debug_data.is_empty() {
        out.extend_from_slice(b"; it says \"");
        write::untrusted_part(out, debug_data, 80);
        out.push(b'"');
    }
}

/// Appends an error code's name and number.
pub(super) fn code(error: ErrorCode, out: &mut Vec<u8>) {
    match error.name() {
        Some(name) => {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b" (");
            write::integer(out, error.0);
            out.push(b')');
        }
        None => out.extend_from_slice(error.to_string().as_bytes()),
    }
}

pub(super) fn priority(priority: Priority, out: &mut Vec<u8>) {
    out.extend_from_slice(b"depends on stream ");
    write::integer(out, priority.depends_on.0);
    if priority.exclusive {
        out.extend_from_slice(b" alone");
    }
    out.extend_from_slice(b", weight ");
    write::integer(out, priority.weight);
    out.extend_from_slice(b" (no longer used since RFC 9113)");
}

pub(super) fn priority_update(stream: StreamId, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"priority of stream ");
    write::integer(out, stream.0);
    out.extend_from_slice(b": ");
    write::untrusted_part(out, value, 80);
}

pub(super) fn alt_svc(origin: &[u8], value: &[u8], out: &mut Vec<u8>) {
    // RFC 7838 §3.
    if value == b"clear" {
        out.extend_from_slice(b"forget what was said of other places of this service");
    } else {
        out.extend_from_slice(b"the same service is also at: ");
        write::untrusted_part(out, value, 120);
    }
    if !origin.is_empty() {
        out.extend_from_slice(b", for ");
        write::untrusted_part(out, origin, 80);
    }
}

pub(super) fn origin(mut entries: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"this connection also speaks for:");
    while let Some((length, rest)) = entries.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((entry, rest)) = rest.split_at_checked(length) else { break };
        out.push(b' ');
        write::untrusted_part(out, entry, 80);
        entries = rest;
    }
}

pub(super) fn tls(facts: &tls::Facts, out: &mut Vec<u8>) {
    match facts.version {
        Some(version) => out.extend_from_slice(version.to_string().as_bytes()),
        None => out.extend_from_slice(b"TLS"),
    }
    if let Some(sni) = &facts.sni {
        out.extend_from_slice(b", SNI ");
        write::untrusted(out, sni.as_bytes());
    }
    let offered = facts.alpn_selected.iter().chain(facts.alpn_offered.iter().filter(|_| facts.alpn_selected.is_none()));
    for (i, name) in offered.enumerate() {
        let first: &[u8] = if facts.alpn_selected.is_some() { b", ALPN " } else { b", ALPN offered: " };
        out.extend_from_slice(if i == 0 { first } else { b" " });
        write::untrusted(out, name.as_bytes());
    }
    if let Some(cipher) = facts.cipher {
        out.extend_from_slice(b", ");
        out.extend_from_slice(cipher.to_string().as_bytes());
    }
    if let Some(alert) = &facts.alert {
        out.extend_from_slice(b", ");
        write::untrusted(out, alert.to_string().as_bytes());
    }
    match facts.hello_fault.as_ref().filter(|_| !facts.server_hello_seen) {
        Some(fault) => {
            out.extend_from_slice(b"; ");
            write::untrusted(out, fault.to_string().as_bytes());
        }
        None if facts.client_hello_seen && !facts.server_hello_seen => {
            out.extend_from_slice(b"; no answer to its hello is in this capture");
        }
        None => out.extend_from_slice(b"; encrypted, nothing more can be read without its keys"),
    }
}

/// Appends what the first octets of one side are, where the other speaks something else.
pub fn foreign(direction: Direction, octets: &[u8], out: &mut Vec<u8>) {
    let frame =
        FrameHeader::first(octets).filter(|header| header.kind() == FrameType::SETTINGS && header.length() % 6 == 0);
    let what: &[u8] = match octets {
        [b'H', b'T', b'T', b'P', b'/', ..] => b" answers in HTTP/1: \"",
        [0x15, 3, ..] => b" answers with a TLS alert: \"",
        [0x14..=0x17, 3, ..] => b" answers in TLS: \"",
        _ if frame.is_some() => b" answers in HTTP/2: \"",
        _ => b" answers in a protocol that is not known: \"",
    };
    out.extend_from_slice(b"the ");
    out.extend_from_slice(sender(direction));
    out.extend_from_slice(what);
    let line = octets.split(|octet| *octet == b'\r').next().unwrap_or(octets);
    write::untrusted_part(out, line, 60);
    out.push(b'"');
}
