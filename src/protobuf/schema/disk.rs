//! The file system as the schema loader sees it: the one place of this room that opens files, handed in by the command.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::files::{FileKind, Files};

/// The files of this machine. Files larger than 64 MiB are refused: no schema is that large.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        let metadata = fs::metadata(path).ok()?;
        Some(if metadata.is_dir() { FileKind::Directory } else { FileKind::File })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if fs::metadata(path)?.len() > MAX_FILE {
            return Err(io::Error::other("larger than 64 MiB"));
        }
        fs::read(path)
    }

    fn identity(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }
}

const MAX_FILE: u64 = 64 << 20;
