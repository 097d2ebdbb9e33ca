//! The `frame` record: a frame header as it stood, what its type says, and the fields of the header block that ends with it.

use super::Tools;
use super::fields::Fields;
use super::prepared::{Prepared, prepared};
use super::trouble::{self, Reached};
use super::write::{
    display, end, end_list, hex, integer, key, moment, name, number, number_again, number_if_known, place, quoted,
    string, string_or_hex, truth,
};
use crate::annotate;
use crate::event::{Event, FrameEvent};
use crate::grpc::calls::{Belongs, Role};
use crate::grpc::message::Progress;
use crate::http2::connection::{Answers, Block, Facts, Frame};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::{Flags, FrameHeader, FrameType, StreamId, defined_flags};
use crate::http2::payload::{Payload, Priority};
use crate::http2::preface::MAGIC;
use crate::http2::stream::{self, Half, StreamState};
use crate::write::{Again, is_plain};

/// A frame.
pub(super) fn frame(
    event: &Event<'_>,
    of: &FrameEvent<'_>,
    bytes: bool,
    Tools { scratch, fields, moments, numbers, .. }: &mut Tools,
    out: &mut Vec<u8>,
) {
    let frame = of.frame;
    number_again(out, b"{\"type\":\"frame\",\"id\":", &mut numbers.frame, frame.id.0);
    moment(out, key!("time_ns"), moments, frame.at.time);
    place(out, event.flow, frame.direction, frame.pieces, &mut numbers.packet);
    match frame.header {
        Some(header) => head(header, out),
        None => {
            name(out, key!("frame"), "MAGIC");
            number(out, key!("length"), MAGIC.len());
            out.extend_from_slice(br#","flags":0,"flag_names":[],"stream":0"#);
        }
    }
    if frame.missing > 0 {
        number(out, key!("missing"), frame.missing);
    }
    if frame.ends_stream {
        truth(out, key!("ends_stream"), true);
    }
    if let Some(state) = frame.state {
        stream_state(state, out);
    }
    belongs(&of.belongs, &mut numbers.call, out);
    payload(frame, out);
    facts(frame, out);
    if let Some(of) = &frame.block {
        block(of, fields, &mut numbers.frame, out);
    }
    note(event, of, scratch, out);
    if bytes {
        if frame.octets.is_empty() && frame.header.is_some_and(|header| header.length() > 0) {
            truth(out, key!("octets_kept"), false);
        } else {
            hex(out, key!("octets"), frame.octets);
        }
    }
    end(out);
}

/// What the frame is for. Notes need no escapes but for what they cite.
fn note(event: &Event<'_>, of: &FrameEvent<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    let before = out.len();
    out.extend_from_slice(br#","note":""#);
    let from = out.len();
    annotate::note(event, of, out);
    let note = out.get(from..).unwrap_or_default();
    if note.is_empty() {
        return out.truncate(before);
    }
    if is_plain(note) {
        return out.push(b'"');
    }
    scratch.clear();
    scratch.extend_from_slice(note);
    out.truncate(before);
    string(out, key!("note"), scratch);
}

/// Limits that a header block reached inside HPACK.
pub(super) fn limits(event: &Event<'_>, of: &FrameEvent<'_>, reached: &mut Reached, out: &mut Vec<u8>) {
    let Some(block) = &of.frame.block else { return };
    if block.fields.forgotten() > 0 {
        trouble::limit(event, "entries of a header table", u64::from(block.fields.forgotten()), reached, out);
    }
    if block.fields.faults_omitted() > 0 {
        trouble::limit(event, "faults of a header block", u64::from(block.fields.faults_omitted()), reached, out);
    }
}

/// The nine octets every frame begins with.
fn head(header: FrameHeader, out: &mut Vec<u8>) {
    match header.kind() {
        FrameType::DATA => prepared!(r#","frame":"DATA","frame_type":0,"length":"#).write(out),
        FrameType::HEADERS => prepared!(r#","frame":"HEADERS","frame_type":1,"length":"#).write(out),
        FrameType::SETTINGS => prepared!(r#","frame":"SETTINGS","frame_type":4,"length":"#).write(out),
        FrameType::PING => prepared!(r#","frame":"PING","frame_type":6,"length":"#).write(out),
        FrameType::WINDOW_UPDATE => prepared!(r#","frame":"WINDOW_UPDATE","frame_type":8,"length":"#).write(out),
        kind => {
            display(out, key!("frame"), kind);
            number(out, key!("frame_type"), kind.0);
            out.extend_from_slice(key!("length"));
        }
    }
    integer(out, header.length());
    flags(header, out);
    integer(out, header.stream().0);
    if header.undefined_flags() != 0 {
        number(out, key!("undefined_flags"), header.undefined_flags());
    }
    if header.reserved_bit() {
        truth(out, key!("reserved_bit"), true);
    }
}

/// The flags octet, the names of the flags in it, and the key of what follows.
fn flags(header: FrameHeader, out: &mut Vec<u8>) {
    let flags = header.flags();
    // What nearly all frames have.
    let usual = match (header.kind(), flags.0) {
        (_, 0) => prepared!(r#","flags":0,"flag_names":[],"stream":"#),
        (FrameType::HEADERS, 4) => prepared!(r#","flags":4,"flag_names":["END_HEADERS"],"stream":"#),
        (FrameType::HEADERS, 5) => prepared!(r#","flags":5,"flag_names":["END_STREAM","END_HEADERS"],"stream":"#),
        (FrameType::DATA, 1) => prepared!(r#","flags":1,"flag_names":["END_STREAM"],"stream":"#),
        (FrameType::SETTINGS | FrameType::PING, 1) => prepared!(r#","flags":1,"flag_names":["ACK"],"stream":"#),
        _ => return any_flags(header, out),
    };
    usual.write(out);
}

/// Flags of whatever frame.
fn any_flags(header: FrameHeader, out: &mut Vec<u8>) {
    let flags = header.flags();
    number(out, key!("flags"), flags.0);
    out.extend_from_slice(key!("flag_names"));
    let mut before = b'[';
    for (bit, flag) in defined_flags(header.kind()) {
        if flags.has(*bit) {
            out.extend_from_slice(&[before, b'"']);
            out.extend_from_slice(flag.as_bytes());
            out.push(b'"');
            before = b',';
        }
    }
    end_list(out, before);
    out.extend_from_slice(key!("stream"));
}

/// The state of the frame's stream.
fn stream_state(state: StreamState, out: &mut Vec<u8>) {
    if let Some(prepared) = STATES.get(state.to_server as usize).and_then(|row| row.get(state.to_client as usize)) {
        prepared.write(out);
    }
}

/// `stream_state`, by the client's half and the server's.
static STATES: [[Prepared; 3]; 3] = [states(Half::Idle), states(Half::Open), states(Half::Closed)];

const fn states(to_server: Half) -> [Prepared; 3] {
    const fn prepared(to_server: Half, to_client: Half) -> Prepared {
        Prepared::new(&[r#","stream_state":""#, stream::name(StreamState { to_server, to_client }), "\""])
    }
    [prepared(to_server, Half::Idle), prepared(to_server, Half::Open), prepared(to_server, Half::Closed)]
}

/// What the frame is to its call.
fn belongs(belongs: &Belongs, calls: &mut Again, out: &mut Vec<u8>) {
    if let Some(call) = belongs.call {
        number_again(out, key!("call"), calls, call.0);
    }
    if belongs.is_plain && !belongs.perhaps_call {
        truth(out, key!("not_grpc"), true);
    }
    let role = match belongs.role {
        Role::None | Role::Reset { after_end: None, .. } => return,
        Role::RequestBegins => prepared!(r#","role":"request_begins""#),
        Role::RequestTrailers => prepared!(r#","role":"request_trailers""#),
        Role::Interim => prepared!(r#","role":"interim_response""#),
        Role::ResponseBegins => prepared!(r#","role":"response_begins""#),
        Role::Ends => prepared!(r#","role":"response_ends""#),
        Role::TrailersOnly => prepared!(r#","role":"trailers_only""#),
        Role::Messages(_) => prepared!(r#","role":"messages""#),
        Role::Body => prepared!(r#","role":"body""#),
        Role::Reset { after_end: Some(false), .. } => prepared!(r#","role":"reset""#),
        Role::Reset { after_end: Some(true), .. } => prepared!(r#","role":"reset_after_end""#),
    };
    role.write(out);
    if let Role::Messages(progress) = belongs.role {
        messages(&progress, out);
    }
}

fn messages(progress: &Progress, out: &mut Vec<u8>) {
    // What nearly all DATA is: one message, and the only one.
    if let Progress { first: 0, ended: 1, continued: false, open: None, lost: false, numbers_known: true, .. } =
        progress
    {
        return prepared!(r#","messages":{"first":0,"ended":1,"continued":false}"#).write(out);
    }
    out.extend_from_slice(key!("messages"));
    if progress.lost {
        out.extend_from_slice(b"{\"lost\":true}");
        return;
    }
    number(out, b"{\"first\":", progress.first);
    number(out, key!("ended"), progress.ended);
    truth(out, key!("continued"), progress.continued);
    if let Some((index, have, length)) = progress.open {
        out.extend_from_slice(key!("open"));
        number(out, b"{\"index\":", index);
        number(out, key!("have"), have);
        number_if_known(out, key!("length"), length);
        out.push(b'}');
    }
    if !progress.numbers_known {
        truth(out, key!("index_known"), false);
    }
    out.push(b'}');
}

/// What the frame says, by type.
fn payload(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let padding = |pad_length: Option<u8>, out: &mut Vec<u8>| number_if_known(out, key!("pad_length"), pad_length);
    match frame.payload {
        Payload::Magic | Payload::Continuation { .. } | Payload::Unknown(_) => {}
        Payload::Data { pad_length, .. } => {
            padding(pad_length, out);
            number_if_known(out, key!("data_length"), frame.header.and_then(|header| data_length(header, pad_length)));
        }
        Payload::Headers { pad_length, priority: fields, .. } => {
            padding(pad_length, out);
            if let Some(fields) = fields {
                priority(fields, out);
            }
        }
        Payload::Priority(fields) => priority(fields, out),
        Payload::RstStream(code) => error(code, out),
        Payload::Settings(settings) => {
            ack(frame, out);
            out.extend_from_slice(key!("settings"));
            let mut before = b'[';
            for setting in settings {
                out.push(before);
                number(out, b"{\"id\":", setting.id.0);
                display(out, key!("name"), setting.id);
                number(out, key!("value"), setting.value);
                out.push(b'}');
                before = b',';
            }
            end_list(out, before);
        }
        Payload::PushPromise { promised, pad_length, .. } => {
            padding(pad_length, out);
            number(out, key!("promised_stream"), promised.0);
        }
        Payload::Ping(opaque) => {
            ack(frame, out);
            hex(out, key!("opaque"), &opaque);
        }
        Payload::GoAway { last_stream, error: code, debug_data } => {
            number(out, key!("last_stream_id"), last_stream.0);
            error(code, out);
            string_or_hex(out, (key!("debug_data"), key!("debug_data_hex")), debug_data);
        }
        Payload::WindowUpdate { increment } => number(out, key!("increment"), increment),
        Payload::AltSvc { origin, value } => {
            string_or_hex(out, (key!("origin"), key!("origin_hex")), origin);
            string_or_hex(out, (key!("alt_svc"), key!("alt_svc_hex")), value);
        }
        Payload::Origin { entries } => origins(entries, out),
        Payload::PriorityUpdate { prioritized, value } => {
            number(out, key!("prioritized_stream"), prioritized.0);
            string_or_hex(out, (key!("priority_value"), key!("priority_value_hex")), value);
        }
        Payload::Unreadable(_) => truth(out, key!("readable"), false),
    }
}

/// Octets of content; `None` where the pad length is among the octets that are missing.
fn data_length(header: FrameHeader, pad_length: Option<u8>) -> Option<u32> {
    match (header.flags().has(Flags::PADDED), pad_length) {
        (false, _) => Some(header.length()),
        (true, Some(pad)) => header.length().checked_sub(u32::from(pad))?.checked_sub(1),
        (true, None) => None,
    }
}

fn ack(frame: &Frame<'_>, out: &mut Vec<u8>) {
    truth(out, key!("ack"), frame.header.is_some_and(FrameHeader::is_ack));
}

fn error(code: ErrorCode, out: &mut Vec<u8>) {
    number(out, key!("error_code"), code.0);
    display(out, key!("error_name"), code);
}

fn priority(fields: Priority, out: &mut Vec<u8>) {
    out.extend_from_slice(key!("priority"));
    number(out, b"{\"depends_on\":", fields.depends_on.0);
    truth(out, key!("exclusive"), fields.exclusive);
    number(out, key!("weight"), fields.weight);
    out.push(b'}');
}

/// The entries of ORIGIN: each a 16-bit length and that many octets (RFC 8336 §2). One that is cut off is left out, as §2.1 says.
fn origins(mut entries: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(key!("origins"));
    let mut before = b'[';
    while let Some((length, rest)) = entries.split_first_chunk() {
        let Some((origin, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { break };
        out.push(before);
        quoted(out, origin);
        before = b',';
        entries = rest;
    }
    end_list(out, before);
}

/// What follows from the frame.
fn facts(frame: &Frame<'_>, out: &mut Vec<u8>) {
    match frame.facts {
        Facts::None
        | Facts::AlreadyClosed
        | Facts::Acknowledges(Answers::NotSeen | Answers::OneOf)
        | Facts::Settings { preface: None } => {}
        Facts::Settings { preface: Some(preface) } => truth(out, key!("preface"), preface),
        Facts::Acknowledges(Answers::Sent(sent)) => {
            out.extend_from_slice(key!("acknowledges"));
            number(out, b"{\"frame\":", sent.id.0);
            number(out, key!("packet"), sent.at.packet);
            let after = frame.at.time.nanos_since(sent.at.time);
            number_if_known(out, key!("after_ns"), Some(after).filter(|after| *after >= 0));
            out.push(b'}');
        }
        Facts::Used { connection, stream } => {
            number_if_known(out, key!("window_connection"), connection);
            number_if_known(out, key!("window_stream"), stream);
        }
        Facts::Granted { window, used, by, used_up } => {
            let on_connection = frame.header.is_some_and(|header| header.stream() == StreamId::CONNECTION);
            let window_key = if on_connection { key!("window_connection") } else { key!("window_stream") };
            number_if_known(out, window_key, window);
            number_if_known(out, key!("used"), used);
            number_if_known(out, key!("used_by"), used.and(by).map(|stream| stream.0));
            number_if_known(out, key!("window_used_up_ns"), used_up);
        }
    }
}

/// The header block that ends with the frame.
fn block(block: &Block<'_>, fields: &mut Fields, frames: &mut Again, out: &mut Vec<u8>) {
    out.extend_from_slice(key!("fields"));
    let mut before = b'[';
    for one in block.fields.fields() {
        out.push(before);
        fields.write(&one, out);
        before = b',';
    }
    end_list(out, before);
    if !block.complete {
        truth(out, key!("fields_complete"), false);
    }
    let omitted = block.fields.omitted();
    if omitted.fields > 0 {
        number(out, key!("fields_omitted"), omitted.fields);
    }
    out.extend_from_slice(key!("block_frames"));
    let mut before = b'[';
    for id in block.frames {
        out.push(before);
        frames.write(id.0, out);
        before = b',';
    }
    end_list(out, before);
}
