//! Length-prefixed messages cut out of a stream's DATA octets (PROTOCOL-HTTP2, "Length-Prefixed-Message").
//!
//! A message may span DATA frames and a DATA frame may hold many. Where octets were lost the place in the stream is lost too, unless the
//! loss lies inside a message whose length is known; it is found again only where a chain of messages fills a DATA frame exactly.

mod open;
mod prefix;
mod queue;
mod run;

use std::ops::Range;

pub use prefix::{COMPRESSED, PREFIX, chain_fills};
pub use queue::{Done, Queue};

use self::open::Open;
use self::prefix::{WEB_TRAILERS, index, is_legal, split};
use self::queue::Octets;
use self::run::Run;
use crate::http2::connection::Hole;
use crate::limits::Limits;
use crate::span::{Arrival, Piece};

/// Pieces remembered of one message: octets beyond them are shown without their packets.
const MOST_PIECES: usize = 65_536;
/// Octets a message is given room for before any of it has come.
const FIRST_ROOM: usize = 64 << 10;
/// One direction of a call: where in the sequence of messages it is.
#[derive(Debug, Default)]
pub struct Body {
    /// Messages begun so far.
    pub messages: u32,
    /// Payload octets of the messages that ended whole, as they stood on the wire.
    pub octets: u64,
    place: Place,
    /// Whether messages may have been missed, so that their numbers count only those seen.
    pub numbers_lost: bool,
    /// A flag octet that no message may have, once met; nothing after it can be read.
    pub bad_flag: Option<u8>,
}

#[derive(Debug, Default)]
enum Place {
    /// Between messages.
    #[default]
    Between,
    /// In the prefix.
    Prefix { octets: [u8; PREFIX], have: usize, pieces: Vec<Piece>, start: Arrival },
    /// In the content.
    Inside(Box<Open>),
    /// Lost: what comes may begin anywhere in a message.
    Lost,
    /// Not messages.
    NotMessages,
}

/// What a run of DATA content did to the messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The first message it touched.
    pub first: u32,
    /// Messages that ended in it.
    pub ended: u32,
    /// Their declared lengths together.
    pub ended_octets: u64,
    /// Whether the first one had begun earlier.
    pub continued: bool,
    /// The message that goes on after it: its number, octets so far, declared length. The length is `None` inside the prefix.
    pub open: Option<(u32, u32, Option<u32>)>,
    /// Whether the trailers of gRPC-Web, which travel like a message, ended in it.
    pub web_trailers: bool,
    /// Whether the place among the messages was lost, so that what follows could not be read.
    pub lost: bool,
    /// Whether the numbers count all messages of the direction; else only those seen.
    pub numbers_known: bool,
}

impl Progress {
    /// Whether messages with content end just where the DATA ends: what carries no messages hardly does that.
    #[must_use]
    pub const fn fills(&self) -> bool {
        self.ended > 0 && self.ended_octets > 0 && self.open.is_none() && !self.lost
    }
}

impl Body {
    /// A direction whose beginning was not seen.
    #[must_use]
    pub fn lost() -> Self {
        Self { place: Place::Lost, numbers_lost: true, ..Self::default() }
    }

    /// The direction's header block was seen: if no message was, all are still to come.
    pub fn begin(&mut self) {
        if self.messages == 0 && matches!(self.place, Place::Lost) {
            self.place = Place::Between;
            self.numbers_lost = false;
        }
    }

    /// Says that what comes is not messages.
    pub fn is_not_messages(&mut self) {
        self.place = Place::NotMessages;
    }

    /// Whether octets are read as messages.
    #[must_use]
    pub const fn reads_messages(&self) -> bool {
        !matches!(self.place, Place::NotMessages)
    }

