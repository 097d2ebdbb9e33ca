//! Connections met in the middle of bulk data: which side is the client is a guess there until a frame tells it.
#![allow(missing_docs, reason = "a test binary")]

#[path = "../support/mod.rs"]
mod support;

mod cases;
#[path = "../support/kept.rs"]
mod kept;
mod oracle;
mod seen;
mod talk;
