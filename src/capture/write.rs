//! Writing captures: pcapng with comments and secrets, and plain pcap, both with nanoseconds.
//!
//! The same calls give the same octets on every machine and every run: little-endian, and no
//! name or time that the caller did not give. Each call writes whole blocks; what has been written
//! before an error is a valid file up to there.

use super::pcapng::{DECRYPTION_SECRETS, ENHANCED_PACKET, INTERFACE_DESCRIPTION, INTERFACE_STATISTICS, SECTION_HEADER};
use super::section;
use super::{LinkType, Statistics};
use crate::time::Timestamp;
use std::io::{self, ErrorKind, Write};

/// What a section says about its origin; `None` and empty leave the option out.
#[derive(Clone, Copy, Debug, Default)]
pub struct SectionHeader<'a> {
    /// The capturing machine.
    pub hardware: Option<&'a str>,
    /// Its operating system.
    pub os: Option<&'a str>,
    /// The capturing program.
    pub application: Option<&'a str>,
    /// Comments on the section.
    pub comments: &'a [&'a str],
}

/// What an interface says about itself.
#[derive(Clone, Copy, Debug)]
pub struct InterfaceDescription<'a> {
    /// What its packets begin with; at most 65 535.
    pub link: LinkType,
    /// The most octets it keeps of a packet; 0 means all.
    pub snaplen: u32,
    /// Its name.
    pub name: Option<&'a str>,
    /// Its description.
    pub description: Option<&'a str>,
}

/// A writer of pcapng: one section, any number of interfaces.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    block: Vec<u8>,
    interfaces: u32,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header.
    ///
    /// # Errors
    ///
    /// What `out` says; `InvalidInput` for a text of more than 65 535 octets.
    pub fn new(out: W, header: &SectionHeader<'_>) -> io::Result<Self> {
        let mut writer = Self { out, block: Vec::new(), interfaces: 0 };
        writer.begin(SECTION_HEADER);
        writer.u32(BYTE_ORDER_MAGIC);
        writer.u16(1);
        writer.u16(0);
        // The length of the section is not known.
        writer.u32(u32::MAX);
        writer.u32(u32::MAX);
        let texts = [(2, header.hardware), (3, header.os), (4, header.application)];
        writer.text_options(header.comments, &texts)?;
        writer.end_options();
        writer.end()?;
        Ok(writer)
    }

    /// Writes an interface description and returns the number to use for its packets.
    ///
    /// # Errors
    ///
    /// What `out` says; `InvalidInput` for a text of more than 65 535 octets or a link type that
    /// does not fit.
    pub fn add_interface(&mut self, interface: &InterfaceDescription<'_>) -> io::Result<u32> {
        let link = u16::try_from(interface.link.0).map_err(|_| invalid("pcapng has 16 bits for a link type"))?;
        let next = (self.interfaces.checked_add(1)).ok_or_else(|| invalid("too many interfaces"))?;
        self.begin(INTERFACE_DESCRIPTION);
        self.u16(link);
        self.u16(0);
        self.u32(interface.snaplen);
        self.text_options(&[], &[(2, interface.name), (3, interface.description)])?;
        self.option(IF_TSRESOL, &[9])?;
        self.end_options();
        self.end()?;
        Ok(std::mem::replace(&mut self.interfaces, next))
    }

    /// Writes a packet. `original_length` is its length on the wire.
    ///
    /// # Errors
    ///
    /// What `out` says; `InvalidInput` for an interface that was not added, a time before 1970, a
    /// comment of more than 65 535 octets, or more than 4 GiB of data.
    pub fn write_packet(
        &mut self,
        interface: u32,
        time: Timestamp,
        data: &[u8],
        original_length: u32,
        comments: &[&str],
    ) -> io::Result<()> {
        self.begin(ENHANCED_PACKET);
        self.place(interface, time)?;
        self.u32(length(data)?);
        self.u32(original_length);
        self.padded(data);
        if !comments.is_empty() {
            self.text_options(comments, &[])?;
            self.end_options();
        }
        self.end()
    }

    /// Writes what an interface counted up to `time`.
    ///
    /// # Errors
    ///
    /// What `out` says; `InvalidInput` for an interface that was not added, or a time before 1970.
    pub fn write_statistics(&mut self, interface: u32, time: Timestamp, statistics: &Statistics) -> io::Result<()> {
        self.begin(INTERFACE_STATISTICS);
        self.place(interface, time)?;
        for (code, count) in [
            (section::STATISTICS_RECEIVED, statistics.received),
            (section::STATISTICS_DROPPED, statistics.dropped),
            (section::STATISTICS_ACCEPTED, statistics.accepted),
            (section::STATISTICS_DROPPED_BY_SYSTEM, statistics.dropped_by_system),
            (section::STATISTICS_DELIVERED, statistics.delivered),
        ] {
            if let Some(count) = count {
                self.option(code, &count.to_le_bytes())?;
            }
        }
        self.end_options();
        self.end()
    }

    /// Writes decryption secrets, to be written before the packets that need them; for `kind` see
    /// [`Secrets`](super::Secrets).
    ///
    /// # Errors
    ///
    /// What `out` says; `InvalidInput` for more than 4 GiB.
    pub fn write_secrets(&mut self, kind: u32, secrets: &[u8]) -> io::Result<()> {
        self.begin(DECRYPTION_SECRETS);
        self.u32(kind);
        self.u32(length(secrets)?);
        self.padded(secrets);
        self.end()
    }

    /// Hands everything written so far on.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The inner writer; not flushed.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Starts a block, with room for its length.
    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.u32(kind);
        self.u32(0);
    }

    /// Ends the block and writes it out whole.
    fn end(&mut self) -> io::Result<()> {
        let total = length(&self.block)?.checked_add(4).ok_or_else(|| invalid("a block is limited to 4 GiB"))?;
        self.u32(total);
        if let Some(room) = self.block.get_mut(4..8) {
            room.copy_from_slice(&total.to_le_bytes());
        }
        self.out.write_all(&self.block)
    }

    /// Interface and time.
    fn place(&mut self, interface: u32, time: Timestamp) -> io::Result<()> {
        if interface >= self.interfaces {
            return Err(invalid("the interface was not added"));
        }
        let nanos = u64::try_from(time.as_nanos()).map_err(|_| invalid("a time before 1970 cannot be written"))?;
        self.u32(interface);
        let [a, b, c, d, low @ ..] = nanos.to_be_bytes();
        self.u32(u32::from_be_bytes([a, b, c, d]));
        self.u32(u32::from_be_bytes(low));
        Ok(())
    }

    fn text_options(&mut self, comments: &[&str], texts: &[(u16, Option<&str>)]) -> io::Result<()> {
        for comment in comments {
            self.option(OPT_COMMENT, comment.as_bytes())?;
        }
        for (code, text) in texts {
            if let Some(text) = text {
                self.option(*code, text.as_bytes())?;
            }
        }
        Ok(())
    }

    fn option(&mut self, code: u16, value: &[u8]) -> io::Result<()> {
        let length = u16::try_from(value.len()).map_err(|_| invalid("a text in pcapng is limited to 65535 octets"))?;
        self.u16(code);
        self.u16(length);
        self.padded(value);
        Ok(())
    }

    fn end_options(&mut self) {
        self.u32(0);
    }

    fn padded(&mut self, octets: &[u8]) {
        self.block.extend_from_slice(octets);
        let padding = octets.len().wrapping_neg() % 4;
        self.block.extend(std::iter::repeat_n(0, padding));
    }

    fn u16(&mut self, value: u16) {
        self.block.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.block.extend_from_slice(&value.to_le_bytes());
    }
}

