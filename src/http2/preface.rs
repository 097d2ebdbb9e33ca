//! How an HTTP/2 connection begins (RFC 9113 §3.3, §3.4; RFC 7540 §3.2 for the upgrade).

/// The 24 octets every client begins with.
pub const MAGIC: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a connection came to speak HTTP/2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Begin {
    /// From its first octet.
    PriorKnowledge,
    /// From the first octet behind a PROXY protocol header, which a load balancer put there.
    Proxied,
    /// After `Upgrade: h2c` and `101 Switching Protocols`.
    Upgrade,
    /// Not seen: the capture starts later.
    Mid,
    /// As `Mid`, and nothing that was seen so far tells which side is the client: it is guessed.
    Guessed(Guess),
    /// As `Mid`; up to this packet the sides were guessed, and the wrong way round.
    Turned(u64),
    /// Not seen, although the TCP connection was seen from its beginning: the first octets of a side are missing.
    Unseen,
}

/// What it was guessed by which side is the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Guess {
    /// Frames that one side sends and the other seldom or never does.
    Frames,
    /// Addresses and ports: who is a server in other flows, and which port looks like one that a system chose for a client.
    Addresses,
}
