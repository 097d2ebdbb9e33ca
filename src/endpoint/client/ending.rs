//! How a call ends for its client: as the server says, or as the client finds out by itself (gRPC PROTOCOL-HTTP2, statuscodes).

use crate::endpoint::fields::Fields;
use crate::grpc::percent;
use crate::grpc::status::Status;

/// How a call ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ending {
    /// The status.
    pub status: Status,
    /// In words.
    pub message: String,
    /// The trailing metadata.
    pub trailers: Fields,
    /// Whether the server said so; else this client found out by itself.
    pub from_server: bool,
    /// Whether it is certain that no service has seen the call.
    pub unprocessed: Unprocessed,
}

/// Whether it is certain that no service has seen a call, so that it may be repeated without harm (gRFC A6).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unprocessed {
    /// It is not: the call may have been processed.
    #[default]
    No,
    /// The call never left this client.
    NeverSent,
    /// The server said so: REFUSED_STREAM, or a GOAWAY whose last stream is before the call's.
    Refused,
}

impl Ending {
    pub(in crate::endpoint) fn own(status: Status, message: impl Into<String>) -> Self {
        let (message, trailers) = (message.into(), Fields::default());
        Self { status, message, trailers, from_server: false, unprocessed: Unprocessed::No }
    }

    pub(super) fn unprocessed(self, unprocessed: Unprocessed) -> Self {
        Self { unprocessed, ..self }
    }

    /// What the trailers say.
    pub(super) fn of(fields: &Fields) -> Self {
        let message =
            fields.value(b"grpc-message").map(|value| String::from_utf8_lossy(&percent::decode(value)).into_owned());
        let status = fields.value(b"grpc-status").map(Status::parse);
        match status {
            Some(Ok(status)) => {
                let (message, mut trailers) = (message.unwrap_or_default(), fields.metadata());
                // To the application the details are metadata, as in grpc-go.
                if let Some(details) = fields.value(DETAILS) {
                    trailers.push(DETAILS, details);
                }
                Self { status, message, trailers, from_server: true, unprocessed: Unprocessed::No }
            }
            Some(Err(fault)) => Self::own(Status::UNKNOWN, fault.to_string()),
            None => Self::own(Status::UNKNOWN, "the server ended the call without grpc-status"),
        }
    }
}

/// `google.rpc.Status`, in base64.
const DETAILS: &[u8] = b"grpc-status-details-bin";
