//! `-T text`: the annotated frame trace, one line a frame, details below it.
//!
//! Columns and words carry the meaning; colour only helps the eye.

mod closing;
mod detail;
mod flow;
mod fold;
mod held;
mod line;
mod preview;
mod words;

use crate::annotate;
use crate::direction::Direction;
use crate::event::{Body, Event, Flow, Protocol};
use crate::grpc::call::Outcome;
use crate::tcp::{Close, FlowId, GapReason};
use crate::time::Timestamp;
use crate::view::contents::Contents;
use crate::view::{Source, Summary, View};
use crate::write;

use self::held::Held;
use self::line::{Line, Style};

/// How the trace is written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Clock times rather than milliseconds since the first packet.
    pub absolute: bool,
    /// ANSI colours.
    pub colour: bool,
    /// Raw octets below each frame.
    pub bytes: bool,
    /// Columns of the output; details are wrapped and cut to it.
    pub width: usize,
    /// Whether lines that are wider are broken, as on a terminal.
    pub fold: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { absolute: false, colour: false, bytes: false, width: 120, fold: false }
    }
}

/// The annotated frame trace.
#[derive(Debug)]
pub struct Text {
    options: Options,
    contents: Contents,
    start: Timestamp,
    /// The latest time that a line above has; none where the order of lines is not that of the events.
    latest: Option<Timestamp>,
    late_explained: bool,
    /// The first flow shown; once another one is, each line names its flow.
    only_flow: Option<FlowId>,
    many_flows: bool,
    header_shown: bool,
    placeholders_explained: bool,
    /// Packets captured only in part, and the octets missing from those that have no line.
    cut: (u64, u64),
    note: Vec<u8>,
    held: Held,
    /// Comments that were this program's own notes.
    own_notes: u64,
}

/// Packets captured only in part that have a line each.
const CUT_SHOWN: u64 = 3;

impl Text {
    /// A trace with this schema.
    #[must_use]
    pub const fn new(contents: Contents, options: Options) -> Self {
        Self {
            options,
            contents,
            start: Timestamp::EPOCH,
            latest: Some(Timestamp::EPOCH),
            late_explained: false,
            only_flow: None,
            many_flows: false,
            header_shown: false,
            placeholders_explained: false,
            cut: (0, 0),
            note: Vec::new(),
            held: Held::new(),
            own_notes: 0,
        }
    }

    /// For a reader who orders the lines anew: none is marked as later than those above it.
    #[must_use]
    pub const fn unordered(mut self) -> Self {
        self.latest = None;
        self
    }

    /// The line that introduces a flow.
    fn introduce(&mut self, flow: &Flow<'_>, out: &mut Vec<u8>) {
        if self.header_shown {
            out.push(b'\n');
        }
        Style::new(self.options.colour).bold(out, |out| {
            out.extend_from_slice(b"flow ");
            write::integer(out, flow.facts.id.0);
            out.extend_from_slice(b"  ");
            address(flow.facts.client, out);
            out.extend_from_slice(b" -> ");
            address(flow.facts.server, out);
        });
        out.extend_from_slice(b"  ");
        if !flow.facts.paths.is_empty() {
            self::flow::paths(flow.facts, out);
            out.extend_from_slice(b"  ");
        }
        if flow.facts.refused {
            out.extend_from_slice(b"refused at ");
            if self.options.absolute {
                out.extend_from_slice(flow.facts.last.time.rfc3339().as_bytes());
            } else {
                write::elapsed(out, flow.facts.last.time.nanos_since(self.start));
            }
            out.extend_from_slice(b": the server answered the SYN with RST");
        } else if let (Protocol::Unknown, 0, 0) =
            (flow.protocol, flow.facts.octets_to_server, flow.facts.octets_to_client)
        {
            out.extend_from_slice(b"no octets were exchanged");
        } else {
            annotate::protocol(flow.protocol, out);
        }
        if let Protocol::Http1 = flow.protocol {
            let line = flow.first_octets[0].split(|octet| *octet == b'\r').next().unwrap_or_default();
            out.extend_from_slice(b": ");
            write::untrusted(out, line);
        }
        if let Protocol::Unknown = flow.protocol {
            for (side, octets) in [("client", flow.first_octets[0]), ("server", flow.first_octets[1])] {
                if !octets.is_empty() {
                    out.extend_from_slice(b", the ");
                    out.extend_from_slice(side.as_bytes());
                    out.extend_from_slice(b" begins with \"");
                    write::untrusted(out, octets);
                    out.push(b'"');
                }
            }
        }
        out.push(b'\n');
        self.header_shown = true;
    }

