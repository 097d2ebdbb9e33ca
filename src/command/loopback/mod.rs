//! A stage over real TCP on this machine: every backend listens behind a relay that records each octet.
//!
//! No privilege is needed, because nothing is captured below the sockets: a relay forwards octets untouched and hands a copy
//! to a [`Tap`](crate::endpoint::tap::Tap), which makes up the headers. What a script changes is done to the sockets: a listener
//! is closed, a relay stops forwarding. Only the failure of accepting is made up, where the server asks for a connection.

mod program;
mod relay;
mod site;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::rc::Rc;
use std::time::Duration;

use self::program::Program;
use self::relay::Record;
use self::site::Site;
use super::drive;
use super::drive::clock::Clock;
use super::drive::dialler::Sockets;
use crate::endpoint::Dialler as _;
use crate::endpoint::scenario::Scenario;
use crate::endpoint::tap::Recorded;
use crate::endpoint::world::{Change, Diary, Moment, Stage};

/// Plays the scenario until its client has finished.
///
/// # Errors
///
/// When a socket cannot be had, or the client has not finished after a minute.
pub(super) fn play(scenario: &Scenario) -> io::Result<(Vec<Recorded>, Diary)> {
    drive::block_on(run(scenario, true, |_| Ok(())))?
}

/// As [`play`], but somebody else records. `listening` is told the ports before the first packet is sent. Relays stand only
/// where a script needs them.
///
/// # Errors
///
/// As [`play`], and those of `listening`.
pub(super) fn play_unrecorded<E: From<io::Error>>(
    scenario: &Scenario,
    listening: impl FnOnce(&[u16]) -> Result<(), E>,
) -> Result<Diary, E> {
    drive::block_on(run(scenario, false, listening))?.map(|(_, diary)| diary)
}

async fn run<E: From<io::Error>>(
    scenario: &Scenario,
    recorded: bool,
    listening: impl FnOnce(&[u16]) -> Result<(), E>,
) -> Result<(Vec<Recorded>, Diary), E> {
    let clock = Clock::new();
    let record = Rc::new(Record::new(clock));
    let doors = (0..scenario.backends).map(|_| site::Door::new()).collect::<io::Result<Vec<_>>>()?;
    let addresses: Vec<_> = doors.iter().map(site::Door::address).collect();
    let ports: Vec<u16> = addresses.iter().map(SocketAddrV4::port).collect();
    listening(&ports)?;
    let Stage { client, backends, names, script, diary } = scenario.stage(&addresses);
    let relayed = recorded || !script.is_empty();
    let sites: Vec<Site> = backends
        .into_iter()
        .zip(doors)
        .map(|(backend, door)| Site::new(backend, door, relayed, Rc::clone(&record)))
        .collect();
    for site in &sites {
        site.begin().await?;
    }
    let mut program = Program::new(client, addresses, names, Rc::clone(&record));
    let names = program.names();
    let mut script = VecDeque::from(script);
    let mut changes = 0_u32;
    let mut sockets = Sockets::new(clock);
    let playing = async {
        let begin = clock.now();
        diary.happens(begin, Moment::Begin);
        program.begin(begin);
        while sockets.settle(&mut program) {
            let due = script.front().map(|(cue, _)| diary.due(*cue));
            if due.flatten().is_some_and(|due| due <= clock.now())
                && let Some((_, change)) = script.pop_front()
            {
                match change {
                    Change::Rename(name, backends) => _ = names.borrow_mut().insert(name, backends),
                    change => site::change(&sites, change).await?,
                }
                changes = changes.saturating_add(1);
                diary.happens(clock.now(), Moment::Changed(changes));
                continue;
            }
            // What a cue waits for may happen at a backend, of which nobody hears here.
            let look = due.map(|due| due.unwrap_or_else(|| clock.now().saturating_add_nanos(LOOK)));
            tokio::select! {
                () = sockets.turn(&mut program) => {}
                () = clock.sleep_until(look), if look.is_some() => {}
            }
        }
        // The ends that the client has sent last are on their way.
        while relayed && !record.is_quiet() && clock.now().nanos_since(record.last()) < LINGER {
            tokio::select! {
                () = sockets.turn(&mut program) => {}
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
            sockets.settle(&mut program);
        }
        Ok::<_, io::Error>(())
    };
    tokio::select! {
        played = playing => played?,
        () = tokio::time::sleep(PATIENCE) => {
            return Err(io::Error::new(ErrorKind::TimedOut, "the client had not finished after a minute").into());
        }
    }
    Ok((record.finish(), diary))
}

/// Nanoseconds after which a cue is looked at again.
const LOOK: i64 = 1_000_000;
/// How long a scenario may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nanoseconds of silence after which no more ends are waited for.
const LINGER: i64 = 500_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::world::simulate;

    #[test]
    fn every_scenario_ends_over_tcp_as_it_does_simulated() {
        for scenario in Scenario::all() {
            let addresses: Vec<_> = (0..scenario.backends).map(simulate::address).collect();
            let stage = scenario.stage(&addresses);
            let simulated = stage.diary.clone();
            simulate::packets(stage).expect("an end");
            let statuses = |diary: &Diary| {
                let mut all: Vec<_> = diary.endings().iter().map(|(call, ending)| (*call, ending.status)).collect();
                all.sort_by_key(|(call, _)| *call);
                all
            };
            let (packets, real) = play(scenario).expect("loopback");
            assert!(packets.len() > 6, "{}", scenario.name);
            assert_eq!(statuses(&real), statuses(&simulated), "{}", scenario.name);
        }
    }
}
