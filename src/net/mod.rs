//! From a captured packet to a TCP segment: link layer, tunnels, IP and its fragments, the TCP header.
//!
//! Sources: RFC 791 and 8200 (IP), RFC 9293 §3.1 (TCP), IEEE 802.1Q and 802.3, the link types of
//! <https://www.tcpdump.org/linktypes.html>, and one section per tunnel at its function. Header fields are read with
//! [`etherparse`]; what it does not know (Linux cooked v2, loopback, PPP, GRE, VXLAN, GENEVE, MPLS) is read here.
//!
//! This room says where a segment stands and how long it was on the wire. It does not verify checksums (offload leaves
//! them unset), order segments, or decide what a flow is; all of that is `tcp`'s.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]

mod counters;
mod datagram;
mod encapsulation;
mod fragments;
mod ip;
mod link;
mod outcome;
mod pieces;
mod segment;
mod tunnel;
mod view;
mod walk;

pub use counters::{Counters, Incomplete};
pub use encapsulation::{Encapsulation, Tunnel, Wrap};
pub use fragments::FragmentLimits;
pub use outcome::{Fault, Fragment, Layer, Malformed, NotTcp, Outcome};
pub use pieces::Pieces;
pub use segment::{Segment, TcpFlags, timestamp_value};

use datagram::Datagram;
use fragments::{Arrival, Fragments, Moment, Taken};
use pieces::Origin;
use view::View;
use walk::{Context, Found, Next, walk};

/// Turns packets into TCP segments, one call a packet; between calls it holds only fragments that wait for others.
///
/// ```
/// use framescope::net::{Net, NotTcp, Outcome};
///
/// let mut net = Net::default();
/// let arp = [&[0xff; 12][..], &[0x08, 0x06], &[0; 28]].concat();
/// assert_eq!(net.packet(1, &arp, 42, 1, 0), Outcome::NotTcp(NotTcp::Arp));
/// ```
#[derive(Debug, Default)]
pub struct Net {
    counters: Counters,
    fragments: Fragments,
    /// The datagram completed last: what a segment out of several packets borrows from.
    whole: Datagram,
    /// What the segment found last was wrapped in.
    encapsulation: Encapsulation,
}

impl Net {
    /// A dissector of packets that holds no more fragments than `limits` allow.
    pub fn new(limits: FragmentLimits) -> Self {
        Self { fragments: Fragments::new(limits), ..Self::default() }
    }

    /// Reads one packet if it is what nearly all are: TCP over IPv4 over Ethernet, without anything unusual about them. `None` says
    /// nothing: the packet is not counted yet, and to be given to [`packet`](Self::packet).
    #[inline(always)]
    pub fn usual_packet<'a>(&mut self, link: u32, data: &'a [u8], number: u64) -> Option<Segment<'a>> {
        let (view, context) = walk::usual(link, data)?;
        let segment = Segment::usual(view, &context, Origin::Packet(number))?;
        self.counters.packets = self.counters.packets.wrapping_add(1);
        self.counters.count_segment(&segment);
        Some(segment)
    }

    /// Reads one packet.
    ///
    /// `link` is the LINKTYPE_ number of the interface, `data` the captured octets, `original_length` their number on the
    /// wire (never taken as less than `data.len()`), `number` what [`Piece::packet`](crate::span::Piece::packet) shall say, `time_ns` the time of
    /// capture in nanoseconds since the epoch, used only to age fragments. The outcome borrows from `data`, or from
    /// `self` when the last of several fragments completed a datagram.
    #[inline]
    pub fn packet<'a>(
        &'a mut self,
        link: u32,
        data: &'a [u8],
        original_length: u32,
        number: u64,
        time_ns: i64,
    ) -> Outcome<'a> {
        if let Some(segment) = self.usual_packet(link, data, number) {
            return Outcome::Tcp(segment);
        }
        self.counters.packets = self.counters.packets.wrapping_add(1);
        let origin = Origin::Packet(number);
        let mut context = Context::default();
        let mut view = View::packet(data, original_length);
        let found = Next::of_link(link).and_then(|next| walk(&mut view, next, &mut context));
        let outcome = match found {
            Ok(Found::Tcp) => {
                self.encapsulation = context.encapsulation;
                Segment::parse(view, &context, origin).within(&self.encapsulation)
            }
            Ok(Found::Fragment(header)) => {
                let moment = Moment { packets: self.counters.packets, time_ns };
                self.fragments.expire(moment, &mut self.counters);
                let arrival = Arrival::new(header, &context, view, origin, moment);
                let taken = self.fragments.take(arrival, &mut self.counters);
                return self.reassembled(taken, context, moment);
            }
            Err(stop) => stop.outcome(origin),
        };
        self.counters.count(&outcome);
        outcome
    }

    /// Ends the input: what is still incomplete is dropped and counted in [`Counters::incomplete`].
    pub fn finish(&mut self) {
        self.fragments.finish(&mut self.counters);
    }

    /// What was read so far, by kind.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Octets of memory held for fragments and for the datagram completed last.
    pub fn held_bytes(&self) -> usize {
        self.fragments.held_bytes().saturating_add(self.whole.held_bytes())
    }

    /// Follows a fragment that may have completed a datagram, which may in turn hold a fragment in a tunnel.
    /// Ends because each datagram lies below one more IP or fragment header, and those are limited.
    #[cold]
    fn reassembled(&mut self, mut taken: Taken, mut context: Context, moment: Moment) -> Outcome<'_> {
        let (rest, found) = loop {
            let protocol = match taken {
                Taken::Complete { datagram, protocol } => {
                    self.whole = datagram;
                    protocol
                }
                Taken::Waits(fragment) => return self.counted(Outcome::Fragment(fragment)),
                Taken::Malformed(malformed) => return self.counted(Outcome::Malformed(malformed)),
            };
            let mut view = View::datagram(&self.whole);
            let found = walk(&mut view, Next::Protocol(protocol), &mut context);
            let Ok(Found::Fragment(header)) = found else {
                break (view.extent(), found);
            };
            let origin = Origin::Datagram(&self.whole.pieces);
            let arrival = Arrival::new(header, &context, view, origin, moment);
            taken = self.fragments.take(arrival, &mut self.counters);
        };
        let origin = Origin::Datagram(&self.whole.pieces);
        self.encapsulation = context.encapsulation;
        let outcome = match found {
            Ok(_) => Segment::parse(rest.of(&self.whole.octets), &context, origin).within(&self.encapsulation),
            Err(stop) => stop.outcome(origin),
        };
        self.counters.count(&outcome);
        outcome
    }

    fn counted(&mut self, outcome: Outcome<'static>) -> Outcome<'_> {
        self.counters.count(&outcome);
        outcome
    }
}
