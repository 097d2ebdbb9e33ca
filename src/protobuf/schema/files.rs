//! What the loader asks of a file system, so that it opens nothing itself.

use std::io;
use std::path::{Path, PathBuf};

/// What stands at a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileKind {
    /// A file that can be read.
    File,
    /// A directory that can be listed.
    Directory,
}

/// A tree of files.
pub trait Files {
    /// What stands at the path, links followed; `None` for nothing.
    fn kind(&self, path: &Path) -> Option<FileKind>;

    /// The paths in a directory, each starting with `directory`, in any order.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// The whole of a file.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// One path for all the paths that lead to the same file. The path itself where that is unknown.
    fn identity(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}
