//! Header fields after a loss: never a wrong name or value, and everything that can be known.

use super::support::{Field, SeenBlock};
use super::{direction, each, list, stream};

/// The octets of a text in which each character is one octet.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[test]
fn whole_header_blocks_show_what_is_true_and_all_that_can_be_known() {
    let mut compared = 0;
    each(|case, complain| {
        let listed = list(&case.expect["headers"]);
        for expected in listed {
            let (stream, one) = (stream(expected), direction(&expected["direction"]));
            let place = format!("{} stream {stream} block {}", one.name(), expected["block"]);
            let same_stream = |other: &&serde_json::Value| {
                other["stream"] == expected["stream"] && other["direction"] == expected["direction"]
            };
            let nth = listed.iter().take_while(|other| !std::ptr::eq(*other, expected)).filter(same_stream).count();
            let blocks: Vec<&SeenBlock> =
                case.trace.blocks(0, stream, one).into_iter().filter(|block| block.complete).collect();
            let Some(block) = blocks.get(nth) else {
                complain(format!("{place}: it is not shown"));
                continue;
            };
            let truth = list(&expected["fields"]);
            if block.fields.len() != truth.len() {
                complain(format!("{place}: {} fields where {} are true", block.fields.len(), truth.len()));
                continue;
            }
            for ((name, value), truth) in block.fields.iter().zip(truth) {
                compared += 1;
                for (seen, truth, knowable) in [(name, &truth[0], &truth[2]), (value, &truth[1], &truth[3])] {
                    match seen {
                        Some(seen) if *seen != latin1(truth.as_str().unwrap()) => {
                            complain(format!("{place}: {} where {truth} is true", seen.escape_ascii()))
                        }
                        None if *knowable == true => complain(format!("{place}: {truth} is not shown")),
                        _ => {}
                    }
                }
            }
        }
    });
    assert!(compared > 500, "only {compared} fields were compared");
}

#[test]
fn no_block_whole_or_not_shows_a_field_that_was_not_there() {
    each(|case, complain| {
        for frame in &case.trace.frames {
            let Some(block) = &frame.block else { continue };
            // Which of the stream's blocks it is, nobody can tell for certain where some are lost: it must fit one of them.
            let truth = case.base.blocks(0, frame.stream(), frame.direction);
            if !truth.iter().any(|truth| fits(&block.fields, &truth.fields, block.complete)) {
                complain(format!(
                    "packet {} stream {} {}: {:?}",
                    frame.packet,
                    frame.stream(),
                    frame.direction.name(),
                    block.fields
                ));
            }
        }
    });
}

fn fits(seen: &[Field], truth: &[Field], whole: bool) -> bool {
    let same = |seen: &Option<Vec<u8>>, truth: &Option<Vec<u8>>| seen.is_none() || seen == truth;
    (if whole { seen.len() == truth.len() } else { seen.len() <= truth.len() })
        && seen.iter().zip(truth).all(|(seen, truth)| same(&seen.0, &truth.0) && same(&seen.1, &truth.1))
}
