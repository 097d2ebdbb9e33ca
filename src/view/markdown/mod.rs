//! A report for a code host (`-T markdown`): what the capture holds, its calls, totals by method, findings, a sequence diagram, the trace.
//!
//! GitHub Flavored Markdown and mermaid. Everything is written at the end; what is kept until then is bounded by [`Limits`], whose defaults
//! keep a report within the 65 536 characters of a comment on GitHub. Whatever a limit leaves out is counted in the report.

mod diagram;
pub mod escape;
mod findings;
mod sequence;
mod trace;
mod words;

use std::collections::BTreeMap;

use self::diagram::Diagram;
use self::escape::code;
use self::findings::Findings;
use self::trace::Trace;
use super::ending::{self, Verdict};
use super::methods::{self, Methods, Name, Tally};
use super::unseen::Unseen;
use super::{Source, Summary, View};
use crate::capture::{Facts, Format};
use crate::event::{Body, Event, Flow};
use crate::grpc::call::{Call, CallId};
use crate::time::Timestamp;
use crate::write::{self, counted_as, integer};

/// The view.
#[derive(Debug)]
pub struct Markdown {
    options: Options,
    source: Vec<u8>,
    origin: Timestamp,
    span: Option<(Timestamp, Timestamp)>,
    rows: Rows,
    methods: Methods,
    findings: Findings,
    unseen: Unseen,
    diagram: Diagram,
    trace: Trace,
}

/// What the report shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// The call to draw. Without one the whole capture if it is small, or else the first call that failed, or else the longest.
    pub call: Option<CallId>,
    /// The clock instead of milliseconds since the first packet.
    pub absolute: bool,
    /// How much of everything.
    pub limits: Limits,
}

/// How much of everything a report holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Rows of the table of calls: those that began first. 100.
    pub rows: usize,
    /// Rows of the table of further calls that failed: the first ones of them. 25.
    pub failed: usize,
    /// Rows of the table of findings: the first ones. 50.
    pub findings: usize,
    /// Rows of the totals by method: those with most calls. 50.
    pub methods: usize,
    /// Arrows and notes of a diagram. A capture with more of them is not drawn whole; of a call with more, the first three quarters and
    /// the last are drawn. 60.
    pub arrows: usize,
    /// Sides of a diagram. A capture with more is not drawn whole. 8.
    pub participants: usize,
    /// Calls under way at once that are recorded to be drawn. 512.
    pub open_calls: usize,
    /// Octets of the trace. 32 768.
    pub trace: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 100,
            failed: 25,
            findings: 50,
            methods: 50,
            arrows: 60,
            participants: 8,
            open_calls: 512,
            trace: 32 << 10,
        }
    }
}

#[derive(Debug, Default)]
struct Rows {
    /// By the numbers of calls; whether each has failed.
    first: BTreeMap<CallId, (Vec<u8>, bool)>,
    /// Calls that failed, for which there was no room among those.
    failed: BTreeMap<CallId, Vec<u8>>,
    left_out: u64,
    failed_left_out: u64,
}

impl Rows {
    /// Keeps the row, if it is not behind as many as there may be.
    fn add(&mut self, call: CallId, row: Vec<u8>, failed: bool, limits: Limits) {
        self.first.insert(call, (row, failed));
        if self.first.len() <= limits.rows {
            return;
        }
        let Some((call, (row, failed))) = self.first.pop_last() else { return };
        if failed {
            self.failed.insert(call, row);
            if self.failed.len() <= limits.failed {
                return;
            }
            self.failed.pop_last();
            self.failed_left_out = self.failed_left_out.saturating_add(1);
        }
        self.left_out = self.left_out.saturating_add(1);
    }

    fn held_bytes(&self) -> usize {
        let of = |row: &Vec<u8>| row.capacity().saturating_add(size_of::<(CallId, Vec<u8>, bool)>());
        let rows = self.first.values().map(|(row, _)| row).chain(self.failed.values());
        rows.map(of).fold(0, usize::saturating_add)
    }
}

/// Characters of a path.
const PATH: usize = 160;
/// Characters of the name of the capture.
const SOURCE: usize = 160;

impl Markdown {
    /// A report with the trace that another view writes: without colours, for people.
    #[must_use]
    pub fn new(trace: Box<dyn View>, options: Options) -> Self {
        Self {
            source: Vec::new(),
            origin: Timestamp::EPOCH,
            span: None,
            rows: Rows::default(),
            methods: Methods::default(),
            findings: Findings::default(),
            unseen: Unseen::default(),
            diagram: Diagram::new(options.call, options.limits),
            trace: Trace::new(trace, options.limits.trace),
            options,
        }
    }

