//! Many calls of a channel on sockets; each answer must be the one to its own request.

use std::collections::HashMap;
use std::time::Duration;

use framescope::command::drive::clock::Clock;
use framescope::command::drive::{self, dialler};
use framescope::endpoint::channel::{Channel, Config, Event, Target};
use framescope::endpoint::client::{Request, Ticket};
use framescope::endpoint::fields::Fields;
use framescope::endpoint::{ConnectionId, Dialler, News, Order};
use framescope::grpc::status::Status;
use framescope::time::Timestamp;

struct Many {
    channel: Channel,
    metadata: Fields,
    at_once: usize,
    to_begin: u32,
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
    let mut many =
        Many { channel, metadata, at_once, to_begin: calls, expected: HashMap::new(), answered: 0, ended: 0 };
    drive::block_on(async {
        let running = dialler::run(&mut many, Clock::new());
        tokio::time::timeout(Duration::from_secs(180), running).await.expect("all calls end");
    })
    .expect("a runtime");
    assert_eq!((many.answered, many.ended), (calls, calls));
}

impl Many {
    fn follow(&mut self, now: Timestamp) {
        loop {
            while self.to_begin > 0 && self.channel.calls() < self.at_once {
                let message = message(self.to_begin);
                self.to_begin -= 1;
                let path = "/framescope.Echo/Unary".to_owned();
                let request = Request { path, metadata: self.metadata.clone(), ..Request::default() };
                let ticket = self.channel.call(now, request);
                self.channel.send_last(ticket, &message);
                self.expected.insert(ticket, message);
            }
            match self.channel.poll_event() {
                None => break,
                Some(Event::Message { ticket, octets }) => {
                    assert_eq!(self.expected.remove(&ticket), Some(octets));
                    self.answered += 1;
                }
                Some(Event::Ended { ending, .. }) => {
                    assert_eq!(ending.status, Status::OK, "{}", ending.message);
                    self.ended += 1;
                }
                Some(_) => {}
            }
        }
        if self.to_begin == 0 && self.channel.calls() == 0 {
            self.channel.close(now);
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

impl Dialler for Many {
    fn begin(&mut self, now: Timestamp) {
        self.channel.begin(now);
        self.follow(now);
    }
    fn handle_news(&mut self, now: Timestamp, news: News) {
        self.channel.handle_news(now, news);
        self.follow(now);
    }
    fn handle_timeout(&mut self, now: Timestamp) {
        self.channel.handle_timeout(now);
        self.follow(now);
    }
    fn poll_timeout(&self) -> Option<Timestamp> {
        self.channel.poll_timeout()
    }
    fn poll_order(&mut self) -> Option<Order> {
        self.channel.poll_order()
    }
    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        self.channel.poll_transmit(connection, out);
    }
    fn is_finished(&self) -> bool {
        self.to_begin == 0 && self.channel.is_finished()
    }
}
