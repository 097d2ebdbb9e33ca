//! What an input looks like that is no capture: a word for the user, from its first octets.
//!
//! This is a guess and is worded as one. Captures themselves are recognised elsewhere.

use super::Compression;
use std::fmt;

/// What an input looks like, and what its owner can do about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LooksLike {
    what: &'static str,
    advice: &'static str,
    inside: Option<Compression>,
    first: Option<[u8; 4]>,
}

impl LooksLike {
    /// The guess for an input that begins with `octets`, once decompressed.
    pub(crate) fn sniff(octets: &[u8], inside: Option<Compression>) -> Self {
        let (what, advice) = if octets.is_empty() {
            ("an empty file", "was anything captured, and written out?")
        } else {
            by_mark(octets).or_else(|| by_header(octets)).or_else(|| by_text(octets)).unwrap_or((
                "data of an unknown kind",
                "give it a pcap or pcapng file, plain or compressed with gzip or zstd",
            ))
        };
        Self { what, advice, inside, first: octets.first_chunk().copied() }
    }

    /// Whether `octets`, too few to tell, may be the first of a capture.
    pub(crate) fn begins_a_capture(octets: &[u8]) -> bool {
        let begins = |magic: [u8; 4]| !octets.is_empty() && magic.starts_with(octets);
        MAGICS.iter().any(|magic| begins(magic.to_be_bytes()) || begins(magic.to_le_bytes()))
            || begins([0x1f, 0x8b, 8, 0])
            || begins([0x28, 0xb5, 0x2f, 0xfd])
    }

    /// What it looks like: a noun phrase.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// What to do about it: a clause.
    pub fn advice(&self) -> &'static str {
        self.advice
    }

    /// What it was compressed with.
    pub fn compression(&self) -> Option<Compression> {
        self.inside
    }
}

impl fmt::Display for LooksLike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if let Some(compression) = self.inside {
            write!(f, " inside {compression}")?;
        }
        match self.first {
            Some([a, b, c, d]) => write!(f, " (it begins {a:02x} {b:02x} {c:02x} {d:02x})"),
            None => Ok(()),
        }
    }
}

type Guess = (&'static str, &'static str);

/// Kinds of file that begin with a mark of their own.
fn by_mark(octets: &[u8]) -> Option<Guess> {
    MARKS.iter().find(|(mark, _, _)| octets.starts_with(mark)).map(|(_, what, advice)| (*what, *advice))
}

/// Protocols whose first header is checked field by field.
fn by_header(octets: &[u8]) -> Option<Guess> {
    match *octets {
        [20..=24, 3, 0..=4, high, _, ..] if high <= 0x48 => {
            Some(("a raw TLS stream", "capture the packets that carry it, with tcpdump -w"))
        }
        // An empty or short SETTINGS frame on stream 0: how an HTTP/2 server begins.
        [0, 0, length, 4, 0, 0, 0, 0, 0, ..] if length % 6 == 0 => {
            Some(("a raw HTTP/2 stream, from its server", RAW_STREAM))
        }
        // ERF has no mark: a type, flags, then a length no shorter than its header.
        [_, _, _, _, _, _, _, _, 1..=48, _, high, low, lost_high, _, ..]
            if lost_high == 0
                && (16..=9600).contains(&u16::from_be_bytes([high, low]))
                && octets.get(4..8).and_then(<[u8]>::first_chunk).is_some_and(|seconds| {
                    // The years 2000 to 2038.
                    (0x386d_0000..0x8000_0000).contains(&u32::from_le_bytes(*seconds))
                }) =>
        {
            Some(("an Endace ERF trace", "convert it: editcap -F pcapng in.erf out.pcapng"))
        }
        _ => None,
    }
}

/// Kinds of text.
fn by_text(octets: &[u8]) -> Option<Guess> {
    const RECAPTURE: &str = "give it the packets themselves: tcpdump -w FILE";
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let shown = octets.get(..octets.len().min(512)).unwrap_or_default();
    if shown.contains(&0) || shown.iter().any(|o| *o < 9 || (14..32).contains(o) && *o != 0x1b) {
        return None;
    }
    // A character may be cut at the end of what has arrived.
    let text = match std::str::from_utf8(shown) {
        Ok(text) => text,
        Err(error) if error.error_len().is_some() => return None,
        Err(error) => std::str::from_utf8(shown.get(..error.valid_up_to())?).ok()?,
    };
    let trimmed = text.trim_start();
    let lower = trimmed.to_ascii_lowercase();
    let begins = |marks: &[&str]| marks.iter().any(|mark| lower.starts_with(mark));
    Some(if begins(&["<!doctype html", "<html", "<head"]) {
        ("an HTML page", "was the download an error page? Fetch the file itself")
    } else if begins(&["<?xml", "<pdml", "<psml"]) {
        ("XML", RECAPTURE)
    } else if begins(&["{", "["]) {
        match trimmed.contains("\"log\"") && trimmed.contains("\"version\"") {
            true => ("an HTTP archive (HAR)", "it has no packets; capture with tcpdump -w"),
            false => ("JSON", RECAPTURE),
        }
    } else if begins(&["syntax =", "syntax=", "edition =", "edition="]) {
        ("a .proto file", "give it to --proto")
    } else if begins(KEY_LOG_LABELS) {
        ("a TLS key log (SSLKEYLOGFILE)", "it holds keys, not packets: give the capture as the input")
    } else if begins(&["get ", "post ", "put ", "head ", "options ", "http/1."]) {
        ("a raw HTTP/1 stream", RAW_STREAM)
    } else if is_tcpdump_line(trimmed) || begins(&["tcpdump:", "reading from file"]) {
        ("the text that tcpdump prints", "let tcpdump write packets: tcpdump -w - | framescope decode -")
    } else if begins(&["0000  ", "000000 ", "00000000", "0x0000:"]) {
        ("a hex dump", "convert it: text2pcap (of Wireshark), or xxd -r")
    } else {
        ("text", RECAPTURE)
    })
}

