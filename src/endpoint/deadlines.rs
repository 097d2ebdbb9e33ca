//! Until when calls are waited for, the earliest first.

use std::collections::BTreeSet;

use crate::time::Timestamp;

/// The deadlines of calls named by `K`.
#[derive(Debug)]
pub(super) struct Deadlines<K>(BTreeSet<(Timestamp, K)>);

impl<K: Copy + Ord> Deadlines<K> {
    pub(super) const fn new() -> Self {
        Self(BTreeSet::new())
    }

    pub(super) fn insert(&mut self, key: K, deadline: Option<Timestamp>) {
        self.0.extend(deadline.map(|deadline| (deadline, key)));
    }

    pub(super) fn remove(&mut self, key: K, deadline: Option<Timestamp>) {
        if let Some(deadline) = deadline {
            self.0.remove(&(deadline, key));
        }
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(deadline, _)| *deadline)
    }

    /// The calls that nobody waits for any more.
    pub(super) fn passed(&self, now: Timestamp) -> Vec<K> {
        self.0.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, key)| *key).collect()
    }
}
