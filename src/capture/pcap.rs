//! The pcap format: a file header, then records (draft-ietf-opsawg-pcap).
//!
//! Reads both byte orders, microseconds and nanoseconds, versions 2.0 to 2.4 and the longer record headers
//! of Alexey Kuznetzov's patched libpcap. Times are unsigned seconds, as the draft has them.

use super::buffer::{Fill, RefillBuffer};
use super::byte_order::ByteOrder;
use super::{Error, Facts, Format, Interface, Limits, LinkType, Options, Packet, Problem, Resolution, TimeQuality};
use crate::time::Timestamp;

/// What the file header says about all records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pcap {
    order: ByteOrder,
    nanos_per_tick: i64,
    header_length: usize,
    link: LinkType,
    /// The longest record that is believed.
    longest: u32,
    lengths: Lengths,
}

/// How the two lengths of a record stand, by version of the file.
#[derive(Clone, Copy, Debug)]
enum Lengths {
    /// Captured, then original: since 2.4.
    InOrder,
    /// 2.3 had both orders; the shorter is the captured one.
    Unsure,
    /// Original, then captured: before 2.3.
    Swapped,
}

impl Pcap {
    /// Whether a file that begins like this is pcap, and which.
    pub(crate) fn recognise(magic: [u8; 4]) -> Option<(Format, ByteOrder)> {
        let format = |magic| match magic {
            0xa1b2_c3d4 => Some(Format::PcapMicroseconds),
            0xa1b2_3c4d => Some(Format::PcapNanoseconds),
            0xa1b2_cd34 => Some(Format::PcapModified),
            _ => None,
        };
        [ByteOrder::Little, ByteOrder::Big].into_iter().find_map(|order| Some((format(order.u32(magic))?, order)))
    }

    /// Takes the file header off the front.
    pub(crate) fn open<F: Fill>(
        octets: &mut RefillBuffer<F>,
        (format, order): (Format, ByteOrder),
        limits: &Limits,
        facts: &mut Facts,
    ) -> Result<Self, Error> {
        octets.require(FILE_HEADER)?;
        let Some(header) = octets.peek().first_chunk::<FILE_HEADER>() else {
            return Err(octets.truncated("the pcap file header", FILE_HEADER));
        };
        let [_, _, _, _, a, b, c, d, _zone @ .., e, f, g, h, i, j, k, l] = *header;
        let version = (order.u16([a, b]), order.u16([c, d]));
        let (snaplen, network) = (order.u32([e, f, g, h]), order.u32([i, j, k, l]));
        let lengths = match version {
            (2, 4) => Lengths::InOrder,
            (2, 3) => Lengths::Unsure,
            (2, 0..=2) | (543, 0) => Lengths::Swapped,
            (major, minor) => {
                return Err(Error::Unsupported {
                    offset: 4,
                    what: format!("it says it is pcap version {major}.{minor}"),
                    advice: "versions 2.0 to 2.4 are read; try to rewrite it with editcap",
                });
            }
        };
        octets.pop(FILE_HEADER);

        let bound = u32::try_from(limits.record_octets).unwrap_or(u32::MAX);
        let longest = match snaplen {
            0 => bound,
            _ => snaplen.max(USUAL_SNAPLEN).min(bound),
        };
        let (resolution, nanos_per_tick) = match format {
            Format::PcapNanoseconds => (Resolution::NANOSECONDS, 1),
            _ => (Resolution::MICROSECONDS, 1000),
        };
        let link = LinkType(network & LINK_TYPE);
        facts.describe_interface(Interface {
            number: 0,
            section: 0,
            link,
            snaplen,
            resolution,
            offset_seconds: 0,
            fcs_octets: fcs_octets(network),
            name: None,
            description: None,
            statistics: None,
        });
        Ok(Self {
            order,
            nanos_per_tick,
            header_length: match format {
                Format::PcapModified => MODIFIED_RECORD_HEADER,
                _ => RECORD_HEADER,
            },
            link,
            longest,
            lengths,
        })
    }

