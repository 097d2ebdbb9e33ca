//! Base64 with the standard alphabet, padded or not (RFC 4648 §4), as `-bin` metadata and
//! gRPC-Web text bodies use it.
//!
//! Bits that the last group leaves over are not checked: senders differ, the octets do not.

/// Appends the octets that `text` stands for to `out`; the end may be padded or not.
///
/// # Errors
/// [`Base64Fault`] with the offset in `text`; what was decoded before it stays in `out`.
pub fn decode_into(text: &[u8], out: &mut Vec<u8>) -> Result<(), Base64Fault> {
    out.reserve(text.len().div_euclid(4).saturating_mul(3));
    let mut group = Group::default();
    let mut padded = false;
    for (at, &octet) in text.iter().enumerate() {
        if padded && group.is_empty() {
            return Err(Base64Fault::BadPadding { at });
        }
        padded |= octet == b'=';
        group.push(octet, at, out)?;
    }
    group.finish(text.len(), out)
}

/// Appends `octets` in base64 to `out`, padded.
pub fn encode_into(octets: &[u8], out: &mut Vec<u8>) {
    for chunk in octets.chunks(3) {
        let (bits, digits) = match *chunk {
            [a, b, c] => (u32::from_be_bytes([0, a, b, c]), 4),
            [a, b] => (u32::from_be_bytes([0, a, b, 0]), 3),
            [a] => (u32::from_be_bytes([0, a, 0, 0]), 2),
            _ => continue,
        };
        let group = [18, 12, 6, 0].map(|shift: u32| digit((bits >> shift) & 0x3f));
        out.extend(group.iter().take(digits));
        out.extend(b"==".iter().skip(digits.saturating_sub(2)));
    }
}

/// Why text is not base64.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Base64Fault {
    /// An octet that no base64 digit is.
    #[error("{:?} at octet {at} is not a base64 digit", char::from(*octet))]
    NotInAlphabet {
        /// Offset in the text.
        at: usize,
        /// The octet.
        octet: u8,
    },
    /// A `=` where none can stand, or something other than `=` where one must.
    #[error("base64 padding is wrong at octet {at}")]
    BadPadding {
        /// Offset in the text.
        at: usize,
    },
    /// The last group is one digit, which holds less than an octet, or its padding is unfinished.
    #[error("base64 ends inside a group, at octet {at}")]
    Truncated {
        /// Length of the text.
        at: usize,
    },
}

/// Up to four digits on their way to three octets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    /// Six bits a digit, the latest lowest.
    bits: u32,
    digits: u8,
    padding: u8,
}

impl Group {
    /// Whether the next digit begins a group.
    pub(super) fn is_empty(self) -> bool {
        self.digits == 0
    }

    /// Takes one octet of text, at offset `at`; appends to `out` when it completes the group.
    pub(super) fn push(&mut self, octet: u8, at: usize, out: &mut Vec<u8>) -> Result<(), Base64Fault> {
        if octet == b'=' {
            // Padding completes a group of two or three digits.
            if self.digits < 2 {
                return Err(Base64Fault::BadPadding { at });
            }
            self.padding = self.padding.saturating_add(1);
            if self.digits.saturating_add(self.padding) == 4 {
                self.flush(out);
            }
            return Ok(());
        }
        if self.padding > 0 {
            return Err(Base64Fault::BadPadding { at });
        }
        let value = DIGITS.get(usize::from(octet)).copied().unwrap_or(NONE);
        if value == NONE {
            return Err(Base64Fault::NotInAlphabet { at, octet });
        }
        self.bits = (self.bits << 6) | u32::from(value);
        self.digits = self.digits.saturating_add(1);
        if self.digits == 4 {
            self.flush(out);
        }
        Ok(())
    }

    /// Ends the text at offset `at`: an unpadded group gives its octets.
    pub(super) fn finish(&mut self, at: usize, out: &mut Vec<u8>) -> Result<(), Base64Fault> {
        let unfinished = self.digits == 1 || self.padding > 0;
        self.flush(out);
        if unfinished { Err(Base64Fault::Truncated { at }) } else { Ok(()) }
    }

    /// Appends the whole octets in the group, and begins the next one.
    fn flush(&mut self, out: &mut Vec<u8>) {
        let [_, a, b, c] = match self.digits {
            2 => self.bits << 12,
            3 => self.bits << 6,
            _ => self.bits,
        }
        .to_be_bytes();
        match self.digits {
            4 => out.extend_from_slice(&[a, b, c]),
            3 => out.extend_from_slice(&[a, b]),
            2 => out.push(a),
            _ => {}
        }
        *self = Self::default();
    }
}

const ALPHABET: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NONE: u8 = 0xff;

/// The value of each octet as a digit.
const DIGITS: [u8; 256] = digits();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated at compile time")]
const fn digits() -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut value = 0_u8;
    while value < 64 {
        table[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    table
}

fn digit(value: u32) -> u8 {
    usize::try_from(value).ok().and_then(|index| ALPHABET.get(index)).copied().unwrap_or(b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::base64::{Engine, engine::general_purpose as oracle};
    use proptest::prelude::*;

    fn decoded(text: &str) -> Result<Vec<u8>, Base64Fault> {
        let mut out = Vec::new();
        decode_into(text.as_bytes(), &mut out).map(|()| out)
    }

    #[test]
    fn padding_makes_no_difference() {
        for text in ["Zg==", "Zg", "Zm8=", "Zm8", "Zm9v", ""] {
            let octets = decoded(text).unwrap();
            assert!(b"foo".starts_with(&octets), "{text}");
        }
    }

    #[test]
    fn a_fault_says_where_and_keeps_what_came_before() {
        let mut out = Vec::new();
        let fault = decode_into(b"Zm9vZm!v", &mut out);
        assert_eq!(fault, Err(Base64Fault::NotInAlphabet { at: 6, octet: b'!' }));
        assert_eq!(out, b"foo");
        assert_eq!(decoded("Z"), Err(Base64Fault::Truncated { at: 1 }));
        assert_eq!(decoded("Zg="), Err(Base64Fault::Truncated { at: 3 }));
        assert_eq!(decoded("Z==="), Err(Base64Fault::BadPadding { at: 1 }));
        assert_eq!(decoded("Zg=v"), Err(Base64Fault::BadPadding { at: 3 }));
        assert_eq!(decoded("Zg==Zg=="), Err(Base64Fault::BadPadding { at: 4 }));
        assert_eq!(decoded("===="), Err(Base64Fault::BadPadding { at: 0 }));
    }

    proptest! {
        #[test]
        fn an_independent_encoder_is_read_and_agreed_with(octets: Vec<u8>) {
            prop_assert_eq!(decoded(&oracle::STANDARD.encode(&octets)), Ok(octets.clone()));
            prop_assert_eq!(decoded(&oracle::STANDARD_NO_PAD.encode(&octets)), Ok(octets.clone()));
            let mut text = Vec::new();
            encode_into(&octets, &mut text);
            prop_assert_eq!(text, oracle::STANDARD.encode(&octets).into_bytes());
        }

        #[test]
        fn any_text_gives_no_more_than_three_octets_for_four(text in "[A-D=,+/ ]{0,24}") {
            let mut out = Vec::new();
            let _ = decode_into(text.as_bytes(), &mut out);
            prop_assert!(out.len() * 4 <= text.len() * 3);
        }
    }
}
