//! The frame zoo: two puppets that show every frame type, flag, setting and error code (RFC 9113 §6, §7; RFC 7838, 8336, 8441, 9218).

use std::net::SocketAddrV4;

use super::caller::MILLI;
use super::first;
use super::frames::{FRAME, settings};
use super::puppet::Puppet;
use crate::endpoint::compression::{Compression, envelope};
use crate::endpoint::example::{SEARCH, search_request};
use crate::endpoint::world::single::Single;
use crate::endpoint::world::{Backend, Diary, Stage};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::{Flags, FrameHeader, FrameType, StreamId};
use crate::http2::hpack::Encoder;
use crate::http2::settings::SettingId;
use crate::http2::write;

pub(super) fn stage(at: &[SocketAddrV4]) -> Stage {
    let address = first(at);
    let client = Puppet::client(client(&address.to_string()), 220 * MILLI);
    Stage::new(Single::new(address, client), vec![Backend::new(server)], Diary::default())
}

/// The header block of a search.
pub(super) fn request(encoder: &mut Encoder, authority: &str) -> Vec<u8> {
    let fields: [(&[u8], &[u8]); 6] = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", SEARCH.as_bytes()),
        (b":authority", authority.as_bytes()),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ];
    block(encoder, fields)
}

/// PUSH_PROMISE (§6.6).
pub(super) fn promise(encoder: &mut Encoder, stream: StreamId, promised: StreamId, path: &str, out: &mut Vec<u8>) {
    let fields: [(&[u8], &[u8]); 4] =
        [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"pushed.example"), (b":path", path.as_bytes())];
    let payload = [&promised.0.to_be_bytes()[..], &block(encoder, fields)].concat();
    write::frame(FrameType::PUSH_PROMISE, Flags::END_HEADERS, stream, &payload, out);
}

fn block<'f>(encoder: &mut Encoder, fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.encode(fields, &mut block);
    block
}

/// A payload with padding around it (§6.1).
fn padded(content: &[u8], padding: u8) -> Vec<u8> {
    [&[padding][..], content, &vec![0; padding.into()]].concat()
}

/// The priority fields (§6.3): exclusive, on stream 0, weight 201.
const PRIORITY: [u8; 5] = [0x80, 0, 0, 0, 200];

/// What the client sends, and how long after what stands before it.
fn client(authority: &str) -> Vec<(i64, Vec<u8>)> {
    let mut encoder = Encoder::new();
    let every_setting = settings(&[
        (SettingId::HEADER_TABLE_SIZE, 4096),
        (SettingId::ENABLE_PUSH, 1),
        (SettingId::MAX_CONCURRENT_STREAMS, 100),
        (SettingId::INITIAL_WINDOW_SIZE, 65_535),
        (SettingId::MAX_FRAME_SIZE, 16_384),
        (SettingId::MAX_HEADER_LIST_SIZE, 65_536),
        // ENABLE_CONNECT_PROTOCOL (RFC 8441), NO_RFC7540_PRIORITIES (RFC 9218), and one that is nobody's.
        (SettingId(0x8), 1),
        (SettingId(0x9), 1),
        (SettingId(0x4a4a), 0x1234_5678),
    ]);
    let exhibits: [fn(&mut Encoder, &str, &mut Vec<u8>); 6] =
        [padding, continuation, small_frames, unknown, resets, leave];
    let mut steps = vec![(0, every_setting)];
    for exhibit in exhibits {
        let mut out = Vec::new();
        exhibit(&mut encoder, authority, &mut out);
        steps.push((5 * MILLI, out));
    }
    steps
}

/// HEADERS with padding and priority, and a message in padded DATA, with an empty frame between.
fn padding(encoder: &mut Encoder, authority: &str, out: &mut Vec<u8>) {
    let fields = [&PRIORITY[..], &request(encoder, authority)].concat();
    let flags = Flags::END_HEADERS | Flags::PADDED | Flags::PRIORITY;
    write::frame(FrameType::HEADERS, flags, StreamId(1), &padded(&fields, 8), out);
    let message = envelope(&search_request("gRPC"), Compression::Identity);
    let (begin, rest) = message.split_at_checked(4).unwrap_or_default();
    write::frame(FrameType::DATA, Flags::PADDED, StreamId(1), &padded(begin, 0), out);
    write::data(StreamId(1), &[], false, out);
    write::frame(FrameType::DATA, Flags::PADDED | Flags::END_STREAM, StreamId(1), &padded(rest, 100), out);
}

/// A header block in three pieces, and PRIORITY for a stream that nobody has opened.
fn continuation(encoder: &mut Encoder, authority: &str, out: &mut Vec<u8>) {
    write::frame(FrameType::PRIORITY, 0, StreamId(5), &PRIORITY, out);
    let mut fields = request(encoder, authority);
    fields.extend(block(encoder, [(&b"x-in-three-pieces"[..], &b"yes"[..])]));
    let (head, rest) = fields.split_at_checked(3).unwrap_or_default();
    let (middle, tail) = rest.split_at_checked(3).unwrap_or_default();
    write::frame(FrameType::HEADERS, Flags::END_STREAM, StreamId(3), head, out);
    write::frame(FrameType::CONTINUATION, 0, StreamId(3), middle, out);
    write::frame(FrameType::CONTINUATION, Flags::END_HEADERS, StreamId(3), tail, out);
}

