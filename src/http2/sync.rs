//! Finding frames without the beginning: plausible headers that chain (RFC 9113 §4.1, §6).
//!
//! Used when a capture starts in the middle of a connection, and after octets were lost. A single header is weak evidence; a chain of
//! them, or one that ends just where the segment ends, is not chance.

use super::frame::{FrameHeader, FrameType, HEADER_OCTETS, StreamId, defined_flags};

/// How much must be shown before frames are believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Evidence {
    /// The connection is known to be HTTP/2; only the place is sought.
    Place {
        /// The largest payload that content or a header block may have, although nothing has shown that the receiver takes it: as much
        /// as is waited for, so that what follows the frame can prove it.
        longest: u32,
    },
    /// Nothing is known: the octets might be of any protocol.
    Protocol,
}

/// What a search found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Search {
    /// Frames begin at this octet.
    Found(usize),
    /// Perhaps from this octet on; more octets will tell. Everything before it is no beginning.
    Perhaps(usize),
}

/// The largest payload of any frame that is believed: what every peer accepts (§6.5.2), or what this connection has shown.
pub const DEFAULT_MAX_FRAME: u32 = 16_384;

/// The largest payload a header can announce.
const MOST_FRAME: u32 = (1 << 24) - 1;

/// Looks for the first octet of `octets`, from `from` on, at which frames begin. `octets` ends where a segment ends.
#[must_use]
pub fn find(octets: &[u8], from: usize, max_frame: u32, evidence: Evidence) -> Search {
    let mut perhaps = None;
    let mut at = from;
    while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
        match chain(rest, max_frame, evidence) {
            Chain::Broken => {}
            chain if is_enough(chain, at == 0, evidence) => return Search::Found(at),
            _ => {
                perhaps.get_or_insert(at);
            }
        }
        at = at.saturating_add(1);
    }
    Search::Perhaps(perhaps.unwrap_or(octets.len()))
}

/// What chains from the first octet on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Chain {
    /// A header that cannot be one.
    Broken,
    /// The octets end just where a frame ends; the weight of the frames.
    Exact(u32),
    /// The octets end inside a frame; the weight of the whole frames before it.
    Open(u32),
}

fn is_enough(chain: Chain, at_segment_start: bool, evidence: Evidence) -> bool {
    match (chain, evidence) {
        (Chain::Broken, _) => false,
        (Chain::Exact(weight), Evidence::Place { .. }) => weight >= if at_segment_start { 1 } else { 2 },
        (Chain::Open(weight), Evidence::Place { .. }) => weight >= if at_segment_start { 2 } else { 3 },
        (Chain::Exact(weight), Evidence::Protocol) => weight >= 2,
        (Chain::Open(weight), Evidence::Protocol) => weight >= 3,
    }
}

fn chain(mut octets: &[u8], max_frame: u32, evidence: Evidence) -> Chain {
    /// Weight beyond which more frames prove nothing more.
    const ENOUGH: u32 = 8;
    let mut weight = 0_u32;
    loop {
        if octets.is_empty() {
            return Chain::Exact(weight);
        }
        let Some(header) = FrameHeader::first(octets) else {
            let most = if let Evidence::Place { longest } = evidence { max_frame.max(longest) } else { max_frame };
            return if begins_like_a_header(octets, most) { Chain::Open(weight) } else { Chain::Broken };
        };
        let most = match (is_long(header.kind()), evidence) {
            (false, _) => max_frame,
            // Behind a frame that is plausible such a frame may be as long as any peer may allow.
            (true, _) if weight > 0 => MOST_FRAME,
            (true, Evidence::Place { longest }) => max_frame.max(longest),
            (true, Evidence::Protocol) => max_frame,
        };
        let Some(worth) = plausibility(header, most) else { return Chain::Broken };
        let length = usize::try_from(header.length()).unwrap_or(usize::MAX).saturating_add(HEADER_OCTETS);
        let Some(rest) = octets.get(length..) else { return Chain::Open(weight) };
        weight = weight.saturating_add(worth);
        if weight >= ENOUGH {
            return Chain::Exact(weight);
        }
        octets = rest;
    }
}

/// Whether peers that have agreed on it send frames of this type that are longer than every peer accepts.
const fn is_long(kind: FrameType) -> bool {
    matches!(kind, FrameType::DATA | FrameType::HEADERS | FrameType::PUSH_PROMISE | FrameType::CONTINUATION)
}

