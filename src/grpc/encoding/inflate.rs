//! gzip (RFC 1952), zlib (RFC 1950) and bare deflate (RFC 1951).
//!
//! Headers and checksums are read here, so that a fault has a name; flate2 reads the deflate data.

use super::{Fault, Form, MAX_MEMBERS, Output, Stop};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// The deflate engine, reused from message to message.
pub(super) struct Inflate(Decompress);

impl Default for Inflate {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Inflate {
    /// Reads gzip members up to the end of `body`.
    pub(super) fn gzip(&mut self, body: &[u8], out: &mut Output<'_>) -> (Form, Result<(), Stop>) {
        let mut members = 0_u32;
        let mut at = 0;
        let result = loop {
            match self.member(body, at, out) {
                Ok(end) => at = end,
                Err(stop) => break Err(stop),
            }
            members = members.saturating_add(1);
            match body.get(at..).unwrap_or_default() {
                [] => break Ok(()),
                [0x1f, 0x8b, ..] if members < MAX_MEMBERS => {}
                [0x1f, 0x8b, ..] => break Err(Fault::Members { limit: MAX_MEMBERS }.into()),
                rest => break Err(Fault::Trailing { octets: rest.len() }.into()),
            }
        };
        (Form::Gzip { members }, result)
    }

    /// Reads one stream with or without the zlib header; whichever of the two is whole is right.
    pub(super) fn deflate(&mut self, body: &[u8], out: &mut Output<'_>) -> (Form, Result<(), Stop>) {
        if !looks_like_zlib(body) {
            return (Form::RawDeflate, self.raw(body, out));
        }
        let result = self.zlib(body, out);
        if matches!(result, Err(Stop::Fault(_))) {
            // One bare stream in about a thousand begins like a zlib header.
            out.octets.clear();
            if self.raw(body, out).is_ok() {
                return (Form::RawDeflate, Ok(()));
            }
            out.octets.clear();
            return (Form::Zlib, self.zlib(body, out));
        }
        (Form::Zlib, result)
    }

    pub(super) fn held_bytes(&self) -> usize {
        // The window and the tables of the engine.
        48 << 10
    }

    /// Reads the gzip member that begins at `at`; returns where it ends.
    fn member(&mut self, body: &[u8], at: usize, out: &mut Output<'_>) -> Result<usize, Stop> {
        let start = out.octets.len();
        let data = gzip_header(body, at)?;
        let end = self.stream(body, data, out)?;
        let produced = out.since(start);
        let mut crc = Crc::new();
        crc.update(produced);
        let actual = u64::try_from(produced.len()).unwrap_or(u64::MAX);
        match body.get(end..).and_then(<[u8]>::split_first_chunk::<8>) {
            None => Err(Fault::Truncated.into()),
            Some(([a, b, c, d, ..], _)) if u32::from_le_bytes([*a, *b, *c, *d]) != crc.sum() => {
                Err(Fault::Checksum.into())
            }
            Some(([.., a, b, c, d], rest)) => {
                let declared = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
                if declared != actual & 0xffff_ffff {
                    return Err(Fault::Length { declared, actual }.into());
                }
                Ok(body.len().saturating_sub(rest.len()))
            }
        }
    }

    fn zlib(&mut self, body: &[u8], out: &mut Output<'_>) -> Result<(), Stop> {
        const PRESET_DICTIONARY: u8 = 0x20;
        if let [_, flags, a, b, c, d, ..] = *body
            && flags & PRESET_DICTIONARY != 0
        {
            return Err(Fault::Dictionary { id: u32::from_be_bytes([a, b, c, d]) }.into());
        }
        let end = self.stream(body, 2, out)?;
        let (sum, rest) = body.get(end..).and_then(<[u8]>::split_first_chunk::<4>).ok_or(Fault::Truncated)?;
        if u32::from_be_bytes(*sum) != adler32(out.octets) {
            return Err(Fault::Checksum.into());
        }
        nothing_after(rest)
    }

