//! Messages as JSON on a few lines of the trace: how long, and where they are broken. What is cut, and how much, says who reads them.

use super::detail::INDENT;

/// Lines that a message takes at the most.
const LINES: usize = 4;
/// Columns for what says how much was cut, and for what breaks between members leave free.
const MARK: usize = 40;
/// Columns before each line but the first.
const FURTHER: usize = INDENT + 2;
/// Columns that a line has in the narrowest output.
const LEAST: usize = 40;

/// Columns that a line has.
fn columns(width: usize) -> usize {
    width.saturating_sub(FURTHER).max(LEAST)
}

/// Characters that a message may take, when `used` are taken before it.
pub(super) fn room(width: usize, used: usize) -> usize {
    columns(width).saturating_mul(LINES).saturating_sub(used.saturating_add(MARK)).max(LEAST)
}

/// Breaks what was appended since `from` into lines: behind a comma between two members where there is one, else behind a space. Nothing
/// is left out but the space behind such a comma.
pub(super) fn wrap(out: &mut Vec<u8>, from: usize, width: usize) {
    let columns = columns(width);
    if out.len().saturating_sub(from) > columns {
        break_lines(out, from, columns);
    }
}

#[inline(never)]
fn break_lines(out: &mut Vec<u8>, from: usize, columns: usize) {
    let long = out.split_off(from);
    let Ok(mut rest) = std::str::from_utf8(&long) else { return out.extend_from_slice(&long) };
    let mut inside = false;
    while let Some(place) = place(rest, columns, &mut inside) {
        let (line, after) = rest.split_at_checked(place).unwrap_or((rest, ""));
        out.extend_from_slice(line.trim_end_matches(if inside { '\0' } else { ' ' }).as_bytes());
        out.push(b'\n');
        crate::write::spaces(out, FURTHER);
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Where to break a text that has more characters than a line: the octet that the next line begins with. `inside` says whether the text
/// begins inside a string, and then whether the rest does.
fn place(text: &str, columns: usize, inside: &mut bool) -> Option<usize> {
    let line = text.as_bytes().get(..columns).filter(|_| text.len() > columns)?;
    if !line.is_ascii() {
        return any_place(text, columns, inside);
    }
    let (early, late) = (columns / 2, columns.saturating_mul(3) / 4);
    let (mut within, mut from) = (*inside, 0);
    let (mut between, mut word) = (None, None);
    loop {
        let to = quote(line, from, within);
        let part = |least: usize| line.get(from.max(least)..to).unwrap_or_default();
        if !within && let Some(at) = part(early).windows(2).rposition(|pair| pair == b", ") {
            (between, word) = (at.checked_add(from.max(early)).and_then(|at| at.checked_add(2)), None);
        }
        let late = late.saturating_add(1);
        if within && let Some(at) = part(late).iter().rposition(|octet| *octet == b' ') {
            word = at.checked_add(from.max(late)).and_then(|at| at.checked_add(1));
        }
        if to >= columns {
            *inside = between.is_none() && (within || word.is_some());
            // None divides an escape.
            let divided = within && ends_in_escape(part(0));
            return Some(between.or(word).unwrap_or(columns.saturating_sub(usize::from(divided))));
        }
        (within, from) = (!within, to.saturating_add(1));
    }
}

/// Where the next quote is that begins a string, or ends it; the end of the line where there is none.
fn quote(line: &[u8], from: usize, within: bool) -> usize {
    let mut next = from;
    while let Some(at) = line.get(next..).and_then(|rest| rest.iter().position(|octet| *octet == b'"')) {
        let at = next.saturating_add(at);
        if !within || !ends_in_escape(line.get(from..at).unwrap_or_default()) {
            return at;
        }
        next = at.saturating_add(1);
    }
    line.len()
}

/// Whether the part of a string ends with a backslash that makes an escape of what follows.
fn ends_in_escape(part: &[u8]) -> bool {
    part.iter().rev().take_while(|octet| **octet == b'\\').count() % 2 == 1
}

/// The same, character by character.
#[cold]
fn any_place(text: &str, columns: usize, inside: &mut bool) -> Option<usize> {
    // A break early in the line would waste more than one in the middle of a value does harm.
    let (early, late) = (columns / 2, columns.saturating_mul(3) / 4);
    let (mut within, mut escaped) = (*inside, false);
    let (mut between, mut word) = (None, None);
    let (mut count, mut before) = (0_usize, b' ');
    for (at, octet) in text.bytes().enumerate() {
        if octet & 0xc0 == 0x80 {
            // Of a character that was counted.
            continue;
        }
        if count >= columns {
            *inside = between.is_none() && (within || word.is_some());
            // None divides an escape.
            return Some(between.or(word).unwrap_or(at.saturating_sub(usize::from(escaped))));
        }
        match octet {
            _ if escaped => escaped = false,
            b'\\' if within => escaped = true,
            b'"' => within = !within,
            b' ' if within && count > late => word = at.checked_add(1),
            b' ' if !within && count > early && before == b',' => (between, word) = (at.checked_add(1), None),
            _ => {}
        }
        count = count.wrapping_add(1);
        before = octet;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, width: usize) -> Vec<String> {
        let mut out = text.as_bytes().to_vec();
        wrap(&mut out, 0, width);
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_message_is_broken_between_its_members_and_goes_on_below() {
        let lines =
            wrapped(r#"a.B {"first": "with, a comma", "second": [1, 2, 3], "third": {"x": 1}, "fourth": true}"#, 82);
        assert_eq!(
            lines,
            [
                r#"a.B {"first": "with, a comma", "second": [1, 2,"#.to_owned(),
                format!("{:32}{}", "", r#"3], "third": {"x": 1}, "fourth": true}"#),
            ]
        );
    }

    #[test]
    fn a_long_string_is_broken_where_the_line_ends_and_loses_nothing() {
        let text = format!("a.B {{\"text\": \"{}\"}}", "a, \\\" b ".repeat(40));
        let lines = wrapped(&text, 120);
        assert!(lines.iter().all(|line| line.chars().count() <= 120), "{lines:?}");
        let joined: String = lines.iter().map(|line| line.strip_prefix(&" ".repeat(32)).unwrap_or(line)).collect();
        assert_eq!(joined, text);
    }

    #[test]
    fn ascii_is_broken_where_any_text_is() {
        let pieces = ["a", " ", ", ", "\"", "\\\"", "\\\\", "\": \"", "long word ", "x, y", "{\"k\": [1, 2], "];
        let mut state = 7_u32;
        for _ in 0..20_000 {
            let mut text = String::new();
            while text.len() < 130 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(pieces[(state >> 24) as usize % pieces.len()]);
            }
            for (columns, begins_inside) in [(40, false), (40, true), (88, false), (120, true)] {
                let (mut fast, mut slow) = (begins_inside, begins_inside);
                let places = (place(&text, columns, &mut fast), any_place(&text, columns, &mut slow));
                assert_eq!((places.0, fast), (places.1, slow), "{columns} of {text}");
            }
        }
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let text = "é".repeat(88);
        assert_eq!(wrapped(&text, 120), [text]);
    }
}
