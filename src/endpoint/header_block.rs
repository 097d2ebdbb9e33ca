//! Header blocks of the peer: put together, decoded, and what their place in a stream demands (RFC 9113 §4.3, §8.1).
//!
//! What the fields mean is read by [`client`](super::client) and [`server`](super::server).

use super::connection::{Connection, Event, Side};
use super::fields::{Fields, Kind};
use super::receive::{Judged, Wrong, broken, nuisance};
use super::stream::Stream;
use crate::http2::error_code::ErrorCode;
use crate::http2::frame::{Flags, FrameHeader, StreamId};
use crate::http2::write;

/// A header block whose end has not come.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: StreamId,
    end_stream: bool,
    octets: Vec<u8>,
    /// Whether it is of PUSH_PROMISE.
    pushed: bool,
}

impl Block {
    /// The block of HEADERS, still empty.
    pub(super) const fn new(stream: StreamId, end_stream: bool) -> Self {
        Self { stream, end_stream, octets: Vec::new(), pushed: false }
    }

    pub(super) const fn held_bytes(&self) -> usize {
        self.octets.capacity()
    }
}

impl Connection {
    /// Takes a piece of a header block; the block, if it ends here.
    pub(super) fn fragment(&mut self, mut block: Block, header: FrameHeader, fragment: &[u8]) -> Judged {
        block.octets.extend_from_slice(fragment);
        if block.octets.len() > self.config.bounds.header_block {
            return Err(nuisance("a header block is too long"));
        }
        if header.flags().has(Flags::END_HEADERS) {
            self.header_block(&block)
        } else {
            self.block = Some(block);
            Ok(())
        }
    }

    /// A client says in its first SETTINGS that it wants none; until the server has acknowledged that, one is only refused (§6.6).
    pub(super) fn push_promise(&mut self, header: FrameHeader, promised: StreamId, fragment: &[u8]) -> Judged {
        if self.side == Side::Server || self.settings_acknowledged {
            return Err(broken("PUSH_PROMISE is not allowed here"));
        }
        let parent = header.stream();
        if self.is_idle(parent) || !parent.is_client_initiated() {
            return Err(broken("PUSH_PROMISE on a stream that was never opened"));
        }
        if promised.is_client_initiated() || promised <= self.last_peer_stream {
            return Err(broken("PUSH_PROMISE promises a stream that cannot be opened"));
        }
        self.last_peer_stream = promised;
        let block = Block { stream: parent, end_stream: false, octets: Vec::new(), pushed: true };
        self.fragment(block, header, fragment)
    }

    fn refuse_push(&mut self) {
        let promised = self.last_peer_stream;
        self.nuisance = self.nuisance.saturating_add(1);
        write::rst_stream(promised, ErrorCode::REFUSED_STREAM, &mut self.out);
        self.remember_reset(promised);
    }

    fn header_block(&mut self, block: &Block) -> Judged {
        let decoded = self.decoder.decode(&block.octets, &mut self.scratch);
        if decoded.fault().is_some() {
            return Err(Wrong::Connection(ErrorCode::COMPRESSION_ERROR, "a header block cannot be decoded"));
        }
        if block.pushed {
            self.refuse_push();
            return Ok(());
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
        // Trailers end the stream, 1xx does not (§8.1), and 101 is not HTTP/2's (§8.6).
        let switches = fields.http_status() == Some(101);
        if !fields.is_well_formed(kind) || switches || (kind == Kind::Trailers && !end) || (is_interim && end) {
            return Err(Wrong::Stream(stream, ErrorCode::PROTOCOL_ERROR));
        }
        if is_interim {
            self.nuisance = self.nuisance.saturating_add(1);
            return Ok(());
        }
        if kind == Kind::Trailers {
            if !state.content(0, true) {
                return Err(Wrong::Stream(stream, ErrorCode::PROTOCOL_ERROR));
            }
        } else {
            state.announced = fields.content_length().ok().flatten();
            // An answer without content may say how long another would be (§8.1.1).
            if kind == Kind::Request && !state.content(0, end) {
                return Err(Wrong::Stream(stream, ErrorCode::PROTOCOL_ERROR));
            }
        }
        state.begun = true;
        self.events.push_back(Event::Headers { stream, fields, end });
        if end {
            self.peer_ends(stream);
        }
        Ok(())
    }

    fn new_stream(&mut self, stream: StreamId) -> Judged {
        // What has ended counts until the client can know: one that does not read its answers has only so many.
        let open = u32::try_from(self.streams.len()).unwrap_or(u32::MAX).saturating_add(self.ended);
        if !self.takes_streams() || open >= self.config.max_streams {
            return Err(Wrong::Stream(stream, ErrorCode::REFUSED_STREAM));
        }
        let state = Stream::new(self.peer.initial_window.into(), self.stream_window().into());
        self.streams.insert(stream, state);
        Ok(())
    }
}
