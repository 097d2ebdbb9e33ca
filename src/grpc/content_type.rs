//! `content-type` of a call: which gRPC protocol, and which codec the messages use
//! (PROTOCOL-HTTP2.md, Content-Type; PROTOCOL-WEB.md; connectrpc.com/docs/protocol).
//!
//! Other protocols are named where the type alone tells, never claimed as gRPC.

use std::fmt;

/// A `content-type` value taken apart; media types compare without regard to case (RFC 9110 §8.3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ContentType<'a> {
    /// What frames the messages in the body.
    pub protocol: Protocol,
    /// What encodes each message.
    pub codec: Codec<'a>,
}

impl<'a> ContentType<'a> {
    /// Reads a value; parameters (`;charset=utf-8`) are passed over. Total: what is not recognised
    /// is [`Protocol::Other`].
    pub fn parse(value: &'a [u8]) -> Self {
        // What nearly every peer sends.
        if value == b"application/grpc" {
            return Self { protocol: Protocol::Grpc, codec: Codec(None) };
        }
        let media = value.split(|&octet| octet == b';').next().unwrap_or_default().trim_ascii();
        if let Some((protocol, codec)) =
            FRAMED.iter().find_map(|&(name, protocol)| Some((protocol, codec_after(media, name)?)))
        {
            return Self { protocol, codec };
        }
        let unary = media.eq_ignore_ascii_case(b"application/proto");
        let protocol = if unary { Protocol::ConnectUnary } else { Protocol::Other };
        let codec = Codec(unary.then_some(b"proto".as_slice()));
        Self { protocol, codec }
    }

    /// Whether the body holds gRPC's length-prefixed messages, in HTTP/2 or in one of the web forms.
    pub fn is_grpc(self) -> bool {
        matches!(self.protocol, Protocol::Grpc | Protocol::GrpcWeb | Protocol::GrpcWebText)
    }
}

/// What frames the messages of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// `application/grpc`
    Grpc,
    /// `application/grpc-web`: trailers are the last message of the body.
    GrpcWeb,
    /// `application/grpc-web-text`: the same, in base64.
    GrpcWebText,
    /// `application/connect+...`: a Connect stream, which is not gRPC.
    Connect,
    /// `application/proto`: a unary Connect call; the body is the bare message.
    ConnectUnary,
    /// Anything else. `application/json` stands here: too many others use it.
    Other,
}

impl Protocol {
    /// A short name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "gRPC",
            Self::GrpcWeb => "gRPC-Web",
            Self::GrpcWebText => "gRPC-Web text",
            Self::Connect => "Connect",
            Self::ConnectUnary => "Connect unary",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What encodes the messages: the part after `+`, as it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Codec<'a>(Option<&'a [u8]>);

impl<'a> Codec<'a> {
    /// The name as written, `None` when the type has no `+...`.
    pub fn named(self) -> Option<&'a [u8]> {
        self.0
    }

    /// Whether the messages are JSON.
    pub fn is_json(self) -> bool {
        self.0.is_some_and(|name| name.eq_ignore_ascii_case(b"json"))
    }

    /// Whether the messages are protobuf: named so, or, as servers take it, not named at all.
    pub fn is_proto(self) -> bool {
        self.0.is_none_or(|name| name.eq_ignore_ascii_case(b"proto"))
    }
}

/// The name as written; `proto` when there is none.
impl fmt::Display for Codec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "{}", name.escape_ascii()),
            None => f.write_str("proto"),
        }
    }
}

/// Media types that a codec may follow.
const FRAMED: [(&[u8], Protocol); 5] = [
    (b"application/grpc", Protocol::Grpc),
    (b"application/grpc-web", Protocol::GrpcWeb),
    (b"application/grpc-web-text", Protocol::GrpcWebText),
    (b"application/grpc-web-text-base64", Protocol::GrpcWebText),
    (b"application/connect", Protocol::Connect),
];

/// The codec, if `media` is `name` alone or followed by `+codec`.
fn codec_after<'a>(media: &'a [u8], name: &[u8]) -> Option<Codec<'a>> {
    let (head, rest) = media.split_at_checked(name.len())?;
    if !head.eq_ignore_ascii_case(name) {
        return None;
    }
    match rest {
        [] => Some(Codec(None)),
        [b'+', codec @ ..] => Some(Codec(Some(codec))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(value: &str) -> String {
        let parsed = ContentType::parse(value.as_bytes());
        format!("{} {}", parsed.protocol, parsed.codec)
    }

    #[test]
    fn every_form_of_the_type_is_recognised() {
        for (value, expected) in [
            ("application/grpc", "gRPC proto"),
            ("application/grpc+proto", "gRPC proto"),
            ("application/grpc+json", "gRPC json"),
            ("application/grpc;charset=utf-8", "gRPC proto"),
            ("application/grpc+proto; charset=utf-8", "gRPC proto"),
            ("APPLICATION/gRPC+Thrift", "gRPC Thrift"),
            ("application/grpc-web", "gRPC-Web proto"),
            ("application/grpc-web+proto ; x=y", "gRPC-Web proto"),
            ("application/grpc-web-text", "gRPC-Web text proto"),
            ("application/grpc-web-text+proto", "gRPC-Web text proto"),
            ("application/grpc-web-text-base64", "gRPC-Web text proto"),
        ] {
            assert_eq!(shown(value), expected, "{value}");
            assert!(ContentType::parse(value.as_bytes()).is_grpc(), "{value}");
        }
    }

    #[test]
    fn other_protocols_are_named_but_not_taken_for_grpc() {
        for (value, expected) in [
            ("application/connect+proto", "Connect proto"),
            ("application/connect+json", "Connect json"),
            ("application/proto", "Connect unary proto"),
            ("application/json", "other proto"),
            ("text/html; charset=utf-8", "other proto"),
            ("application/grpcish", "other proto"),
            ("application/grpc-webtext", "other proto"),
            ("", "other proto"),
        ] {
            assert_eq!(shown(value), expected, "{value}");
            assert!(!ContentType::parse(value.as_bytes()).is_grpc(), "{value}");
        }
    }

    #[test]
    fn an_unnamed_codec_is_protobuf() {
        assert!(ContentType::parse(b"application/grpc").codec.is_proto());
        assert!(ContentType::parse(b"application/grpc+PROTO").codec.is_proto());
        assert!(!ContentType::parse(b"application/grpc+json").codec.is_proto());
        assert_eq!(ContentType::parse(b"application/grpc").codec.named(), None);
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_panic(value: Vec<u8>) {
            let parsed = ContentType::parse(&value);
            let _ = (parsed.codec.to_string(), parsed.is_grpc());
        }
    }
}
