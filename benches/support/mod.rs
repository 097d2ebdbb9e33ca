//! Captures for the benchmarks, made from a seed, and the means to time what reads them.
//!
//! The same kind, amount and seed give the same octets on every machine.

pub(crate) mod connection;
pub(crate) mod corpus;
pub(crate) mod measure;
pub(crate) mod message;
pub(crate) mod random;
pub(crate) mod tap;
