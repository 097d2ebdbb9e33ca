//! Where a view's octets go: a file or the standard output, in large pieces, and before every wait for input.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::drive::words;
use super::{Failure, shown};
use crate::cli::SchemaArgs;

/// Octets collected before they are written.
const PIECE: usize = 64 << 10;

/// An output that ends quietly when its reader goes away.
pub(super) struct Output {
    writer: Box<dyn Write>,
    /// A file whose earlier contents go when something is written.
    earlier: Option<File>,
    /// What views append to.
    pub(super) buffer: Vec<u8>,
    closed: bool,
    failed: Option<io::Error>,
}

impl Output {
    /// Opens `path`, or the standard output. A file among `inputs` or of the schema is never overwritten, and what stands in another
    /// one stays until there is something to write.
    pub(super) fn open(path: Option<&Path>, inputs: &[PathBuf], schema: &SchemaArgs) -> Result<Self, Failure> {
        let (writer, earlier): (Box<dyn Write>, _) = match path {
            None => (Box::new(io::stdout()), None),
            Some(path) => {
                let file = writable(path, "-o", inputs, schema)?;
                let earlier = file.try_clone().ok().filter(|file| file.metadata().is_ok_and(|is| is.is_file()));
                (Box::new(file), earlier)
            }
        };
        Ok(Self { writer, earlier, buffer: Vec::with_capacity(PIECE * 2), closed: false, failed: None })
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
            let emptied = self.earlier.take().map_or(Ok(()), |file| file.set_len(0));
            let written = emptied.and_then(|()| self.writer.write_all(&self.buffer)).and_then(|()| self.writer.flush());
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
                format!("cannot write the output: {}; make room or name another file with -o", words(&error)),
            )),
        }
    }
}

/// Opens a file that `option` names, without emptying it, unless it is one of those that are read.
fn writable(path: &Path, option: &str, inputs: &[PathBuf], schema: &SchemaArgs) -> Result<File, Failure> {
    let name = shown(&path.display().to_string());
    if inputs.iter().any(|input| is_same(input, path)) || is_of_schema(path, schema) {
        let message = format!("will not write to {name}: it is being read; name another file with {option}");
        return Err(Failure::new(Failure::USAGE, message));
    }
    File::options().write(true).create(true).truncate(false).open(path).map_err(|error| {
        let why = words(&error);
        Failure::new(Failure::OUTPUT, format!("cannot write to {name}: {why}; name another file with {option}"))
    })
}

/// Refuses a trace and a capture in one file.
pub(super) fn apart(write: Option<&Path>, output: Option<&Path>) -> Result<(), Failure> {
    let (Some(write), Some(output)) = (write, output) else { return Ok(()) };
    let is_file = || write.metadata().is_ok_and(|is| is.is_file());
    if write == output || (is_same(write, output) && is_file()) {
        let message = "-w and -o name the same file: the trace needs one of its own";
        return Err(Failure::new(Failure::USAGE, message));
    }
    Ok(())
}

/// Creates the capture that `-w` names, unless it is read.
pub(super) fn create_capture(path: &Path, schema: &SchemaArgs) -> Result<File, Failure> {
    let file = writable(path, "-w", &[], schema)?;
    if file.metadata().is_ok_and(|is| is.is_file()) {
        let cannot = |error| {
            Failure::new(
                Failure::OUTPUT,
                format!("cannot write the capture: {}; name another file with -w", words(&error)),
            )
        };
        file.set_len(0).map_err(cannot)?;
    }
    Ok(file)
}

/// Whether a schema is, or may be, read from this file: a directory that is given is searched whole.
fn is_of_schema(path: &Path, schema: &SchemaArgs) -> bool {
    let SchemaArgs { proto, import_path, descriptor_set } = schema;
    let given = || [proto, import_path, descriptor_set].into_iter().flatten();
    let searched = || {
        let path = path.canonicalize().ok().filter(|path| path.extension().is_some_and(|kind| kind == "proto"));
        path.is_some_and(|path| given().any(|given| given.canonicalize().is_ok_and(|given| path.starts_with(given))))
    };
    given().any(|given| is_same(given, path)) || searched()
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
