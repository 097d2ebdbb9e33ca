//! What one peer may cost at most (RFC 9113 §10.5).
//!
//! Reaching a bound ends a call, a stream or the connection, as the field says; nothing is cut short in silence.

use super::inbox::LARGEST_MESSAGE;

/// Bounds on what one connection costs. Windows, streams and header lists are bounded by what SETTINGS grant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// The largest message taken, in octets, packed or not. A larger one ends its call with RESOURCE_EXHAUSTED.
    /// Default 4 MiB, as in grpc-go.
    pub message: usize,
    /// Octets of messages that are not whole yet, over all calls. Beyond it, the call that needs more ends with
    /// RESOURCE_EXHAUSTED. Default 128 MiB.
    pub unfinished: usize,
    /// The longest header block taken, in octets as on the wire, CONTINUATION frames and all. A longer one ends the
    /// connection with ENHANCE_YOUR_CALM. Default 64 KiB.
    pub header_block: usize,
    /// Octets of answers (to PING, SETTINGS, faults) that nobody fetches because the peer does not read them. Beyond it
    /// the connection ends with ENHANCE_YOUR_CALM. Default 256 KiB.
    pub unfetched: usize,
    /// Octets of answers that a server works on, or has ready for a client that does not take them, over all calls. Beyond it,
    /// the call that needs more ends with RESOURCE_EXHAUSTED. Default 128 MiB.
    pub answers: usize,
    /// How many more frames may bring nothing (resets, refused streams, empty DATA, CONTINUATION, PRIORITY, unknown types,
    /// interim responses, SETTINGS after the first, answers to nothing, WINDOW_UPDATE and PING beyond those that DATA for the
    /// peer accounts for) than streams end well. Beyond it the connection ends with ENHANCE_YOUR_CALM. Default 1000.
    pub nuisances: u32,
    /// How many of them are forgotten each second. Default 50.
    pub forgiven_each_second: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            message: LARGEST_MESSAGE,
            unfinished: 128 << 20,
            header_block: 64 << 10,
            unfetched: 256 << 10,
            answers: 128 << 20,
            nuisances: 1000,
            forgiven_each_second: 50,
        }
    }
}
