//! Damage to a capture makes its decode say less, never anything else: damaged copies of healthy captures, record by record.
//!
//! `FRAMESCOPE_DAMAGE=all` tries every damage at every packet of every capture, and of those in the folders named by
//! `FRAMESCOPE_CAPTURES` (separated by `:`); run it with `--release -- --nocapture`.
#![allow(missing_docs, reason = "a test binary")]

mod capture;
mod cases;
mod compare;
mod coverage;
mod damage;
mod decode;
#[path = "../support/kept.rs"]
mod kept;
mod note;
mod story;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use capture::{Parts, captures};
use compare::{Comparison, Report};
use damage::Damage;
use decode::Decoder;
use kept::{Owned, packets};
use story::{Flows, Story};

/// Octets of the largest capture that is damaged.
const LARGEST: u64 = 200_000;
/// The same where only some damages are tried.
const LARGEST_SAMPLED: u64 = 16_000;

fn folders() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let more = std::env::var("FRAMESCOPE_CAPTURES").unwrap_or_default();
    let more = more.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from);
    std::iter::once(fixtures.join("captures")).chain(more).collect()
}

fn try_all(path: &Path, stride: usize, decoder: &mut Decoder) -> Report {
    let name = path.file_name().unwrap().to_string_lossy();
    let packets = packets(path);
    let parts = Parts::of(&packets);
    let whole = Story::new(decoder.decode(&packets, &parts));
    let mut report = Report::default();
    for damage in damage::all(packets.len(), stride, packets.len() as u64) {
        try_one(&name, &packets, &parts, &whole, &damage, decoder, &mut report);
    }
    report
}

fn try_one(
    name: &str,
    packets: &[Owned],
    parts: &Parts,
    whole: &Story,
    damage: &Damage,
    decoder: &mut Decoder,
    report: &mut Report,
) {
    let damaged = damage.apply(packets);
    let copy = Story::new(decoder.decode(&damaged, parts));
    let flows = Flows::new(whole, &copy);
    report.copies += 1;
    Comparison { name, whole, copy: &copy, damage, packets: &damaged, flows, report }.run();
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
    let next = AtomicUsize::new(0);
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let work = || {
            let (mut decoder, mut report) = (Decoder::new(), Report::default());
            while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                report.merge(try_all(path, stride, &mut decoder));
            }
            report
        };
        let workers = [scope.spawn(work), scope.spawn(work)];
        for worker in workers {
            report.merge(worker.join().unwrap());
        }
    });
    println!("{} captures", paths.len());
    report.print();
    report.assert_clean();
}
