//! The two hellos: what client and server say of themselves before any key exists (RFC 8446 §4.1; RFC 5246 §7.4.1).
//!
//! A hello that does not parse to its end keeps what was read before, beside the fault. Whether the choices are allowed
//! or wise is not decided here.

use super::cipher::CipherSuite;
use super::cursor::{Cursor, Malformed};
use super::version::Version;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// A ClientHello (RFC 8446 §4.1.2), borrowed from its message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClientHello<'a> {
    legacy_version: Version,
    cipher_suites: &'a [u8],
    server_name: Option<&'a [u8]>,
    alpn: Option<&'a [u8]>,
    supported_versions: Option<&'a [u8]>,
    encrypted_hello: bool,
    /// The extensions were walked to their end, so what is absent was not sent.
    whole: bool,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a handshake message of type 1; beside a fault stands what was read in spite of it.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> (Self, Option<Malformed>) {
        let mut hello = Self::default();
        let fault = hello.read(body).err();
        (hello, fault)
    }

    fn read(&mut self, body: &'a [u8]) -> Result<(), Malformed> {
        let mut at = Cursor::new(body);
        self.legacy_version = legacy_version(&mut at)?;
        at.take(32, "the random")?;
        at.vector8("the session id")?;
        let suites = at.vector16("the cipher suites")?;
        if !suites.rest().len().is_multiple_of(2) {
            return Err(suites.fault("the cipher suites"));
        }
        self.cipher_suites = suites.rest();
        at.vector8("the compression methods")?;
        let faults = extensions(&mut at, |kind, data| match kind {
            SERVER_NAME => once(&mut self.server_name, host_name(data.clone())?, &data),
            ALPN => once(&mut self.alpn, protocols(data.clone())?, &data),
            SUPPORTED_VERSIONS => once(&mut self.supported_versions, versions(data.clone())?, &data),
            ENCRYPTED_CLIENT_HELLO => {
                self.encrypted_hello = true;
                Ok(())
            }
            _ => Ok(()),
        });
        self.whole = faults.is_ok();
        faults
    }

    /// The version in the fixed part; TLS 1.3 writes TLS 1.2 here and the truth into [`ClientHello::versions`].
    #[must_use]
    pub const fn legacy_version(&self) -> Version {
        self.legacy_version
    }

    /// The versions offered, in the client's order: of supported_versions (§4.2.1), else the legacy version alone.
    /// Empty if damage hides which of the two holds.
    pub fn versions(&self) -> impl Iterator<Item = Version> + use<'a> {
        let legacy = self.supported_versions.is_none() && self.whole;
        let legacy = legacy.then_some(self.legacy_version);
        let offered = self.supported_versions.unwrap_or_default();
        legacy.into_iter().chain(offered.as_chunks().0.iter().map(|pair| Version(u16::from_be_bytes(*pair))))
    }

    /// The cipher suites offered, in the client's order, GREASE and signalling values included.
    pub fn cipher_suites(&self) -> impl ExactSizeIterator<Item = CipherSuite> + use<'a> {
        let pairs = self.cipher_suites.as_chunks().0.iter();
        pairs.map(|pair| CipherSuite(u16::from_be_bytes(*pair)))
    }

    /// The host name of server_name (RFC 6066 §3): octets of a stranger, not necessarily a name.
    #[must_use]
    pub const fn server_name(&self) -> Option<&'a [u8]> {
        self.server_name
    }

    /// The application protocols offered, in the client's order (RFC 7301 §3.1).
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut names = Cursor::new(self.alpn.unwrap_or_default());
        std::iter::from_fn(move || Some(names.vector8("").ok()?.rest()))
    }

    /// Whether encrypted_client_hello was sent (RFC 9849), in earnest or as GREASE: the server name may be an outer one.
    #[must_use]
    pub const fn has_encrypted_hello(&self) -> bool {
        self.encrypted_hello
    }

    /// Whether it begins as a hello does, and not as encrypted octets do that happen to bear its message type.
    pub(super) const fn is_plausible(&self) -> bool {
        self.legacy_version.is_legacy()
    }
}

