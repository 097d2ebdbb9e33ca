//! The HTTP/2 frame header: nine octets, of which no bit is lost (RFC 9113 §4.1).
//!
//! A view forgets nothing: unknown types, undefined flags and the reserved bit survive here; whether they were *allowed* is not decided here.

use std::fmt;

/// Octets of a frame header.
pub const HEADER_OCTETS: usize = 9;

/// A frame's number: the frames of all flows are counted from 0 in the order in which they are shown.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FrameId(pub u64);

/// A stream identifier, 31 bits; 0 is the connection itself (§5.1.1).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StreamId(pub u32);

impl StreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);

    /// Whether a client opened, or would open, the stream: odd numbers (§5.1.1).
    #[must_use]
    pub const fn is_client_initiated(self) -> bool {
        self.0 & 1 == 1
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A frame type (§6, and the IANA registry); any number survives.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FrameType(pub u8);

impl FrameType {
    /// DATA (§6.1).
    pub const DATA: Self = Self(0x0);
    /// HEADERS (§6.2).
    pub const HEADERS: Self = Self(0x1);
    /// PRIORITY (§6.3).
    pub const PRIORITY: Self = Self(0x2);
    /// RST_STREAM (§6.4).
    pub const RST_STREAM: Self = Self(0x3);
    /// SETTINGS (§6.5).
    pub const SETTINGS: Self = Self(0x4);
    /// PUSH_PROMISE (§6.6).
    pub const PUSH_PROMISE: Self = Self(0x5);
    /// PING (§6.7).
    pub const PING: Self = Self(0x6);
    /// GOAWAY (§6.8).
    pub const GOAWAY: Self = Self(0x7);
    /// WINDOW_UPDATE (§6.9).
    pub const WINDOW_UPDATE: Self = Self(0x8);
    /// CONTINUATION (§6.10).
    pub const CONTINUATION: Self = Self(0x9);
    /// ALTSVC (RFC 7838 §4).
    pub const ALTSVC: Self = Self(0xa);
    /// ORIGIN (RFC 8336 §2).
    pub const ORIGIN: Self = Self(0xc);
    /// PRIORITY_UPDATE (RFC 9218 §7.1).
    pub const PRIORITY_UPDATE: Self = Self(0x10);

    /// The registered name, if there is one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::DATA => "DATA",
            Self::HEADERS => "HEADERS",
            Self::PRIORITY => "PRIORITY",
            Self::RST_STREAM => "RST_STREAM",
            Self::SETTINGS => "SETTINGS",
            Self::PUSH_PROMISE => "PUSH_PROMISE",
            Self::PING => "PING",
            Self::GOAWAY => "GOAWAY",
            Self::WINDOW_UPDATE => "WINDOW_UPDATE",
            Self::CONTINUATION => "CONTINUATION",
            Self::ALTSVC => "ALTSVC",
            Self::ORIGIN => "ORIGIN",
            Self::PRIORITY_UPDATE => "PRIORITY_UPDATE",
            _ => return None,
        })
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("UNKNOWN(0x{:02x})", self.0)),
        }
    }
}

/// The flags octet; what a bit means depends on the frame type.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Flags(pub u8);

impl Flags {
    /// DATA, HEADERS: the sender's last frame of the stream, but for CONTINUATION.
    pub const END_STREAM: u8 = 0x1;
    /// SETTINGS, PING: an acknowledgement.
    pub const ACK: u8 = 0x1;
    /// HEADERS, PUSH_PROMISE, CONTINUATION: the header block ends here.
    pub const END_HEADERS: u8 = 0x4;
    /// DATA, HEADERS, PUSH_PROMISE: padding follows the content.
    pub const PADDED: u8 = 0x8;
    /// HEADERS: the (deprecated) priority fields are present.
    pub const PRIORITY: u8 = 0x20;

    /// Whether any bit of `mask` is set.
    #[must_use]
    pub const fn any(self, mask: u8) -> bool {
        self.0 & mask != 0
    }

    /// Whether all bits of `mask` are set.
    #[must_use]
    pub const fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }
}

