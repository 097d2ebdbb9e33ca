//! Server reflection, `grpc.reflection.v1` and `v1alpha` (gRPC `server-reflection.md`), as grpc-go answers it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::handler::{Answers, Call, Method};
use super::message::{field, int_field, len_field, string_field, text, varint};
use crate::endpoint::fields::Fields;
use crate::grpc::status::Status;
use crate::protobuf::catalog::Catalog;
use crate::protobuf::wire::{Reader, WireType};
use crate::time::Timestamp;

/// Both versions have the same messages.
pub(super) const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The method.
#[derive(Clone, Debug)]
pub(super) struct Reflection {
    pub(super) catalog: Arc<Catalog>,
    /// The names of all services, in alphabetical order.
    pub(super) services: Arc<[String]>,
}

impl Method for Reflection {
    fn call(&self, _metadata: &Fields) -> Box<dyn Call> {
        Box::new(Reflecting { reflection: self.clone(), sent: BTreeSet::new() })
    }
}

#[derive(Debug)]
struct Reflecting {
    reflection: Reflection,
    /// Files that this call has sent: imports are sent once.
    sent: BTreeSet<String>,
}

impl Call for Reflecting {
    fn message(&mut self, now: Timestamp, octets: Vec<u8>, answers: &mut Answers) {
        let unreadable = "the request cannot be read as its type";
        let Ok(question) = Question::read(&octets) else {
            return answers.fail(now, Status::INTERNAL, unreadable);
        };
        let Some((question, host)) = question.zip(text(&octets, 1)) else {
            return answers.fail(now, Status::INVALID_ARGUMENT, "the request asks for nothing that is known here");
        };
        let answer = self.answer(&question).unwrap_or_else(|words| {
            let error = [int_field(1, Status::NOT_FOUND.0.into()), string_field(2, &words)].concat();
            len_field(7, &error)
        });
        answers.message(now, [string_field(1, &host), len_field(2, &octets), answer].concat());
    }

    fn finished(&mut self, now: Timestamp, answers: &mut Answers) {
        answers.ok(now);
    }
}

/// What is asked for.
enum Question {
    File(String),
    Symbol(String),
    Extension(String, i32),
    ExtensionNumbers(String),
    Services,
}

impl Question {
    /// The last one of a request, as of any oneof; `None` if there is none.
    fn read(octets: &[u8]) -> Result<Option<Self>, ()> {
        let mut reader = Reader::new(octets);
        let mut question = None;
        while let Some(record) = reader.record().map_err(|_| ())? {
            let value = octets.get(record.value_range()).unwrap_or_default();
            if record.wire != WireType::Len {
                continue;
            }
            let name = || std::str::from_utf8(value).map(str::to_owned).map_err(|_| ());
            question = Some(match record.number {
                3 => Self::File(name()?),
                4 => Self::Symbol(name()?),
                5 => {
                    let number = field(value, 2, WireType::Varint).map_or(0, |(bits, _)| bits as u32 as i32);
                    Self::Extension(text(value, 1).ok_or(())?, number)
                }
                6 => Self::ExtensionNumbers(name()?),
                7 => Self::Services,
                _ => continue,
            });
        }
        Ok(question)
    }
}

impl Reflecting {
    /// The field of the answer, or what was not found.
    fn answer(&mut self, question: &Question) -> Result<Vec<u8>, String> {
        let catalog = Arc::clone(&self.reflection.catalog);
        match question {
            Question::File(name) => self.files(Some(name)).ok_or_else(|| format!("no file is called {name:?}")),
            Question::Symbol(symbol) => {
                self.files(catalog.defining(symbol)).ok_or_else(|| format!("no file defines {symbol:?}"))
            }
            Question::Extension(message, number) => self
                .files(catalog.extending(message, *number))
                .ok_or_else(|| format!("no file extends {message:?} with a field {number}")),
            Question::ExtensionNumbers(message) => {
                let numbers = catalog.extensions(message).ok_or_else(|| format!("no file defines {message:?}"))?;
                let mut packed = Vec::new();
                numbers.iter().for_each(|number| varint(i64::from(*number) as u64, &mut packed));
                let packed = if packed.is_empty() { packed } else { len_field(2, &packed) };
                Ok(len_field(5, &[string_field(1, message), packed].concat()))
            }
            Question::Services => {
                let service = |name: &String| len_field(1, &string_field(1, name));
                Ok(len_field(6, &self.reflection.services.iter().flat_map(service).collect::<Vec<u8>>()))
            }
        }
    }

    fn files(&mut self, name: Option<&str>) -> Option<Vec<u8>> {
        let files = self.reflection.catalog.with_imports(name?, &mut self.sent)?;
        Some(len_field(4, &files.into_iter().flat_map(|octets| len_field(1, octets)).collect::<Vec<u8>>()))
    }
}
