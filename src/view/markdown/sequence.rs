//! Arrows of a mermaid `sequenceDiagram`, recorded while frames come and written at the end.
//!
//! A recording keeps the first and the last arrows, so that a long call still shows how it began and how it ended. What the arrows say is
//! decided by [`words`](super::words).

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::Limits;
use crate::direction::Direction;
use crate::event::Flow;
use crate::write;

/// What happened between the participants, in order.
#[derive(Debug, Default)]
pub(super) struct Recording {
    participants: Vec<Participant>,
    head: Vec<Step>,
    tail: VecDeque<Step>,
    left_out: u64,
    crowded: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Participant {
    address: SocketAddr,
    is_client: bool,
    is_guess: bool,
}

/// One arrow or note.
#[derive(Clone, Debug)]
pub(super) struct Step {
    client: usize,
    server: usize,
    kind: Kind,
    text: Vec<u8>,
}

/// What a step is drawn as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// An arrow in a direction.
    Frame(Direction),
    /// An arrow that ends in a cross.
    Abort(Direction),
    /// A note over both sides.
    Note,
}

impl Recording {
    /// Keeps a step; `text` is escaped for mermaid.
    pub(super) fn push(&mut self, flow: &Flow<'_>, kind: Kind, text: Vec<u8>, limits: &Limits) {
        let is_guess = flow.guess().is_some();
        let client = Participant { address: flow.facts.client, is_client: true, is_guess };
        let server = Participant { address: flow.facts.server, is_client: false, is_guess };
        let (client, server) = (self.participant(client, limits), self.participant(server, limits));
        let (Some(client), Some(server)) = (client, server) else {
            self.crowded = true;
            self.left_out = self.left_out.saturating_add(1);
            return;
        };
        let step = Step { client, server, kind, text };
        let last = (limits.arrows / 4).max(1);
        if self.head.len() < limits.arrows.saturating_sub(last) {
            return self.head.push(step);
        }
        if self.tail.len() >= last {
            self.tail.pop_front();
            self.left_out = self.left_out.saturating_add(1);
        }
        self.tail.push_back(step);
    }

    /// Whether nothing was left out.
    pub(super) const fn is_whole(&self) -> bool {
        self.left_out == 0 && !self.crowded
    }

    /// Whether there is anything to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// Forgets everything; buffers stay.
    pub(super) fn clear(&mut self) {
        self.participants.clear();
        self.head.clear();
        self.tail.clear();
        (self.left_out, self.crowded) = (0, false);
    }

    /// Appends the diagram in its fenced block.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"```mermaid\nsequenceDiagram\n");
        for (number, participant) in self.participants.iter().enumerate() {
            out.extend_from_slice(b"    participant ");
            name(number, out);
            out.extend_from_slice(if participant.is_client { b" as client " } else { b" as server " });
            out.extend_from_slice(participant.address.to_string().as_bytes());
            out.extend_from_slice(if participant.is_guess { b" (a guess)" } else { b"" });
            out.push(b'\n');
        }
        for step in &self.head {
            step.write(out);
        }
        if let (Some(first), true) = (self.tail.front(), self.left_out > 0) {
            let mut text = Vec::new();
            write::counted_as(&mut text, self.left_out, "step is", "steps are");
            text.extend_from_slice(b" left out here");
            Step { kind: Kind::Note, text, ..first.clone() }.write(out);
        }
        for step in &self.tail {
            step.write(out);
        }
        out.extend_from_slice(b"```\n");
    }

    /// Octets of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        let steps = self.head.iter().chain(&self.tail);
        steps.fold(0, |sum, step| sum.saturating_add(size_of::<Step>()).saturating_add(step.text.capacity()))
    }

    fn participant(&mut self, wanted: Participant, limits: &Limits) -> Option<usize> {
        if let Some(at) = self.participants.iter().position(|participant| *participant == wanted) {
            return Some(at);
        }
        if self.participants.len() >= limits.participants {
            return None;
        }
        self.participants.push(wanted);
        Some(self.participants.len().saturating_sub(1))
    }
}

impl Step {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"    ");
        let (from, to) = match self.kind {
            Kind::Note => {
                out.extend_from_slice(b"note over ");
                name(self.client, out);
                out.push(b',');
                name(self.server, out);
                out.extend_from_slice(b": ");
                out.extend_from_slice(&self.text);
                return out.push(b'\n');
            }
            Kind::Frame(Direction::ToServer) | Kind::Abort(Direction::ToServer) => (self.client, self.server),
            Kind::Frame(Direction::ToClient) | Kind::Abort(Direction::ToClient) => (self.server, self.client),
        };
        name(from, out);
        out.extend_from_slice(match self.kind {
            Kind::Frame(Direction::ToServer) => b"->>",
            Kind::Frame(Direction::ToClient) => b"-->>",
            _ => b"-x",
        });
        name(to, out);
        out.extend_from_slice(b": ");
        out.extend_from_slice(&self.text);
        out.push(b'\n');
    }
}

fn name(number: usize, out: &mut Vec<u8>) {
    out.push(b'p');
    write::integer(out, u64::try_from(number).unwrap_or(u64::MAX));
}
