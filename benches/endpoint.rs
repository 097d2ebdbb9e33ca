//! What a call costs: client and server of `framescope::endpoint` in memory and over loopback, and grpcio's beside them.
//!
//! `cargo bench --bench endpoint` prints medians of five rounds on one core; with `--quick` (or `--test`) it only shows that
//! everything runs. grpcio is measured if `tests/interop/setup.sh` has made it, or `INTEROP_PYTHON` names an interpreter
//! that has it. A call is one of framescope.Echo/Unary: a message of 17 octets goes and comes back.

#[path = "../tests/support/batch.rs"]
mod batch;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope::command::drive::clock::Clock;
use framescope::command::drive::stop::stopping;
use framescope::command::drive::{self, accept, dialler};
use framescope::endpoint::channel::{self, Channel, Target};
use framescope::endpoint::client::{self, Client, Request};
use framescope::endpoint::config::Config;
use framescope::endpoint::services::{Services, Serving, builtin_schema};
use framescope::endpoint::{Peer, Stop};
use framescope::grpc::status::Status;
use framescope::protobuf::encode::Encoder;
use framescope::time::Timestamp;
use tokio::net::TcpListener;

use batch::{Batch, Work};

const PATH: &str = "/framescope.Echo/Unary";
/// An EchoMessage with a text of 15 octets.
const MESSAGE: &[u8] = b"\x0a\x0fa small message";

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick" || argument == "--test");
    if pinned(quick) {
        return;
    }
    let rounds = if quick { 1 } else { 5 };
    for at_once in [1, 100] {
        let mut runs: Vec<Run> = vec![
            Run::new("framescope, in memory", if quick { 200 } else { 100_000 }, Some(in_memory)),
            Run::new("framescope, over loopback", if quick { 200 } else { 30_000 }, Some(over_loopback)),
            Run::new("grpcio, over loopback", if quick { 200 } else { 5_000 }, grpcio()),
        ];
        for _ in 0..rounds {
            runs.iter_mut().for_each(|run| run.go(at_once));
        }
        println!("calls a second, {at_once} in flight:");
        let beside = runs.last().and_then(Run::median);
        for run in &runs {
            run.print(beside);
        }
    }
}

/// Runs this program again on one core, where that can be done; whether it did.
fn pinned(quick: bool) -> bool {
    const MARK: &str = "FRAMESCOPE_BENCH_IS_PINNED";
    if std::env::var_os(MARK).is_some() {
        return false;
    }
    let Ok(program) = std::env::current_exe() else { return false };
    let mut again = Command::new("taskset");
    again.args(["-c", "0"]).arg(program).env(MARK, "1");
    if quick {
        again.arg("--quick");
    }
    let done = again.status().is_ok_and(|status| status.success());
    if !done {
        println!("not pinned to one core: taskset cannot do it here");
    }
    done
}

/// How long some calls took, by the clock and of the processor.
#[derive(Clone, Copy, Debug)]
struct Times {
    clock: f64,
    processor: f64,
}

/// Makes so many calls, so many at once.
type Calls = fn(u32, usize) -> Option<Times>;

struct Run {
    name: &'static str,
    calls: u32,
    make: Option<Calls>,
    times: Vec<Times>,
}

impl Run {
    fn new(name: &'static str, calls: u32, make: Option<Calls>) -> Self {
        Self { name, calls, make, times: Vec::new() }
    }

    fn go(&mut self, at_once: usize) {
        self.times.extend(self.make.and_then(|make| make(self.calls, at_once)));
    }

    /// Calls a second: by the clock, and of the processor.
    fn median(&self) -> Option<(f64, f64)> {
        let middle = |of: fn(&Times) -> f64| {
            let mut all: Vec<f64> = self.times.iter().map(of).collect();
            all.sort_unstable_by(f64::total_cmp);
            all.get(all.len() / 2).map(|time| f64::from(self.calls) / time)
        };
        middle(|times| times.clock).zip(middle(|times| times.processor))
    }

    fn print(&self, beside: Option<(f64, f64)>) {
        let Some((clock, processor)) = self.median() else {
            println!("  skipped: {}: tests/interop/setup.sh makes it", self.name);
            return;
        };
        let ratio = beside.map_or(String::new(), |(_, other)| format!("{:>8.1} x grpcio", processor / other));
        println!("  {:<27} {clock:>9.0} by the clock {processor:>9.0} of processor time {ratio}", self.name);
    }
}

