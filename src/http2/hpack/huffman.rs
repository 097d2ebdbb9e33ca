//! Huffman-coded strings (RFC 7541 §5.2), two symbols a step.

use super::fault::FaultKind;
use super::huffman_table::{BY_LENGTH, CODES, EOS, LOOK_BITS, MAX_BITS, PAIRS, Pair, SORTED};

/// Appends what `octets` mean to `out`; after an error `out` is as it was.
pub(super) fn decode(octets: &[u8], out: &mut Vec<u8>) -> Result<(), FaultKind> {
    let start = out.len();
    // No code is shorter than five bits; one more octet because two are stored at a time.
    let most = octets.len().saturating_mul(8).div_ceil(5);
    out.resize(start.saturating_add(most).saturating_add(1), 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let result = decode_into(octets, room);
    out.truncate(start.saturating_add(*result.as_ref().unwrap_or(&0)));
    result.map(|_| ())
}

/// Decodes into `room`, which has an octet more than the longest possible result; returns how many were written.
fn decode_into(octets: &[u8], room: &mut [u8]) -> Result<usize, FaultKind> {
    let mut input = Bits::new(octets);
    let mut written = 0usize;
    loop {
        input.refill();
        if input.held < ROUND_BITS {
            return decode_tail(input, room, written);
        }
        for _ in 0..LOOKS {
            let pair = input.look();
            if pair.count == 0 {
                if input.held >= MAX_BITS {
                    let (long, bits) = input.long_symbol()?;
                    store(room, written, long.symbols);
                    written = written.wrapping_add(1);
                    input.drop(bits);
                }
                break;
            }
            store(room, written, pair.symbols);
            written = written.wrapping_add(usize::from(pair.count));
            input.drop(pair.all_bits());
        }
    }
}

/// Looks between refills, and the bits they take if no code is long.
const LOOKS: u32 = 4;
const ROUND_BITS: u32 = LOOKS * LOOK_BITS;

/// The last symbols, where padding may begin anywhere. All that is left is in `input`'s window.
fn decode_tail(mut input: Bits<'_>, room: &mut [u8], mut written: usize) -> Result<usize, FaultKind> {
    // From here on the window reads as ones behind its end, like padding without one.
    input.window |= u64::MAX.unbounded_shr(input.held);
    loop {
        if input.held < 8 && input.window == u64::MAX {
            return Ok(written);
        }
        let mut pair = input.look();
        let mut bits = pair.all_bits();
        if pair.count == 0 {
            match input.long_symbol() {
                Ok(long) => (pair, bits) = long,
                // An EOS that is partly made of the ones put there.
                Err(_) if input.held < MAX_BITS => return input.padding().map(|()| written),
                Err(eos) => return Err(eos),
            }
        }
        if bits > input.held && pair.count == 2 {
            pair.count = 1;
            bits = pair.first_bits();
        }
        if bits > input.held {
            return input.padding().map(|()| written);
        }
        store(room, written, pair.symbols);
        written = written.wrapping_add(usize::from(pair.count));
        input.drop(bits);
        input.window |= u64::MAX.unbounded_shr(input.held);
    }
}

#[inline]
fn store(room: &mut [u8], at: usize, symbols: [u8; 2]) {
    if let Some(place) = room.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = symbols;
    }
}

/// A bit reader that holds up to 64 bits, left-aligned.
struct Bits<'a> {
    rest: &'a [u8],
    window: u64,
    held: u32,
}

impl<'a> Bits<'a> {
    fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets, window: 0, held: 0 }
    }

    /// Takes in whole octets until at least 57 bits are held or none are left.
    #[inline]
    fn refill(&mut self) {
        let room = 64u32.saturating_sub(self.held) / 8;
        let (fresh, taken) = match self.rest.first_chunk() {
            Some(next) => (u64::from_be_bytes(*next), room),
            None => (last_octets(self.rest), room.min(self.rest.len() as u32)),
        };
        self.window |= fresh.unbounded_shr(self.held);
        self.held = self.held.wrapping_add(taken.wrapping_mul(8));
        // Bits of an octet that was not taken whole are read again later.
        self.window &= !u64::MAX.unbounded_shr(self.held);
        self.rest = self.rest.get(taken as usize..).unwrap_or_default();
    }

    #[inline]
    fn look(&self) -> Pair {
        let at = (self.window >> 64u32.saturating_sub(LOOK_BITS)) as usize;
        PAIRS.get(at).copied().unwrap_or(Pair::NONE)
    }

    #[inline]
    fn drop(&mut self, bits: u32) {
        // No code has more than 30 bits.
        self.window <<= bits & 63;
        self.held = self.held.wrapping_sub(bits);
    }

    /// The next symbol and the length of its code, for codes longer than [`LOOK_BITS`].
    #[cold]
    fn long_symbol(&self) -> Result<(Pair, u32), FaultKind> {
        for bits in LOOK_BITS.saturating_add(1)..=MAX_BITS {
            let code = (self.window >> 64u32.saturating_sub(bits)) as u32;
            let Some(length) = BY_LENGTH.get(bits as usize) else {
                break;
            };
            let nth = code.wrapping_sub(length.first);
            if nth < u32::from(length.count) {
                let at = usize::from(length.offset).saturating_add(nth as usize);
                let symbol = SORTED.get(at).copied().unwrap_or(EOS);
                return u8::try_from(symbol)
                    .map(|symbol| (Pair::single(symbol), bits))
                    .map_err(|_| FaultKind::HuffmanEos);
            }
        }
        Err(FaultKind::HuffmanEos)
    }

    /// Whether what is held, too short for any symbol, is padding: fewer than eight bits, all ones.
    fn padding(&self) -> Result<(), FaultKind> {
        if self.window | u64::MAX.unbounded_shr(self.held) != u64::MAX {
            Err(FaultKind::HuffmanPadding)
        } else if self.held > 7 {
            Err(FaultKind::HuffmanPaddingTooLong)
        } else {
            Ok(())
        }
    }
}

