//! The protobuf wire format: records of a field number, a wire type and a value, walked without a schema
//! (<https://protobuf.dev/programming-guides/encoding>).
//!
//! A [`Reader`] states what stands in the octets and where. What a record means is the schema's business, and whether a
//! damaged message is worth showing is the caller's.

use std::fmt;
use std::ops::Range;

/// The largest field number a tag may carry: 2^29 - 1.
pub const MAX_FIELD_NUMBER: u32 = 536_870_911;

/// How the value after a tag is delimited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WireType {
    /// 0: a base-128 number of one to ten octets.
    Varint,
    /// 1: eight octets, little endian.
    Fixed64,
    /// 2: a length and that many octets.
    Len,
    /// 3: records up to the matching end tag follow.
    StartGroup,
    /// 4: closes the group of the same field number.
    EndGroup,
    /// 5: four octets, little endian.
    Fixed32,
}

impl WireType {
    /// The name as the machine output spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Varint => "varint",
            Self::Fixed64 => "fixed64",
            Self::Len => "len",
            Self::StartGroup => "group",
            Self::EndGroup => "end_group",
            Self::Fixed32 => "fixed32",
        }
    }
}

/// One tag with its value. Offsets count from the start of the octets the reader was made with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record {
    /// The field number, 1 to [`MAX_FIELD_NUMBER`].
    pub number: u32,
    /// How the value is delimited.
    pub wire: WireType,
    /// The number of a varint or fixed value, zero-extended; the length of a `Len`; else 0.
    pub bits: u64,
    /// Where the tag starts.
    pub start: usize,
    /// Where the value starts: behind the tag, and behind the length of a `Len`.
    pub value: usize,
    /// Where the value ends. For a group [`Reader::group`] finds it; until then it is the end of the tag.
    pub end: usize,
}

impl Record {
    /// The octets of the value.
    pub fn value_range(&self) -> Range<usize> {
        self.value..self.end
    }
}

/// Where the octets stop being protobuf, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Damage {
    /// The offset of the tag or value that is at fault.
    pub at: usize,
    /// What is wrong with it.
    pub what: DamageKind,
}

/// The ways in which octets fail to be protobuf records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DamageKind {
    /// The octets end inside a varint.
    TruncatedVarint,
    /// A varint goes on after ten octets.
    LongVarint,
    /// The octets end inside a fixed value; the number of octets missing.
    TruncatedFixed(usize),
    /// A length runs past the end of what encloses it.
    LengthBeyondEnd {
        /// The length as declared.
        length: u64,
        /// The octets there are.
        left: usize,
    },
    /// Wire type 6 or 7, which nothing uses.
    ReservedWireType(u8),
    /// Field number 0.
    FieldZero,
    /// A tag beyond [`MAX_FIELD_NUMBER`].
    FieldTooLarge(u64),
    /// An end tag that closes another group than the one open (0: none is).
    EndGroupMismatch {
        /// The number of the open group.
        open: u32,
        /// The number of the end tag.
        found: u32,
    },
    /// The octets end before the group does.
    UnterminatedGroup(u32),
    /// Messages or groups nest deeper than the limit.
    TooDeep,
}

impl DamageKind {
    /// Whether more octets could have repaired it: the message may have been cut rather than wrong.
    pub const fn is_truncation(self) -> bool {
        matches!(
            self,
            Self::TruncatedVarint | Self::TruncatedFixed(_) | Self::LengthBeyondEnd { .. } | Self::UnterminatedGroup(_)
        )
    }
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TruncatedVarint => f.write_str("the octets end inside a varint"),
            Self::LongVarint => f.write_str("a varint of more than ten octets"),
            Self::TruncatedFixed(missing) => {
                write!(f, "a fixed value lacks its last {missing} octets")
            }
            Self::LengthBeyondEnd { length, left } => {
                write!(f, "length {length} where {left} octets are left")
            }
            Self::ReservedWireType(wire) => write!(f, "wire type {wire} does not exist"),
            Self::FieldZero => f.write_str("field number 0"),
            Self::FieldTooLarge(number) => write!(f, "field number {number} is out of range"),
            Self::EndGroupMismatch { open: 0, found } => {
                write!(f, "end of group {found}, but no group is open")
            }
            Self::EndGroupMismatch { open, found } => {
                write!(f, "end of group {found} inside group {open}")
            }
            Self::UnterminatedGroup(number) => write!(f, "group {number} is never closed"),
            Self::TooDeep => f.write_str("nested deeper than the limit"),
        }
    }
}

