//! What a capture says about itself: sections, interfaces, losses, comments, secrets, faults.
//!
//! Every list is bounded by [`Limits`]; what did not fit is counted in [`LeftOut`]. Whether a loss matters is
//! for `finding` to judge.

use super::buffer::as_u64;
use super::{Compression, Limits, LinkType, Resolution};

/// Everything learnt so far. Grows while the packets are read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Facts {
    /// The kind of capture.
    pub format: Format,
    /// How it is compressed, if it is.
    pub compression: Option<Compression>,
    /// Packets numbered so far, the skipped ones included.
    pub packets: u64,
    /// The sections of a pcapng file, in order.
    pub sections: Vec<Section>,
    /// The interfaces, by ascending number; see [`interface`](Self::interface).
    pub interfaces: Vec<Interface>,
    /// Comments on anything but packets, in order.
    pub comments: Vec<Comment>,
    /// Decryption secrets, in order.
    pub secrets: Vec<Secrets>,
    /// Blocks that hold nothing this program uses, by type.
    pub skipped: Vec<SkippedBlocks>,
    /// The first blocks that could not be used although the framing is intact.
    pub faults: Vec<Fault>,
    /// How many such blocks there were.
    pub faults_total: u64,
    /// What limits kept out of the lists above.
    pub left_out: LeftOut,
    text_room: usize,
    secrets_room: usize,
    described: usize,
}

impl Facts {
    pub(crate) fn new(format: Format, compression: Option<Compression>, limits: &Limits) -> Self {
        Self {
            format,
            compression,
            packets: 0,
            sections: Vec::new(),
            interfaces: Vec::new(),
            comments: Vec::new(),
            secrets: Vec::new(),
            skipped: Vec::new(),
            faults: Vec::new(),
            faults_total: 0,
            left_out: LeftOut::default(),
            text_room: limits.text_octets,
            secrets_room: limits.secrets_octets,
            described: limits.described,
        }
    }

    /// The description of the interface with that number, if it was kept.
    pub fn interface(&self, number: u32) -> Option<&Interface> {
        let at = self.interfaces.binary_search_by_key(&number, |i| i.number);
        self.interfaces.get(at.ok()?)
    }

    pub(crate) fn interface_mut(&mut self, number: u32) -> Option<&mut Interface> {
        let at = self.interfaces.binary_search_by_key(&number, |i| i.number);
        self.interfaces.get_mut(at.ok()?)
    }

    /// Packets that the capturing system says it dropped, as last reported by each interface.
    pub fn dropped(&self) -> u64 {
        let reports = self.interfaces.iter().filter_map(|i| i.statistics.as_ref());
        reports.flat_map(|report| [report.dropped, report.dropped_by_system]).flatten().fold(0, u64::saturating_add)
    }

    /// Octets of memory held.
    pub(crate) fn held_bytes(&self, limits: &Limits) -> usize {
        [
            limits.text_octets.saturating_sub(self.text_room),
            limits.secrets_octets.saturating_sub(self.secrets_room),
            list_octets(&self.sections),
            list_octets(&self.interfaces),
            list_octets(&self.comments),
            list_octets(&self.secrets),
            list_octets(&self.skipped),
            list_octets(&self.faults),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    #[cold]
    pub(crate) fn fault(&mut self, offset: u64, packet: Option<u64>, what: &'static str) {
        self.faults_total = self.faults_total.saturating_add(1);
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { offset, packet, what });
        }
    }

    /// Text to keep: damaged UTF-8 shows as U+FFFD; `None` and counted if there is no room.
    pub(crate) fn text(&mut self, octets: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(octets);
        match self.text_room.checked_sub(text.len()) {
            Some(room) => {
                self.text_room = room;
                Some(text.into_owned())
            }
            None => {
                self.left_out.texts = self.left_out.texts.saturating_add(1);
                None
            }
        }
    }

    pub(crate) fn comment(&mut self, subject: Subject, octets: &[u8]) {
        // Each entry costs some memory of its own, however short its text.
        if self.comments.len() >= MAX_COMMENTS {
            self.left_out.texts = self.left_out.texts.saturating_add(1);
        } else if let Some(text) = self.text(octets) {
            self.comments.push(Comment { subject, text });
        }
    }

    pub(crate) fn section(&mut self, section: Section) {
        if self.sections.len() < self.described {
            self.sections.push(section);
        } else {
            self.left_out.sections = self.left_out.sections.saturating_add(1);
        }
    }

    pub(crate) fn describe_interface(&mut self, interface: Interface) {
        if self.interfaces.len() < self.described {
            self.interfaces.push(interface);
        } else {
            self.left_out.interfaces = self.left_out.interfaces.saturating_add(1);
        }
    }

    pub(crate) fn keep_secrets(&mut self, kind: u32, offset: u64, octets: &[u8]) {
        match self.secrets_room.checked_sub(octets.len()) {
            Some(room) if self.secrets.len() < MAX_SECRETS => {
                self.secrets_room = room;
                self.secrets.push(Secrets { kind, data: octets.to_vec(), offset, after_packet: self.packets });
            }
            _ => {
                let left_out = &mut self.left_out;
                left_out.secrets = left_out.secrets.saturating_add(1);
                left_out.secrets_octets = left_out.secrets_octets.saturating_add(as_u64(octets.len()));
            }
        }
    }

