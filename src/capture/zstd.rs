//! A zstd stream of any number of frames (RFC 8878 §3.1), decoded block by block.
//!
//! The decoder keeps the last window of a frame until the frame ends, so that on a live pipe records appear
//! one window late; files and finished frames are not affected. Dictionaries are not supported.

use super::Compression;
use super::buffer::{FillError, Plain, RefillBuffer, as_u64};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A zstd stream.
pub(crate) struct Zstd<R> {
    octets: RefillBuffer<Plain<R>>,
    decoder: FrameDecoder,
    in_frame: bool,
    /// Whether a checksum follows the last block of the frame.
    has_checksum: bool,
    /// What the frame's window may cost.
    window_limit: u64,
    window: u64,
    /// Octets of a skippable frame still to be skipped.
    to_skip: u64,
    damage: Option<String>,
}

impl<R: Read> Zstd<R> {
    pub(crate) fn new(octets: RefillBuffer<Plain<R>>, window_limit: u64) -> Self {
        Self {
            octets,
            decoder: FrameDecoder::new(),
            in_frame: false,
            has_checksum: false,
            window_limit,
            window: 0,
            to_skip: 0,
            damage: None,
        }
    }

    /// As `Fill::fill`.
    pub(crate) fn fill(&mut self, into: &mut [u8]) -> Result<usize, FillError> {
        if let Some(reason) = &self.damage {
            return Err(FillError::Damaged(Compression::Zstd, reason.clone()));
        }
        let filled = self.decode(into);
        if let Err(FillError::Damaged(_, reason)) = &filled {
            self.damage = Some(reason.clone());
        }
        filled
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let window = usize::try_from(self.window).unwrap_or(usize::MAX);
        self.octets.held_bytes().saturating_add(window)
    }

    fn decode(&mut self, into: &mut [u8]) -> Result<usize, FillError> {
        loop {
            if self.to_skip > 0 {
                self.skip()?;
            } else if !self.in_frame {
                if !self.begin_frame()? {
                    return Ok(0);
                }
            } else if self.decoder.can_collect() > 0 {
                return self.decoder.read(into).map_err(FillError::Read);
            } else if self.decoder.is_finished() {
                self.end_frame()?;
            } else {
                self.decode_block()?;
            }
        }
    }

    /// Reads a frame header (§3.1.1.1) or the start of a skippable frame; `false` at the end.
    fn begin_frame(&mut self) -> Result<bool, FillError> {
        if !self.octets.fill_to(5)? {
            return match self.octets.peek() {
                [] => Ok(false),
                _ => Err(FillError::Truncated(Compression::Zstd)),
            };
        }
        let descriptor = match *self.octets.peek() {
            [0x28, 0xb5, 0x2f, 0xfd, descriptor, ..] => descriptor,
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => return self.begin_skippable(),
            _ => return Err(damaged("octets that are not zstd follow it")),
        };
        let single_segment = descriptor & 0x20 != 0;
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3));
        let content_size = match descriptor >> 6 {
            0 => usize::from(single_segment),
            power => 1 << power,
        };
        let length = 5_usize
            .saturating_add(usize::from(!single_segment))
            .saturating_add(*dictionary.unwrap_or(&0))
            .saturating_add(content_size);
        self.need(length)?;
        let header = self.octets.peek().get(..length).unwrap_or_default();
        let window = if single_segment {
            let mut size = [0; 8];
            let digits = header.iter().rev().take(content_size).rev();
            for (to, from) in size.iter_mut().zip(digits) {
                *to = *from;
            }
            u64::from_le_bytes(size)
        } else {
            let octet = header.get(5).copied().unwrap_or(0);
            let base = 1_u64 << (u32::from(octet >> 3).saturating_add(10));
            (base / 8).saturating_mul(u64::from(octet & 7)).saturating_add(base)
        };
        if window > self.window_limit {
            return Err(FillError::Unsupported(
                format!("its zstd stream needs a window of {window} octets"),
                "decompress it with zstd -d --long=31 first",
            ));
        }
        let mut source = header;
        guarded(|| self.decoder.init(&mut source))?;
        self.octets.pop(length);
        self.window = window;
        self.has_checksum = descriptor & 4 != 0;
        self.in_frame = true;
        Ok(true)
    }

    /// §3.1.2: magic, length, as many octets.
    fn begin_skippable(&mut self) -> Result<bool, FillError> {
        self.need(8)?;
        if let Some(length) = self.octets.peek().get(4..8).and_then(<[u8]>::first_chunk) {
            self.to_skip = u32::from_le_bytes(*length).into();
        }
        self.octets.pop(8);
        Ok(true)
    }

    fn skip(&mut self) -> Result<(), FillError> {
        self.need(1)?;
        let count = as_u64(self.octets.peek().len()).min(self.to_skip);
        self.octets.pop(usize::try_from(count).unwrap_or(0));
        self.to_skip = self.to_skip.saturating_sub(count);
        Ok(())
    }

    /// Decodes one block (§3.1.1.2), once all of it has arrived.
    fn decode_block(&mut self) -> Result<(), FillError> {
        self.need(3)?;
        let Some(&[a, b, c]) = self.octets.peek().first_chunk() else {
            return Ok(());
        };
        let header = u32::from_le_bytes([a, b, c, 0]);
        let size = match (header >> 1) & 3 {
            RLE_BLOCK => 1,
            _ => usize::try_from(header >> 3).unwrap_or(usize::MAX),
        };
        if size > MAX_BLOCK {
            return Err(damaged("a block is longer than 128 KiB"));
        }
        // The checksum follows the last block; the decoder reads it with the block.
        let checksum = match header & 1 {
            1 if self.has_checksum => 4,
            _ => 0,
        };
        let length = size.saturating_add(3).saturating_add(checksum);
        self.need(length)?;
        let mut source = self.octets.peek().get(..length).unwrap_or_default();
        let one = BlockDecodingStrategy::UptoBlocks(1);
        guarded(|| self.decoder.decode_blocks(&mut source, one))?;
        self.octets.pop(length);
        Ok(())
    }

    fn end_frame(&mut self) -> Result<(), FillError> {
        self.in_frame = false;
        let stated = self.decoder.get_checksum_from_data();
        match stated {
            Some(_) if stated != self.decoder.get_calculated_checksum() => {
                Err(damaged("the checksum of a frame does not match"))
            }
            _ => Ok(()),
        }
    }

    fn need(&mut self, count: usize) -> Result<(), FillError> {
        match self.octets.fill_to(count)? {
            true => Ok(()),
            false => Err(FillError::Truncated(Compression::Zstd)),
        }
    }
}

/// Runs the decoder. It is tested against hostile input by its authors but asserts what it
/// believes; a failed assertion is damage like any other.
fn guarded<T, E: std::fmt::Display>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, FillError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(damaged(&error.to_string())),
        Err(_) => Err(damaged("its blocks contradict themselves")),
    }
}

fn damaged(reason: &str) -> FillError {
    FillError::Damaged(Compression::Zstd, reason.to_owned())
}

const RLE_BLOCK: u32 = 1;
const MAX_BLOCK: usize = 128 << 10;
