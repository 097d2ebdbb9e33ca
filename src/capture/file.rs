//! A capture file, or a pipe that carries one: finds out what it is, then reads packets.
//!
//! The caller opens the file; anything that implements [`Read`] will do, short reads included.

use super::buffer::{Plain, RefillBuffer};
use super::compressed::{Compression, Input};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::{Error, Facts, Format, Limits, LooksLike, Packet, Source};
use std::fmt;
use std::io::Read;

/// A reader of pcap and pcapng, plain or compressed.
///
/// Reads 256 KiB at a time where that much has arrived, so `reader` needs no buffer of its own.
/// Memory is bounded by [`Limits`] whatever the size of the file.
pub struct CaptureFile<R> {
    octets: RefillBuffer<Input<R>>,
    kind: Kind,
    facts: Facts,
    limits: Limits,
}

enum Kind {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl<R: Read> CaptureFile<R> {
    /// Reads the first octets and finds out what they begin.
    ///
    /// # Errors
    ///
    /// [`Error::NotACapture`] and [`Error::Unsupported`] for what it cannot read,
    /// [`Error::Truncated`] for a capture that ends inside its file header.
    pub fn open(reader: R) -> Result<Self, Error> {
        Self::with_limits(reader, Limits::default())
    }

    /// As [`open`](Self::open), with other limits.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn with_limits(reader: R, limits: Limits) -> Result<Self, Error> {
        let mut first = RefillBuffer::new(Plain(reader), SNIFFED_OCTETS);
        first.require(MAGIC_OCTETS)?;
        let compression = (first.peek().first_chunk()).and_then(|m| Compression::recognise(*m));
        let input = Input::new(first, compression, limits.zstd_window_octets);
        let mut octets = RefillBuffer::new(input, BUFFER_OCTETS);

        octets.require(MAGIC_OCTETS)?;
        let magic = octets.peek().first_chunk().copied();
        if let Some(recognised) = magic.and_then(Pcap::recognise) {
            let mut facts = Facts::new(recognised.0, compression, &limits);
            let pcap = Pcap::open(&mut octets, recognised, &limits, &mut facts)?;
            return Ok(Self { octets, kind: Kind::Pcap(pcap), facts, limits });
        }
        if magic.is_some_and(Pcapng::recognise) {
            return Ok(Self {
                octets,
                kind: Kind::Pcapng(Pcapng::new(limits)),
                facts: Facts::new(Format::Pcapng, compression, &limits),
                limits,
            });
        }
        if magic.is_none() && LooksLike::begins_a_capture(octets.peek()) {
            return Err(octets.truncated("the file header of a capture", MAGIC_OCTETS));
        }
        // A few more octets make the answer better; more than that may never come.
        octets.require(TELLING_OCTETS)?;
        Err(Error::NotACapture { looks_like: LooksLike::sniff(octets.peek(), compression) })
    }

    /// Octets of the (decompressed) input handed out so far: how far reading has come.
    pub fn offset(&self) -> u64 {
        self.octets.offset()
    }

    /// Octets of memory held.
    pub fn held_bytes(&self) -> usize {
        let section = match &self.kind {
            Kind::Pcap(_) => 0,
            Kind::Pcapng(pcapng) => pcapng.held_bytes(),
        };
        self.octets.held_bytes().saturating_add(self.facts.held_bytes(&self.limits)).saturating_add(section)
    }
}

impl<R: Read> Source for CaptureFile<R> {
    #[inline]
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Error> {
        match &mut self.kind {
            Kind::Pcap(pcap) => pcap.next(&mut self.octets, &mut self.facts),
            Kind::Pcapng(pcapng) => pcapng.next(&mut self.octets, &mut self.facts),
        }
    }

    #[inline]
    fn arrived_packet(&mut self) -> Option<Packet<'_>> {
        match &mut self.kind {
            Kind::Pcap(pcap) => pcap.arrived(&mut self.octets, &mut self.facts),
            Kind::Pcapng(_) => None,
        }
    }

    fn may_block(&self) -> bool {
        match &self.kind {
            Kind::Pcap(pcap) => !pcap.is_ready(self.octets.peek()),
            Kind::Pcapng(pcapng) => !pcapng.is_ready(self.octets.peek()),
        }
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl<R> fmt::Debug for CaptureFile<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureFile").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// Large enough for a read to cost little, small enough to stay in the cache.
const BUFFER_OCTETS: usize = 256 << 10;
const SNIFFED_OCTETS: usize = 4 << 10;
const MAGIC_OCTETS: usize = 4;
/// The longest mark that tells one kind of file from another, the HTTP/2 preface.
const TELLING_OCTETS: usize = 24;
