//! Zstandard (RFC 8878).
//!
//! Frame and block headers are read here, so that memory is bounded by what a message can really
//! give rather than by what it claims; `ruzstd` reads the blocks, one at a time.

use super::{Fault, Form, MAX_MEMBERS, Output, Stop};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The zstd engine, reused from message to message.
pub(super) struct Zstd {
    decoder: FrameDecoder,
    window: usize,
}

impl Default for Zstd {
    fn default() -> Self {
        Self { decoder: FrameDecoder::new(), window: 0 }
    }
}

impl Zstd {
    /// Reads frames up to the end of `body`, passing over skippable ones.
    pub(super) fn decompress(&mut self, body: &[u8], out: &mut Output<'_>) -> (Form, Result<(), Stop>) {
        let mut frames = 0_u32;
        let mut at = 0;
        let result = loop {
            let rest = body.get(at..).unwrap_or_default();
            match rest.first_chunk().map(|magic| u32::from_le_bytes(*magic)) {
                None if rest.is_empty() && at > 0 => break Ok(()),
                None if frames > 0 => break Err(Fault::Trailing { octets: rest.len() }.into()),
                None => break Err(Fault::Truncated.into()),
                Some(SKIPPABLE_FIRST..=SKIPPABLE_LAST) => match skippable_end(rest) {
                    Some(length) => at = at.saturating_add(length),
                    None => break Err(Fault::Truncated.into()),
                },
                Some(MAGIC) if frames < MAX_MEMBERS => match self.frame(body, at, out) {
                    Ok(end) => {
                        at = end;
                        frames = frames.saturating_add(1);
                    }
                    Err(stop) => break Err(stop),
                },
                Some(MAGIC) => break Err(Fault::Members { limit: MAX_MEMBERS }.into()),
                Some(_) if frames > 0 => break Err(Fault::Trailing { octets: rest.len() }.into()),
                Some(_) => break Err(Fault::Header { at }.into()),
            }
        };
        (Form::Zstd { frames }, result)
    }

    pub(super) fn held_bytes(&self) -> usize {
        // The window, a block on top of it, and the entropy tables.
        self.window.saturating_add(MAX_BLOCK).saturating_add(64 << 10)
    }

    /// Reads the frame that begins at `at`; returns where it ends.
    fn frame(&mut self, body: &[u8], at: usize, out: &mut Output<'_>) -> Result<usize, Stop> {
        let start = out.octets.len();
        let header = FrameHeader::parse(body.get(at..).unwrap_or_default(), at)?;
        let blocks_at = at.saturating_add(header.length);
        self.begin(&header, most_octets(body.get(blocks_at..).unwrap_or_default()), out)?;

        let mut block_at = blocks_at;
        loop {
            let rest = body.get(block_at..).unwrap_or_default();
            let block = Block::parse(rest, block_at);
            let block = match block {
                Ok(block) if block.length <= rest.len() => block,
                Ok(_) => return self.give_up(&header, Fault::Truncated, out),
                Err(fault) => return self.give_up(&header, fault, out),
            };
            let sum = if block.last && header.checksum { 4 } else { 0 };
            let end = block.length.saturating_add(sum);
            let Some(octets) = rest.get(..end) else {
                // Whole but for its checksum.
                let _ = self.decoder.decode_blocks(rest, BlockDecodingStrategy::UptoBlocks(1));
                return self.give_up(&header, Fault::Truncated, out);
            };
            if self.decoder.decode_blocks(octets, BlockDecodingStrategy::UptoBlocks(1)).is_err() {
                return self.give_up(&header, Fault::Corrupt { at: block_at }, out);
            }
            self.drain(out);
            if out.octets.len() > out.max {
                return out.trim().map(|()| block_at);
            }
            block_at = block_at.saturating_add(end);
            if block.last {
                break;
            }
        }
        let actual = u64::try_from(out.since(start).len()).unwrap_or(u64::MAX);
        if header.checksum && self.decoder.get_checksum_from_data() != self.decoder.get_calculated_checksum() {
            return Err(Fault::Checksum.into());
        }
        match header.content {
            Some(declared) if declared != actual => Err(Fault::Length { declared, actual }.into()),
            _ => Ok(block_at),
        }
    }

    /// Prepares the engine for a frame. It is shown a header of our own with the smallest window
    /// that serves: no more than the blocks can give, nor than is ever kept of the output.
    fn begin(&mut self, header: &FrameHeader, most: u64, out: &Output<'_>) -> Result<(), Stop> {
        let limit = u64::try_from(out.max.saturating_add(MAX_BLOCK)).unwrap_or(u64::MAX);
        let window = header.window.min(most).min(limit);
        let log = window.max(MIN_WINDOW).checked_next_power_of_two().map_or(64, u64::ilog2);
        if log > MAX_WINDOW_LOG {
            return Err(Fault::Window { octets: header.window }.into());
        }
        let exponent = u8::try_from(log.saturating_sub(10)).unwrap_or_default() << 3;
        let [a, b, c, d] = MAGIC.to_le_bytes();
        let shown = [a, b, c, d, if header.checksum { CHECKSUM } else { 0 }, exponent];
        self.window = self.window.max(1 << log);
        self.decoder.reset(&shown[..]).map_err(|_| Fault::Window { octets: header.window }.into())
    }

