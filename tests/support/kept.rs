//! Packets of a capture file, kept so that a test can leave some out, change them and play them again.

use std::fs::File;
use std::path::Path;

use framescope::capture::{CaptureFile, LinkType, Options, Packet, Source as _, TimeQuality};
use framescope::time::Timestamp;

/// A packet that owns its octets.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    pub(crate) link: LinkType,
    pub(crate) data: Vec<u8>,
    pub(crate) original_length: u32,
}

impl Owned {
    pub(crate) fn packet(&self) -> Packet<'_> {
        Packet {
            number: self.number,
            time: self.time,
            time_quality: TimeQuality::Captured,
            link: self.link,
            data: &self.data,
            original_length: self.original_length,
            interface: 0,
            options: Options::empty(),
        }
    }
}

/// Every packet of a capture file.
pub(crate) fn packets(path: &Path) -> Vec<Owned> {
    let mut source = CaptureFile::open(File::open(path).unwrap()).unwrap();
    let mut all = Vec::new();
    while let Some(packet) = source.next_packet().unwrap() {
        all.push(Owned {
            number: packet.number,
            time: packet.time,
            link: packet.link,
            data: packet.data.to_vec(),
            original_length: packet.original_length,
        });
    }
    all
}
