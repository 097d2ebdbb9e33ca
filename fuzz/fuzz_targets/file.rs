//! Capture files: any octets are packets up to an error, within the reader's limits.
#![cfg_attr(feature = "libfuzzer", no_main)]

framescope_fuzz::drive!(framescope_fuzz::file::run);
