//! The three captures: small calls, large messages, short connections.

use std::io::{self, Write};

use super::connection::{Connection, Use};
use super::random::Random;
use super::tap::Tap;

/// Which capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Thousands of unary calls a connection, 8 frames a call, messages of 60 octets, indexed headers.
    Unary,
    /// Messages of 64 KiB to 1 MiB in DATA frames of 16 KiB, in segments of 1448 to 65483 octets.
    Bulk,
    /// Connections of one unary call each, up to 200 at once.
    Connections,
}

/// How much of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Amount {
    /// Octets of the file, to the end of the calls then under way.
    Octets(u64),
    /// Connections.
    Connections(u32),
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Unary, Self::Bulk, Self::Connections];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::Bulk => "bulk",
            Self::Connections => "connections",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn at_once(self) -> usize {
        match self {
            Self::Unary => 8,
            Self::Bulk => 4,
            Self::Connections => 200,
        }
    }

    fn connection(self, number: u32, random: &mut Random) -> Connection {
        const SEGMENTS: [usize; 4] = [1448, 14_480, 32_768, 65_483];
        let (kind, calls) = match self {
            Self::Unary => (Use::Unary, 2000 + random.below(4000) as u32),
            Self::Bulk => (Use::Bulk { segment: SEGMENTS[number as usize % SEGMENTS.len()] }, 50),
            Self::Connections => (Use::Unary, 1),
        };
        Connection::new(number, kind, calls, random)
    }
}

/// Writes a capture; the number of packets in it.
pub(crate) fn write(kind: Kind, amount: Amount, out: impl Write) -> io::Result<u64> {
    let mut tap = Tap::new(out)?;
    let mut random = Random::new(0x66_72_61_6d_65);
    let mut begun = 0_u32;
    let mut open: Vec<Connection> = Vec::new();
    loop {
        let more = match amount {
            Amount::Octets(octets) => tap.written < octets,
            Amount::Connections(connections) => begun < connections,
        };
        while more && open.len() < kind.at_once() {
            open.push(kind.connection(begun, &mut random));
            begun += 1;
        }
        if open.is_empty() {
            break;
        }
        let chosen = random.below(open.len() as u64) as usize;
        tap.now += 500 + random.below(20_000);
        if !more {
            open[chosen].stop();
        }
        open[chosen].step(&mut tap, &mut random)?;
        if open[chosen].is_closed() {
            open.swap_remove(chosen);
        }
    }
    let packets = tap.packets;
    tap.finish()?;
    Ok(packets)
}
