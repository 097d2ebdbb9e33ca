//! What stands below a line: fields, settings, messages, octets.

use super::preview;
use crate::annotate;
use crate::event::{FrameEvent, MessageEvent};
use crate::grpc::call::Metadata;
use crate::grpc::calls::Role;
use crate::grpc::content_type::Codec;
use crate::grpc::encoding::{End, Form};
use crate::grpc::metadata::{binary_values, is_binary};
use crate::http2::connection::Frame;
use crate::http2::frame::FrameHeader;
use crate::http2::payload::Payload;
use crate::view::contents::{Contents, Unpacked, compact_json};
use crate::write;

pub(super) const INDENT: usize = 30;
/// Octets of one header value that are shown.
const VALUE: usize = 200;
/// Octets of one frame that are shown as a hexdump.
const DUMP: usize = 4096;
/// What `grpc-status-details-bin` holds.
const STATUS: &[u8] = b"google.rpc.Status ";
/// Octets of a binary header value that are shown.
const BINARY: usize = 24;

pub(super) fn indent(out: &mut Vec<u8>) {
    write::spaces(out, INDENT);
}

/// Writes items on as many lines as they take.
struct Wrap {
    width: usize,
    column: usize,
}

impl Wrap {
    const fn new(width: usize) -> Self {
        Self { width, column: 0 }
    }

    /// Appends what `write` appends, on a new line where it does not fit on this one.
    fn item(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let before = out.len();
        if self.column == 0 {
            indent(out);
        } else {
            out.extend_from_slice(b"  ");
        }
        let start = out.len();
        write(out);
        let length = write::columns(out.get(start..).unwrap_or_default());
        if self.column == 0 {
            self.column = INDENT.saturating_add(length);
        } else if self.column.saturating_add(length).saturating_add(2) <= self.width {
            self.column = self.column.saturating_add(length).saturating_add(2);
        } else {
            // The two spaces become a line break and the indentation.
            let head = b"\n".iter().copied().chain(std::iter::repeat_n(b' ', INDENT));
            out.splice(before..start, head);
            self.column = INDENT.saturating_add(length);
        }
    }

    fn end(self, out: &mut Vec<u8>) {
        if self.column > 0 {
            out.push(b'\n');
        }
    }
}

/// The parameters of SETTINGS.
pub(super) fn settings(frame: &Frame<'_>, width: usize, out: &mut Vec<u8>) {
    let Payload::Settings(settings) = frame.payload else { return };
    let mut wrap = Wrap::new(width);
    for setting in settings {
        wrap.item(out, |out| {
            match setting.id.name() {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => out.extend_from_slice(setting.id.to_string().as_bytes()),
            }
            out.push(b' ');
            write::integer(out, setting.value);
        });
    }
    wrap.end(out);
}

/// The fields of a header block; whether one of them was a placeholder.
pub(super) fn fields(frame: &Frame<'_>, width: usize, out: &mut Vec<u8>) -> bool {
    let Some(block) = &frame.block else { return false };
    let mut wrap = Wrap::new(width);
    let mut placeholder = false;
    let mut any = false;
    for field in block.fields.fields() {
        any = true;
        wrap.item(out, |out| {
            if let Some(size) = field.size_update() {
                out.extend_from_slice(b"(table size ");
                write::integer(out, size);
                out.push(b')');
                return;
            }
            match field.name() {
                Some(name) => write::untrusted_part(out, name, VALUE),
                None => out.push(b'?'),
            }
            out.push(b' ');
            match field.value() {
                Some([0, raw @ ..]) if field.name().is_some_and(is_binary) => binary(raw, out),
                Some(value) => text(value, out),
                None => out.push(b'?'),
            }
        });
        placeholder |= !field.is_known();
    }
    let omitted = block.fields.omitted();
    if omitted.fields > 0 {
        wrap.item(out, |out| {
            out.push(b'(');
            write::counted(out, u64::from(omitted.fields), "more field");
            out.push(b')');
        });
    }
    if !block.complete {
        let words: &[u8] =
            if any { b"(the rest was not captured)" } else { b"(none of its fields was captured whole)" };
        wrap.item(out, |out| out.extend_from_slice(words));
    }
    wrap.end(out);
    placeholder
}

