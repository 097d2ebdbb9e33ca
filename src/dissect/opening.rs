//! The first octets of a flow, kept until they tell which protocol it speaks and who is the client.
//!
//! What the octets say counts, never the port.

use crate::direction::{Both, Direction};
use crate::http2::frame::{Flags, FrameHeader, FrameType, HEADER_OCTETS};
use crate::http2::hpack::{Decoder, Limits as HpackLimits, Scratch, Start};
use crate::http2::payload::{self, Payload};
use crate::http2::preface::{Begin, Guess, MAGIC};
use crate::http2::sides;
use crate::http2::sync::{self, Evidence, Search};
use crate::span::{Arrival, Piece, slice_pieces};
use crate::tcp::{FlowFacts, GapReason, Opened};
use crate::tls::{Look, looks_like_tls};

/// Octets of a flow kept to be shown when its protocol stays unknown.
const SHOWN: usize = 64;
/// How far into a direction the client preface may stand: behind a PROXY protocol header, say.
const PREFACE_WITHIN: usize = 512;
/// Octets, and capture time, for which a connection met midway is held back until a header block tells who is the client.
const SIDES_OCTETS: usize = 16 << 10;
const SIDES_NANOS: i64 = 1_000_000_000;
/// How often all that is held back is looked through; after that only when it has grown.
const LOOKS: u32 = 64;
/// How PROXY protocol headers begin, version 1 and version 2.
const PROXY: [&[u8]; 2] = [b"PROXY ", b"\r\n\r\n\x00\r\nQUIT\n"];
/// Octets after which a flow that says nothing we know is given up.
const ENOUGH: usize = 8192;
/// Packets of a flow within which one of the server is expected, if any are captured; and then octets of it.
const SOON: u8 = 4;
const SOON_AFTER: u8 = 8;
/// Octets of a server's side after which its client's preface is no longer awaited: it was not captured.
const PATIENCE: usize = 4096;

/// What was kept.
#[derive(Debug, Default)]
pub(super) struct Opening {
    items: Vec<Item>,
    octets: Both<Vec<u8>>,
    /// Whether the octets of a direction hang together from its first one.
    gaps: Both<bool>,
    first: Both<Option<u64>>,
    held: usize,
    /// What was told of the sides when that was looked for last, how many octets there were then, and how often it was looked for.
    sides: Sides,
    looked_at: usize,
    looks: u32,
}

/// Octets, or the want of them.
#[derive(Debug)]
pub(super) enum Item {
    Octets(Chunk),
    Gap(Gap),
}

/// Octets that are missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) direction: Direction,
    pub(super) offset: u64,
    pub(super) octets: u64,
    pub(super) reason: GapReason,
    pub(super) at: Arrival,
}

/// Octets of one segment.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) direction: Direction,
    pub(super) offset: u64,
    pub(super) octets: Vec<u8>,
    pub(super) pieces: Vec<Piece>,
    pub(super) at: Arrival,
}

impl Chunk {
    /// The chunk without its first `skip` octets.
    pub(super) fn after(&self, skip: usize) -> Option<Self> {
        let octets = self.octets.get(skip..).filter(|rest| !rest.is_empty())?.to_vec();
        let mut pieces = Vec::new();
        slice_pieces(&self.pieces, skip as u64, u64::MAX, &mut pieces);
        Some(Self { offset: self.offset.saturating_add(skip as u64), octets, pieces, ..*self })
    }
}

/// What the octets say.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// Not yet.
    Wait,
    Http2 {
        begin: Begin,
        /// The client is who was taken for the server.
        swap: bool,
        /// Whether each direction is seen from its first octet, after swapping.
        from_start: Both<bool>,
        /// Octets before the client preface.
        skip: usize,
    },
    Http1 {
        swap: bool,
    },
    Tls {
        swap: bool,
    },
    Unknown,
}

