//! snappy, framed or as a raw block (google/snappy format_description.txt, framing_format.txt).
//!
//! Read here rather than by a crate, because an inspector wants what stands before the damage.

use super::{Fault, Form, Output, Stop};

/// Reads `body` in whichever of the two forms it has.
///
/// The chunk that opens every framed stream is no valid raw block (its second copy would reach
/// before the start), so the two cannot be taken for each other. An empty body is what framing
/// encoders write for an empty message.
pub(super) fn decompress(body: &[u8], out: &mut Output<'_>) -> (Form, Result<(), Stop>) {
    if body.is_empty() {
        return (Form::SnappyFramed, Ok(()));
    }
    if STREAM_IDENTIFIER.starts_with(body) || body.starts_with(&STREAM_IDENTIFIER) {
        return (Form::SnappyFramed, chunks(body, out));
    }
    (Form::SnappyRaw, block(body, 0, u64::MAX, out))
}

/// Reads a framed stream: type, 24-bit length, contents, again and again.
fn chunks(body: &[u8], out: &mut Output<'_>) -> Result<(), Stop> {
    let mut rest = body;
    while !rest.is_empty() {
        let at = body.len().saturating_sub(rest.len());
        let (&[kind, a, b, c], after) = rest.split_first_chunk().ok_or(Fault::Truncated)?;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(usize::MAX);
        let (contents, whole) = match after.split_at_checked(length) {
            Some((contents, next)) => {
                rest = next;
                (contents, Ok(()))
            }
            None => {
                rest = &[];
                (after, Err(Fault::Truncated))
            }
        };
        let start = out.octets.len();
        match kind {
            0xff if contents == SIGNATURE => {}
            0xff => whole.and(Err(Fault::Corrupt { at }))?,
            0x80..=0xfe => {}
            0x00 | 0x01 => {
                let (sum, data) = contents.split_first_chunk().ok_or(Fault::Truncated)?;
                let data_at = at.saturating_add(8);
                let read = match kind {
                    0x00 => block(data, data_at, MAX_CHUNK, out),
                    _ => out.extend(data),
                };
                // A chunk that is not whole cannot be read to its end; that is the better reason.
                match (read, whole) {
                    (Err(Stop::Fault(_)), Err(fault)) => return Err(fault.into()),
                    (read, whole) => read.and(whole.map_err(Stop::from))?,
                }
                if u32::from_le_bytes(*sum) != masked_crc32c(out.since(start)) {
                    return Err(Fault::Checksum.into());
                }
            }
            // Reserved, and not to be skipped.
            0x02..=0x7f => return Err(Fault::Corrupt { at }.into()),
        }
        whole?;
    }
    Ok(())
}

