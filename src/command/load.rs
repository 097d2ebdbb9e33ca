//! `framescope demo load`: much traffic on a simulated network, written or shown as it is made.

use std::io::{self, BufWriter, Write};

use super::decode::Showing;
use super::drive::words;
use super::output::{Output, create_capture};
use super::{Failure, demo, options, shown};
use crate::capture::write::{InterfaceDescription, PcapngWriter, SectionHeader};
use crate::capture::{LinkType, Options, Packet, TimeQuality};
use crate::cli::{Demo, Format, SchemaArgs};
use crate::dissect::Dissector;
use crate::endpoint::scenario::load::Load;
use crate::endpoint::tap::Recorded;
use crate::filter::{Filter, Filtering};
use crate::finding::Judge;
use crate::limits::Limits;
use crate::view::contents::Contents;
use crate::view::steps::paragraph;
use crate::view::{Source, Summary};

/// What it is called.
pub(super) const NAME: &str = "load";
/// One line.
pub(super) const ABOUT: &str =
    "much and varied traffic, for benchmarks: --connections, --calls, --size, --seed, -w FILE";

/// What to look for in the trace.
const LOOK_FOR: &str = "Chance, which begins with --seed, makes up which calls there are, of what kind, how large their messages, how long the \
    server works and how some of them end; the same seed makes the same octets. At most 16 connections are open at once. Nothing is kept in \
    memory, so there may be gigabytes of it: -T calls gives an account of all calls, -w FILE keeps the capture.";

/// Writes the capture and says what is in it; without a file, shows the traffic as it is made.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn run(arguments: &Demo, output: &mut Output) -> Result<(), Failure> {
    let load = Load {
        connections: arguments.connections.unwrap_or(10),
        calls: arguments.calls.unwrap_or(10_000),
        size: arguments.size.unwrap_or(1000),
        seed: arguments.seed.unwrap_or(1),
    };
    let Some(path) = &arguments.write else { return show(load, arguments, output) };
    let name = shown(&path.display().to_string());
    let file = create_capture(path, &SchemaArgs::default())?;
    let unwritten = |error: io::Error| {
        Failure::new(
            Failure::OUTPUT,
            format!("cannot write the capture: {}; make room or name another file with -w", words(&error)),
        )
    };
    let (packets, octets) = write(load, BufWriter::with_capacity(1 << 20, file)).map_err(unwritten)?;
    let Load { connections, calls, .. } = load;
    let line = format!("{name}: {packets} packets, {octets} octets, {connections} connections, {calls} calls\n");
    output.buffer.extend_from_slice(line.as_bytes());
    Ok(())
}

/// Shows the traffic as it is made, until it ends or nobody reads any more.
fn show(load: Load, arguments: &Demo, output: &mut Output) -> Result<(), Failure> {
    let limits = Limits::default();
    let contents = || Ok(Contents::new(demo::schema()?, &limits));
    let mut view = super::view::view(arguments.shown.format, options::text(&arguments.shown), None, contents)?;
    let details = view.wants_details();
    let mut judge = view.wants_findings().then(|| Judge::new(&limits));
    let mut filtering = Filtering::new(Filter::default(), None);
    let mut dissector = Dissector::new(&limits);
    if arguments.shown.format == Format::Text {
        output.buffer.extend_from_slice(format!("demo {NAME}: {ABOUT}\n\n").as_bytes());
        paragraph(&mut output.buffer, LOOK_FOR, 0, options::text(&arguments.shown).width);
        output.buffer.push(b'\n');
    }
    view.begin(&Source { name: "demo load" }, &mut output.buffer);
    let mut showing =
        Showing { view: view.as_mut(), filtering: &mut filtering, output, judge: judge.as_mut(), details };
    let mut number = 0_u64;
    let outcome = load.run(&mut |Recorded { time, octets }| {
        number = number.saturating_add(1);
        if number == 1 {
            showing.start(time);
        }
        let packet = Packet {
            number,
            time,
            time_quality: TimeQuality::Captured,
            link: LinkType::ETHERNET,
            data: &octets,
            original_length: u32::try_from(octets.len()).unwrap_or(u32::MAX),
            interface: 0,
            options: Options::empty(),
        };
        dissector.packet(&packet, &mut showing);
        showing.output.write_if_full();
        showing.output.is_open()
    });
    dissector.finish(&mut showing);
    let summary = Summary { findings: judge.as_ref().map(Judge::found), ..Summary::of(&dissector) };
    view.finish(&summary, &mut output.buffer);
    outcome.map_err(|stuck| Failure::new(Failure::INPUT, format!("the simulated traffic did not end: {stuck}")))
}

/// Packets and their octets.
fn write(load: Load, file: impl Write) -> io::Result<(u64, u64)> {
    let Load { connections, calls, size, seed } = load;
    let comment = format!(
        "framescope demo load --connections {connections} --calls {calls} --size {size} --seed {seed}: \
         the octets are those of a simulated link with a virtual clock; Ethernet, IP and TCP headers were made up around them"
    );
    let header = SectionHeader { application: Some("framescope"), comments: &[&comment], ..SectionHeader::default() };
    let mut writer = PcapngWriter::new(file, &header)?;
    let interface = writer.add_interface(&InterfaceDescription {
        link: LinkType::ETHERNET,
        snaplen: 0,
        name: Some("demo"),
        description: None,
    })?;
    let (mut packets, mut octets, mut failed) = (0_u64, 0_u64, None);
    let outcome = load.run(&mut |packet| {
        let length = u32::try_from(packet.octets.len()).unwrap_or(u32::MAX);
        packets += 1;
        octets += u64::from(length);
        failed = writer.write_packet(interface, packet.time, &packet.octets, length, &[]).err();
        failed.is_none()
    });
    if let Some(error) = failed {
        return Err(error);
    }
    outcome.map_err(io::Error::other)?;
    writer.into_inner().flush()?;
    Ok((packets, octets))
}
