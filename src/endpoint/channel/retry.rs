//! Which calls are repeated (gRFC A6): the policy, what the server says to it, and the throttle on all of it.

use std::time::Duration;

use super::backoff::{Random, grown};
use crate::endpoint::client::Ending;
use crate::grpc::status::Status;

/// When a call that failed is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first one included; more than 5 count as 5. Default 4.
    pub max_attempts: u32,
    /// Before the second attempt. Default 100 ms. Chance makes each wait longer or shorter by a fifth.
    pub initial_backoff: Duration,
    /// The longest wait, before chance. Default 1 s.
    pub max_backoff: Duration,
    /// How much longer each wait is than the one before. Default 2.
    pub multiplier: f64,
    /// The statuses worth another attempt. Default: UNAVAILABLE.
    pub codes: Vec<Status>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            multiplier: 2.0,
            codes: vec![Status::UNAVAILABLE],
        }
    }
}

/// The budget of a channel for repeated calls: while half of it is spent, no call is repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttling {
    /// What the budget is at first and at most: 1 to 1000. Each failed call takes 1.
    pub max_tokens: u32,
    /// What each call that succeeds gives back; three decimals count.
    pub token_ratio: f64,
}

/// What is left of the budget, in thousandths.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    max: u32,
    left: u32,
    ratio: u32,
}

impl Throttle {
    pub(super) fn new(throttling: Option<Throttling>) -> Self {
        let Some(Throttling { max_tokens, token_ratio }) = throttling else { return Self::default() };
        let max = max_tokens.clamp(1, 1000).saturating_mul(1000);
        let ratio = Duration::try_from_secs_f64(token_ratio).unwrap_or_default().as_millis();
        Self { max, left: max, ratio: u32::try_from(ratio).unwrap_or(u32::MAX) }
    }

    pub(super) fn succeeded(&mut self) {
        self.left = self.left.saturating_add(self.ratio).min(self.max);
    }

    /// Counts a failure; whether calls may be repeated.
    fn failed(&mut self) -> bool {
        self.left = self.left.saturating_sub(1000);
        self.max == 0 || self.left > self.max / 2
    }
}

/// How often a call was tried, as the policy counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Attempts {
    /// Repetitions that the policy ordered.
    pub(super) retries: u32,
    /// Those since the server last said when to come back.
    since_pushback: u32,
}

/// What the server says about another attempt: `grpc-retry-pushback-ms`.
enum Pushback {
    None,
    After(Duration),
    Never,
}

impl Attempts {
    /// How long to wait before the next attempt; `None` when there is none.
    pub(super) fn again(
        &mut self,
        policy: Option<&RetryPolicy>,
        ending: &Ending,
        throttle: &mut Throttle,
        random: &mut Random,
    ) -> Option<Duration> {
        let policy = policy?;
        let pushback = pushback(ending);
        let is_worth_it = policy.codes.contains(&ending.status);
        let has_tokens = !(is_worth_it || matches!(pushback, Pushback::Never)) || throttle.failed();
        let attempts = self.retries.saturating_add(1);
        if !is_worth_it || !has_tokens || attempts >= policy.max_attempts.min(MAX_ATTEMPTS) {
            return None;
        }
        let wait = match pushback {
            Pushback::Never => return None,
            Pushback::After(wait) => {
                self.since_pushback = 0;
                wait
            }
            Pushback::None => {
                let wait = grown(policy.initial_backoff, policy.multiplier, self.since_pushback, policy.max_backoff);
                self.since_pushback = self.since_pushback.saturating_add(1);
                random.around(wait, JITTER)
            }
        };
        self.retries = attempts;
        Some(wait)
    }
}

fn pushback(ending: &Ending) -> Pushback {
    match ending.trailers.value(b"grpc-retry-pushback-ms") {
        None => Pushback::None,
        Some(value) => match std::str::from_utf8(value).ok().and_then(|text| text.parse::<u32>().ok()) {
            Some(millis) => Pushback::After(Duration::from_millis(millis.into())),
            // Negative or not a number: do not come back.
            None => Pushback::Never,
        },
    }
}

/// The most attempts that any policy gets.
pub const MAX_ATTEMPTS: u32 = 5;
const JITTER: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(status: Status, pushback: Option<&str>) -> Ending {
        let mut ending = Ending::own(status, "");
        if let Some(value) = pushback {
            ending.trailers.push("grpc-retry-pushback-ms", value);
        }
        ending
    }

    #[test]
    fn waits_double_to_their_maximum_and_attempts_are_five_at_most() {
        let policy =
            RetryPolicy { max_attempts: 100, max_backoff: Duration::from_millis(300), ..RetryPolicy::default() };
        let (mut attempts, mut throttle, mut random) = (Attempts::default(), Throttle::new(None), Random(3));
        for exact in [0.1, 0.2, 0.3, 0.3] {
            let ending = ending(Status::UNAVAILABLE, None);
            let wait = attempts.again(Some(&policy), &ending, &mut throttle, &mut random).unwrap().as_secs_f64();
            assert!((exact * 0.8..=exact * 1.2).contains(&wait), "{wait} where {exact} was meant");
        }
        let ending = ending(Status::UNAVAILABLE, None);
        assert_eq!(attempts.again(Some(&policy), &ending, &mut throttle, &mut random), None);
        assert_eq!(attempts.retries, 4);
    }

    #[test]
    fn the_server_says_when_to_come_back_or_never() {
        let policy = RetryPolicy::default();
        let again = |status, pushback| {
            let ending = ending(status, pushback);
            Attempts::default().again(Some(&policy), &ending, &mut Throttle::new(None), &mut Random(0))
        };
        assert_eq!(again(Status::UNAVAILABLE, Some("2500")), Some(Duration::from_millis(2500)));
        assert_eq!(again(Status::UNAVAILABLE, Some("0")), Some(Duration::ZERO));
        for never in ["-1", "", "soon", "99999999999"] {
            assert_eq!(again(Status::UNAVAILABLE, Some(never)), None, "{never}");
        }
        assert_eq!(again(Status::INTERNAL, Some("1")), None);
    }

    #[test]
    fn when_half_of_the_tokens_are_spent_nothing_is_repeated_until_calls_succeed() {
        let policy = RetryPolicy::default();
        let mut throttle = Throttle::new(Some(Throttling { max_tokens: 4, token_ratio: 0.5 }));
        let again = |throttle: &mut Throttle| {
            let ending = ending(Status::UNAVAILABLE, None);
            Attempts::default().again(Some(&policy), &ending, throttle, &mut Random(0)).is_some()
        };
        assert!(again(&mut throttle), "3 of 4 are left");
        assert!(!again(&mut throttle), "2 of 4 are left");
        (0..2).for_each(|_| throttle.succeeded());
        assert!(!again(&mut throttle), "3 were, 2 are left");
        (0..3).for_each(|_| throttle.succeeded());
        assert!(again(&mut throttle), "3.5 were, 2.5 are left");
    }
}
