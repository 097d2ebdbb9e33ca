//! An answer that was written down beforehand, the same for every call.

use std::sync::Arc;

use super::handler::{Answers, Call, Ending, Method, Sequence};
use crate::endpoint::fields::Fields;
use crate::time::Timestamp;

/// What a method answers. [`parse`](Self::parse) reads it from JSON.
#[derive(Clone, Debug, Default)]
pub struct Canned {
    /// Whether the method takes any number of requests.
    pub client_streaming: bool,
    /// The response's metadata.
    pub metadata: Fields,
    /// The messages, in order.
    pub messages: Arc<[Vec<u8>]>,
    /// How the call ends.
    pub ending: Ending,
    /// Nanoseconds before the first answer.
    pub delay: i64,
    /// Nanoseconds between two messages.
    pub interval: i64,
    /// Whether each request is answered by the next message, the first one following the last, instead of all messages
    /// following the last request.
    pub each: bool,
}

impl Method for Arc<Canned> {
    fn call(&self, _metadata: &Fields) -> Box<dyn Call> {
        Box::new(Answering { canned: Self::clone(self), next: 0 })
    }
}

#[derive(Debug)]
struct Answering {
    canned: Arc<Canned>,
    /// The index of the next message, if each request has its own.
    next: usize,
}

impl Answering {
    fn whole(&self, now: Timestamp, answers: &mut Answers) {
        let canned = &self.canned;
        let then = now.saturating_add_nanos(canned.delay);
        self.metadata(then, answers);
        let (messages, ending) = (Arc::clone(&canned.messages), canned.ending.clone());
        answers.sequence(then, Sequence { messages, next: 0, interval: canned.interval, ending });
    }

    fn metadata(&self, then: Timestamp, answers: &mut Answers) {
        if !self.canned.metadata.0.is_empty() {
            answers.metadata(then, self.canned.metadata.clone());
        }
    }
}

impl Call for Answering {
    fn message(&mut self, now: Timestamp, _octets: Vec<u8>, answers: &mut Answers) {
        if !self.canned.client_streaming {
            return self.whole(now, answers);
        }
        let count = self.canned.messages.len();
        let Some(index) = self.next.checked_rem(count).filter(|_| self.canned.each) else { return };
        let then = now.saturating_add_nanos(self.canned.delay);
        if self.next == 0 {
            self.metadata(then, answers);
        }
        self.next = self.next.saturating_add(1);
        answers.message(then, self.canned.messages.get(index).cloned().unwrap_or_default());
    }

    fn finished(&mut self, now: Timestamp, answers: &mut Answers) {
        match (self.canned.client_streaming, self.canned.each) {
            (false, _) => {}
            (true, false) => self.whole(now, answers),
            (true, true) => {
                let then = now.saturating_add_nanos(self.canned.delay);
                if self.next == 0 {
                    self.metadata(then, answers);
                }
                answers.end(then, self.canned.ending.clone());
            }
        }
    }
}
