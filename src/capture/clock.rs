//! The clock of an interface: from its ticks to nanoseconds since the epoch.
//!
//! pcapng lets every interface choose a resolution (`if_tsresol`) and an offset in seconds
//! (`if_tsoffset`), draft-ietf-opsawg-pcapng §4.2. Finer clocks are rounded down to nanoseconds.

use super::TimeQuality;
use crate::time::Timestamp;

/// How many ticks of a clock make a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// 10 to this power (0 to 127): 6 is microseconds, 9 nanoseconds.
    PowerOfTen(u8),
    /// 2 to this power (0 to 127).
    PowerOfTwo(u8),
}

impl Resolution {
    /// What an interface without `if_tsresol` uses.
    pub const MICROSECONDS: Self = Self::PowerOfTen(6);
    /// What this program writes.
    pub const NANOSECONDS: Self = Self::PowerOfTen(9);

    /// The meaning of the octet of `if_tsresol`.
    pub fn from_octet(octet: u8) -> Self {
        match octet & 0x80 {
            0 => Self::PowerOfTen(octet),
            _ => Self::PowerOfTwo(octet & 0x7f),
        }
    }
}

/// A resolution and an offset, ready to convert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    scale: Scale,
    offset_seconds: i64,
    /// The same in nanoseconds, if it fits.
    offset_nanos: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    /// Nanoseconds a tick.
    Times(u64),
    /// Ticks a nanosecond, a power of ten; 0 if more than 64 bits can hold.
    Per(u64),
    /// Seconds, shifted left by this much.
    Shifted(u8),
}

impl Clock {
    pub(crate) fn new(resolution: Resolution, offset_seconds: i64) -> Self {
        let scale = match resolution {
            Resolution::PowerOfTwo(power) => Scale::Shifted(power),
            Resolution::PowerOfTen(power) => match 9_u8.checked_sub(power) {
                Some(missing) => Scale::Times(10_u64.saturating_pow(missing.into())),
                None => Scale::Per(10_u64.checked_pow(u32::from(power).saturating_sub(9)).unwrap_or(0)),
            },
        };
        Self { scale, offset_seconds, offset_nanos: i64::try_from(offset(offset_seconds)).ok() }
    }

    #[inline]
    pub(crate) fn timestamp(self, ticks: u64) -> (Timestamp, TimeQuality) {
        match self.usual(ticks) {
            Some(nanos) => (Timestamp::from_nanos(nanos), TimeQuality::Captured),
            None => self.exact(ticks),
        }
    }

    /// Nanoseconds, if 64 bits suffice on the way.
    #[inline]
    fn usual(self, ticks: u64) -> Option<i64> {
        let Scale::Times(nanos) = self.scale else {
            return None;
        };
        let nanos = i64::try_from(ticks.checked_mul(nanos)?).ok()?;
        nanos.checked_add(self.offset_nanos?)
    }

    #[cold]
    fn exact(self, ticks: u64) -> (Timestamp, TimeQuality) {
        let nanos = match self.scale {
            Scale::Times(nanos) => i128::from(ticks).saturating_mul(nanos.into()),
            Scale::Per(ticks_a_nano) => ticks.checked_div(ticks_a_nano).unwrap_or(0).into(),
            Scale::Shifted(power) => i128::from(ticks).saturating_mul(NANOS_PER_SECOND) >> power,
        };
        let nanos = nanos.saturating_add(offset(self.offset_seconds));
        match i64::try_from(nanos) {
            Ok(nanos) => (Timestamp::from_nanos(nanos), TimeQuality::Captured),
            Err(_) if nanos < 0 => (Timestamp::from_nanos(i64::MIN), TimeQuality::OutOfRange),
            Err(_) => (Timestamp::from_nanos(i64::MAX), TimeQuality::OutOfRange),
        }
    }
}

fn offset(seconds: i64) -> i128 {
    i128::from(seconds).saturating_mul(NANOS_PER_SECOND)
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resolution_and_offset_gives_nanoseconds() {
        for (tsresol, offset, ticks, nanos) in [
            (0, 0, 17, 17_000_000_000),
            (3, 0, 1_700_000_000_123, 1_700_000_000_123_000_000),
            (6, 0, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
            (9, 0, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
            (10, 0, 19, 1),
            (12, 5, 1_999, 5_000_000_001),
            (28, 0, u64::MAX, 1),
            (29, 7, u64::MAX, 7_000_000_000),
            (127, -1, u64::MAX, -1_000_000_000),
            (0x80, 0, 3, 3_000_000_000),
            (0x81, 0, 3, 1_500_000_000),
            (0x80 | 10, 0, 1, 976_562),
            (0x80 | 32, 0, 1 << 31, 500_000_000),
            (0x80 | 32, 1_700_000_000, 1 << 30, 1_700_000_000_250_000_000),
            (0x80 | 63, 0, u64::MAX, 1_999_999_999),
            (0xff, 0, u64::MAX, 0),
            (6, -2, 1_000_000, -1_000_000_000),
        ] {
            let clock = Clock::new(Resolution::from_octet(tsresol), offset);
            let expected = (Timestamp::from_nanos(nanos), TimeQuality::Captured);
            assert_eq!(clock.timestamp(ticks), expected, "if_tsresol {tsresol}");
        }
    }

    #[test]
    fn a_time_beyond_representation_is_clamped_and_marked() {
        let far = Clock::new(Resolution::MICROSECONDS, 0).timestamp(u64::MAX);
        assert_eq!(far, (Timestamp::from_nanos(i64::MAX), TimeQuality::OutOfRange));
        let past = Clock::new(Resolution::PowerOfTen(0), i64::MIN).timestamp(u64::MAX);
        assert_eq!(past, (Timestamp::from_nanos(i64::MAX), TimeQuality::OutOfRange));
        let past = Clock::new(Resolution::PowerOfTen(0), i64::MIN).timestamp(0);
        assert_eq!(past, (Timestamp::from_nanos(i64::MIN), TimeQuality::OutOfRange));
    }
}
