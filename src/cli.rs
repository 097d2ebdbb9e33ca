//! The command line: types only. What each option means is said here once, for the help, the completions and the man page.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Shows what gRPC said on the wire: every HTTP/2 frame, every call and every message of a capture, explained.
#[derive(Debug, Parser)]
#[command(name = "framescope", version, max_term_width = 100, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Decode capture files into an annotated frame trace
    #[command(override_usage = "framescope decode [OPTIONS] <FILE>...", after_help = DECODE_HELP)]
    Decode(Box<Decode>),
    /// Watch the built-in client and server speak gRPC
    #[command(after_help = DEMO_HELP)]
    Demo(Box<Demo>),
    /// Forward TCP connections untouched, and decode and record what they carry
    #[command(after_help = RELAY_HELP)]
    Relay(Box<Relay>),
    /// Run the built-in server: services of any .proto, with an echo or canned answers
    #[command(after_long_help = SERVE_HELP)]
    Serve(Box<Serve>),
    /// Call a method of any gRPC server: JSON in, JSON out
    #[command(after_long_help = CALL_HELP)]
    Call(Box<Call>),
    /// Print shell completions
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print a manual page (roff): `framescope man decode | man -l -`
    Man {
        /// The command whose page it is; without one, the page of all
        #[arg(value_name = "COMMAND")]
        of: Option<String>,
    },
}

const EXAMPLES: &str = "\
Examples:
  framescope demo                             a call, in its twelve steps
  framescope decode a.pcapng --proto DIR      every frame, annotated
  framescope decode a.pcapng -T calls         one row a call
  tcpdump -w - | framescope decode -          frames as they arrive
  framescope relay --listen ADDR --to ADDR    the same without root

`framescope COMMAND --help` has the options and exit codes of a command.";

const DECODE_HELP: &str = "\
Examples:
  framescope decode a.pcapng --proto DIR
  framescope decode a.pcapng -T calls --status '!ok'
  framescope decode a.pcapng --call 3 --bytes
  framescope decode a.pcapng -T ndjson | jq -c 'select(.type == \"finding\")'
  framescope decode a.pcapng -T markdown -o report.md
  tcpdump -i lo -w - port 50051 | framescope decode -

Exit codes:
  0  clean
  2  the command line
  3  the input cannot be read, or is no capture
  5  the schema cannot be used
  6  the input ended inside a record; what preceded it was shown
  7  the output cannot be written";

const DEMO_HELP: &str = "\
Examples:
  framescope demo --list
  framescope demo retry
  framescope demo multiplex --simulate | diff - golden.txt
  framescope demo bidi -w bidi.pcapng
  framescope demo load --calls 100000 -w load.pcapng

Exit codes:
  0  clean
  2  the command line
  3  the connection between client and server failed
  4  no permission to capture, or no libpcap (--capture live)
  7  the output or the capture cannot be written";

const RELAY_HELP: &str = "\
No privilege is needed: connect clients to --listen instead of to the server. Half-closes, resets and back pressure are forwarded \
as well. Ethernet, IP and TCP headers of the capture are made up around the octets, and it says so. If decoding or the disk \
cannot keep up, octets are forwarded but not recorded, and counted. A full disk stops the recording, not the forwarding.

After Ctrl-C no connection is accepted, and those that are open have --grace to end; then trace and capture are completed, \
and it is told what was forwarded. A second Ctrl-C ends at once. \
A closed pipe on the standard output (`relay ... | head`) ends the relay as well; `-o FILE` keeps it going.

Exit codes:
  0  ended by Ctrl-C or a closed pipe
  2  the command line
  3  the address cannot be used
  4  no permission for the port
  5  the schema cannot be used
  7  the trace or the capture cannot be written";

const CALL_HELP: &str = "\
Each answer is a line of JSON on the standard output, as soon as it is there. Without --proto, -I or --descriptor-set the \
server is asked for its schema (server reflection, on a connection of its own).

With `-d @-` messages are read from the standard input, one JSON value after another, and sent as they arrive; the end of the \
input ends the client's half of a stream. A status other than OK stands on the standard error with its trailers. --trace \
prints the annotated frames on the standard error as they pass.

Metadata whose name speaks of a secret (authorization, cookie, ...token..., ...api-key..., ...secret..., ...password..., \
...credential...) is never put into a header table. Ctrl-C cancels the call (RST_STREAM with CANCEL); a second one ends at once.

