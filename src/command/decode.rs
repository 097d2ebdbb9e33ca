//! `framescope decode`: capture files through the dissector into a view.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::input::{Consumer, Inputs};
use super::output::Output;
use super::{Failure, options};
use crate::capture::{Packet, Source as _};
use crate::cli::Decode;
use crate::dissect::{self, Dissector};
use crate::event::{Body, Event, Observer};
use crate::filter::{Filter, Filtering, StatusFilter};
use crate::finding::Judge;
use crate::grpc::call::CallId;
use crate::limits::Limits;
use crate::time::Timestamp;
use crate::view::{Source, Summary, View};

/// Decodes every file that is named.
///
/// # Errors
///
/// The first failure, with its exit code; what preceded it was shown.
pub fn run(arguments: &Decode) -> Result<(), Failure> {
    if arguments.reading.limits.iter().any(|change| change == "help") {
        let mut output = open_output(arguments)?;
        output.buffer.extend_from_slice(options::limits_help().as_bytes());
        return output.finish();
    }
    let limits = options::limits(&arguments.reading.limits)?;
    if arguments.files.is_empty() {
        return Err(Failure::new(Failure::USAGE, "there is nothing to decode: name a capture, or `-` for a pipe"));
    }
    let filter = options::filter(&arguments.filter)?;
    let interrupted = interruptions();
    let mut view = super::view::asked(&arguments.reading, &limits, &filter)?;
    let mut output = open_output(arguments)?;
    let mut inputs = Inputs::new(&arguments.files);
    let outcome = decode(&mut inputs, view.as_mut(), &filter, &limits, &interrupted, &mut output);
    output.finish().and(outcome)
}

fn open_output(arguments: &Decode) -> Result<Output, Failure> {
    Output::open(arguments.reading.shown.output.as_deref(), &arguments.files, &arguments.reading.schema)
}

/// Ctrl-C ends the reading and shows what there is; a second one ends the program.
fn interruptions() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    // The order counts: at the second signal the flag is already up. Without handlers Ctrl-C ends the program at once, as ever.
    let _ = signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, 130, Arc::clone(&flag));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&flag));
    flag
}

/// Decodes the files, one after the other as one capture.
fn decode(
    inputs: &mut Inputs<'_>,
    view: &mut dyn View,
    filter: &Filter,
    limits: &Limits,
    interrupted: &AtomicBool,
    output: &mut Output,
) -> Result<(), Failure> {
    let calls = match &filter.status {
        None => None,
        Some(status) => {
            inputs.spool()?;
            Some(choose(inputs, status, limits, interrupted)?)
        }
    };
    // A file that cannot be opened is told before anything is shown.
    let first = inputs.open(0)?;
    let name = inputs.name();
    view.begin(&Source { name: &name }, &mut output.buffer);
    let mut filtering = Filtering::new(filter.clone(), calls);
    let details = view.wants_details() || !filter.is_empty();
    let mut judge = view.wants_findings().then(|| Judge::new(limits));
    let mut decoding = Decoding {
        dissector: Dissector::new(limits),
        showing: Showing { view, filtering: &mut filtering, output, judge: judge.as_mut(), details },
        started: false,
        interrupted,
    };
    let read = inputs.read(first, &mut decoding);
    let Decoding { mut dissector, mut showing, .. } = decoding;
    dissector.finish(&mut showing);
    let Showing { view, filtering, output, judge, .. } = showing;
    let summary = Summary {
        capture: read.only.as_ref().map(|source| source.facts()),
        frames_shown: filtering.shown(),
        findings: judge.map(|judge| judge.found()),
        ended_early: read.ended_early.as_deref(),
        ..Summary::of(&dissector)
    };
    view.finish(&summary, &mut output.buffer);
    output.flush();
    read.failure.map_or(Ok(()), Err)
}

/// Packets on their way through the dissector to what is shown.
struct Decoding<'a> {
    dissector: Dissector,
    showing: Showing<'a>,
    started: bool,
    interrupted: &'a AtomicBool,
}

impl Consumer for Decoding<'_> {
    fn wants_more(&self) -> bool {
        self.showing.output.is_open() && !self.interrupted.load(Ordering::Relaxed)
    }

    fn before_wait(&mut self) {
        self.showing.output.flush();
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        if !std::mem::replace(&mut self.started, true) {
            self.showing.start(packet.time);
        }
        self.dissector.packet(packet, &mut self.showing);
        if !packet.options.is_empty() {
            dissect::comments(packet, &mut self.showing);
        }
        self.showing.output.write_if_full();
    }
}

/// The first of two readings: which calls ended as asked for. What cannot be read to its end is reported by the second one.
fn choose(
    inputs: &mut Inputs<'_>,
    status: &StatusFilter,
    limits: &Limits,
    interrupted: &AtomicBool,
) -> Result<HashSet<CallId>, Failure> {
    let first = inputs.open(0)?;
    let chosen = Chosen { status, calls: HashSet::new() };
    let mut choosing = Choosing { dissector: Dissector::new(limits), chosen, interrupted };
    inputs.read(first, &mut choosing);
    let Choosing { mut dissector, mut chosen, .. } = choosing;
    dissector.finish(&mut chosen);
    Ok(chosen.calls)
}

/// Packets on their way to nothing but the ends of calls.
struct Choosing<'a> {
    dissector: Dissector,
    chosen: Chosen<'a>,
    interrupted: &'a AtomicBool,
}

impl Consumer for Choosing<'_> {
    fn wants_more(&self) -> bool {
        !self.interrupted.load(Ordering::Relaxed)
    }

    fn before_wait(&mut self) {}

    fn packet(&mut self, packet: &Packet<'_>) {
        self.dissector.packet(packet, &mut self.chosen);
    }
}

struct Chosen<'a> {
    status: &'a StatusFilter,
    calls: HashSet<CallId>,
}

impl Observer for Chosen<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if let Body::Call(call) = event.body
            && self.status.matches(call)
        {
            self.calls.insert(call.id);
        }
    }

    fn wants_details(&self) -> bool {
        false
    }
}

/// Events on their way through the filter into the view.
pub(super) struct Showing<'a> {
    pub(super) view: &'a mut dyn View,
    pub(super) filtering: &'a mut Filtering,
    pub(super) output: &'a mut Output,
    /// Who judges what is shown, where the view asks for it.
    pub(super) judge: Option<&'a mut Judge>,
    /// Whether view or filter look at the frames and messages of calls.
    pub(super) details: bool,
}

impl Showing<'_> {
    /// Tells the time of the first packet.
    pub(super) fn start(&mut self, first: Timestamp) {
        self.view.start(first);
        self.filtering.start(first);
    }
}

impl Observer for Showing<'_> {
    fn event(&mut self, event: &Event<'_>) {
        let Self { view, filtering, output, judge, .. } = self;
        filtering.event(event, |event| view.event(event, &mut output.buffer));
        if let Some(judge) = judge {
            judge.event(event, &mut |found| filtering.event(found, |found| view.event(found, &mut output.buffer)));
        }
    }

    fn wants_details(&self) -> bool {
        self.details
    }
}
