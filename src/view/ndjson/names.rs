//! `path`, `service` and `method` of calls: those of a path that comes again and again are copied, not made anew.

use super::write::{key, string, string_or_hex};
use crate::grpc::path::MethodPath;
use crate::write::is_plain;

/// Paths as JSON. Holds at most [`PLACES`] times a few times [`LONGEST`] octets.
#[derive(Debug)]
pub(super) struct Names {
    kept: [Kept; PLACES],
}

/// Paths kept at once; each has one place, which the last one takes.
const PLACES: usize = 64;
/// Octets of the longest path that is kept.
const LONGEST: usize = 256;

/// A path and what is written for it; nothing is kept for the empty path.
#[derive(Debug, Default)]
struct Kept {
    path: Vec<u8>,
    json: Vec<u8>,
}

impl Default for Names {
    fn default() -> Self {
        Self { kept: std::array::from_fn(|_| Kept::default()) }
    }
}

impl Names {
    /// Appends what `path` says.
    pub(super) fn write(&mut self, path: &[u8], out: &mut Vec<u8>) {
        let Some(kept) = self.kept.get_mut(place(path) % PLACES).filter(|_| (1..=LONGEST).contains(&path.len())) else {
            return names(path, out);
        };
        if kept.path != path {
            kept.json.clear();
            names(path, &mut kept.json);
            kept.path.clear();
            kept.path.extend_from_slice(path);
        }
        out.extend_from_slice(&kept.json);
    }
}

/// Methods of one service differ in their lengths and in their last octets.
fn place(path: &[u8]) -> usize {
    let last = path.last_chunk().map_or(0, |octets| u32::from_le_bytes(*octets));
    (last.wrapping_mul(0x9e37_79b1) >> 16) as usize ^ path.len()
}

fn names(path: &[u8], out: &mut Vec<u8>) {
    string_or_hex(out, (key!("path"), key!("path_hex")), path);
    // A path that is not text is shown once, in hex.
    if let Some(MethodPath { service, method }) = MethodPath::split(path)
        && (is_plain(path) || std::str::from_utf8(path).is_ok())
    {
        string(out, key!("service"), service);
        string(out, key!("method"), method);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_alike_however_often_and_after_whatever_others() {
        let mut kept = Names::default();
        let long = [b"/".as_slice(), &[b'a'; LONGEST], b"/b"].concat();
        for path in [b"/a.B/C".as_slice(), b"/a.B/C", b"", b"/a.B/C", b"/\"/\n", b"/\xff/a", &long, b"x", b"/a.B/C"] {
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            names(path, &mut expected);
            kept.write(path, &mut written);
            assert_eq!(written, expected);
        }
    }
}
