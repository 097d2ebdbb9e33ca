//! `framescope demo`: the built-in client and server speak gRPC, and what they said is shown.
//!
//! What is shown was read back from the capture, as `decode` reads any other.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::drive::words;
use super::live_capture::{Recorder, Recording};
use super::output::{self, Output};
use super::{Failure, load, loopback, options, shown};
use crate::annotate;
use crate::capture::write::{InterfaceDescription, PcapngWriter, SectionHeader};
use crate::capture::{CaptureFile, LinkType, Source as _, Statistics};
use crate::cli::{CaptureBy, Demo, Format, SchemaArgs};
use crate::dissect::Dissector;
use crate::endpoint::client::Ending;
use crate::endpoint::example::PROTOS;
use crate::endpoint::scenario::Scenario;
use crate::endpoint::tap::Recorded;
use crate::endpoint::world::{Diary, simulate};
use crate::event::{Body, Event, Observer};
use crate::finding::{Judge, Judging};
use crate::limits::Limits;
use crate::protobuf::schema::{FileKind, Files, Inputs, Schema};
use crate::view::contents::Contents;
use crate::view::steps::{Steps, paragraph};
use crate::view::text::Text;
use crate::view::{Source, Summary, View};

/// Plays a scenario, or all of them, or lists them.
///
/// # Errors
///
/// A scenario that does not exist, a connection that fails, a file that cannot be written.
pub fn run(arguments: &Demo) -> Result<(), Failure> {
    let scenarios = chosen(arguments)?;
    output::apart(arguments.write.as_deref(), arguments.shown.output.as_deref())?;
    let mut output = Output::open(arguments.shown.output.as_deref(), &[], &SchemaArgs::default())?;
    if arguments.list {
        list(&mut output.buffer);
        return output.finish();
    }
    if arguments.scenario == load::NAME {
        load::run(arguments, &mut output)?;
        return output.finish();
    }
    for (n, scenario) in scenarios.iter().enumerate() {
        if n > 0 && matches!(arguments.shown.format, Format::Text | Format::Calls | Format::Markdown) {
            output.buffer.push(b'\n');
        }
        let played = play(scenario, arguments)?;
        let capture = pcapng(scenario, &played, &[]).map_err(unwritten)?;
        if let Some(path) = &arguments.write {
            keep(path, scenario, &played, &capture)?;
        }
        show(scenario, arguments, &capture, &mut output)?;
        if arguments.shown.format == Format::Text {
            concluded(&played.endings, &mut output.buffer);
        }
        if !output.is_open() {
            break;
        }
    }
    output.finish()
}

fn chosen(arguments: &Demo) -> Result<Vec<&'static Scenario>, Failure> {
    if arguments.scenario == load::NAME {
        return Ok(Vec::new());
    }
    let Demo { connections, calls, size, seed, .. } = arguments;
    if connections.is_some() || calls.is_some() || size.is_some() || seed.is_some() {
        let message = "--connections, --calls, --size and --seed belong to `demo load`: leave them out";
        return Err(Failure::new(Failure::USAGE, message));
    }
    if arguments.scenario == "all" {
        if arguments.write.is_some() {
            return Err(Failure::new(Failure::USAGE, "-w keeps one capture: name one scenario"));
        }
        return Ok(Scenario::all().collect());
    }
    let Some(scenario) = Scenario::named(&arguments.scenario) else {
        return Err(Failure::new(
            Failure::USAGE,
            format!("there is no scenario `{}`; `framescope demo --list` names them", shown(&arguments.scenario)),
        ));
    };
    Ok(vec![scenario])
}

fn list(out: &mut Vec<u8>) {
    for Scenario { name, about, .. } in Scenario::all() {
        out.extend_from_slice(format!("{name:<19}{about}\n").as_bytes());
    }
    out.extend_from_slice(format!("{:<19}{}\n", load::NAME, load::ABOUT).as_bytes());
    out.extend_from_slice(b"all                all of them but `load`, one after another\n");
}

/// What was played.
struct Played {
    packets: Vec<Recorded>,
    /// What the packets begin with.
    link: LinkType,
    /// The interface.
    name: &'static str,
    /// Where octets and headers come from.
    origin: &'static str,
    /// What was counted where packets can be lost.
    statistics: Option<Statistics>,
    /// How calls ended for the client's program, by their numbers.
    endings: Vec<(u64, Ending)>,
}

impl Played {
    fn made_up(packets: Vec<Recorded>, origin: &'static str, diary: &Diary) -> Self {
        let endings = diary.endings().to_vec();
        Self { packets, link: LinkType::ETHERNET, name: "demo", origin, statistics: None, endings }
    }
}

/// Lets the client and the backends speak.
fn play(scenario: &Scenario, arguments: &Demo) -> Result<Played, Failure> {
    if arguments.simulate {
        let addresses: Vec<_> = (0..scenario.backends).map(simulate::address).collect();
        let stage = scenario.stage(&addresses);
        let diary = stage.diary.clone();
        let packets = simulate::packets(stage)
            .map_err(|stuck| Failure::new(Failure::INPUT, format!("the simulated connection did not end: {stuck}")))?;
        return Ok(Played::made_up(packets, SIMULATED, &diary));
    }
    if arguments.capture == CaptureBy::Relay {
        let (packets, diary) = loopback::play(scenario).map_err(failed)?;
        return Ok(Played::made_up(packets, RELAYED, &diary));
    }
    let mut recorder = None;
    let diary = loopback::play_unrecorded(scenario, |ports| {
        recorder = Some(Recorder::start(ports)?);
        Ok::<_, Failed>(())
    })
    .map_err(|error| match error {
        Failed::Capture(failure) => failure,
        Failed::Connection(error) => failed(error),
    })?;
    let Recording { packets, link, statistics } =
        recorder.map_or_else(|| Ok(Recording::default()), Recorder::finish)?;
    let link = link.unwrap_or(LinkType::ETHERNET);
    let endings = diary.endings().to_vec();
    Ok(Played { packets, link, name: "lo", origin: CAPTURED, statistics: Some(statistics), endings })
}

