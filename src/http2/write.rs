//! HTTP/2 frames as octets, for the built-in endpoints: the other way round of [`payload`](super::payload) (RFC 9113 §4, §6).
//!
//! Writes what it is told, also what the RFC forbids: what may be sent, and when, is the endpoint's business. Payloads are
//! limited to the 24 bits of the length field; longer ones are cut there.

use super::error_code::ErrorCode;
use super::frame::{Flags, FrameType, StreamId};
use super::settings::Setting;

/// The longest payload that the length field can state.
pub const LONGEST_PAYLOAD: usize = 0xff_ffff;

/// Appends any frame.
pub fn frame(kind: FrameType, flags: u8, stream: StreamId, payload: &[u8], out: &mut Vec<u8>) {
    let payload = payload.get(..LONGEST_PAYLOAD).unwrap_or(payload);
    let length = u32::try_from(payload.len()).unwrap_or(0);
    let [_, length @ ..] = length.to_be_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[kind.0, flags]);
    out.extend_from_slice(&stream.0.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Appends DATA (§6.1).
pub fn data(stream: StreamId, octets: &[u8], end_stream: bool, out: &mut Vec<u8>) {
    let flags = if end_stream { Flags::END_STREAM } else { 0 };
    frame(FrameType::DATA, flags, stream, octets, out);
}

/// Appends HEADERS (§6.2) and, where the block is longer than `max_frame`, CONTINUATION frames (§6.10).
pub fn headers(stream: StreamId, block: &[u8], end_stream: bool, max_frame: usize, out: &mut Vec<u8>) {
    let mut kind = FrameType::HEADERS;
    let mut flags = if end_stream { Flags::END_STREAM } else { 0 };
    let mut rest = block;
    loop {
        let (fragment, after) = rest.split_at_checked(max_frame.max(1)).unwrap_or((rest, &[]));
        if after.is_empty() {
            flags |= Flags::END_HEADERS;
        }
        frame(kind, flags, stream, fragment, out);
        if after.is_empty() {
            return;
        }
        (kind, flags, rest) = (FrameType::CONTINUATION, 0, after);
    }
}

/// Appends RST_STREAM (§6.4).
pub fn rst_stream(stream: StreamId, code: ErrorCode, out: &mut Vec<u8>) {
    frame(FrameType::RST_STREAM, 0, stream, &code.0.to_be_bytes(), out);
}

/// Appends SETTINGS (§6.5).
pub fn settings(settings: &[Setting], out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    for setting in settings {
        payload.extend_from_slice(&setting.id.0.to_be_bytes());
        payload.extend_from_slice(&setting.value.to_be_bytes());
    }
    frame(FrameType::SETTINGS, 0, StreamId::CONNECTION, &payload, out);
}

/// Appends the acknowledgement of SETTINGS (§6.5.3).
pub fn settings_ack(out: &mut Vec<u8>) {
    frame(FrameType::SETTINGS, Flags::ACK, StreamId::CONNECTION, &[], out);
}

/// Appends PING, or the answer to one (§6.7).
pub fn ping(opaque: [u8; 8], ack: bool, out: &mut Vec<u8>) {
    frame(FrameType::PING, if ack { Flags::ACK } else { 0 }, StreamId::CONNECTION, &opaque, out);
}

/// Appends GOAWAY (§6.8).
pub fn go_away(last_stream: StreamId, code: ErrorCode, debug_data: &[u8], out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    payload.extend_from_slice(&last_stream.0.to_be_bytes());
    payload.extend_from_slice(&code.0.to_be_bytes());
    payload.extend_from_slice(debug_data);
    frame(FrameType::GOAWAY, 0, StreamId::CONNECTION, &payload, out);
}

/// Appends WINDOW_UPDATE (§6.9).
pub fn window_update(stream: StreamId, increment: u32, out: &mut Vec<u8>) {
    frame(FrameType::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::frame::{FrameHeader, HEADER_OCTETS};
    use crate::http2::payload::{Payload, parse};
    use crate::http2::settings::SettingId;

    fn read(mut octets: &[u8], mut check: impl FnMut(FrameHeader, Payload<'_>)) {
        while let Some(header) = FrameHeader::first(octets) {
            let end = HEADER_OCTETS.saturating_add(header.length() as usize);
            let (payload, fault) = parse(header, octets.get(HEADER_OCTETS..end).expect("a whole frame"));
            assert_eq!(fault, None);
            check(header, payload);
            octets = octets.get(end..).expect("a whole frame");
        }
        assert!(octets.is_empty());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut out = Vec::new();
        settings(&[Setting { id: SettingId(3), value: 100 }], &mut out);
        settings_ack(&mut out);
        ping(*b"12345678", true, &mut out);
        go_away(StreamId(7), ErrorCode(11), b"too_many_pings", &mut out);
        window_update(StreamId(5), 18, &mut out);
        rst_stream(StreamId(5), ErrorCode::CANCEL, &mut out);
        data(StreamId(5), b"octets", true, &mut out);
        let mut seen = Vec::new();
        read(&out, |header, payload| {
            seen.push((header.kind(), header.stream().0, header.flags().0));
            match payload {
                Payload::Settings(mut settings) => {
                    assert_eq!(settings.next().map(|setting| setting.value), (!header.is_ack()).then_some(100));
                }
                Payload::Ping(opaque) => assert_eq!(&opaque, b"12345678"),
                Payload::GoAway { last_stream, error, debug_data } => {
                    assert_eq!((last_stream.0, error.0, debug_data), (7, 11, &b"too_many_pings"[..]));
                }
                Payload::WindowUpdate { increment } => assert_eq!(increment, 18),
                Payload::RstStream(code) => assert_eq!(code, ErrorCode::CANCEL),
                Payload::Data { data, .. } => assert_eq!(data, b"octets"),
                other => panic!("{other:?}"),
            }
        });
        let kinds: Vec<u8> = seen.iter().map(|(kind, ..)| kind.0).collect();
        assert_eq!(kinds, [4, 4, 6, 7, 8, 3, 0]);
        assert_eq!(seen.last(), Some(&(FrameType::DATA, 5, Flags::END_STREAM)));
    }

    #[test]
    fn a_long_block_goes_on_in_continuations_and_only_the_last_ends_it() {
        let mut out = Vec::new();
        headers(StreamId(1), b"0123456789", true, 4, &mut out);
        let mut seen = Vec::new();
        read(&out, |header, _| seen.push((header.kind(), header.flags().0, header.length())));
        assert_eq!(
            seen,
            [
                (FrameType::HEADERS, Flags::END_STREAM, 4),
                (FrameType::CONTINUATION, 0, 4),
                (FrameType::CONTINUATION, Flags::END_HEADERS, 2)
            ]
        );
    }

    #[test]
    fn an_empty_block_is_one_frame() {
        let mut out = Vec::new();
        headers(StreamId(1), b"", false, 16_384, &mut out);
        assert_eq!(out, [0, 0, 0, 1, Flags::END_HEADERS, 0, 0, 0, 1]);
    }
}
