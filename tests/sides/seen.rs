//! What a capture gave, with the sides as they were held to be when it was given.

use std::net::SocketAddr;

use framescope::capture::Packet;
use framescope::direction::Direction;
use framescope::dissect::Dissector;
use framescope::event::{Body, Event, Flow, FrameEvent, Observer};
use framescope::finding::{Judge, Judging};
use framescope::grpc::call::{Call, Metadata, Outcome};
use framescope::http2::connection::Facts;
use framescope::limits::Limits;
use framescope::tcp::Close;

use crate::support::Field;

/// Who is held to be who.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sides {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) guessed: bool,
}

impl Sides {
    fn of(flow: &Flow<'_>) -> Self {
        Self { client: flow.facts.client, server: flow.facts.server, guessed: flow.guess().is_some() }
    }

    pub(crate) fn sender(&self, direction: Direction) -> SocketAddr {
        match direction {
            Direction::ToServer => self.client,
            Direction::ToClient => self.server,
        }
    }
}

/// A frame: where it begins, who is said to have sent it, and what is said of it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) place: (u64, u32),
    pub(crate) kind: String,
    pub(crate) sides: Sides,
    pub(crate) direction: Direction,
    pub(crate) facts: Facts,
    pub(crate) fields: Vec<Field>,
    pub(crate) note: String,
}

/// A call at its end.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) stream: u32,
    pub(crate) sides: Sides,
    pub(crate) guessed: bool,
    pub(crate) complete: bool,
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<u32>,
    pub(crate) http_status: Option<u16>,
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) messages: [u32; 2],
    pub(crate) metadata: [Vec<(Vec<u8>, Vec<u8>)>; 3],
}

/// Everything that the tests look at.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) frames: Vec<Frame>,
    pub(crate) calls: Vec<Ended>,
    /// Each time the sides became known: whether they turned.
    pub(crate) known: Vec<(bool, Sides)>,
    pub(crate) findings: Vec<(String, bool)>,
    pub(crate) ended: Vec<(Close, Sides)>,
}

impl Seen {
    pub(crate) fn of<'a>(packets: impl IntoIterator<Item = Packet<'a>>) -> Self {
        let mut seen = Self::default();
        let mut judge = Judge::new(&Limits::default());
        let mut dissector = Dissector::new(&Limits::default());
        let mut judging = Judging { judge: &mut judge, observer: &mut seen };
        for packet in packets {
            dissector.packet(&packet, &mut judging);
        }
        dissector.finish(&mut judging);
        seen
    }

    fn frame(&mut self, event: &Event<'_>, of: &FrameEvent<'_>) {
        let (Some(flow), frame) = (&event.flow, of.frame) else { return };
        let mut note = Vec::new();
        framescope::annotate::note(event, of, &mut note);
        let fields = frame.block.iter().flat_map(|block| block.fields.fields());
        let owned = |octets: Option<&[u8]>| octets.map(<[u8]>::to_vec);
        self.frames.push(Frame {
            place: frame.pieces.first().map_or((0, 0), |piece| (piece.packet, piece.offset)),
            kind: frame.header.map_or_else(|| "MAGIC".to_owned(), |header| format!("{header:?}")),
            sides: Sides::of(flow),
            direction: frame.direction,
            facts: frame.facts,
            fields: fields.map(|field| (owned(field.name()), owned(field.value()))).collect(),
            note: String::from_utf8_lossy(&note).into_owned(),
        });
    }

    fn call(&mut self, flow: &Flow<'_>, call: &Call) {
        let list = |which| call.metadata(which).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        self.calls.push(Ended {
            stream: call.stream.0,
            sides: Sides::of(flow),
            guessed: call.sides_guessed,
            complete: call.is_complete(),
            outcome: call.outcome.unwrap_or(Outcome::Open),
            status: call.status.map(|status| status.0),
            http_status: call.http_status,
            path: call.path().map(<[u8]>::to_vec),
            messages: [call.bodies.to_server.messages, call.bodies.to_client.messages],
            metadata: [list(Metadata::Request), list(Metadata::Response), list(Metadata::Trailers)],
        });
    }
}

impl Observer for Seen {
    fn event(&mut self, event: &Event<'_>) {
        let Some(flow) = &event.flow else { return };
        match &event.body {
            Body::Frame(frame) => self.frame(event, frame),
            Body::Call(call) => self.call(flow, call),
            Body::Sides { turned } => self.known.push((*turned, Sides::of(flow))),
            Body::Finding(finding) => self.findings.push((finding.summary.to_owned(), finding.uncertain)),
            Body::Ended(close) => self.ended.push((*close, Sides::of(flow))),
            _ => {}
        }
    }
}
