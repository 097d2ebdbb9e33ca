//! Numbers, times and untrusted text into a buffer, without formatting machinery on the way.

use std::time::Duration;

/// Appends an integer.
pub fn integer(n: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Appends an integer, right-aligned to `width`.
pub fn padded(n: impl itoa::Integer, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(n);
    spaces(width.saturating_sub(digits.len()), out);
    out.extend_from_slice(digits.as_bytes());
}

/// Appends `n` spaces.
pub fn spaces(n: usize, out: &mut Vec<u8>) {
    out.resize(out.len().saturating_add(n), b' ');
}

/// Appends text, filled up with spaces to `width`.
pub fn left(text: &str, width: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    spaces(width.saturating_sub(text.len()), out);
}

/// Appends nanoseconds as milliseconds with three decimals (`0.540`), right-aligned to `width`.
pub fn milliseconds(nanos: i64, width: usize, out: &mut Vec<u8>) {
    let micros = nanos.unsigned_abs() / 1000;
    let mut buffer = itoa::Buffer::new();
    let whole = buffer.format(micros / 1000);
    let sign = usize::from(nanos < 0 && micros > 0);
    spaces(width.saturating_sub(whole.len().saturating_add(4).saturating_add(sign)), out);
    if sign > 0 {
        out.push(b'-');
    }
    out.extend_from_slice(whole.as_bytes());
    out.push(b'.');
    decimals(micros % 1000, 3, out);
}

/// Appends a length of time with its unit: `0.163 ms`, `1.250 s`, `3 min 20 s`.
pub fn duration(nanos: i64, out: &mut Vec<u8>) {
    if nanos < 0 {
        out.push(b'-');
    }
    let length = Duration::from_nanos(nanos.unsigned_abs());
    let (seconds, micros) = (length.as_secs(), u64::from(length.subsec_micros()));
    if seconds == 0 {
        integer(micros / 1000, out);
        out.push(b'.');
        decimals(micros % 1000, 3, out);
        out.extend_from_slice(b" ms");
    } else if seconds < 120 {
        integer(seconds, out);
        out.push(b'.');
        decimals(micros / 1000, 3, out);
        out.extend_from_slice(b" s");
    } else {
        integer(seconds / 60, out);
        out.extend_from_slice(b" min ");
        integer(seconds % 60, out);
        out.extend_from_slice(b" s");
    }
}

fn decimals(n: u64, digits: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(n);
    out.resize(out.len().saturating_add(digits.saturating_sub(text.len())), b'0');
    out.extend_from_slice(text.as_bytes());
}

/// Appends `n` and a noun, in the plural where it must be: `1 octet`, `2 octets`.
pub fn counted(n: u64, noun: &str, out: &mut Vec<u8>) {
    integer(n, out);
    out.push(b' ');
    out.extend_from_slice(noun.as_bytes());
    if n != 1 {
        out.push(b's');
    }
}

/// Appends text from a stranger: what could steer a terminal or is no UTF-8 is shown as `\x1b`.
pub fn untrusted(text: &[u8], out: &mut Vec<u8>) {
    if text.iter().all(|octet| matches!(octet, b' '..=b'~')) {
        out.extend_from_slice(text);
        return;
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            // Besides the control characters: those that change the direction of text.
            if character.is_control() || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
                let mut octets = [0; 4];
                character.encode_utf8(&mut octets).bytes().for_each(|octet| escaped(octet, out));
            } else {
                let mut octets = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut octets).as_bytes());
            }
        }
        chunk.invalid().iter().for_each(|octet| escaped(*octet, out));
    }
}

/// As [`untrusted`], but at most about `most` octets of it; the rest is counted.
pub fn untrusted_part(text: &[u8], most: usize, out: &mut Vec<u8>) {
    match text.get(..most).filter(|_| text.len() > most) {
        None => untrusted(text, out),
        Some(part) => {
            untrusted(part, out);
            out.extend_from_slice("… ".as_bytes());
            integer(text.len().saturating_sub(most), out);
            out.extend_from_slice(b" more");
        }
    }
}

fn escaped(octet: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\x");
    hex(&[octet], out);
}

/// Appends octets in hexadecimal.
pub fn hex(octets: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for octet in octets {
        for digit in [octet >> 4, octet & 15] {
            out.extend(DIGITS.get(usize::from(digit)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(f: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        f(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn milliseconds_are_aligned_and_keep_their_sign() {
        assert_eq!(written(|out| milliseconds(540_000, 8, out)), "   0.540");
        assert_eq!(written(|out| milliseconds(-1_250_000, 8, out)), "  -1.250");
    }

    #[test]
    fn a_duration_chooses_its_unit() {
        assert_eq!(written(|out| duration(163_000, out)), "0.163 ms");
        assert_eq!(written(|out| duration(1_250_000_000, out)), "1.250 s");
        assert_eq!(written(|out| duration(200_000_000_000, out)), "3 min 20 s");
    }

    #[test]
    fn text_cannot_steer_the_terminal() {
        let text = "a\u{1b}[31m\u{202e}\u{e9}".as_bytes();
        assert_eq!(written(|out| untrusted(text, out)), "a\\x1b[31m\\xe2\\x80\\xae\u{e9}");
        assert_eq!(written(|out| untrusted(b"\xff", out)), "\\xff");
    }
}
