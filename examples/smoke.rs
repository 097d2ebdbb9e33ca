#![allow(missing_docs)]
use framescope::capture::{CaptureFile, Source};
use framescope::dissect::Dissector;
use framescope::event::*;
use framescope::limits::Limits;
use std::collections::BTreeMap;
struct O { frames: BTreeMap<String,u64>, calls: Vec<String>, other: Vec<String>, verbose: bool }
impl Observer for O {
    fn event(&mut self, e: &Event<'_>) {
        match e.body {
            Body::Frame(f) => { let n = f.frame.header.map_or("MAGIC".into(), |h| h.kind().to_string()); *self.frames.entry(n.clone()).or_default() += 1;
                if self.verbose { println!("{:>5} f{} {:?} {} {:?} {:?}", e.at.packet, e.flow.unwrap().facts.id.0, f.frame.direction, n, f.frame.facts, f.belongs.role);
                  if let Some(b) = f.frame.block { for x in b.fields.fields() { println!("      {:?}: {:?}", x.name().map(String::from_utf8_lossy), x.value().map(String::from_utf8_lossy)); } } } }
            Body::Message(m) => { if self.verbose { println!("      msg call {} {:?} #{} len {} missing {}", m.call.id.0, m.direction, m.message.index, m.octets.len(), m.message.missing); } }
            Body::Call(c) => self.calls.push(format!("call {} stream {} {:?} req {} resp {} status {:?} http {:?} {:?} complete {}", c.id.0, c.stream, c.path().map(String::from_utf8_lossy), c.bodies.to_server.messages, c.bodies.to_client.messages, c.status.map(|s| s.0), c.http_status, c.outcome, c.is_complete())),
            b => { let s = format!("{:>5} {:?}", e.at.packet, b); self.other.push(s.chars().take(200).collect()); if self.verbose { println!("{}", self.other.last().unwrap()); } }
        }
    }
}
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let verbose = args.iter().any(|a| a == "-v");
    for a in args.iter().filter(|a| *a != "-v") {
        let mut src = CaptureFile::open(std::fs::File::open(a).unwrap()).unwrap();
        let mut d = Dissector::new(&Limits::default());
        let mut o = O { frames: BTreeMap::new(), calls: vec![], other: vec![], verbose };
        loop { match src.next_packet() { Ok(Some(p)) => d.packet(&p, &mut o), Ok(None) => break, Err(e) => { println!("ERR {e}"); break } } }
        d.finish(&mut o);
        println!("{a} {:?}", d.totals());
        println!("  {:?}", o.frames);
        for c in &o.calls { println!("  {c}"); }
        for c in &o.other { println!("  {c}"); }
    }
}
