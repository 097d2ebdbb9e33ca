//! The call itself: a channel on sockets, the messages that go out, and the answers that come in.

use std::time::Duration;

use super::input::{Arriving, Input};
use super::output::{Answers, is_closed};
use super::stranger::FirstOctets;
use super::trace::Trace;
use super::{advice, exit_code, status};
use crate::command::drive::clock::Clock;
use crate::command::drive::dialler::{Passing, Sockets, Watch};
use crate::command::drive::stop::Stopping;
use crate::command::{Failure, shown};
use crate::endpoint::channel::{Channel, Config, Event, State, Target};
use crate::endpoint::client::{Ending, Request, Ticket};
use crate::endpoint::{ConnectionId, Dialler as _};
use crate::grpc::status::Status;
use crate::time::Timestamp;

/// Everything a call needs.
pub(super) struct Running<'a> {
    channel: Channel,
    sockets: Sockets,
    clock: Clock,
    answers: Answers<'a>,
    first: FirstOctets,
}

impl<'a> Running<'a> {
    pub(super) fn new(
        target: &Target,
        config: Config,
        clock: Clock,
        answers: Answers<'a>,
        trace: Option<Trace>,
    ) -> Self {
        let mut sockets = Sockets::new(clock);
        let first = FirstOctets::default();
        sockets.watch(Watching { first: first.clone(), trace });
        let mut channel = Channel::new(target, config);
        channel.begin(clock.now());
        Self { channel, sockets, clock, answers, first }
    }

    /// `--block`: waits for a connection before there is a call.
    pub(super) async fn connect(&mut self, deadline: Option<Duration>, stopping: &mut Stopping) -> Result<(), Failure> {
        self.channel.connect(self.clock.now());
        let until = tokio::time::sleep(deadline.unwrap_or(Duration::MAX / 4));
        tokio::pin!(until);
        loop {
            self.sockets.settle(&mut self.channel);
            while self.channel.poll_event().is_some() {}
            self.sockets.settle(&mut self.channel);
            if self.channel.state() == State::Ready {
                return Ok(());
            }
            tokio::select! {
                () = self.sockets.turn(&mut self.channel) => {}
                () = &mut until => {
                    let why = format!("no connection in time: {}", self.first.explain(self.channel.trouble()));
                    return Err(status(Status::DEADLINE_EXCEEDED, &why));
                }
                _ = stopping.next() => return Err(status(Status::CANCELLED, &self.first.explain(self.channel.trouble()))),
            }
        }
    }

    /// Makes the call.
    pub(super) async fn call(
        mut self,
        request: Request,
        input: Input<'_>,
        stopping: &mut Stopping,
    ) -> Result<(), Failure> {
        let path = request.path.clone();
        let ticket = self.channel.call(self.clock.now(), request);
        let arriving = match input {
            Input::Known(mut messages) => {
                let last = messages.pop();
                for message in &messages {
                    self.channel.send(ticket, message);
                }
                match last {
                    Some(last) => self.channel.send_last(ticket, &last),
                    None => self.channel.finish(ticket),
                }
                None
            }
            Input::Arriving(arriving) => Some(arriving),
        };
        let outcome = self.converse(ticket, arriving, stopping).await;
        self.close().await;
        let ending = outcome?;
        let Some(ending) = ending else { return Ok(()) };
        if ending.status == Status::OK {
            let Some(count) = self.answers.wrong_count() else { return Ok(()) };
            let why = format!("the server says OK after {count} answers, and the method gives one");
            let Failure { code, message } = status(Status::INTERNAL, &why);
            let message = format!("{}: {}", shown(path.trim_start_matches('/')), message.unwrap_or_default());
            return Err(Failure { code, message: Some(message) });
        }
        let (why, advice) = if ending.from_server {
            (ending.message.clone(), "")
        } else {
            (self.first.explain(&ending.message), advice(ending.status))
        };
        let Failure { message, .. } = status(ending.status, &why);
        eprintln!("framescope: {}: {}{advice}", shown(path.trim_start_matches('/')), message.unwrap_or_default());
        self.answers.ended(&ending);
        Err(Failure { code: exit_code(ending.status), message: None })
    }

    /// Sends and prints until the call is over; `None` when nobody reads what is printed any more.
    async fn converse(
        &mut self,
        ticket: Ticket,
        mut arriving: Option<Arriving<'_>>,
        stopping: &mut Stopping,
    ) -> Result<Option<Ending>, Failure> {
        loop {
            self.sockets.settle(&mut self.channel);
            if let Some(event) = self.channel.poll_event() {
                match event {
                    Event::Begun { metadata, .. } => self.answers.begun(&metadata),
                    Event::Message { octets, .. } => {
                        if let Err(error) = self.answers.answer(&octets) {
                            self.channel.cancel(self.clock.now(), ticket);
                            let message = format!("cannot print the answer: {error}; make room, or send it elsewhere");
                            return if is_closed(&error) {
                                Ok(None)
                            } else {
                                Err(Failure::new(Failure::OUTPUT, message))
                            };
                        }
                    }
                    Event::Ended { ending, .. } => {
                        if ending.status == Status::OK {
                            self.answers.ended(&ending);
                        }
                        return Ok(Some(ending));
                    }
                    Event::State { .. } | Event::Connection { .. } | Event::Backoff { .. } | Event::Attempt { .. } => {}
                }
                continue;
            }
            // What the server does not take yet waits on the other side of the pipe.
            let has_room = self.channel.held_bytes() < MOST_WAITING;
            let next = async {
                match &mut arriving {
                    Some(arriving) if has_room => arriving.next().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.sockets.turn(&mut self.channel) => {}
                message = next => match message {
                    Ok(Some(message)) => self.channel.send(ticket, &message),
                    Ok(None) => {
                        arriving = None;
                        self.channel.finish(ticket);
                    }
                    Err(failure) => {
                        self.channel.cancel(self.clock.now(), ticket);
                        return Err(failure);
                    }
                },
                _ = stopping.next() => self.channel.cancel(self.clock.now(), ticket),
            }
        }
    }

    /// Takes leave of the server in order, if it does not take too long.
    async fn close(&mut self) {
        self.channel.close(self.clock.now());
        let closing = async {
            while self.sockets.settle(&mut self.channel) {
                while self.channel.poll_event().is_some() {}
                self.sockets.turn(&mut self.channel).await;
            }
        };
        let _ = tokio::time::timeout(LEAVE, closing).await;
        drop(self.sockets.unwatch());
    }
}

/// Octets that may wait on this side of the connection.
const MOST_WAITING: usize = 4 << 20;
/// How long taking leave may take.
const LEAVE: Duration = Duration::from_secs(1);

/// Looks at what passes.
struct Watching {
    first: FirstOctets,
    trace: Option<Trace>,
}

impl Watch for Watching {
    fn passes(&mut self, at: Timestamp, connection: ConnectionId, what: Passing<'_>) {
        self.first.passes(at, connection, what);
        if let Some(trace) = &mut self.trace {
            trace.passes(at, connection, what);
        }
    }
}
