//! Rules about the fields of a header block (RFC 9113 §8.2, §8.3; PROTOCOL-HTTP2, Requests and Responses).

use super::report::{Quoted, Report};
use super::rules;
use super::seen::{Kind, Seen};
use crate::event::FrameEvent;
use crate::grpc::timeout::Timeout;
use crate::http2::connection::Block;
use crate::http2::hpack::{Field, Representation, StaticName};

/// What the rules ask about a block, read in one pass. What is seldom wrong is only marked, and looked for again when it is told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    /// Whether every field is known.
    pub(super) whole: bool,
    /// Whether the status is 1xx: the response follows.
    pub(super) interim: bool,
    /// Whether a field breaks a rule by itself.
    odd: bool,
    /// Whether a regular field came.
    regular: bool,
    te: bool,
    status: bool,
    connect: bool,
    /// How often each pseudo-header field stands there, eight bits each; the last are those that do not exist.
    pseudo: u64,
    pub(super) length: Option<u64>,
}

/// Where a header block stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Request,
    Response,
    Trailers,
}

/// The pseudo-header fields that there are (§8.3.1, §8.3.2, RFC 8441), and at last those that there are not.
const PSEUDO: [&str; 7] =
    [":method", ":scheme", ":path", ":authority", ":status", ":protocol", "an unknown pseudo-header field"];
const METHOD: u32 = 0;
const SCHEME: u32 = 1;
const PATH: u32 = 2;
const AUTHORITY: u32 = 3;
const STATUS: u32 = 4;
const PROTOCOL: u32 = 5;
const UNKNOWN: u32 = 6;

/// One field of this kind.
const fn one(which: u32) -> u64 {
    1 << (which << 3)
}

const REQUEST: u64 = one(METHOD) | one(SCHEME) | one(PATH);

impl Read {
    /// Reads a block once.
    #[inline]
    pub(super) fn new(block: &Block<'_>, seen: &mut Seen) -> Self {
        seen.begin_block();
        if let Some(read) = seen.block(block) {
            return *read;
        }
        let read = Self::walk(block, seen);
        if read.whole && !read.odd {
            seen.remember_block(block, read);
        }
        read
    }

    #[inline(never)]
    fn walk(block: &Block<'_>, seen: &mut Seen) -> Self {
        let fields = block.fields;
        let whole = block.complete && fields.faults().is_empty() && fields.omitted().fields == 0;
        let mut read = Self { whole, ..Self::default() };
        for field in fields.fields() {
            read.field(&field, seen);
        }
        read
    }

    #[inline]
    fn field(&mut self, field: &Field<'_>, seen: &mut Seen) {
        let name = field.static_name();
        if name == StaticName::NONE {
            match seen.entry(field) {
                Some(kind) => self.regular(kind),
                None => self.other(field, seen),
            }
            return;
        }
        self.whole &= field.is_known();
        let which = match name {
            StaticName::METHOD => {
                self.connect |= field.value() == Some(b"CONNECT");
                METHOD
            }
            StaticName::STATUS => {
                self.interim |= matches!(field.value(), Some([b'1', _, _]));
                STATUS
            }
            StaticName::PATH => PATH,
            StaticName::SCHEME => SCHEME,
            StaticName::AUTHORITY => AUTHORITY,
            name => {
                self.regular = true;
                self.odd |= name == StaticName::TRANSFER_ENCODING;
                if name == StaticName::CONTENT_LENGTH {
                    self.length = field.value().and_then(decimal);
                }
                return;
            }
        };
        self.pseudo(which);
    }

    #[inline]
    fn pseudo(&mut self, which: u32) {
        if self.pseudo >> (which << 3) & 0xff < 0xff {
            self.pseudo = self.pseudo.wrapping_add(one(which));
        }
        self.odd |= self.regular;
    }

    /// A field whose name the static table does not have.
    #[inline(never)]
    fn other(&mut self, field: &Field<'_>, seen: &mut Seen) {
        if field.representation() == Representation::SizeUpdate {
            return;
        }
        self.whole &= field.is_known();
        let Some(name) = field.name() else { return };
        if let [b':', ..] = name {
            return self.pseudo(if name == b":protocol" { PROTOCOL } else { UNKNOWN });
        }
        let (kind, odd) = match name {
            b"te" => (Kind::Te, field.value().is_some_and(|value| value != b"trailers")),
            b"grpc-status" => (Kind::Status, false),
            b"grpc-timeout" => (Kind::Other, field.value().is_some_and(|value| Timeout::parse(value).is_err())),
            _ => (Kind::Other, is_of_connection(name) || has_upper_case(field, name)),
        };
        self.regular(kind);
        self.odd |= odd;
        if !odd && field.is_known() {
            seen.remember_entry(field, kind);
        }
    }

    #[inline]
    fn regular(&mut self, kind: Kind) {
        self.regular = true;
        match kind {
            Kind::Other => {}
            Kind::Te => self.te = true,
            Kind::Status => self.odd |= std::mem::replace(&mut self.status, true),
        }
    }

    /// Whether a field breaks a rule by itself.
    pub(super) const fn is_odd(&self) -> bool {
        self.odd
    }

