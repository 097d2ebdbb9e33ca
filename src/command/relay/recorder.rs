//! Makes packets of what the connections did, dissects and shows them, and writes them into the capture.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::time::Duration;

use super::queue::{Item, Items, Nothing, What};
use crate::capture::write::{InterfaceDescription, PcapngWriter, SectionHeader};
use crate::capture::{LinkType, Options, Packet, TimeQuality};
use crate::command::Failure;
use crate::command::decode::Showing;
use crate::command::drive::clock::Clock;
use crate::command::drive::stop::Stopper;
use crate::command::output::Output;
use crate::dissect::Dissector;
use crate::endpoint::Stop;
use crate::endpoint::tap::{Recorded, Tap};
use crate::filter::{Filter, Filtering};
use crate::finding::Judge;
use crate::limits::Limits;
use crate::view::{Source, Summary, View};

/// How long nothing may happen before what waits is looked through.
const PATIENCE: Duration = Duration::from_secs(1);

/// Everything on this side of the queue.
pub(super) struct Recorder {
    taps: HashMap<u64, Tap>,
    packets: u64,
    dissector: Dissector,
    view: Box<dyn View>,
    filtering: Filtering,
    details: bool,
    /// Who judges what is shown, where the view asks for it.
    judge: Option<Judge>,
    output: Output,
    /// Whether the trace is no longer shown, which was told.
    mute: bool,
    capture: Option<Capture>,
    /// Why the capture is not complete.
    failed: Option<io::Error>,
    stopper: Stopper,
}

impl Recorder {
    /// A recorder that has seen nothing yet; the beginnings of trace and capture are written.
    pub(super) fn new(
        name: &str,
        view: Box<dyn View>,
        filter: Filter,
        limits: &Limits,
        output: Output,
        file: Option<File>,
        stopper: Stopper,
    ) -> Result<Self, Failure> {
        let details = view.wants_details() || !filter.is_empty();
        let judge = view.wants_findings().then(|| Judge::new(limits));
        let capture = file.map(|file| Capture::new(file, name)).transpose().map_err(|error| unwritten(&error))?;
        let mut recorder = Self {
            taps: HashMap::new(),
            packets: 0,
            dissector: Dissector::new(limits),
            view,
            filtering: Filtering::new(filter, None),
            details,
            judge,
            output,
            mute: false,
            capture,
            failed: None,
            stopper,
        };
        recorder.view.begin(&Source { name }, &mut recorder.output.buffer);
        Ok(recorder)
    }

    /// Records until nothing more can come. What was shown and written is flushed whenever nothing is waiting.
    pub(super) fn run(mut self, items: &Items, clock: Clock) -> Result<(), Failure> {
        loop {
            let item = items.ready().or_else(|nothing| {
                if nothing == Nothing::Ever {
                    return Err(nothing);
                }
                self.flush();
                items.wait(PATIENCE)
            });
            match item {
                Ok(item) => self.take(item),
                Err(Nothing::Yet) => self.show(|dissector, showing| dissector.advance(clock.now(), showing)),
                Err(Nothing::Ever) => return self.finish(),
            }
        }
    }

    fn take(&mut self, Item { time, connection, what }: Item) {
        let mut comment = None;
        if let What::Opened { client, server } = what {
            let mut tap = Tap::new(client, server);
            tap.open(time, time, time);
            self.taps.insert(connection, tap);
        }
        let Some(tap) = self.taps.get_mut(&connection) else { return };
        match what {
            What::Opened { .. } => {}
            What::Octets(direction, octets) => {
                tap.octets(time, direction, &octets);
                tap.delivered(direction, octets.len());
            }
            What::Lost(direction, octets) => {
                tap.skip(time, direction, octets);
                comment = Some(format!(
                    "framescope relay: not recorded: {octets} octets of the {}, which were forwarded: decoding or the disk could not keep up",
                    direction.sender()
                ));
            }
            What::Ended(direction) => {
                tap.end(time, direction);
                tap.delivered(direction, 1);
            }
            What::Reset(direction) => tap.reset(time, direction),
            What::Over => {
                // After both ends have ended the last packet is the one that acknowledges it; the tap has nothing more to say.
                self.taps.remove(&connection);
                return;
            }
        }
        let packets = tap.take();
        for packet in &packets {
            self.packet(packet, comment.as_deref());
        }
    }

