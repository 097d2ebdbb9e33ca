//! A client and a server of gRPC joined without a link, every frame that crosses written down.

use framescope::endpoint::client::{self, Client, Request, Ticket};
use framescope::endpoint::compression::Compression;
use framescope::endpoint::connection::Config;
use framescope::endpoint::example::SEARCH;
use framescope::endpoint::fields::Fields;
use framescope::endpoint::server::{self, Server};
use framescope::grpc::status::Status;
use framescope::http2::frame::{FrameHeader, FrameType, StreamId};
use framescope::http2::hpack::{Decoder, Limits, Scratch, Start};
use framescope::http2::payload::{Payload, parse};
use framescope::time::Timestamp;

use crate::support::{at, frames};

pub(crate) struct Pair {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) now: Timestamp,
    /// Whether what the client sends is lost; and what the server sends.
    pub(crate) lost: [bool; 2],
    /// All octets so far.
    pub(crate) to_server: Vec<u8>,
    pub(crate) to_client: Vec<u8>,
    /// `3.000 -> PING 0`, in seconds.
    pub(crate) log: Vec<String>,
}

impl Pair {
    pub(crate) fn new(client: Config, server: Config) -> Self {
        let (client, server) = (Client::new(client, "test"), Server::new(server));
        let [to_server, to_client] = [Vec::new(), Vec::new()];
        let mut pair = Self { client, server, now: at(0), lost: [false; 2], to_server, to_client, log: Vec::new() };
        pair.client.begin(pair.now);
        pair.server.begin(pair.now);
        pair
    }

    /// Octets go to and fro, in no time, until there are no more.
    pub(crate) fn exchange(&mut self) {
        loop {
            let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
            self.client.poll_transmit(&mut to_server);
            self.note("->", &to_server);
            if !self.lost[0] {
                self.server.handle_octets(self.now, &to_server);
            }
            self.server.poll_transmit(&mut to_client);
            self.note("<-", &to_client);
            if !self.lost[1] {
                self.client.handle_octets(self.now, &to_client);
            }
            self.to_server.extend_from_slice(&to_server);
            self.to_client.extend_from_slice(&to_client);
            if to_server.is_empty() && to_client.is_empty() {
                return;
            }
        }
    }

    /// Lets so many seconds pass, with all that is due in them.
    pub(crate) fn wait(&mut self, seconds: i64) {
        let end = self.now.saturating_add_nanos(seconds * 1_000_000_000);
        loop {
            self.exchange();
            let timers = [self.client.poll_timeout(), self.server.poll_timeout()];
            let Some(next) = timers.into_iter().flatten().min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// A call with one message, which reaches the server.
    pub(crate) fn call(&mut self, compression: Compression, message: &[u8]) -> Ticket {
        let request = Request { path: SEARCH.to_owned(), compression, ..Request::default() };
        let ticket = self.client.call(self.now, request);
        self.client.send_last(ticket, message);
        self.exchange();
        ticket
    }

    /// The server answers.
    pub(crate) fn answer(&mut self, stream: u32) {
        self.server.send(StreamId(stream), b"answer");
        self.server.end(StreamId(stream), Status::OK, "", Fields::default());
        self.exchange();
    }

    pub(crate) fn server_event(&mut self) -> Option<server::Event> {
        self.server.poll_event()
    }

    pub(crate) fn client_events(&mut self) -> Vec<client::Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    /// How calls have ended since this was asked last.
    pub(crate) fn endings(&mut self) -> Vec<(Status, String)> {
        let events = self.client_events().into_iter();
        let ending = |event| match event {
            client::Event::Ended { ending, .. } => Some((ending.status, ending.message)),
            _ => None,
        };
        events.filter_map(ending).collect()
    }

    /// The log since this was asked last.
    pub(crate) fn logged(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    fn note(&mut self, arrow: &str, octets: &[u8]) {
        let seconds = self.now.as_nanos() as f64 / 1e9;
        let lines = frames(octets).into_iter().map(|(header, payload)| described(header, &payload));
        self.log.extend(lines.map(|line| format!("{seconds:.1} {arrow} {line}")));
    }
}

fn described(header: FrameHeader, payload: &[u8]) -> String {
    let ack = if header.is_ack() { " ACK" } else { "" };
    match parse(header, payload).0 {
        Payload::Ping(opaque) => format!("PING{ack} {opaque:?}"),
        Payload::GoAway { last_stream, error, debug_data } => {
            format!("GOAWAY {} {error} {}", last_stream.0, String::from_utf8_lossy(debug_data))
        }
        _ => format!("{}{ack} {}", header.kind(), header.stream().0),
    }
}

/// The header lists in these octets.
pub(crate) fn header_lists(octets: &[u8]) -> Vec<Fields> {
    let mut decoder = Decoder::new(Start::Known, Limits::default());
    let mut scratch = Scratch::new();
    let blocks = frames(octets).into_iter().filter(|(header, _)| header.kind() == FrameType::HEADERS);
    let mut lists = Vec::new();
    for (_, block) in blocks {
        let decoded = decoder.decode(&block, &mut scratch);
        let real = decoded.fields().filter(|field| field.size_update().is_none());
        let fields = real.map(|field| (field.name().unwrap().to_vec(), field.value().unwrap().to_vec()));
        lists.push(Fields(fields.collect()));
    }
    lists
}
