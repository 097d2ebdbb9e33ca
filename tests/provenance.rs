//! What is shown stands where it is said to stand: octet for octet, in the packets of every fixture.
#![allow(missing_docs, reason = "a test binary")]

mod support;

use std::path::Path;

use support::{SeenFrame, SeenMessage, Trace, captures, complain, stem};

use framescope::span::Piece;

/// Calls `check` for every capture among the fixtures.
fn each(mut check: impl FnMut(&Path, &Trace, &mut dyn FnMut(String))) {
    let mut complaints = Vec::new();
    for path in captures() {
        let trace = Trace::of(&path);
        check(&path, &trace, &mut |complaint| complaints.push(format!("{}: {complaint}", stem(&path))));
    }
    complain(&complaints);
}

/// The octets of the capture at `pieces`.
fn octets_at(trace: &Trace, pieces: &[Piece]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        let (packet, _) = &trace.packets[&piece.packet];
        let (start, length) = (usize::try_from(piece.offset).unwrap(), usize::try_from(piece.length).unwrap());
        assert!(length > 0, "a piece of nothing");
        out.extend_from_slice(&packet[start..start + length]);
    }
    out
}

/// The octets a frame shows, without those that were not captured.
fn captured(frame: &SeenFrame) -> Vec<u8> {
    let missing = |at: usize| {
        frame.holes.iter().any(|hole| (hole.start..hole.start + hole.length).contains(&u32::try_from(at).unwrap()))
    };
    let payload = frame.shown.iter().enumerate().filter(|(at, _)| !missing(*at)).map(|(_, octet)| *octet);
    let header = frame.header.iter().flat_map(|header| header.octets());
    header.chain(payload).collect()
}

#[test]
fn the_octets_of_every_frame_stand_where_it_says() {
    let mut frames = 0;
    each(|_, trace, complain| {
        for frame in &trace.frames {
            frames += 1;
            if octets_at(trace, &frame.pieces) != captured(frame) {
                complain(format!("{} of packet {} at {:?}", frame.kind(), frame.packet, frame.pieces));
            }
        }
    });
    assert!(frames > 10_000, "only {frames} frames");
}

#[test]
fn what_was_read_out_of_a_payload_is_what_stands_in_it() {
    each(|_, trace, complain| {
        for frame in &trace.frames {
            let unpadded = frame.shown.len() - frame.padding;
            // Behind the first hole a payload may be unread.
            let known = frame.holes.first().map_or(unpadded, |hole| usize::try_from(hole.start).unwrap());
            let read = frame.payload.get(..known.min(frame.payload.len())).unwrap();
            let whole = frame.holes.is_empty();
            if !frame.shown.starts_with(read) || (whole && frame.payload.len() != unpadded) {
                complain(format!(
                    "{} of packet {}: {:?} where {:?} stands",
                    frame.kind(),
                    frame.packet,
                    frame.payload,
                    frame.shown
                ));
            }
        }
    });
}

#[test]
fn frames_of_a_direction_follow_each_other_without_a_gap_or_an_overlap_unless_octets_were_lost() {
    each(|_, trace, complain| {
        let lossy = !trace.gaps.is_empty() || !trace.resyncs.is_empty();
        for flow in trace.flows.keys() {
            for direction in framescope::direction::Direction::BOTH {
                let mut end = None;
                for frame in trace.frames.iter().filter(|frame| frame.flow == *flow && frame.direction == direction) {
                    let size = frame.header.map_or(24, |header| 9 + u64::from(header.length()));
                    let wrong = end.is_some_and(|end| if lossy { frame.offset < end } else { frame.offset != end });
                    if wrong {
                        complain(format!(
                            "{} of packet {} begins at {} where {end:?} is next",
                            frame.kind(),
                            frame.packet,
                            frame.offset
                        ));
                    }
                    end = Some(frame.offset + size);
                }
            }
        }
    });
}

#[test]
fn the_octets_of_every_message_stand_where_it_says_prefix_included() {
    let mut messages = 0;
    each(|_, trace, complain| {
        for message in trace.messages.iter().filter(|message| !message.web_text) {
            messages += 1;
            let at = octets_at(trace, &message.pieces);
            if !stands(message, &at) {
                complain(format!(
                    "message {} of stream {} {} at {:?}",
                    message.index,
                    message.stream,
                    message.direction.name(),
                    message.pieces
                ));
            }
        }
    });
    assert!(messages > 10_000, "only {messages} messages");
}

fn stands(message: &SeenMessage, at: &[u8]) -> bool {
    let mut wire = vec![message.flag];
    wire.extend(message.declared.to_be_bytes());
    wire.extend_from_slice(&message.octets);
    if message.missing == 0 {
        return message.whole && at == wire;
    }
    // Missing octets stand as zeros: without some of them the rest is what was captured.
    let captured = wire.len() - usize::try_from(message.missing).unwrap();
    let mut rest = wire.iter();
    at.len() == captured && at.iter().all(|octet| rest.any(|other| other == octet))
}

#[test]
fn a_frame_arrives_with_the_last_of_its_packets() {
    each(|path, trace, complain| {
        // Out of order the last octet of a frame may come before others of it, and a fragment makes octets of earlier ones readable.
        let excepted = ["reorder", "waiting", "fragment"].iter().any(|word| stem(path).contains(word));
        if excepted || !trace.gaps.is_empty() {
            return;
        }
        for frame in &trace.frames {
            let latest = frame.pieces.iter().map(|piece| piece.packet).max();
            if latest != Some(frame.packet) {
                complain(format!("{} of packet {} stands in packet {latest:?}", frame.kind(), frame.packet));
            }
        }
    });
}
