//! The trace in its collapsible block: what another view writes, up to a limit, and words on the rest.

use super::escape::{fence, longest_run};
use crate::event::{Body, Event};
use crate::time::Timestamp;
use crate::view::{Source, Summary, View};
use crate::write;

/// The trace so far.
pub(super) struct Trace {
    view: Box<dyn View>,
    text: Vec<u8>,
    most: usize,
    left_out: Option<LeftOut>,
}

#[derive(Clone, Copy, Debug, Default)]
struct LeftOut {
    frames: u64,
    messages: u64,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace")
            .field("octets", &self.text.len())
            .field("left_out", &self.left_out)
            .finish_non_exhaustive()
    }
}

impl Trace {
    pub(super) fn new(view: Box<dyn View>, most: usize) -> Self {
        Self { view, text: Vec::new(), most, left_out: None }
    }

    pub(super) fn begin(&mut self, source: &Source<'_>) {
        self.view.begin(source, &mut self.text);
    }

    pub(super) fn start(&mut self, first: Timestamp) {
        self.view.start(first);
    }

    pub(super) fn event(&mut self, event: &Event<'_>) {
        if self.left_out.is_none() {
            let before = self.text.len();
            self.view.event(event, &mut self.text);
            if self.text.len() <= self.most {
                return;
            }
            self.text.truncate(before);
        }
        let left_out = self.left_out.get_or_insert_default();
        let counter = match event.body {
            Body::Frame(_) => &mut left_out.frames,
            Body::Message(_) => &mut left_out.messages,
            _ => return,
        };
        *counter = counter.saturating_add(1);
    }

    /// Appends the block.
    pub(super) fn write(&mut self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        if self.left_out.is_none() {
            let before = self.text.len();
            self.view.finish(summary, &mut self.text);
            if self.text.len() > self.most {
                self.text.truncate(before);
            }
        }
        let text = self.text.trim_ascii_end();
        out.extend_from_slice(b"<details>\n<summary>Every frame");
        if self.left_out.is_some() {
            out.extend_from_slice(b", as far as there is room");
        }
        out.extend_from_slice(b"</summary>\n\n");
        let ticks = longest_run(text, b'`').saturating_add(1).max(3);
        fence(out, b'`', ticks);
        out.extend_from_slice(b"text\n");
        out.extend_from_slice(text);
        out.push(b'\n');
        fence(out, b'`', ticks);
        out.push(b'\n');
        if let Some(left_out) = self.left_out {
            out.push(b'\n');
            write::counted_as(out, left_out.frames, "more frame", "more frames");
            out.extend_from_slice(b" and ");
            write::counted_as(out, left_out.messages, "message", "messages");
            out.extend_from_slice(b" are left out here; the text format shows all of them.\n");
        }
        out.extend_from_slice(b"\n</details>\n");
    }

    /// Octets of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity()
    }
}
