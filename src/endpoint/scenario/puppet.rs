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
    /// What is sent, by nanoseconds since the beginning.
    times: VecDeque<(i64, Vec<u8>)>,
    /// Nanoseconds after which it ends the connection.
    end: Option<i64>,
    began: Timestamp,
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
            times: VecDeque::new(),
            end: None,
            began: Timestamp::EPOCH,
            now: Timestamp::EPOCH,
            finished: false,
        }
    }

    /// A client that sends the preface and these octets at these times, in nanoseconds, and ends the connection.
    pub(super) fn client(times: impl IntoIterator<Item = (i64, Vec<u8>)>, end: i64) -> Self {
        Self { magic: 0, end: Some(end), ..Self::server(MAGIC.to_vec(), |_, _, _| {}) }.at(times)
    }

    /// Sends these octets at these times as well, in nanoseconds.
    pub(super) fn at(mut self, times: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Self {
        self.times.extend(times);
        self
    }

    fn is_over(&self) -> bool {
        self.finished || self.end.is_some_and(|end| self.began.saturating_add_nanos(end) <= self.now)
    }

    fn advance(&mut self, now: Timestamp) {
        self.now = now;
        while self.times.front().is_some_and(|(at, _)| self.began.saturating_add_nanos(*at) <= now) {
            self.out.extend(self.times.pop_front().into_iter().flat_map(|(_, octets)| octets));
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
        self.began = now;
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
        let next = self.times.front().map(|(at, _)| *at).or(self.end)?;
        Some(self.began.saturating_add_nanos(next)).filter(|_| !self.is_over())
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.out);
    }

    fn is_finished(&self) -> bool {
        self.is_over()
    }
}