    fn packet(&mut self, Recorded { time, octets }: &Recorded, comment: Option<&str>) {
        self.packets = self.packets.saturating_add(1);
        let original_length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        if let Some(capture) = &mut self.capture {
            let comments = comment.as_slice();
            let written = capture.writer.write_packet(capture.interface, *time, octets, original_length, comments);
            self.recorded(written);
        }
        let (number, is_first) = (self.packets, self.packets == 1);
        let packet = Packet {
            number,
            time: *time,
            time_quality: TimeQuality::Captured,
            link: LinkType::ETHERNET,
            data: octets,
            original_length,
            interface: 0,
            options: Options::empty(),
        };
        self.show(|dissector, showing| {
            if is_first {
                showing.start(packet.time);
            }
            dissector.packet(&packet, showing);
        });
        self.output.write_if_full();
        self.heed_output();
    }

    /// Lets the dissector say something.
    fn show(&mut self, say: impl FnOnce(&mut Dissector, &mut Showing<'_>)) {
        let Self { dissector, view, filtering, output, judge, details, .. } = self;
        say(
            dissector,
            &mut Showing { view: view.as_mut(), filtering, output, judge: judge.as_mut(), details: *details },
        );
    }

    fn flush(&mut self) {
        self.output.flush();
        self.heed_output();
        if let Some(capture) = &mut self.capture {
            let flushed = capture.writer.flush();
            self.recorded(flushed);
        }
    }

    /// A pipe that nobody reads ends everything; an output that cannot be written ends only what is shown.
    fn heed_output(&mut self) {
        if self.output.is_open() || std::mem::replace(&mut self.mute, true) {
            return;
        }
        match self.output.error() {
            None => self.stopper.stop(Stop::AtOnce),
            Some(error) => eprintln!("framescope: cannot write the output: {error}; forwarding goes on"),
        }
    }

    /// A capture that cannot be written ends there; forwarding and showing go on.
    fn recorded(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            eprintln!("framescope: cannot write the capture: {error}; it ends here, forwarding goes on");
            self.capture = None;
            self.failed = Some(error);
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.show(|dissector, showing| dissector.finish(showing));
        let summary = Summary {
            frames_shown: self.filtering.shown(),
            findings: self.judge.as_ref().map(Judge::found),
            ..Summary::of(&self.dissector)
        };
        self.view.finish(&summary, &mut self.output.buffer);
        self.flush();
        let shown = self.output.finish();
        match self.failed {
            None => shown,
            Some(error) => Err(unwritten(&error)),
        }
    }
}

/// The capture that is kept.
struct Capture {
    writer: PcapngWriter<BufWriter<File>>,
    interface: u32,
}

impl Capture {
    fn new(file: File, name: &str) -> io::Result<Self> {
        let comment = format!(
            "framescope {name}: the octets are those that were forwarded; Ethernet, IP and TCP headers were made up around them"
        );
        let header =
            SectionHeader { application: Some("framescope"), comments: &[&comment], ..SectionHeader::default() };
        let mut writer = PcapngWriter::new(BufWriter::new(file), &header)?;
        let interface = writer.add_interface(&InterfaceDescription {
            link: LinkType::ETHERNET,
            snaplen: 0,
            name: Some("relay"),
            description: Some("made-up headers around forwarded octets"),
        })?;
        Ok(Self { writer, interface })
    }
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::new(
        Failure::OUTPUT,
        format!("the capture is not complete: {error}; make room or name another file with -w"),
    )
}
