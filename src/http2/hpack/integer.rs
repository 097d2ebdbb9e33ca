//! Integers with a prefix of one to seven bits (RFC 7541 §5.1), at most 32 bits wide.

use super::fault::{Fault, FaultKind};

/// Reads the integer whose prefix is the bits of `mask` in the octet at `at`; returns it and the offset behind it.
///
/// `mask` is 2^N - 1. At most five octets may follow the prefix, which is what 2^32 - 1 needs.
#[inline]
pub(super) fn read(octets: &[u8], at: usize, mask: u8) -> Result<(u32, usize), Fault> {
    let &first = octets.get(at).ok_or(fault(at, FaultKind::EndsInsideField))?;
    let prefix = first & mask;
    let next = at.wrapping_add(1);
    if prefix < mask {
        return Ok((u32::from(prefix), next));
    }
    read_continued(octets, at, next, prefix)
}

fn read_continued(octets: &[u8], at: usize, mut next: usize, prefix: u8) -> Result<(u32, usize), Fault> {
    let mut value = u64::from(prefix);
    for shift in [0u32, 7, 14, 21, 28] {
        let &octet = octets.get(next).ok_or(fault(at, FaultKind::EndsInsideField))?;
        next = next.wrapping_add(1);
        // At most 2^7 + 2^35: a u64 has room.
        value = value.wrapping_add(u64::from(octet & 0x7f) << shift);
        if octet & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| fault(at, FaultKind::IntegerTooLarge))?;
            return Ok((value, next));
        }
    }
    Err(fault(at, FaultKind::IntegerTooLarge))
}

/// Appends `value` with the prefix bits of `mask`, the remaining bits of the first octet being `pattern`.
pub(super) fn write(value: u32, mask: u8, pattern: u8, out: &mut Vec<u8>) {
    match u8::try_from(value) {
        Ok(small) if small < mask => out.push(pattern | small),
        _ => {
            out.push(pattern | mask);
            let mut rest = value.saturating_sub(u32::from(mask));
            while rest >= 0x80 {
                out.push((rest & 0x7f) as u8 | 0x80);
                rest >>= 7;
            }
            out.push(rest as u8);
        }
    }
}

fn fault(at: usize, kind: FaultKind) -> Fault {
    Fault { at: u32::try_from(at).unwrap_or(u32::MAX), kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: u32, mask: u8) -> Vec<u8> {
        let mut out = Vec::new();
        write(value, mask, 0, &mut out);
        out
    }

    #[test]
    fn rfc_7541_c_1_integers() {
        assert_eq!(written(10, 0x1f), [0x0a]);
        assert_eq!(written(1337, 0x1f), [0x1f, 0x9a, 0x0a]);
        assert_eq!(written(42, 0xff), [0x2a]);
        // The bits above the prefix belong to somebody else.
        assert_eq!(read(&[0xea], 0, 0x1f), Ok((10, 1)));
        assert_eq!(read(&[0xff, 0x9a, 0x0a], 0, 0x1f), Ok((1337, 3)));
        assert_eq!(read(&[0x2a], 0, 0xff), Ok((42, 1)));
    }

    #[test]
    fn every_width_reads_back_what_it_wrote() {
        for mask in [0x0f, 0x1f, 0x3f, 0x7f] {
            for value in [0, 1, 14, 15, 16, 30, 31, 62, 63, 126, 127, 128, 254, 255, 256]
                .into_iter()
                .chain((8..32).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]))
                .chain([u32::MAX - 1, u32::MAX])
            {
                let octets = written(value, mask);
                assert_eq!(read(&octets, 0, mask), Ok((value, octets.len())));
            }
        }
    }

    #[test]
    fn one_more_than_32_bits_is_a_fault() {
        let mut octets = written(u32::MAX, 0x1f);
        assert_eq!(read(&octets, 0, 0x1f).unwrap().0, u32::MAX);
        octets[1] += 1;
        assert_eq!(read(&octets, 0, 0x1f).unwrap_err().kind, FaultKind::IntegerTooLarge);
    }

    #[test]
    fn endless_zeros_are_a_fault() {
        let octets = [0x1f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(read(&octets, 0, 0x1f).unwrap_err().kind, FaultKind::IntegerTooLarge);
    }

    #[test]
    fn an_integer_that_breaks_off_says_so() {
        assert_eq!(read(&[0, 0x1f, 0x9a], 1, 0x1f), Err(fault(1, FaultKind::EndsInsideField)));
    }
}
