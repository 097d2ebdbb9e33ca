//! What programs may rely on in `-T ndjson`: every record is described by the published schema, and says what was on the wire.

mod frames;
mod schema;
mod wire;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use framescope::capture::{CaptureFile, Source as _};
use framescope::dissect::Dissector;
use framescope::event::{Event, Observer};
use framescope::finding::{Judge, Judging};
use framescope::limits::Limits;
use framescope::protobuf::schema::{Disk, Inputs, Schema};
use framescope::view::contents::Contents;
use framescope::view::ndjson::Ndjson;
use framescope::view::{Source, Summary, View};
use serde_json::Value;

/// How a capture is shown.
#[derive(Clone, Copy)]
struct Options {
    with_schema: bool,
    bytes: bool,
}

const PLAIN: Options = Options { with_schema: true, bytes: false };

#[test]
fn every_record_of_every_capture_is_described_by_the_schema() {
    let schema = schema::Checker::new(framescope::view::ndjson::SCHEMA);
    let mut kinds = BTreeSet::new();
    for capture in captures() {
        for options in [Options { with_schema: true, bytes: true }, Options { with_schema: false, bytes: false }] {
            for record in records(&capture, options) {
                schema.check(&record).unwrap_or_else(|why| panic!("{}: {why}\n{record}", capture.display()));
                kinds.insert(text(&record, "type").to_owned());
            }
        }
    }
    for kind in ["header", "flow", "frame", "message", "call", "gap", "resync", "summary"] {
        assert!(kinds.contains(kind), "no capture shows a record of type {kind}");
    }
}

#[test]
fn the_header_comes_first_and_the_summary_last_with_the_number_of_records() {
    for capture in captures() {
        let records = records(&capture, PLAIN);
        let count = |kind: &str| records.iter().filter(|record| record["type"] == kind).count();
        let (first, summary) = (records.first().expect("a record"), records.last().expect("a record"));
        assert_eq!((text(first, "type"), text(summary, "type")), ("header", "summary"), "{}", capture.display());
        assert_eq!((count("header"), count("summary")), (1, 1));
        for (key, kind) in [
            ("flows", "flow"),
            ("frames", "frame"),
            ("calls", "call"),
            ("messages", "message"),
            ("gaps", "gap"),
            ("malformed", "malformed"),
            ("findings", "finding"),
        ] {
            assert_eq!(summary[key], count(kind), "{key} of {}", capture.display());
        }
    }
}

#[test]
fn the_same_capture_is_shown_the_same_way_every_time() {
    for name in ["py_concurrent.pcap", "d_gap_headers.pcap", "py_midconn.pcap"] {
        let path = fixtures("captures").join(name);
        assert_eq!(shown(&path, PLAIN), shown(&path, PLAIN), "{name}");
    }
}

#[test]
fn octets_turned_at_random_never_make_a_record_that_is_not_described() {
    let schema = schema::Checker::new(framescope::view::ndjson::SCHEMA);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).expect("below usize")
    };
    for name in ["go_article_stream.pcap", "py_metadata.pcap", "py_gzip.pcap", "py_kinds.pcap"] {
        let whole = fs::read(fixtures("captures").join(name)).expect("the capture");
        for turn in 0..24 {
            let mut octets = whole.clone();
            for _ in 0..=turn {
                let at = 24 + next(octets.len() - 24);
                octets[at] ^= 1 << next(8);
            }
            octets.truncate(octets.len() - next(octets.len() / 4));
            let options = Options { with_schema: turn % 2 == 0, bytes: turn % 3 == 0 };
            for record in parse(&show(name, &octets[..], options, &Limits::default())) {
                schema.check(&record).unwrap_or_else(|why| panic!("{name}, turn {turn}: {why}\n{record}"));
            }
        }
    }
}