/// `12:34:56.789012 IP ...`, with or without a date before it.
fn is_tcpdump_line(text: &str) -> bool {
    text.split_whitespace().take(2).any(|word| {
        matches!(
            word.as_bytes(),
            [b'0'..=b'9', b'0'..=b'9', b':', b'0'..=b'9', b'0'..=b'9', b':', b'0'..=b'9', b'0'..=b'9', b'.', ..]
        )
    })
}

const RAW_STREAM: &str = "it has no packets; capture the traffic with tcpdump -w";
const DECOMPRESS: &str = "decompress it first";
const UNPACK: &str = "unpack it first";
const CONVERT: &str = "convert it: editcap -F pcapng IN OUT";

/// All begin pcap or pcapng, in network byte order.
const MAGICS: [u32; 4] = [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34, 0x0a0d_0d0a];

const KEY_LOG_LABELS: &[&str] = &[
    "client_random ",
    "rsa session-id:",
    "server_handshake_traffic_secret ",
    "client_handshake_traffic_secret ",
    "server_traffic_secret_0 ",
    "client_traffic_secret_0 ",
    "exporter_secret ",
    "client_early_traffic_secret ",
    "# ssl/tls secrets log",
];

const MARKS: &[(&[u8], &str, &str)] = &[
    (b"PRI * HTTP/2.0", "a raw HTTP/2 stream, from its client", RAW_STREAM),
    (b"\x7fELF", "an ELF program or library", "give it a capture file"),
    (b"MZ", "a Windows program", "give it a capture file"),
    (b"\xcf\xfa\xed\xfe", "a macOS program", "give it a capture file"),
    (b"\xca\xfe\xba\xbe", "a macOS program or Java class", "give it a capture file"),
    (b"\x89PNG", "a PNG image", "a picture of a capture cannot be decoded"),
    (b"\xff\xd8\xff", "a JPEG image", "a picture of a capture cannot be decoded"),
    (b"GIF8", "a GIF image", "a picture of a capture cannot be decoded"),
    (b"%PDF", "a PDF document", "give it a capture file"),
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"PK\x05\x06", "an empty zip archive", UNPACK),
    (b"\x1f\x8b", "gzip", DECOMPRESS),
    (b"\x28\xb5\x2f\xfd", "zstd", DECOMPRESS),
    (b"BZh", "bzip2", "decompress it first: bunzip2"),
    (b"\xfd7zXZ", "xz", "decompress it first: unxz"),
    (b"\x04\x22\x4d\x18", "lz4", "decompress it first: unlz4"),
    (b"\x1f\x9d", "compress (.Z)", "decompress it first: uncompress"),
    (b"7z\xbc\xaf", "a 7-Zip archive", UNPACK),
    (b"SQLite format 3", "an SQLite database", "give it a capture file"),
    (b"snoop\0\0\0", "a snoop capture of Solaris", CONVERT),
    (b"GMBU", "a capture of Microsoft Network Monitor 2", CONVERT),
    (b"RTSS", "a capture of Microsoft Network Monitor 1", CONVERT),
    (b"TRSNIFF data", "a capture of the DOS Sniffer", CONVERT),
    (b"XCP\0", "a capture of NetXRay or Windows Sniffer", CONVERT),
    (b"\x1c\x00\x01\xac", "a hardware capture of Ixia", CONVERT),
    (b"\xac\x01\x00\x1c", "a hardware capture of Ixia", CONVERT),
    (b"\x1c\x00\x01\xab", "a software capture of Ixia", CONVERT),
    (b"\xab\x01\x00\x1c", "a software capture of Ixia", CONVERT),
    (b"btsnoop\0", "a Bluetooth HCI log (btsnoop)", "it holds no network traffic"),
    (b"\r\n\r\r\n", "pcapng damaged by a text-mode transfer", "copy it again in binary mode"),
    (b"\xff\xfe", "text in UTF-16", "redirect bytes, not text: PowerShell's > rewrites them; use tcpdump -w FILE"),
];
