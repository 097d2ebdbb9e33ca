//! How what runs is told from outside to stop, by a program or by Ctrl-C.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::watch;

use crate::endpoint::Stop;

/// Tells every [`Stopping`] that was made with it.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Option<Stop>>);

/// Hears of it. A clone hears of what was said before it was made, too.
#[derive(Debug)]
pub struct Stopping(watch::Receiver<Option<Stop>>);

/// The two ends.
#[must_use]
pub fn stopping() -> (Stopper, Stopping) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), Stopping(receiver))
}

impl Stopper {
    /// Stops. Who was told to stop at once is not told to take its time after that.
    pub fn stop(&self, how: Stop) {
        self.0.send_if_modified(|said| {
            let is_more = said.is_none_or(|said| said < how);
            if is_more {
                *said = Some(how);
            }
            is_more
        });
    }

    /// Says so at a signal, as [`by_signals`].
    ///
    /// # Errors
    ///
    /// When signals cannot be received.
    pub fn heed_signals(&self) -> io::Result<()> {
        let mut signals = Signals::new()?;
        let stopper = self.clone();
        tokio::spawn(async move {
            signals.first().await;
            stopper.stop(Stop::Gracefully);
        });
        Ok(())
    }
}

impl Stopping {
    /// Never says anything.
    #[must_use]
    pub fn never() -> Self {
        stopping().1
    }

    /// What was said last.
    #[must_use]
    pub fn said(&self) -> Option<Stop> {
        *self.0.borrow()
    }

    /// Waits until something is said that was not heard here yet. What has been said is lost to nobody who gives up waiting.
    pub async fn next(&mut self) -> Stop {
        while self.0.changed().await.is_ok() {
            if let Some(how) = *self.0.borrow_and_update() {
                return how;
            }
        }
        // Nobody is left who could say it.
        std::future::pending().await
    }
}

impl Clone for Stopping {
    fn clone(&self) -> Self {
        let mut receiver = self.0.clone();
        receiver.mark_changed();
        Self(receiver)
    }
}

/// Ctrl-C (and SIGTERM) stop gracefully; the second one ends the program at once, with exit code 130 (143).
///
/// To be called within [`block_on`](super::block_on).
///
/// # Errors
///
/// When signals cannot be received.
pub fn by_signals() -> io::Result<Stopping> {
    let (stopper, stopping) = stopping();
    stopper.heed_signals()?;
    Ok(stopping)
}

/// The order of the two lines counts: at the second signal the flag is already up.
fn shut_down_at_the_second(signal: i32, exit_code: i32, flag: &Arc<AtomicBool>) -> io::Result<()> {
    signal_hook::flag::register_conditional_shutdown(signal, exit_code, Arc::clone(flag))?;
    signal_hook::flag::register(signal, Arc::clone(flag))?;
    Ok(())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let flag = Arc::new(AtomicBool::new(false));
        shut_down_at_the_second(signal_hook::consts::SIGINT, 130, &flag)?;
        shut_down_at_the_second(signal_hook::consts::SIGTERM, 143, &flag)?;
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        shut_down_at_the_second(signal_hook::consts::SIGINT, 130, &Arc::new(AtomicBool::new(false)))?;
        Ok(Self)
    }

    async fn first(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
