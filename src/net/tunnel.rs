//! Tunnels down to the frame or datagram inside: GRE, ERSPAN, EtherIP, VXLAN, GENEVE, MPLS.
//!
//! A tunnel is known by its number or port alone; where that leaves a doubt (MPLS pseudo wires), only what looks like
//! an Ethernet frame that goes on is followed.

use super::encapsulation::{Tunnel, Wrap};
use super::outcome::{Fault, Layer, NotTcp};
use super::view::View;
use super::walk::{Context, Next, Stop};

/// VXLAN's port (RFC 7348 §5).
pub(super) const VXLAN: u16 = 4789;
/// VXLAN's port on Linux when none is set.
pub(super) const VXLAN_LINUX: u16 = 8472;
/// GENEVE's port (RFC 8926 §3.3).
pub(super) const GENEVE: u16 = 6081;

/// GRE version 0 (RFC 2784 §2, RFC 2890 §2); the key is NVGRE's network, too (RFC 7637 §3.2).
pub(super) fn gre(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    let [flags, version, p0, p1] = *view.peek::<4>(Layer::Gre)?;
    let version = version & 0x07;
    if version != 0 || flags & ROUTING != 0 {
        return Err(Stop::NotTcp(NotTcp::Gre { version }));
    }
    let optional = |flag: u8| if flags & flag == 0 { 0 } else { 4 };
    let length =
        4_usize.saturating_add(optional(CHECKSUM)).saturating_add(optional(KEY)).saturating_add(optional(SEQUENCE));
    let mut rest = *view;
    view.skip(length, Layer::Gre)?;
    let mut key = None;
    if flags & KEY != 0 {
        rest.skip(4_usize.saturating_add(optional(CHECKSUM)), Layer::Gre)?;
        key = Some(u32::from_be_bytes(*rest.take::<4>(Layer::Gre)?));
    }
    Ok(match u16::from_be_bytes([p0, p1]) {
        // Type I has no header of its own, and no sequence number to say so.
        0x88be if flags & SEQUENCE == 0 => {
            context.tunnel(Tunnel::Erspan, key);
            Next::Ethernet
        }
        0x88be => Next::Erspan { header: 8 },
        0x22eb => Next::Erspan { header: 12 },
        number => {
            context.tunnel(Tunnel::Gre, key);
            Next::EtherType(number)
        }
    })
}

const CHECKSUM: u8 = 0x80;
const ROUTING: u8 = 0x40;
const KEY: u8 = 0x20;
const SEQUENCE: u8 = 0x10;

/// A mirrored frame, types II and III (draft-foschiano-erspan-03 §4).
pub(super) fn erspan(view: &mut View<'_>, header: usize, context: &mut Context) -> Result<Next, Stop> {
    let [v0, v1, s0, s1] = *view.peek::<4>(Layer::Erspan)?;
    context.tunnel(Tunnel::Erspan, Some(u32::from_be_bytes([0, 0, s0 & 0x03, s1])));
    let vlan = u16::from_be_bytes([v0 & 0x0f, v1]);
    // The frame's VLAN, unless the frame still has its tag (3).
    if vlan != 0 && (s0 >> 3) & 0x03 != 3 {
        context.wrap(Wrap::Vlan(vlan));
    }
    let mut length = header;
    if header == 12 {
        let [.., last] = *view.peek::<12>(Layer::Erspan)?;
        // The O bit: a platform's own eight octets follow.
        length = header.saturating_add(if last & 1 == 1 { 8 } else { 0 });
    }
    view.skip(length, Layer::Erspan)?;
    Ok(Next::Ethernet)
}

/// EtherIP (RFC 3378 §3): version 3, twelve reserved bits, a frame.
pub(super) fn ether_ip(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    let [first, _] = *view.peek::<2>(Layer::EtherIp)?;
    if first >> 4 != 3 {
        return Err(view.fault(Layer::EtherIp, Fault::Version(first >> 4)));
    }
    view.skip(2, Layer::EtherIp)?;
    context.tunnel(Tunnel::EtherIp, None);
    Ok(Next::Ethernet)
}

/// VXLAN (RFC 7348 §5). Without its one mandatory flag it is some other UDP on that port.
pub(super) fn vxlan(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    let [flags, _, _, _, a, b, c, _] = *view.peek::<8>(Layer::Vxlan)?;
    if flags & 0x08 == 0 {
        return Err(Stop::NotTcp(NotTcp::Udp));
    }
    view.skip(8, Layer::Vxlan)?;
    context.tunnel(Tunnel::Vxlan, Some(u32::from_be_bytes([0, a, b, c])));
    Ok(Next::Ethernet)
}

/// GENEVE with its options (RFC 8926 §3.4). Another version is some other UDP on that port.
pub(super) fn geneve(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    let [first, _, p0, p1, a, b, c, _] = *view.peek::<8>(Layer::Geneve)?;
    if first >> 6 != 0 {
        return Err(Stop::NotTcp(NotTcp::Udp));
    }
    let options = usize::from(first & 0x3f).saturating_mul(4);
    view.skip(options.saturating_add(8), Layer::Geneve)?;
    context.tunnel(Tunnel::Geneve, Some(u32::from_be_bytes([0, a, b, c])));
    Ok(Next::EtherType(u16::from_be_bytes([p0, p1])))
}

/// The MPLS label stack (RFC 3032 §2.1). Nothing in it names the payload: IP is known by its first four bits (RFC 4928
/// §2), a pseudo wire by an Ethernet header behind a control word (RFC 4385 §3) or at once.
pub(super) fn mpls(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    loop {
        let [a, b, c, _] = *view.take::<4>(Layer::Mpls)?;
        context.wrap(Wrap::Mpls(u32::from_be_bytes([0, a, b, c]) >> 4));
        if c & 1 == 1 {
            break;
        }
    }
    let [first] = *view.peek::<1>(Layer::Mpls)?;
    match first >> 4 {
        4 => Ok(Next::Ipv4),
        6 => Ok(Next::Ipv6),
        0 if carries_ethernet(view, 4) => {
            view.skip(4, Layer::Mpls)?;
            Ok(Next::Ethernet)
        }
        _ if carries_ethernet(view, 0) => Ok(Next::Ethernet),
        _ => Err(Stop::NotTcp(NotTcp::Mpls)),
    }
}

/// Whether `skip` octets on there is an Ethernet header whose ethertype we go on with.
fn carries_ethernet(view: &View<'_>, skip: usize) -> bool {
    let frame = view.octets().get(skip..).unwrap_or_default();
    let Some([.., high, low]) = frame.first_chunk::<14>() else {
        return false;
    };
    matches!(u16::from_be_bytes([*high, *low]), 0x0800 | 0x0806 | 0x86dd | 0x8100 | 0x88a8 | 0x8847 | 0x8864)
}