impl Opening {
    pub(super) fn push(&mut self, direction: Direction, offset: u64, octets: &[u8], pieces: &[Piece], at: Arrival) {
        self.first[direction].get_or_insert(offset);
        self.octets[direction].extend_from_slice(octets);
        self.held = self.held.saturating_add(octets.len().saturating_mul(2)).saturating_add(size_of::<Chunk>());
        self.items.push(Item::Octets(Chunk {
            direction,
            offset,
            octets: octets.to_vec(),
            pieces: pieces.to_vec(),
            at,
        }));
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        let direction = gap.direction;
        self.gaps[direction] = true;
        // What lies before a gap is no longer followed by what comes after it.
        self.octets[direction].clear();
        self.held = self.held.saturating_add(size_of::<Item>());
        self.items.push(Item::Gap(gap));
    }

    /// The first octets of either side, for showing.
    pub(super) fn first_octets(&self) -> [Vec<u8>; 2] {
        let first = |direction: Direction| self.octets[direction].iter().copied().take(SHOWN).collect();
        [first(Direction::ToServer), first(Direction::ToClient)]
    }

    pub(super) fn swap(&mut self) {
        self.octets.swap();
        self.gaps.swap();
        self.first.swap();
        for item in &mut self.items {
            match item {
                Item::Octets(chunk) => chunk.direction = chunk.direction.opposite(),
                Item::Gap(gap) => gap.direction = gap.direction.opposite(),
            }
        }
    }

    /// Hands out everything that was kept, in the order in which it came, without the first `skip` octets of the client.
    pub(super) fn replay(&self, skip: usize, mut take: impl FnMut(&Item)) {
        let mut skip = skip;
        for item in &self.items {
            match item {
                Item::Octets(chunk) if chunk.direction == Direction::ToServer && skip > 0 => {
                    let left = skip.saturating_sub(chunk.octets.len());
                    if let Some(rest) = chunk.after(skip) {
                        take(&Item::Octets(rest));
                    }
                    skip = left;
                }
                item => take(item),
            }
        }
    }

    /// What the octets say so far. `limit` octets are kept at the most.
    pub(super) fn verdict(&mut self, facts: &FlowFacts, limit: usize) -> Verdict {
        let verdict = self.read(facts, false);
        let most = self.octets.to_server.len().max(self.octets.to_client.len());
        match verdict {
            Verdict::Wait if self.held > limit.saturating_mul(4) => self.last_verdict(facts),
            Verdict::Wait if most > ENOUGH && !self.may_be_frames() => Verdict::Unknown,
            verdict => verdict,
        }
    }

    /// What the octets say when no more will come.
    pub(super) fn last_verdict(&mut self, facts: &FlowFacts) -> Verdict {
        match self.read(facts, true) {
            Verdict::Wait => Verdict::Unknown,
            verdict => verdict,
        }
    }

    fn read(&mut self, facts: &FlowFacts, last: bool) -> Verdict {
        let mut wait = false;
        for direction in Direction::BOTH {
            let octets = &self.octets[direction];
            let swap = direction == Direction::ToClient;
            if octets.is_empty() {
                continue;
            }
            if let Some(skip) = find_magic(octets) {
                return self.with_preface(direction, skip, facts, last);
            }
            // The preface, or a PROXY protocol header before it, is coming.
            let begins = |whole: &[u8]| whole.starts_with(octets.get(..whole.len()).unwrap_or(octets));
            let proxied = PROXY.iter().any(|proxy| begins(proxy)) && octets.len() <= PREFACE_WITHIN;
            if begins(MAGIC) || proxied {
                wait = true;
                continue;
            }
            match looks_like_tls(octets) {
                // A ClientHello tells who is the client; a record in the middle does not.
                Look::Yes => return Verdict::Tls { swap: octets.get(5) == Some(&1) && swap },
                Look::Perhaps => wait |= octets.len() < 6,
                Look::No => {}
            }
            if let Some(request) = http1(octets) {
                return Verdict::Http1 { swap: swap == request };
            }
        }
        if wait {
            return Verdict::Wait;
        }
        self.frames(facts, last)
    }

