//! How a finding is told: its sentence, and the frames and packets that show it.

use std::fmt::{Display, Write as _};

use super::Shared;
use crate::direction::Direction;
use crate::event::{Body, Event, Finding, FrameEvent, Rule};
use crate::grpc::call::Call;
use crate::http2::connection::FrameRef;
use crate::http2::frame::{FrameId, StreamId};
use crate::span::{Arrival, each_packet};
use crate::write;

/// One event, and where findings about it go.
pub(super) struct Report<'e, 'a, 't> {
    event: &'e Event<'a>,
    /// What all connections share.
    pub(super) shared: &'t mut Shared,
    tell: &'t mut dyn FnMut(&Event<'_>),
    /// Whether what the capture does not have may explain findings.
    pub(super) uncertain: bool,
    /// What findings are about, where the event does not say it.
    pub(super) about: About<'e>,
}

/// What a finding is about.
#[derive(Clone, Copy, Default)]
pub(super) struct About<'e> {
    pub(super) direction: Option<Direction>,
    pub(super) call: Option<&'e Call>,
}

impl<'e, 'a: 'e, 't> Report<'e, 'a, 't> {
    pub(super) fn new(event: &'e Event<'a>, shared: &'t mut Shared, tell: &'t mut dyn FnMut(&Event<'_>)) -> Self {
        Self { event, shared, tell, uncertain: false, about: About::default() }
    }

    pub(super) fn at(&self) -> Arrival {
        self.event.at
    }

    /// Tells a finding that this event shows.
    #[cold]
    pub(super) fn tell(&mut self, rule: &'static Rule, summary: impl Display) {
        self.tell_with(rule, &[], summary);
    }

    /// Tells a finding that this event shows together with earlier frames.
    #[cold]
    pub(super) fn tell_with(&mut self, rule: &'static Rule, earlier: &[FrameRef], summary: impl Display) {
        let About { direction, call: of } = self.about;
        let frame = if let Body::Frame(frame) = &self.event.body { Some(frame) } else { None };
        let header = frame.and_then(|frame| frame.frame.header);
        let direction = direction.or(frame.map(|frame| frame.frame.direction));
        let of = of.or(frame.and_then(|frame| frame.call));
        let call = frame.and_then(|frame| frame.belongs.call).or(of.map(|call| call.id));
        let stream = header.map(|header| header.stream()).filter(|stream| *stream != StreamId::CONNECTION);
        let stream = stream.or(of.map(|call| call.stream));
        self.shared.found = self.shared.found.saturating_add(1);
        let mut frames: Vec<FrameId> = earlier.iter().map(|sent| sent.id).collect();
        let mut packets: Vec<u64> = earlier.iter().map(|sent| sent.at.packet).collect();
        if let Some(FrameEvent { frame, .. }) = frame {
            match &frame.block {
                Some(block) => frames.extend_from_slice(block.frames),
                None => frames.push(frame.id),
            }
            each_packet(frame.pieces, |packet| packets.push(packet));
        }
        packets.push(self.event.at.packet);
        frames.sort_unstable();
        frames.dedup();
        packets.retain(|packet| *packet > 0);
        packets.sort_unstable();
        packets.dedup();
        let is_guess = self.event.flow.is_some_and(|flow| flow.guess().is_some());
        let summary = &format!("{summary}{}", if is_guess { " (sides guessed)" } else { "" });
        let finding = Finding {
            rule,
            direction,
            stream,
            call,
            of,
            summary,
            frames: &frames,
            packets: &packets,
            uncertain: self.uncertain,
        };
        (self.tell)(&Event { body: Body::Finding(finding), ..*self.event });
    }
}

/// Text from a capture, quoted, so that it can stand in a sentence.
pub(super) struct Quoted<'a>(pub(super) &'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::new();
        write::escaped_within(&mut text, self.0, 80);
        f.write_char('`')?;
        f.write_str(&String::from_utf8_lossy(&text))?;
        f.write_char('`')
    }
}

/// A number of things, with the noun in the right form.
pub(super) struct Count(pub(super) u64, pub(super) &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(count, noun) = self;
        write!(f, "{count} {noun}{}", if *count == 1 { "" } else { "s" })
    }
}
