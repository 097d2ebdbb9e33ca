//! Why a live capture cannot begin, and what to do about it.

/// A capture that cannot begin.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// libpcap is not installed.
    #[error(
        "cannot capture: libpcap is not here: {why}; \
         install it: `apt install libpcap0.8` on Debian and Ubuntu, the package `libpcap` elsewhere"
    )]
    NoLibrary {
        /// What the loader said.
        why: String,
    },

    /// The program may not capture.
    #[error(
        "cannot capture on {device}: no permission; \
         run it with sudo, or once `sudo setcap cap_net_raw+ep PATH` with the path of this program"
    )]
    NotPermitted {
        /// The device.
        device: String,
    },

    /// There is no such device.
    #[error("cannot capture on {device}: there is no such device; there are: {}", list(known))]
    NoSuchDevice {
        /// The device.
        device: String,
        /// Those that there are.
        known: Vec<String>,
    },

    /// The filter cannot be understood.
    #[error("cannot use the filter `{filter}`: {why}; `man 7 pcap-filter` has the words")]
    Filter {
        /// The filter.
        filter: String,
        /// What libpcap said.
        why: String,
    },

    /// The device cannot be opened for another reason.
    #[error("cannot capture on {device}: {why}; check that it is up, or name another device")]
    Device {
        /// The device.
        device: String,
        /// What libpcap said.
        why: String,
    },
}

fn list(devices: &[String]) -> String {
    if devices.is_empty() { "none that libpcap can see".into() } else { devices.join(", ") }
}

/// libpcap's own words.
pub(super) fn words(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) if words.is_empty() => "libpcap does not say why".into(),
        pcap::Error::PcapError(words) => words,
        error => error.to_string(),
    }
}
