//! The few protobuf records that the built-in services read and write themselves.

use crate::protobuf::wire::{Reader, WireType};

/// A field with a text; an empty one is left out, as proto3 does.
pub(in crate::endpoint) fn string_field(number: u8, text: &str) -> Vec<u8> {
    if text.is_empty() { Vec::new() } else { len_field(number, text.as_bytes()) }
}

/// A field with octets, empty or not. The number is below 16.
pub(in crate::endpoint) fn len_field(number: u8, octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len().saturating_add(6));
    out.push(number << 3 | 2);
    varint(octets.len().try_into().unwrap_or(u64::MAX), &mut out);
    out.extend_from_slice(octets);
    out
}

/// A field with a number; 0 is left out. The field's number is below 16.
pub(in crate::endpoint) fn int_field(number: u8, value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    if value != 0 {
        out.push(number << 3);
        varint(value as u64, &mut out);
    }
    out
}

pub(in crate::endpoint) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The first field of this number and type: its bits and its octets.
pub(in crate::endpoint) fn field(message: &[u8], number: u32, wire: WireType) -> Option<(u64, &[u8])> {
    let mut reader = Reader::new(message);
    while let Some(record) = reader.record().ok()? {
        if record.number == number && record.wire == wire {
            return Some((record.bits, message.get(record.value_range())?));
        }
    }
    None
}

/// The text of a field, empty if it is not there; `None` when the message cannot be read.
pub(in crate::endpoint) fn text(message: &[u8], number: u32) -> Option<String> {
    let mut reader = Reader::new(message);
    let mut text = String::new();
    while let Some(record) = reader.record().ok()? {
        if record.number == number && record.wire == WireType::Len {
            text = std::str::from_utf8(message.get(record.value_range())?).ok()?.to_owned();
        }
    }
    Some(text)
}
