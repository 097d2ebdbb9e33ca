//! The observer of one flow: octets of both directions in, in any segmentation; [`Facts`] out.
//!
//! It follows records by their headers, holds a hello until it is whole, then only looks for alerts in plaintext until
//! the direction is encrypted. It delays nothing, decrypts nothing, and does not judge the handshake.

use super::alert::{Alert, AlertDescription, AlertLevel};
use super::facts::{Facts, HelloFaultKind};
use super::hello::{ClientHello, ServerHello, V2ClientHello};
use super::record::{ContentType, RecordHeader};
use super::version::Version;
use crate::direction::{Both, Direction};

/// The observer of one flow.
#[derive(Debug, Default)]
pub struct Tls {
    sides: Both<Side>,
    facts: Facts,
}

impl Tls {
    /// The most octets held of one direction; a longer hello is named, and not read.
    pub const MAX_HELD: usize = 64 << 10;

    /// An observer of a flow that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next octets of one direction, cut anywhere.
    pub fn push(&mut self, to_server: bool, octets: &[u8]) {
        let direction = direction(to_server);
        let side = &mut self.sides[direction];
        let mut rest = octets;
        while !rest.is_empty() && side.is_reading() {
            rest = side.step(rest, direction, &mut self.facts);
        }
    }

    /// Octets of one direction are missing from the capture here; what follows them cannot be framed.
    pub fn gap(&mut self, to_server: bool) {
        let direction = direction(to_server);
        let side = &mut self.sides[direction];
        if side.stage == Stage::Hello {
            self.facts.note_fault(direction, HelloFaultKind::Gap);
        }
        if side.is_reading() {
            side.stop(Stage::Lost);
        }
    }

    /// What is known so far.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What was known in the end.
    #[must_use]
    pub fn into_facts(self) -> Facts {
        self.facts
    }

    /// Whether both hellos were read: of the facts only an alert may still come.
    #[must_use]
    pub const fn both_hellos_seen(&self) -> bool {
        self.facts.client_hello_seen && self.facts.server_hello_seen
    }

    /// Whether plaintext can still be seen in a direction: not once it is encrypted, nor after a gap or octets that are no record.
    #[must_use]
    pub fn is_following(&self, to_server: bool) -> bool {
        self.sides[direction(to_server)].is_reading()
    }

    /// Octets held on the heap: the part of a hello that has arrived, and the facts.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let Both { to_server, to_client } = &self.sides;
        let buffers = to_server.hello.capacity().saturating_add(to_client.hello.capacity());
        buffers.saturating_add(self.facts.held_bytes())
    }
}

