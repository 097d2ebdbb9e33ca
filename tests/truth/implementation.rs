//! Frames as both processes of grpc-go logged them (`GODEBUG=http2debug=2`).

use super::support::SeenFrame;
use super::{cases, list, text};
use framescope::direction::Direction;

#[test]
fn frames_are_those_both_grpc_go_processes_logged() {
    let mut compared = 0;
    for case in cases() {
        let Some(logs) = case.truth.get("implementation_frames") else { continue };
        for (process, verb, direction) in [
            ("client", "wrote ", Direction::ToServer),
            ("client", "read ", Direction::ToClient),
            ("server", "wrote ", Direction::ToClient),
            ("server", "read ", Direction::ToServer),
        ] {
            let shown: Vec<&SeenFrame> = case
                .trace
                .frames
                .iter()
                .filter(|frame| frame.direction == direction && frame.header.is_some())
                .collect();
            let mut logged = Vec::new();
            for connection in list(&logs[process]) {
                logged.extend(list(connection).iter().filter_map(|line| text(line).strip_prefix(verb)));
            }
            // A process that ended may have sent or been sent what it did not log any more.
            assert!(shown.len() >= logged.len(), "{} {process} {verb}: {} of {}", case.name, shown.len(), logged.len());
            for (line, frame) in logged.iter().zip(&shown) {
                let (head, tail) = describe(frame);
                assert!(
                    line.starts_with(&head),
                    "{} packet {}: {head} where the {process} logged {line}",
                    case.name,
                    frame.packet
                );
                assert!(
                    line.contains(&tail),
                    "{} packet {}: {tail} where the {process} logged {line}",
                    case.name,
                    frame.packet
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 150, "only {compared} frames were compared");
}

/// A frame in the words of golang.org/x/net/http2: how the line begins, and what it contains further on.
fn describe(frame: &SeenFrame) -> (String, String) {
    let header = frame.header.unwrap();
    let kind = frame.kind();
    let flags = header.flags().0;
    let named: &[(u8, &str)] = match kind.as_str() {
        "DATA" => &[(1, "END_STREAM"), (8, "PADDED")],
        "HEADERS" => &[(1, "END_STREAM"), (4, "END_HEADERS"), (8, "PADDED"), (32, "PRIORITY")],
        "SETTINGS" | "PING" => &[(1, "ACK")],
        _ => &[],
    };
    let names: Vec<&str> = named.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    let mut line = kind.clone();
    if !names.is_empty() {
        line += &format!(" flags={}", names.join("|"));
    }
    if header.stream().0 != 0 {
        line += &format!(" stream={}", header.stream());
    }
    line += &format!(" len={}", header.length());
    let number = |octets: &[u8]| u32::from_be_bytes(octets.try_into().unwrap());
    let tail = match kind.as_str() {
        "WINDOW_UPDATE" => format!("incr={}", number(&frame.payload)),
        "GOAWAY" => format!("LastStreamID={}", number(&frame.payload[..4])),
        _ => String::new(),
    };
    (line, tail)
}
