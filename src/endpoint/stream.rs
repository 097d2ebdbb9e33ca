//! One stream as an endpoint keeps it: its halves, its windows, and what waits to be sent (RFC 9113 §5.1, §6.9).

use std::collections::VecDeque;

use super::fields::Fields;

/// A stream that is not closed.
#[derive(Debug)]
pub(super) struct Stream {
    /// Whether this end may still send.
    pub(super) sending: bool,
    /// Whether the other end may still send.
    pub(super) receiving: bool,
    /// Octets this end may send; below 0 after the peer has lowered its setting (§6.9.2).
    pub(super) send_window: i64,
    /// Octets the other end may send.
    pub(super) receive_window: i64,
    /// Octets taken by the application and not given back yet.
    pub(super) taken: u32,
    /// Whether the other end's first header list has come.
    pub(super) begun: bool,
    /// Octets of content that the other end has announced and not sent (content-length).
    pub(super) announced: Option<u64>,
    pub(super) queue: VecDeque<Item>,
}

/// Something that waits for its turn.
#[derive(Debug)]
pub(super) enum Item {
    /// Octets for DATA, sent up to `sent`.
    Data { octets: Vec<u8>, sent: usize, end: bool },
    /// A header list behind DATA.
    Trailers(Fields),
}

impl Stream {
    pub(super) const fn new(send_window: i64, receive_window: i64) -> Self {
        Self {
            sending: true,
            receiving: true,
            send_window,
            receive_window,
            taken: 0,
            begun: false,
            announced: None,
            queue: VecDeque::new(),
        }
    }

    /// Takes note of content; whether it is as much as was announced, so far or, at its `end`, in all (§8.1.1).
    pub(super) fn content(&mut self, octets: usize, end: bool) -> bool {
        let Some(left) = self.announced else { return true };
        let left = left.checked_sub(u64::try_from(octets).unwrap_or(u64::MAX));
        self.announced = left;
        left.is_some_and(|left| left == 0 || !end)
    }

    pub(super) const fn is_closed(&self) -> bool {
        !self.sending && !self.receiving
    }

    /// Octets that wait for the window.
    pub(super) fn queued(&self) -> usize {
        self.queue.iter().fold(0, |sum: usize, item| match item {
            Item::Data { octets, sent, .. } => sum.saturating_add(octets.len().saturating_sub(*sent)),
            Item::Trailers(_) => sum,
        })
    }

    /// Whether so many octets or pieces wait that more should wait elsewhere.
    pub(super) fn is_behind(&self) -> bool {
        self.queue.len() > BEHIND_PIECES || self.queued() > BEHIND_OCTETS
    }

    /// The memory held, in octets.
    pub(super) fn held_bytes(&self) -> usize {
        let items = self.queue.capacity().saturating_mul(std::mem::size_of::<Item>());
        self.queue.iter().fold(items.saturating_add(std::mem::size_of::<Self>()), |sum, item| {
            sum.saturating_add(match item {
                Item::Data { octets, .. } => octets.capacity(),
                Item::Trailers(fields) => fields.held_bytes(),
            })
        })
    }
}

/// Octets of answers that may wait for the peer while its requests are still given room.
const BEHIND_OCTETS: usize = 64 << 10;
/// Pieces of them; few enough to be counted each time.
const BEHIND_PIECES: usize = 256;
