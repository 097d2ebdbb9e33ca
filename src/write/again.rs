//! Numbers that come again and again: their digits are kept, not made anew.

use super::{EIGHT, ZEROS, count, digits, from_octet, integer};

/// Writes numbers of which each is often the one before: that of a packet with many frames, of a call with many messages.
#[derive(Clone, Debug)]
pub struct Again {
    number: u64,
    text: [u8; 8],
    length: usize,
}

impl Default for Again {
    fn default() -> Self {
        Self { number: 0, text: *b"0       ", length: 1 }
    }
}

impl Again {
    /// Appends a number.
    #[inline]
    pub fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        if number != self.number {
            if number >= EIGHT {
                return integer(out, number);
            }
            self.change(number);
        }
        // All of it is written in one go, and what is too much is taken back.
        let end = out.len().wrapping_add(self.length);
        out.extend_from_slice(&self.text);
        out.truncate(end);
    }

    fn change(&mut self, number: u64) {
        self.number = number;
        self.length = count(number);
        self.text = from_octet(digits(number) | ZEROS, 8_usize.wrapping_sub(self.length)).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_whatever_was_written_before() {
        let mut again = Again::default();
        for number in [0, 0, 7, 7, 10, 99_999_999, 99_999_999, 100_000_000, 99_999_999, u64::MAX, 7, 0, 12_345] {
            let mut out = b"x".to_vec();
            again.write(number, &mut out);
            assert_eq!(String::from_utf8(out), Ok(format!("x{number}")));
        }
    }
}
