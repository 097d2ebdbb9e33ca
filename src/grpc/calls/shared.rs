//! What all connections share of the calls: their numbers, the messages at hand, and what all of them together hold.

use crate::grpc::call::{Call, CallId};
use crate::grpc::message::Queue;
use crate::http2::frame::StreamId;
use crate::span::{Arrival, Piece};

/// What all connections share.
#[derive(Debug, Default)]
pub struct Shared {
    /// The number of the next call.
    pub next_call: u64,
    /// Messages that ended in the frame at hand.
    pub queue: Queue,
    /// Calls that have begun and not ended.
    pub(super) open: usize,
    /// Octets of metadata they hold.
    pub(super) metadata: usize,
    /// Content of a gRPC-Web text body, decoded.
    pub(super) decoded: Vec<u8>,
    #[expect(clippy::vec_box, reason = "boxes go back and forth between here and the maps")]
    pool: Vec<Box<Call>>,
    pub(super) scratch: Vec<Piece>,
}

impl Shared {
    /// The octets the messages in the queue refer to: the decoded text of gRPC-Web, or else `data` itself.
    #[must_use]
    pub fn data<'a>(&'a self, data: &'a [u8]) -> &'a [u8] {
        if self.decoded.is_empty() { data } else { &self.decoded }
    }

    /// Gives back a call that has ended.
    pub fn recycle(&mut self, mut call: Box<Call>) {
        call.drop_open(&mut self.queue);
        self.open = self.open.saturating_sub(1);
        self.metadata = self.metadata.saturating_sub(call.charged);
        if self.pool.len() < 256 {
            call.reset();
            self.pool.push(call);
        }
    }

    /// Forgets what the frame before left.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.decoded.clear();
    }

    /// Counts what a call has come to hold.
    pub(super) fn charge(&mut self, call: &mut Call) {
        let holds = call.text_octets();
        self.metadata = self.metadata.saturating_sub(call.charged).saturating_add(holds);
        call.charged = holds;
    }

    pub(super) fn begin(&mut self, stream: StreamId, at: Arrival) -> Box<Call> {
        self.open = self.open.saturating_add(1);
        let mut call = self.pool.pop().unwrap_or_default();
        call.id = CallId(self.next_call);
        self.next_call = self.next_call.saturating_add(1);
        (call.stream, call.start) = (stream, at);
        call
    }
}
