//! The .proto files of the built-in services, inside this program.

use std::io;
use std::path::{Path, PathBuf};

use crate::endpoint::example;
use crate::protobuf::schema::{FileKind, Files, Inputs, Schema};

/// Where the files would stand: imports are relative to it.
const ROOT: &str = "proto";

const FILES: [(&str, &str); 6] = [
    ("search.proto", example::PROTOS[0].1),
    ("stream.proto", example::PROTOS[1].1),
    ("framescope/echo.proto", include_str!("../../../proto/framescope/echo.proto")),
    ("grpc/health/v1/health.proto", include_str!("../../../proto/grpc/health/v1/health.proto")),
    ("grpc/reflection/v1/reflection.proto", include_str!("../../../proto/grpc/reflection/v1/reflection.proto")),
    (
        "grpc/reflection/v1alpha/reflection.proto",
        include_str!("../../../proto/grpc/reflection/v1alpha/reflection.proto"),
    ),
];

/// The schema of all built-in services.
#[must_use]
pub fn schema() -> Schema {
    let inputs = Inputs {
        protos: FILES.iter().map(|(name, _)| Path::new(ROOT).join(name)).collect(),
        import_paths: vec![PathBuf::from(ROOT)],
        descriptor_sets: Vec::new(),
    };
    // They are a part of this program, and tests see to it that they can be used.
    Schema::load(&inputs, &BuiltIn).map_or_else(|_| Schema::builtin(), |(schema, _)| schema)
}

struct BuiltIn;

impl BuiltIn {
    fn text(path: &Path) -> Option<&'static str> {
        let name = path.strip_prefix(ROOT).ok()?;
        FILES.iter().find(|(known, _)| name == Path::new(known)).map(|(_, text)| *text)
    }
}

impl Files for BuiltIn {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        if path == Path::new(ROOT) {
            return Some(FileKind::Directory);
        }
        Self::text(path).map(|_| FileKind::File)
    }

    fn list(&self, _directory: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Self::text(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
