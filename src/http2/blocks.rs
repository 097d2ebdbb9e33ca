//! Header blocks: one frame or a chain of them, decoded when the last has come (RFC 9113 §4.3, §6.2, §6.10).

use super::frame::{Flags, FrameId};
use super::frame::{FrameType, StreamId};
use super::payload::Payload;
use super::reader::Raw;
use super::seen::{Block, Facts, Frame, Malformed, Notice, Sink};
use super::side::Side;
use super::sides;
use super::state::{CLOSED, State, Step};
use super::stream::StreamState;
use crate::direction::Direction;
use crate::limits::Limits;

/// A header block that more frames will continue.
#[derive(Debug)]
pub(super) struct OpenBlock {
    pub(super) stream: StreamId,
    pub(super) promised: Option<StreamId>,
    pub(super) ends_stream: bool,
    pub(super) fragment: Vec<u8>,
    pub(super) frames: Vec<FrameId>,
    pub(super) complete: bool,
    pub(super) left_out: u64,
}

impl OpenBlock {
    fn extend(&mut self, fragment: &[u8], limits: &Limits) {
        let room = limits.header_block.saturating_sub(self.fragment.len());
        let fits = fragment.get(..room).unwrap_or(fragment);
        if self.complete {
            self.fragment.extend_from_slice(fits);
        }
        let left_out = if self.complete { fragment.len().saturating_sub(fits.len()) } else { fragment.len() };
        self.complete &= left_out == 0;
        self.left_out = self.left_out.saturating_add(left_out as u64);
    }
}

impl OpenBlock {
    /// Keeps nothing of the block: how much that was.
    fn let_go(&mut self) -> usize {
        let held = self.fragment.len();
        self.fragment = Vec::new();
        self.complete = false;
        self.left_out = self.left_out.saturating_add(held as u64);
        held
    }
}

/// What is known of a header block when its last frame has come.
struct Ended<'a> {
    id: FrameId,
    promised: Option<StreamId>,
    ends_stream: bool,
    frames: &'a [FrameId],
    complete: bool,
    state: Option<StreamState>,
}

impl State {
    /// Octets of header blocks that are not finished.
    #[inline]
    pub(super) fn unfinished(&self) -> usize {
        let of = |side: &Side| side.block.as_ref().map_or(0, |block| block.fragment.len());
        of(&self.sides.to_server).saturating_add(of(&self.sides.to_client))
    }

    /// Keeps nothing of the header block that a direction has not finished: how much that was.
    #[cold]
    pub(super) fn let_go(&mut self, direction: Direction) -> usize {
        self.sides[direction].block.as_mut().map_or(0, OpenBlock::let_go)
    }

    /// A header block whose rest was not captured: the fields before the hole are exact, the table is not any more.
    /// `earlier` are the frames of the block before this one.
    pub(super) fn broken_block(
        &mut self,
        raw: &Raw<'_>,
        payload: Payload<'_>,
        fragment: &[u8],
        earlier: &[FrameId],
        ends_stream: bool,
        step: &mut Step<'_, impl Sink>,
    ) {
        let state = self.begin_headers(raw.header.stream(), ends_stream, step);
        let id = step.shared.number();
        let frame = step.plain(id, raw, payload, Facts::None, state);
        let fields = self.sides[step.direction].hpack.decode_partial(fragment, &mut step.shared.scratch);
        let frames = [earlier, &[id]].concat();
        let block = Block { fields, frames: &frames, promised: None, complete: false };
        step.sink.frame(&Frame { block: Some(block), ends_stream, ..frame });
        self.charge_tables(step);
    }

    pub(super) fn headers(
        &mut self,
        raw: &Raw<'_>,
        payload: Payload<'_>,
        fragment: &[u8],
        promised: Option<StreamId>,
        step: &mut Step<'_, impl Sink>,
    ) {
        let stream = raw.header.stream();
        let ends_stream = raw.header.ends_stream();
        if raw.header.flags().has(Flags::END_HEADERS) {
            let state = match promised {
                Some(promised) => {
                    self.begin_headers(promised, false, step);
                    self.shown_state(stream)
                }
                None => self.begin_headers(stream, ends_stream, step),
            };
            let id = step.shared.number();
            let ids = [id];
            return self.block(
                raw,
                payload,
                fragment,
                Ended { promised, ends_stream, frames: &ids, complete: true, id, state },
                step,
            );
        }
        let id = FrameId(step.shared.next_frame);
        let mut block = OpenBlock {
            stream,
            promised,
            ends_stream,
            fragment: Vec::new(),
            frames: vec![id],
            complete: true,
            left_out: 0,
        };
        block.extend(fragment, &step.shared.limits);
        self.sides[step.direction].block = Some(block);
        let state = self.shown_state(stream);
        self.emit(raw, payload, Facts::None, state, step);
    }

