//! What the protobuf tests share: fixtures, a tree of files in memory, one-call decoding.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use framescope::protobuf::decode::Decoder;
use framescope::protobuf::schema::{Disk, FileKind, Files, Inputs, MessageId, Schema, Warning};

/// A path below `fixtures/protobuf`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/protobuf").join(path)
}

pub fn payload(name: &str) -> Vec<u8> {
    let path = fixture("payloads").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The schema of the fixtures, loaded without a warning.
pub fn lab() -> Schema {
    let inputs = Inputs { protos: vec![fixture("../proto")], ..Inputs::default() };
    let (schema, warnings) = Schema::load(&inputs, &Disk).unwrap();
    assert_eq!(warnings, []);
    schema
}

pub fn id(schema: &Schema, name: &str) -> MessageId {
    schema.message(name).unwrap_or_else(|| panic!("no {name}"))
}

/// The JSON text of a message, and its error.
pub fn json(schema: &Schema, name: &str, octets: &[u8]) -> (String, Option<String>) {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let report = decoder.json(schema, id(schema, name), octets, &mut out);
    let mut error = String::new();
    let error = report.write_error(&mut error).then_some(error);
    (String::from_utf8(out).unwrap(), error)
}

pub fn parsed(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Files in memory.
#[derive(Default)]
pub struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    pub fn of(files: &[(&str, &str)]) -> Self {
        let entry = |(path, text): &(&str, &str)| (PathBuf::from(path), text.as_bytes().to_vec());
        Self(files.iter().map(entry).collect())
    }

    pub fn with(mut self, path: &str, octets: Vec<u8>) -> Self {
        self.0.insert(path.into(), octets);
        self
    }

    /// Loads what `--proto` gets.
    pub fn load(&self, protos: &[&str]) -> (Schema, Vec<Warning>) {
        let inputs = Inputs { protos: protos.iter().map(PathBuf::from).collect(), ..Inputs::default() };
        Schema::load(&inputs, self).unwrap()
    }
}

impl Files for Memory {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        if self.0.contains_key(path) {
            return Some(FileKind::File);
        }
        let inside = |file: &&PathBuf| file.starts_with(path) && *file != path;
        self.0.keys().find(inside).map(|_| FileKind::Directory)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let below = |file: &PathBuf| {
            let rest = file.strip_prefix(directory).ok()?;
            Some(directory.join(rest.components().next()?))
        };
        let names: BTreeSet<PathBuf> = self.0.keys().filter_map(below).collect();
        Ok(names.into_iter().collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        self.0.get(path).cloned().ok_or_else(missing)
    }
}
