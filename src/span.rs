//! Provenance: where shown octets stood in the captured packets.
//!
//! Every reassembled thing (a frame, a header block, a message) carries the list of [`Piece`]s whose concatenation is its octets. A part
//! of the thing is found by counting over that list, so no coordinate has to be remembered longer than the octets themselves.

use crate::time::Timestamp;

/// When a packet was captured, and which one it was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Arrival {
    /// The capture time.
    pub time: Timestamp,
    /// The packet's number, 1-based.
    pub packet: u64,
}

/// A run of octets inside one captured packet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Piece {
    /// Packet number, 1-based in the capture.
    pub packet: u64,
    /// Offset of the first octet in the packet's captured data.
    pub offset: u32,
    /// Number of octets.
    pub length: u32,
}

impl Piece {
    /// The part of this piece from its octet `skip` on, `take` octets at the most; `None` when nothing is left.
    #[must_use]
    #[inline]
    pub fn part(self, skip: u64, take: u64) -> Option<Self> {
        let left = u64::from(self.length).checked_sub(skip)?.min(take);
        let skip = u32::try_from(skip).ok()?;
        let length = u32::try_from(left).ok().filter(|n| *n > 0)?;
        Some(Self { packet: self.packet, offset: self.offset.checked_add(skip)?, length })
    }
}

/// Appends to `out` the pieces of the `length` octets from `start` on, counted over the concatenation of `pieces`.
#[inline]
pub fn slice_pieces(pieces: &[Piece], start: u64, length: u64, out: &mut Vec<Piece>) {
    // What lies in one packet.
    if let [only] = pieces
        && out.is_empty()
    {
        out.extend(only.part(start, length));
        return;
    }
    slice_each(pieces, start, length, out);
}

fn slice_each(pieces: &[Piece], start: u64, length: u64, out: &mut Vec<Piece>) {
    let (mut skip, mut left) = (start, length);
    for piece in pieces {
        if left == 0 {
            return;
        }
        let have = u64::from(piece.length);
        if skip >= have {
            skip = skip.saturating_sub(have);
            continue;
        }
        if let Some(part) = piece.part(skip, left) {
            left = left.saturating_sub(u64::from(part.length));
            push_piece(out, part);
        }
        skip = 0;
    }
}

/// Appends one piece, joined to the last one where the two are neighbours in the same packet.
pub fn push_piece(out: &mut Vec<Piece>, piece: Piece) {
    if piece.length == 0 {
        return;
    }
    if let Some(last) = out.last_mut() {
        let touches = last.packet == piece.packet && last.offset.checked_add(last.length) == Some(piece.offset);
        if touches && let Some(length) = last.length.checked_add(piece.length) {
            last.length = length;
            return;
        }
    }
    out.push(piece);
}

/// Calls `f` once for each packet number in `pieces`, in the order of the octets, neighbours folded.
pub fn each_packet(pieces: &[Piece], mut f: impl FnMut(u64)) {
    let mut last = 0;
    for piece in pieces {
        if piece.packet != last {
            last = piece.packet;
            f(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(packet: u64, start: u32, length: u32) -> Piece {
        Piece { packet, offset: start, length }
    }

    #[test]
    fn neighbouring_pieces_of_one_packet_become_one() {
        let mut out = Vec::new();
        push_piece(&mut out, piece(4, 66, 9));
        push_piece(&mut out, piece(4, 75, 6));
        assert_eq!(out, [piece(4, 66, 15)]);
    }

    #[test]
    fn slicing_pieces_counts_over_their_concatenation() {
        let mut out = Vec::new();
        slice_pieces(&[piece(1, 10, 4), piece(2, 20, 4)], 3, 3, &mut out);
        assert_eq!(out, [piece(1, 13, 1), piece(2, 20, 2)]);
    }
}
