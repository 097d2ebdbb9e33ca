//! Healthy captures with their beginnings cut off, at every packet and with either side alone: what is told of them is held against what the
//! whole capture tells. While the sides are a guess, what is told must say so; once they are known, nothing may differ.

use std::collections::HashMap;
use std::path::Path;

use framescope::grpc::call::Outcome;
use framescope::http2::connection::{Answers, Facts};

use crate::kept::{Owned, packets};
use crate::seen::{Ended, Frame, Seen};
use crate::support::{complain, fixture, fixtures};

/// The TCP source port, of IPv4 over Ethernet.
fn port(packet: &Owned) -> u16 {
    u16::from_be_bytes([packet.data[34], packet.data[35]])
}

/// What the whole capture tells.
struct Truth {
    frames: HashMap<(u64, u32), Frame>,
    calls: HashMap<u32, Ended>,
    client: u16,
}

impl Truth {
    fn of(packets: &[Owned]) -> Self {
        let seen = Seen::of(packets.iter().map(Owned::packet));
        assert!(seen.frames.iter().all(|frame| !frame.sides.guessed));
        let client = seen.frames[0].sides.client.port();
        let frames = seen.frames.into_iter().map(|frame| (frame.place, frame)).collect();
        Self { frames, calls: seen.calls.into_iter().map(|call| (call.stream, call)).collect(), client }
    }

    fn frame(&self, frame: &Frame) -> Result<(), String> {
        // A segment that was sent twice may be the first of its kind here.
        let Some(truth) = self.frames.get(&frame.place) else { return Ok(()) };
        let sender = truth.sides.sender(truth.direction);
        if frame.kind != truth.kind {
            return Err(format!("{} is {}", frame.kind, truth.kind));
        }
        if frame.sides.sender(frame.direction) != sender {
            return Err(format!("{} comes from {sender}", frame.kind));
        }
        let wrong = frame.sides.client != truth.sides.client;
        if wrong && !frame.sides.guessed {
            return Err(format!("{} has the sides the other way round", frame.kind));
        }
        let named = ["client", "server", "request", "response"].iter().any(|name| frame.note.contains(name));
        if frame.sides.guessed && named && !frame.note.ends_with("(sides guessed)") {
            return Err(format!("{} names a side and does not say that it is a guess: {}", frame.kind, frame.note));
        }
        if !agrees(frame.facts, truth.facts) {
            return Err(format!("{}: {:?}, where it is {:?}", frame.kind, frame.facts, truth.facts));
        }
        let known = |shown: &Option<Vec<u8>>, is: &Option<Vec<u8>>| shown.is_none() || shown == is;
        let fields = frame.fields.iter().zip(&truth.fields);
        match fields.into_iter().find(|(shown, is)| !known(&shown.0, &is.0) || !known(&shown.1, &is.1)) {
            Some((shown, is)) => Err(format!("{}: field {shown:?}, where it is {is:?}", frame.kind)),
            None => Ok(()),
        }
    }

    fn call(&self, call: &Ended, both: bool) -> Result<(), String> {
        if call.guessed {
            return if call.sides.guessed { Ok(()) } else { Err("a call is a guess after the sides are known".into()) };
        }
        let truth = self.calls.get(&call.stream).ok_or("no such call")?;
        let stream = call.stream;
        let ends = both && !matches!(call.outcome, Outcome::Open | Outcome::ConnectionLost);
        // What the other side had ended before the cut, trailers may end once more.
        if ends && call.outcome != truth.outcome && (call.complete || call.outcome != Outcome::Completed) {
            return Err(format!("stream {stream}: {:?}, where it is {:?}", call.outcome, truth.outcome));
        }
        let known = |shown: bool, same: bool| !shown || same;
        let same = known(call.status.is_some(), call.status == truth.status)
            && known(call.http_status.is_some(), call.http_status == truth.http_status)
            && known(call.path.is_some(), call.path == truth.path)
            && call.messages.iter().zip(&truth.messages).all(|(shown, are)| shown <= are)
            && call.metadata.iter().zip(&truth.metadata).all(|(shown, is)| shown.iter().all(|one| is.contains(one)));
        if same { Ok(()) } else { Err(format!("stream {stream}: {call:?}, where it is {truth:?}")) }
    }
}

/// Whether what follows from a frame is the same, as far as it is known.
fn agrees(shown: Facts, is: Facts) -> bool {
    let known = |shown: Option<i64>, is: Option<i64>| shown.is_none() || shown == is;
    match (shown, is) {
        (Facts::Acknowledges(Answers::Sent(shown)), Facts::Acknowledges(is)) => {
            matches!(is, Answers::Sent(is) if is.at == shown.at)
        }
        (Facts::Acknowledges(_), Facts::Acknowledges(_)) | (Facts::None, Facts::AlreadyClosed) => true,
        (Facts::Used { connection, stream }, Facts::Used { connection: of_connection, stream: of_stream }) => {
            known(connection, of_connection) && known(stream, of_stream)
        }
        (Facts::Granted { window, .. }, Facts::Granted { window: is, .. }) => known(window, is),
        (Facts::Settings { preface }, Facts::Settings { preface: is }) => preface.is_none() || preface == is,
        (shown, is) => shown == is,
    }
}

/// How often the sides were a guess, and what became of that.
#[derive(Debug, Default)]
struct Tally {
    right: usize,
    turned: usize,
    never: usize,
}

fn hold(path: &Path, tally: &mut Tally) -> Vec<String> {
    let packets = packets(path);
    let truth = Truth::of(&packets);
    let mut complaints = Vec::new();
    for cut in 1..packets.len() {
        for side in [None, Some(true), Some(false)] {
            let captured = |packet: &&Owned| side.is_none_or(|client| (port(packet) == truth.client) == client);
            let seen = Seen::of(packets[cut..].iter().filter(captured).map(Owned::packet));
            let frames = seen.frames.iter().map(|frame| truth.frame(frame));
            let calls = seen.calls.iter().map(|call| truth.call(call, side.is_none()));
            let wrong = frames.chain(calls).filter_map(Result::err);
            let name = path.file_name().unwrap().to_string_lossy();
            complaints.extend(wrong.map(|wrong| format!("{name} from packet {}, {side:?}: {wrong}", cut + 1)));
            let after = seen.known.iter().filter(|(_, sides)| sides.client.port() != truth.client);
            complaints.extend(after.map(|(_, sides)| format!("{name} from packet {}: {sides:?}", cut + 1)));
            tally.turned += seen.known.iter().filter(|(turned, _)| *turned).count();
            tally.right += seen.known.iter().filter(|(turned, _)| !turned).count();
            tally.never += seen.ended.iter().filter(|(_, sides)| sides.guessed).count();
        }
    }
    complaints
}

#[test]
fn wherever_a_capture_begins_nothing_is_told_with_the_wrong_sides_unless_it_says_that_they_are_a_guess() {
    let mut tally = Tally::default();
    let mut complaints = Vec::new();
    for path in fixtures("sides/whole", ".pcap") {
        complaints.extend(hold(&path, &mut tally));
    }
    for name in ["captures/go_article_stream.pcap", "captures/py_deadline.pcap", "captures/py_gzip.pcap"] {
        complaints.extend(hold(&fixture(name), &mut tally));
    }
    complain(&complaints);
    let Tally { right, turned, never } = tally;
    assert!(right > 20 && turned > 100 && never > 20, "the captures show every ending of a guess: {tally:?}");
}