    /// Writes the column header where it is due, and tells the line which flow it is in.
    fn columns(&mut self, flow: Option<&Flow<'_>>, out: &mut Vec<u8>) {
        let Some(flow) = flow else { return };
        let id = flow.facts.id;
        let now = flow.facts.last.time.nanos_since(self.start);
        let nanos = if self.options.absolute { None } else { Some(now) };
        match self.only_flow {
            None => {
                self.only_flow = Some(id);
                out.push(b'\n');
                line::header(nanos, false, out);
            }
            Some(only) if only != id && !self.many_flows => {
                self.many_flows = true;
                out.push(b'\n');
                line::header(nanos, true, out);
            }
            Some(_) => {}
        }
    }

    fn line(&mut self, event: &Event<'_>) -> Line {
        let late = self.latest.is_some_and(|latest| event.at.time < latest);
        self.latest = self.latest.map(|latest| latest.max(event.at.time));
        Line {
            absolute: self.options.absolute,
            start: self.start,
            at: event.at,
            late,
            flow: event.flow.filter(|_| self.many_flows).map(|flow| flow.facts.id),
            style: Style::new(self.options.colour),
            fold: self.options.fold.then_some(self.options.width),
        }
    }

    /// Says once what the mark of a line means.
    fn explain_late(&mut self, line: &Line, out: &mut Vec<u8>) {
        if line.late && !std::mem::replace(&mut self.late_explained, true) {
            detail::indent(out);
            out.extend_from_slice(
                b"(^ was captured before a line above it: it was held back until certain, or the packets are out of order)\n",
            );
        }
    }

    /// A remark between frames.
    fn remark(
        &mut self,
        event: &Event<'_>,
        direction: Option<Direction>,
        words: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        self.columns(event.flow.as_ref(), out);
        self.note.clear();
        words(&mut self.note);
        // A finding says so itself.
        if !matches!(event.body, Body::Finding(_)) {
            annotate::hedge(event.flow.as_ref(), 0, &mut self.note);
        }
        let line = self.line(event);
        line.remark(direction, &self.note, out);
        self.explain_late(&line, out);
    }

    fn frame(&mut self, event: &Event<'_>, frame: &crate::event::FrameEvent<'_>, out: &mut Vec<u8>) {
        self.columns(event.flow.as_ref(), out);
        let mut note = std::mem::take(&mut self.note);
        note.clear();
        annotate::note(event, frame, &mut note);
        let line = self.line(event);
        line.frame(frame.frame, &note, out);
        self.note = note;
        self.explain_late(&line, out);
        detail::settings(frame.frame, self.options.width, out);
        if detail::fields(frame.frame, self.options.width, out) && !self.placeholders_explained {
            self.placeholders_explained = true;
            detail::indent(out);
            out.extend_from_slice(
                b"(? is a header sent as a reference to an earlier one that this capture does not have)\n",
            );
        }
        detail::web_trailers(frame, self.options.width, out);
        detail::status(&mut self.contents, frame, self.options.width, out);
        if self.options.bytes {
            detail::octets(frame.frame, out);
        }
    }

    fn ended(&mut self, event: &Event<'_>, close: Close, out: &mut Vec<u8>) {
        let Some(flow) = event.flow else { return };
        let shown = self.only_flow.is_some();
        if !shown || (flow.facts.octets_to_server == 0 && flow.facts.octets_to_client == 0) {
            return;
        }
        self.remark(
            event,
            None,
            |out| {
                out.extend_from_slice(b"flow ");
                write::integer(out, flow.facts.id.0);
                out.extend_from_slice(match close {
                    Close::Fin => b" ends: both sides closed it (FIN)",
                    Close::Replaced => b" was given up: another connection uses its ports",
                    Close::Reset(Direction::ToServer) => b" ends: RST from the client".as_slice(),
                    Close::Reset(Direction::ToClient) => b" ends: RST from the server",
                    Close::Open => b": its end is not in this capture",
                });
                out.extend_from_slice(b"; ");
                write::counted(out, flow.facts.packets, "packet");
                out.extend_from_slice(b", ");
                write::counted(out, flow.facts.octets_to_server, "octet");
                out.extend_from_slice(b" to the server, ");
                write::integer(out, flow.facts.octets_to_client);
                out.extend_from_slice(b" to the client");
                self::flow::repeated(flow.facts, out);
                words::one_sided(flow.facts, out);
            },
            out,
        );
    }
}

