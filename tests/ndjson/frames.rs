//! What is rare on the wire, written by hand.

use framescope::direction::Direction::{ToClient, ToServer};
use framescope::limits::Limits;
use serde_json::{Value, json};

use crate::wire::{Wire, frame, literal, request};

/// The record of the only frame sent by the client after the preface.
fn shown(octets: &[u8]) -> Value {
    let mut wire = Wire::http2();
    wire.push(ToServer, octets);
    let records = wire.records(&Limits::default());
    records.into_iter().rfind(|record| record["type"] == "frame").expect("a frame")
}

/// The record of the call that the client's and then the server's frames make.
fn call(client: &[Vec<u8>], server: &[Vec<u8>]) -> Value {
    let mut wire = Wire::http2();
    wire.push(ToServer, &client.concat());
    wire.push(ToClient, &server.concat());
    let records = wire.records(&Limits::default());
    records.into_iter().find(|record| record["type"] == "call").expect("a call")
}

#[test]
fn unknown_types_undefined_flags_and_the_reserved_bit_survive() {
    let record = shown(&frame(0xfa, 0x81, 0x8000_0003, b"??"));
    assert_eq!(
        (&record["frame"], &record["frame_type"], &record["stream"]),
        (&json!("UNKNOWN(0xfa)"), &json!(250), &json!(3))
    );
    assert_eq!((&record["flags"], &record["flag_names"]), (&json!(129), &json!([])));
    assert_eq!(
        (&record["undefined_flags"], &record["reserved_bit"], &record["octets"]),
        (&json!(129), &json!(true), &json!("3f3f"))
    );
}

#[test]
fn padding_is_told_apart_from_content() {
    let mut wire = Wire::http2();
    wire.push(ToServer, &frame(1, 4, 1, &request(b"/lab.v1.Lab/Echo", &[])));
    wire.push(ToServer, &frame(0, 9, 1, b"\x03\0\0\0\0\0\0\0\0"));
    let records = wire.records(&Limits::default());
    let data = records.iter().find(|record| record["frame"] == "DATA").expect("DATA");
    assert_eq!((&data["length"], &data["pad_length"], &data["data_length"]), (&json!(9), &json!(3), &json!(5)));
    assert_eq!((&data["window_stream"], &data["octets"]), (&json!(65_526), &json!("030000000000000000")));
}

#[test]
fn settings_have_names_or_numbers() {
    let record = shown(&frame(4, 0, 0, &[0, 1, 0, 0, 16, 0, 0xab, 0xcd, 0xff, 0xff, 0xff, 0xff]));
    assert_eq!(
        record["settings"],
        json!([{"id": 1, "name": "HEADER_TABLE_SIZE", "value": 4096}, {"id": 0xabcd, "name": "UNKNOWN(0xabcd)", "value": u32::MAX}])
    );
}

#[test]
fn text_in_frames_is_shown_as_text_and_anything_else_in_hex() {
    let record = shown(&frame(7, 0, 0, b"\0\0\0\x05\0\0\0\x0btoo_many_pings"));
    assert_eq!((&record["last_stream_id"], &record["error_name"]), (&json!(5), &json!("ENHANCE_YOUR_CALM")));
    assert_eq!(record["debug_data"], "too_many_pings");
    let record = shown(&frame(7, 0, 0, b"\0\0\0\x05\0\0\0\x7f\xff\xfe"));
    assert_eq!((&record["error_name"], &record["debug_data_hex"]), (&json!("UNKNOWN(0x7f)"), &json!("fffe")));
    assert!(record.get("debug_data").is_none());
}

#[test]
fn frames_of_other_rfcs_show_their_parts() {
    let record = shown(&frame(0x0a, 0, 0, b"\0\x05a.orgh3=\":443\""));
    assert_eq!(
        (&record["frame"], &record["origin"], &record["alt_svc"]),
        (&json!("ALTSVC"), &json!("a.org"), &json!("h3=\":443\""))
    );
    let record = shown(&frame(0x0c, 0, 0, b"\0\x03a:1\0\x03b:2\0\x09cut"));
    assert_eq!(record["origins"], json!(["a:1", "b:2"]));
    let record = shown(&frame(0x10, 0, 0, b"\0\0\0\x07u=1, i"));
    assert_eq!(
        (&record["frame"], &record["prioritized_stream"], &record["priority_value"]),
        (&json!("PRIORITY_UPDATE"), &json!(7), &json!("u=1, i"))
    );
    let record = shown(&frame(2, 0, 5, b"\x80\0\0\x03\xff"));
    assert_eq!(record["priority"], json!({"depends_on": 3, "exclusive": true, "weight": 256}));
}

