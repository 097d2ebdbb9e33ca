//! One end of an HTTP/2 connection: its state, and what whoever uses it may ask of it (RFC 9113).
//!
//! `receive` has what it makes of the peer's frames, `send` the order in which it sends. What streams are used for is decided by
//! [`client`](super::client) and [`server`](super::server).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::bdp::{self, Estimator};
pub use super::config::Config;
use super::config::{DEFAULT_FRAME, DEFAULT_HEADER_LIST, DEFAULT_HEADER_TABLE, DEFAULT_WINDOW, LARGEST_HEADER_TABLE};
use super::fields::Fields;
use super::header_block::Block;
use super::keepalive::{self, Pinger, Strikes};
use super::lifetime::Life;
use super::stream::{Item, Stream};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::http2::hpack::{Decoder, Encoder, Limits, Scratch, Start};
use crate::http2::preface::MAGIC;
use crate::http2::settings::{Setting, SettingId};
use crate::http2::write;
use crate::time::Timestamp;

/// Which end it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The one that opened the connection.
    Client,
    /// The other one.
    Server,
}

/// What happened on the connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A header list.
    Headers {
        /// The stream.
        stream: StreamId,
        /// Well-formed, as its place in the stream demands.
        fields: Fields,
        /// Whether the peer sends nothing more on the stream.
        end: bool,
    },
    /// The content of a DATA frame. [`Connection::give_back`] its octets when they are taken.
    Data {
        /// The stream.
        stream: StreamId,
        /// Without padding.
        octets: Vec<u8>,
        /// Whether the peer sends nothing more on the stream.
        end: bool,
    },
    /// The stream is closed before its end.
    Reset {
        /// The stream.
        stream: StreamId,
        /// Why.
        code: ErrorCode,
        /// Whether the peer did it; else this end, because of what the peer sent.
        by_peer: bool,
    },
    /// The peer takes no more streams; those of this end above `last` were not processed.
    GoAway {
        /// The last stream it has processed, or might.
        last: StreamId,
        /// Why.
        code: ErrorCode,
    },
    /// The connection is over; nothing more comes from it.
    Closed {
        /// Why: this end's judgement of the peer, or `NO_ERROR` when the peer ended the connection.
        code: ErrorCode,
    },
}

/// One end of a connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) side: Side,
    pub(super) config: Config,
    pub(super) out: Vec<u8>,
    pub(super) events: VecDeque<Event>,
    pub(super) streams: BTreeMap<StreamId, Stream>,
    /// Those on which something waits to be sent.
    pub(super) queued: BTreeSet<StreamId>,
    /// What the peer grants.
    pub(super) peer: PeerSettings,
    /// Octets this end may send on the whole connection.
    pub(super) send_window: i64,
    pub(super) receive: ReceiveWindow,
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
    pub(super) scratch: Scratch,
    pub(super) estimator: Option<Estimator>,
    /// Own SETTINGS that the peer has not acknowledged: the size of its header table in each, if it is told.
    pub(super) unacknowledged: VecDeque<Option<u32>>,
    /// The next stream this end opens.
    next_stream: u32,
    /// The highest stream the peer opened.
    pub(super) last_peer_stream: StreamId,
    /// Streams this end reset, the last few: frames that were on their way are no fault of the peer.
    pub(super) reset: BTreeSet<StreamId>,
    /// The highest stream that was among them and is no longer.
    pub(super) forgotten: StreamId,
    /// The stream after which DATA goes on, so that all get their turn.
    pub(super) turn: StreamId,
    pub(super) goes_away: bool,
    pub(super) closed: bool,
    /// Octets that are no whole frame yet.
    pub(super) input: Vec<u8>,
    /// What of the preface is still to come.
    pub(super) magic: &'static [u8],
    pub(super) settings_seen: bool,
    /// Whether the peer has acknowledged the first SETTINGS of this end.
    pub(super) settings_acknowledged: bool,
    pub(super) block: Option<Block>,
    /// Frames that cost more than they bring, less those that brought something.
    pub(super) nuisance: u32,
    /// What DATA that this end has sent excuses of frames that may follow from it, at [`REPLY`](super::receive::REPLY) each.
    pub(super) excused: usize,
    /// PINGs of this end that wait for their answers.
    pub(super) pings: u32,
    /// Octets of `out` that answer frames of the peer.
    pub(super) answered: usize,
    /// Streams of the peer that have ended since `out` was fetched: it cannot know yet, so to it they are open.
    pub(super) ended: u32,
    pub(super) life: Life,
    pub(super) pinger: Option<Pinger>,
    /// Of a server.
    pub(super) strikes: Option<Strikes>,
}

