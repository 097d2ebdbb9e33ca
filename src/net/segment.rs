//! A TCP segment as it stood on the wire (RFC 9293 §3.1), with the place of its octets in the capture.
//!
//! Sequence numbers are raw; their arithmetic, and what a segment means to its flow, are `tcp`'s.

use std::fmt;
use std::net::SocketAddr;

use etherparse::TcpSlice;
use etherparse::err::tcp::{HeaderError, HeaderSliceError};

use super::encapsulation::Encapsulation;
use super::outcome::{Fault, Layer, Outcome};
use super::pieces::{Origin, Pieces};
use super::view::View;
use super::walk::Context;
use crate::span::Piece;

/// One TCP segment, borrowed from the packet or from a reassembled datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Segment<'a> {
    /// Sender, of the innermost IP header.
    pub source: SocketAddr,
    /// Receiver, of the innermost IP header (or the last stop of an IPv6 source route).
    pub destination: SocketAddr,
    /// Sequence number of the first payload octet, or of the SYN.
    pub sequence: u32,
    /// Acknowledgment number; has a meaning only with [`TcpFlags::ACK`].
    pub acknowledgment: u32,
    /// Control bits, the reserved ones included.
    pub flags: TcpFlags,
    /// Receive window, not scaled.
    pub window: u16,
    /// Options with their padding, at most 40 octets, not parsed; as far as they were captured.
    pub options: &'a [u8],
    /// The payload as far as it was captured.
    pub payload: &'a [u8],
    /// The TCP header and the payload behind it, as far as they were captured.
    pub octets: &'a [u8],
    /// Octets the payload had on the wire, by the IP header, or by the packet's length if that says 0 (segmentation
    /// offload). Never below `payload.len()`; above it when the capture cut the packet.
    pub wire_length: u32,
    /// The identification of the innermost IPv4 header; 0 says nothing, as does IPv6.
    pub identification: u16,
    /// The time to live of the innermost IPv4 header, or the hop limit of IPv6.
    pub hops: u8,
    /// What the packet was wrapped in; `None` when that is nothing.
    pub encapsulation: Option<&'a Encapsulation>,
    origin: Origin<'a>,
    /// Where the TCP header begins in `origin`.
    start: u32,
    header_length: u8,
}

