//! A client and a server without a link between them, and schemas out of texts.

use std::sync::Arc;

use framescope::endpoint::Peer;
use framescope::endpoint::client::{Client, Ending, Event, Request, Ticket};
use framescope::endpoint::connection::Config;
use framescope::endpoint::fields::Fields;
use framescope::endpoint::services::{Canned, Services, Serving};
use framescope::grpc::status::Status;
use framescope::protobuf::encode::Encoder;
use framescope::protobuf::schema::Schema;
use framescope::time::Timestamp;

pub(crate) use crate::texts::schema;

pub(crate) const SHOP: &str = r#"syntax = "proto3";
package shop;
message Item { string name = 1; int32 count = 2; }
message Order { Item item = 1; }
service Shop {
  rpc Get(Order) returns (Item);
  rpc List(Order) returns (stream Item);
  rpc Put(stream Order) returns (Item);
  rpc Talk(stream Order) returns (stream Item);
  rpc Same(Item) returns (Item);
}
"#;

pub(crate) fn shop() -> Schema {
    schema(&[("shop.proto", SHOP)])
}

/// The built-in services and those of the schema, with canned answers.
pub(crate) fn services(schema: &Schema, answers: &[(&str, &str)]) -> Services {
    let encoder = Encoder::new(schema);
    let mut services = Services::new(schema, &encoder, true);
    for (path, json) in answers {
        let canned = Canned::parse(schema, &encoder, schema.method(path).unwrap(), json).unwrap();
        assert!(services.answer(path, Arc::new(canned)));
    }
    services
}

/// A client and a server, and the time.
pub(crate) struct Pair {
    pub(crate) client: Client,
    pub(crate) server: Serving,
    pub(crate) now: Timestamp,
    pub(crate) told: Vec<(Timestamp, Event)>,
}

impl Pair {
    pub(crate) fn new(services: Services) -> Self {
        Self::sharing(&Arc::new(services))
    }

    pub(crate) fn sharing(services: &Arc<Services>) -> Self {
        let mut server = Serving::new(Arc::clone(services), Config::default());
        let now = Timestamp::from_nanos(0);
        server.begin(now);
        Self { client: Client::new(Config::default(), "test"), server, now, told: Vec::new() }
    }

    pub(crate) fn call(&mut self, path: &str, metadata: &[(&str, &str)], messages: &[&[u8]]) -> Ticket {
        let ticket = self.open(path, metadata);
        for message in messages {
            self.client.send(ticket, message);
        }
        self.client.finish(ticket);
        ticket
    }

    /// A call whose requests follow.
    pub(crate) fn open(&mut self, path: &str, metadata: &[(&str, &str)]) -> Ticket {
        let mut fields = Fields::default();
        for (name, value) in metadata {
            fields.push(*name, *value);
        }
        self.client.call(self.now, Request { path: path.to_owned(), metadata: fields, ..Request::default() })
    }

    /// Lets them talk until nothing more is said, without time passing.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100_000 {
            let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
            self.client.poll_transmit(&mut to_server);
            if !to_server.is_empty() {
                self.server.handle_octets(self.now, &to_server);
            }
            self.server.poll_transmit(&mut to_client);
            if !to_client.is_empty() {
                self.client.handle_octets(self.now, &to_client);
            }
            while let Some(event) = self.client.poll_event() {
                self.told.push((self.now, event));
            }
            if to_server.is_empty() && to_client.is_empty() {
                return;
            }
        }
        panic!("they do not come to an end");
    }

    /// Lets them talk for so many milliseconds.
    pub(crate) fn run(&mut self, millis: i64) {
        let end = self.now.saturating_add_nanos(millis * 1_000_000);
        loop {
            self.settle();
            let next = self.server.poll_timeout().filter(|time| *time <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            self.server.handle_timeout(self.now);
        }
        self.now = end;
        self.settle();
    }

    /// The answers to a call, with the milliseconds at which they came.
    pub(crate) fn answers(&self, ticket: Ticket) -> Vec<(i64, Vec<u8>)> {
        let answer = |(time, event): &(Timestamp, Event)| match event {
            Event::Message { ticket: of, octets } if *of == ticket => {
                Some((time.as_nanos() / 1_000_000, octets.clone()))
            }
            _ => None,
        };
        self.told.iter().filter_map(answer).collect()
    }

    pub(crate) fn messages(&self, ticket: Ticket) -> Vec<Vec<u8>> {
        self.answers(ticket).into_iter().map(|(_, octets)| octets).collect()
    }

    pub(crate) fn headers(&self, ticket: Ticket) -> Option<Fields> {
        self.told.iter().find_map(|(_, event)| match event {
            Event::Begun { ticket: of, metadata } if *of == ticket => Some(metadata.clone()),
            _ => None,
        })
    }

    pub(crate) fn ending(&self, ticket: Ticket) -> Option<Ending> {
        self.told.iter().find_map(|(_, event)| match event {
            Event::Ended { ticket: of, ending } if *of == ticket => Some(ending.clone()),
            _ => None,
        })
    }

    /// Status and message.
    pub(crate) fn ended(&self, ticket: Ticket) -> (Status, String) {
        let ending = self.ending(ticket).expect("the call has ended");
        (ending.status, ending.message)
    }
}

/// The status of success.
pub(crate) fn ok() -> (Status, String) {
    (Status::OK, String::new())
}
