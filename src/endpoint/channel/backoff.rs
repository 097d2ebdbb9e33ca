//! How long to wait before trying again (gRPC connection-backoff.md), and the chance in it.

use std::time::Duration;

use crate::time::Timestamp;

/// When an address that failed is tried again: intervals are counted from the beginning of one attempt to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    /// The first interval. Default 1 s.
    pub base: Duration,
    /// How much longer each interval is than the one before. Default 1.6.
    pub multiplier: f64,
    /// The part of an interval by which chance makes it longer or shorter; not the first one. 0 to 1, default 0.2.
    pub jitter: f64,
    /// The longest interval, before chance. Default 120 s.
    pub max: Duration,
    /// What an attempt is given at least until the server's SETTINGS are there. Default 20 s.
    pub connect_timeout: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            multiplier: 1.6,
            jitter: 0.2,
            max: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(20),
        }
    }
}

impl Backoff {
    /// The interval after an attempt that `failures` others failed before.
    pub(super) fn interval(&self, failures: u32, random: &mut Random) -> Duration {
        if failures == 0 {
            return self.base.min(self.max);
        }
        random.around(grown(self.base, self.multiplier, failures, self.max), self.jitter)
    }
}

/// `base`, multiplied `times` times, at most `max`.
pub(super) fn grown(base: Duration, multiplier: f64, times: u32, max: Duration) -> Duration {
    let factor = multiplier.max(1.0).powi(i32::try_from(times).unwrap_or(i32::MAX));
    Duration::try_from_secs_f64(base.as_secs_f64() * factor).unwrap_or(max).min(max)
}

/// The moment `duration` after `now`.
pub(super) fn after(now: Timestamp, duration: Duration) -> Timestamp {
    now.saturating_add_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

/// Numbers that look random and are the same for the same seed (SplitMix64). Not for secrets.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    /// `duration`, longer or shorter by at most this part of it.
    pub(super) fn around(&mut self, duration: Duration, jitter: f64) -> Duration {
        let factor = 1.0 + jitter.clamp(0.0, 1.0) * (2.0 * self.unit() - 1.0);
        Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(duration)
    }

    /// A number from 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_within_their_jitter_to_two_minutes() {
        let (backoff, mut random) = (Backoff::default(), Random(7));
        assert_eq!(backoff.interval(0, &mut random), Duration::from_secs(1));
        for failures in 1..40 {
            let exact = 1.6_f64.powi(failures).min(120.0);
            let interval = backoff.interval(failures.unsigned_abs(), &mut random).as_secs_f64();
            assert!((exact * 0.8..=exact * 1.2).contains(&interval), "{failures}: {interval}");
        }
    }

    #[test]
    fn chance_is_spread_evenly_and_follows_its_seed() {
        let mut random = Random(1);
        let numbers: Vec<f64> = (0..10_000).map(|_| random.unit()).collect();
        let mean = numbers.iter().sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
        let mut again = Random(1);
        assert!(numbers.iter().all(|number| *number == again.unit()));
    }

    #[test]
    fn absurd_configurations_neither_panic_nor_exceed_their_maximum() {
        let absurd = Backoff { base: Duration::MAX, multiplier: f64::NAN, jitter: f64::INFINITY, ..Backoff::default() };
        assert!(absurd.interval(u32::MAX, &mut Random(0)) <= Duration::from_secs(240));
        assert_eq!(absurd.interval(0, &mut Random(0)), Duration::from_secs(120));
    }
}
