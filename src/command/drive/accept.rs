//! Accepts connections and gives each its own task and [`Peer`].
//!
//! One slow, dead or broken connection is nothing to the others. When accepting fails, as it does when descriptors have run out,
//! it is tried again after a [pause](AcceptBackoff).

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::clock::Clock;
use super::peer;
use super::stop::Stopping;
use crate::endpoint::Peer;
use crate::endpoint::accept::AcceptBackoff;

/// Who makes the peers. A closure from the other end's address to a peer is one.
pub trait Host {
    /// The peer for a connection that came from `from`.
    fn peer(&mut self, from: SocketAddr) -> Box<dyn Peer>;

    /// A connection is over.
    fn ended(&mut self, _from: SocketAddr, _how: io::Result<()>) {}

    /// A connection could not be accepted; the next attempt follows after `pause`.
    fn troubled(&mut self, _error: &io::Error, _pause: Duration) {}
}

impl<F: FnMut(SocketAddr) -> Box<dyn Peer>> Host for F {
    fn peer(&mut self, from: SocketAddr) -> Box<dyn Peer> {
        self(from)
    }
}

/// Where connections come from; made to be replaced in tests.
pub trait Listen {
    /// The next connection.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>>;
}

impl Listen for TcpListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        Self::poll_accept(self, context)
    }
}

/// Connections open at once; more wait in the system's queue until one ends.
pub const MOST_CONNECTIONS: usize = 10_000;

/// Serves until it is told to stop and every connection is over, to be called within [`block_on`](super::block_on).
///
/// Stopped [gracefully](crate::endpoint::Stop::Gracefully), it accepts no more, each peer is told, and this waits until they have
/// finished; stopped [at once](crate::endpoint::Stop::AtOnce), it waits no longer than [`peer::LAST_WORDS`].
pub async fn serve(listener: impl Listen, mut host: impl Host, stopping: Stopping, clock: Clock) {
    let mut stop = stopping.clone();
    let mut connections = JoinSet::new();
    let mut backoff = AcceptBackoff::default();
    {
        let mut listener = listener;
        let mut pause = Duration::ZERO;
        loop {
            let accepting = async {
                tokio::time::sleep(pause).await;
                poll_fn(|context| listener.poll_accept(context)).await
            };
            tokio::select! {
                accepted = accepting, if connections.len() < MOST_CONNECTIONS => match accepted {
                    Ok((stream, from)) => {
                        backoff.succeeded();
                        pause = Duration::ZERO;
                        connections.spawn_local(converse(stream, from, host.peer(from), clock, stopping.clone()));
                    }
                    Err(error) => {
                        pause = Duration::from_nanos(backoff.failed().try_into().unwrap_or(0));
                        host.troubled(&error, pause);
                    }
                },
                Some(over) = connections.join_next() => tell(&mut host, over),
                _ = stop.next() => break,
            }
        }
        // The listener ends here: from now on connections are refused.
    }
    while let Some(over) = connections.join_next().await {
        tell(&mut host, over);
    }
}

type Over = (SocketAddr, io::Result<()>);

async fn converse(
    stream: TcpStream,
    from: SocketAddr,
    mut peer: Box<dyn Peer>,
    clock: Clock,
    stopping: Stopping,
) -> Over {
    (from, peer::drive(stream, peer.as_mut(), clock, stopping).await)
}

fn tell(host: &mut impl Host, over: Result<Over, tokio::task::JoinError>) {
    // A task that panicked has said so itself, and took nothing but its own connection with it.
    if let Ok((from, how)) = over {
        host.ended(from, how);
    }
}
