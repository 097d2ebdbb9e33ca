//! Frames of a call: what begins, what goes on, what ends, and why (PROTOCOL-HTTP2).

use super::connection::code;
use super::{sender, separate};
use crate::direction::Direction;
use crate::event::FrameEvent;
use crate::grpc::call::{Call, Outcome};
use crate::grpc::calls::{Belongs, Role};
use crate::grpc::content_type::{ContentType, Protocol};
use crate::grpc::message::Progress;
use crate::grpc::percent;
use crate::grpc::status::Status;
use crate::http2::connection::{Block, Facts, Frame};
use crate::http2::error_code::ErrorCode;
use crate::http2::hpack::StaticName;
use crate::http2::payload::Payload;
use crate::write;

/// Octets of text from the peer that a note shows.
const SHOWN: usize = 120;
const UNSEEN_REQUEST: &[u8] = b", whose request headers were not captured";

pub(super) fn headers(event: &FrameEvent<'_>, out: &mut Vec<u8>) {
    let frame = event.frame;
    let Some(block) = &frame.block else {
        let first = matches!(frame.payload, Payload::Headers { .. });
        return out.extend_from_slice(if first {
            b"a header block begins, CONTINUATION follows"
        } else {
            b"the header block goes on"
        });
    };
    if let Some(promised) = block.promised {
        out.extend_from_slice(b"ends the request promised on stream ");
        return write::integer(out, promised.0);
    }
    match (event.call, event.belongs.role) {
        (Some(call), Role::RequestBegins) => request_begins(call, block, out),
        (Some(call), Role::RequestTrailers) => {
            out.extend_from_slice(b"trailers of the request of ");
            name(call, out);
            out.extend_from_slice(b", which gRPC does not use");
        }
        (_, Role::Interim) => {
            out.extend_from_slice(b"interim response ");
            http_status(event.belongs, out);
        }
        (Some(call), Role::ResponseBegins) => response_begins(call, event.belongs, out),
        (Some(call), Role::Ends | Role::TrailersOnly) => ends(call, event.belongs, out),
        (None, Role::RequestBegins) => {
            out.extend_from_slice(b"request begins: ");
            value(block, StaticName::METHOD, out);
            out.push(b' ');
            value(block, StaticName::PATH, out);
            other_protocol(block, out);
        }
        (None, _) if !event.belongs.is_plain => out.extend_from_slice(b"for a stream that is not open"),
        (None, _) => plain(frame.direction, block, out),
        (Some(call), Role::None) => {
            out.extend_from_slice(b"a header block of ");
            name(call, out);
            out.extend_from_slice(b" that does not tell who sends it");
        }
        (Some(_), _) => {}
    }
}

fn request_begins(call: &Call, block: &Block<'_>, out: &mut Vec<u8>) {
    name(call, out);
    if !call.begins {
        return out.extend_from_slice(b": the request's headers, in part");
    }
    out.extend_from_slice(b" begins: ");
    match call.path() {
        Some(path) => write::untrusted_part(out, path, SHOWN),
        None if block.complete => out.extend_from_slice(b"its path refers to a header that was not captured"),
        None => out.extend_from_slice(b"its path was not captured"),
    }
    if let Some(timeout) = call.timeout {
        out.extend_from_slice(b", within ");
        let nanos = i64::try_from(timeout.nanos()).unwrap_or(i64::MAX);
        write::elapsed(out, nanos);
    }
}

fn response_begins(call: &Call, belongs: Belongs, out: &mut Vec<u8>) {
    out.extend_from_slice(b"response begins: ");
    http_status(belongs, out);
    if !call.begins {
        out.extend_from_slice(b", of ");
        name(call, out);
        out.extend_from_slice(UNSEEN_REQUEST);
    }
    if !call.reads_messages(Direction::ToClient) {
        out.extend_from_slice(b", not gRPC");
        if let Some(content_type) = call.content_type(Direction::ToClient) {
            out.extend_from_slice(b" but ");
            write::untrusted_part(out, content_type, 60);
        }
    }
}

