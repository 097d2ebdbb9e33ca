//! What a client does with the [example's services](super::example): each scenario is a question and its answer on the wire.

use std::collections::{BTreeMap, VecDeque};

use super::Peer;
use super::client::{Client, Ending, Event, Request, Ticket};
use super::connection::Config;
use super::example::{LIST, RECORD, ROUTE, SEARCH, WORK, point, search_request};
use super::fields::Fields;
use crate::time::Timestamp;

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// What to look for in the trace; one paragraph.
    pub look_for: &'static str,
    plans: fn() -> Vec<Plan>,
    order: Order,
}

/// Whether calls wait for each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    OneAfterAnother,
    AllAtOnce,
}

/// One call, and how the client goes about it.
#[derive(Clone, Debug, Default)]
struct Plan {
    request: Request,
    messages: VecDeque<Vec<u8>>,
    manner: Manner,
}

#[derive(Clone, Copy, Debug, Default)]
enum Manner {
    /// All messages at once.
    #[default]
    Plain,
    /// The next message follows an answer.
    Alternating,
    /// Given up after so many answers.
    GivenUpAfter(u32),
}

impl Scenario {
    /// All of them, in the order of the list.
    pub const ALL: &'static [Self] = ALL;

    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|scenario| scenario.name == name)
    }

    /// The client that plays it against `authority`, a host and port.
    #[must_use]
    pub fn caller(&self, authority: impl Into<String>) -> Caller {
        Caller {
            client: Client::new(Config::default(), authority),
            plans: (self.plans)().into(),
            order: self.order,
            running: BTreeMap::new(),
            endings: Vec::new(),
        }
    }
}

/// A client that plays a scenario and then ends the connection.
#[derive(Debug)]
pub struct Caller {
    client: Client,
    plans: VecDeque<Plan>,
    order: Order,
    running: BTreeMap<Ticket, Running>,
    endings: Vec<(Ticket, Ending)>,
}

#[derive(Debug)]
struct Running {
    messages: VecDeque<Vec<u8>>,
    manner: Manner,
    answers: u32,
}

impl Caller {
    /// How the calls have ended, in that order.
    #[must_use]
    pub fn endings(&self) -> &[(Ticket, Ending)] {
        &self.endings
    }

    fn start(&mut self, now: Timestamp) {
        while self.order == Order::AllAtOnce || self.running.is_empty() {
            let Some(Plan { request, mut messages, manner }) = self.plans.pop_front() else { return };
            let ticket = self.client.call(now, request);
            if let Manner::Alternating = manner {
                if let Some(message) = messages.pop_front() {
                    self.client.send(ticket, &message);
                }
            } else if let [message] = &*messages.make_contiguous() {
                self.client.send_last(ticket, message);
            } else {
                for message in &messages {
                    self.client.send(ticket, message);
                }
                self.client.finish(ticket);
            }
            self.running.insert(ticket, Running { messages, manner, answers: 0 });
        }
    }

    fn follow(&mut self, now: Timestamp) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Begun { .. } => {}
                Event::Message { ticket, .. } => self.answered(now, ticket),
                Event::Ended { ticket, ending } => {
                    self.running.remove(&ticket);
                    self.endings.push((ticket, ending));
                    self.start(now);
                }
            }
        }
    }

    fn answered(&mut self, now: Timestamp, ticket: Ticket) {
        let Some(running) = self.running.get_mut(&ticket) else { return };
        running.answers = running.answers.saturating_add(1);
        match running.manner {
            Manner::Plain => {}
            Manner::Alternating => match running.messages.pop_front() {
                Some(message) => self.client.send(ticket, &message),
                None => {
                    running.manner = Manner::Plain;
                    self.client.finish(ticket);
                }
            },
            Manner::GivenUpAfter(answers) if running.answers == answers => self.client.cancel(now, ticket),
            Manner::GivenUpAfter(_) => {}
        }
    }
}

impl Peer for Caller {
    fn begin(&mut self, now: Timestamp) {
        self.start(now);
    }

    fn handle_octets(&mut self, now: Timestamp, octets: &[u8]) {
        self.client.handle_octets(now, octets);
        self.follow(now);
    }

