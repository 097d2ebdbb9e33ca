//! One RPC as seen on the wire: what was asked, what came back, and what ended it (PROTOCOL-HTTP2).

use super::calls::Ending;
use super::content_type::{Codec, ContentType, Protocol};
use super::message::{Body, Queue};
use super::metadata;
use super::status::Status;
use super::timeout::Timeout;
use super::web::TextDecoder;
use crate::direction::{Both, Direction};
use crate::http2::connection::Block;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::http2::hpack::StaticName;
use crate::span::Arrival;

/// A call's number: the calls of all flows are counted from 0 by their first frame.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CallId(pub u64);

/// What ended a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Trailers with a status, or a complete HTTP response without one.
    Completed,
    /// RST_STREAM from the client.
    ResetByClient(ErrorCode),
    /// RST_STREAM from the server.
    ResetByServer(ErrorCode),
    /// The TCP connection ended first.
    ConnectionLost,
    /// The server says it did not process the call: RST_STREAM with REFUSED_STREAM, or a GOAWAY that leaves it out.
    Refused,
    /// It was still under way when the capture ended.
    Open,
}

impl Outcome {
    /// The name machine output uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::ResetByClient(_) => "reset_by_client",
            Self::ResetByServer(_) => "reset_by_server",
            Self::ConnectionLost => "connection_lost",
            Self::Refused => "refused",
            Self::Open => "open",
        }
    }

    /// The error code of a reset.
    #[must_use]
    pub const fn error(self) -> Option<ErrorCode> {
        match self {
            Self::ResetByClient(code) | Self::ResetByServer(code) => Some(code),
            Self::Refused => Some(ErrorCode::REFUSED_STREAM),
            _ => None,
        }
    }
}

/// A call.
#[derive(Debug, Default)]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// Its stream.
    pub stream: StreamId,
    /// Its first frame.
    pub start: Arrival,
    /// The frame that ended it.
    pub end: Option<Arrival>,
    /// What ended it.
    pub outcome: Option<Outcome>,
    /// What the content types say it is; `None` when neither was captured.
    pub protocol: Option<Protocol>,
    /// Whether something that was captured says that it is gRPC: a content type, a field of gRPC's own, or DATA that messages fill. Where
    /// nothing does, since what would was not captured, it may be any exchange over HTTP/2.
    pub is_told: bool,
    /// Whether its first frame was the request's HEADERS, as it should be.
    pub begins: bool,
    /// Whether the capture lost part of it.
    pub damaged: bool,
    /// Whether frames were lost while it was under way: what ended it may be among them.
    pub end_lost: bool,
    /// Which side sent a RST_STREAM whose error code was not captured.
    pub unread_reset: Option<Direction>,
    /// The HTTP status of the response.
    pub http_status: Option<u16>,
    /// The gRPC status; of several the last.
    pub status: Option<Status>,
    /// How often the response said `grpc-status`, where it should say it once.
    pub statuses: u32,
    /// Whether the response was a single header block.
    pub trailers_only: bool,
    /// The deadline the client asked for.
    pub timeout: Option<Timeout>,
    /// The messages of either direction.
    pub bodies: Both<Body>,
    /// Whether either direction has ended.
    pub ended: Both<bool>,
    /// Whether a direction's messages are something else than protobuf, as its content type says.
    foreign_codec: Both<bool>,
    /// Whether either direction has begun with a header block.
    pub(super) headed: Both<bool>,
    /// Whether each side may have ended the call in frames that were not captured: none of it since shows that it had not.
    pub(super) in_doubt: Both<bool>,
    /// Whether something of either direction came since frames of it were last lost.
    pub(super) noted: Both<bool>,
    /// A GOAWAY of the server leaves this call out, and nothing has ended it since.
    pub left_out: bool,
    /// Whether it is a guess which side is the client: what is the client's may be the server's, and the other way round.
    pub sides_guessed: bool,
    /// How it ended, while that is so.
    pub(super) endings: Vec<Ending>,
    pub(super) web_text: Both<Option<TextDecoder>>,
    text: Text,
    metadata_left_out: u64,
    /// Octets of text counted against the limit over all calls.
    pub(super) charged: usize,
}

