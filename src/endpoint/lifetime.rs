//! How long a connection lives: how it begins, ages, is stopped, and what ends it when nothing comes (RFC 9113 §6.8; gRFC A9).
//!
//! All of it by the time that is passed in. Who stops a server, and when, is decided by whoever runs it.

use std::time::Duration;

use super::connection::{Connection, Event, Side};
use super::keepalive::{self, Due, nanos};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::http2::hpack::{Decoder, Encoder, Limits, Scratch, Start};
use crate::http2::write;
use crate::time::Timestamp;

/// The payload of the PING between the two GOAWAYs of a graceful stop, as in grpc-go.
pub const STOP_PING: [u8; 8] = [1, 6, 1, 8, 0, 3, 3, 9];

/// How long a connection may live. All of it is unlimited by default, but for the handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetime {
    /// How long the peer may take for its preface and SETTINGS. Default 120 s, as grpc-go's servers.
    pub handshake: Option<Duration>,
    /// How long a server keeps a connection without calls; then it is stopped gracefully (MAX_CONNECTION_IDLE).
    pub max_idle: Option<Duration>,
    /// How old a server lets a connection become; then it is stopped gracefully (MAX_CONNECTION_AGE). To spread
    /// the ends of connections that began together, see [`jittered`].
    pub max_age: Option<Duration>,
    /// How long after that calls may go on (MAX_CONNECTION_AGE_GRACE).
    pub max_age_grace: Option<Duration>,
    /// How long octets may wait for a peer that grants no window, or for whoever moves octets, with nothing
    /// sent in the meantime; then the connection is given up.
    pub stall: Option<Duration>,
}

impl Default for Lifetime {
    fn default() -> Self {
        Self {
            handshake: Some(Duration::from_secs(120)),
            max_idle: None,
            max_age: None,
            max_age_grace: None,
            stall: None,
        }
    }
}

/// A duration up to a tenth shorter or longer, as `random` has it: its whole range is spread over that.
#[must_use]
pub fn jittered(duration: Duration, random: u32) -> Duration {
    let part = f64::from(random) / f64::from(u32::MAX);
    duration.mul_f64(0.9 + 0.2 * part)
}

/// The GOAWAY of the peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GoneAway {
    /// The last stream that it has processed, or might.
    pub last: StreamId,
    /// Why.
    pub code: ErrorCode,
    /// In words, perhaps.
    pub debug_data: Vec<u8>,
}

/// Where a connection is in its life.
#[derive(Debug, Default)]
pub(super) struct Life {
    began: Option<Timestamp>,
    /// The latest time heard of.
    pub(super) now: Timestamp,
    idle_since: Option<Timestamp>,
    stalled_since: Option<Timestamp>,
    /// Whether these two were set when the time was not told: they may be too early.
    guessed: bool,
    /// When nuisances were last forgiven.
    forgiven_until: Timestamp,
    stop: Stop,
    /// When calls that go on in spite of a stop are ended.
    grace: Option<Timestamp>,
    /// What the last GOAWAY of this end said: another may not say more (§6.8).
    promised: Option<StreamId>,
    pub(super) gone_away: Option<GoneAway>,
    pub(super) why: Option<&'static str>,
}

/// How far a graceful stop has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stop {
    #[default]
    None,
    /// The first GOAWAY is sent; the final one follows when its PING is answered, or at this time.
    Announced(Timestamp, &'static str),
    /// The final GOAWAY is sent.
    Final,
}

