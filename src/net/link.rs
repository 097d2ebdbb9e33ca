//! Link layers down to an ethertype or IP: Ethernet, VLAN, LLC/SNAP, Linux cooked, BSD loopback, PPP.
//!
//! Numbers: <https://www.tcpdump.org/linktypes.html>, IEEE 802.1Q §9.6, RFC 1042 (SNAP), RFC 1661 and 1662 (PPP), RFC 2516 (PPPoE).
//! A link's own length fields are not trusted with the payload's end, except 802.3's; IP knows its own.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::encapsulation::Wrap;
use super::outcome::{Fault, Layer, NotTcp};
use super::view::View;
use super::walk::{Context, Next, Stop};

impl Next {
    /// The first header of a packet of this LINKTYPE_.
    #[inline]
    pub(super) fn of_link(link: u32) -> Result<Self, Stop> {
        Ok(match link {
            1 => Self::Ethernet,
            // NULL and LOOP: a family in the byte order of the host, or of the network.
            0 | 108 => Self::Loopback,
            9 | 50 => Self::Ppp,
            51 => Self::Pppoe,
            // RAW: 12 and 14 are what some systems write for 101.
            12 | 14 | 101 => Self::Ip,
            113 => Self::LinuxCooked1,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            276 => Self::LinuxCooked2,
            other => return Err(Stop::NotTcp(NotTcp::LinkType(other))),
        })
    }
}

/// Ethernet II, or IEEE 802.3 with a length where the type would be (IEEE 802.3 §3.2.6).
#[inline]
pub(super) fn ethernet(view: &mut View<'_>) -> Result<Next, Stop> {
    let header = match Ethernet2HeaderSlice::from_slice(view.octets()) {
        Ok(header) => header,
        Err(error) => return Err(view.short(Layer::Ethernet, error.required_len)),
    };
    let number = header.ether_type().0;
    view.skip(header.slice().len(), Layer::Ethernet)?;
    if number < FIRST_ETHER_TYPE {
        let length = usize::from(number);
        if length <= view.wire() {
            view.limit(length);
        }
        return Ok(Next::Llc);
    }
    Ok(Next::EtherType(number))
}

/// What an ethertype announces; VLAN tags are taken off here.
#[inline]
pub(super) fn ether_type(view: &mut View<'_>, number: u16, context: &mut Context) -> Result<Next, Stop> {
    Ok(match number {
        0x0800 => Next::Ipv4,
        0x86dd => Next::Ipv6,
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => return vlan(view, context),
        0x8847 | 0x8848 => Next::Mpls,
        0x8864 => Next::Pppoe,
        0x880b => Next::Ppp,
        0x6558 => Next::Ethernet,
        0x0806 => return Err(Stop::NotTcp(NotTcp::Arp)),
        other => return Err(Stop::NotTcp(NotTcp::EtherType(other))),
    })
}

/// A tag of IEEE 802.1Q or 802.1ad, or of what preceded them (0x9100 and on).
fn vlan(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    let tag = match SingleVlanHeaderSlice::from_slice(view.octets()) {
        Ok(tag) => tag,
        Err(error) => return Err(view.short(Layer::Vlan, error.required_len)),
    };
    context.wrap(Wrap::Vlan(tag.vlan_identifier().value()));
    let number = tag.ether_type().0;
    view.skip(tag.slice().len(), Layer::Vlan)?;
    Ok(if number < FIRST_ETHER_TYPE { Next::Llc } else { Next::EtherType(number) })
}

/// IEEE 802.2; followed only where SNAP gives an ethertype (RFC 1042).
pub(super) fn llc(view: &mut View<'_>) -> Result<Next, Stop> {
    let [0xaa, 0xaa, 0x03] = *view.peek::<3>(Layer::Llc)? else {
        return Err(Stop::NotTcp(NotTcp::Llc));
    };
    let [_, _, _, organisation @ .., high, low] = *view.take::<8>(Layer::Llc)?;
    match organisation {
        [0, 0, 0] | [0, 0, 0xf8] => Ok(Next::EtherType(u16::from_be_bytes([high, low]))),
        _ => Err(Stop::NotTcp(NotTcp::Llc)),
    }
}

