//! Which streams a connection follows: those that were seen to begin, and those whose beginning may have been missed (RFC 9113 §5.1).

use super::connection::Shared;
use super::frame::StreamId;
use super::seen::Sink;
use super::state::{State, Step};
use super::stream::Stream;
use crate::direction::{Both, Direction};

/// Closed streams remembered where their beginnings may be missing.
const CLOSED_KEPT: usize = 128;

impl State {
    /// Follows a stream from here on.
    pub(super) fn open(&mut self, id: StreamId, step: &mut Step<'_, impl Sink>) {
        if self.streams.contains(id) || id == StreamId::CONNECTION {
            return;
        }
        let side = &mut self.sides[step.direction];
        side.highest = side.highest.max(id.0);
        if step.shared.open_streams < step.shared.limits.streams {
            let mut stream = self.new_stream();
            if step.direction == Direction::ToClient && id.is_client_initiated() {
                // The request was not seen, nor what it used and gave.
                (stream.known, stream.balance, stream.used) = (Both::default(), Both::default(), Both::default());
            }
            self.streams.insert(id, stream);
            step.shared.open_streams = step.shared.open_streams.saturating_add(1);
        } else {
            self.limit("streams at once", step);
        }
    }

    /// Follows a stream whose beginning was missed, unless it is known to be over.
    pub(super) fn open_if_missed(&mut self, id: StreamId, step: &mut Step<'_, impl Sink>) {
        if self.partial && id.is_client_initiated() && !self.closed.contains(&id.0) && !self.streams.contains(id) {
            self.open(id, step);
            if let Some(stream) = self.streams.get_mut(id) {
                (stream.known, stream.balance, stream.used) = (Both::default(), Both::default(), Both::default());
            }
        }
    }

    pub(super) fn new_stream(&self) -> Stream {
        // A stream's window is set by the side that receives.
        let balance = Both::from_fn(|direction| {
            let initial = self.sides[direction.opposite()].values.initial_window_size;
            initial.filter(|_| self.sides[direction].followed).map(|_| 0)
        });
        let used = Both::from_fn(|direction| self.sides[direction].followed.then_some(0));
        let known = Both { to_server: true, to_client: true };
        Stream { known, balance, used, losses: self.losses, ..Stream::default() }
    }

    pub(super) fn end_stream(&mut self, id: StreamId, shared: &mut Shared) {
        if self.streams.remove(id).is_some() {
            shared.open_streams = shared.open_streams.saturating_sub(1);
            if self.partial {
                if self.closed.len() >= CLOSED_KEPT {
                    self.closed.pop_front();
                }
                self.closed.push_back(id.0);
            }
        }
    }
}
