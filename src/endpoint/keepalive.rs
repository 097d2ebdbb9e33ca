//! PING to learn whether the peer is still there, and what a server thinks of too many (gRFC A8, A9; grpc-go `keepalive.go`).
//!
//! What follows from a dead or a tiresome peer is carried out by the [connection](super::connection).

use std::time::Duration;

use super::connection::Side;
use crate::time::Timestamp;

/// The payload of its PINGs, as in grpc-go.
pub const PING: [u8; 8] = [0; 8];

/// The debug data of the GOAWAY that answers too many PINGs; a client that reads it pings half as often.
pub const TOO_MANY_PINGS: &str = "too_many_pings";

/// When an endpoint asks whether the peer is still there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keepalive {
    /// How long nothing may come from the peer before it is asked; a millisecond at least.
    pub time: Duration,
    /// How long it may take to answer before the connection is given up.
    pub timeout: Duration,
    /// Whether a client asks while no call is under way. Servers always do.
    pub permit_without_stream: bool,
}

impl Default for Keepalive {
    /// What grpc-go's servers do: two hours, twenty seconds.
    fn default() -> Self {
        Self { time: Duration::from_secs(7200), timeout: Duration::from_secs(20), permit_without_stream: false }
    }
}

/// How often a server lets its client send PING.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Enforcement {
    /// The least time between two PINGs.
    pub min_time: Duration,
    /// Whether that holds while no call is under way; else two hours do.
    pub permit_without_stream: bool,
}

impl Default for Enforcement {
    /// What grpc-go's servers do: five minutes, and not without calls.
    fn default() -> Self {
        Self { min_time: Duration::from_secs(300), permit_without_stream: false }
    }
}

/// Asks the peer of one connection.
#[derive(Debug)]
pub(super) struct Pinger {
    /// Nanoseconds.
    time: i64,
    timeout: i64,
    /// Whether it also asks while no stream is open.
    always: bool,
    next: Option<Timestamp>,
    /// Whether a PING was sent and nothing has come since.
    outstanding: bool,
    /// Nanoseconds that are left for its answer behind `next`.
    left: i64,
    /// When octets came, if any did since the timer was set.
    heard: Option<Timestamp>,
    /// Whether it sleeps until a stream is opened.
    dormant: bool,
}

/// What is to be done when the time has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    Nothing,
    Ping,
    /// The peer did not answer in time.
    Dead,
}

impl Pinger {
    pub(super) fn new(keepalive: Keepalive, side: Side) -> Self {
        Self {
            time: nanos(keepalive.time).max(1_000_000),
            timeout: nanos(keepalive.timeout),
            always: keepalive.permit_without_stream || side == Side::Server,
            next: None,
            outstanding: false,
            left: 0,
            heard: None,
            dormant: false,
        }
    }

    /// The connection is there.
    pub(super) const fn begin(&mut self, now: Timestamp) {
        self.next = Some(now.saturating_add_nanos(self.time));
    }

    /// Octets came.
    pub(super) const fn read(&mut self, now: Timestamp) {
        self.heard = Some(now);
    }

    pub(super) const fn poll_timeout(&self) -> Option<Timestamp> {
        self.next
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, has_streams: bool) -> Due {
        if self.next.is_none_or(|next| next > now) {
            return Due::Nothing;
        }
        if let Some(heard) = self.heard.take() {
            self.outstanding = false;
            self.next = Some(heard.saturating_add_nanos(self.time));
            return Due::Nothing;
        }
        if self.outstanding && self.left <= 0 {
            self.next = None;
            return Due::Dead;
        }
        if !has_streams && !self.always {
            // Whoever wakes up asks, whatever was asked before.
            (self.outstanding, self.dormant, self.next) = (false, true, None);
            return Due::Nothing;
        }
        self.ask(now)
    }

    /// A stream is opened; whether to send PING now.
    pub(super) fn stream_opened(&mut self, now: Timestamp) -> bool {
        std::mem::take(&mut self.dormant) && self.ask(now) == Due::Ping
    }

    fn ask(&mut self, now: Timestamp) -> Due {
        let due = if self.outstanding { Due::Nothing } else { Due::Ping };
        if due == Due::Ping {
            (self.left, self.outstanding) = (self.timeout, true);
        }
        let sleep = self.time.min(self.left);
        self.left = self.left.saturating_sub(sleep);
        self.heard = None;
        self.next = Some(now.saturating_add_nanos(sleep));
        due
    }
}

/// Counts the PINGs of one client that come too often.
#[derive(Debug)]
pub(super) struct Strikes {
    policy: Enforcement,
    last: Option<Timestamp>,
    strikes: u32,
    /// Whether the server has sent DATA or HEADERS since the last PING: then a probe of the path is no wonder.
    forgiven: bool,
}

impl Strikes {
    pub(super) const fn new(policy: Enforcement) -> Self {
        Self { policy, last: None, strikes: 0, forgiven: false }
    }

    /// The server sends DATA or HEADERS.
    pub(super) const fn forgive(&mut self) {
        self.forgiven = true;
    }

    /// Takes note of a PING; whether it is one too many.
    pub(super) fn ping(&mut self, now: Timestamp, has_streams: bool) -> bool {
        let last = self.last.replace(now);
        if std::mem::take(&mut self.forgiven) {
            self.strikes = 0;
            return false;
        }
        let least =
            if has_streams || self.policy.permit_without_stream { self.policy.min_time } else { WITHOUT_STREAM };
        if last.is_some_and(|last| last.saturating_add_nanos(nanos(least)) > now) {
            self.strikes = self.strikes.saturating_add(1);
        }
        self.strikes > MOST_STRIKES
    }
}

/// Nanoseconds, as far as they can be counted.
pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// The least time between two PINGs where there should be none.
const WITHOUT_STREAM: Duration = Duration::from_secs(7200);
/// PINGs too early that are overlooked.
const MOST_STRIKES: u32 = 2;
