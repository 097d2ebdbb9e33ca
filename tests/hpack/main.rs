//! The HPACK decoder and encoder against the RFC's examples, public stories, other implementations and chance.

mod appendix_c;
mod differential;
mod faults;
mod late_start;
mod limits;
mod roundtrip;
mod stories;
mod support;
