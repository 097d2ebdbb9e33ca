//! The static table (RFC 7541 Appendix A), and its names as small numbers.

use super::ENTRY_OVERHEAD;

/// A header field name of the static table, as the index of its first entry there; or [`NONE`](Self::NONE).
///
/// Comparing two of these is cheaper than comparing text. The constants can be patterns of a `match`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StaticName(u8);

impl StaticName {
    /// No name of the static table, or an unknown one.
    pub const NONE: Self = Self(0);
    /// `:authority`
    pub const AUTHORITY: Self = Self(1);
    /// `:method`
    pub const METHOD: Self = Self(2);
    /// `:path`
    pub const PATH: Self = Self(4);
    /// `:scheme`
    pub const SCHEME: Self = Self(6);
    /// `:status`
    pub const STATUS: Self = Self(8);
    /// `accept-charset`
    pub const ACCEPT_CHARSET: Self = Self(15);
    /// `accept-encoding`
    pub const ACCEPT_ENCODING: Self = Self(16);
    /// `accept-language`
    pub const ACCEPT_LANGUAGE: Self = Self(17);
    /// `accept-ranges`
    pub const ACCEPT_RANGES: Self = Self(18);
    /// `accept`
    pub const ACCEPT: Self = Self(19);
    /// `access-control-allow-origin`
    pub const ACCESS_CONTROL_ALLOW_ORIGIN: Self = Self(20);
    /// `age`
    pub const AGE: Self = Self(21);
    /// `allow`
    pub const ALLOW: Self = Self(22);
    /// `authorization`
    pub const AUTHORIZATION: Self = Self(23);
    /// `cache-control`
    pub const CACHE_CONTROL: Self = Self(24);
    /// `content-disposition`
    pub const CONTENT_DISPOSITION: Self = Self(25);
    /// `content-encoding`
    pub const CONTENT_ENCODING: Self = Self(26);
    /// `content-language`
    pub const CONTENT_LANGUAGE: Self = Self(27);
    /// `content-length`
    pub const CONTENT_LENGTH: Self = Self(28);
    /// `content-location`
    pub const CONTENT_LOCATION: Self = Self(29);
    /// `content-range`
    pub const CONTENT_RANGE: Self = Self(30);
    /// `content-type`
    pub const CONTENT_TYPE: Self = Self(31);
    /// `cookie`
    pub const COOKIE: Self = Self(32);
    /// `date`
    pub const DATE: Self = Self(33);
    /// `etag`
    pub const ETAG: Self = Self(34);
    /// `expect`
    pub const EXPECT: Self = Self(35);
    /// `expires`
    pub const EXPIRES: Self = Self(36);
    /// `from`
    pub const FROM: Self = Self(37);
    /// `host`
    pub const HOST: Self = Self(38);
    /// `if-match`
    pub const IF_MATCH: Self = Self(39);
    /// `if-modified-since`
    pub const IF_MODIFIED_SINCE: Self = Self(40);
    /// `if-none-match`
    pub const IF_NONE_MATCH: Self = Self(41);
    /// `if-range`
    pub const IF_RANGE: Self = Self(42);
    /// `if-unmodified-since`
    pub const IF_UNMODIFIED_SINCE: Self = Self(43);
    /// `last-modified`
    pub const LAST_MODIFIED: Self = Self(44);
    /// `link`
    pub const LINK: Self = Self(45);
    /// `location`
    pub const LOCATION: Self = Self(46);
    /// `max-forwards`
    pub const MAX_FORWARDS: Self = Self(47);
    /// `proxy-authenticate`
    pub const PROXY_AUTHENTICATE: Self = Self(48);
    /// `proxy-authorization`
    pub const PROXY_AUTHORIZATION: Self = Self(49);
    /// `range`
    pub const RANGE: Self = Self(50);
    /// `referer`
    pub const REFERER: Self = Self(51);
    /// `refresh`
    pub const REFRESH: Self = Self(52);
    /// `retry-after`
    pub const RETRY_AFTER: Self = Self(53);
    /// `server`
    pub const SERVER: Self = Self(54);
    /// `set-cookie`
    pub const SET_COOKIE: Self = Self(55);
    /// `strict-transport-security`
    pub const STRICT_TRANSPORT_SECURITY: Self = Self(56);
    /// `transfer-encoding`
    pub const TRANSFER_ENCODING: Self = Self(57);
    /// `user-agent`
    pub const USER_AGENT: Self = Self(58);
    /// `vary`
    pub const VARY: Self = Self(59);
    /// `via`
    pub const VIA: Self = Self(60);
    /// `www-authenticate`
    pub const WWW_AUTHENTICATE: Self = Self(61);

