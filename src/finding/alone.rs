//! Rules that a single frame breaks by itself, whatever came before it.

use super::report::Report;
use super::rules;
use crate::direction::Direction;
use crate::http2::connection::Frame;
use crate::http2::frame::{FrameHeader, FrameType, StreamId};
use crate::http2::payload::Payload;
use crate::http2::settings::{SettingId, Settings};

/// The largest window (RFC 9113 §6.9.1).
pub(super) const LARGEST_WINDOW: u32 = 0x7fff_ffff;

/// Holds one frame against the rules about frames.
#[inline]
pub(super) fn frame(frame: &Frame<'_>, header: FrameHeader, report: &mut Report<'_, '_, '_>) {
    if (header.stream() == StreamId::CONNECTION) != belongs_on_stream_0(header) {
        place(frame, header, report);
    }
    match frame.payload {
        Payload::Settings(values) if !header.is_ack() => settings(frame.direction, values, report),
        Payload::WindowUpdate { increment } => window_update(frame, header, increment, report),
        Payload::PushPromise { promised, .. } if frame.direction == Direction::ToServer => {
            let summary = format_args!("the client sends PUSH_PROMISE for stream {promised}, which only a server may");
            report.tell(&rules::CLIENT_PUSH, summary);
        }
        _ => {}
    }
}

/// Whether the place of a frame of this type is stream 0. Types that may stand on either, or are not known, belong where they are.
fn belongs_on_stream_0(header: FrameHeader) -> bool {
    match header.kind() {
        FrameType::DATA
        | FrameType::HEADERS
        | FrameType::PRIORITY
        | FrameType::RST_STREAM
        | FrameType::PUSH_PROMISE
        | FrameType::CONTINUATION => false,
        FrameType::SETTINGS | FrameType::PING | FrameType::GOAWAY | FrameType::PRIORITY_UPDATE => true,
        _ => header.stream() == StreamId::CONNECTION,
    }
}

#[cold]
fn place(frame: &Frame<'_>, header: FrameHeader, report: &mut Report<'_, '_, '_>) {
    let (side, kind, stream) = (frame.direction.sender(), header.kind(), header.stream());
    if stream == StreamId::CONNECTION {
        let summary = format_args!("the {side} sends {kind} on stream 0, which is the connection itself");
        report.tell(&rules::ON_STREAM_0, summary);
    } else {
        let summary = format_args!("the {side} sends {kind}, which is about the connection, on stream {stream}");
        report.tell(&rules::OFF_STREAM_0, summary);
    }
}

fn settings(direction: Direction, settings: Settings<'_>, report: &mut Report<'_, '_, '_>) {
    for setting in settings {
        let (id, value) = (setting.id, setting.value);
        let range = match id {
            SettingId::ENABLE_PUSH if value > 1 => "0 and 1 are allowed",
            SettingId::ENABLE_PUSH if value == 1 && direction == Direction::ToClient => "a server may say only 0",
            SettingId::INITIAL_WINDOW_SIZE if value > LARGEST_WINDOW => "2147483647 is the most",
            SettingId::MAX_FRAME_SIZE if !(16_384..=16_777_215).contains(&value) => "16384 to 16777215 are allowed",
            _ => continue,
        };
        let side = direction.sender();
        report.tell(&rules::SETTINGS_VALUE, format_args!("the {side} sends SETTINGS with {id} {value}: {range}"));
    }
}

fn window_update(frame: &Frame<'_>, header: FrameHeader, increment: u32, report: &mut Report<'_, '_, '_>) {
    let side = frame.direction.sender();
    if increment == 0 {
        let what = Window(header.stream());
        let summary = format_args!("the {side} sends WINDOW_UPDATE for {what} that grants 0 octets");
        report.tell(&rules::ZERO_WINDOW_UPDATE, summary);
    }
}

/// Whose window it is.
pub(super) struct Window(pub(super) StreamId);

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            StreamId::CONNECTION => f.write_str("the connection"),
            stream => write!(f, "stream {stream}"),
        }
    }
}
