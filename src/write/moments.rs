//! Moments as decimal numbers of nanoseconds, made from the moment before.

use super::{EIGHT, ZEROS, digits, integer};
use crate::time::Timestamp;

/// Writes moments. Those that follow each other are often the same, and nearly always have all but their last eight digits in common.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    nanos: i64,
    /// What the digits before the last eight say; 0 where there are none, or no text.
    high: u64,
    text: [u8; LONGEST],
    length: usize,
}

/// Octets of the longest number, and some more.
const LONGEST: usize = 24;

impl Moments {
    /// Appends a moment as nanoseconds since the epoch.
    #[inline]
    pub fn write(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let nanos = time.as_nanos();
        if self.high == 0 || nanos != self.nanos {
            self.change(nanos);
        }
        // All of it is written in one go, and what is too much is taken back.
        let end = out.len().wrapping_add(self.length);
        out.extend_from_slice(&self.text);
        out.truncate(end);
    }

    fn change(&mut self, nanos: i64) {
        self.nanos = nanos;
        let number = u64::try_from(nanos).unwrap_or(0);
        let (high, low) = (number / EIGHT, number % EIGHT);
        if high != self.high || high == 0 {
            self.high = high;
            return self.anew(nanos);
        }
        let from = self.length.saturating_sub(8);
        if let Some(room) = self.text.get_mut(from..).and_then(<[u8]>::first_chunk_mut) {
            *room = (digits(low) | ZEROS).to_le_bytes();
        }
    }

    #[cold]
    fn anew(&mut self, nanos: i64) {
        let mut text = Vec::with_capacity(LONGEST);
        integer(&mut text, nanos);
        self.length = text.len();
        self.text.iter_mut().zip(text).for_each(|(place, octet)| *place = octet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_they_are_whatever_was_written_before() {
        let mut moments = Moments::default();
        let late = 1_700_000_000_002_020_295;
        for nanos in [
            0,
            7,
            late,
            late,
            late + 1,
            late - 2_020_295,
            late + 100_000_000,
            -5,
            99_999_999,
            100_000_000,
            late,
            0,
            i64::MIN,
            i64::MAX,
        ] {
            let mut out = b"x".to_vec();
            moments.write(Timestamp::from_nanos(nanos), &mut out);
            assert_eq!(String::from_utf8(out), Ok(format!("x{nanos}")));
        }
    }
}