    /// Takes the content of a DATA frame, or the next part of one.
    pub fn data(
        &mut self,
        data: &[u8],
        holes: &[Hole],
        pieces: &[Piece],
        at: Arrival,
        limits: &Limits,
        queue: &mut Queue,
    ) -> Progress {
        if holes.is_empty()
            && let [piece] = pieces
            && let Some(progress) = self.whole(data, *piece, at, limits, queue)
        {
            return progress;
        }
        let mut progress = Progress { first: self.messages, ..Progress::default() };
        match &self.place {
            Place::Inside(open) => (progress.first, progress.continued) = (open.index, true),
            Place::Prefix { .. } => progress.continued = true,
            Place::Lost if holes.is_empty() && chain_fills(data) => self.place = Place::Between,
            Place::Lost => progress.lost = !data.is_empty(),
            Place::Between | Place::NotMessages => {}
        }
        if matches!(self.place, Place::Lost | Place::NotMessages) {
            return progress;
        }
        let mut run = Run { data, pieces, holes_before: 0, at, limits };
        let mut from = 0_usize;
        for hole in holes {
            let start = index(hole.start);
            self.octets(&run, from..start, queue);
            self.missing(hole.length, at, queue);
            run.holes_before = run.holes_before.saturating_add(u64::from(hole.length));
            from = start.saturating_add(index(hole.length));
        }
        self.octets(&run, from..data.len(), queue);
        for done in &queue.done {
            if done.flag & WEB_TRAILERS != 0 {
                progress.web_trailers = true;
            } else {
                progress.ended = progress.ended.saturating_add(1);
                progress.ended_octets = progress.ended_octets.saturating_add(u64::from(done.declared));
            }
        }
        progress.open = match &self.place {
            Place::Inside(open) => Some((open.index, open.have, Some(open.declared))),
            Place::Prefix { have, .. } => Some((self.messages, u32::try_from(*have).unwrap_or(0), None)),
            _ => None,
        };
        progress.lost = matches!(self.place, Place::Lost);
        progress.numbers_known = !self.numbers_lost;
        progress
    }

    /// Takes one message that fills `data`, which is what most DATA frames hold; `None` for anything else, which changes nothing.
    #[inline]
    fn whole(
        &mut self,
        data: &[u8],
        piece: Piece,
        at: Arrival,
        limits: &Limits,
        queue: &mut Queue,
    ) -> Option<Progress> {
        let (prefix, content) = data.split_first_chunk()?;
        let (flag, declared) = split(*prefix);
        let fills = content.len() == index(declared) && flag <= COMPRESSED;
        if !fills || !matches!(self.place, Place::Between) || self.bad_flag.is_some() || !queue.done.is_empty() {
            return None;
        }
        let first = queue.pieces.len();
        queue.pieces.extend(piece.part(0, data.len() as u64));
        let progress = Progress {
            first: self.messages,
            ended: 1,
            ended_octets: u64::from(declared),
            numbers_known: !self.numbers_lost,
            ..Progress::default()
        };
        self.in_place((flag, declared), PREFIX..data.len(), first, at, limits, queue);
        Some(progress)
    }

    /// A message ends whose `content` lies whole in the run, and whose pieces are those in the queue from `first` on.
    #[inline]
    fn in_place(
        &mut self,
        (flag, declared): (u8, u32),
        content: Range<usize>,
        first: usize,
        at: Arrival,
        limits: &Limits,
        queue: &mut Queue,
    ) {
        queue.done.push(Done {
            index: self.messages,
            index_known: !self.numbers_lost,
            flag,
            declared,
            missing: 0,
            kept: index(declared) <= limits.message,
            start: at,
            end: at,
            octets: Octets::Here(content),
            pieces: first..queue.pieces.len(),
        });
        self.count(flag, declared);
    }

    fn octets(&mut self, run: &Run<'_>, range: Range<usize>, queue: &mut Queue) {
        let mut at = range.start;
        while at < range.end && self.bad_flag.is_none() {
            let rest = run.data.get(at..range.end).unwrap_or_default();
            if rest.is_empty() {
                return;
            }
            let taken = match &mut self.place {
                Place::Between => self.between(run, at, rest, queue),
                Place::Prefix { octets, have, pieces, .. } => {
                    let take = PREFIX.saturating_sub(*have).min(rest.len());
                    for (to, from) in octets.iter_mut().skip(*have).zip(rest) {
                        *to = *from;
                    }
                    *have = have.saturating_add(take);
                    run.slice(at, take, pieces);
                    self.prefix_done(run.limits, run.at, queue);
                    take
                }
                Place::Inside(open) => {
                    let take = index(open.declared.saturating_sub(open.have)).min(rest.len());
                    if open.kept {
                        open.make_room(take);
                        open.octets.extend_from_slice(rest.get(..take).unwrap_or_default());
                    }
                    if open.pieces.len() < MOST_PIECES {
                        run.slice(at, take, &mut open.pieces);
                    }
                    open.have = open.have.saturating_add(u32::try_from(take).unwrap_or(u32::MAX));
                    self.finish_open(run.at, queue);
                    take
                }
                Place::Lost | Place::NotMessages => return,
            };
            at = at.saturating_add(taken);
        }
    }

