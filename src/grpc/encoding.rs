//! `grpc-encoding`: what is inside a compressed message (PROTOCOL-HTTP2.md, Message-Encoding).
//!
//! Decompression is bounded and keeps what damage leaves readable. Which messages are compressed,
//! and whether they were allowed to be, is not decided here.

mod inflate;
mod snappy;
mod zstd;

use std::fmt;

/// How a peer names the compression of its messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding<'a> {
    /// Not compressed.
    Identity,
    /// RFC 1952.
    Gzip,
    /// By gRPC's word a zlib stream (RFC 1950), as in HTTP; some senders write bare deflate.
    Deflate,
    /// Framed in some stacks, a raw block in others.
    Snappy,
    /// RFC 8878.
    Zstd,
    /// Any other name, as it was written.
    Unknown(&'a [u8]),
}

impl<'a> Encoding<'a> {
    /// Reads the value of a `grpc-encoding` header. An empty one is not `identity`: it is unknown.
    pub fn of(value: &'a [u8]) -> Self {
        NAMES.into_iter().find(|known| known.name() == value).unwrap_or(Self::Unknown(value))
    }

    /// The name as it stands in the header.
    pub fn name(self) -> &'a [u8] {
        match self {
            Self::Identity => b"identity",
            Self::Gzip => b"gzip",
            Self::Deflate => b"deflate",
            Self::Snappy => b"snappy",
            Self::Zstd => b"zstd",
            Self::Unknown(name) => name,
        }
    }
}

impl fmt::Display for Encoding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name().escape_ascii())
    }
}

/// Decompresses messages one after the other, keeping its tables between them.
///
/// Tables are made when a message first needs them; contexts do not last from message to message
/// (PROTOCOL-HTTP2.md, Compressed-Flag).
pub struct Decompressor {
    max_octets: usize,
    inflate: Option<inflate::Inflate>,
    zstd: Option<zstd::Zstd>,
}

impl Decompressor {
    /// A decompressor that gives at most `max_octets` for a message. It needs no more than twice
    /// that, and about a megabyte, whatever a message claims.
    pub fn new(max_octets: usize) -> Self {
        Self { max_octets, inflate: None, zstd: None }
    }

    /// Replaces the contents of `out` with what `body`, the payload of one message, holds.
    ///
    /// Total: damage, a limit and an unknown encoding are told by [`Decompressed::end`], and `out`
    /// holds what came before (for an unknown encoding nothing).
    pub fn decompress(&mut self, encoding: Encoding<'_>, body: &[u8], out: &mut Vec<u8>) -> Decompressed {
        out.clear();
        let target = &mut Output { octets: out, max: self.max_octets };
        let (form, result) = match encoding {
            Encoding::Identity => (Form::Identity, target.extend(body)),
            Encoding::Gzip => self.inflate.get_or_insert_default().gzip(body, target),
            Encoding::Deflate => self.inflate.get_or_insert_default().deflate(body, target),
            Encoding::Snappy => snappy::decompress(body, target),
            Encoding::Zstd => self.zstd.get_or_insert_default().decompress(body, target),
            Encoding::Unknown(_) => {
                return Decompressed { form: Form::Unread, end: End::UnknownEncoding };
            }
        };
        let end = match result {
            Ok(()) => End::Complete,
            Err(Stop::Cut) => End::Cut,
            Err(Stop::Fault(fault)) => End::Damaged(fault),
        };
        Decompressed { form, end }
    }

