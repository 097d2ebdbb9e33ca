//! `framescope demo`: the built-in client and server speak gRPC, and what they said is shown.
//!
//! What is shown was read back from the capture, as `decode` reads any other.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::output::Output;
use super::{Failure, loopback, options, shown};
use crate::annotate;
use crate::capture::write::{InterfaceDescription, PcapngWriter, SectionHeader};
use crate::capture::{CaptureFile, LinkType, Source as _};
use crate::cli::{Demo, Format};
use crate::dissect::Dissector;
use crate::endpoint::connection::Config;
use crate::endpoint::example::{Example, PROTOS};
use crate::endpoint::link;
use crate::endpoint::scenario::Scenario;
use crate::endpoint::tap::Recorded;
use crate::event::{Body, Event, Observer};
use crate::finding::{Judge, Judging};
use crate::limits::Limits;
use crate::protobuf::schema::{FileKind, Files, Inputs, Schema};
use crate::view::contents::Contents;
use crate::view::steps::{Steps, paragraph};
use crate::view::text::{self, Text};
use crate::view::{Source, Summary, View};

/// Plays a scenario, or all of them, or lists them.
///
/// # Errors
///
/// A scenario that does not exist, a connection that fails, a file that cannot be written.
pub fn run(arguments: &Demo) -> Result<(), Failure> {
    let scenarios = chosen(arguments)?;
    let mut output = Output::open(arguments.output.as_deref(), &[] as &[PathBuf])?;
    if arguments.list {
        list(&mut output.buffer);
        return output.finish();
    }
    for (n, scenario) in scenarios.iter().enumerate() {
        if n > 0 && matches!(arguments.format, Format::Text | Format::Calls | Format::Markdown) {
            output.buffer.push(b'\n');
        }
        let packets = play(scenario, arguments.simulate)?;
        let capture = pcapng(scenario, arguments.simulate, &packets, &[]).map_err(unwritten)?;
        if let Some(path) = &arguments.write {
            keep(path, scenario, arguments.simulate, &packets, &capture)?;
        }
        show(scenario, arguments, &capture, &mut output)?;
        if !output.is_open() {
            break;
        }
    }
    output.finish()
}

fn chosen(arguments: &Demo) -> Result<&'static [Scenario], Failure> {
    if arguments.scenario == "all" {
        if arguments.write.is_some() {
            return Err(Failure::new(Failure::USAGE, "-w keeps one connection: name one scenario"));
        }
        return Ok(Scenario::ALL);
    }
    let Some(scenario) = Scenario::named(&arguments.scenario) else {
        return Err(Failure::new(
            Failure::USAGE,
            format!("there is no scenario `{}`; `framescope demo --list` names them", shown(&arguments.scenario)),
        ));
    };
    Ok(std::slice::from_ref(scenario))
}

fn list(out: &mut Vec<u8>) {
    for Scenario { name, about, .. } in Scenario::ALL {
        out.extend_from_slice(format!("{name:<18}{about}\n").as_bytes());
    }
    out.extend_from_slice(b"all               all of them, one after another\n");
}

/// The packets of the connection.
fn play(scenario: &Scenario, simulate: bool) -> Result<Vec<Recorded>, Failure> {
    if simulate {
        let mut client = scenario.caller(link::SERVER.to_string());
        return link::run(&mut client, &mut Example::new(Config::default()))
            .map_err(|stuck| Failure::new(Failure::INPUT, format!("the simulated connection did not end: {stuck}")));
    }
    let outcome = loopback::run(|authority| scenario.caller(authority), Example::new(Config::default()));
    outcome.map_err(|error| {
        let message =
            format!("the connection between client and server failed: {error}; `--simulate` needs no network");
        Failure::new(Failure::INPUT, message)
    })
}

fn unwritten(error: io::Error) -> Failure {
    Failure::new(1, format!("cannot write the capture: {error}; make room or name another file with -w"))
}

/// The capture. `notes` are comments on the packets, by their numbers.
fn pcapng(scenario: &Scenario, simulate: bool, packets: &[Recorded], notes: &[Vec<String>]) -> io::Result<Vec<u8>> {
    let origin =
        if simulate { "a simulated link with a virtual clock" } else { "TCP on one machine, by way of a relay" };
    let comment = format!(
        "framescope demo {}: the octets are those of {origin}; Ethernet, IP and TCP headers were made up around them",
        scenario.name
    );
    let header = SectionHeader { application: Some("framescope"), comments: &[&comment], ..SectionHeader::default() };
    let mut writer = PcapngWriter::new(Vec::new(), &header)?;
    let interface = writer.add_interface(&InterfaceDescription {
        link: LinkType::ETHERNET,
        snaplen: 0,
        name: Some("demo"),
        description: None,
    })?;
    for (n, Recorded { time, octets }) in packets.iter().enumerate() {
        let comments: Vec<&str> = notes.get(n).into_iter().flatten().map(String::as_str).collect();
        writer.write_packet(interface, *time, octets, u32::try_from(octets.len()).unwrap_or(u32::MAX), &comments)?;
    }
    Ok(writer.into_inner())
}

