//! Why reading a capture had to end, where, and what can be done about it.

use super::{Compression, LooksLike};
use std::{fmt, io};

/// An end of reading that is not the clean end of a file.
///
/// Every packet before it has been delivered. Offsets count octets from the start of the input, after
/// decompression if there was any.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system failed to deliver octets.
    #[error("cannot read the capture beyond octet {offset}: {source}; check the disk or the sender")]
    Read {
        /// Octets read before.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },

    /// The input is something else.
    #[error("not a packet capture: this looks like {looks_like}; {}", looks_like.advice())]
    NotACapture {
        /// What its first octets suggest.
        looks_like: LooksLike,
    },

    /// A capture, but of a kind that is not read.
    #[error("cannot read this capture beyond octet {offset}: {what}; {advice}")]
    Unsupported {
        /// Where it says so.
        offset: u64,
        /// What it is.
        what: String,
        /// How to get on.
        advice: &'static str,
    },

    /// The framing is lost: where the next record begins cannot be known.
    #[error(
        "the capture is damaged: {what} at octet {offset}: {problem}; \
         what precedes it was read, the rest needs a fresh copy of the file"
    )]
    Malformed {
        /// Where the record or block begins.
        offset: u64,
        /// The record or block.
        what: &'static str,
        /// What is wrong with it.
        problem: Problem,
    },

    /// The input ends before a record is complete.
    #[error(
        "the input ends inside {what}, which begins at octet {offset}: {present} of at least {needed} octets are there; \
         what precedes it was read"
    )]
    Truncated {
        /// Where the unfinished record, block or compressed stream begins.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// Octets it needs, as far as is known.
        needed: u64,
        /// Octets there are.
        present: u64,
    },

    /// The compressed stream ends early, at or before the end of a record.
    #[error(
        "the input ends inside its {compression} stream, after {offset} octets of capture; \
         what precedes that was read; copy the file again"
    )]
    CompressedTruncated {
        /// Octets that could be decompressed.
        offset: u64,
        /// How it is compressed.
        compression: Compression,
    },

    /// A device that was captured from no longer gives packets.
    #[error("the capture on {device} ended: {why}; what preceded it was read; check that the device is up")]
    Device {
        /// The device.
        device: String,
        /// What libpcap said.
        why: String,
    },

    /// The compressed stream is damaged.
    #[error(
        "the {compression} stream is damaged after {offset} octets of capture: {reason}; \
         what precedes that was read; copy the file again"
    )]
    CompressedDamaged {
        /// Octets that could be decompressed.
        offset: u64,
        /// How it is compressed.
        compression: Compression,
        /// What the decompressor said.
        reason: String,
    },
}

impl Error {
    /// Whether the input merely ended too early: all that it holds was valid.
    pub fn is_truncation(&self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::CompressedTruncated { .. })
    }

    /// Where in the (decompressed) input reading ended; `None` if it was no capture at all, or is no file.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::NotACapture { .. } | Self::Device { .. } => None,
            Self::Read { offset, .. }
            | Self::Unsupported { offset, .. }
            | Self::Malformed { offset, .. }
            | Self::Truncated { offset, .. }
            | Self::CompressedTruncated { offset, .. }
            | Self::CompressedDamaged { offset, .. } => Some(*offset),
        }
    }
}

/// What is wrong with the frame of a record or block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// Its length cannot be.
    Length {
        /// The length it states, in octets.
        stated: u32,
        /// The shortest such a record may be.
        least: u32,
        /// The longest that is believed.
        most: u32,
    },
    /// Its length is not a multiple of four.
    Unaligned {
        /// The length it states, in octets.
        stated: u32,
    },
    /// The length repeated at its end differs.
    Trailer {
        /// The length at the start.
        stated: u32,
        /// The length at the end.
        trailer: u32,
    },
    /// The byte-order magic of a section is neither way round.
    ByteOrderMagic {
        /// The octets, read in network byte order.
        found: u32,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { stated, least, most } => {
                write!(f, "it states a length of {stated} octets where {least} to {most} are possible")
            }
            Self::Unaligned { stated } => write!(f, "it states a length of {stated} octets, which is no multiple of 4"),
            Self::Trailer { stated, trailer } => {
                write!(f, "it states a length of {stated} octets at its start and {trailer} at its end")
            }
            Self::ByteOrderMagic { found } => {
                write!(f, "its byte-order magic is {found:#010x}")
            }
        }
    }
}