/// What the peer's SETTINGS say, as far as a sender heeds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerSettings {
    pub(super) initial_window: u32,
    pub(super) max_frame: u32,
    pub(super) max_streams: u32,
    /// Advisory (§6.5.2), but no peer takes more than it says.
    pub(super) max_header_list: u32,
}

/// The window of the whole connection for octets to this end, given back as grpc-go does it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiveWindow {
    pub(super) limit: u32,
    /// Octets the peer may still send.
    pub(super) left: i64,
    /// Octets received and not given back yet.
    pub(super) used: u32,
}

impl Connection {
    /// A new connection. A client's preface waits to be sent; a server's follows the client's.
    #[must_use]
    pub fn new(side: Side, config: Config) -> Self {
        let mut connection = Self {
            side,
            out: Vec::new(),
            events: VecDeque::new(),
            streams: BTreeMap::new(),
            queued: BTreeSet::new(),
            peer: PeerSettings {
                initial_window: DEFAULT_WINDOW,
                max_frame: DEFAULT_FRAME,
                max_streams: ASSUMED_STREAMS,
                max_header_list: u32::MAX,
            },
            send_window: DEFAULT_WINDOW.into(),
            receive: ReceiveWindow { limit: DEFAULT_WINDOW, left: DEFAULT_WINDOW.into(), used: 0 },
            encoder: Encoder::new(),
            decoder: Decoder::new(Start::Known, Limits { list_octets: config.max_header_list, ..Limits::default() }),
            scratch: Scratch::new(),
            estimator: config.estimate.then(|| Estimator::new(config.initial_window.max(DEFAULT_WINDOW))),
            unacknowledged: VecDeque::new(),
            next_stream: 1,
            last_peer_stream: StreamId::CONNECTION,
            reset: BTreeSet::new(),
            forgotten: StreamId::CONNECTION,
            turn: StreamId::CONNECTION,
            goes_away: false,
            closed: false,
            input: Vec::new(),
            magic: &[],
            settings_seen: false,
            settings_acknowledged: false,
            block: None,
            nuisance: 0,
            excused: 0,
            pings: 0,
            answered: 0,
            ended: 0,
            life: Life::default(),
            pinger: config.keepalive.map(|keepalive| Pinger::new(keepalive, side)),
            strikes: config.enforcement.filter(|_| side == Side::Server).map(Strikes::new),
            config,
        };
        connection.encoder.resize(connection.config.own_header_table);
        match side {
            Side::Client => {
                connection.out.extend_from_slice(MAGIC);
                connection.preface();
            }
            Side::Server => connection.magic = MAGIC,
        }
        connection
    }

    /// SETTINGS with what differs from the defaults.
    pub(super) fn preface(&mut self) {
        let Config { initial_window, max_frame, max_streams, max_header_list, .. } = self.config;
        let header_table = self.config.header_table.min(LARGEST_HEADER_TABLE);
        let (push, streams) = match self.side {
            Side::Client => (Some(0), None),
            Side::Server => (None, Some(max_streams)),
        };
        let settings = [
            (SettingId::HEADER_TABLE_SIZE, Some(header_table).filter(|octets| *octets != DEFAULT_HEADER_TABLE)),
            (SettingId::ENABLE_PUSH, push),
            (SettingId::MAX_CONCURRENT_STREAMS, streams),
            (SettingId::INITIAL_WINDOW_SIZE, Some(initial_window).filter(|octets| *octets != DEFAULT_WINDOW)),
            (SettingId::MAX_FRAME_SIZE, Some(max_frame).filter(|octets| *octets != DEFAULT_FRAME)),
            (SettingId::MAX_HEADER_LIST_SIZE, Some(max_header_list).filter(|octets| *octets != DEFAULT_HEADER_LIST)),
        ];
        let told: Vec<Setting> =
            settings.into_iter().filter_map(|(id, value)| Some(Setting { id, value: value? })).collect();
        self.announce(&told);
    }

