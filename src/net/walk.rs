//! The way inwards: one header after another until TCP, a fragment, or a reason to stop.
//!
//! Each header's function takes it off the view and names what follows; the loop here is all that joins them.

use std::net::{IpAddr, Ipv4Addr};

use super::encapsulation::{Encapsulation, Tunnel, Wrap};
use super::fragments::FragmentHeader;
use super::outcome::{Fault, Layer, Malformed, NotTcp, Outcome};
use super::pieces::Origin;
use super::view::View;
use super::{ip, link, tunnel};

/// What stands at the start of a view.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    Ethernet,
    LinuxCooked1,
    LinuxCooked2,
    Loopback,
    Llc,
    Ppp,
    Pppoe,
    /// What this ethertype says.
    EtherType(u16),
    Mpls,
    /// IP of the version its first four bits say.
    Ip,
    Ipv4,
    Ipv6,
    /// The payload of an IP header with this protocol number (or next header).
    Protocol(u8),
    /// ERSPAN with a header of its own, of 8 octets (type II) or 12 (type III).
    Erspan {
        header: usize,
    },
    /// A fragment's payload.
    Fragment(FragmentHeader),
}

/// Where the walk led.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// The view is at a TCP header.
    Tcp,
    /// The view is at a fragment's payload.
    Fragment(FragmentHeader),
}

/// Why there is nothing to be found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    NotTcp(NotTcp),
    Malformed { layer: Layer, what: Fault, at: usize },
}

impl Stop {
    pub(super) fn outcome<'a>(self, origin: Origin<'_>) -> Outcome<'a> {
        match self {
            Self::NotTcp(why) => Outcome::NotTcp(why),
            Self::Malformed { layer, what, at } => {
                let (packet, offset) = origin.locate(u32::try_from(at).unwrap_or(u32::MAX));
                Outcome::Malformed(Malformed { layer, what, packet, offset })
            }
        }
    }
}

/// What the headers passed so far leave behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// IP headers passed, and IPv6 fragment headers.
    depth: u8,
    /// VLANs and virtual networks passed, mixed into one number: fragments of different ones do not belong together.
    pub(super) scope: u64,
    /// Everything passed that wraps what follows.
    pub(super) encapsulation: Encapsulation,
    /// The identification of the IPv4 header; 0 for IPv6.
    pub(super) identification: u16,
    /// The time to live, or the hop limit.
    pub(super) hops: u8,
    /// Whether the IPv6 header left its length to a jumbo payload option.
    pub(super) jumbo: bool,
}

impl Default for Context {
    fn default() -> Self {
        let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            source: none,
            destination: none,
            depth: 0,
            scope: 0,
            encapsulation: Encapsulation::default(),
            identification: 0,
            hops: 0,
            jumbo: false,
        }
    }
}

impl Context {
    /// Notes an IP header or a fragment header; an error when there are too many.
    #[inline]
    pub(super) fn descend(&mut self, view: &View<'_>) -> Result<(), Stop> {
        if self.depth >= MAX_DEPTH {
            return Err(view.fault(Layer::Ip, Fault::TooDeep));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    /// Notes a layer around what follows.
    pub(super) fn wrap(&mut self, wrap: Wrap) {
        self.encapsulation.push(wrap);
        match wrap {
            Wrap::Vlan(id) => self.enter(id.into()),
            Wrap::Tunnel { id: Some(id), .. } => self.enter(id),
            // Labels may differ between fragments (RFC 6790).
            Wrap::Tunnel { id: None, .. } | Wrap::Mpls(_) | Wrap::Pppoe(_) => {}
        }
    }

    /// Notes a tunnel between the addresses read last.
    pub(super) fn tunnel(&mut self, kind: Tunnel, id: Option<u32>) {
        self.wrap(Wrap::Tunnel { kind, id, source: self.source, destination: self.destination });
    }

    /// Notes a VLAN or a virtual network.
    fn enter(&mut self, network: u32) {
        let mixed = (self.scope ^ u64::from(network)).wrapping_add(1);
        self.scope = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

/// IP headers within each other that are followed; real tunnels need three.
const MAX_DEPTH: u8 = 8;

/// The way of nearly every packet in one step: Ethernet, IPv4 without options or fragments, TCP. `None` for all others,
/// damaged ones among them; [`walk`] comes to the same end in twice the time.
#[inline]
pub(super) fn usual(link: u32, data: &[u8]) -> Option<(View<'_>, Context)> {
    let (ethernet, rest) = data.split_first_chunk::<14>()?;
    let (ipv4, _) = rest.split_first_chunk::<20>()?;
    let [.., 0x08, 0x00] = ethernet else {
        return None;
    };
    // Version and header length, total length (t), identification (i), fragment (f), protocol.
    let [0x45, _, t0, t1, i0, i1, f0, f1, hops, TCP, ..] = *ipv4 else {
        return None;
    };
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *ipv4;
    let wire = usize::from(u16::from_be_bytes([t0, t1])).checked_sub(20)?;
    // Both the offset and "more fragments" are 0.
    if link != 1 || f0 & 0x3f != 0 || f1 != 0 {
        return None;
    }
    let view = View::behind(data, 34, wire);
    let context = Context {
        source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        depth: 1,
        scope: 0,
        encapsulation: Encapsulation::default(),
        identification: u16::from_be_bytes([i0, i1]),
        hops,
        jumbo: false,
    };
    Some((view, context))
}

/// Takes headers off `view` until one ends the walk. Ends because every header takes octets off, except those that
/// only choose the kind of the next, which never follow each other.
#[inline]
pub(super) fn walk(view: &mut View<'_>, first: Next, context: &mut Context) -> Result<Found, Stop> {
    let mut next = first;
    loop {
        next = match next {
            Next::Ethernet => link::ethernet(view),
            Next::EtherType(number) => link::ether_type(view, number, context),
            Next::Ipv4 => ip::v4(view, context),
            Next::Ipv6 => ip::v6(view, context),
            Next::Protocol(TCP) => return Ok(Found::Tcp),
            Next::Fragment(header) => return Ok(Found::Fragment(header)),
            Next::Protocol(number) => ip::protocol(view, number, context),
            other => seldom(view, other, context),
        }?;
    }
}

/// The headers that most captures have none of.
#[cold]
fn seldom(view: &mut View<'_>, next: Next, context: &mut Context) -> Result<Next, Stop> {
    match next {
        Next::LinuxCooked1 => link::linux_cooked_1(view),
        Next::LinuxCooked2 => link::linux_cooked_2(view),
        Next::Loopback => link::loopback(view),
        Next::Llc => link::llc(view),
        Next::Ppp => link::ppp(view),
        Next::Pppoe => link::pppoe(view, context),
        Next::Mpls => tunnel::mpls(view, context),
        Next::Erspan { header } => tunnel::erspan(view, header, context),
        _ => ip::by_version(view),
    }
}

const TCP: u8 = 6;