impl Connection {
    /// The connection is there. Without this it begins with the first octets.
    pub fn begin(&mut self, now: Timestamp) {
        if self.life.began.is_none() {
            self.life.began = Some(now);
            self.life.now = now;
            self.life.idle_since = Some(now);
            self.life.forgiven_until = now;
            self.pinger.iter_mut().for_each(|pinger| pinger.begin(now));
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.closed {
            return None;
        }
        let (life, limits) = (&self.life, &self.config.lifetime);
        let after =
            |since: Option<Timestamp>, duration: Option<Duration>| Some(since?.saturating_add_nanos(nanos(duration?)));
        let runs = self.side == Side::Server && life.stop == Stop::None;
        let stop = match life.stop {
            Stop::Announced(until, _) => Some(until),
            Stop::None | Stop::Final => None,
        };
        [
            after(life.began, limits.handshake).filter(|_| !self.settings_seen),
            after(life.idle_since, limits.max_idle).filter(|_| runs),
            after(life.began, limits.max_age).filter(|_| runs),
            after(life.stalled_since, limits.stall),
            stop,
            life.grace,
            self.pinger.as_ref().and_then(keepalive::Pinger::poll_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what the time asks for.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
        if self.closed {
            return;
        }
        let limits = self.config.lifetime;
        let passed = |since: Option<Timestamp>, duration: Option<Duration>| {
            since.zip(duration).is_some_and(|(since, duration)| since.saturating_add_nanos(nanos(duration)) <= now)
        };
        if !self.settings_seen && passed(self.life.began, limits.handshake) {
            return self.give_up("the peer did not begin the connection in time");
        }
        if passed(self.life.stalled_since, limits.stall) {
            return self.give_up("the peer took nothing for too long");
        }
        if self.life.grace.is_some_and(|grace| grace <= now) {
            return self.give_up("the connection is too old");
        }
        let has_streams = !self.streams.is_empty();
        match self.pinger.as_mut().map(|pinger| pinger.handle_timeout(now, has_streams)) {
            Some(Due::Dead) => return self.give_up("keepalive ping failed to receive ACK within timeout"),
            Some(Due::Ping) => self.write_ping(keepalive::PING),
            Some(Due::Nothing) | None => {}
        }
        match self.life.stop {
            Stop::None if self.side == Side::Client => {}
            Stop::None if passed(self.life.began, limits.max_age) => {
                self.life.grace = limits.max_age_grace.map(|grace| now.saturating_add_nanos(nanos(grace)));
                self.stop_gracefully(now, "max_age");
            }
            Stop::None if passed(self.life.idle_since, limits.max_idle) => self.stop_gracefully(now, "max_idle"),
            Stop::Announced(until, words) if until <= now => self.go_away_finally(words),
            _ => {}
        }
        self.settle();
    }

    /// Stops without harm to calls (§6.8): the peer is told that it should open no more streams, those that were on their way
    /// when it read that are still served, and the connection ends when all have ended. `words` goes along.
    ///
    /// A server sends a GOAWAY with the highest stream number and a PING, and the final GOAWAY when that is answered or
    /// after five seconds. A client, whose peer opens no streams, sends one.
    pub fn stop_gracefully(&mut self, now: Timestamp, words: &'static str) {
        self.advance(now);
        if self.closed || self.life.stop != Stop::None {
            return;
        }
        if !self.magic.is_empty() {
            // Not even the preface was said.
            return self.shut(words);
        }
        if self.side == Side::Client {
            return self.go_away_finally(words);
        }
        self.life.stop = Stop::Announced(now.saturating_add_nanos(UNANSWERED_STOP), words);
        write::go_away(HIGHEST_STREAM, ErrorCode::NO_ERROR, words.as_bytes(), &mut self.out);
        self.write_ping(STOP_PING);
    }

    /// Ends at once, whatever is under way. The peer is told so; `words` goes along.
    pub fn stop(&mut self, now: Timestamp, words: &'static str) {
        self.advance(now);
        if !self.closed && self.magic.is_empty() && self.life.stop != Stop::Final {
            self.write_go_away(ErrorCode::NO_ERROR, words.as_bytes());
        }
        self.shut(words);
    }

    /// Whether a graceful stop is under way.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        !self.closed && self.life.stop != Stop::None
    }

    /// Takes no more streams and ends when those open have ended. The peer learns `code`.
    pub fn go_away(&mut self, code: ErrorCode, debug_data: &[u8]) {
        if !self.closed && self.life.stop != Stop::Final {
            self.write_go_away(code, debug_data);
            self.life.stop = Stop::Final;
            self.goes_away = true;
            self.settle();
        }
    }

    /// The last GOAWAY of the peer.
    #[must_use]
    pub const fn gone_away(&self) -> Option<&GoneAway> {
        self.life.gone_away.as_ref()
    }

    /// Why the connection is over, in words; `None` while it is not.
    #[must_use]
    pub const fn why_closed(&self) -> Option<&'static str> {
        self.life.why
    }

    /// The latest time that was passed in.
    pub(super) const fn now(&self) -> Timestamp {
        self.life.now
    }

    /// Takes note of the time.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.begin(now);
        self.life.now = self.life.now.max(now);
        let seconds = self.life.now.nanos_since(self.life.forgiven_until).checked_div(1_000_000_000).unwrap_or(0);
        if let Ok(seconds @ 1..) = u32::try_from(seconds) {
            let forgiven = self.config.bounds.forgiven_each_second.saturating_mul(seconds);
            self.nuisance = self.nuisance.saturating_sub(forgiven);
            self.life.forgiven_until = self.life.now;
        }
        if std::mem::take(&mut self.life.guessed) {
            // Better late than early.
            let now = self.life.now;
            [&mut self.life.idle_since, &mut self.life.stalled_since]
                .into_iter()
                .flatten()
                .for_each(|since| *since = now);
        }
    }

