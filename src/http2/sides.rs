//! Which side is the client, as far as a frame by itself tells: what only clients send, and what only servers do.
//!
//! Answers with the direction in which a frame must go: [`Direction::ToServer`] for what a client sends. Who is taken for the client, and what
//! follows when that was wrong, is decided elsewhere.

use super::error_code::ErrorCode;
use super::frame::FrameHeader;
use super::hpack::{Field, HeaderBlock, StaticName};
use super::payload::Payload;
use super::settings::SettingId;
use crate::direction::Direction;

/// What a whole header block tells that PUSH_PROMISE did not begin: requests and responses have pseudo-header fields of their own
/// (RFC 9113 §8.3), and gRPC has fields of its own for either side. `None` where nothing tells, or one thing contradicts another.
#[must_use]
pub fn of_block(fields: HeaderBlock<'_>) -> Option<Direction> {
    if !fields.faults().is_empty() {
        return None;
    }
    let (mut pseudo, mut named) = (Votes::default(), Votes::default());
    for field in fields.fields() {
        pseudo.count(by_pseudo(&field));
        named.count(by_name(&field));
    }
    if pseudo.any() { pseudo.verdict() } else { named.verdict() }
}

/// What a frame tells without its header block: only servers promise (§8.4), and only clients allow it with ENABLE_PUSH 1 (§6.5.2).
#[must_use]
pub fn of_frame(header: FrameHeader, payload: &Payload<'_>) -> Option<Direction> {
    match payload {
        Payload::PushPromise { promised, .. } => {
            (promised.0 > 0 && !promised.is_client_initiated()).then_some(Direction::ToClient)
        }
        Payload::Settings(settings) if !header.is_ack() => {
            let allows = |id, value| id == SettingId::ENABLE_PUSH && value == 1;
            { *settings }.any(|setting| allows(setting.id, setting.value)).then_some(Direction::ToServer)
        }
        _ => None,
    }
}