    fn with_preface(&self, client: Direction, skip: usize, facts: &FlowFacts, last: bool) -> Verdict {
        let swap = client == Direction::ToClient;
        let other = client.opposite();
        let nothing = self.first[other].is_none() && !self.gaps[other];
        let soon = facts.packets < u64::from(if facts.seen[other] { SOON_AFTER } else { SOON });
        if nothing && soon && !last && (facts.opened == Opened::Mid || !facts.seen[other]) {
            // What the server says first, or that packets of it are captured at all, will show whether its side is whole.
            return Verdict::Wait;
        }
        // The server's side is whole if nothing of it came after a captured handshake, or if it begins with its own preface.
        let silent = nothing && facts.seen[other] && facts.opened == Opened::Syn;
        let whole = silent || self.begins_with_preface(other, facts);
        let from_start = Both { to_server: !self.gaps[client], to_client: whole };
        let before = self.octets[client].get(..skip).unwrap_or_default();
        let proxied = PROXY.iter().any(|proxy| before.starts_with(proxy));
        let begin = if proxied { Begin::Proxied } else { Begin::PriorKnowledge };
        Verdict::Http2 { begin, swap, from_start, skip }
    }

    /// Whether the first octets of the server's side are its preface: right behind the SYN, or with nothing known to be missing before them.
    fn begins_with_preface(&self, server: Direction, facts: &FlowFacts) -> bool {
        let first = self.items.iter().find_map(|item| match item {
            Item::Octets(chunk) if chunk.direction == server => Some(chunk),
            _ => None,
        });
        let behind_syn = facts.opened == Opened::Syn
            && first.is_some_and(|chunk| chunk.offset == 0 && begins_with_settings(&chunk.octets));
        behind_syn || (!self.gaps[server] && begins_with_settings(&self.octets[server]))
    }

    /// No preface of the client: frames that chain, and who sends requests.
    fn frames(&mut self, facts: &FlowFacts, last: bool) -> Verdict {
        for direction in Direction::BOTH {
            let octets = &self.octets[direction];
            let Search::Found(at) = sync::find(octets, 0, sync::DEFAULT_MAX_FRAME, Evidence::Protocol) else {
                continue;
            };
            let silent = self.first[direction.opposite()].is_none() && !self.gaps[direction.opposite()];
            let server = (at == 0 && begins_with_settings(octets))
                || (facts.opened == Opened::Syn && direction == Direction::ToClient);
            if server && silent && octets.len() < PATIENCE && !last {
                // A server may speak first. What it may rely on is known when the client's preface comes, or does not.
                return Verdict::Wait;
            }
            let opened = facts.opened == Opened::Syn && self.first[direction] == Some(0) && !self.gaps[direction];
            if opened && at == 0 && direction == Direction::ToClient && begins_with_settings(octets) {
                let from_start = Both { to_server: false, to_client: true };
                return Verdict::Http2 { begin: Begin::Unseen, swap: false, from_start, skip: 0 };
            }
            let may_wait = facts.opened == Opened::Mid && !last && self.may_still_tell();
            let sides = self.sides(may_wait);
            if sides.told.is_none() && may_wait {
                // Ports do not tell who is the client: the first request or response will.
                return Verdict::Wait;
            }
            let (begin, swap) = match (facts.opened, sides) {
                (Opened::Syn, Sides { told, .. }) => (Begin::Unseen, told == Some(true)),
                (Opened::Mid, Sides { told: Some(swap), .. }) => (Begin::Mid, swap),
                (Opened::Mid, Sides { hint: Some(swap), .. }) => (Begin::Guessed(Guess::Frames), swap),
                (Opened::Mid, Sides { .. }) => (Begin::Guessed(Guess::Addresses), false),
            };
            let whole = begin == Begin::Unseen && !swap && self.begins_with_preface(Direction::ToClient, facts);
            let from_start = Both { to_server: false, to_client: whole };
            return Verdict::Http2 { begin, swap, from_start, skip: 0 };
        }
        Verdict::Wait
    }

    /// What the frames of both directions tell of the sides, and what they make likely. Looking again at every octet would take time beyond
    /// measure on octets made for it: where more may come, after a while only when there is more to see.
    fn sides(&mut self, may_wait: bool) -> Sides {
        let there = self.octets.to_server.len().saturating_add(self.octets.to_client.len());
        let grown = there.saturating_sub(self.looked_at);
        if may_wait && self.looks > LOOKS && grown < there / 8 {
            return self.sides;
        }
        (self.looks, self.looked_at) = (self.looks.saturating_add(1), there);
        let mut sides = Sides::default();
        for direction in Direction::BOTH {
            let octets = &self.octets[direction];
            let place = Evidence::Place { longest: sync::DEFAULT_MAX_FRAME };
            let Search::Found(at) = sync::find(octets, 0, sync::DEFAULT_MAX_FRAME, place) else { continue };
            let of = read_sides(octets.get(at..).unwrap_or_default());
            sides.told = sides.told.or(of.told.map(|told| told != direction));
            sides.hint = sides.hint.or(of.hint.map(|hint| hint != direction));
        }
        self.sides = sides;
        sides
    }

