//! What an endpoint makes of the peer's frames, and what it answers to those that must not be (RFC 9113 §5.4, §6, §10.5).

use super::bdp;
use super::connection::{Connection, Event, Side};
use super::header_block::Block;
use super::keepalive::TOO_MANY_PINGS;
use super::lifetime::{GoneAway, STOP_PING};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::{FrameHeader, FrameType, HEADER_OCTETS, StreamId};
use crate::http2::payload::{Fault, Payload, parse};
use crate::http2::settings::{Setting, SettingId, Settings};
use crate::http2::write;
use crate::time::Timestamp;

/// How far a fault reaches (§5.4).
pub(super) enum Wrong {
    /// The connection ends, and the peer is told this.
    Connection(ErrorCode, &'static str),
    /// The stream ends.
    Stream(StreamId, ErrorCode),
}

pub(super) type Judged = Result<(), Wrong>;

pub(super) const fn broken(words: &'static str) -> Wrong {
    Wrong::Connection(ErrorCode::PROTOCOL_ERROR, words)
}

pub(super) const fn nuisance(words: &'static str) -> Wrong {
    Wrong::Connection(ErrorCode::ENHANCE_YOUR_CALM, words)
}

impl Connection {
    /// Takes octets of the peer, cut anywhere.
    pub fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        if self.closed || octets.is_empty() {
            return;
        }
        self.advance(now);
        self.pinger.iter_mut().for_each(|pinger| pinger.read(now));
        let mut input = std::mem::take(&mut self.input);
        let mut rest = if input.is_empty() {
            octets
        } else {
            input.extend_from_slice(octets);
            input.as_slice()
        };
        if let Err((code, words)) = self.read(now, &mut rest) {
            self.fail(code, words);
        } else if rest.len() < input.len() || input.is_empty() {
            // Nothing is kept of what was read, also not its room: most connections rest most of the time.
            self.input = rest.to_vec();
        } else {
            self.input = input;
        }
        self.settle();
    }

    fn read(&mut self, now: Timestamp, rest: &mut &[u8]) -> Result<(), (ErrorCode, &'static str)> {
        if !self.magic.is_empty() {
            let present = rest.len().min(self.magic.len());
            let (expected, to_come) = self.magic.split_at_checked(present).unwrap_or_default();
            let (found, after) = rest.split_at_checked(present).unwrap_or_default();
            if expected != found {
                return Err((ErrorCode::PROTOCOL_ERROR, "the client connection preface is not HTTP/2's"));
            }
            (self.magic, *rest) = (to_come, after);
            if !to_come.is_empty() {
                return Ok(());
            }
            self.preface();
        }
        while let Some(header) = FrameHeader::first(rest) {
            if header.length() > self.config.max_frame {
                return Err((ErrorCode::FRAME_SIZE_ERROR, "a frame is longer than SETTINGS_MAX_FRAME_SIZE"));
            }
            let length = usize::try_from(header.length()).unwrap_or(usize::MAX);
            let Some(payload) = rest.get(HEADER_OCTETS..length.saturating_add(HEADER_OCTETS)) else { break };
            let before = self.out.len();
            match self.frame(now, header, payload) {
                Ok(()) => {}
                Err(Wrong::Connection(code, words)) => return Err((code, words)),
                Err(Wrong::Stream(stream, code)) => self.fail_stream(stream, code),
            }
            self.answered = self.answered.saturating_add(self.out.len().saturating_sub(before));
            if self.answered > self.config.bounds.unfetched {
                return Err((ErrorCode::ENHANCE_YOUR_CALM, "too many frames that ask for an answer"));
            }
            if self.nuisance > self.config.bounds.nuisances {
                return Err((ErrorCode::ENHANCE_YOUR_CALM, "too many frames that bring nothing"));
            }
            *rest = rest.get(length.saturating_add(HEADER_OCTETS)..).unwrap_or_default();
        }
        Ok(())
    }

    /// The connection ends because of what the peer did.
    fn fail(&mut self, code: ErrorCode, words: &'static str) {
        self.write_go_away(code, words.as_bytes());
        self.close(code, words);
    }

    /// The stream ends because of what the peer did.
    fn fail_stream(&mut self, stream: StreamId, code: ErrorCode) {
        self.nuisance = self.nuisance.saturating_add(1);
        write::rst_stream(stream, code, &mut self.out);
        self.remember_reset(stream);
        if self.forget(stream).is_some() {
            self.events.push_back(Event::Reset { stream, code, by_peer: false });
        }
    }

