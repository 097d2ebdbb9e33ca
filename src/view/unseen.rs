//! What a view of calls does not show: flows that are not HTTP/2, octets that are missing, what does not parse, limits that were reached.
//!
//! A report that says nothing here has left out nothing.

use super::Summary;
use crate::event::{Body, Event, Flow, Protocol};
use crate::grpc::calls::Role;
use crate::http2::preface::Begin;
use crate::write::{counted_as, escaped, integer};

/// Counts of what is not shown.
#[derive(Debug, Default)]
pub struct Unseen {
    http1: u64,
    tls: u64,
    unknown: u64,
    refused: u64,
    empty: u64,
    plain: u64,
    skipped: u64,
    unfinished: u64,
    conflicts: u64,
    guessed: u64,
    turned: u64,
    limits: Vec<(&'static str, u64, u64)>,
}

impl Unseen {
    /// Takes note of an event.
    pub fn event(&mut self, event: &Event<'_>) {
        let count = |counter: &mut u64, more: u64| *counter = counter.saturating_add(more);
        match &event.body {
            Body::Frame(frame) if frame.belongs.is_plain && frame.belongs.role == Role::RequestBegins => {
                count(&mut self.plain, 1)
            }
            Body::Ended(_) => {
                let Some(Flow { facts, protocol, .. }) = event.flow else { return };
                let counter = match protocol {
                    Protocol::Http2(Begin::Guessed(_)) => &mut self.guessed,
                    Protocol::Http2(Begin::Turned(_)) => &mut self.turned,
                    Protocol::Http2(_) => return,
                    Protocol::Http1 => &mut self.http1,
                    Protocol::Tls(_) => &mut self.tls,
                    Protocol::Unknown if facts.refused => &mut self.refused,
                    Protocol::Unknown if facts.octets_to_server == 0 && facts.octets_to_client == 0 => &mut self.empty,
                    Protocol::Unknown => &mut self.unknown,
                };
                count(counter, 1);
            }
            Body::Resync { skipped, .. } => {
                count(&mut self.skipped, *skipped);
            }
            Body::Unfinished { .. } => count(&mut self.unfinished, 1),
            Body::Conflict { .. } => count(&mut self.conflicts, 1),
            Body::Limit { what, count: more } => match self.limits.iter_mut().find(|(name, ..)| name == what) {
                Some((_, times, sum)) => {
                    count(times, 1);
                    count(sum, *more);
                }
                None => self.limits.push((what, 1, *more)),
            },
            _ => {}
        }
    }

    /// Hands out lines without their ends: first what the capture holds, then one for each kind of thing that is not shown.
    pub fn lines(&self, summary: &Summary<'_>, mut line: impl FnMut(&[u8])) {
        let mut text = Vec::new();
        let mut say = |write: &mut dyn FnMut(&mut Vec<u8>)| {
            text.clear();
            write(&mut text);
            line(&text);
        };
        say(&mut |out| self.held(summary, out));
        self.flows(&mut say);
        self.octets(summary, &mut say);
        below(summary, &mut say);
        for (what, times, sum) in &self.limits {
            say(&mut |out| {
                out.extend_from_slice(b"limit reached: ");
                out.extend_from_slice(what.as_bytes());
                out.extend_from_slice(b", ");
                counted_as(out, *times, "time", "times");
                out.extend_from_slice(b", ");
                integer(out, *sum);
                out.extend_from_slice(b" left out");
            });
        }
        if let Some(why) = summary.ended_early {
            say(&mut |out| {
                out.extend_from_slice(b"not everything was read: ");
                escaped(out, why.as_bytes());
            });
        }
    }

    fn held(&self, summary: &Summary<'_>, out: &mut Vec<u8>) {
        let totals = &summary.totals;
        for (at, (count, one, many)) in [
            (totals.packets, "packet", "packets"),
            (totals.flows, "flow", "flows"),
            (totals.frames, "frame", "frames"),
            (totals.messages, "message", "messages"),
            (totals.calls, "call", "calls"),
            (summary.findings.unwrap_or(0), "finding", "findings"),
        ]
        .into_iter()
        .filter(|(count, one, _)| *count > 0 || *one != "finding")
        .enumerate()
        {
            out.extend_from_slice(if at > 0 { b", " } else { b"" });
            counted_as(out, count, one, many);
        }
    }

    fn flows(&self, say: &mut Say<'_>) {
        some(say, self.tls, "flow is", "flows are", " TLS and not read");
        some(say, self.http1, "flow is", "flows are", " HTTP/1 and not read");
        some(say, self.unknown, "flow speaks", "flows speak", " no protocol that is known");
        some(say, self.refused, "connection was", "connections were", " refused");
        some(say, self.empty, "flow carries", "flows carry", " nothing");
        some(
            say,
            self.guessed,
            "HTTP/2 flow does",
            "HTTP/2 flows do",
            " not tell which side is the client: it is a guess",
        );
        some(say, self.turned, "HTTP/2 flow had", "HTTP/2 flows had", " client and server guessed wrong at first");
        some(say, self.plain, "HTTP/2 exchange is", "HTTP/2 exchanges are", " not gRPC");
    }

    fn octets(&self, summary: &Summary<'_>, say: &mut Say<'_>) {
        let totals = &summary.totals;
        if totals.gaps > 0 {
            say(&mut |out| {
                counted_as(out, totals.gaps, "gap", "gaps");
                out.extend_from_slice(b": ");
                counted_as(out, totals.gap_octets, "octet is", "octets are");
                out.extend_from_slice(b" missing");
            });
        }
        if self.skipped > 0 {
            some(say, self.skipped, "octet", "octets", " passed over in search of frames");
        }
        some(say, self.unfinished, "frame was", "frames were", " cut off by the end of their direction");
        some(
            say,
            self.conflicts,
            "repeated segment held",
            "repeated segments held",
            " other octets than the first, which stand",
        );
        some(say, totals.malformed, "thing does", "things do", " not parse");
        some(say, summary.late_packets, "packet", "packets", " with octets came after the end of the flow");
    }
}

type Say<'a> = dyn FnMut(&mut dyn FnMut(&mut Vec<u8>)) + 'a;

/// Packets that never became part of a flow.
fn below(summary: &Summary<'_>, say: &mut Say<'_>) {
    if let Some(net) = summary.net {
        some(say, net.not_tcp_total(), "packet is", "packets are", " not TCP");
        some(say, net.tcp_cut, "packet was", "packets were", " captured short");
        some(say, net.incomplete().datagrams, "IP datagram lacks", "IP datagrams lack", " fragments");
    }
    if let Some(capture) = summary.capture {
        some(say, capture.dropped(), "packet was", "packets were", " dropped by the capturing system");
        some(say, capture.faults_total, "block", "blocks", " of the capture file could not be used");
    }
}

fn some(say: &mut Say<'_>, count: u64, one: &str, many: &str, rest: &str) {
    if count > 0 {
        say(&mut |out| {
            counted_as(out, count, one, many);
            out.extend_from_slice(rest.as_bytes());
        });
    }
}
