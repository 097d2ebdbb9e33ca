//! Client and server over real TCP on this machine, and a relay between them that records every octet.
//!
//! No privilege is needed, because nothing is captured below the sockets: the relay forwards octets untouched and hands a
//! copy to a [`Tap`], which makes up the headers.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::drive::clock::Clock;
use crate::direction::Direction;
use crate::endpoint::Peer;
use crate::endpoint::tap::{Recorded, Tap};

/// Lets the client, made for the address it is to call, speak to the server until both have ended the connection.
///
/// # Errors
///
/// When a socket fails, or nothing happens for half a minute.
pub(super) fn run<C: Peer>(
    client: impl FnOnce(String) -> C,
    mut server: impl Peer + Send,
) -> io::Result<Vec<Recorded>> {
    let clock = Clock::new();
    let (server_listener, server_address) = listen()?;
    let (relay_listener, relay_address) = listen()?;
    // The kernel completes each connection before it is accepted, so that one thread can do both.
    let before = clock.now();
    let client_socket = TcpStream::connect(relay_address)?;
    let connected = clock.now();
    let client_address = v4(client_socket.local_addr()?)?;
    let from_client = accept(&relay_listener, client_address)?;
    let to_server = TcpStream::connect(server_address)?;
    let server_socket = accept(&server_listener, v4(to_server.local_addr()?)?)?;

    let mut tap = Tap::new(client_address, relay_address);
    tap.open(before, connected, connected);
    let tap = Mutex::new(tap);
    let mut client = client(relay_address.to_string());
    let outcome = thread::scope(|scope| {
        let (tap, clock) = (&tap, &clock);
        let ways = [(&from_client, &to_server, Direction::ToServer), (&to_server, &from_client, Direction::ToClient)];
        let relays = ways.map(|(from, to, direction)| scope.spawn(move || relay(from, to, direction, tap, clock)));
        let serving = scope.spawn(move || drive(&server_socket, &mut server, clock));
        let called = drive(&client_socket, &mut client, clock);
        let died = || Err(io::Error::other("a thread of the demo ended early"));
        let served = serving.join().unwrap_or_else(|_| died());
        let relayed = relays.map(|relay| relay.join().unwrap_or_else(|_| died()));
        relayed.into_iter().fold(called.and(served), io::Result::and)
    });
    outcome?;
    Ok(tap.into_inner().unwrap_or_else(PoisonError::into_inner).into_packets())
}

/// As [`run`], but without a relay between the two. `listening` is told the ports before the first packet is sent.
///
/// # Errors
///
/// As [`run`], and those of `listening`.
pub(super) fn run_directly<C: Peer, E: From<io::Error>>(
    client: impl FnOnce(String) -> C,
    mut server: impl Peer + Send,
    listening: impl FnOnce(&[u16]) -> Result<(), E>,
) -> Result<(), E> {
    let clock = Clock::new();
    let (listener, address) = listen()?;
    listening(&[address.port()])?;
    let client_socket = TcpStream::connect(address)?;
    let server_socket = accept(&listener, v4(client_socket.local_addr()?)?)?;
    let mut client = client(address.to_string());
    thread::scope(|scope| {
        let clock = &clock;
        let serving = scope.spawn(move || drive(&server_socket, &mut server, clock));
        let called = drive(&client_socket, &mut client, clock);
        let served = serving.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the demo ended early")));
        Ok(called.and(served)?)
    })
}

fn listen() -> io::Result<(TcpListener, SocketAddrV4)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = v4(listener.local_addr()?)?;
    Ok((listener, address))
}

fn v4(address: SocketAddr) -> io::Result<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(ErrorKind::Unsupported.into()),
    }
}

/// The connection that comes from `expected`; strangers are turned away.
fn accept(listener: &TcpListener, expected: SocketAddrV4) -> io::Result<TcpStream> {
    loop {
        let (socket, from) = listener.accept()?;
        if from == SocketAddr::V4(expected) {
            return Ok(socket);
        }
    }
}

