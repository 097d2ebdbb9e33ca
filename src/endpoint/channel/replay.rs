//! The messages of a call, kept until it is certain that they need not be sent again (gRFC A6, "when retries are valid").

/// What the caller has sent so far.
#[derive(Debug, Default)]
pub(super) struct Replay {
    messages: Vec<Vec<u8>>,
    octets: usize,
    /// Whether no message follows.
    pub(super) finished: bool,
    /// Whether the call cannot be repeated any more; then nothing is kept.
    committed: bool,
}

impl Replay {
    /// Keeps a message, unless the call is committed; the octets more.
    pub(super) fn keep(&mut self, message: &[u8]) -> usize {
        if self.committed {
            return 0;
        }
        self.messages.push(message.to_vec());
        self.octets = self.octets.saturating_add(message.len());
        message.len()
    }

    pub(super) const fn octets(&self) -> usize {
        self.octets
    }

    pub(super) const fn is_committed(&self) -> bool {
        self.committed
    }

    /// Forgets the messages; the octets less.
    pub(super) fn commit(&mut self) -> usize {
        self.committed = true;
        self.messages = Vec::new();
        std::mem::take(&mut self.octets)
    }

    /// The messages, each with whether it is known to be the last.
    pub(super) fn messages(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let last = self.messages.len();
        let is_last = move |n: usize| self.finished && n.saturating_add(1) == last;
        self.messages.iter().enumerate().map(move |(n, message)| (message.as_slice(), is_last(n)))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}
