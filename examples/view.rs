//! Shows a capture in one of the views for calls; a throwaway.
#![allow(missing_docs)]
use framescope::capture::{CaptureFile, Source as _};
use framescope::dissect::Dissector;
use framescope::event::{Event, Observer};
use framescope::grpc::call::CallId;
use framescope::limits::Limits;
use framescope::view::{Source, Summary, View, calls, markdown};
use std::io::Write;
struct O<'a>(&'a mut dyn View, Vec<u8>, std::io::StdoutLock<'static>);
impl Observer for O<'_> {
    fn event(&mut self, e: &Event<'_>) {
        self.0.event(e, &mut self.1);
        if self.1.len() > 65536 { self.2.write_all(&self.1).unwrap(); self.1.clear(); }
    }
}
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |f: &str| args.iter().any(|a| a == f);
    let calls = || -> Box<dyn View> { Box::new(calls::Calls::new(calls::Options { absolute: has("-a"), colour: has("-c") })) };
    let call = args.iter().find_map(|a| a.strip_prefix("--call=")).map(|a| CallId(a.parse().unwrap()));
    let mut view: Box<dyn View> = if has("-m") { Box::new(markdown::Markdown::new(calls(), markdown::Options { call, ..Default::default() })) } else { calls() };
    let name = args.iter().find(|a| !a.starts_with('-')).unwrap();
    let mut src = CaptureFile::open(std::fs::File::open(name).unwrap()).unwrap();
    let mut d = Dissector::new(&Limits::default());
    let mut o = O(&mut *view, vec![], std::io::stdout().lock());
    o.0.begin(&Source { name: name.rsplit('/').next().unwrap() }, &mut o.1);
    loop { match src.next_packet() { Ok(Some(p)) => d.packet(&p, &mut o), Ok(None) => break, Err(e) => { eprintln!("ERR {e}"); break } } }
    d.finish(&mut o);
    let O(view, mut out, mut stdout) = o;
    view.finish(&Summary { totals: d.totals(), net: Some(d.net()), capture: Some(src.facts()), late_packets: d.late_packets(), ended_early: None }, &mut out);
    stdout.write_all(&out).unwrap();
}