    pub(super) fn announce(&mut self, settings: &[Setting]) {
        write::settings(settings, &mut self.out);
        let table = settings.iter().rev().find(|setting| setting.id == SettingId::HEADER_TABLE_SIZE);
        self.unacknowledged.push_back(table.map(|setting| setting.value));
    }

    /// Tells the peer how many octets its header table may have from now on, 1 MiB at most.
    pub fn resize_header_table(&mut self, octets: u32) {
        if !self.closed && self.magic.is_empty() {
            let value = octets.min(LARGEST_HEADER_TABLE);
            self.announce(&[Setting { id: SettingId::HEADER_TABLE_SIZE, value }]);
        }
    }

    /// Keeps a header table of so many octets for what this end sends, from the next header list on; the peer's setting bounds it.
    pub fn resize_own_header_table(&mut self, octets: u32) {
        self.encoder.resize(octets);
    }

    /// Whether the peer takes a header list of this size.
    #[must_use]
    pub fn takes_list(&self, fields: &Fields) -> bool {
        fields.list_octets() <= u64::from(self.peer.max_header_list)
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether another stream may be opened now.
    #[must_use]
    pub fn can_open(&self) -> bool {
        let open = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        !self.closed && !self.goes_away && open < self.peer.max_streams && self.next_stream < MAX_STREAM
    }

    /// Whether the peer's SETTINGS have come: it speaks HTTP/2.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.settings_seen
    }