fn ends(call: &Call, belongs: Belongs, out: &mut Vec<u8>) {
    if let Some(Outcome::ResetByClient(_) | Outcome::ResetByServer(_) | Outcome::Refused) = call.outcome {
        out.extend_from_slice(b"trailers that crossed the reset of ");
        name(call, out);
        if let Some(status) = belongs.status {
            out.extend_from_slice(b": ");
            grpc_status(status, out);
        }
        return;
    }
    name(call, out);
    if belongs.role == Role::TrailersOnly && !call.begins {
        out.extend_from_slice(UNSEEN_REQUEST);
        out.push(b',');
    }
    out.extend_from_slice(match belongs.role {
        // What has no gRPC status has no trailers of gRPC either.
        Role::TrailersOnly if belongs.status.is_none() && call.is_complete() => b" ends with headers only".as_slice(),
        Role::TrailersOnly => b" ends with trailers only",
        _ => b" ends",
    });
    let unknown = belongs.status.is_none() && !call.is_complete();
    if unknown {
        after(belongs.duration, out);
    }
    out.extend_from_slice(b": ");
    match belongs.status {
        Some(status) => grpc_status(status, out),
        None if call.unreadable_status().is_some() => {
            out.extend_from_slice(b"its grpc-status is no number: \"");
            write::untrusted_part(out, call.unreadable_status().unwrap_or_default(), 40);
            out.push(b'"');
        }
        None if !call.is_complete() => out.extend_from_slice(b"its status is not known"),
        None => {
            out.extend_from_slice(b"no gRPC status");
            mapped(call, out);
        }
    }
    if !unknown {
        after(belongs.duration, out);
    }
    several(call, out);
    said(call, out);
    if !call.ended.to_server && call.is_complete() {
        out.extend_from_slice(b"; the request had not ended");
    }
}

/// The message that came with a status.
fn said(call: &Call, out: &mut Vec<u8>) {
    if let Some(message) = call.status_message().filter(|message| !message.is_empty()) {
        out.extend_from_slice(b": \"");
        write::untrusted_part(out, &percent::decode(message), SHOWN);
        out.push(b'"');
    }
}

/// A status that was said more than once: which one counts is for the client to choose.
fn several(call: &Call, out: &mut Vec<u8>) {
    if call.statuses > 1 {
        out.extend_from_slice(b", the last of ");
        write::integer(out, call.statuses);
        out.extend_from_slice(b" fields grpc-status");
    }
}

/// What a client makes of a response without a gRPC status.
fn mapped(call: &Call, out: &mut Vec<u8>) {
    if let Some(status) = call.http_status {
        out.extend_from_slice(b"; HTTP ");
        write::integer(out, status);
        out.extend_from_slice(b" counts as ");
        grpc_status(Status::from_http(status), out);
    }
}

fn plain(direction: Direction, block: &Block<'_>, out: &mut Vec<u8>) {
    match direction {
        Direction::ToServer => out.extend_from_slice(b"header block"),
        Direction::ToClient if block.complete && !has_status(block) => out.extend_from_slice(b"trailers (not gRPC)"),
        Direction::ToClient => {
            out.extend_from_slice(b"response: ");
            value(block, StaticName::STATUS, out);
            other_protocol(block, out);
        }
    }
}

/// Whether it may be the block that a response begins with.
fn has_status(block: &Block<'_>) -> bool {
    block.fields.fields().any(|field| field.static_name() == StaticName::STATUS || !field.is_known())
}

/// What it is that is not gRPC, where its type alone tells.
fn other_protocol(block: &Block<'_>, out: &mut Vec<u8>) {
    let content_type = block.fields.fields().find(|field| field.static_name() == StaticName::CONTENT_TYPE);
    let protocol = content_type.and_then(|field| Some(ContentType::parse(field.value()?).protocol));
    out.extend_from_slice(match protocol {
        Some(Protocol::Connect) => b" (Connect stream)".as_slice(),
        Some(Protocol::ConnectUnary) => b" (Connect)",
        _ => b" (not gRPC)",
    });
}

