//! JSON to payload: what fits, what does not, and what is said about it.

use std::path::Path;

use framescope::protobuf::decode::{Decoder, Limits};
use framescope::protobuf::encode::Encoder;
use framescope::protobuf::schema::{Inputs, Schema};

use crate::texts::schema;

const SHOP: &str = r#"syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/any.proto";
import "google/protobuf/wrappers.proto";
enum Colour { COLOUR_NONE = 0; RED = 1; BLUE = 2; }
message Item {
  string display_name = 1;
  int32 count = 2;
  bytes picture = 3;
  Colour colour = 4;
  repeated Item parts = 5;
  map<string, int64> prices = 6;
  google.protobuf.Timestamp made_at = 7;
  google.protobuf.Any extra = 8;
  google.protobuf.Int32Value limit = 9;
  optional bool sold = 10;
  oneof kind { string toy = 11; string tool = 12; }
}
"#;

fn shop() -> Schema {
    schema(&[("shop.proto", SHOP)])
}

/// What the decoder reads out of what the encoder wrote.
fn there_and_back(json: &str) -> String {
    let schema = shop();
    let octets = Encoder::new(&schema).encode("shop.Item", json).unwrap();
    let mut out = Vec::new();
    Decoder::new(Limits::default()).json(&schema, schema.message("shop.Item").unwrap(), &octets, &mut out);
    String::from_utf8(out).unwrap()
}

fn error(json: &str) -> String {
    Encoder::new(&shop()).encode("shop.Item", json).unwrap_err().to_string()
}

