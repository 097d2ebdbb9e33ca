//! Every shared capture decodes to its truth: what the applications logged, and what an independent decoder read.
#![allow(missing_docs, reason = "a test binary")]

#[path = "../support/mod.rs"]
mod support;

mod applications;
mod headers;
mod implementation;
mod wire;

use serde_json::Value;
use support::{Trace, fixtures, json, stem};

/// A capture and its truth.
struct Case {
    name: String,
    trace: Trace,
    truth: Value,
}

fn cases() -> Vec<Case> {
    let paths = fixtures("captures", ".truth.json");
    let case = |path: &std::path::PathBuf| {
        let truth = json(path);
        let file = truth["file"].as_str().unwrap();
        Case { name: stem(path), trace: Trace::of(&path.with_file_name(file)), truth }
    };
    paths.iter().map(case).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The octets a truth states: text, or an object with `hex`.
fn octets(value: &Value) -> Vec<u8> {
    match value.get("hex") {
        Some(hex) => unhex(text(hex)),
        None => text(value).as_bytes().to_vec(),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let nibble = |c: char| u8::try_from(c.to_digit(16).unwrap()).unwrap();
    let nibbles: Vec<u8> = hex.chars().map(nibble).collect();
    nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The octets of a field's text: each character is one octet unless the text goes beyond Latin-1.
fn latin1(text: &str) -> Vec<u8> {
    let octets: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    octets.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The flow of the truth's connection `number`.
fn flow(case: &Case, number: &Value) -> Option<usize> {
    let wire = case.truth.get("wire").unwrap_or(&case.truth["wire_of_base"]);
    let connection = list(&wire["connections"]).iter().find(|connection| connection["id"] == *number)?;
    case.trace.flow_of_client(text(&connection["client"]))
}