/// What gRPC-Web says at the end of a body: the status, its message, and the metadata that came with them.
pub(super) fn web_trailers(event: &FrameEvent<'_>, width: usize, out: &mut Vec<u8>) {
    let Some(call) =
        event.call.filter(|_| matches!(event.belongs.role, Role::Messages(progress) if progress.web_trailers))
    else {
        return;
    };
    let mut wrap = Wrap::new(width);
    let mut field = |name: &[u8], value: &dyn Fn(&mut Vec<u8>), out: &mut Vec<u8>| {
        wrap.item(out, |out| {
            write::untrusted_part(out, name, VALUE);
            out.push(b' ');
            value(out);
        });
    };
    if let Some(status) = call.status {
        field(b"grpc-status", &|out| write::integer(out, status.0), out);
    }
    if let Some(message) = call.status_message() {
        field(b"grpc-message", &|out| text(message, out), out);
    }
    for (name, value) in call.metadata(Metadata::Trailers) {
        field(name, &|out| text(value, out), out);
    }
    wrap.end(out);
}

/// A header value, in quotes where its ends could not be seen.
fn text(value: &[u8], out: &mut Vec<u8>) {
    let bare = !matches!(value, [] | [b' ', ..] | [.., b' ']);
    if !bare {
        out.push(b'"');
    }
    write::untrusted_part(out, value, VALUE);
    if !bare {
        out.push(b'"');
    }
}

/// A `-bin` value that travels as raw octets after a zero octet, as C-core peers agree on (SETTINGS 0xfe03).
fn binary(raw: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"0x");
    write::hex(out, raw.get(..BINARY).unwrap_or(raw));
    if raw.len() > BINARY {
        out.extend_from_slice("… ".as_bytes());
        write::integer(out, raw.len().saturating_sub(BINARY));
        out.extend_from_slice(b" more");
    }
}

/// The `google.rpc.Status` that a call ended with, if it came with one.
pub(super) fn status(contents: &mut Contents, event: &FrameEvent<'_>, width: usize, out: &mut Vec<u8>) {
    let Some(call) = event.call.filter(|_| matches!(event.belongs.role, Role::Ends | Role::TrailersOnly)) else {
        return;
    };
    let Some(value) = call.status_details() else { return };
    indent(out);
    let line = out.len();
    out.extend_from_slice(STATUS);
    let mut octets = Vec::new();
    let fault = binary_values(value).find_map(|value| value.decode_into(&mut octets).err());
    contents.status_details_line(&octets, preview::room(width, STATUS.len()), out);
    preview::wrap(out, line, width);
    if let Some(fault) = fault {
        out.extend_from_slice(b" -- its base64 is damaged: ");
        write::untrusted(out, fault.to_string().as_bytes());
    }
    out.push(b'\n');
}

