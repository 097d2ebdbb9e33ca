//! In which order an endpoint sends: streams take turns, and DATA waits for its windows (RFC 9113 §5.2, §6.9; RFC 7541 §7.1).

use std::ops::Bound::{Excluded, Unbounded};

use super::connection::{Connection, Side};
use super::fields::Fields;
use super::keepalive::Strikes;
use super::receive::REPLY;
use super::stream::Item;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::http2::hpack::{How, Huffman, Indexing};
use crate::http2::write;

impl Connection {
    /// Appends what is to be sent, a bounded piece at a time; nothing when all of it waits for the peer.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        let mut progress = false;
        while self.out.len() < PIECE && self.next_item() {
            progress = true;
        }
        self.settle_fetched(progress);
        (self.answered, self.ended) = (0, 0);
        out.append(&mut self.out);
        self.out.shrink_to(KEPT);
    }

    /// Writes the next DATA frame or trailers; `false` when there is none or no window.
    fn next_item(&mut self) -> bool {
        let window = self.send_window;
        let ready = |stream: &StreamId| match self.streams.get(stream).map(|state| (state, state.queue.front())) {
            None | Some((_, None)) => false,
            Some((_, Some(Item::Trailers(_)))) => true,
            Some((state, Some(Item::Data { octets, sent, .. }))) => {
                *sent == octets.len() || state.send_window.min(window) > 0
            }
        };
        let after = self.queued.range((Excluded(self.turn), Unbounded)).copied().find(ready);
        let Some(stream) = after.or_else(|| self.queued.iter().copied().find(ready)) else { return false };
        self.turn = stream;
        self.strikes.iter_mut().for_each(Strikes::forgive);
        self.write_item(stream);
        if self.streams.get(&stream).is_none_or(|state| state.queue.is_empty()) {
            self.queued.remove(&stream);
        }
        true
    }

    fn write_item(&mut self, stream: StreamId) {
        let Some(state) = self.streams.get_mut(&stream) else { return };
        match state.queue.pop_front() {
            None => {}
            Some(Item::Trailers(fields)) => self.write_headers(stream, &fields, true),
            Some(Item::Data { octets, mut sent, end }) => {
                let window = usize::try_from(state.send_window.min(self.send_window)).unwrap_or(0);
                let rest = octets.get(sent..).unwrap_or_default();
                let most = rest.len().min(window).min(self.peer.max_frame.try_into().unwrap_or(usize::MAX));
                let piece = rest.get(..most).unwrap_or(rest);
                let is_last = piece.len() == rest.len();
                write::data(stream, piece, end && is_last, &mut self.out);
                self.excused = self.excused.saturating_add(most).saturating_add(EACH_DATA).min(MOST_EXCUSED);
                let used = i64::try_from(most).unwrap_or(i64::MAX);
                state.send_window = state.send_window.saturating_sub(used);
                self.send_window = self.send_window.saturating_sub(used);
                if !is_last {
                    sent = sent.saturating_add(most);
                    state.queue.push_front(Item::Data { octets, sent, end });
                } else if end {
                    self.half_close(stream);
                }
            }
        }
    }

    pub(super) fn write_ping(&mut self, opaque: [u8; 8]) {
        self.pings = self.pings.saturating_add(1);
        write::ping(opaque, false, &mut self.out);
    }

    pub(super) fn write_headers(&mut self, stream: StreamId, fields: &Fields, end: bool) {
        self.strikes.iter_mut().for_each(Strikes::forgive);
        let mut block = Vec::new();
        let mut encoder = self.encoder.block(&mut block);
        for (name, value) in &fields.0 {
            let is_sensitive = self.config.sensitive.iter().any(|secret| secret.as_bytes() == name);
            let indexing = if is_sensitive { Indexing::Never } else { indexing(name) };
            encoder.field_with(name, value, How { indexing, huffman: Huffman::Shorter });
        }
        let max_frame = self.peer.max_frame.try_into().unwrap_or(usize::MAX);
        write::headers(stream, &block, end, max_frame, &mut self.out);
        if end {
            self.half_close(stream);
        }
    }

    /// This end sends nothing more on the stream.
    fn half_close(&mut self, stream: StreamId) {
        if let Some(state) = self.streams.get_mut(&stream) {
            self.ended = self.ended.saturating_add(1);
            state.sending = false;
            state.queue.clear();
            self.queued.remove(&stream);
            if state.is_closed() {
                self.forget(stream);
                self.nuisance = self.nuisance.saturating_sub(1);
            } else if self.side == Side::Server {
                // The answer is whole: the rest of the request is of no use, and must not hold the stream open (§8.1).
                self.reset(stream, ErrorCode::NO_ERROR);
            }
        }
    }
}

/// Secrets never enter a table, and no intermediary may put them there (RFC 7541 §7.1.3); a time that differs with each
/// call would only push others out.
fn indexing(name: &[u8]) -> Indexing {
    match name {
        b"authorization" | b"cookie" | b"proxy-authorization" => Indexing::Never,
        b"grpc-timeout" => Indexing::Without,
        _ if SECRETS.iter().any(|word| name.windows(word.len()).any(|part| part == *word)) => Indexing::Never,
        _ => Indexing::Incremental,
    }
}

/// Words in the names of secrets: `x-api-key`, `x-auth-token`, `client-secret`.
const SECRETS: [&[u8]; 6] = [b"api-key", b"apikey", b"token", b"secret", b"password", b"credential"];

/// What each DATA frame excuses beside its octets: two WINDOW_UPDATEs, a PING, and one more.
const EACH_DATA: usize = 4 * REPLY;
/// What is excused at the most.
const MOST_EXCUSED: usize = 16 << 20;
/// Octets of room that is kept although nothing is to be sent.
const KEPT: usize = 4 << 10;
/// Octets after which no further DATA frame is written before they are fetched.
const PIECE: usize = 64 << 10;
