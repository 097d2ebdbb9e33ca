//! Text that nobody vouches for, made harmless for GitHub Flavored Markdown and for mermaid.
//!
//! Both start from the one-line form of [`write::escaped`]: no line breaks, no control characters.

use crate::write;

/// Appends text as a code span that may stand in a table cell: nothing in it is a link, a mention, HTML or the end of the cell
/// (GFM §4.10, §6.3). At most `most` characters of the text.
pub fn code(out: &mut Vec<u8>, text: &[u8], most: usize) {
    let mut line = Vec::new();
    write::escaped_within(&mut line, text, most);
    if line.is_empty() {
        return out.extend_from_slice(b"(empty)");
    }
    let ticks = longest_run(&line, b'`').saturating_add(1);
    let edge = |octet: Option<&u8>| matches!(octet, Some(b'`' | b' '));
    let apart = edge(line.first()) || edge(line.last());
    fence(out, b'`', ticks);
    out.extend_from_slice(if apart { b" " } else { b"" });
    for octet in &line {
        if *octet == b'|' {
            out.push(b'\\');
        }
        out.push(*octet);
    }
    out.extend_from_slice(if apart { b" " } else { b"" });
    fence(out, b'`', ticks);
}

/// Appends text as part of a message or note of a mermaid sequence diagram. Everything that may steer the parser (`;` and `#` end a
/// statement, `%%{` begins a directive, `<br>` and `\n` break the line, `$$` begins a formula) becomes an entity. At most `most` characters.
pub fn mermaid(out: &mut Vec<u8>, text: &[u8], most: usize) {
    let mut line = Vec::new();
    write::escaped_within(&mut line, text, most);
    for octet in line {
        match octet {
            b'0'..=b'9'
            | b'A'..=b'Z'
            | b'a'..=b'z'
            | b' '
            | b'.'
            | b'/'
            | b'_'
            | b'-'
            | b','
            | b'('
            | b')'
            | b'='
            | 0x80.. => out.push(octet),
            _ => {
                out.push(b'#');
                write::integer(out, u64::from(octet));
                out.push(b';');
            }
        }
    }
}

/// Appends the same octet `count` times.
pub fn fence(out: &mut Vec<u8>, octet: u8, count: usize) {
    out.extend(std::iter::repeat_n(octet, count));
}

/// The length of the longest run of an octet.
#[must_use]
pub fn longest_run(text: &[u8], octet: u8) -> usize {
    text.split(|other| *other != octet).map(<[u8]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("reports are UTF-8")
    }

    #[test]
    fn hostile_method_names_stay_inside_their_table_cell() {
        for (text, cell) in [
            (&b"/a.B/C"[..], "`/a.B/C`"),
            (b"", "(empty)"),
            (b"a|b", r"`a\|b`"),
            (br"a\|b", r"`a\\\|b`"),
            (b"`", "`` ` ``"),
            (b"a``b`", "``` a``b` ```"),
            (b" a", "`  a `"),
            (b"a\n| x |\r\n", r"`a\n\| x \|\r\n`"),
            (b"\x1b[31m<script>@team #1", r"`\x1b[31m<script>@team #1`"),
            ("end 🦀".as_bytes(), "`end 🦀`"),
        ] {
            assert_eq!(shown(|out| code(out, text, 100)), cell);
        }
        assert_eq!(shown(|out| code(out, b"abcdef", 3)), "`abc...`");
    }

    #[test]
    fn hostile_names_stay_inside_their_mermaid_statement() {
        for (text, message) in [
            (&b"/a.B/C"[..], "/a.B/C"),
            (b"a;b#c\"d", "a#59;b#35;c#34;d"),
            (b"a\nend\n", "a#92;nend#92;n"),
            (b"%%{init}%%", "#37;#37;#123;init#125;#37;#37;"),
            (b"<br>$$x$$", "#60;br#62;#36;#36;x#36;#36;"),
            ("🦀:".as_bytes(), "🦀#58;"),
        ] {
            assert_eq!(shown(|out| mermaid(out, text, 100)), message);
        }
    }

    #[test]
    fn the_longest_run_of_backticks_is_found_anywhere() {
        assert_eq!(longest_run(b"```a````b``", b'`'), 4);
        assert_eq!(longest_run(b"", b'`'), 0);
    }
}