    /// Whether this end takes new streams of the peer.
    pub(super) fn takes_streams(&self) -> bool {
        self.life.stop != Stop::Final
    }

    /// The answer to the PING of a graceful stop.
    pub(super) fn stop_answered(&mut self) {
        if let Stop::Announced(_, words) = self.life.stop {
            self.go_away_finally(words);
        }
    }

    /// Looks whether the connection has become idle, stalled, or done with.
    pub(super) fn settle(&mut self) {
        let now = self.life.now;
        if self.streams.is_empty() {
            self.life.idle_since.get_or_insert(now);
        } else {
            self.life.idle_since = None;
        }
        if self.out.is_empty() && self.queued.is_empty() {
            self.life.stalled_since = None;
        } else {
            self.life.stalled_since.get_or_insert(now);
        }
        if self.closed || !self.streams.is_empty() {
            return;
        }
        if self.life.stop == Stop::Final {
            self.shut("the connection was stopped");
        } else if self.side == Side::Client && self.life.gone_away.is_some() {
            self.write_go_away(ErrorCode::NO_ERROR, b"");
            self.shut("the server went away");
        }
    }

    /// As [`settle`](Self::settle), when octets are fetched, which nobody tells the time of; `progress` if there was something in
    /// them that had waited for the peer.
    pub(super) fn settle_fetched(&mut self, progress: bool) {
        let before = (self.life.idle_since, self.life.stalled_since);
        self.settle();
        if progress || self.queued.is_empty() {
            self.life.stalled_since = None;
        }
        let is_new = |before: Option<Timestamp>, after: Option<Timestamp>| before.is_none() && after.is_some();
        self.life.guessed |= is_new(before.0, self.life.idle_since) || is_new(before.1, self.life.stalled_since);
    }

    /// GOAWAY that takes back nothing that an earlier one said.
    pub(super) fn write_go_away(&mut self, code: ErrorCode, debug_data: &[u8]) {
        let last = self.life.promised.map_or(self.last_peer_stream, |promised| promised.min(self.last_peer_stream));
        self.life.promised = Some(last);
        write::go_away(last, code, debug_data, &mut self.out);
    }

    /// The connection is over.
    pub(super) fn close(&mut self, code: ErrorCode, why: &'static str) {
        if !std::mem::replace(&mut self.closed, true) {
            self.life.why = Some(why);
            // Everything but what is still to be sent.
            self.streams.clear();
            self.queued.clear();
            self.reset.clear();
            (self.input, self.block) = (Vec::new(), None);
            (self.encoder, self.decoder) = (Encoder::new(), Decoder::new(Start::Known, Limits::default()));
            self.scratch = Scratch::new();
            self.events.push_back(Event::Closed { code });
        }
    }

    fn go_away_finally(&mut self, words: &'static str) {
        self.go_away(ErrorCode::NO_ERROR, words.as_bytes());
    }

    /// The peer is not worth waiting for: it is told, in case it can hear, and the connection ends.
    fn give_up(&mut self, why: &'static str) {
        if self.magic.is_empty() {
            self.write_go_away(ErrorCode::NO_ERROR, why.as_bytes());
        }
        self.shut(why);
    }

    fn shut(&mut self, why: &'static str) {
        self.close(ErrorCode::NO_ERROR, why);
    }
}

/// "None of your streams is refused yet."
const HIGHEST_STREAM: StreamId = StreamId(0x7fff_ffff);
/// Nanoseconds that the PING of a graceful stop may take, as in grpc-go.
const UNANSWERED_STOP: i64 = 5_000_000_000;
