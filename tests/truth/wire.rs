//! Frames and streams as python-hyper read them from the same octets.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::support::complain;
use super::{Case, cases, flow, hex, list, text};
use framescope::direction::Direction;
use framescope::grpc::call::Outcome;
use framescope::tcp::Close;

/// Captures of which the truth describes a whole that they lack a part of.
const PARTIAL: [&str; 2] = ["d_gap_headers", "py_midconn"];

#[test]
fn frames_by_type_and_direction_are_those_of_the_wire() {
    let mut complaints = Vec::new();
    for case in cases() {
        let wire = case.truth.get("wire").unwrap_or(&case.truth["wire_of_base"]);
        // tshark misreads reordered segments and frames beyond what it reassembles: it counts only where nobody else did.
        let wanted = if PARTIAL.contains(&case.name.as_str()) || wire.is_null() {
            vec![("both ways", None, case.truth.get("tshark_frames_by_type"))]
        } else {
            vec![
                ("to server", Some(Direction::ToServer), wire.get("frames_c2s")),
                ("to client", Some(Direction::ToClient), wire.get("frames_s2c")),
                ("both ways", None, wire.get("frames_by_type")),
            ]
        };
        for (what, direction, truth) in wanted {
            let Some(truth) = truth else { continue };
            let mut seen: BTreeMap<String, u64> = BTreeMap::new();
            for frame in case.trace.frames.iter().filter(|frame| direction.is_none_or(|one| frame.direction == one)) {
                *seen.entry(frame.kind()).or_default() += 1;
            }
            let mut truth = counts(truth);
            if case.name == "d_gap_headers" {
                truth = counts(&wire["frames_by_type"]);
                for lost in list(&case.truth["lost_frames"]) {
                    *truth.get_mut(text(&lost["type"])).unwrap() -= 1;
                }
            }
            if seen != truth {
                complaints.push(format!("{} {what}: {seen:?} where {truth:?} is true", case.name));
            }
        }
    }
    complain(&complaints);
}

fn counts(truth: &Value) -> BTreeMap<String, u64> {
    truth.as_object().unwrap().iter().map(|(name, count)| (name.clone(), count.as_u64().unwrap())).collect()
}

#[test]
fn every_call_of_the_wire_is_there_and_no_other() {
    let mut complaints = Vec::new();
    for case in cases().iter().filter(|case| case.truth.get("wire").is_some() || case.name == "d_reorder") {
        let wire = case.truth.get("wire").unwrap_or(&case.truth["wire_of_base"]);
        let streams = list(&wire["streams"]);
        if streams.len() != case.trace.calls.len() {
            complaints.push(format!(
                "{}: {} calls where {} are true",
                case.name,
                case.trace.calls.len(),
                streams.len()
            ));
        }
        for stream in streams {
            compare_stream(case, stream, &mut |complaint| {
                complaints.push(format!("{}: stream {}: {complaint}", case.name, stream["stream"]))
            });
        }
    }
    complain(&complaints);
}