Examples:
  framescope call 127.0.0.1:50051 SearchService/Search -d '{\"request\": \"gRPC\"}'
  framescope call 127.0.0.1:50051 SearchService/Search -d @a.json --deadline 2s
  framescope call 127.0.0.1:50051 SearchService/Search -d '{}' --trace

Exit codes:
  0   OK
  2   the command line, or JSON that does not fit
  3   a file cannot be read
  5   no usable schema
  7   the answer cannot be printed
  64  and the status of a call that failed: 69 for NOT_FOUND, 78 for UNAVAILABLE";

/// `framescope call`.
#[derive(Args, Debug)]
pub struct Call {
    /// The server: HOST:PORT, several with commas
    #[arg(value_name = "ADDRESS")]
    pub target: String,
    /// The method: pkg.Service/Method; the package may be left out where that leaves no doubt
    #[arg(value_name = "METHOD")]
    pub method: String,
    /// The message as JSON, or several one after another for a client that streams; `@FILE` reads a file, `@-` the standard input
    #[arg(short, long, value_name = "JSON")]
    pub data: Option<String>,
    /// Metadata; values of names that end in -bin in base64 (again for more)
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// How long the call may take: 200ms, 5s
    #[arg(long, value_name = "TIME")]
    pub deadline: Option<String>,
    /// Pack messages with gzip
    #[arg(long)]
    pub gzip: bool,
    /// Wait for a connection as long as it takes, instead of failing when the server cannot be reached
    #[arg(long)]
    pub wait_for_ready: bool,
    /// Connect before the call begins, as long as it takes or until the deadline
    #[arg(long)]
    pub block: bool,
    /// Which of several addresses is called
    #[arg(long, value_enum, default_value_t = LoadBalancing::PickFirst, value_name = "POLICY")]
    pub lb: LoadBalancing,
    /// Try a call that ends with UNAVAILABLE so often in all, with growing pauses
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=5))]
    pub retry: Option<u8>,
    /// What the call says in `:authority`, instead of the address
    #[arg(long, value_name = "HOST")]
    pub authority: Option<String>,
    /// Print the annotated frames of the call on the standard error
    #[arg(long)]
    pub trace: bool,
    /// Print the server's metadata on the standard error
    #[arg(short, long)]
    pub verbose: bool,
    /// The schema.
    #[command(flatten)]
    pub schema: SchemaArgs,
}

/// How a call chooses among addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LoadBalancing {
    /// The first one that answers
    #[value(name = "pick_first")]
    PickFirst,
    /// All are connected to and take turns
    #[value(name = "round_robin")]
    RoundRobin,
}

/// `framescope relay`.
#[derive(Args, Debug)]
pub struct Relay {
    /// Where clients connect, such as 127.0.0.1:9000; port 0 takes a free one, which is told on the standard error
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: String,
    /// Where the connections are forwarded to
    #[arg(long, value_name = "HOST:PORT")]
    pub to: String,
    /// Keep the capture (pcapng)
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// How long connections may go on after Ctrl-C: 200ms, 5s
    #[arg(long, default_value = "5s", value_name = "TIME")]
    pub grace: String,
    /// How it is read and shown.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// The filter.
    #[command(flatten)]
    pub filter: FrameFilterArgs,
}

/// `framescope decode`.
#[derive(Args, Debug)]
pub struct Decode {
    /// Captures: pcap or pcapng, also gzip or zstd; `-` reads a pipe; several (a rotated capture) are read as one
    #[arg(required_unless_present = "limits", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How it is read and shown.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// The filter.
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// `framescope demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// What to play: a name of `--list`, or `all`
    #[arg(default_value = "unary", value_name = "SCENARIO")]
    pub scenario: String,
    /// List the scenarios
    #[arg(long)]
    pub list: bool,
    /// A simulated link with a virtual clock instead of TCP on this machine: the same octets and times on every run
    #[arg(long)]
    pub simulate: bool,
    /// Where the packets come from; what the client and the server say is the same
    #[arg(long, value_enum, default_value_t = CaptureBy::Relay, value_name = "HOW", conflicts_with = "simulate")]
    pub capture: CaptureBy,
    /// Keep the capture, with the notes as comments on its packets (pcapng)
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// `load`: how many connections [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: Option<u32>,
    /// `load`: how many calls in all [default: 10000]
    #[arg(long, value_name = "N")]
    pub calls: Option<u64>,
    /// `load`: octets of a message on average, up to 1000000 [default: 1000]
    #[arg(long, value_name = "OCTETS", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub size: Option<u32>,
    /// `load`: where chance begins [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How and where it is shown.
    #[command(flatten)]
    pub shown: ShownArgs,
}

