//! The words of remarks between frames.

use crate::event::Finding;
use crate::tcp::{FlowFacts, GapReason};
use crate::write;

pub(super) fn found(finding: &Finding<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(finding.rule.severity.name().as_bytes());
    out.extend_from_slice(b": ");
    write::untrusted(out, finding.summary.as_bytes());
    out.extend_from_slice(b" (");
    out.extend_from_slice(finding.rule.slug.as_bytes());
    out.extend_from_slice(b", ");
    out.extend_from_slice(finding.rule.reference.as_bytes());
    out.push(b')');
    if finding.uncertain {
        out.extend_from_slice(b"; uncertain: what this capture does not have may explain it");
    }
}

/// A capture of one direction only: of the other there is nothing to show.
pub(super) fn one_sided(facts: &FlowFacts, out: &mut Vec<u8>) {
    let from = match (facts.seen.to_server, facts.seen.to_client) {
        (true, false) => b"server".as_slice(),
        (false, true) => b"client",
        _ => return,
    };
    out.extend_from_slice(b"; no packet of the ");
    out.extend_from_slice(from);
    out.extend_from_slice(b" was captured");
}

pub(super) fn gap(octets: u64, reason: GapReason, out: &mut Vec<u8>) {
    write::counted(out, octets, "octet");
    out.extend_from_slice(match reason {
        GapReason::Lost => {
            b" missing: they reached the other side, but no whole packet of the capture has them".as_slice()
        }
        GapReason::Cut => b" missing: the packet was captured only in part (snap length)",
        GapReason::NotCaptured => b" missing: they had not come when the capture ended",
        GapReason::Limit => b" missing: they may have come later, a limit ended the waiting",
    });
}

pub(super) fn resync(skipped: u64, found: bool, out: &mut Vec<u8>) {
    if found {
        out.extend_from_slice(b"frames are found again");
        if skipped > 0 {
            out.extend_from_slice(b" after ");
            write::counted(out, skipped, "octet");
            out.extend_from_slice(b" that could not be read");
        }
    } else {
        out.extend_from_slice(b"no frames were found in the last ");
        write::counted(out, skipped, "octet");
    }
}