fn compare_stream(case: &Case, truth: &Value, complain: &mut impl FnMut(String)) {
    let Some(flow) = flow(case, &truth["conn"]) else { return complain("its connection is missing".into()) };
    let stream = u32::try_from(truth["stream"].as_u64().unwrap()).unwrap();
    let Some(call) = case.trace.call(flow, stream) else { return complain("no call".into()) };
    let said = &call.said;
    let string = |octets: &Option<Vec<u8>>| octets.as_ref().map(|octets| String::from_utf8_lossy(octets).into_owned());
    let mut same = |what: &str, seen: String, truth: String| {
        if seen != truth {
            complain(format!("{what} is {seen} where {truth} is true"));
        }
    };
    let stated = |value: &Value| value.as_str().map(str::to_owned);
    same("path", format!("{:?}", string(&said.path)), format!("{:?}", stated(&truth["path"])));
    same(
        "HTTP status",
        format!("{:?}", said.http_status.map(|status| status.to_string())),
        format!("{:?}", stated(&truth["http_status"])),
    );
    same("status", format!("{:?}", said.status.map(u64::from)), format!("{:?}", truth["grpc_status"].as_u64()));
    if !truth["grpc_message"].is_null() {
        same(
            "message",
            format!("{:?}", string(&said.status_message).unwrap_or_default()),
            format!("{:?}", text(&truth["grpc_message"])),
        );
    }
    same("trailers-only", said.trailers_only.to_string(), truth["trailers_only"].as_bool().unwrap().to_string());
    same("begun", call.begins.to_string(), true.to_string());
    same("complete", call.complete.to_string(), true.to_string());
    for (place, direction, side) in [(0, Direction::ToServer, "request"), (1, Direction::ToClient, "response")] {
        let frames = case
            .trace
            .frames
            .iter()
            .filter(|frame| (frame.flow, frame.stream(), frame.direction) == (flow, stream, direction));
        let data = frames.clone().filter(|frame| frame.kind() == "DATA").count();
        same("DATA frames", data.to_string(), truth["data_frames"][place].to_string());
        let carried: u64 = frames
            .clone()
            .filter(|frame| frame.kind() == "DATA")
            .map(|frame| u64::from(frame.header.unwrap().length()))
            .sum();
        same("octets of DATA", carried.to_string(), truth["data_bytes"][place].to_string());
        same(
            "end of stream",
            frames.clone().any(|frame| frame.ends_stream).to_string(),
            truth["end_stream"][place].to_string(),
        );
        let messages = case.trace.messages(flow, stream, direction);
        same(side, messages.len().to_string(), truth[format!("{side}_messages")].to_string());
        let compressed = messages.iter().filter(|message| message.flag & 1 == 1).count() as u64;
        same(
            "compressed",
            compressed.to_string(),
            truth[format!("{side}_compressed")].as_u64().unwrap_or(0).to_string(),
        );
        if let Some(encoding) = truth[format!("{side}_encoding")].as_str() {
            same("encoding", format!("{:?}", string(&said.encodings[direction])), format!("{:?}", Some(encoding)));
        }
        if let Some(hash) = truth[format!("{side}_stream_sha256")].as_str() {
            let mut digest = Sha256::new();
            for message in &messages {
                // The truth's reader had no zstd: it took such messages as they stood.
                let zstd = truth[format!("{side}_encoding")] == "zstd";
                let content =
                    if zstd { &message.octets } else { message.content.as_ref().expect("it can be unpacked") };
                digest.update(u32::try_from(content.len()).unwrap().to_be_bytes());
                digest.update(content);
            }
            same("hash of the messages", hex(&digest.finalize()), hash.to_owned());
        }
    }
    let resets: Vec<(&str, u32)> = case
        .trace
        .frames
        .iter()
        .filter(|frame| frame.flow == flow && frame.stream() == stream && frame.kind() == "RST_STREAM")
        .map(|frame| (frame.direction.sender(), u32::from_be_bytes(frame.payload.as_slice().try_into().unwrap())))
        .collect();
    let stated: Vec<(&str, u32)> = match list(&truth["rst"]) {
        [sender, code] => vec![(text(sender), u32::try_from(code.as_u64().unwrap()).unwrap())],
        _ => Vec::new(),
    };
    same("RST_STREAM", format!("{resets:?}"), format!("{stated:?}"));
    // A reset after the response has ended takes nothing back.
    let of_stream = |frame: &&super::support::SeenFrame| (frame.flow, frame.stream()) == (flow, stream);
    let ends_the_call = |frame: &&super::support::SeenFrame| {
        frame.kind() == "RST_STREAM" || (frame.ends_stream && frame.direction == Direction::ToClient)
    };
    let first = case.trace.frames.iter().filter(of_stream).find(ends_the_call);
    let response_ended =
        truth["end_stream"][1] == Value::Bool(true) && first.is_some_and(|frame| frame.kind() != "RST_STREAM");
    let outcome = said.outcome.expect("a call that was handed out has an outcome");
    let right = match stated.first() {
        _ if response_ended => outcome == Outcome::Completed,
        Some(("client", code)) => matches!(outcome, Outcome::ResetByClient(seen) if seen.0 == *code),
        Some((_, code)) => {
            matches!(outcome, Outcome::ResetByServer(seen) if seen.0 == *code)
                || (*code == 7 && outcome == Outcome::Refused)
        }
        None => matches!(outcome, Outcome::Open | Outcome::ConnectionLost | Outcome::Refused),
    };
    if !right {
        complain(format!("outcome {outcome:?} where the wire has {truth}"));
    }
}

