//! Two system calls on the descriptor of a capture.

use std::os::fd::{AsRawFd, BorrowedFd};

/// Waits until there is something to read, at most `milliseconds`; a signal ends the wait, too.
pub(in crate::capture::live) fn wait(descriptor: BorrowedFd<'_>, milliseconds: i32) {
    let mut asked = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, valid for the call; the descriptor is open as long as it is borrowed.
    unsafe { libc::poll(&raw mut asked, 1, milliseconds) };
}

/// Keeps the kernel from queueing what this machine sends: `PACKET_IGNORE_OUTGOING` (packet(7), since Linux 4.20).
///
/// On `lo` each packet passes twice, going out and coming in, and libpcap passes on the second alone; without this both cost room and time.
/// Where the kernel does not know it, nothing changes but that.
pub(in crate::capture::live) fn ignore_outgoing(descriptor: BorrowedFd<'_>) {
    #[cfg(target_os = "linux")]
    {
        let on: libc::c_int = 1;
        let length = libc::socklen_t::try_from(size_of_val(&on)).unwrap_or(0);
        // SAFETY: the option is an int, and `on` is one that outlives the call.
        unsafe {
            libc::setsockopt(
                descriptor.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_IGNORE_OUTGOING,
                (&raw const on).cast(),
                length,
            )
        };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = descriptor;
}
