//! The text of a .proto file to the octets of its descriptor.
//!
//! `protox-parse` parses proto2 and proto3. A file of an edition is first rewritten in place into the proto3 that parses
//! the same (labels, options and numbers keep line and column); the edition is then said in the descriptor, where
//! `features` gives the declarations their meaning. Names are not resolved here.

use std::ops::Range;

use prost::Message as _;

/// Parses the text and returns an encoded `FileDescriptorProto` whose names are unresolved and options uninterpreted, with
/// the place of every declaration if `places` are wanted.
///
/// # Errors
/// `line:col: what` (from 1), or only `what` where no place is known.
pub(super) fn compile(name: &str, text: &str, places: bool) -> Result<Vec<u8>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let edition = Edition::lower(text);
    let text = edition.as_ref().map_or(text, |edition| &edition.text);
    let mut file = protox_parse::parse(name, text).map_err(|error| {
        let place = error.span().map(|span| place(text, span.start));
        match place {
            Some((line, column)) => format!("{line}:{column}: {error}"),
            None => error.to_string(),
        }
    })?;
    if !places {
        file.source_code_info = None;
    }
    let mut octets = file.encode_to_vec();
    if let Some(edition) = edition {
        // Appended fields win: syntax (12) and edition (14).
        octets.extend_from_slice(b"\x62\x08editions\x70");
        prost::encoding::encode_varint(edition.number, &mut octets);
    }
    Ok(octets)
}

/// Line and column, from 1, of an octet offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
    let column = before.get(start..).unwrap_or_default().chars().count();
    (line, column.saturating_add(1))
}

/// A file of an edition, rewritten as proto3.
struct Edition {
    number: u64,
    text: String,
}

impl Edition {
    /// `None` if the file does not start with `edition = "..."`.
    fn lower(text: &str) -> Option<Self> {
        let mut words = Words { text, at: 0 };
        let first = words.next().filter(|word| text.get(word.clone()) == Some("edition"))?;
        words.next().filter(|word| text.get(word.clone()) == Some("="))?;
        let value = words.next()?;
        let year = text.get(value.clone())?.trim_matches(['"', '\'']);
        let number = match year {
            "2023" => 1000,
            // Those after it change nothing on the wire so far.
            _ if year.parse::<u32>().is_ok() => 1001,
            _ => return None,
        };
        let mut out = text.to_owned();
        let mut edits: Vec<(Range<usize>, &str)> = vec![(first, "syntax "), (value, "\"proto3\"")];
        let mut before = ";";
        while let Some(word) = words.next() {
            let this = text.get(word.clone()).unwrap_or_default();
            let starts = matches!(before, ";" | "{" | "}");
            match this {
                // Identifiers instead of strings; nothing decodes by reserved names.
                "reserved" if starts => {
                    let mut end = word.end;
                    let mut names = true;
                    for inner in words.by_ref() {
                        let inner_text = text.get(inner.clone()).unwrap_or_default();
                        end = inner.end;
                        if inner_text == ";" {
                            break;
                        }
                        names &= !inner_text.starts_with(|c: char| c.is_ascii_digit() || c == '"');
                    }
                    if names {
                        edits.push((word.start..end, ""));
                    }
                    before = ";";
                    continue;
                }
                // Edition 2024: visibility, and imports for options alone.
                "export" | "local" if starts => {
                    edits.push((word, ""));
                    continue;
                }
                "option" if before == "import" => edits.push((word, "")),
                // proto3 forbids defaults; absent fields are not shown, so the value does not matter here.
                "default" if matches!(before, "[" | ",") => edits.push((word, "unused_")),
                _ => {}
            }
            before = this;
        }
        for (range, with) in edits.into_iter().rev() {
            let blank: String = text
                .get(range.clone())
                .unwrap_or_default()
                .chars()
                .map(|c| if c == '\n' { '\n' } else { ' ' })
                .collect();
            out.replace_range(range, if with.is_empty() { &blank } else { with });
        }
        Some(Self { number, text: out })
    }
}

/// Words, strings and single marks of a .proto file, comments left out.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let rest = self.text.get(self.at..)?;
            let first = rest.chars().next()?;
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end.saturating_add(2))
            } else if first == '"' || first == '\'' {
                string_length(rest, first)
            } else if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let start = self.at;
            self.at = start.saturating_add(length);
            let comment = rest.starts_with("//") || rest.starts_with("/*");
            if !comment && !first.is_whitespace() {
                return Some(start..self.at);
            }
        }
    }
}

/// The length of the string literal that `rest` starts with, quotes included.
fn string_length(rest: &str, quote: char) -> usize {
    let mut escaped = true; // the opening quote does not close it
    for (at, c) in rest.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote || c == '\n' {
            return at.saturating_add(1);
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edition_keeps_lines_and_columns_for_errors() {
        let text = "edition = \"2023\";\nmessage M {\n  reserved old,\n    older;\n  int32 a = 1 [default = 3];\n  int32 b = ;\n}";
        let error = compile("m.proto", text, true).unwrap_err();
        assert!(error.starts_with("6:13: "), "{error}");
    }

    #[test]
    fn words_inside_comments_and_strings_are_not_rewritten() {
        let text = "edition = \"2023\"; // reserved a;\noption java_package = \"; reserved x;\"; message M { string default = 1; }";
        let lowered = Edition::lower(text).unwrap();
        assert_eq!(lowered.number, 1000);
        assert!(lowered.text.contains("// reserved a;"));
        assert!(lowered.text.contains("\"; reserved x;\""));
        assert!(lowered.text.contains("string default = 1"));
        assert!(compile("m.proto", text, true).is_ok());
    }

    #[test]
    fn what_is_no_edition_is_left_alone() {
        assert!(Edition::lower("syntax = \"proto3\";").is_none());
        assert!(Edition::lower("/* edition = \"2023\"; */ syntax = \"proto2\";").is_none());
    }
}
