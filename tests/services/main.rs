//! The services of the built-in server, asked by the built-in client: what answers a method, when, and how calls end.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod canned;
mod dispatch;
mod health;
mod pressure;
mod reflection;
mod support;
#[path = "../support/texts.rs"]
mod texts;
