//! A live capture that runs beside something: begun before the first packet, ended when everything that was sent has been read.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Failure, shown};
use crate::capture::live::{Live, OpenError, Setup, Stop};
use crate::capture::{Error, LinkType, Packet, Source as _, Statistics};
use crate::endpoint::tap::Recorded;
use crate::net::{Net, Outcome, Segment, TcpFlags};

/// Captures in the background. Dropping it ends the capture.
pub(super) struct Recorder {
    /// Everybody has said what they had to say.
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Recording, Failure>>>,
    stop: Stop,
}

/// What was captured.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// The packets, whole.
    pub(super) packets: Vec<Recorded>,
    /// What they begin with.
    pub(super) link: Option<LinkType>,
    /// What kernel and device counted.
    pub(super) statistics: Statistics,
}

impl Recorder {
    /// Captures TCP from and to these ports of this machine. When this returns the capture is running.
    ///
    /// # Errors
    ///
    /// No libpcap, no permission, no loopback device.
    pub(super) fn start(ports: &[u16]) -> Result<Self, Failure> {
        let setup = Setup { filter: filter(ports), ..Setup::default() };
        let live = Live::open(&setup).map_err(Failure::from)?;
        let (is_over, stop) = (Arc::new(AtomicBool::new(false)), live.stop());
        let reading = Reading::new(live, Arc::clone(&is_over));
        let thread = thread::Builder::new().name("capture".into()).spawn(move || reading.run()).map_err(|error| {
            Failure::new(Failure::INPUT, format!("cannot capture: no thread for it: {error}; end other programs"))
        })?;
        Ok(Self { is_over, thread: Some(thread), stop })
    }

    /// Waits for the last packets of every connection that was seen, or until nothing has come for a second.
    ///
    /// # Errors
    ///
    /// When the capture ended early.
    pub(super) fn finish(mut self) -> Result<Recording, Failure> {
        self.is_over.store(true, Ordering::Relaxed);
        let died = || Err(Failure::new(Failure::INPUT, "the capture ended early: its thread died; please report this"));
        self.thread.take().map_or_else(died, |thread| thread.join().unwrap_or_else(|_| died()))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

fn filter(ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(|port| format!("port {port}")).collect();
    format!("tcp and ({})", ports.join(" or "))
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let code = match error {
            OpenError::NoLibrary { .. } | OpenError::NotPermitted { .. } => Self::CAPTURE,
            OpenError::Filter { .. } => Self::USAGE,
            _ => Self::INPUT,
        };
        Self::new(code, shown(&error.to_string()))
    }
}

/// The work of the thread.
struct Reading {
    live: Live,
    is_over: Arc<AtomicBool>,
    recording: Recording,
    octets: usize,
    connections: Connections,
}

impl Reading {
    fn new(live: Live, is_over: Arc<AtomicBool>) -> Self {
        let recording =
            Recording { link: live.facts().interfaces.first().map(|interface| interface.link), ..Recording::default() };
        Self { live, is_over, recording, octets: 0, connections: Connections::default() }
    }

    fn run(mut self) -> Result<Recording, Failure> {
        let (mut over_since, mut silent_since, mut silences) = (None, Instant::now(), 0_u32);
        loop {
            match self.live.next_packet() {
                Ok(Some(packet)) => {
                    (silent_since, silences) = (Instant::now(), 0);
                    self.octets = self.octets.saturating_add(packet.data.len());
                    check(&packet, self.octets)?;
                    self.connections.packet(&packet);
                    self.recording.packets.push(Recorded { time: packet.time, octets: packet.data.to_vec() });
                }
                Ok(None) => break,
                Err(Error::Read { source, .. }) if source.kind() == ErrorKind::TimedOut => {
                    silences = silences.saturating_add(1);
                }
                Err(error) => return Err(Failure::new(Failure::INPUT, shown(&error.to_string()))),
            }
            if self.is_over.load(Ordering::Relaxed) {
                let over_since = *over_since.get_or_insert_with(Instant::now);
                let is_silent = silences > 0 && silent_since.max(over_since).elapsed() >= SILENCE;
                let is_complete = silences >= SILENCES && self.connections.are_closed();
                if is_complete || is_silent || over_since.elapsed() >= PATIENCE {
                    break;
                }
            }
        }
        self.live.count();
        let interface = self.live.facts().interfaces.first();
        self.recording.statistics = interface.and_then(|interface| interface.statistics).unwrap_or_default();
        Ok(self.recording)
    }
}

/// What cannot be kept as it is.
fn check(packet: &Packet<'_>, octets: usize) -> Result<(), Failure> {
    if packet.is_cut() {
        let why = format!("the capture cut a packet of {} octets; lower the MTU of `lo`", packet.original_length);
        return Err(Failure::new(Failure::INPUT, why));
    }
    if octets > MOST_OCTETS {
        let why = format!("more than {MOST_OCTETS} octets were captured; choose a smaller scenario");
        return Err(Failure::new(Failure::INPUT, why));
    }
    Ok(())
}

/// How far the connections have come, by the addresses of the side that sends, then the other.
#[derive(Default)]
struct Connections {
    net: Net,
    halves: HashMap<(SocketAddr, SocketAddr), Half>,
}

/// One direction.
#[derive(Clone, Copy)]
enum Half {
    Open,
    /// FIN was sent; the sequence number behind it.
    Ended(u32),
    /// FIN was acknowledged, or the connection was reset.
    Closed,
}

impl Connections {
    fn packet(&mut self, packet: &Packet<'_>) {
        let nanos = packet.time.as_nanos();
        let outcome = self.net.packet(packet.link.0, packet.data, packet.original_length, packet.number, nanos);
        if let Outcome::Tcp(segment) = outcome {
            Self::segment(&mut self.halves, &segment);
        }
    }

