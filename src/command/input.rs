//! The captures a command reads: files and pipes, opened one after the other and read as one capture.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::drive::words;
use super::read_ahead::ReadAhead;
use super::{Failure, shown};
use crate::capture::{CaptureFile, Error, Facts, Packet, Source as _};

/// Takes the packets of a reading.
pub(super) trait Consumer {
    /// Whether to go on.
    fn wants_more(&self) -> bool;
    /// The next packet may have to be waited for.
    fn before_wait(&mut self);
    /// One packet; its number counts over all files.
    fn packet(&mut self, packet: &Packet<'_>);
}

/// Files by name, `-` for the standard input.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    paths: &'a [PathBuf],
    /// The standard input, copied into a file because it has to be read twice.
    spooled: Option<File>,
}

/// How a reading ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The source, where there was only one: it says more of itself.
    pub(super) only: Option<CaptureFile<ReadAhead>>,
    /// Why the first file that ended early did, in words.
    pub(super) ended_early: Option<String>,
    /// The same as a failure.
    pub(super) failure: Option<Failure>,
}

impl<'a> Inputs<'a> {
    pub(super) const fn new(paths: &'a [PathBuf]) -> Self {
        Self { paths, spooled: None }
    }

    /// The names, which views make harmless themselves.
    pub(super) fn name(&self) -> String {
        let names: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
        names.join(", ")
    }

    /// Copies the standard input, if it is asked for, into a temporary file, so that it can be read more than once.
    pub(super) fn spool(&mut self) -> Result<(), Failure> {
        if !self.paths.iter().any(|path| path == Path::new("-")) {
            return Ok(());
        }
        let cannot = |error: io::Error| {
            let why = format!("cannot keep the pipe for a second reading: {}; save it to a file first", words(&error));
            Failure::new(Failure::INPUT, why)
        };
        let mut file = tempfile::tempfile().map_err(cannot)?;
        io::copy(&mut piped()?, &mut file).map_err(cannot)?;
        self.spooled = Some(file);
        Ok(())
    }

    /// Opens one of the files.
    pub(super) fn open(&self, place: usize) -> Result<CaptureFile<ReadAhead>, Failure> {
        let path = self.paths.get(place).map_or(Path::new("-"), PathBuf::as_path);
        let name = named(path);
        let input = self.input(path, &name)?;
        let input = ReadAhead::new(input).map_err(|error| {
            Failure::new(Failure::INPUT, format!("cannot read {name}: no thread for it: {error}; end other programs"))
        })?;
        CaptureFile::open(input).map_err(|error| failure(&name, &error))
    }

    fn input(&self, path: &Path, name: &str) -> Result<Box<dyn Read + Send>, Failure> {
        let cannot = |why: String| {
            Failure::new(Failure::INPUT, format!("cannot read {name}: {why}; check the name and the permissions"))
        };
        if path != Path::new("-") {
            let file = File::open(path).map_err(|error| cannot(words(&error)))?;
            if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                return Err(cannot("it is a directory".into()));
            }
            return Ok(Box::new(file));
        }
        match &self.spooled {
            None => Ok(Box::new(piped()?)),
            Some(file) => {
                let mut file = file.try_clone().map_err(|error| cannot(words(&error)))?;
                file.seek(SeekFrom::Start(0)).map_err(|error| cannot(words(&error)))?;
                Ok(Box::new(file))
            }
        }
    }

    /// Reads all files, the first of which is open. One that ends early or cannot be opened does not keep the others from being read.
    pub(super) fn read(&self, first: CaptureFile<ReadAhead>, consumer: &mut impl Consumer) -> Outcome {
        let mut read = Outcome::default();
        let mut before = 0_u64;
        let mut source = Some(first);
        for (place, path) in self.paths.iter().enumerate() {
            let opened = source.take().map_or_else(|| self.open(place), Ok);
            let mut source = match opened {
                Ok(source) => source,
                Err(failure) => {
                    read.fail(failure.message.clone().unwrap_or_default(), failure);
                    continue;
                }
            };
            if let Err(error) = drain(&mut source, before, consumer) {
                let name = named(path);
                read.fail(error.to_string(), failure(&name, &error));
            }
            before = before.saturating_add(source.facts().packets);
            if self.paths.len() > 1 {
                warn(path, source.facts());
            }
            read.only = (self.paths.len() == 1).then_some(source);
            if !consumer.wants_more() {
                break;
            }
        }
        read
    }
}

impl Outcome {
    /// Keeps the first failure.
    fn fail(&mut self, why: String, failure: Failure) {
        self.ended_early.get_or_insert(why);
        self.failure.get_or_insert(failure);
    }
}

/// Hands on every packet of one file, `before` packets after the first of all.
fn drain(source: &mut CaptureFile<ReadAhead>, before: u64, consumer: &mut impl Consumer) -> Result<(), Error> {
    while consumer.wants_more() {
        let packet = match source.arrived_packet() {
            Some(packet) => packet,
            None => {
                if source.may_block() {
                    consumer.before_wait();
                }
                let Some(packet) = source.next_packet()? else { break };
                packet
            }
        };
        let number = packet.number.saturating_add(before);
        consumer.packet(&Packet { number, ..packet });
    }
    Ok(())
}

/// What one of several captures says of itself that must not be lost.
fn warn(path: &Path, facts: &Facts) {
    let name = named(path);
    if facts.dropped() > 0 {
        eprintln!(
            "framescope: warning: {name} says that {} packets were dropped when it was captured",
            facts.dropped()
        );
    }
    if facts.faults_total > 0 {
        eprintln!("framescope: warning: {name}: {} blocks could not be used and were passed over", facts.faults_total);
    }
}

/// The standard input, unless nothing but typing could come from it.
fn piped() -> Result<io::Stdin, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let why =
            "cannot read standard input: it is a terminal; pipe a capture into it: tcpdump -w - | framescope decode -";
        return Err(Failure::new(Failure::INPUT, why));
    }
    Ok(stdin)
}

/// What a file is called in a message.
fn named(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { shown(&path.display().to_string()) }
}

fn failure(name: &str, error: &Error) -> Failure {
    let code = if error.is_truncation() { Failure::TRUNCATED } else { Failure::INPUT };
    Failure::new(code, format!("{name}: {}", shown(&error.to_string())))
}
