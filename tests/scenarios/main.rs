//! The point of each scenario, read from its simulated trace.
#![allow(missing_docs, reason = "a test binary")]

mod calls;
mod frames;
mod life;
mod names;
mod support;
