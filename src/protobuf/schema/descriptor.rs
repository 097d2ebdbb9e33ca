//! A `FileDescriptorProto` as far as decoding needs it, read from its octets (`google/protobuf/descriptor.proto`).
//!
//! A descriptor is a protobuf message, so our own reader reads it: descriptor sets of any edition, options still
//! uninterpreted, fields this program has never heard of. Damage ends the file's reading; nothing here resolves names.

use super::features::Features;
use crate::protobuf::wire::{DamageKind, Reader, Record, WireType};

/// One .proto file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) package: String,
    pub(super) dependencies: Vec<String>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) extensions: Vec<Field>,
    pub(super) services: Vec<Service>,
    pub(super) syntax: String,
    /// The `Edition` number; 0 when `syntax` alone says it.
    pub(super) edition: i32,
    pub(super) features: Features,
    pub(super) locations: Vec<Location>,
}

/// Where a declaration stands in the source: its path of field numbers and indexes, and its first line and column from 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Location {
    pub(super) path: Vec<i32>,
    pub(super) span: Vec<i32>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    pub(super) extensions: Vec<Field>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) oneofs: Vec<Oneof>,
    pub(super) features: Features,
    pub(super) map_entry: bool,
    pub(super) message_set: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Oneof {
    pub(super) name: String,
    pub(super) features: Features,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) number: i32,
    /// 1 optional, 2 required, 3 repeated; 0 when unsaid.
    pub(super) label: i32,
    /// `FieldDescriptorProto.Type`; 0 when only the type's name is known.
    pub(super) kind: i32,
    pub(super) type_name: String,
    pub(super) extendee: String,
    pub(super) oneof: Option<i32>,
    pub(super) proto3_optional: bool,
    pub(super) packed: Option<bool>,
    pub(super) features: Features,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Enum {
    pub(super) name: String,
    pub(super) values: Vec<(String, i32)>,
    pub(super) features: Features,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) methods: Vec<Method>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) input: String,
    pub(super) output: String,
    pub(super) client_streaming: bool,
    pub(super) server_streaming: bool,
}

/// Reads one `FileDescriptorProto`.
///
/// # Errors
/// When the octets are not one.
pub(super) fn read_file(octets: &[u8]) -> Result<File, DamageKind> {
    read_file_at(octets, 0)
}

/// Cuts a `FileDescriptorSet` into its files.
///
/// # Errors
/// When the octets are no such set.
pub(super) fn split_set(octets: &[u8]) -> Result<Vec<&[u8]>, DamageKind> {
    let mut files = Vec::new();
    let mut reader = Reader::new(octets);
    while let Some(record) = reader.record().map_err(|damage| damage.what)? {
        if record.number == 1 && record.wire == WireType::Len {
            files.push(octets.get(record.value_range()).unwrap_or_default());
        }
    }
    Ok(files)
}

/// The octets of one file under the name that others import it by, each import as `import` says, without the places of
/// declarations.
///
/// # Errors
/// When the octets are no `FileDescriptorProto`.
pub(super) fn renamed(octets: &[u8], name: &str, import: impl Fn(&str) -> String) -> Result<Vec<u8>, DamageKind> {
    let mut out = Vec::with_capacity(octets.len());
    put_text(1, name, &mut out);
    let mut reader = Reader::new(octets);
    while let Some(record) = reader.record().map_err(|damage| damage.what)? {
        let value = octets.get(record.value_range()).unwrap_or_default();
        match record.number {
            1 | 9 => {}
            3 => put_text(3, &import(&text(value)), &mut out),
            _ => out.extend_from_slice(octets.get(record.start..record.end).unwrap_or_default()),
        }
    }
    Ok(out)
}

