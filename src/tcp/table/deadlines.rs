//! What waits for a time: flows whose beginning is not certain, that linger after their end, or that miss octets. What is given up then
//! is the flow's decision.

use std::collections::VecDeque;

use super::{FlowTable, Slot, State};
use crate::span::Arrival;
use crate::tcp::flow::{Close, FlowId, Receiver};
use crate::tcp::live::GRACE_NANOS;
use crate::time::Timestamp;

/// Capture time that a flow met without its SYN is held back for.
const START_NANOS: i64 = 100_000_000;
/// Capture time for which packets of a flow are awaited after its end.
const LINGER_NANOS: i64 = 200_000_000;
/// Flows that may linger after their end at once.
const LINGERING: usize = 1024;

#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    slot: usize,
    id: FlowId,
    time: Timestamp,
}

impl FlowTable {
    /// Takes note of the time, so that what waited long enough is given up. Capture time, or the clock's while nothing arrives.
    #[inline]
    pub fn advance(&mut self, now: Timestamp, receiver: &mut impl Receiver) {
        if !(self.starting.is_empty() && self.lingering.is_empty() && self.overdue.is_empty()) {
            self.give_up_due(now, receiver);
        }
    }

    #[inline(never)]
    fn give_up_due(&mut self, now: Timestamp, receiver: &mut impl Receiver) {
        while let Some(due) = due(&mut self.starting, now) {
            if self.is(due) {
                self.release(due.slot, receiver);
            }
        }
        while let Some(due) = due(&mut self.lingering, now) {
            if self.is(due) {
                self.close_lingering(due.slot, receiver);
            }
        }
        while let Some(due) = due(&mut self.overdue, now) {
            if !self.is(due) {
                continue;
            }
            let at = Arrival { time: now, packet: self.slots.get(due.slot).map_or(0, |place| place.facts.last.packet) };
            self.with_live(due.slot, receiver, |live, context| while live.give_up_overdue(at, context) {});
            self.settle(due.slot, at, receiver);
        }
    }

    pub(super) fn is(&self, due: Deadline) -> bool {
        self.slots.get(due.slot).is_some_and(|place| place.facts.id == due.id && place.is_open())
    }

    /// Notes that a flow met without its SYN at this moment is held back for a while.
    pub(super) fn start_by(&mut self, slot: usize, id: FlowId, at: Arrival) {
        let time = Timestamp::from_nanos(at.time.as_nanos().saturating_add(START_NANOS));
        self.starting.push_back(Deadline { slot, id, time });
    }

    /// After a step that left something open: notes deadlines, and closes a flow whose both sides have finished.
    #[inline(never)]
    pub(super) fn settle(&mut self, slot: usize, at: Arrival, receiver: &mut impl Receiver) {
        let Some(Slot { state: State::Live(live), facts, .. }) = self.slots.get_mut(slot) else { return };
        let id = facts.id;
        if live.is_over() || facts.refused {
            return self.close(slot, Close::Fin, at, receiver);
        }
        if live.take_end_news() {
            let time = Timestamp::from_nanos(at.time.as_nanos().saturating_add(LINGER_NANOS));
            self.lingering.push_back(Deadline { slot, id, time });
            if self.lingering.len() > LINGERING
                && let Some(oldest) = self.lingering.pop_front()
                && self.is(oldest)
            {
                self.close_lingering(oldest.slot, receiver);
            }
            return;
        }
        if live.take_overdue_news() {
            let time = Timestamp::from_nanos(at.time.as_nanos().saturating_add(GRACE_NANOS));
            self.overdue.push_back(Deadline { slot, id, time });
        }
    }
}

fn due(queue: &mut VecDeque<Deadline>, now: Timestamp) -> Option<Deadline> {
    queue.front().filter(|deadline| deadline.time <= now)?;
    queue.pop_front()
}
