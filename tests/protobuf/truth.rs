//! Real payloads decode to what the application's own runtime said about them.

use crate::support::{id, json, lab, parsed, payload};
use framescope::protobuf::decode::{Decoder, Value};
use serde_json::Value as Json;

fn truth(name: &str) -> Json {
    parsed(&String::from_utf8(payload("truth.json")).unwrap())[name].clone()
}

#[test]
fn every_kind_of_proto3_field_reads_as_the_python_runtime_says() {
    let (text, error) = json(&lab(), "lab.v1.Kinds", &payload("kinds.request.bin"));
    let mut ours = parsed(&text);
    let unknown = ours.as_object_mut().unwrap().remove("any_unknown").unwrap();
    assert_eq!(ours, truth("lab.v1.Kinds"));
    assert_eq!(error, None);
    assert_eq!(unknown, parsed(r#"{"@type":"type.googleapis.com/not.in.Schema","@unknown":true,"value":"CJYB"}"#));
}

#[test]
fn fields_in_another_order_read_the_same() {
    let schema = lab();
    let request = json(&schema, "lab.v1.Kinds", &payload("kinds.request.bin")).0;
    let response = json(&schema, "lab.v1.Kinds", &payload("kinds.response.bin")).0;
    assert_eq!(parsed(&request), parsed(&response));
}

#[test]
fn groups_extensions_and_message_sets_of_proto2_read_by_name() {
    let (text, error) = json(&lab(), "lab.legacy.Legacy", &payload("legacy.request.bin"));
    assert_eq!(parsed(&text), truth("lab.legacy.Legacy"));
    assert_eq!(error, None);
}

#[test]
fn delimited_messages_of_an_edition_read_by_name() {
    let (text, error) = json(&lab(), "lab.editions.Doc", &payload("doc.request.bin"));
    assert_eq!(parsed(&text), truth("lab.editions.Doc"));
    assert_eq!(error, None);
}

#[test]
fn not_a_number_is_a_string_and_an_empty_message_an_object() {
    let (text, _) = json(&lab(), "lab.v1.Kinds", &payload("kinds_nan.request.bin"));
    assert_eq!(text, r#"{"f_float":"NaN","c_empty":{}}"#);
}

#[test]
fn legal_oddities_read_as_the_peer_understood_them() {
    let schema = lab();
    let (asked, error) = json(&schema, "lab.v1.Kinds", &payload("kinds_oddities.request.bin"));
    let (answered, _) = json(&schema, "lab.v1.Kinds", &payload("kinds_oddities.response.bin"));
    assert_eq!(asked, r#"{"f_int32":2,"r_int32":[1,2],"r_unpacked":[5,6,7],"c_id":7}"#);
    assert_eq!(asked, answered);
    assert_eq!(error.as_deref(), Some("octet 54, f_int32: wire type len where varint is declared"));
}

#[test]
fn fields_of_a_newer_peer_are_listed_with_number_wire_type_and_guess() {
    let schema = lab();
    let octets = payload("item.response.bin");
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    decoder.json(&schema, id(&schema, "lab.v1.Item"), &octets, &mut out);
    assert_eq!(out, br#"{"n":1,"label":"from an old client"}"#);
    let mut out = Vec::new();
    assert!(decoder.unknown_fields_json(&octets, &mut out));
    let list = parsed(&String::from_utf8(out).unwrap());
    let numbers: Vec<_> = list.as_array().unwrap().iter().map(|f| f["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [4, 5, 6, 7, 100, 536_870_911]);
    assert_eq!(list[2]["value"], 0.1);
    assert_eq!(list[3]["value"], parsed(r#"{"1":7,"2":"child"}"#));
    assert_eq!(list[5]["value"], "far away");
    assert_eq!(list[5]["wire_type"], "len");
    let (offset, length) = (&list[5]["offset"], &list[5]["length"]);
    assert_eq!(offset.as_u64().unwrap() + length.as_u64().unwrap(), octets.len() as u64);
}

#[test]
fn rich_status_details_expand_with_the_builtin_types() {
    let schema = framescope::protobuf::schema::Schema::builtin();
    let (text, error) = json(&schema, "google.rpc.Status", &payload("status.bin"));
    let status = parsed(&text);
    assert_eq!(error, None);
    assert_eq!(status["details"][0]["reason"], "QUOTA");
    assert_eq!(status["details"][1]["retry_delay"], "3.500s");
    assert_eq!(status["details"][2]["field_violations"][0]["description"], "must not be ä");
}

#[test]
fn every_value_points_at_its_octets() {
    let schema = lab();
    let octets = payload("kinds.request.bin");
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    decoder.values(&schema, id(&schema, "lab.v1.Kinds"), &octets, &mut |event| {
        if let Value::Octets(value) = event.value {
            assert_eq!(value, &octets[event.octets.clone()]);
        }
        assert!(event.record.start <= event.octets.start && event.octets.end <= event.record.end);
        seen.push((event.path.to_owned(), event.record.clone()));
    });
    let at = |path: &str| seen.iter().find(|(p, _)| p == path).unwrap().1.clone();
    assert_eq!(&octets[at("c_inner")][3..], b"\x0a\x06chosen");
    assert_eq!(&octets[at("inner.deep.more[0].name")], b"\x0a\x08deep one");
    assert_eq!(&octets[at("r_int32[2]")], [0xac, 0x02]);
    // Outermost records follow each other without a hole.
    let outer: Vec<_> = seen.iter().filter(|(path, _)| !path.contains(['.', '['])).collect();
    assert!(outer.windows(2).all(|pair| pair[0].1.end <= pair[1].1.start));
}
