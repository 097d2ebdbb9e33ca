//! Frames that wait for an acknowledgement, which answers the oldest that is like it (RFC 9113 §6.5.3, §6.7).

use std::collections::VecDeque;

use super::seen::{Answers, FrameRef};

/// What was sent and not acknowledged, oldest first.
#[derive(Debug)]
pub(super) struct Unanswered<T> {
    sent: VecDeque<(FrameRef, T)>,
    /// How many of them, the first ones, may have been acknowledged by frames that were lost.
    doubted: usize,
}

impl<T> Default for Unanswered<T> {
    fn default() -> Self {
        Self { sent: VecDeque::new(), doubted: 0 }
    }
}

impl<T> Unanswered<T> {
    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// What was sent, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.sent.iter().map(|(_, what)| what)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.sent.iter_mut().map(|(_, what)| what)
    }

    pub(super) fn push(&mut self, sent: FrameRef, what: T) {
        self.sent.push_back((sent, what));
    }

    pub(super) fn forget_oldest(&mut self) {
        self.sent.pop_front();
        self.doubted = self.doubted.saturating_sub(1);
    }

    /// Frames of the other side were lost: acknowledgements may be among them.
    pub(super) fn lose_answers(&mut self) {
        self.doubted = self.sent.len();
    }

    /// Takes an acknowledgement of something like this: what it answers, and the oldest that it can answer.
    pub(super) fn answer(&mut self, like: impl Fn(&T) -> bool) -> (Answers, Option<T>) {
        let Some(place) = self.sent.iter().position(|(_, what)| like(what)) else { return (Answers::NotSeen, None) };
        let last = if place < self.doubted { self.sent.iter().rposition(|(_, what)| like(what)) } else { None };
        let Some((sent, what)) = self.sent.remove(place) else { return (Answers::NotSeen, None) };
        if let Some(last) = last {
            self.doubted = self.doubted.saturating_sub(1);
            if last > place {
                // It answers any of them, and what is left of them may be answered.
                self.doubted = self.doubted.max(last);
                return (Answers::OneOf, Some(what));
            }
        }
        (Answers::Sent(sent), Some(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::frame::FrameId;
    use crate::span::Arrival;

    fn sent(id: u64) -> FrameRef {
        FrameRef { id: FrameId(id), at: Arrival::default() }
    }

    fn answers(queue: &mut Unanswered<u8>, what: u8) -> Answers {
        queue.answer(|sent| *sent == what).0
    }

    #[test]
    fn an_acknowledgement_answers_the_oldest_that_is_like_it() {
        let mut queue = Unanswered::default();
        for (id, what) in [(1, 7), (2, 8), (3, 7)] {
            queue.push(sent(id), what);
        }
        assert_eq!(answers(&mut queue, 7), Answers::Sent(sent(1)));
        assert_eq!(answers(&mut queue, 7), Answers::Sent(sent(3)));
        assert_eq!(answers(&mut queue, 7), Answers::NotSeen);
        assert_eq!(answers(&mut queue, 8), Answers::Sent(sent(2)));
    }

    #[test]
    fn after_lost_acknowledgements_one_of_two_alike_is_not_told_from_the_other() {
        let mut queue = Unanswered::default();
        queue.push(sent(1), 7);
        queue.push(sent(2), 8);
        queue.lose_answers();
        queue.push(sent(3), 7);
        assert_eq!(answers(&mut queue, 7), Answers::OneOf);
        queue.push(sent(4), 7);
        assert_eq!(answers(&mut queue, 7), Answers::OneOf, "the third may have been answered before");
        assert_eq!(answers(&mut queue, 8), Answers::Sent(sent(2)), "there is one only");
        assert_eq!(answers(&mut queue, 7), Answers::Sent(sent(4)));
    }
}
