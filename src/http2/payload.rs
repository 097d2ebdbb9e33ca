//! Frame payloads by type, borrowed from the capture (RFC 9113 §6, RFC 7838, RFC 8336, RFC 9218).
//!
//! What does not parse is a [`Fault`] beside the header, which always stands.

use super::error_code::ErrorCode;
use super::frame::{Flags, FrameHeader, FrameType, StreamId};
use super::settings::{Settings, settings};

/// The (deprecated) priority fields of HEADERS and PRIORITY (RFC 9113 §5.3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Priority {
    /// The exclusive bit.
    pub exclusive: bool,
    /// The stream depended upon.
    pub depends_on: StreamId,
    /// The weight, 1 to 256 (one more than the octet on the wire).
    pub weight: u16,
}

/// A frame's payload.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// The client connection preface (RFC 9113 §3.4); it has no frame header.
    Magic,
    /// DATA (§6.1).
    Data {
        /// The content without padding.
        data: &'a [u8],
        /// Octets of padding, the length octet not counted; `None` without the PADDED flag.
        pad_length: Option<u8>,
    },
    /// HEADERS (§6.2), the fragment still compressed.
    Headers {
        /// The field block fragment.
        fragment: &'a [u8],
        /// As for DATA.
        pad_length: Option<u8>,
        /// With the PRIORITY flag.
        priority: Option<Priority>,
    },
    /// PRIORITY (§6.3).
    Priority(Priority),
    /// RST_STREAM (§6.4).
    RstStream(ErrorCode),
    /// SETTINGS (§6.5).
    Settings(Settings<'a>),
    /// PUSH_PROMISE (§6.6).
    PushPromise {
        /// The stream that is promised.
        promised: StreamId,
        /// The field block fragment.
        fragment: &'a [u8],
        /// As for DATA.
        pad_length: Option<u8>,
    },
    /// PING (§6.7).
    Ping([u8; 8]),
    /// GOAWAY (§6.8).
    GoAway {
        /// The last stream that was or might be processed.
        last_stream: StreamId,
        /// Why.
        error: ErrorCode,
        /// Whatever the sender adds for people.
        debug_data: &'a [u8],
    },
    /// WINDOW_UPDATE (§6.9), 31 bits.
    WindowUpdate {
        /// Octets granted.
        increment: u32,
    },
    /// CONTINUATION (§6.10).
    Continuation {
        /// The field block fragment.
        fragment: &'a [u8],
    },
    /// ALTSVC (RFC 7838 §4).
    AltSvc {
        /// The origin it is about; empty for the stream's own.
        origin: &'a [u8],
        /// The field value.
        value: &'a [u8],
    },
    /// ORIGIN (RFC 8336 §2): entries of a 16-bit length and that many octets.
    Origin {
        /// The entries as they stand.
        entries: &'a [u8],
    },
    /// PRIORITY_UPDATE (RFC 9218 §7.1).
    PriorityUpdate {
        /// The stream it is about.
        prioritized: StreamId,
        /// The priority field value.
        value: &'a [u8],
    },
    /// A type this program does not know.
    Unknown(&'a [u8]),
    /// The payload could not be read: see the fault, or the octets that are missing.
    Unreadable(&'a [u8]),
}

/// Why a payload does not parse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The type has a fixed length, or a least one, and the frame's is another.
    Length {
        /// What the type requires.
        required: &'static str,
    },
    /// The padding is as long as the rest of the payload, or longer.
    Padding {
        /// The pad length octet.
        pad_length: u8,
    },
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length { required } => write!(f, "the payload must be {required} octets long"),
            Self::Padding { pad_length } => write!(f, "{pad_length} octets of padding do not fit into the payload"),
        }
    }
}

/// Reads the payload that belongs to `header`. Total: the worst is [`Payload::Unreadable`] and a fault.
#[must_use]
#[inline]
pub fn parse(header: FrameHeader, octets: &[u8]) -> (Payload<'_>, Option<Fault>) {
    match read(header, octets) {
        Ok(payload) => (payload, None),
        Err(fault) => (Payload::Unreadable(octets), Some(fault)),
    }
}

