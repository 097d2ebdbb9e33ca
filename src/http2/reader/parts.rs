//! Frames too large to keep whole: their payload is handed out in parts.

use super::{Bounds, Hole, Item, Mode, Reader, is_large, whole};
use crate::http2::frame::{FrameHeader, HEADER_OCTETS};
use crate::span::{Piece, push_piece, slice_pieces};

/// Pieces remembered of a frame that is read in parts: octets beyond them are shown without their packets.
const MOST_PIECES: usize = 65_536;

impl Reader {
    /// Switches to reading in parts when the header in the buffer announces a frame beyond the limit.
    #[inline(never)]
    pub(super) fn begin_large(&mut self, bounds: Bounds) -> bool {
        let Some(header) = FrameHeader::first(&self.buffer).filter(|header| is_large(*header, bounds)) else {
            return false;
        };
        self.buffer.clear();
        self.mode = Mode::Large { header, at: 0, missing: 0 };
        true
    }

    #[cold]
    #[expect(clippy::too_many_arguments, reason = "the state of the mode, taken apart")]
    pub(super) fn large(
        &mut self,
        header: FrameHeader,
        at: u32,
        missing: u32,
        octets: &[u8],
        done: u64,
        pieces: &[Piece],
        emit: &mut impl FnMut(Item<'_>),
    ) -> usize {
        let left = usize::try_from(header.length().saturating_sub(at)).unwrap_or(usize::MAX);
        let take = left.min(octets.len());
        self.scratch.clear();
        slice_pieces(pieces, done, take as u64, &mut self.scratch);
        for piece in self.scratch.iter().take(MOST_PIECES.saturating_sub(self.pieces.len())) {
            push_piece(&mut self.pieces, *piece);
        }
        let part = octets.get(..take).unwrap_or_default();
        emit(Item::Part { header, at, octets: part, pieces: &self.scratch });
        self.advance_large(header, at.saturating_add(u32::try_from(take).unwrap_or(u32::MAX)), missing, emit);
        take
    }

    pub(super) fn advance_large(
        &mut self,
        header: FrameHeader,
        at: u32,
        missing: u32,
        emit: &mut impl FnMut(Item<'_>),
    ) {
        if at < header.length() {
            self.mode = Mode::Large { header, at, missing };
            return;
        }
        emit(Item::LargeFrame { offset: self.offset, header, missing, pieces: &self.pieces });
        self.offset = self.offset.saturating_add(whole(header) as u64);
        self.pieces.clear();
        self.mode = Mode::Frames;
    }

    /// Keeps no more of what is unfinished: the rest of a frame is read in parts, a search begins anew. The octets that were let go.
    #[cold]
    pub(in crate::http2) fn let_go(&mut self, emit: &mut impl FnMut(Item<'_>)) -> usize {
        let held = self.buffer.len();
        match self.mode {
            Mode::Frames => {
                let Some(header) = FrameHeader::first(&self.buffer) else { return 0 };
                let payload = self.buffer.get(HEADER_OCTETS..).unwrap_or_default();
                let end = Hole { start: u32::try_from(payload.len()).unwrap_or(u32::MAX), length: 0 };
                let (mut at, mut missing) = (0_u32, 0_u32);
                for hole in self.holes.iter().chain([&end]) {
                    let index = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
                    let octets = payload.get(index(at)..index(hole.start)).unwrap_or_default();
                    self.scratch.clear();
                    let before = u64::from(at.saturating_sub(missing)).saturating_add(HEADER_OCTETS as u64);
                    slice_pieces(&self.pieces, before, octets.len() as u64, &mut self.scratch);
                    emit(Item::Part { header, at, octets, pieces: &self.scratch });
                    if hole.length > 0 {
                        emit(Item::MissingPart { header, length: hole.length });
                    }
                    missing = missing.saturating_add(hole.length);
                    at = hole.start.saturating_add(hole.length);
                }
                self.mode = Mode::Large { header, at, missing };
                self.buffer = Vec::new();
                self.holes.clear();
                held
            }
            Mode::Searching { skipped, news, .. } => {
                self.drop_buffer();
                self.mode = Mode::Searching { skipped: skipped.saturating_add(held as u64), tried: 0, scans: 0, news };
                held
            }
            Mode::Magic | Mode::Large { .. } => 0,
        }
    }
}
