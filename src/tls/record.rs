//! The record layer, header only (RFC 8446 §5.1): five octets before every fragment, and what they tell about a flow.
//!
//! Whether a record is *allowed* where it stands is not decided here.

use std::fmt;

use super::version::Version;

/// How sure the first octets make us that a flow is TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    /// These octets are not TLS.
    No,
    /// So far they could be: ask again with more.
    Perhaps,
    /// They are: a hello, or records that chain.
    Yes,
}

/// Whether `first_octets`, the first that were captured of one direction, are TLS.
///
/// `Yes` at the beginning of a connection for a ClientHello or ServerHello (also a ClientHello in SSLv2's form, RFC 5246
/// §E.2); in the middle of one, or for an alert in answer to a hello, for a record header that is followed exactly by
/// another, or by the end of the octets.
#[must_use]
pub fn looks_like_tls(first_octets: &[u8]) -> Look {
    let hello = match first_octets.first() {
        None => return Look::Perhaps,
        Some(0x80..) => return v2_hello(first_octets),
        Some(_) => prefix(first_octets, &HELLO),
    };
    match hello {
        Look::No => chain(first_octets),
        Look::Yes if RecordHeader::split(first_octets).is_none() => Look::No,
        look => look,
    }
}

/// A record header and the first octets of a hello: content type, version, length; message type, length, version.
const HELLO: [(u8, u8); 11] =
    [(22, 22), (3, 3), (0, 4), (0, 0x41), (0, 255), (1, 2), (0, 1), (0, 255), (0, 255), (3, 3), (0, 4)];

/// SSLv2's header, message type 1, version 3.x, and three lengths.
const V2_HELLO: [(u8, u8); 11] =
    [(0x80, 255), (0, 255), (1, 1), (3, 3), (0, 4), (0, 255), (0, 255), (0, 0), (0, 32), (0, 0), (16, 32)];

/// A record header in the middle of a connection.
const MIDDLE: [(u8, u8); 5] = [(20, 23), (3, 3), (1, 3), (0, 0x41), (0, 255)];

/// Compares octets with the least and greatest value of each place.
fn prefix(octets: &[u8], places: &[(u8, u8)]) -> Look {
    let mut pairs = octets.iter().zip(places);
    if !pairs.all(|(octet, (least, most))| (least..=most).contains(&octet)) {
        return Look::No;
    }
    match octets.len() < places.len() {
        true => Look::Perhaps,
        false => Look::Yes,
    }
}

fn v2_hello(octets: &[u8]) -> Look {
    let look = prefix(octets, &V2_HELLO);
    if look != Look::Yes {
        return look;
    }
    let &[a, b, _, _, _, c, d, _, session, _, challenge, ..] = octets else {
        return Look::Perhaps;
    };
    let ciphers = u32::from(u16::from_be_bytes([c, d]));
    let parts = [9, ciphers, u32::from(session), u32::from(challenge)];
    let length = u32::from(u16::from_be_bytes([a & 0x7f, b]));
    match ciphers > 0 && ciphers.is_multiple_of(3) && parts.iter().sum::<u32>() == length {
        true => Look::Yes,
        false => Look::No,
    }
}

/// Two headers that chain are enough, or one and the end of the octets: of random octets less than one in 2^37 pass.
fn chain(octets: &[u8]) -> Look {
    let mut rest = octets;
    for seen in 0..2 {
        if rest.is_empty() && seen > 0 {
            return Look::Yes;
        }
        match prefix(rest, &MIDDLE) {
            Look::Yes => {}
            look => return look,
        }
        let Some((header, body)) = RecordHeader::split(rest).filter(|(header, _)| header.length > 0) else {
            return Look::No;
        };
        match body.get(usize::from(header.length)..) {
            Some(next) => rest = next,
            None if seen == 0 => return Look::Perhaps,
            None => return Look::Yes,
        }
    }
    Look::Yes
}

/// The header of one record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordHeader {
    /// What the record carries, or [`ContentType::APPLICATION_DATA`] when TLS 1.3 hides that.
    pub content: ContentType,
    /// The version the record claims; frozen at TLS 1.2 since TLS 1.3.
    pub version: Version,
    /// Octets after the header, at most [`RecordHeader::MAX_LENGTH`].
    pub length: u16,
}