#[inline]
fn read(header: FrameHeader, octets: &[u8]) -> Result<Payload<'_>, Fault> {
    let length = |required| Fault::Length { required };
    Ok(match header.kind() {
        FrameType::DATA => {
            let (data, pad_length) = unpad(header, octets)?;
            Payload::Data { data, pad_length }
        }
        FrameType::HEADERS => {
            let (content, pad_length) = unpad(header, octets)?;
            if !header.flags().has(Flags::PRIORITY) {
                return Ok(Payload::Headers { fragment: content, pad_length, priority: None });
            }
            let (fields, fragment) = content.split_first_chunk().ok_or_else(|| length("at least 5"))?;
            Payload::Headers { fragment, pad_length, priority: Some(priority(*fields)) }
        }
        FrameType::PRIORITY => Payload::Priority(priority(exactly(octets).ok_or_else(|| length("5"))?)),
        FrameType::RST_STREAM => {
            Payload::RstStream(ErrorCode(u32::from_be_bytes(exactly(octets).ok_or_else(|| length("4"))?)))
        }
        FrameType::SETTINGS => {
            if header.is_ack() && !octets.is_empty() {
                return Err(length("0 (an acknowledgement)"));
            }
            if !octets.len().is_multiple_of(6) {
                return Err(length("a multiple of 6"));
            }
            Payload::Settings(settings(octets))
        }
        FrameType::PUSH_PROMISE => {
            let (content, pad_length) = unpad(header, octets)?;
            let (promised, fragment) = stream_id(content).ok_or_else(|| length("at least 4"))?;
            Payload::PushPromise { promised, fragment, pad_length }
        }
        FrameType::PING => Payload::Ping(exactly(octets).ok_or_else(|| length("8"))?),
        FrameType::GOAWAY => {
            let (last_stream, rest) = stream_id(octets).ok_or_else(|| length("at least 8"))?;
            let (code, debug_data) = rest.split_first_chunk().ok_or_else(|| length("at least 8"))?;
            Payload::GoAway { last_stream, error: ErrorCode(u32::from_be_bytes(*code)), debug_data }
        }
        FrameType::WINDOW_UPDATE => {
            let increment = u32::from_be_bytes(exactly(octets).ok_or_else(|| length("4"))?);
            Payload::WindowUpdate { increment: increment & 0x7fff_ffff }
        }
        FrameType::CONTINUATION => Payload::Continuation { fragment: octets },
        FrameType::ALTSVC => {
            let (size, rest) = octets.split_first_chunk().ok_or_else(|| length("at least 2"))?;
            let size = usize::from(u16::from_be_bytes(*size));
            let (origin, value) =
                rest.split_at_checked(size).ok_or_else(|| length("at least as long as its origin says"))?;
            Payload::AltSvc { origin, value }
        }
        FrameType::ORIGIN => Payload::Origin { entries: octets },
        FrameType::PRIORITY_UPDATE => {
            let (prioritized, value) = stream_id(octets).ok_or_else(|| length("at least 4"))?;
            Payload::PriorityUpdate { prioritized, value }
        }
        _ => Payload::Unknown(octets),
    })
}

/// Takes the padding off DATA, HEADERS and PUSH_PROMISE (§6.1).
#[inline]
pub(super) fn unpad(header: FrameHeader, octets: &[u8]) -> Result<(&[u8], Option<u8>), Fault> {
    if !header.flags().has(Flags::PADDED) {
        return Ok((octets, None));
    }
    let (&pad_length, rest) = octets.split_first().ok_or(Fault::Length { required: "at least 1" })?;
    let keep = rest.len().checked_sub(usize::from(pad_length)).ok_or(Fault::Padding { pad_length })?;
    Ok((rest.get(..keep).unwrap_or(rest), Some(pad_length)))
}

fn exactly<const N: usize>(octets: &[u8]) -> Option<[u8; N]> {
    octets.try_into().ok()
}

fn stream_id(octets: &[u8]) -> Option<(StreamId, &[u8])> {
    let (id, rest) = octets.split_first_chunk()?;
    Some((StreamId(u32::from_be_bytes(*id) & 0x7fff_ffff), rest))
}

fn priority([a, b, c, d, weight]: [u8; 5]) -> Priority {
    Priority {
        exclusive: a & 0x80 != 0,
        depends_on: StreamId(u32::from_be_bytes([a & 0x7f, b, c, d])),
        weight: u16::from(weight).saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: u8, flags: u8, length: u8) -> FrameHeader {
        FrameHeader::new([0, 0, length, kind, flags, 0, 0, 0, 1])
    }

    #[test]
    fn padding_is_taken_off_and_padding_that_does_not_fit_is_a_fault() {
        let (payload, _) = parse(header(0, 0x8, 6), &[2, b'a', b'b', b'c', 0, 0]);
        assert!(matches!(payload, Payload::Data { data: b"abc", pad_length: Some(2) }));
        let (_, fault) = parse(header(0, 0x8, 3), &[3, 1, 2]);
        assert_eq!(fault, Some(Fault::Padding { pad_length: 3 }));
    }

    #[test]
    fn a_ping_of_seven_octets_is_a_fault_that_says_eight() {
        let (_, fault) = parse(header(6, 0, 7), &[0; 7]);
        assert_eq!(fault.map(|fault| fault.to_string()), Some("the payload must be 8 octets long".into()));
    }
}