pub(super) fn data(event: &FrameEvent<'_>, data: &[u8], out: &mut Vec<u8>) {
    let frame = event.frame;
    let before = out.len();
    match (event.call, event.belongs.role) {
        (Some(call), Role::Messages(progress)) => messages(call, frame.direction, &progress, data, out),
        (Some(_), Role::Body) => {
            out.extend_from_slice(b"not messages but ");
            write::counted(out, data.len() as u64, "octet");
            if !data.is_empty() && frame.missing == 0 {
                out.extend_from_slice(b": \"");
                write::untrusted_part(out, data, 40);
                out.push(b'"');
            }
        }
        (None, _) if event.belongs.is_plain => {
            out.extend_from_slice(if frame.direction == Direction::ToServer {
                b"request body"
            } else {
                b"response body"
            });
        }
        _ => out.extend_from_slice(b"for a stream that is not open"),
    }
    if frame.ends_stream {
        separate(before, out);
        match event
            .call
            .filter(|call| frame.direction == Direction::ToClient && call.outcome == Some(Outcome::Completed))
        {
            Some(call) => {
                name(call, out);
                match call.status {
                    Some(status) => {
                        out.extend_from_slice(b" ends: ");
                        grpc_status(status, out);
                    }
                    None => {
                        out.extend_from_slice(b" ends without trailers");
                        mapped(call, out);
                    }
                }
                after(event.belongs.duration, out);
                said(call, out);
            }
            None => {
                out.extend_from_slice(b"the ");
                out.extend_from_slice(sender(frame.direction));
                out.extend_from_slice(b" has finished");
            }
        }
    } else {
        used_up(frame, before, out);
    }
}

/// Windows that this frame left nothing of: whoever wants to send more has to wait.
fn used_up(frame: &Frame<'_>, before: usize, out: &mut Vec<u8>) {
    let Facts::Used { connection, stream } = frame.facts else { return };
    let words: &[u8] = match (connection == Some(0), stream == Some(0)) {
        (true, true) => b"both windows are used up",
        (true, false) => b"the connection's window is used up",
        (false, true) => b"the stream's window is used up",
        (false, false) => return,
    };
    separate(before, out);
    out.extend_from_slice(words);
}

fn messages(call: &Call, direction: Direction, progress: &Progress, data: &[u8], out: &mut Vec<u8>) {
    let before = out.len();
    let noun: &[u8] = if direction == Direction::ToServer { b"request" } else { b"response" };
    if data.is_empty() && progress.open.is_some() && progress.ended == 0 {
        return out.extend_from_slice(b"an empty frame");
    }
    if progress.lost && progress.ended == 0 {
        write::counted(out, data.len() as u64, "octet");
        if !call.is_told {
            return out.extend_from_slice(b", whether of messages is not known");
        }
        out.extend_from_slice(b" of ");
        out.extend_from_slice(noun);
        return out.extend_from_slice(b"s, where each begins and ends is not known");
    }
    let known = progress.numbers_known;
    if progress.ended > 1 && known {
        out.extend_from_slice(noun);
        out.extend_from_slice(b"s ");
        write::integer(out, progress.first);
        out.extend_from_slice(b" to ");
        write::integer(out, progress.first.saturating_add(progress.ended).saturating_sub(1));
    } else if progress.ended > 1 {
        write::integer(out, progress.ended);
        out.push(b' ');
        out.extend_from_slice(noun);
        out.push(b's');
    } else if progress.ended == 1 {
        numbered(noun, progress.first, known, out);
        if progress.continued {
            out.extend_from_slice(b" is whole");
        }
    }
    if progress.ended > 0 {
        out.extend_from_slice(b", ");
        write::counted(out, progress.ended_octets, "octet");
    }
    if progress.web_trailers {
        out.extend_from_slice(if progress.ended > 0 { b"; trailers of gRPC-Web" } else { b"trailers of gRPC-Web" });
    }
    if progress.lost {
        out.extend_from_slice(b"; where the rest belongs is not known");
    }
    if let Some((index, have, declared)) = progress.open {
        if progress.ended > 0 {
            out.extend_from_slice(b"; ");
        }
        numbered(noun, index, known, out);
        match declared {
            Some(declared) => {
                out.extend_from_slice(b": ");
                write::integer(out, have);
                out.extend_from_slice(b" of ");
                write::counted(out, u64::from(declared), "octet");
            }
            None => out.extend_from_slice(b" begins"),
        }
    }
    if call.outcome.is_some_and(|outcome| outcome != Outcome::Completed) {
        let alone = out.len() == before;
        out.extend_from_slice(if alone { b"after the reset".as_slice() } else { b" (after the reset)" });
    }
}

