//! What stands below the trace: counts, and what it does not show.

use crate::net::Counters;
use crate::view::Summary;
use crate::write;

/// Writes it. `(cut, octets)` are the packets captured only in part that had no line, and what is missing of them.
pub(super) fn tell(summary: &Summary<'_>, (cut, octets): (u64, u64), own_notes: u64, out: &mut Vec<u8>) {
    totals(summary, out);
    if cut > 0 {
        write::counted(out, cut, "more packet");
        out.extend_from_slice(b" captured only in part (snap length), ");
        write::counted(out, octets, "octet");
        out.extend_from_slice(b" missing, without a line of their own\n");
    }
    if let Some(net) = summary.net {
        fragments(net, out);
        not_shown(net, own_notes, out);
    }
    if summary.late_packets > 0 {
        write::counted_as(
            out,
            summary.late_packets,
            "packet with octets came after its flow had ended",
            "packets with octets came after their flows had ended",
        );
        out.push(b'\n');
    }
    if let Some(facts) = summary.capture {
        if facts.dropped() > 0 {
            out.extend_from_slice(b"the capture says that it dropped ");
            write::counted(out, facts.dropped(), "packet");
            out.push(b'\n');
        }
        if facts.faults_total > 0 {
            write::counted(out, facts.faults_total, "block");
            out.extend_from_slice(b" of the file could not be used");
            for fault in facts.faults.iter().take(3) {
                out.extend_from_slice(b"; at octet ");
                write::integer(out, fault.offset);
                out.extend_from_slice(b": ");
                out.extend_from_slice(fault.what.as_bytes());
            }
            out.push(b'\n');
        }
    }
    if let Some(why) = summary.ended_early {
        out.extend_from_slice(b"not everything was read: ");
        write::untrusted(out, why.as_bytes());
        out.push(b'\n');
    }
}

fn totals(summary: &Summary<'_>, out: &mut Vec<u8>) {
    let totals = summary.totals;
    let mut first = true;
    if let Some(shown) = summary.frames_shown {
        write::counted(out, shown, "frame");
        out.extend_from_slice(b" shown, of ");
    }
    let always = [
        (totals.packets, "packet"),
        (totals.flows, "flow"),
        (totals.frames, "frame"),
        (totals.calls, "call"),
        (totals.messages, "message"),
    ];
    const GAP: &str = "gap";
    let sometimes = [(totals.conflicts, "conflict"), (totals.gaps, GAP), (totals.malformed, "malformed item")];
    for (n, noun) in always.into_iter().chain(sometimes.into_iter().filter(|(n, _)| *n > 0)) {
        if !std::mem::replace(&mut first, false) {
            out.extend_from_slice(b", ");
        }
        write::counted(out, n, noun);
        if noun == GAP {
            out.extend_from_slice(b" (");
            write::counted(out, totals.gap_octets, "octet");
            out.extend_from_slice(b" missing)");
        }
    }
    if let Some(found) = summary.findings.filter(|found| *found > 0) {
        out.extend_from_slice(b", ");
        write::counted(out, found, "finding");
    }
    if totals.limits > 0 {
        out.extend_from_slice(b", ");
        write::counted_as(out, totals.limits, "limit reached", "limits reached");
    }
    out.push(b'\n');
}

/// How many packets were fragments of one that is counted once where it is shown.
fn fragments(net: &Counters, out: &mut Vec<u8>) {
    if net.datagrams_reassembled == 0 {
        return;
    }
    let waited = net.fragments_held.saturating_sub(net.incomplete().fragments);
    let packets = waited.saturating_add(net.datagrams_reassembled).saturating_add(net.fragments_repeated);
    write::counted(out, packets, "packet");
    out.extend_from_slice(b" are IP fragments of ");
    write::counted(out, net.datagrams_reassembled, "datagram");
    out.extend_from_slice(b"; a flow counts each datagram as one packet\n");
}

/// What was in the capture but is not TCP, or did not parse.
fn not_shown(net: &Counters, own_notes: u64, out: &mut Vec<u8>) {
    let mut any = false;
    if net.malformed > 0 {
        out.extend_from_slice(b"not shown: ");
        write::counted(out, net.malformed, "malformed packet");
        any = true;
    }
    for (kind, count) in net.not_tcp() {
        out.extend_from_slice(if any { b", " } else { b"not shown: " });
        any = true;
        write::integer(out, count);
        out.push(b' ');
        out.extend_from_slice(kind.to_string().as_bytes());
    }
    let incomplete = net.incomplete();
    if incomplete.datagrams > 0 {
        out.extend_from_slice(if any { b", " } else { b"not shown: " });
        any = true;
        write::counted(out, incomplete.datagrams, "IP datagram");
        out.extend_from_slice(b" of which fragments are missing (");
        write::counted(out, incomplete.fragments, "packet");
        out.push(b')');
    }
    if own_notes > 0 {
        out.extend_from_slice(if any { b", " } else { b"not shown: " });
        any = true;
        write::counted(out, own_notes, "comment");
        out.extend_from_slice(b" with notes of framescope itself");
    }
    if any {
        out.push(b'\n');
    }
}
