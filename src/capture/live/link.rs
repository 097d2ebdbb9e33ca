//! From the link type of a running libpcap (DLT_) to that of a file (LINKTYPE_): pcap-linktype(7).

use crate::capture::LinkType;

/// The same number, but for a few older types whose numbers differ from system to system.
pub(super) fn of_dlt(dlt: i32) -> LinkType {
    match dlt {
        11 => LinkType::ATM_RFC1483,
        RAW => LinkType::RAW,
        dlt => LinkType(u32::try_from(dlt).unwrap_or(u32::MAX)),
    }
}

#[cfg(target_os = "openbsd")]
const RAW: i32 = 14;
#[cfg(not(target_os = "openbsd"))]
const RAW: i32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_ip_has_another_number_in_files_and_ethernet_the_same() {
        assert_eq!(of_dlt(RAW), LinkType::RAW);
        assert_eq!(of_dlt(1), LinkType::ETHERNET);
        assert_eq!(of_dlt(276), LinkType::LINUX_SLL2);
    }
}
