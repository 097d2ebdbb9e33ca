//! Which events are shown: flow, stream, call, method, status, frame type, time, port.
//!
//! Dissection never depends on a filter; what is not shown was still read.

use std::collections::HashSet;

use crate::event::{Body, Event, Flow};
use crate::grpc::call::{Call, CallId};
use crate::grpc::status::Status;
use crate::http2::frame::{FrameType, StreamId};
use crate::tcp::FlowId;
use crate::time::Timestamp;

/// What is asked for. An empty filter shows everything; several conditions must all hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// One flow.
    pub flow: Option<u64>,
    /// One stream number, in every flow.
    pub stream: Option<u32>,
    /// One call.
    pub call: Option<u64>,
    /// Calls of methods that match.
    pub method: Option<Glob>,
    /// Calls that ended with one of these.
    pub status: Option<StatusFilter>,
    /// Frames of these types.
    pub frames: Vec<FrameType>,
    /// From this moment on.
    pub from: Option<Moment>,
    /// Up to and including this moment.
    pub to: Option<Moment>,
    /// Flows with this port on either side.
    pub port: Option<u16>,
}

/// A moment in a capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// Nanoseconds after the first packet.
    After(i64),
    /// A clock time.
    At(Timestamp),
}

impl Moment {
    fn time(self, first: Timestamp) -> Timestamp {
        match self {
            Self::After(nanos) => first.saturating_add_nanos(nanos),
            Self::At(time) => time,
        }
    }
}

/// A pattern for paths: `*` stands for any text, `?` for one octet. Without a leading `/` it may begin anywhere after one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Glob(Vec<u8>);

impl Glob {
    /// Reads a pattern; any text is one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.as_bytes().to_vec())
    }

    /// Whether all of `path` matches.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let anchored = self.0.starts_with(b"/") || self.0.starts_with(b"*");
        let bare = path.strip_prefix(b"/").unwrap_or(path);
        let method = bare.rsplit(|octet| *octet == b'/').next().unwrap_or(bare);
        glob(&self.0, path) || (!anchored && (glob(&self.0, bare) || glob(&self.0, method)))
    }
}

/// Matches with one point to return to: the last `*` (linear for the usual patterns, never exponential).
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(octet) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p = p.saturating_add(1);
            }
            Some(wanted) if wanted == octet || *wanted == b'?' => {
                p = p.saturating_add(1);
                t = t.saturating_add(1);
            }
            _ => {
                let Some((back, from)) = star else { return false };
                let next = from.saturating_add(1);
                star = Some((back, next));
                p = back.saturating_add(1);
                t = next;
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|octet| *octet == b'*')
}

/// Which endings of a call are asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusFilter {
    statuses: Vec<Option<u32>>,
    negated: bool,
}

impl StatusFilter {
    /// Reads `5`, `NOT_FOUND`, `!ok`, `none` (no status on the wire) or several, with commas between them.
    ///
    /// # Errors
    ///
    /// What is no status, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (negated, list) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let statuses = list.split(',').map(|word| status(word.trim())).collect::<Result<_, _>>()?;
        Ok(Self { statuses, negated })
    }

    /// Whether a call that has ended is asked for.
    #[must_use]
    pub fn matches(&self, call: &Call) -> bool {
        // A status that the capture does not have is not another status.
        let unknown = call.status.is_none() && !call.is_complete();
        self.statuses.contains(&call.status.map(|status| status.0)) != self.negated && !(unknown && self.negated)
    }
}

fn status(word: &str) -> Result<Option<u32>, String> {
    if word.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let named = (0..=16).find(|code| Status(*code).name().is_some_and(|name| name.eq_ignore_ascii_case(word)));
    named.or_else(|| word.parse().ok()).map(Some).ok_or_else(|| {
        format!("`{word}` is no gRPC status: use a number, a name such as NOT_FOUND, `none`, or `!` and one of them")
    })
}

impl Filter {
    /// Whether calls must be known to their end before their frames can be chosen: the capture has to be read twice.
    #[must_use]
    pub const fn needs_two_readings(&self) -> bool {
        self.status.is_some()
    }

    /// Whether anything is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { flow, stream, call, method, status, frames, from, to, port } = self;
        flow.is_none()
            && stream.is_none()
            && call.is_none()
            && method.is_none()
            && status.is_none()
            && frames.is_empty()
            && from.is_none()
            && to.is_none()
            && port.is_none()
    }

    /// Whether the filter is about calls or streams, so that what concerns the connection alone is not shown.
    const fn is_about_calls(&self) -> bool {
        self.stream.is_some() || self.call.is_some() || self.method.is_some() || self.status.is_some()
    }
}

/// A filter at work.
#[derive(Debug)]
pub struct Filtering {
    filter: Filter,
    /// Whether the filter is empty: everything passes.
    idle: bool,
    first: Timestamp,
    /// The calls whose ending is asked for, from a first reading.
    calls: Option<HashSet<CallId>>,
    /// Flows that were introduced.
    introduced: HashSet<FlowId>,
    /// Frames shown.
    shown: u64,
}

impl Filtering {
    /// Starts filtering; `calls` are those chosen by a first reading where the filter needs one.
    #[must_use]
    pub fn new(filter: Filter, calls: Option<HashSet<CallId>>) -> Self {
        Self { idle: filter.is_empty(), filter, first: Timestamp::EPOCH, calls, introduced: HashSet::new(), shown: 0 }
    }

    /// Tells the time of the first packet.
    pub fn start(&mut self, first: Timestamp) {
        self.first = first;
    }

    /// Frames shown so far; `None` where there is no filter.
    #[must_use]
    pub fn shown(&self) -> Option<u64> {
        (!self.idle).then_some(self.shown)
    }

