//! Lines that are wider than the terminal, broken between words.

use crate::write;

/// Breaks the line that begins at `from`, a length of `out`, so that it fits into `width` columns; what goes on below it begins at column
/// `indent`. A word that is wider than a line stays whole.
pub(super) fn fold(out: &mut Vec<u8>, from: usize, width: usize, indent: usize) {
    if columns(out.get(from..).unwrap_or_default()) <= width {
        return;
    }
    let line = out.split_off(from.min(out.len()));
    let mut rest = line.as_slice();
    let mut column = 0_usize;
    while !rest.is_empty() {
        let gap = rest.iter().take_while(|octet| **octet == b' ').count();
        let (_, behind) = rest.split_at_checked(gap).unwrap_or_default();
        let length = behind.iter().take_while(|octet| **octet != b' ').count();
        let (word, behind) = behind.split_at_checked(length).unwrap_or_default();
        let end = column.saturating_add(gap).saturating_add(columns(word));
        if end > width && column > indent {
            out.push(b'\n');
            write::spaces(out, indent);
            column = indent.saturating_add(columns(word));
        } else {
            write::spaces(out, gap);
            column = end;
        }
        out.extend_from_slice(word);
        rest = behind;
    }
}

/// The columns of text that has our own colours in it.
fn columns(text: &[u8]) -> usize {
    let mut parts = text.split(|octet| *octet == 0x1b);
    let first = parts.next().map_or(0, write::columns);
    parts.fold(first, |sum, part| {
        let shown = part.iter().position(|octet| *octet == b'm').and_then(|end| part.get(end.saturating_add(1)..));
        sum.saturating_add(write::columns(shown.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(line: &str, width: usize, indent: usize) -> String {
        let mut out = b"before\n".to_vec();
        fold(&mut out, 7, width, indent);
        out.extend_from_slice(line.as_bytes());
        fold(&mut out, 7, width, indent);
        String::from_utf8(out.split_off(7)).expect("UTF-8")
    }

    #[test]
    fn a_line_is_broken_between_words_and_goes_on_below() {
        assert_eq!(folded("  1  ->  one two three", 30, 4), "  1  ->  one two three");
        assert_eq!(folded("  1  ->  one two three", 16, 4), "  1  ->  one two\n    three");
        assert_eq!(folded("  1  ->  one    FLAG", 16, 4), "  1  ->  one\n    FLAG");
        assert_eq!(folded("  1  ->  \u{1b}[33mone two\u{1b}[0m", 16, 4), "  1  ->  \u{1b}[33mone two\u{1b}[0m");
        assert_eq!(folded("  1  ->  漢字漢字 x", 16, 4), "  1  ->\n    漢字漢字 x");
        assert_eq!(folded("  1 averylongwordthatfitsnowhere x", 16, 4), "  1 averylongwordthatfitsnowhere\n    x");
    }
}
