//! Many calls of a channel on sockets; each answer must be the one to its own request.

use std::collections::HashMap;
use std::time::Duration;

use framescope::command::drive::clock::Clock;
use framescope::command::drive::{self, dialler};
use framescope::endpoint::channel::{Channel, Config, Event, Target};
use framescope::endpoint::client::{Request, Ticket};
use framescope::endpoint::fields::Fields;
use framescope::grpc::status::Status;
use framescope::time::Timestamp;

use crate::batch::{Batch, Work};

/// Echoes that the server works on, each with a message of its own.
struct Echoes {
    metadata: Fields,
    /// What is to come back.
    expected: HashMap<Ticket, Vec<u8>>,
    answered: u32,
    ended: u32,
}

/// Makes so many calls, so many at once, each of which the server works on for so many milliseconds.
pub(crate) fn run(address: &str, calls: u32, at_once: usize, work: Option<u32>) {
    let mut metadata = Fields::default();
    if let Some(work) = work {
        metadata.push("work-ms", work.to_string());
    }
    let channel = Channel::new(&Target::parse(address).expect("an address"), Config::default());
    let work = Echoes { metadata, expected: HashMap::new(), answered: 0, ended: 0 };
    let mut batch = Batch::new(channel, calls, at_once, work);
    drive::block_on(async {
        let running = dialler::run(&mut batch, Clock::new());
        tokio::time::timeout(Duration::from_secs(180), running).await.expect("all calls end");
    })
    .expect("a runtime");
    assert_eq!((batch.work.answered, batch.work.ended), (calls, calls));
}

impl Work for Echoes {
    fn call(&mut self, channel: &mut Channel, now: Timestamp, to_follow: u32) {
        let message = message(to_follow + 1);
        let path = "/framescope.Echo/Unary".to_owned();
        let ticket = channel.call(now, Request { path, metadata: self.metadata.clone(), ..Request::default() });
        channel.send_last(ticket, &message);
        self.expected.insert(ticket, message);
    }
    fn event(&mut self, event: Event) {
        match event {
            Event::Message { ticket, octets } => {
                assert_eq!(self.expected.remove(&ticket), Some(octets));
                self.answered += 1;
            }
            Event::Ended { ending, .. } => {
                assert_eq!(ending.status, Status::OK, "{}", ending.message);
                self.ended += 1;
            }
            _ => {}
        }
    }
}

/// An EchoMessage that is like no other. No field has its default, so every implementation writes the same octets.
fn message(number: u32) -> Vec<u8> {
    let text = format!("call {number}");
    let payload = vec![number as u8; 1 + (number % 100) as usize];
    let mut octets = vec![0x0a, text.len() as u8];
    octets.extend(text.into_bytes());
    octets.extend([0x12, payload.len() as u8]);
    octets.extend(payload);
    // A number below 2^14, in two octets.
    octets.extend([0x18, 0x80 | number as u8, 1 + (number >> 7 & 0x3f) as u8]);
    octets
}
