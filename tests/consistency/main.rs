//! Damage to a capture makes its decode say less, never anything else: damaged copies of healthy captures, record by record.
//!
//! `FRAMESCOPE_DAMAGE=all` tries every damage at every packet of every capture, and of those in the folders named by
//! `FRAMESCOPE_CAPTURES` (separated by `:`); run it with `--release -- --nocapture`.
#![allow(missing_docs, reason = "a test binary")]

mod capture;
mod compare;
mod coverage;
mod damage;
mod decode;
mod note;
mod story;

use std::path::{Path, PathBuf};

use capture::{Parts, captures, packets};
use compare::{Comparison, Report};
use decode::Decoder;
use story::{Flows, Story};

/// Octets of the largest capture that is damaged.
const LARGEST: u64 = 200_000;
/// The same where only some damages are tried.
const LARGEST_SAMPLED: u64 = 16_000;

fn folders() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let more = std::env::var("FRAMESCOPE_CAPTURES").unwrap_or_default();
    let more = more.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from);
    [fixtures.join("captures"), fixtures.join("found")].into_iter().chain(more).collect()
}

fn try_all(path: &Path, stride: usize, decoder: &mut Decoder) -> Report {
    let name = path.file_name().unwrap().to_string_lossy();
    let packets = packets(path);
    let parts = Parts::of(&packets);
    let whole = Story::new(decoder.decode(&packets, &parts));
    let mut report = Report::default();
    for damage in damage::all(packets.len(), stride, packets.len() as u64) {
        let damaged = damage.apply(&packets);
        let copy = Story::new(decoder.decode(&damaged, &parts));
        let flows = Flows::new(&whole, &copy);
        report.copies += 1;
        Comparison {
            name: &name,
            whole: &whole,
            copy: &copy,
            damage: &damage,
            packets: &damaged,
            parts: &parts,
            flows,
            report: &mut report,
        }
        .run();
    }
    report
}

#[test]
fn a_damaged_copy_says_nothing_that_the_whole_capture_does_not() {
    let all = std::env::var("FRAMESCOPE_DAMAGE").is_ok_and(|how| how == "all");
    let only = std::env::var("FRAMESCOPE_ONLY").unwrap_or_default();
    let (largest, stride) = if all { (LARGEST, 1) } else { (LARGEST_SAMPLED, 11) };
    let paths: Vec<PathBuf> = folders()
        .iter()
        .flat_map(|folder| captures(folder, largest))
        .filter(|path| path.to_string_lossy().contains(&only))
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let work = || {
            let (mut decoder, mut report) = (Decoder::new(), Report::default());
            while let Some(path) = paths.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                report.merge(try_all(path, stride, &mut decoder));
            }
            report
        };
        let workers = [scope.spawn(work), scope.spawn(work)];
        for worker in workers {
            report.merge(worker.join().unwrap());
        }
    });
    println!("{} captures, {} copies, {} records", paths.len(), report.copies, report.records);
    for (class, (less, of)) in &report.less {
        println!("less: {class}: {less} of {of}");
    }
    let mut wrong: Vec<_> = report.wrong.iter().collect();
    wrong.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let told: Vec<String> =
        wrong.iter().map(|(class, (count, first))| format!("{count} x {class}\n    {first}")).collect();
    assert!(wrong.is_empty(), "{} kinds of wrong:\n{}", wrong.len(), told.join("\n"));
}
