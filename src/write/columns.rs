//! How wide text is on a terminal.

use unicode_width::UnicodeWidthStr as _;

/// The columns that `text` takes, which was made to be shown: two for each wide character (CJK, emoji), none for a combining mark.
#[must_use]
pub fn columns(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.utf8_chunks().fold(0_usize, |sum, chunk| sum.saturating_add(chunk.valid().width()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns_and_combining_marks_none() {
        for (text, width) in [("abc", 3), ("漢字", 4), ("é", 1), ("e\u{301}", 1), ("😀!", 3), ("…", 1)] {
            assert_eq!(columns(text.as_bytes()), width, "{text}");
        }
    }
}
