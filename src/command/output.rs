//! Where a view's octets go: a file or the standard output, in large pieces, and before every wait for input.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::{Failure, shown};

/// Octets collected before they are written.
const PIECE: usize = 64 << 10;

/// An output that ends quietly when its reader goes away.
pub(super) struct Output {
    writer: Box<dyn Write>,
    /// What views append to.
    pub(super) buffer: Vec<u8>,
    closed: bool,
    failed: Option<io::Error>,
}

impl Output {
    /// Opens `path`, or the standard output. A file among `inputs` is never overwritten.
    pub(super) fn open(path: Option<&Path>, inputs: &[impl AsRef<Path>]) -> Result<Self, Failure> {
        let writer: Box<dyn Write> = match path {
            None => Box::new(io::stdout()),
            Some(path) => {
                let name = shown(&path.display().to_string());
                if inputs.iter().any(|input| is_same(input.as_ref(), path)) {
                    let message = format!("will not write to {name}: it is being read; name another file with -o");
                    return Err(Failure::new(Failure::USAGE, message));
                }
                let file = File::create(path).map_err(|error| {
                    Failure::new(Failure::USAGE, format!("cannot write to {name}: {error}; name another file with -o"))
                })?;
                Box::new(file)
            }
        };
        Ok(Self { writer, buffer: Vec::with_capacity(PIECE * 2), closed: false, failed: None })
    }

    /// Writes what was collected if it is much.
    pub(super) fn write_if_full(&mut self) {
        if self.buffer.len() >= PIECE {
            self.flush();
        }
    }

    /// Writes what was collected.
    pub(super) fn flush(&mut self) {
        if self.is_open() && !self.buffer.is_empty() {
            let written = self.writer.write_all(&self.buffer).and_then(|()| self.writer.flush());
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.closed = true,
                Err(error) => self.failed = Some(error),
            }
        }
        self.buffer.clear();
    }

    /// Whether anybody still reads.
    pub(super) const fn is_open(&self) -> bool {
        !self.closed && self.failed.is_none()
    }

    /// Why it cannot be written; `None` also where only its reader went away.
    pub(super) const fn error(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    /// Writes the rest.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.flush();
        match self.failed {
            None => Ok(()),
            Some(error) => Err(Failure::new(
                Failure::OUTPUT,
                format!("cannot write the output: {error}; make room or name another file with -o"),
            )),
        }
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let (Ok(a), Ok(b)) = (a.metadata(), b.metadata()) {
            return (a.dev(), a.ino()) == (b.dev(), b.ino());
        }
    }
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
