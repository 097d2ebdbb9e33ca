//! Frames of which something is not there: octets that were not captured, or that were too many to keep.

use super::{CLOSED, State, Step};
use crate::http2::frame::{Flags, FrameHeader, FrameId, FrameType, StreamId};
use crate::http2::payload::Payload;
use crate::http2::reader::Raw;
use crate::http2::seen::{Facts, FrameRef, Part, Sink};
use crate::http2::settings::Values;
use crate::http2::side::UsedBy;
use crate::span::Piece;

impl State {
    /// Content octets of a DATA frame read in parts, without its pad length octet and its padding.
    pub(super) fn part(
        &mut self,
        header: FrameHeader,
        from: u32,
        octets: Result<&[u8], u32>,
        pieces: &[Piece],
        step: &mut Step<'_, impl Sink>,
    ) {
        let side = &mut self.sides[step.direction];
        let padded = header.flags().has(Flags::PADDED);
        let mut content = octets;
        if from == 0 && octets.is_ok() {
            side.large_padding =
                if padded { octets.ok().and_then(|octets| octets.first().copied()).unwrap_or(0) } else { 0 };
        }
        if let Ok(octets) = octets {
            let end = header.length().saturating_sub(u32::from(side.large_padding)).saturating_sub(from);
            let octets = octets.get(..usize::try_from(end).unwrap_or(usize::MAX)).unwrap_or(octets);
            content = Ok(octets.get(usize::from(padded && from == 0)..).unwrap_or_default());
        }
        step.sink.part(Part {
            direction: step.direction,
            stream: header.stream(),
            octets: content,
            pieces,
            at: step.at,
        });
    }

    /// A frame that was too large to keep: DATA was handed out in parts, anything else is unread.
    #[cold]
    pub(super) fn large(&mut self, raw: &Raw<'_>, step: &mut Step<'_, impl Sink>) {
        match raw.header.kind() {
            FrameType::DATA => self.data(raw, Payload::Data { data: &[], pad_length: None }, step),
            FrameType::HEADERS | FrameType::CONTINUATION | FrameType::PUSH_PROMISE => {
                self.sides[step.direction].hpack.lose_track();
                self.sides[step.direction].block = None;
                self.plain(raw, Payload::Unreadable(&[]), Facts::None, step);
            }
            _ => self.unread(raw, &[], step),
        }
    }

    /// A frame without a header block, and not DATA, whose payload is not known: what it may have changed is unknown from here on.
    fn unread(&mut self, raw: &Raw<'_>, prefix: &[u8], step: &mut Step<'_, impl Sink>) {
        let payload = Payload::Unreadable(prefix);
        let stream = raw.header.stream();
        match raw.header.kind() {
            FrameType::SETTINGS if !raw.header.is_ack() => {
                let facts = self.unread_settings(step);
                return self.emit(raw, payload, facts, None, step);
            }
            FrameType::WINDOW_UPDATE if stream == StreamId::CONNECTION => {
                let side = &mut self.sides[step.direction.opposite()];
                (side.window, side.used, side.used_by) = (None, None, UsedBy::Many);
            }
            FrameType::WINDOW_UPDATE => {
                if let Some(stream) = self.streams.get_mut(stream) {
                    let granted = step.direction.opposite();
                    (stream.balance[granted], stream.used[granted]) = (None, None);
                }
            }
            FrameType::RST_STREAM => {
                self.end_stream(stream, step.shared);
                return self.emit(raw, payload, Facts::None, Some(CLOSED), step);
            }
            _ => {}
        }
        self.plain(raw, payload, Facts::None, step);
    }

    /// SETTINGS that could not be read: whatever they set is unknown, and stays so when they and those before them are accepted.
    fn unread_settings(&mut self, step: &mut Step<'_, impl Sink>) -> Facts {
        let side = &mut self.sides[step.direction];
        let preface = side.before_preface.replace(false);
        side.values = Values::UNKNOWN;
        side.initial_changes = side.initial_changes.wrapping_add(1);
        side.unanswered_settings.iter_mut().for_each(Vec::clear);
        if side.unanswered_settings.len() < step.shared.limits.unanswered {
            let sent = FrameRef { id: FrameId(step.shared.next_frame), at: step.at };
            side.unanswered_settings.push(sent, Vec::new());
        } else {
            self.limit("SETTINGS without acknowledgement", step);
        }
        self.sides[step.direction.opposite()].hpack.forget_size_limit();
        Facts::Settings { preface }
    }

    /// A frame of which some octets were not captured: what is before the first hole can be read.
    #[cold]
    pub(super) fn holed(&mut self, raw: &Raw<'_>, step: &mut Step<'_, impl Sink>) {
        let first = raw.holes.first().map_or(0, |hole| usize::try_from(hole.start).unwrap_or(usize::MAX));
        let prefix = raw.payload.get(..first).unwrap_or(raw.payload);
        match raw.header.kind() {
            FrameType::DATA => {
                // The content stands where it stood; the pad length may be among what is missing.
                let padded = raw.header.flags().has(Flags::PADDED);
                let pad_length = if padded { prefix.first().copied() } else { None };
                let skip = usize::from(padded);
                let end = raw.payload.len().saturating_sub(usize::from(pad_length.unwrap_or(0)));
                let data = raw.payload.get(skip..end.max(skip)).unwrap_or_default();
                self.data(raw, Payload::Data { data, pad_length }, step);
            }
            FrameType::HEADERS => {
                let flags = raw.header.flags();
                let skip = usize::from(flags.has(Flags::PADDED)).saturating_add(if flags.has(Flags::PRIORITY) {
                    5
                } else {
                    0
                });
                let pad = if flags.has(Flags::PADDED) { prefix.first().copied().unwrap_or(0) } else { 0 };
                let end = raw.payload.len().saturating_sub(usize::from(pad)).min(prefix.len());
                let fragment = prefix.get(skip..end.max(skip)).unwrap_or_default();
                let payload = Payload::Headers { fragment, pad_length: None, priority: None };
                self.broken_block(raw, payload, fragment, &[], raw.header.ends_stream(), step);
            }
            FrameType::PUSH_PROMISE => {
                // Whose request it promises may be among what is missing, and the request is nobody's call.
                self.sides[step.direction].hpack.lose_track();
                self.plain(raw, Payload::Unreadable(prefix), Facts::None, step);
            }
            FrameType::CONTINUATION => {
                let payload = Payload::Continuation { fragment: prefix };
                let Some(mut block) = self.sides[step.direction].block.take() else {
                    self.sides[step.direction].hpack.lose_track();
                    return self.plain(raw, payload, Facts::None, step);
                };
                block.fragment.extend_from_slice(prefix);
                if block.promised.is_some() {
                    self.sides[step.direction].hpack.lose_track();
                    return self.plain(raw, payload, Facts::None, step);
                }
                self.broken_block(raw, payload, &block.fragment, &block.frames, block.ends_stream, step);
            }
            _ => self.unread(raw, prefix, step),
        }
    }
}