    fn frame(&mut self, now: Timestamp, header: FrameHeader, octets: &[u8]) -> Judged {
        let kind = header.kind();
        if self.block.is_some() && kind != FrameType::CONTINUATION {
            return Err(broken("a frame stands inside a header block"));
        }
        if !self.settings_seen && (kind != FrameType::SETTINGS || header.is_ack()) {
            return Err(broken("the first frame is not SETTINGS"));
        }
        let (payload, fault) = parse(header, octets);
        if let Some(fault) = fault {
            return Err(match (fault, kind) {
                (Fault::Padding { .. }, _) => broken("padding does not fit"),
                // §6.3: the stream pays for its own PRIORITY.
                (Fault::Length { .. }, FrameType::PRIORITY) => {
                    Wrong::Stream(header.stream(), ErrorCode::FRAME_SIZE_ERROR)
                }
                (Fault::Length { .. }, _) => {
                    Wrong::Connection(ErrorCode::FRAME_SIZE_ERROR, "a frame has a length that its type does not allow")
                }
            });
        }
        let stream = header.stream();
        match kind {
            FrameType::SETTINGS | FrameType::PING | FrameType::GOAWAY if stream != StreamId::CONNECTION => {
                return Err(broken("a frame about the connection names a stream"));
            }
            FrameType::DATA
            | FrameType::HEADERS
            | FrameType::PRIORITY
            | FrameType::RST_STREAM
            | FrameType::CONTINUATION
                if stream == StreamId::CONNECTION =>
            {
                return Err(broken("a frame about a stream names none"));
            }
            _ => {}
        }
        match payload {
            Payload::Data { data, .. } => self.data(now, header, data),
            Payload::Headers { fragment, .. } => {
                self.fragment(Block::new(stream, header.ends_stream()), header, fragment)
            }
            Payload::Continuation { fragment } => match self.block.take() {
                Some(block) if block.stream == stream => {
                    self.nuisance = self.nuisance.saturating_add(1);
                    self.fragment(block, header, fragment)
                }
                _ => Err(broken("CONTINUATION continues no header block")),
            },
            Payload::RstStream(code) => self.peer_resets(stream, code),
            Payload::Settings(_) if header.is_ack() => {
                self.settings_acknowledged = true;
                match self.unacknowledged.pop_front() {
                    Some(Some(octets)) => self.decoder.set_size_limit(octets),
                    Some(None) => {}
                    None => self.nuisance = self.nuisance.saturating_add(1),
                }
                Ok(())
            }
            Payload::Settings(settings) => self.settings(settings),
            Payload::PushPromise { promised, fragment, .. } => self.push_promise(header, promised, fragment),
            Payload::Ping(opaque) => {
                if !header.is_ack() {
                    self.follows_from_data();
                    write::ping(opaque, true, &mut self.out);
                    let has_streams = !self.streams.is_empty();
                    if self.strikes.as_mut().is_some_and(|strikes| strikes.ping(now, has_streams)) {
                        return Err(nuisance(TOO_MANY_PINGS));
                    }
                    return Ok(());
                }
                match self.pings.checked_sub(1) {
                    Some(pings) => self.pings = pings,
                    None => self.nuisance = self.nuisance.saturating_add(1),
                }
                if opaque == STOP_PING {
                    self.stop_answered();
                } else if opaque == bdp::PING {
                    self.probe_answered(now);
                }
                Ok(())
            }
            Payload::GoAway { last_stream, error, debug_data } => self.peer_goes_away(last_stream, error, debug_data),
            Payload::WindowUpdate { increment } => self.window_update(stream, increment),
            // Deprecated, unknown or of no use to gRPC: ignored (§5.5), but not without end.
            _ => {
                self.nuisance = self.nuisance.saturating_add(1);
                Ok(())
            }
        }
    }

