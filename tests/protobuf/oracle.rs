//! Random messages read as `prost-reflect` reads them.
//!
//! Known differences, kept out of the comparison: prost-reflect writes message sets as plain extensions, takes a negative zero
//! without presence for absent, and refuses what the mapping cannot express where we show it another way.

use crate::support::{fixture, id, lab, parsed};
use framescope::protobuf::decode::Decoder;
use framescope::protobuf::schema::Schema;
use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, SerializeOptions, Value,
};

/// Random choices, drawn from octets that proptest can shrink.
struct Draw<'a>(std::slice::Iter<'a, u8>);

impl Draw<'_> {
    fn octet(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn number(&mut self) -> u64 {
        match self.octet() % 4 {
            0 => u64::from(self.octet()),
            1 => u64::MAX - u64::from(self.octet()),
            2 => 1 << (self.octet() % 64),
            _ => u64::from_le_bytes([0; 8].map(|_: u8| self.octet())),
        }
    }

    fn text(&mut self) -> String {
        let pieces = ["", "a", "\"q\"", "\\", "\n", "ü", "漢", "🦀", "\u{0}", "\u{7f}", "plain text"];
        let count = self.octet() % 4;
        (0..count).map(|_| pieces[usize::from(self.octet()) % pieces.len()]).collect()
    }

    fn octets(&mut self) -> Vec<u8> {
        let count = self.octet() % 6;
        (0..count).map(|_| self.octet()).collect()
    }

    fn value(&mut self, kind: &Kind, depth: u32) -> Value {
        let number = self.number();
        match kind {
            Kind::Double => Value::F64(no_minus_zero(f64::from_bits(number))),
            Kind::Float => Value::F32(no_minus_zero(f64::from(f32::from_bits(number as u32))) as f32),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number as i64),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(number as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(number),
            Kind::Bool => Value::Bool(number & 1 == 1),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(self.octets().into()),
            Kind::Enum(_) => Value::EnumNumber((number % 5) as i32 - 1),
            Kind::Message(message) => Value::Message(self.message(message, depth + 1)),
        }
    }

    fn field(&mut self, field: &FieldDescriptor, depth: u32) -> Value {
        let count = self.octet() % 4;
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { unreachable!() };
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            let pair = |draw: &mut Self| {
                let key = match draw.value(&key.kind(), depth) {
                    Value::I32(n) => MapKey::I32(n),
                    Value::I64(n) => MapKey::I64(n),
                    Value::U32(n) => MapKey::U32(n),
                    Value::U64(n) => MapKey::U64(n),
                    Value::Bool(b) => MapKey::Bool(b),
                    Value::String(s) => MapKey::String(s),
                    other => unreachable!("{other:?}"),
                };
                (key, draw.value(&value.kind(), depth))
            };
            return Value::Map((0..count).map(|_| pair(self)).collect());
        }
        if field.is_list() {
            return Value::List((0..count).map(|_| self.value(&field.kind(), depth)).collect());
        }
        self.value(&field.kind(), depth)
    }

    fn message(&mut self, descriptor: &MessageDescriptor, depth: u32) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        let set = |message: &mut DynamicMessage, name: &str, value| message.set_field_by_name(name, value);
        match descriptor.full_name() {
            "google.protobuf.Timestamp" => {
                let seconds = (self.number() % 315_537_897_600) as i64 - 62_135_596_800;
                set(&mut message, "seconds", Value::I64(seconds));
                set(&mut message, "nanos", Value::I32((self.number() % 1_000_000_000) as i32));
            }
            "google.protobuf.Duration" => {
                let sign = if self.octet() & 1 == 1 { -1 } else { 1 };
                let seconds = (self.number() % 315_576_000_000) as i64;
                let nanos = (self.number() % 1_000_000_000) as i32;
                set(&mut message, "seconds", Value::I64(sign * seconds));
                set(&mut message, "nanos", Value::I32(sign as i32 * nanos));
            }
            "google.protobuf.FieldMask" => {
                let paths = ["a", "a_b.c", "long_name.x1"].map(|path| Value::String(path.into()));
                set(&mut message, "paths", Value::List(paths[..usize::from(self.octet() % 3)].to_vec()));
            }
            "google.protobuf.Any" => {
                let pool = descriptor.parent_pool();
                let names = ["lab.v1.Kinds.Inner", "google.protobuf.Duration", "lab.legacy.Extra"];
                let name = names[usize::from(self.octet()) % names.len()];
                let inner = self.message(&pool.get_message_by_name(name).unwrap(), depth + 1);
                set(&mut message, "type_url", Value::String(format!("type.example/{name}")));
                set(&mut message, "value", Value::Bytes(inner.encode_to_vec().into()));
            }
            "google.protobuf.Value" => match self.octet() % if depth < 4 { 6 } else { 4 } {
                0 => set(&mut message, "null_value", Value::EnumNumber(0)),
                1 => set(&mut message, "number_value", Value::F64(f64::from(self.number() as i32) / 8.0)),
                2 => set(&mut message, "bool_value", Value::Bool(self.octet() & 1 == 1)),
                3 => set(&mut message, "string_value", Value::String(self.text())),
                member => {
                    let name = if member == 4 { "struct_value" } else { "list_value" };
                    let field = descriptor.get_field_by_name(name).unwrap();
                    let value = self.value(&field.kind(), depth);
                    set(&mut message, name, value);
                }
            },
            _ => {
                let extensions: Vec<_> = descriptor.extensions().collect();
                for field in descriptor.fields() {
                    let deep = depth > 3 && matches!(field.kind(), Kind::Message(_));
                    let required = field.cardinality() == prost_reflect::Cardinality::Required;
                    if (required || self.octet().is_multiple_of(3)) && !deep && field.name() != "set" {
                        let value = self.field(&field, depth);
                        message.set_field(&field, value);
                    }
                }
                for extension in extensions {
                    if self.octet().is_multiple_of(3) {
                        let kind = extension.kind();
                        let value = match extension.is_list() {
                            true => Value::List(vec![self.value(&kind, depth); 2]),
                            false => self.value(&kind, depth),
                        };
                        message.set_extension(&extension, value);
                    }
                }
            }
        }
        message
    }
}

