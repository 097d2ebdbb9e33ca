//! A file of an edition as the proto2 file whose messages are the same on the wire.
//!
//! proto2 has all that an edition's features choose between, but for fields without presence: a zero that the JSON states
//! for one of these is sent, which readers take as they take its absence. What the features say is known from the schema.

use prost_reflect::prost_types::field_descriptor_proto::{Label as ProtoLabel, Type};
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, UninterpretedOption,
};

use crate::protobuf::schema::{Kind, Label, Schema};
use crate::protobuf::wire::WireType;

/// Rewrites the file.
pub(super) fn lower(file: &mut FileDescriptorProto, schema: &Schema) {
    file.syntax = Some("proto2".to_owned());
    let package = file.package().to_owned();
    for message in &mut file.message_type {
        lower_message(message, &package, schema);
    }
    file.enum_type.iter_mut().for_each(lower_enum);
    for field in &mut file.extension {
        lower_extension(field, schema);
    }
    without_features(file.options.as_mut().map(|options| &mut options.uninterpreted_option));
}

fn lower_message(message: &mut DescriptorProto, scope: &str, schema: &Schema) {
    let name = if scope.is_empty() { message.name().to_owned() } else { format!("{scope}.{}", message.name()) };
    let known = schema.message(&name).map(|id| schema.table().message(id));
    for field in &mut message.field {
        let number = u32::try_from(field.number()).unwrap_or(0);
        let known = known.and_then(|known| known.fields.get(known.index_of(number)? as usize));
        if let Some(known) = known {
            lower_field(field, known.kind, known.label);
        }
        without_features(field.options.as_mut().map(|options| &mut options.uninterpreted_option));
    }
    for field in &mut message.extension {
        lower_extension(field, schema);
    }
    for oneof in &mut message.oneof_decl {
        without_features(oneof.options.as_mut().map(|options| &mut options.uninterpreted_option));
    }
    for nested in &mut message.nested_type {
        lower_message(nested, &name, schema);
    }
    message.enum_type.iter_mut().for_each(lower_enum);
    without_features(message.options.as_mut().map(|options| &mut options.uninterpreted_option));
}

fn lower_field(field: &mut FieldDescriptorProto, kind: Kind, label: Label) {
    if matches!(kind, Kind::Group(_)) {
        field.set_type(Type::Group);
    }
    if label == Label::Required {
        field.set_label(ProtoLabel::Required);
    }
    if label == Label::Repeated && !matches!(kind.wire(), WireType::Len | WireType::StartGroup) {
        field.options.get_or_insert_default().packed = Some(true);
    }
}

/// An extension's features are those that the schema found at its extendee.
fn lower_extension(field: &mut FieldDescriptorProto, schema: &Schema) {
    let extendee = schema.message(field.extendee().trim_start_matches('.'));
    let known = extendee.map(|id| schema.table().message(id));
    let number = u32::try_from(field.number()).unwrap_or(0);
    if let Some(known) = known.and_then(|known| known.fields.get(known.index_of(number)? as usize)) {
        lower_field(field, known.kind, known.label);
    }
    without_features(field.options.as_mut().map(|options| &mut options.uninterpreted_option));
}

fn lower_enum(item: &mut EnumDescriptorProto) {
    without_features(item.options.as_mut().map(|options| &mut options.uninterpreted_option));
    for value in &mut item.value {
        without_features(value.options.as_mut().map(|options| &mut options.uninterpreted_option));
    }
}

/// Takes out what proto2 does not know: features, and defaults as [`schema`](crate::protobuf::schema) has renamed them.
fn without_features(options: Option<&mut Vec<UninterpretedOption>>) {
    if let Some(options) = options {
        options.retain(|option| {
            let first = option.name.first().map(|part| part.name_part.as_str());
            !matches!(first, Some("features" | "unused_default"))
        });
    }
}
