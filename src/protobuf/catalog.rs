//! The files of schemas by name, by what they define, and by what they extend: what server reflection is asked for.
//!
//! How it is asked and answered is for the server to know.

use std::collections::{BTreeSet, HashMap, VecDeque};

use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::encode::Encoder;
use super::schema::Schema;

/// Files whose names are resolved, and where everything in them is defined.
#[derive(Debug, Default)]
pub struct Catalog {
    files: HashMap<String, File>,
    /// The file that defines a name: a message, field, oneof, enum, value, service, method or extension.
    symbols: HashMap<String, String>,
    /// The file that extends a type with a number.
    extensions: HashMap<String, Vec<(i32, String)>>,
}

#[derive(Debug)]
struct File {
    octets: Vec<u8>,
    imports: Vec<String>,
}

impl Catalog {
    /// Adds the files of a schema; those that have the name of one that is there already are left out. So are files of an
    /// edition, unless they were in a descriptor set: their names are not resolved.
    pub fn add(&mut self, schema: &Schema, encoder: &Encoder) {
        let resolved = schema.descriptors().iter().filter(|file| file.resolved).map(|file| file.octets.clone());
        for octets in resolved.chain(encoder.files()) {
            let Ok(file) = FileDescriptorProto::decode(octets.as_slice()) else { continue };
            if !self.files.contains_key(file.name()) {
                self.enter(&file);
                let imports = file.dependency.clone();
                self.files.insert(file.name().to_owned(), File { octets, imports });
            }
        }
    }

    /// The name of the file that defines a symbol, `pkg.Message.field`.
    #[must_use]
    pub fn defining(&self, symbol: &str) -> Option<&str> {
        self.symbols.get(symbol).map(String::as_str)
    }

    /// The name of the file that extends a message with a field of this number.
    #[must_use]
    pub fn extending(&self, message: &str, number: i32) -> Option<&str> {
        let extensions = self.extensions.get(message)?;
        extensions.iter().find(|(known, _)| *known == number).map(|(_, file)| file.as_str())
    }

    /// The numbers of all extensions of a message, ascending; `None` if there is no such message.
    #[must_use]
    pub fn extensions(&self, message: &str) -> Option<Vec<i32>> {
        let mut numbers: Vec<i32> = match self.extensions.get(message) {
            Some(extensions) => extensions.iter().map(|(number, _)| *number).collect(),
            None => self.symbols.get(message).map(|_| Vec::new())?,
        };
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }

    /// A file and all that it imports, at any remove, but for those in `sent`, to which they are added. The file itself
    /// always comes, and first. `None` if there is no such file.
    pub fn with_imports(&self, name: &str, sent: &mut BTreeSet<String>) -> Option<Vec<&[u8]>> {
        let file = self.files.get(name)?;
        sent.insert(name.to_owned());
        let mut octets = vec![file.octets.as_slice()];
        let mut seen: BTreeSet<&str> = [name].into();
        let mut queue: VecDeque<&str> = file.imports.iter().map(String::as_str).collect();
        while let Some(name) = queue.pop_front() {
            let Some(file) = self.files.get(name).filter(|_| seen.insert(name)) else { continue };
            if sent.insert(name.to_owned()) {
                octets.push(file.octets.as_slice());
            }
            queue.extend(file.imports.iter().map(String::as_str));
        }
        Some(octets)
    }

    fn enter(&mut self, file: &FileDescriptorProto) {
        let (name, package) = (file.name(), file.package());
        for message in &file.message_type {
            self.message(name, package, message);
        }
        for item in &file.enum_type {
            self.enumeration(name, package, item);
        }
        self.extension(name, package, &file.extension);
        for service in &file.service {
            let full = join(package, service.name());
            for method in &service.method {
                self.symbol(name, join(&full, method.name()));
            }
            self.symbol(name, full);
        }
    }

    fn message(&mut self, file: &str, scope: &str, message: &DescriptorProto) {
        let full = join(scope, message.name());
        let fields = message.field.iter().map(|field| field.name());
        for name in fields.chain(message.oneof_decl.iter().map(|oneof| oneof.name())) {
            self.symbol(file, join(&full, name));
        }
        for nested in &message.nested_type {
            self.message(file, &full, nested);
        }
        for item in &message.enum_type {
            self.enumeration(file, &full, item);
        }
        self.extension(file, &full, &message.extension);
        self.symbol(file, full);
    }

    fn enumeration(&mut self, file: &str, scope: &str, item: &EnumDescriptorProto) {
        for value in &item.value {
            // Values are siblings of their enum, as in C++.
            self.symbol(file, join(scope, value.name()));
        }
        self.symbol(file, join(scope, item.name()));
    }

    fn extension(&mut self, file: &str, scope: &str, fields: &[FieldDescriptorProto]) {
        for field in fields {
            self.symbol(file, join(scope, field.name()));
            let extended = field.extendee().trim_start_matches('.').to_owned();
            self.extensions.entry(extended).or_default().push((field.number(), file.to_owned()));
        }
    }

    fn symbol(&mut self, file: &str, name: String) {
        self.symbols.entry(name).or_insert_with(|| file.to_owned());
    }
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
