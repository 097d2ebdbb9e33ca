//! Endpoints: whatever a peer does, memory is bounded, timers make progress, and an end is an end.
#![cfg_attr(feature = "libfuzzer", no_main)]

framescope_fuzz::drive!(framescope_fuzz::endpoint::run);
