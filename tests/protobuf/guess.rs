//! Without a schema: a tree of numbers with what each value most plausibly is.

use framescope::protobuf::decode::Decoder;

fn guess(octets: &[u8]) -> (String, String) {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let report = decoder.guess_json(octets, &mut out);
    let mut error = String::new();
    report.write_error(&mut error);
    (String::from_utf8(out).unwrap(), error)
}

#[test]
fn text_messages_numbers_and_groups_are_told_apart() {
    let cases: [(&[u8], &str); 12] = [
        (b"\x0a\x04gRPC\x12\x02\x18\x05", r#"{"1":"gRPC","2":{"3":5}}"#),
        (b"\x0a\x01a\x10\x07\x0a\x01b", r#"{"1":["a","b"],"2":7}"#),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", r#"{"1":-1}"#),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", r#"{"1":"9223372036854775807"}"#),
        (b"\x0d\x00\x00\x60\x40", r#"{"1":3.5}"#),
        (b"\x0d\x05\x00\x00\x00", r#"{"1":5}"#),
        (b"\x09\x00\x00\x00\x00\x00\x00\xf8\x3f", r#"{"1":1.5}"#),
        (b"\x0b\x10\x01\x0c", r#"{"1":{"2":1}}"#),
        (b"\x0a\x02\xff\xfe", r#"{"1":{"@octets":"//4="}}"#),
        (b"\x0a\x00", r#"{"1":""}"#),
        (b"", "{}"),
        (
            b"\x0a\x26\x22\x24550e8400-e29b-41d4-a716-446655440000",
            r#"{"1":{"4":"550e8400-e29b-41d4-a716-446655440000"}}"#,
        ),
    ];
    for (octets, text) in cases {
        assert_eq!(guess(octets), (text.to_owned(), String::new()), "{octets:x?}");
    }
}

#[test]
fn what_is_no_protobuf_is_said_to_be_none() {
    let (text, error) = guess(b"<html>502</html>");
    assert_eq!(text, r#"{"@text":"<html>502</html>"}"#);
    assert!(error.contains("not protobuf: "), "{error}");
    let (text, error) = guess(&[0xff, 0xd8, 0xff, 0xe0]);
    assert_eq!(text, r#"{"@octets":"/9j/4A=="}"#);
    assert!(error.contains("not protobuf: "), "{error}");
}

#[test]
fn a_message_that_was_cut_keeps_its_whole_records() {
    let (text, error) = guess(b"\x08\x01\x12\x05ab");
    assert_eq!(text, r#"{"1":1}"#);
    assert_eq!(error, "octet 3: length 5 where 2 octets are left");
}
