//! What an endpoint grants its peer and asks of it; whoever makes the endpoint chooses.

use super::bounds::Bounds;
use super::keepalive::{Enforcement, Keepalive};
use super::lifetime::Lifetime;

/// What this end grants the other. What differs from the RFC's defaults is told in SETTINGS.
#[derive(Clone, Debug)]
pub struct Config {
    /// Octets the peer may send on a stream before some are given back, at most 2^31-1. Default 65 535.
    pub initial_window: u32,
    /// The largest payload taken, in octets: 16 384 to 2^24-1. Default 16 384.
    pub max_frame: u32,
    /// Streams the peer may have open at once. A server's default is 100; a client allows none.
    pub max_streams: u32,
    /// Octets of a header list, by the measure of SETTINGS_MAX_HEADER_LIST_SIZE. Not announced when it is the
    /// default, 64 KiB.
    pub max_header_list: u32,
    /// Octets of the header table that the peer may keep for what it sends (SETTINGS_HEADER_TABLE_SIZE), 1 MiB at most.
    /// Default 4096.
    pub header_table: u32,
    /// Octets of the header table that this end would like to keep for what it sends; the peer's setting bounds it.
    /// Default 4096.
    pub own_header_table: u32,
    /// Names of fields, in lower case, whose values never enter a header table, here or further on, besides
    /// `authorization`, `proxy-authorization` and `cookie`.
    pub sensitive: Vec<String>,
    /// Whether windows follow the [bandwidth-delay estimator](super::bdp).
    pub estimate: bool,
    /// Whether `grpc-accept-encoding: gzip,identity` is told to the peer with every call. What is packed with gzip is
    /// taken in any case. Default false.
    pub announce_gzip: bool,
    /// Whether, and when, the peer is asked if it is still there. Default: never.
    pub keepalive: Option<Keepalive>,
    /// How often a server lets its client send PING; one that does more often is told `too_many_pings` and given up.
    /// Default: as often as it likes, within the bounds of all frames that ask for an answer.
    pub enforcement: Option<Enforcement>,
    /// How long a connection may live.
    pub lifetime: Lifetime,
    /// What the peer may cost.
    pub bounds: Bounds,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            initial_window: DEFAULT_WINDOW,
            max_frame: DEFAULT_FRAME,
            max_streams: 100,
            max_header_list: DEFAULT_HEADER_LIST,
            header_table: DEFAULT_HEADER_TABLE,
            own_header_table: DEFAULT_HEADER_TABLE,
            sensitive: Vec::new(),
            estimate: true,
            announce_gzip: false,
            keepalive: None,
            enforcement: None,
            lifetime: Lifetime::default(),
            bounds: Bounds::default(),
        }
    }
}

/// What holds before any SETTINGS (§6.5.2).
pub(super) const DEFAULT_WINDOW: u32 = 65_535;
pub(super) const DEFAULT_HEADER_TABLE: u32 = 4096;
pub(super) const DEFAULT_FRAME: u32 = 16_384;
/// Our own default; the RFC has none.
pub(super) const DEFAULT_HEADER_LIST: u32 = 64 << 10;
/// The largest header table that is kept for the peer, in octets.
pub(super) const LARGEST_HEADER_TABLE: u32 = 1 << 20;
