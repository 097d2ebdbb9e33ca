//! The parts of a record, appended to a buffer by hand: keys, numbers, strings, hex, lists of packets (RFC 8259).
//!
//! Keys come prepared with their comma and colon, which works because no record begins with any other key than `type`.

use std::fmt::Display;

use super::prepared::{self, prepared};
use crate::direction::Direction;
use crate::event::Flow;
use crate::protobuf::json::text;
pub(super) use crate::protobuf::json::text::base64;
use crate::span::{Piece, each_packet};
use crate::time::Timestamp;
pub(super) use crate::write::integer;
use crate::write::{Again, Moments, is_plain};

/// A key with the comma before it and the colon behind it, as octets.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":").as_bytes()
    };
}
pub(super) use key;

/// Ends a list whose items were each preceded by `before`: `[` as long as there was none.
#[inline]
pub(super) fn end_list(out: &mut Vec<u8>, before: u8) {
    let (octets, length) = if before == b'[' { (b"[]", 2) } else { (b"] ", 1) };
    prepared::write(octets, length, out);
}

/// Ends a record.
pub(super) fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"}\n");
}

/// Appends a key and an integer.
#[inline(always)]
pub(super) fn number(out: &mut Vec<u8>, key: &[u8], number: impl itoa::Integer + Copy + TryInto<u64>) {
    out.extend_from_slice(key);
    integer(out, number);
}

/// Appends a key and an integer that is often the one before.
#[inline(always)]
pub(super) fn number_again(out: &mut Vec<u8>, key: &[u8], again: &mut Again, number: u64) {
    out.extend_from_slice(key);
    again.write(number, out);
}

/// Appends a key and a moment in nanoseconds.
#[inline(always)]
pub(super) fn moment(out: &mut Vec<u8>, key: &[u8], moments: &mut Moments, time: Timestamp) {
    out.extend_from_slice(key);
    moments.write(time, out);
}

/// Appends a key and an integer, where there is one.
#[inline(always)]
pub(super) fn number_if_known(out: &mut Vec<u8>, key: &[u8], known: Option<impl itoa::Integer + Copy + TryInto<u64>>) {
    if let Some(known) = known {
        number(out, key, known);
    }
}

/// Appends a key and a truth.
#[inline(always)]
pub(super) fn truth(out: &mut Vec<u8>, key: &[u8], value: bool) {
    out.extend_from_slice(key);
    let (octets, length) = if value { (b"true ", 4) } else { (b"false", 5) };
    prepared::write(octets, length, out);
}

/// Appends `flow`, `direction` and [`packets`].
#[inline(always)]
pub(super) fn place(
    out: &mut Vec<u8>,
    flow: Option<Flow<'_>>,
    direction: Direction,
    pieces: &[Piece],
    numbers: &mut Again,
) {
    number_if_known(out, key!("flow"), flow.map(|flow| flow.facts.id.0));
    let key = match direction {
        Direction::ToServer => prepared!(r#","direction":"to_server","packets":["#),
        Direction::ToClient => prepared!(r#","direction":"to_client","packets":["#),
    };
    key.write(out);
    packets_listed(out, pieces, numbers);
}

/// Appends a key and a name of ours, which needs no escapes.
#[inline(always)]
pub(super) fn name(out: &mut Vec<u8>, key: &[u8], name: &'static str) {
    out.extend_from_slice(key);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}

/// Appends a key and a string; octets that are not UTF-8 become U+FFFD.
#[inline]
pub(super) fn string(out: &mut Vec<u8>, key: &[u8], octets: &[u8]) {
    out.extend_from_slice(key);
    quoted(out, octets);
}

/// Appends a key and what `value` displays. For what is rare.
#[cold]
pub(super) fn display(out: &mut Vec<u8>, key: &[u8], value: impl Display) {
    string(out, key, value.to_string().as_bytes());
}

/// Appends a key and an integer. For what is rare.
#[cold]
pub(super) fn rare_number(out: &mut Vec<u8>, key: &[u8], number: impl Display) {
    out.extend_from_slice(key);
    out.extend_from_slice(number.to_string().as_bytes());
}

/// Appends octets under the first key as a string if they are UTF-8, else under the second in hex: never altered.
#[inline]
pub(super) fn string_or_hex(out: &mut Vec<u8>, keys: (&[u8], &[u8]), octets: &[u8]) {
    if is_plain(octets) {
        out.extend_from_slice(keys.0);
        quoted_plain(out, octets);
    } else if std::str::from_utf8(octets).is_ok() {
        string(out, keys.0, octets);
    } else {
        hex(out, keys.1, octets);
    }
}

/// Appends a key and octets in hex.
pub(super) fn hex(out: &mut Vec<u8>, key: &[u8], octets: &[u8]) {
    out.extend_from_slice(key);
    quoted_hex(out, octets);
}

/// Appends octets in hex, in quotes.
pub(super) fn quoted_hex(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(b'"');
    out.reserve(octets.len().saturating_mul(2));
    out.extend(octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]));
    out.push(b'"');
}

