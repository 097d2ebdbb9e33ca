//! Alerts that travel in plaintext: why a handshake failed, in the peer's own word (RFC 8446 §6; IANA TLS Alerts registry).
//!
//! Who is to blame for an alert is not decided here.

use std::fmt;

use crate::direction::Direction;

/// An alert seen without a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Alert {
    /// The way it travelled: its sender complains about the other side.
    pub direction: Direction,
    /// How grave the sender calls it; TLS 1.3 ignores this octet (RFC 8446 §6).
    pub level: AlertLevel,
    /// What the sender complains about.
    pub description: AlertDescription,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sender = self.direction.sender();
        write!(f, "{} alert {} from the {sender}", self.level, self.description)
    }
}

/// The first octet of an alert.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AlertLevel(pub u8);

impl AlertLevel {
    /// The connection may go on.
    pub const WARNING: Self = Self(1);
    /// The connection ends here.
    pub const FATAL: Self = Self(2);

    /// The RFC's name, if it has one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "warning",
            2 => "fatal",
            _ => return None,
        })
    }
}

impl fmt::Display for AlertLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(f, self.name(), self.0)
    }
}

/// The second octet of an alert.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    /// The registry's name, if it has one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            52 => "too_many_cids_requested",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            117 => "general_error",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => return None,
        })
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(f, self.name(), self.0)
    }
}

fn named(f: &mut fmt::Formatter<'_>, name: Option<&str>, number: u8) -> fmt::Result {
    match name {
        Some(name) => f.write_str(name),
        None => write!(f, "UNKNOWN({number})"),
    }
}
