//! JSON's atoms: strings, base64 and numbers, appended to a buffer (RFC 8259 §6, §7; RFC 4648 §4).

pub(crate) use super::float::float;
pub(crate) use crate::write::integer;
use crate::write::is_plain;

/// Appends a quoted string. Octets that are not UTF-8 become U+FFFD; returns whether all of them were.
///
/// Besides what JSON asks for, characters that would steer a terminal or reorder a line (DEL, C1, bidirectional marks,
/// line separators) are escaped: the value is the same to every JSON reader.
#[inline]
pub(crate) fn string(out: &mut Vec<u8>, octets: &[u8]) -> bool {
    out.push(b'"');
    let valid = if is_plain(octets) {
        out.extend_from_slice(octets);
        true
    } else {
        escaped(out, octets)
    };
    out.push(b'"');
    valid
}

/// Appends the inside of a string, as much as fits before the buffer has `stop` octets. Returns the octets taken.
pub(crate) fn string_until(out: &mut Vec<u8>, octets: &[u8], stop: usize) -> usize {
    let mut taken = 0usize;
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mark = out.len();
            character(out, c);
            if out.len() > stop {
                out.truncate(mark);
                return taken;
            }
            taken = taken.saturating_add(c.len_utf8());
        }
        if !chunk.invalid().is_empty() {
            if out.len().saturating_add(REPLACEMENT.len()) > stop {
                return taken;
            }
            out.extend_from_slice(REPLACEMENT);
            taken = taken.saturating_add(chunk.invalid().len());
        }
    }
    taken
}

/// Octets of characters beyond their first: what a text has more in octets than in characters.
pub(crate) fn continuation_octets(octets: &[u8]) -> usize {
    octets.iter().filter(|&&octet| octet & 0xc0 == 0x80).count()
}

/// Appends quoted base64 with padding.
pub(crate) fn base64(out: &mut Vec<u8>, octets: &[u8]) {
    out.reserve(octets.len().div_ceil(3).saturating_mul(4).saturating_add(2));
    out.push(b'"');
    let (blocks, rest) = octets.as_chunks::<BLOCK>();
    for block in blocks {
        let mut digits = [0; BLOCK / 3 * 4];
        let (sixes, _) = block.as_chunks::<6>();
        let (eights, _) = digits.as_chunks_mut::<8>();
        for (eight, [a, b, c, d, e, f]) in eights.iter_mut().zip(sixes) {
            let n = u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f]);
            let ([a, b], [c, d], [e, f], [g, h]) = (pair(n >> 36), pair(n >> 24), pair(n >> 12), pair(n));
            *eight = [a, b, c, d, e, f, g, h];
        }
        out.extend_from_slice(&digits);
    }
    let (threes, rest) = rest.as_chunks::<3>();
    for [a, b, c] in threes {
        let n = u64::from_be_bytes([0, 0, 0, 0, 0, *a, *b, *c]);
        let ([a, b], [c, d]) = (pair(n >> 12), pair(n));
        out.extend_from_slice(&[a, b, c, d]);
    }
    match *rest {
        [a] => {
            let [a, b] = pair(u64::from(a) << 4);
            out.extend_from_slice(&[a, b, b'=', b'=']);
        }
        [a, b] => {
            let n = u64::from_be_bytes([0, 0, 0, 0, 0, a, b, 0]);
            let ([a, b], [c, _]) = (pair(n >> 12), pair(n));
            out.extend_from_slice(&[a, b, c, b'=']);
        }
        _ => {}
    }
    out.push(b'"');
}

/// Octets that are encoded before they are appended.
const BLOCK: usize = 192;

/// Two digits of base64 for the last twelve bits.
#[inline(always)]
fn pair(bits: u64) -> [u8; 2] {
    PAIRS.get((bits & 0xfff) as usize).copied().unwrap_or_default()
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static PAIRS: [[u8; 2]; 4096] = {
    let mut pairs = [[0; 2]; 4096];
    let (mut high, mut at) = (0, 0);
    while high < 64 {
        let mut low = 0;
        while low < 64 {
            pairs[at] = [DIGITS[high], DIGITS[low]];
            at += 1;
            low += 1;
        }
        high += 1;
    }
    pairs
};

/// Appends an integer as a string, as JSON numbers beyond 2^53 lose digits in many readers.
#[inline]
pub(crate) fn quoted_integer(out: &mut Vec<u8>, number: impl itoa::Integer + Copy + TryInto<u64>) {
    out.push(b'"');
    integer(out, number);
    out.push(b'"');
}

fn escaped(out: &mut Vec<u8>, octets: &[u8]) -> bool {
    let mut valid = true;
    for chunk in octets.utf8_chunks() {
        let text = chunk.valid();
        let mut plain_from = 0usize;
        for (at, c) in text.char_indices() {
            if needs_escape(c) {
                let plain = text.get(plain_from..at).unwrap_or_default();
                out.extend_from_slice(plain.as_bytes());
                character(out, c);
                plain_from = at.saturating_add(c.len_utf8());
            }
        }
        let plain = text.get(plain_from..).unwrap_or_default();
        out.extend_from_slice(plain.as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice(REPLACEMENT);
            valid = false;
        }
    }
    valid
}

fn needs_escape(c: char) -> bool {
    matches!(
        c,
        '"' | '\\' | '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

fn character(out: &mut Vec<u8>, c: char) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        c if needs_escape(c) => {
            let number = u32::from(c);
            let digit = |shift: u32| {
                let nibble = number.wrapping_shr(shift) & 15;
                char::from_digit(nibble, 16).map_or(b'0', |c| c as u8)
            };
            out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
        }
        c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(octets: &[u8]) -> (String, bool) {
        let mut out = Vec::new();
        let valid = string(&mut out, octets);
        (String::from_utf8(out).unwrap(), valid)
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(shown("a\u{1b}[2J\u{9b}\u{7f}\u{202e}".as_bytes()).0, r#""a\u001b[2J\u009b\u007f\u202e""#);
        assert_eq!(shown("grüße 漢字 🦀".as_bytes()), ("\"grüße 漢字 🦀\"".to_owned(), true));
    }

    #[test]
    fn octets_that_are_not_utf8_are_replaced_and_told() {
        assert_eq!(shown(b"a\xffb"), ("\"a\u{fffd}b\"".to_owned(), false));
    }

    #[test]
    fn base64_pads_every_remainder() {
        for (octets, expected) in [(&b""[..], "\"\""), (b"f", "\"Zg==\""), (b"fo", "\"Zm8=\""), (b"foo", "\"Zm9v\"")] {
            let mut out = Vec::new();
            base64(&mut out, octets);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn floats_are_the_shortest_that_read_back() {
        let mut out = Vec::new();
        float(&mut out, 0.1f32);
        out.push(b' ');
        float(&mut out, f64::NEG_INFINITY);
        out.push(b' ');
        float(&mut out, -0.0f64);
        assert_eq!(out, b"0.1 \"-Infinity\" -0.0");
    }
}
