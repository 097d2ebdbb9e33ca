//! Stream states as the product of two halves, one for each direction (RFC 9113 §5.1).

use crate::direction::{Both, Direction};
use crate::time::Timestamp;

/// One direction of a stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Half {
    /// Nothing was sent yet.
    #[default]
    Idle,
    /// Under way.
    Open,
    /// Ended, with END_STREAM or with RST_STREAM of either side.
    Closed,
}

/// The state of a stream: what each direction is at.
pub type StreamState = Both<Half>;

/// The name RFC 9113 §5.1 gives the state, seen from outside: `half_closed_client` is what the server calls half-closed (remote).
#[must_use]
pub const fn name(state: StreamState) -> &'static str {
    match (state.to_server, state.to_client) {
        (Half::Idle, Half::Idle) => "idle",
        (Half::Closed, Half::Closed) => "closed",
        (Half::Closed, _) => "half_closed_client",
        (_, Half::Closed) => "half_closed_server",
        _ => "open",
    }
}

/// When DATA of each direction used a window up, and how often SETTINGS had changed it until then.
pub(super) type UsedUp = Both<Option<(Timestamp, u32)>>;

/// What is known of one stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) state: StreamState,
    /// Whether each half of `state` is known: what opened or ended it may not have been captured.
    pub(super) known: Both<bool>,
    /// What WINDOW_UPDATE has given to octets of each direction, less what they used: with the initial window it is what is left.
    /// `None` when something that changes it was not captured.
    pub(super) balance: Both<Option<i64>>,
    /// Flow-controlled octets that no WINDOW_UPDATE has given back; `None` when some octets or updates were not captured.
    pub(super) used: Both<Option<u64>>,
    /// When DATA of each direction used the window up, and how often SETTINGS had changed it until then.
    pub(super) used_up: Option<Box<UsedUp>>,
    /// The losses of the connection's frames that this takes into account.
    pub(super) losses: u32,
}

impl Stream {
    /// The state, where both halves are known.
    pub(super) fn shown(&self) -> Option<StreamState> {
        (self.known.to_server && self.known.to_client).then_some(self.state)
    }

    /// What was known of the windows before frames were lost is known no more; nor is a half that was not closed.
    pub(super) fn take_losses(&mut self, losses: u32) {
        if self.losses != losses {
            let known = Both::from_fn(|direction| self.known[direction] && self.state[direction] == Half::Closed);
            *self = Self { state: self.state, known, losses, ..Self::default() };
        }
    }

    /// DATA has used up the window for octets of this direction.
    #[cold]
    pub(super) fn end_window(&mut self, direction: Direction, at: Timestamp, changes: u32) {
        self.used_up.get_or_insert_default()[direction] = Some((at, changes));
    }

    /// A frame of a direction has come for which the stream must be open, and which may end that half.
    pub(super) fn take_frame(&mut self, direction: Direction, ends: bool) {
        self.known[direction] = true;
        self.state[direction] = match self.state[direction] {
            _ if ends => Half::Closed,
            Half::Idle => Half::Open,
            half => half,
        };
    }

    /// Exchanges the two directions.
    pub(super) fn turn(&mut self) {
        self.state.swap();
        self.known.swap();
        self.balance.swap();
        self.used.swap();
        if let Some(used_up) = &mut self.used_up {
            used_up.swap();
        }
    }
}
