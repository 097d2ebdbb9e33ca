//! Getting a schema in: roots inferred, bad files named, the rest used.

use crate::support::{Memory, fixture, json, lab, parsed, payload};
use framescope::protobuf::schema::{Disk, Inputs, Schema};

const A: &str = "syntax = \"proto3\"; package a; message A { int32 n = 1; }";
const B: &str = "syntax = \"proto3\";\npackage b;\nimport \"deep/a.proto\";\nmessage B { a.A a = 1; }\nservice S { rpc Go(B) returns (stream a.A); }";

fn shown(warnings: &[framescope::protobuf::schema::Warning]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_directory_may_be_given_at_above_or_below_its_root() {
    let tree = Memory::of(&[("repo/proto/deep/a.proto", A), ("repo/proto/b/b.proto", B)]);
    for given in ["repo/proto", "repo", "repo/proto/b", "repo/proto/b/b.proto"] {
        let (schema, warnings) = tree.load(&[given]);
        assert_eq!(shown(&warnings), [""; 0], "{given}");
        let method = schema.method("/b.S/Go").expect(given);
        assert_eq!(schema.message_name(method.output.unwrap()), "a.A");
        assert!(method.server_streaming && !method.client_streaming);
        assert_eq!(json(&schema, "b.B", b"\x0a\x02\x08\x05").0, r#"{"a":{"n":5}}"#);
    }
}

#[test]
fn a_missing_import_is_named_with_its_place_and_the_file_still_serves() {
    let tree = Memory::of(&[("p/b.proto", B)]);
    let (schema, warnings) = tree.load(&["p"]);
    let warnings = shown(&warnings);
    assert!(warnings[0].starts_with("p/b.proto:3:1: import \"deep/a.proto\" is in none of"), "{warnings:?}");
    assert!(warnings[1].starts_with("p/b.proto:4:13: field a: nothing defines a.A"), "{warnings:?}");
    assert!(schema.method("/b.S/Go").unwrap().output.is_none());
    assert_eq!(json(&schema, "b.B", b"\x0a\x02\x08\x05").0, r#"{"a":{"1":5}}"#);
}

#[test]
fn a_syntax_error_costs_its_file_only() {
    let bad = "syntax = \"proto3\";\nmessage Broken {\n  int32 = 1;\n}";
    let tree = Memory::of(&[("p/bad.proto", bad), ("p/deep/a.proto", A)]);
    let (schema, warnings) = tree.load(&["p"]);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().starts_with("p/bad.proto:3:9: "), "{}", warnings[0]);
    assert!(schema.message("a.A").is_some());
}

#[test]
fn of_two_different_definitions_the_first_is_used_and_the_second_named() {
    let other = "syntax = \"proto3\"; package a; message A { string other = 2; }";
    let tree = Memory::of(&[("p/one.proto", A), ("p/two.proto", other)]);
    let (schema, warnings) = tree.load(&["p"]);
    assert_eq!(shown(&warnings), ["p/two.proto: a.A is defined differently in p/one.proto, which is used"]);
    assert_eq!(json(&schema, "a.A", b"\x08\x05").0, r#"{"n":5}"#);
}

#[test]
fn two_roots_with_the_same_file_are_no_conflict() {
    let tree = Memory::of(&[("one/deep/a.proto", A), ("one/b.proto", B), ("two/deep/a.proto", A)]);
    let (schema, warnings) = tree.load(&["one", "two"]);
    assert_eq!(shown(&warnings), [""; 0]);
    assert!(schema.method("/b.S/Go").is_some());
}

#[test]
fn options_of_files_that_are_missing_do_not_matter() {
    let text = "syntax = \"proto3\"; import \"google/api/annotations.proto\";\n\
        message M { string s = 1 [(validate.rules).string = {min_len: 1}]; }\n\
        service S { rpc Get(M) returns (M) { option (google.api.http) = { get: \"/v1\" }; } }";
    let (schema, warnings) = Memory::of(&[("m.proto", text)]).load(&["m.proto"]);
    assert_eq!(warnings.len(), 1);
    assert!(schema.method("/S/Get").unwrap().input.is_some());
}

#[test]
fn nothing_usable_is_an_error_that_says_why() {
    let tree = Memory::of(&[("p/readme.txt", "no schema")]);
    for (given, why) in [("p", "holds no .proto file"), ("q", "no such file or directory")] {
        let inputs = Inputs { protos: vec![given.into()], ..Inputs::default() };
        let error = Schema::load(&inputs, &tree).unwrap_err().to_string();
        assert_eq!(error, format!("no usable schema: {given}: {why}"));
    }
}

#[test]
fn descriptor_sets_of_every_edition_decode_as_their_sources_do() {
    for set in ["sets/lab.pb", "sets/lab_alone.pb"] {
        let mut inputs = Inputs { descriptor_sets: vec![fixture(set)], ..Inputs::default() };
        if set.contains("alone") {
            inputs.protos.push(fixture("../proto/lab"));
        }
        let (schema, warnings) = Schema::load(&inputs, &Disk).unwrap();
        assert_eq!(shown(&warnings), [""; 0], "{set}");
        for (name, file) in [
            ("lab.v1.Kinds", "kinds.request.bin"),
            ("lab.legacy.Legacy", "legacy.request.bin"),
            ("lab.editions.Doc", "doc.request.bin"),
        ] {
            let octets = payload(file);
            assert_eq!(json(&schema, name, &octets), json(&lab(), name, &octets), "{set} {name}");
        }
    }
}

#[test]
fn a_descriptor_set_without_its_imports_names_them() {
    let inputs = Inputs { descriptor_sets: vec![fixture("sets/lab_alone.pb")], ..Inputs::default() };
    let (schema, warnings) = Schema::load(&inputs, &Disk).unwrap();
    let warnings = shown(&warnings);
    assert!(warnings.iter().any(|w| w.contains("import \"lab/v1/kinds.proto\"")), "{warnings:?}");
    assert!(schema.method("/lab.v1.Lab/Echo").unwrap().input.is_some());
    assert!(schema.method("/lab.v1.Lab/KindsEcho").unwrap().input.is_none());
}

#[test]
fn no_prefix_or_change_of_a_descriptor_set_panics() {
    let set = std::fs::read(fixture("sets/lab.pb")).unwrap();
    let load = |octets: Vec<u8>| {
        let tree = Memory::default().with("x.pb", octets);
        let inputs = Inputs { descriptor_sets: vec!["x.pb".into()], ..Inputs::default() };
        let _ = Schema::load(&inputs, &tree);
    };
    for end in (0..set.len()).step_by(53) {
        load(set[..end].to_vec());
    }
    for at in (0..set.len()).step_by(37) {
        let mut changed = set.clone();
        changed[at] ^= 0x55;
        load(changed);
    }
}

#[test]
fn no_prefix_or_change_of_a_source_panics() {
    for file in ["lab/v1/kinds.proto", "lab/legacy/legacy.proto", "lab/editions/delimited.proto"] {
        let text = std::fs::read(fixture("../proto").join(file)).unwrap();
        let load = |octets: Vec<u8>| {
            let inputs = Inputs { protos: vec!["x.proto".into()], ..Inputs::default() };
            let _ = Schema::load(&inputs, &Memory::default().with("x.proto", octets));
        };
        for at in (0..text.len()).step_by(29) {
            load(text[..at].to_vec());
            for change in [b';', b'{', b'"', b'9', 0xff] {
                let mut changed = text.clone();
                changed[at] = change;
                load(changed);
            }
        }
    }
}

#[test]
fn every_syntax_an_edition_brings_is_read() {
    let text = "edition = \"2023\";\npackage e;\noption features = { field_presence: IMPLICIT };\n\
        message M {\n  reserved old, older;\n  reserved 90 to 99;\n\
        int32 quiet = 1;\n  int32 loud = 2 [features.field_presence = EXPLICIT, default = 7];\n\
        string must = 3 [features.field_presence = LEGACY_REQUIRED];\n\
        repeated int32 many = 4;\n  map<string, M> inner = 5;\n  extensions 100 to 200;\n}\n\
        extend M { M more = 100 [features.message_encoding = DELIMITED]; }\n";
    let (schema, warnings) = Memory::of(&[("e.proto", text)]).load(&["e.proto"]);
    assert_eq!(shown(&warnings), [""; 0]);
    let octets = b"\x08\x00\x10\x00\x22\x02\x01\x02\xa3\x06\x1a\x01x\xa4\x06";
    let (text, error) = json(&schema, "e.M", octets);
    assert_eq!(text, r#"{"loud":0,"many":[1,2],"[e.more]":{"must":"x"}}"#);
    assert_eq!(error.as_deref(), Some("octet 0, must: required, and missing"));
}

#[test]
fn builtin_types_are_there_without_any_input() {
    let schema = Schema::builtin();
    assert!(!schema.is_given());
    for name in ["google.protobuf.Any", "google.rpc.Status", "google.rpc.QuotaFailure"] {
        assert!(schema.message(name).is_some(), "{name}");
    }
    assert_eq!(parsed(&json(&schema, "google.protobuf.Timestamp", b"\x08\x01").0), "1970-01-01T00:00:01Z");
}
