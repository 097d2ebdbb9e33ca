//! The header fields of a block, and the JSON of those that come again and again: copied, not made anew.
//!
//! Connections refer to a few table entries in every block. What is kept of such a field is recognised by its octets, whichever
//! connection it is in, so that it needs no word of tables that come and go.

use super::write::{integer, key, number, number_if_known, string_or_hex, truth};
use crate::http2::hpack::{Field, Representation};
use crate::write::is_plain;

/// Indexed fields as JSON, up to their index. Holds at most [`PLACES`] times a little more than [`LONGEST`] octets.
#[derive(Debug)]
pub(super) struct Fields {
    kept: [Kept; PLACES],
}

/// Fields kept at once; each has one place, which the last one takes.
const PLACES: usize = 128;
/// Octets of the longest name and value that are kept.
const LONGEST: usize = 256;

/// A field whose name and value need no escapes: [`NAME`], the name, [`VALUE`], the value, [`INDEX`].
#[derive(Debug, Default)]
struct Kept {
    json: Vec<u8>,
    name: usize,
    value: usize,
}

const NAME: &[u8] = br#"{"name":""#;
const VALUE: &[u8] = br#"","value":""#;
const INDEX: &[u8] = br#"","representation":"indexed","index":"#;

impl Default for Fields {
    fn default() -> Self {
        Self { kept: std::array::from_fn(|_| Kept::default()) }
    }
}

impl Fields {
    /// Appends a field as a JSON object.
    #[inline]
    pub(super) fn write(&mut self, field: &Field<'_>, out: &mut Vec<u8>) {
        if let (Representation::Indexed, Some(index), Some(name), Some(value)) =
            (field.representation(), field.index(), field.name(), field.value())
            && let Some(json) = self.indexed(name, value)
        {
            out.extend_from_slice(json);
            integer(out, index);
            return out.extend_from_slice(br#","huffman":false,"known":true}"#);
        }
        any(field, out);
    }

    /// The JSON of an indexed field up to its index; `None` where it is long or needs escapes.
    #[inline]
    fn indexed(&mut self, name: &[u8], value: &[u8]) -> Option<&[u8]> {
        let octet = |octet: Option<&u8>| octet.map_or(0, |octet| usize::from(*octet));
        // Names differ in their lengths, values of one name mostly in their last octets.
        let place = name.len().wrapping_mul(37) ^ value.len().wrapping_mul(11) ^ octet(value.last());
        let kept = self.kept.get_mut(place % PLACES)?;
        if !kept.is(name, value) {
            kept.become_(name, value)?;
        }
        Some(&kept.json)
    }
}

impl Kept {
    #[inline]
    fn is(&self, name: &[u8], value: &[u8]) -> bool {
        let name_at = NAME.len();
        let value_at = name_at.wrapping_add(name.len()).wrapping_add(VALUE.len());
        (self.name, self.value) == (name.len(), value.len())
            && self.json.get(name_at..).is_some_and(|json| json.starts_with(name))
            && self.json.get(value_at..).is_some_and(|json| json.starts_with(value))
    }

    #[cold]
    fn become_(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        if name.len().saturating_add(value.len()) > LONGEST || !is_plain(name) || !is_plain(value) {
            return None;
        }
        self.json.clear();
        for part in [NAME, name, VALUE, value, INDEX] {
            self.json.extend_from_slice(part);
        }
        (self.name, self.value) = (name.len(), value.len());
        Some(())
    }
}

fn any(field: &Field<'_>, out: &mut Vec<u8>) {
    if let Some(size) = field.size_update() {
        number(out, br#"{"representation":"size_update","size":"#, size);
        out.extend_from_slice(br#","known":true}"#);
        return;
    }
    match field.name() {
        Some(octets) => string_or_hex(out, (b"{\"name\":", b"{\"name_hex\":"), octets),
        None => out.extend_from_slice(b"{\"name\":null"),
    }
    match field.value() {
        Some(octets) => string_or_hex(out, (key!("value"), key!("value_hex")), octets),
        None => out.extend_from_slice(b",\"value\":null"),
    }
    let prepared: &[u8] = match field.representation() {
        Representation::Indexed => br#","representation":"indexed""#,
        Representation::LiteralIndexed => br#","representation":"literal_indexed""#,
        Representation::Literal => br#","representation":"literal""#,
        Representation::NeverIndexed => br#","representation":"never_indexed""#,
        Representation::SizeUpdate => br#","representation":"size_update""#,
    };
    out.extend_from_slice(prepared);
    number_if_known(out, key!("index"), field.index());
    if field.index().is_none() {
        truth(out, key!("huffman_name"), field.huffman_name());
    }
    out.extend_from_slice(match (field.huffman_value(), field.is_known()) {
        (false, true) => br#","huffman":false,"known":true}"#,
        (true, true) => br#","huffman":true,"known":true}"#,
        (false, false) => br#","huffman":false,"known":false}"#,
        (true, false) => br#","huffman":true,"known":false}"#,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(fields: &mut Fields, name: &str, value: &str) -> Option<String> {
        fields.indexed(name.as_bytes(), value.as_bytes()).map(|json| String::from_utf8(json.to_vec()).expect("UTF-8"))
    }

    #[test]
    fn fields_that_share_a_place_are_never_taken_for_each_other() {
        let mut fields = Fields::default();
        for (name, value) in [
            ("te", "trailers"),
            ("te", "trailerz"),
            ("te", "railertz"),
            ("et", "trailers"),
            ("", ""),
            ("tet", "railers"),
            ("te", "trailers"),
        ] {
            let expected = format!(r#"{{"name":"{name}","value":"{value}","representation":"indexed","index":"#);
            for _ in 0..2 {
                assert_eq!(json(&mut fields, name, value), Some(expected.clone()));
            }
        }
    }

    #[test]
    fn what_needs_escapes_or_is_long_is_not_kept() {
        let mut fields = Fields::default();
        assert_eq!(json(&mut fields, "a", "\""), None);
        assert_eq!(json(&mut fields, "a", &"b".repeat(LONGEST)), None);
        assert!(json(&mut fields, "a", "b").is_some());
    }
}