#[test]
fn calls_say_what_an_independent_reading_of_the_wire_says() {
    let mut compared = 0;
    for name in [
        "go_article_unary",
        "go_article_stream",
        "py_modes",
        "py_errors",
        "py_deadline",
        "py_gzip",
        "py_kinds",
        "py_metadata",
        "px_nginx_502",
    ] {
        let calls = of_type(records(&fixtures("captures").join(name).with_extension("pcap"), PLAIN), "call");
        for rpc in truth(name)["rpcs"].as_array().expect("rpcs") {
            let wire = &rpc["wire"][0];
            let place = (wire["conn"].as_u64(), wire["stream"].as_u64());
            let call = calls
                .iter()
                .find(|call| (call["flow"].as_u64(), call["stream"].as_u64()) == place && call["path"] == rpc["path"]);
            let call = call.unwrap_or_else(|| panic!("{name}: no call {} at {place:?}", rpc["path"]));
            assert_eq!(call["status"], wire["grpc_status"], "{name} {call}");
            assert_eq!(call["request_messages"], wire["request_messages"], "{name} {call}");
            assert_eq!(call["response_messages"], wire["response_messages"], "{name} {call}");
            assert_eq!(
                call["http_status"].as_u64().map(|status| status.to_string()).as_deref(),
                wire["http_status"].as_str(),
                "{name} {call}"
            );
            assert_eq!(call["trailers_only"] == true, wire["trailers_only"] == true, "{name} {call}");
            let kind = match rpc["mode"].as_str() {
                Some("unary_unary") => "unary",
                Some("unary_stream") => "server_streaming",
                Some("stream_unary") => "client_streaming",
                _ => "bidi_streaming",
            };
            assert_eq!(call["kind"], kind, "{name} {call}");
            compared += 1;
        }
    }
    assert!(compared > 50, "only {compared} calls compared");
}

#[test]
fn where_the_wire_has_no_status_the_mapped_one_is_what_the_client_reported() {
    let calls = of_type(records(&fixtures("captures").join("px_nginx_502.pcap"), PLAIN), "call");
    for rpc in truth("px_nginx_502")["rpcs"].as_array().expect("rpcs") {
        let call = calls
            .iter()
            .find(|call| call["stream"] == rpc["wire"][0]["stream"] && call["flow"] == rpc["wire"][0]["conn"])
            .expect("the call");
        assert_eq!(call["status"], Value::Null);
        assert_eq!(
            (&call["mapped_status"], &call["mapped_status_name"]),
            (&rpc["client_status"], &Value::from("UNAVAILABLE"))
        );
    }
}

