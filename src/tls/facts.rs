//! What a flow told about itself without a key; bounded, because a stranger filled it in.

use std::fmt;

use super::alert::{Alert, AlertLevel};
use super::cipher::CipherSuite;
use super::cursor::Malformed;
use super::hello::{ClientHello, ServerHello};
use super::record::ContentType;
use super::version::Version;
use crate::direction::Direction;

/// What is known of one flow so far; what was not seen is absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// A ClientHello was read, perhaps in part (see `hello_fault`).
    pub client_hello_seen: bool,
    /// A ServerHello was read, perhaps in part; a HelloRetryRequest alone does not count.
    pub server_hello_seen: bool,
    /// The host the client asks for (RFC 6066 §3).
    pub sni: Option<Name>,
    /// The application protocols offered, in the client's order; at most [`Facts::MAX_ALPN`].
    pub alpn_offered: Vec<Name>,
    /// How many were offered beyond those.
    pub alpn_not_kept: u32,
    /// The versions offered, in the client's order, GREASE included; at most [`Facts::MAX_VERSIONS`].
    pub versions_offered: Vec<Version>,
    /// How many were offered beyond those.
    pub versions_not_kept: u32,
    /// How many cipher suites were offered, GREASE and signalling values included.
    pub cipher_suites_offered: u32,
    /// The client sent encrypted_client_hello, in earnest or as GREASE: `sni` may be an outer, public name.
    pub ech_offered: bool,
    /// The ClientHello came in SSLv2's form, which has no room for extensions (RFC 5246 §E.2).
    pub sslv2_framing: bool,
    /// The server asked for a second ClientHello (RFC 8446 §4.1.4).
    pub hello_retry_request: bool,
    /// The version the server chose.
    pub version: Option<Version>,
    /// The cipher suite the server chose.
    pub cipher: Option<CipherSuite>,
    /// The application protocol the server chose, where that travels in plaintext (see [`Facts::alpn_is_encrypted`]).
    pub alpn_selected: Option<Name>,
    /// The first fatal alert in plaintext, or the first of another level as long as there is none.
    pub alert: Option<Alert>,
    /// The first reason why a hello was not read, or not whole.
    pub hello_fault: Option<HelloFault>,
    /// A hello travelled against its direction: whoever named the sides took the client for the server.
    pub reversed: bool,
}

impl Facts {
    /// The most application protocols kept.
    pub const MAX_ALPN: usize = 32;
    /// The most versions kept.
    pub const MAX_VERSIONS: usize = 16;

    /// Whether the server's choice of a protocol travelled encrypted: so it does in TLS 1.3 (RFC 8446 §4.3.1).
    #[must_use]
    pub fn alpn_is_encrypted(&self) -> bool {
        self.version.is_some_and(Version::hides_extensions)
    }

    pub(super) fn note_client(&mut self, hello: &ClientHello<'_>) {
        self.client_hello_seen = true;
        self.sni = hello.server_name().map(Name::new);
        self.alpn_offered = hello.alpn().take(Self::MAX_ALPN).map(Name::new).collect();
        self.alpn_not_kept = count(hello.alpn().skip(Self::MAX_ALPN));
        self.versions_offered = hello.versions().take(Self::MAX_VERSIONS).collect();
        self.versions_not_kept = count(hello.versions().skip(Self::MAX_VERSIONS));
        self.cipher_suites_offered = count(hello.cipher_suites());
        self.ech_offered = hello.has_encrypted_hello();
    }

    pub(super) fn note_v2_client(&mut self, version: Version, cipher_specs: u32) {
        self.client_hello_seen = true;
        self.sslv2_framing = true;
        self.versions_offered = vec![version];
        self.cipher_suites_offered = cipher_specs;
    }

    pub(super) fn note_server(&mut self, hello: &ServerHello<'_>) {
        match hello.is_retry_request() {
            true => self.hello_retry_request = true,
            false => self.server_hello_seen = true,
        }
        self.version = hello.version();
        self.cipher = hello.cipher_suite();
        self.alpn_selected = hello.alpn().map(Name::new);
    }

