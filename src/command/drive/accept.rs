//! Accepts connections and gives each its own task and [`Peer`].
//!
//! One slow, dead or broken connection is nothing to the others. When accepting fails, as it does when descriptors have run out,
//! it is tried again after a [pause](AcceptBackoff).

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::clock::Clock;
use super::peer;
use super::stop::Stopping;
use crate::endpoint::Peer;
use crate::endpoint::accept::AcceptBackoff;

/// Who makes the peers. A closure from the other end's address to a peer is one.
pub trait Host {
    /// The peer for a connection that came from `from`.
    fn peer(&mut self, from: SocketAddr) -> Box<dyn Peer>;

    /// How many connections may be open at once; more wait in the system's queue until one ends.
    fn most_connections(&self) -> usize {
        MOST_CONNECTIONS
    }

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

/// What is done with connections; [`serve`] makes one from a [`Host`].
pub trait Handler {
    /// What there is to say when a connection is over.
    type Over: 'static;

    /// Everything that becomes of a connection, in a task of its own. It is to end when it is stopped.
    fn handle(&mut self, stream: TcpStream, from: SocketAddr) -> Pin<Box<dyn Future<Output = Self::Over>>>;

    /// A connection is over.
    fn over(&mut self, over: Self::Over);

    /// A connection could not be accepted; the next attempt follows after `pause`.
    fn troubled(&mut self, error: &io::Error, pause: Duration);
}

/// Connections open at once, where a host says nothing else.
pub const MOST_CONNECTIONS: usize = 10_000;

/// Serves until it is told to stop and every connection is over, to be called within [`block_on`](super::block_on).
///
/// Stopped [gracefully](crate::endpoint::Stop::Gracefully), it accepts no more, each peer is told, and this waits until they have
/// finished; stopped [at once](crate::endpoint::Stop::AtOnce), it waits no longer than [`peer::LAST_WORDS`].
pub async fn serve(listener: impl Listen, host: impl Host, stopping: Stopping, clock: Clock) {
    let most = host.most_connections();
    accept(listener, Serving { host, stopping: stopping.clone(), clock }, most, stopping).await;
}

struct Serving<H> {
    host: H,
    stopping: Stopping,
    clock: Clock,
}

impl<H: Host> Handler for Serving<H> {
    type Over = (SocketAddr, io::Result<()>);

    fn handle(&mut self, stream: TcpStream, from: SocketAddr) -> Pin<Box<dyn Future<Output = Self::Over>>> {
        let (mut peer, clock, stopping) = (self.host.peer(from), self.clock, self.stopping.clone());
        Box::pin(async move { (from, peer::drive(stream, peer.as_mut(), clock, stopping).await) })
    }

    fn over(&mut self, (from, how): Self::Over) {
        self.host.ended(from, how);
    }

    fn troubled(&mut self, error: &io::Error, pause: Duration) {
        self.host.troubled(error, pause);
    }
}

/// Accepts connections, at most `most` at once, until it is told to stop; then waits until every one of them is over.
pub async fn accept(listener: impl Listen, mut handler: impl Handler, most: usize, mut stopping: Stopping) {
    let mut connections = JoinSet::new();
    {
        let mut listener = listener;
        let mut backoff = AcceptBackoff::default();
        let mut again = Instant::now();
        loop {
            let accepting = async {
                tokio::time::sleep_until(again).await;
                poll_fn(|context| listener.poll_accept(context)).await
            };
            tokio::select! {
                accepted = accepting, if connections.len() < most => match accepted {
                    Ok((stream, from)) => {
                        backoff.succeeded();
                        connections.spawn_local(handler.handle(stream, from));
                    }
                    Err(error) => {
                        let pause = Duration::from_nanos(backoff.failed().try_into().unwrap_or(0));
                        again = Instant::now() + pause;
                        handler.troubled(&error, pause);
                    }
                },
                Some(over) = connections.join_next() => tell(&mut handler, over),
                _ = stopping.next() => break,
            }
        }
        // The listener ends here: from now on connections are refused.
    }
    while let Some(over) = connections.join_next().await {
        tell(&mut handler, over);
    }
}

fn tell<H: Handler>(handler: &mut H, over: Result<H::Over, JoinError>) {
    // A task that panicked has said so itself, and took nothing but its own connection with it.
    if let Ok(over) = over {
        handler.over(over);
    }
}
