//! Messages of `bench.proto`, with their five octets of prefix (PROTOCOL-HTTP2, "Length-Prefixed-Message").

use super::random::Random;

/// Octets of a `Reading`, prefix not counted.
pub(crate) const READING: usize = 60;

/// Appends a `Reading` in its prefix: exactly 60 octets, in 5 to 13 values.
pub(crate) fn reading(random: &mut Random, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0, 0, 0, READING as u8]);
    let end = out.len() + READING;
    key(1, 0, out);
    varint(random.below(1 << 28) + 1, out);
    text(2, format!("sensor-{:04}", random.below(10_000)).as_bytes(), out);
    if random.one_in(2) {
        key(3, 0, out);
        varint(random.below(1 << 10), out);
        key(4, 0, out);
        varint(1, out);
    }
    key(5, 1, out);
    out.extend_from_slice(&(random.below(1 << 20) as f64 / 64.0 + 0.5).to_le_bytes());
    if random.one_in(2) {
        let samples: Vec<u8> = (0..random.below(3) + 1).map(|_| random.below(127) as u8 + 1).collect();
        text(6, &samples, out);
        key(7, 0, out);
        varint(random.below(3) + 1, out);
    }
    if random.one_in(3) {
        key(8, 2, out);
        varint(10, out);
        for number in 1..=2 {
            key(number, 5, out);
            out.extend_from_slice(&(random.below(180) as f32 - 90.5).to_le_bytes());
        }
    }
    key(9, 5, out);
    out.extend_from_slice(&(random.next() as u32 | 1).to_le_bytes());
    let rest: Vec<u8> = (0..end - out.len() - 2).map(|_| random.next() as u8).collect();
    text(10, &rest, out);
    debug_assert_eq!(out.len(), end);
}

/// Appends a `Chunk` with `data` in its prefix.
pub(crate) fn chunk(offset: u64, data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 5]);
    key(1, 0, out);
    varint(offset, out);
    text(2, data, out);
    let length = (out.len() - start - 5) as u32;
    out[start + 1..start + 5].copy_from_slice(&length.to_be_bytes());
}

fn key(number: u64, wire_type: u64, out: &mut Vec<u8>) {
    varint(number << 3 | wire_type, out);
}

fn text(number: u64, octets: &[u8], out: &mut Vec<u8>) {
    key(number, 2, out);
    varint(octets.len() as u64, out);
    out.extend_from_slice(octets);
}

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
