//! The pcapng format: sections of blocks (draft-ietf-opsawg-pcapng).
//!
//! This file walks the blocks and hands out packets; `section.rs` reads the blocks that
//! describe. A block whose frame is sound but whose content is not becomes a fault and is stepped over. A
//! broken frame ends the reading: pcapng has nothing to resynchronise on.

use super::buffer::{Fill, RefillBuffer};
use super::byte_order::ByteOrder;
use super::section::{PacketInterface, Section};
use super::{Error, Facts, Limits, Options, Packet, Problem, TimeQuality};
use crate::time::Timestamp;
use std::ops::Range;

/// A reader between two blocks.
#[derive(Debug)]
pub(crate) struct Pcapng {
    order: ByteOrder,
    section: Section,
    /// The time for packets that have none.
    last_time: Timestamp,
    limits: Limits,
}

/// A block whose frame is sound; all of it has arrived.
#[derive(Clone, Copy)]
struct Block {
    kind: u32,
    length: usize,
}

/// Where the parts of a packet stand in its block.
struct Parts {
    interface: u32,
    /// Ticks of the interface's clock, if the block has a time.
    ticks: Option<u64>,
    original_length: u32,
    data: Range<usize>,
    options: Range<usize>,
}

impl Pcapng {
    /// Whether a file that begins like this is pcapng: the type of a section header block reads the
    /// same in both byte orders.
    pub(crate) fn recognise(magic: [u8; 4]) -> bool {
        magic == SECTION_HEADER.to_be_bytes()
    }

    pub(crate) fn new(limits: Limits) -> Self {
        Self { order: ByteOrder::Little, section: Section::default(), last_time: Timestamp::EPOCH, limits }
    }

    /// The next packet.
    #[inline]
    pub(crate) fn next<'b, F: Fill>(
        &mut self,
        octets: &'b mut RefillBuffer<F>,
        facts: &mut Facts,
    ) -> Result<Option<Packet<'b>>, Error> {
        let (block, parts, interface, number) = loop {
            let Some(block) = self.frame(octets)? else {
                return Ok(None);
            };
            let whole = octets.peek().get(..block.length).unwrap_or_default();
            let Some(packet) = self.packet(block.kind, whole) else {
                self.describe(block, octets, facts)?;
                octets.pop(block.length);
                continue;
            };
            facts.packets = facts.packets.saturating_add(1);
            let number = facts.packets;
            let what = match packet {
                Ok((parts, interface)) => break (block, parts, interface, number),
                Err(what) => what,
            };
            facts.fault(octets.offset(), Some(number), what);
            octets.pop(block.length);
        };
        let (time, time_quality) = match parts.ticks {
            Some(ticks) => interface.clock.timestamp(ticks),
            None => (self.last_time, TimeQuality::Absent),
        };
        let link = interface.link;
        self.last_time = time;
        let offset = octets.offset();
        let whole = octets.pop(block.length);
        let options = Options::new(whole.get(parts.options).unwrap_or_default(), self.order);
        if !options.is_empty() && !options.is_intact() {
            facts.fault(offset, Some(number), BROKEN_OPTIONS);
        }
        Ok(Some(Packet {
            number,
            time,
            time_quality,
            link,
            data: whole.get(parts.data).unwrap_or_default(),
            original_length: parts.original_length,
            interface: self.section.number_in_file(parts.interface),
            options,
        }))
    }

    /// Whether `arrived` certainly suffices for [`next`](Self::next) to answer. A block that holds
    /// no packet may be the last that has arrived, so it does not count.
    pub(crate) fn is_ready(&self, arrived: &[u8]) -> bool {
        match framing(&mut { self.order }, arrived, self.limits.record_octets) {
            Ok(Some(block)) => arrived
                .get(..block.length)
                .and_then(|whole| self.packet(block.kind, whole))
                .is_some_and(|packet| packet.is_ok()),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Where the packet of a block is, or what is wrong with it; `None` if the block holds none.
    #[inline]
    fn packet(&self, kind: u32, whole: &[u8]) -> Option<Result<(Parts, &PacketInterface), &'static str>> {
        let parts = match kind {
            ENHANCED_PACKET => enhanced(self.order, whole),
            SIMPLE_PACKET => simple(self.order, whole, &self.section),
            OBSOLETE_PACKET => obsolete(self.order, whole),
            _ => return None,
        };
        Some(parts.and_then(|parts| match self.section.interface(parts.interface) {
            Some(interface) => Ok((parts, interface)),
            None => Err(NO_INTERFACE),
        }))
    }

    /// Octets of memory held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.section.held_bytes()
    }

    /// Waits for all of the next block; `None` at the end of the input.
    #[inline]
    fn frame<F: Fill>(&mut self, octets: &mut RefillBuffer<F>) -> Result<Option<Block>, Error> {
        let order = &mut self.order;
        let block = loop {
            match framing(order, octets.peek(), self.limits.record_octets) {
                Ok(Some(block)) => break block,
                Ok(None) => {}
                Err(problem) => return Err(malformed(*order, octets, problem)),
            }
            // Eight octets may turn out to begin a section: then four more are needed.
            let wanted = match octets.peek().len() {
                0..BLOCK_START => BLOCK_START,
                _ => SECTION_START,
            };
            if !octets.require(wanted)? {
                return match octets.peek() {
                    [] => Ok(None),
                    _ => Err(octets.truncated("the header of a block", wanted)),
                };
            }
        };
        if !octets.require(block.length)? {
            return Err(octets.truncated(what_block(block.kind), block.length));
        }
        let whole = octets.peek().get(..block.length).unwrap_or_default();
        let stated = u32::try_from(block.length).unwrap_or(u32::MAX);
        match order.last_u32(whole) {
            Some(trailer) if trailer != stated => Err(malformed(*order, octets, Problem::Trailer { stated, trailer })),
            _ => Ok(Some(block)),
        }
    }

    /// Reads a block that holds no packet.
    #[cold]
    fn describe<F: Fill>(&mut self, block: Block, octets: &RefillBuffer<F>, facts: &mut Facts) -> Result<(), Error> {
        let offset = octets.offset();
        let whole = octets.peek().get(..block.length).unwrap_or_default();
        let content = whole.get(BLOCK_START..whole.len().saturating_sub(4)).unwrap_or_default();
        let (order, limits) = (self.order, &self.limits);
        let read = match block.kind {
            SECTION_HEADER => self.section.begin(order, content, offset, facts)?,
            INTERFACE_DESCRIPTION => self.section.add_interface(order, content, limits, facts),
            INTERFACE_STATISTICS => self.section.statistics(order, content, facts),
            DECRYPTION_SECRETS => self.section.secrets(order, content, offset, facts),
            kind => {
                facts.skip_block(kind);
                Ok(())
            }
        };
        if let Err(what) = read {
            facts.fault(offset, None, what);
        }
        Ok(())
    }
}

