//! `framescope serve`: the built-in server on a port, for anybody's client.

use std::cell::Cell;
use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::drive::accept::Host;
use super::drive::clock::Clock;
use super::drive::{self, accept, stop};
use super::{Failure, options, shown};
use crate::cli::{Serve, ServeBounds};
use crate::endpoint::bounds::Bounds;
use crate::endpoint::config::Config;
use crate::endpoint::interceptor::{self, Chain, Deadline};
use crate::endpoint::keepalive::{Enforcement, Keepalive};
use crate::endpoint::lifetime::Lifetime;
use crate::endpoint::services::{Canned, ScriptError, Services, Serving};
use crate::endpoint::{Peer, Stop};
use crate::protobuf::encode::Encoder;
use crate::protobuf::schema::Schema;
use crate::time::Timestamp;

/// Serves until it is told to stop.
///
/// # Errors
///
/// A schema, an answer or an address that cannot be used.
pub fn run(arguments: &Serve) -> Result<(), Failure> {
    let config = config(&arguments.bounds)?;
    let interceptors = Interceptors::parse(&arguments.interceptors)?;
    let most_memory = size("--max-memory", &arguments.bounds.max_memory)?;
    let services = services(arguments)?;
    let listener = listen(&arguments.listen)?;
    let address = listener.local_addr().map_err(|error| unusable(&arguments.listen, &error))?;
    let memory = Rc::new(Memory { most: most_memory, held: Cell::new(0), connections: Cell::new(0) });
    let most_connections = usize::try_from(arguments.bounds.max_connections).unwrap_or(usize::MAX);
    let host = Serves { services: Arc::new(services), config, interceptors, memory, most_connections };
    let served = drive::block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let stopping = stop::by_signals()?;
        // Who started this may wait for the line to learn the port; nobody else minds if it cannot be written.
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "listening on {address}").and_then(|()| out.flush());
        drop(out);
        accept::serve(listener, host, stopping, Clock::new()).await;
        Ok::<(), io::Error>(())
    });
    served.and_then(|served| served).map_err(|error| unusable(&arguments.listen, &error))
}

fn usage(message: impl Into<String>) -> Failure {
    Failure::new(Failure::USAGE, message)
}

fn size(option: &str, text: &str) -> Result<usize, Failure> {
    options::size(text).ok_or_else(|| usage(format!("{option} `{}` is no size: use 512MiB", shown(text))))
}

fn config(bounds: &ServeBounds) -> Result<Config, Failure> {
    let time = |option: &str, text: &str| options::duration(option, text);
    let maybe = |option: &str, text: &Option<String>| text.as_deref().map(|text| time(option, text)).transpose();
    Ok(Config {
        max_streams: bounds.max_concurrent_streams,
        announce_gzip: true,
        keepalive: Some(Keepalive {
            time: time("--keepalive", &bounds.keepalive)?,
            timeout: time("--keepalive-timeout", &bounds.keepalive_timeout)?,
            ..Keepalive::default()
        }),
        enforcement: Some(Enforcement {
            min_time: time("--keepalive-min-time", &bounds.keepalive_min_time)?,
            ..Enforcement::default()
        }),
        lifetime: Lifetime {
            handshake: Some(time("--handshake-timeout", &bounds.handshake_timeout)?),
            max_idle: Some(time("--max-idle", &bounds.max_idle)?),
            max_age: maybe("--max-age", &bounds.max_age)?,
            max_age_grace: maybe("--max-age-grace", &bounds.max_age_grace)?,
            stall: Some(time("--stall-timeout", &bounds.stall_timeout)?),
        },
        bounds: Bounds { message: size("--max-message", &bounds.max_message)?, ..Bounds::default() },
        ..Config::default()
    })
}

/// What `--interceptor` says.
struct Interceptors {
    names: Vec<String>,
    deadline: Deadline,
}

