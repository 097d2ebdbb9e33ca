//! The whole program on whole files: time and memory of each output format, beside `tshark` on the same file.
//!
//! `cargo bench --bench whole` prints medians of runs that take turns; `--quick` (or `--test`) only shows that it runs.
//! `cargo bench --bench whole -- --write unary|bulk|connections 100MB FILE` writes such a capture and does nothing else.

mod support;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::connection::PORT;
use support::corpus::{self, Amount, Kind};
use support::measure::{median, megabytes_a_second};

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/bench.proto");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(("--write", rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return write(rest);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick" || argument == "--test");
    let only: Vec<Kind> = arguments.iter().filter_map(|argument| Kind::of(argument)).collect();
    let Some(program) = program() else {
        println!("skipped: target/release/framescope is not built");
        return ExitCode::SUCCESS;
    };
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for kind in Kind::ALL.into_iter().filter(|kind| only.is_empty() || only.contains(kind)) {
        let (amount, rounds) = match kind {
            _ if quick => (Amount::Octets(200_000), 1),
            Kind::Unary | Kind::Bulk => (Amount::Octets(100_000_000), 5),
            Kind::Connections => (Amount::Connections(50_000), 5),
        };
        let file = directory.join(format!("{}.pcap", kind.name()));
        write_file(kind, amount, &file).expect("the target directory can be written to");
        println!("{}: {} octets", kind.name(), length(&file));
        framescope(&program, &file, rounds);
        let small = directory.join(format!("{}-small.pcap", kind.name()));
        let octets = if quick { 200_000 } else { 5_000_000 };
        write_file(kind, Amount::Octets(octets), &small).expect("the target directory can be written to");
        tshark(&small);
    }
    ExitCode::SUCCESS
}

fn write(arguments: &[String]) -> ExitCode {
    let [kind, amount, file] = arguments else { return usage() };
    let (Some(kind), Some(amount)) = (Kind::of(kind), amount_of(amount)) else { return usage() };
    match write_file(kind, amount, Path::new(file)) {
        Ok(packets) => {
            println!("{file}: {packets} packets");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `100MB`, `1GB`, or a number of connections.
fn amount_of(text: &str) -> Option<Amount> {
    let octets = |number: &str, unit: u64| Some(Amount::Octets(number.parse::<u64>().ok()?.checked_mul(unit)?));
    match (text.strip_suffix("GB"), text.strip_suffix("MB")) {
        (Some(number), _) => octets(number, 1_000_000_000),
        (_, Some(number)) => octets(number, 1_000_000),
        _ => text.parse().ok().map(Amount::Connections),
    }
}

fn write_file(kind: Kind, amount: Amount, path: &Path) -> io::Result<u64> {
    corpus::write(kind, amount, BufWriter::with_capacity(1 << 20, File::create(path)?))
}

fn usage() -> ExitCode {
    eprintln!("usage: --write unary|bulk|connections SIZE FILE    (SIZE: 10MB, 1GB, or a number of connections)");
    ExitCode::FAILURE
}

/// The program under test: built for this benchmark, or else by `cargo build --release`.
fn program() -> Option<PathBuf> {
    let built = option_env!("CARGO_BIN_EXE_framescope").map(PathBuf::from);
    let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/framescope");
    built.into_iter().chain([release]).find(|path| path.exists())
}

fn framescope(program: &Path, file: &Path, rounds: usize) {
    let formats: [&[&str]; 4] =
        [&["-T", "calls"], &["-T", "text", "--proto", PROTO], &["-T", "ndjson", "--proto", PROTO], &["-T", "markdown"]];
    let mut runs = formats.map(|_| Vec::new());
    for _ in 0..rounds {
        for (runs, arguments) in runs.iter_mut().zip(formats) {
            runs.push(run(Command::new(program).arg("decode").arg(file).args(arguments)));
        }
    }
    for (runs, arguments) in runs.into_iter().zip(formats) {
        report(&format!("framescope {}", arguments[..2].join(" ")), length(file), runs);
    }
}

fn tshark(file: &Path) {
    let http2 = format!("tcp.port=={PORT},http2");
    let fields = [
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "http2.type",
        "-e",
        "http2.streamid",
        "-e",
        "http2.headers.path",
        "-e",
        "grpc.message_length",
    ];
    for (name, arguments) in [("tshark -T fields", &fields[..]), ("tshark -T json", &["-T", "json"])] {
        let mut command = Command::new("tshark");
        command.args(["-r".as_ref(), file.as_os_str()]).args(["-d", &http2]).args(arguments);
        if !command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .is_ok_and(|mut child| child.kill().is_ok() && child.wait().is_ok())
        {
            println!("  skipped: tshark is not installed");
            return;
        }
        report(name, length(file), vec![run(&mut command)]);
    }
}

/// How a process went.
#[derive(Debug)]
struct Run {
    time: Duration,
    /// The most memory it held, in KiB, where the system tells.
    peak: Option<u64>,
    succeeded: bool,
}

fn run(command: &mut Command) -> Run {
    let start = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = None;
            while !ended.load(Ordering::Relaxed) {
                // Between fork and exec there is nothing to read yet.
                peak = high_water(&status).filter(|kibibytes| *kibibytes > 0).max(peak);
                std::thread::sleep(Duration::from_millis(1));
            }
            peak
        });
        let succeeded = child.wait().is_ok_and(|status| status.success());
        let time = start.elapsed();
        ended.store(true, Ordering::Relaxed);
        Run { time, peak: watch.join().unwrap_or_default(), succeeded }
    })
}

/// The high-water mark of a process's memory in KiB (proc(5), `VmHWM`).
fn high_water(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn report(name: &str, octets: u64, runs: Vec<Run>) {
    if runs.iter().any(|run| !run.succeeded) {
        println!("  {name:<26} failed");
        return;
    }
    let peak = runs.iter().filter_map(|run| run.peak).max();
    let peak = peak.map_or_else(|| "?".into(), |kibibytes| format!("{:.1}", kibibytes as f64 / 1024.0));
    let time = median(runs.into_iter().map(|run| run.time).collect());
    println!(
        "  {name:<26} {:>8.1} MB/s {:>9.3} s, at most {peak} MiB",
        megabytes_a_second(octets, time),
        time.as_secs_f64()
    );
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |facts| facts.len())
}
