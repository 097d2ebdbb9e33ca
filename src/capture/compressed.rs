//! Decompression on the way in: gzip (RFC 1952) and zstd (RFC 8878), streaming, in bounded memory.
//!
//! Several gzip members or zstd frames in a row are one stream, as `cat` and parallel compressors
//! leave them. A stream that ends early gives all it held first.

use super::buffer::{Fill, FillError, Plain, RefillBuffer};
use super::zstd::Zstd;
use flate2::bufread::GzDecoder;
use std::fmt;
use std::io::{ErrorKind, Read};

/// How a capture is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compression {
    /// gzip, RFC 1952.
    Gzip,
    /// zstd, RFC 8878.
    Zstd,
}

impl Compression {
    /// What a stream that begins like this is compressed with.
    pub(crate) fn recognise(magic: [u8; 4]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, 8, _] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// The octets of the capture, however they arrive.
pub(crate) enum Input<R> {
    Plain(RefillBuffer<Plain<R>>),
    Gzip(Gzip<R>),
    Zstd(Box<Zstd<R>>),
}

impl<R: Read> Input<R> {
    pub(crate) fn new(
        mut octets: RefillBuffer<Plain<R>>,
        compression: Option<Compression>,
        zstd_window_octets: u64,
    ) -> Self {
        if compression.is_some() {
            octets.grow(COMPRESSED_OCTETS);
        }
        match compression {
            None => Self::Plain(octets),
            Some(Compression::Gzip) => Self::Gzip(Gzip::Between(octets)),
            Some(Compression::Zstd) => Self::Zstd(Box::new(Zstd::new(octets, zstd_window_octets))),
        }
    }
}

impl<R: Read> Fill for Input<R> {
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, FillError> {
        match self {
            Self::Plain(octets) => octets.drain_or_fill(into),
            Self::Gzip(gzip) => gzip.fill(into),
            Self::Zstd(zstd) => zstd.fill(into),
        }
    }

    fn held_bytes(&self) -> usize {
        match self {
            Self::Plain(octets) => octets.held_bytes(),
            Self::Gzip(gzip) => gzip.held_bytes(),
            Self::Zstd(zstd) => zstd.held_bytes(),
        }
    }
}

/// A gzip stream of any number of members.
pub(crate) enum Gzip<R> {
    /// Before a member.
    Between(RefillBuffer<Plain<R>>),
    /// In a member.
    Member(Box<GzDecoder<RefillBuffer<Plain<R>>>>),
    /// Behind the damage, or only for a moment.
    Damaged(String),
}

impl<R: Read> Gzip<R> {
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, FillError> {
        loop {
            match self {
                Self::Between(octets) => {
                    let complete = octets.fill_to(2)?;
                    match octets.peek() {
                        [] => return Ok(0),
                        [0x1f, 0x8b, ..] => self.begin_member(),
                        [0x1f] if !complete => {
                            return Err(FillError::Truncated(Compression::Gzip));
                        }
                        // Tapes and block devices leave zeros behind.
                        [0, ..] => {
                            octets.pop(1);
                        }
                        _ => *self = Self::Damaged("octets that are not gzip follow it".into()),
                    }
                }
                Self::Member(decoder) => match decoder.read(into) {
                    Ok(0) => self.end_member(),
                    Ok(count) => return Ok(count),
                    Err(error) => match error.kind() {
                        ErrorKind::UnexpectedEof => {
                            return Err(FillError::Truncated(Compression::Gzip));
                        }
                        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                            *self = Self::Damaged(error.to_string());
                        }
                        _ => return Err(FillError::Read(error)),
                    },
                },
                Self::Damaged(reason) => {
                    return Err(FillError::Damaged(Compression::Gzip, reason.clone()));
                }
            }
        }
    }

    fn begin_member(&mut self) {
        let between = std::mem::replace(self, Self::Damaged(String::new()));
        if let Self::Between(octets) = between {
            *self = Self::Member(Box::new(GzDecoder::new(octets)));
        }
    }

    fn end_member(&mut self) {
        let member = std::mem::replace(self, Self::Damaged(String::new()));
        if let Self::Member(decoder) = member {
            *self = Self::Between(decoder.into_inner());
        }
    }

    fn held_bytes(&self) -> usize {
        match self {
            Self::Between(octets) => octets.held_bytes(),
            Self::Member(decoder) => decoder.get_ref().held_bytes().saturating_add(INFLATE_STATE_OCTETS),
            Self::Damaged(_) => 0,
        }
    }
}

/// Compressed octets read at once.
const COMPRESSED_OCTETS: usize = 64 << 10;
/// The window and tables of the inflater, rounded up.
const INFLATE_STATE_OCTETS: usize = 64 << 10;
