//! The tokio drivers over loopback: what users of our endpoints meet when the network is real.
#![allow(missing_docs, reason = "a test binary")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use framescope::command::drive::accept::{self, Host, Listen};
use framescope::command::drive::clock::Clock;
use framescope::command::drive::dialler::{self, Sockets};
use framescope::command::drive::stop::{Stopping, stopping};
use framescope::command::drive::{self, peer};
use framescope::endpoint::connection::Config;
use framescope::endpoint::example::Example;
use framescope::endpoint::scenario::Scenario;
use framescope::endpoint::world::{Diary, simulate};
use framescope::endpoint::{ConnectionId, Dialler, News, Order, Peer, Stop};
use framescope::time::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Runs on one thread; what hangs fails.
fn run<T>(future: impl Future<Output = T>) -> T {
    drive::block_on(async { tokio::time::timeout(Duration::from_secs(60), future).await.expect("an end") })
        .expect("a runtime")
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.expect("a connection"), accepted.expect("a connection").0)
}

fn example(_: SocketAddr) -> Box<dyn Peer> {
    Box::new(Example::new(Config::default()))
}

#[test]
fn calls_end_over_tcp_as_they_do_simulated() {
    let statuses = |diary: &Diary| {
        let mut all: Vec<_> = diary.endings().iter().map(|(call, ending)| (*call, ending.status)).collect();
        all.sort_by_key(|(call, _)| *call);
        all
    };
    run(async {
        let (listener, address) = listen().await;
        let SocketAddr::V4(v4) = address else { panic!("{address}") };
        let clock = Clock::new();
        let (stopper, stop) = stopping();
        let serving = tokio::task::spawn_local(accept::serve(listener, example, stop, clock));
        for name in
            ["unary", "server-streaming", "client-streaming", "bidi", "multiplex", "deadline", "cancel", "errors"]
        {
            let scenario = Scenario::named(name).expect("a scenario");
            let simulated = scenario.stage(&[simulate::address(0)]);
            let expected = simulated.diary.clone();
            simulate::packets(simulated).expect("an end");
            let mut real = scenario.stage(&[v4]);
            dialler::run(real.client.as_mut(), clock).await;
            assert_eq!(statuses(&real.diary), statuses(&expected), "{name}");
        }
        stopper.stop(Stop::Gracefully);
        serving.await.expect("no panic");
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    });
}

/// Sends so many octets, and ends when as many have come.
#[derive(Default)]
struct Flood {
    to_send: usize,
    to_come: usize,
    told: Rc<RefCell<Vec<Stop>>>,
}

impl Peer for Flood {
    fn begin(&mut self, _: Timestamp) {}
    fn handle_octets(&mut self, _: Timestamp, octets: &[u8]) {
        self.to_come -= octets.len();
    }
    fn handle_end(&mut self, _: Timestamp) {}
    fn handle_timeout(&mut self, _: Timestamp) {}
    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        let piece = self.to_send.min(100_000);
        self.to_send -= piece;
        out.resize(out.len() + piece, 7);
    }
    fn is_finished(&self) -> bool {
        self.to_send == 0 && self.to_come == 0
    }
    fn stop(&mut self, _: Timestamp, how: Stop) {
        self.told.borrow_mut().push(how);
        if how == Stop::Gracefully {
            self.to_come = 0;
        }
    }
}

#[test]
fn two_ends_that_send_much_at_the_same_time_do_not_block_each_other() {
    run(async {
        let (client, server) = pair().await;
        let much = 32 << 20;
        let mut one = Flood { to_send: much, to_come: much, ..Flood::default() };
        let mut other = Flood { to_send: much, to_come: much, ..Flood::default() };
        let clock = Clock::new();
        let (first, second) = tokio::join!(
            peer::drive(client, &mut one, clock, Stopping::never()),
            peer::drive(server, &mut other, clock, Stopping::never()),
        );
        first.and(second).expect("no error");
        assert!(one.is_finished() && other.is_finished());
    });
}

