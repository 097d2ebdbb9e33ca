//! From `-H 'name: value'` to metadata.

use crate::command::{Failure, shown};
use crate::endpoint::fields::Fields;
use crate::grpc::base64;
use crate::grpc::metadata::{Kind, is_binary, kind};

/// The metadata, in the order given.
pub(super) fn read(headers: &[String]) -> Result<Fields, Failure> {
    let mut fields = Fields::default();
    for header in headers {
        let (name, value) =
            header.split_once(':').ok_or_else(|| wrong(header, "it is not NAME: VALUE, such as -H 'x-id: 7'"))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let is_name = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'z' | b'_' | b'-' | b'.');
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(wrong(header, "names have letters, digits, `_`, `-` and `.`"));
        }
        if !matches!(kind(name.as_bytes()), Kind::User | Kind::UserBinary) {
            return Err(wrong(header, "the name belongs to HTTP/2 or gRPC, which see to it themselves"));
        }
        if is_binary(name.as_bytes()) {
            if base64::decode_into(value.as_bytes(), &mut Vec::new()).is_err() {
                return Err(wrong(header, "the value of a name that ends in -bin is written in base64"));
            }
        } else if !value.bytes().all(|octet| matches!(octet, 0x20..=0x7e)) {
            return Err(wrong(
                header,
                "values are printable ASCII; other octets go in base64 under a name that ends in -bin",
            ));
        }
        fields.push(name, value);
    }
    Ok(fields)
}

fn wrong(header: &str, why: &str) -> Failure {
    // The value may be a secret.
    let name = header.split_once(':').map_or_else(|| "...".to_owned(), |(name, _)| format!("{}: ...", shown(name)));
    Failure::new(Failure::USAGE, format!("-H `{name}` cannot be sent: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_and_what_is_not_the_callers_is_refused() {
        let fields = read(&["X-Id: 7".into(), "trace-bin:AAE=".into(), "empty:".into()]).unwrap();
        assert_eq!(fields.value(b"x-id"), Some(&b"7"[..]));
        assert_eq!(fields.value(b"trace-bin"), Some(&b"AAE="[..]));
        assert_eq!(fields.value(b"empty"), Some(&b""[..]));
        for header in ["no colon", ": x", "a b: x", ":path: /", "grpc-timeout: 1S", "te: x", "x-bin: ***", "x: \u{e9}"]
        {
            assert!(read(&[header.to_owned()]).is_err(), "{header}");
        }
    }

    #[test]
    fn a_value_is_never_shown() {
        let why = read(&["authorization: caf\u{e9}".into()]).unwrap_err().message.unwrap_or_default();
        assert!(why.contains("authorization") && !why.contains("caf"), "{why}");
    }
}
