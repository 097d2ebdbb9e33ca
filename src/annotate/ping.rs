//! PING: whose probe its octets are known as, and how long its answer took (RFC 9113 §6.7).
//!
//! Who sent it is not said: others may send the same octets for the same purpose, as the endpoints of this program do.

use crate::http2::connection::{Answers, Facts, Frame};
use crate::write;

/// Payloads that implementations always use for one purpose.
const KNOWN: [([u8; 8], &[u8]); 8] = [
    ([0; 8], b"asks for an answer; nothing but zeros, as in keepalive of grpc-go or the first PING of gRPC's C core"),
    ([2, 4, 16, 16, 9, 14, 7, 7], b"bandwidth probe of grpc-go (BDP estimator)"),
    ([1, 6, 1, 8, 0, 3, 3, 9], b"graceful stop of grpc-go: its answer shows that the GOAWAY was read"),
    ([0, 0, 0, 0, 0, 0, 0x04, 0xd2], b"bandwidth probe of grpc-java (BDP estimator)"),
    ([0, 0, 0, 0, 0, 0, 0xde, 0xad], b"keepalive of grpc-java"),
    ([0, 0, 0, 0x09, 0x7a, 0xce, 0xf0, 0x01], b"graceful stop of grpc-java: its answer shows that the GOAWAY was read"),
    ([0x3b, 0x7c, 0xdb, 0x7a, 0x0b, 0x87, 0x16, 0xb4], b"keepalive or bandwidth probe of hyper (h2, tonic)"),
    (
        [0x0b, 0x7b, 0xa2, 0xf0, 0x8b, 0x9b, 0xfe, 0x54],
        b"graceful stop of h2: its answer shows that the GOAWAY was read",
    ),
];

pub(super) fn ping(frame: &Frame<'_>, opaque: [u8; 8], out: &mut Vec<u8>) {
    match frame.facts {
        Facts::Acknowledges(Answers::Sent(sent)) => {
            out.extend_from_slice(b"answers packet ");
            write::integer(out, sent.at.packet);
            super::since(b": ", frame.at.time.nanos_since(sent.at.time), out);
        }
        Facts::Acknowledges(Answers::OneOf) => out.extend_from_slice(b"answers one of several PINGs with its payload"),
        Facts::Acknowledges(Answers::NotSeen) => out.extend_from_slice(b"answers a PING that was not seen before"),
        _ => match KNOWN.iter().find(|(payload, _)| *payload == opaque) {
            Some((_, words)) => out.extend_from_slice(words),
            // The C core counts its PINGs, keepalive and bandwidth probes alike; the first has number 0.
            None if let [0, 0, 0, 0, 0, 0, rest @ ..] = opaque => {
                out.extend_from_slice(b"asks for an answer (keepalive, bandwidth probe or the like), number ");
                write::integer(out, u16::from_be_bytes(rest));
                out.extend_from_slice(b" as gRPC's C core counts");
            }
            None => {
                out.extend_from_slice(b"asks for an answer (keepalive, bandwidth probe or the like), payload ");
                write::hex(out, &opaque);
            }
        },
    }
}
