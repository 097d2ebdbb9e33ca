//! JSON's atoms: strings, base64 and numbers, appended to a buffer (RFC 8259 §6, §7; RFC 4648 §4).

/// Appends a quoted string. Octets that are not UTF-8 become U+FFFD; returns whether all of them were.
///
/// Besides what JSON asks for, characters that would steer a terminal or reorder a line (DEL, C1, bidirectional marks,
/// line separators) are escaped: the value is the same to every JSON reader.
#[inline]
pub(crate) fn string(out: &mut Vec<u8>, octets: &[u8]) -> bool {
    out.push(b'"');
    let valid = if octets.iter().all(|&octet| is_plain(octet)) {
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
    out.push(b'"');
    out.reserve(octets.len().div_ceil(3).saturating_mul(4).saturating_add(1));
    let digit = |n: u32| DIGITS.get((n & 63) as usize).copied().unwrap_or(b'A');
    let mut chunks = octets.chunks_exact(3);
    for chunk in chunks.by_ref() {
        if let &[a, b, c] = chunk {
            let n = u32::from_be_bytes([0, a, b, c]);
            out.extend_from_slice(&[digit(n >> 18), digit(n >> 12), digit(n >> 6), digit(n)]);
        }
    }
    match *chunks.remainder() {
        [a] => {
            let n = u32::from_be_bytes([0, a, 0, 0]);
            out.extend_from_slice(&[digit(n >> 18), digit(n >> 12), b'=', b'=']);
        }
        [a, b] => {
            let n = u32::from_be_bytes([0, a, b, 0]);
            out.extend_from_slice(&[digit(n >> 18), digit(n >> 12), digit(n >> 6), b'=']);
        }
        _ => {}
    }
    out.push(b'"');
}

/// Appends an integer.
#[inline]
pub(crate) fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends an integer as a string, as JSON numbers beyond 2^53 lose digits in many readers.
#[inline]
pub(crate) fn quoted_integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.push(b'"');
    integer(out, number);
    out.push(b'"');
}

/// Appends the shortest number that reads back the same, or the name of what is none.
pub(crate) fn float(out: &mut Vec<u8>, number: impl ryu::Float + Into<f64>) {
    let wide: f64 = number.into();
    if wide.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes());
    } else {
        let name: &[u8] = match (wide.is_nan(), wide > 0.0) {
            (true, _) => b"\"NaN\"",
            (false, true) => b"\"Infinity\"",
            (false, false) => b"\"-Infinity\"",
        };
        out.extend_from_slice(name);
    }
}

#[inline]
fn is_plain(octet: u8) -> bool {
    matches!(octet, 0x20..=0x7e) && octet != b'"' && octet != b'\\'
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
