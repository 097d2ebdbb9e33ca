//! A schema's files as the pool of descriptors that `prost-reflect` works with, and which of them it cannot take.
//!
//! The pool is stricter than our own linker: every import must be there, and it knows no edition. A file of an edition is
//! [lowered](super::lower); one that the pool refuses is left out with its reason, and with it those that import it.

use std::collections::{HashMap, HashSet};

use prost_reflect::DescriptorPool;
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::Type;
use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto, UninterpretedOption};

use super::lower::lower;
use crate::protobuf::schema::{Descriptor, Schema};

/// What became of a schema's files.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    pub(super) descriptors: DescriptorPool,
    /// Why a file is not in it, by the file's name.
    pub(super) refused: HashMap<String, String>,
    /// The files of an edition, which are there as something else.
    pub(super) lowered: HashSet<String>,
    /// The file of each message that is not in it, by full name.
    pub(super) lost: HashMap<String, String>,
}

impl Pool {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut files: HashMap<&str, Waiting<'_>> = HashMap::new();
        for file in schema.descriptors() {
            if let Ok(read) = FileDescriptorProto::decode(file.octets.as_slice()) {
                files.entry(&file.name).or_insert(Waiting { file, read, entered: false });
            }
        }
        let mut pool = Self::default();
        for file in schema.descriptors() {
            pool.enter(&file.name, &mut files, schema);
        }
        pool
    }

    /// Adds a file behind all that it imports. Files are visited by a list of our own: imports may be long chains.
    fn enter(&mut self, name: &str, files: &mut HashMap<&str, Waiting<'_>>, schema: &Schema) {
        let mut visits = vec![name.to_owned()];
        while let Some(name) = visits.last().cloned() {
            let Some(waiting) = files.get_mut(name.as_str()).filter(|waiting| !waiting.entered) else {
                let done = self.descriptors.get_file_by_name(&name).is_some() || self.refused.contains_key(&name);
                if let Some(waiting) = files.get(name.as_str()).filter(|_| !done) {
                    let outcome = self.add(waiting, schema);
                    if let Err(why) = outcome {
                        self.lose(&waiting.read);
                        self.refused.insert(name.clone(), why);
                    }
                }
                visits.pop();
                continue;
            };
            waiting.entered = true;
            visits.extend(waiting.read.dependency.clone());
        }
    }

    fn add(&mut self, Waiting { file, read, .. }: &Waiting<'_>, schema: &Schema) -> Result<(), String> {
        for import in &read.dependency {
            if let Some(why) = self.refused.get(import) {
                // The reason at the root says it all.
                let why = why.rsplit_once(": ").map_or(why.as_str(), |(_, why)| why);
                return Err(format!("it imports {import}, which cannot be used: {why}"));
            }
        }
        let name = file.name.as_str();
        if read.name() != name || !read.message_type.iter().all(has_sound_maps) {
            return Err("it is damaged".to_owned());
        }
        // The pool panics at editions.
        if file.edition || read.syntax() == "editions" {
            let mut read = read.clone();
            lower(&mut read, schema);
            without_custom_options(&mut read);
            self.lowered.insert(name.to_owned());
            return self.descriptors.add_file_descriptor_proto(read).map_err(|error| error.to_string());
        }
        if self.descriptors.decode_file_descriptor_proto(file.octets.as_slice()).is_ok() {
            return Ok(());
        }
        // Options that nothing defines do not matter here.
        let mut read = read.clone();
        without_custom_options(&mut read);
        self.descriptors.add_file_descriptor_proto(read).map_err(|error| error.to_string())
    }

    fn lose(&mut self, file: &FileDescriptorProto) {
        fn names(scope: &str, messages: &[DescriptorProto], out: &mut Vec<String>) {
            for message in messages {
                let name =
                    if scope.is_empty() { message.name().to_owned() } else { format!("{scope}.{}", message.name()) };
                names(&name, &message.nested_type, out);
                out.push(name);
            }
        }
        let mut lost = Vec::new();
        names(file.package(), &file.message_type, &mut lost);
        for name in lost {
            self.lost.entry(name).or_insert_with(|| file.name().to_owned());
        }
    }
}

struct Waiting<'a> {
    file: &'a Descriptor,
    read: FileDescriptorProto,
    entered: bool,
}

/// Whether each map entry has a key of a type that keys may have, and a value: the pool takes that for granted.
fn has_sound_maps(message: &DescriptorProto) -> bool {
    let is_map = message.options.as_ref().is_some_and(|options| options.map_entry());
    let field = |number| message.field.iter().find(|field| field.number() == number);
    let sound = || {
        let key = field(1).and_then(|key| key.r#type.and_then(|kind| Type::try_from(kind).ok()));
        let forbidden = [Type::Double, Type::Float, Type::Bytes, Type::Enum, Type::Message, Type::Group];
        message.field.len() == 2 && field(2).is_some() && key.is_some_and(|key| !forbidden.contains(&key))
    };
    (!is_map || sound()) && message.nested_type.iter().all(has_sound_maps)
}

/// Leaves out options that an extension defines: `[(validate.rules).string.min_len = 1]`.
fn without_custom_options(file: &mut FileDescriptorProto) {
    fn prune(options: Option<&mut Vec<UninterpretedOption>>) {
        if let Some(options) = options {
            options.retain(|option| !option.name.iter().any(|part| part.is_extension));
        }
    }
    fn message(item: &mut DescriptorProto) {
        prune(item.options.as_mut().map(|options| &mut options.uninterpreted_option));
        for field in item.field.iter_mut().chain(&mut item.extension) {
            prune(field.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
        for oneof in &mut item.oneof_decl {
            prune(oneof.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
        for range in &mut item.extension_range {
            prune(range.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
        item.enum_type.iter_mut().for_each(enumeration);
        item.nested_type.iter_mut().for_each(message);
    }
    fn enumeration(item: &mut prost_reflect::prost_types::EnumDescriptorProto) {
        prune(item.options.as_mut().map(|options| &mut options.uninterpreted_option));
        for value in &mut item.value {
            prune(value.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
    }
    prune(file.options.as_mut().map(|options| &mut options.uninterpreted_option));
    for field in &mut file.extension {
        prune(field.options.as_mut().map(|options| &mut options.uninterpreted_option));
    }
    file.message_type.iter_mut().for_each(message);
    file.enum_type.iter_mut().for_each(enumeration);
    for service in &mut file.service {
        prune(service.options.as_mut().map(|options| &mut options.uninterpreted_option));
        for method in &mut service.method {
            prune(method.options.as_mut().map(|options| &mut options.uninterpreted_option));
        }
    }
}
