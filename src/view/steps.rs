//! The walk-through of one call: the text trace with its frames numbered, explained, and each acknowledgement under what it answers.
//!
//! A step is a frame that its sender decided to send; an acknowledgement belongs to the step that it answers. What a step
//! is for is told from what the frame is, never from its number, so that any order of frames reads truly.

use crate::direction::Direction;
use crate::event::{Body, Event, FrameEvent};
use crate::grpc::calls::Role;
use crate::http2::connection::{Answers, Facts};
use crate::http2::frame::FrameId;
use crate::http2::payload::Payload;
use crate::time::Timestamp;
use crate::view::text::Text;
use crate::view::{Source, Summary, View};
use crate::write;

/// The trace as steps. Everything is held until the end, because acknowledgements come later than what they answer.
#[derive(Debug)]
pub struct Steps {
    text: Text,
    width: usize,
    /// What precedes the first frame.
    introduction: Vec<u8>,
    steps: Vec<Step>,
    /// What belongs to no frame.
    remarks: Vec<u8>,
}

#[derive(Debug)]
struct Step {
    frame: FrameId,
    title: String,
    purpose: &'static str,
    trace: Vec<u8>,
    answers: Vec<u8>,
}

impl Steps {
    /// Steps around the lines of `text`, with explanations wrapped to `width` columns.
    #[must_use]
    pub const fn new(text: Text, width: usize) -> Self {
        let text = text.unordered();
        Self { text, width, introduction: Vec::new(), steps: Vec::new(), remarks: Vec::new() }
    }

    fn frame(&mut self, event: &Event<'_>, frame: &FrameEvent<'_>) {
        let mut trace = Vec::new();
        self.text.event(event, &mut trace);
        if self.steps.is_empty() {
            // The text trace puts the names of its columns before the first frame.
            let start = trace
                .strip_suffix(b"\n")
                .unwrap_or(&trace)
                .windows(8)
                .rposition(|window| window == b" octets\n")
                .map_or(0, |at| at.saturating_add(8));
            self.introduction.extend(trace.drain(..start));
        }
        if let Facts::Acknowledges(Answers::Sent(sent)) = frame.frame.facts
            && let Some(step) = self.steps.iter_mut().find(|step| step.frame == sent.id)
        {
            return step.answers.append(&mut trace);
        }
        let title = frame.frame.header.map_or_else(|| "Magic".to_owned(), |header| header.kind().to_string());
        self.steps.push(Step { frame: frame.frame.id, title, purpose: purpose(frame), trace, answers: Vec::new() });
    }
}

impl View for Steps {
    fn begin(&mut self, source: &Source<'_>, out: &mut Vec<u8>) {
        self.text.begin(source, out);
    }

    fn start(&mut self, first: Timestamp) {
        self.text.start(first);
    }

    fn event(&mut self, event: &Event<'_>, _out: &mut Vec<u8>) {
        match &event.body {
            Body::Frame(frame) => self.frame(event, frame),
            // What a frame brought follows its line.
            Body::Message(_) | Body::Finding(_) => match self.steps.last_mut() {
                Some(step) => self.text.event(event, &mut step.trace),
                None => self.text.event(event, &mut self.introduction),
            },
            _ if self.steps.is_empty() => self.text.event(event, &mut self.introduction),
            _ => self.text.event(event, &mut self.remarks),
        }
    }

    fn finish(&mut self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        out.append(&mut self.introduction);
        for (number, step) in (1_u64..).zip(self.steps.drain(..)) {
            out.push(b'\n');
            write::integer_right(out, number, 2);
            out.extend_from_slice(b"  ");
            out.extend_from_slice(step.title.as_bytes());
            out.push(b'\n');
            paragraph(out, step.purpose, 4, self.width);
            out.extend_from_slice(&step.trace);
            out.extend_from_slice(&step.answers);
        }
        if !self.remarks.is_empty() {
            out.push(b'\n');
            out.append(&mut self.remarks);
        }
        self.text.finish(summary, out);
    }
}

/// Appends text wrapped to `width` columns, each line after `indent` spaces.
pub fn paragraph(out: &mut Vec<u8>, text: &str, indent: usize, width: usize) {
    let mut column = 0_usize;
    for word in text.split_ascii_whitespace() {
        let length = word.chars().count();
        if column > 0 && column.saturating_add(length).saturating_add(1) > width {
            out.push(b'\n');
            column = 0;
        }
        if column == 0 {
            write::spaces(out, indent);
            column = indent;
        } else {
            out.push(b' ');
            column = column.saturating_add(1);
        }
        out.extend_from_slice(word.as_bytes());
        column = column.saturating_add(length);
    }
    if column > 0 {
        out.push(b'\n');
    }
}

