//! Moves octets between a TCP connection and a [`Peer`] until both ends have finished.
//!
//! Octets are read while a write waits, so two ends that send at the same time cannot block each other. What is read is handed on
//! at once and more is asked for only when the last piece is written, so nothing piles up here: what waits, waits in
//! the peer, which bounds it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use super::PIECE;
use super::clock::Clock;
use super::stop::Stopping;
use crate::endpoint::{Peer, Stop};
use crate::time::Timestamp;

/// Lets `peer` speak and listen until both ends have ended the connection. Times given to the peer are those of `clock`.
///
/// When the peer has finished, the other end has [`LINGER`] to end too; what it sends until then is handed on. Stopped
/// [`AtOnce`](Stop::AtOnce), the peer has [`LAST_WORDS`] to get rid of what it still has to send.
///
/// # Errors
///
/// What the socket says; `UnexpectedEof` when the other end has ended the connection and the peer neither ends nor waits for a
/// time.
pub async fn drive(stream: TcpStream, peer: &mut dyn Peer, clock: Clock, stopping: Stopping) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut driving = Driving {
        stream,
        clock,
        stopping,
        out: Vec::new(),
        written: 0,
        ended: false,
        heard_end: false,
        is_last: false,
        give_up: None,
    };
    peer.begin(clock.now());
    let outcome = driving.run(peer).await;
    // Nobody is interested in how the other end takes its leave of one that has gone.
    if driving.ended || driving.is_last { Ok(()) } else { outcome }
}

/// Nanoseconds that the other end has to end the connection after this one did, and to take something of what it is sent last.
pub const LINGER: i64 = 5_000_000_000;
/// Nanoseconds that a peer has for what it still wants to send when it must stop at once.
pub const LAST_WORDS: i64 = 200_000_000;

/// Octets of room that a connection keeps although it has nothing to write.
const KEPT: usize = 16 << 10;

thread_local! {
    /// Where all connections of a thread read to, one at a time: thousands that rest need no room for that.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

/// Reads once, into the buffer of the thread, and hands on what has come: nothing at the end.
async fn read<T>(reader: &mut (impl AsyncRead + Unpin), mut take: impl FnMut(&[u8]) -> T) -> io::Result<T> {
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *reader).poll_read(context, &mut buffer))?;
            Poll::Ready(Ok(take(buffer.filled())))
        })
    })
    .await
}

struct Driving {
    stream: TcpStream,
    clock: Clock,
    stopping: Stopping,
    /// What is being written.
    out: Vec<u8>,
    written: usize,
    /// Whether FIN was sent.
    ended: bool,
    /// Whether FIN has come.
    heard_end: bool,
    /// Whether to end as soon as `out` is written: stopped at once.
    is_last: bool,
    /// When not to wait for the other end any longer.
    give_up: Option<Timestamp>,
}

impl Driving {
    async fn run(&mut self, peer: &mut dyn Peer) -> io::Result<()> {
        loop {
            self.collect(peer).await?;
            let nothing_to_write = self.out.is_empty();
            if nothing_to_write && (self.is_last || (self.ended && self.heard_end)) {
                return Ok(());
            }
            if peer.is_finished() && self.give_up.is_none() {
                self.wait_no_longer();
            }
            let now = self.clock.now();
            if self.give_up.is_some_and(|time| time <= now) {
                // What the other end did not take is thrown away, and it is told so by RST.
                return if nothing_to_write { Ok(()) } else { self.stream.set_zero_linger() };
            }
            let timer = peer.poll_timeout().filter(|_| !self.ended);
            if timer.is_some_and(|time| time <= now) {
                peer.handle_timeout(now);
                // A peer that always has something due must not keep others from running.
                tokio::task::yield_now().await;
                continue;
            }
            if self.heard_end && nothing_to_write && timer.is_none() && !self.ended {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let wake = [timer, self.give_up].into_iter().flatten().min();
            let clock = self.clock;
            let mut is_busy = false;
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                ended = read(&mut reader, |octets| {
                    if octets.is_empty() {
                        peer.handle_end(clock.now());
                    } else {
                        peer.handle_octets(clock.now(), octets);
                    }
                    is_busy = octets.len() >= PIECE / 4;
                    octets.is_empty()
                }), if !self.heard_end => self.heard_end = ended?,
                written = writer.write(self.out.get(self.written..).unwrap_or_default()), if !nothing_to_write => {
                    self.written += written?;
                    if self.give_up.is_some() {
                        self.wait_no_longer();
                    }
                    if self.written >= self.out.len() {
                        self.out.clear();
                        self.out.shrink_to(KEPT);
                        self.written = 0;
                    }
                }
                how = self.stopping.next() => self.stop(peer, how),
                () = self.clock.sleep_until(wake), if wake.is_some() => {}
            }
            if is_busy {
                // One that sends much takes turns with the others.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes what the peer has to send, if everything before is written; FIN comes when it has nothing more ever.
    async fn collect(&mut self, peer: &mut dyn Peer) -> io::Result<()> {
        if !self.out.is_empty() || self.ended {
            return Ok(());
        }
        loop {
            let before = self.out.len();
            peer.poll_transmit(&mut self.out);
            if self.out.len() == before || self.out.len() >= PIECE {
                break;
            }
        }
        if self.out.is_empty() && peer.is_finished() {
            self.ended = true;
            self.wait_no_longer();
            self.stream.shutdown().await?;
        }
        Ok(())
    }

    /// The other end has this long, counted anew from when it has taken something, to take the rest and to end.
    fn wait_no_longer(&mut self) {
        if !self.is_last {
            self.give_up = Some(self.clock.now().saturating_add_nanos(LINGER));
        }
    }

    fn stop(&mut self, peer: &mut dyn Peer, how: Stop) {
        let now = self.clock.now();
        peer.stop(now, how);
        if how == Stop::AtOnce {
            self.is_last = true;
            self.give_up = Some(now.saturating_add_nanos(LAST_WORDS));
        }
    }
}
