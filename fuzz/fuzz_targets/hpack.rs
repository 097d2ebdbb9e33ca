//! Header compression: any block decodes to its end, and a late start never shows a wrong name or value.
#![cfg_attr(feature = "libfuzzer", no_main)]

framescope_fuzz::drive!(framescope_fuzz::hpack::run);