/// How what was captured is read and shown.
#[derive(Args, Debug)]
pub struct ReadingArgs {
    /// How and where it is shown.
    #[command(flatten)]
    pub shown: ShownArgs,
    /// Change a bound on memory, e.g. `message=16MiB` (again for more); `decode --limit help` lists them
    #[arg(long = "limit", value_name = "NAME=SIZE")]
    pub limits: Vec<String>,
    /// The schema.
    #[command(flatten)]
    pub schema: SchemaArgs,
}

/// How and where something is shown.
#[derive(Args, Debug)]
pub struct ShownArgs {
    /// How to show it
    #[arg(short = 'T', long = "type", value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Raw octets too: a hexdump in text, `octets` and `data` in NDJSON
    #[arg(long)]
    pub bytes: bool,
    /// Clock times instead of milliseconds since the first packet
    #[arg(long)]
    pub absolute: bool,
    /// Colours: always, never, or when the output is a terminal (NO_COLOR and CLICOLOR_FORCE are heeded)
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub color: Colour,
    /// Write to a file instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How a demo is captured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum CaptureBy {
    /// A relay between client and server records every octet; packets are made up around them
    Relay,
    /// The packets themselves, from the loopback device: needs libpcap and the permission to capture
    Live,
}

/// `framescope serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Where to listen: HOST:PORT, or a port of this machine alone; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:50051", value_name = "ADDRESS")]
    pub listen: String,
    /// What a method answers: `pkg.Service/Method=JSON`, or `=@FILE` with the JSON in a file (again for more)
    #[arg(long = "answer", value_name = "METHOD=JSON")]
    pub answers: Vec<String>,
    /// Pack answers with gzip where the client takes them so
    #[arg(long)]
    pub gzip: bool,
    /// What every call passes through, outermost first: logging, recovery, deadline=TIME, stamp (with commas)
    #[arg(long = "interceptor", value_name = "NAMES", value_delimiter = ',')]
    pub interceptors: Vec<String>,
    /// Do not tell clients about services and types (server reflection)
    #[arg(long)]
    pub no_reflection: bool,
    /// The schema.
    #[command(flatten)]
    pub schema: SchemaArgs,
    /// How much a client may ask for, and how long.
    #[command(flatten)]
    pub bounds: ServeBounds,
}

/// The bounds of `framescope serve`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Bounds (times as 200ms, 5s, 2m, 1h)")]
pub struct ServeBounds {
    /// Connections open at once; more wait until one ends
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// Calls open at once on one connection
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_concurrent_streams: u32,
    /// The largest message of a client
    #[arg(long, default_value = "4MiB", value_name = "SIZE")]
    pub max_message: String,
    /// Memory that all connections hold together; beyond it, one that holds more than its share and wants more is ended
    #[arg(long, default_value = "1GiB", value_name = "SIZE")]
    pub max_memory: String,
    /// How long a client may take to begin to speak HTTP/2
    #[arg(long, default_value = "20s", value_name = "TIME")]
    pub handshake_timeout: String,
    /// How long a connection may have no call; then it is ended gracefully
    #[arg(long, default_value = "30m", value_name = "TIME")]
    pub max_idle: String,
    /// How long a client may take nothing of what waits for it
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub stall_timeout: String,
    /// How old a connection may become; then it is ended gracefully
    #[arg(long, value_name = "TIME")]
    pub max_age: Option<String>,
    /// How long calls may go on after that
    #[arg(long, value_name = "TIME")]
    pub max_age_grace: Option<String>,
    /// How long a client may be silent before it is asked whether it is still there (PING)
    #[arg(long, default_value = "2h", value_name = "TIME")]
    pub keepalive: String,
    /// How long it may take to answer
    #[arg(long, default_value = "20s", value_name = "TIME")]
    pub keepalive_timeout: String,
    /// How often a client may send PING; one that does more often is ended (too_many_pings)
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub keepalive_min_time: String,
}

