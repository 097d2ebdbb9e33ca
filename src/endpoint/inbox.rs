//! The messages of one direction of a call, cut out of its DATA (gRPC PROTOCOL-HTTP2, Length-Prefixed-Message).

use crate::grpc::status::Status;

/// Octets before each message: a flag, and the length.
pub const ENVELOPE: usize = 5;

/// The largest message taken, in octets, as in grpc-go.
pub const LARGEST_MESSAGE: usize = 4 << 20;

/// Collects octets until they are messages.
#[derive(Debug, Default)]
pub struct Inbox {
    octets: Vec<u8>,
    /// Octets at the front that were handed out as messages.
    taken: usize,
}

/// Why a message is not taken, as the status that says so and its words.
pub type Refusal = (Status, &'static str);

impl Inbox {
    /// Takes the content of a DATA frame.
    pub fn push(&mut self, octets: &[u8]) {
        self.octets.drain(..std::mem::take(&mut self.taken).min(self.octets.len()));
        self.octets.extend_from_slice(octets);
    }

    /// The next whole message, without its envelope.
    ///
    /// # Errors
    ///
    /// For a message that is too large, or compressed although no encoding was agreed upon.
    pub fn message(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(([flag, length @ ..], rest)) = self.pending_octets().split_first_chunk::<ENVELOPE>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        match flag {
            0 => {}
            1 => return Err((Status::UNIMPLEMENTED, "a compressed message without an encoding that this end knows")),
            _ => return Err((Status::INTERNAL, "the flag before a message is neither 0 nor 1")),
        }
        if length > LARGEST_MESSAGE {
            return Err((Status::RESOURCE_EXHAUSTED, "a message is larger than 4 MiB"));
        }
        let Some(message) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.taken = self.taken.saturating_add(length).saturating_add(ENVELOPE);
        Ok(Some(message))
    }

    /// Octets of a message that is not whole yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending_octets().len()
    }

    fn pending_octets(&self) -> &[u8] {
        self.octets.get(self.taken..).unwrap_or_default()
    }
}

/// A message in its envelope.
#[must_use]
pub fn envelope(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut octets = Vec::with_capacity(message.len().saturating_add(ENVELOPE));
    octets.push(0);
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(message);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_out_wherever_frames_end() {
        let octets = [envelope(b"one"), envelope(b""), envelope(b"three")].concat();
        for piece in 1..octets.len() {
            let (mut inbox, mut found) = (Inbox::default(), Vec::new());
            for piece in octets.chunks(piece) {
                inbox.push(piece);
                while let Some(message) = inbox.message().unwrap() {
                    found.push(message);
                }
            }
            assert_eq!(found, [&b"one"[..], b"", b"three"]);
            assert_eq!(inbox.pending(), 0);
        }
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_arrives() {
        let mut inbox = Inbox::default();
        inbox.push(&[0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(inbox.message().unwrap_err().0, Status::RESOURCE_EXHAUSTED);
    }
}