    fn raw(&mut self, body: &[u8], out: &mut Output<'_>) -> Result<(), Stop> {
        let end = self.stream(body, 0, out)?;
        nothing_after(body.get(end..).unwrap_or_default())
    }

    /// Reads the deflate data that begins at `at`; returns where it ends.
    fn stream(&mut self, body: &[u8], at: usize, out: &mut Output<'_>) -> Result<usize, Stop> {
        self.0.reset(false);
        let mut at = at;
        loop {
            // One octet past the limit tells "more follows" from "just fits".
            let room = out.max.saturating_add(1).saturating_sub(out.octets.len());
            out.octets.reserve_exact(room.min(out.octets.len().max(STEP)));
            let (read, written) = (self.0.total_in(), out.octets.len());
            let input = body.get(at..).unwrap_or_default();
            let status = self.0.decompress_vec(input, out.octets, FlushDecompress::None);
            let read = self.0.total_in().saturating_sub(read);
            at = at.saturating_add(usize::try_from(read).unwrap_or(usize::MAX));
            out.trim()?;
            match status {
                Ok(Status::StreamEnd) => return Ok(at),
                Err(_) => return Err(Fault::Corrupt { at }.into()),
                Ok(_) if read == 0 && out.octets.len() == written => {
                    return Err(Fault::Truncated.into());
                }
                Ok(_) => {}
            }
        }
    }
}

/// Passes over the header of a gzip member (RFC 1952 §2.3); returns where its data begins.
fn gzip_header(body: &[u8], at: usize) -> Result<usize, Fault> {
    const HEADER_CRC: u8 = 0x02;
    const EXTRA: u8 = 0x04;
    const TEXTS: [u8; 2] = [0x08, 0x10];
    const RESERVED: u8 = 0xe0;

    let member = body.get(at..).unwrap_or_default();
    let known = member.iter().zip([0x1f, 0x8b, 8]).all(|(octet, magic)| *octet == magic);
    if !known || member.get(3).is_some_and(|flags| flags & RESERVED != 0) {
        return Err(Fault::Header { at });
    }
    let (&[_, _, _, flags, ..], mut rest) = member.split_first_chunk::<10>().ok_or(Fault::Truncated)?;
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>().ok_or(Fault::Truncated)?;
        let length = usize::from(u16::from_le_bytes(*length));
        rest = after.get(length..).ok_or(Fault::Truncated)?;
    }
    for text in TEXTS {
        if flags & text != 0 {
            let end = rest.iter().position(|&octet| octet == 0).ok_or(Fault::Truncated)?;
            rest = rest.get(end.saturating_add(1)..).ok_or(Fault::Truncated)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        rest = rest.get(2..).ok_or(Fault::Truncated)?;
    }
    Ok(body.len().saturating_sub(rest.len()))
}

/// Method 8, a window that exists, and the check bits (RFC 1950 §2.2).
fn looks_like_zlib(body: &[u8]) -> bool {
    matches!(*body, [method, flags, ..] if method & 0x0f == 8
        && method >> 4 <= 7
        && u16::from_be_bytes([method, flags]) % 31 == 0)
}

fn nothing_after(rest: &[u8]) -> Result<(), Stop> {
    match rest.len() {
        0 => Ok(()),
        octets => Err(Fault::Trailing { octets }.into()),
    }
}

/// RFC 1950 §8.2.
fn adler32(octets: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// The most octets whose sums cannot overflow 32 bits.
    const RUN: usize = 5_552;
    let (mut a, mut b) = (1_u32, 0_u32);
    for run in octets.chunks(RUN) {
        for &octet in run {
            a = a.wrapping_add(u32::from(octet));
            b = b.wrapping_add(a);
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    (b << 16) | a
}

/// The engine is given at least this much room: it keeps up to 32 KiB back, and would lose what it
/// cannot hand over when it finds a fault.
const STEP: usize = 64 << 10;