/// What a message says.
pub(super) fn message(contents: &mut Contents, event: &MessageEvent<'_>, width: usize, out: &mut Vec<u8>) {
    indent(out);
    let noun = match event.direction {
        crate::direction::Direction::ToServer => "request",
        crate::direction::Direction::ToClient => "response",
    };
    let done = event.message;
    contents.read(event, |unpacked, mut reading| {
        if let Unpacked::From { octets, form, end } = unpacked {
            write::counted(out, u64::from(done.declared), "octet");
            if end == End::UnknownEncoding {
                out.extend_from_slice(b" in an encoding that is not known here: ");
                write::untrusted_part(out, event.call.encoding(event.direction).unwrap_or_default(), 40);
                return;
            }
            out.extend_from_slice(b" of ");
            out.extend_from_slice(name(form));
            out.extend_from_slice(b" hold ");
            write::integer(out, octets.len());
            match end {
                End::Cut => out.extend_from_slice(b" and more, beyond the limit"),
                End::Damaged(fault) => {
                    out.extend_from_slice(b" up to a fault: ");
                    write::untrusted(out, fault.to_string().as_bytes());
                }
                End::Complete | End::UnknownEncoding => {}
            }
            if unpacked.octets().is_none() {
                return;
            }
            out.push(b'\n');
            indent(out);
        }
        let Some(octets) = unpacked.octets() else {
            annotate::numbered(noun.as_bytes(), done.index, done.index_known, out);
            match unpacked {
                Unpacked::Unnamed => out.extend_from_slice(b" is compressed, how is not known"),
                _ if !done.kept => {
                    out.extend_from_slice(b" is larger than the limit: ");
                    write::counted(out, u64::from(done.declared), "octet");
                }
                _ => {
                    out.extend_from_slice(b" is incomplete: ");
                    write::integer(out, done.missing);
                    out.extend_from_slice(b" of ");
                    write::counted(out, u64::from(done.declared), "octet");
                    out.extend_from_slice(b" missing");
                }
            }
            return;
        };
        let line = out.len();
        if let Some(codec) = reading.codec {
            foreign(codec, octets, preview::room(width, 0), out);
            return preview::wrap(out, line, width);
        }
        match reading.type_name() {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None if event.call.path().is_none() => out.extend_from_slice(b"(its method is not known, a guess)"),
            None if reading.schema.is_given() => out.extend_from_slice(b"(not in the schema, a guess)"),
            None => out.extend_from_slice(b"(no schema, a guess)"),
        }
        out.push(b' ');
        let used = out.len().saturating_sub(line);
        let report = reading.line(octets, preview::room(width, used), out);
        let mut error = String::new();
        let any_error = report.write_error(&mut error);
        preview::wrap(out, line, width);
        if any_error {
            out.push(b'\n');
            indent(out);
            out.extend_from_slice(b"-- ");
            write::untrusted(out, error.as_bytes());
        }
        let unknown = reading.decoder.report().unknown_fields().len();
        if unknown > 0 && reading.message.is_some() {
            out.push(b'\n');
            indent(out);
            out.extend_from_slice(b"-- ");
            write::counted(out, unknown as u64, "field");
            out.extend_from_slice(b" not in the schema:");
            for field in reading.decoder.report().unknown_fields().take(8) {
                out.push(b' ');
                if !field.path.is_empty() {
                    write::untrusted(out, field.path.as_bytes());
                    out.push(b'.');
                }
                write::integer(out, field.record.number);
            }
            if unknown > 8 {
                out.extend_from_slice(" …".as_bytes());
            }
        }
    });
    out.push(b'\n');
}

/// A message that is not protobuf: JSON as it is, anything else as octets.
fn foreign(codec: Codec<'_>, octets: &[u8], room: usize, out: &mut Vec<u8>) {
    match compact_json(octets).filter(|_| codec.is_json()) {
        Some(json) => {
            out.extend_from_slice(b"JSON ");
            write::untrusted_part(out, &json, room);
        }
        None => {
            out.extend_from_slice(if codec.is_json() {
                b"not JSON, as it says: \"".as_slice()
            } else {
                b"its codec is not read here: \""
            });
            write::untrusted_part(out, octets, 40);
            out.push(b'"');
        }
    }
}

fn name(form: Form) -> &'static [u8] {
    match form {
        Form::Identity => b"identity",
        Form::Gzip { .. } => b"gzip",
        Form::Zlib => b"deflate",
        Form::RawDeflate => b"raw deflate",
        Form::SnappyFramed => b"framed snappy",
        Form::SnappyRaw => b"snappy",
        Form::Zstd { .. } => b"zstd",
        Form::Unread => b"an unknown encoding",
    }
}

/// A hexdump of the frame's payload.
pub(super) fn octets(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let header = frame.header.map(FrameHeader::octets);
    if let Some(header) = &header {
        dump(header, out);
    }
    let payload = frame.octets;
    dump(payload.get(..DUMP).unwrap_or(payload), out);
    if payload.len() > DUMP {
        indent(out);
        write::counted(out, payload.len().saturating_sub(DUMP) as u64, "more octet");
        out.push(b'\n');
    }
}

fn dump(octets: &[u8], out: &mut Vec<u8>) {
    for (row, chunk) in octets.chunks(16).enumerate() {
        indent(out);
        let offset = u32::try_from(row.saturating_mul(16)).unwrap_or(u32::MAX);
        write::hex(out, &offset.to_be_bytes());
        out.push(b' ');
        for octet in chunk {
            out.push(b' ');
            write::hex(out, &[*octet]);
        }
        write::spaces(out, 16_usize.saturating_sub(chunk.len()).saturating_mul(3).saturating_add(2));
        out.extend(chunk.iter().map(|octet| if matches!(octet, b' '..=b'~') { *octet } else { b'.' }));
        out.push(b'\n');
    }
}
