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
    /// As `Mid`, and nothing that was seen tells which side is the client.
    Sideless,
    /// Not seen, although the TCP connection was seen from its beginning: the first octets of a side are missing.
    Unseen,
}
