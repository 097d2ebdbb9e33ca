//! A run of DATA content while it is read for messages: its octets, and the pieces of packets they stand in.

use crate::limits::Limits;
use crate::span::{Arrival, Piece, slice_pieces};

/// The DATA content being read and what is known of it.
pub(super) struct Run<'a> {
    pub(super) data: &'a [u8],
    /// Where the captured octets of `data` stand.
    pub(super) pieces: &'a [Piece],
    /// Missing octets before the place being read; they have no piece.
    pub(super) holes_before: u64,
    pub(super) at: Arrival,
    pub(super) limits: &'a Limits,
}

impl Run<'_> {
    /// The pieces of `length` octets from `at` on.
    pub(super) fn slice(&self, at: usize, length: usize, out: &mut Vec<Piece>) {
        slice_pieces(self.pieces, (at as u64).saturating_sub(self.holes_before), length as u64, out);
    }

    /// As `slice`, but never joined to what is already in `out`, which belongs to another message.
    pub(super) fn slice_plain(&self, at: usize, length: usize, out: &mut Vec<Piece>) {
        let at = (at as u64).saturating_sub(self.holes_before);
        if let [only] = self.pieces {
            out.extend(only.part(at, length as u64));
            return;
        }
        let mut own = Vec::new();
        slice_pieces(self.pieces, at, length as u64, &mut own);
        out.append(&mut own);
    }
}
