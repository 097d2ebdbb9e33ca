//! The `sides` record: which side of a flow is the client, where the octets did not tell it at once. Once for the guess, and once when it is known.

use super::write::{display, end, key, name, rare_number, truth};
use crate::annotate;
use crate::event::Event;
use crate::http2::preface::Guess;

/// A flow begins, or begins to be shown: nothing where it is known who is the client.
pub(super) fn guessed(event: &Event<'_>, out: &mut Vec<u8>) {
    let Some(guess) = event.flow.and_then(|flow| flow.guess()) else { return };
    begin(event, out);
    truth(out, key!("known"), false);
    let by = match guess {
        Guess::Frames => "frames",
        Guess::Addresses => "addresses",
    };
    name(out, key!("guessed_by"), by);
    end(out);
}

/// What follows tells who is the client.
pub(super) fn known(event: &Event<'_>, turned: bool, out: &mut Vec<u8>) {
    let Some(flow) = &event.flow else { return };
    begin(event, out);
    truth(out, key!("known"), true);
    truth(out, key!("turned"), turned);
    let mut note = Vec::new();
    annotate::sides(flow, turned, &mut note);
    display(out, key!("note"), String::from_utf8_lossy(&note));
    end(out);
}

fn begin(event: &Event<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"sides\"");
    rare_number(out, key!("time_ns"), event.at.time.as_nanos());
    rare_number(out, key!("packet"), event.at.packet);
    if let Some(flow) = &event.flow {
        rare_number(out, key!("flow"), flow.facts.id.0);
        display(out, key!("client"), flow.facts.client);
        display(out, key!("server"), flow.facts.server);
    }
}
