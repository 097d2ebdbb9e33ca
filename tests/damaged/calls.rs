//! Calls and messages: unchanged where the damage does not reach, never wrong where it does.

use super::support::{Said, SeenCall, SeenFrame, SeenMessage};
use super::{Case, each, list, stream};
use framescope::direction::Direction;
use framescope::grpc::call::Outcome;
use framescope::http2::connection::{Answers, Facts};

#[test]
fn calls_that_the_damage_does_not_touch_are_as_in_the_whole_capture() {
    each(|case, complain| {
        let flows = usize::try_from(case.expect["flows"].as_u64().unwrap_or(1)).unwrap();
        for expected in list(&case.expect["calls"]) {
            let stream = stream(expected);
            let found: Vec<&SeenCall> = case.trace.calls.iter().filter(|call| call.stream == stream).collect();
            if found.len() != flows {
                complain(format!("stream {stream}: {} calls where {flows} are true", found.len()));
            }
            let base = case.in_base(expected);
            for call in found {
                let stated = |name: &str| u32::try_from(expected[name].as_u64().unwrap()).unwrap();
                let counts = (call.messages.to_server, call.messages.to_client);
                if counts != (stated("request_messages"), stated("response_messages")) {
                    complain(format!("stream {stream}: {counts:?} messages where {expected} is true"));
                }
                if call.said.status.map(u64::from) != expected["status"].as_u64() {
                    complain(format!("stream {stream}: status {:?} where {expected} is true", call.said.status));
                }
                if !same_said(case, &call.said, &base.said) || call.metadata != base.metadata {
                    complain(format!("stream {stream}: {call:?} where {base:?} is true"));
                }
                if call.complete != base.complete {
                    complain(format!("stream {stream}: complete is {}", call.complete));
                }
                for direction in Direction::BOTH {
                    let seen = contents(&case.trace.messages(call.flow, stream, direction));
                    if seen != contents(&case.messages_in_base(stream, direction)) {
                        complain(format!("stream {stream}: the messages {} differ", direction.name()));
                    }
                }
            }
        }
    });
}

/// Equality but for how the connection went down, which a damaged capture may know better or not at all.
fn same_said(case: &Case<'_>, seen: &Said, base: &Said) -> bool {
    let mut seen = seen.clone();
    let open = [Outcome::Open, Outcome::ConnectionLost].map(Some);
    if case.expect.get("flows").is_some() && open.contains(&seen.outcome) && open.contains(&base.outcome) {
        seen.outcome = base.outcome;
    }
    seen == *base
}

fn contents(messages: &[&SeenMessage]) -> Vec<(u32, u8, u32, Option<Vec<u8>>)> {
    messages.iter().map(|message| (message.index, message.flag, message.missing, message.content.clone())).collect()
}

#[test]
fn captures_that_lost_nothing_show_no_gap_and_nothing_malformed() {
    each(|case, complain| {
        if case.loses_octets() {
            return;
        }
        let trace = &case.trace;
        if !trace.gaps.is_empty() || !trace.resyncs.is_empty() || !trace.limits.is_empty() {
            complain(format!("gaps {:?}, resyncs {:?}, limits {:?}", trace.gaps, trace.resyncs, trace.limits));
        }
        let not_tcp = case.expect.get("not_tcp").is_some();
        if !trace.malformed.is_empty() && !not_tcp {
            complain(format!("malformed: {:?}", trace.malformed));
        }
        if trace.frames.len() != case.base.frames.len() * case.trace.flows.len() && case.expect.get("exit").is_none() {
            complain(format!("{} frames where the base has {}", trace.frames.len(), case.base.frames.len()));
        }
    });
}

#[test]
fn captures_that_lost_nothing_show_prefaces_windows_and_answers_as_in_the_whole_capture() {
    each(|case, complain| {
        // Whatever the order in which packets were captured: frames come in that in which the two sides acted.
        for flow in 0..case.trace.flows.len() {
            let of = |frames: &'_ [SeenFrame], flow: usize| -> Vec<(Direction, u32, Facts)> {
                let of_flow = frames.iter().filter(|frame| frame.flow == flow);
                of_flow.map(|frame| (frame.direction, frame.stream(), without_times(frame.facts))).collect()
            };
            let (seen, base) = (of(&case.trace.frames, flow), of(&case.base.frames, 0));
            let same_order = seen.iter().map(|frame| frame.0).eq(base.iter().map(|frame| frame.0));
            if case.loses_octets() || !same_order {
                continue;
            }
            for (seen, base) in seen.iter().zip(&base).filter(|(seen, base)| seen != base) {
                complain(format!("flow {flow}: {seen:?} where {base:?} is true"));
            }
        }
    });
}

