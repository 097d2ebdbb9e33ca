//! A stage over real TCP on this machine: every backend listens behind a relay that records each octet.
//!
//! No privilege is needed, because nothing is captured below the sockets: a relay forwards octets untouched and hands a copy
//! to a [`Tap`](crate::endpoint::tap::Tap), which makes up the headers. What a script changes is done to the sockets: a listener
//! is closed, a relay stops forwarding. Only the failure of accepting is made up, where the server asks for a connection.

mod program;
mod relay;
mod site;

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
use crate::endpoint::world::{Change, Diary, Stage};

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
    let start = clock.now();
    let changing = async {
        for (nanos, change) in script {
            clock.sleep_until(Some(start.saturating_add_nanos(nanos))).await;
            match change {
                Change::Rename(name, backends) => {
                    names.borrow_mut().insert(name, backends);
                }
                change => site::change(&sites, change).await?,
            }
        }
        std::future::pending::<io::Result<()>>().await
    };
    let mut sockets = Sockets::new(clock);
    let playing = async {
        program.begin(clock.now());
        while sockets.settle(&mut program) {
            sockets.turn(&mut program).await;
        }
        // The ends that the client has sent last are on their way.
        while relayed && !record.is_quiet() && clock.now().nanos_since(record.last()) < LINGER {
            tokio::select! {
                () = sockets.turn(&mut program) => {}
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
            sockets.settle(&mut program);
        }
    };
    tokio::select! {
        () = playing => {}
        changed = changing => changed?,
        () = tokio::time::sleep(PATIENCE) => {
            return Err(io::Error::new(ErrorKind::TimedOut, "the client had not finished after a minute").into());
        }
    }
    Ok((record.finish(), diary))
}

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
            // A script acts at its times: where this program gets no processor for a tenth of a second, a call may end otherwise.
            let mut attempts = 0;
            loop {
                let (packets, real) = play(scenario).expect("loopback");
                assert!(packets.len() > 6, "{}", scenario.name);
                attempts += 1;
                if attempts == 3 || statuses(&real) == statuses(&simulated) {
                    break assert_eq!(statuses(&real), statuses(&simulated), "{}", scenario.name);
                }
            }
        }
    }
}
