//! Record by record: what a damaged copy says against what the whole capture says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::capture::Parts;
use super::damage::Damage;
use super::decode::Record;
use super::kept::Owned;
use super::note;
use super::story::{Flows, Story};

/// Rare ambiguities that the decode does not see: PINGs alike of which one is lost, acknowledgements that only the last packets hold, and
/// the first octets of a response whose headers are cut.
const RARE: [&str; 4] = ["PING acknowledges", "NOTE NUMBERS answers packet", "gaps do not add up", "malformed \"0x3c"];

/// What is wrong, by kind: how often, and the first case.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) wrong: BTreeMap<String, (u64, String)>,
    pub(crate) less: BTreeMap<String, (u64, u64)>,
    pub(crate) copies: u64,
    pub(crate) records: u64,
}

impl Report {
    pub(crate) fn merge(&mut self, other: Self) {
        for (class, (count, first)) in other.wrong {
            self.wrong.entry(class).or_insert((0, first)).0 += count;
        }
        for (class, (less, of)) in other.less {
            let sum = self.less.entry(class).or_default();
            (sum.0, sum.1) = (sum.0 + less, sum.1 + of);
        }
        self.copies += other.copies;
        self.records += other.records;
    }

    pub(crate) fn print(&self) {
        println!("{} copies, {} records", self.copies, self.records);
        for (class, (less, of)) in &self.less {
            println!("less: {class}: {less} of {of}");
        }
    }

    pub(crate) fn assert_clean(&self) {
        let is_rare = |class: &str| RARE.iter().any(|rare| class.starts_with(rare));
        let (rare, mut wrong): (Vec<_>, Vec<_>) = self.wrong.iter().partition(|(class, _)| is_rare(class));
        rare.iter().for_each(|(class, (count, first))| println!("rare: {count} x {class}\n    {first}"));
        wrong.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        let told: Vec<String> =
            wrong.iter().map(|(class, (count, first))| format!("{count} x {class}\n    {first}")).collect();
        assert!(wrong.is_empty(), "{} kinds of wrong:\n{}", wrong.len(), told.join("\n"));
    }

    /// Counts something that could have been shown, and was or was not.
    fn could(&mut self, class: &str, shown: bool) {
        let sum = self.less.entry(class.to_owned()).or_default();
        (sum.0, sum.1) = (sum.0 + u64::from(!shown), sum.1 + 1);
    }
}

/// One comparison.
pub(crate) struct Comparison<'a> {
    pub(crate) name: &'a str,
    pub(crate) whole: &'a Story,
    pub(crate) copy: &'a Story,
    pub(crate) damage: &'a Damage,
    pub(crate) packets: &'a [Owned],
    pub(crate) flows: Flows,
    pub(crate) report: &'a mut Report,
}

