//! Custom metadata among the header fields of a call, and the octets in `-bin` values
//! (PROTOCOL-HTTP2.md, Custom-Metadata).
//!
//! Whether a name or value was allowed is not decided here.

use super::base64::{self, Base64Fault};

/// Whom a header field speaks to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `:path`, `:status` and their like (RFC 9113 §8.3).
    Pseudo,
    /// HTTP's own business: `content-length`, `accept-encoding`, `host` and the connection-specific
    /// fields of RFC 9113 §8.2.2.
    Http,
    /// Defines the call or its outcome: `content-type`, `te`, `user-agent`, `grpc-timeout`,
    /// `grpc-encoding`, `grpc-status` and the like.
    Call,
    /// Any other name beginning with `grpc-`, which gRPC keeps for itself (`grpc-trace-bin`).
    Reserved,
    /// The application's, as text.
    User,
    /// The application's, as octets: the name ends in `-bin`.
    UserBinary,
}

impl Kind {
    /// Whether the field belongs in a list of metadata: everything the call itself does not
    /// consume. Reserved names do, so that none is lost.
    pub fn is_metadata(self) -> bool {
        matches!(self, Self::Reserved | Self::User | Self::UserBinary)
    }
}

/// Classifies a field by its name, which HTTP/2 keeps in lower case.
///
/// `date`, `server` and other fields that proxies and HTTP libraries add count as the
/// application's, because clients hand them over as such.
pub fn kind(name: &[u8]) -> Kind {
    match name {
        [b':', ..] => Kind::Pseudo,
        [b'g', b'r', b'p', b'c', b'-', rest @ ..] => match rest {
            b"timeout"
            | b"encoding"
            | b"accept-encoding"
            | b"message-type"
            | b"status"
            | b"message"
            | b"status-details-bin" => Kind::Call,
            _ => Kind::Reserved,
        },
        b"te" | b"content-type" | b"user-agent" => Kind::Call,
        b"content-length" | b"accept-encoding" | b"host" | b"connection" | b"keep-alive" | b"proxy-connection"
        | b"transfer-encoding" | b"upgrade" => Kind::Http,
        _ if is_binary(name) => Kind::UserBinary,
        _ => Kind::User,
    }
}

/// Whether the values under this name are octets rather than text.
pub fn is_binary(name: &[u8]) -> bool {
    name.ends_with(b"-bin")
}

/// The values in one `-bin` header: senders may join several with commas. Never empty: an empty
/// header is one empty value.
///
/// A header that begins with a zero octet is one raw value: peers that both sent SETTINGS
/// 0xfe03 (GRPC_ALLOW_TRUE_BINARY_METADATA) skip base64.
pub fn binary_values(value: &[u8]) -> BinaryValues<'_> {
    match value {
        [0, raw @ ..] => BinaryValues { at: 1, rest: Some(raw), form: BinaryForm::Raw },
        _ => BinaryValues { at: 0, rest: Some(value), form: BinaryForm::Base64 },
    }
}

/// Iterator over the values of one `-bin` header.
#[derive(Clone, Debug)]
pub struct BinaryValues<'a> {
    at: usize,
    rest: Option<&'a [u8]>,
    form: BinaryForm,
}

impl<'a> Iterator for BinaryValues<'a> {
    type Item = BinaryValue<'a>;

    fn next(&mut self) -> Option<BinaryValue<'a>> {
        let rest = self.rest.take()?;
        if self.form == BinaryForm::Raw {
            return Some(BinaryValue { form: self.form, encoded: rest, at: self.at });
        }
        let comma = rest.iter().position(|&octet| octet == b',');
        let (piece, after) = match comma.and_then(|at| rest.split_at_checked(at)) {
            Some((piece, after)) => (piece, after.get(1..)),
            None => (rest, None),
        };
        let indent = piece.len().saturating_sub(piece.trim_ascii_start().len());
        let at = self.at.saturating_add(indent);
        self.at = self.at.saturating_add(piece.len()).saturating_add(1);
        self.rest = after;
        Some(BinaryValue { form: self.form, encoded: piece.trim_ascii(), at })
    }
}

