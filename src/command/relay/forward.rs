//! Forwards the octets of each connection, its half-closes, its resets and its back pressure.
//!
//! Octets are recorded before they are forwarded, so that no answer is recorded before its question.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::Notify;

use super::queue::{Queue, Recording};
use crate::command::drive::accept::Handler;
use crate::command::drive::stop::Stopping;
use crate::command::drive::words;
use crate::command::shown;
use crate::direction::{Both, Direction};
use crate::endpoint::Stop;

/// Octets of a connection that are on their way in one direction.
pub(super) const BUFFER: usize = 16 << 10;

/// How long the target may take to answer a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was forwarded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    connections: u64,
    /// Connections that found no target.
    failed: u64,
    octets: Both<u64>,
    lost: u64,
    /// Connections of which something was not recorded.
    incomplete: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, failed, octets: Both { to_server, to_client }, lost, incomplete } = self;
        let count = |n: u64| format!("{n} connection{}", if n == 1 { "" } else { "s" });
        write!(f, "forwarded {}: {to_server} octets to the server, {to_client} to the client", count(*connections))?;
        if *failed > 0 {
            write!(f, "; {} found no server", count(*failed))?;
        }
        if *lost > 0 {
            write!(f, "; not recorded: {lost} octets of {}", count(*incomplete))?;
        }
        Ok(())
    }
}

/// Makes a task of each connection.
pub(super) struct Forwarding {
    to: Rc<str>,
    queue: Rc<Queue>,
    stopping: Stopping,
    /// How long a connection may go on when all are to stop.
    grace: Duration,
    totals: Rc<Cell<Totals>>,
    /// Connections that are not over.
    open: Rc<Cell<u64>>,
    next: u64,
    /// Whether it was told that not everything is recorded.
    warned: Rc<Cell<bool>>,
}

impl Forwarding {
    pub(super) fn new(to: String, queue: Queue, stopping: Stopping, grace: Duration) -> Self {
        let (totals, open, warned) = Default::default();
        Self { to: to.into(), queue: Rc::new(queue), stopping, grace, totals, open, next: 0, warned }
    }

    /// How many connections are open.
    pub(super) fn open(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.open)
    }

    /// What is forwarded, counted when a connection is over.
    pub(super) fn totals(&self) -> Rc<Cell<Totals>> {
        Rc::clone(&self.totals)
    }
}

impl Handler for Forwarding {
    type Over = Conversation;

    fn handle(&mut self, stream: TcpStream, from: SocketAddr) -> Pin<Box<dyn Future<Output = Conversation>>> {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        let here = stream.local_addr().unwrap_or(from);
        let recording = Recording::new(Rc::clone(&self.queue), number, from, here);
        let conversation = Conversation {
            from,
            here,
            recording,
            octets: Cell::default(),
            ended: Both::default(),
            failed: false,
            warned: Rc::clone(&self.warned),
        };
        self.open.set(self.open.get().saturating_add(1));
        let (to, stopping) = (Rc::clone(&self.to), self.stopping.clone());
        Box::pin(conversation.run(stream, to, stopping, self.grace))
    }

    fn over(&mut self, conversation: Conversation) {
        self.open.set(self.open.get().saturating_sub(1));
        let mut totals = self.totals.get();
        totals.connections = totals.connections.saturating_add(1);
        totals.failed = totals.failed.saturating_add(conversation.failed.into());
        for direction in Direction::BOTH {
            let octets = conversation.octets.get()[direction];
            totals.octets[direction] = totals.octets[direction].saturating_add(octets);
        }
        totals.lost = totals.lost.saturating_add(conversation.recording.lost());
        totals.incomplete = totals.incomplete.saturating_add((conversation.recording.lost() > 0).into());
        self.totals.set(totals);
    }

    fn troubled(&mut self, error: &io::Error, pause: Duration) {
        // Once a row of failures: the pauses double from 5 ms on.
        if pause <= Duration::from_millis(5) {
            eprintln!("framescope: cannot accept connections for now: {}; they wait", words(error));
        }
    }
}

