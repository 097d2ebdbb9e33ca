//! What the numbers on the wire are called: .proto files, directories of them and descriptor sets, compiled for the walk.
//!
//! [`Schema::load`] takes every input at once, infers import roots, and turns what it cannot use into [`Warning`]s rather
//! than giving up. Well-known types and `google.rpc` are always there. It opens no file itself: [`Files`] does, and
//! [`Disk`] is the one implementation over the file system.

mod builtin;
mod descriptor;
mod disk;
mod features;
mod files;
mod link;
mod load;
mod source;
mod table;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;

pub use disk::Disk;
pub use files::{FileKind, Files};
pub use table::{EnumId, MessageId};
pub(crate) use table::{Field, Kind, Label, Message, Shape, Table};

/// Every message type and method the inputs define.
#[derive(Clone, Debug)]
pub struct Schema {
    table: Table,
    methods: Methods,
    given: bool,
    descriptors: Vec<Descriptor>,
}

/// One file of a schema as a `FileDescriptorProto`, for whoever needs all of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Descriptor {
    /// What other files import it by.
    pub name: String,
    /// The octets, without the places of declarations. Names of types and options are as written where the file was a
    /// .proto, resolved where it was in a descriptor set.
    pub octets: Vec<u8>,
    /// Whether its `syntax` is an edition's.
    pub edition: bool,
    /// Whether it was in a descriptor set.
    pub resolved: bool,
}

/// Where the schema comes from, as the command line names it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inputs {
    /// `--proto`: .proto files, or directories that are searched whole.
    pub protos: Vec<PathBuf>,
    /// `-I`: directories that imports are relative to; searched whole too.
    pub import_paths: Vec<PathBuf>,
    /// `--descriptor-set`: files that hold a binary `FileDescriptorSet`.
    pub descriptor_sets: Vec<PathBuf>,
}

impl Inputs {
    /// Whether nothing was asked for: the built-in types alone.
    pub fn is_empty(&self) -> bool {
        self.protos.is_empty() && self.import_paths.is_empty() && self.descriptor_sets.is_empty()
    }
}

impl Schema {
    /// The well-known types and `google.rpc`, for use without any input.
    pub fn builtin() -> Self {
        let mut linker = link::Linker::default();
        let descriptors = builtin::add_to(&mut linker, &HashSet::new(), &HashSet::new());
        Self::from_linked(linker.link(), descriptors, false).0
    }

    /// Loads every input. Each problem that leaves something to use is a warning.
    ///
    /// # Errors
    /// When inputs are given and not one file of them can be used (exit code 5).
    pub fn load(inputs: &Inputs, files: &dyn Files) -> Result<(Self, Vec<Warning>), Error> {
        load::load(inputs, files)
    }

    /// The method of a `:path` such as `/pkg.Service/Method`: one hash, no allocation.
    pub fn method(&self, path: &str) -> Option<&MethodInfo> {
        self.method_of(path.as_bytes())
    }

    /// The same for a path as it stood on the wire, which may be no text.
    pub fn method_of(&self, path: &[u8]) -> Option<&MethodInfo> {
        self.methods.get(path)
    }

    /// Every method, in no particular order.
    pub fn methods(&self) -> impl Iterator<Item = &MethodInfo> {
        self.methods.values()
    }

    /// The message of a full name without leading dot, such as `google.rpc.Status`.
    pub fn message(&self, full_name: &str) -> Option<MessageId> {
        self.table.named(full_name)
    }

    /// The full name of a message; empty for an id of another schema.
    pub fn message_name(&self, id: MessageId) -> &str {
        &self.table.message(id).name
    }

    /// How many message types there are, built-in ones included.
    pub fn message_count(&self) -> usize {
        self.table.messages.len()
    }

    /// Whether any input was loaded; `false` for the built-in types alone.
    pub fn is_given(&self) -> bool {
        self.given
    }

    /// Every file, in no particular order; built-in ones included.
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    fn from_linked(linked: link::Linked, descriptors: Vec<Descriptor>, given: bool) -> (Self, Vec<Warning>) {
        let schema = Self { table: linked.table, methods: linked.methods, given, descriptors };
        (schema, linked.warnings)
    }
}

/// Methods by path; looked up for every message.
type Methods = HashMap<Box<[u8]>, MethodInfo, foldhash::fast::RandomState>;

/// One RPC method as its service declares it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MethodInfo {
    /// `/pkg.Service/Method`.
    pub path: Box<str>,
    /// `pkg.Service`.
    pub service: Box<str>,
    /// `Method`.
    pub method: Box<str>,
    /// The type of requests; `None` when nothing defines it.
    pub input: Option<MessageId>,
    /// The type of responses; `None` when nothing defines it.
    pub output: Option<MessageId>,
    /// Whether the client sends any number of requests.
    pub client_streaming: bool,
    /// Whether the server sends any number of responses.
    pub server_streaming: bool,
}

/// A part of the inputs that could not be used, or not fully. Displays as `file:line:col: what`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// The file, as given or found.
    pub file: String,
    /// Line and column from 1, where known.
    pub place: Option<(u32, u32)>,
    /// What is wrong, and what follows from it.
    pub what: String,
}

impl Warning {
    fn new(file: &str, place: Option<(u32, u32)>, what: String) -> Self {
        let file = file.to_owned();
        Self { file, place, what }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// None of the inputs can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no usable schema: {}", self.first())]
pub struct Error {
    /// What is wrong with each input.
    pub warnings: Vec<Warning>,
}

impl Error {
    fn first(&self) -> String {
        let first = self.warnings.first().map(Warning::to_string);
        first.unwrap_or_else(|| "the inputs hold no .proto file".to_owned())
    }
}

/// The line and column, from 1, of a declaration by its path in `SourceCodeInfo`, or of what encloses it.
fn source_place(file: &descriptor::File, path: &[i32]) -> Option<(u32, u32)> {
    let mut path = path;
    loop {
        let found = file.locations.iter().find(|location| location.path == path);
        if let Some(&[line, column, ..]) = found.map(|location| location.span.as_slice()) {
            let from_one = |n: i32| u32::try_from(n).unwrap_or(0).saturating_add(1);
            return Some((from_one(line), from_one(column)));
        }
        path = path.split_last()?.1;
    }
}
