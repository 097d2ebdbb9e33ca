//! What messages say: unpacked, matched with the schema, and written as JSON. All views ask here, and only for what they show.

use crate::direction::Direction;
use crate::event::MessageEvent;
use crate::grpc::call::Call;
use crate::grpc::content_type::Codec;
use crate::grpc::encoding::{Decompressor, Encoding, End, Form};
use crate::limits::Limits;
use crate::protobuf::decode::{Decoder, Report};
use crate::protobuf::schema::{MessageId, MethodInfo, Schema};

/// The schema, and the means to read messages with it.
#[derive(Debug)]
pub struct Contents {
    schema: Schema,
    decoder: Decoder,
    decompressor: Decompressor,
    unpacked: Vec<u8>,
}

/// How a message was unpacked.
#[derive(Clone, Copy, Debug)]
pub enum Unpacked<'a> {
    /// It was not compressed.
    Plain(&'a [u8]),
    /// It was compressed; the content, as far as it could be unpacked.
    From {
        /// The content.
        octets: &'a [u8],
        /// What the octets turned out to be.
        form: Form,
        /// How the unpacking ended.
        end: End,
    },
    /// It says that it is compressed, but not how, or the header that says so was not captured.
    Unnamed,
    /// It was not kept, or octets of it are missing.
    Missing,
}

impl<'a> Unpacked<'a> {
    /// The content, where there is any.
    #[must_use]
    pub const fn octets(self) -> Option<&'a [u8]> {
        match self {
            Self::Plain(octets) => Some(octets),
            // What cannot be unpacked is not an empty message.
            Self::From { end: End::UnknownEncoding, .. } => None,
            Self::From { octets: [], end: End::Damaged(_), .. } => None,
            Self::From { octets, .. } => Some(octets),
            Self::Unnamed | Self::Missing => None,
        }
    }

    /// Whether `octets` is the whole content.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Plain(_) | Self::From { end: End::Complete, .. })
    }
}

impl Contents {
    /// With this schema.
    #[must_use]
    pub fn new(schema: Schema, limits: &Limits) -> Self {
        Self {
            schema,
            decoder: Decoder::default(),
            decompressor: Decompressor::new(limits.decompressed),
            unpacked: Vec::new(),
        }
    }

    /// The schema.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The method a call names, if its path is known and in the schema.
    #[must_use]
    pub fn method(&self, call: &Call) -> Option<&MethodInfo> {
        self.schema.method_of(call.path()?)
    }

    /// The type of a call's messages in a direction.
    #[must_use]
    pub fn message_type(&self, call: &Call, direction: Direction) -> Option<MessageId> {
        let method = self.method(call)?;
        match direction {
            Direction::ToServer => method.input,
            Direction::ToClient => method.output,
        }
    }

    /// Unpacks a message.
    pub fn unpack<'a>(&'a mut self, event: &MessageEvent<'a>) -> Unpacked<'a> {
        unpack(&mut self.decompressor, &mut self.unpacked, event)
    }

    /// Unpacks a message and hands its content on, together with what reads it.
    pub fn read<'a, T>(&mut self, event: &MessageEvent<'a>, read: impl FnOnce(Unpacked<'_>, Reading<'_>) -> T) -> T {
        let codec = event.call.foreign_codec(event.direction);
        // What is not protobuf has no type that a schema could tell.
        let message = if codec.is_none() { self.message_type(event.call, event.direction) } else { None };
        let unpacked = unpack(&mut self.decompressor, &mut self.unpacked, event);
        read(unpacked, Reading { schema: &self.schema, decoder: &mut self.decoder, message, codec })
    }

    /// Reads octets that are a `google.rpc.Status` (`grpc-status-details-bin`) as JSON.
    pub fn status_details_json(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Option<&Report> {
        let id = self.schema.message("google.rpc.Status")?;
        Some(self.decoder.json(&self.schema, id, octets, out))
    }

    /// The same as spaced JSON of at most `width` characters.
    pub fn status_details_line(&mut self, octets: &[u8], width: usize, out: &mut Vec<u8>) -> Option<&Report> {
        let id = self.schema.message("google.rpc.Status")?;
        Some(self.decoder.line(&self.schema, id, octets, width, out))
    }
}

/// What reads a message's content.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// The decoder.
    pub decoder: &'a mut Decoder,
    /// The message's type, if the schema knows it.
    pub message: Option<MessageId>,
    /// What the message is encoded with, where that is not protobuf.
    pub codec: Option<Codec<'a>>,
}

/// Octets that say they are JSON, if they are: without the white space between its tokens, so that they stand on one line.
#[must_use]
pub fn compact_json(octets: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_str::<&serde_json::value::RawValue>(std::str::from_utf8(octets).ok()?).ok()?;
    let (mut quoted, mut escaped) = (false, false);
    let kept = octets.iter().copied().filter(|&octet| {
        let space = !quoted && octet.is_ascii_whitespace();
        quoted ^= octet == b'"' && !escaped;
        escaped = quoted && octet == b'\\' && !escaped;
        !space
    });
    Some(kept.collect())
}

impl Reading<'_> {
    /// The type's full name.
    #[must_use]
    pub fn type_name(&self) -> Option<&str> {
        self.message.map(|id| self.schema.message_name(id))
    }

    /// Appends compact JSON; without a type a guess.
    pub fn json(&mut self, octets: &[u8], out: &mut Vec<u8>) -> &Report {
        match self.message {
            Some(id) => self.decoder.json(self.schema, id, octets, out),
            None => self.decoder.guess_json(octets, out),
        }
    }

    /// Appends spaced JSON of at most `width` characters; without a type a guess.
    pub fn line(&mut self, octets: &[u8], width: usize, out: &mut Vec<u8>) -> &Report {
        match self.message {
            Some(id) => self.decoder.line(self.schema, id, octets, width, out),
            None => self.decoder.guess_line(octets, width, out),
        }
    }
}

fn unpack<'a>(decompressor: &mut Decompressor, buffer: &'a mut Vec<u8>, event: &MessageEvent<'a>) -> Unpacked<'a> {
    if !event.is_whole() {
        return Unpacked::Missing;
    }
    if !event.is_compressed() {
        return Unpacked::Plain(event.octets);
    }
    let Some(name) = event.call.encoding(event.direction) else { return Unpacked::Unnamed };
    let done = decompressor.decompress(Encoding::of(name), event.octets, buffer);
    Unpacked::From { octets: buffer, form: done.form, end: done.end }
}