    fn peer_goes_away(&mut self, last: StreamId, code: ErrorCode, debug_data: &[u8]) -> Judged {
        // What was refused before stays refused (§6.8).
        let last = self.life.gone_away.as_ref().map_or(last, |before| before.last.min(last));
        let debug_data = debug_data.get(..LONGEST_DEBUG).unwrap_or(debug_data).to_vec();
        self.life.gone_away = Some(GoneAway { last, code, debug_data });
        self.nuisance = self.nuisance.saturating_add(1);
        if self.side == Side::Client {
            self.goes_away = true;
            let dropped = self.streams.range(StreamId(last.0.saturating_add(1))..).map(|(stream, _)| *stream);
            for stream in dropped.collect::<Vec<_>>() {
                self.forget(stream);
                self.remember_reset(stream);
            }
        }
        self.events.push_back(Event::GoAway { last, code });
        Ok(())
    }

    /// Whether the stream has never been opened (§5.1, idle).
    pub(super) fn is_idle(&self, stream: StreamId) -> bool {
        match self.side {
            // Pushed streams are refused, but what was on its way is no fault.
            Side::Client if !stream.is_client_initiated() => !self.reset.contains(&stream),
            Side::Client => !self.has_opened(stream),
            Side::Server => !stream.is_client_initiated() || stream > self.last_peer_stream,
        }
    }

