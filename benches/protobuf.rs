//! Nanoseconds a message: `cargo bench --bench protobuf`.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use framescope::protobuf::decode::Decoder;
use framescope::protobuf::schema::{Disk, Inputs, Schema};

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/protobuf");
    let inputs = Inputs { protos: vec![fixtures.join("../proto")], ..Inputs::default() };
    time("schema: built-in types", || drop(black_box(Schema::builtin())));
    time("schema: the lab's files", || drop(black_box(Schema::load(&inputs, &Disk))));
    let (schema, _) = Schema::load(&inputs, &Disk).expect("the fixtures load");
    let payload = |name: &str| std::fs::read(fixtures.join("payloads").join(name)).unwrap_or_default();
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    for (name, octets) in [
        ("lab.v1.EchoReply", b"\x0a\x10hello from a cup\x10\x96\x01\x1a\x20\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f".to_vec()),
        ("lab.v1.Kinds", thirteen_numbers()),
        ("lab.v1.Kinds", payload("kinds.request.bin")),
        ("lab.legacy.Legacy", payload("legacy.request.bin")),
    ] {
        let Some(id) = schema.message(name) else { continue };
        let what = format!("{name}, {} octets", octets.len());
        time(&format!("json: {what}"), || {
            out.clear();
            black_box(decoder.json(&schema, id, black_box(&octets), &mut out));
        });
        time(&format!("line: {what}"), || {
            out.clear();
            black_box(decoder.line(&schema, id, black_box(&octets), 100, &mut out));
        });
        time(&format!("guess: {what}"), || {
            out.clear();
            black_box(decoder.guess_json(black_box(&octets), &mut out));
        });
    }
    time("method lookup", || {
        black_box(schema.method(black_box("/lab.v1.Lab/Echo")));
    });
}

/// 13 values in about 60 octets: integers, a bool, a text, an inner message.
fn thirteen_numbers() -> Vec<u8> {
    let mut octets =
        b"\x18\x05\x20\x96\x01\x28\x07\x30\xac\x02\x38\x09\x40\x0b\x4d\x01\0\0\0\x55\x02\0\0\0\x68\x01".to_vec();
    octets.extend_from_slice(b"\x72\x0cuser-1234567\x80\x01\x01\xb2\x04\x08\x0a\x04name\x10\x07");
    octets
}

/// The best of many short runs, so that other processes disturb little.
fn time(what: &str, mut run: impl FnMut()) {
    let budget = Duration::from_millis(200);
    let begin = Instant::now();
    let mut best = f64::MAX;
    let mut batch = 1u32;
    while begin.elapsed() < budget {
        let start = Instant::now();
        (0..batch).for_each(|_| run());
        let nanos = start.elapsed().as_nanos() as f64 / f64::from(batch);
        best = best.min(nanos);
        if nanos * f64::from(batch) < 1e6 {
            batch = batch.saturating_mul(2);
        }
    }
    println!("{best:>12.0} ns  {what}");
}