    fn handle_end(&mut self, now: Timestamp) {
        self.client.handle_end(now);
        self.follow(now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.client.handle_timeout(now);
        self.follow(now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.client.poll_timeout()
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        self.client.poll_transmit(out);
    }

    fn is_finished(&self) -> bool {
        self.client.is_closed() || (self.plans.is_empty() && self.running.is_empty() && self.client.is_idle())
    }
}

fn plan(path: &str, messages: impl IntoIterator<Item = Vec<u8>>) -> Plan {
    let request = Request { path: path.to_owned(), ..Request::default() };
    Plan { request, messages: messages.into_iter().collect(), manner: Manner::Plain }
}

fn search(text: &str) -> Plan {
    plan(SEARCH, [search_request(text)])
}

/// Six requests, all alike, as the example sends them.
fn recorded() -> impl Iterator<Item = Vec<u8>> {
    (0..6).map(|_| point("gRPC Stream Client: Record", 2018))
}

impl Plan {
    fn timeout(mut self, millis: u64) -> Self {
        self.request.timeout = Some(millis.saturating_mul(1_000_000));
        self
    }

    fn work(mut self, millis: u64) -> Self {
        let mut metadata = Fields::default();
        metadata.push(WORK, millis.to_string());
        self.request.metadata = metadata;
        self
    }

    fn manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }
}

const ALL: &[Scenario] = &[
    Scenario {
        name: "unary",
        about: "one request, one answer: the twelve steps of a call",
        look_for: "A unary call takes twelve frames that somebody decided to send, and four that only answer them. \
            Each step stands here with what it is for and why it is sent at this point; acknowledgements stand under the \
            step that they answer, so look at the times to see when they passed.",
        plans: || vec![search("gRPC").timeout(5000)],
        order: Order::OneAfterAnother,
    },
    Scenario {
        name: "server-streaming",
        about: "List: one request, seven answers",
        look_for: "One request, then one HEADERS frame, seven DATA frames with a message each, and trailers: to the wire a \
            stream of answers is a unary call with more DATA. The client's WINDOW_UPDATE gives back only what \
            had arrived when its bandwidth probe left; the rest it owes until the next probe, or until a quarter of the window is used.",
        plans: || vec![plan(LIST, [point("gRPC Stream Client: List", 2018)])],
        order: Order::OneAfterAnother,
    },
    Scenario {
        name: "client-streaming",
        about: "Record: six requests, one answer",
        look_for: "The client cannot know with its last message that no other will follow, so an empty DATA frame with \
            END_STREAM ends its half. Only then does the server answer, with the same three frames as in a unary call.",
        plans: || vec![plan(RECORD, recorded())],
        order: Order::OneAfterAnother,
    },
    Scenario {
        name: "bidi",
        about: "Route: requests and answers alternate on one stream",
        look_for: "Both halves of the stream are open at once. The server answers before it has read a request (response 0), \
            then once for each request; the client sends a request for each answer, and ends its half when it has none left. \
            Because of that first answer two are on their way in each direction. The trailers come last, as ever.",
        plans: || {
            let messages = (0..7).map(|_| point("gRPC Stream Client: Route", 2018));
            vec![plan(ROUTE, messages).manner(Manner::Alternating)]
        },
        order: Order::OneAfterAnother,
    },
    Scenario {
        name: "multiplex",
        about: "five calls on one connection: do they wait for each other?",
        look_for: "The client opens streams 1, 3, 5, 7 and 9 in one packet, without waiting. Each call tells the server in its \
            metadata how long to work (work-ms), the first one longest, and the answers come in the opposite order: \
            streams share a connection, but nothing makes one call wait for another. Compare the sizes of the HEADERS frames: the \
            first fills the header table, the later ones refer to it.",
        plans: || (1..=5_u64).map(|n| search(&format!("gRPC {n}")).work(6_u64.saturating_sub(n))).collect(),
        order: Order::AllAtOnce,
    },
    Scenario {
        name: "deadline",
        about: "the client waits 10 ms, the server works for 500",
        look_for: "The deadline travels as grpc-timeout, a duration, so that clocks need not agree. After 10 ms the client sends \
            RST_STREAM with CANCEL. The status DEADLINE_EXCEEDED need not be on the wire: \
            the client makes it up when it gives up waiting. (The server counts as well, from when the request reached it; if it is \
            first to notice, its trailers cross the RST_STREAM.) The second call has time enough, on the same connection, which a \
            reset stream does not harm.",
        plans: || vec![search("too slow").work(500).timeout(10), search("in time").timeout(5000)],
        order: Order::OneAfterAnother,
    },
    Scenario {
        name: "cancel",
        about: "the client has seen enough after three of seven answers",
        look_for: "The server sends an answer every two milliseconds. After the third the client gives the call up: RST_STREAM \
            with CANCEL, and the server, told by it, stops. A cancelled call has no trailers and so no status on the wire; the \
            client's own code sees CANCELLED.",
        plans: || vec![plan(LIST, [point("gRPC Stream Client: List", 2018)]).work(2).manner(Manner::GivenUpAfter(3))],
        order: Order::OneAfterAnother,
    },
    Scenario {
        name: "errors",
        about: "every status from 1 to 16, and methods that do not exist",
        look_for: "HTTP status is 200 throughout: it only says that gRPC was spoken. A call that fails before its first answer ends \
            with a single HEADERS frame (Trailers-Only) that has everything; one that fails later ends with trailers after DATA. \
            INVALID_ARGUMENT (3) brings details, a google.rpc.Status in grpc-status-details-bin.",
        plans: || {
            let statuses = (1..=16).map(|status| search(&format!("status {status}")));
            let later = search("answer and status 15");
            let nowhere = ["/proto.SearchService/Find", "/proto.FindService/Find"]
                .map(|path| plan(path, [search_request("gRPC")]));
            statuses.chain([later]).chain(nowhere).collect()
        },
        order: Order::OneAfterAnother,
    },
];
