//! Messages: any octets give JSON, with every type of the schema and without one.
#![cfg_attr(feature = "libfuzzer", no_main)]

framescope_fuzz::drive!(framescope_fuzz::protobuf::run);