    /// Whether to wait for a header block that tells the sides: not for long, and not for much.
    fn may_still_tell(&self) -> bool {
        let octets = self.octets.to_server.len().saturating_add(self.octets.to_client.len());
        let time = |item: &Item| match item {
            Item::Octets(chunk) => chunk.at.time,
            Item::Gap(gap) => gap.at.time,
        };
        let waited = match (self.items.first(), self.items.last()) {
            (Some(first), Some(last)) => time(last).nanos_since(time(first)),
            _ => 0,
        };
        octets < SIDES_OCTETS && waited < SIDES_NANOS
    }

    fn may_be_frames(&self) -> bool {
        Direction::BOTH.into_iter().any(|direction| {
            let octets = &self.octets[direction];
            // Whatever the octets are, the last few might be the beginning of a header.
            let last = octets.len().saturating_sub(HEADER_OCTETS);
            matches!(sync::find(octets, 0, sync::DEFAULT_MAX_FRAME, Evidence::Protocol), Search::Perhaps(at) if at <= last)
        })
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held
    }
}

fn find_magic(octets: &[u8]) -> Option<usize> {
    let within = octets.get(..PREFACE_WITHIN.saturating_add(MAGIC.len())).unwrap_or(octets);
    within.windows(MAGIC.len()).position(|window| window == MAGIC)
}

fn begins_with_settings(octets: &[u8]) -> bool {
    FrameHeader::first(octets).is_some_and(|header| {
        header.kind() == FrameType::SETTINGS
            && !header.is_ack()
            && header.stream().0 == 0
            && header.length().is_multiple_of(6)
    })
}

/// Whether the octets begin like HTTP/1: a request (`true`) or a response.
fn http1(octets: &[u8]) -> Option<bool> {
    const METHODS: [&[u8]; 9] =
        [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE "];
    if octets.starts_with(b"HTTP/1.") {
        return Some(false);
    }
    METHODS.iter().any(|method| octets.starts_with(method)).then_some(true)
}

/// Whether the sides are the other way round than they were taken to be.
#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    told: Option<bool>,
    hint: Option<bool>,
}

/// The way in which frames must go, and in which they are likely to go.
#[derive(Default)]
struct Way {
    told: Option<Direction>,
    hint: Option<Direction>,
}

/// Reads frames until one tells which way they go.
fn read_sides(mut octets: &[u8]) -> Way {
    let mut scratch = Scratch::new();
    let mut way = Way::default();
    for _ in 0..64 {
        let Some(header) = FrameHeader::first(octets) else { break };
        let size = usize::try_from(header.length()).unwrap_or(usize::MAX).saturating_add(HEADER_OCTETS);
        let (frame, whole) = match octets.get(..size) {
            Some(frame) => (frame, true),
            None => (octets, false),
        };
        let (payload, fault) = payload::parse(header, frame.get(HEADER_OCTETS..).unwrap_or_default());
        let mut told = None;
        match payload {
            Payload::Headers { fragment, .. } if header.flags().has(Flags::END_HEADERS) => {
                let mut decoder = Decoder::new(Start::Late, HpackLimits::default());
                told = sides::of_block(if whole {
                    decoder.decode(fragment, &mut scratch)
                } else {
                    decoder.decode_partial(fragment, &mut scratch)
                });
            }
            _ if fault.is_some() || !whole => {}
            _ => told = sides::of_frame(header, &payload),
        }
        if told.is_some() {
            return Way { told, ..way };
        }
        if whole && fault.is_none() {
            way.hint = way.hint.or(sides::hint(header, &payload));
        }
        octets = octets.get(size..).unwrap_or_default();
    }
    way
}