/// Writes the capture to a file, with the notes as comments.
fn keep(path: &Path, scenario: &Scenario, simulate: bool, packets: &[Recorded], capture: &[u8]) -> Result<(), Failure> {
    let mut notes = Notes(vec![Vec::new(); packets.len()]);
    each_event(capture, &mut notes)?;
    let annotated = pcapng(scenario, simulate, packets, &notes.0).map_err(unwritten)?;
    let name = shown(&path.display().to_string());
    let file = File::create(path).map_err(|error| {
        Failure::new(Failure::USAGE, format!("cannot write to {name}: {error}; name another file with -w"))
    })?;
    let mut file = BufWriter::new(file);
    file.write_all(&annotated).and_then(|()| file.flush()).map_err(unwritten)
}

/// Notes on frames, by the packet that completed each.
struct Notes(Vec<Vec<String>>);

impl Observer for Notes {
    fn event(&mut self, event: &Event<'_>) {
        let Body::Frame(frame) = &event.body else { return };
        let number = usize::try_from(event.at.packet).unwrap_or(0).saturating_sub(1);
        let Some(notes) = self.0.get_mut(number) else { return };
        let mut words = Vec::new();
        annotate::note(event, frame, &mut words);
        let words = String::from_utf8_lossy(&words);
        notes.push(match frame.frame.header {
            Some(header) => format!("{}{}: {words}", header.kind(), if header.is_ack() { " ACK" } else { "" }),
            None => format!("MAGIC: {words}"),
        });
    }
}

/// Reads the capture back.
fn each_event(capture: &[u8], observer: &mut impl Observer) -> Result<Dissector, Failure> {
    let failure = |error: crate::capture::Error| {
        Failure::new(Failure::INPUT, format!("the capture cannot be read back: {error}"))
    };
    let mut source = CaptureFile::open(capture).map_err(failure)?;
    let mut dissector = Dissector::new(&Limits::default());
    while let Some(packet) = source.next_packet().map_err(failure)? {
        dissector.packet(&packet, observer);
    }
    dissector.finish(observer);
    Ok(dissector)
}

/// Shows the capture.
fn show(scenario: &Scenario, arguments: &Demo, capture: &[u8], output: &mut Output) -> Result<(), Failure> {
    struct Showing<'a>(&'a mut dyn View, &'a mut Output);
    impl Observer for Showing<'_> {
        fn event(&mut self, event: &Event<'_>) {
            self.0.event(event, &mut self.1.buffer);
            self.1.write_if_full();
        }
    }
    let colour = options::colour(arguments.color, arguments.output.is_some());
    let text = text::Options { absolute: arguments.absolute, colour, bytes: arguments.bytes, width: options::width() };
    let contents = || Ok(Contents::new(schema()?, &Limits::default()));
    let mut view = if arguments.format == Format::Text && scenario.name == "unary" {
        Box::new(Steps::new(Text::new(contents()?, text), text.width))
    } else {
        super::view::view(arguments.format, text, None, contents)?
    };
    if arguments.format == Format::Text {
        output.buffer.extend_from_slice(format!("demo {}: {}\n\n", scenario.name, scenario.about).as_bytes());
        paragraph(&mut output.buffer, scenario.look_for, 0, text.width);
        output.buffer.push(b'\n');
    }
    let mut source = CaptureFile::open(capture)
        .map_err(|error| Failure::new(Failure::INPUT, format!("the capture cannot be read back: {error}")))?;
    let first = source.next_packet().ok().flatten().map(|packet| packet.time);
    view.begin(&Source { name: &format!("demo {}", scenario.name) }, &mut output.buffer);
    view.start(first.unwrap_or_default());
    let mut judge = Judge::new(&Limits::default());
    let mut showing = Showing(view.as_mut(), output);
    let dissector = if showing.0.wants_findings() {
        each_event(capture, &mut Judging { judge: &mut judge, observer: &mut showing })?
    } else {
        each_event(capture, &mut showing)?
    };
    let summary = Summary {
        totals: dissector.totals(),
        net: Some(dissector.net()),
        capture: Some(source.facts()),
        late_packets: dissector.late_packets(),
        frames_shown: None,
        findings: Some(judge.found()),
        ended_early: None,
    };
    view.finish(&summary, &mut output.buffer);
    Ok(())
}

/// The schema of the example's services.
fn schema() -> Result<Schema, Failure> {
    let inputs = Inputs { protos: PROTOS.iter().map(|(name, _)| PathBuf::from(name)).collect(), ..Inputs::default() };
    let (schema, _) =
        Schema::load(&inputs, &BuiltIn).map_err(|error| Failure::new(Failure::SCHEMA, error.to_string()))?;
    Ok(schema)
}

/// The .proto files inside this program.
struct BuiltIn;

impl BuiltIn {
    fn text(path: &Path) -> Option<&'static str> {
        PROTOS.iter().find(|(name, _)| path == Path::new(name)).map(|(_, text)| *text)
    }
}

impl Files for BuiltIn {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        Self::text(path).map(|_| FileKind::File)
    }

    fn list(&self, _directory: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Self::text(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