    /// Takes what the engine need not keep for later distances.
    fn drain(&mut self, out: &mut Output<'_>) {
        // Writing to a vector cannot fail.
        let _ = self.decoder.collect_to_writer(&mut *out.octets);
    }

    /// Takes everything the engine has: an empty last block makes it let go of its window.
    fn give_up(&mut self, header: &FrameHeader, fault: Fault, out: &mut Output<'_>) -> Result<usize, Stop> {
        if !self.decoder.is_finished() {
            let last = [1, 0, 0, 0, 0, 0, 0];
            let length = if header.checksum { 7 } else { 3 };
            let last = last.get(..length).unwrap_or_default();
            let _ = self.decoder.decode_blocks(last, BlockDecodingStrategy::UptoBlocks(1));
        }
        self.drain(out);
        out.trim()?;
        Err(fault.into())
    }
}

/// What a frame says of itself (RFC 8878 §3.1.1.1).
struct FrameHeader {
    length: usize,
    window: u64,
    content: Option<u64>,
    checksum: bool,
}

impl FrameHeader {
    fn parse(frame: &[u8], at: usize) -> Result<Self, Fault> {
        const SINGLE_SEGMENT: u8 = 0x20;
        const RESERVED: u8 = 0x08;

        let (&[_, _, _, _, descriptor], mut rest) = frame.split_first_chunk().ok_or(Fault::Truncated)?;
        if descriptor & RESERVED != 0 {
            return Err(Fault::Header { at });
        }
        let single = descriptor & SINGLE_SEGMENT != 0;
        let mut window = None;
        if !single {
            let (octet, after) = rest.split_first().ok_or(Fault::Truncated)?;
            let base = 1_u64 << (octet >> 3).saturating_add(10);
            let eighths = base.div_euclid(8).saturating_mul(u64::from(octet & 7));
            window = Some(base.saturating_add(eighths));
            rest = after;
        }
        let (dictionary, after) = number(rest, [0, 1, 2, 4], descriptor & 3)?;
        if let Some(id @ 1..) = dictionary {
            return Err(Fault::Dictionary { id: u32::try_from(id).unwrap_or(u32::MAX) });
        }
        let sizes = [if single { 1 } else { 0 }, 2, 4, 8];
        let (mut content, after) = number(after, sizes, descriptor >> 6)?;
        if descriptor >> 6 == 1 {
            content = content.map(|size| size.saturating_add(256));
        }
        Ok(Self {
            length: frame.len().saturating_sub(after.len()),
            window: window.or(content).unwrap_or_default(),
            content,
            checksum: descriptor & CHECKSUM != 0,
        })
    }
}

/// A block's header (RFC 8878 §3.1.1.2).
struct Block {
    last: bool,
    /// With its header.
    length: usize,
    /// The most octets it can give.
    most: u64,
}

impl Block {
    fn parse(rest: &[u8], at: usize) -> Result<Self, Fault> {
        let (&[a, b, c], _) = rest.split_first_chunk().ok_or(Fault::Truncated)?;
        let header = u32::from_le_bytes([a, b, c, 0]);
        let size = header >> 3;
        let full = u64::try_from(MAX_BLOCK).unwrap_or(u64::MAX);
        let (content, most) = match (header >> 1) & 3 {
            0 => (size, u64::from(size)),
            1 => (1, u64::from(size)),
            2 => (size, full),
            _ => return Err(Fault::Corrupt { at }),
        };
        if u64::from(size) > full {
            return Err(Fault::Corrupt { at });
        }
        let length = usize::try_from(content).unwrap_or(usize::MAX).saturating_add(3);
        Ok(Self { last: header & 1 == 1, length, most })
    }
}

/// The most octets the blocks at the front of `blocks` can give.
fn most_octets(blocks: &[u8]) -> u64 {
    let mut rest = blocks;
    let mut most = 0_u64;
    while let Ok(block) = Block::parse(rest, 0) {
        most = most.saturating_add(block.most);
        rest = rest.get(block.length..).unwrap_or_default();
        if block.last {
            break;
        }
    }
    most
}

/// A little-endian number whose size the header gives by `index`; `None` where the size is 0.
fn number(octets: &[u8], sizes: [usize; 4], index: u8) -> Result<(Option<u64>, &[u8]), Fault> {
    let size = sizes.get(usize::from(index)).copied().unwrap_or_default();
    let (field, rest) = octets.split_at_checked(size).ok_or(Fault::Truncated)?;
    let value = field.iter().rev().fold(0_u64, |value, octet| (value << 8) | u64::from(*octet));
    Ok(((size > 0).then_some(value), rest))
}

/// The length of a skippable frame with its header, if it is all there (RFC 8878 §3.1.2).
fn skippable_end(rest: &[u8]) -> Option<usize> {
    let (&[_, _, _, _, a, b, c, d], _) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?.checked_add(8)?;
    (length <= rest.len()).then_some(length)
}

const MAGIC: u32 = 0xfd2f_b528;
const SKIPPABLE_FIRST: u32 = 0x184d_2a50;
const SKIPPABLE_LAST: u32 = 0x184d_2a5f;
const CHECKSUM: u8 = 0x04;
/// Decompressed octets a block may hold (RFC 8878 §3.1.1.2.4).
const MAX_BLOCK: usize = 128 << 10;
const MIN_WINDOW: u64 = 1 << 10;
/// 64 MiB: only reached when the caller's own limit is that high.
const MAX_WINDOW_LOG: u32 = 26;
