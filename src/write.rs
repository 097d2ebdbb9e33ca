//! Numbers, times, columns and untrusted text appended to a buffer by hand, without formatting machinery: all that text for people is made of.
//!
//! The buffer comes first, what is appended second, its width last. Widths are columns of ASCII. A number that is wider than its column is
//! written whole and pushes what follows: never a cut number.

mod again;
mod columns;
mod moments;
mod scan;
mod untrusted;

pub use self::again::Again;
pub use self::columns::columns;
pub use self::moments::Moments;

pub use self::scan::{is_plain, is_printable};
pub use self::untrusted::{escaped, escaped_within, printable, untrusted, untrusted_part, whole_characters};

use std::time::Duration;

use crate::time::{Rfc3339, Timestamp};

/// Appends `count` spaces.
#[inline]
pub fn spaces(out: &mut Vec<u8>, count: usize) {
    const SPACES: [u8; 32] = [b' '; 32];
    let mut left = count;
    while left > SPACES.len() {
        out.extend_from_slice(&SPACES);
        left = left.saturating_sub(SPACES.len());
    }
    // All of them are written in one go, and what is too much is taken back.
    let end = out.len().saturating_add(left);
    out.extend_from_slice(&SPACES);
    out.truncate(end);
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

/// Appends an integer.
#[inline]
pub fn integer(out: &mut Vec<u8>, number: impl itoa::Integer + Copy + TryInto<u64>) {
    match number.try_into() {
        Ok(digit @ 0..10) => out.push(b'0'.wrapping_add(digit as u8)),
        Ok(number @ 10..100) => out.extend_from_slice(&two_digits(number)),
        Ok(number) => unsigned(out, number),
        Err(_) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}

fn unsigned(out: &mut Vec<u8>, number: u64) {
    if number >= EIGHT {
        return long(out, number);
    }
    if !has_room(out) {
        return unsigned_again(out, number);
    }
    // Eight octets are written in one go, and what is too much is taken back. How many there are is found without the digits, since what
    // is written next waits for it.
    let count = count(number);
    let end = out.len().wrapping_add(count);
    out.extend_from_slice(&from_octet(digits(number) | ZEROS, 8_usize.wrapping_sub(count)).to_le_bytes());
    out.truncate(end);
}

/// For a buffer that had to grow: apart, so that the usual way has nothing to keep over a call.
#[cold]
fn unsigned_again(out: &mut Vec<u8>, number: u64) {
    out.reserve(ROOM);
    unsigned(out, number);
}

/// Whether eight octets can be appended as they are: asked first, it need not be asked again.
#[inline(always)]
fn has_room(out: &Vec<u8>) -> bool {
    out.capacity().wrapping_sub(out.len()) >= 8
}

/// Octets that are asked for where there are not eight.
const ROOM: usize = 64;

#[inline(never)]
fn long(out: &mut Vec<u8>, number: u64) {
    integer(out, number / EIGHT);
    out.extend_from_slice(&(digits(number % EIGHT) | ZEROS).to_le_bytes());
}

/// Appends an integer, right-aligned.
#[inline]
pub fn integer_right(out: &mut Vec<u8>, number: impl Into<u64>, width: usize) {
    match number.into() {
        number @ 0..100 if width >= 2 => {
            spaces(out, width.wrapping_sub(2));
            let [tens, ones] = two_digits(number);
            out.extend_from_slice(&[if number < 10 { b' ' } else { tens }, ones]);
        }
        number => unsigned_right(out, number, width),
    }
}

fn unsigned_right(out: &mut Vec<u8>, number: u64, width: usize) {
    if number >= EIGHT {
        return long_right(out, number, width);
    }
    if width > 8 {
        spaces(out, width.wrapping_sub(8));
        return unsigned_right(out, number, 8);
    }
    if !has_room(out) {
        return unsigned_right_again(out, number, width);
    }
    let zeros = 8_usize.wrapping_sub(count(number));
    // What begins as a space needs one bit less to become a digit.
    let text = (digits(number) | ZEROS) & !before_octet(ZEROS & !SPACES, zeros);
    let cut = zeros.min(8_usize.saturating_sub(width));
    let end = out.len().wrapping_add(8).wrapping_sub(cut);
    out.extend_from_slice(&from_octet(text, cut).to_le_bytes());
    out.truncate(end);
}

#[cold]
fn unsigned_right_again(out: &mut Vec<u8>, number: u64, width: usize) {
    out.reserve(ROOM);
    unsigned_right(out, number, width);
}

fn long_right(out: &mut Vec<u8>, number: u64, width: usize) {
    unsigned_right(out, number / EIGHT, width.saturating_sub(8));
    out.extend_from_slice(&(digits(number % EIGHT) | ZEROS).to_le_bytes());
}

/// Appends a number and a noun, with an `s` where it is not one: `1 octet`, `2 octets`.
pub fn counted(out: &mut Vec<u8>, number: u64, noun: &str) {
    counted_as(out, number, noun, noun);
    if number != 1 {
        out.push(b's');
    }
}

/// Appends a number and what it counts, where more is said than a noun: `1 call is`, `2 calls are`.
pub fn counted_as(out: &mut Vec<u8>, number: u64, one: &str, many: &str) {
    integer(out, number);
    out.push(b' ');
    out.extend_from_slice(if number == 1 { one } else { many }.as_bytes());
}

/// Appends octets in hexadecimal.
pub fn hex(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend(octets.iter().flat_map(|octet| [hex_digit(octet >> 4), hex_digit(octet & 15)]));
}

/// Appends a number in hexadecimal, `digits` of them at least.
pub fn hex_number(out: &mut Vec<u8>, value: u64, digits: u32) {
    let needed = 16_u32.saturating_sub(value.leading_zeros() / 4);
    for place in (0..needed.max(digits).max(1)).rev() {
        let nibble = value.checked_shr(place.saturating_mul(4)).unwrap_or(0) & 0xf;
        out.push(hex_digit(u8::try_from(nibble).unwrap_or(0)));
    }
}

/// Appends nanoseconds as milliseconds, rounded to three decimals: `0.506`.
#[inline]
pub fn millis(out: &mut Vec<u8>, nanos: i64) {
    millis_right(out, nanos, 0);
}

/// Appends nanoseconds as milliseconds, rounded to three decimals, right-aligned.
pub fn millis_right(out: &mut Vec<u8>, nanos: i64, width: usize) {
    let micros = nanos.unsigned_abs().saturating_add(500) / 1_000;
    let (whole, part) = (micros / 1_000, micros % 1_000);
    let width = width.saturating_sub(4);
    if nanos < 0 && micros > 0 {
        negative_right(out, whole, width);
    } else {
        integer_right(out, whole, width);
    }
    let [.., tenth, hundredth, thousandth] = (digits(part) | ZEROS).to_le_bytes();
    out.extend_from_slice(&[b'.', tenth, hundredth, thousandth]);
}

/// Appends a number of millionths: a point, and at least one decimal, but no zeros behind the last that is none.
pub fn millionths(out: &mut Vec<u8>, number: u64) {
    integer(out, number / 1_000_000);
    let decimals = digits(number % 1_000_000);
    let zeros = (decimals.leading_zeros() / 8).min(5) as usize;
    let [_, _, a, b, c, d, e, f] = (decimals | ZEROS).to_le_bytes();
    out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
    out.truncate(out.len().saturating_sub(zeros));
}

#[cold]
fn negative_right(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number);
    spaces(out, width.saturating_sub(text.len().saturating_add(1)));
    out.push(b'-');
    out.extend_from_slice(text.as_bytes());
}

/// Appends a moment, in nanoseconds since the beginning, as milliseconds, right-aligned: cut to three decimals, so that it is none that
/// had not come.
pub fn moment(out: &mut Vec<u8>, nanos: i64, width: usize) {
    // Cut to microseconds, nothing is left to be rounded.
    millis_right(out, nanos.saturating_sub(nanos % 1000), width);
}

/// Appends how long something took, cut to three decimals: `0.163 ms`, `1.250 s`, `3 min 20 s`.
pub fn elapsed(out: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        out.push(b'-');
    }
    let length = Duration::from_nanos(nanos.unsigned_abs());
    let seconds = length.as_secs();
    if seconds == 0 {
        millis(out, i64::from(length.subsec_micros()).saturating_mul(1000));
        out.extend_from_slice(b" ms");
    } else if seconds < 120 {
        // Milliseconds of microseconds are seconds: the same three decimals.
        millis(out, i64::try_from(length.as_millis()).unwrap_or(i64::MAX).saturating_mul(1000));
        out.extend_from_slice(b" s");
    } else {
        integer(out, seconds / 60);
        out.extend_from_slice(b" min ");
        integer(out, seconds % 60);
        out.extend_from_slice(b" s");
    }
}

