//! The whole way, from a file to every view.

use std::cell::RefCell;

use framescope::capture::{self, CaptureFile, Source};
use framescope::dissect::Dissector;
use framescope::event::{Event, Observer};
use framescope::finding::{Judge, Judging};
use framescope::limits::Limits;
use framescope::protobuf::schema::Schema;
use framescope::view::contents::Contents;
use framescope::view::ndjson::Ndjson;
use framescope::view::text::{self, Text};
use framescope::view::{self, Summary, View};

thread_local! {
    static VIEWS: RefCell<Vec<(Vec<u8>, Box<dyn View>)>> = const { RefCell::new(Vec::new()) };
}

/// Shows each event in every view.
struct Showing<'a>(&'a mut Vec<(Vec<u8>, Box<dyn View>)>);

impl Observer for Showing<'_> {
    fn event(&mut self, event: &Event<'_>) {
        for (out, view) in self.0.iter_mut() {
            view.event(event, out);
        }
    }
}

fn views() -> Vec<(Vec<u8>, Box<dyn View>)> {
    let contents = |schema: Schema| Contents::new(schema, &Limits { decompressed: 1 << 20, ..Limits::default() });
    let options = text::Options { bytes: true, colour: true, ..text::Options::default() };
    let text: Box<dyn View> = Box::new(Text::new(contents(crate::schema()), options));
    let ndjson: Box<dyn View> = Box::new(Ndjson::new(contents(crate::schema()), true));
    let calls: Box<dyn View> = Box::new(view::calls::Calls::new(view::calls::Options::default()));
    let trace = Text::new(contents(Schema::builtin()), text::Options::default());
    let markdown: Box<dyn View> =
        Box::new(view::markdown::Markdown::new(Box::new(trace), view::markdown::Options::default()));
    [text, ndjson, calls, markdown].into_iter().map(|view| (Vec::new(), view)).collect()
}

/// Decodes a capture and shows it in every view; NDJSON must be that.
pub fn run(data: &[u8]) {
    let limits = capture::Limits { record_octets: 1 << 20, zstd_window_octets: 1 << 20, ..capture::Limits::default() };
    let Ok(mut source) = CaptureFile::with_limits(data, limits) else { return };
    VIEWS.with_borrow_mut(|kept| {
        // Loading a schema takes longer than most inputs; views are as good as new after a capture.
        let mut views = if kept.is_empty() { views() } else { std::mem::take(kept) };
        for (out, view) in &mut views {
            out.clear();
            view.begin(&view::Source { name: "fuzz" }, out);
        }
        let mut dissector = Dissector::new(&Limits::default());
        let mut judge = Judge::new(&Limits::default());
        let mut started = false;
        while let Ok(Some(packet)) = source.next_packet() {
            if !std::mem::replace(&mut started, true) {
                views.iter_mut().for_each(|(_, view)| view.start(packet.time));
            }
            dissector.packet(&packet, &mut Judging { judge: &mut judge, observer: &mut Showing(&mut views) });
            assert!(dissector.held_bytes().saturating_add(judge.held_bytes()) < 64 << 20);
        }
        dissector.finish(&mut Judging { judge: &mut judge, observer: &mut Showing(&mut views) });
        let summary = Summary {
            capture: Some(source.facts()),
            findings: Some(judge.found()),
            ..Summary::of(&dissector)
        };
        for (out, view) in &mut views {
            view.finish(&summary, out);
            assert!(std::str::from_utf8(out).is_ok(), "a view writes text");
        }
        for line in views[1].0.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
            let record: Result<serde_json::Value, _> = serde_json::from_slice(line);
            assert!(record.is_ok_and(|record| record["type"].is_string()), "{}", line.escape_ascii());
        }
        *kept = views;
    });
}
