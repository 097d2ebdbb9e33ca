//! A lost place: octets are kept until frames are found among them.

use super::{Bounds, Item, Mode, Reader};
use crate::http2::sync::{self, Evidence, Search};
use crate::span::{Piece, slice_pieces};

/// Octets of the search kept for the header of a long frame, and for what must follow it to prove it.
const AFTER: usize = 1024;

impl Reader {
    #[cold]
    pub(super) fn search(
        &mut self,
        octets: &[u8],
        done: u64,
        pieces: &[Piece],
        bounds: Bounds,
        emit: &mut impl FnMut(Item<'_>),
    ) -> usize {
        let Mode::Searching { skipped, tried, scans, news } = self.mode else { return 0 };
        self.keep(octets, octets.len(), done, pieces);
        // Looking again at every octet would take time beyond measure on octets made for it: after a while look only when there is more to see.
        let grown = self.buffer.len().saturating_sub(tried);
        if scans > 64 && grown < self.buffer.len() / 8 {
            return octets.len();
        }
        let longest = u32::try_from(bounds.search.saturating_sub(AFTER)).unwrap_or(u32::MAX);
        match sync::find(&self.buffer, 0, self.max_frame, Evidence::Place { longest }) {
            Search::Found(at) => {
                let skipped = skipped.saturating_add(at as u64);
                self.trim(at);
                if skipped > 0 {
                    emit(Item::LostMore);
                }
                if news || skipped > 0 {
                    emit(Item::Resync { offset: self.offset, skipped });
                }
                self.mode = Mode::Frames;
                let (buffer, pieces) = (std::mem::take(&mut self.buffer), std::mem::take(&mut self.pieces));
                self.push(&buffer, &pieces, bounds, emit);
            }
            Search::Perhaps(at) => {
                let excess = self.buffer.len().saturating_sub(bounds.search).max(at);
                self.trim(excess);
                let skipped = skipped.saturating_add(excess as u64);
                self.mode = Mode::Searching { skipped, tried: self.buffer.len(), scans: scans.saturating_add(1), news };
            }
        }
        octets.len()
    }

    #[cold]
    pub(super) fn lose(&mut self, emit: &mut impl FnMut(Item<'_>)) {
        emit(Item::Lost);
        let skipped = self.buffer.len() as u64;
        self.drop_buffer();
        self.mode = Mode::Searching { skipped, tried: 0, scans: 0, news: true };
    }

    /// Drops the first `octets` octets of the buffer.
    fn trim(&mut self, octets: usize) {
        let octets = octets.min(self.buffer.len());
        if octets == 0 {
            return;
        }
        self.buffer.drain(..octets);
        self.scratch.clear();
        slice_pieces(&self.pieces, octets as u64, u64::MAX, &mut self.scratch);
        std::mem::swap(&mut self.pieces, &mut self.scratch);
        self.offset = self.offset.saturating_add(octets as u64);
    }
}