const fn direction(to_server: bool) -> Direction {
    match to_server {
        true => Direction::ToServer,
        false => Direction::ToClient,
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    stage: Stage,
    /// A record header, or the two octets of an alert: what has arrived of it.
    few: Few,
    /// What the current record carries.
    body: Body,
    /// Octets of the current record still to come; 0 between records.
    remaining: u16,
    /// A record header was seen.
    begun: bool,
    /// The hello's message, from its header of four octets on.
    hello: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    /// The hello is still to come, or coming.
    #[default]
    Hello,
    /// The hello was read or given up: only alerts are looked for.
    Alerts,
    /// Encrypted from here on.
    Encrypted,
    /// The place of the next record is not known.
    Lost,
}

#[derive(Clone, Copy, Debug, Default)]
enum Body {
    #[default]
    Skipped,
    Handshake,
    Alert,
    V2Hello(Version),
}

impl Side {
    const fn is_reading(&self) -> bool {
        matches!(self.stage, Stage::Hello | Stage::Alerts)
    }

    /// Leaves a stage and frees what it held.
    fn stop(&mut self, stage: Stage) {
        self.stage = stage;
        self.hello = Vec::new();
    }

    fn give_up(&mut self, stage: Stage, to: Direction, why: HelloFaultKind, facts: &mut Facts) {
        if self.stage == Stage::Hello {
            facts.note_fault(to, why);
        }
        self.stop(stage);
    }

    /// Takes at least one octet of `octets`; returns the rest.
    fn step<'a>(&mut self, octets: &'a [u8], to: Direction, facts: &mut Facts) -> &'a [u8] {
        if self.remaining == 0 {
            let (header, rest) = self.few.fill(octets);
            if let Some(header) = header {
                self.header(header, to, facts);
            }
            return rest;
        }
        let most = usize::from(self.remaining).min(octets.len());
        let (body, rest) = octets.split_at_checked(most).unwrap_or((octets, &[]));
        let taken = u16::try_from(most).unwrap_or(self.remaining);
        self.remaining = self.remaining.saturating_sub(taken);
        match self.body {
            Body::Skipped => {}
            Body::Alert => self.alert(body, to, facts),
            Body::Handshake => self.handshake(body, to, facts),
            Body::V2Hello(version) => self.v2_hello(version, body, to, facts),
        }
        rest
    }

    fn header(&mut self, octets: [u8; 5], to: Direction, facts: &mut Facts) {
        let first = !std::mem::replace(&mut self.begun, true);
        if let Some((version, length)) = v2_header(octets).filter(|_| first) {
            self.body = Body::V2Hello(version);
            self.remaining = length;
            return;
        }
        let Some(header) = RecordHeader::parse(octets) else {
            return self.give_up(Stage::Lost, to, HelloFaultKind::NotTls { octets }, facts);
        };
        let no_hello = HelloFaultKind::NoHello { record: header.content };
        self.remaining = header.length;
        self.body = match header.content {
            ContentType::APPLICATION_DATA => {
                self.give_up(Stage::Encrypted, to, no_hello, facts);
                Body::Skipped
            }
            // Handshake records after this one are encrypted, unless TLS 1.3 sends it for the sake of middleboxes, as
            // it may after a HelloRetryRequest (RFC 8446 §D.4).
            ContentType::CHANGE_CIPHER_SPEC if !facts.hello_retry_request => {
                self.give_up(Stage::Alerts, to, no_hello, facts);
                Body::Skipped
            }
            // An encrypted alert is longer, by a tag or a MAC at least.
            ContentType::ALERT if header.length == 2 => Body::Alert,
            ContentType::HANDSHAKE if self.stage == Stage::Hello => Body::Handshake,
            _ => Body::Skipped,
        };
    }

    fn alert(&mut self, octets: &[u8], to: Direction, facts: &mut Facts) {
        let (alert, _) = self.few.fill(octets);
        if let Some([level, description]) = alert {
            facts.note_alert(Alert {
                direction: to,
                level: AlertLevel(level),
                description: AlertDescription(description),
            });
        }
    }

    fn handshake(&mut self, octets: &[u8], to: Direction, facts: &mut Facts) {
        let mut rest = octets;
        while !rest.is_empty() && self.stage == Stage::Hello {
            rest = self.hold(rest, HANDSHAKE_HEADER);
            let Some((&header, _)) = self.hello.split_first_chunk() else {
                return;
            };
            let [message, a, b, c] = header;
            let length = u32::from_be_bytes([0, a, b, c]);
            // A HelloRequest may precede anything (RFC 5246 §7.4.1.1).
            let is_request = message == 0 && length == 0 && to == Direction::ToClient;
            let is_client = message == 1 && !facts.client_hello_seen;
            let is_server = message == 2 && !facts.server_hello_seen;
            if !(is_request || is_client || is_server) {
                let why = HelloFaultKind::NotAHello { message };
                return self.give_up(Stage::Alerts, to, why, facts);
            }
            let declared = length.saturating_add(4);
            let whole = usize::try_from(declared).unwrap_or(usize::MAX);
            if whole > Tls::MAX_HELD {
                let why = HelloFaultKind::TooLong { declared };
                return self.give_up(Stage::Alerts, to, why, facts);
            }
            rest = self.hold(rest, whole);
            if self.hello.len() == whole {
                self.message(message, to, facts);
            }
        }
    }

    /// Reads the whole message that is held.
    fn message(&mut self, message: u8, to: Direction, facts: &mut Facts) {
        let held = std::mem::take(&mut self.hello);
        let body = held.get(HANDSHAKE_HEADER..).unwrap_or_default();
        let (fault, sender) = match message {
            1 => {
                let (hello, fault) = ClientHello::parse(body);
                self.stage = Stage::Alerts;
                if hello.is_plausible() {
                    facts.note_client(&hello);
                }
                (fault, hello.is_plausible().then_some(Direction::ToServer))
            }
            2 => {
                let (hello, fault) = ServerHello::parse(body);
                if hello.is_plausible() {
                    facts.note_server(&hello);
                }
                if !hello.is_retry_request() {
                    self.stage = Stage::Alerts;
                }
                (fault, hello.is_plausible().then_some(Direction::ToClient))
            }
            _ => return,
        };
        facts.reversed |= sender.is_some_and(|sender| sender != to);
        if let Some(malformed) = fault {
            facts.note_fault(to, HelloFaultKind::Malformed(malformed));
        }
    }

    fn v2_hello(&mut self, version: Version, octets: &[u8], to: Direction, facts: &mut Facts) {
        self.hold(octets, Tls::MAX_HELD);
        if self.remaining > 0 {
            return;
        }
        let (hello, fault) = V2ClientHello::parse(&self.hello);
        match fault {
            None if !facts.client_hello_seen => {
                facts.note_v2_client(version, hello.cipher_specs);
                facts.reversed |= to == Direction::ToClient;
            }
            None => facts.note_fault(to, HelloFaultKind::NotAHello { message: 1 }),
            Some(malformed) => facts.note_fault(to, HelloFaultKind::Malformed(malformed)),
        }
        self.stop(Stage::Alerts);
    }

    /// Moves octets into the buffer until it has `whole`; returns the rest. The buffer grows with what arrived, not with
    /// what was declared, and never beyond `whole`.
    fn hold<'a>(&mut self, octets: &'a [u8], whole: usize) -> &'a [u8] {
        let missing = whole.saturating_sub(self.hello.len()).min(octets.len());
        let (taken, rest) = octets.split_at_checked(missing).unwrap_or((octets, &[]));
        let length = self.hello.len().saturating_add(taken.len());
        if length > self.hello.capacity() {
            let doubled = self.hello.capacity().saturating_mul(2).min(whole);
            self.hello.reserve_exact(doubled.max(length).saturating_sub(self.hello.len()));
        }
        self.hello.extend_from_slice(taken);
        rest
    }
}

