//! What one side has asked for and owes: its settings and when they hold, its GOAWAY, what it has reset (RFC 9113 §6.5, §6.8).

use std::collections::VecDeque;

use super::seen::Seen;
use crate::http2::connection::FrameRef;
use crate::http2::frame::StreamId;
use crate::http2::settings::{SettingId, Settings};
use crate::time::Timestamp;

/// One side of a connection.
#[derive(Debug)]
pub(super) struct Side {
    /// Whether its connection preface was seen.
    pub(super) begun: bool,
    /// What holds: the other side has acknowledged it.
    pub(super) values: Values,
    /// What it has sent since, each with all that came before.
    pub(super) pending: VecDeque<Pending>,
    /// Whether it has sent SETTINGS.
    asked: bool,
    /// The highest stream that it opened, or reserved.
    pub(super) highest: u32,
    /// Its last GOAWAY.
    pub(super) go_away: Option<GoAway>,
    /// Whether its DATA is beyond the window of the connection.
    pub(super) exceeded: bool,
    /// Whether the header block under way stands where one may.
    pub(super) block_in_place: bool,
    /// Whether more streams of it are open than the other side allows.
    pub(super) too_many: bool,
    /// PINGs that it has sent.
    pub(super) pings: u64,
    pub(super) resets: Resets,
    /// Fields and header blocks that were judged before.
    pub(super) seen: Seen,
}

/// Values of settings that rules ask for; `None` where they are not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    pub(super) push: Option<u32>,
    pub(super) streams: Option<u32>,
    pub(super) window: Option<u32>,
    pub(super) frame: Option<u32>,
}

/// SETTINGS without acknowledgement so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) sent: FrameRef,
    pub(super) values: Values,
    /// Whether they are the preface, which comes before any stream.
    pub(super) preface: bool,
    /// When the other side showed that it has read them.
    pub(super) read: Option<Timestamp>,
}

/// A GOAWAY.
#[derive(Clone, Copy, Debug)]
pub(super) struct GoAway {
    pub(super) sent: FrameRef,
    pub(super) last: StreamId,
    /// A PING that was sent after it and has been answered.
    pub(super) read: Option<FrameRef>,
    pub(super) told: bool,
}

/// Streams reset before they were answered, lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resets {
    since: Timestamp,
    count: u32,
    told: bool,
}

/// Resets within [`STORM_NANOS`] that make a storm.
const STORM: u32 = 100;
const STORM_NANOS: i64 = 1_000_000_000;

impl Values {
    /// What holds before any SETTINGS.
    pub(super) const DEFAULT: Self =
        Self { push: Some(1), streams: Some(u32::MAX), window: Some(65_535), frame: Some(16_384) };
    /// Nothing is known.
    pub(super) const UNKNOWN: Self = Self { push: None, streams: None, window: None, frame: None };

    fn after(mut self, settings: Settings<'_>) -> Self {
        for setting in settings {
            match setting.id {
                SettingId::ENABLE_PUSH => self.push = Some(setting.value),
                SettingId::MAX_CONCURRENT_STREAMS => self.streams = Some(setting.value),
                SettingId::INITIAL_WINDOW_SIZE => self.window = Some(setting.value),
                SettingId::MAX_FRAME_SIZE => self.frame = Some(setting.value),
                _ => {}
            }
        }
        self
    }
}

impl Side {
    pub(super) fn new(values: Values) -> Self {
        Self {
            begun: false,
            asked: false,
            values,
            pending: VecDeque::new(),
            highest: 0,
            go_away: None,
            exceeded: false,
            block_in_place: false,
            too_many: false,
            pings: 0,
            resets: Resets::default(),
            seen: Seen::default(),
        }
    }

    /// SETTINGS were sent.
    pub(super) fn asks(&mut self, settings: Settings<'_>, sent: FrameRef) {
        let before = self.pending.back().map_or(self.values, |pending| pending.values);
        let preface = !std::mem::replace(&mut self.asked, true);
        self.pending.push_back(Pending { sent, values: before.after(settings), preface, read: None });
    }

    /// The other side has acknowledged the oldest SETTINGS.
    pub(super) fn is_accepted(&mut self) {
        if let Some(pending) = self.pending.pop_front() {
            self.values = pending.values;
        }
    }

    /// The most that a setting allows a side that may have read everything that was sent, or only what it acknowledged.
    pub(super) fn most(&self, setting: impl Fn(Values) -> Option<u32>) -> Option<u32> {
        let mut most = setting(self.values)?;
        for pending in &self.pending {
            most = most.max(setting(pending.values)?);
        }
        Some(most)
    }

    /// The other side shows that it has read all that came before this frame.
    pub(super) fn is_read(&mut self, before: FrameRef, now: Timestamp) {
        for pending in self.pending.iter_mut().filter(|pending| pending.sent.id < before.id) {
            pending.read.get_or_insert(now);
        }
        if let Some(go_away) = &mut self.go_away
            && go_away.sent.id < before.id
        {
            go_away.read.get_or_insert(before);
        }
    }
}

impl Resets {
    /// Counts one more; the count and the nanoseconds it took once it becomes a storm.
    pub(super) fn count(&mut self, now: Timestamp) -> Option<(u32, i64)> {
        if now.nanos_since(self.since) > STORM_NANOS || self.count == 0 {
            *self = Self { since: now, count: 0, told: false };
        }
        self.count = self.count.saturating_add(1);
        let storm = self.count >= STORM && !std::mem::replace(&mut self.told, self.count >= STORM);
        storm.then(|| (self.count, now.nanos_since(self.since)))
    }
}
