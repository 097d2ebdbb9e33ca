//! The `call` record: what was asked, what came back, and what ended it; written when the call ends.

use super::Tools;
use super::names::Names;
use super::prepared::prepared;
use super::write::{
    base64, display, end, end_list, key, moment, name, number, number_again, number_if_known, quoted, quoted_hex,
    string, string_or_hex, truth,
};
use crate::direction::Direction;
use crate::event::Event;
use crate::grpc::call::{Call, Metadata, Outcome};
use crate::grpc::content_type::Protocol;
use crate::grpc::metadata::{binary_values, is_binary};
use crate::grpc::percent;
use crate::grpc::status::Status;
use crate::view::contents::Contents;
use crate::write::Moments;

/// A call has ended, or the capture before it.
pub(super) fn call(event: &Event<'_>, call: &Call, contents: &mut Contents, tools: &mut Tools, out: &mut Vec<u8>) {
    let Tools { scratch, moments, names: known, numbers, .. } = tools;
    number_again(out, b"{\"type\":\"call\",\"call\":", &mut numbers.call, call.id.0);
    number_if_known(out, key!("flow"), event.flow.map(|flow| flow.facts.id.0));
    number(out, key!("stream"), call.stream.0);
    kind(call, contents, out);
    names(call, known, out);
    times(call, moments, out);
    let (request, response) = (&call.bodies.to_server, &call.bodies.to_client);
    number(out, key!("request_messages"), request.messages);
    number(out, key!("response_messages"), response.messages);
    number(out, key!("request_bytes"), request.octets);
    number(out, key!("response_bytes"), response.octets);
    for (direction, keys) in [
        (Direction::ToServer, (key!("request_encoding"), key!("request_encoding_hex"))),
        (Direction::ToClient, (key!("response_encoding"), key!("response_encoding_hex"))),
    ] {
        if let Some(encoding) = call.encoding(direction) {
            string_or_hex(out, keys, encoding);
        }
    }
    number_if_known(out, key!("http_status"), call.http_status);
    status(call, out);
    if let Some(details) = call.status_details() {
        status_details(details, contents, scratch, out);
    }
    number_if_known(out, key!("timeout_ns"), call.timeout.map(|timeout| timeout.nanos()));
    if call.has_metadata() {
        metadata(key!("request_metadata"), call, Metadata::Request, scratch, out);
        metadata(key!("response_metadata"), call, Metadata::Response, scratch, out);
        metadata(key!("trailers"), call, Metadata::Trailers, scratch, out);
    } else {
        prepared!(r#","request_metadata":[],"response_metadata":[],"trailers":[]"#).write(out);
    }
    if call.trailers_only {
        truth(out, key!("trailers_only"), true);
    }
    let outcome = call.outcome.unwrap_or(Outcome::Open);
    name(out, key!("outcome"), outcome.name());
    if let Some(code) = outcome.error() {
        number(out, key!("error_code"), code.0);
        display(out, key!("error_name"), code);
    }
    if call.sides_guessed {
        truth(out, key!("sides_guessed"), true);
    }
    truth(out, key!("complete"), call.is_complete() && call.outcome != Some(Outcome::Open));
    end(out);
}

/// `kind` from the schema; without one what the numbers of messages show, which is a guess.
fn kind(call: &Call, contents: &Contents, out: &mut Vec<u8>) {
    let method = contents.method(call);
    let (client, server) = match method {
        Some(method) => (method.client_streaming, method.server_streaming),
        None => (call.bodies.to_server.messages > 1, call.bodies.to_client.messages > 1),
    };
    let kind = match (client, server) {
        (false, false) => "unary",
        (false, true) => "server_streaming",
        (true, false) => "client_streaming",
        (true, true) => "bidi_streaming",
    };
    name(out, key!("kind"), kind);
    truth(out, key!("inferred"), method.is_none());
    if !call.is_told {
        truth(out, key!("grpc_known"), false);
    }
    if let Some(protocol) = call.protocol {
        let protocol = match protocol {
            Protocol::Grpc => "grpc",
            Protocol::GrpcWeb => "grpc_web",
            Protocol::GrpcWebText => "grpc_web_text",
            Protocol::Connect => "connect",
            Protocol::ConnectUnary => "connect_unary",
            Protocol::Other => "other",
        };
        name(out, key!("protocol"), protocol);
    }
}

/// Whom the call is for.
fn names(call: &Call, known: &mut Names, out: &mut Vec<u8>) {
    if let Some(path) = call.path() {
        known.write(path, out);
    }
    if let Some(authority) = call.authority() {
        string_or_hex(out, (key!("authority"), key!("authority_hex")), authority);
    }
}

fn times(call: &Call, moments: &mut Moments, out: &mut Vec<u8>) {
    moment(out, key!("start_ns"), moments, call.start.time);
    number(out, key!("first_packet"), call.start.packet);
    if let Some(last) = call.end {
        moment(out, key!("end_ns"), moments, last.time);
        number(out, key!("last_packet"), last.packet);
    }
    // Where the beginning was not captured, the first frame seen says nothing about how long the call took.
    number_if_known(out, key!("duration_ns"), call.duration().filter(|_| call.begins));
}

/// `status` as the wire said; where it said none, what a client makes of that stands beside it.
fn status(call: &Call, out: &mut Vec<u8>) {
    match call.status {
        Some(Status::OK) => prepared!(r#","status":0,"status_name":"OK""#).write(out),
        Some(status) => {
            number(out, key!("status"), status.0);
            status_name(key!("status_name"), status, out);
        }
        None => {
            out.extend_from_slice(b",\"status\":null");
            if let Some(mapped) = mapped_status(call) {
                number(out, key!("mapped_status"), mapped.0);
                status_name(key!("mapped_status_name"), mapped, out);
            }
        }
    }
    if let Some(text) = call.status_message() {
        string_or_hex(out, (key!("status_message"), key!("status_message_hex")), &percent::decode(text));
    }
}

/// What a gRPC client reports for a call that ended without `grpc-status`. Nothing is said where the capture may have lost the status, nor
/// where the client alone knows: after its own reset, or when the connection was lost.
fn mapped_status(call: &Call) -> Option<Status> {
    let outcome = call.outcome.filter(|_| call.is_complete())?;
    match (call.http_status, outcome) {
        (_, Outcome::Open) => None,
        // An HTTP error settles it as soon as it comes, whatever ends the stream after it.
        (Some(http), _) if http != 200 => Some(Status::from_http(http)),
        (http, Outcome::Completed) => http.map(Status::from_http),
        (_, Outcome::ResetByServer(code)) => Status::from_reset(code.0),
        (_, Outcome::Refused) => Some(Status::UNAVAILABLE),
        (_, Outcome::ResetByClient(_) | Outcome::ConnectionLost) => None,
    }
}

fn status_name(key: &[u8], status: Status, out: &mut Vec<u8>) {
    match status.name() {
        Some(known) => name(out, key, known),
        None => display(out, key, status),
    }
}

/// `grpc-status-details-bin` as a `google.rpc.Status`; beside a fault, its octets as they came.
fn status_details(value: &[u8], contents: &mut Contents, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    scratch.clear();
    let Some(first) = binary_values(value).next() else { return };
    if let Err(fault) = first.decode_into(scratch) {
        display(out, key!("status_details_error"), fault);
        return string_or_hex(out, (key!("status_details_text"), key!("status_details_hex")), value);
    }
    let mut error = String::new();
    let start = out.len();
    out.extend_from_slice(key!("status_details"));
    match contents.status_details_json(scratch, out) {
        Some(report) => {
            report.write_error(&mut error);
        }
        None => out.truncate(start),
    }
    if !error.is_empty() {
        string(out, key!("status_details_error"), error.as_bytes());
        out.extend_from_slice(key!("status_details_base64"));
        base64(out, scratch);
    }
}

/// One list of metadata: [name, value], and behind them a word where the value is not the text that was sent. Values of `-bin` names are
/// decoded from what the wire had, which differs between senders, and written as base64 with padding.
fn metadata(key: &[u8], call: &Call, which: Metadata, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    let mut before = b'[';
    for (name, value) in call.metadata(which) {
        if !is_binary(name) {
            entry(&mut before, name, out);
            let is_text = std::str::from_utf8(value).is_ok();
            if is_text {
                quoted(out, value)
            } else {
                quoted_hex(out, value)
            }
            out.extend_from_slice(if is_text { b"]" } else { b",\"hex\"]" });
            continue;
        }
        for one in binary_values(value) {
            entry(&mut before, name, out);
            scratch.clear();
            if one.decode_into(scratch).is_ok() {
                base64(out, scratch);
                out.push(b']');
            } else if std::str::from_utf8(one.encoded).is_ok() {
                quoted(out, one.encoded);
                out.extend_from_slice(b",\"not_base64\"]");
            } else {
                quoted_hex(out, one.encoded);
                out.extend_from_slice(b",\"hex\"]");
            }
        }
    }
    end_list(out, before);
}

/// Begins an entry of a list of metadata with its name.
fn entry(before: &mut u8, name: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[*before, b'[']);
    *before = b',';
    quoted(out, name);
    out.push(b',');
}
