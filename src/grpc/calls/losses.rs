//! Frames of a connection that were lost: what its calls may have lost with them.
//!
//! The first loss looks at every call. A loss changes nothing of a call for which nothing came since the one before, so later ones look
//! only at those for which something did.

use super::{Calls, Exchange, Shared};
use crate::direction::{Both, Direction};
use crate::grpc::call::Call;
use crate::http2::frame::StreamId;
use crate::span::Arrival;

/// Streams for whose calls something came since frames were last lost.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// By the direction of what came. Streams that are over may still stand here.
    news: Both<Vec<StreamId>>,
}

impl Losses {
    /// Exchanges the two directions.
    pub(super) const fn turn(&mut self) {
        self.news.swap();
    }
}

/// Streams that may stand in a list beyond twice those that are open.
const SPARE: usize = 64;

impl Calls {
    /// An unknown number of frames was lost in this direction.
    pub fn lose(
        &mut self,
        direction: Direction,
        at: Arrival,
        shared: &mut Shared,
        mut ended: impl FnMut(&Call, &mut Shared),
    ) {
        self.partial = true;
        for stream in self.doubted(direction) {
            let Some(Exchange::Call(call)) = self.exchanges.get_mut(stream) else { continue };
            call.noted[direction] = false;
            // Trailers, or a RST_STREAM, may be among what was lost.
            call.end_lost = true;
            if !call.ended[direction] {
                call.damaged = true;
                shared.queue.clear();
                call.abandon(direction, at, &mut shared.queue);
                call.bodies[direction].lose(at, &mut shared.queue);
                ended(call, shared);
            }
        }
        shared.queue.clear();
    }

    /// The streams whose calls a loss of frames in this direction may change, in order.
    fn doubted(&mut self, direction: Direction) -> Vec<StreamId> {
        let mut streams = match &mut self.losses {
            Some(losses) => std::mem::take(&mut losses.news[direction]),
            None => {
                let mut all = Vec::with_capacity(self.exchanges.len());
                for (stream, exchange) in self.exchanges.iter_mut() {
                    if let Exchange::Call(call) = exchange {
                        call.noted = Both { to_server: true, to_client: true };
                        all.push(stream);
                    }
                }
                let mut losses = Losses::default();
                losses.news[direction.opposite()].clone_from(&all);
                self.losses = Some(Box::new(losses));
                all
            }
        };
        streams.sort_unstable();
        streams
    }

    /// Takes note that something came for the call of a stream.
    #[cold]
    pub(super) fn note(&mut self, stream: StreamId, direction: Direction) {
        let Some(losses) = &mut self.losses else { return };
        let Some(Exchange::Call(call)) = self.exchanges.get_mut(stream) else { return };
        if std::mem::replace(&mut call.noted[direction], true) {
            return;
        }
        let list = &mut losses.news[direction];
        if list.len() >= self.exchanges.len().saturating_mul(2).saturating_add(SPARE) {
            list.retain(|stream| self.exchanges.contains(*stream));
        }
        list.push(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(streams: impl IntoIterator<Item = u32>) -> (Calls, Shared) {
        let (mut calls, mut shared) = (Calls::default(), Shared::default());
        for stream in streams {
            let call = shared.begin(StreamId(stream), Arrival::default());
            calls.insert(StreamId(stream), call);
        }
        (calls, shared)
    }

    fn lose(calls: &mut Calls, shared: &mut Shared, direction: Direction) -> Vec<u32> {
        let mut told = Vec::new();
        calls.lose(direction, Arrival::default(), shared, |call, _| told.push(call.stream.0));
        told
    }

    #[test]
    fn a_loss_after_another_looks_only_at_calls_for_which_something_came() {
        let (mut calls, mut shared) = calls([5, 1, 3]);
        assert_eq!(lose(&mut calls, &mut shared, Direction::ToClient), [1, 3, 5]);
        assert_eq!(lose(&mut calls, &mut shared, Direction::ToClient), [0_u32; 0]);
        assert_eq!(lose(&mut calls, &mut shared, Direction::ToServer), [1, 3, 5], "the other direction");
        calls.note(StreamId(3), Direction::ToClient);
        calls.note(StreamId(3), Direction::ToClient);
        assert_eq!(lose(&mut calls, &mut shared, Direction::ToServer), [0_u32; 0]);
        assert_eq!(lose(&mut calls, &mut shared, Direction::ToClient), [3]);
    }

    #[test]
    fn a_call_that_begins_after_a_loss_is_doubted_by_the_next_one() {
        let (mut calls, mut shared) = calls([1]);
        lose(&mut calls, &mut shared, Direction::ToServer);
        let call = shared.begin(StreamId(3), Arrival::default());
        calls.insert(StreamId(3), call);
        lose(&mut calls, &mut shared, Direction::ToServer);
        assert!(calls.call(StreamId(3)).unwrap().end_lost && calls.call(StreamId(3)).unwrap().damaged);
    }

    #[test]
    fn streams_that_are_over_are_not_remembered_for_ever() {
        let (mut calls, mut shared) = calls([1]);
        lose(&mut calls, &mut shared, Direction::ToServer);
        for stream in (3..20_000).step_by(2).map(StreamId) {
            let call = shared.begin(stream, Arrival::default());
            calls.insert(stream, call);
            if let Some(Exchange::Call(call)) = calls.exchanges.remove(stream) {
                shared.recycle(call);
            }
        }
        let losses = calls.losses.as_ref().unwrap();
        assert!(losses.news.to_server.len() <= 80, "{} streams", losses.news.to_server.len());
    }
}
