//! What an arrow of the sequence diagram says: the frame, and in a few words what it does to its call. Escaped for mermaid.

use super::escape::mermaid;
use super::sequence::Kind;
use crate::annotate;
use crate::direction::Direction;
use crate::event::{Body, Event, FrameEvent};
use crate::grpc::call::{Call, Outcome};
use crate::grpc::calls::Role;
use crate::grpc::message::Progress;
use crate::http2::frame::{FrameHeader, StreamId};
use crate::http2::payload::Payload;
use crate::tcp::{Close, GapReason};
use crate::view::ending;
use crate::write::{counted_as, duration, hex_number, integer};

/// Characters of a path or of other text out of the capture.
const TEXT: usize = 80;

/// What an event is drawn as; `None` when nothing is drawn. `alone` leaves out the stream, where there is only one.
pub(super) fn of(event: &Event<'_>, alone: bool) -> Option<(Kind, Vec<u8>)> {
    let mut text = Vec::new();
    let out = &mut text;
    let kind = match &event.body {
        Body::Frame(frame) => frame_words(frame, alone, out),
        Body::Gap { direction, octets, reason, .. } => {
            counted_as(out, *octets, "octet", "octets");
            say(
                out,
                &[
                    " of the ",
                    direction.sender(),
                    match reason {
                        GapReason::Lost => " were not captured",
                        GapReason::Cut => " were cut off by the capture",
                        GapReason::NotCaptured => " came after the capture",
                        GapReason::Limit => " were given up at a limit",
                    },
                ],
            );
            Kind::Note
        }
        Body::Resync { direction, skipped, found, .. } => {
            counted_as(out, *skipped, "octet", "octets");
            say(
                out,
                &[
                    " of the ",
                    direction.sender(),
                    " passed over in search of frames",
                    if *found { "" } else { " that never came" },
                ],
            );
            Kind::Note
        }
        Body::Unfinished { direction, header, missing, .. } => {
            say(out, &["the ", direction.sender(), " ends inside "]);
            match header {
                Some(header) => kind_name(*header, out),
                None => say(out, &["a frame header"]),
            }
            say(out, &[", "]);
            counted_as(out, *missing, "octet is", "octets are");
            say(out, &[" missing"]);
            Kind::Note
        }
        Body::Malformed(fault) => {
            say(out, &["does not parse (", fault.what.layer(), ") "]);
            mermaid(out, fault.what.to_string().as_bytes(), TEXT);
            Kind::Note
        }
        Body::Call(call) if call.outcome != Some(Outcome::Completed) || !call.is_complete() => {
            if !alone {
                say(out, &["stream "]);
                integer(out, u64::from(call.stream.0));
                say(out, &[", "]);
            }
            if call.outcome == Some(Outcome::Completed) {
                say(out, &["part of the call was not captured"]);
            } else {
                end_of(call, out);
                ending::remarks(call, ", ", out);
            }
            Kind::Note
        }
        Body::Sides { turned } => {
            let mut note = Vec::new();
            if let Some(flow) = &event.flow {
                annotate::sides(flow, *turned, &mut note);
            }
            mermaid(out, &note, 2 * TEXT);
            Kind::Note
        }
        Body::Ended(close) if !alone => {
            let refused = event.flow.is_some_and(|flow| flow.facts.refused);
            match close {
                _ if refused => say(out, &["the server refused the connection"]),
                Close::Fin => say(out, &["both sides closed the connection"]),
                Close::Reset(direction) => say(out, &["the ", direction.sender(), " reset the connection"]),
                Close::Replaced => say(out, &["the ports were used again"]),
                Close::Open => say(out, &["the capture ends before the connection"]),
            }
            Kind::Note
        }
        _ => return None,
    };
    Some((kind, text))
}

fn frame_words(event: &FrameEvent<'_>, alone: bool, out: &mut Vec<u8>) -> Kind {
    let frame = event.frame;
    let Some(header) = frame.header else {
        say(out, &["client preface"]);
        return Kind::Frame(frame.direction);
    };
    if !alone && header.stream() != StreamId::CONNECTION {
        say(out, &["stream "]);
        integer(out, u64::from(header.stream().0));
        say(out, &[" "]);
    }
    kind_name(header, out);
    let arrow = Kind::Frame(frame.direction);
    match frame.payload {
        Payload::Data { data, .. } => data_words(event, data.len(), out),
        Payload::Headers { .. } | Payload::Continuation { .. } | Payload::PushPromise { .. } => block_words(event, out),
        Payload::RstStream(code) => {
            say(out, &[" "]);
            ending::error_code(code, out);
            return Kind::Abort(frame.direction);
        }
        Payload::Settings(settings) => match (header.is_ack(), settings.count()) {
            (true, _) => say(out, &[" ACK"]),
            (_, 0) => say(out, &[" all defaults"]),
            (_, count) => {
                say(out, &[" "]);
                counted_as(out, u64::try_from(count).unwrap_or(u64::MAX), "value", "values");
            }
        },
        Payload::Ping(_) if header.is_ack() => say(out, &[" ACK"]),
        Payload::GoAway { last_stream, error, .. } => {
            say(out, &[" "]);
            ending::error_code(error, out);
            say(out, &[", last stream "]);
            integer(out, u64::from(last_stream.0));
        }
        Payload::WindowUpdate { increment } => {
            say(out, &[" by "]);
            integer(out, u64::from(increment));
        }
        Payload::Unreadable(_) => say(out, &[" (not readable)"]),
        _ => {}
    }
    if frame.missing > 0 {
        say(out, &[", "]);
        counted_as(out, u64::from(frame.missing), "octet", "octets");
        say(out, &[" not captured"]);
    }
    arrow
}

