//! Whether octets may stand as they are: what nearly all text is, found out eight octets at a time.

/// Whether all of it is printable ASCII.
#[inline]
pub fn is_printable(octets: &[u8]) -> bool {
    every_word(octets, not_printable)
}

/// Whether all of it is printable ASCII without the quote and the backslash: a JSON string holds it as it stands.
#[inline]
pub fn is_plain(octets: &[u8]) -> bool {
    every_word(octets, |word| not_printable(word) | is(word, b'"') | is(word, b'\\'))
}

/// Whether `found` finds nothing, the high bit of no octet, in any word.
#[inline(always)]
fn every_word(octets: &[u8], found: impl Fn(u64) -> u64) -> bool {
    let found = |word: [u8; 8]| found(u64::from_ne_bytes(word));
    let (words, rest) = octets.as_chunks::<8>();
    // The last word overlaps the one before it; what is shorter than a word stands in one twice.
    let last = match (octets.last_chunk::<8>(), octets.first_chunk::<4>(), octets.last_chunk::<4>()) {
        (Some(last), _, _) => *last,
        (None, Some([a, b, c, d]), Some([e, f, g, h])) => [*a, *b, *c, *d, *e, *f, *g, *h],
        _ => {
            let mut word = [b' '; 8];
            word.iter_mut().zip(rest).for_each(|(place, octet)| *place = *octet);
            word
        }
    };
    words.iter().fold(found(last), |all, word| all | found(*word)) & (ONES.wrapping_mul(0x80)) == 0
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks octets that are controls, DEL or not ASCII.
#[inline(always)]
fn not_printable(word: u64) -> u64 {
    below(word, 0x20) | word | is(word, 0x7f)
}

/// Marks octets that are `octet`.
#[inline(always)]
fn is(word: u64, octet: u8) -> u64 {
    below(word ^ ONES.wrapping_mul(u64::from(octet)), 1)
}

/// Marks ASCII octets below `least`; perhaps others too where it marks one.
#[inline(always)]
fn below(word: u64, least: u64) -> u64 {
    word.wrapping_sub(ONES.wrapping_mul(least)) & !word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_told_wherever_it_stands() {
        for octet in 0..=0xff_u8 {
            for length in 1..40 {
                for at in 0..length {
                    let mut octets = vec![b'a'; length];
                    octets[at] = octet;
                    let printable = matches!(octet, 0x20..=0x7e);
                    assert_eq!(is_printable(&octets), printable, "{octet:#x} at {at} of {length}");
                    assert_eq!(
                        is_plain(&octets),
                        printable && !matches!(octet, b'"' | b'\\'),
                        "{octet:#x} at {at} of {length}"
                    );
                }
            }
        }
        assert!(is_printable(b"") && is_plain(b""));
    }
}
