//! Link-layer header types: what the first octet of a packet's data belongs to.
//!
//! The numbers are the LINKTYPE_ registry of draft-ietf-opsawg-pcaplinktype (and
//! <https://www.tcpdump.org/linktypes.html>), as they stand in files. The DLT_ numbers of a running
//! libpcap differ for a few types on some systems; live capture must translate them before they
//! become a [`LinkType`]. Which types can be dissected is the concern of `net`.

use std::fmt;

/// A link-layer header type, LINKTYPE_ numbering; unknown values survive and print as such.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkType(pub u32);

macro_rules! link_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl LinkType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The registered name without its `LINKTYPE_`, if this is a type known here.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    /// BSD loopback: a 4-octet protocol family in the capturing host's byte order.
    NULL = 0;
    /// Ethernet (D/I/X and 802.3).
    ETHERNET = 1;
    /// AX.25.
    AX25 = 3;
    /// IEEE 802.5 Token Ring.
    IEEE802_5 = 6;
    /// ARCNET.
    ARCNET_BSD = 7;
    /// SLIP with a libpcap header.
    SLIP = 8;
    /// PPP, with or without HDLC framing.
    PPP = 9;
    /// FDDI.
    FDDI = 10;
    /// PPP in HDLC-like framing (RFC 1662).
    PPP_HDLC = 50;
    /// PPPoE session packets.
    PPP_ETHER = 51;
    /// LLC/SNAP-encapsulated ATM (RFC 1483).
    ATM_RFC1483 = 100;
    /// Raw IP: the version nibble tells IPv4 from IPv6.
    RAW = 101;
    /// Cisco HDLC.
    C_HDLC = 104;
    /// IEEE 802.11.
    IEEE802_11 = 105;
    /// Frame Relay.
    FRELAY = 107;
    /// OpenBSD loopback: a 4-octet protocol family in network byte order.
    LOOP = 108;
    /// Linux cooked capture v1.
    LINUX_SLL = 113;
    /// Apple LocalTalk.
    LTALK = 114;
    /// OpenBSD pf log.
    PFLOG = 117;
    /// IEEE 802.11 with Prism monitor header.
    IEEE802_11_PRISM = 119;
    /// RFC 2625 IP over Fibre Channel.
    IP_OVER_FC = 122;
    /// IEEE 802.11 with radiotap header.
    IEEE802_11_RADIOTAP = 127;
    /// IEEE 802.11 with AVS header.
    IEEE802_11_AVS = 163;
    /// IEEE 802.15.4 with FCS.
    IEEE802_15_4_WITHFCS = 195;
    /// Bluetooth HCI UART with a direction pseudo-header.
    BLUETOOTH_HCI_H4_WITH_PHDR = 201;
    /// USB with the Linux header.
    USB_LINUX_MMAPPED = 220;
    /// Raw IPv4.
    IPV4 = 228;
    /// Raw IPv6.
    IPV6 = 229;
    /// Upper-layer protocol saved by Wireshark's export of PDUs.
    WIRESHARK_UPPER_PDU = 252;
    /// Linux netlink with a cooked header (nlmon).
    NETLINK = 253;
    /// Linux vsock between guests and their host.
    VSOCK = 271;
    /// Linux cooked capture v2.
    LINUX_SLL2 = 276;
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "UNKNOWN({})", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unregistered_number_prints_as_unknown() {
        assert_eq!(LinkType::LINUX_SLL2.to_string(), "LINUX_SLL2");
        assert_eq!(LinkType(147_000).to_string(), "UNKNOWN(147000)");
    }
}
