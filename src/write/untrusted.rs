//! Text from a capture, shown so that it stays on its line and commands no terminal.
//!
//! Two ways: the trace keeps text as it stands, the backslash too, but for what could steer a terminal ([`untrusted`]); tables and pages,
//! where a line must stay a line and an escape must be told from text that looks like one, double the backslash ([`escaped`]).

use super::scan::{is_plain, is_printable};
use super::{hex, hex_number, integer};

/// Appends text from a stranger: what could steer a terminal, does not show or is no UTF-8 stands as octets, `\x1b`.
pub fn untrusted(out: &mut Vec<u8>, text: &[u8]) {
    if is_printable(text) {
        out.extend_from_slice(text);
        return;
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut octets = [0; 4];
            let octets = character.encode_utf8(&mut octets).as_bytes();
            if character.is_control() || is_unseen(character) {
                octets.iter().for_each(|octet| escape_octet(out, *octet));
            } else {
                out.extend_from_slice(octets);
            }
        }
        chunk.invalid().iter().for_each(|octet| escape_octet(out, *octet));
    }
}

/// As [`untrusted`], but at most about `most` octets of it, cut before a character; the rest is counted.
pub fn untrusted_part(out: &mut Vec<u8>, text: &[u8], most: usize) {
    let most = whole_characters(text, most);
    match text.get(..most).filter(|_| text.len() > most) {
        None => untrusted(out, text),
        Some(part) => {
            untrusted(out, part);
            out.extend_from_slice("… ".as_bytes());
            integer(out, text.len().saturating_sub(most));
            out.extend_from_slice(b" more");
        }
    }
}

/// The largest number of octets up to `most` that does not cut a character of UTF-8.
#[must_use]
pub fn whole_characters(text: &[u8], most: usize) -> usize {
    let continues = |at: usize| text.get(at).is_some_and(|octet| octet & 0xc0 == 0x80);
    // No character has more than three octets after its first.
    (most.saturating_sub(3)..=most).rev().find(|at| !continues(*at)).unwrap_or(most)
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
    if octets.len() <= most && (if backslash { is_plain(octets) } else { is_printable(octets) }) {
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
            hex_number(out, u64::from(u32::from(character)), 1);
            out.push(b'}');
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn escape_octet(out: &mut Vec<u8>, octet: u8) {
    out.extend_from_slice(b"\\x");
    hex(out, &[octet]);
}

/// Whether a character beyond ASCII steers a terminal or a renderer, or does not show: C1 controls, line and paragraph separators,
/// marks of direction, joiners and spaces without width, tags and private use.
const fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::super::tests::text;
    use super::*;

    #[test]
    fn text_cannot_steer_the_terminal() {
        let octets = "a\u{1b}[31m\u{202e}\u{e9}".as_bytes();
        assert_eq!(text(|out| untrusted(out, octets)), "a\\x1b[31m\\xe2\\x80\\xae\u{e9}");
        assert_eq!(text(|out| untrusted(out, b"\xff")), "\\xff");
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
    fn a_part_of_text_ends_with_a_whole_character() {
        assert_eq!(text(|out| untrusted_part(out, "漢字".as_bytes(), 4)), "漢… 3 more");
        assert_eq!(text(|out| untrusted_part(out, "漢字".as_bytes(), 5)), "漢… 3 more");
        assert_eq!(text(|out| untrusted_part(out, "漢字".as_bytes(), 6)), "漢字");
        assert_eq!(text(|out| untrusted_part(out, b"\xbf\xbf\xbf\xbf\xbf\xbf", 4)), r"\xbf\xbf\xbf\xbf… 2 more");
    }

    #[test]
    fn text_that_does_not_show_is_told_by_its_octets() {
        assert_eq!(
            text(|out| untrusted(out, "a\u{200b}b\u{2028}\u{feff}".as_bytes())),
            r"a\xe2\x80\x8bb\xe2\x80\xa8\xef\xbb\xbf"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(text(|out| escaped_within(out, b"abcdef", 6)), "abcdef");
        assert_eq!(text(|out| escaped_within(out, b"abcdef", 5)), "abcde...");
        assert_eq!(text(|out| escaped_within(out, "ääää".as_bytes(), 4)), "ääää");
        assert_eq!(text(|out| escaped_within(out, b"\xff\xff\xff", 2)), r"\xff\xff...");
    }
}
