//! The channel on the simulated network, where servers stop, fall silent and move: no call is lost that need not be.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use framescope::endpoint::channel::{Balancer, Channel, Config, Event, RetryPolicy, Target};
use framescope::endpoint::client::{Request, Ticket};
use framescope::endpoint::connection;
use framescope::endpoint::example::{Example, SEARCH, search_request};
use framescope::endpoint::keepalive::Keepalive;
use framescope::endpoint::world::simulate::{START, address, packets};
use framescope::endpoint::world::{Backend, Change, Cue, Diary, Moment, Stage};
use framescope::endpoint::{ConnectionId, Dialler, News, Order, Stop};
use framescope::time::Timestamp;

const MILLISECOND: i64 = 1_000_000;

/// A program that calls every ten milliseconds, closes its channel after the last answer, and writes down who answered.
struct Regular {
    channel: Channel,
    calls: u64,
    begun: u64,
    ended: u64,
    diary: Diary,
    /// Where the last attempt of each call went.
    places: Rc<RefCell<BTreeMap<Ticket, SocketAddr>>>,
}

impl Regular {
    fn next_call(&self) -> Option<Timestamp> {
        let nanos = i64::try_from(self.begun).unwrap() * 10 * MILLISECOND;
        (self.begun < self.calls).then(|| START.saturating_add_nanos(nanos))
    }

    fn follow(&mut self, now: Timestamp) {
        while self.next_call().is_some_and(|time| time <= now) {
            let ticket = self.channel.call(now, Request { path: SEARCH.to_owned(), ..Request::default() });
            self.channel.send_last(ticket, &search_request("gRPC"));
            self.begun += 1;
        }
        while let Some(event) = self.channel.poll_event() {
            match event {
                Event::Attempt { ticket, address, .. } => _ = self.places.borrow_mut().insert(ticket, address),
                Event::Ended { ticket, ending } => {
                    self.ended += 1;
                    self.diary.note(now, ticket.0, ending);
                }
                _ => {}
            }
        }
        if self.ended == self.calls {
            self.channel.close(now);
        }
    }
}

impl Dialler for Regular {
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
        self.next_call().into_iter().chain(self.channel.poll_timeout()).min()
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.channel.poll_order()
    }

    fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) {
        self.channel.poll_transmit(connection, out);
    }

    fn is_finished(&self) -> bool {
        self.ended == self.calls && self.channel.is_finished()
    }
}

/// How many calls each of three backends answered; all of them well.
fn play(config: Config, script: Vec<(i64, Change)>) -> [usize; 3] {
    let (diary, places) = (Diary::default(), Rc::default());
    let target = Target::parse("search.test:50051").unwrap();
    let channel = Channel::new(&target, config);
    let program = Regular { channel, calls: 100, begun: 0, ended: 0, diary: diary.clone(), places: Rc::clone(&places) };
    let backends = (0..3).map(|_| Backend::new(|| Example::new(connection::Config::default()))).collect();
    let mut stage = Stage::new(program, backends, diary.clone());
    stage.names.push(("search.test:50051".to_owned(), vec![0, 1, 2]));
    let cue = |nanos| Cue { moment: Moment::Begin, nanos };
    stage.script = script.into_iter().map(|(nanos, change)| (cue(nanos), change)).collect();
    let packets = packets(stage).unwrap();
    assert!(packets.len() > 400);
    let endings = diary.endings();
    assert_eq!(endings.len(), 100);
    for (call, ending) in endings {
        assert!(ending.from_server && ending.status.0 == 0, "call {call}: {ending:?}");
    }
    [0, 1, 2].map(|n| places.borrow().values().filter(|place| **place == SocketAddr::V4(address(n))).count())
}

#[test]
fn pick_first_and_round_robin_differ_in_who_answers() {
    assert_eq!(play(Config::default(), Vec::new()), [100, 0, 0]);
    let round_robin = Config { balancer: Balancer::RoundRobin, ..Config::default() };
    let [first, second, third] = play(round_robin, Vec::new());
    // The first call does not wait for all three.
    assert!([first, second, third].iter().all(|calls| (33..=34).contains(calls)), "{first} {second} {third}");
}

#[test]
fn a_server_that_stops_gracefully_loses_no_call() {
    for at in (100..110).map(|millis| millis * MILLISECOND + 37_000) {
        let script =
            vec![(at, Change::Stop(0, Stop::Gracefully)), (at + 300 * MILLISECOND, Change::Stop(1, Stop::Gracefully))];
        let [first, second, third] = play(Config::default(), script);
        assert!(first >= 10 && second >= 29 && third >= 55, "{first} {second} {third}");
    }
}

#[test]
fn what_a_server_that_stops_at_once_cuts_off_is_repeated_by_the_policy() {
    // In the middle of a call, which takes some half a millisecond.
    let at = 100 * MILLISECOND + 200_000;
    let config = Config { retry: Some(RetryPolicy::default()), ..Config::default() };
    let [first, second, third] = play(config, vec![(at, Change::Stop(0, Stop::AtOnce))]);
    assert_eq!([first, second, third], [10, 90, 0]);
}

#[test]
fn a_server_that_falls_silent_is_replaced() {
    let keepalive =
        Keepalive { time: Duration::from_millis(50), timeout: Duration::from_millis(20), permit_without_stream: false };
    let connection = connection::Config { keepalive: Some(keepalive), ..connection::Config::default() };
    let config = Config { connection, retry: Some(RetryPolicy::default()), ..Config::default() };
    let script = vec![(200 * MILLISECOND, Change::Silence(0)), (200 * MILLISECOND, Change::Refuse(0))];
    let [first, second, third] = play(config, script);
    assert_eq!([first, second, third], [20, 80, 0]);
}

#[test]
fn a_name_that_leads_elsewhere_is_followed() {
    let refresh = framescope::endpoint::channel::Refresh {
        interval: Some(Duration::from_millis(100)),
        at_most_every: Duration::from_millis(10),
    };
    let config = Config { balancer: Balancer::RoundRobin, refresh, ..Config::default() };
    let script = vec![
        (0, Change::Rename("search.test:50051".to_owned(), vec![0, 1])),
        (450 * MILLISECOND, Change::Rename("search.test:50051".to_owned(), vec![1, 2])),
    ];
    let [first, second, third] = play(config, script);
    assert!(second >= 45 && first >= 20 && third >= 20, "{first} {second} {third}");
}