impl<'a> Segment<'a> {
    /// Where the captured payload stands, in order; the lengths add up to `payload.len()`.
    pub fn pieces(&self) -> Pieces<'a> {
        let start = self.start.saturating_add(self.header_length());
        self.origin.pieces(start, length(self.payload))
    }

    /// Where the payload stands, if there is any and it was not reassembled from IP fragments: nearly always.
    #[inline]
    pub fn single_piece(&self) -> Option<Piece> {
        let Origin::Packet(packet) = self.origin else {
            return None;
        };
        let offset = self.start.saturating_add(self.header_length());
        let length = length(self.payload);
        (length > 0).then_some(Piece { packet, offset, length })
    }

    /// Where the payload stands if that is one place: always so unless it was reassembled from IP fragments. An empty
    /// payload has the place where it would begin.
    pub fn piece(&self) -> Option<Piece> {
        let mut pieces = self.pieces();
        match (pieces.next(), pieces.next()) {
            (Some(piece), None) => Some(piece),
            (None, _) => {
                let (packet, offset) = self.origin.locate(self.start.saturating_add(self.header_length()));
                Some(Piece { packet, offset, length: 0 })
            }
            _ => None,
        }
    }

    /// Where the TCP header with its options stands, as far as it was captured.
    pub fn header_pieces(&self) -> Pieces<'a> {
        let captured = length(self.options).saturating_add(FIXED);
        self.origin.pieces(self.start, captured)
    }

    /// Whether payload was on the wire that the capture does not have.
    #[inline]
    pub fn is_cut(&self) -> bool {
        length(self.payload) < self.wire_length
    }

    /// Octets of the TCP header with options as it says itself, 20 to 60.
    pub fn header_length(&self) -> u32 {
        self.header_length.into()
    }

    /// Reads the TCP header at `view` if all of it was captured; `None` otherwise, and for one that cannot be.
    #[inline]
    pub(super) fn usual(view: View<'a>, context: &Context, origin: Origin<'a>) -> Option<Self> {
        let octets = view.octets();
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *octets.first_chunk::<20>()?;
        let header_length = (m >> 4).wrapping_mul(4);
        let (header, payload) = octets.split_at_checked(header_length.into())?;
        let options = header.get(20..)?;
        let wire_length = view.wire().saturating_sub(header.len());
        Some(Self {
            source: SocketAddr::new(context.source, u16::from_be_bytes([a, b])),
            destination: SocketAddr::new(context.destination, u16::from_be_bytes([c, d])),
            sequence: u32::from_be_bytes([e, f, g, h]),
            acknowledgment: u32::from_be_bytes([i, j, k, l]),
            flags: TcpFlags(u16::from_be_bytes([m & 0x0f, n])),
            window: u16::from_be_bytes([o, p]),
            options,
            payload,
            octets,
            wire_length: u32::try_from(wire_length).unwrap_or(u32::MAX),
            identification: context.identification,
            hops: context.hops,
            encapsulation: None,
            origin,
            start: u32::try_from(view.start()).unwrap_or(u32::MAX),
            header_length,
        })
    }

    /// Reads the TCP header at `view`, or says why that cannot be.
    #[inline(never)]
    pub(super) fn parse(view: View<'a>, context: &Context, origin: Origin<'a>) -> Outcome<'a> {
        match TcpSlice::from_slice(view.octets()) {
            Ok(tcp) => {
                let options = tcp.header_slice().get(20..).unwrap_or_default();
                Outcome::Tcp(Self::new(&tcp, options, tcp.payload(), view, context, origin))
            }
            Err(error) => Self::cut(error, view, context, origin),
        }
    }

    /// What a header says that could not be read whole. If only options are missing, and because the capture cut them,
    /// it is still a segment: captures of the first 60 octets are common.
    #[cold]
    fn cut(error: HeaderSliceError, view: View<'a>, context: &Context, origin: Origin<'a>) -> Outcome<'a> {
        let need = match error {
            HeaderSliceError::Len(error) => error.required_len,
            HeaderSliceError::Content(HeaderError::DataOffsetTooSmall { data_offset }) => {
                let fault = Fault::HeaderLength(data_offset);
                return view.fault(Layer::Tcp, fault).outcome(origin);
            }
        };
        let captured = view.octets();
        let mut padded = [0; 60];
        if need <= view.wire() {
            for (to, from) in padded.iter_mut().zip(captured) {
                *to = *from;
            }
        }
        match (TcpSlice::from_slice(&padded), captured.get(20..)) {
            (Ok(tcp), Some(options)) => {
                let payload = captured.get(captured.len()..).unwrap_or_default();
                Outcome::Tcp(Self::new(&tcp, options, payload, view, context, origin))
            }
            _ => view.short(Layer::Tcp, need).outcome(origin),
        }
    }

    #[inline]
    fn new(
        tcp: &TcpSlice<'_>,
        options: &'a [u8],
        payload: &'a [u8],
        view: View<'a>,
        context: &Context,
        origin: Origin<'a>,
    ) -> Self {
        let flags = match tcp.header_slice() {
            [_, _, _, _, _, _, _, _, _, _, _, _, high, low, ..] => u16::from_be_bytes([high & 0x0f, *low]),
            _ => 0,
        };
        let wire_length = view.wire().saturating_sub(tcp.header_len());
        Self {
            source: SocketAddr::new(context.source, tcp.source_port()),
            destination: SocketAddr::new(context.destination, tcp.destination_port()),
            sequence: tcp.sequence_number(),
            acknowledgment: tcp.acknowledgment_number(),
            flags: TcpFlags(flags),
            window: tcp.window_size(),
            options,
            payload,
            octets: view.octets(),
            wire_length: u32::try_from(wire_length).unwrap_or(u32::MAX),
            identification: context.identification,
            hops: context.hops,
            encapsulation: None,
            origin,
            start: u32::try_from(view.start()).unwrap_or(u32::MAX),
            header_length: u8::try_from(tcp.header_len()).unwrap_or(u8::MAX),
        }
    }
}

