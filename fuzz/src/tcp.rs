//! Reassembly. The input: segments of eight octets of header (see `segment`) and their payload.

use std::collections::HashMap;

use framescope::direction::{Both, Direction};
use framescope::limits::Limits;
use framescope::net::{FragmentLimits, Net, Outcome};
use framescope::span::Arrival;
use framescope::tcp::{FlowEvent, FlowFacts, FlowId, FlowTable, Orientation, Receiver};
use framescope::time::Timestamp;

use crate::Octets;

/// Checks that octets and gaps of a direction follow each other, and that nothing follows the end.
#[derive(Default)]
struct Checker {
    next: HashMap<FlowId, Both<u64>>,
    closed: HashMap<FlowId, bool>,
    swaps: bool,
}

impl Receiver for Checker {
    fn receive(&mut self, _slot: usize, facts: &FlowFacts, event: FlowEvent<'_>) -> Orientation {
        assert!(!self.closed.contains_key(&facts.id), "nothing follows the end of a flow");
        let next = self.next.entry(facts.id).or_default();
        match event {
            FlowEvent::Octets { direction, offset, octets, pieces, .. } => {
                assert!(!octets.is_empty(), "octets are never none");
                assert_eq!(offset, next[direction], "octets follow what came before");
                next[direction] += octets.len() as u64;
                let stand = pieces.iter().map(|piece| u64::from(piece.length)).sum::<u64>();
                assert_eq!(stand, octets.len() as u64, "each octet stands somewhere");
                // The first octets may tell that the sides are the other way round.
                if self.swaps && next.to_server + next.to_client == octets.len() as u64 && octets[0] & 1 == 1 {
                    next.swap();
                    return Orientation::Swap;
                }
            }
            FlowEvent::Gap { direction, offset, octets, .. } => {
                assert!(octets > 0, "a gap is never nothing");
                assert_eq!(offset, next[direction], "a gap follows what came before");
                next[direction] += octets;
            }
            FlowEvent::Closed { .. } => {
                self.closed.insert(facts.id, true);
                let counted = (facts.octets_to_server, facts.octets_to_client);
                assert_eq!(counted, (next.to_server, next.to_client), "every octet is counted once");
            }
            FlowEvent::Finished { direction, .. } => {
                assert!(matches!(direction, Direction::ToServer | Direction::ToClient))
            }
            FlowEvent::Conflict { octets, .. } => assert!(octets > 0),
        }
        Orientation::Keep
    }
}

/// One packet: flags and side; port; sequence and acknowledgment near each other; length; time.
pub fn segment(input: &mut Octets<'_>) -> (Vec<u8>, u32, i64) {
    let kind = input.octet();
    let (port, sequence, acknowledgment) = (input.octet(), input.short(), input.short());
    let (length, cut) = (input.octet(), input.octet());
    let payload = input.take(usize::from(length));
    // Close to where numbers wrap.
    let near = |number: u16| u32::from(number).wrapping_sub(30_000);
    let flags = [0x10, 0x02, 0x12, 0x18, 0x11, 0x04, 0x14, 0x00][usize::from(kind & 7)];
    let ports =
        if kind & 8 == 0 { [40_000 + u16::from(port % 4), 50_051] } else { [50_051, 40_000 + u16::from(port % 4)] };
    let addresses: [u8; 8] = if kind & 8 == 0 { [10, 0, 0, 1, 10, 0, 0, 2] } else { [10, 0, 0, 2, 10, 0, 0, 1] };
    let total = 40 + payload.len() + usize::from(cut % 8) * usize::from(kind & 16 != 0);
    let mut out = vec![0x45, 0];
    out.extend(u16::try_from(total).expect("it is small").to_be_bytes());
    out.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    out.extend(addresses);
    out.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    out.extend(near(sequence).to_be_bytes());
    out.extend(near(acknowledgment).to_be_bytes());
    out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend_from_slice(payload);
    let step = if kind & 32 == 0 { 1000 } else { i64::from(cut) * 40_000_000 };
    (out, u32::try_from(total).expect("it is small"), step)
}

/// Feeds segments to a table with small limits.
pub fn run(data: &[u8]) {
    let mut input = Octets(data);
    let small = input.octet();
    let limits = if small & 1 == 0 {
        Limits::default()
    } else {
        Limits { flows: 2, flow_waiting: 2000, total_waiting: 3000, ..Limits::default() }
    };
    let mut checker = Checker { swaps: small & 2 != 0, ..Checker::default() };
    let mut table = FlowTable::new(&limits);
    let mut net = Net::new(FragmentLimits::default());
    let (mut number, mut nanos) = (0, 0);
    while !input.is_empty() {
        let (packet, original, step) = segment(&mut input);
        number += 1;
        nanos += step;
        if let Outcome::Tcp(segment) = net.packet(101, &packet, original, number, nanos) {
            table.segment(Arrival { time: Timestamp::from_nanos(nanos), packet: number }, &segment, &mut checker);
        }
        assert!(table.held_bytes() < 64 << 20);
    }
    table.finish(&mut checker);
    assert_eq!(checker.closed.len() as u64, table.flows(), "every flow ends");
}