    /// Octets of memory held, but for what the view that writes the trace holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        [
            self.findings.held_bytes(),
            self.rows.held_bytes(),
            self.methods.held_bytes(),
            self.diagram.held_bytes(),
            self.trace.held_bytes(),
        ]
        .into_iter()
        .fold(size_of::<Self>(), usize::saturating_add)
    }

    fn row(&mut self, flow: &Flow<'_>, call: &Call) {
        let verdict = self.methods.add(call);
        let has_failed = verdict == Verdict::Failed;
        let out = &mut Vec::new();
        out.extend_from_slice(b"| ");
        integer(out, call.id.0);
        bar(out);
        match call.path() {
            Some(path) => code(out, path, PATH),
            None => out.push(b'?'),
        }
        bar(out);
        let strong: &[u8] = if has_failed { b"**" } else { b"" };
        out.extend_from_slice(strong);
        ending::status(call, out);
        out.extend_from_slice(strong);
        bar(out);
        ending::outcome(call, out);
        bar(out);
        match ending::duration(call) {
            Some(nanos) => write::millis(out, nanos),
            None => out.push(b'-'),
        }
        bar(out);
        if self.options.absolute {
            write::clock(out, call.start.time);
        } else {
            write::millis(out, call.start.time.nanos_since(self.origin));
        }
        bar(out);
        integer(out, flow.facts.id.0);
        bar(out);
        integer(out, u64::from(call.stream.0));
        for number in [call.bodies.to_server.messages, call.bodies.to_client.messages] {
            bar(out);
            integer(out, u64::from(number));
        }
        for number in [call.bodies.to_server.octets, call.bodies.to_client.octets] {
            bar(out);
            integer(out, number);
        }
        out.extend_from_slice(b" |\n");
        let row = std::mem::take(out);
        self.rows.add(call.id, row, has_failed, self.options.limits);
    }

    fn facts(&self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# gRPC in ");
        code(out, &self.source, SOURCE);
        out.extend_from_slice(b"\n\n");
        if let Some(capture) = summary.capture {
            out.extend_from_slice(b"- ");
            format_name(capture, out);
            out.push(b'\n');
        }
        if let Some((first, last)) = self.span {
            out.extend_from_slice(b"- ");
            write::clock(out, first);
            out.extend_from_slice(b" to ");
            write::clock(out, last);
            out.extend_from_slice(b", ");
            write::duration(out, last.nanos_since(first));
            out.push(b'\n');
        }
        let mut line = |text: &[u8]| {
            out.extend_from_slice(b"- ");
            prose(out, text);
            out.push(b'\n');
        };
        self.unseen.lines(summary, &mut line);
        self.methods.all().lines(&mut line);
    }

    fn calls(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\n## Calls\n\n");
        if self.rows.first.is_empty() {
            return out.extend_from_slice(b"There are none.\n");
        }
        self.table(self.rows.first.values().map(|(row, _)| row), out);
        if !self.rows.failed.is_empty() {
            out.extend_from_slice(b"\nThe first further calls that failed:\n\n");
            self.table(self.rows.failed.values(), out);
        }
        if self.rows.left_out > 0 {
            out.push(b'\n');
            counted_as(out, self.rows.left_out, "more call is", "more calls are");
            out.extend_from_slice(b" not shown here, ");
            integer(out, self.rows.failed_left_out);
            out.extend_from_slice(b" of which failed.\n");
        }
    }

    /// What a reader looks for first stands first: a code host cuts wide tables off.
    fn table<'a>(&self, rows: impl Iterator<Item = &'a Vec<u8>>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"| call | method | status or end | outcome | took ms | ");
        out.extend_from_slice(if self.options.absolute { b"start".as_slice() } else { b"start ms" });
        out.extend_from_slice(
            b" | flow | stream | requests | responses | octets to server | octets to client |\n\
              |---:|:---|:---|:---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        rows.for_each(|row| out.extend_from_slice(row));
    }

    fn totals(&self, out: &mut Vec<u8>) {
        let methods = self.methods.sorted();
        if methods.is_empty() {
            return;
        }
        out.extend_from_slice(b"\n## Methods\n\n");
        out.extend_from_slice(
            b"| method | calls | errors | unknown | p50 ms | p95 ms | p99 ms | octets to server | octets to client |\n",
        );
        out.extend_from_slice(b"|:---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for (name, tally) in methods.iter().take(self.options.limits.methods) {
            total(*name, tally, out);
        }
        if methods.len() > 1 {
            total(Name::All, self.methods.all(), out);
        }
        let more = methods.len().saturating_sub(self.options.limits.methods);
        if more > 0 {
            out.push(b'\n');
            counted_as(out, u64::try_from(more).unwrap_or(u64::MAX), "more method is", "more methods are");
            out.extend_from_slice(b" not in this table; the last row counts all.\n");
        }
    }
}

