//! What a capture lost is lost and nothing else: every damaged capture against the whole one it was made from.
#![allow(missing_docs, reason = "a test binary")]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod facts;
mod headers;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{SeenCall, SeenMessage, Trace, fixture, fixtures, json, stem};

use framescope::direction::Direction;

/// A damaged capture, what must hold of it, and the capture it was made from.
struct Case<'a> {
    name: String,
    trace: Trace,
    expect: Value,
    base: &'a Trace,
}

impl Case<'_> {
    /// Whether calls are touched by the damage.
    fn is_partial(&self) -> bool {
        !list(&self.expect["partial"]).is_empty()
    }

    /// Whether octets are missing.
    fn loses_octets(&self) -> bool {
        self.is_partial() || self.expect.as_object().unwrap().keys().any(|key| key.starts_with("gap_"))
    }

    /// The call in the base; bases have one flow.
    fn in_base(&self, expected: &Value) -> &SeenCall {
        self.base.call(0, stream(expected)).expect("the base has the call")
    }

    fn messages_in_base(&self, stream: u32, direction: Direction) -> Vec<&SeenMessage> {
        self.base.messages(0, stream, direction)
    }
}

/// Calls `check` for every damaged capture.
fn each(mut check: impl FnMut(&Case<'_>, &mut dyn FnMut(String))) {
    let mut bases: BTreeMap<String, Trace> = BTreeMap::new();
    let mut complaints = Vec::new();
    for path in fixtures("damaged", ".expect.json") {
        let expect = json(&path);
        let base = expect["base"].as_str().unwrap();
        let base =
            bases.entry(base.to_owned()).or_insert_with(|| Trace::of(&fixture(&format!("captures/{base}.pcap"))));
        let trace = Trace::of(&path.with_file_name(expect["file"].as_str().unwrap()));
        let case = Case { name: stem(&path), trace, expect, base };
        check(&case, &mut |complaint| complaints.push(format!("{}: {complaint}", case.name)));
    }
    support::complain(&complaints);
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn stream(value: &Value) -> u32 {
    u32::try_from(value["stream"].as_u64().unwrap()).unwrap()
}

fn direction(name: &Value) -> Direction {
    if name == "to_server" { Direction::ToServer } else { Direction::ToClient }
}
