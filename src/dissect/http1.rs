//! HTTP/1 flows: named, and watched for `Upgrade: h2c` (RFC 7540 §3.2), after which they speak HTTP/2.

use super::opening::Chunk;
use crate::direction::{Both, Direction};
use crate::http2::preface::MAGIC;
use crate::span::{Arrival, Piece};

/// Octets kept of a message's head; a longer one is not looked through.
const HEAD: usize = 32 << 10;

/// One HTTP/1 flow.
#[derive(Debug, Default)]
pub(super) struct Http1 {
    heads: Both<Vec<Chunk>>,
    /// The settings of a request that asked for the upgrade.
    asked: Option<Vec<u8>>,
    /// Whether the server has answered anything.
    answered: bool,
}

/// An upgrade that both sides agreed on.
pub(super) struct Upgrade {
    /// The payload of `HTTP2-Settings`, decoded.
    pub(super) settings: Vec<u8>,
    /// The HTTP/2 octets that came so far.
    pub(super) chunks: Vec<Chunk>,
}

impl Http1 {
    /// Whether these are a server's first octets, and no answer in HTTP/1.
    pub(super) fn is_foreign(&mut self, direction: Direction, octets: &[u8]) -> bool {
        if direction == Direction::ToServer || std::mem::replace(&mut self.answered, true) {
            return false;
        }
        !octets.starts_with(b"HTTP/") && !b"HTTP/1.".starts_with(octets)
    }

    /// Takes the next octets; says so when the flow has been upgraded.
    pub(super) fn push(
        &mut self,
        direction: Direction,
        offset: u64,
        octets: &[u8],
        pieces: &[Piece],
        at: Arrival,
    ) -> Option<Upgrade> {
        let chunks = &mut self.heads[direction];
        let begins = match direction {
            Direction::ToServer => {
                octets.iter().take_while(|octet| octet.is_ascii_uppercase()).count() >= 3
                    && !octets.starts_with(b"PRI ")
            }
            Direction::ToClient => octets.starts_with(b"HTTP/1."),
        };
        if begins {
            chunks.clear();
        }
        let held = chunks.iter().fold(0_usize, |sum, chunk| sum.saturating_add(chunk.octets.len()));
        if held.saturating_add(octets.len()) > HEAD {
            chunks.clear();
            return None;
        }
        chunks.push(Chunk { direction, offset, octets: octets.to_vec(), pieces: pieces.to_vec(), at });
        match direction {
            Direction::ToServer => {
                if let Some(head) = head(chunks) {
                    let upgrades = field(&head, b"upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"h2c"));
                    let settings = field(&head, b"http2-settings").and_then(base64url);
                    self.asked = settings.filter(|_| upgrades);
                }
                None
            }
            Direction::ToClient => {
                let head = head(chunks)?;
                let settings = self.asked.clone().filter(|_| head.starts_with(b"HTTP/1.1 101"))?;
                let mut rest = Vec::new();
                after(&self.heads.to_client, head.len(), &mut rest);
                // A client may begin HTTP/2 right behind its request.
                let request: Vec<u8> =
                    self.heads.to_server.iter().flat_map(|chunk| chunk.octets.iter().copied()).collect();
                if let Some(place) = request.windows(MAGIC.len()).position(|window| window == MAGIC) {
                    after(&self.heads.to_server, place, &mut rest);
                }
                Some(Upgrade { settings, chunks: rest })
            }
        }
    }

    pub(super) fn gap(&mut self, direction: Direction) {
        self.heads[direction].clear();
    }

    pub(super) fn held_bytes(&self) -> usize {
        let of =
            |chunks: &Vec<Chunk>| chunks.iter().fold(0_usize, |sum, chunk| sum.saturating_add(chunk.octets.capacity()));
        of(&self.heads.to_server).saturating_add(of(&self.heads.to_client))
    }
}

/// The head of the message the chunks begin with, its empty line included.
fn head(chunks: &[Chunk]) -> Option<Vec<u8>> {
    let octets: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.octets.iter().copied()).collect();
    let end = octets.windows(4).position(|window| window == b"\r\n\r\n")?.checked_add(4)?;
    octets.get(..end).map(<[u8]>::to_vec)
}

/// The value of a header field, without the white space around it.
fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|octet| *octet == b'\n').find_map(|line| {
        let colon = line.iter().position(|octet| *octet == b':')?;
        let (found, value) = line.split_at_checked(colon)?;
        found.eq_ignore_ascii_case(name).then(|| value.get(1..).unwrap_or_default().trim_ascii())
    })
}

fn base64url(value: &[u8]) -> Option<Vec<u8>> {
    let standard: Vec<u8> = value
        .iter()
        .map(|octet| match octet {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    let mut out = Vec::new();
    crate::grpc::base64::decode_into(&standard, &mut out).ok()?;
    Some(out)
}

/// Appends what comes after the first `skip` octets of `chunks`.
fn after(chunks: &[Chunk], mut skip: usize, out: &mut Vec<Chunk>) {
    for chunk in chunks {
        out.extend(chunk.after(skip));
        skip = skip.saturating_sub(chunk.octets.len());
    }
}
