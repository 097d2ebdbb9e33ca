//! The first and the last record: `header` and `summary`.

use super::SCHEMA_VERSION;
use super::trouble::Reached;
use super::write::{display, end, key, name, number, number_if_known, quoted, string};
use crate::capture;
use crate::net;
use crate::view::{Source, Summary};

/// What writes the records, and what it reads.
pub(super) fn header(source: &Source<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"header\"");
    number(out, key!("schema_version"), SCHEMA_VERSION);
    name(out, key!("tool"), "framescope");
    name(out, key!("version"), env!("CARGO_PKG_VERSION"));
    string(out, key!("source"), source.name.as_bytes());
    end(out);
}

/// What was counted, and what was left out.
pub(super) fn summary(summary: &Summary<'_>, reached: &Reached, out: &mut Vec<u8>) {
    let totals = &summary.totals;
    out.extend_from_slice(b"{\"type\":\"summary\"");
    number(out, key!("packets"), totals.packets);
    number(out, key!("flows"), totals.flows);
    number(out, key!("frames"), totals.frames);
    number(out, key!("calls"), totals.calls);
    number(out, key!("messages"), totals.messages);
    number(out, key!("gaps"), totals.gaps);
    number(out, key!("gap_bytes"), totals.gap_octets);
    number(out, key!("conflicts"), totals.conflicts);
    number(out, key!("malformed"), totals.malformed);
    number(out, key!("findings"), summary.findings.unwrap_or(0));
    limits(reached, out);
    number(out, key!("late_packets"), summary.late_packets);
    number_if_known(out, key!("frames_shown"), summary.frames_shown);
    if let Some(counters) = summary.net {
        below_tcp(counters, out);
    }
    if let Some(facts) = summary.capture {
        capture(facts, out);
    }
    if let Some(why) = summary.ended_early {
        string(out, key!("ended_early"), why.as_bytes());
    }
    end(out);
}

fn limits(reached: &Reached, out: &mut Vec<u8>) {
    out.extend_from_slice(key!("limits"));
    list(reached.limits(), out, |limit, out| {
        out.extend_from_slice(b"{\"what\":");
        quoted(out, limit.what.as_bytes());
        number(out, key!("count"), limit.count);
        number(out, key!("times"), limit.times);
        out.push(b'}');
    });
}

/// Packets that gave no TCP segment, by kind, and what became of fragments.
fn below_tcp(counters: &net::Counters, out: &mut Vec<u8>) {
    number(out, key!("tcp_packets"), counters.tcp);
    number(out, key!("tcp_cut"), counters.tcp_cut);
    out.extend_from_slice(key!("not_tcp"));
    out.push(b'{');
    let mut before: &[u8] = b"";
    for (kind, count) in counters.not_tcp() {
        out.extend_from_slice(before);
        quoted(out, kind.to_string().as_bytes());
        number(out, b":", count);
        before = b",";
    }
    out.push(b'}');
    let incomplete = counters.incomplete();
    out.extend_from_slice(key!("fragments"));
    number(out, b"{\"held\":", counters.fragments_held);
    number(out, key!("repeated"), counters.fragments_repeated);
    number(out, key!("conflicting"), counters.fragments_conflicting);
    number(out, key!("datagrams"), counters.datagrams_reassembled);
    number(out, key!("datagrams_cut"), counters.datagrams_cut);
    number(out, key!("bytes_behind_cut"), counters.datagram_octets_behind_cut);
    number(out, key!("incomplete_datagrams"), incomplete.datagrams);
    number(out, key!("incomplete_fragments"), incomplete.fragments);
    number(out, key!("incomplete_bytes"), incomplete.octets);
    out.push(b'}');
}

/// What the capture says about itself.
fn capture(facts: &capture::Facts, out: &mut Vec<u8>) {
    out.extend_from_slice(key!("capture"));
    out.extend_from_slice(b"{\"format\":");
    let format = match facts.format {
        capture::Format::Pcapng => "pcapng",
        capture::Format::PcapNanoseconds => "pcap_nanoseconds",
        capture::Format::PcapModified => "pcap_modified",
        capture::Format::PcapMicroseconds => "pcap",
        capture::Format::Live => "live",
    };
    quoted(out, format.as_bytes());
    if let Some(compression) = facts.compression {
        let compression = match compression {
            capture::Compression::Gzip => "gzip",
            capture::Compression::Zstd => "zstd",
        };
        name(out, key!("compression"), compression);
    }
    number(out, key!("packets"), facts.packets);
    number(out, key!("dropped"), facts.dropped());
    out.extend_from_slice(key!("interfaces"));
    list(&facts.interfaces, out, interface);
    number(out, key!("faults_total"), facts.faults_total);
    out.extend_from_slice(key!("faults"));
    list(&facts.faults, out, |fault, out| {
        number(out, b"{\"offset\":", fault.offset);
        number_if_known(out, key!("packet"), fault.packet);
        name(out, key!("what"), fault.what);
        out.push(b'}');
    });
    out.extend_from_slice(key!("skipped_blocks"));
    list(&facts.skipped, out, |block, out| {
        number(out, b"{\"block_type\":", block.block_type);
        if let Some(known) = block.name() {
            name(out, key!("name"), known);
        }
        number(out, key!("count"), block.count);
        out.push(b'}');
    });
    let left_out = &facts.left_out;
    out.extend_from_slice(key!("left_out"));
    number(out, b"{\"sections\":", left_out.sections);
    number(out, key!("interfaces"), left_out.interfaces);
    number(out, key!("texts"), left_out.texts);
    number(out, key!("secrets"), left_out.secrets);
    number(out, key!("secrets_bytes"), left_out.secrets_octets);
    number(out, key!("skipped_blocks"), left_out.skipped_blocks);
    out.extend_from_slice(b"}}");
}

fn interface(interface: &capture::Interface, out: &mut Vec<u8>) {
    number(out, b"{\"number\":", interface.number);
    if let Some(text) = &interface.name {
        string(out, key!("name"), text.as_bytes());
    }
    display(out, key!("link"), interface.link);
    if let Some(statistics) = interface.statistics {
        number_if_known(out, key!("received"), statistics.received);
        number_if_known(out, key!("dropped"), statistics.dropped);
        number_if_known(out, key!("dropped_by_system"), statistics.dropped_by_system);
    }
    out.push(b'}');
}

/// Appends a JSON list.
fn list<T>(items: &[T], out: &mut Vec<u8>, mut item: impl FnMut(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, one) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        item(one, out);
    }
    out.push(b']');
}
