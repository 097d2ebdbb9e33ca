//! The schema of a method, asked of the server itself: server reflection, v1 or else v1alpha.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::stranger::FirstOctets;
use super::{advice, method, status};
use crate::command::drive::clock::Clock;
use crate::command::drive::dialler::Sockets;
use crate::command::{Failure, shown};
use crate::endpoint::Dialler as _;
use crate::endpoint::channel::{Channel, Config, Event, Target};
use crate::endpoint::client::{Ending, Request};
use crate::endpoint::services::builtin_schema;
use crate::grpc::status::Status;
use crate::protobuf::encode::Encoder;
use crate::protobuf::schema::{FileKind, Files, Inputs, Schema};
use crate::protobuf::wire::{Reader, WireType};

/// The schema that the server tells of a method, and the method's path. It has a connection of its own.
pub(super) async fn ask(
    target: &Target,
    config: &Config,
    wanted: &str,
    deadline: Option<Duration>,
    clock: Clock,
) -> Result<(Schema, String), Failure> {
    let patience = deadline.map_or(PATIENCE, |deadline| deadline.min(PATIENCE));
    let mut channel = Channel::new(target, config.clone());
    let mut sockets = Sockets::new(clock);
    let first = FirstOctets::default();
    sockets.watch(first.clone());
    channel.begin(clock.now());
    let mut outcome = talk(&mut channel, &mut sockets, (clock, patience), "v1", Asking::new(wanted)).await;
    if matches!(&outcome, Err(Asked::No(ending)) if ending.status == Status::UNIMPLEMENTED) {
        outcome = talk(&mut channel, &mut sockets, (clock, patience), "v1alpha", Asking::new(wanted)).await;
    }
    channel.close_gracefully(clock.now());
    let closing = async {
        while sockets.settle(&mut channel) {
            while channel.poll_event().is_some() {}
            sockets.turn(&mut channel).await;
        }
    };
    let _ = tokio::time::timeout(LEAVE, closing).await;
    let files = outcome.map_err(|asked| match asked {
        Asked::Wrong(failure) => failure,
        Asked::No(ending) if ending.status == Status::UNIMPLEMENTED => Failure::new(
            Failure::SCHEMA,
            "the server does not tell its methods (no server reflection); give its files with --proto or --descriptor-set",
        ),
        Asked::No(ending) => {
            let failure = status(ending.status, &first.explain(&ending.message));
            let why = failure.message.unwrap_or_default();
            let advice = if ending.from_server { "" } else { advice(ending.status) };
            Failure::new(failure.code, format!("the server could not be asked for its methods: {why}{advice}"))
        }
    })?;
    let inputs = Inputs { descriptor_sets: vec![PathBuf::from(NAME)], ..Inputs::default() };
    let (schema, _) = Schema::load(&inputs, &Reflected(set(&files)))
        .map_err(|error| Failure::new(Failure::SCHEMA, shown(&error.to_string())))?;
    let path = method::find(wanted, schema.methods().map(|method| &*method.path))?;
    Ok((schema, path))
}

/// Why there is no schema.
enum Asked {
    /// The server has not answered.
    No(Ending),
    /// Its answer is of no use.
    Wrong(Failure),
}

async fn talk(
    channel: &mut Channel,
    sockets: &mut Sockets,
    (clock, patience): (Clock, Duration),
    version: &str,
    mut asking: Asking,
) -> Result<BTreeMap<String, Vec<u8>>, Asked> {
    let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
    let timeout = Some(patience.as_nanos().try_into().unwrap_or(u64::MAX));
    let ticket = channel.call(clock.now(), Request { path, timeout, ..Request::default() });
    channel.send(ticket, &asking.question());
    loop {
        sockets.settle(channel);
        match channel.poll_event() {
            Some(Event::Message { octets, .. }) => {
                if asking.answer(&octets).map_err(Asked::Wrong)? {
                    channel.finish(ticket);
                    return Ok(asking.files);
                }
                channel.send(ticket, &asking.question());
            }
            Some(Event::Ended { ending, .. }) => return Err(Asked::No(ending)),
            Some(_) => {}
            None => sockets.turn(channel).await,
        }
    }
}

/// How long the server may take to tell, unless the call is to take less.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long taking leave may take; the call does not wait for more.
const LEAVE: Duration = Duration::from_millis(200);
/// Octets of descriptors that are taken.
const MOST_OCTETS: usize = 32 << 20;

