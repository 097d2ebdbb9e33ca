//! IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200 §4), and what their protocol numbers announce.
//!
//! The IP length says where the payload ends, on the wire as in the capture: Ethernet padding goes, a snaplen cut shows.
//! A length of 0 was left to the network card (segmentation offload, BIG TCP): then the packet's own length counts.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::err::{ip_auth, ipv4, ipv6};
use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, UdpHeaderSlice,
};

use super::encapsulation::Tunnel;
use super::fragments::{FragmentHeader, Identification};
use super::outcome::{Fault, Layer, NotTcp};
use super::tunnel;
use super::view::View;
use super::walk::{Context, Next, Stop};

/// IP of the version in the first four bits.
pub(super) fn by_version(view: &View<'_>) -> Result<Next, Stop> {
    let [first] = *view.peek::<1>(Layer::Ip)?;
    match first >> 4 {
        4 => Ok(Next::Ipv4),
        6 => Ok(Next::Ipv6),
        version => Err(view.fault(Layer::Ip, Fault::Version(version))),
    }
}

/// An IPv4 header with its options.
#[inline]
pub(super) fn v4(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    context.descend(view)?;
    let header = match Ipv4HeaderSlice::from_slice(view.octets()) {
        Ok(header) => header,
        Err(error) => return Err(v4_fault(view, error)),
    };
    let length = header.slice().len();
    match header.total_len() {
        0 => {}
        total if usize::from(total) < length => {
            return Err(view.fault(Layer::Ipv4, Fault::TotalLength(total)));
        }
        total => view.limit(usize::from(total)),
    }
    view.skip(length, Layer::Ipv4)?;
    context.source = IpAddr::V4(header.source_addr());
    context.destination = IpAddr::V4(header.destination_addr());
    context.identification = header.identification();
    context.hops = header.ttl();
    let protocol = header.protocol().0;
    if header.is_fragmenting_payload() {
        if let Some(kind) = never_tcp(protocol) {
            return Err(Stop::NotTcp(kind));
        }
        return Ok(Next::Fragment(FragmentHeader {
            identification: Identification::V4 { id: header.identification(), protocol },
            offset: u32::from(header.fragments_offset().byte_offset()),
            more: header.more_fragments(),
            protocol,
        }));
    }
    Ok(Next::Protocol(protocol))
}

#[cold]
fn v4_fault(view: &View<'_>, error: ipv4::HeaderSliceError) -> Stop {
    let what = match error {
        ipv4::HeaderSliceError::Len(error) => return view.short(Layer::Ipv4, error.required_len),
        ipv4::HeaderSliceError::Content(error) => match error {
            ipv4::HeaderError::UnexpectedVersion { version_number } => Fault::Version(version_number),
            ipv4::HeaderError::HeaderLengthSmallerThanHeader { ihl } => Fault::HeaderLength(ihl),
        },
    };
    view.fault(Layer::Ipv4, what)
}

/// The fixed IPv6 header; its extension headers are protocol numbers like any other.
#[inline]
pub(super) fn v6(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    context.descend(view)?;
    let header = match Ipv6HeaderSlice::from_slice(view.octets()) {
        Ok(header) => header,
        Err(ipv6::HeaderSliceError::Len(error)) => {
            return Err(view.short(Layer::Ipv6, error.required_len));
        }
        Err(ipv6::HeaderSliceError::Content(ipv6::HeaderError::UnexpectedVersion { version_number })) => {
            return Err(view.fault(Layer::Ipv6, Fault::Version(version_number)));
        }
    };
    view.skip(header.slice().len(), Layer::Ipv6)?;
    context.jumbo = header.payload_length() == 0;
    if !context.jumbo {
        view.limit(usize::from(header.payload_length()));
    }
    context.identification = 0;
    context.hops = header.hop_limit();
    context.source = IpAddr::V6(header.source_addr());
    context.destination = IpAddr::V6(header.destination_addr());
    Ok(Next::Protocol(header.next_header().0))
}

/// What a protocol number announces; TCP ended the walk before.
#[inline(never)]
pub(super) fn protocol(view: &mut View<'_>, number: u8, context: &mut Context) -> Result<Next, Stop> {
    match number {
        4 => {
            context.tunnel(Tunnel::IpInIp, None);
            Ok(Next::Ipv4)
        }
        41 => {
            context.tunnel(Tunnel::IpInIp, None);
            Ok(Next::Ipv6)
        }
        17 => udp(view, context),
        47 => tunnel::gre(view, context),
        97 => tunnel::ether_ip(view, context),
        137 => {
            context.tunnel(Tunnel::Mpls, None);
            Ok(Next::Mpls)
        }
        51 => authentication(view),
        0 | 43 | 60 | 135 | 139 | 140 if context.source.is_ipv6() => extension(view, number, context),
        44 if context.source.is_ipv6() => fragment(view, context),
        _ => Err(Stop::NotTcp(never_tcp(number).unwrap_or(NotTcp::Protocol(number)))),
    }
}

