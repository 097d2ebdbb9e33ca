//! Sequence numbers, which wrap (RFC 9293 §3.4): never a naked `u32`.

/// A TCP sequence or acknowledgment number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// The number `octets` further on.
    #[must_use]
    pub const fn add(self, octets: u32) -> Self {
        Self(self.0.wrapping_add(octets))
    }

    /// How far this number lies beyond `earlier`; negative when it lies before. Exact within half the number space.
    #[must_use]
    pub const fn distance(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_signed_across_the_wrap() {
        assert_eq!(SeqNumber(5).distance(SeqNumber(u32::MAX - 4)), 10);
        assert_eq!(SeqNumber(u32::MAX - 4).distance(SeqNumber(5)), -10);
    }
}