/// The clock of a sender whose options tell it (RFC 7323 §3.2).
#[must_use]
pub fn timestamp_value(mut options: &[u8]) -> Option<u32> {
    loop {
        options = match options {
            [0, ..] => return None,
            [1, rest @ ..] => rest,
            [8, 10, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d])),
            [_, length, ..] if *length >= 2 => options.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
}

/// Octets of a TCP header without options.
const FIXED: u32 = 20;

/// Octets in a slice out of a packet, whose length fits 32 bits.
fn length(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap_or(u32::MAX)
}

/// The control bits of a TCP header: the low twelve bits of its octets 12 and 13, reserved ones included.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct TcpFlags(pub u16);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x001);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x002);
    /// Reset the connection.
    pub const RST: Self = Self(0x004);
    /// Push.
    pub const PSH: Self = Self(0x008);
    /// The acknowledgment number is significant.
    pub const ACK: Self = Self(0x010);
    /// The urgent pointer is significant.
    pub const URG: Self = Self(0x020);
    /// Congestion experienced, echoed (RFC 3168).
    pub const ECE: Self = Self(0x040);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x080);
    /// Accurate ECN (RFC 9768), earlier the nonce sum.
    pub const AE: Self = Self(0x100);

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits that both have.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The bits of both.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// Names in the order of the bits, reserved bits as a number: `SYN ACK`, `ACK 0x200`, `none`.
impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut separator = "";
        for (flag, name) in NAMES {
            if self.contains(flag) {
                write!(f, "{separator}{name}")?;
                separator = " ";
                rest &= !flag.0;
            }
        }
        match (rest, self.0) {
            (0, 0) => f.write_str("none"),
            (0, _) => Ok(()),
            _ => write!(f, "{separator}0x{rest:03x}"),
        }
    }
}

const NAMES: [(TcpFlags, &str); 9] = [
    (TcpFlags::FIN, "FIN"),
    (TcpFlags::SYN, "SYN"),
    (TcpFlags::RST, "RST"),
    (TcpFlags::PSH, "PSH"),
    (TcpFlags::ACK, "ACK"),
    (TcpFlags::URG, "URG"),
    (TcpFlags::ECE, "ECE"),
    (TcpFlags::CWR, "CWR"),
    (TcpFlags::AE, "AE"),
];

#[cfg(test)]
mod tests {
    use super::{TcpFlags, timestamp_value};

    #[test]
    fn the_senders_clock_is_found_among_other_options() {
        assert_eq!(timestamp_value(&[1, 1, 8, 10, 0, 0, 1, 2, 9, 9, 9, 9]), Some(0x102));
        assert_eq!(timestamp_value(&[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0]), Some(7));
        for without in [&[][..], &[0, 8, 10, 1, 1, 1, 1], &[2, 0, 8, 10, 1, 1, 1, 1], &[5], &[8, 10, 1], &[3, 200, 1]] {
            assert_eq!(timestamp_value(without), None);
        }
    }

    #[test]
    fn flags_print_by_name_and_reserved_bits_as_a_number() {
        let print = |flags: TcpFlags| flags.to_string();
        assert_eq!(print(TcpFlags::SYN | TcpFlags::ACK), "SYN ACK");
        assert_eq!(print(TcpFlags(0xc10)), "ACK 0xc00");
        assert_eq!(print(TcpFlags(0x800)), "0x800");
        assert_eq!(print(TcpFlags(0)), "none");
    }
}