    pub(super) fn continuation(
        &mut self,
        raw: &Raw<'_>,
        payload: Payload<'_>,
        fragment: &[u8],
        step: &mut Step<'_, impl Sink>,
    ) {
        let Some(mut block) =
            self.sides[step.direction].block.take().filter(|block| block.stream == raw.header.stream())
        else {
            let exact = self.sides[step.direction].hpack.is_exact();
            self.sides[step.direction].hpack.lose_track();
            let id = FrameId(step.shared.next_frame);
            self.plain(raw, payload, Facts::None, step);
            // Without its beginning in the capture there is nothing to blame anybody for.
            if exact {
                step.malformed(id, raw, Malformed::StrayContinuation);
            }
            return;
        };
        block.extend(fragment, &step.shared.limits);
        let id = FrameId(step.shared.next_frame);
        if block.frames.len() < step.shared.limits.header_block_frames {
            block.frames.push(id);
        }
        if !raw.header.flags().has(Flags::END_HEADERS) {
            self.sides[step.direction].block = Some(block);
            let state = self.shown_state(raw.header.stream());
            return self.emit(raw, payload, Facts::None, state, step);
        }
        let state = self.begin_headers(block.promised.unwrap_or(block.stream), block.ends_stream, step);
        let id = step.shared.number();
        let ended = Ended {
            promised: block.promised,
            ends_stream: block.ends_stream,
            frames: &block.frames,
            complete: block.complete,
            id,
            state,
        };
        self.block(raw, payload, &block.fragment, ended, step);
        if block.left_out > 0 {
            step.notice(Notice::Limit { what: "octets of a header block", count: block.left_out });
        }
    }

    fn block(
        &mut self,
        raw: &Raw<'_>,
        payload: Payload<'_>,
        fragment: &[u8],
        ended: Ended<'_>,
        step: &mut Step<'_, impl Sink>,
    ) {
        let mut frame = step.plain(ended.id, raw, payload, Facts::None, ended.state);
        let Step { direction, at, shared, sink, .. } = step;
        let hpack = &mut self.sides[*direction].hpack;
        let fields = if ended.complete {
            hpack.decode(fragment, &mut shared.scratch)
        } else {
            hpack.decode_partial(fragment, &mut shared.scratch)
        };
        frame.block = Some(Block { fields, frames: ended.frames, promised: ended.promised, complete: ended.complete });
        frame.ends_stream = ended.ends_stream;
        let mut turned = None;
        if self.guessed
            && ended.promised.is_none()
            && let Some(told) = sides::of_block(fields)
        {
            turned = Some(told != *direction);
            sink.sides(*at, told != *direction);
            if told != *direction {
                *direction = told;
                frame.direction = told;
                frame.state.iter_mut().for_each(StreamState::swap);
            }
        }
        sink.frame(&frame);
        for fault in fields.faults() {
            sink.notice(*direction, *at, raw.malformed(ended.id, Malformed::Hpack(*fault)));
        }
        let omitted = fields.omitted();
        if omitted.fields > 0 {
            sink.notice(
                *direction,
                *at,
                Notice::Limit { what: "fields of a header block", count: u64::from(omitted.fields) },
            );
        }
        if let Some(turned) = turned {
            self.know_sides(turned);
        }
        self.charge_tables(step);
    }

    /// Opens the stream a header block begins on, or ends its half; the state after it, where it is known.
    fn begin_headers(
        &mut self,
        id: StreamId,
        ends_stream: bool,
        step: &mut Step<'_, impl Sink>,
    ) -> Option<StreamState> {
        self.open(id, step);
        let stream = self.streams.get_mut(id)?;
        stream.take_losses(self.losses);
        stream.take_frame(step.direction, ends_stream);
        let (is_over, shown) = (stream.state == CLOSED, stream.shown());
        if is_over {
            self.end_stream(id, step.shared);
        }
        shown
    }

    /// A header block must be finished before any other frame of its direction (§4.3).
    pub(super) fn check_interruption(&mut self, raw: &Raw<'_>, step: &mut Step<'_, impl Sink>) {
        let side = &mut self.sides[step.direction];
        let continues =
            |block: &OpenBlock| raw.header.kind() == FrameType::CONTINUATION && raw.header.stream() == block.stream;
        if side.block.as_ref().is_some_and(|block| !continues(block)) {
            side.block = None;
            side.hpack.lose_track();
            step.malformed(FrameId(step.shared.next_frame), raw, Malformed::BlockInterrupted);
        }
    }
}