/// Walks records one by one, never past its end.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of the whole of `octets`.
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// A reader of one range of `octets`, whose records keep offsets into all of it. A range beyond the end is cut.
    pub fn within(octets: &'a [u8], range: Range<usize>) -> Self {
        let octets = octets.get(..range.end).unwrap_or(octets);
        Self { octets, at: range.start.min(octets.len()) }
    }

    /// The offset of the next octet to be read.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// The next record, `None` at the end. After damage the reader stays where the damaged record starts.
    ///
    /// # Errors
    /// When the octets do not start with a record.
    #[inline(always)] // measured: a call would hand the record over through memory
    pub fn record(&mut self) -> Result<Option<Record>, Damage> {
        let start = self.at;
        if start >= self.octets.len() {
            return Ok(None);
        }
        let (tag, value) = self.varint_at(start)?;
        let damage = |what| Damage { at: start, what };
        let number = match tag >> 3 {
            0 => return Err(damage(DamageKind::FieldZero)),
            large if large > u64::from(MAX_FIELD_NUMBER) => {
                return Err(damage(DamageKind::FieldTooLarge(large)));
            }
            number => number as u32,
        };
        let (wire, bits, value, end) = match tag & 7 {
            0 => {
                let (bits, end) = self.varint_at(value)?;
                (WireType::Varint, bits, value, end)
            }
            1 => {
                let octets: [u8; 8] = self.fixed_at(value)?;
                let end = value.wrapping_add(8);
                (WireType::Fixed64, u64::from_le_bytes(octets), value, end)
            }
            2 => {
                let (length, first) = self.varint_at(value)?;
                let left = self.octets.len().saturating_sub(first);
                if length > left as u64 {
                    let what = DamageKind::LengthBeyondEnd { length, left };
                    return Err(Damage { at: value, what });
                }
                let end = first.wrapping_add(length as usize);
                (WireType::Len, length, first, end)
            }
            3 => (WireType::StartGroup, 0, value, value),
            4 => (WireType::EndGroup, 0, value, value),
            5 => {
                let octets: [u8; 4] = self.fixed_at(value)?;
                let bits = u64::from(u32::from_le_bytes(octets));
                (WireType::Fixed32, bits, value, value.wrapping_add(4))
            }
            other => return Err(damage(DamageKind::ReservedWireType(other as u8))),
        };
        self.at = end;
        Ok(Some(Record { number, wire, bits, start, value, end }))
    }

    /// What there is of a record whose length runs past the end, if that is what comes next. Nothing follows it.
    pub fn cut_record(&mut self) -> Option<Record> {
        let start = self.at;
        let (tag, length_at) = self.varint_at(start).ok()?;
        let (length, value) = self.varint_at(length_at).ok()?;
        let end = self.octets.len();
        let number = u32::try_from(tag >> 3).ok()?;
        let beyond = length > end.saturating_sub(value) as u64;
        if tag & 7 != 2 || !(1..=MAX_FIELD_NUMBER).contains(&number) || !beyond {
            return None;
        }
        self.at = end;
        Some(Record { number, wire: WireType::Len, bits: end.saturating_sub(value) as u64, start, value, end })
    }

    /// Skips the group that `open` starts and returns where its content ends: before the end tag, which is consumed too.
    ///
    /// # Errors
    /// When the group does not end, ends wrongly, or holds more than `depth` levels of groups.
    pub fn group(&mut self, open: &Record, depth: u32) -> Result<usize, Damage> {
        let damage = |at, what| Err(Damage { at, what });
        if depth == 0 {
            return damage(open.start, DamageKind::TooDeep);
        }
        while let Some(record) = self.record()? {
            match record.wire {
                WireType::StartGroup => {
                    self.group(&record, depth.saturating_sub(1))?;
                }
                WireType::EndGroup if record.number == open.number => return Ok(record.start),
                WireType::EndGroup => {
                    let what = DamageKind::EndGroupMismatch { open: open.number, found: record.number };
                    return damage(record.start, what);
                }
                _ => {}
            }
        }
        damage(open.start, DamageKind::UnterminatedGroup(open.number))
    }

    /// The next varint alone, as packed fields hold them; `None` at the end.
    ///
    /// # Errors
    /// When it is cut or too long.
    #[inline]
    pub fn varint(&mut self) -> Result<Option<u64>, Damage> {
        if self.at >= self.octets.len() {
            return Ok(None);
        }
        let (bits, end) = self.varint_at(self.at)?;
        self.at = end;
        Ok(Some(bits))
    }

    /// The next `N` octets alone, as packed fields hold them; `None` at the end.
    ///
    /// # Errors
    /// When fewer are left.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Damage> {
        if self.at >= self.octets.len() {
            return Ok(None);
        }
        let octets = self.fixed_at(self.at)?;
        self.at = self.at.wrapping_add(N);
        Ok(Some(octets))
    }

    /// The next value of a packed field whose values have this wire type, zero-extended; `None` at the end.
    ///
    /// # Errors
    /// When it is cut or too long.
    #[inline]
    pub fn packed(&mut self, wire: WireType) -> Result<Option<u64>, Damage> {
        match wire {
            WireType::Fixed32 => {
                let octets: Option<[u8; 4]> = self.fixed()?;
                Ok(octets.map(|octets| u64::from(u32::from_le_bytes(octets))))
            }
            WireType::Fixed64 => {
                let octets: Option<[u8; 8]> = self.fixed()?;
                Ok(octets.map(u64::from_le_bytes))
            }
            _ => self.varint(),
        }
    }

    #[inline]
    fn fixed_at<const N: usize>(&self, at: usize) -> Result<[u8; N], Damage> {
        let rest = self.octets.get(at..).unwrap_or_default();
        rest.first_chunk().copied().ok_or(Damage { at, what: DamageKind::TruncatedFixed(N.saturating_sub(rest.len())) })
    }

    /// The varint at `at` and the offset behind it. Bits above the 64th are dropped, as every implementation does.
    #[inline]
    fn varint_at(&self, at: usize) -> Result<(u64, usize), Damage> {
        match self.octets.get(at) {
            Some(&octet) if octet < 0x80 => Ok((u64::from(octet), at.wrapping_add(1))),
            _ => self.long_varint_at(at),
        }
    }

    fn long_varint_at(&self, at: usize) -> Result<(u64, usize), Damage> {
        let mut bits = 0u64;
        let mut shift = 0u32;
        let mut next = at;
        for &octet in self.octets.get(at..).unwrap_or_default().iter().take(10) {
            next = next.wrapping_add(1);
            bits |= u64::from(octet & 0x7f).wrapping_shl(shift);
            shift = shift.wrapping_add(7);
            if octet < 0x80 {
                return Ok((bits, next));
            }
        }
        let what = if shift == 70 { DamageKind::LongVarint } else { DamageKind::TruncatedVarint };
        Err(Damage { at, what })
    }
}

