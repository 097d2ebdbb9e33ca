//! JSON to the octets of a message, by the proto3 JSON mapping (<https://protobuf.dev/programming-guides/json>).
//!
//! Fields go by the name in the .proto or in lowerCamelCase; unknown ones are refused. Which message a method takes is for
//! whoever calls to know.

mod fits;
mod lower;
mod place;
mod pool;

use std::fmt;
use std::ops::Range;

use prost_reflect::prost::Message as _;
use prost_reflect::{Cardinality, DynamicMessage, MessageDescriptor, Value};

use self::place::{Place, Step};
use self::pool::Pool;
use super::schema::Schema;

/// Writes messages of one schema.
#[derive(Clone, Debug)]
pub struct Encoder {
    pool: Pool,
}

/// Why a JSON text is not a message. Displays as `line L, column C: path: what; what would fit`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JsonError {
    /// From 1; 0 where the text is not at fault.
    pub line: usize,
    /// In characters, from 1; 0 where the text is not at fault.
    pub column: usize,
    /// The field, as `pt.items[2].name`; empty for the whole message.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What would be right there, if that is known.
    pub fits: Option<String>,
    /// Whether the schema is at fault rather than the text.
    pub is_of_schema: bool,
}

impl Encoder {
    /// An encoder of the messages of a schema. Files that it cannot use (missing imports, for one) are told by
    /// [`encode`](Self::encode) when one of their messages is asked for.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        Self { pool: Pool::new(schema) }
    }

    /// The octets of a message, `pkg.Message`, from its JSON.
    ///
    /// # Errors
    /// When the text is no JSON, does not fit the message, or the schema cannot be used for it.
    pub fn encode(&self, message: &str, json: &str) -> Result<Vec<u8>, JsonError> {
        self.encode_part(message, json, 0..json.len())
    }

    /// The octets of a message from a part of a longer text, in octets. Lines and columns are those of the whole text.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_part(&self, message: &str, json: &str, part: Range<usize>) -> Result<Vec<u8>, JsonError> {
        let mut all = self.read(message, json, part)?;
        match all.pop() {
            Some(octets) if all.is_empty() => Ok(octets),
            Some(_) => Err(JsonError::whole("more than one JSON value where one message is wanted")),
            None => Err(JsonError::whole("no JSON where a message is wanted; the empty message is {}")),
        }
    }

    /// The octets of any number of messages, whose JSON stands one after the other with or without space between.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_each(&self, message: &str, json: &str) -> Result<Vec<Vec<u8>>, JsonError> {
        self.read(message, json, 0..json.len())
    }

    /// What each file says of itself with all names resolved, as a `FileDescriptorProto`; files that cannot be used, and
    /// those of an edition, are not among them.
    pub fn files(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let described = self.pool.descriptors.files().filter(|file| !self.pool.lowered.contains(file.name()));
        described.map(|file| file.encode_to_vec())
    }

    /// The files that are not among [`files`](Self::files), by name, and why.
    pub fn undescribed(&self) -> impl Iterator<Item = (&str, &str)> {
        let refused = self.pool.refused.iter().map(|(file, why)| (file.as_str(), why.as_str()));
        let lowered = self.pool.lowered.iter().filter(|file| !self.pool.refused.contains_key(*file));
        refused.chain(lowered.map(|file| (file.as_str(), "it is of an edition")))
    }

    fn read(&self, message: &str, json: &str, part: Range<usize>) -> Result<Vec<Vec<u8>>, JsonError> {
        let descriptor = self.descriptor(message)?;
        let text = json.get(part.clone()).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(text);
        let mut all = Vec::new();
        // What is left is nothing but white space.
        while values.end().is_err() {
            let read = DynamicMessage::deserialize(descriptor.clone(), &mut values);
            let read = read.map_err(|error| refused(&descriptor, json, part.start, text, &error))?;
            if let Some(path) = missing(&read) {
                return Err(JsonError { path, ..JsonError::whole("a required field is missing") });
            }
            all.push(read.encode_to_vec());
        }
        Ok(all)
    }

    fn descriptor(&self, message: &str) -> Result<MessageDescriptor, JsonError> {
        if let Some(descriptor) = self.pool.descriptors.get_message_by_name(message) {
            return Ok(descriptor);
        }
        let file = self.pool.lost.get(message);
        let why = file.and_then(|file| Some((file, self.pool.refused.get(file)?)));
        let what = match why {
            Some((file, why)) => format!("no JSON can be fitted to {message}: {file} cannot be used: {why}"),
            None => format!("no file of the schema defines {message}"),
        };
        Err(JsonError { is_of_schema: true, ..JsonError::whole(what) })
    }
}

impl JsonError {
    fn whole(what: impl Into<String>) -> Self {
        Self { line: 0, column: 0, path: String::new(), what: what.into(), fits: None, is_of_schema: false }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)?;
        match &self.fits {
            Some(fits) => write!(f, "; what fits: {fits}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for JsonError {}

fn refused(message: &MessageDescriptor, json: &str, start: usize, text: &str, error: &serde_json::Error) -> JsonError {
    let at = place::offset(text, error.line(), error.column());
    let place = Place::find(text, at);
    let (line, column) = place::line_and_column(json, start.saturating_add(place.start));
    let what = error.to_string();
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what).to_owned();
    // Any one of a oneof's fields fits; that there are two is all that is wrong.
    let misfits = error.classify() == serde_json::error::Category::Data && !what.contains("for oneof");
    let fits = misfits.then(|| fits::at(message, &place.path));
    JsonError { line, column, path: place::shown(&place.path), what, fits: fits.flatten(), is_of_schema: false }
}

/// The first required field (proto2) that has no value.
fn missing(message: &DynamicMessage) -> Option<String> {
    fn inside(value: &Value) -> Option<Vec<Step>> {
        match value {
            Value::Message(message) => search(message),
            Value::List(list) => list.iter().enumerate().find_map(|(n, value)| under(Step::Index(n), inside(value))),
            Value::Map(map) => map.iter().find_map(|(key, value)| under(Step::Key(format!("{key:?}")), inside(value))),
            _ => None,
        }
    }
    fn under(step: Step, path: Option<Vec<Step>>) -> Option<Vec<Step>> {
        path.map(|mut path| {
            path.insert(0, step);
            path
        })
    }
    fn search(message: &DynamicMessage) -> Option<Vec<Step>> {
        use prost_reflect::ReflectMessage as _;
        let descriptor = message.descriptor();
        let mut required = descriptor.fields().filter(|field| field.cardinality() == Cardinality::Required);
        if let Some(field) = required.find(|field| !message.has_field(field)) {
            return Some(vec![Step::Key(field.name().to_owned())]);
        }
        message.fields().find_map(|(field, value)| under(Step::Key(field.name().to_owned()), inside(value)))
    }
    search(message).map(|path| place::shown(&path))
}