    pub(crate) fn skip_block(&mut self, block_type: u32) {
        let known = self.skipped.iter_mut().find(|s| s.block_type == block_type);
        if let Some(known) = known {
            known.count = known.count.saturating_add(1);
        } else if self.skipped.len() < MAX_BLOCK_TYPES {
            self.skipped.push(SkippedBlocks { block_type, count: 1 });
        } else {
            self.left_out.skipped_blocks = self.left_out.skipped_blocks.saturating_add(1);
        }
    }
}

/// The kind of a capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// pcap, with times in microseconds.
    PcapMicroseconds,
    /// pcap, with times in nanoseconds.
    PcapNanoseconds,
    /// pcap as modified by Alexey Kuznetzov: a longer record header, times in microseconds.
    PcapModified,
    /// pcapng.
    Pcapng,
    /// No file: packets as they pass.
    Live,
}

/// One section of a pcapng file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Section {
    /// Where its header begins.
    pub offset: u64,
    /// Octets of the section as its header states them; `None` if it does not.
    pub length: Option<u64>,
    /// Whether its integers have their most significant octet first.
    pub big_endian: bool,
    /// The machine that captured it (`shb_hardware`).
    pub hardware: Option<String>,
    /// The operating system that captured it (`shb_os`).
    pub os: Option<String>,
    /// The program that captured it (`shb_userappl`).
    pub application: Option<String>,
}

/// One interface: all that a pcap file has, each described one in a pcapng file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Interface {
    /// Its number in the file, from 0, over all sections.
    pub number: u32,
    /// The section it belongs to, from 0.
    pub section: u64,
    /// What its packets begin with.
    pub link: LinkType,
    /// The most octets it keeps of a packet; 0 means all.
    pub snaplen: u32,
    /// Its clock.
    pub resolution: Resolution,
    /// Seconds to add to its clock.
    pub offset_seconds: i64,
    /// Octets of frame check sequence at the end of each packet, if the capture says.
    pub fcs_octets: Option<u8>,
    /// Its name on the capturing machine (`if_name`).
    pub name: Option<String>,
    /// Its description (`if_description`).
    pub description: Option<String>,
    /// What it last reported about its own work.
    pub statistics: Option<Statistics>,
}

/// What an interface reports about its own work (interface statistics block). Counts of packets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// `isb_ifrecv`: received from the interface.
    pub received: Option<u64>,
    /// `isb_ifdrop`: dropped by the interface for lack of resources.
    pub dropped: Option<u64>,
    /// `isb_filteraccept`: accepted by the filter.
    pub accepted: Option<u64>,
    /// `isb_osdrop`: dropped by the operating system.
    pub dropped_by_system: Option<u64>,
    /// `isb_usrdeliv`: delivered to the capturing program.
    pub delivered: Option<u64>,
}

/// A comment on something other than a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Comment {
    /// What it is about.
    pub subject: Subject,
    /// What it says; damaged UTF-8 shows as U+FFFD.
    pub text: String,
}

/// What a comment is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Subject {
    /// The section with this number, from 0.
    Section(u64),
    /// The interface with this number.
    Interface(u32),
    /// The statistics of the interface with this number.
    Statistics(u32),
    /// The secrets at this offset.
    Secrets(u64),
}

/// A decryption secrets block (draft-ietf-opsawg-pcapng §4.7), for `tls` to read.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Secrets {
    /// What `data` is: [`Secrets::TLS_KEY_LOG`] or another of the registered kinds.
    pub kind: u32,
    /// The secrets.
    pub data: Vec<u8>,
    /// Where the block begins.
    pub offset: u64,
    /// The number of the packet before it; 0 if it precedes them all.
    pub after_packet: u64,
}

impl Secrets {
    /// Lines in the format of SSLKEYLOGFILE (`TLSK`).
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}

/// Shows how many octets there are, not the octets: they are secrets.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets")
            .field("kind", &format_args!("{:#010x}", self.kind))
            .field("octets", &self.data.len())
            .field("offset", &self.offset)
            .field("after_packet", &self.after_packet)
            .finish()
    }
}

/// Blocks of a type that holds nothing this program uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SkippedBlocks {
    /// The type.
    pub block_type: u32,
    /// How many there were.
    pub count: u64,
}

impl SkippedBlocks {
    /// What the standard calls the type, if it is registered.
    pub fn name(&self) -> Option<&'static str> {
        super::pcapng::block_name(self.block_type)
    }
}

/// A block that could not be used, in a file whose framing is intact.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Where the block begins.
    pub offset: u64,
    /// The number of the packet it holds, if it holds one.
    pub packet: Option<u64>,
    /// What is wrong, and what became of it.
    pub what: &'static str,
}

/// How much did not fit the [`Limits`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct LeftOut {
    /// Sections whose description was not kept.
    pub sections: u64,
    /// Interfaces whose description was not kept; their packets were read all the same.
    pub interfaces: u64,
    /// Comments, names and descriptions not kept.
    pub texts: u64,
    /// Secrets blocks not kept.
    pub secrets: u64,
    /// Octets in them.
    pub secrets_octets: u64,
    /// Skipped blocks not counted by type.
    pub skipped_blocks: u64,
}

/// Octets that a list takes, without what its entries own.
pub(crate) fn list_octets<T>(list: &Vec<T>) -> usize {
    list.capacity().saturating_mul(size_of::<T>())
}

const MAX_FAULTS: usize = 64;
const MAX_COMMENTS: usize = 4096;
const MAX_SECRETS: usize = 4096;
const MAX_BLOCK_TYPES: usize = 64;