#[test]
fn a_peer_that_waits_for_nothing_any_more_is_an_error_and_no_hang() {
    run(async {
        let (client, server) = pair().await;
        drop(client);
        let mut waiting = Flood { to_come: 1, ..Flood::default() };
        let outcome = peer::drive(server, &mut waiting, Clock::new(), Stopping::never()).await;
        assert_eq!(outcome.expect_err("an error").kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn stopped_gracefully_each_peer_is_told_and_finishes() {
    run(async {
        let (listener, address) = listen().await;
        let (stopper, stop) = stopping();
        let told = Rc::<RefCell<Vec<Stop>>>::default();
        let host = {
            let told = Rc::clone(&told);
            move |_| -> Box<dyn Peer> { Box::new(Flood { to_come: 100, to_send: 1, told: Rc::clone(&told) }) }
        };
        let serving = tokio::task::spawn_local(accept::serve(listener, host, stop, Clock::new()));
        let mut streams = Vec::new();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.read_exact(&mut [0]).await.expect("the peer's octet");
            streams.push(stream);
        }
        stopper.stop(Stop::Gracefully);
        for mut stream in streams {
            assert_eq!(stream.read(&mut [0]).await.expect("a proper end"), 0);
        }
        serving.await.expect("no panic");
        assert_eq!(*told.borrow(), [Stop::Gracefully; 3]);
    });
}

#[test]
fn stopped_at_once_nobody_waits_for_an_end_that_does_not_listen() {
    run(async {
        let (client, server) = pair().await;
        let (stopper, stop) = stopping();
        let mut endless = Flood { to_send: usize::MAX, ..Flood::default() };
        stopper.stop(Stop::Gracefully);
        stopper.stop(Stop::AtOnce);
        stopper.stop(Stop::Gracefully);
        peer::drive(server, &mut endless, Clock::new(), stop).await.expect("no error");
        assert_eq!(*endless.told.borrow(), [Stop::AtOnce]);
        drop(client);
    });
}

#[test]
fn a_peer_that_has_finished_does_not_wait_for_ever_for_an_end_that_takes_nothing() {
    run(async {
        let (client, server) = pair().await;
        let mut gone = Gone { to_send: 64 << 20 };
        // It is over LINGER after the other end has taken the last octet; the 60 s of `run` end the wait otherwise.
        peer::drive(server, &mut gone, Clock::new(), Stopping::never()).await.expect("no error");
        assert!(gone.to_send > 0, "the other end's buffers cannot hold it");
        drop(client);
    });
}

/// Has finished, but for many last words.
struct Gone {
    to_send: usize,
}

impl Peer for Gone {
    fn begin(&mut self, _: Timestamp) {}
    fn handle_octets(&mut self, _: Timestamp, _: &[u8]) {}
    fn handle_end(&mut self, _: Timestamp) {}
    fn handle_timeout(&mut self, _: Timestamp) {}
    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        let piece = self.to_send.min(100_000);
        self.to_send -= piece;
        out.resize(out.len() + piece, 7);
    }
    fn is_finished(&self) -> bool {
        true
    }
}

/// Cannot accept for a while.
struct Exhausted {
    failures: u32,
    listener: TcpListener,
}

impl Listen for Exhausted {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        if self.failures > 0 {
            self.failures -= 1;
            // EMFILE
            return Poll::Ready(Err(io::Error::from_raw_os_error(24)));
        }
        self.listener.poll_accept(context)
    }
}

#[derive(Clone, Default)]
struct Watching(Rc<RefCell<Vec<Duration>>>);

impl Host for Watching {
    fn peer(&mut self, from: SocketAddr) -> Box<dyn Peer> {
        example(from)
    }
    fn troubled(&mut self, _: &io::Error, pause: Duration) {
        self.0.borrow_mut().push(pause);
    }
}

#[test]
fn a_server_out_of_descriptors_asks_again_later_and_goes_on() {
    run(async {
        let (listener, address) = listen().await;
        let (stopper, stop) = stopping();
        let host = Watching::default();
        let clock = Clock::new();
        let listener = Exhausted { failures: 4, listener };
        let serving = tokio::task::spawn_local(accept::serve(listener, host.clone(), stop, clock));
        let SocketAddr::V4(v4) = address else { panic!("{address}") };
        let mut stage = Scenario::named("unary").expect("a scenario").stage(&[v4]);
        dialler::run(stage.client.as_mut(), clock).await;
        assert_eq!(stage.diary.endings().len(), 1);
        assert_eq!(*host.0.borrow(), [5, 10, 20, 40].map(Duration::from_millis));
        stopper.stop(Stop::Gracefully);
        serving.await.expect("no panic");
    });
}

/// Does what it is told in the order given, one thing for each news.
#[derive(Default)]
struct Script {
    orders: VecDeque<Order>,
    now: VecDeque<Order>,
    to_send: Vec<u8>,
    news: Vec<News>,
}

impl Script {
    fn new(orders: impl IntoIterator<Item = Order>) -> Self {
        Self { orders: orders.into_iter().collect(), ..Self::default() }
    }
}

impl Dialler for Script {
    fn begin(&mut self, _: Timestamp) {
        self.now.extend(self.orders.pop_front());
    }
    fn handle_news(&mut self, _: Timestamp, news: News) {
        self.news.push(news);
        self.now.extend(self.orders.pop_front());
    }
    fn handle_timeout(&mut self, _: Timestamp) {}
    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
    fn poll_order(&mut self) -> Option<Order> {
        self.now.pop_front()
    }
    fn poll_transmit(&mut self, _: ConnectionId, out: &mut Vec<u8>) {
        out.append(&mut self.to_send);
    }
    fn is_finished(&self) -> bool {
        self.now.is_empty()
            && matches!(self.news.last(), Some(News::Ended { .. } | News::Failed { .. } | News::Lost { .. }))
    }
}

const ONE: ConnectionId = ConnectionId(1);

#[test]
fn a_name_is_resolved_a_connection_opened_and_ended_and_all_octets_arrive() {
    run(async {
        let (listener, address) = listen().await;
        let much: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let echo = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut octets = Vec::new();
            stream.read_to_end(&mut octets).await.expect("a proper end");
            stream.write_all(&octets).await.expect("somebody reads");
        };
        let mut script = Script::new([
            Order::Resolve { name: address.to_string() },
            Order::Dial { connection: ONE, address },
            Order::End { connection: ONE },
        ]);
        script.to_send.clone_from(&much);
        tokio::join!(dialler::run(&mut script, Clock::new()), echo);
        let mut news = script.news.into_iter();
        let resolved = News::Resolved { name: address.to_string(), addresses: Ok(vec![address]) };
        assert_eq!(news.next(), Some(resolved));
        assert_eq!(news.next(), Some(News::Connected { connection: ONE }));
        let mut back = Vec::new();
        for news in news {
            match news {
                News::Octets { octets, .. } => back.extend(octets),
                other => assert_eq!(other, News::Ended { connection: ONE }),
            }
        }
        assert!(back == much);
    });
}