fn no_minus_zero(number: f64) -> f64 {
    if number == 0.0 || number.is_nan() { 0.0 } else { number }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn pool() -> DescriptorPool {
    DescriptorPool::decode(std::fs::read(fixture("sets/kinds_legacy.pb")).unwrap().as_slice()).unwrap()
}

fn compare(schema: &Schema, descriptor: &MessageDescriptor, octets: &[u8]) -> Result<(), TestCaseError> {
    let message = DynamicMessage::decode(descriptor.clone(), octets).unwrap();
    let options = SerializeOptions::new().use_proto_field_name(true);
    // As text: serde_json's tree would widen every float.
    let mut theirs = Vec::new();
    message
        .serialize_with_options(&mut serde_json::Serializer::new(&mut theirs), &options)
        .map_err(|_| TestCaseError::reject("not in the mapping"))?;
    let theirs = parsed(std::str::from_utf8(&theirs).unwrap());
    let mut out = Vec::new();
    let mut decoder = Decoder::default();
    let report = decoder.json(schema, id(schema, descriptor.full_name()), octets, &mut out);
    prop_assert!(report.is_clean());
    prop_assert_eq!(parsed(std::str::from_utf8(&out).unwrap()), theirs);
    // The line says the same as long as it is not cut.
    let mut line = Vec::new();
    decoder.line(schema, id(schema, descriptor.full_name()), octets, usize::MAX >> 1, &mut line);
    prop_assert_eq!(parsed(std::str::from_utf8(&line).unwrap()), parsed(std::str::from_utf8(&out).unwrap()));
    Ok(())
}

#[test]
fn random_messages_read_as_prost_reflect_reads_them() {
    let (schema, pool) = (lab(), pool());
    let entropy = prop::collection::vec(any::<u8>(), 0..600);
    proptest!(config(400), |(choices in entropy)| {
        for name in ["lab.v1.Kinds", "lab.legacy.Legacy"] {
            let descriptor = pool.get_message_by_name(name).unwrap();
            let message = Draw(choices.iter()).message(&descriptor, 0);
            compare(&schema, &descriptor, &message.encode_to_vec())?;
        }
    });
}

#[test]
fn two_messages_in_a_row_merge_as_prost_reflect_merges_them() {
    let (schema, pool) = (lab(), pool());
    let entropy = || prop::collection::vec(any::<u8>(), 0..300);
    proptest!(config(300), |(first in entropy(), second in entropy())| {
        // Not Kinds: a merged Any or Timestamp need not be one.
        for name in ["lab.v1.Kinds.Inner", "lab.legacy.Legacy", "google.protobuf.Struct"] {
            let descriptor = pool.get_message_by_name(name).unwrap();
            let mut octets = Draw(first.iter()).message(&descriptor, 0).encode_to_vec();
            octets.extend(Draw(second.iter()).message(&descriptor, 0).encode_to_vec());
            compare(&schema, &descriptor, &octets)?;
        }
    });
}

#[test]
fn random_octets_never_panic_and_always_give_json() {
    let schema = lab();
    proptest!(config(2000), |(octets in prop::collection::vec(any::<u8>(), 0..200))| {
        let mut decoder = Decoder::default();
        for name in ["lab.v1.Kinds", "lab.legacy.Legacy", "lab.editions.Doc", "google.protobuf.Value", "google.protobuf.Any"] {
            let mut out = Vec::new();
            decoder.json(&schema, id(&schema, name), &octets, &mut out);
            parsed(std::str::from_utf8(&out).unwrap());
        }
        let mut out = Vec::new();
        decoder.guess_json(&octets, &mut out);
        parsed(std::str::from_utf8(&out).unwrap());
    });
}

/// JSON, line and faults of a message.
fn all_readings(schema: &Schema, name: &str, octets: &[u8], width: usize) -> (String, String, Vec<String>) {
    let (mut decoder, mut json, mut line) = (Decoder::default(), Vec::new(), Vec::new());
    let report = decoder.json(schema, id(schema, name), octets, &mut json);
    let faults = report.faults().map(|fault| fault.to_string()).collect();
    decoder.line(schema, id(schema, name), octets, width, &mut line);
    (String::from_utf8(json).unwrap(), String::from_utf8(line).unwrap(), faults)
}

/// A record that no message declares, and that stands behind all others: the message has to be indexed.
const UNDECLARED: [u8; 6] = [0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00];

#[test]
fn a_message_that_has_to_be_indexed_reads_as_it_does_without() {
    let (schema, pool) = (lab(), pool());
    let entropy = || prop::collection::vec(any::<u8>(), 0..400);
    proptest!(config(600), |(first in entropy(), second in entropy(), merged in any::<bool>())| {
        for name in ["lab.v1.Kinds", "lab.v1.Kinds.Inner", "google.protobuf.Value"] {
            let descriptor = pool.get_message_by_name(name).unwrap();
            let mut octets = Draw(first.iter()).message(&descriptor, 0).encode_to_vec();
            if merged {
                octets.extend(Draw(second.iter()).message(&descriptor, 0).encode_to_vec());
            }
            let short = all_readings(&schema, name, &octets, usize::MAX >> 1);
            octets.extend(UNDECLARED);
            prop_assert_eq!(all_readings(&schema, name, &octets, usize::MAX >> 1), short);
        }
    });
}

#[test]
fn a_line_is_cut_at_the_same_place_whether_its_message_has_to_be_indexed_or_not() {
    let (schema, pool) = (lab(), pool());
    let descriptor = pool.get_message_by_name("lab.v1.Kinds").unwrap();
    proptest!(config(200), |(choices in prop::collection::vec(any::<u8>(), 0..400), width in 0..300_usize)| {
        let mut octets = Draw(choices.iter()).message(&descriptor, 0).encode_to_vec();
        let short = all_readings(&schema, "lab.v1.Kinds", &octets, width);
        octets.extend(UNDECLARED);
        prop_assert_eq!(all_readings(&schema, "lab.v1.Kinds", &octets, width), short);
    });
}
