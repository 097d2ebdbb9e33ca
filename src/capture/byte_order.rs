//! Integers of a capture file, in the byte order that the file or section announces.

/// The byte order of a pcap file or of a pcapng section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ByteOrder {
    /// Least significant octet first.
    Little,
    /// Most significant octet first.
    Big,
}

impl ByteOrder {
    #[inline]
    pub(crate) fn u16(self, octets: [u8; 2]) -> u16 {
        self.ordered(u16::from_le_bytes(octets), u16::swap_bytes)
    }

    #[inline]
    pub(crate) fn u32(self, octets: [u8; 4]) -> u32 {
        self.ordered(u32::from_le_bytes(octets), u32::swap_bytes)
    }

    #[inline]
    pub(crate) fn u64(self, octets: [u8; 8]) -> u64 {
        self.ordered(u64::from_le_bytes(octets), u64::swap_bytes)
    }

    /// One load, then a swap if need be: that compiles to less than two ways to load.
    #[inline]
    fn ordered<T>(self, little: T, swap: impl Fn(T) -> T) -> T {
        match self {
            Self::Little => little,
            Self::Big => swap(little),
        }
    }

    /// The first `N` fields of four octets, if there are as many.
    #[inline]
    pub(crate) fn words<const N: usize>(self, octets: &[u8]) -> Option<[u32; N]> {
        let (fields, _) = octets.as_chunks();
        let fields: &[[u8; 4]; N] = fields.first_chunk()?;
        Some(fields.map(|octets| self.u32(octets)))
    }

    /// The first four octets, if there are four.
    #[inline]
    pub(crate) fn first_u32(self, octets: &[u8]) -> Option<u32> {
        octets.first_chunk().map(|octets| self.u32(*octets))
    }

    /// The last four octets, if there are four.
    #[inline]
    pub(crate) fn last_u32(self, octets: &[u8]) -> Option<u32> {
        octets.last_chunk().map(|octets| self.u32(*octets))
    }
}
