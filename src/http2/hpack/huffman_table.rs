//! The Huffman code of RFC 7541 Appendix B as tables built at compile time.
//!
//! The code is canonical: codes of one length are consecutive, in the order of their symbols, so the lengths
//! say everything.

// Everything here runs in the compiler, where an overflow or a bad index is a build error.
#![expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated by the compiler")]

/// The end-of-string symbol, whose code may only appear as padding (§5.2).
pub(super) const EOS: u16 = 256;
/// Length of the longest code in bits.
pub(super) const MAX_BITS: u32 = 30;
/// Bits that one look into [`PAIRS`] consumes at most.
pub(super) const LOOK_BITS: u32 = 12;

const SYMBOLS: usize = 257;

/// Length in bits of each symbol's code (Appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// A symbol's code: `bits` low bits of `code`, to be sent most significant first.
#[derive(Clone, Copy)]
pub(super) struct Code {
    pub(super) code: u32,
    pub(super) bits: u8,
}

/// The codes of the 256 octets.
pub(super) static CODES: [Code; 256] = {
    let all = codes();
    let mut octets = [Code { code: 0, bits: 0 }; 256];
    let mut symbol = 0;
    while symbol < 256 {
        octets[symbol] = all[symbol];
        symbol += 1;
    }
    octets
};

/// What the next [`LOOK_BITS`] bits begin with: up to two whole symbols.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    /// The symbols; only the first `count` mean something.
    pub(super) symbols: [u8; 2],
    /// Whole symbols in the bits: 0 (a longer code begins), 1 or 2.
    pub(super) count: u8,
    /// Bits of the first symbol in the low nibble, of all `count` symbols in the high one.
    bits: u8,
}

impl Pair {
    /// No whole symbol.
    pub(super) const NONE: Self = Self { symbols: [0, 0], count: 0, bits: 0 };

    /// A symbol on its own, whose bits are known elsewhere.
    pub(super) const fn single(symbol: u8) -> Self {
        Self { symbols: [symbol, 0], count: 1, bits: 0 }
    }

    /// Bits of the first symbol.
    pub(super) const fn first_bits(self) -> u32 {
        (self.bits & 0x0f) as u32
    }

    /// Bits of all the symbols.
    pub(super) const fn all_bits(self) -> u32 {
        (self.bits >> 4) as u32
    }
}

/// Indexed by the next [`LOOK_BITS`] bits.
pub(super) static PAIRS: [Pair; 1 << LOOK_BITS] = pairs();

/// The codes of one length: `first .. first + count`, the symbols of which stand in [`SORTED`] from `offset`.
#[derive(Clone, Copy)]
pub(super) struct Length {
    pub(super) first: u32,
    pub(super) count: u16,
    pub(super) offset: u16,
}

/// Indexed by code length.
pub(super) static BY_LENGTH: [Length; MAX_BITS as usize + 1] = lengths();

/// All symbols in the order of their codes.
pub(super) static SORTED: [u16; SYMBOLS] = sorted();

const fn codes() -> [Code; SYMBOLS] {
    let mut codes = [Code { code: 0, bits: 0 }; SYMBOLS];
    let mut next = 0u32;
    let mut bits = 1;
    while bits <= MAX_BITS as u8 {
        next <<= 1;
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] == bits {
                codes[symbol] = Code { code: next, bits };
                next += 1;
            }
            symbol += 1;
        }
        bits += 1;
    }
    codes
}

const fn pairs() -> [Pair; 1 << LOOK_BITS] {
    let singles = singles();
    let mut table = [Pair::NONE; 1 << LOOK_BITS];
    let mut look = 0;
    while look < table.len() {
        let (symbol, bits) = singles[look];
        if bits > 0 {
            table[look] = Pair { symbols: [symbol, 0], count: 1, bits: bits << 4 | bits };
            // What is left, followed by zeros: only a code that fits in the real bits counts.
            let (second, second_bits) = singles[(look << bits) & (table.len() - 1)];
            if second_bits > 0 && bits + second_bits <= LOOK_BITS as u8 {
                table[look] = Pair { symbols: [symbol, second], count: 2, bits: (bits + second_bits) << 4 | bits };
            }
        }
        look += 1;
    }
    table
}

/// The first symbol in each [`LOOK_BITS`] bits and its length; length 0 where its code is longer.
const fn singles() -> [(u8, u8); 1 << LOOK_BITS] {
    let codes = codes();
    let mut table = [(0u8, 0u8); 1 << LOOK_BITS];
    let mut symbol = 0;
    while symbol < 256 {
        let Code { code, bits } = codes[symbol];
        if bits as u32 <= LOOK_BITS {
            let free = LOOK_BITS - bits as u32;
            let mut look = (code << free) as usize;
            let end = look + (1 << free);
            while look < end {
                table[look] = (symbol as u8, bits);
                look += 1;
            }
        }
        symbol += 1;
    }
    table
}

const fn lengths() -> [Length; MAX_BITS as usize + 1] {
    let codes = codes();
    let mut table = [Length { first: 0, count: 0, offset: 0 }; MAX_BITS as usize + 1];
    let mut offset = 0;
    let mut bits = 1;
    while bits < table.len() {
        table[bits].offset = offset;
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if codes[symbol].bits as usize == bits {
                if table[bits].count == 0 {
                    table[bits].first = codes[symbol].code;
                }
                table[bits].count += 1;
                offset += 1;
            }
            symbol += 1;
        }
        bits += 1;
    }
    table
}

const fn sorted() -> [u16; SYMBOLS] {
    let mut sorted = [0; SYMBOLS];
    let mut at = 0;
    let mut bits = 1;
    while bits <= MAX_BITS as u8 {
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] == bits {
                sorted[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        bits += 1;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_appendix_b() {
        for (octet, code, bits) in [
            (b'0', 0x0, 5),
            (b'a', 0x3, 5),
            (b't', 0x9, 5),
            (b' ', 0x14, 6),
            (b'u', 0x2d, 6),
            (b':', 0x5c, 7),
            (b'z', 0x7b, 7),
            (b'&', 0xf8, 8),
            (b'Z', 0xfd, 8),
            (b'!', 0x3f8, 10),
            (b'|', 0x7fc, 11),
            (b'>', 0xffb, 12),
            (0, 0x1ff8, 13),
            (b'^', 0x3ffc, 14),
            (b'{', 0x7ffe, 15),
            (b'\\', 0x7fff0, 19),
            (0xd0, 0x7fff2, 19),
            (128, 0xfffe6, 20),
            (1, 0x7fffd8, 23),
            (249, 0xffffffe, 28),
            (127, 0xffffffc, 28),
            (b'\n', 0x3fff_fffc, 30),
            (22, 0x3fff_fffe, 30),
        ] {
            let found = CODES[usize::from(octet)];
            assert_eq!((found.code, found.bits), (code, bits), "octet {octet}");
        }
        assert_eq!(SORTED[256], EOS);
    }
}
