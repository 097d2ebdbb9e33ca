//! Flow control: what DATA uses of the windows, and what WINDOW_UPDATE gives (RFC 9113 §5.2, §6.9).

use super::{CLOSED, State, Step};
use crate::direction::Direction;
use crate::http2::frame::StreamId;
use crate::http2::payload::Payload;
use crate::http2::reader::Raw;
use crate::http2::seen::{Facts, Sink};
use crate::http2::settings::SettingId;
use crate::http2::side::UsedBy;
use crate::http2::stream::Half;

impl State {
    pub(super) fn data(&mut self, raw: &Raw<'_>, payload: Payload<'_>, step: &mut Step<'_, impl Sink>) {
        let length = raw.header.length();
        let stream_id = raw.header.stream();
        let side = &mut self.sides[step.direction];
        side.window = side.window.map(|window| window.saturating_sub(i64::from(length)));
        if is_end(side.window, length) {
            side.used_up = Some(step.at.time);
        }
        side.used = side.used.map(|used| used.saturating_add(u64::from(length)));
        if length > 0 {
            side.used_by = match side.used_by {
                UsedBy::Nobody => UsedBy::One(stream_id),
                UsedBy::One(one) if one == stream_id => UsedBy::One(one),
                _ => UsedBy::Many,
            };
        }
        let connection = side.window;
        self.open_if_missed(stream_id, step);
        let (initial, changes) = self.initial_window(step.direction);
        let (states, window) = match self.streams.get_mut(stream_id) {
            Some(stream) => {
                stream.take_losses(self.losses);
                let balance = stream.balance[step.direction].map(|balance| balance.saturating_sub(i64::from(length)));
                stream.balance[step.direction] = balance;
                let window = left(initial, balance);
                if is_end(window, length) {
                    stream.end_window(step.direction, step.at.time, changes);
                }
                stream.used[step.direction] =
                    stream.used[step.direction].map(|used| used.saturating_add(u64::from(length)));
                stream.take_frame(step.direction, raw.header.ends_stream());
                (Some((stream.state, stream.shown())), window)
            }
            None => (None, None),
        };
        if states.is_some_and(|(state, _)| state == CLOSED) {
            self.end_stream(stream_id, step.shared);
        }
        let state = states.and_then(|(_, shown)| shown);
        self.emit(raw, payload, Facts::Used { connection, stream: window }, state, step);
    }

    pub(super) fn window_update(&mut self, raw: &Raw<'_>, increment: u32, step: &mut Step<'_, impl Sink>) {
        let granted = step.direction.opposite();
        // SETTINGS that came before it on the same way hold when it is read, acknowledged or not.
        let ahead = self.initial_window_ahead(step.direction);
        let grant = |window: Option<i64>| window.map(|window| window.saturating_add(i64::from(increment)));
        let id = raw.header.stream();
        self.open_if_missed(id, step);
        let (initial, changes) = self.initial_window(granted);
        let (state, facts) = if id == StreamId::CONNECTION {
            let side = &mut self.sides[granted];
            let before = side.window;
            side.window = grant(before);
            let since = side.used_up.filter(|_| is_end(before, increment));
            let used_up = since.map(|since| step.at.time.nanos_since(since)).filter(|nanos| *nanos >= 0);
            let by = match std::mem::replace(&mut side.used_by, UsedBy::Nobody) {
                UsedBy::One(stream) => Some(stream),
                _ => None,
            };
            let used = side.used;
            side.used = used.map(|used| used.saturating_sub(u64::from(increment)));
            if side.used.is_some_and(|rest| rest > 0) {
                side.used_by = by.map_or(UsedBy::Many, UsedBy::One);
            }
            // Others may have used it too, if octets were lost.
            (None, Facts::Granted { window: side.window, used, by: by.filter(|_| used.is_some()), used_up })
        } else if let Some(stream) = self.streams.get_mut(id) {
            stream.take_losses(self.losses);
            let before = left(initial, stream.balance[granted]);
            stream.balance[granted] = grant(stream.balance[granted]);
            let after = left(initial, stream.balance[granted]);
            // Where the sender has finished nobody waited; where SETTINGS are under way, what it went by is not certain.
            let told = stream.state[granted] != Half::Closed && ahead == 0 && is_end(before, increment);
            let known = stream.used_up.as_ref().filter(|_| told).and_then(|used_up| used_up[granted]);
            let since = known.filter(|(_, then)| *then == changes);
            let used_up = since.map(|(since, _)| step.at.time.nanos_since(since)).filter(|nanos| *nanos >= 0);
            let used = stream.used[granted];
            stream.used[granted] = used.map(|used| used.saturating_sub(u64::from(increment)));
            let window = after.map(|window| window.saturating_add(ahead));
            (stream.shown(), Facts::Granted { window, used, by: Some(id), used_up })
        } else {
            let seen = self.sides[Direction::ToServer].highest.max(self.sides[Direction::ToClient].highest);
            let state = (id.0 <= seen && !self.partial).then_some(CLOSED);
            (state, Facts::Granted { window: None, used: None, by: None, used_up: None })
        };
        self.emit(raw, Payload::WindowUpdate { increment }, facts, state, step);
    }

    /// The window that streams begin with for octets of a direction, and how often it changed: the side that receives them sets it.
    fn initial_window(&self, direction: Direction) -> (Option<i64>, u32) {
        let receiver = &self.sides[direction.opposite()];
        (receiver.values.initial_window_size.map(i64::from), receiver.initial_changes)
    }

    /// How much larger stream windows are for a reader of everything that the sender of `of` has sent, than as far as was acknowledged.
    fn initial_window_ahead(&self, of: Direction) -> i64 {
        let side = &self.sides[of];
        let mut sent = side.unanswered_settings.iter().flatten();
        let last = sent.rfind(|setting| setting.id == SettingId::INITIAL_WINDOW_SIZE);
        match (last, side.values.initial_window_size) {
            (Some(ahead), Some(now)) => i64::from(ahead.value).saturating_sub(i64::from(now)),
            _ => 0,
        }
    }
}

/// Whether nothing is left of a window that is something when it is larger by `octets`.
#[inline]
fn is_end(window: Option<i64>, octets: u32) -> bool {
    matches!(window, Some(..=0)) && window.is_some_and(|window| window.saturating_add(i64::from(octets)) > 0)
}

/// What is left of a stream's window.
fn left(initial: Option<i64>, balance: Option<i64>) -> Option<i64> {
    Some(initial?.saturating_add(balance?))
}