/// What ends a demo that is captured live.
enum Failed {
    Capture(Failure),
    Connection(io::Error),
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self::Capture(failure)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

fn failed(error: io::Error) -> Failure {
    let message =
        format!("the connection between client and server failed: {}; `--simulate` needs no network", words(&error));
    Failure::new(Failure::INPUT, message)
}

const SIMULATED: &str = "the octets are those of a simulated link with a virtual clock; Ethernet, IP and TCP headers were made up around them";
const RELAYED: &str = "the octets are those of TCP on one machine, by way of a relay; Ethernet, IP and TCP headers were made up around them";
const CAPTURED: &str = "TCP on one machine, as libpcap captured it on the loopback device";

fn unwritten(error: io::Error) -> Failure {
    Failure::new(
        Failure::OUTPUT,
        format!("cannot write the capture: {}; make room or name another file with -w", words(&error)),
    )
}

/// The capture. `notes` are comments on the packets, by their numbers.
fn pcapng(scenario: &Scenario, played: &Played, notes: &[Vec<String>]) -> io::Result<Vec<u8>> {
    let comment = format!("framescope demo {}: {}", scenario.name, played.origin);
    let header = SectionHeader { application: Some("framescope"), comments: &[&comment], ..SectionHeader::default() };
    let mut writer = PcapngWriter::new(Vec::new(), &header)?;
    let interface = writer.add_interface(&InterfaceDescription {
        link: played.link,
        snaplen: 0,
        name: Some(played.name),
        description: None,
    })?;
    for (n, Recorded { time, octets }) in played.packets.iter().enumerate() {
        let comments: Vec<&str> = notes.get(n).into_iter().flatten().map(String::as_str).collect();
        writer.write_packet(interface, *time, octets, u32::try_from(octets.len()).unwrap_or(u32::MAX), &comments)?;
    }
    if let (Some(statistics), Some(last)) = (&played.statistics, played.packets.last()) {
        writer.write_statistics(interface, last.time, statistics)?;
    }
    Ok(writer.into_inner())
}

/// Writes the capture to a file, with the notes as comments.
fn keep(path: &Path, scenario: &Scenario, played: &Played, capture: &[u8]) -> Result<(), Failure> {
    let mut notes = Notes(vec![Vec::new(); played.packets.len()]);
    each_event(capture, &mut notes)?;
    let annotated = pcapng(scenario, played, &notes.0).map_err(unwritten)?;
    let mut file = BufWriter::new(output::create_capture(path, &SchemaArgs::default())?);
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
        let own = annotate::OWN;
        notes.push(match frame.frame.header {
            Some(header) => format!("{own}{}{}: {words}", header.kind(), if header.is_ack() { " ACK" } else { "" }),
            None => format!("{own}MAGIC: {words}"),
        });
    }
}

/// Reads the capture back.
fn each_event<'a>(
    capture: &'a [u8],
    observer: &mut impl Observer,
) -> Result<(Dissector, CaptureFile<&'a [u8]>), Failure> {
    let failure = |error: crate::capture::Error| {
        Failure::new(Failure::INPUT, format!("the capture cannot be read back: {error}"))
    };
    let mut source = CaptureFile::open(capture).map_err(failure)?;
    let mut dissector = Dissector::new(&Limits::default());
    while let Some(packet) = source.next_packet().map_err(failure)? {
        dissector.packet(&packet, observer);
    }
    dissector.finish(observer);
    Ok((dissector, source))
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
    let text = options::text(&arguments.shown);
    let contents = || Ok(Contents::new(schema()?, &Limits::default()));
    let mut view = if arguments.shown.format == Format::Text && scenario.name == "unary" {
        Box::new(Steps::new(Text::new(contents()?, text), text.width))
    } else {
        super::view::view(arguments.shown.format, text, None, contents)?
    };
    if arguments.shown.format == Format::Text {
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
    let (dissector, source) = if showing.0.wants_findings() {
        each_event(capture, &mut Judging { judge: &mut judge, observer: &mut showing })?
    } else {
        each_event(capture, &mut showing)?
    };
    let summary = Summary { capture: Some(source.facts()), findings: Some(judge.found()), ..Summary::of(&dissector) };
    view.finish(&summary, &mut output.buffer);
    Ok(())
}

/// Appends how calls ended for the client's program where the server did not say it.
fn concluded(endings: &[(u64, Ending)], out: &mut Vec<u8>) {
    let mut endings: Vec<_> = endings.iter().filter(|(_, ending)| !ending.from_server).collect();
    if endings.is_empty() {
        return;
    }
    endings.sort_by_key(|(call, _)| *call);
    out.extend_from_slice(b"\nThe client itself, not the server, told its program:\n");
    for (call, Ending { status, message, .. }) in endings {
        let words = if message.is_empty() { String::new() } else { format!(": \"{}\"", shown(message)) };
        out.extend_from_slice(format!("  call {call}: {status}{words}\n").as_bytes());
    }
}

/// The schema of the example's services.
pub(super) fn schema() -> Result<Schema, Failure> {
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
