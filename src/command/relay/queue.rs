//! The bounded queue between forwarding and recording: whoever forwards never waits.
//!
//! What does not fit is not recorded, but counted, and the recorder is told where it is missing.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

use crate::command::drive::clock::Clock;
use crate::direction::{Both, Direction};
use crate::time::Timestamp;

/// Something that happened on a connection.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) time: Timestamp,
    /// Counted from 0.
    pub(super) connection: u64,
    pub(super) what: What,
}

/// What happened.
#[derive(Debug)]
pub(super) enum What {
    Opened {
        client: SocketAddr,
        server: SocketAddr,
    },
    Octets(Direction, Vec<u8>),
    /// So many octets passed that were not recorded.
    Lost(Direction, u64),
    /// FIN.
    Ended(Direction),
    /// RST, by the sender of this direction.
    Reset(Direction),
    /// Nothing more comes of this connection.
    Over,
}

impl Item {
    /// What it takes while it waits.
    fn cost(&self) -> usize {
        let octets = if let What::Octets(_, octets) = &self.what { octets.capacity() } else { 0 };
        octets.saturating_add(size_of::<Self>())
    }
}

/// A queue in which at most `most` octets of all connections together wait, and who takes from it.
pub(super) fn queue(most: usize, clock: Clock) -> (Queue, Items) {
    let (sender, receiver) = channel();
    let waiting = Arc::<AtomicUsize>::default();
    let queue = Queue { sender, most, waiting: Arc::clone(&waiting), clock };
    (queue, Items { receiver, waiting })
}

/// Where the recorder takes items from.
#[derive(Debug)]
pub(super) struct Items {
    receiver: Receiver<Item>,
    waiting: Arc<AtomicUsize>,
}

/// Why there is no item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Nothing {
    Yet,
    Ever,
}

impl Items {
    /// The next item, if there is one already.
    pub(super) fn ready(&self) -> Result<Item, Nothing> {
        let item = self.receiver.try_recv().map_err(|error| match error {
            TryRecvError::Empty => Nothing::Yet,
            TryRecvError::Disconnected => Nothing::Ever,
        })?;
        Ok(self.taken(item))
    }

    /// The next item, waiting for it.
    pub(super) fn wait(&self, patience: Duration) -> Result<Item, Nothing> {
        let item = self.receiver.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => Nothing::Yet,
            RecvTimeoutError::Disconnected => Nothing::Ever,
        })?;
        Ok(self.taken(item))
    }

    fn taken(&self, item: Item) -> Item {
        self.waiting.fetch_sub(item.cost(), Ordering::Relaxed);
        item
    }
}

/// Where connections leave what they do. Only one thread puts something in.
#[derive(Debug)]
pub(super) struct Queue {
    sender: Sender<Item>,
    most: usize,
    waiting: Arc<AtomicUsize>,
    clock: Clock,
}

impl Queue {
    /// Puts an item in if there is room, or in any case.
    fn put(&self, connection: u64, what: What, in_any_case: bool) -> bool {
        let item = Item { time: self.clock.now(), connection, what };
        let cost = item.cost();
        if !in_any_case && !self.has_room(cost) {
            return false;
        }
        self.waiting.fetch_add(cost, Ordering::Relaxed);
        // A recorder that has gone misses nothing that it wanted.
        let _ = self.sender.send(item);
        true
    }

    fn has_room(&self, octets: usize) -> bool {
        self.waiting.load(Ordering::Relaxed).saturating_add(octets) <= self.most
    }
}

/// One connection on its way into the queue.
#[derive(Debug)]
pub(super) struct Recording {
    queue: Rc<Queue>,
    connection: u64,
    /// Whether the recorder knows of the connection.
    known: bool,
    /// Octets the recorder has not been told of yet.
    missing: Both<Cell<u64>>,
    /// Octets of this connection that were not recorded.
    lost: Cell<u64>,
}

impl Recording {
    /// A connection begins. If not even that finds room, nothing of it will be recorded.
    pub(super) fn new(queue: Rc<Queue>, connection: u64, client: SocketAddr, server: SocketAddr) -> Self {
        let known = queue.put(connection, What::Opened { client, server }, false);
        Self { queue, connection, known, missing: Both::default(), lost: Cell::default() }
    }

    /// Octets pass.
    pub(super) fn octets(&self, direction: Direction, octets: &[u8]) {
        let length = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        let recorded = self.known && self.queue.has_room(octets.len());
        if recorded {
            self.tell_missing(direction);
            self.tell(What::Octets(direction, octets.to_vec()));
        } else {
            let missing = &self.missing[direction];
            missing.set(missing.get().saturating_add(length));
            self.lost.set(self.lost.get().saturating_add(length));
        }
    }

    /// FIN passes.
    pub(super) fn ended(&self, direction: Direction) {
        self.tell_missing(direction);
        self.tell(What::Ended(direction));
    }

    /// The sender of this direction has given the connection up.
    pub(super) fn reset(&self, direction: Direction) {
        self.tell(What::Reset(direction));
    }

    /// Octets that were not recorded.
    pub(super) fn lost(&self) -> u64 {
        self.lost.get()
    }

    fn tell_missing(&self, direction: Direction) {
        let missing = self.missing[direction].take();
        if missing > 0 {
            self.tell(What::Lost(direction, missing));
        }
    }

    /// What has found room, or is so little that it needs none: a connection says few things but octets, and took its place when
    /// it began.
    fn tell(&self, what: What) {
        if self.known {
            self.queue.put(self.connection, what, true);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        Direction::BOTH.into_iter().for_each(|direction| self.tell_missing(direction));
        self.tell(What::Over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64 << 20;

    #[test]
    fn what_finds_no_room_is_counted_and_told_where_it_is_missing() {
        let (queue, items) = queue(MOST, Clock::new());
        let queue = Rc::new(queue);
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let recording = Recording::new(Rc::clone(&queue), 0, address, address);
        let piece = vec![0; 1 << 20];
        for _ in 0..70 {
            recording.octets(Direction::ToServer, &piece);
        }
        assert!(queue.waiting.load(Ordering::Relaxed) <= MOST + 1000);
        // A connection that begins while there is no room is not recorded at all, even when there is room later.
        while queue.put(0, What::Ended(Direction::ToClient), false) {}
        let late = Recording::new(Rc::clone(&queue), 1, address, address);
        let count = || {
            let (mut passed, mut missing) = (0, 0);
            while let Ok(item) = items.ready() {
                match item.what {
                    What::Octets(_, octets) => passed += octets.len() as u64,
                    What::Lost(_, octets) => missing += octets,
                    _ => assert_eq!(item.connection, 0),
                }
            }
            (passed, missing)
        };
        let (passed, missing) = count();
        assert_eq!((passed + recording.lost(), missing), (70 << 20, 0));
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
        late.octets(Direction::ToServer, b"late");
        assert_eq!(late.lost(), 4);
        drop(late);
        recording.octets(Direction::ToServer, b"more");
        assert_eq!(count(), (4, recording.lost()));
        drop(recording);
        assert!(matches!(items.ready().unwrap().what, What::Over));
        drop(queue);
        assert_eq!(items.ready().unwrap_err(), Nothing::Ever);
    }
}
