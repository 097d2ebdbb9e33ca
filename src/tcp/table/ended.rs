//! The end of flows: when it is told, how long it is remembered, and who has to go when there are too many.

use super::{FlowTable, State};
use crate::span::Arrival;
use crate::tcp::flow::{Close, FlowId, Receiver};

impl FlowTable {
    /// The input has ended: everything that waits is delivered, what is missing is reported, every flow is closed.
    pub fn finish(&mut self, receiver: &mut impl Receiver) {
        let mut open: Vec<(FlowId, usize)> = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, place)| place.is_open())
            .map(|(i, place)| (place.facts.id, i))
            .collect();
        open.sort_unstable();
        for (_, slot) in open {
            let at = self.slots.get(slot).map_or_else(Arrival::default, |place| place.facts.last);
            self.close(slot, Close::Open, at, receiver);
        }
    }

    pub(super) fn close_lingering(&mut self, slot: usize, receiver: &mut impl Receiver) {
        let at = self.slots.get(slot).map_or_else(Arrival::default, |place| place.facts.last);
        self.close(slot, Close::Open, at, receiver);
    }

    /// Ends a flow. `close` is how, unless the flow itself knows better (a RST, both FINs).
    pub(super) fn close(&mut self, slot: usize, close: Close, at: Arrival, receiver: &mut impl Receiver) {
        self.release(slot, receiver);
        self.with_live(slot, receiver, |live, context| live.close(close, at, context));
        let Some(place) = self.slots.get_mut(slot) else { return };
        if let State::Live(live) = &place.state {
            place.state = State::Ended(live.ended());
            self.live = self.live.saturating_sub(1);
            self.tombstones.push_back((slot, place.facts.id));
            self.bury();
        }
    }

    /// Forgets the oldest ended flows beyond the limit.
    fn bury(&mut self) {
        while self.tombstones.len() > self.limits.flows {
            let Some((slot, id)) = self.tombstones.pop_front() else { return };
            let Some(place) = self.slots.get_mut(slot) else { continue };
            if place.facts.id != id || !matches!(place.state, State::Ended(_)) {
                continue;
            }
            self.forget(slot);
        }
    }

    /// Makes the slot of a flow that has ended free for another.
    fn forget(&mut self, slot: usize) {
        let Some(place) = self.slots.get_mut(slot) else { return };
        place.state = State::Free;
        // The ports may be in use by a newer flow.
        let key = place.key;
        if self.index.get(&key) == Some(slot) {
            self.index.remove(&key);
        }
        self.contexts.remove(&key, slot);
        self.free.push(slot);
    }

    /// Gives up the flow that was idle longest among some looked at in turn.
    pub(super) fn evict(&mut self, at: Arrival, receiver: &mut impl Receiver) {
        const LOOK: usize = 64;
        let mut oldest: Option<(Arrival, usize)> = None;
        let mut looked = 0_usize;
        for _ in 0..self.slots.len() {
            self.clock_hand = self.clock_hand.checked_add(1).filter(|hand| *hand < self.slots.len()).unwrap_or(0);
            let Some(place) = self.slots.get(self.clock_hand) else { break };
            if !place.is_open() {
                continue;
            }
            if oldest.is_none_or(|(last, _)| place.facts.last.packet < last.packet) {
                oldest = Some((place.facts.last, self.clock_hand));
            }
            looked = looked.saturating_add(1);
            if looked >= LOOK {
                break;
            }
        }
        if let Some((_, slot)) = oldest {
            self.given_up = self.given_up.saturating_add(1);
            self.close(slot, Close::Open, at, receiver);
            // Given up, not over: what comes of it later is a flow met midway.
            self.forget(slot);
        }
    }
}
