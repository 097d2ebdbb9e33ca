//! What a client makes of what happened on its connection: header lists, messages, and the ends of calls.

use super::{Client, Ending, Event, Ticket, Unprocessed};
use crate::endpoint::compression::Packing;
use crate::endpoint::connection;
use crate::endpoint::fields::Fields;
use crate::grpc::content_type::ContentType;
use crate::grpc::status::Status;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::StreamId;
use crate::time::Timestamp;

impl Client {
    /// Follows what happened on the connection.
    pub(super) fn follow(&mut self, now: Timestamp) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                connection::Event::Headers { stream, fields, end } => {
                    if let Some(ticket) = self.by_stream.get(&stream).copied() {
                        self.headers(ticket, &fields, end);
                    }
                }
                connection::Event::Data { stream, octets, end } => {
                    if let Some(ticket) = self.by_stream.get(&stream).copied() {
                        self.data(ticket, &octets, end);
                    }
                }
                connection::Event::Reset { stream, code, by_peer } => {
                    if let Some(ticket) = self.by_stream.get(&stream).copied() {
                        self.end(ticket, reset(code, by_peer));
                    }
                }
                connection::Event::GoAway { last, code } => {
                    let dropped = self.by_stream.range(StreamId(last.0.saturating_add(1))..).map(|(_, ticket)| *ticket);
                    for ticket in dropped.collect::<Vec<_>>() {
                        let words = format!("the server goes away and did not process the call: {code}");
                        self.end(ticket, Ending::own(Status::UNAVAILABLE, words).unprocessed(Unprocessed::Refused));
                    }
                }
                connection::Event::Closed { .. } => {
                    let words = self.connection.why_closed().unwrap_or_default();
                    for ticket in self.calls.keys().copied().collect::<Vec<_>>() {
                        let is_sent = self.calls.get(&ticket).is_some_and(|call| call.stream.is_some());
                        let unprocessed = if is_sent { Unprocessed::No } else { Unprocessed::NeverSent };
                        self.end(ticket, Ending::own(Status::UNAVAILABLE, words).unprocessed(unprocessed));
                    }
                }
            }
        }
        self.open_waiting(now);
    }

    fn headers(&mut self, ticket: Ticket, fields: &Fields, end: bool) {
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        let is_first = !std::mem::replace(&mut call.begun, true);
        if is_first && let Some(ending) = not_grpc(fields) {
            return self.end(ticket, ending);
        }
        if end {
            return self.end_with(ticket, Ending::of(fields), ErrorCode::NO_ERROR);
        }
        call.inbox.set_packing(Packing::of(fields));
        self.events.push(ticket, Event::Begun { ticket, metadata: fields.metadata() });
    }

    fn data(&mut self, ticket: Ticket, octets: &[u8], end: bool) {
        let Some(call) = self.calls.get_mut(&ticket) else { return };
        match self.events.collect(ticket, &mut call.inbox, octets) {
            Ok(ahead) => call.stream.into_iter().for_each(|stream| self.connection.give_back(stream, ahead)),
            Err((status, words)) => return self.end(ticket, Ending::own(status, words)),
        }
        if end {
            self.end(ticket, Ending::own(Status::INTERNAL, "the server ended the stream without a status"));
        }
    }
}

/// How a call ends whose stream was reset.
fn reset(code: ErrorCode, by_server: bool) -> Ending {
    if !by_server {
        return Ending::own(Status::INTERNAL, format!("the client reset the stream: {code}"));
    }
    let status = Status::from_reset(code.0).unwrap_or(Status::UNKNOWN);
    let refused = code == ErrorCode::REFUSED_STREAM;
    let unprocessed = if refused { Unprocessed::Refused } else { Unprocessed::No };
    Ending::own(status, format!("the server reset the stream: {code}")).unprocessed(unprocessed)
}

/// How a call ends whose response is not gRPC's.
fn not_grpc(fields: &Fields) -> Option<Ending> {
    let http_status = fields.http_status().unwrap_or(0);
    let is_grpc = fields.value(b"content-type").is_some_and(|value| ContentType::parse(value).is_grpc());
    if http_status != 200 {
        return Some(Ending::own(Status::from_http(http_status), format!("HTTP status {http_status}")));
    }
    (!is_grpc).then(|| Ending::own(Status::UNKNOWN, "the response is not gRPC"))
}