/// PING, WINDOW_UPDATE with its reserved bit, PRIORITY_UPDATE.
fn small_frames(_: &mut Encoder, _: &str, out: &mut Vec<u8>) {
    write::ping(*b"frame zo", false, out);
    write::window_update(StreamId::CONNECTION, 1000, out);
    write::frame(FrameType::WINDOW_UPDATE, 0, StreamId(3), &(0x8000_0000_u32 | 1000).to_be_bytes(), out);
    let update = [&3_u32.to_be_bytes()[..], b"u=1, i"].concat();
    write::frame(FrameType::PRIORITY_UPDATE, 0, StreamId::CONNECTION, &update, out);
}

/// A type that nobody knows, flags that no type has, and the reserved bit before a stream.
fn unknown(_: &mut Encoder, _: &str, out: &mut Vec<u8>) {
    write::frame(FrameType(0xfa), 0xff, StreamId(7), b"who am I?", out);
    write::frame(FrameType::PING, 0x7e, StreamId::CONNECTION, b"flagged!", out);
    write::frame(FrameType(0x21), 0, StreamId(0x8000_0000), &[], out);
}

/// As many streams as there are codes to reset them with.
fn resets(encoder: &mut Encoder, authority: &str, out: &mut Vec<u8>) {
    for code in CODES {
        write::headers(reset_stream(code), &request(encoder, authority), true, FRAME, out);
    }
}

/// A client's GOAWAY.
fn leave(_: &mut Encoder, _: &str, out: &mut Vec<u8>) {
    write::go_away(StreamId::CONNECTION, ErrorCode::NO_ERROR, b"the zoo closes", out);
}

/// Every code of RFC 9113 §7, and one that is nobody's.
const CODES: [u32; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xbad];

/// The stream that is reset with this code.
fn reset_stream(code: u32) -> StreamId {
    StreamId(code.min(14).saturating_mul(2).saturating_add(9))
}

/// Answers the client's exhibits with its own.
fn server() -> Puppet {
    let mut encoder = Encoder::new();
    let mut goaway = Vec::new();
    write::go_away(StreamId(0x7fff_ffff), ErrorCode::NO_ERROR, b"closing soon", &mut goaway);
    write::go_away(StreamId(37), ErrorCode::ENHANCE_YOUR_CALM, b"closed", &mut goaway);
    let answer = move |header: FrameHeader, _: &[u8], out: &mut Vec<u8>| {
        let stream = header.stream();
        match header.kind() {
            FrameType::DATA if header.ends_stream() => respond(&mut encoder, stream, out),
            FrameType::CONTINUATION if header.flags().has(Flags::END_HEADERS) => {
                let trailers_only =
                    [(&b":status"[..], &b"200"[..]), (b"content-type", b"application/grpc"), (b"grpc-status", b"12")];
                write::headers(stream, &block(&mut encoder, trailers_only), true, FRAME, out);
            }
            FrameType::HEADERS if header.ends_stream() && header.flags().has(Flags::END_HEADERS) => {
                let code = CODES.into_iter().find(|code| reset_stream(*code) == stream).unwrap_or(0);
                write::rst_stream(stream, ErrorCode(code), out);
            }
            _ => {}
        }
    };
    Puppet::server(settings(&[]), answer).after(FrameType::GOAWAY, 20 * MILLI, goaway)
}

/// An interim response, a padded one, a push, and what else a server may say.
fn respond(encoder: &mut Encoder, stream: StreamId, out: &mut Vec<u8>) {
    write::headers(
        stream,
        &block(encoder, [(&b":status"[..], &b"103"[..]), (b"link", b"</style.css>")]),
        false,
        FRAME,
        out,
    );
    let fields = block(encoder, [(&b":status"[..], &b"200"[..]), (b"content-type", b"application/grpc")]);
    write::frame(FrameType::HEADERS, Flags::END_HEADERS | Flags::PADDED, stream, &padded(&fields, 16), out);
    let message = envelope(&search_request("gRPC Server"), Compression::Identity);
    write::frame(FrameType::DATA, Flags::PADDED, stream, &padded(&message, 32), out);
    promise(encoder, stream, StreamId(2), "/style.css", out);
    write::rst_stream(StreamId(2), ErrorCode::CANCEL, out);
    let origin = b"http://zoo.example";
    let [high, low] = u16::try_from(origin.len()).unwrap_or(0).to_be_bytes();
    let alternative = [&[high, low][..], origin, b"h3=\":443\"; ma=60"].concat();
    write::frame(FrameType::ALTSVC, 0, StreamId::CONNECTION, &alternative, out);
    write::frame(FrameType::ALTSVC, 0, stream, &[&[0, 0][..], b"clear"].concat(), out);
    write::frame(FrameType::ORIGIN, 0, StreamId::CONNECTION, &[&[high, low][..], origin].concat(), out);
    write::headers(stream, &block(encoder, [(&b"grpc-status"[..], &b"0"[..])]), true, FRAME, out);
}
