//! One row a call, written when the call ends, and totals by method at the end (`-T calls`).
//!
//! Columns have fixed widths, so that rows can be read while they come; the method stands last because it has none. Rows are in the order
//! in which calls end; their numbers are in the order in which they began.

use super::ending::{self, Verdict};
use super::methods::{Methods, Name, PATH, Tally};
use super::unseen::Unseen;
use crate::time::Timestamp;

use super::{Source, Summary, View};
use crate::event::{Body, Event, Flow, FrameEvent};
use crate::grpc::call::{Call, Outcome};
use crate::grpc::calls::Belongs;
use crate::write::{self, CLOCK_WIDTH, column, integer};

/// The view.
#[derive(Debug, Default)]
pub struct Calls {
    options: Options,
    origin: Timestamp,
    methods: Methods,
    unseen: Unseen,
}

/// How rows look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// The clock instead of milliseconds since the first packet.
    pub absolute: bool,
    /// Colours, which repeat what the words say.
    pub colour: bool,
}

const CALL: usize = 6;
const START: usize = 11;
const FLOW: usize = 5;
const STREAM: usize = 7;
const MESSAGES: usize = 9;
const OCTETS: usize = 9;
const DURATION: usize = 10;
const STATUS: usize = 19;
const OUTCOME: usize = 15;

const COUNT: usize = 9;
const PERCENTILE: usize = 11;
const SUM: usize = 13;

const BOLD: &[u8] = b"\x1b[1m";
const RED: &[u8] = b"\x1b[31m";
const YELLOW: &[u8] = b"\x1b[33m";
const PLAIN: &[u8] = b"\x1b[0m";

impl Calls {
    /// The view with these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Octets of memory held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>().saturating_add(self.methods.held_bytes())
    }

    fn row(&mut self, flow: &Flow<'_>, call: &Call, out: &mut Vec<u8>) {
        let verdict = self.methods.add(call);
        write::integer_right(out, call.id.0, CALL);
        if self.options.absolute {
            out.extend_from_slice(b"  ");
            write::clock(out, call.start.time);
        } else {
            let since = call.start.time.nanos_since(self.origin);
            out.push(b' ');
            write::millis_right(out, since, START - 1);
        }
        number(out, flow.facts.id.0, FLOW);
        number(out, call.stream.0, STREAM);
        column(out, MESSAGES, |out| {
            integer(out, u64::from(call.bodies.to_server.messages));
            out.push(b'/');
            integer(out, u64::from(call.bodies.to_client.messages));
        });
        for body in [&call.bodies.to_server, &call.bodies.to_client] {
            number(out, body.octets, OCTETS);
        }
        out.push(b' ');
        match ending::duration(call) {
            Some(nanos) => write::millis_right(out, nanos, DURATION - 1),
            None => write::right(out, "-", DURATION - 1),
        }
        out.extend_from_slice(b"  ");
        let colour = match verdict {
            _ if !self.options.colour => None,
            Verdict::Good => None,
            Verdict::Failed => Some(RED),
            Verdict::Unknown => Some(YELLOW),
        };
        out.extend_from_slice(colour.unwrap_or_default());
        let from = out.len();
        ending::bare_status(call, out);
        write::pad(out, from, STATUS);
        out.extend_from_slice(b"  ");
        let from = out.len();
        out.extend_from_slice(ending::words(call.outcome.unwrap_or(Outcome::Open)).as_bytes());
        write::pad(out, from, OUTCOME);
        out.extend_from_slice(if colour.is_some() { PLAIN } else { b"" });
        out.extend_from_slice(b"  ");
        match call.path() {
            Some(b"") | None => Name::of(call).write(out),
            Some(path) => write::escaped_within(out, path, PATH),
        }
        ending::bare_remarks(call, "  ", out);
        out.push(b'\n');
    }

    fn head(&self, out: &mut Vec<u8>) {
        self.bold(out, |out| {
            write::right(out, "call", CALL);
            if self.options.absolute {
                out.extend_from_slice(b"  ");
                write::left(out, "start", CLOCK_WIDTH);
            } else {
                write::right(out, "start ms", START);
            }
            for (text, width) in [
                ("flow", FLOW),
                ("stream", STREAM),
                ("req/resp", MESSAGES),
                ("octets->", OCTETS),
                ("<-octets", OCTETS),
                ("took ms", DURATION),
            ] {
                write::right(out, text, width);
            }
            out.extend_from_slice(b"  ");
            write::left(out, "status", STATUS);
            out.extend_from_slice(b"  ");
            write::left(out, "outcome", OUTCOME);
            out.extend_from_slice(b"  method");
        });
    }

    fn bold(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(if self.options.colour { BOLD } else { b"" });
        write(out);
        out.extend_from_slice(if self.options.colour { PLAIN } else { b"" });
        out.push(b'\n');
    }

    fn totals(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
        self.bold(out, |out| {
            for (text, width) in [
                ("calls", COUNT),
                ("errors", COUNT),
                ("unknown", COUNT),
                ("p50 ms", PERCENTILE),
                ("p95 ms", PERCENTILE),
                ("p99 ms", PERCENTILE),
                ("octets->", SUM),
                ("<-octets", SUM),
            ] {
                write::right(out, text, width);
            }
            out.extend_from_slice(b"  method");
        });
        let methods = self.methods.sorted();
        for (name, tally) in &methods {
            self.total(*name, tally, out);
        }
        if methods.len() > 1 {
            self.total(Name::All, self.methods.all(), out);
        }
    }

    fn total(&self, name: Name<'_>, tally: &Tally, out: &mut Vec<u8>) {
        number(out, tally.calls, COUNT);
        let red = self.options.colour && tally.errors > 0;
        out.extend_from_slice(if red { RED } else { b"" });
        number(out, tally.errors, COUNT);
        out.extend_from_slice(if red { PLAIN } else { b"" });
        number(out, tally.unknown, COUNT);
        for place in tally.percentiles() {
            column(out, PERCENTILE, |out| match place {
                Some(nanos) => {
                    out.extend_from_slice(if tally.durations.is_exact() { b"" } else { b"~" });
                    write::millis(out, nanos);
                }
                None => out.push(b'-'),
            });
        }
        number(out, tally.octets.to_server, SUM);
        number(out, tally.octets.to_client, SUM);
        out.extend_from_slice(b"  ");
        name.write(out);
        out.push(b'\n');
    }
}

/// Appends a space and, right-aligned in the rest of a column, a number.
#[inline]
fn number(out: &mut Vec<u8>, number: impl Into<u64>, width: usize) {
    out.push(b' ');
    write::integer_right(out, number, width.saturating_sub(1));
}

impl View for Calls {
    fn begin(&mut self, _source: &Source<'_>, out: &mut Vec<u8>) {
        self.head(out);
    }

    fn start(&mut self, first: Timestamp) {
        self.origin = first;
    }

    fn wants_details(&self) -> bool {
        false
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match (&event.body, &event.flow) {
            // Nearly all events.
            (Body::Frame(FrameEvent { belongs: Belongs { is_plain: false, .. }, .. }) | Body::Message(_), _) => {}
            (Body::Call(call), Some(flow)) => self.row(flow, call, out),
            _ => self.unseen.event(event),
        }
    }

    fn finish(&mut self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        if self.methods.all().calls > 0 {
            self.totals(out);
        }
        out.push(b'\n');
        let mut line = |text: &[u8]| {
            out.extend_from_slice(text);
            out.push(b'\n');
        };
        self.unseen.lines(summary, &mut line);
        self.methods.all().lines(&mut line);
    }
}