/// Reads one block, which stands at offset `at` of the message: its decompressed length, then
/// literals and copies.
fn block(data: &[u8], at: usize, max_length: u64, out: &mut Output<'_>) -> Result<(), Stop> {
    let start = out.octets.len();
    let (declared, mut rest) = decompressed_length(data, at)?;
    if declared > max_length {
        return Err(Fault::Corrupt { at }.into());
    }
    // No element gives more than 64 octets for 3; a length beyond that is not worth the memory.
    let plausible = data.len().saturating_mul(22).min(out.max.saturating_sub(start));
    out.octets.reserve(usize::try_from(declared).unwrap_or(usize::MAX).min(plausible));

    while let Some((&tag, after)) = rest.split_first() {
        let element_at = at.saturating_add(data.len().saturating_sub(rest.len()));
        let corrupt = Fault::Corrupt { at: element_at };
        let produced = out.octets.len().saturating_sub(start);
        let left = declared.saturating_sub(u64::try_from(produced).unwrap_or(u64::MAX));
        let fits = |length: usize| u64::try_from(length).is_ok_and(|length| length <= left);
        let upper = usize::from(tag >> 2);
        let (length, distance, next) = match tag & 3 {
            0 => {
                let (length, after) = literal_length(upper, after).ok_or(Fault::Truncated)?;
                if !fits(length) {
                    return Err(corrupt.into());
                }
                let Some((literal, next)) = after.split_at_checked(length) else {
                    out.extend(after)?;
                    return Err(Fault::Truncated.into());
                };
                out.extend(literal)?;
                rest = next;
                continue;
            }
            1 => {
                let (low, next) = after.split_first().ok_or(Fault::Truncated)?;
                let distance = (usize::from(tag & 0xe0) << 3) | usize::from(*low);
                ((upper & 7).saturating_add(4), distance, next)
            }
            2 => {
                let (distance, next) = after.split_first_chunk().ok_or(Fault::Truncated)?;
                (upper.saturating_add(1), usize::from(u16::from_le_bytes(*distance)), next)
            }
            _ => {
                let (distance, next) = after.split_first_chunk().ok_or(Fault::Truncated)?;
                let distance = u32::from_le_bytes(*distance);
                (upper.saturating_add(1), usize::try_from(distance).unwrap_or(usize::MAX), next)
            }
        };
        if distance == 0 || distance > produced || !fits(length) {
            return Err(corrupt.into());
        }
        copy(distance, length, out)?;
        rest = next;
    }

    let produced = out.octets.len().saturating_sub(start);
    match u64::try_from(produced).unwrap_or(u64::MAX) {
        actual if actual < declared => Err(Fault::Truncated.into()),
        _ => Ok(()),
    }
}

/// Appends `length` octets from `distance` octets back; they may overlap what they make.
fn copy(distance: usize, length: usize, out: &mut Output<'_>) -> Result<(), Stop> {
    let from = out.octets.len().saturating_sub(distance);
    let mut left = length;
    while left > 0 {
        let run = left.min(out.octets.len().saturating_sub(from));
        out.octets.extend_from_within(from..from.saturating_add(run));
        left = left.saturating_sub(run);
    }
    out.trim()
}

/// The varint before a block: at most 32 bits in at most five octets.
fn decompressed_length(data: &[u8], at: usize) -> Result<(u64, &[u8]), Fault> {
    let mut length = 0_u64;
    let mut rest = data;
    for shift in [0_u32, 7, 14, 21, 28] {
        let (octet, after) = rest.split_first().ok_or(Fault::Truncated)?;
        length |= u64::from(octet & 0x7f) << shift;
        rest = after;
        if octet & 0x80 == 0 && length <= u64::from(u32::MAX) {
            return Ok((length, rest));
        }
    }
    Err(Fault::Corrupt { at })
}

/// The length of a literal: in the tag up to 60, else in the one to four octets that follow.
fn literal_length(upper: usize, after: &[u8]) -> Option<(usize, &[u8])> {
    let more = upper.saturating_sub(59);
    let (octets, rest) = after.split_at_checked(more)?;
    let mut length = [0; 4];
    length.get_mut(..more)?.copy_from_slice(octets);
    let extended = usize::try_from(u32::from_le_bytes(length)).ok()?;
    let length = if more == 0 { upper } else { extended };
    Some((length.saturating_add(1), rest))
}

/// CRC-32C, rotated and offset so that a checksum of checksums stays useful.
fn masked_crc32c(octets: &[u8]) -> u32 {
    let crc = octets.iter().fold(u32::MAX, |crc, &octet| {
        let [index, ..] = (crc ^ u32::from(octet)).to_le_bytes();
        (crc >> 8) ^ CRC32C.get(usize::from(index)).copied().unwrap_or_default()
    });
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Remainders of each octet by the Castagnoli polynomial, reflected.
const CRC32C: [u32; 256] = crc32c_table();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time"
)]
const fn crc32c_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

const STREAM_IDENTIFIER: [u8; 10] = *b"\xff\x06\0\0sNaPpY";
const SIGNATURE: &[u8] = b"sNaPpY";
/// Decompressed octets a chunk may hold.
const MAX_CHUNK: u64 = 65_536;
