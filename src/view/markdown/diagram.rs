//! Which sequence diagram to draw: the call that was asked for, the whole capture where it is small, or else the most telling call.
//!
//! The most telling call is the first that failed; where none did, the one that took longest.

use std::collections::{HashMap, VecDeque};

use super::sequence::Recording;
use super::{Limits, words};
use crate::event::{Body, Event};
use crate::grpc::call::{Call, CallId};
use crate::http2::frame::FrameId;
use crate::tcp::FlowId;
use crate::view::ending::{self, Verdict};
use crate::write;

/// The diagrams that may be drawn, recorded side by side until it is clear which one will be.
#[derive(Debug)]
pub(super) struct Diagram {
    asked: Option<CallId>,
    limits: Limits,
    /// The whole capture, as long as it is small.
    whole: Option<Recording>,
    /// Calls under way.
    open: HashMap<CallId, Open>,
    /// The call that would be drawn now.
    best: Option<Best>,
    /// The lowest number of a call not yet met.
    next: u64,
    not_recorded: u64,
    pool: VecDeque<Recording>,
}

#[derive(Debug)]
struct Open {
    flow: FlowId,
    last_frame: FrameId,
    recording: Recording,
}

#[derive(Debug)]
struct Best {
    id: CallId,
    failed: bool,
    nanos: Option<i64>,
    recording: Recording,
}

impl Diagram {
    pub(super) fn new(asked: Option<CallId>, limits: Limits) -> Self {
        Self {
            asked,
            limits,
            whole: asked.is_none().then(Recording::default),
            open: HashMap::new(),
            best: None,
            next: 0,
            not_recorded: 0,
            pool: VecDeque::new(),
        }
    }

    /// Takes note of an event.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        let Some(flow) = event.flow else { return };
        if let Some(whole) = &mut self.whole
            && let Some((kind, text)) = words::of(event, false)
        {
            whole.push(&flow, kind, text, &self.limits);
            if !whole.is_whole() {
                self.whole = None;
            }
        }
        if self.best.as_ref().is_some_and(|best| best.failed || self.asked.is_some()) {
            return;
        }
        match &event.body {
            Body::Frame(frame) => {
                if let Some(id) = frame.belongs.call {
                    self.meet(id, flow.facts.id);
                    if let Some(open) = self.open.get_mut(&id) {
                        open.last_frame = frame.frame.id;
                        open.take(event, &self.limits);
                    }
                }
            }
            Body::Malformed(fault) => {
                let touched = self.open.values_mut().filter(|open| Some(open.last_frame) == fault.frame);
                touched.for_each(|open| open.take(event, &self.limits));
            }
            Body::Gap { .. } | Body::Resync { .. } | Body::Unfinished { .. } | Body::Sides { .. } => {
                let touched = self.open.values_mut().filter(|open| open.flow == flow.facts.id);
                touched.for_each(|open| open.take(event, &self.limits));
            }
            Body::Call(call) => self.ended(event, call),
            _ => {}
        }
    }

    /// Appends the diagram, with a sentence on what it shows.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match (&self.whole, &self.best, self.asked) {
            (Some(whole), _, _) if whole.is_empty() => out.extend_from_slice(b"There are no frames to draw.\n"),
            (Some(whole), _, _) => {
                out.extend_from_slice(b"The whole capture:\n\n");
                whole.write(out);
            }
            (None, Some(best), asked) => {
                out.extend_from_slice(b"Call ");
                write::integer(out, best.id.0);
                out.extend_from_slice(match (asked, best.failed) {
                    (Some(_), _) => b", as asked for:\n\n".as_slice(),
                    (None, true) => b", the first that failed; the whole capture is too large to draw:\n\n",
                    (None, false) => b", the one that took longest; the whole capture is too large to draw:\n\n",
                });
                best.recording.write(out);
            }
            (None, None, Some(CallId(id))) => {
                out.extend_from_slice(b"There is no call ");
                write::integer(out, id);
                out.extend_from_slice(b" in what is shown of this capture.\n");
            }
            (None, None, None) => out.extend_from_slice(b"The capture is too large to draw, and holds no call.\n"),
        }
        if self.not_recorded > 0 && self.whole.is_none() {
            out.push(b'\n');
            write::counted_as(out, self.not_recorded, "call was", "calls were");
            out.extend_from_slice(b" not considered: too many were under way at once.\n");
        }
    }

    /// Octets of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        let open = self.open.values().map(|open| &open.recording);
        let all = open.chain(&self.whole).chain(self.best.as_ref().map(|best| &best.recording)).chain(&self.pool);
        all.fold(0, |sum, recording| sum.saturating_add(size_of::<Open>()).saturating_add(recording.held_bytes()))
    }

    /// Begins to record a call at its first frame, and never later: half a call would be drawn as a whole one.
    fn meet(&mut self, id: CallId, flow: FlowId) {
        let is_new = id.0 >= self.next;
        self.next = self.next.max(id.0.saturating_add(1));
        if !is_new || self.asked.is_some_and(|asked| asked != id) {
            return;
        }
        if self.open.len() >= self.limits.open_calls {
            self.not_recorded = self.not_recorded.saturating_add(1);
            return;
        }
        let recording = self.pool.pop_front().unwrap_or_default();
        self.open.insert(id, Open { flow, last_frame: FrameId::default(), recording });
    }

    fn ended(&mut self, event: &Event<'_>, call: &Call) {
        let Some(mut open) = self.open.remove(&call.id) else { return };
        open.take(event, &self.limits);
        let failed = ending::verdict(call) == Verdict::Failed;
        let nanos = ending::duration(call);
        let mut rest = open.recording;
        if self.best.as_ref().is_none_or(|best| failed || nanos > best.nanos) {
            let better = Best { id: call.id, failed, nanos, recording: rest };
            rest = self.best.replace(better).map(|best| best.recording).unwrap_or_default();
        }
        rest.clear();
        self.pool.push_back(rest);
        if failed {
            self.open.clear();
            self.pool.clear();
        }
    }
}

impl Open {
    fn take(&mut self, event: &Event<'_>, limits: &Limits) {
        if let (Some(flow), Some((kind, text))) = (event.flow, words::of(event, true)) {
            self.recording.push(&flow, kind, text, limits);
        }
    }
}