#[test]
fn what_cannot_be_reached_is_told_in_words() {
    run(async {
        let (listener, address) = listen().await;
        drop(listener);
        let mut script =
            Script::new([Order::Resolve { name: "there is no port".into() }, Order::Dial { connection: ONE, address }]);
        dialler::run(&mut script, Clock::new()).await;
        assert!(matches!(&script.news[0], News::Resolved { addresses: Err(_), .. }), "{:?}", script.news);
        assert_eq!(script.news[1], News::Failed { connection: ONE, why: "connection refused".into() });
    });
}

#[test]
fn a_connection_that_is_aborted_is_reset() {
    run(async {
        let (listener, address) = listen().await;
        let mut script = Script::new([Order::Dial { connection: ONE, address }, Order::Abort { connection: ONE }]);
        let mut sockets = Sockets::new(Clock::new());
        script.begin(Timestamp::EPOCH);
        sockets.settle(&mut script);
        sockets.turn(&mut script).await;
        let (mut stream, _) = listener.accept().await.expect("a connection");
        sockets.settle(&mut script);
        let error = stream.read(&mut [0]).await.expect_err("an error");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_reset_of_the_other_end_is_told() {
    run(async {
        let (listener, address) = listen().await;
        let mut script = Script::new([Order::Dial { connection: ONE, address }]);
        script.to_send.push(7);
        let reset = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.read_exact(&mut [0]).await.expect("an octet");
            stream.set_zero_linger().expect("a socket option");
        };
        tokio::join!(dialler::run(&mut script, Clock::new()), reset);
        let why = "connection reset by peer".to_owned();
        assert_eq!(script.news.last(), Some(&News::Lost { connection: ONE, why }));
    });
}