impl Interceptors {
    fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut parsed = Self { names: Vec::new(), deadline: Deadline::default() };
        for word in words {
            let (name, time) = word.split_once('=').map_or((word.as_str(), None), |(name, time)| (name, Some(time)));
            match (name, time) {
                ("deadline", Some(time)) => {
                    let time = options::duration("--interceptor deadline", time)?;
                    parsed.deadline = Deadline { usual: Some(time), longest: Some(time) };
                }
                ("deadline", None) => return Err(usage("--interceptor deadline has no time: use deadline=5s")),
                (_, Some(_)) => return Err(usage(format!("--interceptor {} takes no value", shown(name)))),
                (_, None) => {}
            }
            parsed.names.push(name.to_owned());
        }
        parsed.chain().map_err(|unknown| {
            let known = "there are logging, recovery, deadline=TIME and stamp";
            usage(format!("there is no interceptor `{}`; {known}", shown(unknown)))
        })?;
        Ok(parsed)
    }

    fn chain(&self) -> Result<Chain, &str> {
        interceptor::standard(self.names.iter().map(String::as_str), self.deadline)
    }
}

fn services(arguments: &Serve) -> Result<Services, Failure> {
    let schema = options::schema(&arguments.schema)?;
    let encoder = Encoder::new(&schema);
    let mut services = Services::new(&schema, &encoder, !arguments.no_reflection);
    services.gzip = arguments.gzip;
    if !arguments.no_reflection {
        warn_of_undescribed(&schema, &encoder);
    }
    let mut named = std::collections::BTreeSet::new();
    for answer in &arguments.answers {
        let Some((method, json)) = answer.split_once('=') else {
            return Err(usage(format!(
                "--answer `{}` is not METHOD=JSON, such as pkg.Service/Method={{}} or pkg.Service/Method=@answer.json",
                shown(answer)
            )));
        };
        let path = format!("/{}", method.trim().trim_start_matches('/'));
        if !named.insert(path.clone()) {
            return Err(usage(format!("--answer {}: it has an answer already; an array holds several", shown(method))));
        }
        let json = match json.strip_prefix('@') {
            None => json.to_owned(),
            Some(file) => std::fs::read_to_string(file).map_err(|error| {
                let why = drive::words(&error);
                Failure::new(Failure::INPUT, format!("--answer {}: {}: {why}", shown(method), shown(file)))
            })?,
        };
        let canned = canned(&schema, &encoder, &path, &json)
            .map_err(|(code, why)| Failure::new(code, format!("--answer {}: {}", shown(method), shown(&why))))?;
        services.answer(&path, Arc::new(canned));
    }
    Ok(services)
}

/// Tells of files that clients will not learn about.
fn warn_of_undescribed(schema: &Schema, encoder: &Encoder) {
    let mut undescribed: Vec<(&str, &str)> = encoder.undescribed().collect();
    undescribed.sort_unstable();
    for (name, why) in undescribed {
        if schema.descriptors().iter().any(|file| file.name == name && !file.resolved) {
            let (name, why) = (shown(name), shown(why));
            eprintln!(
                "framescope: warning: server reflection does not describe {name}: {why}; a descriptor set of it helps"
            );
        }
    }
}

/// The answer of a method, of the schema's or else the built-in ones.
fn canned(schema: &Schema, encoder: &Encoder, path: &str, json: &str) -> Result<Canned, (u8, String)> {
    let built_in;
    let built_in_encoder;
    let (schema, encoder) = match schema.method(path) {
        Some(_) => (schema, encoder),
        None => {
            built_in = crate::endpoint::services::builtin_schema();
            built_in_encoder = Encoder::new(&built_in);
            (&built_in, &built_in_encoder)
        }
    };
    let Some(method) = schema.method(path) else {
        let why = "no file of the schema has this method; give its .proto with --proto";
        return Err((Failure::USAGE, why.to_owned()));
    };
    Canned::parse(schema, encoder, method, json).map_err(|error| {
        let of_schema = matches!(&error, ScriptError::Json(error) if error.is_of_schema);
        (if of_schema { Failure::SCHEMA } else { Failure::USAGE }, error.to_string())
    })
}

/// Listens, so that an address that cannot be used is known before anything else happens.
fn listen(address: &str) -> Result<StdListener, Failure> {
    let full = match address.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => address.to_owned(),
    };
    let listening = StdListener::bind(full.as_str()).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listening.map_err(|error| unusable(&full, &error))
}

