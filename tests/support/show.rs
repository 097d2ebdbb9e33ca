//! Runs a capture through the dissector into a view, and compares what comes out with the golden beside the capture.
#![allow(dead_code, reason = "no test binary uses all of it")]

use std::path::{Path, PathBuf};

use framescope::capture::{CaptureFile, Source as _};
use framescope::dissect::Dissector;
use framescope::event::{Event, Observer};
use framescope::finding::{Judge, Judging};
use framescope::limits::Limits;
use framescope::view::{Source, Summary, View};

struct Into<'a>(&'a mut dyn View, Vec<u8>);

impl Observer for Into<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.0.event(event, &mut self.1);
    }
}

/// What a view makes of a capture.
pub(crate) fn show(name: &str, file: &[u8], view: &mut dyn View) -> String {
    let mut source = CaptureFile::open(file).expect("a capture");
    let mut dissector = Dissector::new(&Limits::default());
    let mut judge = Judge::new(&Limits::default());
    let mut into = Into(view, Vec::new());
    into.0.begin(&Source { name }, &mut into.1);
    let mut started = false;
    while let Some(packet) = source.next_packet().expect("a whole capture") {
        if !std::mem::replace(&mut started, true) {
            into.0.start(packet.time);
        }
        dissector.packet(&packet, &mut Judging { judge: &mut judge, observer: &mut into });
    }
    dissector.finish(&mut Judging { judge: &mut judge, observer: &mut into });
    let Into(view, mut out) = into;
    let summary = Summary { capture: Some(source.facts()), findings: Some(judge.found()), ..Summary::of(&dissector) };
    view.finish(&summary, &mut out);
    String::from_utf8(out).expect("views write UTF-8")
}

/// What a view makes of `fixtures/captures/<name>`.
pub(crate) fn show_fixture(name: &str, view: &mut dyn View) -> String {
    let path = fixtures().join(name);
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    show(name, &file, view)
}

/// Compares with `fixtures/captures/<golden>`; `UPDATE_GOLDEN=1` writes it instead.
pub(crate) fn assert_golden(golden: &str, shown: &str) {
    let path = fixtures().join(golden);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, shown).expect("goldens can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (is, should)) in shown.lines().zip(expected.lines()).enumerate() {
        assert_eq!(is, should, "{golden}:{}", number + 1);
    }
    assert_eq!(shown.lines().count(), expected.lines().count(), "lines of {golden}");
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures")
}