/// The error for a broken frame at the front.
#[cold]
fn malformed<F: Fill>(order: ByteOrder, octets: &RefillBuffer<F>, problem: Problem) -> Error {
    Error::Malformed { offset: octets.offset(), what: what_block(order.first_u32(octets.peek()).unwrap_or(0)), problem }
}

/// Type and length of the block at the front, `None` until enough of it has arrived. A section
/// header sets `order`.
#[inline]
fn framing(order: &mut ByteOrder, octets: &[u8], limit: usize) -> Result<Option<Block>, Problem> {
    let Some([kind, mut stated]) = order.words(octets) else {
        return Ok(None);
    };
    let mut least = SMALLEST_BLOCK;
    if kind == SECTION_HEADER {
        let Some(&magic) = octets.get(BLOCK_START..).and_then(<[u8]>::first_chunk) else {
            return Ok(None);
        };
        *order = match u32::from_be_bytes(magic) {
            0x1a2b_3c4d => ByteOrder::Big,
            0x4d3c_2b1a => ByteOrder::Little,
            found => return Err(Problem::ByteOrderMagic { found }),
        };
        if let Some([_, length]) = order.words(octets) {
            stated = length;
        }
        least = SMALLEST_SECTION_HEADER;
    }
    let most = u32::try_from(limit).unwrap_or(u32::MAX);
    if !(least..=most).contains(&stated) {
        return Err(Problem::Length { stated, least, most });
    }
    if stated % 4 != 0 {
        return Err(Problem::Unaligned { stated });
    }
    let length = usize::try_from(stated).unwrap_or(usize::MAX);
    Ok(Some(Block { kind, length }))
}

