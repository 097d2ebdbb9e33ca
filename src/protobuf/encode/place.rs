//! Where in a JSON text something stands: its line, its column, and the path of keys that leads there.

/// A step from a value to one inside it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// The token of a JSON text that an offset lies in or right behind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) path: Vec<Step>,
    /// Where the token starts, in octets.
    pub(super) start: usize,
}

impl Place {
    /// Finds the last token that starts before `end` octets of the text, which need not be JSON behind it.
    pub(super) fn find(text: &str, end: usize) -> Self {
        let octets = text.as_bytes();
        let mut open: Vec<Open> = Vec::new();
        let mut at = 0_usize;
        let mut start = 0;
        while let Some(octet) = octets.get(at).filter(|_| at < end) {
            let mut next = at.saturating_add(1);
            match octet {
                b' ' | b'\t' | b'\r' | b'\n' | b':' => {
                    at = next;
                    continue;
                }
                b',' => {
                    match open.last_mut() {
                        Some(Open::Array(index)) => *index = index.saturating_add(1),
                        Some(Open::Object(key)) => *key = None,
                        None => {}
                    }
                    at = next;
                    continue;
                }
                b'{' => open.push(Open::Object(None)),
                b'[' => open.push(Open::Array(0)),
                b'}' | b']' => {
                    open.pop();
                }
                b'"' => {
                    next = string_end(octets, next);
                    if let Some(Open::Object(key @ None)) = open.last_mut() {
                        let quoted = text.get(at..next).unwrap_or_default();
                        *key = Some(serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned()));
                    }
                }
                _ => {
                    let is_over = |octet: &u8| b" \t\r\n:,{}[]\"".contains(octet);
                    while octets.get(next).is_some_and(|octet| !is_over(octet)) {
                        next = next.saturating_add(1);
                    }
                }
            }
            start = at;
            at = next;
        }
        let path = open.into_iter().filter_map(|open| match open {
            Open::Object(key) => key.map(Step::Key),
            Open::Array(index) => Some(Step::Index(index)),
        });
        Self { path: path.collect(), start }
    }
}

/// What is open where the walk stands.
enum Open {
    /// An object, and the key whose value is next.
    Object(Option<String>),
    /// An array, and the index of what is next.
    Array(usize),
}

fn string_end(octets: &[u8], mut at: usize) -> usize {
    while let Some(octet) = octets.get(at) {
        at = at.saturating_add(if *octet == b'\\' { 2 } else { 1 });
        if *octet == b'"' {
            break;
        }
    }
    at.min(octets.len())
}

/// The offset of a line and column as `serde_json` counts them: the column is how many octets of the line are read.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let start = line_start(text, line);
    start.saturating_add(column).min(text.len())
}

fn line_start(text: &str, line: usize) -> usize {
    let breaks = text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n').map(|(at, _)| at.saturating_add(1));
    line.checked_sub(2).map_or(0, |skipped| breaks.into_iter().nth(skipped).unwrap_or(text.len()))
}

/// Line and column, from 1, of an offset; columns are characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let octets = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let before = String::from_utf8_lossy(octets);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (line, column.saturating_add(1))
}

/// `pt.items[2].name`; keys that are no names in quotes.
pub(super) fn shown(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Index(index) => out.push_str(&format!("[{index}]")),
            Step::Key(key) if !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Key(key) => out.push_str(&format!("[{key:?}]")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_at(text: &str, marked: &str) -> (String, usize) {
        let end = text.find(marked).unwrap() + marked.len();
        let place = Place::find(text, end);
        (shown(&place.path), place.start)
    }

    #[test]
    fn the_path_of_a_token_names_keys_and_counts_elements() {
        let text = r#"{"a": {"b": [1, {"c d": "x\"}"}]}, "e": tru}"#;
        assert_eq!(path_at(text, "1"), ("a.b[0]".to_owned(), 13));
        assert_eq!(path_at(text, r#""x\"}""#), (r#"a.b[1]["c d"]"#.to_owned(), 24));
        assert_eq!(path_at(text, "tru").0, "e");
        assert_eq!(path_at(text, "]}").0, "a");
        assert_eq!(Place::find("", 7), Place::default());
        assert_eq!(Place::find("\"\\", 7).path, []);
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let text = "{\n  \"ä\": x}";
        assert_eq!(offset(text, 2, 8), 10);
        assert_eq!(line_and_column(text, 2), (2, 1));
        assert_eq!(line_and_column(text, 9), (2, 7));
    }
}
