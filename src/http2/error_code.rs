//! Error codes of RST_STREAM and GOAWAY (RFC 9113 §7).

use std::fmt;

/// An HTTP/2 error code; numbers the RFC does not name survive.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// Graceful shutdown, or a stream that is no longer needed after a complete answer.
    pub const NO_ERROR: Self = Self(0);
    /// A rule of the protocol was broken that has no code of its own.
    pub const PROTOCOL_ERROR: Self = Self(1);
    /// The sender itself failed.
    pub const INTERNAL_ERROR: Self = Self(2);
    /// More octets came than the window allowed, or the window grew beyond 2^31-1.
    pub const FLOW_CONTROL_ERROR: Self = Self(3);
    /// A frame came for a half of a stream that had ended.
    pub const STREAM_CLOSED: Self = Self(5);
    /// A frame has a length that its type, or the receiver's setting, does not allow.
    pub const FRAME_SIZE_ERROR: Self = Self(6);
    /// The stream was not processed at all.
    pub const REFUSED_STREAM: Self = Self(7);
    /// The stream is no longer needed.
    pub const CANCEL: Self = Self(8);
    /// A header block could not be decoded, so that the table is lost.
    pub const COMPRESSION_ERROR: Self = Self(9);
    /// The peer behaves in a way that may generate excessive load.
    pub const ENHANCE_YOUR_CALM: Self = Self(11);

    /// The RFC's name, if it has one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0 => "NO_ERROR",
            0x1 => "PROTOCOL_ERROR",
            0x2 => "INTERNAL_ERROR",
            0x3 => "FLOW_CONTROL_ERROR",
            0x4 => "SETTINGS_TIMEOUT",
            0x5 => "STREAM_CLOSED",
            0x6 => "FRAME_SIZE_ERROR",
            0x7 => "REFUSED_STREAM",
            0x8 => "CANCEL",
            0x9 => "COMPRESSION_ERROR",
            0xa => "CONNECT_ERROR",
            0xb => "ENHANCE_YOUR_CALM",
            0xc => "INADEQUATE_SECURITY",
            0xd => "HTTP_1_1_REQUIRED",
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "UNKNOWN(0x{:x})", self.0),
        }
    }
}
