//! What stands before each message: its flag and length (PROTOCOL-HTTP2, "Length-Prefixed-Message").

/// Octets before each message: a flag and a length.
pub const PREFIX: usize = 5;
/// The flag octet of a message that is compressed.
pub const COMPRESSED: u8 = 1;
/// The bit that marks the trailers of gRPC-Web.
pub(super) const WEB_TRAILERS: u8 = 0x80;

/// The flag and the length.
pub(super) fn split([flag, a, b, c, d]: [u8; PREFIX]) -> (u8, u32) {
    (flag, u32::from_be_bytes([a, b, c, d]))
}

/// 0 and 1, and the same with the bit of the gRPC-Web trailers.
pub(super) const fn is_legal(flag: u8) -> bool {
    flag & !(COMPRESSED | WEB_TRAILERS) == 0
}

/// Whether `data` is a chain of whole messages: what an onlooker may believe in without having seen the beginning.
///
/// A run of zeros is none, though each five of them could be an empty message: content is full of zeros.
#[must_use]
pub fn chain_fills(mut data: &[u8]) -> bool {
    if data.is_empty() || (data.len() > PREFIX && data.iter().all(|&octet| octet == 0)) {
        return false;
    }
    while let Some((prefix, content)) = data.split_first_chunk::<PREFIX>() {
        let (flag, declared) = split(*prefix);
        match content.get(index(declared)..) {
            Some(rest) if flag <= COMPRESSED => data = rest,
            _ => return false,
        }
    }
    data.is_empty()
}

/// A length as a place in memory.
pub(super) fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
