//! How calls end: by END_STREAM, by a reset, by a GOAWAY that leaves them out, or with their connection.

use super::{Calls, Exchange};
use crate::direction::{Both, Direction};
use crate::grpc::call::{Call, Outcome};
use crate::grpc::role::{Belongs, Role};
use crate::http2::connection::Frame;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::span::Arrival;
use crate::time::Timestamp;

/// Capture time for which octets of a call that was reset are still counted: they were sent before their sender knew.
const LINGER_NANOS: i64 = 1_000_000_000;
/// Calls of one connection that may linger at once.
const LINGERING: usize = 64;
/// Ended calls remembered where the beginnings of streams may be missing.
const OVER_KEPT: usize = 128;

impl Calls {
    pub(super) fn reset(&mut self, frame: &Frame<'_>, stream: StreamId, code: ErrorCode) -> Belongs {
        let call = match self.exchanges.get_mut(stream) {
            Some(Exchange::Call(call)) => call,
            Some(Exchange::Plain(plain)) => {
                plain.ended = Both { to_server: true, to_client: true };
                return plain.belongs(Role::None);
            }
            None => return Belongs::default(),
        };
        let after_end = end_reset(call, frame.direction, code, frame.at);
        let left_out = call.left_out && after_end == Some(false) && frame.direction == Direction::ToServer;
        if left_out {
            // The server did not process it, whatever the client makes of that.
            call.outcome = Some(Outcome::Refused);
        }
        call.left_out &= after_end.is_none();
        if !call.ended[frame.direction.opposite()] {
            // The other side does not know yet: what it has sent is still to come.
            let until = frame.at.time.saturating_add_nanos(LINGER_NANOS);
            self.lingering.push_back((stream, until));
        }
        let duration = if after_end == Some(false) && call.begins { call.duration() } else { None };
        Belongs {
            call: Some(call.id),
            role: Role::Reset { after_end, left_out },
            duration,
            status: call.status,
            http_status: call.http_status,
            ..Belongs::default()
        }
    }

    /// The sender of a GOAWAY in `direction` will not process streams above `last` that the other side opened (RFC 9113 §6.8).
    pub fn go_away(&mut self, direction: Direction, last: StreamId, at: Arrival) {
        match direction {
            Direction::ToServer => self.note_go_away(last, at),
            Direction::ToClient => self.leave_out(last, None),
        }
    }

    /// The server leaves out what is above `last`, of the calls that had begun then.
    pub(super) fn leave_out(&mut self, last: StreamId, then: Option<Arrival>) {
        for (stream, exchange) in self.exchanges.iter_mut() {
            if let Exchange::Call(call) = exchange
                && stream > last
                && !call.headed.to_client
                && then.is_none_or(|then| call.start.packet <= then.packet)
            {
                call.left_out = true;
            }
        }
    }

    /// Takes the exchange of a stream that is over; a call among them is handed out.
    pub fn take_ended(&mut self, stream: StreamId) -> Option<Box<Call>> {
        let over = match self.exchanges.get(stream)? {
            Exchange::Call(call) => call.ended.to_server && call.ended.to_client,
            Exchange::Plain(plain) => plain.ended.to_server && plain.ended.to_client,
        };
        if !over {
            return None;
        }
        self.take(stream)
    }

    /// Takes a call that was reset so long ago that nothing of it is under way any more.
    #[inline]
    pub fn take_lingering(&mut self, now: Timestamp) -> Option<Box<Call>> {
        if self.lingering.is_empty() { None } else { self.take_lingered(now) }
    }

    fn take_lingered(&mut self, now: Timestamp) -> Option<Box<Call>> {
        while let Some((stream, deadline)) = self.lingering.front().copied() {
            if now < deadline && self.lingering.len() <= LINGERING {
                return None;
            }
            self.lingering.pop_front();
            if let Some(call) = self.take(stream) {
                return Some(call);
            }
        }
        None
    }

    fn take(&mut self, stream: StreamId) -> Option<Box<Call>> {
        let exchange = self.exchanges.remove(stream)?;
        if self.partial {
            if self.over.len() >= OVER_KEPT {
                self.over.pop_front();
            }
            self.over.push_back(stream);
        }
        match exchange {
            Exchange::Call(mut call) => {
                call.outcome.get_or_insert(Outcome::Open);
                Some(call)
            }
            Exchange::Plain(_) => None,
        }
    }

    /// The connection has ended, or the capture: hands out every call that is left, in the order in which they began.
    pub fn finish(&mut self, lost: bool, at: Arrival, mut hand_out: impl FnMut(Box<Call>)) {
        let mut rest: Vec<Box<Call>> = std::mem::take(&mut self.exchanges)
            .into_values()
            .filter_map(|exchange| match exchange {
                Exchange::Call(call) => Some(call),
                Exchange::Plain(_) => None,
            })
            .collect();
        rest.sort_unstable_by_key(|call| call.id);
        for mut call in rest {
            if call.outcome.is_none() {
                let in_doubt = call.in_doubt.to_server || call.in_doubt.to_client;
                call.damaged |= lost && in_doubt;
                let outcome = match (call.left_out, lost && !in_doubt) {
                    (true, _) => Outcome::Refused,
                    (false, true) => Outcome::ConnectionLost,
                    (false, false) => Outcome::Open,
                };
                call.outcome = Some(outcome);
                if outcome != Outcome::Open {
                    call.end = Some(at);
                }
            }
            hand_out(call);
        }
    }
}

/// A side resets the stream: whether the call had ended before, or the other side had reset it; `None` where that may be among what was
/// not captured.
pub(super) fn end_reset(call: &mut Call, direction: Direction, code: ErrorCode, at: Arrival) -> Option<bool> {
    call.note_ending(direction, Some(code), at);
    call.ended[direction] = true;
    if call.outcome.is_some() {
        return Some(true);
    }
    if call.in_doubt.to_client || call.in_doubt[direction.opposite()] {
        return None;
    }
    call.end = Some(at);
    call.outcome = Some(match direction {
        Direction::ToClient if code == ErrorCode::REFUSED_STREAM => Outcome::Refused,
        Direction::ToClient => Outcome::ResetByServer(code),
        Direction::ToServer => Outcome::ResetByClient(code),
    });
    Some(false)
}

/// A side ends its half with END_STREAM.
#[inline]
pub(super) fn end_half(call: &mut Call, direction: Direction, at: Arrival) {
    call.note_ending(direction, None, at);
    call.ended[direction] = true;
    if direction == Direction::ToClient && call.outcome.is_none() {
        call.end = Some(at);
        call.outcome = Some(Outcome::Completed);
    }
}
