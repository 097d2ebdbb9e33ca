//! What live capture asks of libpcap and the kernel beyond what the `pcap` crate offers: the one place where `unsafe` is allowed.
//!
//! Each unsafe block calls a C function whose manual page says what it needs. What the answers mean is decided in `live`.
#![allow(unsafe_code, reason = "C functions are called")]

mod descriptor;
mod symbols;

pub(super) use descriptor::{ignore_outgoing, wait};
pub(super) use symbols::{Activation, activation, has_nanoseconds, library};

use libc::{c_char, c_int, c_void};
