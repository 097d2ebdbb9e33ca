//! How a flow ends: FIN, RST, or with the input.

use super::{Context, Live, RESET_SLACK, View};
use crate::direction::{Both, Direction};
use crate::span::Arrival;
use crate::tcp::flow::{Close, FlowEvent, GapReason, Receiver};
use crate::tcp::table::Ended;

impl Live {
    pub(super) fn finish_halves(&mut self, at: Arrival, context: &mut Context<'_, impl Receiver>) {
        for direction in Direction::BOTH {
            if self.halves[direction].fin.is_some() && !self.finished[direction] && self.halves[direction].is_finished()
            {
                self.finished[direction] = true;
                self.end_is_news = self.is_finished();
                context.emit(FlowEvent::Finished { direction, at });
            }
        }
    }

    pub(super) fn reset(&mut self, view: View<'_>, context: &mut Context<'_, impl Receiver>) {
        let half = &self.halves[view.direction];
        if self.reset.is_some() || !half.is_near(view.sequence, RESET_SLACK) {
            return;
        }
        let client_waits = self.syn.to_server.is_some() && self.syn.to_client.is_none();
        if view.direction == Direction::ToClient && client_waits && self.halves.to_server.next == 0 {
            context.facts.refused = true;
        }
        self.reset = Some((view.direction, view.at));
        self.end_is_news = true;
    }

    /// Ends the flow: delivers what waits, reports what is missing, and says how it ended.
    pub(in crate::tcp) fn close(&mut self, close: Close, at: Arrival, context: &mut Context<'_, impl Receiver>) {
        while Direction::BOTH.into_iter().any(|direction| self.halves[direction].is_waiting()) {
            self.force(GapReason::NotCaptured, at, context);
        }
        for direction in Direction::BOTH {
            let missing = self.missing_at_end(direction);
            if missing > 0 {
                let at = self.halves[direction].shown_at().unwrap_or(at);
                let half = &self.halves[direction];
                let acknowledged = half.acked >= half.next.saturating_add(missing);
                let reason = if acknowledged { GapReason::Lost } else { GapReason::NotCaptured };
                self.skip(direction, missing, reason, at, context);
            }
        }
        self.finish_halves(at, context);
        let (close, at) = match self.reset {
            _ if self.is_finished() => (Close::Fin, at),
            Some((direction, when)) => (Close::Reset(direction), when),
            None if close == Close::Replaced => (close, context.facts.last),
            None => (close, at),
        };
        context.emit(FlowEvent::Closed { close, at });
    }

    /// Whether both sides have finished and everything was delivered.
    pub(in crate::tcp) const fn is_finished(&self) -> bool {
        self.finished.to_server && self.finished.to_client
    }

    /// Whether both sides know that they have finished: nothing can follow.
    pub(in crate::tcp) const fn is_over(&self) -> bool {
        self.is_finished() && self.halves.to_server.fin_acked && self.halves.to_client.fin_acked
    }

    /// What its late packets will be known by.
    pub(in crate::tcp) fn ended(&self) -> Ended {
        Ended { next: Both::from_fn(|direction| self.halves[direction].base), syn: self.syn }
    }
}
