//! The time of day at the start, and what a steady clock says since: times never go backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// A clock; its copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    epoch: Timestamp,
}

impl Clock {
    /// A clock that agrees with the system's now.
    #[must_use]
    pub fn new() -> Self {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Self { start: Instant::now(), epoch: Timestamp::from_nanos(nanos.try_into().unwrap_or(i64::MAX)) }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.epoch.saturating_add_nanos(self.start.elapsed().as_nanos().try_into().unwrap_or(i64::MAX))
    }

    /// How long it is until `time`; zero if it has passed.
    #[must_use]
    pub fn until(&self, time: Timestamp) -> Duration {
        Duration::from_nanos(time.nanos_since(self.now()).try_into().unwrap_or(0))
    }

    /// Waits until `time`, or forever if there is none. Timers count in milliseconds, and are never early.
    pub async fn sleep_until(&self, time: Option<Timestamp>) {
        match time {
            Some(time) => tokio::time::sleep(self.until(time)).await,
            None => std::future::pending().await,
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
