//! Cuts one direction of a connection into frames, across segments, holes and lost places (RFC 9113 §4.1).
//!
//! Frames that lie whole in a segment are handed out in place; only what spans segments is copied.

mod parts;
mod search;

use super::frame::{FrameHeader, FrameType, HEADER_OCTETS};
use super::preface::MAGIC;
use super::sync;
use crate::limits::Limits;
use crate::span::{Piece, slice_pieces};

/// A run of payload octets that were not captured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hole {
    /// First missing octet, counted from the start of the payload.
    pub start: u32,
    /// How many are missing.
    pub length: u32,
}

/// A frame before its type is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'a> {
    /// Flow offset of its first octet.
    pub(super) offset: u64,
    pub(super) header: FrameHeader,
    /// Missing octets stand as zeros.
    pub(super) payload: &'a [u8],
    pub(super) holes: &'a [Hole],
    /// The length of all holes together.
    pub(super) missing: u32,
    /// Where the captured octets stand.
    pub(super) pieces: &'a [Piece],
}

/// What was cut out of a direction's octets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    /// The client's connection preface.
    Magic { offset: u64, pieces: &'a [Piece] },
    /// A frame.
    Frame(&'a Raw<'a>),
    /// Payload octets of a frame too large to keep whole; the frame itself follows as `LargeFrame`.
    Part { header: FrameHeader, at: u32, octets: &'a [u8], pieces: &'a [Piece] },
    /// Payload octets of such a frame that were not captured.
    MissingPart { header: FrameHeader, length: u32 },
    /// The end of such a frame.
    LargeFrame { offset: u64, header: FrameHeader, missing: u32, pieces: &'a [Piece] },
    /// An unknown number of frames was lost here.
    Lost,
    /// Frames were lost while frames were searched for, or may be among what could not be read.
    LostMore,
    /// Frames were found again, `skipped` octets after the place where they were lost.
    Resync { offset: u64, skipped: u64 },
    /// The direction ended inside a frame (its header, where nine octets of it were there).
    Unfinished { offset: u64, header: Option<FrameHeader>, present: u64, missing: u64, pieces: &'a [Piece] },
    /// The direction ended before frames were found again.
    NeverFound { offset: u64, octets: u64 },
}

/// The limits a reader keeps to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The largest frame kept whole, in octets.
    frame: usize,
    /// Octets kept while frames are searched for.
    search: usize,
}

impl Bounds {
    pub(super) const fn of(limits: &Limits) -> Self {
        Self { frame: limits.frame, search: limits.search }
    }
}

/// One direction's octets on their way to frames.
#[derive(Debug)]
pub(super) struct Reader {
    mode: Mode,
    /// Octets of the unfinished frame, or those searched for frames; missing ones stand as zeros.
    buffer: Vec<u8>,
    /// Where the captured octets of `buffer` stand in packets.
    pieces: Vec<Piece>,
    holes: Vec<Hole>,
    /// Flow offset of the first octet of `buffer`, or of the next octet where that is empty.
    offset: u64,
    max_frame: u32,
    scratch: Vec<Piece>,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Magic,
    Frames,
    Large { header: FrameHeader, at: u32, missing: u32 },
    Searching { skipped: u64, tried: usize, scans: u32, news: bool },
}

impl Reader {
    /// A direction read from its first octet on; the client's begins with the preface.
    pub(super) const fn from_start(expects_magic: bool) -> Self {
        Self::new(if expects_magic { Mode::Magic } else { Mode::Frames })
    }

    /// A direction met in the middle.
    pub(super) const fn late() -> Self {
        Self::new(Mode::Searching { skipped: 0, tried: 0, scans: 0, news: false })
    }

    const fn new(mode: Mode) -> Self {
        let max_frame = sync::DEFAULT_MAX_FRAME;
        Self {
            mode,
            buffer: Vec::new(),
            pieces: Vec::new(),
            holes: Vec::new(),
            offset: 0,
            max_frame,
            scratch: Vec::new(),
        }
    }

    /// Sets the flow offset of the first octet that will be pushed.
    pub(super) const fn start_at(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// Takes the next octets and hands out what they complete.
    pub(super) fn push(&mut self, octets: &[u8], pieces: &[Piece], bounds: Bounds, emit: &mut impl FnMut(Item<'_>)) {
        // Nearly always a segment begins with a frame and ends with one.
        let mut taken = 0;
        if matches!(self.mode, Mode::Frames) && self.buffer.is_empty() {
            taken = self.whole_frames(octets, 0, pieces, emit);
        }
        if let Some(rest) = octets.get(taken..).filter(|rest| !rest.is_empty()) {
            self.push_rest(rest, octets.len(), pieces, bounds, emit);
        }
    }

    /// Takes the last octets of `total`.
    #[inline(never)]
    fn push_rest(
        &mut self,
        mut octets: &[u8],
        total: usize,
        pieces: &[Piece],
        bounds: Bounds,
        emit: &mut impl FnMut(Item<'_>),
    ) {
        while !octets.is_empty() {
            let done = total.saturating_sub(octets.len()) as u64;
            let taken = match self.mode {
                Mode::Magic => self.magic(octets, done, pieces, emit),
                Mode::Frames if self.buffer.is_empty() => self.in_place(octets, done, pieces, bounds, emit),
                Mode::Frames => self.continued(octets, done, pieces, bounds, emit),
                Mode::Large { header, at, missing } => self.large(header, at, missing, octets, done, pieces, emit),
                Mode::Searching { .. } => self.search(octets, done, pieces, bounds, emit),
            };
            octets = octets.get(taken..).unwrap_or_default();
            if taken == 0 {
                return;
            }
        }
    }

    #[cold]
    fn magic(&mut self, octets: &[u8], done: u64, pieces: &[Piece], emit: &mut impl FnMut(Item<'_>)) -> usize {
        let take = MAGIC.len().saturating_sub(self.buffer.len()).min(octets.len());
        self.keep(octets, take, done, pieces);
        if self.buffer.len() < MAGIC.len() {
            return take;
        }
        if self.buffer == MAGIC {
            emit(Item::Magic { offset: self.offset, pieces: &self.pieces });
            self.drop_buffer();
            self.mode = Mode::Frames;
        } else {
            self.lose(emit);
        }
        take
    }

    /// Hands out the frames that lie whole in `octets`, and keeps the beginning of the next.
    fn in_place(
        &mut self,
        octets: &[u8],
        done: u64,
        pieces: &[Piece],
        bounds: Bounds,
        emit: &mut impl FnMut(Item<'_>),
    ) -> usize {
        let taken = self.whole_frames(octets, done, pieces, emit);
        let rest = octets.get(taken..).unwrap_or_default();
        if rest.is_empty() {
            return taken;
        }
        let at = done.saturating_add(taken as u64);
        let take = match FrameHeader::first(rest) {
            Some(header) if is_large(header, bounds) => HEADER_OCTETS,
            _ => rest.len(),
        };
        self.keep(rest, take, at, pieces);
        self.begin_large(bounds);
        taken.saturating_add(take)
    }

    /// Hands out the frames that lie whole in `octets`; returns their length.
    #[inline]
    fn whole_frames(&mut self, octets: &[u8], done: u64, pieces: &[Piece], emit: &mut impl FnMut(Item<'_>)) -> usize {
        let mut rest = octets;
        let mut taken = 0_usize;
        while let Some(header) = FrameHeader::first(rest) {
            let size = whole(header);
            let Some((frame, after)) = rest.split_at_checked(size) else { break };
            let at = done.saturating_add(taken as u64);
            let single;
            let pieces = if let [only] = pieces {
                single = only.part(at, size as u64);
                single.as_slice()
            } else {
                self.scratch.clear();
                slice_pieces(pieces, at, size as u64, &mut self.scratch);
                &self.scratch
            };
            let payload = frame.get(HEADER_OCTETS..).unwrap_or_default();
            emit(Item::Frame(&Raw { offset: self.offset, header, payload, holes: &[], missing: 0, pieces }));
            self.max_frame = self.max_frame.max(header.length());
            self.offset = self.offset.saturating_add(size as u64);
            taken = taken.saturating_add(size);
            rest = after;
        }
        taken
    }

    /// Completes the frame whose beginning is in the buffer.
    #[inline(never)]
    fn continued(
        &mut self,
        octets: &[u8],
        done: u64,
        pieces: &[Piece],
        bounds: Bounds,
        emit: &mut impl FnMut(Item<'_>),
    ) -> usize {
        let need = FrameHeader::first(&self.buffer).map_or(HEADER_OCTETS, whole);
        let take = need.saturating_sub(self.buffer.len()).min(octets.len());
        self.keep(octets, take, done, pieces);
        if !self.begin_large(bounds) {
            self.complete(emit);
        }
        take
    }

    /// Hands out the frame in the buffer, if it is whole.
    fn complete(&mut self, emit: &mut impl FnMut(Item<'_>)) {
        let Some(header) = FrameHeader::first(&self.buffer).filter(|header| self.buffer.len() >= whole(*header)) else {
            return;
        };
        let payload = self.buffer.get(HEADER_OCTETS..).unwrap_or_default();
        let missing = self.holes.iter().fold(0_u32, |sum, hole| sum.saturating_add(hole.length));
        emit(Item::Frame(&Raw {
            offset: self.offset,
            header,
            payload,
            holes: &self.holes,
            missing,
            pieces: &self.pieces,
        }));
        self.max_frame = self.max_frame.max(header.length());
        self.drop_buffer();
    }

    /// Takes note that the next `octets` octets were not captured.
    #[cold]
    pub(super) fn gap(&mut self, octets: u64, bounds: Bounds, emit: &mut impl FnMut(Item<'_>)) {
        match self.mode {
            Mode::Searching { skipped, news, .. } => {
                emit(Item::LostMore);
                let skipped = skipped.saturating_add(self.buffer.len() as u64);
                self.drop_buffer();
                self.mode = Mode::Searching { skipped, tried: 0, scans: 0, news };
                self.offset = self.offset.saturating_add(octets);
            }
            Mode::Large { header, at, missing } => {
                let left = header.length().saturating_sub(at);
                let inside = u32::try_from(octets).unwrap_or(u32::MAX).min(left);
                emit(Item::MissingPart { header, length: inside });
                self.advance_large(header, at.saturating_add(inside), missing.saturating_add(inside), emit);
                self.gap_after(octets.saturating_sub(u64::from(inside)), emit);
            }
            Mode::Magic => {
                self.lose(emit);
                self.offset = self.offset.saturating_add(octets);
            }
            Mode::Frames => {
                let Some(header) = FrameHeader::first(&self.buffer) else {
                    self.lose(emit);
                    self.offset = self.offset.saturating_add(octets);
                    return;
                };
                debug_assert!(!is_large(header, bounds), "large frames have a mode of their own");
                let left = whole(header).saturating_sub(self.buffer.len());
                let inside = usize::try_from(octets).unwrap_or(usize::MAX).min(left);
                let start = self.buffer.len().saturating_sub(HEADER_OCTETS);
                if let (Ok(start), Ok(length)) = (u32::try_from(start), u32::try_from(inside))
                    && length > 0
                {
                    self.holes.push(Hole { start, length });
                }
                self.buffer.resize(self.buffer.len().saturating_add(inside), 0);
                self.complete(emit);
                self.gap_after(octets.saturating_sub(inside as u64), emit);
            }
        }
    }

    /// A gap that goes on beyond the frame it began in.
    fn gap_after(&mut self, octets: u64, emit: &mut impl FnMut(Item<'_>)) {
        if octets > 0 {
            self.lose(emit);
            self.offset = self.offset.saturating_add(octets);
        }
    }

    /// The direction has ended: reports what is left.
    pub(super) fn finish(&mut self, emit: &mut impl FnMut(Item<'_>)) {
        match self.mode {
            Mode::Searching { skipped, .. } => {
                let octets = skipped.saturating_add(self.buffer.len() as u64);
                if octets > 0 {
                    emit(Item::LostMore);
                    emit(Item::NeverFound { offset: self.offset, octets });
                }
            }
            Mode::Large { header, at, .. } => {
                let missing = u64::from(header.length().saturating_sub(at));
                let present = u64::from(at).saturating_add(HEADER_OCTETS as u64);
                emit(Item::Unfinished {
                    offset: self.offset,
                    header: Some(header),
                    present,
                    missing,
                    pieces: &self.pieces,
                });
            }
            Mode::Magic | Mode::Frames if !self.buffer.is_empty() => {
                let header = FrameHeader::first(&self.buffer).filter(|_| matches!(self.mode, Mode::Frames));
                let need = header.map_or(HEADER_OCTETS, whole);
                let present = self.buffer.len() as u64;
                let missing = (need as u64).saturating_sub(present);
                emit(Item::Unfinished { offset: self.offset, header, present, missing, pieces: &self.pieces });
            }
            Mode::Magic | Mode::Frames => {}
        }
        self.drop_buffer();
    }

    /// Octets of what is unfinished, with what is remembered of their places.
    #[inline]
    pub(super) const fn unfinished(&self) -> usize {
        self.buffer.len().saturating_add(self.pieces.len().saturating_mul(size_of::<Piece>()))
    }

    fn keep(&mut self, octets: &[u8], take: usize, done: u64, pieces: &[Piece]) {
        self.buffer.extend_from_slice(octets.get(..take).unwrap_or(octets));
        slice_pieces(pieces, done, take as u64, &mut self.pieces);
    }

    fn drop_buffer(&mut self) {
        self.offset = self.offset.saturating_add(self.buffer.len() as u64);
        self.buffer.clear();
        self.pieces.clear();
        self.holes.clear();
        // A rare large frame must not be paid for by every connection for the rest of its life.
        if self.buffer.capacity() > 64 << 10 {
            self.buffer = Vec::new();
        }
        if self.pieces.capacity() > 1024 {
            self.pieces = Vec::new();
        }
    }

    pub(super) const fn held_bytes(&self) -> usize {
        let pieces = self.pieces.capacity().saturating_add(self.scratch.capacity());
        self.buffer.capacity().saturating_add(pieces.saturating_mul(size_of::<Piece>()))
    }
}

fn whole(header: FrameHeader) -> usize {
    usize::try_from(header.length()).unwrap_or(usize::MAX).saturating_add(HEADER_OCTETS)
}

fn is_large(header: FrameHeader, bounds: Bounds) -> bool {
    whole(header) > bounds.frame
}

/// Whether a large frame's octets are of use in parts.
pub(super) const fn is_data(header: FrameHeader) -> bool {
    matches!(header.kind(), FrameType::DATA)
}
