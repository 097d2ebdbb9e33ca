//! Bad messages: what precedes the damage is shown, the rest is counted, and nothing panics.

use crate::support::{id, json, lab, parsed, payload};
use framescope::protobuf::decode::{Decoder, FaultKind, Limits};
use framescope::protobuf::wire::DamageKind;

const PAYLOADS: [(&str, &str); 7] = [
    ("lab.v1.Kinds", "kinds.request.bin"),
    ("lab.v1.Kinds", "kinds_nan.request.bin"),
    ("lab.v1.Kinds", "kinds_oddities.request.bin"),
    ("lab.legacy.Legacy", "legacy.request.bin"),
    ("lab.editions.Doc", "doc.request.bin"),
    ("lab.v1.Item", "item.response.bin"),
    ("google.rpc.Status", "status.bin"),
];

/// Reads octets every way there is; each must give JSON.
fn read(schema: &framescope::protobuf::schema::Schema, decoder: &mut Decoder, name: &str, octets: &[u8]) {
    let message = id(schema, name);
    let mut out = Vec::new();
    decoder.json(schema, message, octets, &mut out);
    serde_json::from_slice::<serde_json::Value>(&out)
        .unwrap_or_else(|e| panic!("{e}: {:.300} of {} octets", String::from_utf8_lossy(&out), octets.len()));
    out.clear();
    if decoder.unknown_fields_json(octets, &mut out) {
        serde_json::from_slice::<serde_json::Value>(&out).unwrap();
    }
    out.clear();
    decoder.line(schema, message, octets, 60, &mut out);
    assert!(
        std::str::from_utf8(&out).is_ok_and(|line| line.chars().count() <= 60 + 20),
        "{}",
        String::from_utf8_lossy(&out)
    );
    out.clear();
    decoder.guess_json(octets, &mut out);
    serde_json::from_slice::<serde_json::Value>(&out).unwrap();
    out.clear();
    decoder.guess_line(octets, 60, &mut out);
    assert!(std::str::from_utf8(&out).is_ok());
    decoder.values(schema, message, octets, &mut |event| {
        assert!(event.octets.end <= octets.len());
    });
}

#[test]
fn every_prefix_and_every_changed_octet_gives_json() {
    let schema = lab();
    let mut decoder = Decoder::default();
    for (name, file) in PAYLOADS {
        let octets = payload(file);
        for end in 0..octets.len() {
            read(&schema, &mut decoder, name, &octets[..end]);
        }
        for at in 0..octets.len() {
            for change in [0x01, 0x04, 0x80, 0xff] {
                let mut changed = octets.clone();
                changed[at] ^= change;
                read(&schema, &mut decoder, name, &changed);
            }
        }
    }
}

#[test]
fn small_output_limits_still_give_json_and_count_what_is_left_out() {
    let schema = lab();
    for (name, file) in PAYLOADS {
        let octets = payload(file);
        let mut full = Vec::new();
        Decoder::default().json(&schema, id(&schema, name), &octets, &mut full);
        for output in 0..full.len().min(2500) {
            let mut decoder = Decoder::new(Limits { output, ..Limits::default() });
            let mut out = Vec::new();
            let report = decoder.json(&schema, id(&schema, name), &octets, &mut out);
            let omitted = report.omitted_octets();
            assert!(omitted > 0 || out == full, "{name} {output}");
            serde_json::from_slice::<serde_json::Value>(&out)
                .unwrap_or_else(|e| panic!("{e} at {output}: {}", String::from_utf8_lossy(&out)));
            assert!(out.len() < output + 400);
        }
    }
}

