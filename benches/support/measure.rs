//! Times of repeated runs.

use std::time::Duration;

/// The middle one; of an even number the longer of the two.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Megabytes (10^6) a second.
pub(crate) fn megabytes_a_second(octets: u64, time: Duration) -> f64 {
    octets as f64 / 1e6 / time.as_secs_f64()
}
