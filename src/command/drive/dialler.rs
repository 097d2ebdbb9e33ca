//! Carries out what a [`Dialler`] orders: names are resolved, connections opened, octets moved, and it is told what happened.
//!
//! Each connection has its own task. At most one piece of each is being written and `AHEAD` pieces of all together are read
//! ahead, so a slow connection holds up nobody, and memory is bounded.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::{PIECE, words};
use crate::direction::Direction;
use crate::endpoint::{ConnectionId, Dialler, News, Order};
use crate::time::Timestamp;

/// Runs the program until it has [finished](Dialler::is_finished), to be called within [`block_on`](super::block_on).
pub async fn run(dialler: &mut dyn Dialler, clock: Clock) {
    let mut sockets = Sockets::new(clock);
    dialler.begin(clock.now());
    while sockets.settle(dialler) {
        sockets.turn(dialler).await;
    }
}

/// The connections of a [`Dialler`], for programs that wait for other things as well:
///
/// ```text
/// dialler.begin(clock.now());
/// while sockets.settle(&mut dialler) {
///     select! {
///         () = sockets.turn(&mut dialler) => {}
///         line = input.next_line() => dialler.take(line),
///     }
/// }
/// ```
///
/// Dropped, it resets the connections that are still open.
pub struct Sockets {
    clock: Clock,
    watch: Option<Box<dyn Watch>>,
    open: BTreeMap<ConnectionId, Socket>,
    reports: mpsc::Receiver<Report>,
    to_reports: mpsc::Sender<Report>,
}

/// Sees what passes on the connections, for instance to record it.
pub trait Watch {
    /// Something passes on a connection. What the program sends is seen before it is written.
    fn passes(&mut self, at: Timestamp, connection: ConnectionId, what: Passing<'_>);
}

/// What passes on a connection. This end is the client.
#[derive(Clone, Copy, Debug)]
pub enum Passing<'a> {
    /// The connection is there.
    Opened {
        /// When it was dialled.
        dialled: Timestamp,
        /// The address of this end.
        client: SocketAddr,
        /// The address of the other end.
        server: SocketAddr,
    },
    /// Octets.
    Octets(Direction, &'a [u8]),
    /// The sender of this direction sends nothing more (FIN).
    Ended(Direction),
    /// The sender of this direction gives the connection up (RST).
    Reset(Direction),
}

/// One connection, as the program's side sees it.
#[derive(Debug)]
struct Socket {
    dialled: Timestamp,
    commands: mpsc::Sender<Command>,
    /// Dropped, it resets the connection.
    _abort: oneshot::Sender<()>,
    is_there: bool,
    /// Whether it is connected and everything given to it is written.
    is_idle: bool,
    /// Whether FIN follows what is being written.
    is_last: bool,
}

#[derive(Debug)]
enum Command {
    Write(Vec<u8>),
    End,
}

#[derive(Debug)]
enum Report {
    News(News),
    /// With the addresses of this end and the other, where the system tells them.
    Connected(ConnectionId, Option<(SocketAddr, SocketAddr)>),
    Written(ConnectionId),
    /// Both ends have ended it.
    Over(ConnectionId),
}

impl Sockets {
    /// None yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let (to_reports, reports) = mpsc::channel(AHEAD);
        Self { clock, watch: None, open: BTreeMap::new(), reports, to_reports }
    }