/// The time of what `run` does.
fn time(run: impl FnOnce()) -> Option<Times> {
    let (before, start) = (on_processor(), Instant::now());
    run();
    let clock = start.elapsed().as_secs_f64();
    let processor = on_processor().zip(before).map(|(after, before)| (after - before).as_secs_f64());
    // A short run may be too short for the system's accounts.
    Some(Times { clock, processor: processor.filter(|time| *time > 0.0).unwrap_or(clock) })
}

/// How long this thread, on which everything happens, has been on a processor (Linux).
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn services() -> Arc<Services> {
    let schema = builtin_schema();
    Arc::new(Services::new(&schema, &Encoder::new(&schema), false))
}

fn request() -> Request {
    Request { path: PATH.to_owned(), ..Request::default() }
}

fn in_memory(calls: u32, at_once: usize) -> Option<Times> {
    let mut server = Serving::new(services(), Config::default());
    let mut client = Client::new(Config::default(), "127.0.0.1:50051");
    let now = Timestamp::EPOCH;
    let (mut begun, mut under_way, mut ended) = (0, 0, 0);
    let (mut octets, start) = (Vec::new(), now);
    server.begin(start);
    client.begin(start);
    time(|| {
        while ended < calls {
            while begun < calls && under_way < at_once {
                let ticket = client.call(now, request());
                client.send_last(ticket, MESSAGE);
                begun += 1;
                under_way += 1;
            }
            octets.clear();
            client.poll_transmit(&mut octets);
            server.handle_octets(now, &octets);
            octets.clear();
            server.poll_transmit(&mut octets);
            client.handle_octets(now, &octets);
            while let Some(event) = client.poll_event() {
                match event {
                    client::Event::Begun { .. } => {}
                    client::Event::Message { octets, .. } => assert_eq!(octets, MESSAGE),
                    client::Event::Ended { ending, .. } => {
                        assert_eq!(ending.status, Status::OK);
                        ended += 1;
                        under_way -= 1;
                    }
                }
            }
        }
    })
}

fn over_loopback(calls: u32, at_once: usize) -> Option<Times> {
    let services = services();
    let all = async {
        let clock = Clock::new();
        let (stopper, stop) = stopping();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let host = move |_| Box::new(Serving::new(Arc::clone(&services), Config::default())) as Box<dyn Peer>;
        let serving = tokio::task::spawn_local(accept::serve(listener, host, stop, clock));
        let channel = Channel::new(&Target::addresses(&[address]), channel::Config::default());
        let mut batch = Batch::new(channel, calls, at_once, Echoes { good: 0 });
        dialler::run(&mut batch, clock).await;
        assert_eq!(batch.work.good, calls);
        stopper.stop(Stop::Gracefully);
        serving.await.expect("no panic");
    };
    time(|| drive::block_on(all).expect("a runtime"))
}

/// Calls the echo, and counts what comes back.
struct Echoes {
    good: u32,
}

impl Work for Echoes {
    fn call(&mut self, channel: &mut Channel, now: Timestamp, _: u32) {
        let ticket = channel.call(now, request());
        channel.send_last(ticket, MESSAGE);
    }
    fn event(&mut self, event: channel::Event) {
        match event {
            channel::Event::Message { octets, .. } => assert_eq!(octets, MESSAGE),
            channel::Event::Ended { ending, .. } => self.good += u32::from(ending.status == Status::OK),
            _ => {}
        }
    }
}

/// grpcio's client and server in one process, if it is there.
fn grpcio() -> Option<Calls> {
    python().map(|_| python_calls as Calls)
}

fn python_calls(calls: u32, at_once: usize) -> Option<Times> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/python/bench.py");
    let mut program = Command::new(python()?);
    program.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).args([calls.to_string(), at_once.to_string()]);
    let said = program.output().ok()?;
    assert!(said.status.success(), "grpcio: {}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let mut times = text.split_whitespace().map_while(|time| time.parse().ok());
    Some(Times { clock: times.next()?, processor: times.next()? })
}

fn python() -> Option<OsString> {
    let made = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/interop/venv/bin/python").into_os_string();
    let python = std::env::var_os("INTEROP_PYTHON").unwrap_or_else(made);
    Command::new(&python).args(["-c", "import grpc"]).output().ok()?.status.success().then_some(python)
}