#[test]
fn a_table_size_update_is_listed_among_the_fields() {
    let mut block = vec![0x3f, 0x61];
    block.extend(request(b"/lab.v1.Lab/Echo", &[(b"x-odd", b"\xff\x01")]));
    let record = shown(&frame(1, 4, 1, &block));
    assert_eq!(record["fields"][0], json!({"representation": "size_update", "size": 128, "known": true}));
    let odd = record["fields"].as_array().and_then(|fields| fields.last()).expect("fields");
    assert_eq!(
        odd,
        &json!({"name": "x-odd", "value_hex": "ff01", "representation": "literal", "huffman_name": false, "huffman": false, "known": true})
    );
}

#[test]
fn fields_stand_on_the_frame_that_ends_the_block() {
    let block = request(b"/lab.v1.Lab/Echo", &[]);
    let (first, rest) = block.split_at(10);
    let mut wire = Wire::http2();
    wire.push(ToServer, &[frame(1, 1, 1, first), frame(9, 4, 1, rest)].concat());
    let records = wire.records(&Limits::default());
    let headers = records.iter().find(|record| record["frame"] == "HEADERS").expect("HEADERS");
    let continuation = records.iter().find(|record| record["frame"] == "CONTINUATION").expect("CONTINUATION");
    assert!(headers.get("fields").is_none());
    assert_eq!(continuation["fields"].as_array().map(Vec::len), Some(4));
    assert_eq!(continuation["block_frames"], json!([headers["id"], continuation["id"]]));
    assert_eq!((&continuation["role"], &continuation["ends_stream"]), (&json!("request_begins"), &json!(true)));
}

#[test]
fn metadata_and_status_that_do_not_decode_stand_as_they_came() {
    let odd: &[(&[u8], &[u8])] =
        &[(b"a-bin", b"AAE,AgM="), (b"b-bin", b"\0raw,\xff"), (b"c-bin", b"n?t"), (b"d", b"\xff")];
    let mut trailers = vec![0x88];
    for (name, value) in
        [(&b"grpc-status"[..], &b"99"[..]), (b"grpc-message", b"50%25 %zz"), (b"grpc-status-details-bin", b"CAUS")]
    {
        trailers.extend(literal(name, value));
    }
    let call = call(&[frame(1, 5, 1, &request(b"/x\xff/y", odd))], &[frame(1, 5, 1, &trailers)]);
    assert_eq!(
        call["request_metadata"],
        json!([
            ["a-bin", "AAE="],
            ["a-bin", "AgM="],
            ["b-bin", "cmF3LP8="],
            ["c-bin", "n?t", "not_base64"],
            ["d", "ff", "hex"]
        ])
    );
    assert_eq!((&call["path_hex"], call.get("path"), call.get("service")), (&json!("2f78ff2f79"), None, None));
    assert_eq!(
        (&call["status"], &call["status_name"], &call["status_message"]),
        (&json!(99), &json!("UNKNOWN(99)"), &json!("50% %zz"))
    );
    assert_eq!((&call["status_details"]["code"], &call["status_details_base64"]), (&json!(5), &json!("CAUS")));
    assert!(call["status_details_error"].is_string());
}

#[test]
fn a_reset_by_the_server_maps_to_what_its_client_reports() {
    let call = call(&[frame(1, 5, 1, &request(b"/lab.v1.Lab/Echo", &[]))], &[frame(3, 0, 1, &[0, 0, 0, 11])]);
    assert_eq!((&call["outcome"], &call["error_name"]), (&json!("reset_by_server"), &json!("ENHANCE_YOUR_CALM")));
    assert_eq!((&call["status"], &call["mapped_status_name"]), (&Value::Null, &json!("RESOURCE_EXHAUSTED")));
}

#[test]
fn a_limit_is_told_where_it_is_reached_and_in_the_summary() {
    let mut wire = Wire::http2();
    wire.push(ToServer, &frame(1, 4, 1, &request(b"/lab.v1.Lab/Echo", &[])));
    wire.push(ToServer, &frame(0, 1, 1, b"\0\0\0\0\x06\x0a\x04text"));
    let records = wire.records(&Limits { message: 4, ..Limits::default() });
    let message = records.iter().find(|record| record["type"] == "message").expect("a message");
    assert_eq!(
        (&message["complete"], &message["kept"], &message["json"]),
        (&json!(false), &json!(false), &Value::Null)
    );
    let limit = records.iter().find(|record| record["type"] == "limit").expect("a limit");
    assert_eq!(
        (&limit["what"], &limit["count"], &limit["packet"]),
        (&json!("octets of a message"), &json!(6), &json!(8))
    );
    assert_eq!(
        records.last().expect("a summary")["limits"],
        json!([{"what": "octets of a message", "count": 6, "times": 1}])
    );
}

