//! `framescope decode`: capture files through the dissector into a view.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::output::Output;
use super::read_ahead::ReadAhead;
use super::{Failure, options, shown};
use crate::capture::{CaptureFile, Error, Source as _};
use crate::cli::Decode;
use crate::dissect::Dissector;
use crate::event::{Body, Event, Observer};
use crate::filter::{Filter, Filtering, StatusFilter};
use crate::grpc::call::CallId;
use crate::limits::Limits;
use crate::time::Timestamp;
use crate::view::contents::Contents;
use crate::view::text;
use crate::view::{Source, Summary, View};

/// Decodes every file that is named.
///
/// # Errors
///
/// The first failure, with its exit code; what preceded it was shown.
pub fn run(arguments: &Decode) -> Result<(), Failure> {
    if arguments.limits.iter().any(|change| change == "help") {
        let mut output = Output::open(arguments.output.as_deref(), &arguments.files)?;
        output.buffer.extend_from_slice(options::limits_help().as_bytes());
        return output.finish();
    }
    let limits = options::limits(&arguments.limits)?;
    let filter = options::filter(&arguments.filter)?;
    let interrupted = interruptions();
    let mut output = Output::open(arguments.output.as_deref(), &arguments.files)?;
    let mut outcome = Ok(());
    for file in &arguments.files {
        let mut view = view(arguments, &limits, &filter)?;
        let result = decode(file, view.as_mut(), &filter, &limits, &interrupted, &mut output);
        outcome = outcome.and(result);
        if !output.is_open() || interrupted.load(Ordering::Relaxed) {
            break;
        }
    }
    output.finish().and(outcome)
}

/// Ctrl-C ends the reading and shows what there is; a second one ends the program.
fn interruptions() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    // The order counts: at the second signal the flag is already up. Without handlers Ctrl-C ends the program at once, as ever.
    let _ = signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, 130, Arc::clone(&flag));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&flag));
    flag
}

fn view(arguments: &Decode, limits: &Limits, filter: &Filter) -> Result<Box<dyn View>, Failure> {
    let contents = || Ok(Contents::new(options::schema(&arguments.schema)?, limits));
    let colour = options::colour(arguments.color, arguments.output.is_some());
    let text = text::Options { absolute: arguments.absolute, colour, bytes: arguments.bytes, width: options::width() };
    super::view::view(arguments.format, text, filter.call.map(CallId), contents)
}

/// Decodes one file.
fn decode(
    path: &Path,
    view: &mut dyn View,
    filter: &Filter,
    limits: &Limits,
    interrupted: &AtomicBool,
    output: &mut Output,
) -> Result<(), Failure> {
    let name = shown(&path.display().to_string());
    let failure = |error: &Error| Failure::new(exit_code(error), format!("{name}: {}", shown(&error.to_string())));
    let mut input = open(path)?;
    let calls = match &filter.status {
        None => None,
        Some(status) => {
            if path == Path::new("-") {
                input = spool(input)?;
            }
            let calls = choose(&mut input, status, limits, interrupted)?;
            Some(calls)
        }
    };
    let input = ReadAhead::new(input).map_err(|error| {
        Failure::new(Failure::INPUT, format!("cannot read {name}: no thread for it: {error}; end other programs"))
    })?;
    let mut source = CaptureFile::open(input).map_err(|error| failure(&error))?;
    let mut dissector = Dissector::new(limits);
    view.begin(&Source { name: &name }, &mut output.buffer);
    let mut showing = Showing { view, filtering: Filtering::new(filter.clone(), calls), output };
    let mut started = false;
    let mut ended = Ok(());
    while showing.output.is_open() && !interrupted.load(Ordering::Relaxed) {
        if source.may_block() {
            showing.output.flush();
        }
        match source.next_packet() {
            Ok(Some(packet)) => {
                if !std::mem::replace(&mut started, true) {
                    showing.start(packet.time);
                }
                dissector.packet(&packet, &mut showing);
                showing.output.write_if_full();
            }
            Ok(None) => break,
            Err(error) => {
                ended = Err(error);
                break;
            }
        }
    }
    dissector.finish(&mut showing);
    let early = ended.as_ref().err().map(ToString::to_string);
    let Showing { view, filtering, output } = showing;
    let summary = Summary {
        totals: dissector.totals(),
        net: Some(dissector.net()),
        capture: Some(source.facts()),
        late_packets: dissector.late_packets(),
        frames_shown: filtering.shown(),
        ended_early: early.as_deref(),
    };
    view.finish(&summary, &mut output.buffer);
    output.flush();
    ended.map_err(|error| failure(&error))
}

