//! What the HPACK tests share.

use std::path::PathBuf;

use framescope::http2::hpack::{Decoder, HeaderBlock, Limits, Scratch, Start};

/// A field as owned text, or what is known of it.
pub(crate) type Shown = (Option<Vec<u8>>, Option<Vec<u8>>);

/// A decoder from the first octet with default limits.
pub(crate) fn known() -> Decoder {
    Decoder::new(Start::Known, Limits::default())
}

/// The fields of a block without its size updates.
pub(crate) fn shown(block: HeaderBlock<'_>) -> Vec<Shown> {
    block
        .fields()
        .filter(|field| field.size_update().is_none())
        .map(|field| (field.name().map(<[u8]>::to_vec), field.value().map(<[u8]>::to_vec)))
        .collect()
}

/// What `decoder` shows of `block`.
pub(crate) fn decode(decoder: &mut Decoder, block: &[u8]) -> Vec<Shown> {
    shown(decoder.decode(block, &mut Scratch::new()))
}

/// `name: value` as [`decode`] gives it when both are known.
pub(crate) fn field(name: &str, value: &str) -> Shown {
    (Some(name.into()), Some(value.into()))
}

/// Octets from hex digits; white space is ignored.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The directory of public test vectors, if there is one.
pub(crate) fn vectors() -> PathBuf {
    std::env::var_os("FRAMESCOPE_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"), PathBuf::from)
}
