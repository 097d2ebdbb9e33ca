//! The escapes of `grpc-message` (PROTOCOL-HTTP2.md, Percent-Encoded).
//!
//! The result is octets: whether they are UTF-8 is for whoever shows them to find out.

use std::borrow::Cow;

/// Decodes `value`, borrowed when nothing is escaped; broken escapes stay as they are.
pub fn decode(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'%') {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    decode_into(value, &mut out);
    Cow::Owned(out)
}

/// Appends the decoded `value` to `out` and returns how many `%` were kept as they are because no
/// two hexadecimal digits follow. Lower-case digits are accepted although the protocol writes
/// upper-case ones. Never appends more octets than `value` has.
pub fn decode_into(value: &[u8], out: &mut Vec<u8>) -> usize {
    let mut kept = 0_usize;
    let mut rest = value;
    while let Some(at) = rest.iter().position(|&octet| octet == b'%') {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        match escape {
            [_, high, low, after @ ..] if from_hex(*high, *low).is_some() => {
                out.extend(from_hex(*high, *low));
                rest = after;
            }
            [percent, after @ ..] => {
                out.push(*percent);
                kept = kept.saturating_add(1);
                rest = after;
            }
            [] => rest = escape,
        }
    }
    out.extend_from_slice(rest);
    kept
}

/// Appends `text` to `out`, escaping what may not stand in the header: everything but space,
/// visible ASCII, and `%` itself.
pub fn encode_into(text: &[u8], out: &mut Vec<u8>) {
    for &octet in text {
        match octet {
            b'%' | ..=0x1f | 0x7f.. => {
                out.extend([b'%', hex_digit(octet >> 4), hex_digit(octet & 0x0f)]);
            }
            _ => out.push(octet),
        }
    }
}

/// The octet that two hexadecimal digits stand for.
fn from_hex(high: u8, low: u8) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    u8::try_from((digit(high)? << 4) | digit(low)?).ok()
}

fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        ..=9 => nibble.wrapping_add(b'0'),
        _ => nibble.wrapping_sub(10).wrapping_add(b'A'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_message_of_a_real_call_reads_as_its_author_wrote_it() {
        // tonic_tonic, stream 3
        assert_eq!(&*decode(b"lost%20%E2%80%93%20100%"), "lost – 100%".as_bytes());
    }

    #[test]
    fn broken_escapes_stay_as_they_are_and_are_counted() {
        let mut out = Vec::new();
        assert_eq!(decode_into(b"%zz%4%%41%", &mut out), 4);
        assert_eq!(out, b"%zz%4%A%");
    }

    #[test]
    fn octets_that_are_no_text_survive() {
        assert_eq!(&*decode(b"%FF%00%c3"), b"\xff\x00\xc3");
    }

    #[test]
    fn a_plain_message_is_not_copied() {
        assert!(matches!(decode(b"not found"), Cow::Borrowed(b"not found")));
    }

    proptest! {
        #[test]
        fn what_is_escaped_decodes_to_itself(text: Vec<u8>) {
            let mut value = Vec::new();
            encode_into(&text, &mut value);
            prop_assert!(value.iter().all(|octet| (0x20..0x7f).contains(octet)));
            prop_assert_eq!(decode(&value).into_owned(), text);
        }

        #[test]
        fn any_value_decodes_to_no_more_than_itself(value in "[%0-9a-fA-Fz]{0,40}") {
            let mut out = Vec::new();
            let kept = decode_into(value.as_bytes(), &mut out);
            prop_assert!(out.len() <= value.len());
            prop_assert!(kept <= value.len());
        }
    }
}