fn unusable(address: &str, error: &io::Error) -> Failure {
    let (code, advice) = match error.kind() {
        ErrorKind::AddrInUse => (Failure::INPUT, "stop who listens there, or name another port (0: any)"),
        ErrorKind::PermissionDenied => (Failure::CAPTURE, "use a port from 1024 on"),
        ErrorKind::InvalidInput => (Failure::USAGE, "use HOST:PORT, such as 127.0.0.1:50051"),
        _ => (Failure::INPUT, "name another address with --listen"),
    };
    Failure::new(code, format!("cannot listen on {}: {}; {advice}", shown(address), drive::words(error)))
}

/// Gives each connection its end.
struct Serves {
    services: Arc<Services>,
    config: Config,
    interceptors: Interceptors,
    memory: Rc<Memory>,
    most_connections: usize,
}

impl Host for Serves {
    fn peer(&mut self, from: SocketAddr) -> Box<dyn Peer> {
        let chain = self.interceptors.chain().unwrap_or_default();
        let serving = Serving::new(Arc::clone(&self.services), self.config.clone()).with_interceptors(chain);
        self.memory.connections.set(self.memory.connections.get().saturating_add(1));
        Box::new(Watched { serving, from, memory: Rc::clone(&self.memory), held: 0, moved: 0 })
    }

    fn most_connections(&self) -> usize {
        self.most_connections
    }

    fn troubled(&mut self, error: &io::Error, pause: Duration) {
        let why = drive::words(error);
        eprintln!("framescope: warning: cannot accept: {why}; trying again in {} ms", pause.as_millis());
    }
}

/// What all connections hold together.
struct Memory {
    most: usize,
    held: Cell<usize>,
    connections: Cell<usize>,
}

impl Memory {
    /// What each connection may hold when all together hold too much: who holds more than others pays for it, not whoever
    /// is the next to ask for a little.
    fn share(&self) -> usize {
        self.most.checked_div(self.connections.get()).unwrap_or(self.most)
    }
}

/// A connection whose log is printed and whose memory is counted; it ends when all of them hold too much, it holds more than its
/// share of that, and adds to it.
struct Watched {
    serving: Serving,
    from: SocketAddr,
    memory: Rc<Memory>,
    /// What it held when it was last looked at.
    held: usize,
    /// Octets that have come or gone since then.
    moved: usize,
}

impl Watched {
    /// Looks now and then what is held, and ends the connection if that is too much.
    fn count(&mut self, now: Timestamp, moved: usize) {
        self.moved = self.moved.saturating_add(moved);
        if self.moved >= BETWEEN_COUNTS {
            let before = self.held;
            if self.look() > self.memory.most && self.held > before && self.held > self.memory.share() {
                self.serving.give_up(now, "the server holds too much");
                self.look();
            }
        }
    }

    /// What all connections hold, with what this one holds now.
    fn look(&mut self) -> usize {
        let held = self.serving.held_bytes();
        let all = self.memory.held.get().saturating_sub(self.held).saturating_add(held);
        self.memory.held.set(all);
        (self.held, self.moved) = (held, 0);
        all
    }

    fn log(&mut self) {
        let mut lines = String::new();
        while let Some(line) = self.serving.poll_log() {
            lines.push_str(&format!("{} {line}\n", self.from));
        }
        // Nothing is served better by stopping because nobody reads the log.
        let _ = io::stderr().write_all(lines.as_bytes());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.memory.held.set(self.memory.held.get().saturating_sub(self.held));
        self.memory.connections.set(self.memory.connections.get().saturating_sub(1));
    }
}

impl Peer for Watched {
    fn begin(&mut self, now: Timestamp) {
        self.serving.begin(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.serving.handle_octets(now, octets);
        self.log();
        self.count(now, octets.len());
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.serving.handle_end(now);
        self.log();
        self.look();
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.serving.handle_timeout(now);
        self.log();
        self.count(now, BETWEEN_COUNTS);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.serving.poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        self.serving.poll_transmit(out);
        self.log();
        // More is let go than taken here.
        self.moved = self.moved.saturating_add(out.len().saturating_sub(before));
        if self.moved >= BETWEEN_COUNTS {
            self.look();
        }
    }

    fn is_finished(&self) -> bool {
        self.serving.is_finished()
    }

    fn stop(&mut self, now: Timestamp, how: Stop) {
        self.serving.stop(now, how);
        self.log();
    }
}

/// Octets that come or go before memory is counted anew.
const BETWEEN_COUNTS: usize = 16 << 10;