#[test]
fn damage_keeps_the_prefix_and_says_where() {
    let schema = lab();
    let cases: [(&[u8], &str, &str); 9] = [
        (
            b"\x1a\x04\x0a\x09\x10\x07",
            r#"{"deep":{"more":[{"value":7}]}}"#,
            "octet 3, deep: length 9 where 2 octets are left",
        ),
        (b"\x0a\x01x\x10\x80", r#"{"name":"x"}"#, "octet 4: the octets end inside a varint"),
        (
            b"\x0a\x01x\x1a\x09\x12\x01",
            r#"{"name":"x","deep":{"whole":{}}}"#,
            "octet 4: length 9 where 2 octets are left (and 1 more)",
        ),
        (b"\x10\x05\x0a\x09ab", r#"{"value":5}"#, "octet 3: length 9 where 2 octets are left"),
        (b"\x10\x05\x00", r#"{"value":5}"#, "octet 2: field number 0"),
        (b"\x10\x05\x0c", r#"{"value":5}"#, "octet 2: end of group 1, but no group is open"),
        (
            b"\x1a\x04\x0a\x02\x10\x80\x10\x07",
            r#"{"value":7,"deep":{"more":[{}]}}"#,
            "octet 5, deep.more: the octets end inside a varint",
        ),
        (b"\x0d\x00\x00\x00\x00\x10\x07", r#"{"value":7}"#, "octet 0, name: wire type fixed32 where len is declared"),
        (b"\x0a\x02a\xff", "{\"name\":\"a\u{fffd}\"}", "octet 2, name: a string that is not UTF-8"),
    ];
    for (octets, text, error) in cases {
        let (ours, fault) = json(&schema, "lab.v1.Kinds.Inner", octets);
        assert_eq!(ours, text, "{octets:x?}");
        let fault = fault.unwrap().replace("[0]", "");
        assert_eq!(fault, error, "{octets:x?}");
    }
}

#[test]
fn nesting_beyond_the_limit_is_shown_as_octets() {
    let schema = lab();
    let mut octets = Vec::new();
    for _ in 0..300 {
        // Inner { deep { more { ... } } }
        let mut outer = vec![0x0a];
        prost::encoding::encode_varint(octets.len() as u64, &mut outer);
        outer.append(&mut octets);
        octets.push(0x1a);
        prost::encoding::encode_varint(outer.len() as u64, &mut octets);
        octets.append(&mut outer);
    }
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let report = decoder.json(&schema, id(&schema, "lab.v1.Kinds.Inner"), &octets, &mut out);
    let fault = report.faults().next().unwrap();
    assert_eq!(fault.kind, FaultKind::Damage(DamageKind::TooDeep));
    assert!(fault.path.starts_with("deep.more[0].deep.more[0]"));
    assert!(String::from_utf8(out).unwrap().contains("{\"@octets\":\""));
    read(&schema, &mut decoder, "lab.v1.Kinds.Inner", &octets);
    read(&schema, &mut decoder, "lab.legacy.Legacy", &vec![0x33; 100_000]);
    read(&schema, &mut decoder, "google.protobuf.ListValue", &octets);
}

#[test]
fn many_records_of_one_field_take_one_entry_and_mixed_ones_stop_at_the_limit() {
    let schema = lab();
    let mut decoder = Decoder::default();
    let run: Vec<u8> = b"\x80\x02\x01".repeat(200_000);
    let mut out = Vec::new();
    let report = decoder.json(&schema, id(&schema, "lab.v1.Kinds"), &run, &mut out);
    assert!(report.is_clean());
    assert_eq!(out.iter().filter(|&&o| o == b'1').count(), 200_000);
    let mixed: Vec<u8> = b"\x18\x01\x20\x01".repeat(200_000);
    out.clear();
    let report = decoder.json(&schema, id(&schema, "lab.v1.Kinds"), &mixed, &mut out);
    assert!(report.faults().any(|fault| fault.kind == FaultKind::TooManyRecords));
    assert!(report.omitted_octets() > 0);
    assert!(decoder.held_bytes() < 4 << 20);
}

#[test]
fn times_out_of_range_are_shown_by_their_fields() {
    let schema = lab();
    // Timestamp { seconds: 1, nanos: -1 }, and a Duration whose parts disagree.
    let negative = b"\x08\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    for name in ["google.protobuf.Timestamp", "google.protobuf.Duration"] {
        let (text, error) = json(&schema, name, negative);
        assert_eq!(text, r#"{"seconds":"1","nanos":-1}"#);
        assert_eq!(error.as_deref(), Some("octet 0: a value that the JSON mapping cannot express"));
    }
    let (text, error) = json(&schema, "google.protobuf.FieldMask", b"\x0a\x01*\x0a\x03a_b");
    assert_eq!((text.as_str(), error), ("\"*,aB\"", None));
    let (text, _) = json(&schema, "google.protobuf.FieldMask", b"\x0a\x02aB");
    assert_eq!(text, r#"{"paths":["aB"]}"#);
}

#[test]
fn repeated_occurrences_merge_as_the_specification_says() {
    let schema = lab();
    // inner twice, another field between: name of the first, value of the second, name replaced by none.
    let octets = b"\xb2\x04\x05\x0a\x01a\x10\x01\x18\x09\xb2\x04\x02\x10\x02";
    let (text, _) = json(&schema, "lab.v1.Kinds", octets);
    assert_eq!(text, r#"{"f_int32":9,"inner":{"name":"a","value":2}}"#);
    // A map key twice: the last wins, and its value is not merged.
    let octets = b"\x9a\x03\x09\x08\x01\x12\x05\x0a\x01a\x10\x01\x9a\x03\x06\x08\x01\x12\x02\x10\x02";
    let (text, _) = json(&schema, "lab.v1.Kinds", octets);
    assert_eq!(text, r#"{"m_im":{"1":{"value":2}}}"#);
    // A oneof: message, another member, the message again: only the last counts.
    let octets = b"\xf2\x03\x03\x0a\x01a\xe8\x03\x07\xf2\x03\x02\x10\x02";
    let (text, _) = json(&schema, "lab.v1.Kinds", octets);
    assert_eq!(text, r#"{"c_inner":{"value":2}}"#);
}

#[test]
fn a_line_is_cut_between_characters_and_says_how_much_is_missing() {
    let schema = lab();
    let mut octets = b"\x0a\xac\x0b".to_vec();
    octets.extend("\n\u{e9}".repeat(484).bytes());
    let mut decoder = Decoder::default();
    let mut line = |width: usize| {
        let mut out = Vec::new();
        decoder.line(&schema, id(&schema, "lab.v1.EchoRequest"), &octets, width, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(line(18), "{\"text\": \"\\né\\né… 1.4 KiB more");
    assert_eq!(line(5), "{… 1.4 KiB more");
    for width in 0..40 {
        let text = line(width);
        let json = text.split('…').next().unwrap();
        assert!(!json.ends_with('\\'), "{text}");
    }
    let mut out = Vec::new();
    decoder.line(&schema, id(&schema, "lab.v1.Item"), b"\x08\x01\x12\x01x", 80, &mut out);
    assert_eq!(out, br#"{"n": 1, "label": "x"}"#);
    assert_eq!(parsed(&String::from_utf8(out).unwrap())["n"], 1);
}