    /// Passes an event on if it is asked for. A flow is introduced when the first of its events is.
    #[inline]
    pub fn event(&mut self, event: &Event<'_>, mut pass: impl FnMut(&Event<'_>)) {
        if self.idle {
            return pass(event);
        }
        self.choose(event, &mut pass);
    }

    fn choose(&mut self, event: &Event<'_>, pass: &mut dyn FnMut(&Event<'_>)) {
        if !self.allows(event) {
            return;
        }
        if let Some(flow) = &event.flow
            && self.introduced.insert(flow.facts.id)
            && !matches!(event.body, Body::Identified)
        {
            pass(&Event { body: Body::Identified, ..*event });
        }
        if let Body::Frame(_) = event.body {
            self.shown = self.shown.saturating_add(1);
        }
        pass(event);
    }

    fn allows(&self, event: &Event<'_>) -> bool {
        let filter = &self.filter;
        if let Some(flow) = &event.flow
            && !self.allows_flow(flow)
        {
            return false;
        }
        let narrow = filter.is_about_calls() || !filter.frames.is_empty();
        match &event.body {
            Body::Frame(frame) => {
                let header = frame.frame.header;
                let stream = header.map_or(StreamId::CONNECTION, |header| header.stream());
                let kind =
                    filter.frames.is_empty() || header.is_some_and(|header| filter.frames.contains(&header.kind()));
                let call = frame.belongs.call;
                self.allows_time(event.at.time) && kind && self.allows_call(stream, call, frame.call)
            }
            Body::Message(message) => {
                let kind = filter.frames.is_empty() || filter.frames.contains(&FrameType::DATA);
                let call = message.call;
                self.allows_time(event.at.time) && kind && self.allows_call(call.stream, Some(call.id), Some(call))
            }
            Body::Call(call) => {
                let from = filter.from.is_none_or(|from| call.end.is_none_or(|end| end.time >= from.time(self.first)));
                let to = filter.to.is_none_or(|to| call.start.time <= to.time(self.first));
                from && to && filter.frames.is_empty() && self.allows_call(call.stream, Some(call.id), Some(call))
            }
            Body::Comment(_) => {
                !narrow && filter.flow.is_none() && filter.port.is_none() && self.allows_time(event.at.time)
            }
            Body::Finding(finding) => {
                let stream = finding.stream.unwrap_or(StreamId::CONNECTION);
                filter.frames.is_empty()
                    && self.allows_time(event.at.time)
                    && self.allows_call(stream, finding.call, finding.of)
            }
            // A flow is introduced with its first event that is shown, where only some are.
            Body::Identified => !narrow && filter.from.is_none() && filter.to.is_none(),
            // What was said of the sides holds for all that is shown of the flow.
            Body::Sides { .. } => event.flow.is_some_and(|flow| self.introduced.contains(&flow.facts.id)),
            Body::Ended(_) => event.flow.is_some_and(|flow| self.introduced.contains(&flow.facts.id)) && !narrow,
            // What is missing from a flow explains what is shown of it.
            Body::Gap { .. } | Body::Resync { .. } | Body::Unfinished { .. } => {
                let introduced = event.flow.is_some_and(|flow| self.introduced.contains(&flow.facts.id));
                (!narrow || introduced) && self.allows_time(event.at.time)
            }
            _ => !narrow && self.allows_time(event.at.time),
        }
    }

    fn allows_flow(&self, flow: &Flow<'_>) -> bool {
        let port = |port: u16| flow.facts.client.port() == port || flow.facts.server.port() == port;
        self.filter.flow.is_none_or(|id| flow.facts.id.0 == id) && self.filter.port.is_none_or(port)
    }

    fn allows_time(&self, time: Timestamp) -> bool {
        self.filter.from.is_none_or(|from| time >= from.time(self.first))
            && self.filter.to.is_none_or(|to| time <= to.time(self.first))
    }

    fn allows_call(&self, stream: StreamId, id: Option<CallId>, call: Option<&Call>) -> bool {
        let filter = &self.filter;
        if !filter.is_about_calls() {
            return true;
        }
        filter.stream.is_none_or(|wanted| stream.0 == wanted)
            && filter.call.is_none_or(|wanted| id == Some(CallId(wanted)))
            && filter
                .method
                .as_ref()
                .is_none_or(|glob| call.and_then(Call::path).is_some_and(|path| glob.matches(path)))
            && match (&filter.status, &self.calls) {
                (None, _) => true,
                (Some(_), Some(chosen)) => id.is_some_and(|id| chosen.contains(&id)),
                (Some(status), None) => call.is_some_and(|call| call.outcome.is_some() && status.matches(call)),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_paths_services_and_bare_methods() {
        let path = b"/proto.SearchService/Search";
        for pattern in ["/proto.SearchService/Search", "proto.SearchService/*", "Search", "*Search", "/proto.*"] {
            assert!(Glob::new(pattern).matches(path), "{pattern}");
        }
        for pattern in ["Sea", "/proto.SearchService", "search"] {
            assert!(!Glob::new(pattern).matches(path), "{pattern}");
        }
    }

    #[test]
    fn many_stars_do_not_take_forever() {
        let pattern = Glob::new(&"*a".repeat(200));
        assert!(!pattern.matches(&[b'a'; 199]));
    }

    #[test]
    fn a_status_is_a_name_a_number_or_their_absence() {
        assert_eq!(
            StatusFilter::parse("not_found,5"),
            Ok(StatusFilter { statuses: vec![Some(5), Some(5)], negated: false })
        );
        assert_eq!(StatusFilter::parse("!ok"), Ok(StatusFilter { statuses: vec![Some(0)], negated: true }));
        assert!(StatusFilter::parse("fine").is_err());
    }
}