    /// Shows everything that passes from now on.
    pub fn watch(&mut self, watch: impl Watch + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// What watched until now.
    pub fn unwatch(&mut self) -> Option<Box<dyn Watch>> {
        self.watch.take()
    }

    /// Carries out all orders and takes what there is to send; `false` when the program has finished.
    /// To be called after everything that was told to the program.
    pub fn settle(&mut self, dialler: &mut dyn Dialler) -> bool {
        loop {
            let mut quiet = true;
            while let Some(order) = dialler.poll_order() {
                self.carry_out(order);
                quiet = false;
            }
            for (id, socket) in &mut self.open {
                if let Some(command) = socket.collect(*id, dialler) {
                    quiet = false;
                    let passing = match &command {
                        Command::Write(octets) => Passing::Octets(Direction::ToServer, octets),
                        Command::End => Passing::Ended(Direction::ToServer),
                    };
                    show(&mut self.watch, self.clock, *id, passing);
                    // The task is gone only if the connection is, and then that is on its way as news.
                    let _ = socket.commands.try_send(command);
                }
            }
            if quiet {
                return !dialler.is_finished();
            }
        }
    }

    /// Waits until something happens, or a time comes that the program waits for, and tells it. Giving up waiting loses nothing.
    pub async fn turn(&mut self, dialler: &mut dyn Dialler) {
        let timer = dialler.poll_timeout();
        tokio::select! {
            () = self.clock.sleep_until(timer), if timer.is_some() => dialler.handle_timeout(self.clock.now()),
            Some(report) = self.reports.recv() => self.hand_on(report, dialler),
        }
    }

    fn hand_on(&mut self, report: Report, dialler: &mut dyn Dialler) {
        match report {
            Report::Written(id) => {
                if let Some(socket) = self.open.get_mut(&id) {
                    socket.is_idle = true;
                }
            }
            Report::Over(id) => _ = self.open.remove(&id),
            Report::Connected(connection, addresses) => {
                // What comes from a connection that was aborted is of no interest any more.
                let Some(socket) = self.open.get_mut(&connection) else { return };
                socket.is_idle = true;
                socket.is_there = true;
                if let Some((client, server)) = addresses {
                    let passing = Passing::Opened { dialled: socket.dialled, client, server };
                    show(&mut self.watch, self.clock, connection, passing);
                }
                dialler.handle_news(self.clock.now(), News::Connected { connection });
            }
            Report::News(news) => {
                if self.pass(&news) {
                    dialler.handle_news(self.clock.now(), news);
                }
            }
        }
    }

    /// Whether anybody is to hear of it.
    fn pass(&mut self, news: &News) -> bool {
        let (id, passing) = match news {
            News::Resolved { .. } | News::Connected { .. } => return true,
            News::Failed { connection, .. } => return self.open.remove(connection).is_some(),
            News::Lost { connection, .. } => (*connection, Passing::Reset(Direction::ToClient)),
            News::Octets { connection, octets } => (*connection, Passing::Octets(Direction::ToClient, octets)),
            News::Ended { connection } => (*connection, Passing::Ended(Direction::ToClient)),
        };
        let known = self.open.contains_key(&id);
        if known {
            show(&mut self.watch, self.clock, id, passing);
        }
        if matches!(news, News::Lost { .. }) {
            self.open.remove(&id);
        }
        known
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Resolve { name } => {
                let reports = self.to_reports.clone();
                tokio::spawn(async move {
                    let addresses = resolve(&name).await;
                    let _ = reports.send(Report::News(News::Resolved { name, addresses })).await;
                });
            }
            Order::Dial { connection, address } => {
                // One piece and the end that follows it: there is always room.
                let (commands, for_task) = mpsc::channel(2);
                let (abort, aborted) = oneshot::channel();
                let line = Line { id: connection, reports: self.to_reports.clone() };
                tokio::spawn(line.run(address, for_task, aborted));
                let dialled = self.clock.now();
                let socket =
                    Socket { dialled, commands, _abort: abort, is_there: false, is_idle: false, is_last: false };
                self.open.insert(connection, socket);
            }
            Order::End { connection } => {
                if let Some(socket) = self.open.get_mut(&connection) {
                    socket.is_last = true;
                }
            }
            Order::Abort { connection } => {
                if self.open.remove(&connection).is_some_and(|socket| socket.is_there) {
                    show(&mut self.watch, self.clock, connection, Passing::Reset(Direction::ToServer));
                }
            }
        }
    }
}