    /// The number of `name`, which is compared octet by octet; [`NONE`](Self::NONE) if the static table lacks it.
    pub fn of(name: &[u8]) -> Self {
        match name {
            b":authority" => Self::AUTHORITY,
            b":method" => Self::METHOD,
            b":path" => Self::PATH,
            b":scheme" => Self::SCHEME,
            b":status" => Self::STATUS,
            b"accept-charset" => Self::ACCEPT_CHARSET,
            b"accept-encoding" => Self::ACCEPT_ENCODING,
            b"accept-language" => Self::ACCEPT_LANGUAGE,
            b"accept-ranges" => Self::ACCEPT_RANGES,
            b"accept" => Self::ACCEPT,
            b"access-control-allow-origin" => Self::ACCESS_CONTROL_ALLOW_ORIGIN,
            b"age" => Self::AGE,
            b"allow" => Self::ALLOW,
            b"authorization" => Self::AUTHORIZATION,
            b"cache-control" => Self::CACHE_CONTROL,
            b"content-disposition" => Self::CONTENT_DISPOSITION,
            b"content-encoding" => Self::CONTENT_ENCODING,
            b"content-language" => Self::CONTENT_LANGUAGE,
            b"content-length" => Self::CONTENT_LENGTH,
            b"content-location" => Self::CONTENT_LOCATION,
            b"content-range" => Self::CONTENT_RANGE,
            b"content-type" => Self::CONTENT_TYPE,
            b"cookie" => Self::COOKIE,
            b"date" => Self::DATE,
            b"etag" => Self::ETAG,
            b"expect" => Self::EXPECT,
            b"expires" => Self::EXPIRES,
            b"from" => Self::FROM,
            b"host" => Self::HOST,
            b"if-match" => Self::IF_MATCH,
            b"if-modified-since" => Self::IF_MODIFIED_SINCE,
            b"if-none-match" => Self::IF_NONE_MATCH,
            b"if-range" => Self::IF_RANGE,
            b"if-unmodified-since" => Self::IF_UNMODIFIED_SINCE,
            b"last-modified" => Self::LAST_MODIFIED,
            b"link" => Self::LINK,
            b"location" => Self::LOCATION,
            b"max-forwards" => Self::MAX_FORWARDS,
            b"proxy-authenticate" => Self::PROXY_AUTHENTICATE,
            b"proxy-authorization" => Self::PROXY_AUTHORIZATION,
            b"range" => Self::RANGE,
            b"referer" => Self::REFERER,
            b"refresh" => Self::REFRESH,
            b"retry-after" => Self::RETRY_AFTER,
            b"server" => Self::SERVER,
            b"set-cookie" => Self::SET_COOKIE,
            b"strict-transport-security" => Self::STRICT_TRANSPORT_SECURITY,
            b"transfer-encoding" => Self::TRANSFER_ENCODING,
            b"user-agent" => Self::USER_AGENT,
            b"vary" => Self::VARY,
            b"via" => Self::VIA,
            b"www-authenticate" => Self::WWW_AUTHENTICATE,
            _ => Self::NONE,
        }
    }

    /// Index of the first static entry with this name; 0 for [`NONE`](Self::NONE).
    pub fn index(self) -> u8 {
        self.0
    }

    /// The name as text; empty for [`NONE`](Self::NONE).
    pub fn as_str(self) -> &'static str {
        entry(u32::from(self.0)).name
    }
}

/// One entry of the static table.
pub(super) struct StaticEntry {
    pub(super) name: &'static str,
    pub(super) value: &'static str,
    pub(super) static_name: StaticName,
    /// What the field adds to a header list: its octets and 32.
    pub(super) list_octets: u16,
}

/// Number of entries in the static table.
const LEN: u32 = 61;

/// Wire index of the newest dynamic entry (§2.3.3).
pub(super) const FIRST_DYNAMIC: u32 = LEN + 1;

/// The entry with wire index `index`; an empty one for 0 and beyond the table.
#[inline]
pub(super) fn entry(index: u32) -> &'static StaticEntry {
    TABLE.get(index as usize).unwrap_or(&NOTHING)
}

/// The first entry with `name` and `value`, if any.
pub(super) fn find(name: StaticName, value: &[u8]) -> Option<u32> {
    // Entries with one name stand together.
    (u32::from(name.0)..=LEN)
        .take_while(|&index| name != StaticName::NONE && entry(index).static_name == name)
        .find(|&index| entry(index).value.as_bytes() == value)
}

static NOTHING: StaticEntry = with("", "", StaticName::NONE);

const fn with(name: &'static str, value: &'static str, static_name: StaticName) -> StaticEntry {
    let text = name.len().saturating_add(value.len()) as u16;
    StaticEntry { name, value, static_name, list_octets: text.saturating_add(ENTRY_OVERHEAD as u16) }
}