/// The worth of a header as evidence: 2 where type, length and stream bind each other, 1 where less is fixed, `None` where it cannot be.
fn plausibility(header: FrameHeader, max_frame: u32) -> Option<u32> {
    let (length, stream) = (header.length(), header.stream());
    let defined = defined_flags(header.kind()).iter().fold(0, |all, (bit, _)| all | bit);
    let legal_flags = header.flags().0 & !defined == 0;
    if header.reserved_bit() || !legal_flags || length > max_frame {
        return None;
    }
    let connection = stream == StreamId::CONNECTION;
    let on_stream = !connection && stream.is_client_initiated();
    let (possible, worth) = match header.kind() {
        FrameType::DATA | FrameType::HEADERS => (on_stream, 1),
        FrameType::PRIORITY => (!connection && length == 5, 2),
        FrameType::RST_STREAM => (on_stream && length == 4, 2),
        FrameType::SETTINGS => {
            (connection && length.is_multiple_of(6) && length <= 600 && !(header.is_ack() && length > 0), 2)
        }
        FrameType::PUSH_PROMISE => (on_stream && length >= 4, 1),
        FrameType::PING => (connection && length == 8, 2),
        FrameType::GOAWAY => (connection && length >= 8, 1),
        FrameType::WINDOW_UPDATE => ((connection || on_stream) && length == 4, 2),
        FrameType::CONTINUATION => (on_stream, 1),
        FrameType::ALTSVC => (length >= 2, 1),
        FrameType::ORIGIN => (connection, 1),
        FrameType::PRIORITY_UPDATE => (connection && length >= 4, 1),
        _ => (false, 0),
    };
    possible.then_some(worth)
}

/// Whether fewer than nine octets could be the start of a header.
fn begins_like_a_header(octets: &[u8], max_frame: u32) -> bool {
    let mut padded = [0; HEADER_OCTETS];
    for (to, from) in padded.iter_mut().zip(octets) {
        *to = *from;
    }
    let header = FrameHeader::new(padded);
    let length_fits = octets.len() < 3 || header.length() <= max_frame;
    let kind_fits = octets.len() < 4 || header.kind().name().is_some();
    length_fits && kind_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const PLACE: Evidence = Evidence::Place { longest: 60_000 };
    const DATA: &[u8] = &[0, 0, 3, 0, 0, 0, 0, 0, 5, b'a', b'b', b'c'];

    #[test]
    fn one_ping_that_fills_its_segment_is_http2() {
        assert_eq!(find(PING, 0, DEFAULT_MAX_FRAME, Evidence::Protocol), Search::Found(0));
    }

    #[test]
    fn one_data_frame_proves_a_place_but_not_a_protocol() {
        assert_eq!(find(DATA, 0, DEFAULT_MAX_FRAME, PLACE), Search::Found(0));
        assert_eq!(find(DATA, 0, DEFAULT_MAX_FRAME, Evidence::Protocol), Search::Perhaps(0));
    }

    #[test]
    fn frames_are_found_behind_the_rest_of_a_lost_one() {
        let octets = [b"the end of something", PING, DATA].concat();
        assert_eq!(find(&octets, 0, DEFAULT_MAX_FRAME, PLACE), Search::Found(20));
    }

    #[test]
    fn text_is_not_frames() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".repeat(40);
        assert!(!matches!(find(&text, 0, DEFAULT_MAX_FRAME, Evidence::Protocol), Search::Found(_)));
    }
    /// HEADERS of stream 5 with this many octets, all of them `octet`.
    fn headers(octet: u8, length: usize) -> Vec<u8> {
        let [.., a, b, c] = length.to_be_bytes();
        [&[a, b, c, 1, 4, 0, 0, 0, 5][..], &vec![octet; length]].concat()
    }

    #[test]
    fn a_header_block_longer_than_every_peer_accepts_is_believed_when_frames_follow_it() {
        let headers = headers(0xbf, 30_000);
        let octets = [&headers, DATA].concat();
        for end in [1, 9, 1_400, 20_000, octets.len() - 1] {
            assert_eq!(find(&octets[..end], 0, DEFAULT_MAX_FRAME, PLACE), Search::Perhaps(0), "{end}");
        }
        assert_eq!(find(&octets, 0, DEFAULT_MAX_FRAME, PLACE), Search::Found(0));
        assert_eq!(find(&octets, 0, DEFAULT_MAX_FRAME, Evidence::Protocol), Search::Perhaps(30_009));
    }

    #[test]
    fn a_long_header_block_that_no_frame_follows_is_not_believed() {
        let octets = [&headers(0xbf, 30_000), b"no frame at all".as_slice()].concat();
        assert!(matches!(find(&octets, 0, DEFAULT_MAX_FRAME, PLACE), Search::Perhaps(at) if at > 30_009));
        let octets = headers(0xbf, 70_000);
        let found = find(&octets[..20_000], 0, DEFAULT_MAX_FRAME, PLACE);
        assert!(matches!(found, Search::Perhaps(at) if at > 9), "longer than is waited for");
    }
}
