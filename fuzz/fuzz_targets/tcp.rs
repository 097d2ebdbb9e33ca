//! Reassembly: whatever segments come, what is delivered and what is missing follow each other without a gap.
#![cfg_attr(feature = "libfuzzer", no_main)]

framescope_fuzz::drive!(framescope_fuzz::tcp::run);
