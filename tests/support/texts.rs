//! Schemas out of texts, without files.

use std::path::{Path, PathBuf};

use framescope::protobuf::schema::{FileKind, Files, Inputs, Schema};

struct Texts(Vec<(&'static str, &'static str)>);

impl Files for Texts {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        self.0.iter().any(|(name, _)| path == Path::new(name)).then_some(FileKind::File)
    }

    fn list(&self, _: &Path) -> std::io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let found = self.0.iter().find(|(name, _)| path == Path::new(name));
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

pub(crate) fn schema(files: &[(&'static str, &'static str)]) -> Schema {
    let inputs = Inputs { protos: files.iter().map(|(name, _)| name.into()).collect(), ..Inputs::default() };
    Schema::load(&inputs, &Texts(files.to_vec())).unwrap().0
}