impl Socket {
    /// What there is to do, if everything before is written.
    fn collect(&mut self, id: ConnectionId, dialler: &mut dyn Dialler) -> Option<Command> {
        if !self.is_idle {
            return None;
        }
        let mut out = Vec::new();
        loop {
            let before = out.len();
            dialler.poll_transmit(id, &mut out);
            if out.len() == before || out.len() >= PIECE {
                break;
            }
        }
        let command = match (out.is_empty(), self.is_last) {
            (false, _) => Command::Write(out),
            (true, true) => Command::End,
            (true, false) => return None,
        };
        // After the end nothing reports that this was written, so nothing more is taken.
        self.is_idle = false;
        Some(command)
    }
}

fn show(watch: &mut Option<Box<dyn Watch>>, clock: Clock, connection: ConnectionId, passing: Passing<'_>) {
    if let Some(watch) = watch {
        watch.passes(clock.now(), connection, passing);
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets").field("open", &self.open).finish_non_exhaustive()
    }
}

/// The addresses of `host:port`, without repetitions.
async fn resolve(name: &str) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::net::lookup_host(name).await.map_err(|error| words(&error))?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err("the name has no address".into()) } else { Ok(addresses) }
}

/// One connection, as its task sees it.
struct Line {
    id: ConnectionId,
    reports: mpsc::Sender<Report>,
}

impl Line {
    async fn run(self, address: SocketAddr, commands: mpsc::Receiver<Command>, mut aborted: oneshot::Receiver<()>) {
        let connected = tokio::select! {
            connected = TcpStream::connect(address) => connected,
            _ = &mut aborted => return,
        };
        let connection = self.id;
        let mut held = match connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => Held { stream, reset: true },
            Err(error) => return self.tell(News::Failed { connection, why: words(&error) }).await,
        };
        let addresses = held.stream.local_addr().ok().zip(held.stream.peer_addr().ok());
        let _ = self.reports.send(Report::Connected(connection, addresses)).await;
        let outcome = tokio::select! {
            biased;
            _ = &mut aborted => return,
            outcome = self.exchange(&mut held.stream, commands) => outcome,
        };
        match outcome {
            Ok(()) => {
                held.reset = false;
                drop(held);
                let _ = self.reports.send(Report::Over(connection)).await;
            }
            Err(error) => self.tell(News::Lost { connection, why: words(&error) }).await,
        }
    }

    /// Moves octets until both ends have ended the connection.
    async fn exchange(&self, stream: &mut TcpStream, mut commands: mpsc::Receiver<Command>) -> io::Result<()> {
        let connection = self.id;
        let (mut reader, mut writer) = stream.split();
        let reading = async {
            let mut buffer = vec![0; PIECE];
            loop {
                let length = reader.read(&mut buffer).await?;
                if length == 0 {
                    self.tell(News::Ended { connection }).await;
                    return Ok(());
                }
                let octets = buffer.get(..length).unwrap_or_default().to_vec();
                self.tell(News::Octets { connection, octets }).await;
            }
        };
        let writing = async {
            loop {
                match commands.recv().await {
                    Some(Command::Write(octets)) => {
                        writer.write_all(&octets).await?;
                        let _ = self.reports.send(Report::Written(connection)).await;
                    }
                    Some(Command::End) => return writer.shutdown().await,
                    // The program has gone, or has aborted the connection.
                    None => std::future::pending().await,
                }
            }
        };
        tokio::try_join!(reading, writing).map(|_: ((), ())| ())
    }

    /// Fails only when nobody listens any more.
    async fn tell(&self, news: News) {
        let _ = self.reports.send(Report::News(news)).await;
    }
}

/// A connection that is reset if it is dropped before its proper end, even where its task is not asked.
struct Held {
    stream: TcpStream,
    reset: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.reset {
            // Closed without lingering, a connection is reset. One that has failed needs no reset any more.
            let _ = self.stream.set_zero_linger();
        }
    }
}

/// Reports that wait for the program, of all connections together.
const AHEAD: usize = 64;