/// What such a frame is for, and why it is sent when it is.
fn purpose(frame: &FrameEvent<'_>) -> &'static str {
    use Direction::{ToClient, ToServer};
    let direction = frame.frame.direction;
    match (&frame.frame.payload, frame.belongs.role, direction) {
        (Payload::Magic, ..) => {
            "24 fixed octets, the first on every HTTP/2 connection. Nothing was negotiated before: the client knows that the server speaks \
             HTTP/2 without TLS (prior knowledge, h2c). An HTTP/1 server would take them for a request that it cannot serve, so a wrong \
             address fails at once."
        }
        (Payload::Settings(_), ..) if !matches!(frame.frame.facts, Facts::Settings { preface: Some(true) }) => {
            "Changes what its sender grants from here on. The other side acknowledges it when it has taken it in."
        }
        (Payload::Settings(_), _, ToServer) => {
            "The second half of the client's preface: what the client wants the server to heed. What it does not name keeps its default. \
             ENABLE_PUSH 0, if it is there, forbids pushes, for which gRPC has no use. The server must acknowledge the frame; the client \
             need not wait for that, nor for the server's preface, before it sends requests."
        }
        (Payload::Settings(_), _, ToClient) => {
            "The server's preface, the first frame it may send, with what the client shall heed; the client acknowledges it. \
             MAX_CONCURRENT_STREAMS, if it is there, is how many calls may be under way at once. Calls that were sent before it \
             arrived were sent on the defaults."
        }
        (Payload::Headers { .. }, Role::RequestBegins, _) => {
            "The call itself. Every gRPC call is a POST; :path names service and method, :authority the server. content-type says gRPC, \
             te: trailers that the client can take the status after the body, user-agent which library calls. grpc-timeout, if there is one, is the time \
             left to the server. Metadata of the application would stand behind them. No body belongs to this frame: the request itself is DATA."
        }
        (Payload::Headers { .. }, Role::ResponseBegins, _) => {
            "The response begins. HTTP status 200 only says that the server speaks gRPC and took the call: whether the call succeeded is not \
             known yet. It is sent with the first answer, or before, if the server wants the client to have its metadata early: that travels here."
        }
        (Payload::Headers { .. }, Role::Ends, _) => {
            "The trailers end the call, and the stream with END_STREAM. grpc-status says how it ended (0 is OK), grpc-message why, for people: \
             they come last because only now the server knows. Metadata known only at the end travels here as well."
        }
        (Payload::Headers { .. }, Role::TrailersOnly, _) => {
            "The whole response in one header list (Trailers-Only): HTTP status and gRPC status together, because there is no message between them."
        }
        (Payload::Data { .. }, _, ToServer) => {
            "The request message: one octet that says whether it is compressed, four with its length, then protobuf. It may follow at once, for \
             every stream and connection begins with a window of 65535 octets unless SETTINGS say otherwise. Where END_STREAM is set, the client has \
             nothing more to say on this stream, and still listens."
        }
        (Payload::Data { .. }, _, ToClient) => {
            "The answer, in the same five-octet envelope. There is no END_STREAM yet, for the status is still to come."
        }
        (Payload::WindowUpdate { .. }, _, ToClient) => {
            "DATA uses up a window that its receiver grants, here that of the whole connection; the server gives the octets back. \
             It need not do so this early: it does before its PING, so that the probe measures the path and not the window."
        }
        (Payload::WindowUpdate { .. }, _, ToServer) => {
            "The client gives back what the answer used, as the server did with the request: each direction has its own window, \
             and its receiver refills it."
        }
        (Payload::Ping(_), _, ToClient) => {
            "A bandwidth probe: the octets that arrive until the answer comes are what the path holds (bandwidth times delay). If that is near \
             the window, the window is what slows the transfer down, and the server enlarges it. The answer also shows the round trip."
        }
        (Payload::Ping(_), _, ToServer) => {
            "The client's own probe, for the direction of the answers, sent because DATA has arrived."
        }
        (Payload::RstStream(_), ..) => "Ends the stream at once, in both directions.",
        (Payload::GoAway { .. }, ..) => "Says that no further streams will be taken on this connection.",
        _ => "",
    }
}