/// A writer of pcap with nanoseconds: one interface, no comments.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
    record: Vec<u8>,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header. `snaplen` is the most octets kept of a packet.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn new(out: W, link: LinkType, snaplen: u32) -> io::Result<Self> {
        let mut writer = Self { out, record: Vec::new() };
        // Version 2.4 is two 16-bit numbers; two reserved fields follow it.
        writer.write(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, snaplen, link.0], &[])?;
        Ok(writer)
    }

    /// Writes a packet. `original_length` is its length on the wire.
    ///
    /// # Errors
    ///
    /// What `out` says; `InvalidInput` for a time before 1970 or after 2106, or more than 4 GiB.
    pub fn write_packet(&mut self, time: Timestamp, data: &[u8], original_length: u32) -> io::Result<()> {
        let (seconds, nanos) = (time.as_nanos().div_euclid(1_000_000_000), time.as_nanos().rem_euclid(1_000_000_000));
        let (Ok(seconds), Ok(nanos)) = (u32::try_from(seconds), u32::try_from(nanos)) else {
            return Err(invalid("pcap holds the years 1970 to 2106 only"));
        };
        self.write(&[seconds, nanos, length(data)?, original_length], data)
    }

    /// Hands everything written so far on.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The inner writer; not flushed.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn write(&mut self, header: &[u32], data: &[u8]) -> io::Result<()> {
        self.record.clear();
        for word in header {
            self.record.extend_from_slice(&word.to_le_bytes());
        }
        self.record.extend_from_slice(data);
        self.out.write_all(&self.record)
    }
}

fn length(octets: &[u8]) -> io::Result<u32> {
    u32::try_from(octets.len()).map_err(|_| invalid("a packet is limited to 4 GiB"))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, what)
}

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const OPT_COMMENT: u16 = 1;
const IF_TSRESOL: u16 = 9;
