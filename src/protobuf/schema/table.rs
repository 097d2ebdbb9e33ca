//! The compiled schema: for each message a table from field number to what the walk must know, for each enum its names.
//!
//! The table is made once by `link` and only read afterwards. It holds no options, comments or source places.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::protobuf::wire::WireType;

/// A message type of one [`Schema`](super::Schema). Cheap to copy and compare; of no use with another schema.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct MessageId(pub(super) u32);

/// An enum type of one [`Schema`](super::Schema).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct EnumId(pub(super) u32);

/// Every message and enum of a schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) names: HashMap<Box<str>, MessageId>,
}

impl Table {
    /// The table of no schema.
    pub(crate) fn empty() -> &'static Self {
        static EMPTY: LazyLock<Table> = LazyLock::new(Table::default);
        &EMPTY
    }

    /// The message of an id; an empty one for an id of another schema.
    #[inline]
    pub(crate) fn message(&self, id: MessageId) -> &Message {
        self.messages.get(id.0 as usize).unwrap_or(&NOTHING)
    }

    /// The name of an enum's value, quoted for JSON.
    #[inline]
    pub(crate) fn enum_value(&self, id: EnumId, number: i32) -> Option<&str> {
        self.enums.get(id.0 as usize)?.quoted_name(number)
    }

    /// The message of a full name.
    pub(crate) fn named(&self, name: &str) -> Option<MessageId> {
        self.names.get(name).copied()
    }
}

/// One message type.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The full name, `lab.v1.Kinds`.
    pub(crate) name: Box<str>,
    /// Fields and known extensions by ascending number.
    pub(crate) fields: Vec<Field>,
    /// Index into `fields`, plus one, of each small number; 0: no such field.
    dense: Vec<u16>,
    /// What its JSON looks like.
    pub(crate) shape: Shape,
    /// How many oneofs it has, those made for `optional` not counted.
    pub(crate) oneofs: u16,
    /// Whether any field is required.
    pub(crate) has_required: bool,
    /// proto2 `message_set_wire_format`.
    pub(crate) message_set: bool,
}

static NOTHING: LazyLock<Message> = LazyLock::new(|| Message::named(""));

impl Message {
    /// A message without fields yet; [`Message::seal`] follows once they are there.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            fields: Vec::new(),
            dense: Vec::new(),
            shape: Shape::Fields,
            oneofs: 0,
            has_required: false,
            message_set: false,
        }
    }

    /// Sorts the fields and builds the index over their numbers. The first of two fields with one number stays.
    pub(super) fn seal(&mut self) {
        self.fields.sort_by_key(|field| field.number);
        self.fields.dedup_by_key(|field| field.number);
        self.has_required = self.fields.iter().any(|field| field.label == Label::Required);
        let limit = self.fields.len().saturating_mul(8).saturating_add(64);
        let within = |field: &&Field| (field.number as usize) < limit;
        let length = self.fields.iter().rfind(within);
        let length = length.map_or(0, |field| (field.number as usize).saturating_add(1));
        self.dense = vec![0; length];
        for (index, field) in self.fields.iter().enumerate() {
            let slot = self.dense.get_mut(field.number as usize);
            if let (Some(slot), Ok(index)) = (slot, u16::try_from(index.saturating_add(1))) {
                *slot = index;
            }
        }
        self.shape = Shape::of(self);
    }

    /// The index in `fields` of a field number.
    #[inline]
    pub(crate) fn index_of(&self, number: u32) -> Option<u32> {
        match self.dense.get(number as usize) {
            Some(&index) if index != 0 => Some(u32::from(index).wrapping_sub(1)),
            _ => self.search(number),
        }
    }

    fn search(&self, number: u32) -> Option<u32> {
        let found = self.fields.binary_search_by_key(&number, |field| field.number);
        found.ok().map(|index| index as u32)
    }

    /// The kind of a field by its number.
    fn kind(&self, number: u32) -> Option<(Label, Kind)> {
        let field = self.fields.get(self.index_of(number)? as usize)?;
        Some((field.label, field.kind))
    }
}

/// One field or extension of a message.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// The field number.
    pub(crate) number: u32,
    /// The name in the .proto; `[full.name]` of an extension.
    pub(crate) name: Box<str>,
    /// The name as a JSON key behind another member: `,"name":`.
    pub(crate) key: Box<str>,
    /// What its values are.
    pub(crate) kind: Kind,
    /// How many values it has.
    pub(crate) label: Label,
    /// A singular value of zero or nothing is the same as absence.
    pub(crate) implicit: bool,
    /// Its oneof in the message, plus one; 0: none.
    pub(crate) oneof: u16,
}

impl Field {
    /// Whether values of the field come with this wire type, packed values aside.
    #[inline]
    pub(crate) fn accepts(&self, wire: WireType) -> bool {
        self.kind.wire() == wire
    }

