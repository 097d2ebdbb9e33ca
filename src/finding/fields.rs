//! Rules about the fields of a header block (RFC 9113 §8.2, §8.3; PROTOCOL-HTTP2, Requests and Responses).

use super::Shared;
use super::report::{Quoted, Report};
use super::rules;
use crate::direction::Direction;
use crate::grpc::timeout::{Timeout, TimeoutFault};
use crate::http2::connection::Block;
use crate::http2::hpack::{Field, Representation, StaticName};

/// What the rules ask about a block.
#[derive(Debug, Default)]
pub(super) struct Read<'a> {
    /// Whether every field is known.
    pub(super) whole: bool,
    /// How often `:method`, `:scheme`, `:path`, `:authority`, `:status` and `:protocol` stand there.
    pseudo: [u8; 6],
    pub(super) method: Option<&'a [u8]>,
    pub(super) status: Option<&'a [u8]>,
    unknown_pseudo: Option<&'a [u8]>,
    late_pseudo: Option<&'a [u8]>,
    regular: bool,
    upper: Option<&'a [u8]>,
    of_connection: Option<&'a [u8]>,
    te: bool,
    other_te: Option<&'a [u8]>,
    statuses: [Option<&'a [u8]>; 2],
    timeout: Option<(&'a [u8], TimeoutFault)>,
    pub(super) length: Option<u64>,
}

/// Where a header block stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Request,
    Response,
    Trailers,
}

const PSEUDO: [&str; 6] = [":method", ":scheme", ":path", ":authority", ":status", ":protocol"];
const METHOD: usize = 0;
const SCHEME: usize = 1;
const PATH: usize = 2;
const AUTHORITY: usize = 3;
const STATUS: usize = 4;
const PROTOCOL: usize = 5;

impl<'a> Read<'a> {
    /// Reads a block once.
    pub(super) fn new(block: &Block<'a>) -> Self {
        let fields = block.fields;
        let whole = block.complete && fields.faults().is_empty() && fields.omitted().fields == 0;
        let mut read = Self { whole, ..Self::default() };
        for field in fields.fields() {
            read.field(&field);
        }
        read
    }

    #[inline]
    fn field(&mut self, field: &Field<'a>) {
        let which = match field.static_name() {
            StaticName::METHOD => {
                self.method = field.value();
                METHOD
            }
            StaticName::STATUS => {
                self.status = field.value();
                STATUS
            }
            StaticName::PATH => PATH,
            StaticName::SCHEME => SCHEME,
            StaticName::AUTHORITY => AUTHORITY,
            StaticName::NONE => return self.other(field),
            name => {
                self.regular = true;
                self.whole &= field.is_known();
                if name == StaticName::TRANSFER_ENCODING {
                    self.of_connection = field.name();
                } else if name == StaticName::CONTENT_LENGTH {
                    self.length = field.value().and_then(decimal);
                }
                return;
            }
        };
        self.whole &= field.is_known();
        self.pseudo(which);
    }

    fn pseudo(&mut self, which: usize) {
        if let Some(count) = self.pseudo.get_mut(which) {
            *count = count.saturating_add(1);
        }
        if self.regular {
            self.late_pseudo = PSEUDO.get(which).map(|name| name.as_bytes());
        }
    }

    /// A field whose name the static table does not have.
    fn other(&mut self, field: &Field<'a>) {
        if field.representation() == Representation::SizeUpdate {
            return;
        }
        let Some(name) = field.name() else {
            self.whole = false;
            return;
        };
        let value = field.value();
        self.whole &= value.is_some();
        if name.first() == Some(&b':') {
            if name == b":protocol" {
                return self.pseudo(PROTOCOL);
            }
            self.unknown_pseudo = Some(name);
            return;
        }
        self.regular = true;
        // A name in the table was looked at when it came there.
        if field.representation() != Representation::Indexed && name.iter().any(u8::is_ascii_uppercase) {
            self.upper = Some(name);
        }
        match name {
            b"te" => match value {
                Some(b"trailers") | None => self.te = true,
                other => (self.te, self.other_te) = (true, other),
            },
            b"grpc-status" => match &mut self.statuses {
                [first @ None, _] => *first = Some(value.unwrap_or(b"?")),
                [_, second] => *second = Some(value.unwrap_or(b"?")),
            },
            b"grpc-timeout" => {
                self.timeout = value.and_then(|value| Some((value, Timeout::parse(value).err()?)));
            }
            b"connection" | b"keep-alive" | b"proxy-connection" | b"upgrade" => self.of_connection = Some(name),
            _ => {}
        }
    }

    /// Whether the block begins a response that is followed by the real one.
    pub(super) fn is_interim(&self) -> bool {
        matches!(self.status, Some([b'1', _, _]))
    }