/// Linux cooked v1: packet type, hardware type, address, protocol.
pub(super) fn linux_cooked_1(view: &mut View<'_>) -> Result<Next, Stop> {
    let [_, _, h0, h1, .., p0, p1] = *view.take::<16>(Layer::LinuxCooked)?;
    cooked(u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]))
}

/// Linux cooked v2: protocol, reserved, interface, hardware type, packet type, address.
pub(super) fn linux_cooked_2(view: &mut View<'_>) -> Result<Next, Stop> {
    let [p0, p1, _, _, _, _, _, _, h0, h1, ..] = *view.take::<20>(Layer::LinuxCooked)?;
    cooked(u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]))
}

fn cooked(hardware: u16, protocol: u16) -> Result<Next, Stop> {
    match (hardware, protocol) {
        (ARPHRD_NETLINK, _) => Err(Stop::NotTcp(NotTcp::Netlink)),
        (_, LINUX_802_2) => Ok(Next::Llc),
        (_, number) => Ok(Next::EtherType(number)),
    }
}

/// BSD loopback: an address family in either byte order; 2 is IPv4 everywhere, IPv6 has a number on each system.
pub(super) fn loopback(view: &mut View<'_>) -> Result<Next, Stop> {
    let octets = *view.take::<4>(Layer::Loopback)?;
    let (big, little) = (u32::from_be_bytes(octets), u32::from_le_bytes(octets));
    match big.min(little) {
        2 => Ok(Next::Ipv4),
        // Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
        10 | 23 | 24 | 28 | 30 => Ok(Next::Ipv6),
        family => Err(Stop::NotTcp(NotTcp::AddressFamily(family))),
    }
}

/// PPP, with or without its HDLC address and control octets, and with a protocol of one octet or two.
pub(super) fn ppp(view: &mut View<'_>) -> Result<Next, Stop> {
    if let [0xff, 0x03, ..] = view.octets() {
        view.skip(2, Layer::Ppp)?;
    }
    // RFC 1661 §2: protocol numbers end at the first odd octet, so a compressed one begins with it.
    let [first] = *view.take::<1>(Layer::Ppp)?;
    let protocol = if first & 1 == 1 {
        u16::from(first)
    } else {
        let [second] = *view.take::<1>(Layer::Ppp)?;
        u16::from_be_bytes([first, second])
    };
    match protocol {
        0x0021 => Ok(Next::Ipv4),
        0x0057 => Ok(Next::Ipv6),
        0x0281 | 0x0283 => Ok(Next::Mpls),
        other => Err(Stop::NotTcp(NotTcp::Ppp(other))),
    }
}

/// The PPPoE session stage (RFC 2516 §4): version and type 1, code 0.
pub(super) fn pppoe(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    let [version, code] = *view.peek::<2>(Layer::Pppoe)?;
    if version != 0x11 {
        return Err(view.fault(Layer::Pppoe, Fault::Version(version >> 4)));
    }
    if code != 0 {
        return Err(Stop::NotTcp(NotTcp::EtherType(0x8864)));
    }
    let [_, _, s0, s1, _, _] = *view.take::<6>(Layer::Pppoe)?;
    context.wrap(Wrap::Pppoe(u16::from_be_bytes([s0, s1])));
    Ok(Next::Ppp)
}

/// Smaller numbers are lengths (IEEE 802.3 §3.2.6).
const FIRST_ETHER_TYPE: u16 = 0x0600;
/// The cooked "protocol" of a frame that begins with an 802.2 header.
const LINUX_802_2: u16 = 4;
const ARPHRD_NETLINK: u16 = 824;
