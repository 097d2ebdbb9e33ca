//! How messages are packed, and what a peer says about it (gRPC PROTOCOL-HTTP2, Message-Encoding; compression.md).
//!
//! Which calls are packed is decided by whoever makes or answers them.

use std::io::Write;

use flate2::write::GzEncoder;

use super::fields::Fields;
use super::inbox::{ENVELOPE, Refusal};
use crate::grpc::encoding::{Decompressor, Encoding, End};
use crate::grpc::status::Status;

/// The value of `grpc-accept-encoding`: what both endpoints understand.
pub const ACCEPTED: &str = "gzip,identity";

/// How the messages of one direction of a call are packed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Compression {
    /// Not at all.
    #[default]
    Identity,
    /// Each for itself with gzip, unless that makes it longer.
    Gzip,
}

/// What the peer has said of its messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Packing {
    /// Nothing, or `identity`: none may be packed.
    #[default]
    None,
    /// They may be packed with gzip.
    Gzip,
    /// They may be packed in a way that this end does not know.
    Unknown,
}

impl Packing {
    /// What `grpc-encoding` in this header list says.
    #[must_use]
    pub fn of(fields: &Fields) -> Self {
        match fields.value(b"grpc-encoding").map(Encoding::of) {
            None | Some(Encoding::Identity) => Self::None,
            Some(Encoding::Gzip) => Self::Gzip,
            Some(_) => Self::Unknown,
        }
    }
}

/// Whether the sender of this header list takes messages packed with gzip.
#[must_use]
pub fn accepts_gzip(fields: &Fields) -> bool {
    let lists = fields.0.iter().filter(|(name, _)| name == b"grpc-accept-encoding");
    lists.flat_map(|(_, value)| value.split(|octet| *octet == b',')).any(|name| name.trim_ascii() == b"gzip")
}

/// A message in its envelope: packed if that is asked for and makes it shorter.
#[must_use]
pub fn envelope(message: &[u8], compression: Compression) -> Vec<u8> {
    let packed = match compression {
        Compression::Identity => None,
        Compression::Gzip => gzip(message).filter(|packed| packed.len() < message.len()),
    };
    let (flag, payload) = packed.as_deref().map_or((0, message), |packed| (1, packed));
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut octets = Vec::with_capacity(payload.len().saturating_add(ENVELOPE));
    octets.push(flag);
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

fn gzip(message: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(message).ok()?;
    encoder.finish().ok()
}

/// The message inside a packed one.
pub(super) fn unpack(decompressor: &mut Decompressor, packed: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut message = Vec::new();
    match decompressor.decompress(Encoding::Gzip, packed, &mut message).end {
        End::Complete => Ok(message),
        End::Cut => Err((Status::RESOURCE_EXHAUSTED, "a message is larger than this end takes when unpacked")),
        End::Damaged(_) | End::UnknownEncoding => Err((Status::INTERNAL, "a packed message cannot be unpacked")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_shrink_goes_as_it_is() {
        assert_eq!(envelope(b"gRPC", Compression::Gzip), b"\0\0\0\0\x04gRPC");
        assert_eq!(envelope(b"", Compression::Gzip), b"\0\0\0\0\0");
        let packed = envelope(&[7; 1000], Compression::Gzip);
        assert_eq!(packed[0], 1);
        assert!(packed.len() < 100);
        assert_eq!(unpack(&mut Decompressor::new(1000), &packed[ENVELOPE..]), Ok(vec![7; 1000]));
    }

    #[test]
    fn a_list_of_encodings_is_read_by_name() {
        let accepts = |value: &str| accepts_gzip(Fields::default().push("grpc-accept-encoding", value));
        assert!(accepts("identity, deflate, gzip"));
        assert!(accepts("gzip"));
        assert!(!accepts("identity,gzip2"));
        assert!(!accepts_gzip(&Fields::default()));
    }
}