/// Appends a JSON string; octets that are not UTF-8 become U+FFFD.
#[inline]
pub(super) fn quoted(out: &mut Vec<u8>, octets: &[u8]) {
    if is_plain(octets) {
        quoted_plain(out, octets);
    } else {
        text::string(out, octets);
    }
}

#[inline]
fn quoted_plain(out: &mut Vec<u8>, octets: &[u8]) {
    out.reserve(octets.len().saturating_add(2));
    out.push(b'"');
    out.extend_from_slice(octets);
    out.push(b'"');
}

/// Appends the numbers of the packets that hold `pieces`, in the order of the octets.
#[inline(always)]
pub(super) fn packets(out: &mut Vec<u8>, pieces: &[Piece], numbers: &mut Again) {
    out.extend_from_slice(br#","packets":["#);
    packets_listed(out, pieces, numbers);
}

/// The same behind the bracket.
#[inline(always)]
fn packets_listed(out: &mut Vec<u8>, pieces: &[Piece], numbers: &mut Again) {
    // What nearly everything stands in.
    if let [only] = pieces {
        numbers.write(only.packet, out);
        return out.push(b']');
    }
    let mut first = true;
    each_packet(pieces, |packet| {
        if !std::mem::replace(&mut first, false) {
            out.push(b',');
        }
        integer(out, packet);
    });
    out.push(b']');
}

fn digit(nibble: u8) -> u8 {
    match nibble {
        ..=9 => nibble.wrapping_add(b'0'),
        _ => nibble.wrapping_sub(10).wrapping_add(b'a'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn every_octet_that_json_or_a_terminal_minds_is_escaped_wherever_it_stands() {
        for octet in 0..=0x7f_u8 {
            for before in [0, 1, 15, 16, 17, 33] {
                let mut octets = vec![b'a'; before];
                octets.push(octet);
                let json = written(|out| quoted(out, &octets));
                let read: String = serde_json::from_str(&json).expect("valid JSON");
                assert_eq!(read.as_bytes(), octets);
                assert!(!json.contains(|c: char| c.is_ascii_control()), "{json:?}");
            }
        }
    }

    #[test]
    fn octets_that_are_no_text_are_hex_under_another_key() {
        let keys = (key!("value"), key!("value_hex"));
        assert_eq!(written(|out| string_or_hex(out, keys, b"\xffA\0")), r#","value_hex":"ff4100""#);
        assert_eq!(written(|out| string_or_hex(out, keys, "é\n".as_bytes())), ",\"value\":\"é\\n\"");
    }

    #[test]
    fn packets_are_listed_once_each_and_may_be_none() {
        let piece = |packet| Piece { packet, offset: 0, length: 1 };
        assert_eq!(written(|out| packets(out, &[], &mut Again::default())), r#","packets":[]"#);
        assert_eq!(
            written(|out| packets(out, &[piece(7), piece(7), piece(9)], &mut Again::default())),
            r#","packets":[7,9]"#
        );
    }
}