impl View for Text {
    fn begin(&mut self, _source: &Source<'_>, _out: &mut Vec<u8>) {}

    fn start(&mut self, first: Timestamp) {
        self.start = first;
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if let (Body::Finding(finding), true) = (&event.body, self.held.is_due_later()) {
            let mut held = std::mem::take(&mut self.held);
            self.remark(event, finding.direction, |out| words::found(finding, out), held.lines());
            self.held = held;
            return;
        }
        self.held.passes(event, out);
        match event.body {
            Body::Identified => {
                if let Some(flow) = &event.flow {
                    self.introduce(flow, out);
                }
            }
            Body::Frame(frame) => self.frame(event, &frame, out),
            Body::Message(message) => {
                detail::message(&mut self.contents, &message, self.options.width, out);
                self.held.shown(out);
            }
            Body::Call(call)
                // A call that a frame ended was told at that frame.
                if matches!(call.outcome, Some(Outcome::ConnectionLost | Outcome::Open))
                    || (call.outcome == Some(Outcome::Refused) && call.left_out) =>
            {
                self.remark(event, None, |out| annotate::cut_off(call, out), out);
            }
            Body::Call(_) => {}
            // One line for each packet of a capture with a small snap length would be all there is to read.
            Body::Gap { octets, reason: GapReason::Cut, .. } if self.cut.0 >= CUT_SHOWN => {
                self.cut = (self.cut.0.saturating_add(1), self.cut.1.saturating_add(octets));
            }
            Body::Gap { direction, octets, reason, .. } => {
                self.cut.0 = self.cut.0.saturating_add(u64::from(reason == GapReason::Cut));
                let last = reason == GapReason::Cut && self.cut.0 == CUT_SHOWN;
                self.remark(
                    event,
                    Some(direction),
                    |out| {
                        words::gap(octets, reason, out);
                        out.extend_from_slice(if last { b"; further ones are counted at the end" } else { b"" });
                    },
                    out,
                );
            }
            Body::Resync { direction, skipped, found, .. } => {
                self.remark(event, Some(direction), |out| words::resync(skipped, found, out), out);
            }
            Body::Unfinished { direction, header, present, missing, by_sender, .. } => self.remark(
                event,
                Some(direction),
                |out| {
                    out.extend_from_slice(b"the ");
                    out.extend_from_slice(if by_sender { direction.sender() } else { "capture" }.as_bytes());
                    out.extend_from_slice(b" ends inside a frame");
                    if let Some(header) = header {
                        out.extend_from_slice(b", ");
                        out.extend_from_slice(header.kind().to_string().as_bytes());
                        out.extend_from_slice(b" of stream ");
                        write::integer(out, header.stream().0);
                    }
                    out.extend_from_slice(b": ");
                    write::counted(out, present, "octet");
                    out.extend_from_slice(b" there, ");
                    write::integer(out, missing);
                    out.extend_from_slice(b" missing");
                },
                out,
            ),
            // They say what stands beside the frames anyway.
            Body::Comment(text) if text.starts_with(annotate::OWN.as_bytes()) => {
                self.own_notes = self.own_notes.saturating_add(1);
            }
            Body::Comment(text) => self.remark(
                event,
                None,
                |out| {
                    out.extend_from_slice(b"comment: ");
                    write::escaped(out, text);
                },
                out,
            ),
            Body::Foreign { direction, octets } => {
                self.remark(event, Some(direction), |out| annotate::foreign(direction, octets, out), out);
            }
            Body::Conflict { direction, octets, .. } => self.remark(
                event,
                Some(direction),
                |out| {
                    out.extend_from_slice(b"a repeated segment differs in ");
                    write::counted(out, octets, "octet");
                    out.extend_from_slice(b" from what was captured first, which stands");
                },
                out,
            ),
            // A packet whose headers do not parse belongs to no flow: it is counted at the end.
            Body::Malformed(_) if event.flow.is_none() => {}
            Body::Malformed(fault) => self.remark(
                event,
                fault.direction,
                |out| {
                    out.extend_from_slice(b"malformed (");
                    out.extend_from_slice(fault.what.layer().as_bytes());
                    out.extend_from_slice(b"): ");
                    write::untrusted(out, fault.what.to_string().as_bytes());
                },
                out,
            ),
            Body::Finding(finding) => {
                self.remark(event, finding.direction, |out| words::found(&finding, out), out);
            }
            Body::Sides { turned } => self.remark(
                event,
                None,
                |out| {
                    if let Some(flow) = &event.flow {
                        annotate::sides(flow, turned, out);
                    }
                },
                out,
            ),
            Body::Limit { what, count } => self.remark(
                event,
                None,
                |out| {
                    out.extend_from_slice(b"limit reached: ");
                    write::integer(out, count);
                    out.push(b' ');
                    out.extend_from_slice(what.as_bytes());
                    out.extend_from_slice(b" not followed");
                },
                out,
            ),
            Body::Ended(close) => self.ended(event, close, out),
        }
    }

    fn finish(&mut self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        self.held.release(out);
        if self.header_shown {
            out.push(b'\n');
        }
        let without_line = (self.cut.0.saturating_sub(CUT_SHOWN), self.cut.1);
        closing::tell(summary, without_line, self.own_notes, out);
    }
}

fn address(address: std::net::SocketAddr, out: &mut Vec<u8>) {
    out.extend_from_slice(address.to_string().as_bytes());
}
