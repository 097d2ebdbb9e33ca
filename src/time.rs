//! The moment a packet was captured: nanoseconds since the Unix epoch, and its RFC 3339 text.
//!
//! Time enters the house on a packet and leaves it on an event; nothing here reads a clock. A
//! signed 64-bit count of nanoseconds reaches from 1677 to 2262. Leap seconds are not modelled,
//! exactly as capture files do not model them.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]

use std::fmt;
use std::ops::Deref;

/// A moment in nanoseconds since 1970-01-01T00:00:00Z; negative before it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to `self`; negative when `earlier` is the later one. Saturates.
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `nanos` later (earlier, if negative). Saturates.
    pub const fn saturating_add_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The moment as text, held on the stack: `2026-01-02T03:04:05.123456789Z`.
    pub fn rfc3339(self) -> Rfc3339 {
        let mut octets = [0; Rfc3339::LEN];
        self.write_rfc3339(&mut octets);
        Rfc3339(octets)
    }

    /// Writes the text of [`rfc3339`](Self::rfc3339) over `text`, which it fills exactly.
    pub fn write_rfc3339(self, text: &mut [u8; Rfc3339::LEN]) {
        *text = *b"0000-00-00T00:00:00.000000000Z";
        let seconds = self.0.div_euclid(NANOS_PER_SECOND);
        let nanos = self.0.rem_euclid(NANOS_PER_SECOND).unsigned_abs();
        let (year, month, day) = civil_date(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY).unsigned_abs();
        for (at, width, value) in [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, second_of_day / 3600),
            (14, 2, second_of_day / 60 % 60),
            (17, 2, second_of_day % 60),
            (20, 9, nanos),
        ] {
            put_decimal(text.iter_mut().skip(at).take(width), value);
        }
    }
}

/// RFC 3339 text of a [`Timestamp`]: UTC, always nine digits of a second, always 30 octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rfc3339([u8; Self::LEN]);

impl Rfc3339 {
    /// Octets in the text.
    pub const LEN: usize = 30;
}

impl Deref for Rfc3339 {
    type Target = str;

    fn deref(&self) -> &str {
        // Only ASCII is ever written; the empty string cannot occur.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

/// Writes `value` right-aligned over the digits, the leading ones `0`; higher digits are cut.
fn put_decimal<'a>(digits: impl DoubleEndedIterator<Item = &'a mut u8>, mut value: u64) {
    for digit in digits.rev() {
        *digit = b'0'.saturating_add(u8::try_from(value % 10).unwrap_or(0));
        value /= 10;
    }
}

/// Year, month and day of a day number since the epoch, in the proleptic Gregorian calendar.
///
/// Days are counted from 1 March of year 0, so that a leap day ends its year; after Howard
/// Hinnant, "chrono-Compatible Low-Level Date Algorithms". Every 64-bit nanosecond count yields a
/// day within 107 000 of the epoch, far from any overflow.
fn civil_date(days: i64) -> (u64, u64, u64) {
    const DAYS_FROM_YEAR_0: i64 = 719_468;
    const DAYS_PER_ERA: u64 = 146_097;
    let days = days.saturating_add(DAYS_FROM_YEAR_0).unsigned_abs();
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era = day_of_era
        .saturating_sub(day_of_era / 1460)
        .saturating_add(day_of_era / 36_524)
        .saturating_sub(day_of_era / 146_096)
        / 365;
    let days_before_year =
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(days_before_year);
    // Months from March: 0 is March, 11 is February.
    let month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let days_before_month = month.saturating_mul(153).saturating_add(2) / 5;
    let day = day_of_year.saturating_sub(days_before_month).saturating_add(1);
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    if month < 10 {
        (year, month.saturating_add(3), day)
    } else {
        (year.saturating_add(1), month.saturating_sub(9), day)
    }
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_print_as_rfc_3339() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_709_251_199_123_456_789, "2024-02-29T23:59:59.123456789Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
        ] {
            assert_eq!(Timestamp::from_nanos(nanos).rfc3339().to_string(), text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before_it() {
        let mut before = civil_date(-106_752);
        for day in -106_751..=106_751 {
            let today = civil_date(day);
            assert!(today > before, "{today:?} after {before:?}");
            assert!((1..=12).contains(&today.1) && (1..=31).contains(&today.2));
            before = today;
        }
    }

    #[test]
    fn differences_saturate() {
        let first = Timestamp::from_nanos(i64::MIN);
        let last = Timestamp::from_nanos(i64::MAX);
        assert_eq!(last.nanos_since(first), i64::MAX);
        assert_eq!(first.nanos_since(last), i64::MIN);
        assert_eq!(last.saturating_add_nanos(1), last);
    }
}
