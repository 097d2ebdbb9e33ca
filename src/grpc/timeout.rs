//! `grpc-timeout`: how long a client is willing to wait (PROTOCOL-HTTP2.md, Timeout).
//!
//! When the deadline falls is decided where the time of the request is known.

use std::fmt;

/// The time a client gives a call, as it stood on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeout {
    /// 0 to 99 999 999.
    pub amount: u32,
    /// What `amount` counts.
    pub unit: Unit,
}

impl Timeout {
    /// Reads one to eight digits and a unit letter, and nothing else.
    ///
    /// Zero is read although the protocol wants a positive number: clients send it when the
    /// deadline has already passed.
    ///
    /// # Errors
    /// [`TimeoutFault`] names the first rule the value breaks.
    pub fn parse(value: &[u8]) -> Result<Self, TimeoutFault> {
        let (&letter, digits) = value.split_last().ok_or(TimeoutFault::Empty)?;
        let unit = match Unit::of(letter) {
            Some(unit) => unit,
            None if letter.is_ascii_digit() => return Err(TimeoutFault::MissingUnit),
            None => return Err(TimeoutFault::UnknownUnit { unit: letter }),
        };
        if digits.is_empty() {
            return Err(TimeoutFault::NoDigits);
        }
        if let Some(at) = digits.iter().position(|octet| !octet.is_ascii_digit()) {
            return Err(TimeoutFault::NotDigit { at });
        }
        if digits.len() > MAX_DIGITS {
            return Err(TimeoutFault::TooManyDigits { digits: digits.len() });
        }
        // Eight digits fit u32: neither operation can wrap.
        let amount =
            digits.iter().fold(0_u32, |amount, octet| amount.wrapping_mul(10).wrapping_add(u32::from(octet & 0x0f)));
        Ok(Self { amount, unit })
    }

    /// The timeout that a client with this many nanoseconds left states, as grpc-go chooses it: the finest unit whose
    /// amount has at most eight digits, rounded up. Beyond the longest timeout, the longest.
    pub fn from_nanos(nanos: u64) -> Self {
        let longest = Self { amount: MAX_AMOUNT, unit: Unit::Hours };
        let units = [Unit::Nanos, Unit::Micros, Unit::Millis, Unit::Seconds, Unit::Minutes, Unit::Hours];
        let mut fitting = units.into_iter().filter_map(|unit| {
            let amount = u128::from(nanos).div_ceil(unit.nanos());
            let amount = u32::try_from(amount).ok().filter(|amount| *amount <= MAX_AMOUNT)?;
            Some(Self { amount, unit })
        });
        fitting.next().unwrap_or(longest)
    }

    /// The header's value.
    pub fn to_value(self) -> Vec<u8> {
        format!("{}{}", self.amount, self.unit.letter()).into_bytes()
    }

    /// The same time in nanoseconds; exact for every value (99999999H needs 69 bits).
    pub fn nanos(self) -> u128 {
        u128::from(self.amount).saturating_mul(self.unit.nanos())
    }
}

/// In human words: `150 ms`, `1 s`, `1.5 s`, `2 h 5 min`.
impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos();
        let minutes = nanos.div_euclid(Unit::Minutes.nanos());
        let rest = nanos.rem_euclid(Unit::Minutes.nanos());
        let (hours, minutes) = (minutes.div_euclid(60), minutes.rem_euclid(60));
        let mut gap = "";
        for (count, name) in [(hours, "h"), (minutes, "min")] {
            if count > 0 {
                write!(f, "{gap}{count} {name}")?;
                gap = " ";
            }
        }
        if rest == 0 && !gap.is_empty() {
            return Ok(());
        }
        f.write_str(gap)?;
        let (unit, name) = match rest {
            0 | 1_000_000_000.. => (Unit::Seconds, "s"),
            1_000_000.. => (Unit::Millis, "ms"),
            1_000.. => (Unit::Micros, "us"),
            _ => (Unit::Nanos, "ns"),
        };
        let whole = rest.div_euclid(unit.nanos());
        write!(f, "{whole}")?;
        let mut fraction = rest.rem_euclid(unit.nanos());
        let mut place = unit.nanos();
        if fraction > 0 {
            f.write_str(".")?;
        }
        while fraction > 0 && place > 1 {
            place = place.div_euclid(10);
            write!(f, "{}", fraction.div_euclid(place))?;
            fraction = fraction.rem_euclid(place);
        }
        write!(f, " {name}")
    }
}

/// What the digits of a timeout count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// `H`
    Hours,
    /// `M`
    Minutes,
    /// `S`
    Seconds,
    /// `m`
    Millis,
    /// `u`
    Micros,
    /// `n`
    Nanos,
}

impl Unit {
    /// The unit a letter stands for; the letters are case-sensitive.
    pub fn of(letter: u8) -> Option<Self> {
        Some(match letter {
            b'H' => Self::Hours,
            b'M' => Self::Minutes,
            b'S' => Self::Seconds,
            b'm' => Self::Millis,
            b'u' => Self::Micros,
            b'n' => Self::Nanos,
            _ => return None,
        })
    }

