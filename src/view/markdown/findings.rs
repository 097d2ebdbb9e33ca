//! The table of findings: which rule, who, where, and what shows it.

use super::bar;
use super::escape::code;
use super::prose;
use crate::event::{Event, Finding};
use crate::write::{counted_as, integer};

/// Characters of a sentence.
const SUMMARY: usize = 300;
/// Packets named in a row.
const PACKETS: usize = 4;

/// Rows of the table; what is beyond the limit is counted.
#[derive(Debug, Default)]
pub(super) struct Findings {
    text: Vec<u8>,
    count: usize,
    left_out: u64,
}

impl Findings {
    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity()
    }

    pub(super) fn row(&mut self, event: &Event<'_>, finding: &Finding<'_>, most: usize) {
        if self.count >= most {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.count = self.count.saturating_add(1);
        let out = &mut self.text;
        out.extend_from_slice(b"| ");
        out.extend_from_slice(finding.rule.severity.name().as_bytes());
        out.extend_from_slice(if finding.uncertain { b", uncertain" } else { b"" });
        bar(out);
        number(event.flow.map(|flow| flow.facts.id.0), out);
        bar(out);
        number(finding.call.map(|call| call.0), out);
        bar(out);
        for (n, packet) in finding.packets.iter().take(PACKETS).enumerate() {
            out.extend_from_slice(if n > 0 { b", " } else { b"" });
            integer(out, *packet);
        }
        out.extend_from_slice(if finding.packets.len() > PACKETS { b", ..." } else { b"" });
        bar(out);
        let end = finding.summary.char_indices().nth(SUMMARY).map_or(finding.summary.len(), |(at, _)| at);
        prose(out, finding.summary.get(..end).unwrap_or_default().as_bytes());
        bar(out);
        code(out, finding.rule.slug.as_bytes(), SUMMARY);
        out.extend_from_slice(b", ");
        prose(out, finding.rule.reference.as_bytes());
        out.extend_from_slice(b" |\n");
    }

    /// Appends the section; nothing where nothing was found.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if self.count == 0 && self.left_out == 0 {
            return;
        }
        out.extend_from_slice(b"\n## Findings\n\n");
        out.extend_from_slice(b"| severity | flow | call | packets | what | rule |\n|:---|---:|---:|:---|:---|:---|\n");
        out.extend_from_slice(&self.text);
        if self.left_out > 0 {
            out.push(b'\n');
            counted_as(out, self.left_out, "more finding is", "more findings are");
            out.extend_from_slice(b" not in this table.\n");
        }
    }
}

fn number(known: Option<u64>, out: &mut Vec<u8>) {
    match known {
        Some(number) => integer(out, number),
        None => out.push(b'-'),
    }
}
