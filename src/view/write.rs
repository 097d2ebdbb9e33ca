//! Numbers, durations, clock times and untrusted text appended to a buffer by hand, without `fmt`: all that views for people share.
//!
//! Widths are columns of ASCII. A number that is wider than its column is written whole and pushes what follows: never a cut number.

use crate::time::{Rfc3339, Timestamp};

/// Appends `count` spaces.
pub fn spaces(out: &mut Vec<u8>, count: usize) {
    const SPACES: [u8; 64] = [b' '; 64];
    let mut left = count;
    while left > 0 {
        let take = left.min(SPACES.len());
        out.extend_from_slice(SPACES.get(..take).unwrap_or_default());
        left = left.saturating_sub(take);
    }
}

/// Appends spaces until what was written since `from`, a length of `out`, is `width` octets long.
pub fn pad(out: &mut Vec<u8>, from: usize, width: usize) {
    spaces(out, width.saturating_sub(out.len().saturating_sub(from)));
}

/// Appends ASCII text, left-aligned.
pub fn left(out: &mut Vec<u8>, text: &str, width: usize) {
    out.extend_from_slice(text.as_bytes());
    spaces(out, width.saturating_sub(text.len()));
}

/// Appends ASCII text, right-aligned.
pub fn right(out: &mut Vec<u8>, text: &str, width: usize) {
    spaces(out, width.saturating_sub(text.len()));
    out.extend_from_slice(text.as_bytes());
}

/// Appends a number.
pub fn integer(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a number, right-aligned.
pub fn integer_right(out: &mut Vec<u8>, value: u64, width: usize) {
    right(out, itoa::Buffer::new().format(value), width);
}

/// Appends a number that may be negative.
pub fn signed(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a number and what it counts: `1 octet`, `2 octets`.
pub fn counted(out: &mut Vec<u8>, value: u64, one: &str, many: &str) {
    integer(out, value);
    out.push(b' ');
    out.extend_from_slice(if value == 1 { one } else { many }.as_bytes());
}

/// Appends a number as lower-case hexadecimal, `digits` of them at least.
pub fn hex(out: &mut Vec<u8>, value: u64, digits: u32) {
    let needed = 16_u32.saturating_sub(value.leading_zeros() / 4);
    for place in (0..needed.max(digits).max(1)).rev() {
        let nibble = value.checked_shr(place.saturating_mul(4)).unwrap_or(0) & 0xf;
        out.push(hex_digit(u8::try_from(nibble).unwrap_or(0)));
    }
}

/// Appends nanoseconds as milliseconds, rounded to three decimals: `0.506`.
pub fn millis(out: &mut Vec<u8>, nanos: i64) {
    let mut text = [0; MILLIS_MOST];
    out.extend_from_slice(millis_text(&mut text, nanos));
}

/// Appends nanoseconds as milliseconds, rounded to three decimals, right-aligned.
pub fn millis_right(out: &mut Vec<u8>, nanos: i64, width: usize) {
    let mut text = [0; MILLIS_MOST];
    let text = millis_text(&mut text, nanos);
    spaces(out, width.saturating_sub(text.len()));
    out.extend_from_slice(text);
}

/// Appends nanoseconds with their unit: `640 ns`, `0.506 ms`, `1.234 s`.
pub fn duration(out: &mut Vec<u8>, nanos: i64) {
    match nanos.unsigned_abs() {
        1..1_000 => {
            signed(out, nanos);
            out.extend_from_slice(b" ns");
        }
        0..999_999_500 => {
            millis(out, nanos);
            out.extend_from_slice(b" ms");
        }
        _ => {
            // Milliseconds of microseconds are seconds: the same three decimals.
            let micros = nanos.saturating_add(nanos.signum().saturating_mul(500)) / 1_000;
            millis(out, micros);
            out.extend_from_slice(b" s");
        }
    }
}

/// Appends a moment as RFC 3339 text, always [`CLOCK_WIDTH`] octets.
pub fn clock(out: &mut Vec<u8>, time: Timestamp) {
    let mut text = [0; CLOCK_WIDTH];
    time.write_rfc3339(&mut text);
    out.extend_from_slice(&text);
}

/// Octets of a moment written by [`clock`].
pub const CLOCK_WIDTH: usize = Rfc3339::LEN;

/// Appends a space and, right-aligned in the rest of a column of `width`, what `write` appends: columns never touch.
pub fn column(out: &mut Vec<u8>, width: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let from = out.len();
    spaces(out, width);
    let at = out.len();
    write(out);
    let length = out.len().saturating_sub(at);
    // The text moves back over spaces that it does not need, all but one.
    let to = from.saturating_add(width.saturating_sub(length).max(1)).min(at);
    out.copy_within(at.., to);
    out.truncate(to.saturating_add(length));
}

/// Appends text that nobody vouches for so that it shows on one line and does nothing else: control characters and octets that are not
/// UTF-8 as `\x1b`, characters that are invisible or turn the direction of text as `\u{202e}`, the backslash doubled.
pub fn escaped(out: &mut Vec<u8>, octets: &[u8]) {
    escape(out, octets, usize::MAX, true);
}

/// As [`escaped`], at most `most` characters before an ellipsis `...`.
pub fn escaped_within(out: &mut Vec<u8>, octets: &[u8], most: usize) {
    escape(out, octets, most, true);
}

/// As [`escaped`] for text that has its own escapes, such as JSON: the backslash stays as it is.
pub fn printable(out: &mut Vec<u8>, octets: &[u8]) {
    escape(out, octets, usize::MAX, false);
}

fn escape(out: &mut Vec<u8>, octets: &[u8], most: usize, backslash: bool) {
    let plain = |octet: &u8| matches!(octet, 0x20..=0x7e) && !(backslash && *octet == b'\\');
    if octets.len() <= most && octets.iter().all(plain) {
        return out.extend_from_slice(octets);
    }
    let mut left = most;
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            if left == 0 {
                return out.extend_from_slice(b"...");
            }
            left = left.saturating_sub(1);
            escape_character(out, character, backslash);
        }
        for octet in chunk.invalid() {
            if left == 0 {
                return out.extend_from_slice(b"...");
            }
            left = left.saturating_sub(1);
            escape_octet(out, *octet);
        }
    }
}