/// What a frame makes likely: what implementations of one side do, and those of the other could.
///
/// The last stream of a GOAWAY is a stream that the other side opened, so one that is odd should come from a server. But the client of
/// grpc-go names its own last stream there: such a number tells nothing.
#[must_use]
pub fn hint(header: FrameHeader, payload: &Payload<'_>) -> Option<Direction> {
    /// The PINGs with which servers that stop see that their GOAWAY was read: grpc-go, grpc-java, h2.
    const STOPS: [[u8; 8]; 3] = [
        [1, 6, 1, 8, 0, 3, 3, 9],
        [0, 0, 0, 0x09, 0x7a, 0xce, 0xf0, 0x01],
        [0x0b, 0x7b, 0xa2, 0xf0, 0x8b, 0x9b, 0xfe, 0x54],
    ];
    match payload {
        Payload::Headers { fragment, .. } => {
            (header.ends_stream() && refers_only(fragment)).then_some(Direction::ToClient)
        }
        Payload::Settings(settings) if !header.is_ack() => { *settings }.find_map(|setting| match setting.id {
            SettingId::ENABLE_PUSH => Some(Direction::ToServer),
            // RFC 8441 §3: a server offers it.
            SettingId(0x8) => Some(Direction::ToClient),
            _ => None,
        }),
        Payload::Ping(opaque) => {
            let to_client = STOPS.contains(opaque);
            to_client.then_some(if header.is_ack() { Direction::ToServer } else { Direction::ToClient })
        }
        Payload::RstStream(ErrorCode::REFUSED_STREAM) => {
            header.stream().is_client_initiated().then_some(Direction::ToClient)
        }
        Payload::GoAway { error: ErrorCode::ENHANCE_YOUR_CALM, debug_data: b"too_many_pings", .. } => {
            Some(Direction::ToClient)
        }
        // Before it stops a server lets all streams be (§6.8); a client has none of the server's to name.
        Payload::GoAway { last_stream, .. } => match last_stream.0 {
            0x7fff_ffff => Some(Direction::ToClient),
            0 => Some(Direction::ToServer),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a block consists of a few references to the dynamic table, as the trailers of a response do that are like others before.
/// A request has its `:scheme` from the static table.
fn refers_only(fragment: &[u8]) -> bool {
    !fragment.is_empty() && fragment.len() <= 3 && fragment.iter().all(|octet| *octet >= 0xbe)
}

/// What was told for either side.
#[derive(Default)]
struct Votes {
    client: bool,
    server: bool,
}

impl Votes {
    fn count(&mut self, told: Option<Direction>) {
        self.client |= told == Some(Direction::ToServer);
        self.server |= told == Some(Direction::ToClient);
    }

    const fn any(&self) -> bool {
        self.client || self.server
    }

    const fn verdict(&self) -> Option<Direction> {
        match (self.client, self.server) {
            (true, false) => Some(Direction::ToServer),
            (false, true) => Some(Direction::ToClient),
            _ => None,
        }
    }
}

fn by_pseudo(field: &Field<'_>) -> Option<Direction> {
    match field.static_name() {
        StaticName::METHOD | StaticName::PATH | StaticName::SCHEME | StaticName::AUTHORITY => Some(Direction::ToServer),
        StaticName::STATUS => Some(Direction::ToClient),
        StaticName::NONE if field.name() == Some(b":protocol") => Some(Direction::ToServer),
        _ => None,
    }
}

fn by_name(field: &Field<'_>) -> Option<Direction> {
    match field.name().filter(|_| field.static_name() == StaticName::NONE)? {
        b"te" | b"grpc-timeout" => Some(Direction::ToServer),
        b"grpc-status" | b"grpc-message" | b"grpc-status-details-bin" => Some(Direction::ToClient),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::hpack::{Decoder, Limits, Scratch, Start};
    use crate::http2::payload;

    fn block(octets: &[u8]) -> Option<Direction> {
        let mut scratch = Scratch::new();
        of_block(Decoder::new(Start::Late, Limits::default()).decode(octets, &mut scratch))
    }

    fn frame(octets: &[u8], of: fn(FrameHeader, &Payload<'_>) -> Option<Direction>) -> Option<Direction> {
        let header = FrameHeader::first(octets).expect("a header");
        of(header, &payload::parse(header, &octets[9..]).0)
    }

    #[test]
    fn pseudo_header_fields_tell_requests_from_responses() {
        assert_eq!(block(&[0x83, 0x86]), Some(Direction::ToServer));
        assert_eq!(block(&[0x88]), Some(Direction::ToClient));
        assert_eq!(block(&[0x88, 0x83]), None, "both at once tell nothing");
        assert_eq!(block(&[0xbe, 0xbf]), None, "what is not known tells nothing");
        assert_eq!(block(&[0x88, 0xff]), None, "a block that does not parse tells nothing");
    }

    #[test]
    fn fields_of_grpc_tell_where_no_pseudo_header_field_does() {
        assert_eq!(block(b"\x00\x0bgrpc-status\x010"), Some(Direction::ToClient));
        assert_eq!(block(b"\x00\x02te\x08trailers"), Some(Direction::ToServer));
        assert_eq!(block(b"\x88\x00\x02te\x08trailers"), Some(Direction::ToClient), ":status outweighs te");
    }

    #[test]
    fn only_servers_promise_and_only_clients_allow_it() {
        let promise = [0, 0, 5, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0x82];
        assert_eq!(frame(&promise, of_frame), Some(Direction::ToClient));
        let push = |value| [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, value];
        assert_eq!(frame(&push(1), of_frame), Some(Direction::ToServer));
        assert_eq!((frame(&push(0), of_frame), frame(&push(0), hint)), (None, Some(Direction::ToServer)));
    }

    #[test]
    fn the_last_stream_of_a_goaway_tells_nothing_where_it_is_odd() {
        let go_away = |last: [u8; 4]| [[0, 0, 8, 7, 0, 0, 0, 0, 0].as_slice(), &last, &[0; 4]].concat();
        assert_eq!(frame(&go_away([0, 0, 0, 7]), hint), None);
        assert_eq!(frame(&go_away([0, 0, 0, 0]), hint), Some(Direction::ToServer));
        assert_eq!(frame(&go_away([0x7f, 255, 255, 255]), hint), Some(Direction::ToClient));
    }
}
