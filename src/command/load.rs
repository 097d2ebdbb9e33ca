//! `framescope demo load`: much traffic on a simulated network, written as it is made.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::{Failure, shown};
use crate::capture::LinkType;
use crate::capture::write::{InterfaceDescription, PcapngWriter, SectionHeader};
use crate::cli::Demo;
use crate::endpoint::scenario::load::Load;

/// What it is called.
pub(super) const NAME: &str = "load";
/// One line.
pub(super) const ABOUT: &str =
    "much and varied traffic, for benchmarks: --connections, --calls, --size, --seed, -w FILE";

/// Writes the capture, and says what is in it.
///
/// # Errors
///
/// No file is named, or it cannot be written.
pub(super) fn run(arguments: &Demo, out: &mut Vec<u8>) -> Result<(), Failure> {
    let Some(path) = &arguments.write else {
        return Err(Failure::new(Failure::USAGE, "`load` makes a capture too large to show: name a file with -w"));
    };
    let name = shown(&path.display().to_string());
    let load = Load {
        connections: arguments.connections.unwrap_or(10),
        calls: arguments.calls.unwrap_or(10_000),
        size: arguments.size.unwrap_or(1000),
        seed: arguments.seed.unwrap_or(1),
    };
    let file = File::create(path).map_err(|error| {
        Failure::new(Failure::USAGE, format!("cannot write to {name}: {error}; name another file with -w"))
    })?;
    let unwritten = |error: io::Error| {
        Failure::new(
            Failure::OUTPUT,
            format!("cannot write the capture: {error}; make room or name another file with -w"),
        )
    };
    let (packets, octets) = write(load, BufWriter::with_capacity(1 << 20, file)).map_err(unwritten)?;
    let Load { connections, calls, .. } = load;
    let line = format!("{name}: {packets} packets, {octets} octets, {connections} connections, {calls} calls\n");
    out.extend_from_slice(line.as_bytes());
    Ok(())
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
        if failed.is_some() {
            return;
        }
        let length = u32::try_from(packet.octets.len()).unwrap_or(u32::MAX);
        packets += 1;
        octets += u64::from(length);
        failed = writer.write_packet(interface, packet.time, &packet.octets, length, &[]).err();
    });
    if let Some(error) = failed {
        return Err(error);
    }
    outcome.map_err(io::Error::other)?;
    writer.into_inner().flush()?;
    Ok((packets, octets))
}
