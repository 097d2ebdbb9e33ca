//! Endpoints among hostile peers, with a virtual clock. The input: which endpoint and how it is configured (two octets), then
//! acts (an octet, and what it takes): octets, frames in and out of shape, calls, floods, time, deafness, ends.
//!
//! Whatever happens, nothing panics, memory stays within the bounds, timers that were served are not due again at the same
//! time, and an endpoint that is closed stays closed, asks for no time and has an end of what it sends.

mod channel;
mod talk;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use framescope::endpoint::bounds::Bounds;
use framescope::endpoint::client::{Client, Event, Request, Ticket};
use framescope::endpoint::compression::Compression;
use framescope::endpoint::connection::Config;
use framescope::endpoint::interceptor::{self, Deadline};
use framescope::endpoint::keepalive::{Enforcement, Keepalive};
use framescope::endpoint::lifetime::Lifetime;
use framescope::endpoint::services::{Services, Serving, builtin_schema};
use framescope::endpoint::{Peer, Stop};
use framescope::protobuf::encode::Encoder;
use framescope::time::Timestamp;

use self::talk::{Side, Talk};
use crate::Octets;

thread_local! {
    static SERVICES: RefCell<Option<Services>> = const { RefCell::new(None) };
}

/// Plays one input.
pub fn run(data: &[u8]) {
    let mut input = Octets(data);
    let which = input.octet();
    let how = input.octet();
    match which % 4 {
        0 | 1 => serving(&mut input, how),
        2 => client(&mut input, how),
        _ => channel::run(&mut input, how),
    }
}

/// Small bounds, so that they are reached; some of the lifetimes.
fn config(how: u8) -> Config {
    let second = Some(Duration::from_secs(1));
    let has = |bit: u8| how & bit != 0;
    Config {
        max_streams: 8,
        max_header_list: 8 << 10,
        estimate: !has(1),
        keepalive: has(2).then(|| Keepalive {
            time: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            permit_without_stream: has(1),
        }),
        enforcement: has(4).then(Enforcement::default),
        lifetime: Lifetime {
            handshake: second,
            max_idle: second.filter(|_| has(8)),
            max_age: second.filter(|_| has(16)),
            max_age_grace: second.filter(|_| has(32)),
            stall: second.filter(|_| has(64)),
        },
        bounds: Bounds {
            message: 64 << 10,
            unfinished: 512 << 10,
            header_block: 16 << 10,
            unfetched: 32 << 10,
            answers: 1 << 20,
            nuisances: 200,
            ..Bounds::default()
        },
        ..Config::default()
    }
}

/// What may be held within these bounds: windows, eight streams' header lists and messages, answers, tables, and what is
/// allocated ahead.
const MOST_HELD: usize = 8 << 20;
/// Timers that may be due one after the other at one time.
const MOST_TIMERS: usize = 16;
/// Octets that an endpoint may have to send at one time.
const MOST_SENT: usize = 32 << 20;

/// The clock, and what the peer does with what it is sent.
struct World {
    now: Timestamp,
    reads: bool,
    out: Vec<u8>,
}

impl World {
    fn new() -> Self {
        Self { now: Timestamp::from_nanos(1_000_000_000_000), reads: true, out: Vec::new() }
    }

    fn pass(&mut self, nanos: i64) {
        self.now = self.now.saturating_add_nanos(nanos);
    }

    /// Serves the timers that are due.
    fn timers(&mut self, peer: &mut dyn Peer) {
        for _ in 0..MOST_TIMERS {
            if peer.poll_timeout().is_none_or(|then| then > self.now) {
                return;
            }
            peer.handle_timeout(self.now);
        }
        panic!("a timer is due again and again");
    }

    /// Fetches what there is, as a driver does.
    fn fetch(&mut self, peer: &mut dyn Peer) {
        self.out.clear();
        loop {
            let before = self.out.len();
            peer.poll_transmit(&mut self.out);
            if self.out.len() == before {
                break;
            }
            assert!(self.out.len() < MOST_SENT, "an endpoint sends without end");
        }
        talk::assert_frames(&self.out);
    }

