//! Provides the `libpcap.a` that the `pcap` crate asks the linker for: an archive without members.
//!
//! The functions themselves are in `src/capture/live/native/symbols.rs`, which looks for the real library when it is needed.
//! So neither the build nor the start of the program needs one; with this directory first, an installed one is not linked either.

use std::env;
use std::fs;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(folder.join("libpcap.a"), b"!<arch>\n").expect("the empty libpcap.a can be written");
    println!("cargo::rustc-link-search=native={}", folder.display());
}
