//! A program that makes many calls on a channel, so many at once, and then closes it.

use framescope::endpoint::channel::{Channel, Event};
use framescope::endpoint::{ConnectionId, Dialler, News, Order};
use framescope::time::Timestamp;

/// What is called, and what is made of the answers.
pub(crate) trait Work {
    /// Makes a call; so many are to follow it.
    fn call(&mut self, channel: &mut Channel, now: Timestamp, to_follow: u32);
    /// Something happened to one.
    fn event(&mut self, event: Event);
}

pub(crate) struct Batch<W> {
    pub(crate) channel: Channel,
    pub(crate) work: W,
    at_once: usize,
    to_begin: u32,
}

impl<W: Work> Batch<W> {
    pub(crate) fn new(channel: Channel, calls: u32, at_once: usize, work: W) -> Self {
        Self { channel, work, at_once, to_begin: calls }
    }

    fn follow(&mut self, now: Timestamp) {
        loop {
            while self.to_begin > 0 && self.channel.calls() < self.at_once {
                self.to_begin -= 1;
                self.work.call(&mut self.channel, now, self.to_begin);
            }
            let Some(event) = self.channel.poll_event() else { break };
            self.work.event(event);
        }
        if self.to_begin == 0 && self.channel.calls() == 0 {
            self.channel.close(now);
        }
    }
}

impl<W: Work> Dialler for Batch<W> {
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
