//! The services that a server offers: methods by path, what answers each, and what is said of those that are not there.
//!
//! All connections share one [`Services`]; each has its own [`Serving`]. Nothing here knows of sockets or files.

mod builtin;
mod canned;
mod echo;
pub mod handler;
mod health;
pub(in crate::endpoint) mod message;
mod reflection;
mod script;
mod serving;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use builtin::schema as builtin_schema;
pub use canned::Canned;
pub use health::ServingStatus;
pub use script::ScriptError;
pub use serving::Serving;

use self::echo::Echo;
use self::handler::{Answers, Call, Method};
use self::health::{Health, Statuses};
use self::reflection::Reflection;
use super::example::Four;
use super::fields::Fields;
use crate::grpc::path::MethodPath;
use crate::grpc::status::Status;
use crate::protobuf::catalog::Catalog;
use crate::protobuf::encode::Encoder;
use crate::protobuf::schema::{MethodInfo, Schema};
use crate::time::Timestamp;

/// Every service and method.
#[derive(Debug, Default)]
pub struct Services {
    methods: HashMap<Box<str>, Entry>,
    names: BTreeSet<Box<str>>,
    /// Whether answers are packed with gzip where the client takes them so.
    pub gzip: bool,
    health: Arc<Statuses>,
    changes: AtomicU64,
    is_shut_down: AtomicBool,
}

/// A method.
#[derive(Debug)]
pub(super) struct Entry {
    /// Whether the client sends one message.
    pub(super) takes_one: bool,
    pub(super) handler: Arc<dyn Method>,
}

impl Services {
    /// The four methods of `proto/`, and nothing else.
    #[must_use]
    pub fn example() -> Self {
        let mut services = Self::default();
        for (path, method) in Four::ALL {
            let takes_one = matches!(method, Four::Search | Four::List);
            services.enter(path, takes_one, Arc::new(method));
        }
        services
    }

    /// The services of a schema, and those that are built in: the four methods of `proto/`, `framescope.Echo`, health
    /// checking, and server reflection if that is wanted. A definition of the schema comes before a built-in one.
    #[must_use]
    pub fn new(schema: &Schema, encoder: &Encoder, with_reflection: bool) -> Self {
        let built_in = builtin::schema();
        let mut services = Self::default();
        let wanted = |method: &&MethodInfo| with_reflection || !method.service.starts_with("grpc.reflection.");
        for method in schema.methods().chain(built_in.methods().filter(wanted)) {
            if !services.methods.contains_key(&method.path) {
                services.enter(&method.path, !method.client_streaming, usual(method));
            }
        }
        services.answer_example(schema);
        services.answer_health();
        if with_reflection {
            let mut catalog = Catalog::default();
            catalog.add(schema, encoder);
            catalog.add(&built_in, &Encoder::new(&built_in));
            services.answer_reflection(catalog);
        }
        services
    }

    /// Answers a method by `handler` instead of what answered it; whether there is such a method.
    pub fn answer(&mut self, path: &str, handler: impl Method + 'static) -> bool {
        let entry = self.methods.get_mut(path);
        entry.map(|entry| entry.handler = Arc::new(handler)).is_some()
    }

    /// The names of all services, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Says how a service is, to whoever asks or watches; `""` is the whole server.
    pub fn set_status(&self, service: &str, status: ServingStatus) {
        if !self.is_shut_down() {
            self.health.set(service, status);
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says for good that no service serves any more.
    pub fn shut_down(&self) {
        if !self.is_shut_down.swap(true, Ordering::Relaxed) {
            self.health.shut_down();
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether [`shut_down`](Self::shut_down) was called.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Relaxed)
    }

    /// How often something that calls may watch has changed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The method of a path, or the words for UNIMPLEMENTED, as grpc-go says them.
    pub(super) fn find(&self, path: &str) -> Result<&Entry, String> {
        if let Some(entry) = self.methods.get(path) {
            return Ok(entry);
        }
        let Some(names) = MethodPath::split(path.as_bytes()) else {
            return Err(format!("malformed method name: {path:?}"));
        };
        let (service, method) = (String::from_utf8_lossy(names.service), String::from_utf8_lossy(names.method));
        Err(match self.names.contains(&*service) {
            true => format!("unknown method {method} for service {service}"),
            false => format!("unknown service {service}"),
        })
    }

    fn enter(&mut self, path: &str, takes_one: bool, handler: Arc<dyn Method>) {
        if let Some((service, _)) = path.strip_prefix('/').and_then(|path| path.rsplit_once('/')) {
            if self.names.insert(service.into()) {
                self.health.set(service, ServingStatus::Serving);
            }
            self.methods.insert(path.into(), Entry { takes_one, handler });
        }
    }

    /// The four methods are answered as the example does, unless the schema means something else by their names.
    fn answer_example(&mut self, schema: &Schema) {
        for (path, method) in Four::ALL {
            let types = |method: &MethodInfo| {
                [method.input, method.output].map(|id| id.map_or("", |id| schema.message_name(id)).to_owned())
            };
            let expected = match method {
                Four::Search => ["proto.SearchRequest", "proto.SearchResponse"],
                Four::List | Four::Record | Four::Route => ["proto.StreamRequest", "proto.StreamResponse"],
            };
            if schema.method(path).is_none_or(|method| types(method) == expected) {
                self.answer(path, method);
            }
        }
    }

    fn answer_health(&mut self) {
        for (path, method) in Health::all(&self.health) {
            self.answer(path, method);
        }
    }

    fn answer_reflection(&mut self, catalog: Catalog) {
        let catalog = Arc::new(catalog);
        let names: Arc<[String]> = self.names().map(str::to_owned).collect();
        for path in reflection::PATHS {
            self.answer(path, Reflection { catalog: Arc::clone(&catalog), services: Arc::clone(&names) });
        }
    }
}

/// What answers a method that nobody said anything about: an echo where that fits.
fn usual(method: &MethodInfo) -> Arc<dyn Method> {
    if method.input.is_some() && method.input == method.output {
        return Arc::new(Echo::of(method));
    }
    Arc::new(Unimplemented { words: format!("method {} not implemented", method.method) })
}

/// A method that is declared and nothing more.
#[derive(Debug)]
struct Unimplemented {
    words: String,
}

impl Method for Unimplemented {
    fn call(&self, _metadata: &Fields) -> Box<dyn Call> {
        Box::new(Refused { words: self.words.clone() })
    }
}

#[derive(Debug)]
struct Refused {
    words: String,
}

impl Call for Refused {
    fn begin(&mut self, now: Timestamp, answers: &mut Answers) {
        answers.fail(now, Status::UNIMPLEMENTED, std::mem::take(&mut self.words));
    }

    fn message(&mut self, _now: Timestamp, _octets: Vec<u8>, _answers: &mut Answers) {}
}