/// Appends nanoseconds with their unit, rounded to three decimals: `640 ns`, `0.506 ms`, `1.234 s`.
pub fn duration(out: &mut Vec<u8>, nanos: i64) {
    match nanos.unsigned_abs() {
        1..1_000 => {
            integer(out, nanos);
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

const fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0'.wrapping_add(nibble),
        _ => b'a'.wrapping_sub(10).wrapping_add(nibble),
    }
}

/// The least number of nine digits.
const EIGHT: u64 = 100_000_000;
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
const SPACES: u64 = u64::from_le_bytes([b' '; 8]);

/// The eight digits of a number below [`EIGHT`], one an octet, the first one lowest: all halves, quarters and eighths at once.
#[inline(always)]
fn digits(number: u64) -> u64 {
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = (halves.wrapping_mul(10_486) >> 20) & 0x0000_007f_0000_007f;
    let quarters = hundreds | (halves.wrapping_sub(hundreds.wrapping_mul(100)) << 16);
    let tens = (quarters.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    tens | (quarters.wrapping_sub(tens.wrapping_mul(10)) << 8)
}

/// The digits of a number below 100.
#[inline(always)]
fn two_digits(number: u64) -> [u8; 2] {
    let tens = number.wrapping_mul(205) >> 11;
    [b'0'.wrapping_add(tens as u8), b'0'.wrapping_add(number.wrapping_sub(tens.wrapping_mul(10)) as u8)]
}

/// How many digits a number below [`EIGHT`] has: 1 to 8.
#[inline(always)]
fn count(number: u64) -> usize {
    let bits = (number | 1).ilog2() as usize;
    // A carry into the upper half is one digit more.
    (COUNTS.get(bits).map_or(0, |count| count.wrapping_add(number)) >> 32) as usize
}

/// By the number of bits behind a number's first one: in the upper half how many digits the least such number has, in the lower half what it takes
/// for one more.
static COUNTS: [u64; 32] = {
    let mut counts = [0; 32];
    let mut bits = 0;
    while bits < counts.len() {
        let least = 1_u64 << bits;
        let (mut digits, mut next) = (1, 10);
        while next <= least {
            (digits, next) = (digits + 1, next * 10);
        }
        // The least number with a digit more, if it has as many bits.
        let carry = if next >> bits == 1 { (1 << 32) - next } else { 0 };
        counts[bits] = (digits << 32) + carry;
        bits += 1;
    }
    counts
};

/// The octets from `at` on, which is at most 7, first.
#[inline(always)]
fn from_octet(octets: u64, at: usize) -> u64 {
    octets.wrapping_shr((at as u32).wrapping_mul(8))
}

/// The octets before `at`, which is at most 7; zeros follow them.
#[inline(always)]
fn before_octet(octets: u64, at: usize) -> u64 {
    octets & 1_u64.wrapping_shl((at as u32).wrapping_mul(8)).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `write` appends.
    pub(super) fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn moments_are_aligned_cut_and_keep_their_sign() {
        assert_eq!(text(|out| moment(out, 540_999, 8)), "   0.540");
        assert_eq!(text(|out| moment(out, -1_250_999, 8)), "  -1.250");
        assert_eq!(text(|out| moment(out, -999, 8)), "   0.000");
    }

    #[test]
    fn what_took_long_chooses_its_unit() {
        assert_eq!(text(|out| elapsed(out, 163_999)), "0.163 ms");
        assert_eq!(text(|out| elapsed(out, 1_250_999_999)), "1.250 s");
        assert_eq!(text(|out| elapsed(out, -119_000_000_000)), "-119.000 s");
        assert_eq!(text(|out| elapsed(out, 200_000_000_000)), "3 min 20 s");
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
    fn integers_are_written_as_they_are() {
        let mut numbers: Vec<u64> = (0..20_000).collect();
        for power in (0..20).map(|n| 10_u64.pow(n)) {
            numbers.extend([power - 1, power, power + 1, power.saturating_mul(7), power.saturating_mul(12)]);
        }
        numbers.extend((0..64).flat_map(|n| [u64::MAX >> n, 0x1234_5678_9abc_def0 >> n]));
        for number in numbers {
            assert_eq!(text(|out| integer(out, number)), number.to_string());
            for width in [0, 1, 4, 7, 8, 9, 12, 16, 17, 25] {
                assert_eq!(text(|out| integer_right(out, number, width)), format!("{number:width$}"));
            }
        }
        for number in [-1, -99, i64::MIN, i64::MAX] {
            assert_eq!(text(|out| integer(out, number)), number.to_string());
        }
    }

    #[test]
    fn numbers_wider_than_their_column_are_written_whole() {
        assert_eq!(text(|out| integer_right(out, 7_u64, 4)), "   7");
        assert_eq!(text(|out| integer_right(out, 123_456_u64, 4)), "123456");
        assert_eq!(text(|out| hex_number(out, 0xfa, 2)), "fa");
        assert_eq!(text(|out| hex_number(out, 0, 2)), "00");
        assert_eq!(text(|out| hex_number(out, u64::MAX, 2)), "ffffffffffffffff");
        assert_eq!(text(|out| counted_as(out, 1, "octet", "octets")), "1 octet");
        assert_eq!(text(|out| spaces(out, 130)).len(), 130);
    }

    #[test]
    fn columns_line_up_and_never_touch() {
        for (value, shown) in [(7, "      7"), (123_456, " 123456"), (1_234_567, " 1234567")] {
            assert_eq!(text(|out| column(out, 7, |out| integer(out, value))), shown);
        }
        assert_eq!(text(|out| column(out, 0, |out| integer(out, 7))), "7");
    }
}
