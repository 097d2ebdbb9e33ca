//! Link layer and IP: any octets are a segment, a reason why not, or malformed; a payload stands where it says.
#![cfg_attr(feature = "libfuzzer", no_main)]

framescope_fuzz::drive!(framescope_fuzz::packet::run);
