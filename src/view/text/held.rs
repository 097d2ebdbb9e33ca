//! Findings on a frame wait until the messages that end in it stand below it.

use crate::event::{Body, Event};
use crate::grpc::calls::Role;

/// Lines that wait.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Messages of the last frame that are still to come.
    messages: u32,
    lines: Vec<u8>,
}

impl Held {
    pub(super) const fn new() -> Self {
        Self { messages: 0, lines: Vec::new() }
    }

    /// Whether messages come before what is found now.
    pub(super) const fn is_due_later(&self) -> bool {
        self.messages > 0
    }

    /// Where what waits is written.
    pub(super) const fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.lines
    }

    /// Looks at an event before it is shown: what follows a frame and is no message of it comes after what waits.
    pub(super) fn passes(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match &event.body {
            Body::Message(_) => {}
            Body::Frame(frame) => {
                self.release(out);
                self.messages = match frame.belongs.role {
                    Role::Messages(progress) => progress.ended,
                    _ => 0,
                };
            }
            _ => self.release(out),
        }
    }

    /// A message was shown.
    pub(super) fn shown(&mut self, out: &mut Vec<u8>) {
        self.messages = self.messages.saturating_sub(1);
        if self.messages == 0 {
            self.release(out);
        }
    }

    /// Writes what waits.
    pub(super) fn release(&mut self, out: &mut Vec<u8>) {
        self.messages = 0;
        out.append(&mut self.lines);
    }
}