    /// Looks at a peer after each act.
    fn look(&mut self, peer: &mut dyn Peer) {
        self.timers(peer);
        if self.reads {
            self.fetch(peer);
            self.timers(peer);
        }
        if peer.is_finished() {
            assert_eq!(peer.poll_timeout(), None, "who has finished waits for nothing");
        }
    }

    /// Looks at a peer that was stopped at once.
    fn end(&mut self, peer: &mut dyn Peer) {
        assert!(peer.is_finished(), "who is stopped at once has finished");
        assert_eq!(peer.poll_timeout(), None, "who has finished waits for nothing");
        self.fetch(peer);
        peer.handle_octets(self.now, &[0; 64]);
        peer.handle_end(self.now);
        peer.handle_timeout(self.now);
        let before = self.out.len();
        peer.poll_transmit(&mut self.out);
        assert_eq!(self.out.len(), before, "who has finished says nothing more");
        assert!(peer.is_finished());
    }

    /// What any peer can meet; whether it was that.
    fn act(&mut self, act: u8, input: &mut Octets<'_>, talk: &mut Talk, peer: &mut dyn Peer) -> bool {
        match act % 16 {
            0..=6 => {
                let octets = talk.say(act % 16, input);
                self.hand(octets, input, peer);
            }
            7 => {
                let times = usize::from(input.short() % 2048);
                let octets = talk.again(times, input);
                self.hand(&octets, input, peer);
            }
            8 => self.pass(1_i64 << (input.octet() % 43)),
            9 => {
                if let Some(then) = peer.poll_timeout() {
                    self.now = self.now.max(then);
                }
            }
            10 => self.reads = !self.reads,
            11 => match input.octet() % 8 {
                0 => peer.stop(self.now, Stop::Gracefully),
                1 => peer.handle_end(self.now),
                _ => self.fetch(peer),
            },
            _ => return false,
        }
        self.look(peer);
        true
    }

    fn hand(&mut self, octets: &[u8], input: &mut Octets<'_>, peer: &mut dyn Peer) {
        // As a socket would: cut anywhere, never more than 64 KiB at once.
        let piece = match input.octet() % 8 {
            0 => 1 + octets.len() / 64,
            1 => 97,
            _ => 64 << 10,
        };
        for piece in octets.chunks(piece) {
            let was_finished = peer.is_finished();
            peer.handle_octets(self.now, piece);
            assert!(!was_finished || peer.is_finished(), "who has finished does not begin again");
        }
    }
}

fn serving(input: &mut Octets<'_>, how: u8) {
    let services = SERVICES.take().unwrap_or_else(|| {
        let schema = builtin_schema();
        Services::new(&schema, &Encoder::new(&schema), true)
    });
    let services = Arc::new(services);
    let names = if how & 128 == 0 { &["recovery", "logging", "deadline", "stamp"][..] } else { &[] };
    let deadline = Deadline { usual: None, longest: Some(Duration::from_secs(3600)) };
    let chain = interceptor::standard(names.iter().copied(), deadline).expect("there are these");
    let mut peer = Serving::new(Arc::clone(&services), config(how)).with_interceptors(chain);
    let (mut world, mut talk) = (World::new(), Talk::new(Side::Client));
    peer.begin(world.now);
    if input.octet() % 8 != 0 {
        peer.handle_octets(world.now, talk.preface());
    }
    while !input.is_empty() && !talk.is_tired() {
        let act = input.octet();
        world.act(act, input, &mut talk, &mut peer);
        while peer.poll_log().is_some() {}
        let held = peer.held_bytes();
        assert!(held < MOST_HELD, "a server holds {held} octets");
    }
    peer.give_up(world.now, "the end");
    world.end(&mut peer);
    assert_eq!(peer.calls(), 0, "the calls of a connection end with it");
    drop(peer);
    // Loading takes longer than most inputs; those that were shut down are not used again.
    SERVICES.set(Arc::into_inner(services).filter(|services| !services.is_shut_down()));
}