/// Up to seven octets, left-aligned; in registers, as storing octets to load a word stalls.
#[inline]
fn last_octets(mut rest: &[u8]) -> u64 {
    let mut word = 0;
    let mut free = 64u32;
    if let Some((four, behind)) = rest.split_first_chunk() {
        free = 32;
        word = u64::from(u32::from_be_bytes(*four)) << free;
        rest = behind;
    }
    if let Some((two, behind)) = rest.split_first_chunk() {
        free = free.wrapping_sub(16);
        word |= u64::from(u16::from_be_bytes(*two)) << free;
        rest = behind;
    }
    if let Some(&one) = rest.first() {
        word |= u64::from(one) << free.wrapping_sub(8);
    }
    word
}

/// Length in octets of `text` when Huffman-coded.
pub(super) fn encoded_len(text: &[u8]) -> usize {
    let bits = text.iter().fold(0usize, |bits, &octet| bits.saturating_add(code_of(octet).1 as usize));
    bits.div_ceil(8)
}

/// Appends `text`, Huffman-coded and padded with ones.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let mut window = 0u64;
    let mut held = 0u32;
    for &octet in text {
        let (code, bits) = code_of(octet);
        // At most 7 bits stay from the octet before, and a code has 30: 64 bits are enough.
        window = window << bits | u64::from(code);
        held = held.wrapping_add(bits);
        while held >= 8 {
            held = held.wrapping_sub(8);
            out.push((window >> held) as u8);
        }
    }
    if held > 0 {
        let free = 8u32.saturating_sub(held);
        out.push((window << free) as u8 | 0xffu8.unbounded_shr(held));
    }
}

fn code_of(octet: u8) -> (u32, u32) {
    CODES.get(usize::from(octet)).map_or((0, 0), |code| (code.code, u32::from(code.bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(octets: &[u8]) -> Result<Vec<u8>, FaultKind> {
        let mut out = b"before".to_vec();
        decode(octets, &mut out).map(|()| out[6..].to_vec())
    }

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(text, &mut out);
        assert_eq!(out.len(), encoded_len(text));
        out
    }

    #[test]
    fn every_octet_at_every_bit_offset_reads_back() {
        for octet in 0..=255u8 {
            for lead in 0..16 {
                for trail in 0..12 {
                    // 'a' has five bits, '-' six: together they reach every offset.
                    let mut text = vec![b'a'; lead];
                    text.push(octet);
                    text.extend(std::iter::repeat_n(b'-', trail));
                    assert_eq!(decoded(&encoded(&text)), Ok(text));
                }
            }
        }
    }

    #[test]
    fn rfc_7541_c_4_strings() {
        assert_eq!(
            encoded(b"www.example.com"),
            [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff]
        );
        assert_eq!(encoded(b"no-cache"), [0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]);
    }

    #[test]
    fn an_empty_string_is_empty() {
        assert_eq!(decoded(&[]), Ok(vec![]));
    }

    #[test]
    fn eight_bits_of_padding_are_too_many() {
        for text in [&b""[..], b"www.example.com", b"no-cache", b"a-b-c-d-e-f-g-h-i"] {
            let mut octets = encoded(text);
            octets.push(0xff);
            assert_eq!(decoded(&octets), Err(FaultKind::HuffmanPaddingTooLong));
        }
    }

    #[test]
    fn padding_with_a_zero_is_a_fault() {
        // 'a' is 00011, so three bits of padding follow.
        assert_eq!(decoded(&[0b0001_1111]), Ok(b"a".to_vec()));
        assert_eq!(decoded(&[0b0001_1110]), Err(FaultKind::HuffmanPadding));
        assert_eq!(decoded(&[0b0001_1011]), Err(FaultKind::HuffmanPadding));
    }

    #[test]
    fn eos_is_a_fault_wherever_it_stands() {
        assert_eq!(decoded(&[0xff; 4]), Err(FaultKind::HuffmanEos));
        assert_eq!(decoded(&[0xff; 12]), Err(FaultKind::HuffmanEos));
        let mut octets = encoded(b"aaaaaaaa");
        octets.extend([0xff, 0xff, 0xff, 0xff, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f]);
        assert_eq!(decoded(&octets), Err(FaultKind::HuffmanEos));
    }

    #[test]
    fn a_string_cut_inside_a_symbol_is_a_fault() {
        // The last symbol, LF, has thirty bits.
        let octets = encoded(b"hello\n");
        let cut = &octets[..octets.len() - 1];
        assert!(matches!(decoded(cut), Err(FaultKind::HuffmanPaddingTooLong | FaultKind::HuffmanPadding)));
    }
}
