//! A driver without libFuzzer: mutates seeds, the same way in every run of the same length, and keeps the input that panicked.
//!
//! Takes libFuzzer's options that run.sh uses (`-max_total_time=N`, `-max_len=N`, `-artifact_prefix=PATH`), and files or directories.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs a target on every seed, then on mutations of them until the time is over.
pub fn main(run: fn(&[u8])) -> ExitCode {
    let (mut seconds, mut longest, mut prefix, mut inputs) = (None, 1 << 16, String::new(), Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("-max_total_time", value)) => seconds = value.parse().ok(),
            Some(("-max_len", value)) => longest = value.parse().unwrap_or(longest),
            Some(("-artifact_prefix", value)) => value.clone_into(&mut prefix),
            Some(_) if argument.starts_with('-') => {}
            _ => collect(Path::new(&argument), &mut inputs),
        }
    }
    inputs.sort();
    let mut seeds: Vec<Vec<u8>> = inputs.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    for (path, seed) in inputs.iter().zip(&seeds) {
        if catch_unwind(|| run(seed)).is_err() {
            eprintln!("crash on {}", path.display());
            return ExitCode::FAILURE;
        }
    }
    let Some(seconds) = seconds else { return ExitCode::SUCCESS };
    seeds.iter_mut().for_each(|seed| seed.truncate(longest));
    seeds.push(Vec::new());
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut dice, mut runs) = (Dice(0x6672_616d_6573_636f), 0_u64);
    while Instant::now() < end {
        let input = mutate(&seeds, longest, &mut dice);
        if catch_unwind(AssertUnwindSafe(|| run(&input))).is_err() {
            let path = format!("{prefix}crash-{runs}");
            std::fs::write(&path, &input).expect("the input that crashed can be written");
            eprintln!("crash: {path}");
            return ExitCode::FAILURE;
        }
        runs += 1;
    }
    eprintln!("{runs} runs in {seconds} s, no crash");
    ExitCode::SUCCESS
}

fn collect(path: &Path, out: &mut Vec<PathBuf>) {
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| out.push(entry.path())),
        Err(_) => out.push(path.to_owned()),
    }
}

/// A small generator of numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound.max(1) as u64)).unwrap_or(0)
    }
}

fn mutate(seeds: &[Vec<u8>], longest: usize, dice: &mut Dice) -> Vec<u8> {
    const TELLING: [&[u8]; 8] =
        [&[0], &[0xff], &[0, 0, 0, 0], &[0xff; 4], &[0x7f, 0xff, 0xff, 0xff], &[0, 0, 8, 6], &[1, 4], &[0x80]];
    let mut input = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(input.len() + 1);
        let length = dice.below((input.len() - at).min(64) + 1);
        match dice.below(7) {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 if at < input.len() => input[at] = u8::try_from(dice.below(256)).unwrap_or(0),
            2 => drop(input.drain(at..at + length)),
            3 => {
                let copy = input[at..at + length].to_vec();
                let to = dice.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            4 => {
                let telling = TELLING[dice.below(TELLING.len())];
                let end = (at + telling.len()).min(input.len());
                input.splice(at..end, telling.iter().copied());
            }
            5 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                let to = from + dice.below(other.len() - from + 1).min(256);
                input.splice(at..at, other[from..to].iter().copied());
            }
            _ => input.truncate(input.len() - length),
        }
    }
    input.truncate(longest);
    input
}
