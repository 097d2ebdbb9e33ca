//! Every segment of the fixtures equals tshark's, and stands where it says it stands.

use framescope::net::{Net, Outcome, Pieces};

use crate::support::{Captured, Facts, capture, expected};

#[test]
fn real_captures_give_the_segments_tshark_sees() {
    for name in ["go_article_unary", "py_any_sll2", "node_py", "px_nginx_502", "py_midconn"] {
        assert_same_as_tshark(name);
    }
}

#[test]
fn every_tunnel_and_tag_gives_the_segments_tshark_sees() {
    assert_same_as_tshark("wrapped_ethernet");
}

#[test]
fn every_link_type_gives_the_segments_tshark_sees() {
    for name in
        ["wrapped_sll", "wrapped_null", "wrapped_loop", "wrapped_raw", "wrapped_ipv4", "wrapped_ipv6", "wrapped_ppp"]
    {
        assert_same_as_tshark(name);
    }
}

#[test]
fn fragments_in_any_order_and_tunnel_give_the_segments_tshark_sees() {
    assert_same_as_tshark("fragments");
}

#[test]
fn damaged_packets_give_the_segments_tshark_sees() {
    assert_same_as_tshark("damaged");
}

fn assert_same_as_tshark(name: &str) {
    let (link, packets) = capture(name);
    let mut expected = expected(name).into_iter();
    let mut net = Net::default();
    for packet in &packets {
        let outcome = net.packet(link, &packet.data, packet.original_length, packet.number, packet.time_ns);
        let Outcome::Tcp(segment) = outcome else {
            continue;
        };
        let facts = Facts::of(packet.number, &segment);
        assert_eq!(Some(facts), expected.next(), "{name}: {outcome:?}");
        let number = packet.number;
        let payload = placed(&packets, segment.pieces());
        assert_eq!(payload, segment.payload, "{name}: where packet {number} stands");
        let header = placed(&packets, segment.header_pieces());
        assert_eq!(header[..2], segment.source.port().to_be_bytes(), "{name}: {number}");
        assert_eq!(header[20..], *segment.options, "{name}: {number}");
    }
    assert_eq!(expected.next(), None, "{name}: tshark sees another segment");
    net.finish();
    let counters = net.counters();
    assert_eq!(counters.incomplete().datagrams, 0, "{name}: {counters:?}");
    assert_eq!(counters.malformed, 0, "{name}: {counters:?}");
    let waiting = counters.fragments_held + counters.fragments_repeated;
    let all = counters.tcp + counters.not_tcp_total() + waiting;
    assert_eq!(counters.packets, all, "{name}: {counters:?}");
}

/// The octets that stand in these pieces of the capture.
fn placed(packets: &[Captured], pieces: Pieces<'_>) -> Vec<u8> {
    pieces
        .flat_map(|piece| {
            let offset = piece.offset as usize;
            let data = &packets[piece.packet as usize - 1].data;
            data[offset..offset + piece.length as usize].to_vec()
        })
        .collect()
}