    /// A message begins: whole in place if it lies whole in the run.
    fn between(&mut self, run: &Run<'_>, at: usize, rest: &[u8], queue: &mut Queue) -> usize {
        if let Some((prefix, content)) = rest.split_first_chunk::<PREFIX>() {
            let (flag, declared) = split(*prefix);
            let length = index(declared);
            if content.len() >= length && is_legal(flag) {
                let size = length.saturating_add(PREFIX);
                let first = queue.pieces.len();
                run.slice_plain(at, size, &mut queue.pieces);
                let start = at.saturating_add(PREFIX);
                let content = start..start.saturating_add(length);
                self.in_place((flag, declared), content, first, run.at, run.limits, queue);
                return size;
            }
        }
        let take = rest.len().min(PREFIX);
        let mut octets = [0; PREFIX];
        for (to, from) in octets.iter_mut().zip(rest) {
            *to = *from;
        }
        let mut pieces = Vec::new();
        run.slice(at, take, &mut pieces);
        self.place = Place::Prefix { octets, have: take, pieces, start: run.at };
        self.prefix_done(run.limits, run.at, queue);
        take
    }

    fn prefix_done(&mut self, limits: &Limits, at: Arrival, queue: &mut Queue) {
        let Place::Prefix { octets, have: PREFIX, pieces, start } = &mut self.place else { return };
        let (flag, declared) = split(*octets);
        if !is_legal(flag) {
            self.bad_flag = Some(flag);
            self.place = Place::NotMessages;
            return;
        }
        let kept =
            index(declared) <= limits.message && queue.held.saturating_add(index(declared)) <= limits.total_messages;
        let mut buffer = Vec::new();
        if kept {
            buffer = queue.pool.take(index(declared), limits.total_messages.saturating_sub(queue.held));
            // What is declared is not yet there: room is made as it comes.
            buffer.reserve(index(declared).min(FIRST_ROOM));
        }
        let charged = if kept { index(declared).max(buffer.capacity()) } else { 0 };
        queue.held = queue.held.saturating_add(charged);
        let open = Open {
            index: self.messages,
            flag,
            declared,
            have: 0,
            missing: 0,
            kept,
            charged,
            octets: buffer,
            pieces: std::mem::take(pieces),
            start: *start,
        };
        self.place = Place::Inside(Box::new(open));
        self.finish_open(at, queue);
    }

    /// `length` octets at this place were not captured.
    fn missing(&mut self, length: u32, at: Arrival, queue: &mut Queue) {
        let Place::Inside(open) = &mut self.place else {
            if matches!(self.place, Place::Between | Place::Prefix { .. }) {
                self.place = Place::Lost;
                self.numbers_lost = true;
            }
            return;
        };
        let inside = open.declared.saturating_sub(open.have).min(length);
        if open.kept {
            open.octets.resize(open.octets.len().saturating_add(index(inside)), 0);
        }
        open.missing = open.missing.saturating_add(inside);
        open.have = open.have.saturating_add(inside);
        self.finish_open(at, queue);
        if length > inside {
            self.lose(at, queue);
        }
    }

    /// An unknown number of octets is missing here: an open message ends unfinished.
    pub fn lose(&mut self, at: Arrival, queue: &mut Queue) {
        self.abandon(at, queue);
        if !matches!(self.place, Place::NotMessages) {
            self.place = Place::Lost;
            self.numbers_lost = true;
        }
    }

    /// How many octets of the prefix of a message have come, where that is all of it that has.
    #[must_use]
    pub const fn in_prefix(&self) -> Option<usize> {
        match self.place {
            Place::Prefix { have, .. } if !self.numbers_lost => Some(have),
            _ => None,
        }
    }

    /// The direction has ended: a message that has not is told as far as it came.
    pub fn abandon(&mut self, at: Arrival, queue: &mut Queue) {
        if let Place::Inside(open) = &mut self.place {
            open.missing = open.missing.saturating_add(open.declared.saturating_sub(open.have));
            open.have = open.declared;
            self.finish_open(at, queue);
        }
    }

