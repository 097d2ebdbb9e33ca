//! What the lines about a flow as a whole say: where it was captured, and which of its segments came again.

use std::net::SocketAddr;

use crate::tcp::{FlowFacts, Path};
use crate::write;

/// The VLANs and tunnels that a flow was met in, if any: `VLAN 12`, `VLAN 10 and untagged`.
pub(super) fn paths(facts: &FlowFacts, out: &mut Vec<u8>) {
    let one_way = |path: &Path| !path.heard_both;
    // Requests in one VLAN and responses in another; else each has packets of both sides.
    let apart = facts.paths.len() > 1 && facts.paths.iter().all(one_way);
    for (i, path) in facts.paths.iter().enumerate() {
        out.extend_from_slice(match (i, apart) {
            (0, _) => b"".as_slice(),
            (_, false) => b" and ",
            (_, true) => b", ",
        });
        out.extend_from_slice(name(path, facts.client).as_bytes());
        if apart {
            out.extend_from_slice(if path.heard(facts.client).to_server {
                b" to the server"
            } else {
                b" to the client"
            });
        }
    }
}

fn name(path: &Path, client: SocketAddr) -> String {
    path.to_server(client).to_string()
}

/// Segments that came again, and why, as far as their packets tell.
pub(super) fn repeated(facts: &FlowFacts, out: &mut Vec<u8>) {
    let counts = [
        (facts.captured_twice, "captured twice"),
        (facts.retransmitted, "retransmitted"),
        (facts.repeated_otherwise(), "repeated (why cannot be told)"),
    ];
    let mut noun = true;
    for (count, what) in counts {
        if count > 0 {
            out.extend_from_slice(b", ");
            if std::mem::replace(&mut noun, false) {
                write::counted(out, count, "segment");
            } else {
                write::integer(out, count);
            }
            out.push(b' ');
            out.extend_from_slice(what.as_bytes());
        }
    }
    if facts.keep_alives > 0 {
        out.extend_from_slice(b", ");
        write::counted(out, facts.keep_alives, "keep-alive");
    }
}
