//! The files that every schema has: the well-known types, `descriptor.proto` and `google.rpc`.
//!
//! Their text in `builtin/` states names, numbers and types alone. A file of the same name among the inputs takes the
//! place of the built-in one.

use std::collections::HashSet;

use super::link::Linker;
use super::{Descriptor, descriptor, source};

/// Whether an import needs no input.
pub(super) fn has(import: &str) -> bool {
    FILES.iter().any(|(name, _)| *name == import)
}

/// Adds every built-in file that is not among `given`, and returns them: those about schemas, which are long, only if they
/// are `imported`.
pub(super) fn add_to(linker: &mut Linker, given: &HashSet<String>, imported: &HashSet<String>) -> Vec<Descriptor> {
    let mut descriptors = Vec::new();
    let wanted = ABOUT_SCHEMAS.iter().any(|name| imported.contains(*name));
    for (name, text) in FILES {
        if given.contains(*name) || (ABOUT_SCHEMAS.contains(name) && !wanted) {
            continue;
        }
        let Ok(octets) = source::compile(name, text, false) else { continue };
        if let Ok(file) = descriptor::read_file(&octets) {
            linker.add((*name).to_owned(), file, true);
            descriptors.push(Descriptor { name: (*name).to_owned(), octets, edition: false, resolved: false });
        }
    }
    descriptors
}

const ABOUT_SCHEMAS: [&str; 4] = [
    "google/protobuf/api.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/source_context.proto",
    "google/protobuf/type.proto",
];

macro_rules! files {
    ($($name:literal = $file:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("builtin/", $file)))),*]
    };
}

const FILES: &[(&str, &str)] = files! {
    "google/protobuf/any.proto" = "protobuf_any.proto",
    "google/protobuf/api.proto" = "protobuf_api.proto",
    "google/protobuf/descriptor.proto" = "protobuf_descriptor.proto",
    "google/protobuf/duration.proto" = "protobuf_duration.proto",
    "google/protobuf/empty.proto" = "protobuf_empty.proto",
    "google/protobuf/field_mask.proto" = "protobuf_field_mask.proto",
    "google/protobuf/source_context.proto" = "protobuf_source_context.proto",
    "google/protobuf/struct.proto" = "protobuf_struct.proto",
    "google/protobuf/timestamp.proto" = "protobuf_timestamp.proto",
    "google/protobuf/type.proto" = "protobuf_type.proto",
    "google/protobuf/wrappers.proto" = "protobuf_wrappers.proto",
    "google/rpc/code.proto" = "rpc_code.proto",
    "google/rpc/error_details.proto" = "rpc_error_details.proto",
    "google/rpc/status.proto" = "rpc_status.proto",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_file_compiles() {
        for (name, text) in FILES {
            let octets = source::compile(name, text, false).unwrap_or_else(|e| panic!("{name}: {e}"));
            descriptor::read_file(&octets).unwrap();
        }
    }
}