#[test]
fn connections_have_both_ends_and_close_as_the_wire_says() {
    let mut complaints = Vec::new();
    for case in cases() {
        let wire = case.truth.get("wire").unwrap_or(&case.truth["wire_of_base"]);
        for connection in list(&wire["connections"]) {
            let found = case.trace.flow_of_client(text(&connection["client"])).map(|id| &case.trace.flows[&id]);
            let Some((facts, _, close)) = found else {
                complaints.push(format!("{}: no flow of {}", case.name, connection["client"]));
                continue;
            };
            if facts.server.to_string() != text(&connection["server"]) {
                complaints.push(format!("{}: {} where {} is true", case.name, facts.server, connection["server"]));
            }
            let side = |name: &str| (connection[name][0].as_bool().unwrap(), connection[name][1].as_bool().unwrap());
            let right = match (side("fin"), side("rst"), close) {
                ((true, true), (false, false), Some(Close::Fin)) | (_, (false, false), Some(Close::Open)) => true,
                // A side that has finished may still be answered with RST.
                ((true, true), _, Some(Close::Fin)) => true,
                (_, (by_client, by_server), Some(Close::Reset(by))) => {
                    if *by == Direction::ToServer {
                        by_client
                    } else {
                        by_server
                    }
                }
                _ => false,
            };
            if !right && case.truth.get("wire").is_some() {
                complaints
                    .push(format!("{}: {} closes with {close:?} where {connection} is true", case.name, facts.client));
            }
        }
    }
    complain(&complaints);
}

#[test]
fn whole_captures_show_nothing_lost_and_nothing_malformed() {
    let mut complaints = Vec::new();
    for case in cases().iter().filter(|case| !PARTIAL.contains(&case.name.as_str())) {
        let trace = &case.trace;
        let clean = trace.gaps.is_empty()
            && trace.conflicts == 0
            && trace.resyncs.is_empty()
            && trace.limits.is_empty()
            && trace.error.is_none();
        // nginx answers gRPC with HTML, which is no malformed message.
        if !clean || !trace.malformed.is_empty() {
            complaints.push(format!(
                "{}: gaps {:?}, conflicts {}, resyncs {:?}, malformed {:?}, limits {:?}",
                case.name, trace.gaps, trace.conflicts, trace.resyncs, trace.malformed, trace.limits
            ));
        }
    }
    complain(&complaints);
}

#[test]
fn upgraded_connections_show_the_frames_both_sides_logged() {
    let case = cases().into_iter().find(|case| case.name == "h2_upgrade").unwrap();
    assert!(case.trace.calls.is_empty(), "there is no gRPC in it");
    let protocols: Vec<&str> = case.trace.flows.values().map(|(_, protocol, _)| *protocol).collect();
    assert_eq!(protocols, ["http2", "http2", "http1"]);
    let mut compared = 0;
    // `recv NAME frame <length=N, flags=0xNN, stream_id=N>` and the same with `send`, as nghttp logged the first connection.
    for (log, flow) in list(&case.truth["nghttp_verbose"]).iter().zip([0, 1]) {
        for (verb, direction) in [("send", Direction::ToServer), ("recv", Direction::ToClient)] {
            let logged: Vec<String> = list(log).iter().filter_map(|line| logged_frame(text(line), verb)).collect();
            let shown: Vec<String> = case
                .trace
                .frames
                .iter()
                .filter(|frame| frame.flow == flow && frame.direction == direction)
                .filter_map(|frame| frame.header)
                .map(|header| {
                    format!(
                        "{} <length={}, flags=0x{:02x}, stream_id={}>",
                        header.kind(),
                        header.length(),
                        header.flags().0,
                        header.stream()
                    )
                })
                .collect();
            if logged.is_empty() {
                continue;
            }
            assert_eq!(shown, logged, "connection {flow}, {verb}");
            compared += shown.len();
        }
    }
    assert!(compared > 10, "only {compared} frames were compared");
}

fn logged_frame(line: &str, verb: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("] {verb} "))?;
    let (name, rest) = rest.split_once(" frame ")?;
    Some(format!("{name} {rest}"))
}