/// Where the text a call keeps stands in its one buffer.
#[derive(Debug, Default)]
struct Text {
    octets: Vec<u8>,
    path: Option<(u32, u32)>,
    authority: Option<(u32, u32)>,
    content_type: Both<Option<(u32, u32)>>,
    encoding: Both<Option<(u32, u32)>>,
    message: Option<(u32, u32)>,
    details: Option<(u32, u32)>,
    unreadable_status: Option<(u32, u32)>,
    metadata: [Vec<Entry>; 3],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name: (u32, u32),
    value: (u32, u32),
}

/// Which of a call's three lists of metadata.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Metadata {
    /// Of the request.
    Request,
    /// Of the response's first header block.
    Response,
    /// Of the trailers.
    Trailers,
}

impl Call {
    /// Makes the call empty for its next use; its buffers stay.
    pub(super) fn reset(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        text.octets.clear();
        if text.octets.capacity() > 4096 {
            text.octets = Vec::new();
        }
        text.metadata.iter_mut().for_each(Vec::clear);
        let Text { octets, metadata, .. } = text;
        *self = Self { text: Text { octets, metadata, ..Text::default() }, ..Self::default() };
    }

    /// The path of the request, `/package.Service/Method`.
    #[must_use]
    pub fn path(&self) -> Option<&[u8]> {
        self.text.get(self.text.path)
    }

    /// The authority the request names.
    #[must_use]
    pub fn authority(&self) -> Option<&[u8]> {
        self.text.get(self.text.authority)
    }

    /// The `content-type` of a direction.
    #[must_use]
    pub fn content_type(&self, direction: Direction) -> Option<&[u8]> {
        self.text.get(self.text.content_type[direction])
    }

