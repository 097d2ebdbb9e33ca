//! Health checking, `grpc.health.v1` (gRPC `health-checking.md`): how each service is, asked for once or watched.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::handler::{Answers, Call, Method};
use super::message::{int_field, len_field, string_field, text};
use crate::endpoint::fields::Fields;
use crate::grpc::status::Status;
use crate::time::Timestamp;

/// How a service is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServingStatus {
    /// It answers.
    Serving,
    /// It does not, or not for long.
    NotServing,
    /// There is no such service; said to those who watch it.
    ServiceUnknown,
}

impl ServingStatus {
    const fn number(self) -> i64 {
        match self {
            Self::Serving => 1,
            Self::NotServing => 2,
            Self::ServiceUnknown => 3,
        }
    }
}

/// The statuses by service; `""` is the server.
#[derive(Debug)]
pub(super) struct Statuses(Mutex<Known>);

#[derive(Debug)]
struct Known {
    by_service: BTreeMap<String, ServingStatus>,
    is_shut_down: bool,
}

impl Default for Statuses {
    fn default() -> Self {
        let by_service = [(String::new(), ServingStatus::Serving)].into();
        Self(Mutex::new(Known { by_service, is_shut_down: false }))
    }
}

impl Statuses {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, service: &str, status: ServingStatus) {
        self.known().by_service.insert(service.to_owned(), status);
    }

    pub(super) fn shut_down(&self) {
        let mut known = self.known();
        known.is_shut_down = true;
        known.by_service.values_mut().for_each(|status| *status = ServingStatus::NotServing);
    }

    fn of(&self, service: &str) -> Option<ServingStatus> {
        self.known().by_service.get(service).copied()
    }
}

/// One of the three methods.
#[derive(Clone, Debug)]
pub(super) struct Health {
    which: Which,
    statuses: Arc<Statuses>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Which {
    Check,
    List,
    Watch,
}

impl Health {
    /// The methods by path.
    pub(super) fn all(statuses: &Arc<Statuses>) -> [(&'static str, Self); 3] {
        let method = |which| Self { which, statuses: Arc::clone(statuses) };
        [
            ("/grpc.health.v1.Health/Check", method(Which::Check)),
            ("/grpc.health.v1.Health/List", method(Which::List)),
            ("/grpc.health.v1.Health/Watch", method(Which::Watch)),
        ]
    }
}

impl Method for Health {
    fn call(&self, _metadata: &Fields) -> Box<dyn Call> {
        Box::new(Asking { health: self.clone(), watched: None })
    }
}

#[derive(Debug)]
struct Asking {
    health: Health,
    /// The service that is watched, and what was said of it last.
    watched: Option<(String, ServingStatus)>,
}

impl Call for Asking {
    fn message(&mut self, now: Timestamp, octets: Vec<u8>, answers: &mut Answers) {
        let Some(service) = text(&octets, 1) else {
            return answers.fail(now, Status::INTERNAL, "the request cannot be read as its type");
        };
        let status = self.health.statuses.of(&service);
        match (self.health.which, status) {
            (Which::Check, None) => answers.fail(now, Status::NOT_FOUND, "unknown service"),
            (Which::Check, Some(status)) => {
                answers.message(now, response(status));
                answers.ok(now);
            }
            (Which::List, _) => {
                answers.message(now, self.list());
                answers.ok(now);
            }
            (Which::Watch, status) => {
                let status = status.unwrap_or(ServingStatus::ServiceUnknown);
                answers.message(now, response(status));
                self.watched = Some((service, status));
                self.end_with_the_server(now, answers);
            }
        }
    }

    fn woken(&mut self, now: Timestamp, answers: &mut Answers) {
        if let Some((service, said)) = &mut self.watched {
            let status = self.health.statuses.of(service).unwrap_or(ServingStatus::ServiceUnknown);
            if std::mem::replace(said, status) != status {
                answers.message(now, response(status));
            }
            self.end_with_the_server(now, answers);
        }
    }
}

impl Asking {
    /// Whoever watches would keep a server from ever stopping gracefully.
    fn end_with_the_server(&self, now: Timestamp, answers: &mut Answers) {
        if self.health.statuses.known().is_shut_down {
            answers.fail(now, Status::UNAVAILABLE, "the server is stopping");
        }
    }

    fn list(&self) -> Vec<u8> {
        let known = self.health.statuses.known();
        let entry = |(service, status): (&String, &ServingStatus)| {
            len_field(1, &[string_field(1, service), len_field(2, &response(*status))].concat())
        };
        known.by_service.iter().flat_map(entry).collect()
    }
}

fn response(status: ServingStatus) -> Vec<u8> {
    int_field(1, status.number())
}