#[test]
fn a_direction_that_ends_inside_a_frame_says_so() {
    let mut wire = Wire::http2();
    let ping = frame(6, 0, 0, b"opaque!!");
    wire.push(ToServer, &ping[..12]);
    let records = wire.records(&Limits::default());
    let unfinished = records.iter().find(|record| record["type"] == "unfinished").expect("the rest");
    assert_eq!(
        (&unfinished["frame"], &unfinished["present"], &unfinished["missing"]),
        (&json!("PING"), &json!(12), &json!(5))
    );
    assert_eq!(unfinished["by_sender"], false);
}

#[test]
fn a_payload_that_does_not_parse_is_malformed_beside_its_frame() {
    let mut wire = Wire::http2();
    wire.push(ToServer, &frame(6, 0, 0, b"short"));
    let records = wire.records(&Limits::default());
    let ping = records.iter().find(|record| record["frame"] == "PING").expect("a PING");
    let malformed = records.iter().find(|record| record["type"] == "malformed").expect("a fault");
    assert_eq!((&ping["readable"], &ping["octets"]), (&json!(false), &json!("73686f7274")));
    assert_eq!(
        (&malformed["layer"], &malformed["frame"], &malformed["packets"]),
        (&json!("http2"), &ping["id"], &json!([7]))
    );
}

#[test]
fn a_flow_of_an_unknown_protocol_shows_its_first_octets() {
    let mut wire = Wire::open();
    wire.push(ToServer, b"\x00\x01hello");
    wire.push(ToClient, b"\xff\xfe");
    let records = wire.records(&Limits::default());
    let flow = records.iter().find(|record| record["type"] == "flow").expect("a flow");
    assert_eq!((&flow["protocol"], &flow["closed"]), (&json!("unknown"), &json!("open")));
    assert_eq!(flow["first_octets"], json!({"to_server": "000168656c6c6f", "to_client": "fffe"}));
}

#[test]
fn a_flow_in_tls_shows_what_its_client_asked_for() {
    let hello = client_hello(b"grpc.example", b"h2");
    let mut wire = Wire::open();
    wire.push(ToServer, &hello);
    let records = wire.records(&Limits::default());
    let flow = records.iter().find(|record| record["type"] == "flow").expect("a flow");
    assert_eq!(flow["protocol"], "tls");
    assert_eq!(
        (&flow["tls"]["sni"], &flow["tls"]["alpn_offered"], &flow["tls"]["decrypted"]),
        (&json!("grpc.example"), &json!(["h2"]), &json!(false))
    );
    assert_eq!((&flow["tls"]["client_hello_seen"], &flow["tls"]["server_hello_seen"]), (&json!(true), &json!(false)));
}

/// A ClientHello in one record (RFC 8446 §4.1.2).
fn client_hello(server_name: &[u8], protocol: &[u8]) -> Vec<u8> {
    let prefixed = |width: usize, content: &[u8]| {
        let mut octets = content.len().to_be_bytes()[8 - width..].to_vec();
        octets.extend(content);
        octets
    };
    let sni = prefixed(2, &[&[0][..], &prefixed(2, server_name)].concat());
    let alpn = prefixed(2, &prefixed(1, protocol));
    let extensions = [&[0, 0][..], &prefixed(2, &sni), &[0, 16], &prefixed(2, &alpn)].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &prefixed(2, &[0x13, 0x01]), &[1, 0], &prefixed(2, &extensions)].concat();
    let handshake = [&[1][..], &prefixed(3, &body)].concat();
    [&[22, 3, 1][..], &prefixed(2, &handshake)].concat()
}

#[test]
fn connect_is_named_where_the_content_type_tells() {
    for (content_type, named) in [
        (&b"application/connect+proto"[..], "(Connect stream)"),
        (b"application/proto", "(Connect)"),
        (b"application/json", "(not gRPC)"),
    ] {
        let fields =
            [&[0x83, 0x86][..], &literal(b":path", b"/a.B/C"), &literal(b"content-type", content_type)].concat();
        let record = shown(&frame(1, 4, 1, &fields));
        assert_eq!(record["note"], json!(format!("request begins: POST /a.B/C {named}")));
        assert_eq!(record["not_grpc"], true);
    }
}
