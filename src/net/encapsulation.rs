//! What an IP packet was wrapped in: VLAN tags, MPLS labels, tunnels with their outer addresses.
//!
//! States what stood around a segment. Whether two segments in different wrappings are of one conversation is `tcp`'s decision.

use std::fmt;
use std::net::IpAddr;

/// Wrappings told apart; more than real networks nest.
const MOST: usize = 6;

/// One layer around a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wrap {
    /// A tag of IEEE 802.1Q or 802.1ad with this VLAN identifier, 0 to 4095.
    Vlan(u16),
    /// A PPPoE session (RFC 2516 §4).
    Pppoe(u16),
    /// An MPLS label, 20 bits (RFC 3032 §2.1).
    Mpls(u32),
    /// A tunnel over IP.
    Tunnel {
        /// Its kind.
        kind: Tunnel,
        /// The virtual network it says: a VNI, a key, a session.
        id: Option<u32>,
        /// Sender of the outer IP header.
        source: IpAddr,
        /// Receiver of the outer IP header.
        destination: IpAddr,
    },
}

/// The kinds of tunnels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tunnel {
    /// RFC 7348; its id is the VNI, 24 bits.
    Vxlan,
    /// RFC 8926; its id is the VNI, 24 bits.
    Geneve,
    /// RFC 2784; its id is the key of RFC 2890, if there is one.
    Gre,
    /// A mirrored frame in GRE; its id is the session, 10 bits.
    Erspan,
    /// RFC 2003 and RFC 4213, without an id.
    IpInIp,
    /// RFC 3378, without an id.
    EtherIp,
    /// MPLS right over IP (RFC 4023), whose labels follow.
    Mpls,
}

impl Tunnel {
    /// The name machine output uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::IpInIp => "ip_in_ip",
            Self::EtherIp => "ether_ip",
            Self::Mpls => "mpls_in_ip",
        }
    }
}

/// Everything around a packet, the outermost first. Nothing, for most.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Encapsulation {
    wraps: [Option<Wrap>; MOST],
    mixed: u64,
}

impl Encapsulation {
    /// Notes one more layer inside of those noted so far. Of more than six, the innermost only count in [`number`](Self::number).
    pub(super) fn push(&mut self, wrap: Wrap) {
        if let Some(free) = self.wraps.iter_mut().find(|wrap| wrap.is_none()) {
            *free = Some(wrap);
        }
        let (kind, id) = match wrap {
            Wrap::Vlan(id) => (1, u64::from(id)),
            Wrap::Pppoe(id) => (2, u64::from(id)),
            Wrap::Mpls(label) => (3, u64::from(label)),
            Wrap::Tunnel { kind, id, .. } => (4_u64.wrapping_add(kind as u64), id.map_or(1 << 32, u64::from)),
        };
        self.mix(kind << 40 ^ id);
        if let Wrap::Tunnel { source, destination, .. } = wrap {
            // Both directions of a tunnel are one.
            let (low, high) = if source <= destination { (source, destination) } else { (destination, source) };
            for address in [low, high] {
                let bits = match address {
                    IpAddr::V4(address) => u128::from(address.to_bits()),
                    IpAddr::V6(address) => address.to_bits(),
                };
                #[expect(clippy::cast_possible_truncation, reason = "the halves are mixed one after the other")]
                let halves = [bits as u64, (bits >> 64) as u64];
                halves.into_iter().for_each(|half| self.mix(half));
            }
        }
    }

    fn mix(&mut self, part: u64) {
        let mixed = (self.mixed ^ part).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31);
    }

    /// A number for exactly this wrapping, the same for both directions of a tunnel; 0 for none.
    #[must_use]
    pub fn number(&self) -> u64 {
        if self.is_none() { 0 } else { self.mixed.max(1) }
    }

    /// Whether there is nothing around the packet.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self.wraps, [None, ..])
    }

    /// The same with the addresses of every tunnel exchanged: what the other direction has.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        for wrap in self.wraps.iter_mut().flatten() {
            if let Wrap::Tunnel { source, destination, .. } = wrap {
                std::mem::swap(source, destination);
            }
        }
        self
    }

    /// The layers, the outermost first.
    pub fn wraps(&self) -> impl Iterator<Item = Wrap> + '_ {
        self.wraps.iter().flatten().copied()
    }
}

/// In words: `VLAN 12`, `VXLAN 4096 over 10.0.0.1 -> 10.0.0.2`, `VLAN 10, VLAN 100`, `untagged`.
impl fmt::Display for Encapsulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("untagged");
        }
        for (i, wrap) in self.wraps().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            wrap.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id, source, destination) = match *self {
            Self::Vlan(id) => return write!(f, "VLAN {id}"),
            Self::Pppoe(id) => return write!(f, "PPPoE session {id}"),
            Self::Mpls(label) => return write!(f, "MPLS label {label}"),
            Self::Tunnel { kind, id, source, destination } => (kind, id, source, destination),
        };
        f.write_str(match kind {
            Tunnel::Vxlan => "VXLAN",
            Tunnel::Geneve => "GENEVE",
            Tunnel::Gre if id.is_some() => "GRE key",
            Tunnel::Gre => "GRE",
            Tunnel::Erspan if id.is_some() => "ERSPAN session",
            Tunnel::Erspan => "ERSPAN",
            Tunnel::IpInIp => "IP in IP",
            Tunnel::EtherIp => "EtherIP",
            Tunnel::Mpls => "MPLS in IP",
        })?;
        if let Some(id) = id {
            write!(f, " {id}")?;
        }
        write!(f, " over {source} -> {destination}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn of(wraps: &[Wrap]) -> Encapsulation {
        let mut all = Encapsulation::default();
        wraps.iter().for_each(|wrap| all.push(*wrap));
        all
    }

    fn vxlan(id: u32, from: u8, to: u8) -> Wrap {
        let address = |last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
        Wrap::Tunnel { kind: Tunnel::Vxlan, id: Some(id), source: address(from), destination: address(to) }
    }

    #[test]
    fn both_directions_of_a_tunnel_have_one_number_and_every_other_wrapping_its_own() {
        assert_eq!(of(&[vxlan(7, 1, 2)]).number(), of(&[vxlan(7, 2, 1)]).number());
        let different = [
            of(&[]),
            of(&[vxlan(7, 1, 2)]),
            of(&[vxlan(7, 1, 3)]),
            of(&[vxlan(8, 1, 2)]),
            of(&[Wrap::Vlan(7)]),
            of(&[Wrap::Vlan(7), Wrap::Vlan(8)]),
            of(&[Wrap::Vlan(8), Wrap::Vlan(7)]),
            of(&[Wrap::Mpls(7)]),
        ];
        for (i, a) in different.iter().enumerate() {
            assert!(different.iter().skip(i + 1).all(|b| a.number() != b.number()), "{a}");
        }
        assert_eq!(of(&[]).number(), 0);
    }

    #[test]
    fn a_wrapping_is_named_as_its_users_name_it() {
        assert_eq!(
            of(&[Wrap::Vlan(10), vxlan(4096, 1, 2)]).to_string(),
            "VLAN 10, VXLAN 4096 over 10.0.0.1 -> 10.0.0.2"
        );
        assert_eq!(of(&[]).to_string(), "untagged");
    }
}
