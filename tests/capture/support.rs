//! Packets as owned values, readers that dribble, and blocks built by hand.

use framescope::capture::{CaptureFile, Error, Source, TimeQuality};
use std::io::{self, Read};
use std::path::PathBuf;

/// What a test compares of a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    pub number: u64,
    pub nanos: i64,
    pub quality: TimeQuality,
    pub link: u32,
    pub interface: u32,
    pub original_length: u32,
    pub data: Vec<u8>,
    pub comments: Vec<String>,
}

/// All packets of `input` and the error that ended it, if one did.
pub fn read(input: impl Read) -> (Vec<Seen>, Option<Error>) {
    match CaptureFile::open(input) {
        Ok(mut source) => drain(&mut source),
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// All packets of `input`, which must end cleanly.
pub fn read_all(input: impl Read) -> Vec<Seen> {
    let (packets, error) = read(input);
    assert!(error.is_none(), "{error:?}");
    packets
}

pub fn drain(source: &mut dyn Source) -> (Vec<Seen>, Option<Error>) {
    let mut packets = Vec::new();
    loop {
        match source.next_packet() {
            Ok(Some(packet)) => packets.push(Seen {
                number: packet.number,
                nanos: packet.time.as_nanos(),
                quality: packet.time_quality,
                link: packet.link.0,
                interface: packet.interface,
                original_length: packet.original_length,
                data: packet.data.to_vec(),
                comments: packet.comments().map(|comment| String::from_utf8_lossy(comment).into_owned()).collect(),
            }),
            Ok(None) => return (packets, None),
            Err(error) => return (packets, Some(error)),
        }
    }
}

/// Delivers at most `step` octets a read.
pub struct Dribble<'a> {
    pub octets: &'a [u8],
    pub step: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.step.min(into.len()).min(self.octets.len());
        let (now, later) = self.octets.split_at(count);
        into[..count].copy_from_slice(now);
        self.octets = later;
        Ok(count)
    }
}

pub fn fixture(name: &str) -> Vec<u8> {
    let path = fixtures().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures")
}

/// Builds capture files in either byte order.
pub struct Build {
    pub octets: Vec<u8>,
    big: bool,
}

impl Build {
    pub fn little() -> Self {
        Self { octets: Vec::new(), big: false }
    }

    pub fn big() -> Self {
        Self { octets: Vec::new(), big: true }
    }

    pub fn u16(mut self, value: u16) -> Self {
        let octets = if self.big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.octets.extend(octets);
        self
    }

    pub fn u32(mut self, value: u32) -> Self {
        let octets = if self.big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.octets.extend(octets);
        self
    }

    pub fn u64(mut self, value: u64) -> Self {
        let octets = if self.big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.octets.extend(octets);
        self
    }

    pub fn octets(mut self, octets: &[u8]) -> Self {
        self.octets.extend(octets);
        self
    }

    pub fn padded(mut self, octets: &[u8]) -> Self {
        self.octets.extend(octets);
        while !self.octets.len().is_multiple_of(4) {
            self.octets.push(0);
        }
        self
    }

    pub fn option(self, code: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).unwrap();
        self.u16(code).u16(length).padded(value)
    }

    fn empty(&self) -> Self {
        Self { octets: Vec::new(), big: self.big }
    }

    /// A pcapng block.
    pub fn block(self, kind: u32, content: impl FnOnce(Self) -> Self) -> Self {
        let content = content(self.empty()).octets;
        let total = u32::try_from(content.len() + 12).unwrap();
        self.u32(kind).u32(total).octets(&content).u32(total)
    }

    pub fn section(self) -> Self {
        self.section_with(u64::MAX, |options| options)
    }

    pub fn section_with(self, length: u64, options: impl FnOnce(Self) -> Self) -> Self {
        self.block(0x0a0d_0d0a, |block| options(block.u32(0x1a2b_3c4d).u16(1).u16(0).u64(length)))
    }

    /// A section in the other byte order follows.
    pub fn swapped(mut self) -> Self {
        self.big = !self.big;
        self
    }

    pub fn interface(self, link: u16, snaplen: u32, options: impl FnOnce(Self) -> Self) -> Self {
        self.block(1, |block| options(block.u16(link).u16(0).u32(snaplen)))
    }

    pub fn enhanced(self, interface: u32, ticks: u64, data: &[u8], options: impl FnOnce(Self) -> Self) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        self.block(6, |block| {
            let block = block.u32(interface).u32((ticks >> 32) as u32).u32(ticks as u32);
            options(block.u32(length).u32(length + 2).padded(data))
        })
    }

    /// A pcap file header.
    pub fn pcap(self, magic: u32, version: (u16, u16), snaplen: u32, network: u32) -> Self {
        self.u32(magic).u16(version.0).u16(version.1).u64(0).u32(snaplen).u32(network)
    }

    pub fn record(self, seconds: u32, ticks: u32, original: u32, data: &[u8]) -> Self {
        self.u32(seconds).u32(ticks).u32(u32::try_from(data.len()).unwrap()).u32(original).octets(data)
    }
}
