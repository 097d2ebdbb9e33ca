//! What a client or server tells whoever uses it, in order; packed messages are unpacked one at a time, when they are taken.
//!
//! So a peer that sends many bombs makes one of them go off at a time, and none beyond the largest message.

use std::collections::VecDeque;

use super::compression::unpack;
use super::inbox::{Inbox, Parcel, Refusal};
use crate::grpc::encoding::Decompressor;

/// Events of the calls named by `K`.
#[derive(Debug)]
pub(super) struct Queue<K, E> {
    entries: VecDeque<(K, Entry<E>)>,
    /// Octets of the messages in it.
    octets: usize,
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
    /// A queue of messages that have `largest` octets at most when they are unpacked.
    pub(super) fn new(largest: usize) -> Self {
        Self { entries: VecDeque::new(), octets: 0, decompressor: Decompressor::new(largest) }
    }

    pub(super) fn push(&mut self, key: K, event: E) {
        self.entries.push_back((key, Entry::Event(event)));
    }

    /// Takes the content of a DATA frame; octets to give back at once.
    pub(super) fn collect(&mut self, key: K, inbox: &mut Inbox, octets: &[u8]) -> Result<usize, Refusal> {
        inbox.push(octets);
        while let Some(parcel) = inbox.message()? {
            self.octets = self.octets.saturating_add(parcel.size());
            self.entries.push_back((key, Entry::Message(parcel)));
        }
        Ok(inbox.advance())
    }

    pub(super) fn pop(&mut self) -> Option<Next<K, E>> {
        let (key, parcel) = match self.entries.pop_front()? {
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
