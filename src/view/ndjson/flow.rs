//! The `flow` record: one TCP conversation, written when it ends.

use super::tls;
use super::write::{display, end, key, name, number, number_if_known, quoted_hex, rare_number, truth};
use crate::event::{Event, Protocol};
use crate::http2::preface::Begin;
use crate::net::Wrap;
use crate::tcp::{Close, FlowFacts, Opened};

/// A flow has ended.
pub(super) fn ended(event: &Event<'_>, close: Close, out: &mut Vec<u8>) {
    let Some(flow) = event.flow else { return };
    let facts = flow.facts;
    number(out, b"{\"type\":\"flow\",\"flow\":", facts.id.0);
    display(out, key!("client"), facts.client);
    display(out, key!("server"), facts.server);
    name(out, key!("protocol"), flow.protocol.name());
    if let Protocol::Http2(begin) = flow.protocol {
        let begin = match begin {
            Begin::PriorKnowledge => "prior_knowledge",
            Begin::Proxied => "proxied",
            Begin::Upgrade => "upgrade",
            Begin::Mid | Begin::Turned(_) => "mid",
            Begin::Guessed(_) => "mid_sides_guessed",
            Begin::Unseen => "unseen",
        };
        name(out, key!("begin"), begin);
    }
    if let Protocol::Http2(Begin::Turned(packet)) = flow.protocol {
        rare_number(out, key!("sides_turned_packet"), packet);
    }
    let opened = match facts.opened {
        Opened::Syn => "syn",
        Opened::Mid => "mid",
    };
    name(out, key!("opened"), opened);
    let closed = match close {
        Close::Fin => "fin",
        Close::Reset(_) => "rst",
        Close::Open | Close::Replaced => "open",
    };
    name(out, key!("closed"), closed);
    if let Close::Reset(direction) = close {
        name(out, key!("reset_by"), direction.sender());
    }
    if close == Close::Replaced {
        truth(out, key!("ports_reused"), true);
    }
    if facts.refused {
        truth(out, key!("refused"), true);
    }
    number(out, key!("start_ns"), facts.first.time.as_nanos());
    number(out, key!("end_ns"), facts.last.time.as_nanos());
    number(out, key!("first_packet"), facts.first.packet);
    number(out, key!("last_packet"), facts.last.packet);
    number(out, key!("packets_count"), facts.packets);
    number(out, key!("bytes_to_server"), facts.octets_to_server);
    number(out, key!("bytes_to_client"), facts.octets_to_client);
    number(out, key!("repeated_segments"), facts.repeated_segments);
    number(out, key!("keep_alives"), facts.keep_alives);
    number(out, key!("captured_twice"), facts.captured_twice);
    number(out, key!("retransmitted"), facts.retransmitted);
    if !facts.paths.is_empty() {
        paths(facts, out);
    }
    match flow.protocol {
        Protocol::Tls(facts) => tls::facts(facts, out),
        Protocol::Unknown => first_octets(flow.first_octets, out),
        Protocol::Http1 | Protocol::Http2(_) => {}
    }
    end(out);
}

/// The VLANs and tunnels that the flow was met in.
fn paths(facts: &FlowFacts, out: &mut Vec<u8>) {
    out.extend_from_slice(key!("paths"));
    for (i, path) in facts.paths.iter().enumerate() {
        let around = path.to_server(facts.client);
        out.extend_from_slice(if i == 0 { b"[{\"name\":\"" } else { b",{\"name\":\"" });
        out.extend_from_slice(around.to_string().as_bytes());
        out.extend_from_slice(b"\",\"layers\":[");
        for (i, wrap) in around.wraps().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            layer(wrap, out);
        }
        out.push(b']');
        let heard = path.heard(facts.client);
        truth(out, key!("to_server"), heard.to_server);
        truth(out, key!("to_client"), heard.to_client);
        out.push(b'}');
    }
    out.push(b']');
}

fn layer(wrap: Wrap, out: &mut Vec<u8>) {
    let (name, id) = match wrap {
        Wrap::Vlan(id) => ("vlan", Some(id.into())),
        Wrap::Pppoe(id) => ("pppoe", Some(id.into())),
        Wrap::Mpls(label) => ("mpls", Some(label)),
        Wrap::Tunnel { kind, id, .. } => (kind.name(), id),
    };
    out.extend_from_slice(b"{\"layer\":\"");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    number_if_known(out, key!("id"), id);
    if let Wrap::Tunnel { source, destination, .. } = wrap {
        display(out, key!("from"), source);
        display(out, key!("to"), destination);
    }
    out.push(b'}');
}

/// What each side said first, so that somebody can tell what it is.
fn first_octets([client, server]: [&[u8]; 2], out: &mut Vec<u8>) {
    out.extend_from_slice(key!("first_octets"));
    out.extend_from_slice(b"{\"to_server\":");
    quoted_hex(out, client);
    out.extend_from_slice(key!("to_client"));
    quoted_hex(out, server);
    out.push(b'}');
}
