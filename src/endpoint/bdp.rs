//! How much the path holds: the bandwidth-delay estimator of grpc-go (`internal/transport/bdp_estimator.go`).
//!
//! The first DATA after an estimate sends a PING. Whatever arrives until its answer is what the path holds; if that is
//! two thirds of the window or more, and came faster than ever before, the window becomes twice as large.

use crate::time::Timestamp;

/// The payload of its PINGs.
pub const PING: [u8; 8] = [2, 4, 16, 16, 9, 14, 7, 7];

/// The largest window it asks for, in octets.
pub const LARGEST_WINDOW: u32 = 16 << 20;

/// The estimator of one connection, for octets that this end receives.
#[derive(Debug)]
pub struct Estimator {
    /// The window in octets.
    window: u32,
    /// Octets since the PING.
    sample: u64,
    /// When the PING left, while its answer is awaited.
    sent: Option<Timestamp>,
    samples: u32,
    /// Nanoseconds, smoothed.
    round_trip: f64,
    /// Octets a nanosecond.
    fastest: f64,
}

impl Estimator {
    /// An estimator that begins with this window, in octets.
    #[must_use]
    pub const fn new(window: u32) -> Self {
        Self { window, sample: 0, sent: None, samples: 0, round_trip: 0.0, fastest: 0.0 }
    }

    /// Takes note of DATA. Whether a PING is to be sent now.
    pub fn data(&mut self, now: Timestamp, octets: u32) -> bool {
        if self.window >= LARGEST_WINDOW {
            return false;
        }
        if self.sent.is_some() {
            self.sample = self.sample.saturating_add(octets.into());
            return false;
        }
        self.sent = Some(now);
        self.sample = octets.into();
        self.samples = self.samples.saturating_add(1);
        true
    }

    /// Whether a PING has not been answered yet.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.sent.is_some()
    }

    /// Takes the answer to the PING; the new window if it grows.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn answer(&mut self, now: Timestamp) -> Option<u32> {
        let elapsed = now.nanos_since(self.sent.take()?).max(1) as f64;
        let weight = if self.samples < 10 { 1.0 / f64::from(self.samples) } else { 0.9 };
        self.round_trip += (elapsed - self.round_trip) * weight;
        let speed = self.sample as f64 / (self.round_trip * 1.5);
        let is_fastest = speed >= self.fastest;
        self.fastest = self.fastest.max(speed);
        if !is_fastest || (self.sample as f64) < 0.66 * f64::from(self.window) {
            return None;
        }
        let window = u32::try_from(self.sample.saturating_mul(2)).unwrap_or(u32::MAX).min(LARGEST_WINDOW);
        (window > self.window).then(|| {
            self.window = window;
            window
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_nanos(micros * 1000)
    }

    #[test]
    fn one_ping_at_a_time() {
        let mut estimator = Estimator::new(65_535);
        assert!(estimator.data(at(0), 11));
        assert!(!estimator.data(at(1), 11));
        assert_eq!(estimator.answer(at(200)), None);
        assert!(estimator.data(at(300), 11));
    }

    #[test]
    fn a_full_window_within_a_round_trip_doubles_it_up_to_the_largest() {
        let mut estimator = Estimator::new(65_535);
        let mut window = 65_535;
        for round in 0..20 {
            if !estimator.data(at(round * 1000), window) {
                break;
            }
            let grown = estimator.answer(at(round * 1000 + 500)).unwrap();
            assert!(grown > window);
            window = grown;
        }
        assert_eq!(window, LARGEST_WINDOW);
    }

    #[test]
    fn an_answer_to_nothing_changes_nothing() {
        assert_eq!(Estimator::new(65_535).answer(at(5)), None);
    }
}
