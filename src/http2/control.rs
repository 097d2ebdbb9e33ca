//! Frames that steer a connection: SETTINGS and PING (RFC 9113 §6.5, §6.7).

use super::frame::FrameId;
use super::payload::Payload;
use super::reader::Raw;
use super::seen::{Answers, Facts, FrameRef, Sink};
use super::settings::{Setting, SettingId, Settings, Values};
use super::state::{State, Step};
use crate::direction::Direction;

impl State {
    pub(super) fn settings(&mut self, raw: &Raw<'_>, settings: Settings<'_>, step: &mut Step<'_, impl Sink>) {
        let payload = Payload::Settings(settings);
        if raw.header.is_ack() {
            let asked = step.direction.opposite();
            let (answers, settings) = self.sides[asked].unanswered_settings.answer(|_| true);
            match (answers, settings) {
                (Answers::Sent(_), Some(accepted)) => self.accept(asked, &accepted),
                (_, Some(perhaps)) => {
                    perhaps.iter().for_each(|setting| self.sides[asked].values.forget(setting.id));
                    self.sides[asked].forget_unanswered();
                }
                // SETTINGS that were lost hold from now on.
                (_, None) if self.partial => self.sides[asked].values = Values::UNKNOWN,
                _ => {}
            }
            return self.emit(raw, payload, Facts::Acknowledges(answers), None, step);
        }
        let side = &mut self.sides[step.direction];
        let preface = side.before_preface.replace(false);
        let sent = FrameRef { id: FrameId(step.shared.next_frame), at: step.at };
        let mut asked: Vec<Setting> = settings.take(128).collect();
        if preface == Some(true) && side.values.initial_window_size.is_none() {
            // What it does not change is as it was before it.
            let initial = Values::DEFAULT.initial_window_size.unwrap_or_default();
            asked.insert(0, Setting { id: SettingId::INITIAL_WINDOW_SIZE, value: initial });
        }
        if side.unanswered_settings.len() < step.shared.limits.unanswered {
            side.unanswered_settings.push(sent, asked);
        } else {
            self.limit("SETTINGS without acknowledgement", step);
        }
        self.emit(raw, payload, Facts::Settings { preface }, None, step);
    }

    /// The settings of the side that sends in `of` take effect: the other side has acknowledged them. The windows of open streams move
    /// with the initial one (§6.9.2).
    pub(super) fn accept(&mut self, of: Direction, accepted: &[Setting]) {
        let towards = of.opposite();
        let before = self.sides[of].values.initial_window_size;
        for setting in accepted {
            self.sides[of].values.apply(*setting);
        }
        if self.sides[of].values.initial_window_size != before {
            self.sides[of].initial_changes = self.sides[of].initial_changes.wrapping_add(1);
        }
        let values = self.sides[of].values;
        if let Some(size) = values.header_table_size {
            self.sides[towards].hpack.set_size_limit(size);
        }
    }

    pub(super) fn ping(&mut self, raw: &Raw<'_>, opaque: [u8; 8], step: &mut Step<'_, impl Sink>) {
        let facts = if raw.header.is_ack() {
            let pings = &mut self.sides[step.direction.opposite()].unanswered_pings;
            Facts::Acknowledges(pings.answer(|sent| *sent == opaque).0)
        } else {
            let sent = FrameRef { id: FrameId(step.shared.next_frame), at: step.at };
            let pings = &mut self.sides[step.direction].unanswered_pings;
            let limited = pings.len() >= step.shared.limits.unanswered;
            if limited {
                pings.forget_oldest();
            }
            pings.push(sent, opaque);
            if limited {
                self.limit("PINGs without answer", step);
            }
            Facts::None
        };
        self.emit(raw, Payload::Ping(opaque), facts, None, step);
    }
}