impl Comparison<'_> {
    fn wrong(&mut self, class: &str, what: impl FnOnce() -> String) {
        let (name, damage) = (self.name, self.damage);
        let first = || format!("{name} {damage:?}: {}", what());
        self.report.wrong.entry(class.to_owned()).or_insert_with(|| (0, first())).0 += 1;
    }

    pub(crate) fn run(&mut self) {
        let copy = self.copy;
        for record in &copy.records {
            self.report.records += 1;
            let kind = record.json["type"].as_str().unwrap_or_default();
            let mapped = self.flows.of(record);
            if kind == "flow" {
                self.report.could("flows with their sides", mapped.is_some_and(|mapped| mapped.same_sides));
            }
            if record.json.get("flow").is_some() {
                let Some(mapped) = mapped else {
                    self.wrong(&format!("{kind} of a flow that is not there"), || record.json.to_string());
                    continue;
                };
                if !mapped.same_sides {
                    // Without a header block the sides are a guess, which is said.
                    let guess = record.json["begin"] == "mid_sides_guessed" || record.json["protocol"] != "http2";
                    if kind == "flow" && !guess {
                        self.wrong("sides wrong and not called a guess", || record.json.to_string());
                    }
                    continue;
                }
            }
            match kind {
                "frame" => self.frame(record),
                "message" => self.message(record),
                "call" => self.call(record),
                "flow" => self.flow(record),
                "finding" => self.finding(record),
                // Told as a guess, or when it is known.
                "sides" => {}
                "gap" | "resync" => self.gap(record),
                "unfinished" => self.unfinished(record),
                other => self.trouble(other, record),
            }
        }
        self.missing();
        self.completeness();
    }

    /// Where a connection is there from its SYN on, the gaps are as long as what is missing, and lost is what was acknowledged.
    fn missing(&mut self) {
        let copy = self.copy;
        let extents = super::coverage::extents(&Parts::of(self.packets));
        for flow in copy.of("flow").filter(|flow| flow.json["opened"] == "syn") {
            let ends = |flow: &Record| [flow.json["client"].clone(), flow.json["server"].clone()];
            let alone = copy.of("flow").filter(|other| ends(other) == ends(flow)).count() == 1;
            let same = self.flows.of(flow).is_some_and(|mapped| mapped.same_sides);
            let [client, server] = ends(flow).map(|end| end.as_str().unwrap().parse().unwrap());
            for (direction, ends) in [("to_server", (client, server)), ("to_client", (server, client))] {
                let Some(extent) = extents.get(&ends).filter(|_| alone && same) else { continue };
                let gaps = copy.of("gap").filter(|gap| gap.json["flow"] == flow.json["flow"]);
                let gaps = gaps.filter(|gap| gap.json["direction"] == direction);
                let (mut told, mut lost) = (0, 0);
                for gap in gaps {
                    let octets = gap.number("bytes").unwrap_or(0);
                    told += octets;
                    if gap.json["why"] == "lost" {
                        lost = lost.max(gap.number("offset").unwrap_or(0) + octets);
                    }
                }
                // The last number acknowledged may be the FIN's.
                let known = extent.sent.max(extent.acknowledged);
                let missing = known - extent.captured;
                if told != missing && told + 1 != missing {
                    self.wrong("gaps do not add up", || {
                        format!("{told} told, {missing} missing {direction} of {}", flow.json)
                    });
                }
                if lost > extent.acknowledged {
                    self.wrong("gap lost but not acknowledged", || {
                        format!("{lost}: {extent:?} {direction} of {}", flow.json)
                    });
                }
            }
        }
    }

    /// The number of the whole capture's call for one of the copy's.
    fn call_number(&self, number: u64) -> Option<u64> {
        let call = self.copy.call_by_id(number)?;
        let flow = self.flows.of(call)?.flow;
        self.whole.call(flow, call.number("stream")?)?.number("call")
    }

    fn frame(&mut self, record: &Record) {
        let Some(place) = record.place else {
            return self.wrong("frame without a place", || record.json.to_string());
        };
        let copy = self.copy;
        let Some(of) = self.whole.frame(place) else {
            return self.wrong("frame that is not there", || record.json.to_string());
        };
        let kind = of.json["frame"].as_str().unwrap_or_default().to_owned();
        let same_packets = of.json["packets"] == record.json["packets"];
        for (key, value) in record.json.as_object().unwrap() {
            let truth = &of.json[key];
            let same = match key.as_str() {
                "id" | "flow" | "packets" | "block_frames" | "missing" | "fields_complete" | "note" | "sides" => true,
                // Said while it was a guess, which the record says.
                "direction" if copy.of("sides").any(|sides| sides.json["flow"] == record.json["flow"]) => true,
                // The whole capture has seen it end.
                "stream_state" => value == truth || value == "closed" && truth.is_null(),
                "readable" => record.json.get("missing").is_some(),
                "time_ns" => !same_packets || value == truth,
                // A call of which frames are missing is open for longer.
                "call" if truth.is_null() => self.is_of_stream(value, record),
                // What turned out to be no call, as far as its captured frames tell, has no record.
                "call" => value
                    .as_u64()
                    .filter(|number| self.copy.call_by_id(*number).is_some())
                    .is_none_or(|number| self.call_number(number) == truth.as_u64()),
                "role" => {
                    let lost = value == "messages" && record.json["messages"]["lost"] == true;
                    let less = value == "response_ends" && truth == "trailers_only";
                    value == truth || lost || less || value == "reset_after_end" && truth.is_null()
                }
                "acknowledges" => self.same_answer(value, truth),
                "fields" => same_fields(value, truth, &record.json),
                "messages" => same_messages(value, truth),
                _ => value == truth,
            };
            if !same {
                let class = match key.as_str() {
                    "role" | "stream_state" => format!("{kind} {key}: {value} for {truth}"),
                    _ => format!("{kind} {key}"),
                };
                self.wrong(&class, || format!("{key} {value} for {truth} in {} for {}", record.json, of.json));
            }
        }
        self.note(&kind, record, of);
    }

    fn is_of_stream(&self, call: &Value, record: &Record) -> bool {
        let call = call.as_u64().and_then(|number| self.copy.call_by_id(number));
        call.is_some_and(|call| {
            (call.number("flow"), call.number("stream")) == (record.number("flow"), record.number("stream"))
        })
    }

    fn same_answer(&self, value: &Value, truth: &Value) -> bool {
        let place = |story: &Story, answer: &Value| story.frame_place(answer["frame"].as_u64()?);
        place(self.copy, value) == place(self.whole, truth) && place(self.copy, value).is_some()
    }

    fn note(&mut self, kind: &str, record: &Record, of: &Record) {
        let (Some(said), Some(truth)) = (record.json["note"].as_str(), of.json["note"].as_str()) else {
            if record.json.get("note").is_some() {
                self.wrong(&format!("note of {kind} where none is"), || record.json.to_string());
            }
            return;
        };
        // Of what nothing captured says that it is a call, it is not said.
        let said = &said.replace("exchange ", "call ").replace(" (sides guessed)", "");
        let truth = truth.replace("exchange ", "call ");
        let truth = truth.as_str();
        let said = note::renumbered(said, |number| self.call_number(number));
        let kept = if record.json.get("missing").is_some() { note::without_missing(&said) } else { &said };
        if said == truth || note::is_part(kept, truth) {
            return;
        }
        // A response that is not gRPC may answer a call of gRPC whose request is lost.
        let plain = kept.contains("(not gRPC)") || kept.starts_with("response body");
        if plain && record.json.get("not_grpc").is_none() && truth.contains("not ") {
            return;
        }
        let call = of.number("call").and_then(|call| self.whole.call_by_id(call));
        if said.contains(" ends") && call.is_some_and(|call| call.json["outcome"] == "reset_by_client") {
            return;
        }
        let (shape, true_shape) = (note::shape(&said), note::shape(truth));
        let class =
            if shape == true_shape { format!("NOTE NUMBERS {shape}") } else { format!("note {shape} <- {true_shape}") };
        self.wrong(&class, || format!("{said:?} for {truth:?} in {}", record.json));
    }

    fn message(&mut self, record: &Record) {
        let Some(of) = record.place.and_then(|place| self.whole.message(place)) else {
            return self.wrong("message that is not there", || record.json.to_string());
        };
        let whole = record.json["complete"] == true;
        let numbered = record.json.get("index_known").is_none();
        for (key, value) in record.json.as_object().unwrap() {
            let truth = &of.json[key];
            let same = match key.as_str() {
                "flow" | "packets" | "time_ns" | "end_ns" | "missing" | "index_known" => true,
                "complete" => !whole || value == truth,
                "call" => value.as_u64().and_then(|number| self.call_number(number)) == truth.as_u64(),
                "index" => !numbered || value == truth,
                "schema" => value == truth || value == "none",
                "json" => value == truth || value.is_null() || record.json["schema"] != of.json["schema"],
                "unknown_fields" => value == truth || record.json["schema"] == "none",
                "error" => value == truth || !whole || value.as_str().unwrap().starts_with("compressed, but no"),
                _ => value == truth,
            };
            if !same {
                self.wrong(&format!("message {key}"), || format!("{} for {}", record.json, of.json));
            }
        }
        self.report.could("messages numbered", numbered);
        if of.json["schema"] == "given" {
            self.report.could("messages read with the schema", record.json["schema"] == "given");
        }
    }

    fn call(&mut self, record: &Record) {
        let flow = self.flows.of(record).unwrap().flow;
        let Some(of) = record.number("stream").and_then(|stream| self.whole.call(flow, stream)) else {
            return self.wrong("call that is not there", || record.json.to_string());
        };
        let complete = record.json["complete"] == true;
        let crossed = record.json["outcome"] == "completed" && of.json["outcome"] == "reset_by_client";
        if crossed && !self.damage.keeps_everything() {
            // The response has ended, and the reset that crossed its end is lost.
            return;
        }
        let quiet = self.damage.keeps_everything();
        let timed = ["start_ns", "first_packet", "end_ns", "last_packet", "duration_ns"];
        for (key, value) in record.json.as_object().unwrap() {
            let truth = &of.json[key];
            let less = value.as_u64().zip(truth.as_u64()).is_some_and(|(less, more)| less <= more);
            let same = value == truth
                || match key.as_str() {
                    "call" | "flow" => true,
                    key if timed.contains(&key) && quiet => true,
                    // A FIN that is lost ends the connection a little earlier.
                    key if timed.contains(&key) && record.json["outcome"] == "connection_lost" => true,
                    "complete" => value == false,
                    _ if complete => false,
                    "start_ns" | "first_packet" => !less,
                    "end_ns" | "last_packet" => {
                        // An end that the capture lost is told by what closes the connection.
                        record.json["outcome"] == "connection_lost"
                    }
                    "kind" => record.json["inferred"] == true,
                    "inferred" => value == true,
                    "grpc_known" => value == false,
                    "sides_guessed" => value == true,
                    "request_messages" | "response_messages" | "request_bytes" | "response_bytes" => less,
                    "request_metadata" => is_part(value, truth),
                    "response_metadata" | "trailers" => true,
                    "status" => value.is_null(),
                    "outcome" => value == "open",
                    _ => false,
                };
            if !same {
                let class = match key.as_str() {
                    "outcome" => format!("call outcome: {value} for {truth}, complete {complete}"),
                    "complete" => "call complete where it is not".to_owned(),
                    _ => format!("call {key}, complete {complete}"),
                };
                self.wrong(&class, || format!("{key} {value} for {truth} in {} for {}", record.json, of.json));
            }
        }
        let both = |json: &Value| {
            let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
            Value::Array([list("response_metadata"), list("trailers")].concat())
        };
        if !complete && !is_part(&both(&record.json), &both(&of.json)) {
            self.wrong("call metadata of the response", || format!("{} for {}", record.json, of.json));
        }
        if complete {
            for key in of.json.as_object().unwrap().keys().filter(|key| record.json.get(*key).is_none()) {
                self.wrong(&format!("call without {key}, complete"), || format!("{} for {}", record.json, of.json));
            }
        }
    }

    fn flow(&mut self, record: &Record) {
        let flow = self.flows.of(record).unwrap().flow;
        let of = self.whole.of("flow").find(|of| of.number("flow") == Some(flow)).unwrap();
        for key in ["protocol", "opened", "closed", "reset_by", "refused", "ports_reused", "begin"] {
            let (value, truth) = (&record.json[key], &of.json[key]);
            let unknown = ["unknown", "mid", "open", "unseen", "mid_sides_guessed"].map(Value::from);
            if value != truth && !value.is_null() && !unknown.contains(value) {
                self.wrong(&format!("flow {key}: {value} for {truth}"), || format!("{} for {}", record.json, of.json));
            }
        }
        for key in ["bytes_to_server", "bytes_to_client"] {
            // A FIN that was lost together with octets counts as one.
            let fin = u64::from(record.json["closed"] == "open");
            if record.number(key) > of.number(key).map(|octets| octets + fin) {
                self.wrong(&format!("flow {key}"), || format!("{} for {}", record.json, of.json));
            }
        }
        if of.json["protocol"] == "http2" {
            self.report.could("flows known as HTTP/2", record.json["protocol"] == "http2");
        }
    }

    fn finding(&mut self, record: &Record) {
        if record.json["uncertain"] == true {
            return;
        }
        let flow = self.flows.of(record).map(|mapped| mapped.flow);
        let key = |json: &Value| (json["rule"].clone(), json["stream"].clone(), json["direction"].clone());
        let mut like = self.whole.of("finding").filter(|of| of.number("flow") == flow).peekable();
        let found = like.any(|of| key(&of.json) == key(&record.json));
        if !found {
            let rule = record.json["rule"].as_str().unwrap_or_default().to_owned();
            self.wrong(&format!("finding {rule}"), || record.json.to_string());
        }
    }

    fn gap(&mut self, record: &Record) {
        if self.damage.keeps_everything() && !self.whole.records.iter().any(|of| of.is("gap")) {
            let kind = record.json["type"].as_str().unwrap_or_default().to_owned();
            self.wrong(&format!("{kind} where nothing is missing"), || record.json.to_string());
        }
    }

    fn unfinished(&mut self, record: &Record) {
        if record.json["by_sender"] == true && !self.whole.of("unfinished").any(|of| of.json["by_sender"] == true) {
            self.wrong("unfinished by the sender", || record.json.to_string());
        }
    }

    /// Malformed octets, conflicts, limits, foreign answers: there is no more of them for what is missing.
    fn trouble(&mut self, kind: &str, record: &Record) {
        let what = |json: &Value| (json["what"].clone(), json["note"].clone());
        let like = self.whole.of(kind).any(|of| what(&of.json) == what(&record.json));
        if !like {
            self.wrong(&format!("{kind} {}", record.json["what"]), || record.json.to_string());
        }
    }

    /// What could be shown, since all of it was captured, and is not.
    fn completeness(&mut self) {
        let have = super::coverage::Coverage::of(&Parts::of(self.packets));
        let flows: BTreeMap<u64, u64> = self
            .copy
            .of("flow")
            .filter_map(|flow| Some((self.flows.of(flow).filter(|to| to.same_sides)?.flow, flow.number("flow")?)))
            .collect();
        let whole = self.whole;
        let captured: std::collections::BTreeSet<u64> = self.packets.iter().map(|packet| packet.number).collect();
        let mut calls: BTreeMap<(u64, u64), bool> = BTreeMap::new();
        let mut unread = std::collections::BTreeSet::new();
        for frame in whole.of("frame") {
            let (Some(place), Some(flow)) = (frame.place, frame.number("flow")) else { continue };
            let octets = 9 + frame.number("length").unwrap_or(0);
            let length = if frame.json["frame"] == "MAGIC" { 24 } else { octets };
            let there = have.has(place, length);
            if let Some(stream) = frame.number("stream").filter(|stream| *stream > 0) {
                *calls.entry((flow, stream)).or_insert(true) &= there;
            }
            if there && flows.contains_key(&flow) {
                let shown = self.copy.frame(place).is_some();
                self.report.could("frames", shown);
                if !shown {
                    let kind = frame.json["frame"].as_str().unwrap_or_default();
                    self.report.could(&format!("frames: {kind}"), false);
                }
                if let Some(copy) = self.copy.frame(place) {
                    let fields = copy.json["fields"].as_array();
                    if fields.is_some_and(|fields| fields.iter().any(|field| field["known"] == false)) {
                        unread.insert((flow, frame.number("stream")));
                    }
                    for key in ["window_connection", "window_stream"] {
                        if frame.json.get(key).is_some() {
                            self.report.could(key, copy.json.get(key).is_some());
                        }
                    }
                }
            }
        }
        for ((flow, stream), there) in calls {
            let (Some(of), Some(in_copy)) = (whole.call(flow, stream), flows.get(&flow)) else { continue };
            if !there || of.json["complete"] == false {
                continue;
            }
            let call = self.copy.call(*in_copy, stream);
            self.report.could("calls shown whose frames are all there", call.is_some());
            if let Some(call) = call {
                let range = of.number("first_packet").unwrap_or(0)..=of.number("last_packet").unwrap_or(u64::MAX);
                let untouched = range.take(10_000).all(|number| captured.contains(&number));
                let why = match (unread.contains(&(flow, Some(stream))), untouched) {
                    (true, _) => "with fields that are not known",
                    (false, true) => "with no packet lost meanwhile",
                    (false, false) => "with packets lost meanwhile",
                };
                self.report.could(&format!("calls complete, {why}"), call.json["complete"] == true);
                let ended = call.json["outcome"] == of.json["outcome"];
                self.report.could("calls with their outcome whose frames are all there", ended);
            }
        }
    }
}

