//! HTTP/2 connections: octets in any pieces, with holes, give frames that stand where they say.
#![cfg_attr(feature = "libfuzzer", no_main)]

framescope_fuzz::drive!(framescope_fuzz::frame::run);