fn block_words(event: &FrameEvent<'_>, out: &mut Vec<u8>) {
    let call = event.call;
    match event.belongs.role {
        Role::RequestBegins => match call.map(Call::path) {
            Some(Some(path)) => {
                say(out, &[" "]);
                mermaid(out, path, TEXT);
            }
            Some(None) => say(out, &[" of an unknown method"]),
            None => say(out, &[" of a request that is not gRPC"]),
        },
        Role::RequestTrailers => say(out, &[" after the request"]),
        Role::Interim | Role::ResponseBegins => {
            say(out, &[" response"]);
            if let Some(status) = event.belongs.http_status {
                say(out, &[" "]);
                integer(out, u64::from(status));
            }
        }
        Role::Ends | Role::TrailersOnly => {
            let alone = event.belongs.role == Role::TrailersOnly;
            say(out, &[if alone { " trailers only" } else { " trailers" }]);
            let Some(call) = call else { return };
            say(out, &[" "]);
            end_of(call, out);
        }
        _ => {}
    }
}

fn end_of(call: &Call, out: &mut Vec<u8>) {
    ending::status(call, out);
    if let Some(status) = call.status.filter(|status| status.name().is_some()) {
        say(out, &[" ("]);
        integer(out, u64::from(status.0));
        say(out, &[")"]);
    }
    if let Some(nanos) = ending::duration(call) {
        say(out, &[" after "]);
        duration(out, nanos);
    }
}

fn data_words(event: &FrameEvent<'_>, octets: usize, out: &mut Vec<u8>) {
    say(out, &[" "]);
    counted_as(out, u64::try_from(octets).unwrap_or(u64::MAX), "octet", "octets");
    let noun = match event.frame.direction {
        Direction::ToServer => "request",
        Direction::ToClient => "response",
    };
    if let Role::Messages(progress) = event.belongs.role {
        message_words(&progress, noun, out);
    }
    if event.frame.ends_stream {
        say(out, &[", the ", event.frame.direction.sender(), " has finished"]);
    }
}

/// `response 3`, `responses 3 to 7`, and what of a message goes on in the next frame. Without a number where that is not known.
fn message_words(progress: &Progress, noun: &str, out: &mut Vec<u8>) {
    let known = progress.numbers_known;
    match progress.ended {
        0 => {}
        1 => numbered(noun, progress.first, known, out),
        ended if known => {
            say(out, &[", ", noun, "s "]);
            integer(out, u64::from(progress.first));
            say(out, &[" to "]);
            integer(out, u64::from(progress.first.saturating_add(ended).saturating_sub(1)));
        }
        ended => {
            say(out, &[", "]);
            integer(out, u64::from(ended));
            say(out, &[" ", noun, "s"]);
        }
    }
    match progress.open {
        Some((index, have, Some(declared))) => {
            numbered(noun, index, known, out);
            say(out, &[" has "]);
            integer(out, u64::from(have));
            say(out, &[" of "]);
            integer(out, u64::from(declared));
        }
        Some((index, _, None)) => {
            numbered(noun, index, known, out);
            say(out, &[" begins"]);
        }
        None if progress.lost => say(out, &[", place among the messages lost"]),
        None => {}
    }
}

fn numbered(noun: &str, index: u32, known: bool, out: &mut Vec<u8>) {
    say(out, &[", "]);
    annotate::numbered(noun.as_bytes(), index, known, out);
}

fn kind_name(header: FrameHeader, out: &mut Vec<u8>) {
    match header.kind().name() {
        Some(name) => say(out, &[name]),
        None => {
            say(out, &["UNKNOWN(0x"]);
            hex_number(out, u64::from(header.kind().0), 2);
            say(out, &[")"]);
        }
    }
}

/// Appends our own words; none of them needs an escape.
fn say(out: &mut Vec<u8>, words: &[&str]) {
    for word in words {
        out.extend_from_slice(word.as_bytes());
    }
}