fn put_text(number: u8, text: &str, out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    prost::encoding::encode_varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn read_file_at(octets: &[u8], depth: u32) -> Result<File, DamageKind> {
    let mut file = File::default();
    each(octets, depth, |record, value, depth| {
        match record.number {
            1 => file.name = text(value),
            2 => file.package = text(value),
            3 => file.dependencies.push(text(value)),
            4 => file.messages.push(read_message(value, depth)?),
            5 => file.enums.push(read_enum(value, depth)?),
            6 => file.services.push(read_service(value, depth)?),
            7 => file.extensions.push(read_field(value, depth)?),
            8 => file.features = read_options(value, depth, Owner::File)?.features,
            9 => each(value, depth, |record, value, depth| {
                if record.number == 1 {
                    file.locations.push(read_location(value, depth)?);
                }
                Ok(())
            })?,
            12 => file.syntax = text(value),
            14 => file.edition = record.bits as i32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(file)
}

fn read_message(octets: &[u8], depth: u32) -> Result<Message, DamageKind> {
    let mut message = Message::default();
    each(octets, depth, |record, value, depth| {
        match record.number {
            1 => message.name = text(value),
            2 => message.fields.push(read_field(value, depth)?),
            3 => message.messages.push(read_message(value, depth)?),
            4 => message.enums.push(read_enum(value, depth)?),
            6 => message.extensions.push(read_field(value, depth)?),
            7 => {
                let options = read_options(value, depth, Owner::Message)?;
                message.features = options.features;
                message.map_entry = options.map_entry;
                message.message_set = options.message_set;
            }
            8 => {
                let mut oneof = Oneof::default();
                each(value, depth, |record, value, depth| {
                    match record.number {
                        1 => oneof.name = text(value),
                        2 => oneof.features = read_options(value, depth, Owner::Oneof)?.features,
                        _ => {}
                    }
                    Ok(())
                })?;
                message.oneofs.push(oneof);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(message)
}

fn read_field(octets: &[u8], depth: u32) -> Result<Field, DamageKind> {
    let mut field = Field::default();
    each(octets, depth, |record, value, depth| {
        match record.number {
            1 => field.name = text(value),
            2 => field.extendee = text(value),
            3 => field.number = record.bits as i32,
            4 => field.label = record.bits as i32,
            5 => field.kind = record.bits as i32,
            6 => field.type_name = text(value),
            8 => {
                let options = read_options(value, depth, Owner::Field)?;
                field.features = options.features;
                field.packed = options.packed;
            }
            9 => field.oneof = Some(record.bits as i32),
            17 => field.proto3_optional = record.bits != 0,
            _ => {}
        }
        Ok(())
    })?;
    Ok(field)
}

fn read_enum(octets: &[u8], depth: u32) -> Result<Enum, DamageKind> {
    let mut item = Enum::default();
    each(octets, depth, |record, value, depth| {
        match record.number {
            1 => item.name = text(value),
            2 => {
                let mut entry = (String::new(), 0);
                each(value, depth, |record, value, _| {
                    match record.number {
                        1 => entry.0 = text(value),
                        2 => entry.1 = record.bits as i32,
                        _ => {}
                    }
                    Ok(())
                })?;
                item.values.push(entry);
            }
            3 => item.features = read_options(value, depth, Owner::Enum)?.features,
            _ => {}
        }
        Ok(())
    })?;
    Ok(item)
}

fn read_service(octets: &[u8], depth: u32) -> Result<Service, DamageKind> {
    let mut service = Service::default();
    each(octets, depth, |record, value, depth| {
        match record.number {
            1 => service.name = text(value),
            2 => {
                let mut method = Method::default();
                each(value, depth, |record, value, _| {
                    match record.number {
                        1 => method.name = text(value),
                        2 => method.input = text(value),
                        3 => method.output = text(value),
                        5 => method.client_streaming = record.bits != 0,
                        6 => method.server_streaming = record.bits != 0,
                        _ => {}
                    }
                    Ok(())
                })?;
                service.methods.push(method);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(service)
}

fn read_location(octets: &[u8], depth: u32) -> Result<Location, DamageKind> {
    let mut location = Location::default();
    each(octets, depth, |record, value, _| {
        let list = match record.number {
            1 => &mut location.path,
            2 => &mut location.span,
            _ => return Ok(()),
        };
        if record.wire == WireType::Varint {
            list.push(record.bits as i32);
            return Ok(());
        }
        let mut packed = Reader::new(value);
        while let Some(bits) = packed.varint().map_err(|damage| damage.what)? {
            list.push(bits as i32);
        }
        Ok(())
    })?;
    Ok(location)
}

/// Whose options a message holds: the same option has another number in each.
#[derive(Clone, Copy, PartialEq)]
enum Owner {
    File,
    Message,
    Field,
    Oneof,
    Enum,
}

#[derive(Default)]
struct Options {
    features: Features,
    packed: Option<bool>,
    map_entry: bool,
    message_set: bool,
}

fn read_options(octets: &[u8], depth: u32, owner: Owner) -> Result<Options, DamageKind> {
    let mut options = Options::default();
    each(octets, depth, |record, value, depth| {
        match (owner, record.number) {
            (Owner::File, 50) | (Owner::Message, 12) | (Owner::Field, 21) | (Owner::Oneof, 1) | (Owner::Enum, 7) => {
                each(value, depth, |record, _, _| {
                    options.features.set_number(record.number, record.bits);
                    Ok(())
                })?
            }
            (Owner::Message, 1) => options.message_set = record.bits != 0,
            (Owner::Message, 7) => options.map_entry = record.bits != 0,
            (Owner::Field, 2) => options.packed = Some(record.bits != 0),
            (_, UNINTERPRETED) => {
                let (name, word) = read_uninterpreted(value, depth)?;
                match name.as_str() {
                    "packed" => options.packed = Some(word == "true"),
                    "map_entry" => options.map_entry = word == "true",
                    "message_set_wire_format" => options.message_set = word == "true",
                    "features" => options.features.set_aggregate(&word),
                    _ => {
                        if let Some(feature) = name.strip_prefix("features.") {
                            options.features.set_name(feature, &word);
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(options)
}

/// `uninterpreted_option` of every options message.
const UNINTERPRETED: u32 = 999;

/// The dotted name of an option and the word or `{...}` given to it. Extension names keep their parentheses.
fn read_uninterpreted(octets: &[u8], depth: u32) -> Result<(String, String), DamageKind> {
    let (mut name, mut word) = (String::new(), String::new());
    each(octets, depth, |record, value, depth| {
        match record.number {
            2 => {
                let (mut part, mut extension) = (String::new(), false);
                each(value, depth, |record, value, _| {
                    match record.number {
                        1 => part = text(value),
                        2 => extension = record.bits != 0,
                        _ => {}
                    }
                    Ok(())
                })?;
                if !name.is_empty() {
                    name.push('.');
                }
                if extension {
                    part = format!("({part})");
                }
                name.push_str(&part);
            }
            3 | 8 => word = text(value),
            _ => {}
        }
        Ok(())
    })?;
    Ok((name, word))
}

/// Visits every record with the octets of its value, one level deeper than `depth`.
fn each(
    octets: &[u8],
    depth: u32,
    mut visit: impl FnMut(&Record, &[u8], u32) -> Result<(), DamageKind>,
) -> Result<(), DamageKind> {
    if depth >= MAX_DEPTH {
        return Err(DamageKind::TooDeep);
    }
    let mut reader = Reader::new(octets);
    while let Some(record) = reader.record().map_err(|damage| damage.what)? {
        let mut end = record.end;
        match record.wire {
            WireType::StartGroup => {
                end = reader.group(&record, MAX_DEPTH).map_err(|damage| damage.what)?;
            }
            WireType::EndGroup => {
                return Err(DamageKind::EndGroupMismatch { open: 0, found: record.number });
            }
            _ => {}
        }
        let value = octets.get(record.value..end).unwrap_or_default();
        visit(&record, value, depth.saturating_add(1))?;
    }
    Ok(())
}

/// Levels of messages in a descriptor.
const MAX_DEPTH: u32 = 64;

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
