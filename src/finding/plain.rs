//! The short way of frames that plainly break no rule, as nearly all do: a few comparisons each. It tells nothing: every other frame goes the
//! long way, which comes to the same for these.

use super::Shared;
use super::alone::LARGEST_WINDOW;
use super::connection::{ALWAYS_ALLOWED, Connection};
use super::fields::{Place, Read};
use super::side::Side;
use super::streams::{EndedBy, Half, Stream};
use crate::direction::{Both, Direction};
use crate::event::FrameEvent;
use crate::grpc::call::Call;
use crate::grpc::calls::Role;
use crate::grpc::content_type::Protocol;
use crate::http2::connection::{Answers, Facts, FrameRef};
use crate::http2::frame::{FrameHeader, StreamId};
use crate::http2::payload::Payload;

impl Connection {
    /// Whether nothing is under way on the connection that frames of streams depend on.
    pub(super) fn is_calm(&self) -> bool {
        let is_calm = |side: &Side| {
            side.begun && side.pending.is_empty() && side.go_away.is_none() && !side.exceeded && !side.too_many
        };
        self.whole && is_calm(&self.sides.to_server) && is_calm(&self.sides.to_client)
    }

    /// Takes a frame that plainly breaks no rule; `false` where the long way must be gone.
    #[inline]
    pub(super) fn takes(&mut self, event: &FrameEvent<'_>, shared: &mut Shared) -> bool {
        let frame = event.frame;
        let Some(header) = frame.header else { return false };
        if !self.calm || header.length() > ALWAYS_ALLOWED || frame.missing > 0 {
            return false;
        }
        let stream = header.stream();
        let of_stream = stream != StreamId::CONNECTION;
        let taken = match frame.payload {
            Payload::WindowUpdate { increment: 1.. } => {
                let fits = |window: Option<i64>| window.is_none_or(|window| window <= i64::from(LARGEST_WINDOW));
                let fits = matches!(frame.facts, Facts::Granted { window, .. } if fits(window));
                if fits && !of_stream {
                    return true;
                }
                fits && stream.0 <= self.highest(stream)
            }
            Payload::Data { data, .. } if of_stream => self.takes_data(event, header, data, shared),
            Payload::Headers { .. } if of_stream => self.takes_block(event, stream, shared),
            Payload::Ping(_) if !of_stream && header.is_ack() => {
                matches!(frame.facts, Facts::Acknowledges(Answers::Sent(_)))
            }
            Payload::Ping(_) if !of_stream => {
                let side = &mut self.sides[frame.direction];
                side.pings = side.pings.saturating_add(1);
                true
            }
            _ => false,
        };
        if taken {
            self.latest = Some(FrameRef { id: frame.id, at: frame.at });
        }
        taken
    }

    /// DATA within its windows, between the header blocks of its stream.
    #[inline]
    fn takes_data(&mut self, event: &FrameEvent<'_>, header: FrameHeader, data: &[u8], shared: &mut Shared) -> bool {
        let frame = event.frame;
        let (direction, stream) = (frame.direction, header.stream());
        let Facts::Used { connection, stream: window } = frame.facts else { return false };
        let is_short = |window: Option<i64>| window.is_some_and(|window| window < 0);
        if is_short(connection) || is_short(window) || frame.octets.is_empty() && header.length() > 0 {
            return false;
        }
        let Some(open) = self.book.get_mut(stream) else { return false };
        let half = &mut open.halves[direction];
        if half.ended.is_some() || !half.headed || half.trailers {
            return false;
        }
        let octets = half.octets.saturating_add(data.len() as u64);
        let inside = half.inside_after(event);
        if frame.ends_stream {
            if inside.is_some() || half.length.is_some_and(|length| length != octets) {
                return false;
            }
            self.end(stream, direction, EndedBy::EndStream, shared);
            return true;
        }
        half.exceeded = false;
        half.octets = octets;
        half.inside = inside;
        true
    }

    /// A header block in one frame that begins a call, an answer or the trailers.
    #[inline]
    fn takes_block(&mut self, event: &FrameEvent<'_>, stream: StreamId, shared: &mut Shared) -> bool {
        let Some(block) = &event.frame.block else { return false };
        let (direction, ends_stream) = (event.frame.direction, event.frame.ends_stream);
        let read = Read::new(block, &mut self.sides[direction].seen);
        if !read.whole || read.is_odd() {
            return false;
        }
        if direction == Direction::ToServer && stream.0 > self.sides.to_server.highest {
            return self.takes_request(event.call, &read, stream, ends_stream, shared);
        }
        let Some(open) = self.book.get_mut(stream) else { return false };
        let half = &mut open.halves[direction];
        if half.ended.is_some() {
            return false;
        }
        if half.headed {
            let fits = half.inside.is_none() && half.length.is_none_or(|length| length == half.octets);
            if !ends_stream || !fits || !read.fits(Place::Trailers) {
                return false;
            }
        } else {
            if direction == Direction::ToServer || !read.fits(Place::Response) {
                return false;
            }
            if !read.interim {
                half.headed = true;
                half.length = read.length;
            }
            open.reserved = false;
        }
        if ends_stream {
            self.end(stream, direction, EndedBy::EndStream, shared);
        }
        true
    }

    /// The request of a stream above all others.
    #[inline]
    fn takes_request(
        &mut self,
        call: Option<&Call>,
        read: &Read,
        stream: StreamId,
        ends_stream: bool,
        shared: &mut Shared,
    ) -> bool {
        let is_grpc = || call.is_some_and(|call| call.protocol == Some(Protocol::Grpc));
        if !read.fits(Place::Request)
            || !stream.is_client_initiated()
            || self.sides.to_client.values.streams.is_some_and(|most| self.book.of_client >= most)
            || shared.streams >= shared.most
            || ends_stream && read.length.is_some_and(|length| length > 0)
            || !read.may_have_te() && !self.te_told && is_grpc()
        {
            return false;
        }
        self.sides.to_server.highest = stream.0;
        shared.streams = shared.streams.saturating_add(1);
        let ended = ends_stream.then_some(EndedBy::EndStream);
        let asked = Half { ended, headed: true, length: read.length, ..Half::default() };
        self.book
            .open(stream, Stream { halves: Both { to_server: asked, to_client: Half::default() }, reserved: false });
        true
    }
}

impl Half {
    /// The gRPC message that goes on after this DATA.
    #[inline]
    pub(super) fn inside_after(&self, event: &FrameEvent<'_>) -> Option<(u32, u32, Option<u32>)> {
        let Role::Messages(progress) = event.belongs.role else { return self.inside };
        let bad = |call: &Call| call.bodies[event.frame.direction].bad_flag.is_some();
        progress.open.filter(|_| !progress.lost && event.call.is_some_and(|call| !bad(call)))
    }
}
