//! The `flow` record: one TCP conversation, written when it ends.

use super::tls;
use super::write::{display, end, key, name, number, quoted_hex, truth};
use crate::event::{Event, Protocol};
use crate::http2::preface::Begin;
use crate::tcp::{Close, Opened};

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
        number(out, key!("sides_turned_packet"), *packet);
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
    match flow.protocol {
        Protocol::Tls(facts) => tls::facts(facts, out),
        Protocol::Unknown => first_octets(flow.first_octets, out),
        Protocol::Http1 | Protocol::Http2(_) => {}
    }
    end(out);
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
