//! Buffers for messages that span frames, used again: new memory costs more than the copy into it.
//!
//! Large and small ones are kept apart, so that no small message holds a large buffer. What is kept is bounded.

/// Octets from which on a buffer is a large one.
const LARGE: usize = 256 << 10;
/// Buffers kept of each kind.
const KEPT: [usize; 2] = [64, 8];
/// Octets of large buffers kept, together.
const LARGE_OCTETS: usize = 8 << 20;

/// Empty buffers.
#[derive(Debug, Default)]
pub(super) struct Pool {
    small: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
    large_octets: usize,
}

impl Pool {
    /// A buffer for a message of `length` octets, with room for few of them or more, but for no more than `most` where it is a large one.
    pub(super) fn take(&mut self, length: usize, most: usize) -> Vec<u8> {
        if length < LARGE {
            return self.small.pop().unwrap_or_default();
        }
        match self.large.pop_if(|buffer| buffer.capacity() <= most) {
            Some(buffer) => {
                self.large_octets = self.large_octets.saturating_sub(buffer.capacity());
                buffer
            }
            None => Vec::new(),
        }
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        let [small, large] = KEPT;
        let octets = self.large_octets.saturating_add(buffer.capacity());
        buffer.clear();
        if buffer.capacity() < LARGE {
            if self.small.len() < small {
                self.small.push(buffer);
            }
        } else if self.large.len() < large && octets <= LARGE_OCTETS {
            self.large_octets = octets;
            self.large.push(buffer);
        }
    }

    /// Octets of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        self.small.iter().fold(self.large_octets, |sum, buffer| sum.saturating_add(buffer.capacity()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_message_never_gets_a_large_buffer() {
        let mut pool = Pool::default();
        pool.recycle(Vec::with_capacity(1 << 20));
        assert_eq!(pool.take(100, usize::MAX).capacity(), 0);
        assert_eq!(pool.take(LARGE, LARGE).capacity(), 0);
        assert!(pool.take(LARGE, usize::MAX).capacity() >= 1 << 20);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut pool = Pool::default();
        for _ in 0..100 {
            pool.recycle(Vec::with_capacity(3 << 20));
            pool.recycle(Vec::with_capacity(1 << 10));
        }
        assert!(pool.held_bytes() <= LARGE_OCTETS + 64 * (2 << 10));
    }
}
