//! `framescope relay`: TCP connections forwarded untouched, and what they carry shown and recorded.
//!
//! Forwarding has a thread of its own; this one dissects, shows and writes, fed by a bounded `queue`, so that nothing which is
//! slow here ever holds up a connection.

mod forward;
mod queue;
mod recorder;

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::rc::Rc;
use std::thread;

use self::forward::Forwarding;
use self::recorder::Recorder;
use super::drive::clock::Clock;
use super::drive::stop::{Stopper, Stopping, stopping};
use super::drive::{self, accept, words};
use super::output::{self, Output};
use super::{Failure, options, shown};
use crate::cli::{ReadingArgs, Relay};
use crate::endpoint::Stop;

/// Relays until Ctrl-C, or until nobody reads the trace any more.
///
/// # Errors
///
/// An address that cannot be used; a trace or capture that could not be written to its end.
pub fn run(arguments: &Relay) -> Result<(), Failure> {
    let limits = options::limits(&arguments.reading.limits)?;
    let filter = options::frame_filter(&arguments.filter)?;
    let grace = options::duration("--grace", &arguments.grace)?;
    let words_of_grace = arguments.grace.clone();
    let to = host_and_port("--to", &arguments.to)?;
    host_and_port("--listen", &arguments.listen)?;
    let ReadingArgs { shown, schema, .. } = &arguments.reading;
    output::apart(arguments.write.as_deref(), shown.output.as_deref())?;
    let view = super::view::asked(&arguments.reading, &limits, &filter)?;
    let (listener, address) = listen(&arguments.listen)?;
    let file = arguments.write.as_deref().map(|path| output::create_capture(path, schema)).transpose()?;
    let output = Output::open(shown.output.as_deref(), &[], schema)?;

    let clock = Clock::new();
    let (stopper, stopping) = stopping();
    let (queue, items) = queue::queue(limits.relay_waiting, clock);
    let name = format!("relay from {address} to {to}");
    let recorder = Recorder::new(&name, view, filter, &limits, output, file, stopper.clone())?;
    let forwarding = move || {
        drive::block_on(async {
            listening(&stopper, &listener, address, &to)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let forwarding = Forwarding::new(to, queue, stopping.clone(), grace);
            let totals = forwarding.totals();
            tokio::task::spawn_local(tell_of_open(forwarding.open(), stopping.clone(), words_of_grace));
            accept::accept(listener, forwarding, MOST_CONNECTIONS, stopping).await;
            Ok(totals.take())
        })
        .and_then(|outcome| outcome)
    };
    let forwarding = thread::Builder::new().name("forwarding".into()).spawn(forwarding);
    let forwarding = forwarding.map_err(|error| unusable(&address.to_string(), &error))?;
    let recorded = recorder.run(&items, clock);
    let totals = forwarding
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("its thread ended early")))
        .map_err(|error| Failure::new(Failure::INPUT, format!("forwarding failed: {}", words(&error))))?;
    eprintln!("framescope: {totals}");
    recorded
}

/// Connections forwarded at once; more wait until one ends. Each has two buffers of [`forward::BUFFER`] octets.
const MOST_CONNECTIONS: usize = 2_000;

/// From now on Ctrl-C is heeded, and clients can know where to go.
fn listening(stopper: &Stopper, listener: &TcpListener, address: SocketAddr, to: &str) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    stopper.heed_signals()?;
    eprintln!("framescope: listening on {address}, forwarding to {}", shown(to));
    Ok(())
}

/// Says at Ctrl-C what is waited for.
async fn tell_of_open(open: Rc<Cell<u64>>, mut stopping: Stopping, grace: String) {
    if stopping.next().await == Stop::Gracefully && open.get() > 0 {
        let (count, s) = (open.get(), if open.get() == 1 { "" } else { "s" });
        eprintln!("framescope: stopping: {count} open connection{s} may go on for {grace}; Ctrl-C again ends at once");
    }
}

/// Checks that `text` is a name or address with a port.
fn host_and_port(option: &str, text: &str) -> Result<String, Failure> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err(Failure::new(
            Failure::USAGE,
            format!("{option} `{}` is not HOST:PORT, such as 127.0.0.1:50051", shown(text)),
        )),
    }
}

fn listen(name: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = name.to_socket_addrs().and_then(|addresses| TcpListener::bind(&*addresses.collect::<Vec<_>>()));
    bound.and_then(|listener| listener.local_addr().map(|address| (listener, address))).map_err(|e| unusable(name, &e))
}

fn unusable(name: &str, error: &io::Error) -> Failure {
    let (code, what_to_do) = match error.kind() {
        ErrorKind::PermissionDenied => (Failure::CAPTURE, "take a port above 1023"),
        ErrorKind::AddrInUse => (Failure::INPUT, "end the other program, or take port 0 for any that is free"),
        _ => (Failure::INPUT, "name an address of this machine"),
    };
    Failure::new(code, format!("cannot listen on {}: {}; {what_to_do}", shown(name), words(error)))
}
