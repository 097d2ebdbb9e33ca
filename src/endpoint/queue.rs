//! What a client or server tells whoever uses it, in order; packed messages are unpacked one at a time, when they are taken.
//!
//! So a peer that sends many bombs makes one of them go off at a time, and none beyond the largest message.

use std::collections::VecDeque;

use super::bounds::Bounds;
use super::compression::unpack;
use super::inbox::{Inbox, Parcel, Refusal};
use crate::grpc::encoding::Decompressor;
use crate::grpc::status::Status;

/// Events of the calls named by `K`.
#[derive(Debug)]
pub(super) struct Queue<K, E> {
    entries: VecDeque<(K, Entry<E>)>,
    /// Octets of the messages in it.
    octets: usize,
    /// Calls of which nothing is handed out.
    paused: Vec<K>,
    /// Octets in all inboxes that are no whole message.
    unfinished: usize,
    most_unfinished: usize,
    decompressor: Decompressor,
}

#[derive(Debug)]
enum Entry<E> {
    Event(E),
    Message(Parcel),
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next<K, E> {
    Event(E),
    /// A message that took `size` octets on the wire.
    Message {
        key: K,
        octets: Vec<u8>,
        size: usize,
    },
    /// A message that cannot be unpacked: the call is to be ended. Nothing more of the call is in the queue.
    Refused(K, Refusal),
}

impl<K: Copy + Eq, E> Queue<K, E> {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            entries: VecDeque::new(),
            octets: 0,
            paused: Vec::new(),
            unfinished: 0,
            most_unfinished: bounds.unfinished,
            decompressor: Decompressor::new(bounds.message),
        }
    }

    pub(super) fn push(&mut self, key: K, event: E) {
        self.entries.push_back((key, Entry::Event(event)));
    }

    /// Takes the content of a DATA frame; octets to give back at once.
    pub(super) fn collect(&mut self, key: K, inbox: &mut Inbox, octets: &[u8]) -> Result<usize, Refusal> {
        self.unfinished = self.unfinished.saturating_sub(inbox.pending());
        inbox.push(octets);
        let refusal = loop {
            match inbox.message() {
                Ok(Some(parcel)) => {
                    self.octets = self.octets.saturating_add(parcel.size());
                    self.entries.push_back((key, Entry::Message(parcel)));
                }
                Ok(None) => break None,
                Err(refusal) => break Some(refusal),
            }
        };
        self.unfinished = self.unfinished.saturating_add(inbox.pending());
        match refusal {
            Some(refusal) => Err(refusal),
            None if self.unfinished > self.most_unfinished => Err((Status::RESOURCE_EXHAUSTED, TOO_MUCH_UNFINISHED)),
            None => Ok(inbox.advance()),
        }
    }

    /// The call is over: what its inbox holds will never be whole.
    pub(super) fn discard(&mut self, inbox: &Inbox) {
        self.unfinished = self.unfinished.saturating_sub(inbox.pending());
    }

    /// Hands out nothing of this call until it is resumed.
    pub(super) fn pause(&mut self, key: K) {
        self.paused.push(key);
    }

    pub(super) fn resume(&mut self, key: K) {
        self.paused.retain(|other| *other != key);
    }

    pub(super) fn pop(&mut self) -> Option<Next<K, E>> {
        let first = self.entries.iter().position(|(key, _)| !self.paused.contains(key))?;
        let (key, parcel) = match self.entries.remove(first)? {
            (_, Entry::Event(event)) => return Some(Next::Event(event)),
            (key, Entry::Message(parcel)) => (key, parcel),
        };
        let size = parcel.size();
        self.octets = self.octets.saturating_sub(size);
        if !parcel.packed {
            return Some(Next::Message { key, octets: parcel.octets, size });
        }
        match unpack(&mut self.decompressor, &parcel.octets) {
            Ok(octets) => Some(Next::Message { key, octets, size }),
            Err(refusal) => {
                self.forget(key);
                Some(Next::Refused(key, refusal))
            }
        }
    }

    /// The memory held, in octets.
    pub(super) fn held_bytes(&self) -> usize {
        let entries = self.entries.capacity().saturating_mul(std::mem::size_of::<(K, Entry<E>)>());
        entries.saturating_add(self.octets).saturating_add(self.decompressor.held_bytes())
    }

    fn forget(&mut self, key: K) {
        self.entries.retain(|(other, _)| *other != key);
        self.octets = self.entries.iter().fold(0, |sum, (_, entry)| match entry {
            Entry::Message(parcel) => sum.saturating_add(parcel.size()),
            Entry::Event(_) => sum,
        });
    }
}

/// Why a call ends that has the misfortune to need more than [`Bounds::unfinished`].
const TOO_MUCH_UNFINISHED: &str = "too many octets of messages that are not whole";
