//! What a server makes of what happened on its connection: calls that begin, their messages, and clients that give up.

use super::{Call, Event, Server};
use crate::endpoint::compression::{self, Packing, accepts_gzip};
use crate::endpoint::connection;
use crate::endpoint::fields::Fields;
use crate::endpoint::inbox::{Inbox, Refusal};
use crate::grpc::content_type::ContentType;
use crate::grpc::status::Status;
use crate::grpc::timeout::Timeout;
use crate::http2::frame::StreamId;
use crate::time::Timestamp;

impl Server {
    /// Follows what happened on the connection.
    pub(super) fn follow(&mut self, now: Timestamp) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                connection::Event::Headers { stream, fields, end } => {
                    if fields.value(b":method").is_some() && self.connection.is_sending(stream) {
                        self.accept(now, stream, &fields);
                    }
                    self.finished(stream, end);
                }
                connection::Event::Data { stream, octets, end } => {
                    self.data(stream, &octets);
                    self.finished(stream, end);
                }
                connection::Event::Reset { stream, .. } => self.cancelled(stream),
                // The client ends the connection when its calls have ended.
                connection::Event::GoAway { .. } => {}
                connection::Event::Closed { .. } => {
                    let all: Vec<StreamId> = self.calls.keys().copied().collect();
                    for stream in all {
                        self.cancelled(stream);
                    }
                }
            }
        }
    }

    fn accept(&mut self, now: Timestamp, stream: StreamId, fields: &Fields) {
        let refuse = |http_status: &str| {
            let mut fields = Fields::default();
            fields.push(":status", http_status);
            fields
        };
        if fields.value(b":method") != Some(b"POST") {
            return self.connection.send_headers(stream, refuse("405"), true);
        }
        if !fields.value(b"content-type").is_some_and(|value| ContentType::parse(value).is_grpc()) {
            return self.connection.send_headers(stream, refuse("415"), true);
        }
        let path = String::from_utf8_lossy(fields.value(b":path").unwrap_or_default()).into_owned();
        let packing = Packing::of(fields);
        let inbox = Inbox::new(packing, self.connection.config.bounds.message);
        self.calls.insert(stream, Call { accepts_gzip: accepts_gzip(fields), ..Call::new(inbox) });
        let deadline = match fields.value(b"grpc-timeout").map(Timeout::parse) {
            Some(Ok(timeout)) => Some(now.saturating_add_nanos(timeout.nanos().try_into().unwrap_or(i64::MAX))),
            Some(Err(fault)) => return self.end(stream, Status::INTERNAL, &fault.to_string(), Fields::default()),
            None => None,
        };
        if packing == Packing::Unknown {
            let encoding = fields.value(b"grpc-encoding").unwrap_or_default().escape_ascii().to_string();
            let mut accepted = Fields::default();
            accepted.push("grpc-accept-encoding", compression::ACCEPTED);
            return self.end(stream, Status::UNIMPLEMENTED, &format!("unknown grpc-encoding {encoding}"), accepted);
        }
        let mut metadata = fields.metadata();
        match self.chain.begin(now, stream, &path, &mut metadata, deadline) {
            Err(outcome) => self.end_with(stream, outcome),
            Ok(deadline) => {
                self.deadlines.insert(stream, deadline);
                self.calls.get_mut(&stream).into_iter().for_each(|call| call.deadline = deadline);
                self.events.push(stream, Event::Call { stream, path, metadata });
            }
        }
    }

    fn data(&mut self, stream: StreamId, octets: &[u8]) {
        let Some(call) = self.calls.get_mut(&stream) else {
            // The answer is already given: the octets are of no use, but they must not hold the client up.
            return self.connection.give_back(stream, octets.len());
        };
        match self.events.collect(stream, &mut call.inbox, octets) {
            Ok(ahead) => self.connection.give_back(stream, ahead),
            Err(refusal) => self.refuse(stream, refusal),
        }
    }

    /// Ends the call because of what the client sent.
    pub(super) fn refuse(&mut self, stream: StreamId, (status, words): Refusal) {
        if self.calls.contains_key(&stream) {
            self.end(stream, status, words, Fields::default());
            self.events.push(stream, Event::Cancelled { stream });
        }
    }

    fn finished(&mut self, stream: StreamId, end: bool) {
        if !end {
            return;
        }
        if self.calls.get(&stream).is_some_and(|call| call.inbox.pending() > 0) {
            self.refuse(stream, (Status::INTERNAL, "the client ended the stream inside a message"));
        } else if self.calls.contains_key(&stream) {
            self.events.push(stream, Event::Finished { stream });
        }
    }

    fn cancelled(&mut self, stream: StreamId) {
        if self.forget(stream).is_some() {
            self.chain.cancelled(self.connection.now(), stream);
            self.events.push(stream, Event::Cancelled { stream });
        }
    }
}
