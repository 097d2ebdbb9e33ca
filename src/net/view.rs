//! A view of the octets not yet read: what was captured of them, and how many there were on the wire.
//!
//! Both lengths shrink together as headers are taken off. It knows nothing of any protocol.

use super::datagram::Datagram;
use super::outcome::{Fault, Layer, NotTcp};
use super::walk::Stop;

/// The rest of a packet (or of a reassembled datagram), from the header that is read next.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    octets: &'a [u8],
    /// Where `octets` begins in the packet or datagram.
    start: usize,
    /// Octets from `start` to the end on the wire; less than `octets.len()` never, more when the capture cut them.
    wire: usize,
}

impl<'a> View<'a> {
    pub(super) fn packet(data: &'a [u8], original_length: u32) -> Self {
        let original = usize::try_from(original_length).unwrap_or(usize::MAX);
        Self { octets: data, start: 0, wire: original.max(data.len()) }
    }

    /// What follows `headers` octets of a packet, of which there were `wire` octets.
    #[inline]
    pub(super) fn behind(data: &'a [u8], headers: usize, wire: usize) -> Self {
        let rest = data.get(headers..).unwrap_or_default();
        Self { octets: rest.get(..wire).unwrap_or(rest), start: headers, wire }
    }

    pub(super) fn datagram(datagram: &'a Datagram) -> Self {
        Self::packet(&datagram.octets, datagram.wire)
    }

    pub(super) fn octets(&self) -> &'a [u8] {
        self.octets
    }

    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The view without its octets, to be applied to the same ones again.
    pub(super) fn extent(&self) -> Extent {
        Extent { start: self.start, captured: self.octets.len(), wire: self.wire }
    }

    pub(super) fn wire(&self) -> usize {
        self.wire
    }

    /// The next `N` octets, left in place.
    pub(super) fn peek<const N: usize>(&self, layer: Layer) -> Result<&'a [u8; N], Stop> {
        match self.octets.first_chunk() {
            Some(header) => Ok(header),
            None => Err(self.short(layer, N)),
        }
    }

    /// Takes the next `N` octets off.
    pub(super) fn take<const N: usize>(&mut self, layer: Layer) -> Result<&'a [u8; N], Stop> {
        let header = self.peek(layer)?;
        self.skip(N, layer)?;
        Ok(header)
    }

    /// Takes `length` octets off unread.
    #[inline]
    pub(super) fn skip(&mut self, length: usize, layer: Layer) -> Result<(), Stop> {
        let Some(rest) = self.octets.get(length..) else {
            return Err(self.short(layer, length));
        };
        self.octets = rest;
        self.start = self.start.saturating_add(length);
        self.wire = self.wire.saturating_sub(length);
        Ok(())
    }

    /// Believes a length field: the view ends `length` octets from here, whether captured or not.
    #[inline]
    pub(super) fn limit(&mut self, length: usize) {
        self.octets = self.octets.get(..length).unwrap_or(self.octets);
        self.wire = length;
    }

    /// Why a header of `need` octets cannot be read: the capture cut it, or the packet itself ends before it does.
    #[cold]
    pub(super) fn short(&self, layer: Layer, need: usize) -> Stop {
        if need <= self.wire { Stop::NotTcp(NotTcp::Cut(layer)) } else { self.fault(layer, Fault::Truncated) }
    }

    /// A fault of the header that begins here.
    #[cold]
    pub(super) fn fault(&self, layer: Layer, what: Fault) -> Stop {
        Stop::Malformed { layer, what, at: self.start }
    }
}

/// Where a view lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    start: usize,
    captured: usize,
    wire: usize,
}

impl Extent {
    /// The view of `all` here, where it was taken from.
    pub(super) fn of(self, all: &[u8]) -> View<'_> {
        let rest = all.get(self.start..).unwrap_or_default();
        View { octets: rest.get(..self.captured).unwrap_or(rest), start: self.start, wire: self.wire }
    }
}
