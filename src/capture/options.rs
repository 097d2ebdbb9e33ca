//! pcapng options: code, length and value, padded to four octets (draft-ietf-opsawg-pcapng §3.5).
//!
//! Options are read when somebody asks; walking them allocates nothing. What a code means depends on
//! the block it stands in, which the caller knows.

use super::byte_order::ByteOrder;

/// The options of one block, undecoded. Iterating yields each up to the end-of-options option, the end of
/// the block, or damage (see [`is_intact`](Self::is_intact)).
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    octets: &'a [u8],
    order: ByteOrder,
}

/// One option.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OptionField<'a> {
    /// What it says; codes from 2 have a meaning per block type.
    pub code: u16,
    /// Its value without padding, in the byte order of its section.
    pub value: &'a [u8],
}

impl<'a> Options<'a> {
    pub(crate) fn new(octets: &'a [u8], order: ByteOrder) -> Self {
        Self { octets, order }
    }

    /// No options.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(&[], ByteOrder::Little)
    }

    /// The values of all `opt_comment`, in order: text without a terminator, UTF-8 by the standard,
    /// unchecked.
    pub fn comments(self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.filter(|option| option.code == COMMENT).map(|option| option.value)
    }

    /// Whether the options end where an option ends, rather than inside one.
    pub fn is_intact(self) -> bool {
        let mut rest = self;
        while rest.next().is_some() {}
        rest.octets.is_empty()
    }

    /// Whether there are none at all.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.octets.is_empty()
    }

    /// `epb_flags` or `pack_flags`; meaningful for the options of a packet only.
    pub(crate) fn packet_flags(self) -> Option<PacketFlags> {
        self.u32(PACKET_FLAGS).map(PacketFlags)
    }

    pub(crate) fn value(mut self, code: u16) -> Option<&'a [u8]> {
        self.find(|option| option.code == code).map(|option| option.value)
    }

    pub(crate) fn u8(self, code: u16) -> Option<u8> {
        match self.value(code) {
            Some([value]) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn u32(self, code: u16) -> Option<u32> {
        let value = self.value(code)?.try_into().ok()?;
        Some(self.order.u32(value))
    }

    pub(crate) fn u64(self, code: u16) -> Option<u64> {
        let value = self.value(code)?.try_into().ok()?;
        Some(self.order.u64(value))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = OptionField<'a>;

    fn next(&mut self) -> Option<OptionField<'a>> {
        let (&[a, b, c, d], rest) = self.octets.split_first_chunk()?;
        let (code, length) = (self.order.u16([a, b]), self.order.u16([c, d]));
        if code == END_OF_OPTIONS {
            self.octets = &[];
            return None;
        }
        let (value, rest) = rest.split_at_checked(usize::from(length))?;
        // The padding of the last option may be missing.
        let padding = value.len().wrapping_neg() % 4;
        self.octets = rest.get(padding..).unwrap_or_default();
        Some(OptionField { code, value })
    }
}

/// Direction and link-layer details of a packet (draft-ietf-opsawg-pcapng §4.3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PacketFlags(pub u32);

impl PacketFlags {
    /// Which way the packet went through the capturing interface, if known.
    pub fn direction(self) -> Option<CapturedDirection> {
        match self.0 & 3 {
            1 => Some(CapturedDirection::Inbound),
            2 => Some(CapturedDirection::Outbound),
            _ => None,
        }
    }

    /// Octets of frame check sequence at the end of the data, if the capture says.
    pub fn fcs_octets(self) -> Option<u8> {
        match (self.0 >> 5) & 0xf {
            0 => None,
            octets => u8::try_from(octets).ok(),
        }
    }
}

/// Which way a packet went through the capturing interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CapturedDirection {
    /// Received by the capturing host.
    Inbound,
    /// Sent by the capturing host.
    Outbound,
}

const END_OF_OPTIONS: u16 = 0;
pub(crate) const COMMENT: u16 = 1;
const PACKET_FLAGS: u16 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn values(octets: &[u8]) -> (Vec<(u16, Vec<u8>)>, bool) {
        let options = Options::new(octets, ByteOrder::Big);
        let fields = options.map(|option| (option.code, option.value.to_vec()));
        (fields.collect(), options.is_intact())
    }

    #[test]
    fn options_end_at_the_end_marker_or_at_the_end_of_the_block() {
        let marked = b"\0\x01\0\x03abc\0\0\x07\0\0\0\0\0\0junk";
        let open = b"\0\x01\0\x03abc\0\0\x07\0\0";
        let expected = vec![(1, b"abc".to_vec()), (7, vec![])];
        assert_eq!(values(marked), (expected.clone(), true));
        assert_eq!(values(open), (expected, true));
    }

    #[test]
    fn an_option_longer_than_its_block_ends_the_list_and_shows() {
        assert_eq!(values(b"\0\x01\0\x01a\0\0\0\0\x01\0\x09abc\0"), (vec![(1, b"a".to_vec())], false));
        assert_eq!(values(b"\0\x01"), (vec![], false));
    }
}