/// The signed number behind a zigzag-encoded one, for `sint32` and `sint64`.
#[inline]
pub const fn zigzag(bits: u64) -> i64 {
    (bits >> 1) as i64 ^ (bits as i64 & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(octets: &[u8]) -> Damage {
        let mut reader = Reader::new(octets);
        loop {
            match reader.record() {
                Ok(Some(record)) if record.wire == WireType::StartGroup => {
                    if let Err(damage) = reader.group(&record, 100) {
                        return damage;
                    }
                }
                Ok(record) => assert!(record.is_some(), "no damage in {octets:?}"),
                Err(damage) => return damage,
            }
        }
    }

    #[test]
    fn a_record_knows_its_octets() {
        let octets = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i'];
        let mut reader = Reader::new(&octets);
        let first = reader.record().unwrap().unwrap();
        assert_eq!((first.number, first.bits, first.value_range()), (1, 150, 1..3));
        let second = reader.record().unwrap().unwrap();
        assert_eq!((second.start, second.value_range()), (3, 5..7));
        assert_eq!(reader.record(), Ok(None));
    }

    #[test]
    fn damage_names_its_place_and_kind() {
        let cases: [(&[u8], usize, DamageKind); 9] = [
            (&[0x08, 0x80], 1, DamageKind::TruncatedVarint),
            (&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], 1, DamageKind::LongVarint),
            (&[0x0d, 1, 2], 1, DamageKind::TruncatedFixed(2)),
            (&[0x0a, 5, 1], 1, DamageKind::LengthBeyondEnd { length: 5, left: 1 }),
            (&[0x08, 1, 0x0e], 2, DamageKind::ReservedWireType(6)),
            (&[0x00], 0, DamageKind::FieldZero),
            (&[0xf8, 0xff, 0xff, 0xff, 0x1f], 0, DamageKind::FieldTooLarge(0x3fff_ffff)),
            (&[0x0b, 0x14], 1, DamageKind::EndGroupMismatch { open: 1, found: 2 }),
            (&[0x0b, 0x08, 1], 0, DamageKind::UnterminatedGroup(1)),
        ];
        for (octets, at, what) in cases {
            assert_eq!(damage(octets), Damage { at, what }, "{octets:x?}");
        }
    }

    #[test]
    fn groups_deeper_than_the_limit_are_refused() {
        let octets = [0x0b; 1000];
        let mut reader = Reader::new(&octets);
        let open = reader.record().unwrap().unwrap();
        assert_eq!(reader.group(&open, 50).unwrap_err().what, DamageKind::TooDeep);
    }

    #[test]
    fn zigzag_reaches_both_ends() {
        assert_eq!([0, 1, 2, u64::MAX, u64::MAX - 1].map(zigzag), [0, -1, 1, i64::MIN, i64::MAX]);
    }
}
