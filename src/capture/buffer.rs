//! The refill buffer: octets that have arrived and wait to be parsed, in one contiguous slice.
//!
//! A record is parsed in place once it is complete. The buffer never waits for more than it was
//! asked for, and grows only to the longest record; the parsers bound what they ask for.

use super::{Compression, Error};
use std::io::{self, BufRead, ErrorKind, Read};

/// Where a [`RefillBuffer`] gets its octets.
pub(crate) trait Fill {
    /// Puts octets at the front of `into`, which is not empty, and says how many; 0 at the end.
    /// Returns what has arrived rather than wait for more.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, FillError>;

    /// Octets of memory held.
    fn held_bytes(&self) -> usize;
}

/// Why octets did not arrive; the buffer knows where.
#[derive(Debug)]
pub(crate) enum FillError {
    /// The operating system failed.
    Read(io::Error),
    /// The compressed stream ends early.
    Truncated(Compression),
    /// The compressed stream is damaged.
    Damaged(Compression, String),
    /// The compressed stream asks for more than is given.
    Unsupported(String, &'static str),
}

impl FillError {
    pub(crate) fn at(self, offset: u64) -> Error {
        match self {
            Self::Read(source) => Error::Read { offset, source },
            Self::Truncated(compression) => Error::CompressedTruncated { offset, compression },
            Self::Damaged(compression, reason) => Error::CompressedDamaged { offset, compression, reason },
            Self::Unsupported(what, advice) => Error::Unsupported { offset, what, advice },
        }
    }
}

/// Octets straight from a reader.
#[derive(Debug)]
pub(crate) struct Plain<R>(pub(crate) R);

impl<R: Read> Fill for Plain<R> {
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, FillError> {
        loop {
            match self.0.read(into) {
                // A reader that claims more than it was given room for is kept to the room.
                Ok(count) => return Ok(count.min(into.len())),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(FillError::Read(error)),
            }
        }
    }

    fn held_bytes(&self) -> usize {
        0
    }
}

/// Octets between a source and a parser.
#[derive(Debug)]
pub(crate) struct RefillBuffer<F> {
    source: F,
    octets: Vec<u8>,
    /// `octets[start..end]` have arrived and are not taken; `start <= end <= octets.len()`.
    start: usize,
    end: usize,
    /// Where `start` is in the stream.
    offset: u64,
    ended: bool,
}

impl<F: Fill> RefillBuffer<F> {
    pub(crate) fn new(source: F, capacity: usize) -> Self {
        Self { source, octets: vec![0; capacity], start: 0, end: 0, offset: 0, ended: false }
    }

    /// Waits until `wanted` octets are in [`peek`](Self::peek), growing if need be; `false` if the
    /// input ends before.
    #[inline]
    pub(crate) fn fill_to(&mut self, wanted: usize) -> Result<bool, FillError> {
        if self.end.saturating_sub(self.start) >= wanted {
            return Ok(true);
        }
        self.refill(wanted)
    }

    #[cold]
    fn refill(&mut self, wanted: usize) -> Result<bool, FillError> {
        if self.start > 0 {
            self.octets.copy_within(self.start..self.end, 0);
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
        }
        if wanted > self.octets.len() {
            self.octets.resize(wanted, 0);
        }
        while self.end < wanted {
            let room = self.octets.get_mut(self.end..).unwrap_or_default();
            if self.ended || room.is_empty() {
                return Ok(false);
            }
            match self.source.fill(room)? {
                0 => self.ended = true,
                count => self.end = self.end.saturating_add(count),
            }
        }
        Ok(true)
    }

    /// Moves octets to the front of `into`: what is here, or else straight from the source.
    pub(crate) fn drain_or_fill(&mut self, into: &mut [u8]) -> Result<usize, FillError> {
        let count = self.peek().len().min(into.len());
        if count == 0 {
            return match self.ended {
                true => Ok(0),
                false => self.source.fill(into),
            };
        }
        if let Some(room) = into.get_mut(..count) {
            room.copy_from_slice(self.pop(count));
        }
        Ok(count)
    }

    /// Makes room for at least `capacity` octets.
    pub(crate) fn grow(&mut self, capacity: usize) {
        if capacity > self.octets.len() {
            self.octets.resize(capacity, 0);
        }
    }

    /// All that has arrived and is not taken.
    #[inline]
    pub(crate) fn peek(&self) -> &[u8] {
        self.octets.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes `count` octets, or all there are, off the front.
    #[inline]
    pub(crate) fn pop(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.start = from.saturating_add(count).min(self.end);
        let taken = self.octets.get(from..self.start).unwrap_or_default();
        self.offset = self.offset.saturating_add(as_u64(taken.len()));
        taken
    }

    /// Where the front of [`peek`](Self::peek) is in the stream.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the end of [`peek`](Self::peek) is in the stream.
    pub(crate) fn end_offset(&self) -> u64 {
        self.offset.saturating_add(as_u64(self.peek().len()))
    }

    /// As [`fill_to`](Self::fill_to), with the place in the error.
    #[inline]
    pub(crate) fn require(&mut self, wanted: usize) -> Result<bool, Error> {
        match self.fill_to(wanted) {
            Ok(complete) => Ok(complete),
            Err(error) => Err(error.at(self.end_offset())),
        }
    }

    /// The error for an input that ends inside the record at the front.
    #[cold]
    pub(crate) fn truncated(&self, what: &'static str, needed: usize) -> Error {
        Error::Truncated { offset: self.offset, what, needed: as_u64(needed), present: as_u64(self.peek().len()) }
    }

    /// Octets of memory held, those of the source included.
    pub(crate) fn held_bytes(&self) -> usize {
        self.octets.capacity().saturating_add(self.source.held_bytes())
    }
}

/// For the gzip decoder, which reads through the buffer.
impl<R: Read> Read for RefillBuffer<Plain<R>> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for RefillBuffer<Plain<R>> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.fill_to(1) {
            Ok(_) => Ok(self.peek()),
            Err(FillError::Read(error)) => Err(error),
            Err(_) => Err(ErrorKind::Other.into()),
        }
    }

    fn consume(&mut self, count: usize) {
        self.pop(count);
    }
}

/// A length as an offset; lossless on every machine Rust runs on.
#[inline]
pub(crate) fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Hands out one octet a call.
    struct Dribble<'a>(&'a [u8]);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(into.len()).min(1);
            (&mut self.0).take(1).read(&mut into[..count])
        }
    }

    #[test]
    fn it_reads_no_further_than_asked_when_octets_dribble_in() {
        let mut buffer = RefillBuffer::new(Plain(Dribble(b"abcdef")), 4);
        assert!(buffer.fill_to(2).unwrap());
        assert_eq!(buffer.peek(), b"ab");
        assert_eq!(buffer.pop(1), b"a");
        assert!(buffer.fill_to(5).unwrap());
        assert_eq!((buffer.peek(), buffer.offset()), (&b"bcdef"[..], 1));
        assert!(!buffer.fill_to(6).unwrap());
        assert_eq!(buffer.pop(9), b"bcdef");
        assert_eq!(buffer.offset(), 6);
    }

    #[test]
    fn it_grows_to_the_longest_request_only() {
        let input = vec![7; 100_000];
        let mut buffer = RefillBuffer::new(Plain(&input[..]), 16);
        assert!(buffer.fill_to(1000).unwrap());
        assert!(buffer.held_bytes() < 3000);
        buffer.pop(1000);
        assert!(buffer.fill_to(1000).unwrap());
        assert!(buffer.held_bytes() < 3000);
    }
}
