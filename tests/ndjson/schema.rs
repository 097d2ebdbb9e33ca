//! Checks records against the published JSON Schema, more strictly than it asks: a key that it does not describe is a fault too.
//!
//! Understands the part of draft 2020-12 that the schema uses, and refuses to run on any other keyword.

use serde_json::{Map, Value};

pub(crate) struct Checker {
    root: Value,
}

impl Checker {
    pub(crate) fn new(schema: &str) -> Self {
        Self { root: serde_json::from_str(schema).expect("the schema is JSON") }
    }

    /// Checks one record against the definition of its type.
    pub(crate) fn check(&self, record: &Value) -> Result<(), String> {
        let kind = record["type"].as_str().ok_or("no type")?;
        let kinds = self.root["oneOf"].as_array().expect("oneOf");
        let reference = format!("#/$defs/{kind}");
        if !kinds.iter().any(|one| one["$ref"] == reference.as_str()) {
            return Err(format!("no record of type {kind} is described"));
        }
        self.value(record, &self.root["$defs"][kind], kind)
    }

    fn value(&self, value: &Value, schema: &Value, at: &str) -> Result<(), String> {
        let schema = schema.as_object().ok_or_else(|| format!("{at}: not described"))?;
        for (keyword, rule) in schema {
            let holds = match keyword.as_str() {
                "description" | "contentEncoding" => true,
                "$ref" => {
                    let name =
                        rule.as_str().and_then(|path| path.strip_prefix("#/$defs/")).expect("a reference to $defs");
                    self.value(value, &self.root["$defs"][name], at)?;
                    true
                }
                "type" => types(rule).any(|name| is_of(value, name)),
                "const" => value == rule,
                "enum" => rule.as_array().expect("a list").contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().expect("a number")),
                "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().expect("a number")),
                "pattern" => matches(value.as_str().expect("a string"), rule.as_str().expect("a pattern")),
                "minItems" => {
                    value.as_array().is_some_and(|items| items.len() as u64 >= rule.as_u64().expect("a number"))
                }
                "maxItems" => {
                    value.as_array().is_some_and(|items| items.len() as u64 <= rule.as_u64().expect("a number"))
                }
                "required" => {
                    rule.as_array().expect("a list").iter().all(|key| value.get(key.as_str().expect("a key")).is_some())
                }
                "properties" => {
                    self.properties(value, rule.as_object().expect("an object"), at)?;
                    true
                }
                "additionalProperties" => {
                    for (key, one) in value.as_object().expect("an object") {
                        self.value(one, rule, &format!("{at}.{key}"))?;
                    }
                    true
                }
                "items" => {
                    for one in value.as_array().expect("a list") {
                        self.value(one, rule, &format!("{at}[]"))?;
                    }
                    true
                }
                "prefixItems" => {
                    for (one, rule) in value.as_array().expect("a list").iter().zip(rule.as_array().expect("a list")) {
                        self.value(one, rule, &format!("{at}[]"))?;
                    }
                    true
                }
                other => panic!("the schema uses {other}, which this check does not understand"),
            };
            if !holds {
                return Err(format!("{at}: {value} is not {keyword} {rule}"));
            }
        }
        Ok(())
    }

    fn properties(&self, value: &Value, described: &Map<String, Value>, at: &str) -> Result<(), String> {
        for (key, one) in value.as_object().expect("an object") {
            let rule = described.get(key).ok_or_else(|| format!("{at}.{key} is not described"))?;
            self.value(one, rule, &format!("{at}.{key}"))?;
        }
        Ok(())
    }
}

fn types(rule: &Value) -> impl Iterator<Item = &str> {
    let one = rule.as_str().into_iter();
    one.chain(rule.as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        // Integers beyond 64 bits are read as floats.
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema uses type {other}"),
    }
}

/// The two patterns of the schema: hex, and the names of frame types.
fn matches(text: &str, pattern: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'));
    if pattern == "^([0-9a-f][0-9a-f])*$" {
        return text.len().is_multiple_of(2) && is_hex(text);
    }
    let names = pattern
        .strip_prefix("^(")
        .and_then(|rest| rest.strip_suffix(r"|UNKNOWN\(0x[0-9a-f]{2}\))$"))
        .expect("a known pattern");
    let number = text.strip_prefix("UNKNOWN(0x").and_then(|rest| rest.strip_suffix(')'));
    names.split('|').any(|name| name == text) || number.is_some_and(|number| number.len() == 2 && is_hex(number))
}