/// One binary value as it stood on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BinaryValue<'a> {
    /// How the octets are written.
    pub form: BinaryForm,
    /// The octets as written: without the comma and the space around it, or the leading zero.
    pub encoded: &'a [u8],
    /// Offset of `encoded` in the header value.
    pub at: usize,
}

impl BinaryValue<'_> {
    /// Appends the octets meant to `out`.
    ///
    /// # Errors
    /// [`Base64Fault`] with the offset in `encoded`; what was decoded before it stays in `out`.
    pub fn decode_into(&self, out: &mut Vec<u8>) -> Result<(), Base64Fault> {
        match self.form {
            BinaryForm::Base64 => base64::decode_into(self.encoded, out),
            BinaryForm::Raw => {
                out.extend_from_slice(self.encoded);
                Ok(())
            }
        }
    }
}

/// How a binary value is written in the header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BinaryForm {
    /// Base64, padded or not.
    Base64,
    /// The octets themselves, after a zero octet.
    Raw,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(value: &[u8]) -> Vec<Vec<u8>> {
        binary_values(value)
            .map(|value| {
                let mut out = Vec::new();
                value.decode_into(&mut out).unwrap();
                out
            })
            .collect()
    }

    #[test]
    fn every_field_of_a_real_call_goes_where_it_belongs() {
        for (name, expected) in [
            (":path", Kind::Pseudo),
            ("te", Kind::Call),
            ("content-type", Kind::Call),
            ("user-agent", Kind::Call),
            ("grpc-accept-encoding", Kind::Call),
            ("grpc-status-details-bin", Kind::Call),
            ("grpc-trace-bin", Kind::Reserved),
            ("grpc-previous-rpc-attempts", Kind::Reserved),
            ("accept-encoding", Kind::Http),
            ("content-length", Kind::Http),
            ("authorization", Kind::User),
            ("grpcx", Kind::User),
            ("x-blob-bin", Kind::UserBinary),
            ("-bin", Kind::UserBinary),
            ("bin", Kind::User),
            ("", Kind::User),
        ] {
            assert_eq!(kind(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn reserved_names_without_a_place_of_their_own_stay_in_the_metadata() {
        assert!(kind(b"grpc-tags-bin").is_metadata());
        assert!(!kind(b"grpc-message").is_metadata());
        assert!(!kind(b"host").is_metadata());
    }

    #[test]
    fn joined_values_come_apart_padded_or_not() {
        assert_eq!(decoded(b"Zg==,Zm8, Zm9v"), [b"f".to_vec(), b"fo".to_vec(), b"foo".to_vec()]);
        assert_eq!(decoded(b""), [Vec::<u8>::new()]);
        assert_eq!(decoded(b"AA,"), [vec![0], vec![]]);
    }

    #[test]
    fn a_leading_zero_means_raw_octets_commas_included() {
        assert_eq!(decoded(b"\0a,b\0\xff"), [b"a,b\0\xff".to_vec()]);
        assert_eq!(decoded(b"\0"), [Vec::<u8>::new()]);
        assert_eq!(binary_values(b"\0xy").next().unwrap().at, 1);
    }

    #[test]
    fn each_value_knows_its_place_in_the_header() {
        let value = b"Zg==, Zm8 ,AA";
        for piece in binary_values(value) {
            assert!(value[piece.at..].starts_with(piece.encoded));
        }
        let places: Vec<_> = binary_values(value).map(|piece| piece.at).collect();
        assert_eq!(places, [0, 6, 11]);
    }

    proptest! {
        #[test]
        fn lists_of_values_survive_the_way_through_a_header(values in prop::collection::vec(any::<Vec<u8>>(), 1..5)) {
            let mut header = Vec::new();
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    header.push(b',');
                }
                base64::encode_into(value, &mut header);
            }
            prop_assert_eq!(decoded(&header), values);
        }

        #[test]
        fn any_value_is_taken_apart_without_panic(name: Vec<u8>, value: Vec<u8>) {
            let _ = kind(&name);
            for piece in binary_values(&value) {
                prop_assert!(value[piece.at.min(value.len())..].starts_with(piece.encoded));
                let _ = piece.decode_into(&mut Vec::new());
            }
        }
    }
}
