//! How long a flow waits for what is missing, and what happens when it has waited enough.

use super::assembler::{Assembler, Since};
use super::flow::{GapReason, Receiver};
use super::live::{Context, Live};
use crate::direction::Direction;
use crate::span::Arrival;

/// Packets of the flow after which an acknowledged hole is given up: captures reorder, and a false loss is worse than a late truth.
pub(super) const GRACE_PACKETS: u64 = 32;
/// Capture time after which an acknowledged hole is given up.
pub(super) const GRACE_NANOS: i64 = 5_000_000_000;

impl Live {
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
                half.overdue_since = Some(Since { packets, time: at.time });
                self.overdue_is_news = true;
            }
        }
        self.pending = Direction::BOTH
            .into_iter()
            .any(|direction| self.halves[direction].is_waiting() || self.halves[direction].has_hole());
    }

    /// Gives up acknowledged holes whose time has come; true when there was one.
    pub(super) fn give_up_overdue(&mut self, at: Arrival, context: &mut Context<'_, impl Receiver>) -> bool {
        let mut gave_up = false;
        for direction in Direction::BOTH {
            let half = &self.halves[direction];
            let Some(since) = half.overdue_since else { continue };
            let packets = context.facts.packets.saturating_sub(since.packets);
            let nanos = at.time.as_nanos().saturating_sub(since.time.as_nanos());
            if packets < GRACE_PACKETS && nanos < GRACE_NANOS {
                self.overdue_is_news |= packets == 0 && nanos == 0;
                continue;
            }
            let to = half.first_waiting().unwrap_or(u64::MAX).min(half.acked);
            // The hole is where it is: before the octets that wait behind it, if there are any.
            let at = half.peek_waiting().map_or(at, |(_, held)| Arrival { time: held.time, packet: held.packet });
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
            let at = self.halves[direction]
                .peek_waiting()
                .map_or(at, |(_, held)| Arrival { time: held.time, packet: held.packet });
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
                let at = self.halves[direction]
                    .peek_waiting()
                    .map_or(at, |(_, held)| Arrival { time: held.time, packet: held.packet });
                self.skip(other, missing, GapReason::Lost, at, context);
            }
            self.deliver_waiting(direction, context);
        }
        self.drain(context);
    }
}