fn escape_character(out: &mut Vec<u8>, character: char, backslash: bool) {
    match character {
        '\\' if backslash => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\0'..='\x1f' | '\x7f' => escape_octet(out, u8::try_from(u32::from(character)).unwrap_or(0)),
        _ if is_unseen(character) => {
            out.extend_from_slice(b"\\u{");
            hex(out, u64::from(u32::from(character)), 1);
            out.push(b'}');
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn escape_octet(out: &mut Vec<u8>, octet: u8) {
    out.extend_from_slice(b"\\x");
    hex(out, u64::from(octet), 2);
}

/// Whether a character beyond ASCII steers a terminal or a renderer, or does not show: C1 controls, line and paragraph separators,
/// marks of direction, joiners and spaces without width, tags and private use.
const fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

const fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0'.saturating_add(nibble),
        _ => b'a'.saturating_add(nibble).saturating_sub(10),
    }
}

/// Octets of the longest number of milliseconds: a sign, 13 digits, the point, three decimals.
const MILLIS_MOST: usize = 20;

/// Writes milliseconds at the end of `text`.
fn millis_text(text: &mut [u8; MILLIS_MOST], nanos: i64) -> &[u8] {
    let micros = nanos.unsigned_abs().saturating_add(500) / 1_000;
    let negative = nanos < 0 && micros > 0;
    let mut rest = micros;
    let mut at = MILLIS_MOST;
    for (place, slot) in text.iter_mut().rev().enumerate() {
        if rest == 0 && place > 4 {
            if negative {
                *slot = b'-';
                at = at.saturating_sub(1);
            }
            break;
        }
        *slot = if place == 3 {
            b'.'
        } else {
            let digit = u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            b'0'.saturating_add(digit)
        };
        at = at.saturating_sub(1);
    }
    text.get(at..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("views write UTF-8")
    }

    #[test]
    fn milliseconds_have_three_rounded_decimals_and_line_up() {
        for (nanos, shown) in [
            (0, "     0.000"),
            (499, "     0.000"),
            (500, "     0.001"),
            (506_000, "     0.506"),
            (1_153_499, "     1.153"),
            (999_999_500, "  1000.000"),
            (-1_500_000, "    -1.500"),
            (-400, "     0.000"),
            (123_456_789_012_345, "123456789.012"),
        ] {
            assert_eq!(text(|out| millis_right(out, nanos, 10)), shown);
        }
        assert_eq!(text(|out| millis(out, i64::MIN)), "-9223372036854.776");
    }

    #[test]
    fn durations_change_their_unit_where_they_would_round_up_to_it() {
        for (nanos, shown) in [
            (0, "0.000 ms"),
            (640, "640 ns"),
            (506_000, "0.506 ms"),
            (999_999_499, "999.999 ms"),
            (999_999_500, "1.000 s"),
            (1_234_000_000, "1.234 s"),
            (-2_500_000_000, "-2.500 s"),
            (75_300_000_000, "75.300 s"),
        ] {
            assert_eq!(text(|out| duration(out, nanos)), shown);
        }
    }

    #[test]
    fn numbers_wider_than_their_column_are_written_whole() {
        assert_eq!(text(|out| integer_right(out, 7, 4)), "   7");
        assert_eq!(text(|out| integer_right(out, 123_456, 4)), "123456");
        assert_eq!(text(|out| hex(out, 0xfa, 2)), "fa");
        assert_eq!(text(|out| hex(out, 0, 2)), "00");
        assert_eq!(text(|out| hex(out, u64::MAX, 2)), "ffffffffffffffff");
        assert_eq!(text(|out| counted(out, 1, "octet", "octets")), "1 octet");
        assert_eq!(text(|out| spaces(out, 130)).len(), 130);
    }

    #[test]
    fn columns_line_up_and_never_touch() {
        for (value, shown) in [(7, "      7"), (123_456, " 123456"), (1_234_567, " 1234567")] {
            assert_eq!(text(|out| column(out, 7, |out| integer(out, value))), shown);
        }
        assert_eq!(text(|out| column(out, 0, |out| integer(out, 7))), "7");
    }

    #[test]
    fn no_octets_of_a_capture_reach_the_terminal_as_commands() {
        for (octets, shown) in [
            (&b"/a.B/C"[..], "/a.B/C"),
            (b"\x1b[2J\x07", r"\x1b[2J\x07"),
            (b"a\r\nb\tc\\d", r"a\r\nb\tc\\d"),
            (b"\xff\xc2\x9b31m", r"\xff\u{9b}31m"),
            ("\u{202e}gnp\u{2028}".as_bytes(), r"\u{202e}gnp\u{2028}"),
            ("grüße 🦀".as_bytes(), "grüße 🦀"),
        ] {
            assert_eq!(text(|out| escaped(out, octets)), shown);
        }
        assert_eq!(text(|out| printable(out, b"{\"a\": \"\\n\x1b\"}")), "{\"a\": \"\\n\\x1b\"}");
        for octet in 0..=0xff_u8 {
            let shown = text(|out| escaped(out, &[octet]));
            assert!(shown.chars().all(|c| !c.is_control()), "{octet:#x}");
        }
    }

    #[test]
    fn long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(text(|out| escaped_within(out, b"abcdef", 6)), "abcdef");
        assert_eq!(text(|out| escaped_within(out, b"abcdef", 5)), "abcde...");
        assert_eq!(text(|out| escaped_within(out, "ääää".as_bytes(), 4)), "ääää");
        assert_eq!(text(|out| escaped_within(out, b"\xff\xff\xff", 2)), r"\xff\xff...");
    }
}
