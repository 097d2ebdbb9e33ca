//! The words of remarks between frames.

use crate::event::Finding;
use crate::tcp::GapReason;
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

pub(super) fn gap(octets: u64, reason: GapReason, out: &mut Vec<u8>) {
    write::counted(out, octets, "octet");
    out.extend_from_slice(match reason {
        GapReason::Lost => b" missing: they reached the other side, but the capture does not have them".as_slice(),
        GapReason::Cut => b" missing: the packet was captured only in part (snap length)",
        GapReason::NotCaptured => b" missing: the capture ended before they came",
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
