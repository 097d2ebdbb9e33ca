//! The outcome of a call as a number: `grpc-status` and what stands in for it when it is missing
//! (PROTOCOL-HTTP2.md "Responses" and "Errors", statuscodes.md, http-grpc-status-mapping.md).
//!
//! Whether a stand-in is needed, and whether the sender was right, is decided elsewhere.

use std::fmt;

/// A gRPC status number; numbers gRPC has not named survive and print as `UNKNOWN(99)`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Status(pub u32);

impl Status {
    /// The call succeeded.
    pub const OK: Self = Self(0);
    /// The call was cancelled, usually by its caller.
    pub const CANCELLED: Self = Self(1);
    /// An error without a better number.
    pub const UNKNOWN: Self = Self(2);
    /// The caller's argument is wrong in itself.
    pub const INVALID_ARGUMENT: Self = Self(3);
    /// The deadline passed first.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// Something asked for is not there.
    pub const NOT_FOUND: Self = Self(5);
    /// Something to be created is there already.
    pub const ALREADY_EXISTS: Self = Self(6);
    /// The caller is known but may not do this.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// A quota, a size limit or a disk is used up.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    /// The system is not in the state the call needs.
    pub const FAILED_PRECONDITION: Self = Self(9);
    /// A conflict with a concurrent operation.
    pub const ABORTED: Self = Self(10);
    /// Past the end of what exists.
    pub const OUT_OF_RANGE: Self = Self(11);
    /// The server has no such method.
    pub const UNIMPLEMENTED: Self = Self(12);
    /// An invariant of the implementation broke.
    pub const INTERNAL: Self = Self(13);
    /// The service cannot be reached at the moment.
    pub const UNAVAILABLE: Self = Self(14);
    /// Data is lost or damaged beyond repair.
    pub const DATA_LOSS: Self = Self(15);
    /// The caller did not prove who it is.
    pub const UNAUTHENTICATED: Self = Self(16);

    /// Reads the value of a `grpc-status` header: decimal digits and nothing else.
    ///
    /// Leading zeros are against the letter of the protocol but leave no doubt, so they are read;
    /// at most ten digits are looked at.
    ///
    /// # Errors
    /// [`StatusFault`] names the first reason why the value is not a number that fits 32 bits.
    pub fn parse(value: &[u8]) -> Result<Self, StatusFault> {
        if value.is_empty() {
            return Err(StatusFault::Empty);
        }
        let mut number = 0_u32;
        for (at, octet) in value.iter().enumerate() {
            if !octet.is_ascii_digit() {
                return Err(StatusFault::NotDigit { at });
            }
            if at >= MAX_DIGITS {
                return Err(StatusFault::TooLarge);
            }
            number = number
                .checked_mul(10)
                .and_then(|n| n.checked_add(u32::from(octet.wrapping_sub(b'0'))))
                .ok_or(StatusFault::TooLarge)?;
        }
        Ok(Self(number))
    }

    /// The status a client reports for an HTTP answer that carries no `grpc-status`
    /// (http-grpc-status-mapping.md). 200 gives UNKNOWN: a good answer would have had a status.
    pub fn from_http(http_status: u16) -> Self {
        match http_status {
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            429 | 502..=504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    /// The status a stream's RST_STREAM stands for, by HTTP/2 error code
    /// (PROTOCOL-HTTP2.md "Errors").
    ///
    /// `None` for STREAM_CLOSED, which the table leaves unmapped: there is no open stream to tell.
    /// Codes the table does not list give UNKNOWN.
    pub fn from_reset(error_code: u32) -> Option<Self> {
        Some(match error_code {
            // NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT,
            // FRAME_SIZE_ERROR, COMPRESSION_ERROR, CONNECT_ERROR
            0..=4 | 6 | 9 | 10 => Self::INTERNAL,
            5 => return None,
            7 => Self::UNAVAILABLE,         // REFUSED_STREAM
            8 => Self::CANCELLED,           // CANCEL
            11 => Self::RESOURCE_EXHAUSTED, // ENHANCE_YOUR_CALM
            12 => Self::PERMISSION_DENIED,  // INADEQUATE_SECURITY
            _ => Self::UNKNOWN,
        })
    }

    /// The name gRPC gives the number, `None` above 16.
    pub fn name(self) -> Option<&'static str> {
        self.entry().map(|(name, _)| *name)
    }

    /// One sentence on what the number tells a person.
    pub fn meaning(self) -> &'static str {
        self.entry()
            .map_or("A number that gRPC has not given a name; clients treat it as UNKNOWN.", |(_, meaning)| *meaning)
    }

    fn entry(self) -> Option<&'static (&'static str, &'static str)> {
        CODES.get(usize::try_from(self.0).ok()?)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "UNKNOWN({})", self.0),
        }
    }
}

