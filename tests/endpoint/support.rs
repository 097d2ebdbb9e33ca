//! Peers made of octets: frames read out of what an endpoint sends, and two endpoints joined without a link.

use framescope::endpoint::Peer;
use framescope::endpoint::client::{Client, Event, Ticket};
use framescope::endpoint::connection::Config;
use framescope::endpoint::example::{Example, SEARCH};
use framescope::endpoint::fields::Fields;
use framescope::grpc::status::Status;
use framescope::http2::error_code::ErrorCode;
use framescope::http2::frame::{FrameHeader, FrameType, HEADER_OCTETS};
use framescope::http2::hpack::Encoder;
use framescope::http2::payload::{Payload, parse};
use framescope::http2::preface::MAGIC;
use framescope::http2::write;
use framescope::time::Timestamp;

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_nanos(micros * 1000)
}

/// Everything an endpoint has to send.
pub(crate) fn sent(transmit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let before = all.len();
        transmit(&mut all);
        if all.len() == before {
            return all;
        }
    }
}

/// The frames in these octets, the preface left out.
pub(crate) fn frames(octets: &[u8]) -> Vec<(FrameHeader, Vec<u8>)> {
    let mut rest = octets.strip_prefix(MAGIC.as_slice()).unwrap_or(octets);
    let mut found = Vec::new();
    while let Some(header) = FrameHeader::first(rest) {
        let end = HEADER_OCTETS + header.length() as usize;
        found.push((header, rest[HEADER_OCTETS..end].to_vec()));
        rest = &rest[end..];
    }
    assert!(rest.is_empty(), "an endpoint sends whole frames");
    found
}

/// The code of the GOAWAY among these octets.
pub(crate) fn go_away(octets: &[u8]) -> Option<ErrorCode> {
    frames(octets).iter().find_map(|(header, payload)| match parse(*header, payload).0 {
        Payload::GoAway { error, .. } => Some(error),
        _ => None,
    })
}

/// The stream and code of the first RST_STREAM among these octets.
pub(crate) fn reset(octets: &[u8]) -> Option<(u32, ErrorCode)> {
    frames(octets).iter().find_map(|(header, payload)| match parse(*header, payload).0 {
        Payload::RstStream(code) => Some((header.stream().0, code)),
        _ => None,
    })
}

pub(crate) fn kinds(octets: &[u8]) -> Vec<FrameType> {
    frames(octets).iter().map(|(header, _)| header.kind()).collect()
}

/// A server that has seen a whole preface, so that what follows is what is tested.
pub(crate) fn server(config: Config) -> Example {
    let mut server = Example::new(config);
    let mut octets = MAGIC.to_vec();
    write::settings(&[], &mut octets);
    write::settings_ack(&mut octets);
    server.handle_octets(at(0), &octets);
    answers(&mut server);
    server
}

pub(crate) fn answers(peer: &mut dyn Peer) -> Vec<u8> {
    let peer = std::cell::RefCell::new(peer);
    sent(|out| peer.borrow_mut().poll_transmit(out))
}

/// What a client has been told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) messages: Vec<(Ticket, Vec<u8>)>,
    pub(crate) endings: Vec<(Ticket, Status, bool)>,
    pub(crate) trailers: Vec<Fields>,
}

/// Lets the two talk, in pieces of `piece` octets, until neither has anything to say and no timer is left.
pub(crate) fn talk(client: &mut Client, server: &mut Example, piece: usize) -> Told {
    let mut now = at(1000);
    let mut told = Told::default();
    for _ in 0..1_000_000 {
        let mut to_server = Vec::new();
        client.poll_transmit(&mut to_server);
        for octets in to_server.chunks(piece) {
            server.handle_octets(now, octets);
        }
        now = now.saturating_add_nanos(50_000);
        let mut to_client = Vec::new();
        server.poll_transmit(&mut to_client);
        for octets in to_client.chunks(piece) {
            client.handle_octets(now, octets);
        }
        while let Some(event) = client.poll_event() {
            match event {
                Event::Begun { .. } => {}
                Event::Message { ticket, octets } => told.messages.push((ticket, octets)),
                Event::Ended { ticket, ending } => {
                    told.endings.push((ticket, ending.status, ending.from_server));
                    told.trailers.push(ending.trailers);
                }
            }
        }
        if to_server.is_empty() && to_client.is_empty() {
            let Some(time) = [server.poll_timeout(), client.poll_timeout()].into_iter().flatten().min() else {
                return told;
            };
            now = now.max(time);
            server.handle_timeout(now);
            client.handle_timeout(now);
        }
    }
    panic!("they do not come to an end");
}

pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new().encode(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut out);
    out
}

pub(crate) const REQUEST: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "http"), (":path", SEARCH), ("content-type", "application/grpc")];

/// What a server answers to frames that `write` makes.
pub(crate) fn answer(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut server = server(Config::default());
    let mut octets = Vec::new();
    write(&mut octets);
    server.handle_octets(at(1), &octets);
    answers(&mut server)
}
