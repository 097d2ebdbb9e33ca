//! What a header block tells of the stream it stands on: whether it is gRPC, and which block of an exchange it is.

use super::content_type::ContentType;
use crate::http2::connection::Block;
use crate::http2::hpack::StaticName;

/// What the first header block says about a stream.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Nature {
    Grpc,
    Plain,
    Unknown,
}

#[inline(always)]
pub(super) fn nature(block: &Block<'_>) -> Nature {
    let mut unknown = !block.complete;
    for field in block.fields.fields() {
        if field.static_name() == StaticName::CONTENT_TYPE
            && let Some(value) = field.value()
        {
            return if ContentType::parse(value).is_grpc() { Nature::Grpc } else { Nature::Plain };
        }
        // gRPC requests are always POST.
        if field.static_name() == StaticName::METHOD && field.value().is_some_and(|method| method != b"POST") {
            return Nature::Plain;
        }
        // No name of the static table is gRPC's own.
        if field.static_name() == StaticName::NONE && field.name().is_some_and(|name| name == b"grpc-status") {
            return Nature::Grpc;
        }
        unknown |= !field.is_known();
    }
    // An interim response (1xx) says nothing of what is to come.
    if unknown || is_interim(block) { Nature::Unknown } else { Nature::Plain }
}

pub(super) fn lacks_path(block: &Block<'_>) -> bool {
    !block
        .fields
        .fields()
        .any(|field| matches!(field.static_name(), StaticName::PATH | StaticName::METHOD | StaticName::SCHEME))
}

pub(super) fn has_status(block: &Block<'_>) -> bool {
    block.fields.fields().any(|field| field.name().is_some_and(|name| name == b"grpc-status"))
}

/// Whether the block is the one a response begins with: trailers have no `:status`.
pub(super) fn is_response(block: &Block<'_>) -> bool {
    block.fields.fields().any(|field| field.static_name() == StaticName::STATUS)
}

#[cold]
fn is_interim(block: &Block<'_>) -> bool {
    block
        .fields
        .fields()
        .any(|field| field.static_name() == StaticName::STATUS && matches!(field.value(), Some([b'1', _, _])))
}
