//! Frames about the connection: SETTINGS, PING, WINDOW_UPDATE and GOAWAY (RFC 9113 §6.5, §6.7, §6.8, §6.9).

use super::alone::{LARGEST_WINDOW, Window};
use super::connection::Connection;
use super::report::{About, Report};
use super::rules;
use super::side::Pending;
use crate::direction::Direction;
use crate::event::Flow;
use crate::http2::connection::{Answers, Facts, Frame, FrameRef};
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::http2::payload::Payload;
use crate::http2::settings::Settings;

/// Capture time after which what was read should have been answered, or heeded.
const PATIENCE_NANOS: i64 = 1_000_000_000;

impl Connection {
    pub(super) fn settings(&mut self, frame: &Frame<'_>, settings: Settings<'_>, report: &mut Report<'_, '_, '_>) {
        match frame.facts {
            // The other side's frames are not in the capture, or not where they belong.
            Facts::Acknowledges(Answers::NotSeen) if !self.sides[frame.direction.opposite()].begun => {
                self.lose(report.shared)
            }
            Facts::Acknowledges(Answers::OneOf) => self.lose(report.shared),
            Facts::Acknowledges(Answers::Sent(_)) => self.sides[frame.direction.opposite()].is_accepted(),
            Facts::Acknowledges(Answers::NotSeen) => {
                let (side, other) = (frame.direction.sender(), frame.direction.opposite().sender());
                let summary = format_args!(
                    "the {side} acknowledges SETTINGS although all that the {other} has sent are acknowledged already"
                );
                report.tell(&rules::SETTINGS_ACK_UNASKED, summary);
            }
            _ => self.sides[frame.direction].asks(settings, FrameRef { id: frame.id, at: frame.at }),
        }
    }

    pub(super) fn ping(&mut self, frame: &Frame<'_>, report: &mut Report<'_, '_, '_>) {
        let Facts::Acknowledges(asked) = frame.facts else {
            let side = &mut self.sides[frame.direction];
            side.pings = side.pings.saturating_add(1);
            return;
        };
        let other = frame.direction.opposite();
        match asked {
            Answers::Sent(asked) => self.sides[other].is_read(asked, frame.at.time),
            Answers::NotSeen if self.sides[other].begun => {
                let (side, other) = (frame.direction.sender(), other.sender());
                let summary = format_args!("the {side} answers a PING that the {other} has not sent");
                report.tell(&rules::PING_ACK_UNASKED, summary);
            }
            Answers::NotSeen | Answers::OneOf => self.lose(report.shared),
        }
    }

    pub(super) fn go_away_with_calm(&self, frame: &Frame<'_>, report: &mut Report<'_, '_, '_>) {
        let Payload::GoAway { error: ErrorCode::ENHANCE_YOUR_CALM, debug_data: b"too_many_pings", .. } = frame.payload
        else {
            return;
        };
        let (side, other) = (frame.direction.sender(), frame.direction.opposite());
        let pings = self.sides[other].pings;
        let seen = if self.whole { format!(" ({pings} so far)") } else { String::new() };
        let other = other.sender();
        let summary = format_args!(
            "the {side} ends the connection (ENHANCE_YOUR_CALM) because the {other} sends PINGs more often than it allows{seen}: \
             a longer keepalive time of the {other}, or a smaller minimum at the {side}, ends this"
        );
        report.tell(&rules::TOO_MANY_PINGS, summary);
    }

    pub(super) fn window_update(&mut self, frame: &Frame<'_>, stream: StreamId, report: &mut Report<'_, '_, '_>) {
        if let Facts::Granted { window: Some(window), .. } = frame.facts
            && window > i64::from(LARGEST_WINDOW)
            && self.both_begun()
        {
            let (side, what) = (frame.direction.sender(), Window(stream));
            let summary = format_args!(
                "the {side} lets the window of {what} grow to {window} octets, where {LARGEST_WINDOW} is the most"
            );
            report.tell(&rules::WINDOW_OVERFLOW, summary);
        }
        if stream != StreamId::CONNECTION {
            self.idle("WINDOW_UPDATE", frame.direction, stream, report);
        }
    }

    /// Frames that may come for any stream but one that nobody has opened.
    pub(super) fn idle(&mut self, kind: &str, direction: Direction, stream: StreamId, report: &mut Report<'_, '_, '_>) {
        let highest = self.highest(stream);
        if stream.0 > highest {
            let side = direction.sender();
            let summary = format_args!("the {side} sends {kind} on stream {stream}, which nobody has opened");
            report.tell(&rules::IDLE_STREAM, summary);
        }
    }

    /// A stream may be under way when GOAWAY comes. One is not that begins after the client has shown that it read it, or long after.
    pub(super) fn after_go_away(&mut self, frame: &Frame<'_>, stream: StreamId, report: &mut Report<'_, '_, '_>) {
        let Some(go_away) = &mut self.sides.to_client.go_away else { return };
        let after = frame.at.time.nanos_since(go_away.sent.at.time);
        let packet = go_away.sent.at.packet;
        let why = match go_away.read {
            _ if go_away.told => return,
            Some(ping) => {
                format!("and after it answered the PING of packet {}, which was sent behind it", ping.at.packet)
            }
            None if after >= PATIENCE_NANOS => format!("{} ms after it", after / 1_000_000),
            None => return,
        };
        go_away.told = true;
        let last = go_away.last;
        let summary = format_args!(
            "the client opens stream {stream} after the GOAWAY of packet {packet} (last stream {last}), {why}"
        );
        report.tell_with(&rules::NEW_STREAM_AFTER_GOAWAY, &[go_away.sent], summary);
    }

    /// The flow has ended.
    pub(super) fn ended(&mut self, flow: &Flow<'_>, report: &mut Report<'_, '_, '_>) {
        if !self.whole {
            return;
        }
        for direction in Direction::BOTH {
            let Some(Pending { sent, read: Some(read), .. }) = self.sides[direction].pending.front().copied() else {
                continue;
            };
            let since = flow.facts.last.time.nanos_since(read);
            if since < PATIENCE_NANOS {
                continue;
            }
            let (side, other) = (direction.sender(), direction.opposite());
            report.about = About { direction: Some(other), ..About::default() };
            let (other, packet, millis) = (other.sender(), sent.at.packet, since / 1_000_000);
            let summary = format_args!(
                "the {other} has read the SETTINGS of the {side} in packet {packet} and not acknowledged them in the {millis} ms since"
            );
            report.tell_with(&rules::SETTINGS_UNANSWERED, &[sent], summary);
        }
    }
}
