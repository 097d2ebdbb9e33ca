//! A small capture of peers that break rules: `fixtures/rules/broken.pcap`, whose goldens show how findings read.

use std::path::Path;

use super::conversation::{Conversation, Side, frame, message};
use super::{REQUEST, RESPONSE, asks, block, found_in, ready, request, response, trailers};

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

/// What the two sides say.
fn conversation() -> Conversation {
    let mut conversation = ready();
    asks(&mut conversation, CLIENT, &[(2, 0), (4, 10)]);
    // A client that does not say te: trailers, and a message that claims to be compressed.
    let fields = [&REQUEST[..3], &REQUEST[4..]].concat();
    conversation.send(CLIENT, &[frame(1, 4, 1, &block(&fields)), frame(0, 1, 1, b"\x01\0\0\0\x01q")].concat());
    // A server that pushes although it may not, and sends more than the window takes.
    let promise = [&2_u32.to_be_bytes()[..], &block(&REQUEST)].concat();
    conversation.send(SERVER, &frame(5, 4, 1, &promise));
    conversation.send(SERVER, &[response(1), frame(0, 0, 1, &message(b"\n\x0bgRPC Server")), trailers(1)].concat());
    conversation.send(CLIENT, &frame(8, 0, 0, &[0; 4]));
    // A call that ends without a status.
    conversation.send(CLIENT, &[request(3), frame(0, 1, 3, &message(b"\n\x04gRPC"))].concat());
    conversation.send(SERVER, &frame(1, 4, 3, &block(&RESPONSE)));
    conversation.send(SERVER, &frame(0, 1, 3, &message(b"\n\x02ok")));
    // DATA on a stream that its sender has ended, and PINGs until the server has had enough.
    conversation.send(CLIENT, &frame(0, 0, 3, &message(b"\n\x04gRPC")));
    for _ in 0..3 {
        conversation.wait(1000);
        conversation.send(CLIENT, &frame(6, 0, 0, b"keepaliv"));
        conversation.send(SERVER, &frame(6, 1, 0, b"keepaliv"));
    }
    let go_away = [&3_u32.to_be_bytes()[..], &11_u32.to_be_bytes(), b"too_many_pings"].concat();
    conversation.send(SERVER, &frame(7, 0, 0, &go_away));
    conversation
}

#[test]
fn the_capture_of_broken_rules_is_made_of_these_frames() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules/broken.pcap");
    let made = conversation().file();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    assert!(std::fs::read(&path).unwrap_or_default() == made, "UPDATE_GOLDEN=1 cargo test --test finding");
    let rules: Vec<&str> = found_in(conversation()).iter().map(|one| one.rule).collect();
    let broken = [
        "grpc/no-te-trailers",
        "grpc/compressed-without-encoding",
        "http2/push-disabled",
        "http2/window-exceeded",
        "http2/zero-window-update",
        "grpc/no-status",
        "http2/closed-stream",
        "grpc/too-many-pings",
    ];
    assert_eq!(rules, broken);
}