#[test]
fn binary_metadata_is_base64_of_what_the_application_sent() {
    let calls = of_type(records(&fixtures("captures").join("py_metadata.pcap"), PLAIN), "call");
    let mut compared = 0;
    for rpc in truth("py_metadata")["rpcs"].as_array().expect("rpcs") {
        let call = calls.iter().find(|call| call["stream"] == rpc["wire"][0]["stream"]).expect("the call");
        for (ours, theirs) in [
            ("request_metadata", "req_metadata"),
            ("response_metadata", "initial_metadata"),
            ("trailers", "trailing_metadata"),
        ] {
            let shown: Vec<(&str, &str)> = call[ours]
                .as_array()
                .expect("a list")
                .iter()
                .map(|entry| (entry[0].as_str().expect("name"), entry[1].as_str().expect("value")))
                .collect();
            for sent in rpc[theirs].as_array().expect("a list") {
                let value = match (sent[1].as_str(), sent[1]["hex"].as_str()) {
                    (Some(text), _) => text.to_owned(),
                    (None, hex) => base64_of_hex(hex.expect("hex")),
                };
                let name = sent[0].as_str().expect("name");
                assert!(
                    shown.contains(&(name, value.as_str())),
                    "{ours} of stream {} lacks {name}: {value}",
                    call["stream"]
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 20, "only {compared} entries compared");
}

#[test]
fn a_field_that_was_not_captured_is_null_and_never_another_value() {
    for name in ["d_gap_headers", "py_midconn"] {
        let mut frames = of_type(records(&fixtures("captures").join(name).with_extension("pcap"), PLAIN), "frame");
        frames.retain(|frame| frame["fields"].is_array());
        let (mut known, mut unknown) = (0, 0);
        for block in truth(name)["expected_headers"].as_array().expect("expected headers") {
            let direction = if block["dir"] == "c2s" { "to_server" } else { "to_client" };
            // One packet may hold several blocks of a stream: each is taken once.
            let place = frames.iter().position(|frame| {
                (&frame["flow"], &frame["stream"]) == (&block["conn"], &block["stream"])
                    && frame["direction"] == direction
                    && frame["packets"].as_array().is_some_and(|packets| packets.contains(&block["packet"]))
            });
            let Some(frame) = place.map(|place| frames.remove(place)) else { continue };
            let shown: Vec<&Value> = frame["fields"]
                .as_array()
                .expect("fields")
                .iter()
                .filter(|field| field["representation"] != "size_update")
                .collect();
            let expected = block["headers"].as_array().expect("headers");
            assert_eq!(shown.len(), expected.len(), "{name}: {frame}");
            for (shown, truth) in shown.iter().zip(expected) {
                for (key, at) in [("name", 0), ("value", 1)] {
                    if truth[at + 2] == true {
                        assert_eq!(shown[key], truth[at], "{name}: {shown} should be {truth}");
                        known += 1;
                    } else {
                        assert!(
                            shown[key].is_null() || shown[key] == truth[at],
                            "{name}: {shown} should be {truth} or unknown"
                        );
                        unknown += 1;
                    }
                }
                assert_eq!(shown["known"] == true, !shown["name"].is_null() && !shown["value"].is_null(), "{shown}");
            }
        }
        assert!(known > 20 && unknown > 5, "{name}: {known} known and {unknown} unknown compared");
    }
}

#[test]
fn bytes_show_the_content_of_messages_and_the_payload_of_frames() {
    let records =
        records(&fixtures("captures").join("go_article_unary.pcap"), Options { with_schema: true, bytes: true });
    let message = records.iter().find(|record| record["type"] == "message").expect("a message");
    assert_eq!(message["data"], "CgRnUlBD");
    let data = records.iter().find(|record| record["frame"] == "DATA").expect("a DATA frame");
    assert_eq!(data["octets"], "00000000060a0467525043");
    let magic = records.iter().find(|record| record["frame"] == "MAGIC").expect("the preface");
    assert_eq!(magic["octets"], "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a");
}

#[test]
fn without_a_schema_messages_are_a_guess_and_kinds_are_inferred() {
    let records =
        records(&fixtures("captures").join("go_article_unary.pcap"), Options { with_schema: false, bytes: false });
    let message = records.iter().find(|record| record["type"] == "message").expect("a message");
    assert_eq!((&message["schema"], &message["json"]), (&Value::from("none"), &serde_json::json!({"1": "gRPC"})));
    let call = records.iter().find(|record| record["type"] == "call").expect("a call");
    assert_eq!((&call["kind"], &call["inferred"]), (&Value::from("unary"), &Value::from(true)));
}

#[test]
fn the_schema_has_every_record_and_key_of_the_contract() {
    let schema: Value = serde_json::from_str(framescope::view::ndjson::SCHEMA).expect("the schema is JSON");
    for (record, keys) in CONTRACT {
        for key in keys.split_whitespace() {
            assert!(
                schema["$defs"][record]["properties"][key]["description"].is_string()
                    || schema["$defs"][record]["properties"][key]["$ref"].is_string(),
                "{record}.{key}"
            );
        }
    }
}

/// The records and keys promised for schema_version 1: none may go.
const CONTRACT: &[(&str, &str)] = &[
    ("header", "type schema_version tool version source"),
    ("flow", "flow client server protocol opened closed packets_count bytes_to_server bytes_to_client tls"),
    ("tls", "version cipher sni alpn decrypted"),
    (
        "frame",
        "id time_ns flow direction packets frame frame_type length flags flag_names stream settings ack increment error_code error_name opaque \
         last_stream_id debug_data pad_length data_length promised_stream priority window_connection window_stream note fields block_frames",
    ),
    ("field", "name value representation index huffman known value_hex"),
    (
        "message",
        "call flow stream direction time_ns end_ns packets index length compressed encoding decoded_length complete message_type schema json \
         unknown_fields error data",
    ),
    (
        "call",
        "call flow stream kind inferred path service method authority start_ns end_ns duration_ns request_messages response_messages request_bytes \
         response_bytes http_status status status_name status_message status_details timeout_ns request_metadata response_metadata trailers outcome \
         error_name complete",
    ),
    ("gap", "flow direction bytes time_ns why"),
    ("malformed", "layer what flow direction packets offset length frame"),
    ("finding", "rule severity reference summary evidence flow call uncertain"),
    ("summary", "packets flows frames calls messages gaps malformed findings limits"),
];

/// Every capture among the fixtures.
fn captures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["captures", "damaged", "sides"] {
        let Ok(entries) = fs::read_dir(fixtures(folder)) else {
            println!("skipped: there is no fixtures/{folder}");
            continue;
        };
        let paths = entries.map(|entry| entry.expect("an entry").path());
        found.extend(paths.filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| [".pcap", ".pcapng", ".gz", ".zst"].iter().any(|ending| name.ends_with(ending)))
        }));
    }
    found.sort();
    assert!(found.len() >= 19, "captures are missing");
    found
}