    /// Octets of memory held between messages, about.
    pub fn held_bytes(&self) -> usize {
        let inflate = self.inflate.as_ref().map_or(0, inflate::Inflate::held_bytes);
        let zstd = self.zstd.as_ref().map_or(0, zstd::Zstd::held_bytes);
        inflate.saturating_add(zstd)
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").field("max_octets", &self.max_octets).finish_non_exhaustive()
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decompressed {
    /// What the octets turned out to be, where the name of the encoding leaves it open.
    pub form: Form,
    /// How far the output goes.
    pub end: End,
}

/// The form in which compressed octets stood on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Not compressed.
    Identity,
    /// gzip, with so many members read to their end.
    Gzip {
        /// 1 from nearly every sender.
        members: u32,
    },
    /// deflate with the header and checksum of zlib.
    Zlib,
    /// deflate alone.
    RawDeflate,
    /// snappy chunks with checksums.
    SnappyFramed,
    /// One snappy block.
    SnappyRaw,
    /// zstd, with so many frames read to their end.
    Zstd {
        /// 1 from nearly every sender; skippable frames are not counted.
        frames: u32,
    },
    /// Not looked into: the encoding is unknown.
    Unread,
}

/// How far decompression came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// To the end, and checksums agree.
    Complete,
    /// To the limit: the output holds exactly `max_octets`, and at least one more would follow.
    Cut,
    /// To the fault: the output holds what could be read.
    Damaged(Fault),
    /// Nowhere: the name of the encoding is not known.
    UnknownEncoding,
}

/// Why compressed octets do not decompress. Offsets count from the start of the message's payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The payload ends inside the compressed data.
    #[error("the compressed data ends too early")]
    Truncated,
    /// The data at this offset does not begin as the encoding does.
    #[error("no header of this encoding at octet {at}")]
    Header {
        /// Where the header should be.
        at: usize,
    },
    /// A code, length or distance that cannot be, at this offset or in the block that begins there.
    #[error("the compressed data is damaged at octet {at}")]
    Corrupt {
        /// How far the data could be read.
        at: usize,
    },
    /// Everything could be read but the checksum disagrees.
    #[error("the checksum does not match the decompressed octets")]
    Checksum,
    /// Everything could be read but the sender declared another length.
    #[error("{actual} octets decompressed where {declared} were declared")]
    Length {
        /// What the sender wrote (gzip: modulo 2^32).
        declared: u64,
        /// What came out.
        actual: u64,
    },
    /// Complete, but octets follow that are no part of it.
    #[error("{octets} octets follow the end of the compressed data")]
    Trailing {
        /// How many.
        octets: usize,
    },
    /// The data needs a dictionary that only the peers have.
    #[error("the data was compressed with dictionary {id}")]
    Dictionary {
        /// zstd dictionary id, or Adler-32 of a zlib dictionary.
        id: u32,
    },
    /// Distances may reach back further than this decoder keeps.
    #[error("the data asks for a window of {octets} octets")]
    Window {
        /// What the sender asks for.
        octets: u64,
    },
    /// More gzip members or zstd frames than are read.
    #[error("more than {limit} members in one message")]
    Members {
        /// How many are read.
        limit: u32,
    },
}

/// Why a decoder did not reach the end.
#[derive(Debug)]
enum Stop {
    Cut,
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The caller's buffer and how much it may hold.
struct Output<'o> {
    octets: &'o mut Vec<u8>,
    max: usize,
}

impl Output<'_> {
    /// Appends, or fills up to the limit.
    fn extend(&mut self, octets: &[u8]) -> Result<(), Stop> {
        let room = self.max.saturating_sub(self.octets.len());
        match octets.get(..room) {
            Some(fitting) if fitting.len() < octets.len() => {
                self.octets.extend_from_slice(fitting);
                Err(Stop::Cut)
            }
            _ => {
                self.octets.extend_from_slice(octets);
                Ok(())
            }
        }
    }

    /// Takes back what went past the limit.
    fn trim(&mut self) -> Result<(), Stop> {
        if self.octets.len() > self.max {
            self.octets.truncate(self.max);
            return Err(Stop::Cut);
        }
        Ok(())
    }

    /// The octets from `start` on.
    fn since(&self, start: usize) -> &[u8] {
        self.octets.get(start..).unwrap_or_default()
    }
}

const NAMES: [Encoding<'static>; 5] =
    [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Snappy, Encoding::Zstd];

/// Members of a gzip message and frames of a zstd message beyond this are not read: each costs a
/// reset of the tables, and no sender writes more than a few.
const MAX_MEMBERS: u32 = 256;
