//! `framescope call`: one call of any method, JSON in and JSON out.
//!
//! Everything that can be wrong with the command line is told before a connection is made, but what only the server knows.

mod input;
mod metadata;
mod method;
mod output;
mod reflection;
mod running;
mod stranger;
mod trace;

use std::time::Duration;

use self::input::Input;
use self::output::Answers;
use self::running::Running;
use self::trace::Trace;
use super::drive::clock::Clock;
use super::drive::{self, stop, words};
use super::{Failure, options, shown};
use crate::cli::{Call, LoadBalancing};
use crate::endpoint::channel::{Balancer, Config, RetryPolicy, Target};
use crate::endpoint::client::Request;
use crate::endpoint::compression::Compression;
use crate::endpoint::config;
use crate::grpc::status::Status;
use crate::protobuf::encode::Encoder;
use crate::protobuf::schema::{MessageId, Schema};

/// Makes the call, and prints the answers.
///
/// # Errors
///
/// What is wrong with the command line, the schema or the JSON; 64 and the status when the call does not end with OK.
pub fn run(arguments: &Call) -> Result<(), Failure> {
    let target = target(&arguments.target)?;
    let plan = Plan {
        metadata: metadata::read(&arguments.headers)?,
        deadline: arguments.deadline.as_deref().map(|text| options::duration("--deadline", text)).transpose()?,
        config: config(arguments),
    };
    let clock = Clock::new();
    let called = drive::block_on(async {
        let mut stopping = stop::by_signals()
            .map_err(|error| Failure::new(Failure::INPUT, format!("signals cannot be received: {}", words(&error))))?;
        let (schema, path) = if options::is_schema_given(&arguments.schema) {
            let schema = options::schema(&arguments.schema)?;
            let path = method::find(&arguments.method, schema.methods().map(|method| &*method.path))?;
            (schema, path)
        } else {
            let asking = reflection::ask(&target, &plan.config, &arguments.method, plan.deadline, clock);
            tokio::select! {
                found = asking => found?,
                _ = stopping.next() => return Err(status(Status::CANCELLED, "interrupted while the server was asked for its methods")),
            }
        };
        let types = Types::of(&schema, &path)?;
        let encoder = Encoder::new(&schema);
        let input = Input::new(arguments.data.as_deref(), types.clone(), &encoder)?;
        let trace = arguments.trace.then(|| Trace::new(&schema, &shown(&arguments.target)));
        let request = Request {
            path,
            metadata: plan.metadata,
            timeout: plan.deadline.map(|deadline| deadline.as_nanos().try_into().unwrap_or(u64::MAX)),
            compression: if arguments.gzip { Compression::Gzip } else { Compression::Identity },
        };
        let answers = Answers::new(&schema, &types, arguments.verbose);
        let mut running = Running::new(&target, plan.config, clock, answers, trace);
        if arguments.block {
            running.connect(plan.deadline, &mut stopping).await?;
        }
        running.call(request, input, &mut stopping).await
    });
    called.unwrap_or_else(|error| {
        Err(Failure::new(Failure::INPUT, format!("no sockets can be used: {}; end other programs", words(&error))))
    })
}

/// What the options say.
struct Plan {
    metadata: crate::endpoint::fields::Fields,
    deadline: Option<Duration>,
    config: Config,
}

fn config(arguments: &Call) -> Config {
    let nanos = Clock::new().now().as_nanos();
    Config {
        balancer: match arguments.lb {
            LoadBalancing::PickFirst => Balancer::PickFirst,
            LoadBalancing::RoundRobin => Balancer::RoundRobin,
        },
        wait_for_ready: arguments.wait_for_ready,
        retry: arguments
            .retry
            .map(|max_attempts| RetryPolicy { max_attempts: max_attempts.into(), ..RetryPolicy::default() }),
        authority: arguments.authority.clone(),
        connection: config::Config { announce_gzip: true, ..config::Config::default() },
        // Only so that many callers do not come back at the same time.
        seed: u64::from_ne_bytes(nanos.to_ne_bytes()),
        ..Config::default()
    }
}

fn target(text: &str) -> Result<Target, Failure> {
    if ["https://", "grpcs://"].iter().any(|scheme| text.starts_with(scheme)) {
        let message = format!(
            "cannot call {}: TLS is not supported; name a port that speaks plain text (h2c), such as 127.0.0.1:50051",
            shown(text)
        );
        return Err(Failure::new(Failure::USAGE, message));
    }
    let plain = ["http://", "grpc://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let text = plain.map_or(text, |rest| rest.trim_end_matches('/'));
    Target::parse(text)
        .map_err(|fault| Failure::new(Failure::USAGE, format!("cannot call: {}", shown(&fault.to_string()))))
}

/// What a method takes and gives.
#[derive(Clone, Debug)]
struct Types {
    /// The name of the request's type.
    input: String,
    /// The response's; without it answers are shown as a guess.
    output: Option<MessageId>,
    /// Whether it takes any number of messages.
    takes_many: bool,
    /// Whether it gives any number of them.
    gives_many: bool,
}

impl Types {
    fn of(schema: &Schema, path: &str) -> Result<Self, Failure> {
        let method = schema.method(path);
        let input = method.and_then(|method| method.input);
        let (Some(method), Some(input)) = (method, input) else {
            let message = format!(
                "{}: no file of the schema defines what it takes; give the missing files with --proto",
                shown(path)
            );
            return Err(Failure::new(Failure::SCHEMA, message));
        };
        Ok(Self {
            input: schema.message_name(input).to_owned(),
            output: method.output,
            takes_many: method.client_streaming,
            gives_many: method.server_streaming,
        })
    }
}

/// The failure of a call that ended so.
fn status(status: Status, message: &str) -> Failure {
    let name = status.name().map_or_else(|| "an unknown status".to_owned(), str::to_owned);
    let message = if message.is_empty() { String::new() } else { format!(": {}", shown(message)) };
    Failure::new(exit_code(status), format!("{name} ({}){message}", status.0))
}

/// What to do about an ending that this end found out by itself.
fn advice(status: Status) -> &'static str {
    match status {
        Status::UNAVAILABLE => "; check the address, or wait for the server with --wait-for-ready",
        Status::DEADLINE_EXCEEDED => "; allow more time with --deadline",
        _ => "",
    }
}

/// 64 and the status; one that gRPC does not know counts as UNKNOWN.
fn exit_code(status: Status) -> u8 {
    let known = if status.name().is_some() { status } else { Status::UNKNOWN };
    u8::try_from(known.0).unwrap_or(2).saturating_add(64)
}