impl RecordHeader {
    /// The longest fragment: 2^14 octets of plaintext and 256 of expansion (RFC 8446 §5.2).
    pub const MAX_LENGTH: u16 = (1 << 14) + 256;

    /// Reads a header; `None` if no record of SSL 3.0 to TLS 1.3 begins so.
    #[must_use]
    pub fn parse(octets: [u8; 5]) -> Option<Self> {
        let [content, major, minor, high, low] = octets;
        let header = Self {
            content: ContentType(content),
            version: Version(u16::from_be_bytes([major, minor])),
            length: u16::from_be_bytes([high, low]),
        };
        let known = matches!(content, 20..=23) && header.version.is_legacy();
        (known && header.length <= Self::MAX_LENGTH).then_some(header)
    }

    fn split(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (header, body) = octets.split_first_chunk()?;
        Some((Self::parse(*header)?, body))
    }
}

/// What a record carries (RFC 8446 §5.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ContentType(pub u8);

impl ContentType {
    /// Keys change in this direction; without meaning in TLS 1.3.
    pub const CHANGE_CIPHER_SPEC: Self = Self(20);
    /// An alert.
    pub const ALERT: Self = Self(21);
    /// Handshake messages, or a part of one.
    pub const HANDSHAKE: Self = Self(22);
    /// Application data; in TLS 1.3 anything that is encrypted.
    pub const APPLICATION_DATA: Self = Self(23);

    /// The RFC's name, if it has one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            20 => "change_cipher_spec",
            21 => "alert",
            22 => "handshake",
            23 => "application_data",
            24 => "heartbeat",
            _ => return None,
        })
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "UNKNOWN({})", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http2_and_http1_are_not_tls() {
        assert_eq!(looks_like_tls(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Look::No);
        assert_eq!(looks_like_tls(b"GET / HTTP/1.1\r\n"), Look::No);
        assert_eq!(looks_like_tls(&[0, 0, 0, 4, 0, 0, 0, 0, 0]), Look::No);
    }

    #[test]
    fn too_few_octets_are_perhaps() {
        assert_eq!(looks_like_tls(&[]), Look::Perhaps);
        assert_eq!(looks_like_tls(&[0x16, 3, 1]), Look::Perhaps);
        assert_eq!(looks_like_tls(&[0x17, 3, 3, 0x01, 0, 7, 7]), Look::Perhaps);
    }

    #[test]
    fn the_middle_of_a_connection_is_recognised_by_records_that_chain() {
        let mut octets = vec![0x17, 3, 3, 0, 3, 1, 2, 3];
        assert_eq!(looks_like_tls(&octets), Look::Yes);
        octets.push(0x17);
        assert_eq!(looks_like_tls(&octets), Look::Perhaps);
        octets.extend([3, 3, 0x40, 0]);
        assert_eq!(looks_like_tls(&octets), Look::Yes);
        octets.truncate(8);
        octets.extend([0x17, 3, 9]);
        assert_eq!(looks_like_tls(&octets), Look::No);
    }

    #[test]
    fn a_record_longer_than_the_limit_is_not_tls() {
        assert_eq!(looks_like_tls(&[0x17, 3, 3, 0x41, 0x00]), Look::Perhaps);
        assert_eq!(looks_like_tls(&[0x17, 3, 3, 0x41, 0x01]), Look::No);
    }

    #[test]
    fn an_alert_in_answer_to_a_hello_is_tls() {
        assert_eq!(looks_like_tls(&[0x15, 3, 3, 0, 2, 2, 40]), Look::Yes);
    }

    #[test]
    fn a_hello_in_the_form_of_sslv2_is_tls() {
        let mut octets = vec![0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 0x2f];
        octets.extend([9; 16]);
        assert_eq!(looks_like_tls(&octets), Look::Yes);
        assert_eq!(looks_like_tls(&[0x80, 29, 1, 3, 1, 0, 3, 0, 0, 0, 16]), Look::No);
    }
}
