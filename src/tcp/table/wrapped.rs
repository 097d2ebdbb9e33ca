//! Segments out of VLANs and tunnels. Two tenants may use the same addresses and ports at once, and one conversation may be captured with
//! and without its tags: which it is, the numbers of the segments tell.

use super::{FlowTable, State};
use crate::net::{Encapsulation, Segment};
use crate::span::Arrival;
use crate::tcp::flow::{Close, Path, Receiver};
use crate::tcp::index::Key;

impl FlowTable {
    /// Takes a segment that stood in a VLAN or a tunnel, or whose two ends were met in one.
    #[inline(never)]
    pub(super) fn wrapped_segment(
        &mut self,
        key: Key,
        at: Arrival,
        segment: Segment<'_>,
        receiver: &mut impl Receiver,
    ) {
        // By value, so that the usual segment never has to stand in memory.
        let segment = &segment;
        let number = segment.encapsulation.map_or(0, Encapsulation::number);
        let known = self.contexts.meet(&key, number, at.packet, Key::is_from_low(segment));
        let slot = match known {
            Some(known) => {
                if known.is_new_sender
                    && let Some(place) = self.slots.get_mut(known.slot)
                    && let Some(path) = place.facts.paths.iter_mut().find(|path| path.encapsulation.number() == number)
                {
                    path.heard_both = true;
                }
                if self.next_segment(known.slot, at, segment, receiver) {
                    return;
                }
                self.stay_or_leave(known.slot, key, number, at, segment, receiver)
            }
            None => self.arrive(key, number, at, segment, receiver),
        };
        self.take(slot, at, segment, receiver);
    }

    /// The flow of a segment in a wrapping where flow `slot` was met so far.
    fn stay_or_leave(
        &mut self,
        slot: usize,
        key: Key,
        number: u64,
        at: Arrival,
        segment: &Segment<'_>,
        receiver: &mut impl Receiver,
    ) -> usize {
        let Some(place) = self.slots.get(slot) else { return slot };
        let takes = place.takes(segment);
        if takes && place.fits(segment, at, &self.history) {
            return slot;
        }
        let other = self.fitting(&key, at, segment, Some(slot));
        if takes && other.is_none() {
            return slot;
        }
        let heard = Key::heard(segment);
        if let Some(other) = other {
            self.contexts.set(key, number, other, at.packet, heard);
            self.pass_through(other, segment);
            self.leave(&key, slot, at, receiver);
            return other;
        }
        // Another conversation begins where this one was.
        let alone = self.contexts.count(&key, slot) <= 1;
        if alone {
            self.close(slot, Close::Replaced, at, receiver);
        }
        let new = self.open(key, at, segment, receiver);
        self.contexts.set(key, number, new, at.packet, heard);
        self.pass_through(new, segment);
        new
    }

    /// The flow of a segment in a wrapping where its two ends were not met yet.
    fn arrive(
        &mut self,
        key: Key,
        number: u64,
        at: Arrival,
        segment: &Segment<'_>,
        receiver: &mut impl Receiver,
    ) -> usize {
        self.move_plain_flow(&key);
        let fitting = self.fitting(&key, at, segment, None);
        if let Some(crowded) = self.contexts.make_room(&key, self.limits.contexts) {
            let is_open = self.slots.get(crowded).is_some_and(super::Slot::is_open);
            self.contexts_given_up = self.contexts_given_up.saturating_add(u64::from(is_open));
            if is_open && fitting != Some(crowded) && !self.contexts.holds(&key, crowded) {
                self.close(crowded, Close::Open, at, receiver);
            }
        }
        let slot = fitting.unwrap_or_else(|| self.open(key, at, segment, receiver));
        self.contexts.set(key, number, slot, at.packet, Key::heard(segment));
        self.pass_through(slot, segment);
        slot
    }

    /// Moves a flow that was met in plain packets only to the flows that are told apart by their wrapping.
    fn move_plain_flow(&mut self, key: &Key) {
        let Some(slot) = self.index.get(key) else { return };
        self.index.remove(key);
        let Some(place) = self.slots.get_mut(slot) else { return };
        let facts = &mut place.facts;
        let sender = if facts.seen.to_server { facts.client } else { facts.server };
        let heard_both = facts.seen.to_server && facts.seen.to_client;
        let low = Key::is_low(facts.client, facts.server) == facts.seen.to_server;
        let heard = if heard_both { [true; 2] } else { [!low, low] };
        facts.paths.push(Path { encapsulation: Encapsulation::default(), sender, heard_both });
        let packet = facts.last.packet;
        self.contexts.set(*key, 0, slot, packet, heard);
    }

    /// Among the flows of two ends, the one that the segment is evidently part of.
    fn fitting(&self, key: &Key, at: Arrival, segment: &Segment<'_>, except: Option<usize>) -> Option<usize> {
        let fits = |slot: &usize| {
            Some(*slot) != except && self.slots.get(*slot).is_some_and(|place| place.fits(segment, at, &self.history))
        };
        self.contexts.flows(key).into_iter().find(fits)
    }

    /// Notes that a flow is met where this segment was.
    fn pass_through(&mut self, slot: usize, segment: &Segment<'_>) {
        let Some(place) = self.slots.get_mut(slot) else { return };
        let encapsulation = segment.encapsulation.copied().unwrap_or_default();
        let paths = &mut place.facts.paths;
        let has_room = paths.len() < self.limits.contexts;
        match paths.iter_mut().find(|path| path.encapsulation.number() == encapsulation.number()) {
            Some(path) => path.heard_both |= path.sender != segment.source,
            None if has_room => {
                paths.push(Path { encapsulation, sender: segment.source, heard_both: false });
            }
            None => {}
        }
    }

    /// Ends a flow whose last wrapping another one has taken.
    fn leave(&mut self, key: &Key, slot: usize, at: Arrival, receiver: &mut impl Receiver) {
        let open = self.slots.get(slot).is_some_and(|place| matches!(place.state, State::Starting(_) | State::Live(_)));
        if open && !self.contexts.holds(key, slot) {
            self.close(slot, Close::Replaced, at, receiver);
        }
    }
}