    fn data(&mut self, now: Timestamp, header: FrameHeader, data: &[u8]) -> Judged {
        let (stream, length) = (header.stream(), header.length());
        if self.is_idle(stream) {
            return Err(broken("DATA on a stream that was never opened"));
        }
        // The window counts the whole payload, on whatever stream it is (§6.9).
        self.receive.left = self.receive.left.saturating_sub(length.into());
        if self.receive.left < 0 {
            return Err(Wrong::Connection(
                ErrorCode::FLOW_CONTROL_ERROR,
                "more DATA than the window of the connection allows",
            ));
        }
        self.receive.used = self.receive.used.saturating_add(length);
        if length > 0 && self.estimator.as_mut().is_some_and(|estimator| estimator.data(now, length)) {
            self.probe();
        } else if self.receive.used >= self.receive.limit / 4 {
            let used = std::mem::take(&mut self.receive.used);
            self.grant(used);
        }
        if data.is_empty() && !header.ends_stream() {
            self.nuisance = self.nuisance.saturating_add(1);
        }
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.receiving) else {
            return self.late(stream);
        };
        if !state.begun {
            return Err(Wrong::Stream(stream, ErrorCode::PROTOCOL_ERROR));
        }
        state.receive_window = state.receive_window.saturating_sub(length.into());
        if state.receive_window < 0 {
            return Err(Wrong::Stream(stream, ErrorCode::FLOW_CONTROL_ERROR));
        }
        if !state.content(data.len(), header.ends_stream()) {
            return Err(Wrong::Stream(stream, ErrorCode::PROTOCOL_ERROR));
        }
        let padding = usize::try_from(length).unwrap_or(0).saturating_sub(data.len());
        self.give_back(stream, padding);
        let end = header.ends_stream();
        self.events.push_back(Event::Data { stream, octets: data.to_vec(), end });
        if end {
            self.peer_ends(stream);
        }
        Ok(())
    }

    /// A frame for a half of a stream that has ended.
    pub(super) fn late(&self, stream: StreamId) -> Judged {
        if self.reset.contains(&stream) {
            return Ok(());
        }
        // Perhaps it was reset long ago; nobody is blamed for what was forgotten here.
        if stream <= self.forgotten && !self.streams.contains_key(&stream) {
            return Ok(());
        }
        if self.streams.contains_key(&stream) {
            return Err(Wrong::Stream(stream, ErrorCode::STREAM_CLOSED));
        }
        Err(Wrong::Connection(ErrorCode::STREAM_CLOSED, "a frame for a stream that has ended"))
    }

    pub(super) fn peer_ends(&mut self, stream: StreamId) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.receiving = false;
            if state.is_closed() {
                self.forget(stream);
                self.nuisance = self.nuisance.saturating_sub(1);
            }
        }
    }

    fn peer_resets(&mut self, stream: StreamId, code: ErrorCode) -> Judged {
        if self.is_idle(stream) {
            return Err(broken("RST_STREAM for a stream that was never opened"));
        }
        self.nuisance = self.nuisance.saturating_add(1);
        if self.forget(stream).is_some() {
            self.events.push_back(Event::Reset { stream, code, by_peer: true });
        } else {
            // Perhaps its answer waits to be fetched: to the peer it is open no longer.
            self.ended = self.ended.saturating_sub(1);
        }
        Ok(())
    }

    fn settings(&mut self, settings: Settings<'_>) -> Judged {
        if std::mem::replace(&mut self.settings_seen, true) {
            self.nuisance = self.nuisance.saturating_add(1);
        } else {
            // From now on silence about the number of streams means any number.
            self.peer.max_streams = u32::MAX;
        }
        // The windows of all streams move once, however often one frame says how large they are.
        let mut windows: Option<(u32, u32)> = None;
        for Setting { id, value } in settings {
            match id {
                SettingId::ENABLE_PUSH if value > 1 => return Err(broken("SETTINGS_ENABLE_PUSH is neither 0 nor 1")),
                SettingId::HEADER_TABLE_SIZE => self.encoder.set_size_limit(value),
                SettingId::MAX_CONCURRENT_STREAMS => self.peer.max_streams = value,
                SettingId::INITIAL_WINDOW_SIZE => {
                    let largest = windows.map_or(value, |(largest, _)| largest.max(value));
                    windows = Some((largest, value));
                }
                SettingId::MAX_FRAME_SIZE if !(16_384..=0xff_ffff).contains(&value) => {
                    return Err(broken("SETTINGS_MAX_FRAME_SIZE is not within 16384 and 2^24-1"));
                }
                SettingId::MAX_FRAME_SIZE => self.peer.max_frame = value,
                SettingId::MAX_HEADER_LIST_SIZE => self.peer.max_header_list = value,
                _ => {}
            }
        }
        if let Some((largest, value)) = windows {
            self.initial_window(largest, value)?;
        }
        write::settings_ack(&mut self.out);
        Ok(())
    }

    /// All streams' windows move with the setting (§6.9.2), which was `largest` on the way.
    fn initial_window(&mut self, largest: u32, value: u32) -> Judged {
        const TOO_LARGE: Wrong = Wrong::Connection(ErrorCode::FLOW_CONTROL_ERROR, "a window grows beyond 2^31-1");
        if i64::from(largest) > MAX_WINDOW {
            return Err(TOO_LARGE);
        }
        let before = i64::from(self.peer.initial_window);
        let more = |setting: u32| i64::from(setting).saturating_sub(before);
        self.peer.initial_window = value;
        for state in self.streams.values_mut() {
            if state.send_window.saturating_add(more(largest)) > MAX_WINDOW {
                return Err(TOO_LARGE);
            }
            state.send_window = state.send_window.saturating_add(more(value));
        }
        Ok(())
    }

    /// A frame that a receiver of DATA sends, WINDOW_UPDATE or the PING of an estimator: a nuisance where there was no such DATA.
    fn follows_from_data(&mut self) {
        match self.excused.checked_sub(REPLY) {
            Some(rest) => self.excused = rest,
            None => self.nuisance = self.nuisance.saturating_add(1),
        }
    }

    fn window_update(&mut self, stream: StreamId, increment: u32) -> Judged {
        self.follows_from_data();
        if stream == StreamId::CONNECTION {
            self.send_window = self.send_window.saturating_add(increment.into());
            return match (increment, self.send_window) {
                (0, _) => Err(broken("WINDOW_UPDATE by 0")),
                (_, window) if window > MAX_WINDOW => {
                    Err(Wrong::Connection(ErrorCode::FLOW_CONTROL_ERROR, "a window grows beyond 2^31-1"))
                }
                _ => Ok(()),
            };
        }
        if self.is_idle(stream) {
            return Err(broken("WINDOW_UPDATE for a stream that was never opened"));
        }
        // It may have crossed the end of the stream.
        let Some(state) = self.streams.get_mut(&stream) else { return Ok(()) };
        state.send_window = state.send_window.saturating_add(increment.into());
        match (increment, state.send_window) {
            (0, _) => Err(Wrong::Stream(stream, ErrorCode::PROTOCOL_ERROR)),
            (_, window) if window > MAX_WINDOW => Err(Wrong::Stream(stream, ErrorCode::FLOW_CONTROL_ERROR)),
            _ => Ok(()),
        }
    }
}

/// Octets of DATA that excuse one frame which follows from them: nobody gives back less at a time, on the whole.
pub(super) const REPLY: usize = 64;
/// The largest window (§6.9.1).
const MAX_WINDOW: i64 = 0x7fff_ffff;
/// Octets kept of what a GOAWAY says in words.
const LONGEST_DEBUG: usize = 1 << 10;
