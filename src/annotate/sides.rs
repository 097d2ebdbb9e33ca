//! Which side is the client, where the octets did not tell it at once: what was guessed, and what it turned out to be.

use crate::event::Flow;
use crate::http2::preface::Guess;

/// What words end with that name a side while it is a guess which one that is.
const HEDGE: &[u8] = b" (sides guessed)";

/// Appends what a guess goes by.
pub(super) fn by(guess: Guess, out: &mut Vec<u8>) {
    out.extend_from_slice(b"; which side is the client is a guess, by ");
    out.extend_from_slice(match guess {
        Guess::Frames => b"what its frames look like".as_slice(),
        Guess::Addresses => b"addresses and ports",
    });
}

/// Appends what was found out about a guess.
pub fn sides(flow: &Flow<'_>, turned: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"the sides were guessed ");
    out.extend_from_slice(if turned { b"wrong: " } else { b"right: " });
    out.extend_from_slice(flow.facts.client.to_string().as_bytes());
    out.extend_from_slice(b" is the client");
    if turned {
        out.extend_from_slice(b"; the lines of this flow above have client and server the other way round");
    }
}

/// Marks the words behind `from` as a guess if they name a side, where it is a guess which one that is.
pub fn hedge(flow: Option<&Flow<'_>>, from: usize, out: &mut Vec<u8>) {
    if flow.and_then(Flow::guess).is_some() && names_a_side(out.get(from..).unwrap_or_default()) {
        out.extend_from_slice(HEDGE);
    }
}

fn names_a_side(words: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] = [b"client", b"server", b"request", b"response"];
    NAMES.iter().any(|name| words.windows(name.len()).any(|window| window == *name))
}
