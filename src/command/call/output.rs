//! What is printed: each answer as a line of JSON on the standard output, everything else on the standard error.

use std::io::{self, ErrorKind, Write as _};

use super::Types;
use crate::command::shown;
use crate::endpoint::client::Ending;
use crate::endpoint::fields::Fields;
use crate::grpc::metadata::{binary_values, is_binary};
use crate::grpc::status::Status;
use crate::protobuf::decode::Decoder;
use crate::protobuf::schema::{MessageId, Schema};

/// Prints answers.
pub(super) struct Answers<'a> {
    schema: &'a Schema,
    kind: Option<MessageId>,
    gives_many: bool,
    verbose: bool,
    decoder: Decoder,
    line: Vec<u8>,
    count: u64,
}

impl<'a> Answers<'a> {
    pub(super) fn new(schema: &'a Schema, types: &Types, verbose: bool) -> Self {
        let (kind, gives_many) = (types.output, types.gives_many);
        Self { schema, kind, gives_many, verbose, decoder: Decoder::default(), line: Vec::new(), count: 0 }
    }

    /// The response has begun.
    pub(super) fn begun(&mut self, metadata: &Fields) {
        if self.verbose {
            self.fields("response", metadata);
        }
    }

    /// One answer.
    pub(super) fn answer(&mut self, octets: &[u8]) -> io::Result<()> {
        self.line.clear();
        let report = match self.kind {
            Some(kind) => self.decoder.json(self.schema, kind, octets, &mut self.line),
            None => self.decoder.guess_json(octets, &mut self.line),
        };
        let mut trouble = String::new();
        if report.write_error(&mut trouble) {
            eprintln!("framescope: warning: answer {} does not fit its type: {}", self.count, shown(&trouble));
        }
        self.count = self.count.saturating_add(1);
        self.line.push(b'\n');
        let mut out = io::stdout().lock();
        out.write_all(&self.line).and_then(|()| out.flush())
    }

    /// How many answers there were to a call that ended with OK, if the method gives another number.
    pub(super) const fn wrong_count(&self) -> Option<u64> {
        if self.gives_many || self.count == 1 { None } else { Some(self.count) }
    }

    /// What came with the status.
    pub(super) fn ended(&mut self, ending: &Ending) {
        if self.verbose || ending.status != Status::OK {
            self.fields("trailer", &ending.trailers);
        }
    }

    fn fields(&mut self, what: &str, fields: &Fields) {
        for (name, value) in &fields.0 {
            let text = if name == b"grpc-status-details-bin" { self.details(value) } else { None };
            let text = text.unwrap_or_else(|| shown(&String::from_utf8_lossy(value)));
            eprintln!("{what} {}: {text}", shown(&String::from_utf8_lossy(name)));
        }
    }

    /// `google.rpc.Status` as JSON.
    fn details(&mut self, value: &[u8]) -> Option<String> {
        debug_assert!(is_binary(b"grpc-status-details-bin"));
        let mut octets = Vec::new();
        binary_values(value).next()?.decode_into(&mut octets).ok()?;
        let kind = self.schema.message("google.rpc.Status")?;
        let mut json = Vec::new();
        self.decoder.json(self.schema, kind, &octets, &mut json);
        Some(shown(&String::from_utf8_lossy(&json)))
    }
}

/// Whether it only means that nobody reads any more.
pub(super) fn is_closed(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}
