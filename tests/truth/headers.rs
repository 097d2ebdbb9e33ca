//! Header fields where the capture lost some: what is shown is true, and what can be known is shown.

use super::support::{Field, complain};
use super::{cases, flow, latin1, list, text};
use framescope::direction::Direction;

#[test]
fn fields_of_damaged_and_late_captures_are_true_and_as_known_as_they_can_be() {
    let mut complaints = Vec::new();
    let mut compared = 0;
    for case in cases() {
        for expected in list(&case.truth["expected_headers"]) {
            let stream = u32::try_from(expected["stream"].as_u64().unwrap()).unwrap();
            let direction = if expected["dir"] == "c2s" { Direction::ToServer } else { Direction::ToClient };
            let flow = flow(&case, &expected["conn"]).expect("the connection is there");
            let place = format!(
                "{}: {} {} stream {stream} packet {}",
                case.name, expected["conn"], expected["dir"], expected["packet"]
            );
            // A block is told by its packet and, where a packet holds several of the stream, by its place among them.
            let earlier =
                list(&case.truth["expected_headers"]).iter().take_while(|other| !std::ptr::eq(*other, expected));
            let same_place = |other: &&serde_json::Value| {
                ["conn", "dir", "stream", "packet"].iter().all(|key| other[*key] == expected[*key])
            };
            let nth = earlier.filter(same_place).count();
            let frames = case
                .trace
                .frames
                .iter()
                .filter(|frame| (frame.flow, frame.stream(), frame.direction) == (flow, stream, direction));
            let mut blocks = frames
                .filter(|frame| Some(frame.packet) == expected["packet"].as_u64())
                .filter_map(|frame| frame.block.as_ref());
            let Some(block) = blocks.nth(nth) else {
                complaints.push(format!("{place}: no header block"));
                continue;
            };
            let wanted = list(&expected["headers"]);
            if block.fields.len() != wanted.len() {
                complaints.push(format!("{place}: {} fields where {} are true", block.fields.len(), wanted.len()));
                continue;
            }
            for ((name, value), truth) in block.fields.iter().zip(wanted) {
                compared += 1;
                let known = |place: usize| truth[place].as_bool().unwrap();
                for (what, seen, truth, knowable) in
                    [("name", name, &truth[0], known(2)), ("value", value, &truth[1], known(3))]
                {
                    match seen {
                        Some(seen) if *seen != latin1(text(truth)) && seen != text(truth).as_bytes() => {
                            complaints.push(format!(
                                "{place}: {what} {:?} where {truth} is true",
                                seen.escape_ascii().to_string()
                            ));
                        }
                        None if knowable => complaints.push(format!("{place}: the {what} {truth} is not shown")),
                        _ => {}
                    }
                }
            }
        }
    }
    assert!(compared > 300, "only {compared} fields were compared");
    complain(&complaints);
}

#[test]
fn blocks_of_whole_captures_have_no_placeholder() {
    let partial = ["d_gap_headers", "py_midconn"];
    for case in cases().iter().filter(|case| !partial.contains(&case.name.as_str())) {
        for frame in &case.trace.frames {
            let Some(block) = &frame.block else { continue };
            let known = |(name, value): &Field| name.is_some() && value.is_some();
            assert!(block.complete && block.fields.iter().all(known), "{}: packet {}", case.name, frame.packet);
        }
    }
}
