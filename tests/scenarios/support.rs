//! What a simulated scenario shows, as records.

use std::process::{Command, Stdio};

use serde_json::Value;

/// The records of `demo NAME --simulate -T ndjson`.
pub(crate) struct Trace(Vec<Value>);

pub(crate) fn trace(name: &str) -> Trace {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    let output = command.args(["demo", name, "--simulate", "-T", "ndjson"]).stdin(Stdio::null()).output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    Trace(text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

impl Trace {
    pub(crate) fn records(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|record| record["type"] == kind).collect()
    }

    /// The frames of this name that were sent in this direction, or in either.
    pub(crate) fn frames(&self, name: &str, direction: &str) -> Vec<&Value> {
        let wanted =
            |frame: &&Value| frame["frame"] == name && (direction.is_empty() || frame["direction"] == direction);
        self.records("frame").into_iter().filter(wanted).collect()
    }

    /// The calls in the order in which they began.
    pub(crate) fn calls(&self) -> Vec<&Value> {
        let mut calls = self.records("call");
        calls.sort_by_key(|call| number(&call["call"]));
        calls
    }

    /// Their statuses; -1 for none.
    pub(crate) fn statuses(&self) -> Vec<i64> {
        self.calls().iter().map(|call| call["status"].as_i64().unwrap_or(-1)).collect()
    }

    /// The flows by their numbers.
    pub(crate) fn flows(&self) -> Vec<&Value> {
        let mut flows = self.records("flow");
        flows.sort_by_key(|flow| number(&flow["flow"]));
        flows
    }

    /// How many calls went to each server.
    pub(crate) fn calls_by_server(&self) -> Vec<(String, usize)> {
        let count = |flow: &Value| self.calls().iter().filter(|call| call["flow"] == flow["flow"]).count();
        self.flows().iter().map(|flow| (flow["server"].as_str().unwrap().to_owned(), count(flow))).collect()
    }
}

pub(crate) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// Milliseconds since the start of every simulated scenario.
pub(crate) fn millis(value: &Value) -> f64 {
    (number(value) - 1_767_225_600_000_000_000) as f64 / 1e6
}

/// The values of a field of the frame's header list.
pub(crate) fn field<'f>(frame: &'f Value, name: &str) -> Vec<&'f Value> {
    frame["fields"].as_array().into_iter().flatten().filter(|field| field["name"] == name).collect()
}