/// A flag's bit and name.
pub type NamedFlag = (u8, &'static str);

/// The flags a frame type defines, lowest bit first.
#[must_use]
pub const fn defined_flags(kind: FrameType) -> &'static [NamedFlag] {
    match kind {
        FrameType::DATA => &[(0x1, "END_STREAM"), (0x8, "PADDED")],
        FrameType::HEADERS => &[(0x1, "END_STREAM"), (0x4, "END_HEADERS"), (0x8, "PADDED"), (0x20, "PRIORITY")],
        FrameType::SETTINGS | FrameType::PING => &[(0x1, "ACK")],
        FrameType::PUSH_PROMISE => &[(0x4, "END_HEADERS"), (0x8, "PADDED")],
        FrameType::CONTINUATION => &[(0x4, "END_HEADERS")],
        _ => &[],
    }
}

/// A frame header as it stood on the wire, reserved bit and undefined flags included. Every accessor is total.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameHeader {
    length: u32,
    /// The stream identifier, with the reserved bit before it.
    stream: u32,
    kind: FrameType,
    flags: Flags,
}

impl FrameHeader {
    /// Reads the header that these octets are.
    #[must_use]
    #[inline]
    pub const fn new([l0, l1, l2, kind, flags, s0, s1, s2, s3]: [u8; HEADER_OCTETS]) -> Self {
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            kind: FrameType(kind),
            flags: Flags(flags),
        }
    }

    /// Reads the header at the front of `octets`; `None` until nine have arrived.
    #[must_use]
    #[inline]
    pub fn first(octets: &[u8]) -> Option<Self> {
        octets.first_chunk().map(|octets| Self::new(*octets))
    }

    /// The nine octets as they stood on the wire.
    #[must_use]
    pub const fn octets(self) -> [u8; HEADER_OCTETS] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind.0, self.flags.0, s0, s1, s2, s3]
    }

    /// Octets of the payload, 24 bits; the header is not counted.
    #[must_use]
    pub const fn length(self) -> u32 {
        self.length
    }

    /// The frame type.
    #[must_use]
    pub const fn kind(self) -> FrameType {
        self.kind
    }

    /// The flags octet.
    #[must_use]
    pub const fn flags(self) -> Flags {
        self.flags
    }

    /// The stream the frame belongs to; 0 is the connection itself (§5.1.1).
    #[must_use]
    pub const fn stream(self) -> StreamId {
        StreamId(self.stream & 0x7fff_ffff)
    }

    /// The bit before the stream identifier, which has no meaning and must be 0.
    #[must_use]
    pub const fn reserved_bit(self) -> bool {
        self.stream & 0x8000_0000 != 0
    }

    /// Whether the frame ends its sender's half of the stream (DATA and HEADERS only).
    #[must_use]
    pub const fn ends_stream(self) -> bool {
        matches!(self.kind(), FrameType::DATA | FrameType::HEADERS) && self.flags().has(Flags::END_STREAM)
    }

    /// Whether the frame is an acknowledgement (SETTINGS and PING only).
    #[must_use]
    pub const fn is_ack(self) -> bool {
        matches!(self.kind(), FrameType::SETTINGS | FrameType::PING) && self.flags().has(Flags::ACK)
    }

    /// The bits set that the frame type does not define.
    #[must_use]
    pub fn undefined_flags(self) -> u8 {
        let defined = defined_flags(self.kind()).iter().fold(0, |all, (bit, _)| all | bit);
        self.flags().0 & !defined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_keeps_the_reserved_bit_and_undefined_flags() {
        let header = FrameHeader::new([0, 0x40, 0, 0x0, 0xf1, 0x80, 0, 0, 7]);
        assert_eq!((header.length(), header.kind(), header.stream()), (16_384, FrameType::DATA, StreamId(7)));
        assert!(header.reserved_bit() && header.ends_stream());
        assert_eq!(header.undefined_flags(), 0xf0);
    }

    #[test]
    fn an_unknown_type_keeps_its_number() {
        assert_eq!(FrameType(0xfa).to_string(), "UNKNOWN(0xfa)");
    }
}
