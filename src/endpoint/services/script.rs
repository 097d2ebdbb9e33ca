//! Canned answers as JSON: a message, an array of messages, or an object whose keys begin with `$`.
//!
//! | key | means |
//! |---|---|
//! | `$messages` | an array of messages |
//! | `$status` | the status, by number or name; 0 if it is missing |
//! | `$message` | the status message |
//! | `$details` | an array of `google.protobuf.Any`, sent as `grpc-status-details-bin` |
//! | `$metadata`, `$trailers` | names to a text, or to an array of texts; `-bin` values are base64 |
//! | `$delay_ms` | milliseconds before the first answer |
//! | `$interval_ms` | milliseconds between two messages |
//! | `$each` | `true`: each request is answered by the next message; for methods that stream both ways |

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use super::canned::Canned;
use super::message::{int_field, len_field, string_field};
use crate::endpoint::fields::{Fields, Kind};
use crate::grpc::status::Status;
use crate::grpc::{base64, metadata};
use crate::protobuf::encode::{Encoder, JsonError};
use crate::protobuf::schema::{MethodInfo, Schema};

/// Why a JSON text is no answer of a method.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ScriptError {
    /// A message does not fit, or the text is no JSON.
    Json(JsonError),
    /// The rest does not fit: what, in words.
    Script(String),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Script(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for ScriptError {}

impl From<JsonError> for ScriptError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

fn wrong<T>(words: impl Into<String>) -> Result<T, ScriptError> {
    Err(ScriptError::Script(words.into()))
}

impl Canned {
    /// Reads the answers of `method` from JSON.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or does not fit the method.
    pub fn parse(schema: &Schema, encoder: &Encoder, method: &MethodInfo, json: &str) -> Result<Self, ScriptError> {
        let Some(output) = method.output else {
            return wrong(format!("nothing defines what {} answers with", method.path));
        };
        let reader = Reader { encoder, output: schema.message_name(output), json };
        let start = json.trim_start();
        let mut canned = Self { client_streaming: method.client_streaming, ..Self::default() };
        let whole = if start.starts_with(['[', '{']) { Some(reader.whole()?) } else { None };
        if let Some(array) = whole.filter(|_| start.starts_with('[')) {
            canned.messages = reader.messages(array)?.into();
        } else if let Some(keys) = reader.keys() {
            reader.script(keys, &mut canned)?;
        } else {
            canned.messages = vec![encoder.encode(reader.output, json)?].into();
        }
        let count = canned.messages.len();
        if !method.server_streaming && (count > 1 || (count == 0 && canned.ending.status == Status::OK)) {
            return wrong(format!("{} answers with one message, and here are {count}", method.path));
        }
        if canned.each && !(method.client_streaming && method.server_streaming && count > 0) {
            return wrong("$each is for a method that streams both ways, and wants messages");
        }
        Ok(canned)
    }
}

struct Reader<'a> {
    encoder: &'a Encoder,
    /// The type of answers.
    output: &'a str,
    json: &'a str,
}

type Keys<'a> = BTreeMap<String, &'a RawValue>;

impl<'a> Reader<'a> {
    fn whole(&self) -> Result<&'a RawValue, ScriptError> {
        serde_json::from_str(self.json).map_err(|error| {
            let what = error.to_string();
            let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
            ScriptError::Script(format!("line {}, column {}: {what}", error.line(), error.column()))
        })
    }

    /// The members of the whole, if it is an object with a key of ours.
    fn keys(&self) -> Option<Keys<'a>> {
        let keys: Keys<'a> = serde_json::from_str(self.json).ok()?;
        keys.keys().any(|key| key.starts_with('$')).then_some(keys)
    }

    fn messages(&self, array: &'a RawValue) -> Result<Vec<Vec<u8>>, ScriptError> {
        self.each_of(self.output, array)
    }

    /// The messages of an array.
    fn each_of(&self, message: &str, array: &'a RawValue) -> Result<Vec<Vec<u8>>, ScriptError> {
        let elements: Vec<&'a RawValue> = serde_json::from_str(array.get())
            .map_err(|_| ScriptError::Script(format!("an array of messages is wanted, not {}", shortened(array))))?;
        elements.into_iter().map(|element| Ok(self.message(message, element)?)).collect()
    }

    fn message(&self, message: &str, raw: &RawValue) -> Result<Vec<u8>, JsonError> {
        // The part lies inside the whole text: its place is told by the whole text's lines.
        let start = (raw.get().as_ptr() as usize).saturating_sub(self.json.as_ptr() as usize);
        let end = start.saturating_add(raw.get().len());
        self.encoder.encode_part(message, self.json, start..end)
    }

    fn script(&self, keys: Keys<'a>, canned: &mut Canned) -> Result<(), ScriptError> {
        let mut details = Vec::new();
        for (key, value) in keys {
            match key.as_str() {
                "$messages" => canned.messages = self.messages(value)?.into(),
                "$status" => canned.ending.status = status(value)?,
                "$message" => canned.ending.message = read(&key, value, "a text", serde_json::from_str(value.get()))?,
                "$details" => details = self.each_of("google.protobuf.Any", value)?,
                "$metadata" => canned.metadata = fields(&key, value)?,
                "$trailers" => canned.ending.trailers = fields(&key, value)?,
                "$delay_ms" => canned.delay = millis(&key, value)?,
                "$interval_ms" => canned.interval = millis(&key, value)?,
                "$each" => canned.each = read(&key, value, "true or false", serde_json::from_str(value.get()))?,
                other if other.starts_with('$') => {
                    return wrong(format!("there is no key {other:?}; there are {KEYS}"));
                }
                other => {
                    return wrong(format!("{other:?} stands beside keys with $: put the messages into \"$messages\""));
                }
            }
        }
        if !details.is_empty() {
            let (Status(number), message) = (canned.ending.status, &canned.ending.message);
            let details = details.iter().map(|any| len_field(3, any));
            let parts = [int_field(1, number.into()), string_field(2, message)].into_iter().chain(details);
            let mut text = Vec::new();
            base64::encode_into(&parts.collect::<Vec<_>>().concat(), &mut text);
            canned.ending.trailers.push("grpc-status-details-bin", text);
        }
        Ok(())
    }
}