    /// Whether it begins a request.
    pub(super) const fn has_method(&self) -> bool {
        let [methods, ..] = self.pseudo;
        methods > 0
    }

    /// Whether it says `te: trailers`, or may say it.
    pub(super) const fn may_have_te(&self) -> bool {
        self.te || !self.whole
    }

    /// Rules about fields wherever they stand.
    #[inline]
    pub(super) fn judge(&self, side: Direction, is_call: bool, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        let good = self.upper.is_none()
            && self.of_connection.is_none()
            && self.other_te.is_none()
            && self.late_pseudo.is_none()
            && self.timeout.is_none()
            && self.statuses[1].is_none();
        if !good {
            self.tell(side.sender(), is_call, shared, report);
        }
    }

    #[cold]
    fn tell(&self, side: &str, is_call: bool, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        if let Some(name) = self.upper {
            let summary = format_args!("the {side} sends the field {}, whose name is not in lower case", Quoted(name));
            report.tell(&rules::FIELD_NAME, shared, summary);
        }
        if let Some(name) = self.of_connection {
            let summary = format_args!("the {side} sends the field {}, which HTTP/2 has no place for", Quoted(name));
            report.tell(&rules::CONNECTION_HEADER, shared, summary);
        }
        if let Some(value) = self.other_te {
            let summary = format_args!("the {side} sends te: {}, where only `trailers` may stand", Quoted(value));
            report.tell(&rules::CONNECTION_HEADER, shared, summary);
        }
        if let Some(name) = self.late_pseudo {
            let summary = format_args!("the {side} sends {} after a regular field", Quoted(name));
            report.tell(&rules::PSEUDO_HEADER, shared, summary);
        }
        if let Some((value, fault)) = self.timeout
            && is_call
        {
            let summary = format_args!("the {side} asks for a deadline of {}: {fault}", Quoted(value));
            report.tell(&rules::INVALID_TIMEOUT, shared, summary);
        }
        if let [Some(first), Some(second)] = self.statuses
            && is_call
        {
            let (first, second) = (Quoted(first), Quoted(second));
            let summary =
                format_args!("the {side} sends grpc-status {first} and grpc-status {second} in one header block");
            report.tell(&rules::SEVERAL_STATUSES, shared, summary);
        }
    }

    /// Rules about which pseudo-header fields stand where (§8.3.1, §8.3.2). The block must be whole.
    #[inline]
    pub(super) fn judge_place(
        &self,
        side: Direction,
        place: Place,
        shared: &mut Shared,
        report: &mut Report<'_, '_, '_>,
    ) {
        let good = match place {
            // :authority may be absent.
            Place::Request => matches!(self.pseudo, [1, 1, 1, 0 | 1, 0, 0 | 1]),
            Place::Response => self.pseudo == [0, 0, 0, 0, 1, 0],
            Place::Trailers => self.pseudo == [0; 6],
        };
        if (!good || self.unknown_pseudo.is_some()) && self.whole {
            self.tell_place(side.sender(), place, shared, report);
        }
    }

    #[cold]
    fn tell_place(&self, side: &str, place: Place, shared: &mut Shared, report: &mut Report<'_, '_, '_>) {
        let (what, needed, allowed): (_, &[usize], &[usize]) = match place {
            // CONNECT names no more than the authority (§8.5), unless it says for which protocol (RFC 8441).
            Place::Request if self.method == Some(b"CONNECT") && self.pseudo.get(PROTOCOL) == Some(&0) => {
                ("a CONNECT request", &[METHOD, AUTHORITY], &[METHOD, AUTHORITY])
            }
            Place::Request => ("a request", &[METHOD, SCHEME, PATH], &[METHOD, SCHEME, PATH, AUTHORITY, PROTOCOL]),
            Place::Response => ("a response", &[STATUS], &[STATUS]),
            Place::Trailers => ("trailers", &[], &[]),
        };
        for (which, (count, name)) in self.pseudo.iter().zip(PSEUDO).enumerate() {
            let wrong = match count {
                0 if needed.contains(&which) => format!("without {name}"),
                0 => continue,
                _ if !allowed.contains(&which) => format!("with {name}, which does not belong there"),
                1 => continue,
                count => format!("with {count} fields {name}"),
            };
            report.tell(&rules::PSEUDO_HEADER, shared, format_args!("the {side} sends {what} {wrong}"));
        }
        if let Some(name) = self.unknown_pseudo {
            let summary =
                format_args!("the {side} sends {what} with {}, which is no pseudo-header field", Quoted(name));
            report.tell(&rules::PSEUDO_HEADER, shared, summary);
        }
    }
}

fn decimal(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}