#[test]
fn windows_that_are_shown_after_a_loss_are_the_true_ones() {
    each(|case, complain| {
        if case.expect["opened"] == "mid" || case.expect.get("flows").is_some() {
            return;
        }
        for seen in &case.trace.frames {
            let same = |base: &&SeenFrame| base.direction == seen.direction && base.offset == seen.offset;
            let Some(base) = case.base.frames.iter().find(same) else { continue };
            let wrong = match (seen.facts, base.facts) {
                (Facts::Used { connection, stream }, Facts::Used { connection: a, stream: b }) => {
                    (connection.is_some() && connection != a) || (stream.is_some() && stream != b)
                }
                (Facts::Granted { window, used, .. }, Facts::Granted { window: a, used: b, .. }) => {
                    (window.is_some() && window != a) || (used.is_some() && used != b)
                }
                _ => false,
            };
            let in_two = case.name == "all_frames_in_two_packets";
            if wrong && !in_two {
                complain(format!("packet {}: {:?} where {:?} is true", seen.packet, seen.facts, base.facts));
            }
        }
    });
}

fn without_times(facts: Facts) -> Facts {
    match facts {
        Facts::Acknowledges(Answers::Sent(_)) => Facts::None,
        Facts::Granted { window, used, by, .. } => Facts::Granted { window, used, by, used_up: None },
        facts => facts,
    }
}

#[test]
fn what_was_lost_is_never_blamed_on_a_peer() {
    each(|case, complain| {
        if case.loses_octets() && !case.trace.malformed.is_empty() {
            complain(format!("malformed: {:?}", case.trace.malformed));
        }
    });
}

#[test]
fn calls_that_the_damage_touches_show_nothing_wrong_and_all_that_is_left() {
    each(|case, complain| {
        for expected in list(&case.expect["partial"]) {
            let stream = stream(expected);
            let mut complain = |what: String| complain(format!("stream {stream} ({}): {what}", expected["holds"]));
            let holds = expected["holds"].as_str().unwrap();
            let Some(call) = case.trace.calls.iter().find(|call| call.stream == stream) else {
                if !holds.starts_with("may") && !holds.starts_with("the part after") {
                    complain("no call".into());
                }
                continue;
            };
            never_wrong(case, call, &mut complain);
            match holds {
                "messages and data as in the base; header fields may be placeholders" => {
                    for direction in Direction::BOTH {
                        same_messages(case, call, direction, &mut complain);
                    }
                }
                "request side whole; no response side" => {
                    same_messages(case, call, Direction::ToServer, &mut complain);
                    let base = case.in_base(expected);
                    if call.said.path != base.said.path || call.metadata[0] != base.metadata[0] {
                        complain("the request differs".into());
                    }
                    if call.said.status.is_some() || call.said.http_status.is_some() || call.messages.to_client > 0 {
                        complain(format!("a response out of nothing: {call:?}"));
                    }
                }
                "response side whole; no request side" => {
                    same_messages(case, call, Direction::ToClient, &mut complain);
                    let base = case.in_base(expected);
                    if call.said.status != base.said.status
                        || call.metadata[1..] != base.metadata[1..]
                        || call.said.http_status != base.said.http_status
                    {
                        complain(format!("the response differs: {call:?}"));
                    }
                    if call.said.path.is_some() || call.messages.to_server > 0 {
                        complain(format!("a request out of nothing: {call:?}"));
                    }
                }
                "begins; shown as far as the capture goes" => {
                    if !call.begins || call.said.outcome != Some(Outcome::Open) {
                        complain(format!("it is not open: {call:?}"));
                    }
                }
                "connection_lost" => {
                    if call.said.outcome != Some(Outcome::ConnectionLost) {
                        complain(format!("outcome {:?}", call.said.outcome));
                    }
                }
                "octets of it are lost"
                | "may miss messages and fields"
                | "may be missing, open or whole, never wrong"
                | "the part after the start of the capture" => {}
                other => panic!("nobody knows what {other:?} means"),
            }
        }
        // Nothing else may appear.
        let expected = |stream: u32| {
            [&case.expect["calls"], &case.expect["partial"]]
                .iter()
                .any(|calls| list(calls).iter().any(|call| super::stream(call) == stream))
        };
        for call in case.trace.calls.iter().filter(|call| !expected(call.stream)) {
            complain(format!("a call that is not there: {call:?}"));
        }
    });
}

fn same_messages(case: &Case<'_>, call: &SeenCall, direction: Direction, complain: &mut impl FnMut(String)) {
    let plain = |messages: Vec<&SeenMessage>| {
        messages.iter().map(|message| (message.flag, message.missing, message.octets.clone())).collect::<Vec<_>>()
    };
    let seen = plain(case.trace.messages(call.flow, call.stream, direction));
    let base = plain(case.messages_in_base(call.stream, direction));
    if seen != base {
        complain(format!("{} messages {} where {} are true", seen.len(), direction.name(), base.len()));
    }
}

