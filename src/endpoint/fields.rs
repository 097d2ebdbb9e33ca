//! Header lists: what HTTP/2 demands of them (RFC 9113 §8.2, §8.3), and what gRPC reads in them.

use crate::grpc::metadata;

/// A name and a value.
pub type Field = (Vec<u8>, Vec<u8>);

/// A header list in the order of the wire.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fields(pub Vec<Field>);

/// A `content-length` that says no number, or more than one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unclear;

/// Which header list it is: they differ in the pseudo-header fields they must have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The request's.
    Request,
    /// The response's first.
    Response,
    /// What ends a request or a response.
    Trailers,
}

impl Fields {
    /// Appends a field.
    pub fn push(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The fields that are the application's own metadata.
    #[must_use]
    pub fn metadata(&self) -> Self {
        Self(self.0.iter().filter(|(name, _)| metadata::kind(name).is_metadata()).cloned().collect())
    }

    /// Its size by the measure of SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §6.5.2).
    #[must_use]
    pub fn list_octets(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, (name, value)| {
            let octets = name.len().saturating_add(value.len()).saturating_add(32);
            sum.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX))
        })
    }

    /// What `content-length` says, if there is one.
    ///
    /// # Errors
    ///
    /// When it says no number, or more than one.
    pub fn content_length(&self) -> Result<Option<u64>, Unclear> {
        let mut lengths = self.0.iter().filter(|(name, _)| name == b"content-length").map(|(_, value)| value);
        let Some(first) = lengths.next() else { return Ok(None) };
        let digits = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
        if !digits || lengths.any(|other| other != first) {
            return Err(Unclear);
        }
        std::str::from_utf8(first).ok().and_then(|text| text.parse().ok()).map(Some).ok_or(Unclear)
    }

    /// The memory held, in octets.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let fields = self.0.capacity().saturating_mul(std::mem::size_of::<Field>());
        self.0
            .iter()
            .fold(fields, |sum, (name, value)| sum.saturating_add(name.capacity()).saturating_add(value.capacity()))
    }

    /// Whether the list is well-formed (§8.1.1); one that is not ends its stream with PROTOCOL_ERROR.
    #[must_use]
    pub fn is_well_formed(&self, kind: Kind) -> bool {
        let pseudo = self.0.iter().take_while(|(name, _)| name.starts_with(b":")).count();
        let (pseudo, regular) = self.0.split_at_checked(pseudo).unwrap_or((&self.0, &[]));
        let is_connect = self.value(b":method") == Some(b"CONNECT");
        let (required, optional): (&[&[u8]], &[&[u8]]) = match kind {
            Kind::Request if is_connect => (&[b":method", b":authority"], &[]),
            Kind::Request => (&[b":method", b":scheme", b":path"], &[b":authority"]),
            Kind::Response => (&[b":status"], &[]),
            Kind::Trailers => (&[], &[]),
        };
        let count = |name: &[u8]| pseudo.iter().filter(|(known, _)| known == name).count();
        pseudo.iter().all(|(name, _)| {
            (required.contains(&name.as_slice()) || optional.contains(&name.as_slice())) && count(name) == 1
        }) && required.iter().all(|name| count(name) == 1)
            && regular.iter().all(|(name, value)| is_regular(name, value))
            && self.0.iter().all(|(_, value)| is_value(value))
            && (kind != Kind::Request || is_connect || (self.has_path() && self.names_one_host()))
            && self.content_length().is_ok()
    }

    /// `:path` begins with a slash; an OPTIONS request may ask about the server itself (§8.3.1).
    fn has_path(&self) -> bool {
        match self.value(b":path") {
            Some([b'/', ..]) => true,
            Some(b"*") => self.value(b":method") == Some(b"OPTIONS"),
            _ => false,
        }
    }

    /// `host` says nothing else than `:authority` (§8.3.1), or than another `host`.
    fn names_one_host(&self) -> bool {
        let mut hosts =
            self.0.iter().filter(|(name, _)| name == b":authority" || name == b"host").map(|(_, value)| value);
        let first = hosts.next();
        hosts.all(|other| first.is_some_and(|first| first.eq_ignore_ascii_case(other)))
    }

    /// The three digits of `:status`.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        let value = self.value(b":status").filter(|value| value.len() == 3)?;
        std::str::from_utf8(value).ok()?.parse().ok()
    }
}

