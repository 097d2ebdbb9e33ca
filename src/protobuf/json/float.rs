//! Numbers with a point, the shortest that read back the same.
//!
//! Those of at most six decimals, which most are in practice, need no more than a multiplication and a division to prove.

use crate::write::millionths;

/// Appends the shortest number that reads back the same, or the name of what is none.
pub(crate) fn float(out: &mut Vec<u8>, number: impl Float) {
    let wide: f64 = number.into();
    if let Some(count) = few_decimals(number) {
        if wide < 0.0 {
            out.push(b'-');
        }
        millionths(out, count);
    } else if wide.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes());
    } else {
        let name: &[u8] = match (wide.is_nan(), wide > 0.0) {
            (true, _) => b"\"NaN\"",
            (false, true) => b"\"Infinity\"",
            (false, false) => b"\"-Infinity\"",
        };
        out.extend_from_slice(name);
    }
}

/// A number with a point.
pub(crate) trait Float: ryu::Float + Into<f64> + Copy {
    /// Decimal digits that no two of these numbers have in common.
    const DIGITS: u32;
}

impl Float for f32 {
    const DIGITS: u32 = f32::DIGITS;
}

impl Float for f64 {
    const DIGITS: u32 = f64::DIGITS;
}

/// The number in millionths, if it has no more digits than those and none shorter reads back the same. Numbers that would be written with
/// an exponent are none of these.
#[inline]
fn few_decimals<F: Float>(number: F) -> Option<u64> {
    let wide: f64 = number.into().abs();
    let product = wide * MILLION;
    if !(10.0..1e15).contains(&product) {
        return None;
    }
    let count = product as u64;
    // A quotient of two numbers that are exact is the nearest to the true one: it is `wide` only if the digits read back as `wide`.
    if count as f64 != product || product / MILLION != wide {
        return None;
    }
    // Below that many digits no other reads back the same, let alone a shorter one.
    (F::DIGITS >= f64::DIGITS || significant(count) < 10_u64.pow(F::DIGITS)).then_some(count)
}

/// A number without the zeros at its end.
fn significant(mut number: u64) -> u64 {
    while number.is_multiple_of(10) && number > 0 {
        number /= 10;
    }
    number
}

const MILLION: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(number: impl Float) -> String {
        let mut out = Vec::new();
        float(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    fn general(number: impl Float) -> String {
        ryu::Buffer::new().format_finite(number).to_owned()
    }

    #[test]
    fn numbers_that_are_none_have_names() {
        assert_eq!(shown(f64::NAN), "\"NaN\"");
        assert_eq!(shown(f32::INFINITY), "\"Infinity\"");
        assert_eq!(shown(f64::NEG_INFINITY), "\"-Infinity\"");
    }

    #[test]
    fn numbers_at_the_edges_of_the_short_way_are_as_the_general_one_has_them() {
        let edges = [
            0.0,
            -0.0,
            0.1,
            0.3,
            1.0 / 3.0,
            1e-5,
            9.999e-6,
            1e-6,
            0.000_010_1,
            0.1 + 0.2,
            999_999_999.999_999,
            1e9,
            1e15,
            1e16,
            16_777_216.0,
            16_777_217.0,
            123_456.78,
            8_388_608.5,
            f64::MIN_POSITIVE,
            f64::MAX,
            52.5,
            11_052.578_125,
            100_000_000.0,
            1_234_567.0,
        ];
        for number in edges {
            assert_eq!(shown(number), general(number));
            assert_eq!(shown(-number), general(-number));
            if number < f64::MAX {
                assert_eq!(shown(number as f32), general(number as f32));
            }
        }
    }

    proptest! {
        #[test]
        fn any_number_is_as_the_general_way_has_it(bits: u64) {
            let (wide, narrow) = (f64::from_bits(bits), f32::from_bits(bits as u32));
            if wide.is_finite() {
                prop_assert_eq!(shown(wide), general(wide));
            }
            if narrow.is_finite() {
                prop_assert_eq!(shown(narrow), general(narrow));
            }
        }

        #[test]
        fn numbers_of_few_decimals_are_as_the_general_way_has_them(count: u64, shift in 0_u32..60, scale in 0_i32..9) {
            let number = (count >> shift) as f64 / 10_f64.powi(scale);
            prop_assert_eq!(shown(number), general(number));
            prop_assert_eq!(shown(number as f32), general(number as f32));
        }
    }
}
