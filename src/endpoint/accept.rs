//! How long a server waits after it could not accept a connection: 5 ms, then twice as long each time, up to a second,
//! as grpc-go does.
//!
//! Most often descriptors have run out, and asking again at once would only take the time from those who could give some back.

/// The pause before the next attempt to accept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AcceptBackoff {
    /// The last pause; 0 after a success.
    last: i64,
}

impl AcceptBackoff {
    /// Accepting has failed once more: nanoseconds to wait before the next attempt.
    pub fn failed(&mut self) -> i64 {
        self.last = self.last.saturating_mul(2).clamp(FIRST, LONGEST);
        self.last
    }

    /// A connection was accepted: the next failure waits briefly again.
    pub const fn succeeded(&mut self) {
        self.last = 0;
    }
}

const FIRST: i64 = 5_000_000;
const LONGEST: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_second_and_begin_anew_after_a_success() {
        let mut backoff = AcceptBackoff::default();
        let millis: Vec<i64> = (0..10).map(|_| backoff.failed() / 1_000_000).collect();
        assert_eq!(millis, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        backoff.succeeded();
        assert_eq!(backoff.failed(), 5_000_000);
    }
}
