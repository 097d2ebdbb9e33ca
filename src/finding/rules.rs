//! The closed catalogue of rules: what each asks for, where it is from, and how bad it is to break it.
//!
//! What a standard forbids is an error, what strains the other side a warning, what helps to understand a note.

use crate::event::Severity::{Error, Note, Warning};
use crate::event::{Rule, Severity};

const fn rule(slug: &'static str, severity: Severity, reference: &'static str, about: &'static str) -> Rule {
    Rule { slug, severity, reference, about }
}

macro_rules! catalogue {
    ($($name:ident = $slug:literal, $severity:ident, $reference:literal, $about:literal;)*) => {
        $(pub(super) static $name: Rule = rule($slug, $severity, $reference, $about);)*

        /// Every rule, in the order of their slugs.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

catalogue! {
    COMPRESSED_WITHOUT_ENCODING = "grpc/compressed-without-encoding", Error, "PROTOCOL-HTTP2 §Compressed-Flag",
        "a message is marked as compressed only where grpc-encoding names how";
    INVALID_STATUS = "grpc/invalid-status", Error, "PROTOCOL-HTTP2 §Status",
        "grpc-status is a decimal number";
    INVALID_TIMEOUT = "grpc/invalid-timeout", Error, "PROTOCOL-HTTP2 §Timeout",
        "grpc-timeout is one to eight digits and a unit of H, M, S, m, u, n";
    MESSAGE_CUT = "grpc/message-cut", Error, "PROTOCOL-HTTP2 §Length-Prefixed-Message",
        "a stream does not end inside a message";
    NO_STATUS = "grpc/no-status", Error, "PROTOCOL-HTTP2 §Responses",
        "a response ends with trailers that carry grpc-status";
    NO_TE_TRAILERS = "grpc/no-te-trailers", Note, "PROTOCOL-HTTP2 §Requests",
        "a request carries te: trailers, by which proxies that drop trailers are found out";
    SEVERAL_STATUSES = "grpc/several-statuses", Error, "PROTOCOL-HTTP2 §Responses",
        "a response has one grpc-status";
    TOO_MANY_PINGS = "grpc/too-many-pings", Note, "gRFC A8",
        "a client sends PINGs no more often than the server allows";
    CLIENT_PUSH = "http2/client-push", Error, "RFC 9113 §8.4",
        "a client sends no PUSH_PROMISE";
    CLOSED_STREAM = "http2/closed-stream", Error, "RFC 9113 §5.1",
        "a side sends no DATA and no HEADERS on a stream that it has ended";
    CONNECTION_HEADER = "http2/connection-header", Error, "RFC 9113 §8.2.2",
        "no field is specific to a connection, and te says nothing but trailers";
    CONTENT_LENGTH = "http2/content-length", Error, "RFC 9113 §8.1.1",
        "the content is as long as content-length says";
    CONTINUATION = "http2/continuation-out-of-place", Error, "RFC 9113 §6.10",
        "CONTINUATION follows a header block of its stream that has not ended";
    DATA_OUT_OF_PLACE = "http2/data-out-of-place", Error, "RFC 9113 §8.1",
        "DATA stands between the header block that begins a message and its trailers";
    FIELD_NAME = "http2/field-name", Error, "RFC 9113 §8.2.1",
        "names of fields are in lower case";
    FRAME_TOO_LARGE = "http2/frame-too-large", Error, "RFC 9113 §4.2",
        "no payload is larger than the SETTINGS_MAX_FRAME_SIZE of its receiver";
    HEADER_BLOCK_INTERRUPTED = "http2/header-block-interrupted", Error, "RFC 9113 §4.3",
        "the frames of a header block follow each other without another frame of their direction between them";
    IDLE_STREAM = "http2/idle-stream", Error, "RFC 9113 §5.1",
        "the first frame of a stream, but for PRIORITY, is HEADERS or the PUSH_PROMISE that reserves it";
    NEW_STREAM_AFTER_GOAWAY = "http2/new-stream-after-goaway", Error, "RFC 9113 §6.8",
        "whoever has received GOAWAY opens no more streams on the connection";
    OFF_STREAM_0 = "http2/not-on-stream-0", Error, "RFC 9113 §6",
        "frames about the connection stand on stream 0";
    ON_STREAM_0 = "http2/on-stream-0", Error, "RFC 9113 §6",
        "frames of streams do not stand on stream 0";
    PING_ACK_UNASKED = "http2/ping-ack-unasked", Warning, "RFC 9113 §6.7",
        "PING with ACK answers a PING with the same octets";
    PREFACE = "http2/preface", Error, "RFC 9113 §3.4",
        "the first frame of a side is SETTINGS";
    PSEUDO_HEADER = "http2/pseudo-header", Error, "RFC 9113 §8.3",
        "pseudo-header fields come first, once each, those that belong there and no others";
    PUSH_DISABLED = "http2/push-disabled", Error, "RFC 9113 §6.5.2",
        "a server sends no PUSH_PROMISE after it has acknowledged SETTINGS_ENABLE_PUSH 0";
    RAPID_RESET = "http2/rapid-reset", Warning, "RFC 9113 §10.5",
        "a client does not open and reset streams by the hundred before they are answered (CVE-2023-44487)";
    SETTINGS_ACK_UNASKED = "http2/settings-ack-unasked", Warning, "RFC 9113 §6.5.3",
        "SETTINGS with ACK answers SETTINGS";
    SETTINGS_UNANSWERED = "http2/settings-unanswered", Warning, "RFC 9113 §6.5.3",
        "SETTINGS are acknowledged as soon as possible";
    SETTINGS_VALUE = "http2/settings-value", Error, "RFC 9113 §6.5.2",
        "values of settings are within their ranges";
    STREAM_ID = "http2/stream-id", Error, "RFC 9113 §5.1.1",
        "clients open odd streams and servers even ones, each higher than those before";
    TOO_MANY_STREAMS = "http2/too-many-streams", Error, "RFC 9113 §5.1.2",
        "no more streams are open than the SETTINGS_MAX_CONCURRENT_STREAMS of the other side allows";
    TRAILERS_WITHOUT_END = "http2/trailers-without-end", Error, "RFC 9113 §8.1",
        "trailers end the stream";
    WINDOW_EXCEEDED = "http2/window-exceeded", Error, "RFC 9113 §6.9.1",
        "DATA is within the windows of its stream and of the connection";
    WINDOW_OVERFLOW = "http2/window-overflow", Error, "RFC 9113 §6.9.1",
        "a window is not larger than 2^31-1";
    ZERO_WINDOW_UPDATE = "http2/zero-window-update", Error, "RFC 9113 §6.9",
        "WINDOW_UPDATE grants at least one octet";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_in_order_and_none_stands_twice() {
        assert!(ALL.windows(2).all(|pair| pair[0].slug < pair[1].slug));
    }
}