const SERVE_HELP: &str = "\
Served are the services of the schema, and those that are built in: proto.SearchService and proto.StreamService (the \
demo's), framescope.Echo, grpc.health.v1.Health and server reflection. A method whose requests and responses are of one \
type is an echo, one that --answer names has that answer, and any other is UNIMPLEMENTED.

An answer is the JSON of a message, or an array of messages for a method that streams. An object whose keys begin with $ \
says more:
  $messages     an array of messages
  $status       the status, by number or name: 5, \"NOT_FOUND\"
  $message      the status message
  $details      an array of google.protobuf.Any: [{\"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\", ...}]
  $metadata     {\"name\": \"value\", \"name-bin\": \"base64\", \"several\": [\"a\", \"b\"]}
  $trailers     likewise, sent with the status
  $delay_ms     milliseconds before the first answer
  $interval_ms  milliseconds between two messages
  $each         true: each request is answered by the next message (methods that stream both ways)
Without $each, a method that takes a stream of requests answers when the client has sent the last one.

An echo does what the client's metadata asks for: work-ms, echo-count (a method that streams answers), echo-status, \
echo-message, echo-fault (its handler breaks down); echo-header-* comes back in the headers, echo-trailer-* in the trailers.

The interceptors: logging writes a line when a call begins and when it ends (standard error); recovery makes the fault of a \
handler cost its own call alone, which otherwise costs the connection; deadline ends calls that take longer than its \
time; stamp writes into metadata \"stamp\" which interceptors a call has come to.

Ctrl-C stops gracefully, a second one at once.

Examples:
  framescope serve
  framescope serve --proto DIR --answer 'shop.Shop/Get={\"name\": \"saw\"}'
  framescope serve --interceptor logging,deadline=5s

Exit codes:
  0  stopped
  2  the command line
  3  the address or a file cannot be used
  4  no permission to listen
  5  the schema cannot be used";

/// The formats.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// The annotated frame trace
    Text,
    /// One JSON object a line
    Ndjson,
    /// One row a call, with totals by method
    Calls,
    /// A report for a code host: calls, a sequence diagram, the trace
    Markdown,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Colour {
    /// On a terminal
    Auto,
    /// Also into files and pipes
    Always,
    /// Not at all
    Never,
}

/// Where message types come from.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Schema")]
pub struct SchemaArgs {
    /// A .proto file, or a directory that is searched whole (again for more)
    #[arg(long, value_name = "FILE")]
    pub proto: Vec<PathBuf>,
    /// A directory that imports are relative to; it is searched whole (again for more)
    #[arg(short = 'I', long = "import-path", value_name = "DIR")]
    pub import_path: Vec<PathBuf>,
    /// A file with a binary FileDescriptorSet, as `protoc -o` writes it (again for more)
    #[arg(long, value_name = "FILE")]
    pub descriptor_set: Vec<PathBuf>,
}

/// What is shown.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = FILTERS)]
pub struct FilterArgs {
    /// What is known of a frame when it passes.
    #[command(flatten)]
    pub frames: FrameFilterArgs,
    /// Calls that ended so: a number or name, several with commas, `!ok` for all others, `none` for no status
    #[arg(long, value_name = "CODE")]
    pub status: Option<String>,
    /// From this time on: after the first packet (`1.5s`, `200ms`) or by the clock (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Up to this time, as with --from
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Flows with this port
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
}

/// What is shown, by what is known of a frame when it passes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = FILTERS)]
pub struct FrameFilterArgs {
    /// One flow, by its number
    #[arg(long, value_name = "N")]
    pub flow: Option<u64>,
    /// Streams with this number, in any flow
    #[arg(long, value_name = "N")]
    pub stream: Option<u32>,
    /// One call, by its number
    #[arg(long, value_name = "N")]
    pub call: Option<u64>,
    /// Calls of methods that match: `/pkg.Service/Method`, `Service*/Get*`, `Search`
    #[arg(long, value_name = "GLOB")]
    pub method: Option<String>,
    /// Frames of these types, with commas: `HEADERS,RST_STREAM`
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub frame: Vec<String>,
}

const FILTERS: &str = "Filters (everything is read, only what matches is shown)";
