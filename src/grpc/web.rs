//! What gRPC-Web does to a body: base64 text, and trailers as the last message (PROTOCOL-WEB.md).
//!
//! Message boundaries are found elsewhere, by the same code as for gRPC over HTTP/2.

use super::base64::{Base64Fault, Group};
use std::fmt;

/// Set in the flags octet of the message that holds the trailers; 0x01 beside it means compressed.
pub const TRAILERS_FLAG: u8 = 0x80;

/// Turns the base64 text of an `application/grpc-web-text` body into octets, chunk by chunk.
///
/// Senders encode and flush pieces on their own, so padding may stand anywhere between groups;
/// line ends between digits are passed over.
#[derive(Clone, Debug, Default)]
pub struct TextDecoder {
    group: Group,
    at: usize,
    fault: Option<Base64Fault>,
}

impl TextDecoder {
    /// Appends the octets that `chunk`, the next piece of the body, completes to `out`.
    ///
    /// # Errors
    /// [`Base64Fault`] with the offset in the body. It stays: after it every call returns the same
    /// and appends nothing, because no place to begin again can be known.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Base64Fault> {
        self.fault.map_or(Ok(()), Err)?;
        out.reserve(chunk.len().div_euclid(4).saturating_mul(3));
        for &octet in chunk {
            if !matches!(octet, b'\r' | b'\n') {
                let pushed = self.group.push(octet, self.at, out);
                self.fault = pushed.err();
                pushed?;
            }
            self.at = self.at.saturating_add(1);
        }
        Ok(())
    }

    /// Ends the body: a last group without padding gives its octets.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`Base64Fault::Truncated`] when a group is unfinished.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Base64Fault> {
        self.fault.map_or(Ok(()), Err)?;
        let result = self.group.finish(self.at, out);
        self.fault = result.err();
        result
    }
}

/// The lines of a trailers message: `name: value` each, like an HTTP/1 header block.
///
/// Read tolerantly: a bare LF ends a line, the space after the colon may be missing, the last line
/// may be unfinished, empty lines are passed over.
pub fn trailers(payload: &[u8]) -> Trailers<'_> {
    Trailers { rest: payload, at: 0 }
}

/// Iterator over the trailers in a payload.
#[derive(Clone, Debug)]
pub struct Trailers<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Trailers<'a> {
    type Item = Result<Trailer<'a>, BadLine<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&octet| octet == b'\n');
            let length = end.map_or(self.rest.len(), |end| end.saturating_add(1));
            let (whole, rest) = self.rest.split_at_checked(length)?;
            let at = self.at;
            self.rest = rest;
            self.at = at.saturating_add(length);
            let line = whole.strip_suffix(b"\n").unwrap_or(whole);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            return Some(Trailer::parse(line, at).ok_or(BadLine { line, at }));
        }
        None
    }
}

/// One line of the trailers message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trailer<'a> {
    /// What stands before the colon.
    pub name: Name<'a>,
    /// What stands after it, without white space at either end.
    pub value: &'a [u8],
    /// Offset of the line in the payload.
    pub at: usize,
}

impl<'a> Trailer<'a> {
    fn parse(line: &'a [u8], at: usize) -> Option<Self> {
        let colon = line.iter().position(|&octet| octet == b':')?;
        let (name, rest) = line.split_at_checked(colon)?;
        let name = Name(name.trim_ascii());
        (!name.0.is_empty()).then_some(Self { name, value: rest.get(1..)?.trim_ascii(), at })
    }
}

/// The name of a trailer: as written, seen in lower case.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The name as it stood on the wire.
    pub fn as_written(self) -> &'a [u8] {
        self.0
    }

    /// The name in lower case, as HTTP/2 would have it.
    pub fn lower(self) -> impl Iterator<Item = u8> + 'a {
        self.0.iter().map(u8::to_ascii_lowercase)
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Name<'_> {}

