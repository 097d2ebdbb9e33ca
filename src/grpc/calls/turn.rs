//! Calls of a connection of which it was a guess which side is the client: what of them stays true once that is known.

use super::ends::{end_half, end_reset};
use super::{Calls, Exchange};
use crate::direction::Direction;
use crate::grpc::call::Call;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::span::Arrival;

/// What was seen of how a call ended while the sides were a guess: kept to be read again, the right way round.
#[derive(Clone, Copy, Debug)]
pub(in crate::grpc) struct Ending {
    pub(super) direction: Direction,
    /// The code of a RST_STREAM; `None` for END_STREAM.
    pub(super) reset: Option<ErrorCode>,
    pub(super) at: Arrival,
}

/// Endings kept of a call: each side can end its half, and reset the whole.
const ENDINGS: usize = 4;

impl Calls {
    /// For a connection that was met late, and of which it is a guess which side is the client.
    #[must_use]
    pub fn guessed() -> Self {
        Self { guessed: true, ..Self::late() }
    }

    /// The sides are known now, and were the other way round if they are `turned`. Calls that are under way go on, with what is still true.
    #[cold]
    pub fn know_sides(&mut self, turned: bool) {
        self.guessed = false;
        for (_, exchange) in self.exchanges.iter_mut() {
            match exchange {
                Exchange::Call(call) => {
                    call.sides_guessed = false;
                    if turned {
                        call.turn();
                    }
                    call.endings = Vec::new();
                }
                Exchange::Plain(plain) if turned => plain.ended.swap(),
                Exchange::Plain(_) => {}
            }
        }
        if turned && let Some((last, at)) = self.client_went.take() {
            self.leave_out(last, Some(at));
        }
        self.client_went = None;
        if turned && let Some(losses) = &mut self.losses {
            losses.turn();
        }
    }

    /// A GOAWAY of who is taken for the client: it matters if that is the server.
    pub(super) fn note_go_away(&mut self, last: StreamId, at: Arrival) {
        if self.guessed {
            self.client_went = Some((last, at));
        }
    }
}

impl Call {
    /// Keeps how the call ended, where that may have to be read again.
    pub(super) fn note_ending(&mut self, direction: Direction, reset: Option<ErrorCode>, at: Arrival) {
        let known = |ending: &Ending| ending.direction == direction && ending.reset.is_some() == reset.is_some();
        if self.sides_guessed && self.endings.len() < ENDINGS && !self.endings.iter().any(known) {
            self.endings.push(Ending { direction, reset, at });
        }
    }

    /// Exchanges the sides. What was read out of header blocks as the other side's is given up.
    fn turn(&mut self) {
        self.bodies.swap();
        self.headed.swap();
        self.web_text.swap();
        self.noted.swap();
        self.in_doubt.swap();
        self.turn_text();
        self.damaged = true;
        self.begins = false;
        self.left_out = false;
        self.trailers_only = false;
        (self.ended, self.outcome, self.end) = Default::default();
        for Ending { direction, reset, at } in std::mem::take(&mut self.endings) {
            match reset {
                Some(code) => {
                    end_reset(self, direction.opposite(), code, at);
                }
                None => end_half(self, direction.opposite(), at),
            }
        }
    }
}