    pub(super) fn note_alert(&mut self, alert: Alert) {
        let graver =
            self.alert.is_none_or(|known| known.level != AlertLevel::FATAL && alert.level == AlertLevel::FATAL);
        if graver {
            self.alert = Some(alert);
        }
    }

    pub(super) fn note_fault(&mut self, direction: Direction, what: HelloFaultKind) {
        self.hello_fault.get_or_insert(HelloFault { direction, what });
    }

    /// Octets on the heap.
    pub(super) fn held_bytes(&self) -> usize {
        let names = self.alpn_offered.iter().chain(&self.sni).chain(&self.alpn_selected);
        let octets = names.map(|name| name.octets.len()).sum::<usize>();
        let list = self.alpn_offered.capacity().saturating_mul(size_of::<Name>());
        let versions = self.versions_offered.capacity().saturating_mul(size_of::<Version>());
        octets.saturating_add(list).saturating_add(versions)
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// A name a stranger gave: up to 255 octets, of which any may be anything. Displayed with all but printable ASCII escaped.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Name {
    octets: Box<[u8]>,
    omitted: u32,
}

impl Name {
    /// The most octets kept: as many as a host name (RFC 1035 §2.3.4) or a protocol name (RFC 7301 §3.1) may have.
    pub const MAX_OCTETS: usize = 255;

    fn new(octets: &[u8]) -> Self {
        let (kept, rest) = octets.split_at_checked(Self::MAX_OCTETS).unwrap_or((octets, &[]));
        Self { octets: kept.into(), omitted: count(rest.iter()) }
    }

    /// The octets kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    /// The name as text, if it is whole and UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        let whole = self.omitted == 0;
        std::str::from_utf8(&self.octets).ok().filter(|_| whole)
    }

    /// How many octets were not kept; 0 unless the name breaks its own limit.
    #[must_use]
    pub const fn omitted(&self) -> u32 {
        self.omitted
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.octets.escape_ascii())?;
        match self.omitted {
            0 => Ok(()),
            more => write!(f, "... and {more} octets more"),
        }
    }
}

/// Why a hello was not read, or not whole; displayed as a clause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HelloFault {
    /// The way the hello travels.
    pub direction: Direction,
    /// What stood in the way.
    pub what: HelloFaultKind,
}

/// What stood in the way of reading a hello.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HelloFaultKind {
    /// The capture lost octets before the hello was whole: nobody's fault.
    Gap,
    /// The hello is longer than what is held of one direction.
    TooLong {
        /// The length it declares, in octets, its header of four included.
        declared: u32,
    },
    /// The hello does not parse; what stands before and beside the place was read.
    Malformed(Malformed),
    /// Another handshake message stands where a hello belongs, or the same hello came from both sides.
    NotAHello {
        /// Its type (RFC 8446 §4).
        message: u8,
    },
    /// The direction begins in the middle: a record that only follows a hello.
    NoHello {
        /// What the record carries.
        record: ContentType,
    },
    /// The octets are no record.
    NotTls {
        /// Those that stand where a record header belongs.
        octets: [u8; 5],
    },
}

impl fmt::Display for HelloFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sender = self.direction.sender();
        match self.what {
            HelloFaultKind::Gap => write!(f, "the {sender}'s hello was not captured whole"),
            HelloFaultKind::TooLong { declared } => {
                write!(f, "the {sender}'s hello of {declared} octets is too long to hold")
            }
            HelloFaultKind::Malformed(malformed) => {
                write!(f, "the {sender}'s hello does not parse: {malformed}")
            }
            HelloFaultKind::NotAHello { message } => {
                write!(f, "handshake message {message} stands in place of the {sender}'s hello")
            }
            HelloFaultKind::NoHello { record } => {
                write!(f, "the {sender} begins with {record}: its hello was not seen")
            }
            HelloFaultKind::NotTls { octets } => {
                write!(f, "no TLS record from the {sender} begins with {}", octets.escape_ascii())
            }
        }
    }
}
