//! Header blocks of the peer: put together, decoded, and what their place in a stream demands (RFC 9113 §4.3, §8.1).
//!
//! What the fields mean is read by [`client`](super::client) and [`server`](super::server).

use super::connection::{Connection, Event, Side};
use super::fields::{Fields, Kind};
use super::receive::{Judged, Wrong, broken, nuisance};
use super::stream::Stream;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::{Flags, FrameHeader, StreamId};

/// A header block whose end has not come.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: StreamId,
    pub(super) end_stream: bool,
    pub(super) octets: Vec<u8>,
}

impl Block {
    pub(super) const fn held_bytes(&self) -> usize {
        self.octets.capacity()
    }
}

impl Connection {
    /// Takes a piece of a header block; the block, if it ends here.
    pub(super) fn fragment(&mut self, mut block: Block, header: FrameHeader, fragment: &[u8]) -> Judged {
        block.octets.extend_from_slice(fragment);
        if block.octets.len() > LONGEST_BLOCK {
            return Err(nuisance("a header block is too long"));
        }
        if header.flags().has(Flags::END_HEADERS) {
            self.header_block(&block)
        } else {
            self.block = Some(block);
            Ok(())
        }
    }

    fn header_block(&mut self, block: &Block) -> Judged {
        let decoded = self.decoder.decode(&block.octets, &mut self.scratch);
        if decoded.fault().is_some() {
            return Err(Wrong::Connection(ErrorCode::COMPRESSION_ERROR, "a header block cannot be decoded"));
        }
        let fits = decoded.list_octets() <= self.config.max_header_list.into();
        let real = decoded.fields().filter(|field| field.size_update().is_none());
        let fields = Fields(real.filter_map(|field| Some((field.name()?.to_vec(), field.value()?.to_vec()))).collect());
        self.header_list(block.stream, fields, fits, block.end_stream)
    }

    fn header_list(&mut self, stream: StreamId, fields: Fields, fits: bool, end: bool) -> Judged {
        let is_new = self.side == Side::Server && stream > self.last_peer_stream;
        if is_new && stream.is_client_initiated() {
            self.last_peer_stream = stream;
            self.new_stream(stream)?;
        } else if self.is_idle(stream) {
            return Err(broken("HEADERS on a stream that cannot be opened"));
        }
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.receiving) else {
            return self.late(stream);
        };
        if !fits {
            return Err(Wrong::Stream(stream, ErrorCode::ENHANCE_YOUR_CALM));
        }
        let kind = match (self.side, state.begun) {
            (_, true) => Kind::Trailers,
            (Side::Server, false) => Kind::Request,
            (Side::Client, false) => Kind::Response,
        };
        let is_interim = kind == Kind::Response && fields.http_status().is_some_and(|status| status < 200);
        // Trailers end the stream, 1xx does not (§8.1).
        if !fields.is_well_formed(kind) || (kind == Kind::Trailers && !end) || (is_interim && end) {
            return Err(Wrong::Stream(stream, ErrorCode::PROTOCOL_ERROR));
        }
        if is_interim {
            self.nuisance = self.nuisance.saturating_add(1);
            return Ok(());
        }
        state.begun = true;
        self.events.push_back(Event::Headers { stream, fields, end });
        if end {
            self.peer_ends(stream);
        }
        Ok(())
    }

    fn new_stream(&mut self, stream: StreamId) -> Judged {
        let open = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        if !self.takes_streams() || open >= self.config.max_streams {
            return Err(Wrong::Stream(stream, ErrorCode::REFUSED_STREAM));
        }
        let state = Stream::new(self.peer.initial_window.into(), self.stream_window().into());
        self.streams.insert(stream, state);
        Ok(())
    }
}

/// The longest header block taken, in octets as on the wire.
const LONGEST_BLOCK: usize = 64 << 10;