    /// The letter that stands for the unit.
    pub fn letter(self) -> char {
        match self {
            Self::Hours => 'H',
            Self::Minutes => 'M',
            Self::Seconds => 'S',
            Self::Millis => 'm',
            Self::Micros => 'u',
            Self::Nanos => 'n',
        }
    }

    /// Nanoseconds in one of the unit.
    pub fn nanos(self) -> u128 {
        match self {
            Self::Hours => 3_600_000_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }
}

/// Why a `grpc-timeout` value is not a timeout.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TimeoutFault {
    /// The value has no octets.
    #[error("grpc-timeout is empty")]
    Empty,
    /// A unit with no number before it.
    #[error("grpc-timeout has a unit but no number")]
    NoDigits,
    /// More than the eight digits allowed.
    #[error("grpc-timeout has {digits} digits, at most 8 are allowed")]
    TooManyDigits {
        /// How many there are.
        digits: usize,
    },
    /// Something other than a digit before the unit.
    #[error("grpc-timeout has something other than a digit at octet {at}")]
    NotDigit {
        /// Offset of the octet in the value.
        at: usize,
    },
    /// The value ends in a digit.
    #[error("grpc-timeout has no unit")]
    MissingUnit,
    /// The value ends in something other than `H`, `M`, `S`, `m`, `u`, `n`.
    #[error("grpc-timeout has the unknown unit {:?}", char::from(*unit))]
    UnknownUnit {
        /// The octet in the unit's place.
        unit: u8,
    },
}

const MAX_DIGITS: usize = 8;
/// The largest number of so many digits.
const MAX_AMOUNT: u32 = 99_999_999;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(value: &str) -> String {
        Timeout::parse(value.as_bytes()).unwrap().to_string()
    }

    #[test]
    fn the_longest_timeout_is_exact() {
        let longest = Timeout::parse(b"99999999H").unwrap();
        assert_eq!(longest.nanos(), 99_999_999 * 3_600_000_000_000);
        assert!(longest.nanos() > u128::from(u64::MAX));
    }

    #[test]
    fn units_are_told_apart_by_case() {
        assert_eq!(Timeout::parse(b"5M").unwrap().nanos(), 300_000_000_000);
        assert_eq!(Timeout::parse(b"5m").unwrap().nanos(), 5_000_000);
    }

    #[test]
    fn people_read_it_in_their_own_units() {
        assert_eq!(words("150000u"), "150 ms");
        assert_eq!(words("1499984u"), "1.499984 s");
        assert_eq!(words("1S"), "1 s");
        assert_eq!(words("90S"), "1 min 30 s");
        assert_eq!(words("7500M"), "125 h");
        assert_eq!(words("125M"), "2 h 5 min");
        assert_eq!(words("3600001m"), "1 h 1 ms");
        assert_eq!(words("0n"), "0 s");
        assert_eq!(words("1001n"), "1.001 us");
        assert_eq!(words("1010m"), "1.01 s");
    }

    #[test]
    fn a_client_states_its_time_in_the_finest_unit_that_has_room() {
        let stated = |nanos| String::from_utf8(Timeout::from_nanos(nanos).to_value()).unwrap();
        assert_eq!(stated(10_000_000), "10000000n");
        assert_eq!(stated(5_000_000_000), "5000000u");
        assert_eq!(stated(4_998_513_001), "4998514u");
        assert_eq!(stated(0), "0n");
        assert_eq!(stated(u64::MAX), "5124096H");
    }

    #[test]
    fn each_broken_rule_is_named() {
        use TimeoutFault::*;
        let cases: [(&[u8], TimeoutFault); 9] = [
            (b"", Empty),
            (b"S", NoDigits),
            (b"123456789S", TooManyDigits { digits: 9 }),
            (b"1.5S", NotDigit { at: 1 }),
            (b"-1S", NotDigit { at: 0 }),
            (b"10", MissingUnit),
            (b"10s", UnknownUnit { unit: b's' }),
            (b"10S ", UnknownUnit { unit: b' ' }),
            (b"1SS", NotDigit { at: 1 }),
        ];
        for (value, fault) in cases {
            assert_eq!(Timeout::parse(value), Err(fault), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(amount in 0_u32..100_000_000, letter in "[HMSmun]") {
            let timeout = Timeout::parse(format!("{amount}{letter}").as_bytes()).unwrap();
            prop_assert_eq!(timeout.amount, amount);
            prop_assert_eq!(timeout.unit.letter().to_string(), letter);
            prop_assert!(!timeout.to_string().is_empty());
        }

        #[test]
        fn any_octets_are_judged_without_panic(value: Vec<u8>) {
            let _ = Timeout::parse(&value).map(|timeout| timeout.to_string());
        }
    }
}
