//! The tokio drivers: sockets, names and a clock under the state machines of [`endpoint`](crate::endpoint).
//!
//! | driver | of what |
//! |---|---|
//! | [`peer::drive`] | one [`Peer`](crate::endpoint::Peer) on a connection that is there |
//! | [`accept::serve`] | a [`Peer`](crate::endpoint::Peer) for each connection that comes in |
//! | [`dialler::run`], [`dialler::Sockets`] | a [`Dialler`](crate::endpoint::Dialler), which opens connections |
//!
//! All of them run on one thread, within [`block_on`]. They decide nothing of what is sent.

pub mod accept;
pub mod clock;
pub mod dialler;
pub mod peer;
pub mod stop;

use std::future::Future;
use std::io;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Runs `future` to its end on this thread, with the tasks that it starts.
///
/// # Errors
///
/// When the system gives no means of waiting for sockets.
pub fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let result = LocalSet::new().block_on(&runtime, future);
    // A name that is still being resolved keeps a thread; nobody waits for it.
    runtime.shutdown_background();
    Ok(result)
}

/// An error of the system in words that follow a colon: `connection refused`.
#[must_use]
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    let text = text.split_once(" (os error").map_or(text, |(words, _)| words);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Octets read, and collected for writing, at once.
const PIECE: usize = 64 << 10;
