//! Messages. The input: which type (an octet), then the message.

use std::cell::RefCell;

use framescope::protobuf::decode::{Decoder, Limits};
use framescope::protobuf::schema::Schema;

/// Types that the first octet picks from.
pub const TYPES: [&str; 10] = [
    "lab.v1.Kinds",
    "lab.legacy.Legacy",
    "lab.editions.Doc",
    "lab.v1.Item",
    "lab.v1.ItemV2",
    "google.rpc.Status",
    "google.protobuf.Struct",
    "google.protobuf.Any",
    "google.protobuf.Timestamp",
    "google.rpc.BadRequest",
];

thread_local! {
    static SCHEMA: RefCell<Option<Schema>> = const { RefCell::new(None) };
}

/// Reads the message with its type and without one.
pub fn run(data: &[u8]) {
    let Some((kind, octets)) = data.split_first() else { return };
    SCHEMA.with_borrow_mut(|schema| {
        let schema = schema.get_or_insert_with(crate::schema);
        let message = schema.message(TYPES[usize::from(*kind) % TYPES.len()]).expect("the type is in the schema");
        let mut decoder = Decoder::new(Limits { depth: 40, output: 1 << 16, ..Limits::default() });
        let mut out = Vec::new();
        let report = decoder.json(schema, message, octets, &mut out);
        check(report, octets);
        is_json(&out);
        out.clear();
        decoder.unknown_fields_json(octets, &mut out);
        is_json(&out);
        out.clear();
        decoder.line(schema, message, octets, 100, &mut out);
        assert!(std::str::from_utf8(&out).is_ok(), "a line is text");
        out.clear();
        decoder.guess_json(octets, &mut out);
        is_json(&out);
        out.clear();
        decoder.guess_line(octets, 100, &mut out);
        assert!(std::str::from_utf8(&out).is_ok(), "a line is text");
        let mut values = 0;
        let report = decoder.values(schema, message, octets, &mut |event| {
            values += 1;
            let _ = format!("{event:?}");
        });
        check(report, octets);
        assert!(decoder.held_bytes() < 16 << 20);
    });
}

fn check(report: &framescope::protobuf::decode::Report, octets: &[u8]) {
    for fault in report.faults() {
        assert!(fault.offset + fault.length <= octets.len(), "a fault lies within the message");
        let _ = fault.to_string();
    }
}

fn is_json(out: &[u8]) {
    if !out.is_empty() {
        let text = std::str::from_utf8(out).expect("JSON is text");
        // serde_json gives up at 128 levels; the decoder stays below that.
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
    }
}
