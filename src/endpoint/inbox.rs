//! The messages of one direction of a call, cut out of its DATA (gRPC PROTOCOL-HTTP2, Length-Prefixed-Message).
//!
//! Packed messages stay packed here: what they unpack to is made when somebody takes it, see `queue`.

use super::compression::{self, Compression, Packing};
use crate::grpc::status::Status;

/// Octets before each message: a flag, and the length.
pub const ENVELOPE: usize = 5;

/// The largest message taken by default, in octets, packed or not, as in grpc-go.
pub const LARGEST_MESSAGE: usize = 4 << 20;

/// Collects octets until they are messages.
#[derive(Debug)]
pub struct Inbox {
    octets: Vec<u8>,
    /// Octets at the front that were handed out as messages.
    taken: usize,
    /// Octets given back to the peer before their message was whole.
    advanced: usize,
    packing: Packing,
    /// The largest message taken, in octets.
    largest: usize,
}

/// A whole message, perhaps packed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parcel {
    /// Without envelope.
    pub octets: Vec<u8>,
    /// Whether it is packed, with gzip.
    pub packed: bool,
}

impl Parcel {
    /// Octets it took on the wire, with its envelope.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.octets.len().saturating_add(ENVELOPE)
    }
}

/// Why a message is not taken, as the status that says so and its words.
pub type Refusal = (Status, &'static str);

impl Inbox {
    /// An inbox for messages packed as the peer has said, and of `largest` octets at most.
    #[must_use]
    pub const fn new(packing: Packing, largest: usize) -> Self {
        Self { octets: Vec::new(), taken: 0, advanced: 0, packing, largest }
    }

    /// Says how messages from now on are packed.
    pub const fn set_packing(&mut self, packing: Packing) {
        self.packing = packing;
    }

    /// Takes the content of a DATA frame.
    pub fn push(&mut self, octets: &[u8]) {
        self.octets.drain(..std::mem::take(&mut self.taken).min(self.octets.len()));
        self.octets.extend_from_slice(octets);
    }

    /// The next whole message, without its envelope.
    ///
    /// # Errors
    ///
    /// For a message that is too large, or packed otherwise than was agreed upon.
    pub fn message(&mut self) -> Result<Option<Parcel>, Refusal> {
        let Some(([flag, length @ ..], rest)) = self.pending_octets().split_first_chunk::<ENVELOPE>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let packed = match (flag, self.packing) {
            (0, _) => false,
            (1, Packing::Gzip) => true,
            (1, Packing::None) => return Err((Status::INTERNAL, "a packed message without grpc-encoding")),
            (1, Packing::Unknown) => {
                return Err((Status::INTERNAL, "a message packed with an encoding that this end does not know"));
            }
            _ => return Err((Status::INTERNAL, "the flag before a message is neither 0 nor 1")),
        };
        if length > self.largest {
            return Err((Status::RESOURCE_EXHAUSTED, "a message is larger than this end takes"));
        }
        let Some(octets) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.taken = self.taken.saturating_add(length).saturating_add(ENVELOPE);
        Ok(Some(Parcel { octets, packed }))
    }

    /// Octets of a message that is not whole yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending_octets().len()
    }

    /// Octets to give back now, although their message is not whole: one larger than the window would else wait for ever.
    pub fn advance(&mut self) -> usize {
        let ahead = self.pending().saturating_sub(self.advanced);
        self.advanced = self.advanced.saturating_add(ahead);
        ahead
    }

    /// Octets to give back for a message of `size` octets that was taken: those not given back in advance.
    pub fn settle(&mut self, size: usize) -> usize {
        let before = size.min(self.advanced);
        self.advanced = self.advanced.saturating_sub(before);
        size.saturating_sub(before)
    }

    /// The memory held, in octets.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.octets.capacity()
    }

    fn pending_octets(&self) -> &[u8] {
        self.octets.get(self.taken..).unwrap_or_default()
    }
}

/// A message in its envelope, not packed.
#[must_use]
pub fn envelope(message: &[u8]) -> Vec<u8> {
    compression::envelope(message, Compression::Identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_out_wherever_frames_end() {
        let octets = [envelope(b"one"), envelope(b""), envelope(b"three")].concat();
        for piece in 1..octets.len() {
            let (mut inbox, mut found) = (Inbox::new(Packing::None, 100), Vec::new());
            for piece in octets.chunks(piece) {
                inbox.push(piece);
                while let Some(message) = inbox.message().unwrap() {
                    found.push(message.octets);
                }
            }
            assert_eq!(found, [&b"one"[..], b"", b"three"]);
            assert_eq!(inbox.pending(), 0);
        }
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_arrives() {
        let mut inbox = Inbox::new(Packing::None, 4 << 20);
        inbox.push(&[0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(inbox.message().unwrap_err().0, Status::RESOURCE_EXHAUSTED);
    }
}
