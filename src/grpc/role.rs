//! What a frame is to the call of its stream: the words that `annotate` and the views go by.

use super::call::CallId;
use super::message::Progress;
use super::status::Status;

/// What a frame is to its call.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Role {
    /// Nothing, or nothing that is known.
    #[default]
    None,
    /// The request's header block.
    RequestBegins,
    /// A header block of the request after its first: trailers, which gRPC does not use.
    RequestTrailers,
    /// A header block with a 1xx status before the response's.
    Interim,
    /// The response's header block.
    ResponseBegins,
    /// The header block that ends the response.
    Ends,
    /// The only header block of a response.
    TrailersOnly,
    /// DATA: what it does to the messages.
    Messages(Progress),
    /// DATA of a direction that carries no messages, of a gRPC call or of plain HTTP.
    Body,
    /// RST_STREAM of a call that had already ended, or that it ends.
    Reset {
        /// The response had ended before.
        after_end: bool,
        /// A GOAWAY had left the call out, and its client gives it up.
        left_out: bool,
    },
}

/// What a frame is to the call or the HTTP exchange of its stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Belongs {
    /// The call; `None` for plain HTTP and for the connection itself.
    pub call: Option<CallId>,
    /// What the frame is to it.
    pub role: Role,
    /// Nanoseconds since the call's first frame, when the frame ends it.
    pub duration: Option<i64>,
    /// The status a call ends with.
    pub status: Option<Status>,
    /// The HTTP status of a response.
    pub http_status: Option<u16>,
    /// Whether the exchange is known to be something else than gRPC.
    pub is_plain: bool,
    /// A flag octet met in this frame that no message may have: nothing after it can be read.
    pub bad_flag: Option<u8>,
}