/// The kind of a protocol that cannot have TCP inside that we would read: its fragments need not wait for each other.
fn never_tcp(number: u8) -> Option<NotTcp> {
    Some(match number {
        1 => NotTcp::Icmp,
        2 => NotTcp::Igmp,
        50 => NotTcp::Encrypted,
        58 => NotTcp::Icmpv6,
        59 => NotTcp::NoNextHeader,
        132 => NotTcp::Sctp,
        0 | 4 | 6 | 17 | 41 | 43 | 44 | 47 | 51 | 60 | 97 | 135 | 137 | 139 | 140 => return None,
        other => NotTcp::Protocol(other),
    })
}

/// UDP, for the tunnels in it. Its length is not used: what is inside knows its own.
fn udp(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    let header = match UdpHeaderSlice::from_slice(view.octets()) {
        Ok(header) => header,
        Err(error) => return Err(view.short(Layer::Udp, error.required_len)),
    };
    let port = header.destination_port();
    if !matches!(port, tunnel::VXLAN | tunnel::VXLAN_LINUX | tunnel::GENEVE) {
        return Err(Stop::NotTcp(NotTcp::Udp));
    }
    view.skip(header.slice().len(), Layer::Udp)?;
    match port {
        tunnel::GENEVE => tunnel::geneve(view, context),
        _ => tunnel::vxlan(view, context),
    }
}

/// The authentication header, in IPv4 as in IPv6 (RFC 4302 §2).
fn authentication(view: &mut View<'_>) -> Result<Next, Stop> {
    let header = match IpAuthHeaderSlice::from_slice(view.octets()) {
        Ok(header) => header,
        Err(ip_auth::HeaderSliceError::Len(error)) => {
            return Err(view.short(Layer::Authentication, error.required_len));
        }
        Err(ip_auth::HeaderSliceError::Content(ip_auth::HeaderError::ZeroPayloadLen)) => {
            return Err(view.fault(Layer::Authentication, Fault::HeaderLength(0)));
        }
    };
    view.skip(header.slice().len(), Layer::Authentication)?;
    Ok(Next::Protocol(header.next_header().0))
}

/// An IPv6 extension header of the common form. Two say more than "go on": a jumbogram's length (RFC 2675 §2) and a
/// source route, whose last stop is the address both ends know the receiver by (RFC 8200 §8.1).
fn extension(view: &mut View<'_>, number: u8, context: &mut Context) -> Result<Next, Stop> {
    let header = match Ipv6RawExtHeaderSlice::from_slice(view.octets()) {
        Ok(header) => header,
        Err(error) => return Err(view.short(Layer::Ipv6Extension, error.required_len)),
    };
    if number == 0 && context.jumbo {
        // Counted from the end of the fixed header: from here, as this extension is the first.
        if let Some(length) = jumbo_length(header.payload()) {
            view.limit(length);
        }
    } else if number == 43
        && let Some(last) = last_stop(header.payload())
    {
        context.destination = IpAddr::V6(last);
    }
    view.skip(header.slice().len(), Layer::Ipv6Extension)?;
    Ok(Next::Protocol(header.next_header().0))
}

/// The jumbo payload option among hop-by-hop options, if it is one that may be: above 65535.
fn jumbo_length(mut options: &[u8]) -> Option<usize> {
    loop {
        options = match options {
            [0, rest @ ..] => rest,
            [0xc2, 4, a, b, c, d, ..] => {
                let length = u32::from_be_bytes([*a, *b, *c, *d]);
                return usize::try_from(length).ok().filter(|&length| length > 0xffff);
            }
            [_, length, rest @ ..] => rest.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
}

/// Where a routing header sends a packet in the end; `None` when it has got there, or of unknown type.
/// `header` is what follows the length octet: type, segments left, four octets, addresses.
fn last_stop(header: &[u8]) -> Option<Ipv6Addr> {
    let [kind, left, _, _, _, _, addresses @ ..] = header else {
        return None;
    };
    let address: &[u8; 16] = match (kind, left) {
        (_, 0) => return None,
        // Types 0 and 2 list the stops in order (RFC 2460 §4.4, RFC 6275 §6.4), type 4 in reverse (RFC 8754 §2).
        (0 | 2, _) => addresses.last_chunk()?,
        (4, _) => addresses.first_chunk()?,
        _ => return None,
    };
    Some(Ipv6Addr::from(*address))
}

/// The IPv6 fragment header (RFC 8200 §4.5); one that fragments nothing is passed over (RFC 6946).
fn fragment(view: &mut View<'_>, context: &mut Context) -> Result<Next, Stop> {
    let header = match Ipv6FragmentHeaderSlice::from_slice(view.octets()) {
        Ok(header) => header,
        Err(error) => return Err(view.short(Layer::Fragment, error.required_len)),
    };
    view.skip(header.slice().len(), Layer::Fragment)?;
    let protocol = header.next_header().0;
    if !header.is_fragmenting_payload() {
        return Ok(Next::Protocol(protocol));
    }
    if let Some(kind) = never_tcp(protocol) {
        return Err(Stop::NotTcp(kind));
    }
    context.descend(view)?;
    Ok(Next::Fragment(FragmentHeader {
        identification: Identification::V6 { id: header.identification() },
        offset: u32::from(header.fragment_offset().byte_offset()),
        more: header.more_fragments(),
        protocol,
    }))
}
