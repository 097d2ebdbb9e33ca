//! The record of a rule that was broken, or strained: `finding`.

use super::write::{end, end_list, key, name, number, number_if_known, quoted, truth};
use crate::event::{Event, Finding};

pub(super) fn finding(event: &Event<'_>, finding: &Finding<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"finding\"");
    name(out, key!("rule"), finding.rule.slug);
    name(out, key!("severity"), finding.rule.severity.name());
    name(out, key!("reference"), finding.rule.reference);
    out.extend_from_slice(key!("summary"));
    quoted(out, finding.summary.as_bytes());
    out.extend_from_slice(key!("evidence"));
    out.extend_from_slice(b"{\"frames\":");
    list(finding.frames.iter().map(|frame| frame.0), out);
    out.extend_from_slice(key!("packets"));
    list(finding.packets.iter().copied(), out);
    out.push(b'}');
    number_if_known(out, key!("time_ns"), (event.at.packet > 0).then(|| event.at.time.as_nanos()));
    number_if_known(out, key!("flow"), event.flow.map(|flow| flow.facts.id.0));
    if let Some(direction) = finding.direction {
        name(out, key!("direction"), direction.name());
    }
    number_if_known(out, key!("stream"), finding.stream.map(|stream| stream.0));
    number_if_known(out, key!("call"), finding.call.map(|call| call.0));
    truth(out, key!("uncertain"), finding.uncertain);
    end(out);
}

/// Appends a list of numbers.
fn list(numbers: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    let mut before = b'[';
    for n in numbers {
        number(out, &[before], n);
        before = b',';
    }
    end_list(out, before);
}
