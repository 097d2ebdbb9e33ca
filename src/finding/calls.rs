//! Rules about calls and their messages (PROTOCOL-HTTP2).

use super::connection::Connection;
use super::report::{About, Quoted, Report};
use super::rules;
use crate::direction::Direction;
use crate::event::MessageEvent;
use crate::grpc::call::{Call, Outcome};
use crate::grpc::content_type::{ContentType, Protocol};

impl Connection {
    /// A message that is marked as compressed has ended.
    pub(super) fn message<'e>(&mut self, message: &'e MessageEvent<'e>, report: &mut Report<'e, '_, '_>) {
        let MessageEvent { call, direction, message, .. } = *message;
        let named = call.encoding(direction).is_some_and(|name| name != b"identity");
        if named || call.protocol != Some(Protocol::Grpc) || !is_known(call) {
            return;
        }
        self.about(call, direction, report);
        let earlier = self.latest.filter(|latest| latest.at == message.end);
        let (side, index) = (direction.sender(), message.index);
        let what = if direction == Direction::ToServer { "request" } else { "response" };
        let named = if call.encoding(direction).is_some() { "says identity" } else { "is not there" };
        let summary = format_args!("the {side} marks {what} {index} as compressed, but its grpc-encoding {named}");
        report.tell_with(&rules::COMPRESSED_WITHOUT_ENCODING, earlier.as_slice(), summary);
    }

    /// A call has ended, and not with a status.
    pub(super) fn call<'e>(&mut self, call: &'e Call, report: &mut Report<'e, '_, '_>) {
        let answers_grpc =
            call.content_type(Direction::ToClient).is_some_and(|value| ContentType::parse(value).is_grpc());
        // What a proxy answers in HTTP's own terms has no gRPC status.
        if !answers_grpc || call.protocol != Some(Protocol::Grpc) || call.http_status != Some(200) || !is_known(call) {
            return;
        }
        self.about(call, Direction::ToClient, report);
        let earlier = self.latest.filter(|latest| call.end == Some(latest.at));
        match call.unreadable_status() {
            Some(value) => {
                let summary =
                    format_args!("the server ends the call with grpc-status {}, which is no number", Quoted(value));
                report.tell_with(&rules::INVALID_STATUS, earlier.as_slice(), summary);
            }
            None => {
                let summary = format_args!("the server ends stream {} without grpc-status", call.stream);
                report.tell_with(&rules::NO_STATUS, earlier.as_slice(), summary);
            }
        }
    }

    fn about<'e>(&self, call: &'e Call, direction: Direction, report: &mut Report<'e, '_, '_>) {
        report.about = About { direction: Some(direction), call: Some(call) };
        report.uncertain = self.in_doubt();
    }
}

/// Whether a call has a status, or ended in another way than with its response.
pub(super) fn has_status(call: &Call) -> bool {
    call.status.is_some() || call.outcome != Some(Outcome::Completed)
}

/// Whether everything that the call's header blocks said is known.
const fn is_known(call: &Call) -> bool {
    call.is_complete() && !call.end_lost && call.metadata_left_out() == 0
}