#[test]
fn fields_go_by_both_names_and_come_back() {
    let read = r#"{"display_name":"x","count":-1}"#;
    assert_eq!(there_and_back(r#"{"display_name": "x", "count": -1}"#), read);
    assert_eq!(there_and_back(r#"{"displayName": "x", "count": "-1"}"#), read);
}

#[test]
fn every_kind_of_field_comes_back() {
    let text = r#"{"picture":"AAEC","colour":"RED","parts":[{"count":1},{}],"prices":{"a":"1"},"made_at":"2026-01-31T12:00:00Z","extra":{"@type":"type.googleapis.com/shop.Item","count":7},"limit":0,"sold":false,"tool":"saw"}"#;
    assert_eq!(there_and_back(text), text);
}

#[test]
fn an_unknown_field_is_refused_with_those_there_are() {
    assert_eq!(
        error("{\n  \"parts\": [{}, {\"cuont\": 1}]\n}"),
        "line 2, column 18: parts[1].cuont: unrecognized field name 'cuont'; what fits: fields of shop.Item: count, \
         display_name, picture, colour, parts, prices, made_at, extra, limit, sold, toy, tool"
    );
}

#[test]
fn a_value_that_does_not_fit_is_named_with_its_place_and_what_would() {
    for (json, said) in [
        (r#"{"count": "many"}"#, "line 1, column 11: count: "),
        (r#"{"count": "many"}"#, "; what fits: a whole number from -2147483648 to 2147483647"),
        (r#"{"count": 3000000000}"#, "; what fits: a whole number from -2147483648 to 2147483647"),
        (
            r#"{"colour": "GREEN"}"#,
            r#"; what fits: a value of shop.Colour: "COLOUR_NONE", "RED", "BLUE", or its number"#,
        ),
        (r#"{"picture": "%"}"#, "; what fits: octets as a base64 string"),
        (r#"{"parts": 1}"#, "parts: "),
        (r#"{"parts": 1}"#, "; what fits: an array, each element an object, fields of shop.Item: display_name"),
        (r#"{"prices": {"a": true}}"#, "prices.a: "),
        (r#"{"made_at": "noon"}"#, r#"; what fits: a time, such as "2026-01-31T12:00:00Z""#),
        (r#"{"extra": {"@type": "x/no.Such"}}"#, "message 'no.Such' not found"),
        (r#"{"toy": "a", "tool": "b"}"#, "multiple fields provided for oneof 'kind'"),
        (r#"[]"#, "; what fits: an object, fields of shop.Item: display_name"),
        (r#"{"count": }"#, "line 1, column 11: expected value"),
        (r#"{"count": 1"#, "EOF while parsing an object"),
        ("", "no JSON where a message is wanted"),
        ("{} {}", "more than one JSON value where one message is wanted"),
    ] {
        assert!(error(json).contains(said), "{json}: {}", error(json));
    }
}

#[test]
fn messages_one_after_the_other_are_read_each() {
    let all = Encoder::new(&shop()).encode_each("shop.Item", "{\"count\":1}\n{} {\"count\":2}\n").unwrap();
    assert_eq!(all, [b"\x10\x01".to_vec(), Vec::new(), b"\x10\x02".to_vec()]);
    let error = Encoder::new(&shop()).encode_each("shop.Item", "{}\n{\"no\":2}\n").unwrap_err();
    assert_eq!((error.line, error.column), (2, 2));
}

#[test]
fn a_part_of_a_longer_text_is_told_by_the_lines_of_the_whole() {
    let text = "[\n{},\n {\"no\": 1}]";
    let error = Encoder::new(&shop()).encode_part("shop.Item", text, 7..text.len() - 1).unwrap_err();
    assert_eq!((error.line, error.column), (3, 3));
}

#[test]
fn a_file_that_cannot_be_used_is_told_in_one_line() {
    let schema = schema(&[
        ("user.proto", "syntax = \"proto3\"; package user; import \"no.proto\"; message M { no.M m = 1; }"),
        ("above.proto", "syntax = \"proto3\"; package above; import \"user.proto\"; message M { user.M m = 1; }"),
        ("old.proto", "syntax = \"proto2\"; package old; message M { required string s = 1; optional M m = 2; }"),
    ]);
    let encoder = Encoder::new(&schema);
    let error = |message: &str, json: &str| encoder.encode(message, json).unwrap_err().to_string();
    let user = error("user.M", "{}");
    assert!(user.starts_with("no JSON can be fitted to user.M: user.proto cannot be used: "), "{user}");
    assert!(error("above.M", "{}").contains("above.proto cannot be used: it imports user.proto"));
    assert!(encoder.encode("above.M", "{}").unwrap_err().is_of_schema);
    assert_eq!(error("no.M", "{}"), "no file of the schema defines no.M");
    assert_eq!(encoder.encode("old.M", r#"{"s": "x"}"#).unwrap(), b"\x0a\x01x");
    assert_eq!(error("old.M", r#"{"s": "x", "m": {}}"#), "m.s: a required field is missing");
}

#[test]
fn messages_of_an_edition_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/proto/lab");
    let inputs = Inputs { protos: vec![folder], ..Inputs::default() };
    let (schema, _) = Schema::load(&inputs, &framescope::protobuf::schema::Disk).unwrap();
    let encoder = Encoder::new(&schema);
    let text = r#"{"title":"t","stars":0,"main":{"name":"m","weight":-1},"parts":[{"name":"a"},{}],"plain":{},"tight":[1,2],"level":"LEVEL_HIGH","raw":"AAE="}"#;
    let octets = encoder.encode("lab.editions.Doc", text).unwrap();
    let group = b"\x1b\x0a\x01m\x10\x01\x1c";
    assert!(octets.windows(group.len()).any(|window| window == group), "{octets:?}");
    let mut out = Vec::new();
    let mut decoder = Decoder::new(Limits::default());
    decoder.json(&schema, schema.message("lab.editions.Doc").unwrap(), &octets, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), text);
    // Those that import such a file can be used as well.
    assert!(encoder.encode("lab.v1.EchoRequest", "{}").is_ok());
    // An edition is not described as what it is not.
    assert!(encoder.undescribed().any(|(file, _)| file.ends_with("delimited.proto")));
}

#[test]
fn options_that_nothing_defines_do_not_keep_a_file_out() {
    let text = "syntax = \"proto3\"; package v; message M { string s = 1 [(rules).min_len = 3, deprecated = true]; }";
    let schema = schema(&[("v.proto", text)]);
    assert_eq!(Encoder::new(&schema).encode("v.M", r#"{"s": "x"}"#).unwrap(), b"\x0a\x01x");
}

#[test]
fn the_same_file_under_two_names_is_one() {
    let schema = schema(&[
        ("root/a/b.proto", "syntax = \"proto3\"; package b; message M { int32 n = 1; }"),
        ("root/x.proto", "syntax = \"proto3\"; package x; import \"a/b.proto\"; message M { b.M m = 1; }"),
        ("root/y.proto", "syntax = \"proto3\"; package y; import \"b.proto\"; message M { b.M m = 1; }"),
    ]);
    let encoder = Encoder::new(&schema);
    for message in ["x.M", "y.M"] {
        assert_eq!(encoder.encode(message, r#"{"m": {"n": 1}}"#).unwrap(), b"\x0a\x02\x08\x01");
    }
}
