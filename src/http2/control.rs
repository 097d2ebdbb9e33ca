//! Frames that steer a connection: SETTINGS, PING, WINDOW_UPDATE (RFC 9113 §6.5, §6.7, §6.9).

use super::frame::{FrameId, StreamId};
use super::payload::Payload;
use super::reader::Raw;
use super::seen::{Facts, FrameRef, Sink};
use super::settings::{Setting, SettingId, Settings};
use super::side::UsedBy;
use super::state::{CLOSED, State, Step};
use crate::direction::Direction;

impl State {
    pub(super) fn settings(&mut self, raw: &Raw<'_>, settings: Settings<'_>, step: &mut Step<'_, impl Sink>) {
        let payload = Payload::Settings(settings);
        if raw.header.is_ack() {
            let answered = self.sides[step.direction.opposite()].unanswered_settings.pop_front();
            if let Some((_, accepted)) = &answered {
                self.accept(step.direction.opposite(), accepted);
            }
            let answers = answered.map(|(sent, _)| sent);
            return self.emit(raw, payload, Facts::Acknowledges(answers), None, step);
        }
        let side = &mut self.sides[step.direction];
        let preface = std::mem::replace(&mut side.before_preface, false);
        let sent = FrameRef { id: FrameId(step.shared.next_frame), at: step.at };
        if side.unanswered_settings.len() < step.shared.limits.unanswered {
            side.unanswered_settings.push_back((sent, settings.take(128).collect()));
        } else {
            self.limit("SETTINGS without acknowledgement", step);
        }
        self.emit(raw, payload, Facts::Settings { preface }, None, step);
    }

    /// The settings of the side that sends in `of` take effect: the other side has acknowledged them.
    pub(super) fn accept(&mut self, of: Direction, accepted: &[Setting]) {
        let towards = of.opposite();
        let before = self.sides[of].values.initial_window_size;
        for setting in accepted {
            self.sides[of].values.apply(*setting);
        }
        let values = self.sides[of].values;
        if let Some(size) = values.header_table_size {
            self.sides[towards].hpack.set_size_limit(size);
        }
        if before == values.initial_window_size {
            return;
        }
        // Windows of open streams move by the difference (§6.9.2).
        let change = match (before, values.initial_window_size) {
            (Some(before), Some(after)) => Some(i64::from(after).saturating_sub(i64::from(before))),
            _ => None,
        };
        for (_, stream) in self.streams.iter_mut() {
            stream.window[towards] = match (stream.window[towards], change) {
                (Some(window), Some(change)) => Some(window.saturating_add(change)),
                _ => None,
            };
        }
    }

    /// How much larger stream windows are for a reader of everything that the sender of `of` has sent, than as far as was acknowledged.
    fn initial_window_ahead(&self, of: Direction) -> i64 {
        let side = &self.sides[of];
        let mut sent = side.unanswered_settings.iter().flat_map(|(_, settings)| settings);
        let last = sent.rfind(|setting| setting.id == SettingId::INITIAL_WINDOW_SIZE);
        match (last, side.values.initial_window_size) {
            (Some(ahead), Some(now)) => i64::from(ahead.value).saturating_sub(i64::from(now)),
            _ => 0,
        }
    }

    pub(super) fn ping(&mut self, raw: &Raw<'_>, opaque: [u8; 8], step: &mut Step<'_, impl Sink>) {
        let facts = if raw.header.is_ack() {
            let pings = &mut self.sides[step.direction.opposite()].unanswered_pings;
            let place = pings.iter().position(|(_, sent)| *sent == opaque);
            Facts::Acknowledges(place.and_then(|place| pings.remove(place)).map(|(sent, _)| sent))
        } else {
            let pings = &mut self.sides[step.direction].unanswered_pings;
            let mut limited = false;
            if pings.len() >= step.shared.limits.unanswered {
                pings.pop_front();
                limited = true;
            }
            pings.push_back((FrameRef { id: FrameId(step.shared.next_frame), at: step.at }, opaque));
            if limited {
                self.limit("PINGs without answer", step);
            }
            Facts::None
        };
        self.emit(raw, Payload::Ping(opaque), facts, None, step);
    }

    pub(super) fn window_update(&mut self, raw: &Raw<'_>, increment: u32, step: &mut Step<'_, impl Sink>) {
        let granted = step.direction.opposite();
        // SETTINGS that came before it on the same way hold when it is read, acknowledged or not.
        let ahead = self.initial_window_ahead(step.direction);
        let grant = |window: Option<i64>| window.map(|window| window.saturating_add(i64::from(increment)));
        let id = raw.header.stream();
        self.open_if_missed(id, step);
        let (state, facts) = if id == StreamId::CONNECTION {
            let side = &mut self.sides[granted];
            side.window = grant(side.window);
            let by = match std::mem::replace(&mut side.used_by, UsedBy::Nobody) {
                UsedBy::One(stream) => Some(stream),
                _ => None,
            };
            let used = side.used;
            side.used = used.map(|used| used.saturating_sub(u64::from(increment)));
            if side.used.is_some_and(|rest| rest > 0) {
                side.used_by = by.map_or(UsedBy::Many, UsedBy::One);
            }
            (None, Facts::Granted { window: side.window, used, by })
        } else if let Some(stream) = self.streams.get_mut(id) {
            stream.window[granted] = grant(stream.window[granted]);
            let used = stream.used[granted];
            stream.used[granted] = used.map(|used| used.saturating_sub(u64::from(increment)));
            let window = stream.window[granted].map(|window| window.saturating_add(ahead));
            (Some(stream.state), Facts::Granted { window, used, by: Some(id) })
        } else {
            let seen = self.sides[Direction::ToServer].highest.max(self.sides[Direction::ToClient].highest);
            let state = (id.0 <= seen && !self.partial).then_some(CLOSED);
            (state, Facts::Granted { window: None, used: None, by: None })
        };
        self.emit(raw, Payload::WindowUpdate { increment }, facts, state, step);
    }
}
