//! What waits and what is missing: delivered when it no longer has to wait, given up when patience ends.

use super::{Context, GRACE_NANOS, GRACE_PACKETS, Live, Ready};
use crate::direction::Direction;
use crate::span::Arrival;
use crate::tcp::assembler::{Assembler, Since};
use crate::tcp::flow::{GapReason, Receiver};

impl Live {
    /// Delivers whatever no longer has to wait.
    pub(super) fn drain(&mut self, context: &mut Context<'_, impl Receiver>) {
        loop {
            let ready = Direction::BOTH.into_iter().find(|direction| self.is_ready(*direction));
            let Some(direction) = ready else { break };
            self.deliver_waiting(direction, context);
        }
    }

    fn is_ready(&self, direction: Direction) -> bool {
        let half = &self.halves[direction];
        half.peek_waiting().is_some_and(|(at, held)| {
            at <= half.next && held.needs.is_none_or(|needs| self.halves[direction.opposite()].has_reached(needs))
        })
    }

    fn deliver_waiting(&mut self, direction: Direction, context: &mut Context<'_, impl Receiver>) {
        let half = &mut self.halves[direction];
        let before = half.waiting_octets();
        let Some((_, held)) = half.take_waiting() else { return };
        let freed = before.saturating_sub(half.waiting_octets());
        *context.total_waiting = context.total_waiting.saturating_sub(freed);
        let at = held.arrival();
        let (cut, marks) = (held.cut, held.marks);
        self.deliver(direction, &Ready { octets: &held.octets, cut, pieces: &held.pieces, at, marks }, context);
        self.finish_halves(at, context);
    }

    /// Starts or checks the patience with what is missing.
    pub(super) fn watch(&mut self, at: Arrival, context: &mut Context<'_, impl Receiver>) {
        loop {
            let waiting = self.halves.to_server.waiting_octets().saturating_add(self.halves.to_client.waiting_octets());
            let too_much = waiting > context.limits.flow_waiting
                || (waiting > 0 && *context.total_waiting > context.limits.total_waiting);
            if too_much {
                self.force(GapReason::Limit, at, context);
                continue;
            }
            if self.give_up_overdue(at, context) {
                continue;
            }
            break;
        }
        for direction in Direction::BOTH {
            let packets = context.facts.packets;
            let half = &mut self.halves[direction];
            if half.overdue_since.is_none() && half.seen && half.acked > half.next.saturating_add(1) {
                half.overdue_since = Some(Since { packets, at });
                self.overdue_is_news = true;
            }
        }
        self.pending = Direction::BOTH
            .into_iter()
            .any(|direction| self.halves[direction].is_waiting() || self.halves[direction].has_hole());
    }

    /// Gives up acknowledged holes whose time has come; true when there was one.
    pub(in crate::tcp) fn give_up_overdue(&mut self, at: Arrival, context: &mut Context<'_, impl Receiver>) -> bool {
        let mut gave_up = false;
        for direction in Direction::BOTH {
            let half = &self.halves[direction];
            let Some(since) = half.overdue_since else { continue };
            let packets = context.facts.packets.saturating_sub(since.packets);
            let nanos = at.time.as_nanos().saturating_sub(since.at.time.as_nanos());
            if packets < GRACE_PACKETS && nanos < GRACE_NANOS {
                self.overdue_is_news |= packets == 0 && nanos == 0;
                continue;
            }
            let to = half.first_waiting().unwrap_or(u64::MAX).min(half.acked);
            let at = half.shown_at().unwrap_or(at);
            let octets = to.saturating_sub(half.next);
            if octets > 0 {
                self.skip(direction, octets, GapReason::Lost, at, context);
            } else {
                self.halves[direction].overdue_since = None;
            }
            gave_up = true;
        }
        if gave_up {
            self.drain(context);
        }
        gave_up
    }

    /// Moves on without what is missing, whether it may still come or not.
    pub(super) fn force(&mut self, reason: GapReason, at: Arrival, context: &mut Context<'_, impl Receiver>) {
        let missing = |half: &Assembler| half.first_waiting().map(|first| first.saturating_sub(half.next));
        let hole = Direction::BOTH
            .into_iter()
            .find(|direction| missing(&self.halves[*direction]).is_some_and(|octets| octets > 0));
        if let Some(direction) = hole {
            let at = self.halves[direction].shown_at().unwrap_or(at);
            let octets = missing(&self.halves[direction]).unwrap_or(0);
            let half = &self.halves[direction];
            let reason = if half.acked >= half.next.saturating_add(octets) { GapReason::Lost } else { reason };
            self.skip(direction, octets, reason, at, context);
        } else if let Some(direction) =
            Direction::BOTH.into_iter().find(|direction| self.halves[*direction].is_waiting())
        {
            // Only the other side's octets are missing; these need not wait any longer. What they answer is missing before they come.
            let other = direction.opposite();
            let missing = self.missing_at_end(other);
            if missing > 0 && self.halves[other].seen && !self.halves[other].is_waiting() {
                let at = self.halves[direction].peek_waiting().map_or(at, |(_, held)| held.arrival());
                self.skip(other, missing, GapReason::Lost, at, context);
            }
            self.deliver_waiting(direction, context);
        }
        self.drain(context);
    }

    /// Octets of a direction that are known of, and missing, where nothing that was captured follows them.
    pub(super) fn missing_at_end(&self, direction: Direction) -> u64 {
        let half = &self.halves[direction];
        // A single number beyond the last octet may be a FIN that was not captured.
        let alone = half.acked.saturating_sub(half.next) == 1;
        let fin = u64::from(half.fin.is_none() && (half.maybe_fin || alone));
        half.fin.unwrap_or(half.acked).max(half.acked).saturating_sub(half.next).saturating_sub(fin)
    }
}
