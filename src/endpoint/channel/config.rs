//! What a channel is told about how to go about it.

use std::time::Duration;

use super::backoff::Backoff;
use super::balancer::Balancer;
use super::resolver::Refresh;
use super::retry::{RetryPolicy, Throttling};
use crate::endpoint::connection;

/// How a channel connects and calls.
#[derive(Clone, Debug)]
pub struct Config {
    /// How calls are spread over addresses. Default: `pick_first`.
    pub balancer: Balancer,
    /// Connections to each place at once, between which calls take turns: 1 to 64. Default 1.
    pub connections: u32,
    /// When a failed connection is tried again, also a failed name.
    pub backoff: Backoff,
    /// How often names are asked for.
    pub refresh: Refresh,
    /// After how long without a call the channel ends its connections and goes IDLE. `None`: never. Default 30 min, as
    /// in grpc-go.
    pub idle_timeout: Option<Duration>,
    /// Whether calls wait for a connection through TRANSIENT_FAILURE instead of failing. Default: no.
    pub wait_for_ready: bool,
    /// Which failed calls are repeated. Default: none; calls that no service has seen are repeated all the same.
    pub retry: Option<RetryPolicy>,
    /// What limits all repetitions together. Default: nothing.
    pub throttling: Option<Throttling>,
    /// Octets of messages that one call keeps to repeat them; a call that has sent more is not repeated. Default 256 KiB.
    pub call_buffer: usize,
    /// The same for all calls of the channel together. Default 16 MiB.
    pub channel_buffer: usize,
    /// Calls that may wait for a connection at once; one more ends with RESOURCE_EXHAUSTED. Default 10 000.
    pub waiting_calls: usize,
    /// Octets of messages that may wait with them; a call that brings more ends with RESOURCE_EXHAUSTED. Default 64 MiB.
    pub waiting_octets: usize,
    /// What calls say in `:authority`. Default: the target's first host and port.
    pub authority: Option<String>,
    /// Default: `grpc-framescope/VERSION`.
    pub user_agent: Option<String>,
    /// What each connection is like.
    pub connection: connection::Config,
    /// The number of the first connection, so that several channels can share one driver.
    pub first_connection: u64,
    /// Where chance begins: the same seed, the same run.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            balancer: Balancer::default(),
            connections: 1,
            backoff: Backoff::default(),
            refresh: Refresh::default(),
            idle_timeout: Some(Duration::from_secs(30 * 60)),
            wait_for_ready: false,
            retry: None,
            throttling: None,
            call_buffer: 256 << 10,
            channel_buffer: 16 << 20,
            waiting_calls: 10_000,
            waiting_octets: 64 << 20,
            authority: None,
            user_agent: None,
            connection: connection::Config::default(),
            first_connection: 0,
            seed: 0,
        }
    }
}

impl Config {
    /// Connections to each place, within bounds.
    pub(super) fn pool(&self) -> u32 {
        self.connections.clamp(1, MAX_POOL)
    }
}

/// The most connections to one place.
const MAX_POOL: u32 = 64;
