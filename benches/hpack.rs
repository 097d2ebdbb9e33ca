//! HPACK decoding, in pairs: each round runs every decoder on the same blocks, and the medians are compared.
//!
//! `cargo bench --bench hpack`, or `-- --quick` to see that it runs.

use std::hint::black_box;
use std::time::Instant;

use framescope::http2::hpack::{Decoder, Encoder, How, Huffman, Indexing, Limits, Scratch, Start, StaticName};

const ROUNDS: usize = 31;

/// Blocks that prepare the table, then the block that is decoded again and again.
struct Case {
    name: &'static str,
    before: Vec<u8>,
    block: Vec<u8>,
}

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick" || arg == "--test");
    let rounds = if quick { 3 } else { ROUNDS };
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>9} {:>9}   ns a block, median of {rounds}",
        "", "decode", "+ names", "+ text", "hpack", "loona"
    );
    for case in cases() {
        let times = measure(&case, rounds, if quick { 50 } else { 2000 });
        let [decode, names, text, hpack, loona] = times;
        println!(
            "{:<34} {decode:>9.1} {names:>9.1} {text:>9.1} {hpack:>9.1} {loona:>9.1}   {:.0}x hpack, {:.0}x loona",
            format!("{} ({} octets)", case.name, case.block.len()),
            hpack / text,
            loona / text,
        );
    }
}

fn measure(case: &Case, rounds: usize, repeat: usize) -> [f64; 5] {
    let mut scratch = Scratch::new();
    let mut ours = Decoder::new(Start::Known, Limits::default());
    ours.decode(&case.before, &mut scratch);
    let mut hpack = hpack::Decoder::new();
    hpack.decode(&case.before).expect("a valid block");
    let mut loona = loona_hpack::Decoder::new();
    loona.decode(&case.before).expect("a valid block");

    let mut samples: [Vec<f64>; 5] = Default::default();
    for _ in 0..rounds {
        let times = [
            time(repeat, || {
                black_box(ours.decode(black_box(&case.block), &mut scratch).len());
            }),
            time(repeat, || {
                let block = ours.decode(black_box(&case.block), &mut scratch);
                for field in block.fields() {
                    black_box(field.static_name() == StaticName::PATH);
                }
            }),
            time(repeat, || {
                let block = ours.decode(black_box(&case.block), &mut scratch);
                for field in block.fields() {
                    black_box((field.name(), field.value()));
                }
            }),
            time(repeat / 10, || {
                black_box(hpack.decode(black_box(&case.block)).is_ok());
            }),
            time(repeat / 10, || {
                black_box(loona.decode(black_box(&case.block)).is_ok());
            }),
        ];
        for (samples, time) in samples.iter_mut().zip(times) {
            samples.push(time);
        }
    }
    samples.map(|mut samples| {
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    })
}

fn time(repeat: usize, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..repeat {
        work();
    }
    start.elapsed().as_nanos() as f64 / repeat as f64
}

fn cases() -> Vec<Case> {
    let request: [(&[u8], &[u8]); 8] = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/proto.SearchService/Search"),
        (b":authority", b"127.0.0.1:50051"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", b"grpc-go/1.65.0"),
        (b"te", b"trailers"),
        (b"grpc-accept-encoding", b"gzip"),
    ];
    let mut encoder = Encoder::new();
    let mut before = Vec::new();
    encoder.encode(request, &mut before);
    let mut indexed = Vec::new();
    encoder.encode(request, &mut indexed);

    let literal = |indexing, huffman| {
        let mut out = Vec::new();
        let mut encoder = Encoder::new();
        let mut block = encoder.block(&mut out);
        for (name, value) in request {
            block.field_with(name, value, How { indexing, huffman });
        }
        out
    };
    let mut timeout = indexed.clone();
    let how = How { indexing: Indexing::Incremental, huffman: Huffman::Shorter };
    encoder.block(&mut timeout).field_with(b"grpc-timeout", b"99873u", how).field_with(
        b"x-request-id",
        b"5f2b7c1e-93aa-4c1b-8f0d-2f8e5a",
        how,
    );
    vec![
        Case { name: "8 indexed", before: before.clone(), block: indexed },
        Case { name: "8 indexed, 2 Huffman insertions", before: before.clone(), block: timeout },
        Case { name: "8 literals, plain", before: Vec::new(), block: literal(Indexing::Without, Huffman::Never) },
        Case { name: "8 literals, Huffman", before: Vec::new(), block: literal(Indexing::Without, Huffman::Always) },
        Case {
            name: "8 insertions, Huffman",
            before: Vec::new(),
            block: literal(Indexing::Incremental, Huffman::Always),
        },
    ]
}
