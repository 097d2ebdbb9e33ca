//! What tells which side is the client, what does not, and what becomes of what was told before.

use framescope::capture::{CaptureFile, Source};
use framescope::direction::Direction;
use framescope::dissect::Dissector;
use framescope::grpc::call::Outcome;
use framescope::http2::connection::{Answers, Facts};
use framescope::http2::error_code::ErrorCode;
use framescope::limits::Limits;
use framescope::tcp::Close;

use crate::seen::Seen;
use crate::support::fixture;
use crate::talk::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PUSH_PROMISE, RIGHT, RST_STREAM, SETTINGS, Talk,
    WINDOW_UPDATE, WRONG, frame,
};

/// `:method POST`, `:scheme http`.
const REQUEST: &[u8] = &[0x83, 0x86];
/// `:status 200`.
const RESPONSE: &[u8] = &[0x88];

fn of_fixture(name: &str) -> Seen {
    let mut seen = Seen::default();
    let mut dissector = Dissector::new(&Limits::default());
    let mut source = CaptureFile::open(std::fs::File::open(fixture(name)).unwrap()).unwrap();
    while let Some(packet) = source.next_packet().unwrap() {
        dissector.packet(&packet, &mut seen);
    }
    dissector.finish(&mut seen);
    seen
}

/// Says one thing in a connection whose sides were guessed, and tells whether they turned; `None` if it told nothing.
fn turns(port: u16, from_client: bool, said: &[u8]) -> Option<bool> {
    let seen = Talk::bulk(port).say(from_client, said).seen();
    assert!(seen.known.len() < 2, "the sides become known once");
    seen.known.first().map(|(turned, sides)| {
        assert_eq!(sides.client.port(), port, "what is known is right");
        *turned
    })
}

#[test]
fn what_only_one_side_sends_tells_the_sides_whether_they_were_guessed_right_or_wrong() {
    let promise = [&2_u32.to_be_bytes(), REQUEST].concat();
    let allows_push = [0, 2, 0, 0, 0, 1];
    let status = b"\x00\x0bgrpc-status\x010".as_slice();
    let te = b"\x00\x02te\x08trailers".as_slice();
    let telling = [
        (true, frame(HEADERS, END_HEADERS, 3, REQUEST)),
        (false, frame(HEADERS, END_HEADERS, 1, RESPONSE)),
        (false, frame(HEADERS, END_HEADERS | END_STREAM, 1, status)),
        (true, frame(HEADERS, END_HEADERS, 3, te)),
        (false, frame(PUSH_PROMISE, END_HEADERS, 1, &promise)),
        (true, frame(SETTINGS, 0, 0, &allows_push)),
    ];
    for (from_client, said) in telling {
        assert_eq!(turns(RIGHT, from_client, &said), Some(false), "{said:?}");
        assert_eq!(turns(WRONG, from_client, &said), Some(true), "{said:?}");
    }
}

#[test]
fn what_either_side_may_send_tells_nothing() {
    let silent = [
        (true, frame(HEADERS, END_HEADERS, 3, &[0xbe, 0xbf, 0xc0, 0xc1])),
        (false, frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xbe])),
        // The client of grpc-go names its own last stream.
        (true, frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])),
        (false, frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])),
        (true, frame(DATA, END_STREAM, 1, b"the end")),
        (false, frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 0])),
        // No block has both.
        (false, frame(HEADERS, END_HEADERS, 1, &[0x88, 0x83])),
    ];
    for (from_client, said) in silent {
        assert_eq!(turns(RIGHT, from_client, &said), None, "{said:?}");
        assert_eq!(turns(WRONG, from_client, &said), None, "{said:?}");
    }
}

#[test]
fn a_peer_that_contradicts_itself_turns_the_connection_once() {
    let mut talk = Talk::bulk(WRONG);
    for stream in [3, 5, 7, 9] {
        talk.say(true, &frame(HEADERS, END_HEADERS, stream, REQUEST));
        talk.say(true, &frame(HEADERS, END_HEADERS, stream, RESPONSE));
        talk.say(false, &frame(HEADERS, END_HEADERS, stream, REQUEST));
    }
    let seen = talk.seen();
    assert_eq!(seen.known.len(), 1);
    assert!(seen.frames[12..].iter().all(|frame| frame.sides.client.port() == WRONG && !frame.sides.guessed));
}

