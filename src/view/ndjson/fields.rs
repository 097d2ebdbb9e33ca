//! The header fields of a block, and the JSON of those that come again and again: copied, not made anew.
//!
//! Connections refer to a few table entries in every block. What is kept of such a field is recognised by its octets, whichever
//! connection it is in, so that it needs no word of tables that come and go.

use super::write::{integer, key, number, number_if_known, string_or_hex, truth};
use crate::http2::hpack::{Field, Representation};
use crate::write::is_plain;

/// Indexed fields as JSON, up to their index. Holds at most [`PLACES`] times a little more than twice [`LONGEST`] octets.
#[derive(Debug)]
pub(super) struct Fields {
    kept: [Kept; PLACES],
    /// Those of the static table, by index: what they say is always the same.
    fixed: [Vec<u8>; FIXED],
}

/// Fields kept at once; each has one place, which the last one takes.
const PLACES: usize = 128;
/// Octets of the longest name and value that are kept.
const LONGEST: usize = 256;
/// Indices of the static table, 0 among them.
const FIXED: usize = 62;

/// A field whose name and value need no escapes.
#[derive(Debug, Default)]
struct Kept {
    /// The name, and behind it the value.
    text: Vec<u8>,
    name: usize,
    json: Vec<u8>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { kept: std::array::from_fn(|_| Kept::default()), fixed: std::array::from_fn(|_| Vec::new()) }
    }
}

impl Fields {
    /// Appends a field as a JSON object.
    #[inline]
    pub(super) fn write(&mut self, field: &Field<'_>, out: &mut Vec<u8>) {
        if let (Representation::Indexed, Some(index)) = (field.representation(), field.index())
            && let Some(json) = self.indexed(field, index)
        {
            out.extend_from_slice(json);
            integer(out, index);
            return out.extend_from_slice(br#","huffman":false,"known":true}"#);
        }
        any(field, out);
    }

    /// The JSON of an indexed field up to its index; `None` where it is unknown, long or needs escapes.
    #[inline]
    fn indexed(&mut self, field: &Field<'_>, index: u32) -> Option<&[u8]> {
        if let Some((text, name)) = field.entry_text() {
            return self.held(text, name);
        }
        let json = self.fixed.get_mut(index as usize)?;
        if json.is_empty() {
            *json = begun(field.name()?, field.value()?)?;
        }
        Some(json)
    }

    /// The same for an entry of a dynamic table, by its octets.
    #[inline]
    fn held(&mut self, text: &[u8], name: usize) -> Option<&[u8]> {
        let last = text.last().map_or(0, |octet| usize::from(*octet));
        // Names differ in their lengths, values of one name mostly in their last octets.
        let place = name.wrapping_mul(37) ^ text.len().wrapping_mul(11) ^ last;
        let kept = self.kept.get_mut(place % PLACES)?;
        if kept.name != name || kept.text != text || kept.json.is_empty() {
            kept.become_(text, name)?;
        }
        Some(&kept.json)
    }
}

impl Kept {
    #[cold]
    fn become_(&mut self, text: &[u8], name: usize) -> Option<()> {
        let (first, value) = text.split_at_checked(name)?;
        let json = begun(first, value)?;
        *self = Self { text: text.to_vec(), name, json };
        Some(())
    }
}

/// A field up to its index, if name and value need no escapes and are not long.
#[cold]
fn begun(name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let kept = name.len().saturating_add(value.len()) <= LONGEST && is_plain(name) && is_plain(value);
    let parts: [&[u8]; 5] =
        [br#"{"name":""#, name, br#"","value":""#, value, br#"","representation":"indexed","index":"#];
    kept.then(|| parts.concat())
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
        let text = [name, value].concat();
        fields.held(text.as_bytes(), name.len()).map(|json| String::from_utf8(json.to_vec()).expect("UTF-8"))
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