    /// The next record, if all of it has arrived and its length can be believed.
    #[inline]
    pub(crate) fn arrived<'b, F: Fill>(
        &self,
        octets: &'b mut RefillBuffer<F>,
        facts: &mut Facts,
    ) -> Option<Packet<'b>> {
        let arrived = octets.peek();
        let record = self.record(arrived)?;
        let length = self.length(record);
        if record.captured > self.longest || arrived.len() < length {
            return None;
        }
        Some(self.take(record, length, octets, facts))
    }

    /// Takes a record that has arrived off the front.
    #[inline]
    fn take<'b, F: Fill>(
        &self,
        record: Record,
        length: usize,
        octets: &'b mut RefillBuffer<F>,
        facts: &mut Facts,
    ) -> Packet<'b> {
        facts.packets = facts.packets.saturating_add(1);
        Packet {
            number: facts.packets,
            time: record.time,
            time_quality: TimeQuality::Captured,
            link: self.link,
            data: octets.pop(length).get(self.header_length..).unwrap_or_default(),
            original_length: record.original,
            interface: 0,
            options: Options::empty(),
        }
    }

    /// The next record.
    pub(crate) fn next<'b, F: Fill>(
        &self,
        octets: &'b mut RefillBuffer<F>,
        facts: &mut Facts,
    ) -> Result<Option<Packet<'b>>, Error> {
        if !octets.require(self.header_length)? {
            return match octets.peek() {
                [] => Ok(None),
                _ => Err(octets.truncated("the header of a packet record", self.header_length)),
            };
        }
        let Some(record) = self.record(octets.peek()) else {
            return Ok(None);
        };
        if record.captured > self.longest {
            return Err(Error::Malformed {
                offset: octets.offset(),
                what: "a packet record",
                problem: Problem::Length { stated: record.captured, least: 0, most: self.longest },
            });
        }
        let length = self.length(record);
        if !octets.require(length)? {
            return Err(octets.truncated("a packet record", length));
        }
        Ok(Some(self.take(record, length, octets, facts)))
    }

    /// Whether `arrived` suffices for [`next`](Self::next) to answer.
    pub(crate) fn is_ready(&self, arrived: &[u8]) -> bool {
        arrived.len() >= self.header_length
            && self
                .record(arrived)
                .is_some_and(|record| record.captured > self.longest || arrived.len() >= self.length(record))
    }

    #[inline]
    fn record(&self, octets: &[u8]) -> Option<Record> {
        let [seconds, ticks, first, second] = self.order.words(octets)?;
        let (captured, original) = match self.lengths {
            Lengths::InOrder => (first, second),
            Lengths::Swapped => (second, first),
            Lengths::Unsure => (first.min(second), first.max(second)),
        };
        // At most 2^32 seconds and 2^32 microseconds: far below the range of 64 bits.
        let nanos = i64::from(ticks).saturating_mul(self.nanos_per_tick);
        let time = i64::from(seconds).saturating_mul(1_000_000_000).saturating_add(nanos);
        Some(Record { time: Timestamp::from_nanos(time), captured, original })
    }

    #[inline]
    fn length(&self, record: Record) -> usize {
        usize::try_from(record.captured).unwrap_or(usize::MAX).saturating_add(self.header_length)
    }
}

#[derive(Clone, Copy)]
struct Record {
    time: Timestamp,
    captured: u32,
    original: u32,
}

/// Octets of frame check sequence: the top bits count 16-bit words, if the bit below says so.
fn fcs_octets(network: u32) -> Option<u8> {
    const FCS_LENGTH_PRESENT: u32 = 0x0400_0000;
    if network & FCS_LENGTH_PRESENT == 0 {
        return None;
    }
    u8::try_from((network >> 28).saturating_mul(2)).ok()
}

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// With interface index, protocol, packet type and one octet of padding behind the usual fields.
const MODIFIED_RECORD_HEADER: usize = 24;
/// The bits of the `network` field that are the link type.
const LINK_TYPE: u32 = 0x03ff_ffff;
/// Programs exist that state a smaller snaplen than they use; libpcap never cuts below this.
const USUAL_SNAPLEN: u32 = 262_144;
