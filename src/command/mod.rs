//! The commands: the only place that joins a source, the dissector and a view, opens files and writes.

pub mod call;
pub mod decode;
pub mod demo;
pub mod drive;
mod input;
mod live_capture;
mod load;
mod loopback;
mod options;
mod output;
pub mod page;
mod read_ahead;
pub mod relay;
pub mod serve;
mod view;

/// Why a command failed, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// One line: what happened, why, what to do. `None` where everything was said, or nothing needs to be.
    pub message: Option<String>,
}

impl Failure {
    /// A command line that cannot be understood.
    pub const USAGE: u8 = 2;
    /// Input that cannot be read.
    pub const INPUT: u8 = 3;
    /// No permission to capture or to use a port, or no capture library.
    pub const CAPTURE: u8 = 4;
    /// A schema that cannot be used.
    pub const SCHEMA: u8 = 5;
    /// Input that ended inside a record.
    pub const TRUNCATED: u8 = 6;
    /// Output that cannot be written: a full disk, a broken device. (64 and above are gRPC statuses.)
    pub const OUTPUT: u8 = 7;

    /// A failure with this exit code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()) }
    }
}

/// Text from outside on its way into an error message: nothing in it steers the terminal.
fn shown(text: &str) -> String {
    let mut out = Vec::new();
    crate::write::untrusted(&mut out, text.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}