fn same_messages(value: &Value, truth: &Value) -> bool {
    let (mut value, mut truth) = (value.clone(), truth.clone());
    if value["index_known"] == false {
        for messages in [&mut value, &mut truth] {
            messages["first"].take();
            messages["index_known"].take();
            if messages.get("open").is_some() {
                messages["open"]["index"].take();
            }
        }
    }
    value["lost"] == true || value == truth
}

/// Fields known are those of the whole capture, place by place.
fn same_fields(value: &Value, truth: &Value, record: &Value) -> bool {
    let (Some(seen), Some(truth)) = (value.as_array(), truth.as_array()) else { return false };
    let all = record["fields_complete"] != false;
    let length = if all { seen.len() == truth.len() } else { seen.len() <= truth.len() };
    let same = |(field, of): (&Value, &Value)| {
        field.as_object().unwrap().iter().all(|(key, value)| match key.as_str() {
            "known" => value == false || value == &of[key],
            "name" | "value" => value.is_null() && field["known"] == false || value == &of[key],
            _ => value == &of[key],
        })
    };
    length && seen.iter().zip(truth).all(same)
}

fn is_part(part: &Value, whole: &Value) -> bool {
    let (Some(part), Some(whole)) = (part.as_array(), whole.as_array()) else { return false };
    let mut rest = whole.iter();
    part.iter().all(|one| rest.any(|other| other == one))
}