/// Octets of a handshake message before its body: type and length (RFC 8446 §4).
const HANDSHAKE_HEADER: usize = 4;

/// The version of a ClientHello in SSLv2's form and how many octets follow it, if `octets` begin one (RFC 5246 §E.2).
fn v2_header(octets: [u8; 5]) -> Option<(Version, u16)> {
    let [high, low, message, major, minor] = octets;
    let version = Version(u16::from_be_bytes([major, minor]));
    if high & 0x80 == 0 || message != 1 || !version.is_legacy() {
        return None;
    }
    let length = u16::from_be_bytes([high & 0x7f, low]).checked_sub(3)?;
    (length > 0).then_some((version, length))
}

/// Up to five octets that arrive one by one if they must.
#[derive(Clone, Copy, Debug, Default)]
struct Few {
    octets: [u8; 5],
    len: usize,
}

impl Few {
    /// Takes octets until there are `N`; returns those, once, and the rest.
    fn fill<'a, const N: usize>(&mut self, octets: &'a [u8]) -> (Option<[u8; N]>, &'a [u8]) {
        let mut rest = octets;
        while self.len < N {
            let (Some((octet, after)), Some(place)) = (rest.split_first(), self.octets.get_mut(self.len)) else {
                return (None, rest);
            };
            *place = *octet;
            self.len = self.len.saturating_add(1);
            rest = after;
        }
        self.len = 0;
        (self.octets.first_chunk().copied(), rest)
    }
}