/// Forwards one direction. Octets are recorded before they are forwarded, so that no answer is recorded before its question.
fn relay(from: &TcpStream, to: &TcpStream, direction: Direction, tap: &Mutex<Tap>, clock: &Clock) -> io::Result<()> {
    let result = forward(from, to, direction, tap, clock);
    if result.is_err() {
        // Nobody shall wait for what does not come.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
    result
}

fn forward(
    mut from: &TcpStream,
    mut to: &TcpStream,
    direction: Direction,
    tap: &Mutex<Tap>,
    clock: &Clock,
) -> io::Result<()> {
    to.set_nodelay(true)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let octets = match from.read(&mut buffer) {
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut tap = tap.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        if octets.is_empty() {
            tap.end(now, direction);
            tap.delivered(direction, 1);
            drop(tap);
            return to.shutdown(Shutdown::Write);
        }
        tap.octets(now, direction, octets);
        tap.delivered(direction, octets.len());
        drop(tap);
        to.write_all(octets)?;
    }
}

/// Moves octets between a socket and a state machine until both ends have finished.
fn drive(socket: &TcpStream, peer: &mut dyn Peer, clock: &Clock) -> io::Result<()> {
    socket.set_nodelay(true)?;
    // A channel waits more exactly than a socket's time limit, which counts in milliseconds.
    let (sender, receiver) = sync_channel(16);
    thread::scope(|scope| {
        scope.spawn(move || read(socket, &sender));
        let result = exchange(socket, &receiver, peer, clock);
        if result.is_err() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        // A reader that waits for room in the channel must learn that nobody takes anything any more.
        drop(receiver);
        result
    })
}

/// Reads the socket to its end. Nothing is sent for an empty read: the channel's end says as much.
fn read(mut socket: &TcpStream, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let (octets, is_last) = match socket.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => (Ok(buffer.get(..length).unwrap_or_default().to_vec()), false),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => (Err(error), true),
        };
        if sender.send(octets).is_err() || is_last {
            return;
        }
    }
}

fn exchange(
    mut socket: &TcpStream,
    receiver: &Receiver<io::Result<Vec<u8>>>,
    peer: &mut dyn Peer,
    clock: &Clock,
) -> io::Result<()> {
    peer.begin(clock.now());
    let (mut ended, mut heard_end) = (false, false);
    let mut out = Vec::new();
    loop {
        loop {
            out.clear();
            peer.poll_transmit(&mut out);
            if out.is_empty() {
                break;
            }
            socket.write_all(&out)?;
        }
        if peer.is_finished() && !std::mem::replace(&mut ended, true) {
            socket.shutdown(Shutdown::Write)?;
        }
        if ended && heard_end {
            return Ok(());
        }
        let timer = peer.poll_timeout().filter(|_| !ended).map(|time| time.nanos_since(clock.now()));
        if timer.is_some_and(|nanos| nanos <= 0) {
            peer.handle_timeout(clock.now());
            continue;
        }
        let patience = timer.map_or(PATIENCE, |nanos| Duration::from_nanos(nanos.try_into().unwrap_or(0)));
        match receiver.recv_timeout(patience.min(PATIENCE)) {
            Ok(octets) => peer.handle_octets(clock.now(), &octets?),
            Err(RecvTimeoutError::Timeout) if timer.is_some() => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(io::Error::new(ErrorKind::TimedOut, "nothing happened for 30 seconds"));
            }
            Err(RecvTimeoutError::Disconnected) if heard_end => return Err(ErrorKind::UnexpectedEof.into()),
            Err(RecvTimeoutError::Disconnected) => {
                heard_end = true;
                peer.handle_end(clock.now());
            }
        }
    }
}

/// How long a peer may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::connection::Config;
    use crate::endpoint::example::Example;
    use crate::endpoint::scenario::Scenario;
    use crate::grpc::status::Status;
    use crate::time::Timestamp;

    /// A peer that is looked at afterwards.
    struct Kept<'a, P>(&'a mut P);

    impl<P: Peer> Peer for Kept<'_, P> {
        fn begin(&mut self, now: Timestamp) {
            self.0.begin(now);
        }
        fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
            self.0.handle_octets(now, octets);
        }
        fn handle_end(&mut self, now: Timestamp) {
            self.0.handle_end(now);
        }
        fn handle_timeout(&mut self, now: Timestamp) {
            self.0.handle_timeout(now);
        }
        fn poll_timeout(&self) -> Option<Timestamp> {
            self.0.poll_timeout()
        }
        fn poll_transmit(&mut self, out: &mut Vec<u8>) {
            self.0.poll_transmit(out);
        }
        fn is_finished(&self) -> bool {
            self.0.is_finished()
        }
    }

    #[test]
    fn every_scenario_ends_over_tcp_as_it_does_simulated() {
        for scenario in Scenario::ALL {
            let mut simulated = scenario.caller("simulated");
            crate::endpoint::link::run(&mut simulated, &mut Example::new(Config::default())).expect("an end");
            let mut real = scenario.caller("real");
            let packets = run(|_| Kept(&mut real), Example::new(Config::default())).expect("loopback");
            assert!(packets.len() > 6, "{}", scenario.name);
            let statuses = |caller: &crate::endpoint::scenario::Caller| {
                let mut all: Vec<(u64, Status)> =
                    caller.endings().iter().map(|(ticket, ending)| (ticket.0, ending.status)).collect();
                all.sort_by_key(|(ticket, _)| *ticket);
                all
            };
            assert_eq!(statuses(&real), statuses(&simulated), "{}", scenario.name);
        }
    }
}
