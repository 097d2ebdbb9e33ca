//! Text of ours, made ready by the compiler: keys with values of which there are few.

/// A text with room behind it, so that whichever it is, the same number of octets is appended, and what is too much taken back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prepared {
    octets: [u8; ROOM],
    length: usize,
}

/// Octets of the longest text.
const ROOM: usize = 64;

impl Prepared {
    /// The text that `parts` make.
    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated by the compiler")]
    pub(super) const fn new(parts: &[&str]) -> Self {
        let (mut octets, mut length, mut part) = ([0; ROOM], 0, 0);
        while part < parts.len() {
            let text = parts[part].as_bytes();
            let mut at = 0;
            while at < text.len() {
                octets[length] = text[at];
                (length, at) = (length + 1, at + 1);
            }
            part += 1;
        }
        Self { octets, length }
    }

    /// Appends the text.
    #[inline(always)]
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write(&self.octets, self.length, out);
    }
}

/// Appends the first `length` octets of those that there are: all of them are, and what is too much is taken back.
#[inline(always)]
pub(super) fn write<const N: usize>(octets: &[u8; N], length: usize, out: &mut Vec<u8>) {
    let end = out.len().wrapping_add(length);
    out.extend_from_slice(octets);
    out.truncate(end);
}

/// The [`Prepared`] text that these parts make.
macro_rules! prepared {
    ($($part:expr),+) => {
        const { &$crate::view::ndjson::prepared::Prepared::new(&[$($part),+]) }
    };
}
pub(super) use prepared;

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_is_appended_without_the_room_behind_it() {
        let mut out = b"{".to_vec();
        prepared!("\"a\":", "1").write(&mut out);
        assert_eq!(out, b"{\"a\":1");
    }
}