#[rustfmt::skip]
static TABLE: [StaticEntry; 62] = [
    with("", "", StaticName::NONE),
    with(":authority", "", StaticName::AUTHORITY),
    with(":method", "GET", StaticName::METHOD),
    with(":method", "POST", StaticName::METHOD),
    with(":path", "/", StaticName::PATH),
    with(":path", "/index.html", StaticName::PATH),
    with(":scheme", "http", StaticName::SCHEME),
    with(":scheme", "https", StaticName::SCHEME),
    with(":status", "200", StaticName::STATUS),
    with(":status", "204", StaticName::STATUS),
    with(":status", "206", StaticName::STATUS),
    with(":status", "304", StaticName::STATUS),
    with(":status", "400", StaticName::STATUS),
    with(":status", "404", StaticName::STATUS),
    with(":status", "500", StaticName::STATUS),
    with("accept-charset", "", StaticName::ACCEPT_CHARSET),
    with("accept-encoding", "gzip, deflate", StaticName::ACCEPT_ENCODING),
    with("accept-language", "", StaticName::ACCEPT_LANGUAGE),
    with("accept-ranges", "", StaticName::ACCEPT_RANGES),
    with("accept", "", StaticName::ACCEPT),
    with("access-control-allow-origin", "", StaticName::ACCESS_CONTROL_ALLOW_ORIGIN),
    with("age", "", StaticName::AGE),
    with("allow", "", StaticName::ALLOW),
    with("authorization", "", StaticName::AUTHORIZATION),
    with("cache-control", "", StaticName::CACHE_CONTROL),
    with("content-disposition", "", StaticName::CONTENT_DISPOSITION),
    with("content-encoding", "", StaticName::CONTENT_ENCODING),
    with("content-language", "", StaticName::CONTENT_LANGUAGE),
    with("content-length", "", StaticName::CONTENT_LENGTH),
    with("content-location", "", StaticName::CONTENT_LOCATION),
    with("content-range", "", StaticName::CONTENT_RANGE),
    with("content-type", "", StaticName::CONTENT_TYPE),
    with("cookie", "", StaticName::COOKIE),
    with("date", "", StaticName::DATE),
    with("etag", "", StaticName::ETAG),
    with("expect", "", StaticName::EXPECT),
    with("expires", "", StaticName::EXPIRES),
    with("from", "", StaticName::FROM),
    with("host", "", StaticName::HOST),
    with("if-match", "", StaticName::IF_MATCH),
    with("if-modified-since", "", StaticName::IF_MODIFIED_SINCE),
    with("if-none-match", "", StaticName::IF_NONE_MATCH),
    with("if-range", "", StaticName::IF_RANGE),
    with("if-unmodified-since", "", StaticName::IF_UNMODIFIED_SINCE),
    with("last-modified", "", StaticName::LAST_MODIFIED),
    with("link", "", StaticName::LINK),
    with("location", "", StaticName::LOCATION),
    with("max-forwards", "", StaticName::MAX_FORWARDS),
    with("proxy-authenticate", "", StaticName::PROXY_AUTHENTICATE),
    with("proxy-authorization", "", StaticName::PROXY_AUTHORIZATION),
    with("range", "", StaticName::RANGE),
    with("referer", "", StaticName::REFERER),
    with("refresh", "", StaticName::REFRESH),
    with("retry-after", "", StaticName::RETRY_AFTER),
    with("server", "", StaticName::SERVER),
    with("set-cookie", "", StaticName::SET_COOKIE),
    with("strict-transport-security", "", StaticName::STRICT_TRANSPORT_SECURITY),
    with("transfer-encoding", "", StaticName::TRANSFER_ENCODING),
    with("user-agent", "", StaticName::USER_AGENT),
    with("vary", "", StaticName::VARY),
    with("via", "", StaticName::VIA),
    with("www-authenticate", "", StaticName::WWW_AUTHENTICATE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_first_entries_with_the_name() {
        for index in 1..=LEN {
            let entry = entry(index);
            let name = entry.static_name;
            assert_eq!(StaticName::of(entry.name.as_bytes()), name);
            assert_eq!(name.as_str(), entry.name);
            let first = (1..=LEN).find(|&i| super::entry(i).name == entry.name);
            assert_eq!(first, Some(u32::from(name.index())));
            assert_eq!(find(name, entry.value.as_bytes()), Some(index));
        }
        assert_eq!(StaticName::of(b"te"), StaticName::NONE);
        assert_eq!(find(StaticName::NONE, b""), None);
        assert_eq!(find(StaticName::PATH, b"/other"), None);
    }
}
