//! Where packets come from: capture files and pipes, one [`Packet`] at a time, and back into files.
//!
//! [`CaptureFile`] reads pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), plain
//! or compressed with gzip or zstd, recognised by their first octets; [`mod@write`] produces both. Names
//! are those of the drafts. What is inside a packet is decided by `net` and the floors above; a
//! missing packet is never guessed here, but what a capture says about its own losses is kept in
//! [`Facts`]. [`live::Live`] is another [`Source`], beside [`CaptureFile`].
//!
//! Three kinds of trouble are kept apart. An [`Error`] ends the reading; everything before it
//! stands. A [`Fault`] is one unusable block in a file whose framing is intact: it is skipped, counted
//! and kept in [`Facts::faults`]. What a limit kept out is counted in [`Facts::left_out`].
//!
//! ```
//! use framescope::capture::{CaptureFile, Source, write::PcapWriter, LinkType};
//! use framescope::time::Timestamp;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut file = PcapWriter::new(Vec::new(), LinkType::RAW, 65_535)?;
//! file.write_packet(Timestamp::from_nanos(1), b"octets", 6)?;
//! let octets = file.into_inner();
//!
//! let mut source = CaptureFile::open(&octets[..])?;
//! while let Some(packet) = source.next_packet()? {
//!     assert_eq!((packet.number, packet.data), (1, &b"octets"[..]));
//! }
//! # Ok(())
//! # }
//! ```
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]

mod buffer;
mod byte_order;
mod clock;
mod compressed;
mod error;
mod facts;
mod file;
mod link_type;
pub mod live;
mod options;
mod pcap;
mod pcapng;
mod section;
mod sniff;
pub mod write;
mod zstd;

pub use clock::Resolution;
pub use compressed::Compression;
pub use error::{Error, Problem};
pub use facts::{
    Comment, Facts, Fault, Format, Interface, LeftOut, Secrets, Section, SkippedBlocks, Statistics, Subject,
};
pub use file::CaptureFile;
pub use link_type::LinkType;
pub use options::{CapturedDirection, OptionField, Options, PacketFlags};
pub use sniff::LooksLike;

use crate::time::Timestamp;

/// Something that yields packets in the order in which they were captured.
pub trait Source {
    /// The next packet, or `None` at a clean end.
    ///
    /// A packet is handed out as soon as its last octet has arrived. Its octets stay valid until
    /// the next call.
    ///
    /// # Errors
    ///
    /// See [`Error`]. After an error there are no further packets: the same error, or another
    /// one, comes again. Only an [`Error::Read`] of kind `WouldBlock` or `TimedOut` is worth
    /// another call: nothing that had arrived is lost.
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Error>;

    /// The next packet where all of it has surely arrived, which is nearly always; `None` says nothing.
    ///
    /// Cheaper than to ask [`may_block`](Self::may_block) first and then for the packet.
    fn arrived_packet(&mut self) -> Option<Packet<'_>> {
        None
    }

    /// Whether the next [`next_packet`](Self::next_packet) may have to wait for its input.
    ///
    /// Before such a call a program shows what it has so far. `false` is certain, `true` is not.
    fn may_block(&self) -> bool;

    /// What the capture has said about itself so far.
    fn facts(&self) -> &Facts;
}

/// One captured packet, borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Number of the packet in its file, from 1, over all sections and interfaces. A packet that
    /// had to be skipped (see [`Facts::faults`]) keeps its number.
    pub number: u64,
    /// When it was captured, as exact as [`time_quality`](Self::time_quality) says.
    pub time: Timestamp,
    /// Where `time` comes from.
    pub time_quality: TimeQuality,
    /// What the first octet of `data` belongs to.
    pub link: LinkType,
    /// The captured octets; fewer than `original_length` if the capture cut the packet.
    pub data: &'a [u8],
    /// Octets on the wire, as the capture states them.
    pub original_length: u32,
    /// Number of the interface in the file, from 0, over all sections: see [`Facts::interface`].
    pub interface: u32,
    /// The options of the packet's block; empty in a pcap file.
    pub options: Options<'a>,
}

impl<'a> Packet<'a> {
    /// The comments on this packet, in order; UTF-8 by the standard, unchecked.
    pub fn comments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.options.comments()
    }

    /// Direction and link-layer details, if the capture recorded them (`epb_flags`).
    pub fn flags(&self) -> Option<PacketFlags> {
        self.options.packet_flags()
    }

    /// Whether the capture kept fewer octets than there were on the wire.
    pub fn is_cut(&self) -> bool {
        u64::try_from(self.data.len()).is_ok_and(|kept| kept < u64::from(self.original_length))
    }
}

/// Where the time of a packet comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TimeQuality {
    /// The capture states it; a clock finer than a nanosecond is rounded down.
    Captured,
    /// The block has no time (simple packet block): this is the time of the packet before it in
    /// the file, or the epoch if there is none.
    Absent,
    /// The capture states a time before 1677 or after 2262: this is the nearest representable one.
    OutOfRange,
}

/// What a reader may hold in memory. What goes beyond is counted in [`Facts::left_out`], except
/// where a field says otherwise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Octets of one record or block; a longer one is an [`Error::Malformed`]. Default 16 MiB.
    pub record_octets: usize,
    /// Octets of decryption secrets kept, in sum. Default 16 MiB.
    pub secrets_octets: usize,
    /// Octets of names, descriptions and comments (not those of packets) kept, in sum. Default 1 MiB.
    pub text_octets: usize,
    /// Interfaces of one section; packets of further ones become faults. Default 65 536.
    pub interfaces: usize,
    /// Sections and interfaces, each, whose description is kept. Default 1024.
    pub described: usize,
    /// Octets of window a zstd frame may ask for; more is [`Error::Unsupported`]. Default 128 MiB,
    /// as in `zstd -d`.
    pub zstd_window_octets: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_octets: 16 << 20,
            secrets_octets: 16 << 20,
            text_octets: 1 << 20,
            interfaces: 65_536,
            described: 1024,
            zstd_window_octets: 128 << 20,
        }
    }
}