/// Everything shown of a call is in the whole capture too.
fn never_wrong(case: &Case<'_>, call: &SeenCall, complain: &mut impl FnMut(String)) {
    let base = case.base.call(0, call.stream).unwrap();
    let (seen, truth) = (&call.said, &base.said);
    let pairs = [
        ("path", &seen.path, &truth.path),
        ("authority", &seen.authority, &truth.authority),
        ("content-type", &seen.content_types.to_server, &truth.content_types.to_server),
        ("content-type", &seen.content_types.to_client, &truth.content_types.to_client),
        ("encoding", &seen.encodings.to_server, &truth.encodings.to_server),
        ("encoding", &seen.encodings.to_client, &truth.encodings.to_client),
        ("message", &seen.status_message, &truth.status_message),
        ("details", &seen.status_details, &truth.status_details),
    ];
    for (what, seen, truth) in pairs {
        if seen.is_some() && seen != truth {
            complain(format!("{what} {seen:?} where {truth:?} is true"));
        }
    }
    if seen.status.is_some() && seen.status != truth.status {
        complain(format!("status {:?} where {:?} is true", seen.status, truth.status));
    }
    if seen.http_status.is_some() && seen.http_status != truth.http_status {
        complain(format!("HTTP status {:?} where {:?} is true", seen.http_status, truth.http_status));
    }
    if seen.timeout.is_some() && seen.timeout != truth.timeout {
        complain(format!("timeout {:?} where {:?} is true", seen.timeout, truth.timeout));
    }
    if seen.trailers_only && !truth.trailers_only {
        complain("it was no Trailers-Only response".into());
    }
    let known = |fields: &[(Vec<u8>, Vec<u8>)], whole: &[(Vec<u8>, Vec<u8>)]| is_subsequence(fields, whole);
    // Without the response's first block nobody can tell whose list a field belongs to.
    let response = [base.metadata[1].clone(), base.metadata[2].clone()].concat();
    if !known(&call.metadata[0], &base.metadata[0]) || !known(&call.metadata[1..].concat(), &response) {
        complain(format!("metadata {:?} where {:?} is true", call.metadata, base.metadata));
    }
    for direction in Direction::BOTH {
        let whole = |messages: Vec<&SeenMessage>| {
            messages.iter().filter(|message| message.whole).map(|message| message.octets.clone()).collect::<Vec<_>>()
        };
        let seen = whole(case.trace.messages(call.flow, call.stream, direction));
        if !is_subsequence(&seen, &whole(case.messages_in_base(call.stream, direction))) {
            complain(format!("a message {} that was never sent", direction.name()));
        }
    }
}

fn is_subsequence<T: PartialEq>(part: &[T], whole: &[T]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|item| rest.any(|other| other == item))
}

#[test]
fn statuses_and_paths_are_shown_wherever_they_can_be_known() {
    each(|case, complain| {
        for expected in list(&case.expect["partial"]) {
            let Some(call) = case.trace.calls.iter().find(|call| call.stream == stream(expected)) else { continue };
            let blocks = list(&case.expect["headers"]).iter().filter(|block| block["stream"] == expected["stream"]);
            for field in
                blocks.flat_map(|block| list(&block["fields"])).filter(|field| field[2] == true && field[3] == true)
            {
                let value = field[1].as_str().unwrap();
                let shown = match field[0].as_str().unwrap() {
                    ":path" => call.said.path.as_deref() == Some(value.as_bytes()),
                    "grpc-status" => call.said.status.map(|status| status.to_string()).as_deref() == Some(value),
                    ":status" => call.said.http_status.map(|status| status.to_string()).as_deref() == Some(value),
                    "grpc-message" => call.said.status_message.as_deref() == Some(value.as_bytes()),
                    _ => true,
                };
                if !shown {
                    complain(format!("stream {}: {field} is not shown: {:?}", call.stream, call.said));
                }
            }
        }
    });
}

#[test]
fn touched_calls_are_marked_as_incomplete() {
    each(|case, complain| {
        for expected in list(&case.expect["partial"]) {
            let Some(call) = case.trace.calls.iter().find(|call| call.stream == stream(expected)) else { continue };
            let lossy = ["octets of it are lost", "the part after the start of the capture"]
                .contains(&expected["holds"].as_str().unwrap());
            if lossy && call.complete {
                complain(format!("stream {}: it claims to be complete", call.stream));
            }
        }
    });
}