/// A field name in lower case that does not speak of one connection (§8.2.1, §8.2.2).
fn is_regular(name: &[u8], value: &[u8]) -> bool {
    const OF_THE_CONNECTION: [&[u8]; 5] =
        [b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"];
    let allowed = |octet: &u8| matches!(octet, 0x21..=0x39 | 0x3b..=0x40 | 0x5b..=0x7e);
    !name.is_empty()
        && name.iter().all(allowed)
        && !OF_THE_CONNECTION.contains(&name)
        && (name != b"te" || value == b"trailers")
}

/// No NUL, CR or LF, and no white space around it (§8.2.1).
fn is_value(value: &[u8]) -> bool {
    let is_space = |octet: Option<&u8>| matches!(octet, Some(b' ' | b'\t'));
    !value.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')) && !is_space(value.first()) && !is_space(value.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str)]) -> Fields {
        Fields(fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect())
    }

    const REQUEST: [(&str, &str); 3] = [(":method", "POST"), (":scheme", "http"), (":path", "/s/m")];

    #[test]
    fn a_request_names_a_path_and_one_host() {
        let request = |method: &str, path: &str, more: &[(&str, &str)]| {
            let whole = [&[(":method", method), (":scheme", "http"), (":path", path)], more].concat();
            list(&whole).is_well_formed(Kind::Request)
        };
        assert!(!request("POST", "", &[]));
        assert!(!request("POST", "s/m", &[]));
        assert!(!request("POST", "*", &[]));
        assert!(request("OPTIONS", "*", &[]));
        assert!(request("POST", "/s/m", &[(":authority", "a:1"), ("host", "A:1")]));
        assert!(request("POST", "/s/m", &[("host", "a")]));
        assert!(!request("POST", "/s/m", &[(":authority", "a:1"), ("host", "b:1")]));
        assert!(!request("POST", "/s/m", &[("host", "a"), ("host", "b")]));
        let connect = [(":method", "CONNECT"), (":authority", "a:1")];
        assert!(list(&connect).is_well_formed(Kind::Request));
        assert!(!list(&[&connect[..], &[(":path", "/")]].concat()).is_well_formed(Kind::Request));
    }

    #[test]
    fn content_length_is_one_number() {
        let length = |values: &[&str]| {
            list(&values.iter().map(|value| ("content-length", *value)).collect::<Vec<_>>()).content_length()
        };
        assert_eq!(length(&[]), Ok(None));
        assert_eq!(length(&["12", "12"]), Ok(Some(12)));
        for wrong in [&["12", "13"][..], &["+1"], &[""], &["99999999999999999999"]] {
            assert_eq!(length(wrong), Err(Unclear), "{wrong:?}");
        }
    }

    #[test]
    fn a_request_has_each_pseudo_header_once_and_first() {
        assert!(list(&REQUEST).is_well_formed(Kind::Request));
        assert!(!list(&REQUEST[1..]).is_well_formed(Kind::Request));
        assert!(!list(&[&REQUEST[..], &REQUEST[..1]].concat()).is_well_formed(Kind::Request));
        assert!(!list(&[&[("te", "trailers")], &REQUEST[..]].concat()).is_well_formed(Kind::Request));
        assert!(!list(&[&REQUEST[..], &[(":status", "200")]].concat()).is_well_formed(Kind::Request));
    }

    #[test]
    fn names_in_capitals_and_fields_of_the_connection_are_malformed() {
        for field in [("Upper", "x"), ("connection", "close"), ("te", "gzip"), ("", "x"), ("a", "b\n"), ("a", " b")] {
            assert!(!list(&[field]).is_well_formed(Kind::Trailers), "{field:?}");
        }
        assert!(list(&[("te", "trailers"), ("a", ""), ("x-y-bin", "AAE")]).is_well_formed(Kind::Trailers));
    }
}
