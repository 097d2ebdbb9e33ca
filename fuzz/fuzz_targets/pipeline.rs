//! The whole way: any capture gives text, NDJSON, calls and markdown, within the limits.
#![cfg_attr(feature = "libfuzzer", no_main)]

framescope_fuzz::drive!(framescope_fuzz::pipeline::run);
