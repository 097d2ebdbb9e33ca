//! What would have fitted a place of a message's JSON, in words.

use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::place::Step;

/// What fits where `path` leads from a message, as far as its type says.
pub(super) fn at(message: &MessageDescriptor, path: &[Step]) -> Option<String> {
    let mut fit = Fit::Message(message.clone());
    for step in path {
        fit = match (fit, step) {
            (Fit::Message(message), Step::Key(key)) => match field(&message, key) {
                Some(field) => Fit::of(&field),
                None => return Some(fields(&message, key)),
            },
            (Fit::List(kind), Step::Index(_)) => Fit::Kind(kind).simplified(),
            (Fit::Map(entry), Step::Key(_)) => Fit::Kind(entry.map_entry_value_field().kind()).simplified(),
            _ => return None,
        };
    }
    fit.words()
}

/// The field of a name as the .proto or as JSON spells it.
fn field(message: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    if special(message.full_name()).is_some() {
        return None;
    }
    message.get_field_by_name(key).or_else(|| message.get_field_by_json_name(key))
}

enum Fit {
    Message(MessageDescriptor),
    List(Kind),
    Map(MessageDescriptor),
    Kind(Kind),
}

impl Fit {
    fn of(field: &FieldDescriptor) -> Self {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => Self::Map(entry),
            kind if field.cardinality() == Cardinality::Repeated => Self::List(kind),
            kind => Self::Kind(kind).simplified(),
        }
    }

    fn simplified(self) -> Self {
        match self {
            Self::Kind(Kind::Message(message)) => Self::Message(message),
            other => other,
        }
    }

    fn words(&self) -> Option<String> {
        Some(match self {
            Self::Message(message) => match special(message.full_name()) {
                Some(words) => words.to_owned(),
                None => format!("an object, {}", fields(message, "")),
            },
            Self::List(kind) => format!("an array, each element {}", of_kind(kind)?),
            Self::Map(entry) => {
                let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
                format!(
                    "an object whose keys are {} in quotes and whose values are {}",
                    key_words(&key),
                    of_kind(&value)?
                )
            }
            Self::Kind(kind) => of_kind(kind)?,
        })
    }
}

fn key_words(kind: &Kind) -> &'static str {
    match kind {
        Kind::String => "strings",
        Kind::Bool => "true or false",
        _ => "whole numbers",
    }
}

fn of_kind(kind: &Kind) -> Option<String> {
    let words = match kind {
        Kind::Double | Kind::Float => "a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "a whole number from -2147483648 to 2147483647",
        Kind::Uint32 | Kind::Fixed32 => "a whole number from 0 to 4294967295",
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "a whole number of 64 bits, in quotes or not",
        Kind::Uint64 | Kind::Fixed64 => "a whole number of 64 bits without sign, in quotes or not",
        Kind::Bool => "true or false",
        Kind::String => "a string",
        Kind::Bytes => "octets as a base64 string",
        Kind::Enum(values) => return Some(enumeration(values)),
        Kind::Message(message) => return Fit::Message(message.clone()).words(),
    };
    Some(words.to_owned())
}

fn enumeration(values: &EnumDescriptor) -> String {
    if values.full_name() == "google.protobuf.NullValue" {
        return "null".to_owned();
    }
    let names: Vec<String> = values.values().take(SHOWN).map(|value| format!("{:?}", value.name())).collect();
    let more = if values.values().len() > SHOWN { ", ..." } else { "" };
    format!("a value of {}: {}{more}, or its number", values.full_name(), names.join(", "))
}

/// The fields of a message; the one most like `wanted` first.
fn fields(message: &MessageDescriptor, wanted: &str) -> String {
    if let Some(words) = special(message.full_name()) {
        return words.to_owned();
    }
    let mut names: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
    if names.is_empty() {
        return format!("{} has no fields", message.full_name());
    }
    let like = |name: &&String| distance(&name.to_lowercase(), &wanted.to_lowercase());
    let likeliest = names.iter().min_by_key(like).filter(|_| !wanted.is_empty()).cloned();
    names.sort_by_key(|name| Some(name) != likeliest.as_ref());
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    names.truncate(SHOWN);
    format!("fields of {}: {}{more}", message.full_name(), names.join(", "))
}

/// How many letters of one word differ from the other, at least: enough to put the likeliest first.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (n, a) in one.chars().enumerate() {
        let mut corner = n;
        let mut left = n.saturating_add(1);
        for (b, slot) in other.chars().zip(row.iter_mut().skip(1)) {
            let best = corner.saturating_add(usize::from(a != b)).min(left.min(*slot).saturating_add(1));
            corner = std::mem::replace(slot, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = n.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Types that JSON has a form of its own for.
fn special(full_name: &str) -> Option<&'static str> {
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "Any" => {
            "an object with \"@type\", such as \"type.googleapis.com/google.rpc.ErrorInfo\", and the fields of that type"
        }
        "Timestamp" => "a time, such as \"2026-01-31T12:00:00Z\"",
        "Duration" => "a length of time in seconds, such as \"1.5s\"",
        "FieldMask" => "paths with commas, such as \"user.displayName,photo\"",
        "Struct" => "an object",
        "ListValue" => "an array",
        "Value" => "any JSON",
        "Empty" => "{}",
        "DoubleValue" | "FloatValue" => "a number, or null",
        "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value" => "a whole number, or null",
        "BoolValue" => "true, false or null",
        "StringValue" => "a string, or null",
        "BytesValue" => "octets as a base64 string, or null",
        _ => return None,
    })
}

/// Names listed at most.
const SHOWN: usize = 16;