impl View for Markdown {
    fn begin(&mut self, source: &Source<'_>, _out: &mut Vec<u8>) {
        let name = source.name.as_bytes();
        self.source.extend_from_slice(name.get(..name.len().min(SOURCE.saturating_mul(4))).unwrap_or_default());
        self.trace.begin(source);
    }

    fn start(&mut self, first: Timestamp) {
        self.origin = first;
        self.trace.start(first);
    }

    fn event(&mut self, event: &Event<'_>, _out: &mut Vec<u8>) {
        if let Some(flow) = &event.flow {
            let (first, last) = self.span.get_or_insert((flow.facts.first.time, event.at.time));
            (*first, *last) = ((*first).min(flow.facts.first.time), (*last).max(flow.facts.last.time));
        }
        match (&event.body, &event.flow) {
            (Body::Call(call), Some(flow)) => self.row(flow, call),
            (Body::Finding(finding), _) => self.findings.row(event, finding, self.options.limits.findings),
            _ => self.unseen.event(event),
        }
        self.diagram.event(event);
        self.trace.event(event);
    }

    fn finish(&mut self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        self.facts(summary, out);
        self.calls(out);
        self.totals(out);
        self.findings.write(out);
        out.extend_from_slice(b"\n## Sequence\n\n");
        self.diagram.write(out);
        out.extend_from_slice(b"\n## Trace\n\n");
        self.trace.write(summary, out);
    }
}

fn total(name: Name<'_>, tally: &Tally, out: &mut Vec<u8>) {
    out.extend_from_slice(b"| ");
    match name {
        Name::Path(path) => match methods::cut(path) {
            Some(part) => code(out, &[part, b"..."].concat(), PATH),
            None => code(out, path, PATH),
        },
        _ => name.write(out),
    }
    bar(out);
    integer(out, tally.calls);
    for number in [tally.errors, tally.unknown] {
        bar(out);
        integer(out, number);
    }
    for place in tally.percentiles() {
        bar(out);
        match place {
            Some(nanos) => {
                out.extend_from_slice(if tally.durations.is_exact() { b"" } else { b"\\~" });
                write::millis(out, nanos);
            }
            None => out.push(b'-'),
        }
    }
    for number in [tally.octets.to_server, tally.octets.to_client] {
        bar(out);
        integer(out, number);
    }
    out.extend_from_slice(b" |\n");
}

fn format_name(capture: &Facts, out: &mut Vec<u8>) {
    out.extend_from_slice(match capture.format {
        Format::PcapMicroseconds => b"pcap, times in microseconds".as_slice(),
        Format::PcapNanoseconds => b"pcap, times in nanoseconds",
        Format::PcapModified => b"pcap with longer record headers, times in microseconds",
        Format::Pcapng => b"pcapng",
        Format::Live => b"packets as they passed",
    });
    if let Some(compression) = capture.compression {
        out.extend_from_slice(b", compressed with ");
        out.extend_from_slice(compression.to_string().as_bytes());
    }
    for interface in capture.interfaces.iter().take(8) {
        out.extend_from_slice(b", ");
        out.extend_from_slice(interface.link.to_string().as_bytes());
    }
    let more = capture.interfaces.len().saturating_sub(8);
    if more > 0 {
        out.extend_from_slice(b" and ");
        counted_as(out, u64::try_from(more).unwrap_or(u64::MAX), "more interface", "more interfaces");
    }
}

/// Appends one of our own sentences: what in it could be markup is escaped.
fn prose(out: &mut Vec<u8>, text: &[u8]) {
    for octet in text {
        if matches!(octet, b'\\' | b'`' | b'*' | b'_' | b'[' | b']' | b'<' | b'>' | b'&' | b'~' | b'|' | b'@' | b'#') {
            out.push(b'\\');
        }
        out.push(*octet);
    }
}

fn bar(out: &mut Vec<u8>) {
    out.extend_from_slice(b" | ");
}