#[test]
fn octets_before_the_first_frame_of_a_side_tell_nothing() {
    let mut talk = Talk::new(RIGHT);
    // The rest of a large message, which begins like a PUSH_PROMISE.
    let rest = [frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82]), vec![b'y'; 60]].concat();
    talk.say(true, &rest);
    for _ in 0..12 {
        talk.say(false, &frame(PING, 0, 0, &[7; 8]));
    }
    let seen = talk.seen();
    assert!(seen.frames.iter().all(|frame| frame.sides.guessed));
}

#[test]
fn pings_and_settings_that_wait_for_their_answer_are_answered_after_the_turn() {
    let mut talk = Talk::bulk(WRONG);
    talk.say(true, &frame(PING, 0, 0, &[7; 8]));
    talk.say(false, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0x10, 0]));
    talk.say(true, &frame(HEADERS, END_HEADERS, 3, REQUEST));
    talk.say(false, &frame(PING, 1, 0, &[7; 8]));
    talk.say(true, &frame(SETTINGS, 1, 0, &[]));
    // What the server allowed holds for what the client sends.
    talk.say(true, &frame(HEADERS, END_HEADERS, 5, REQUEST));
    talk.say(true, &frame(DATA, 0, 5, &[b'x'; 96]));
    let seen = talk.seen();
    let answered = |at: usize| match seen.frames[at].facts {
        Facts::Acknowledges(Answers::Sent(sent)) => Some(sent.at.packet),
        _ => None,
    };
    assert_eq!((answered(15), answered(16)), (Some(13), Some(14)));
    let window = Facts::Used { connection: None, stream: Some(4000) };
    assert_eq!(seen.frames[18].facts, window);
}

#[test]
fn header_tables_turn_with_their_direction() {
    let mut talk = Talk::bulk(WRONG);
    // Entered while the sides were a guess; referred to afterwards.
    talk.say(true, &frame(HEADERS, END_HEADERS, 3, b"\x40\x04name\x06client"));
    talk.say(false, &frame(HEADERS, END_HEADERS, 3, b"\x40\x04name\x06server"));
    talk.say(false, &frame(HEADERS, END_HEADERS, 5, &[0x88, 0xbe]));
    talk.say(true, &frame(HEADERS, END_HEADERS, 7, &[0x83, 0x86, 0xbe]));
    let seen = talk.seen();
    let last = |at: usize| seen.frames[at].fields.last().and_then(|(_, value)| value.clone()).unwrap_or_default();
    assert_eq!((last(14), last(15)), (b"server".to_vec(), b"client".to_vec()));
    assert_eq!((seen.frames[14].direction, seen.frames[15].direction), (Direction::ToClient, Direction::ToServer));
}

#[test]
fn a_call_that_was_reset_under_wrong_sides_ends_by_who_did_it() {
    let outcome = |from_client: bool, code: u8, told: bool| {
        let mut talk = Talk::bulk(WRONG);
        talk.say(from_client, &frame(RST_STREAM, 0, 1, &[0, 0, 0, code]));
        if told {
            talk.say(true, &frame(HEADERS, END_HEADERS, 3, REQUEST));
        }
        let call = talk.seen().calls.into_iter().find(|call| call.stream == 1).expect("a call");
        (call.outcome, call.guessed)
    };
    assert_eq!(outcome(true, 8, true), (Outcome::ResetByClient(ErrorCode::CANCEL), false));
    assert_eq!(outcome(false, 8, true), (Outcome::ResetByServer(ErrorCode::CANCEL), false));
    assert_eq!(outcome(false, 7, true), (Outcome::Refused, false));
    assert_eq!(
        outcome(true, 8, false),
        (Outcome::ResetByServer(ErrorCode::CANCEL), true),
        "it says that it is a guess"
    );
}

#[test]
fn a_half_that_ended_under_wrong_sides_is_the_right_half() {
    let mut talk = Talk::bulk(WRONG);
    // The client has finished; taken for the server, it would have completed the call.
    talk.say(true, &frame(DATA, END_STREAM, 1, &[]));
    talk.say(true, &frame(HEADERS, END_HEADERS, 3, REQUEST));
    talk.say(false, &frame(RST_STREAM, 0, 1, &[0, 0, 0, 2]));
    let call = talk.seen().calls.into_iter().find(|call| call.stream == 1).expect("a call");
    assert_eq!(call.outcome, Outcome::ResetByServer(ErrorCode::INTERNAL_ERROR));
    assert_eq!(call.messages, [0, 0], "where messages begin is not known");
}

