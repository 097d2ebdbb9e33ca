//! How a call that waits is given a stream: its header list, and what was to be sent before there was one.

use super::{Client, Ending, Request, Unprocessed};
use crate::endpoint::compression::{self, Compression};
use crate::endpoint::fields::Fields;
use crate::grpc::status::Status;
use crate::grpc::timeout::Timeout;
use crate::time::Timestamp;

impl Client {
    /// Opens streams for the calls that wait, as many as the server takes.
    pub(super) fn open_waiting(&mut self, now: Timestamp) {
        while let Some(ticket) = self.waiting.front().copied() {
            let Some(call) = self.calls.get(&ticket) else {
                self.waiting.pop_front();
                continue;
            };
            if self.connection.is_closing() {
                self.end(
                    ticket,
                    Ending::own(Status::UNAVAILABLE, "the connection takes no more calls")
                        .unprocessed(Unprocessed::NeverSent),
                );
                continue;
            }
            if !self.connection.can_open() {
                return;
            }
            let left = call.deadline.map(|deadline| u64::try_from(deadline.nanos_since(now)).unwrap_or(0));
            let fields = self.header_list(&call.request, left);
            if !self.connection.takes_list(&fields) {
                let words = "the call's header list is larger than the server takes";
                self.end(ticket, Ending::own(Status::INTERNAL, words));
                continue;
            }
            let Some(call) = self.calls.get_mut(&ticket) else { return };
            let Some(stream) = self.connection.open(&fields) else { return };
            self.waiting.pop_front();
            call.stream = Some(stream);
            self.by_stream.insert(stream, ticket);
            let (messages, last) = std::mem::take(&mut call.early);
            let count = messages.len();
            for (n, message) in messages.into_iter().enumerate() {
                self.connection.send_data(stream, message, last && n.saturating_add(1) == count);
            }
            if last && count == 0 {
                self.connection.send_data(stream, Vec::new(), true);
            }
        }
    }

    /// The request's header list, in the order of grpc-go.
    fn header_list(&self, request: &Request, left: Option<u64>) -> Fields {
        let mut fields = Fields::default();
        fields
            .push(":method", "POST")
            .push(":scheme", "http")
            .push(":path", request.path.as_str())
            .push(":authority", self.authority.as_str());
        fields
            .push("content-type", "application/grpc")
            .push("user-agent", self.user_agent.as_str())
            .push("te", "trailers");
        if request.compression == Compression::Gzip {
            fields.push("grpc-encoding", "gzip");
        }
        if request.compression == Compression::Gzip || self.connection.config.announce_gzip {
            fields.push("grpc-accept-encoding", compression::ACCEPTED);
        }
        if let Some(left) = left {
            fields.push("grpc-timeout", Timeout::from_nanos(left).to_value());
        }
        fields.0.extend(request.metadata.0.iter().cloned());
        fields
    }
}
