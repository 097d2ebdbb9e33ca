//! Where octets stand in captured packets: one piece in the usual case, several after IP reassembly.

use crate::span::Piece;

/// Runs of octets in the order of what they make up. Made by [`Segment::pieces`](super::Segment::pieces).
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    single: Option<Piece>,
    list: std::slice::Iter<'a, Piece>,
    /// Octets of `list` that precede the range.
    skip: u32,
    /// Octets of the range not yet yielded out of `list`.
    left: u32,
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if let Some(piece) = self.single.take() {
            return Some(piece);
        }
        while self.left > 0 {
            let piece = self.list.next()?;
            let skipped = self.skip.min(piece.length);
            let length = piece.length.saturating_sub(skipped).min(self.left);
            self.skip = self.skip.saturating_sub(skipped);
            self.left = self.left.saturating_sub(length);
            if length > 0 {
                let offset = piece.offset.saturating_add(skipped);
                return Some(Piece { packet: piece.packet, offset, length });
            }
        }
        None
    }
}

/// The coordinate space a view lies in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin<'a> {
    /// The captured octets of the packet of this number.
    Packet(u64),
    /// The octets of a reassembled datagram, made up of these pieces from its start.
    Datagram(&'a [Piece]),
}

impl<'a> Origin<'a> {
    /// Where `length` octets from `start` of this space stand in packets.
    pub(super) fn pieces(self, start: u32, length: u32) -> Pieces<'a> {
        let (single, list) = match self {
            Self::Packet(packet) => {
                let piece = Piece { packet, offset: start, length };
                ((length > 0).then_some(piece), &[][..])
            }
            Self::Datagram(list) => (None, list),
        };
        Pieces { single, list: list.iter(), skip: start, left: length }
    }

    /// The packet and offset of one octet; of the last one known if there is none at `at`.
    pub(super) fn locate(self, at: u32) -> (u64, u32) {
        if let Some(piece) = self.pieces(at, 1).next() {
            return (piece.packet, piece.offset);
        }
        match self {
            Self::Packet(packet) => (packet, at),
            Self::Datagram(list) => {
                list.last().map_or((0, 0), |piece| (piece.packet, piece.offset.saturating_add(piece.length)))
            }
        }
    }
}