    /// Whether it begins a request.
    pub(super) const fn has_method(&self) -> bool {
        self.count(METHOD) > 0
    }

    const fn count(&self, which: u32) -> u64 {
        self.pseudo >> (which << 3) & 0xff
    }

    /// Whether it says `te: trailers`, or may say it.
    pub(super) const fn may_have_te(&self) -> bool {
        self.te || !self.whole
    }

    /// Rules about fields wherever they stand.
    #[inline]
    pub(super) fn judge(&self, event: &FrameEvent<'_>, report: &mut Report<'_, '_, '_>) {
        if self.odd {
            tell(event, report);
        }
    }

    /// Rules about which pseudo-header fields stand where. The block must be whole.
    #[inline]
    pub(super) fn judge_place(&self, event: &FrameEvent<'_>, place: Place, report: &mut Report<'_, '_, '_>) {
        if !self.fits(place) && self.whole {
            self.tell_place(event.frame.direction.sender(), place, report);
        }
    }

    /// Whether the pseudo-header fields are those that most blocks have that stand there.
    #[inline]
    pub(super) const fn fits(&self, place: Place) -> bool {
        match place {
            // :authority may be absent.
            Place::Request => self.pseudo == REQUEST || self.pseudo == REQUEST | one(AUTHORITY),
            Place::Response => self.pseudo == one(STATUS),
            Place::Trailers => self.pseudo == 0,
        }
    }

    #[cold]
    fn tell_place(&self, side: &str, place: Place, report: &mut Report<'_, '_, '_>) {
        let (what, needed, allowed): (_, &[u32], &[u32]) = match place {
            // CONNECT names no more than the authority (§8.5), unless it says for which protocol (RFC 8441).
            Place::Request if self.connect && self.count(PROTOCOL) == 0 => {
                ("a CONNECT request", &[METHOD, AUTHORITY], &[METHOD, AUTHORITY])
            }
            Place::Request => ("a request", &[METHOD, SCHEME, PATH], &[METHOD, SCHEME, PATH, AUTHORITY, PROTOCOL]),
            Place::Response => ("a response", &[STATUS], &[STATUS]),
            Place::Trailers => ("trailers", &[], &[]),
        };
        for (which, name) in (0..).zip(PSEUDO) {
            let wrong = match self.count(which) {
                0 if needed.contains(&which) => format!("without {name}"),
                0 => continue,
                _ if which == UNKNOWN => format!("with {name}"),
                _ if !allowed.contains(&which) => format!("with {name}, which does not belong there"),
                1 => continue,
                count => format!("with {count} fields {name}"),
            };
            report.tell(&rules::PSEUDO_HEADER, format_args!("the {side} sends {what} {wrong}"));
        }
    }
}

fn is_of_connection(name: &[u8]) -> bool {
    matches!(name, b"connection" | b"keep-alive" | b"proxy-connection" | b"upgrade" | b"transfer-encoding")
}

/// Whether a name is not in lower case. One in the table was looked at when it came there.
fn has_upper_case(field: &Field<'_>, name: &[u8]) -> bool {
    field.representation() != Representation::Indexed && name.iter().any(u8::is_ascii_uppercase)
}

/// Looks for what is odd in a block, and tells it.
#[cold]
fn tell(event: &FrameEvent<'_>, report: &mut Report<'_, '_, '_>) {
    let Some(block) = event.frame.block else { return };
    let (side, is_call) = (event.frame.direction.sender(), event.belongs.call.is_some());
    let (mut regular, mut status) = (false, None);
    for field in block.fields.fields() {
        let Some(name) = field.name().filter(|_| field.size_update().is_none()) else { continue };
        let value = field.value().unwrap_or(b"?");
        let (said, shown) = (Quoted(name), Quoted(value));
        if let [b':', ..] = name {
            if regular {
                let summary = format_args!("the {side} sends {said} after a regular field");
                report.tell(&rules::PSEUDO_HEADER, summary);
            }
            continue;
        }
        regular = true;
        if has_upper_case(&field, name) {
            let summary = format_args!("the {side} sends the field {said}, whose name is not in lower case");
            report.tell(&rules::FIELD_NAME, summary);
        }
        if is_of_connection(name) {
            let summary = format_args!("the {side} sends the field {said}, which HTTP/2 has no place for");
            report.tell(&rules::CONNECTION_HEADER, summary);
        }
        match name {
            b"te" if field.value().is_some_and(|value| value != b"trailers") => {
                let summary = format_args!("the {side} sends te: {shown}, where only `trailers` may stand");
                report.tell(&rules::CONNECTION_HEADER, summary);
            }
            b"grpc-timeout" if is_call && field.is_known() => {
                if let Err(fault) = Timeout::parse(value) {
                    let summary = format_args!("the {side} asks for a deadline of {shown}: {fault}");
                    report.tell(&rules::INVALID_TIMEOUT, summary);
                }
            }
            b"grpc-status" if is_call => {
                if let Some(first) = status.replace(value) {
                    let first = Quoted(first);
                    let summary = format_args!(
                        "the {side} sends grpc-status {first} and grpc-status {shown} in one header block"
                    );
                    report.tell(&rules::SEVERAL_STATUSES, summary);
                }
            }
            _ => {}
        }
    }
}

fn decimal(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}