/// Why a `grpc-status` value is not a status.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StatusFault {
    /// The value has no octets.
    #[error("grpc-status is empty")]
    Empty,
    /// An octet other than `0`-`9`, at this offset of the value.
    #[error("grpc-status has something other than a digit at octet {at}")]
    NotDigit {
        /// Offset of the octet in the value.
        at: usize,
    },
    /// More than ten digits, or a number above 4294967295.
    #[error("grpc-status does not fit 32 bits")]
    TooLarge,
}

/// Enough for every `u32`.
const MAX_DIGITS: usize = 10;

/// Name and meaning by number (statuscodes.md).
const CODES: [(&str, &str); 17] = [
    ("OK", "The call succeeded."),
    ("CANCELLED", "The call was cancelled, usually by the client."),
    ("UNKNOWN", "The server failed without saying how, or with an error of some other system."),
    ("INVALID_ARGUMENT", "The request is wrong in itself, whatever the state of the server."),
    ("DEADLINE_EXCEEDED", "The deadline passed before the call could finish; it may still have taken effect."),
    ("NOT_FOUND", "Something the request names does not exist."),
    ("ALREADY_EXISTS", "What the request wanted to create exists already."),
    ("PERMISSION_DENIED", "The caller is known but is not allowed to do this."),
    ("RESOURCE_EXHAUSTED", "A quota, a size limit or some other resource is used up."),
    ("FAILED_PRECONDITION", "The server is not in the state that the call needs; retrying alone will not help."),
    ("ABORTED", "The operation lost against a concurrent one; retry from its beginning."),
    ("OUT_OF_RANGE", "The request reaches past the end of what exists."),
    ("UNIMPLEMENTED", "The server does not know or does not support this method."),
    ("INTERNAL", "Something that must never happen did: a bug, or a broken exchange."),
    ("UNAVAILABLE", "The service cannot be reached at the moment; retrying after a pause may help."),
    ("DATA_LOSS", "Data is lost or damaged beyond repair."),
    ("UNAUTHENTICATED", "The caller sent no valid credentials."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unnamed_numbers_survive_and_print_as_unknown() {
        assert_eq!(Status::parse(b"99").unwrap().to_string(), "UNKNOWN(99)");
        assert_eq!(Status::parse(b"4294967295").unwrap(), Status(u32::MAX));
        assert_eq!(Status(17).name(), None);
    }

    #[test]
    fn each_constant_has_the_name_of_the_specification() {
        assert_eq!(Status::OK.to_string(), "OK");
        assert_eq!(Status::CANCELLED.to_string(), "CANCELLED");
        assert_eq!(Status::FAILED_PRECONDITION.to_string(), "FAILED_PRECONDITION");
        assert_eq!(Status::DATA_LOSS.to_string(), "DATA_LOSS");
        assert_eq!(Status::UNAUTHENTICATED.to_string(), "UNAUTHENTICATED");
    }

    #[test]
    fn signs_spaces_and_giants_are_not_a_status() {
        assert_eq!(Status::parse(b""), Err(StatusFault::Empty));
        assert_eq!(Status::parse(b"-1"), Err(StatusFault::NotDigit { at: 0 }));
        assert_eq!(Status::parse(b"0 "), Err(StatusFault::NotDigit { at: 1 }));
        assert_eq!(Status::parse(b"+5"), Err(StatusFault::NotDigit { at: 0 }));
        assert_eq!(Status::parse(b"4294967296"), Err(StatusFault::TooLarge));
        assert_eq!(Status::parse(&[b'0'; 11]), Err(StatusFault::TooLarge));
        assert_eq!(Status::parse(b"0x1"), Err(StatusFault::NotDigit { at: 1 }));
    }

    #[test]
    fn a_proxy_answer_without_status_maps_as_the_table_says() {
        let table = [(200, 2), (302, 2), (400, 13), (401, 16), (403, 7), (404, 12), (429, 14)];
        let more = [(431, 2), (500, 2), (502, 14), (503, 14), (504, 14), (505, 2)];
        for (http, grpc) in table.into_iter().chain(more) {
            assert_eq!(Status::from_http(http), Status(grpc), "HTTP {http}");
        }
    }

    #[test]
    fn a_reset_maps_as_the_table_says() {
        let table = [13, 13, 13, 13, 13, 99, 13, 14, 1, 13, 13, 8, 7, 2, 2];
        for (code, grpc) in (0..).zip(table) {
            let expected = (grpc != 99).then_some(Status(grpc));
            assert_eq!(Status::from_reset(code), expected, "error code {code}");
        }
    }

    proptest! {
        #[test]
        fn every_number_reads_back(number: u32) {
            prop_assert_eq!(Status::parse(number.to_string().as_bytes()), Ok(Status(number)));
        }

        #[test]
        fn any_octets_are_judged_without_panic(value: Vec<u8>) {
            let _ = Status::parse(&value);
        }
    }
}
