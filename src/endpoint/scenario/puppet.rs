//! A peer without a mind of its own: it sends the frames that it is given, also those that no endpoint would send.

use std::collections::VecDeque;

use crate::endpoint::Peer;
use crate::http2::frame::{FrameHeader, FrameType, HEADER_OCTETS};
use crate::http2::preface::MAGIC;
use crate::http2::write;
use crate::time::Timestamp;

/// What is sent in answer to a frame, appended to the octets.
type Answer = Box<dyn FnMut(FrameHeader, &[u8], &mut Vec<u8>)>;

pub(super) struct Puppet {
    /// Octets of the client connection preface that are still to come.
    magic: usize,
    input: Vec<u8>,
    out: Vec<u8>,
    answer: Answer,
    /// What is sent, each so many nanoseconds after the one before.
    steps: VecDeque<(i64, Vec<u8>)>,
    /// Nanoseconds after the last step at which it ends the connection.
    end: Option<i64>,
    /// The frame that must be read before the first step.
    awaits: Option<FrameType>,
    /// When the last step was taken.
    since: Timestamp,
    now: Timestamp,
    finished: bool,
}

impl Puppet {
    /// A server that begins with these frames, answers each frame that comes, and ends when the client does.
    pub(super) fn server(first: Vec<u8>, answer: impl FnMut(FrameHeader, &[u8], &mut Vec<u8>) + 'static) -> Self {
        Self {
            magic: MAGIC.len(),
            input: Vec::new(),
            out: first,
            answer: Box::new(answer),
            steps: VecDeque::new(),
            end: None,
            awaits: None,
            since: Timestamp::EPOCH,
            now: Timestamp::EPOCH,
            finished: false,
        }
    }

    /// A client that sends the preface and these octets, each so many nanoseconds after the ones before, and ends the
    /// connection so many after the last.
    pub(super) fn client(steps: impl IntoIterator<Item = (i64, Vec<u8>)>, end: i64) -> Self {
        let steps = steps.into_iter().collect();
        Self { magic: 0, steps, end: Some(end), ..Self::server(MAGIC.to_vec(), |_, _, _| {}) }
    }

    /// Sends these octets as well, so many nanoseconds after it has read a frame of this type.
    pub(super) fn after(mut self, frame: FrameType, nanos: i64, octets: Vec<u8>) -> Self {
        self.awaits = Some(frame);
        self.steps.push_back((nanos, octets));
        self
    }

    /// When it takes the next step, or ends the connection.
    fn next(&self) -> Option<Timestamp> {
        if self.awaits.is_some() {
            return None;
        }
        let nanos = self.steps.front().map(|(nanos, _)| *nanos).or(self.end)?;
        Some(self.since.saturating_add_nanos(nanos))
    }

    fn is_over(&self) -> bool {
        self.finished || (self.steps.is_empty() && self.end.is_some() && self.next().is_some_and(|end| end <= self.now))
    }

    /// Takes the next step if its time has come. What follows counts from now, so that however late it is, steps stay apart.
    fn advance(&mut self, now: Timestamp) {
        self.now = now;
        if self.next().is_some_and(|next| next <= now)
            && let Some((_, octets)) = self.steps.pop_front()
        {
            self.out.extend(octets);
            self.since = now;
        }
    }
}

/// What every end owes: SETTINGS and PING are acknowledged.
fn duty(header: FrameHeader, payload: &[u8], out: &mut Vec<u8>) {
    match header.kind() {
        FrameType::SETTINGS if !header.is_ack() => write::settings_ack(out),
        FrameType::PING if !header.is_ack() => {
            if let Ok(opaque) = payload.try_into() {
                write::ping(opaque, true, out);
            }
        }
        _ => {}
    }
}

impl Peer for Puppet {
    fn begin(&mut self, now: Timestamp) {
        self.since = now;
        self.advance(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.now = now;
        self.input.extend_from_slice(octets);
        let magic = self.magic.min(self.input.len());
        self.magic = self.magic.saturating_sub(magic);
        self.input.drain(..magic);
        while let Some(header) = FrameHeader::first(&self.input) {
            let length = usize::try_from(header.length()).unwrap_or(usize::MAX).saturating_add(HEADER_OCTETS);
            let Some(payload) = self.input.get(HEADER_OCTETS..length) else { break };
            duty(header, payload, &mut self.out);
            (self.answer)(header, payload, &mut self.out);
            if self.awaits.take_if(|awaited| *awaited == header.kind()).is_some() {
                self.since = now;
            }
            self.input.drain(..length);
        }
    }

    fn handle_end(&mut self, _now: Timestamp) {
        self.finished = true;
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.next().filter(|_| !self.is_over())
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.out);
    }

    fn is_finished(&self) -> bool {
        self.is_over()
    }
}
