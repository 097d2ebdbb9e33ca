//! The built-in client and server: against each other, and against peers that do what they must not.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod calls;
mod channel;
mod channel_calls;
mod channel_storm;
mod channel_world;
mod gzip;
mod hostile;
mod hpack;
mod interceptors;
mod keepalive;
mod net;
mod pair;
mod rules;
mod stop;
mod support;
