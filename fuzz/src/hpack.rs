//! Header compression. The input: after which block the late decoder starts (an octet), then blocks: a length (an octet) and octets.

use framescope::http2::hpack::{Decoder, Limits, Scratch, Start};

use crate::Octets;

type Field = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Decodes blocks from the start, and from later on: what the late decoder shows must be what the other one shows.
pub fn run(data: &[u8]) {
    let mut input = Octets(data);
    let (skip, lost) = (usize::from(input.octet() % 8), usize::from(input.octet()));
    let mut scratch = Scratch::new();
    let mut known = Decoder::new(Start::Known, Limits::default());
    let mut late = Decoder::new(Start::Late, Limits::default());
    known.set_size_limit(65_536);
    late.set_size_limit(65_536);
    let mut number = 0;
    while !input.is_empty() {
        let length = usize::from(input.octet());
        let block = input.take(length);
        let (truth, valid) = fields(&mut known, block, &mut scratch);
        assert!(known.held_bytes() < 4 << 20);
        // From a fault on nobody knows what the encoder meant.
        if !valid || !known.is_exact() {
            return;
        }
        if number >= skip && number != lost {
            let (seen, _) = fields(&mut late, block, &mut scratch);
            assert_eq!(seen.len(), truth.len(), "block {number}");
            for ((name, value), (true_name, true_value)) in seen.iter().zip(&truth) {
                assert!(name.is_none() || name == true_name, "block {number}: {name:?} where {true_name:?} is true");
                assert!(
                    value.is_none() || value == true_value,
                    "block {number}: {value:?} where {true_value:?} is true"
                );
            }
        } else {
            late.lose_track();
        }
        number += 1;
    }
}

fn fields(decoder: &mut Decoder, block: &[u8], scratch: &mut Scratch) -> (Vec<Field>, bool) {
    let decoded = decoder.decode(block, scratch);
    let mut last = 0;
    for field in decoded.fields() {
        assert!(field.span().start >= last && field.span().end <= u32::try_from(block.len()).expect("it fits"));
        last = field.span().end;
    }
    let fields =
        decoded.fields().map(|field| (field.name().map(<[u8]>::to_vec), field.value().map(<[u8]>::to_vec))).collect();
    (fields, decoded.faults().is_empty())
}