/// One connection.
pub(super) struct Conversation {
    from: SocketAddr,
    here: SocketAddr,
    recording: Recording,
    octets: Cell<Both<u64>>,
    /// Told when an end has sent FIN.
    ended: Both<Notify>,
    failed: bool,
    warned: Rc<Cell<bool>>,
}

/// A connection that failed: the sender of this direction has given it up.
struct Broken(Direction);

impl Conversation {
    async fn run(mut self, mut client: TcpStream, to: Rc<str>, mut stopping: Stopping, grace: Duration) -> Self {
        let stopped = async {
            if stopping.next().await == Stop::Gracefully {
                tokio::select! {
                    () = tokio::time::sleep(grace) => {}
                    _ = stopping.next() => {}
                }
            }
        };
        tokio::select! {
            () = self.forward(&mut client, &to) => {}
            // Neither end has ended the connection, so the capture does not say so either.
            () = stopped => {}
        }
        self
    }

    async fn forward(&mut self, client: &mut TcpStream, to: &str) {
        let mut server = match self.reach(to).await {
            Ok(server) => server,
            Err(why) => {
                self.failed = true;
                eprintln!("framescope: cannot reach {}: {why}; the connection from {} was reset", shown(to), self.from);
                self.recording.reset(Direction::ToClient);
                let _ = client.set_zero_linger();
                return;
            }
        };
        // Without a delay of their own the octets pass in the pieces in which they came.
        let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let outcome = tokio::try_join!(
            self.pump(from_client, to_server, Direction::ToServer),
            self.pump(from_server, to_client, Direction::ToClient),
        );
        if let Err(Broken(direction)) = outcome {
            self.recording.reset(direction);
            // Closed without lingering, a connection is reset: the other end learns what happened.
            let _ = match direction {
                Direction::ToServer => server.set_zero_linger(),
                Direction::ToClient => client.set_zero_linger(),
            };
        }
    }

    async fn reach(&self, to: &str) -> Result<TcpStream, String> {
        let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(to));
        let server = connecting.await.map_err(|_| "no answer".to_owned())?.map_err(|error| words(&error))?;
        if server.peer_addr().is_ok_and(|address| address == self.here) {
            return Err("it is this relay itself".into());
        }
        Ok(server)
    }

    /// Forwards one direction to its end. Nothing is read while something waits to be written: that is back pressure.
    async fn pump(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, direction: Direction) -> Result<(), Broken> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = from.read(&mut buffer).await.map_err(|_| Broken(direction))?;
            let octets = buffer.get(..length).unwrap_or_default();
            if octets.is_empty() {
                self.recording.ended(direction);
                // An end that is gone already is found out by the other direction.
                let _ = to.shutdown().await;
                // The other direction goes on, until it ends too or this end is lost all the same.
                self.ended[direction].notify_one();
                return tokio::select! {
                    () = self.ended[direction.opposite()].notified() => Ok(()),
                    () = lost(from.as_ref()) => Err(Broken(direction)),
                };
            }
            self.record(direction, octets);
            tokio::select! {
                biased;
                written = to.write_all(octets) => written.map_err(|_| Broken(direction.opposite()))?,
                () = lost(from.as_ref()) => return Err(Broken(direction)),
            }
        }
    }

    fn record(&self, direction: Direction, octets: &[u8]) {
        let mut counts = self.octets.get();
        counts[direction] = counts[direction].saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        self.octets.set(counts);
        self.recording.octets(direction, octets);
        if self.recording.lost() > 0 && !self.warned.replace(true) {
            eprintln!(
                "framescope: warning: decoding or the disk cannot keep up: some octets are forwarded but not recorded"
            );
        }
    }
}

/// Waits until a connection has failed, while nobody reads it.
async fn lost(stream: &TcpStream) {
    let is_ready = stream.ready(Interest::ERROR).await.is_ok();
    if !(is_ready && stream.take_error().is_ok_and(|error| error.is_some())) {
        std::future::pending().await
    }
}