#[test]
fn a_goaway_of_the_server_leaves_calls_out_although_it_was_taken_for_the_clients() {
    let mut talk = Talk::bulk(WRONG);
    talk.say(true, &frame(DATA, 0, 3, b"y"));
    talk.say(false, &frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]));
    talk.say(true, &frame(HEADERS, END_HEADERS, 5, REQUEST));
    let seen = talk.seen();
    let outcome = |stream| seen.calls.iter().find(|call| call.stream == stream).map(|call| call.outcome);
    assert_eq!((outcome(1), outcome(3)), (Some(Outcome::Open), Some(Outcome::Refused)));
}

#[test]
fn who_is_a_server_in_another_flow_is_guessed_to_be_one() {
    let mut first = Talk::new(41_000);
    first.say(true, &frame(HEADERS, END_HEADERS, 1, REQUEST));
    first.say(true, &frame(PING, 0, 0, &[1; 8]));
    let seen = Talk::bulk(WRONG).after(&first).seen();
    let guessed = seen.frames.iter().filter(|frame| frame.sides.guessed);
    assert!(guessed.clone().count() > 10);
    assert!(guessed.into_iter().all(|frame| frame.sides.client.port() == WRONG));
}

#[test]
fn frames_that_servers_send_make_the_guess_better_than_ports() {
    for (from_client, said) in [
        (false, frame(RST_STREAM, 0, 9, &[0, 0, 0, 7])),
        (false, frame(HEADERS, END_HEADERS | END_STREAM, 9, &[0xbe])),
        (true, frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 0])),
        (false, frame(PING, 0, 0, &[1, 6, 1, 8, 0, 3, 3, 9])),
    ] {
        let mut talk = Talk::new(WRONG);
        talk.say(from_client, &said);
        for _ in 0..12 {
            talk.say(true, &frame(DATA, 0, 1, &[b'x'; 40]));
        }
        let seen = talk.seen();
        assert!(seen.frames.iter().all(|frame| frame.sides.guessed && frame.sides.client.port() == WRONG), "{said:?}");
    }
}

#[test]
fn a_finding_about_a_side_that_is_a_guess_says_so() {
    let seen = Talk::bulk(WRONG).say(true, &frame(WINDOW_UPDATE, 0, 0, &[0; 4])).seen();
    let (summary, uncertain) = &seen.findings[0];
    assert!(*uncertain && summary.ends_with("(sides guessed)"), "{summary}");
    let mut talk = Talk::bulk(WRONG);
    talk.say(true, &frame(HEADERS, END_HEADERS, 3, REQUEST)).say(true, &frame(WINDOW_UPDATE, 0, 0, &[0; 4]));
    let (summary, uncertain) = &talk.seen().findings[0];
    assert!(*uncertain && summary.starts_with("the client sends") && !summary.contains("guessed"), "{summary}");
}

#[test]
fn a_connection_that_is_reset_before_its_sides_were_guessed_is_reset_by_who_did_it() {
    let mut talk = Talk::new(WRONG);
    talk.say(false, &frame(RST_STREAM, 0, 1, &[0, 0, 0, 7])).say(false, &frame(PING, 0, 0, &[1; 8])).reset(true);
    let (close, sides) = talk.seen().ended[0];
    assert_eq!((close, sides.client.port()), (Close::Reset(Direction::ToServer), WRONG));
}

#[test]
fn a_real_call_that_its_client_cancels_before_the_sides_are_known_is_cancelled_by_its_client() {
    let call = of_fixture("sides/cancel_turned.pcap").calls.into_iter().find(|call| call.stream == 3).expect("a call");
    assert_eq!((call.outcome, call.messages[0]), (Outcome::ResetByClient(ErrorCode::CANCEL), 0));
    let never = of_fixture("sides/cancel_never_told.pcap");
    assert!(never.calls.iter().all(|call| call.guessed) && never.ended[0].1.guessed);
}