    /// Whether no stream will ever be opened again.
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        self.closed || self.goes_away || self.next_stream >= MAX_STREAM
    }

    /// Whether everything this end asked for was answered: its SETTINGS and its PING.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.unacknowledged.is_empty() && !self.estimator.as_ref().is_some_and(Estimator::is_waiting)
    }

    /// Whether the connection has failed or ended, so that nothing but what [`poll_transmit`](Self::poll_transmit) has left is sent.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// The memory held, in octets: what waits to be sent, to be whole, or to be fetched, and the header tables.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let events = self.events.iter().map(|event| match event {
            Event::Headers { fields, .. } => fields.held_bytes(),
            Event::Data { octets, .. } => octets.capacity(),
            _ => 0,
        });
        let tables = [self.encoder.held_bytes(), self.decoder.held_bytes(), self.scratch.held_bytes()];
        let block = self.block.as_ref().map_or(0, Block::held_bytes);
        let streams = self.streams.values().map(Stream::held_bytes);
        let all = events.chain(tables).chain(streams).chain([self.out.capacity(), self.input.capacity(), block]);
        all.fold(std::mem::size_of::<Self>(), usize::saturating_add)
    }

    /// Opens a stream with its header list; `None` unless [`can_open`](Self::can_open). For clients.
    pub fn open(&mut self, fields: &Fields) -> Option<StreamId> {
        if !self.can_open() {
            return None;
        }
        let stream = StreamId(self.next_stream);
        self.next_stream = self.next_stream.saturating_add(2);
        let new = Stream::new(self.peer.initial_window.into(), self.stream_window().into());
        self.streams.insert(stream, new);
        self.write_headers(stream, fields, false);
        let now = self.life.now;
        if self.pinger.as_mut().is_some_and(|pinger| pinger.stream_opened(now)) {
            self.write_ping(keepalive::PING);
        }
        Some(stream)
    }

    /// Whether this end has opened the stream, now or before.
    pub(super) const fn has_opened(&self, stream: StreamId) -> bool {
        stream.0 < self.next_stream
    }

    /// The window that new streams give the peer.
    pub(super) fn stream_window(&self) -> u32 {
        self.config.initial_window
    }

    /// Sends a header list: at once if it is the first of the stream, else behind the octets that wait. `end` closes this half.
    pub fn send_headers(&mut self, stream: StreamId, fields: Fields, end: bool) {
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.sending) else { return };
        if end && !state.queue.is_empty() {
            state.queue.push_back(Item::Trailers(fields));
            self.queued.insert(stream);
        } else {
            self.write_headers(stream, &fields, end);
        }
    }

    /// Sends octets as windows and turns allow. `end` closes this half of the stream.
    pub fn send_data(&mut self, stream: StreamId, octets: Vec<u8>, end: bool) {
        if let Some(state) = self.streams.get_mut(&stream).filter(|state| state.sending) {
            state.queue.push_back(Item::Data { octets, sent: 0, end });
            self.queued.insert(stream);
        }
    }

    /// Octets that wait for a window or their turn, on one stream.
    #[must_use]
    pub fn queued(&self, stream: StreamId) -> usize {
        self.streams.get(&stream).map_or(0, Stream::queued)
    }

    /// Whether so much waits for a window or its turn, on one stream, that more should wait elsewhere.
    #[must_use]
    pub fn is_behind(&self, stream: StreamId) -> bool {
        self.streams.get(&stream).is_some_and(Stream::is_behind)
    }

    /// Whether this half of the stream is still open.
    #[must_use]
    pub fn is_sending(&self, stream: StreamId) -> bool {
        self.streams.get(&stream).is_some_and(|state| state.sending)
    }

    /// Closes the stream at once.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode) {
        if self.forget(stream).is_some() {
            write::rst_stream(stream, code, &mut self.out);
            self.remember_reset(stream);
        }
    }

    /// The stream is closed.
    pub(super) fn forget(&mut self, stream: StreamId) -> Option<Stream> {
        self.queued.remove(&stream);
        self.streams.remove(&stream)
    }

    pub(super) fn remember_reset(&mut self, stream: StreamId) {
        self.reset.insert(stream);
        if self.reset.len() > REMEMBERED_RESETS
            && let Some(first) = self.reset.pop_first()
        {
            self.forgotten = self.forgotten.max(first);
        }
    }

    /// The application has taken this many octets of the stream: the peer may send as many more, told it a quarter of
    /// the window at a time, as grpc-go does.
    pub fn give_back(&mut self, stream: StreamId, octets: usize) {
        let limit = self.stream_window();
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.receiving) else { return };
        state.taken = state.taken.saturating_add(u32::try_from(octets).unwrap_or(u32::MAX));
        if state.taken >= limit / 4 && state.taken > 0 {
            let taken = std::mem::take(&mut state.taken);
            state.receive_window = state.receive_window.saturating_add(taken.into());
            write::window_update(stream, taken, &mut self.out);
        }
    }

    /// The peer will send nothing more.
    pub fn handle_end(&mut self) {
        self.close(ErrorCode::NO_ERROR, "the connection ended");
    }

    /// PING for the estimator, behind all the window that can be given back, so that it measures nothing else.
    pub(super) fn probe(&mut self) {
        let used = std::mem::take(&mut self.receive.used);
        self.grant(used);
        self.write_ping(bdp::PING);
    }

    /// Gives the peer more room on the connection.
    pub(super) fn grant(&mut self, octets: u32) {
        if octets > 0 {
            self.receive.left = self.receive.left.saturating_add(octets.into());
            write::window_update(StreamId::CONNECTION, octets, &mut self.out);
        }
    }

    /// The answer to the estimator's PING: perhaps larger windows, from now on.
    pub(super) fn probe_answered(&mut self, now: Timestamp) {
        let Some(window) = self.estimator.as_mut().and_then(|estimator| estimator.answer(now)) else { return };
        self.grant(window.saturating_sub(self.receive.limit));
        self.receive.limit = window;
        let more = i64::from(window).saturating_sub(self.config.initial_window.into());
        for state in self.streams.values_mut() {
            state.receive_window = state.receive_window.saturating_add(more);
        }
        self.config.initial_window = window;
        self.announce(&[Setting { id: SettingId::INITIAL_WINDOW_SIZE, value: window }]);
    }
}

/// Streams opened at most before the peer says how many it takes.
const ASSUMED_STREAMS: u32 = 100;
/// The highest stream number.
const MAX_STREAM: u32 = 0x7fff_ffff;
/// Streams remembered as reset.
const REMEMBERED_RESETS: usize = 256;
