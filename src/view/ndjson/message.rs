//! The `message` record: one gRPC message, unpacked and read with the schema, or guessed without one.

use super::Tools;
use super::prepared::prepared;
use super::trouble::{self, Reached};
use super::write::{base64, end, key, moment, name, number, number_again, packets, string, string_or_hex, truth};
use crate::event::{Event, MessageEvent};
use crate::grpc::encoding::End;
use crate::view::contents::{Contents, Reading, Unpacked, compact_json};

/// What a message's reading left out for a limit.
#[derive(Clone, Copy, Default)]
struct LeftOut {
    /// The message was unpacked only as far as the limit.
    cut: bool,
    /// Octets of content that the JSON does not show.
    unread: u64,
}

/// A message.
pub(super) fn message(
    event: &Event<'_>,
    of: &MessageEvent<'_>,
    contents: &mut Contents,
    bytes: bool,
    reached: &mut Reached,
    Tools { moments, numbers, .. }: &mut Tools,
    out: &mut Vec<u8>,
) {
    let done = of.message;
    number_again(out, b"{\"type\":\"message\",\"call\":", &mut numbers.call, of.call.id.0);
    if let Some(flow) = event.flow {
        number(out, key!("flow"), flow.facts.id.0);
    }
    number(out, key!("stream"), of.call.stream.0);
    name(out, key!("direction"), of.direction.name());
    moment(out, key!("time_ns"), moments, done.start.time);
    moment(out, key!("end_ns"), moments, done.end.time);
    packets(out, of.pieces, &mut numbers.packet);
    number(out, key!("index"), done.index);
    if !done.index_known {
        truth(out, key!("index_known"), false);
    }
    number(out, key!("length"), done.declared);
    truth(out, key!("compressed"), of.is_compressed());
    if of.is_compressed()
        && let Some(encoding) = of.call.encoding(of.direction)
    {
        string_or_hex(out, (key!("encoding"), key!("encoding_hex")), encoding);
    }
    let left_out = contents.read(of, |unpacked, reading| content(of, unpacked, reading, bytes, out));
    end(out);
    if left_out.cut {
        trouble::limit(event, "messages unpacked in part", 1, reached, out);
    }
    if left_out.unread > 0 {
        trouble::limit(event, "octets of a message's JSON", left_out.unread, reached, out);
    }
}

/// What the message says, as far as it is there.
fn content(
    of: &MessageEvent<'_>,
    unpacked: Unpacked<'_>,
    mut reading: Reading<'_>,
    bytes: bool,
    out: &mut Vec<u8>,
) -> LeftOut {
    let mut left_out = LeftOut::default();
    let octets = unpacked.octets();
    if let Some(octets) = octets.filter(|_| unpacked.is_whole()) {
        number(out, key!("decoded_length"), octets.len());
    }
    truth(out, key!("complete"), of.is_whole());
    if of.message.missing > 0 {
        number(out, key!("missing"), of.message.missing);
    }
    if !of.message.kept {
        truth(out, key!("kept"), false);
    }
    match reading.type_name() {
        Some(type_name) => {
            string(out, key!("message_type"), type_name.as_bytes());
            prepared!(r#","schema":"given""#).write(out);
        }
        None => prepared!(r#","schema":"none""#).write(out),
    }
    if let Some(codec) = reading.codec {
        string(out, key!("codec"), codec.to_string().as_bytes());
    }
    let json = reading.codec.filter(|codec| codec.is_json()).and_then(|_| compact_json(octets?));
    out.extend_from_slice(key!("json"));
    let clean = match octets {
        _ if reading.codec.is_some() => {
            out.extend_from_slice(json.as_deref().unwrap_or(b"null"));
            true
        }
        Some(octets) => reading.json(octets, out).is_clean(),
        None => {
            out.extend_from_slice(b"null");
            true
        }
    };
    let mut error = unpacking_error(unpacked);
    if let Some(codec) = reading.codec.filter(|_| error.is_empty() && octets.is_some() && json.is_none()) {
        error = if codec.is_json() { "not JSON, as its content type says" } else { "its codec is not read here" }
            .to_owned();
    }
    left_out.cut = matches!(unpacked, Unpacked::From { end: End::Cut, .. });
    if !clean && let Some(octets) = octets {
        left_out.unread = report(octets, &mut reading, &mut error, out);
    }
    if !error.is_empty() {
        string(out, key!("error"), error.as_bytes());
    }
    if bytes && let Some(octets) = octets {
        out.extend_from_slice(key!("data"));
        base64(out, octets);
    }
    left_out
}

/// What the reading found besides values: `unknown_fields`, and sentences for `error`. Returns the octets that the JSON does not show.
#[cold]
fn report(octets: &[u8], reading: &mut Reading<'_>, error: &mut String, out: &mut Vec<u8>) -> u64 {
    let found = reading.decoder.report();
    let (unread, any_unknown) = (found.omitted_octets(), found.unknown_fields().len() > 0);
    if !error.is_empty() {
        error.push_str("; ");
    }
    if !found.write_error(error) && error.ends_with("; ") {
        error.truncate(error.len().saturating_sub(2));
    }
    if any_unknown {
        out.extend_from_slice(key!("unknown_fields"));
        reading.decoder.unknown_fields_json(octets, out);
    }
    unread
}

/// Why the content is not there, or not all of it; empty when it is.
fn unpacking_error(unpacked: Unpacked<'_>) -> String {
    match unpacked {
        Unpacked::Plain(_) | Unpacked::Missing | Unpacked::From { end: End::Complete, .. } => String::new(),
        Unpacked::Unnamed => "compressed, but no grpc-encoding that says how was captured".to_owned(),
        Unpacked::From { octets, end: End::Cut, .. } => {
            format!("unpacked only in part: the limit is {} octets", octets.len())
        }
        Unpacked::From { end: End::Damaged(fault), .. } => fault.to_string(),
        Unpacked::From { end: End::UnknownEncoding, .. } => "compressed in a way that is not known".to_owned(),
    }
}
