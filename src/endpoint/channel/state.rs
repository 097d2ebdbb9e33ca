//! The five states of connectivity (gRPC connectivity-semantics-and-api.md), and what the states of the parts make of the whole.

use std::fmt;

/// Where a channel stands.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum State {
    /// It has no connection and tries for none, for nobody needs one.
    #[default]
    Idle,
    /// It waits for a name, a connection or the server's SETTINGS.
    Connecting,
    /// Calls go out at once.
    Ready,
    /// Connecting has failed; it will be tried again. The channel stays here until a connection is there (gRFC A62).
    TransientFailure,
    /// It was closed and takes no more calls.
    Shutdown,
}

impl State {
    /// gRPC's name: `TRANSIENT_FAILURE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Connecting => "CONNECTING",
            Self::Ready => "READY",
            Self::TransientFailure => "TRANSIENT_FAILURE",
            Self::Shutdown => "SHUTDOWN",
        }
    }

    /// One good part makes a good whole; hope comes before rest, and rest before despair. `None` of nothing.
    pub(super) fn of_parts(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        const ORDER: [State; 4] = [State::Ready, State::Connecting, State::Idle, State::TransientFailure];
        let rank = |state: &Self| ORDER.iter().position(|known| known == state);
        parts.into_iter().min_by_key(rank)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