/// A client as a peer.
struct Calling {
    client: Client,
    deaf: bool,
    open: Vec<Ticket>,
}

impl Calling {
    fn listen(&mut self) {
        while !self.deaf
            && let Some(event) = self.client.poll_event()
        {
            let (Event::Begun { ticket, .. } | Event::Message { ticket, .. } | Event::Ended { ticket, .. }) = &event;
            let known = self.open.iter().position(|open| open == ticket);
            let place = known.expect("only of calls that have not ended there is something to say");
            if matches!(event, Event::Ended { .. }) {
                self.open.swap_remove(place);
            }
        }
    }
}

impl Peer for Calling {
    fn begin(&mut self, now: Timestamp) {
        self.client.begin(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.client.handle_octets(now, octets);
        self.listen();
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.client.handle_end(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.client.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.client.poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.client.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.client.is_closed()
    }

    fn stop(&mut self, now: Timestamp, how: Stop) {
        match how {
            Stop::Gracefully => self.client.close_gracefully(now),
            Stop::AtOnce => self.client.close(now),
        }
    }
}

fn client(input: &mut Octets<'_>, how: u8) {
    let client = Client::new(config(how), "fuzz.test");
    let mut peer = Calling { client, deaf: false, open: Vec::new() };
    let (mut world, mut talk) = (World::new(), Talk::new(Side::Server));
    peer.begin(world.now);
    let mut asked = 0;
    while !input.is_empty() && !talk.is_tired() {
        let act = input.octet();
        if !world.act(act, input, &mut talk, &mut peer) {
            match act % 16 {
                12 | 13 if asked < 64 && !peer.client.is_closed() => {
                    asked += 1;
                    let ticket = peer.client.call(world.now, request(input));
                    peer.open.push(ticket);
                    peer.client.send(ticket, input.take(20));
                }
                14 => {
                    let number = usize::from(input.octet());
                    if let Some(ticket) = peer.open.get(number % peer.open.len().max(1)).copied() {
                        match input.octet() % 4 {
                            0 => peer.client.cancel(world.now, ticket),
                            1 => peer.client.finish(ticket),
                            2 => peer.client.send_last(ticket, input.take(30)),
                            _ => peer.client.send(ticket, &[7; 1000]),
                        }
                    }
                }
                15 => peer.deaf = !peer.deaf,
                _ => {}
            }
            world.look(&mut peer);
        }
        peer.listen();
        let held = peer.client.held_bytes();
        assert!(held < MOST_HELD, "a client holds {held} octets");
    }
    peer.stop(world.now, Stop::AtOnce);
    world.end(&mut peer);
    peer.deaf = false;
    peer.listen();
    assert!(peer.open.is_empty(), "every call ends: {:?}", peer.open);
}

/// A call.
fn request(input: &mut Octets<'_>) -> Request {
    let how = input.octet();
    Request {
        path: "/framescope.Echo/Unary".to_owned(),
        timeout: (how & 1 == 0).then(|| 1 << (input.octet() % 43)),
        compression: if how & 2 == 0 { Compression::Identity } else { Compression::Gzip },
        ..Request::default()
    }
}

/// Writes inputs to begin with: for each endpoint a few acts of each kind, drawn from a fixed series of numbers.
pub fn seeds(folder: &std::path::Path) -> std::io::Result<()> {
    let mut state = 0x6672_616d_6573_636f_u64;
    for number in 0..96_u8 {
        let mut input = vec![number % 4, number.wrapping_mul(37), 1];
        for _ in 0..256 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            input.push((state >> 56) as u8);
        }
        std::fs::write(folder.join(format!("seed-{number}")), input)?;
    }
    Ok(())
}
