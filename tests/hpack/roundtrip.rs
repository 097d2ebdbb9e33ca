//! What the encoder writes, the decoder reads.

use framescope::http2::hpack::{Encoder, How, Huffman, Indexing, Representation, Scratch};
use proptest::prelude::*;

use crate::support::{known, shown};

/// Something to do with an encoder between two blocks.
#[derive(Clone, Debug)]
enum Step {
    Limit(u32),
    Resize(u32),
    Block(Vec<(String, Vec<u8>, How)>),
}

fn how() -> impl Strategy<Value = How> {
    use Indexing::{Incremental, Never, Without};
    (
        prop::sample::select(vec![Incremental, Incremental, Without, Never]),
        prop::sample::select(vec![Huffman::Shorter, Huffman::Always, Huffman::Never]),
    )
        .prop_map(|(indexing, huffman)| How { indexing, huffman })
}

fn field() -> impl Strategy<Value = (String, Vec<u8>, How)> {
    let name = prop_oneof![
        prop::sample::select(vec![":path", ":status", "content-type", "te", "x-a", "x-b", ""]).prop_map(String::from),
        "[a-z-]{1,40}",
    ];
    let value = prop_oneof![
        prop::sample::select(vec!["/", "200", "trailers", "application/grpc", ""])
            .prop_map(|value| value.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..300),
    ];
    (name, value, how())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..6000u32).prop_map(Step::Limit),
        1 => (0..6000u32).prop_map(Step::Resize),
        6 => prop::collection::vec(field(), 0..12).prop_map(Step::Block),
    ]
}

proptest! {
    #[test]
    fn every_block_decodes_back_and_the_tables_stay_the_same(
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let mut encoder = Encoder::new();
        let mut decoder = known();
        let mut scratch = Scratch::new();
        for step in steps {
            let fields = match step {
                Step::Limit(limit) => {
                    encoder.set_size_limit(limit);
                    decoder.set_size_limit(limit);
                    continue;
                }
                Step::Resize(size) => {
                    encoder.resize(size);
                    continue;
                }
                Step::Block(fields) => fields,
            };
            let mut out = Vec::new();
            let mut writer = encoder.block(&mut out);
            for (name, value, how) in &fields {
                writer.field_with(name.as_bytes(), value, *how);
            }
            let block = decoder.decode(&out, &mut scratch);
            prop_assert_eq!(block.faults(), []);
            let expected: Vec<_> = fields
                .iter()
                .map(|(name, value, _)| (Some(name.as_bytes().to_vec()), Some(value.clone())))
                .collect();
            prop_assert_eq!(shown(block), expected);
            let represented = block.fields().filter(|field| field.size_update().is_none());
            for (field, (_, _, how)) in represented.zip(&fields) {
                let representation = field.representation();
                match how.indexing {
                    Indexing::Never => {
                        prop_assert_eq!(representation, Representation::NeverIndexed);
                    }
                    Indexing::Without => {
                        prop_assert_eq!(representation, Representation::Literal);
                    }
                    Indexing::Incremental => {
                        prop_assert_ne!(representation, Representation::NeverIndexed);
                    }
                }
            }
            prop_assert!(decoder.is_exact());
            prop_assert_eq!(decoder.table_size(), encoder.table_size());
            prop_assert_eq!(decoder.table_max_size(), Some(encoder.table_max_size()));
        }
    }
}

#[test]
fn a_size_that_sank_and_rose_is_announced_as_smallest_then_final() {
    let mut encoder = Encoder::new();
    encoder.set_size_limit(0);
    encoder.set_size_limit(4096);
    let mut out = Vec::new();
    encoder.encode([], &mut out);
    let (mut decoder, mut scratch) = (known(), Scratch::new());
    let sizes: Vec<_> = decoder.decode(&out, &mut scratch).fields().map(|field| field.size_update()).collect();
    assert_eq!(sizes, [Some(0), Some(4096)]);
}

#[test]
fn a_repeated_request_takes_one_octet_a_field() {
    let request: [(&[u8], &[u8]); 3] = [(b":method", b"POST"), (b":path", b"/proto.Search/Find"), (b"te", b"trailers")];
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.encode(request, &mut out);
    out.clear();
    encoder.encode(request, &mut out);
    assert_eq!(out.len(), 3);
}
