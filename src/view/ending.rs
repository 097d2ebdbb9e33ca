//! How a call ended, in the few words that views for people have room for.
//!
//! What the capture lost is nobody's error: a call of which a part is missing fails only where the wire says so.

use crate::grpc::call::{Call, Outcome};
use crate::grpc::status::Status;
use crate::write;

/// Whether a call succeeded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Its status is OK.
    Good,
    /// It has another status, none where there should be one, or was cut short by a peer or by the connection.
    Failed,
    /// Its end was not captured.
    Unknown,
}

/// Whether a call that was handed out at its end succeeded.
#[must_use]
pub fn verdict(call: &Call) -> Verdict {
    if !call.is_told {
        return Verdict::Unknown;
    }
    match (call.status, call.outcome) {
        (Some(Status::OK), _) => Verdict::Good,
        (Some(_), _) | (None, Some(Outcome::ResetByClient(_) | Outcome::ResetByServer(_) | Outcome::Refused)) => {
            Verdict::Failed
        }
        (None, _) if is_http_failure(call) => Verdict::Failed,
        (None, None | Some(Outcome::Open)) => Verdict::Unknown,
        (None, Some(Outcome::Completed | Outcome::ConnectionLost)) if call.is_complete() => Verdict::Failed,
        (None, Some(Outcome::Completed | Outcome::ConnectionLost)) => Verdict::Unknown,
    }
}

/// Appends the status by name, or where there is none the HTTP status or what ended the call: at most 19 octets for all that have names.
pub fn status(call: &Call, out: &mut Vec<u8>) {
    if let Some(status) = call.status {
        return match status.name() {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => {
                out.extend_from_slice(b"UNKNOWN(");
                write::integer(out, u64::from(status.0));
                out.push(b')');
            }
        };
    }
    match (call.outcome, call.http_status) {
        (_, Some(code)) if is_http_failure(call) => {
            out.extend_from_slice(b"HTTP ");
            write::integer(out, u64::from(code));
        }
        (Some(Outcome::Completed) | None, _) if call.is_complete() => out.extend_from_slice(b"no status"),
        (Some(Outcome::Completed) | None, _) => out.push(b'?'),
        (Some(outcome), _) => out.extend_from_slice(words(outcome).as_bytes()),
    }
}

/// Appends the status by name, or the HTTP status of a response that is no gRPC; `-` where the wire had none, `?` where it was not captured.
pub fn bare_status(call: &Call, out: &mut Vec<u8>) {
    let told = call.status.is_some() || is_http_failure(call) || call.outcome == Some(Outcome::Completed);
    if told {
        status(call, out);
    } else {
        out.push(b'-');
    }
}

/// Appends what status and outcome do not say: the error code of a reset, and octets that the capture lost. Each is preceded by `before`.
pub fn bare_remarks(call: &Call, before: &str, out: &mut Vec<u8>) {
    if let Some(Outcome::ResetByClient(code) | Outcome::ResetByServer(code)) = call.outcome {
        out.extend_from_slice(before.as_bytes());
        error_code(code, out);
    }
    several(call, before, out);
    untold(call, before, out);
    for (_, words) in doubts(call).into_iter().filter(|(doubt, _)| *doubt) {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(words.as_bytes());
    }
}

/// Appends what `status` does not say: the error code of a reset, an end that came before the response was complete, and octets that the
/// capture lost. Each is preceded by `before`; nothing for a call that completed.
pub fn remarks(call: &Call, before: &str, out: &mut Vec<u8>) {
    if let Some(outcome) = call.outcome.filter(|outcome| *outcome != Outcome::Completed) {
        let code = match outcome {
            Outcome::ResetByClient(code) | Outcome::ResetByServer(code) => Some(code),
            _ => None,
        };
        if call.status.is_some() || is_http_failure(call) {
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(words(outcome).as_bytes());
        }
        if let Some(code) = code {
            out.extend_from_slice(before.as_bytes());
            error_code(code, out);
        }
    }
    several(call, before, out);
    untold(call, before, out);
    for (_, words) in doubts(call).into_iter().filter(|(doubt, _)| *doubt) {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(words.as_bytes());
    }
}

/// Appends the outcome in full: what ended the call, the error code of a reset, whether part of the call was not captured.
pub fn outcome(call: &Call, out: &mut Vec<u8>) {
    let outcome = call.outcome.unwrap_or(Outcome::Open);
    out.extend_from_slice(words(outcome).as_bytes());
    if let Outcome::ResetByClient(code) | Outcome::ResetByServer(code) = outcome {
        out.extend_from_slice(b", ");
        error_code(code, out);
    }
    several(call, ", ", out);
    untold(call, ", ", out);
    for (_, words) in doubts(call).into_iter().filter(|(doubt, _)| *doubt) {
        out.extend_from_slice(b", ");
        out.extend_from_slice(words.as_bytes());
    }
}

/// Appends that nothing says that it is gRPC at all, where that is so.
fn untold(call: &Call, before: &str, out: &mut Vec<u8>) {
    if !call.is_told {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(b"perhaps not gRPC");
    }
}

/// Appends how often the response said its status, where that is more than once: the last is shown.
fn several(call: &Call, before: &str, out: &mut Vec<u8>) {
    if call.statuses > 1 {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(b"last of ");
        write::integer(out, call.statuses);
        out.extend_from_slice(b" statuses");
    }
}

/// What makes a call uncertain.
fn doubts(call: &Call) -> [(bool, &'static str); 2] {
    [(!call.is_complete(), "incomplete"), (call.sides_guessed, "sides guessed")]
}

/// Appends an error code by name.
pub fn error_code(code: crate::http2::error_code::ErrorCode, out: &mut Vec<u8>) {
    match code.name() {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => {
            out.extend_from_slice(b"UNKNOWN(0x");
            write::hex_number(out, u64::from(code.0), 1);
            out.push(b')');
        }
    }
}

/// The duration of a call of which both ends were captured.
#[must_use]
pub fn duration(call: &Call) -> Option<i64> {
    let ended = !matches!(call.outcome, None | Some(Outcome::Open));
    call.duration().filter(|_| call.begins && ended)
}

/// An outcome for people.
#[must_use]
pub const fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::ResetByClient(_) => "reset by client",
        Outcome::ResetByServer(_) => "reset by server",
        Outcome::ConnectionLost => "connection lost",
        Outcome::Refused => "refused",
        Outcome::Open => "open",
    }
}

fn is_http_failure(call: &Call) -> bool {
    call.http_status.is_some_and(|code| code >= 300)
}
