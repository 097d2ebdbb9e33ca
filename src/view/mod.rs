//! What is shown: events become octets, one file a format. Views format; they decide nothing and write nowhere but into the buffer.

pub mod calls;
pub mod contents;
pub mod durations;
pub mod ending;
pub mod markdown;
pub mod methods;
pub mod ndjson;
pub mod steps;
pub mod text;
pub mod unseen;

use crate::capture;
use crate::dissect::{Dissector, Totals};
use crate::event::Event;
use crate::net;
use crate::time::Timestamp;

/// What the command was given to read.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file name as given; `-` for a pipe.
    pub name: &'a str,
}

/// What there is to say at the end.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// Everything counted.
    pub totals: Totals,
    /// Packets below TCP; `None` where there were none.
    pub net: Option<&'a net::Counters>,
    /// What the capture says about itself.
    pub capture: Option<&'a capture::Facts>,
    /// Packets that came after their flow had ended.
    pub late_packets: u64,
    /// Frames that passed the filter; `None` where there is none.
    pub frames_shown: Option<u64>,
    /// What was found; `None` where nobody judged.
    pub findings: Option<u64>,
    /// Why the input ended early, in words; what preceded it was shown.
    pub ended_early: Option<&'a str>,
}

impl<'a> Summary<'a> {
    /// What a dissector has counted, of a capture that said nothing about itself, was shown whole and judged by nobody.
    #[must_use]
    pub fn of(dissector: &'a Dissector) -> Self {
        Self {
            totals: dissector.totals(),
            net: Some(dissector.net()),
            capture: None,
            late_packets: dissector.late_packets(),
            frames_shown: None,
            findings: None,
            ended_early: None,
        }
    }
}

/// A format. Everything is appended to `out`, which the caller empties when it likes.
pub trait View {
    /// Before the first event.
    fn begin(&mut self, source: &Source<'_>, out: &mut Vec<u8>);
    /// The time of the first packet, told once before the first event; relative times count from it.
    fn start(&mut self, _first: Timestamp) {}
    /// Whether it shows the frames and messages of calls, and not only the calls.
    fn wants_details(&self) -> bool {
        true
    }
    /// Whether it shows findings; without them, nobody judges.
    fn wants_findings(&self) -> bool {
        self.wants_details()
    }
    /// One event.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>);
    /// After the last event.
    fn finish(&mut self, summary: &Summary<'_>, out: &mut Vec<u8>);
}