    /// Whether the field may also come packed.
    #[inline]
    pub(crate) fn accepts_packed(&self) -> bool {
        self.label == Label::Repeated && !matches!(self.kind.wire(), WireType::Len | WireType::StartGroup)
    }
}

/// How many values a field has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Label {
    Singular,
    Required,
    Repeated,
    /// Repeated entries of a key (1) and a value (2).
    Map,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(EnumId),
    Message(MessageId),
    Group(MessageId),
    /// Of a type that no input defines: a message, or an enum.
    Unresolved,
}

impl Kind {
    /// The wire type of one value outside a packed field.
    #[inline]
    pub(crate) fn wire(self) -> WireType {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => WireType::Fixed64,
            Self::Float | Self::Fixed32 | Self::Sfixed32 => WireType::Fixed32,
            Self::String | Self::Bytes | Self::Message(_) | Self::Unresolved => WireType::Len,
            Self::Group(_) => WireType::StartGroup,
            _ => WireType::Varint,
        }
    }

    /// The message of a message or group.
    pub(crate) fn message(self) -> Option<MessageId> {
        match self {
            Self::Message(id) | Self::Group(id) => Some(id),
            _ => None,
        }
    }

    /// The word a .proto has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Double => "double",
            Self::Float => "float",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Sint32 => "sint32",
            Self::Sint64 => "sint64",
            Self::Fixed32 => "fixed32",
            Self::Fixed64 => "fixed64",
            Self::Sfixed32 => "sfixed32",
            Self::Sfixed64 => "sfixed64",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Enum(_) => "enum",
            Self::Message(_) => "message",
            Self::Group(_) => "group",
            Self::Unresolved => "unresolved",
        }
    }
}

/// The JSON form of a message: an object of its fields, or the special form of a well-known type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    Fields,
    Any,
    Timestamp,
    Duration,
    FieldMask,
    Struct,
    Value,
    ListValue,
    Wrapper,
    Empty,
}

impl Shape {
    /// Whether an `Any` puts it under `value`.
    pub(crate) fn is_special(self) -> bool {
        self != Self::Fields
    }

    /// By name, and only if the fields are those the special form is made of.
    fn of(message: &Message) -> Self {
        use Label::{Repeated, Singular};
        let Some(name) = message.name.strip_prefix("google.protobuf.") else {
            return Self::Fields;
        };
        let singular = |number, kind| message.kind(number) == Some((Singular, kind));
        let nested = |number, label| matches!(message.kind(number), Some((l, Kind::Message(_))) if l == label);
        let time = || singular(1, Kind::Int64) && singular(2, Kind::Int32);
        match name {
            "Any" if singular(1, Kind::String) && singular(2, Kind::Bytes) => Self::Any,
            "Timestamp" if time() => Self::Timestamp,
            "Duration" if time() => Self::Duration,
            "FieldMask" if message.kind(1) == Some((Repeated, Kind::String)) => Self::FieldMask,
            "Struct" if nested(1, Label::Map) => Self::Struct,
            "ListValue" if nested(1, Repeated) => Self::ListValue,
            "Value"
                if singular(2, Kind::Double)
                    && singular(3, Kind::String)
                    && singular(4, Kind::Bool)
                    && nested(5, Singular)
                    && nested(6, Singular) =>
            {
                Self::Value
            }
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value"
            | "BoolValue" | "StringValue" | "BytesValue"
                if matches!(message.kind(1), Some((Singular, _))) =>
            {
                Self::Wrapper
            }
            "Empty" if message.fields.is_empty() => Self::Empty,
            _ => Self::Fields,
        }
    }
}

/// One enum type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Enum {
    /// Number and quoted name, by ascending number; the first name of a number.
    values: Vec<(i32, Box<str>)>,
    /// `google.protobuf.NullValue`.
    pub(super) is_null: bool,
}

impl Enum {
    /// The first name of each number counts (aliases).
    pub(super) fn new(full_name: &str, values: &[(String, i32)]) -> Self {
        let is_null = full_name == "google.protobuf.NullValue";
        let quoted = |(name, number): &(String, i32)| (*number, quote(name).into_boxed_str());
        let mut values: Vec<_> = values.iter().map(quoted).collect();
        values.sort_by_key(|(number, _)| *number);
        values.dedup_by_key(|(number, _)| *number);
        Self { values, is_null }
    }

    #[inline]
    fn quoted_name(&self, number: i32) -> Option<&str> {
        if self.is_null {
            return Some("null");
        }
        // Most enums count from 0 without a hole.
        if let Some((at, name)) = self.values.get(number as usize)
            && *at == number
        {
            return Some(name);
        }
        let found = self.values.binary_search_by_key(&number, |(at, _)| *at);
        self.values.get(found.ok()?).map(|(_, name)| &**name)
    }
}

/// A name between quotes; names from a hostile descriptor set may hold anything.
pub(super) fn quote(name: &str) -> String {
    let mut out = Vec::new();
    crate::protobuf::json::text::string(&mut out, name.as_bytes());
    String::from_utf8(out).unwrap_or_default()
}
