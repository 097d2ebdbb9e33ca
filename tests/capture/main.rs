//! The capture room, seen from outside: files in, packets out.

mod errors;
mod formats;
mod oracle;
mod roundtrip;
mod support;
mod totality;
