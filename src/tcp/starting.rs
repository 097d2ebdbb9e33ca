//! Flows met without their SYN: segments are held back until the beginning of each direction is certain.

use super::flow::{Opened, Receiver};
use super::live::View;
use super::marks::Marks;
use super::seq::SeqNumber;
use super::table::{FlowTable, NEAR, Slot, State};
use crate::direction::Direction;
use crate::net::{Segment, TcpFlags};
use crate::span::{Arrival, Piece};

/// Packets that a flow met without its SYN is held back for, so that its true beginning may still show.
const START_PACKETS: usize = 16;
/// The first octets of the HTTP/2 client preface: proof that a direction begins here.
const CLIENT_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// A segment of a flow whose beginning is not certain, copied out of its packet.
#[derive(Debug)]
pub(super) struct Held {
    from_client: bool,
    at: Arrival,
    sequence: SeqNumber,
    acknowledgment: SeqNumber,
    flags: TcpFlags,
    payload: Vec<u8>,
    wire_length: u32,
    pieces: Vec<Piece>,
    marks: Marks,
}

impl Held {
    /// Whether a segment from another VLAN or tunnel is evidently of the same conversation: both numbers are near this one's, one
    /// of them is expected exactly so, and no octet differs.
    pub(super) fn is_kin(&self, from_client: bool, segment: &Segment<'_>) -> bool {
        let near = |a: SeqNumber, b: SeqNumber| a.distance(b).unsigned_abs() <= NEAR.unsigned_abs();
        let (sequence, acknowledgment) = (SeqNumber(segment.sequence), SeqNumber(segment.acknowledgment));
        let (syn, ack) = (segment.flags.contains(TcpFlags::SYN), segment.flags.contains(TcpFlags::ACK));
        let end = self.sequence.add(self.wire_length);
        if from_client != self.from_client {
            let own = self.acknowledgment;
            let answers = if syn {
                sequence.add(1) == own
            } else {
                near(sequence, own)
                    && (!ack || near(acknowledgment, end))
                    && (sequence == own || ack && [self.sequence, end].contains(&acknowledgment))
            };
            return self.acknowledges() && answers;
        }
        if syn {
            return sequence.add(1) == self.sequence;
        }
        let differs = sequence == self.sequence && self.payload.iter().zip(segment.payload).any(|(a, b)| a != b);
        let both = ack && self.acknowledges();
        near(sequence, self.sequence)
            && (!both || near(acknowledgment, self.acknowledgment))
            && ([self.sequence, end].contains(&sequence) || both && acknowledgment == self.acknowledgment)
            && !differs
    }

    fn acknowledges(&self) -> bool {
        self.flags.contains(TcpFlags::ACK)
    }
}

impl FlowTable {
    pub(super) fn hold(
        &mut self,
        slot: usize,
        from_client: bool,
        at: Arrival,
        segment: &Segment<'_>,
        receiver: &mut impl Receiver,
    ) {
        let Some(Slot { state: State::Starting(held), .. }) = self.slots.get_mut(slot) else { return };
        let size = segment.payload.len().saturating_add(size_of::<Held>());
        self.waiting_octets = self.waiting_octets.saturating_add(size);
        held.push(Held {
            from_client,
            at,
            sequence: SeqNumber(segment.sequence),
            acknowledgment: SeqNumber(segment.acknowledgment),
            flags: segment.flags,
            payload: segment.payload.to_vec(),
            wire_length: segment.wire_length,
            pieces: segment.pieces().collect(),
            marks: Marks::of(segment, at.time),
        });
        let certain = segment.flags.contains(TcpFlags::SYN) || segment.payload.starts_with(CLIENT_PREFACE);
        if certain || held.len() >= START_PACKETS || self.waiting_octets > self.limits.total_waiting {
            self.release(slot, receiver);
        }
    }

    /// Decides where a flow met without its SYN begins, and delivers what was held.
    pub(super) fn release(&mut self, slot: usize, receiver: &mut impl Receiver) {
        let Some(place) = self.slots.get_mut(slot) else { return };
        if !matches!(place.state, State::Starting(_)) {
            return;
        }
        let State::Starting(held) = std::mem::replace(&mut place.state, State::Live(Box::default())) else { return };
        let size = held
            .iter()
            .fold(0_usize, |sum, held| sum.saturating_add(held.payload.len()).saturating_add(size_of::<Held>()));
        self.waiting_octets = self.waiting_octets.saturating_sub(size);
        let opener =
            held.iter().find(|held| held.payload.starts_with(CLIENT_PREFACE) || held.flags.contains(TcpFlags::SYN));
        let swap = opener.is_some_and(|held| {
            held.from_client == (held.flags.contains(TcpFlags::SYN) && held.flags.contains(TcpFlags::ACK))
        });
        let client_when_held = place.facts.client;
        if swap {
            place.facts.seen.swap();
            std::mem::swap(&mut place.facts.client, &mut place.facts.server);
        }
        if held.iter().any(|held| held.flags.contains(TcpFlags::SYN)) {
            place.facts.opened = Opened::Syn;
        }
        if let State::Live(live) = &mut place.state {
            for from_client in [true, false] {
                let direction = if from_client == swap { Direction::ToClient } else { Direction::ToServer };
                if let Some(base) = beginning(held.iter().filter(|held| held.from_client == from_client)) {
                    live.begin(direction, base);
                }
            }
        }
        for held in held {
            // What the octets delivered so far say may have exchanged the sides.
            let as_held = self.slots.get(slot).is_some_and(|place| place.facts.client == client_when_held);
            let direction = if held.from_client == as_held { Direction::ToServer } else { Direction::ToClient };
            let view = View {
                direction,
                at: held.at,
                sequence: held.sequence,
                acknowledgment: held.acknowledgment,
                flags: held.flags,
                payload: &held.payload,
                wire_length: held.wire_length,
                pieces: &held.pieces,
                marks: held.marks,
            };
            self.feed(slot, view, receiver);
        }
    }
}

/// The sequence number of a direction's first octet among held segments: of the preface or after the SYN if there is one, else the
/// smallest that carries more than a keep-alive's octet.
fn beginning<'a>(held: impl Iterator<Item = &'a Held> + Clone) -> Option<SeqNumber> {
    if let Some(syn) = held.clone().find(|held| held.flags.contains(TcpFlags::SYN)) {
        return Some(syn.sequence.add(1));
    }
    if let Some(preface) = held.clone().find(|held| held.payload.starts_with(CLIENT_PREFACE)) {
        return Some(preface.sequence);
    }
    let least =
        |numbers: &mut dyn Iterator<Item = SeqNumber>| numbers.reduce(|a, b| if b.distance(a) < 0 { b } else { a });
    least(&mut held.clone().filter(|held| held.payload.len() > 1).map(|held| held.sequence))
        .or_else(|| least(&mut held.map(|held| held.sequence)))
}
