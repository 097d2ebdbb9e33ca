//! What became of a packet: a segment, a reason why there is none, a fragment that waits, or octets that do not parse.

use std::fmt;

use super::encapsulation::Encapsulation;
use super::segment::Segment;

/// The answer of [`Net::packet`](super::Net::packet).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// Well-formed as far as it was read, and not (known to be) TCP.
    NotTcp(NotTcp),
    /// A fragment that did not complete its datagram.
    Fragment(Fragment),
    /// Octets that contradict their own format.
    Malformed(Malformed),
}

impl<'a> Outcome<'a> {
    /// The same, with what a segment was wrapped in.
    #[inline]
    pub(super) fn within(mut self, encapsulation: &'a Encapsulation) -> Self {
        if let Self::Tcp(segment) = &mut self {
            segment.encapsulation = (!encapsulation.is_none()).then_some(encapsulation);
        }
        self
    }
}

/// Why a well-formed packet gave no segment.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum NotTcp {
    /// Address resolution (ethertype 0x0806).
    Arp,
    /// UDP to a port that is no known tunnel's.
    Udp,
    /// ICMP for IPv4.
    Icmp,
    /// ICMPv6, neighbour discovery among it.
    Icmpv6,
    /// Group membership (IP protocol 2).
    Igmp,
    /// SCTP (IP protocol 132).
    Sctp,
    /// An encapsulating security payload (IP protocol 50): the inside is encrypted.
    Encrypted,
    /// IPv6 with nothing behind its headers (next header 59).
    NoNextHeader,
    /// Another IP protocol, by its number.
    Protocol(u8),
    /// GRE of another version than 0 (1 is PPTP), or with source routes.
    Gre {
        /// The version field, 0 to 7.
        version: u8,
    },
    /// An MPLS payload that is recognisably neither IP nor Ethernet.
    Mpls,
    /// Another ethertype, by its number.
    EtherType(u16),
    /// An IEEE 802.2 frame without an ethertype (spanning tree and the like).
    Llc,
    /// Another PPP protocol, by its number.
    Ppp(u16),
    /// A BSD loopback packet of another address family, by its number.
    AddressFamily(u32),
    /// A Linux netlink message in a cooked capture.
    Netlink,
    /// A link type that is not read, by its LINKTYPE_ number.
    LinkType(u32),
    /// The capture ends within this header: the packet was longer on the wire.
    Cut(Layer),
    /// Anything, after 256 different kinds were counted. Only in [`Counters`](super::Counters).
    Other,
}

/// Octets that do not parse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Malformed {
    /// The header at fault.
    pub layer: Layer,
    /// What is wrong with it.
    pub what: Fault,
    /// The packet in which that header begins, as numbered by the caller.
    pub packet: u64,
    /// Octets from the start of that packet to the header.
    pub offset: u32,
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Fault {
    /// The packet ended on the wire before the header did.
    Truncated,
    /// The version field says something else than the layer below promised.
    Version(u8),
    /// The header claims to be shorter than its fixed part; the field as it stood.
    HeaderLength(u8),
    /// The datagram claims to be shorter than its header; the field as it stood.
    TotalLength(u16),
    /// A fragment that others follow is empty or no multiple of eight octets long (RFC 8200 §4.5).
    FragmentLength,
    /// A fragment reaches beyond 65535 octets or beyond the end that another fragment set.
    FragmentBeyondEnd,
    /// More IP headers, or IPv6 fragment headers, within each other than are followed (8).
    TooDeep,
}

/// What became of a fragment that completed nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fragment {
    /// Kept until the others arrive.
    Held,
    /// Its datagram was complete already, with the same octets: a duplicate.
    Repeated,
}

/// A header between the link and the TCP payload.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the variants are the names of the headers")]
pub enum Layer {
    Ethernet,
    Llc,
    Vlan,
    LinuxCooked,
    Loopback,
    Ppp,
    Pppoe,
    Mpls,
    /// An IP header whose version is not known yet.
    Ip,
    Ipv4,
    Ipv6,
    Ipv6Extension,
    Authentication,
    Fragment,
    Gre,
    Erspan,
    EtherIp,
    Udp,
    Vxlan,
    Geneve,
    Tcp,
}

impl fmt::Display for NotTcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arp => f.write_str("ARP"),
            Self::Udp => f.write_str("UDP"),
            Self::Icmp => f.write_str("ICMP"),
            Self::Icmpv6 => f.write_str("ICMPv6"),
            Self::Igmp => f.write_str("IGMP"),
            Self::Sctp => f.write_str("SCTP"),
            Self::Encrypted => f.write_str("ESP (encrypted)"),
            Self::NoNextHeader => f.write_str("IPv6 without payload"),
            Self::Protocol(number) => write!(f, "IP protocol {number}"),
            Self::Gre { version } => write!(f, "GRE version {version}"),
            Self::Mpls => f.write_str("MPLS payload"),
            Self::EtherType(number) => write!(f, "ethertype 0x{number:04x}"),
            Self::Llc => f.write_str("802.2 LLC"),
            Self::Ppp(number) => write!(f, "PPP protocol 0x{number:04x}"),
            Self::AddressFamily(number) => write!(f, "address family {number}"),
            Self::Netlink => f.write_str("netlink"),
            Self::LinkType(number) => write!(f, "link type {number}"),
            Self::Cut(layer) => write!(f, "cut in the {layer} header"),
            Self::Other => f.write_str("other kinds"),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.layer, self.what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the packet ends within the header"),
            Self::Version(version) => write!(f, "the version is {version}"),
            Self::HeaderLength(field) => {
                write!(f, "the header length {field} is below the minimum")
            }
            Self::TotalLength(field) => write!(f, "the length {field} is below the header's"),
            Self::FragmentLength => f.write_str("a middle fragment is no multiple of 8 octets"),
            Self::FragmentBeyondEnd => f.write_str("a fragment reaches beyond the datagram's end"),
            Self::TooDeep => f.write_str("more than 8 IP or fragment headers within each other"),
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ethernet => "Ethernet",
            Self::Llc => "LLC",
            Self::Vlan => "VLAN",
            Self::LinuxCooked => "Linux cooked",
            Self::Loopback => "loopback",
            Self::Ppp => "PPP",
            Self::Pppoe => "PPPoE",
            Self::Mpls => "MPLS",
            Self::Ip => "IP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Ipv6Extension => "IPv6 extension",
            Self::Authentication => "authentication",
            Self::Fragment => "fragment",
            Self::Gre => "GRE",
            Self::Erspan => "ERSPAN",
            Self::EtherIp => "EtherIP",
            Self::Udp => "UDP",
            Self::Vxlan => "VXLAN",
            Self::Geneve => "GENEVE",
            Self::Tcp => "TCP",
        })
    }
}