    /// The codec of a direction's messages, where its content type, or else the other's, names one that is not protobuf.
    #[must_use]
    pub fn foreign_codec(&self, direction: Direction) -> Option<Codec<'_>> {
        let named = if self.text.content_type[direction].is_some() { direction } else { direction.opposite() };
        if !self.foreign_codec[named] {
            return None;
        }
        Some(ContentType::parse(self.content_type(named)?).codec)
    }

    /// The `grpc-encoding` of a direction: how its compressed messages are compressed.
    #[must_use]
    pub fn encoding(&self, direction: Direction) -> Option<&[u8]> {
        self.text.get(self.text.encoding[direction])
    }

    /// The `grpc-message` as it stood on the wire, percent-encoded.
    #[must_use]
    pub fn status_message(&self) -> Option<&[u8]> {
        self.text.get(self.text.message)
    }

    /// A `grpc-status` that is no number, as it stood on the wire.
    #[must_use]
    pub fn unreadable_status(&self) -> Option<&[u8]> {
        self.text.get(self.text.unreadable_status)
    }

    /// The `grpc-status-details-bin` as it stood on the wire.
    #[must_use]
    pub fn status_details(&self) -> Option<&[u8]> {
        self.text.get(self.text.details)
    }

    /// Name and value of every field of user metadata, in wire order; values of `-bin` names as they stood.
    pub fn metadata(&self, which: Metadata) -> impl Iterator<Item = (&[u8], &[u8])> {
        let [request, response, trailers] = &self.text.metadata;
        let list = match which {
            Metadata::Request => request,
            Metadata::Response => response,
            Metadata::Trailers => trailers,
        };
        list.iter().map(|entry| {
            let part = |place| self.text.get(Some(place)).unwrap_or_default();
            (part(entry.name), part(entry.value))
        })
    }

    /// Whether any user metadata is kept.
    #[must_use]
    pub fn has_metadata(&self) -> bool {
        self.text.metadata.iter().any(|list| !list.is_empty())
    }

    /// Octets of metadata beyond the limit, which were not kept.
    #[must_use]
    pub const fn metadata_left_out(&self) -> u64 {
        self.metadata_left_out
    }

    /// Nanoseconds from the first frame to the one that ended it.
    #[must_use]
    pub fn duration(&self) -> Option<i64> {
        // A capture may have its packets out of time order; less than nothing is no duration.
        Some(self.end?.time.nanos_since(self.start.time)).filter(|nanos| *nanos >= 0)
    }

    /// Whether everything that belongs to it was captured.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.begins && !self.damaged
    }

    /// Whether its content types say that it is gRPC, in one of its forms.
    #[must_use]
    pub const fn is_grpc(&self) -> bool {
        matches!(self.protocol, Some(Protocol::Grpc | Protocol::GrpcWeb | Protocol::GrpcWebText))
    }

    /// Whether a direction carries length-prefixed messages, as far as known.
    #[must_use]
    pub fn reads_messages(&self, direction: Direction) -> bool {
        self.bodies[direction].reads_messages()
    }

    /// Takes the fields of a header block; `trailers` says which list its metadata belongs to. True if its status is an interim one (1xx).
    pub(super) fn take_block(&mut self, direction: Direction, block: &Block<'_>, trailers: bool, limit: usize) -> bool {
        let which = match (direction, trailers) {
            (Direction::ToServer, _) => 0,
            (Direction::ToClient, false) => 1,
            (Direction::ToClient, true) => 2,
        };
        self.damaged |= !block.complete;
        let mut informational = false;
        let mut reads_messages = true;
        let (mut typed, mut failed) = (false, false);
        for field in block.fields.fields() {
            if field.size_update().is_some() {
                continue;
            }
            if !field.is_known() {
                self.damaged = true;
                continue;
            }
            let name = field.static_name();
            if matches!(name, StaticName::METHOD | StaticName::SCHEME) {
                continue;
            }
            let value = field.value().unwrap_or_default();
            match name {
                // Clients that name themselves so make no other requests.
                StaticName::USER_AGENT => self.is_told |= value.starts_with(b"grpc-"),
                StaticName::PATH => self.keep(|text| &mut text.path, value, limit),
                StaticName::AUTHORITY => self.keep(|text| &mut text.authority, value, limit),
                StaticName::STATUS => {
                    self.http_status = parse_http_status(value);
                    informational |= matches!(value, [b'1', _, _]);
                    failed |= value != b"200";
                }
                StaticName::CONTENT_TYPE => {
                    self.keep(|text| &mut text.content_type[direction], value, limit);
                    let content_type = ContentType::parse(value);
                    typed = true;
                    reads_messages = content_type.is_grpc();
                    self.is_told |= reads_messages;
                    self.foreign_codec[direction] = reads_messages && !content_type.codec.is_proto();
                    // A call of gRPC may be answered in something else.
                    let tells = self.protocol.is_none() && content_type.protocol != Protocol::Other;
                    if direction == Direction::ToServer || tells {
                        self.protocol = Some(content_type.protocol);
                    }
                }
                _ => self.take_field(direction, which, field.name().unwrap_or_default(), value, limit),
            }
        }
        // A failure that does not even say that it is gRPC is somebody else's, a proxy's for one.
        if !reads_messages || (failed && !typed && !informational && !self.damaged) {
            self.bodies[direction].is_not_messages();
        }
        informational
    }

    /// Exchanges what either side's header blocks said. Metadata is forgotten: which of its lists it belongs to depends on the sides.
    pub(super) fn turn_text(&mut self) {
        self.foreign_codec.swap();
        self.text.content_type.swap();
        self.text.encoding.swap();
        self.text.metadata.iter_mut().for_each(Vec::clear);
    }

    fn take_field(&mut self, direction: Direction, which: usize, name: &[u8], value: &[u8], limit: usize) {
        if !self.is_told {
            self.is_told = name.starts_with(b"grpc-");
        }
        match name {
            b"grpc-status" => {
                self.statuses = self.statuses.saturating_add(1);
                match Status::parse(value) {
                    Ok(status) => self.status = Some(status),
                    Err(_) => self.text.set(|text| &mut text.unreadable_status, value),
                }
            }
            b"grpc-message" => self.keep(|text| &mut text.message, value, limit),
            b"grpc-status-details-bin" => self.keep(|text| &mut text.details, value, limit),
            b"grpc-encoding" => self.keep(|text| &mut text.encoding[direction], value, limit),
            b"grpc-timeout" => self.timeout = Timeout::parse(value).ok(),
            _ if !metadata::kind(name).is_metadata() => {}
            _ => {
                let size = name.len().saturating_add(value.len());
                if self.text_octets().saturating_add(size) > limit {
                    self.metadata_left_out = self.metadata_left_out.saturating_add(size as u64);
                    return;
                }
                let entry = Entry { name: self.text.keep(name), value: self.text.keep(value) };
                if let Some(list) = self.text.metadata.get_mut(which) {
                    list.push(entry);
                }
            }
        }
    }

    /// Keeps a field that occurs once, within the limit.
    fn keep(&mut self, place: impl FnOnce(&mut Text) -> &mut Option<(u32, u32)>, value: &[u8], limit: usize) {
        if self.text_octets().saturating_add(value.len()) > limit {
            self.metadata_left_out = self.metadata_left_out.saturating_add(value.len() as u64);
            return;
        }
        self.text.set(place, value);
    }

    /// Octets of text held, each field of metadata with its bookkeeping.
    pub(super) fn text_octets(&self) -> usize {
        let fields = self.text.metadata.iter().fold(0_usize, |sum, list| sum.saturating_add(list.len()));
        self.text.octets.len().saturating_add(fields.saturating_mul(size_of::<Entry>()))
    }

    /// Takes what gRPC-Web sends as trailers inside the body.
    pub(super) fn take_web_trailer(&mut self, name: &[u8], value: &[u8], limit: usize) {
        self.take_field(Direction::ToClient, 2, name, value, limit);
    }

    /// Its beginning was not captured, nor what either side may have done before.
    pub(super) fn is_met_late(&mut self) {
        self.bodies = Both::from_fn(|_| Body::lost());
        self.in_doubt = Both { to_server: true, to_client: true };
    }

    /// A direction has ended: a message that has not is told as far as it came, if it is one.
    pub fn abandon(&mut self, direction: Direction, at: Arrival, queue: &mut Queue) {
        let body = &mut self.bodies[direction];
        if self.is_told {
            body.abandon(at, queue);
        } else {
            body.drop_open(queue);
        }
    }

    pub(super) fn drop_open(&mut self, queue: &mut Queue) {
        for direction in Direction::BOTH {
            self.bodies[direction].drop_open(queue);
        }
    }

    /// Octets of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let lists = self.text.metadata.iter().fold(0_usize, |sum, list| sum.saturating_add(list.capacity()));
        size_of::<Self>()
            .saturating_add(self.text.octets.capacity())
            .saturating_add(lists.saturating_mul(size_of::<Entry>()))
    }
}

impl Text {
    fn get(&self, place: Option<(u32, u32)>) -> Option<&[u8]> {
        let (start, length) = place?;
        let start = usize::try_from(start).ok()?;
        self.octets.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }

    fn keep(&mut self, octets: &[u8]) -> (u32, u32) {
        let start = u32::try_from(self.octets.len()).unwrap_or(u32::MAX);
        self.octets.extend_from_slice(octets);
        (start, u32::try_from(octets.len()).unwrap_or(0))
    }

    /// Keeps a field that occurs once; of repeated ones the last stands.
    fn set(&mut self, place: impl FnOnce(&mut Self) -> &mut Option<(u32, u32)>, value: &[u8]) {
        let kept = self.keep(value);
        *place(self) = Some(kept);
    }
}

fn parse_http_status(value: &[u8]) -> Option<u16> {
    match value {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            let digit = |octet: &u8| u16::from(octet.saturating_sub(b'0'));
            Some(digit(a).saturating_mul(100).saturating_add(digit(b).saturating_mul(10)).saturating_add(digit(c)))
        }
        _ => None,
    }
}
