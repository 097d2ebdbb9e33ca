//! Protocol versions as they stand on the wire (RFC 8446 §4.1.2, §4.2.1); whether one is acceptable is not decided here.

use std::fmt;

/// A protocol version; numbers without a name survive.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(pub u16);

impl Version {
    /// TLS 1.2 (RFC 5246), also what TLS 1.3 writes in its legacy fields.
    pub const TLS12: Self = Self(0x0303);
    /// TLS 1.3 (RFC 8446).
    pub const TLS13: Self = Self(0x0304);

    /// The usual name, if the number has one; drafts of TLS 1.3 and GREASE are left to `Display`.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0002 => "SSL 2.0",
            0x0300 => "SSL 3.0",
            0x0301 => "TLS 1.0",
            0x0302 => "TLS 1.1",
            0x0303 => "TLS 1.2",
            0x0304 => "TLS 1.3",
            _ => return None,
        })
    }

    /// Whether this is a value offered only to keep peers tolerant (RFC 8701 §2).
    #[must_use]
    pub const fn is_grease(self) -> bool {
        self.0 & 0x0f0f == 0x0a0a && self.0 >> 8 == self.0 & 0xff
    }

    /// Whether its numbers can stand in a record or a legacy field of SSL 3.0 and later.
    pub(super) const fn is_legacy(self) -> bool {
        matches!(self.0, 0x0300..=0x0304)
    }

    /// Whether it hides everything after the ServerHello: TLS 1.3 and its drafts.
    pub(super) const fn hides_extensions(self) -> bool {
        matches!(self.0, 0x0304 | 0x7f00..=0x7fff)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.0) {
            (Some(name), _) => f.write_str(name),
            (None, 0x7f00..=0x7fff) => write!(f, "TLS 1.3 draft {}", self.0 & 0xff),
            (None, number) if self.is_grease() => write!(f, "GREASE(0x{number:04x})"),
            (None, number) => write!(f, "UNKNOWN(0x{number:04x})"),
        }
    }
}