    fn finish_open(&mut self, at: Arrival, queue: &mut Queue) {
        if !matches!(&self.place, Place::Inside(open) if open.have >= open.declared) {
            return;
        }
        let Place::Inside(open) = std::mem::take(&mut self.place) else { return };
        let open = *open;
        let first = queue.pieces.len();
        queue.pieces.extend_from_slice(&open.pieces);
        if open.kept {
            // From now on the queue holds the buffer itself.
            queue.held = queue.held.saturating_sub(open.charged).saturating_add(open.octets.capacity());
        }
        if open.missing == 0 {
            self.count(open.flag, open.declared);
        } else {
            self.messages = self.messages.saturating_add(1);
        }
        queue.done.push(Done {
            index: open.index,
            index_known: !self.numbers_lost,
            flag: open.flag,
            declared: open.declared,
            missing: open.missing,
            kept: open.kept,
            start: open.start,
            end: at,
            octets: Octets::Collected(open.octets),
            pieces: first..queue.pieces.len(),
        });
    }

    /// The trailers of gRPC-Web travel like a message but are none.
    fn count(&mut self, flag: u8, declared: u32) {
        if flag & WEB_TRAILERS == 0 {
            self.messages = self.messages.saturating_add(1);
            self.octets = self.octets.saturating_add(u64::from(declared));
        }
    }

    /// Gives back what an unfinished message holds.
    pub fn drop_open(&mut self, queue: &mut Queue) {
        if matches!(self.place, Place::Inside(_))
            && let Place::Inside(open) = std::mem::take(&mut self.place)
            && open.kept
        {
            queue.held = queue.held.saturating_sub(open.charged);
            queue.pool.recycle(open.octets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(body: &mut Body, queue: &mut Queue, data: &[u8], holes: &[Hole]) -> Vec<(u32, Vec<u8>, u32)> {
        queue.clear();
        body.data(data, holes, &[], Arrival::default(), &Limits::default(), queue);
        queue.done().iter().map(|done| (done.index, queue.octets(done, data).to_vec(), done.missing)).collect()
    }

    #[test]
    fn two_messages_in_one_frame_and_one_over_three_frames() {
        let (mut body, mut queue) = (Body::default(), Queue::default());
        let two = feed(&mut body, &mut queue, b"\0\0\0\0\x02ab\0\0\0\0\x01c", &[]);
        assert_eq!(two, [(0, b"ab".to_vec(), 0), (1, b"c".to_vec(), 0)]);
        assert_eq!(feed(&mut body, &mut queue, b"\0\0\0", &[]), []);
        assert_eq!(feed(&mut body, &mut queue, b"\0\x04wx", &[]), []);
        assert_eq!(feed(&mut body, &mut queue, b"yz", &[]), [(2, b"wxyz".to_vec(), 0)]);
    }

    #[test]
    fn a_hole_inside_a_message_keeps_the_place_and_is_counted() {
        let (mut body, mut queue) = (Body::default(), Queue::default());
        let hole = Hole { start: 7, length: 2 };
        let got = feed(&mut body, &mut queue, b"\0\0\0\0\x05ab\0\0e\0\0\0\0\x01f", &[hole]);
        assert_eq!(got, [(0, b"ab\0\0e".to_vec(), 2), (1, b"f".to_vec(), 0)]);
    }

    #[test]
    fn a_hole_in_a_prefix_loses_the_place_until_messages_fill_a_frame() {
        let (mut body, mut queue) = (Body::default(), Queue::default());
        assert_eq!(feed(&mut body, &mut queue, b"\0\0\0\0\0\0\x02ab", &[Hole { start: 2, length: 4 }]), []);
        assert_eq!(feed(&mut body, &mut queue, b"ijk", &[]), []);
        assert_eq!(feed(&mut body, &mut queue, b"\0\0\0\0\x01z", &[]), [(0, b"z".to_vec(), 0)]);
    }

    #[test]
    fn zeros_after_a_loss_are_not_taken_for_empty_messages() {
        let (mut body, mut queue) = (Body::lost(), Queue::default());
        assert_eq!(feed(&mut body, &mut queue, &[0; 180], &[]), []);
        assert_eq!(feed(&mut body, &mut queue, &[0; 5], &[]), [(0, Vec::new(), 0)]);
    }

    #[test]
    fn a_flag_that_no_message_has_ends_the_reading() {
        let (mut body, mut queue) = (Body::default(), Queue::default());
        assert_eq!(feed(&mut body, &mut queue, b"<html>", &[]), []);
        assert_eq!(body.bad_flag, Some(b'<'));
    }
}