fn records(capture: &Path, options: Options) -> Vec<Value> {
    parse(&shown(capture, options))
}

fn parse(shown: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(shown).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"))).collect()
}

fn of_type(records: Vec<Value>, kind: &str) -> Vec<Value> {
    records.into_iter().filter(|record| record["type"] == kind).collect()
}

fn shown(capture: &Path, options: Options) -> Vec<u8> {
    let name = capture.file_name().and_then(|name| name.to_str()).expect("a name");
    show(name, fs::File::open(capture).expect("the capture"), options, &Limits::default())
}

fn show(name: &str, capture: impl Read, options: Options, limits: &Limits) -> Vec<u8> {
    let protos = if options.with_schema { vec![fixtures("proto")] } else { Vec::new() };
    let (schema, _) =
        Schema::load(&Inputs { protos, ..Inputs::default() }, &Disk).expect("the schemas of the fixtures");
    let mut shower = Shower { view: Ndjson::new(Contents::new(schema, limits), options.bytes), out: Vec::new() };
    shower.view.begin(&Source { name }, &mut shower.out);
    let mut source = CaptureFile::open(capture).expect("a capture");
    let mut dissector = Dissector::new(limits);
    let mut judge = Judge::new(limits);
    let mut judging = Judging { judge: &mut judge, observer: &mut shower };
    let ended_early = loop {
        match source.next_packet() {
            Ok(Some(packet)) => dissector.packet(&packet, &mut judging),
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    dissector.finish(&mut judging);
    let summary = Summary {
        capture: Some(source.facts()),
        findings: Some(judging.judge.found()),
        ended_early: ended_early.as_deref(),
        ..Summary::of(&dissector)
    };
    shower.view.finish(&summary, &mut shower.out);
    shower.out
}

struct Shower {
    view: Ndjson,
    out: Vec<u8>,
}

impl Observer for Shower {
    fn event(&mut self, event: &Event<'_>) {
        self.view.event(event, &mut self.out);
    }
}

fn truth(name: &str) -> Value {
    let path = fixtures("captures").join(format!("{name}.truth.json"));
    serde_json::from_slice(&fs::read(path).expect("the truth")).expect("JSON")
}

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder)
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record[key].as_str().unwrap_or_else(|| panic!("no {key} in {record}"))
}

fn base64_of_hex(hex: &str) -> String {
    let octets: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    let mut out = Vec::new();
    framescope::grpc::base64::encode_into(&octets, &mut out);
    String::from_utf8(out).expect("base64")
}