fn exit_code(error: &Error) -> u8 {
    if error.is_truncation() { Failure::TRUNCATED } else { Failure::INPUT }
}

/// A capture to read from.
enum Input {
    File(File),
    Pipe(io::Stdin),
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Pipe(pipe) => pipe.lock().read(buffer),
        }
    }
}

fn open(path: &Path) -> Result<Input, Failure> {
    if path == Path::new("-") {
        return Ok(Input::Pipe(io::stdin()));
    }
    let name = shown(&path.display().to_string());
    let cannot = |why: String| {
        Failure::new(Failure::INPUT, format!("cannot read {name}: {why}; check the name and the permissions"))
    };
    let file = File::open(path).map_err(|error| cannot(error.to_string()))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(cannot("it is a directory".into()));
    }
    Ok(Input::File(file))
}

/// Copies a pipe into a temporary file, because it has to be read twice.
fn spool(mut pipe: Input) -> Result<Input, Failure> {
    let cannot = |error: io::Error| {
        Failure::new(
            Failure::INPUT,
            format!("cannot keep the pipe for a second reading: {error}; save it to a file first"),
        )
    };
    let mut file = tempfile::tempfile().map_err(cannot)?;
    io::copy(&mut pipe, &mut file).map_err(cannot)?;
    file.flush().map_err(cannot)?;
    file.seek(SeekFrom::Start(0)).map_err(cannot)?;
    Ok(Input::File(file))
}

/// The first of two readings: which calls ended as asked for.
fn choose(
    input: &mut Input,
    status: &StatusFilter,
    limits: &Limits,
    interrupted: &AtomicBool,
) -> Result<HashSet<CallId>, Failure> {
    struct Choosing<'a> {
        status: &'a StatusFilter,
        chosen: HashSet<CallId>,
    }
    impl Observer for Choosing<'_> {
        fn event(&mut self, event: &Event<'_>) {
            if let Body::Call(call) = event.body
                && self.status.matches(call)
            {
                self.chosen.insert(call.id);
            }
        }
    }
    let mut choosing = Choosing { status, chosen: HashSet::new() };
    let mut dissector = Dissector::new(limits);
    // A capture that cannot be read to its end is reported by the second reading.
    if let Ok(mut source) = CaptureFile::open(&mut *input) {
        while let Ok(Some(packet)) = source.next_packet() {
            dissector.packet(&packet, &mut choosing);
            if interrupted.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    dissector.finish(&mut choosing);
    if let Input::File(file) = input {
        file.seek(SeekFrom::Start(0)).map_err(|error| {
            Failure::new(
                Failure::INPUT,
                format!("cannot read the input a second time, as --status needs: {error}; copy it to a plain file"),
            )
        })?;
    }
    Ok(choosing.chosen)
}

/// Events on their way through the filter into the view.
struct Showing<'a> {
    view: &'a mut dyn View,
    filtering: Filtering,
    output: &'a mut Output,
}

impl Showing<'_> {
    fn start(&mut self, first: Timestamp) {
        self.view.start(first);
        self.filtering.start(first);
    }
}

impl Observer for Showing<'_> {
    fn event(&mut self, event: &Event<'_>) {
        let Self { view, filtering, output } = self;
        filtering.event(event, |event| view.event(event, &mut output.buffer));
    }
}