impl PartialEq<&str> for Name<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0.eq_ignore_ascii_case(other.as_bytes())
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lower().try_for_each(|octet| write!(f, "{}", octet.escape_ascii()))
    }
}

/// A line of the trailers message without a colon, or without a name before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {:?} at octet {at} of the trailers has no name", line.escape_ascii().to_string())]
pub struct BadLine<'a> {
    /// The line, without its end.
    pub line: &'a [u8],
    /// Offset of the line in the payload.
    pub at: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::base64;
    use proptest::prelude::*;

    #[test]
    fn pieces_encoded_on_their_own_join_to_one_body() {
        let mut out = Vec::new();
        let mut decoder = TextDecoder::default();
        decoder.push(b"AAAAAAA=gAAA", &mut out).unwrap();
        decoder.push(b"AA=", &mut out).unwrap();
        decoder.push(b"=\r\nZg", &mut out).unwrap();
        decoder.finish(&mut out).unwrap();
        assert_eq!(out, b"\0\0\0\0\0\x80\0\0\0f");
    }

    #[test]
    fn a_fault_in_the_text_stays_and_knows_its_place() {
        let mut out = Vec::new();
        let mut decoder = TextDecoder::default();
        decoder.push(b"Zm9v", &mut out).unwrap();
        let fault = Err(Base64Fault::NotInAlphabet { at: 6, octet: b'<' });
        assert_eq!(decoder.push(b"Zm<h1>", &mut out), fault);
        assert_eq!(decoder.push(b"Zm9v", &mut out), fault);
        assert_eq!(decoder.finish(&mut out), fault);
        assert_eq!(out, b"foo");
    }

    #[test]
    fn trailers_are_read_as_different_servers_write_them() {
        let payload = b"grpc-status:0\r\nGrpc-Message: not \xff here \r\n\nx-a: b:c\nlast:";
        let lines: Vec<_> =
            trailers(payload).map(|line| line.map(|line| (line.name.to_string(), line.value)).unwrap()).collect();
        let expected: [(String, &[u8]); 4] = [
            ("grpc-status".into(), b"0"),
            ("grpc-message".into(), b"not \xff here"),
            ("x-a".into(), b"b:c"),
            ("last".into(), b""),
        ];
        assert_eq!(lines, expected);
        assert!(trailers(payload).nth(1).unwrap().unwrap().name == "grpc-message");
    }

    #[test]
    fn a_line_without_a_name_is_reported_and_the_next_one_read() {
        let lines: Vec<_> = trailers(b"garbage\r\n: 5\ngrpc-status: 3\r\n").collect();
        assert_eq!(lines[0], Err(BadLine { line: b"garbage", at: 0 }));
        assert_eq!(lines[1], Err(BadLine { line: b": 5", at: 9 }));
        assert_eq!(lines[2].unwrap().value, b"3");
        assert_eq!(lines.len(), 3);
    }

    proptest! {
        #[test]
        fn any_cut_of_the_text_gives_the_same_octets(
            pieces in prop::collection::vec(any::<Vec<u8>>(), 0..6),
            step in 1_usize..7,
        ) {
            let mut text = Vec::new();
            pieces.iter().for_each(|piece| base64::encode_into(piece, &mut text));
            let (mut decoder, mut out) = (TextDecoder::default(), Vec::new());
            for chunk in text.chunks(step) {
                decoder.push(chunk, &mut out).unwrap();
            }
            decoder.finish(&mut out).unwrap();
            prop_assert_eq!(out, pieces.concat());
        }

        #[test]
        fn any_payload_is_read_to_its_end_without_panic(payload in "[a:\r\n ]{0,40}", body: Vec<u8>) {
            for line in trailers(payload.as_bytes()) {
                let at = line.map_or_else(|bad| bad.at, |line| line.at);
                prop_assert!(at < payload.len());
            }
            prop_assert!(trailers(&body).count() <= body.len());
            let _ = TextDecoder::default().push(&body, &mut Vec::new());
        }
    }
}