pub(super) fn reset(event: &FrameEvent<'_>, error: ErrorCode, out: &mut Vec<u8>) {
    let by = event.frame.direction;
    let Some(call) = event.call else {
        out.extend_from_slice(b"the ");
        out.extend_from_slice(sender(by));
        out.extend_from_slice(b" closes the stream: ");
        return code(error, out);
    };
    if let Role::Reset { after_end: true } = event.belongs.role {
        out.extend_from_slice(b"the ");
        out.extend_from_slice(sender(by));
        out.extend_from_slice(b" closes the stream of ");
        name(call, out);
        out.extend_from_slice(b", which has ended: ");
        return code(error, out);
    }
    out.extend_from_slice(b"the ");
    out.extend_from_slice(sender(by));
    match (by, error) {
        (Direction::ToServer, ErrorCode::CANCEL) => {
            out.extend_from_slice(b" cancels ");
            name(call, out);
        }
        (Direction::ToClient, ErrorCode::REFUSED_STREAM) => {
            out.extend_from_slice(b" refuses ");
            name(call, out);
            out.extend_from_slice(b" unprocessed");
        }
        _ => {
            out.extend_from_slice(b" resets ");
            name(call, out);
        }
    }
    out.extend_from_slice(b": ");
    code(error, out);
    after(event.belongs.duration, out);
    if let Some(limit) = call.timeout.filter(|_| by == Direction::ToServer && error == ErrorCode::CANCEL)
        && let Some(elapsed) = event.belongs.duration.and_then(|nanos| u128::try_from(nanos).ok())
        && elapsed >= limit.nanos()
    {
        out.extend_from_slice(b", its deadline of ");
        write::elapsed(out, i64::try_from(limit.nanos()).unwrap_or(i64::MAX));
        out.extend_from_slice(b" had passed");
    }
}

/// Appends what a call that no frame ended was at when it was given up; nothing for any other.
pub fn cut_off(call: &Call, out: &mut Vec<u8>) {
    name(call, out);
    out.extend_from_slice(b" (stream ");
    write::integer(out, call.stream.0);
    if let Some(path) = call.path() {
        out.extend_from_slice(b", ");
        write::untrusted_part(out, path, SHOWN);
    }
    out.push(b')');
    match call.outcome {
        Some(Outcome::ConnectionLost) => out.extend_from_slice(b" is cut off: the connection ended"),
        Some(Outcome::Refused) => out.extend_from_slice(b" was left out by the GOAWAY: the server did not process it"),
        _ => match call.unread_reset {
            Some(by) => {
                out.extend_from_slice(b" was reset by the ");
                out.extend_from_slice(sender(by));
                out.extend_from_slice(b", why is not known");
            }
            None => out.extend_from_slice(b": its end is not in this capture"),
        },
    }
    // What was captured is not all that there was.
    out.extend_from_slice(if call.is_complete() { b"; ".as_slice() } else { b"; captured: " });
    write::counted(out, u64::from(call.bodies.to_server.messages), "request");
    out.extend_from_slice(b", ");
    write::counted(out, u64::from(call.bodies.to_client.messages), "response");
    out.extend_from_slice(b", no status");
}

/// Appends a message's name: its number where that is known.
pub fn numbered(noun: &[u8], index: u32, known: bool, out: &mut Vec<u8>) {
    if known {
        out.extend_from_slice(noun);
        out.push(b' ');
        write::integer(out, index);
    } else {
        out.extend_from_slice(b"a ");
        out.extend_from_slice(noun);
    }
}

/// A call, or an exchange of which nothing says that it is one.
fn name(call: &Call, out: &mut Vec<u8>) {
    out.extend_from_slice(if call.is_told { b"call ".as_slice() } else { b"exchange " });
    write::integer(out, call.id.0);
}

fn after(duration: Option<i64>, out: &mut Vec<u8>) {
    if let Some(nanos) = duration {
        out.extend_from_slice(b" after ");
        write::elapsed(out, nanos);
    }
}

fn grpc_status(status: Status, out: &mut Vec<u8>) {
    match status.name() {
        Some(name) => {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b" (");
            write::integer(out, status.0);
            out.push(b')');
        }
        None => {
            out.extend_from_slice(b"status ");
            write::integer(out, status.0);
            out.extend_from_slice(b", which gRPC does not define");
        }
    }
}

fn http_status(belongs: Belongs, out: &mut Vec<u8>) {
    match belongs.http_status {
        Some(status) => write::integer(out, status),
        None => out.extend_from_slice(b"HTTP status unknown"),
    }
}

fn value(block: &Block<'_>, name: StaticName, out: &mut Vec<u8>) {
    match block.fields.fields().find(|field| field.static_name() == name).and_then(|field| field.value()) {
        Some(value) => write::untrusted_part(out, value, SHOWN),
        None => out.push(b'?'),
    }
}
