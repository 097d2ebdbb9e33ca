//! The content of DATA, read as the content type of its call says.

use super::Shared;
use crate::direction::Direction;
use crate::grpc::call::Call;
use crate::grpc::content_type::Protocol;
use crate::grpc::message::{Progress, Queue};
use crate::grpc::web::{TRAILERS_FLAG, TextDecoder, trailers};
use crate::http2::connection::Hole;
use crate::limits::Limits;
use crate::span::{Arrival, Piece};

/// Reads the content of DATA as the call's content type says.
#[expect(clippy::too_many_arguments, reason = "a run of octets, where it stands, and what it is read with")]
pub(super) fn read_body(
    call: &mut Call,
    direction: Direction,
    data: &[u8],
    holes: &[Hole],
    pieces: &[Piece],
    at: Arrival,
    limits: &Limits,
    shared: &mut Shared,
) -> Progress {
    let Shared { queue, decoded, .. } = shared;
    if call.protocol != Some(Protocol::GrpcWebText) {
        let progress = call.bodies[direction].data(data, holes, pieces, at, limits, queue);
        if call.protocol == Some(Protocol::GrpcWeb) {
            web_trailers(call, direction, data, limits, queue);
        }
        return progress;
    }
    let decoder = call.web_text[direction].get_or_insert_with(TextDecoder::default);
    let readable = holes.is_empty() && decoder.push(data, decoded).is_ok();
    if !readable {
        call.damaged |= !holes.is_empty();
        call.bodies[direction].lose(at, queue);
        call.bodies[direction].is_not_messages();
        return Progress { lost: true, ..Progress::default() };
    }
    // The text has no octet of its own for each decoded one: a message is shown with the packets of its frame.
    let text = std::mem::take(decoded);
    let progress = call.bodies[direction].data(&text, &[], pieces, at, limits, queue);
    web_trailers(call, direction, &text, limits, queue);
    *decoded = text;
    progress
}

/// Takes the status out of the trailers that gRPC-Web sends as the last "message" of the response.
fn web_trailers(call: &mut Call, direction: Direction, data: &[u8], limits: &Limits, queue: &Queue) {
    if direction != Direction::ToClient {
        return;
    }
    for done in queue.done().iter().filter(|done| done.flag & TRAILERS_FLAG != 0) {
        for trailer in trailers(queue.octets(done, data)).flatten() {
            let name: Vec<u8> = trailer.name.lower().collect();
            call.take_web_trailer(&name, trailer.value, limits.call_metadata);
        }
    }
}