/// §4.3: interface, time high, time low, captured length, original length, data, options.
#[inline]
fn enhanced(order: ByteOrder, block: &[u8]) -> Result<Parts, &'static str> {
    let Some([_, _, interface, high, low, captured, original_length]) = order.words(block) else {
        return Err(NO_ROOM);
    };
    let (data, options) = data_and_options(block, captured)?;
    Ok(Parts {
        interface,
        // The high half comes first in both byte orders.
        ticks: Some(u64::from(high) << 32 | u64::from(low)),
        original_length,
        data,
        options,
    })
}

/// Appendix A: as the enhanced packet, but interface and drop count share the first field.
fn obsolete(order: ByteOrder, block: &[u8]) -> Result<Parts, &'static str> {
    let mut parts = enhanced(order, block)?;
    if let Some(&[a, b]) = block.get(BLOCK_START..).and_then(<[u8]>::first_chunk) {
        parts.interface = order.u16([a, b]).into();
    }
    Ok(parts)
}

/// §4.4: original length, data; no time, no options, always the section's first interface.
fn simple(order: ByteOrder, block: &[u8], section: &Section) -> Result<Parts, &'static str> {
    let Some(original_length) = block.get(BLOCK_START..).and_then(|b| order.first_u32(b)) else {
        return Err(NO_ROOM);
    };
    let captured = match section.interface(0) {
        Some(interface) if interface.snaplen > 0 => original_length.min(interface.snaplen),
        _ => original_length,
    };
    let start = SMALLEST_SIMPLE.saturating_sub(4);
    let end = block.len().saturating_sub(4);
    let data_end = usize::try_from(captured).map_or(usize::MAX, |n| start.saturating_add(n));
    if data_end > end {
        return Err(NO_ROOM);
    }
    Ok(Parts { interface: 0, ticks: None, original_length, data: start..data_end, options: end..end })
}

/// Where data and options stand in an enhanced or obsolete packet block.
#[inline]
fn data_and_options(block: &[u8], captured: u32) -> Result<(Range<usize>, Range<usize>), &'static str> {
    let end = block.len().saturating_sub(4);
    let captured = usize::try_from(captured).unwrap_or(usize::MAX);
    let data_end = PACKET_START.saturating_add(captured);
    if data_end > end {
        return Err(NO_ROOM);
    }
    // Data are padded to four octets, and the block begins at a multiple of four.
    let options = data_end.saturating_add(data_end.wrapping_neg() % 4).min(end);
    Ok((PACKET_START..data_end, options..end))
}

/// What the standard calls a type of block.
pub(crate) fn block_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        SECTION_HEADER => "section header block",
        INTERFACE_DESCRIPTION => "interface description block",
        OBSOLETE_PACKET => "obsolete packet block",
        SIMPLE_PACKET => "simple packet block",
        NAME_RESOLUTION => "name resolution block",
        INTERFACE_STATISTICS => "interface statistics block",
        ENHANCED_PACKET => "enhanced packet block",
        SYSTEMD_JOURNAL => "systemd journal export block",
        DECRYPTION_SECRETS => "decryption secrets block",
        CUSTOM | CUSTOM_NOT_COPIED => "custom block",
        _ => return None,
    })
}

fn what_block(kind: u32) -> &'static str {
    match kind {
        SECTION_HEADER => "a section header block",
        INTERFACE_DESCRIPTION => "an interface description block",
        OBSOLETE_PACKET => "an obsolete packet block",
        SIMPLE_PACKET => "a simple packet block",
        ENHANCED_PACKET => "an enhanced packet block",
        _ => block_name(kind).map_or("a block of unknown type", |_| "a block without packets"),
    }
}

const NO_INTERFACE: &str = "packet skipped: its interface is not described in its section";
const NO_ROOM: &str = "packet skipped: its captured length exceeds its block";
const BROKEN_OPTIONS: &str = "packet kept, its options cut: one runs past the end of its block";

pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
pub(super) const INTERFACE_STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;
const SYSTEMD_JOURNAL: u32 = 9;
pub(super) const DECRYPTION_SECRETS: u32 = 10;
const CUSTOM: u32 = 0x0000_0bad;
const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;

/// Type and length.
const BLOCK_START: usize = 8;
/// Type, length and byte-order magic.
const SECTION_START: usize = 12;
/// Type, length and the five fields before the data of an enhanced packet.
const PACKET_START: usize = 28;
/// Type, length, original length, and the length again.
const SMALLEST_SIMPLE: usize = 16;
const SMALLEST_BLOCK: u32 = 12;
const SMALLEST_SECTION_HEADER: u32 = 28;