    fn segment(halves: &mut HashMap<(SocketAddr, SocketAddr), Half>, segment: &Segment<'_>) {
        let flags = segment.flags;
        let (there, back) = ((segment.source, segment.destination), (segment.destination, segment.source));
        if flags.contains(TcpFlags::RST) {
            halves.insert(there, Half::Closed);
            halves.insert(back, Half::Closed);
            return;
        }
        if let Some(Half::Ended(end)) = halves.get(&back).copied()
            && flags.contains(TcpFlags::ACK)
            && segment.acknowledgment == end
        {
            halves.insert(back, Half::Closed);
        }
        let half = halves.entry(there).or_insert(Half::Open);
        if flags.contains(TcpFlags::SYN) {
            *half = Half::Open;
        } else if flags.contains(TcpFlags::FIN) && matches!(half, Half::Open) {
            *half = Half::Ended(segment.sequence.wrapping_add(segment.wire_length).wrapping_add(1));
        }
    }

    /// Whether there were any, and all have ended.
    fn are_closed(&self) -> bool {
        !self.halves.is_empty() && self.halves.values().all(|half| matches!(half, Half::Closed))
    }
}

/// Waits without a packet, of 20 ms each, after which the kernel has handed over what it had collected.
const SILENCES: u32 = 3;
/// How long to wait for connections that were left open.
const SILENCE: Duration = Duration::from_secs(1);
/// The longest wait after the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is kept in memory.
const MOST_OCTETS: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direction::Direction;
    use crate::endpoint::tap::Tap;
    use crate::time::Timestamp;

    fn packets(act: impl FnOnce(&mut Tap)) -> Vec<Recorded> {
        let mut tap = Tap::new(SocketAddr::from(([127, 0, 0, 1], 4000)), SocketAddr::from(([127, 0, 0, 1], 50051)));
        tap.open(Timestamp::EPOCH, Timestamp::EPOCH, Timestamp::EPOCH);
        act(&mut tap);
        tap.into_packets()
    }

    fn are_closed_after(packets: &[Recorded]) -> bool {
        let mut net = Net::default();
        let mut connections = Connections::default();
        for Recorded { octets, .. } in packets {
            if let Outcome::Tcp(segment) = net.packet(1, octets, 0, 1, 0) {
                Connections::segment(&mut connections.halves, &segment);
            }
        }
        connections.are_closed()
    }

    #[test]
    fn a_connection_is_over_when_both_ends_were_acknowledged() {
        let packets = packets(|tap| {
            tap.octets(Timestamp::EPOCH, Direction::ToServer, b"octets");
            tap.delivered(Direction::ToServer, 6);
            tap.end(Timestamp::EPOCH, Direction::ToServer);
            tap.delivered(Direction::ToServer, 1);
            tap.end(Timestamp::EPOCH, Direction::ToClient);
            tap.delivered(Direction::ToClient, 1);
            tap.acknowledge(Timestamp::EPOCH, Direction::ToServer);
        });
        assert!(are_closed_after(&packets));
        for missing in 1..packets.len() {
            assert!(!are_closed_after(&packets[..missing]), "{missing}");
        }
    }

    #[test]
    fn whoever_may_not_capture_gets_4_and_whoever_mistyped_a_filter_gets_2() {
        let why = String::new;
        let code = |error: OpenError| Failure::from(error).code;
        assert_eq!(code(OpenError::NoLibrary { why: why() }), 4);
        assert_eq!(code(OpenError::NotPermitted { device: why() }), 4);
        assert_eq!(code(OpenError::Filter { filter: why(), why: why() }), 2);
        assert_eq!(code(OpenError::NoSuchDevice { device: why(), known: Vec::new() }), 3);
    }

    #[test]
    fn the_filter_names_every_port() {
        assert_eq!(filter(&[1, 50_051]), "tcp and (port 1 or port 50051)");
    }
}
