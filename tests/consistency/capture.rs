//! Captures as lists of packets that can be damaged, and the place of every octet in its TCP stream.
//!
//! A damaged copy keeps the packet numbers of the whole capture, so that both can be compared number by number.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use framescope::net::{Net, Outcome, TcpFlags};
use framescope::span::Piece;

use crate::kept::Owned;

/// Where an octet stands in what one side of a connection sends.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) sequence: u32,
}

/// A TCP segment's part in the story.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) place: Place,
    pub(crate) acknowledgment: Option<u32>,
    /// Offset of the payload in the packet; octets captured, and on the wire.
    offset: u32,
    pub(crate) captured: u32,
    pub(crate) wire: u32,
    pub(crate) flags: TcpFlags,
}

/// What a list of packets holds of TCP.
#[derive(Debug, Default)]
pub(crate) struct Parts(BTreeMap<u64, Vec<Part>>);

impl Parts {
    pub(crate) fn of(packets: &[Owned]) -> Self {
        let mut net = Net::default();
        let mut parts = Self::default();
        for one in packets {
            let outcome = net.packet(one.link.0, &one.data, one.original_length, one.number, one.time.as_nanos());
            let Outcome::Tcp(segment) = outcome else { continue };
            let mut part = Part {
                place: Place { from: segment.source, to: segment.destination, sequence: segment.sequence },
                acknowledgment: segment.flags.contains(TcpFlags::ACK).then_some(segment.acknowledgment),
                offset: 0,
                captured: 0,
                wire: segment.wire_length,
                flags: segment.flags,
            };
            if segment.flags.contains(TcpFlags::SYN) {
                part.place.sequence = part.place.sequence.wrapping_add(1);
            }
            let mut any = false;
            for piece in segment.pieces() {
                (part.offset, part.captured) = (piece.offset, piece.length);
                if part.captured < u32::try_from(segment.payload.len()).unwrap() {
                    part.wire = piece.length;
                }
                parts.0.entry(piece.packet).or_default().push(part);
                part.place.sequence = part.place.sequence.wrapping_add(piece.length);
                any = true;
            }
            if !any {
                parts.0.entry(one.number).or_default().push(part);
            }
        }
        parts
    }

    /// Where the first of these octets stands.
    pub(crate) fn place(&self, pieces: &[Piece]) -> Option<Place> {
        let first = pieces.first()?;
        let within = |part: &&Part| (part.offset..part.offset + part.captured.max(1)).contains(&first.offset);
        let part = self.0.get(&first.packet)?.iter().find(within)?;
        let sequence = part.place.sequence.wrapping_add(first.offset - part.offset);
        Some(Place { sequence, ..part.place })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Part)> {
        self.0.iter().flat_map(|(number, parts)| parts.iter().map(|part| (*number, part)))
    }
}

/// The captures in a folder of at most `largest` octets.
pub(crate) fn captures(folder: &Path, largest: u64) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_capture = |path: &PathBuf| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(is_capture)
        .filter(|path| path.metadata().is_ok_and(|metadata| metadata.len() <= largest))
        .collect();
    found.sort();
    found
}