/// A ServerHello or HelloRetryRequest (RFC 8446 §4.1.3, §4.1.4), borrowed from its message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ServerHello<'a> {
    legacy_version: Version,
    selected_version: Option<Version>,
    retry: bool,
    cipher_suite: Option<CipherSuite>,
    alpn: Option<&'a [u8]>,
    /// The extensions were walked to their end, so what is absent was not sent.
    whole: bool,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a handshake message of type 2; beside a fault stands what was read in spite of it.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> (Self, Option<Malformed>) {
        let mut hello = Self::default();
        let fault = hello.read(body).err();
        (hello, fault)
    }

    fn read(&mut self, body: &'a [u8]) -> Result<(), Malformed> {
        let mut at = Cursor::new(body);
        self.legacy_version = legacy_version(&mut at)?;
        self.retry = at.take(32, "the random")?.rest() == RETRY_RANDOM;
        at.vector8("the session id")?;
        self.cipher_suite = Some(CipherSuite(at.u16("the cipher suite")?));
        at.u8("the compression method")?;
        let faults = extensions(&mut at, |kind, mut data| match kind {
            ALPN => {
                let place = data.clone();
                let name = protocols(data)?;
                let single = name.split_first().map(|(length, name)| (*length, name));
                match single {
                    Some((length, name)) if usize::from(length) == name.len() => once(&mut self.alpn, name, &place),
                    _ => Err(place.fault("the one protocol of ALPN")),
                }
            }
            SUPPORTED_VERSIONS => {
                let place = data.clone();
                let version = Version(data.u16("the selected version")?);
                data.end("the selected version")?;
                once(&mut self.selected_version, version, &place)
            }
            _ => Ok(()),
        });
        self.whole = faults.is_ok();
        faults
    }

    /// The version chosen: of supported_versions (§4.2.1), else the fixed part's. `None` if damage hides which of the two holds.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        let legacy = self.whole.then_some(self.legacy_version);
        self.selected_version.or(legacy)
    }

    /// The cipher suite chosen.
    #[must_use]
    pub const fn cipher_suite(&self) -> Option<CipherSuite> {
        self.cipher_suite
    }

    /// The application protocol chosen (RFC 7301 §3.1); from TLS 1.3 on it travels encrypted, elsewhere.
    #[must_use]
    pub const fn alpn(&self) -> Option<&'a [u8]> {
        self.alpn
    }

    /// Whether this asks for a second ClientHello: the random is the one of §4.1.3.
    #[must_use]
    pub const fn is_retry_request(&self) -> bool {
        self.retry
    }

    /// Whether it begins as a hello does, and not as encrypted octets do that happen to bear its message type.
    pub(super) const fn is_plausible(&self) -> bool {
        self.legacy_version.is_legacy()
    }
}

/// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A ClientHello in SSLv2's form, of a client that speaks later versions too (RFC 5246 §E.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct V2ClientHello {
    /// How many cipher specs, of three octets each, are offered.
    pub cipher_specs: u32,
}

impl V2ClientHello {
    /// Reads what follows the version: three lengths and the vectors they measure.
    #[must_use]
    pub fn parse(body: &[u8]) -> (Self, Option<Malformed>) {
        let mut hello = Self::default();
        let fault = hello.read(body).err();
        (hello, fault)
    }

    fn read(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let mut at = Cursor::new(body);
        let specs = at.u16("the length of the cipher specs")?;
        let session = at.u16("the length of the session id")?;
        let challenge = at.u16("the length of the challenge")?;
        let place = at.take(usize::from(specs), "the cipher specs")?;
        if !specs.is_multiple_of(3) {
            return Err(place.fault("the cipher specs"));
        }
        self.cipher_specs = u32::from(specs / 3);
        at.take(usize::from(session), "the session id")?;
        at.take(usize::from(challenge), "the challenge")?;
        at.end("octets after the challenge")
    }
}

fn legacy_version(at: &mut Cursor<'_>) -> Result<Version, Malformed> {
    let place = at.clone();
    let version = Version(at.u16("the version")?);
    match version.is_legacy() {
        true => Ok(version),
        false => Err(place.fault("the version")),
    }
}

/// Shows each extension to `read`; one that does not parse does not hide the next. The first fault is returned.
fn extensions<'a>(
    at: &mut Cursor<'a>,
    mut read: impl FnMut(u16, Cursor<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if at.is_empty() {
        return Ok(()); // Before TLS 1.3 they may be absent altogether (RFC 5246 §7.4.1.2).
    }
    let mut list = at.vector16("the extensions")?;
    let mut faults = at.end("octets after the extensions");
    while !list.is_empty() {
        let kind = list.u16("an extension")?;
        let data = list.vector16("an extension")?;
        faults = faults.and(read(kind, data));
    }
    faults
}

/// Keeps the first of what must stand only once (RFC 8446 §4.2).
fn once<T>(slot: &mut Option<T>, value: T, place: &Cursor<'_>) -> Result<(), Malformed> {
    match slot {
        Some(_) => Err(place.fault("an extension sent twice")),
        None => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// The first host name of a ServerNameList; no other type of name is defined (RFC 6066 §3).
fn host_name(mut data: Cursor<'_>) -> Result<&[u8], Malformed> {
    let mut list = data.vector16("the server names")?;
    data.end("octets after the server names")?;
    let place = list.clone();
    let kind = list.u8("a server name")?;
    let name = list.vector16("a server name")?;
    match kind == 0 && !name.is_empty() {
        true => Ok(name.rest()),
        false => Err(place.fault("a server name")),
    }
}

/// The octets of a ProtocolNameList in which every name is whole and none is empty (RFC 7301 §3.1).
fn protocols(mut data: Cursor<'_>) -> Result<&[u8], Malformed> {
    let mut list = data.vector16("the protocols of ALPN")?;
    data.end("octets after the protocols of ALPN")?;
    let octets = list.rest();
    while !list.is_empty() {
        let place = list.clone();
        if list.vector8("a protocol of ALPN")?.is_empty() {
            return Err(place.fault("a protocol of ALPN"));
        }
    }
    Ok(octets)
}

/// The octets of a list of versions, two each (RFC 8446 §4.2.1).
fn versions(mut data: Cursor<'_>) -> Result<&[u8], Malformed> {
    let list = data.vector8("the supported versions")?;
    data.end("octets after the supported versions")?;
    match list.rest().len().is_multiple_of(2) && !list.is_empty() {
        true => Ok(list.rest()),
        false => Err(list.fault("the supported versions")),
    }
}