/// The conversation.
struct Asking {
    encoder: Encoder,
    wanted: String,
    next: Question,
    files: BTreeMap<String, Vec<u8>>,
    /// Imports that were not there, so that none is asked for twice.
    asked: BTreeSet<String>,
    octets: usize,
}

/// What is asked next.
enum Question {
    Services,
    Symbol(String),
    File(String),
}

impl Asking {
    fn new(wanted: &str) -> Self {
        Self {
            encoder: Encoder::new(&builtin_schema()),
            wanted: wanted.to_owned(),
            next: Question::Services,
            files: BTreeMap::new(),
            asked: BTreeSet::new(),
            octets: 0,
        }
    }

    /// The messages of both versions are the same.
    fn question(&self) -> Vec<u8> {
        let (field, text) = match &self.next {
            Question::Services => ("list_services", "*"),
            Question::Symbol(name) => ("file_containing_symbol", name.as_str()),
            Question::File(name) => ("file_by_filename", name.as_str()),
        };
        let json = serde_json::Value::Object([(field.to_owned(), text.into())].into_iter().collect());
        self.encoder.encode("grpc.reflection.v1.ServerReflectionRequest", &json.to_string()).unwrap_or_default()
    }

    /// Takes an answer; whether everything is known now.
    fn answer(&mut self, octets: &[u8]) -> Result<bool, Failure> {
        let field = |number| part(octets, number).next();
        if let Some(error) = field(7) {
            let message = String::from_utf8_lossy(part(error, 2).next().unwrap_or_default()).into_owned();
            match &self.next {
                // Some servers do not tell the files of well-known types; they are built in here.
                Question::File(_) => {}
                Question::Services => return Err(useless(&format!("it cannot list its services: {message}"))),
                Question::Symbol(name) => return Err(useless(&format!("{name}: {message}"))),
            }
        }
        if let Some(list) = field(6) {
            let names: Vec<String> = part(list, 1)
                .filter_map(|service| part(service, 1).next())
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect();
            self.next = Question::Symbol(method::find_service(&self.wanted, &names)?.to_owned());
            return Ok(false);
        }
        if let Some(response) = field(4) {
            for file in part(response, 1) {
                self.octets = self.octets.saturating_add(file.len());
                if self.octets > MOST_OCTETS {
                    return Err(useless("it has more to tell than 32 MiB"));
                }
                let name = String::from_utf8_lossy(part(file, 1).next().unwrap_or_default()).into_owned();
                self.files.entry(name).or_insert_with(|| file.to_vec());
            }
        } else if field(7).is_none() {
            return Err(useless("its answer is none that was asked for"));
        }
        let missing = self.files.values().flat_map(|file| part(file, 3)).find_map(|import| {
            let import = String::from_utf8_lossy(import).into_owned();
            (!self.files.contains_key(&import) && !self.asked.contains(&import)).then_some(import)
        });
        Ok(match missing {
            None => true,
            Some(import) => {
                self.asked.insert(import.clone());
                self.next = Question::File(import);
                false
            }
        })
    }
}

fn useless(why: &str) -> Failure {
    let why = shown(why);
    Failure::new(Failure::SCHEMA, format!("the server does not tell its methods: {why}; give its files with --proto"))
}

/// The values of a field with octets; those before any damage.
fn part(octets: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(octets);
    std::iter::from_fn(move || {
        loop {
            let record = reader.record().ok()??;
            if record.number == number && record.wire == WireType::Len {
                return octets.get(record.value_range());
            }
        }
    })
}

/// The files as a `FileDescriptorSet`.
fn set(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut set = Vec::new();
    for file in files.values() {
        set.push(1 << 3 | 2);
        let mut length = file.len();
        while length >= 0x80 {
            set.push(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
            length >>= 7;
        }
        set.push(u8::try_from(length).unwrap_or(0));
        set.extend_from_slice(file);
    }
    set
}

/// What the schema is called in messages about it.
const NAME: &str = "server reflection";

/// One file that is in no file system.
struct Reflected(Vec<u8>);

impl Files for Reflected {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        (path == Path::new(NAME)).then_some(FileKind::File)
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(NAME) { Ok(self.0.clone()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}