/// What was read of a value, or what should stand there.
fn read<T>(key: &str, value: &RawValue, wanted: &str, read: serde_json::Result<T>) -> Result<T, ScriptError> {
    read.map_err(|_| ScriptError::Script(format!("{key} is {wanted}, not {}", shortened(value))))
}

fn shortened(value: &RawValue) -> String {
    let text = value.get();
    if text.chars().count() <= SHOWN {
        text.to_owned()
    } else {
        format!("{}...", text.chars().take(SHOWN).collect::<String>())
    }
}

fn status(value: &RawValue) -> Result<Status, ScriptError> {
    let named = |name: &str| (0..=16).map(Status).find(|status| status.name() == Some(name));
    if let Ok(number) = serde_json::from_str(value.get()) {
        return Ok(Status(number));
    }
    let name: Option<String> = serde_json::from_str(value.get()).ok();
    match name.and_then(|name| named(&name)) {
        Some(status) => Ok(status),
        None => wrong(format!("$status is a number or a name such as \"NOT_FOUND\", not {}", shortened(value))),
    }
}

fn millis(key: &str, value: &RawValue) -> Result<i64, ScriptError> {
    let millis: u32 = read(key, value, "a whole number of milliseconds", serde_json::from_str(value.get()))?;
    if millis > LONGEST_MILLIS {
        return wrong(format!("{key} is {LONGEST_MILLIS} at most"));
    }
    Ok(i64::from(millis).saturating_mul(1_000_000))
}

fn fields(key: &str, value: &RawValue) -> Result<Fields, ScriptError> {
    let wanted = "an object of texts, or of arrays of texts";
    let members: BTreeMap<String, serde_json::Value> = read(key, value, wanted, serde_json::from_str(value.get()))?;
    let mut fields = Fields::default();
    for (name, value) in members {
        let values = match value {
            serde_json::Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let serde_json::Value::String(text) = value else {
                return wrong(format!("{key} is {wanted}, and {name:?} is {value}"));
            };
            fields.push(name.as_str(), text_of(key, &name, &text)?);
        }
    }
    if !fields.is_well_formed(Kind::Trailers) {
        return wrong(format!("{key}: names are of lower-case letters, digits and -_. , values of printable ASCII"));
    }
    Ok(fields)
}

/// A value as it travels.
fn text_of(key: &str, name: &str, text: &str) -> Result<Vec<u8>, ScriptError> {
    if !metadata::kind(name.as_bytes()).is_metadata() {
        return wrong(format!("{key}: {name:?} is gRPC's own, not metadata"));
    }
    if metadata::is_binary(name.as_bytes()) {
        let (mut octets, mut out) = (Vec::new(), Vec::new());
        if base64::decode_into(text.as_bytes(), &mut octets).is_err() {
            return wrong(format!("{key}: the value of {name:?} is not base64, as all values of -bin names are"));
        }
        base64::encode_into(&octets, &mut out);
        return Ok(out);
    }
    if !text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return wrong(format!(
            "{key}: the value of {name:?} is not printable ASCII; a name with -bin takes any octets"
        ));
    }
    Ok(text.as_bytes().to_vec())
}

const KEYS: &str = "$messages, $status, $message, $details, $metadata, $trailers, $delay_ms, $interval_ms and $each";
/// An hour.
const LONGEST_MILLIS: u32 = 3_600_000;
/// Letters of a wrong value that are shown.
const SHOWN: usize = 40;
